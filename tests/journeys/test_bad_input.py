"""Whatever comes in: a clear problem document with a code and a path, and nothing changed."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tests.journeys.box import ADDRESS, Box
from tests.journeys.scene import Shop, draft, open_shop, quote

DATA = os.environ.get("HAAT_TEST_DATA")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(box: Box) -> Shop:
    return await open_shop(box, "Careful House", price=1_000, stock=10)


def problem(answer: httpx.Response, status: int, code: str, path: str | None = None) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    document = answer.json()
    assert document["code"] == code
    assert document["requestId"]
    if path is not None:
        assert path in [error["path"] for error in document["errors"]], document
    return document


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"titel": "typo"}, "titel"),
        ({"variants": []}, "variants"),
        (
            {"variants": [{"sku": "x", "price": {"minor": -1.5, "currency": "USD"}}]},
            "variants.0.price.minor",
        ),
        (
            {"variants": [{"sku": "x", "price": {"minor": 1, "currency": "usd"}}]},
            "variants.0.price.currency",
        ),
        ({"variants": [{"sku": "", "price": {"minor": 1, "currency": "USD"}}]}, "variants.0.sku"),
    ],
)
async def test_malformed_products(box: Box, shop: Shop, change: Any, path: str) -> None:
    body = {**draft("A thing", uuid4().hex, 100), **change}
    problem(await shop.owner.post("/products", body), 422, "invalid", path)


async def test_what_is_no_json(box: Box, shop: Shop) -> None:
    url = f"{box.address}/api/v1/checkout/summary"
    headers = {"content-type": "application/json"}
    for content in (b"{", b"\xff\xfe", b'{"a": }', b"[" * 100_000):
        answer = await box.http.post(url, content=content, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["code"] in ("json_malformed", "json_too_deep", "invalid")
    answer = await box.http.post(url, content=b" " * (2 << 20), headers=headers)
    problem(answer, 413, "too_large")


async def test_foreign_ids_cursors_and_tokens(box: Box, shop: Shop) -> None:
    guest = box.guest()
    problem(await guest.get("/products/no-such-thing"), 404, "not_found")
    problem(await guest.get("/products?cursor=%00junk"), 422, "cursor_invalid", "cursor")
    problem(await guest.get("/products?limit=101"), 422, "invalid", "limit")
    problem(await guest.get("/products?sort=random"), 422, "invalid", "sort")
    problem(await guest.get(f"/checkout/{uuid4()}"), 404, "not_found")
    problem(await guest.get("/nowhere"), 404, "not_found")
    problem(await guest.delete("/market"), 405, "method_not_allowed")
    guest.token = "not.a.token"
    problem(await guest.get("/me"), 401, "token_invalid")
    guest.token = None
    problem(await guest.get("/me"), 401, "unauthenticated")
    assert (await guest.get("/orders/link/forged.0.sig")).status_code in (404, 410, 422)


async def test_money_and_quantities(box: Box, shop: Shop) -> None:
    guest = box.guest()
    for quantity in (0, -1, 1_000_000, 1.5, "two"):
        body = {
            "items": [{"offerId": shop.offer, "quantity": quantity}],
            "email": "g@example.com",
            "shipTo": ADDRESS,
        }
        answer = await guest.post("/checkout/summary", body)
        problem(answer, 422, "invalid", "items.0.quantity")
    answer = await guest.post(
        "/checkout/summary",
        {
            "items": [{"offerId": shop.offer, "quantity": 11}],
            "email": "g@example.com",
            "shipTo": ADDRESS,
        },
    )
    problem(answer, 409, "out_of_stock")
    no_country = {**ADDRESS, "country": "Britain"}
    answer = await guest.post(
        "/checkout/summary",
        {
            "items": [{"offerId": shop.offer, "quantity": 1}],
            "email": "g@example.com",
            "shipTo": no_country,
        },
    )
    problem(answer, 422, "invalid", "shipTo.country")


async def test_state_changes_out_of_turn(box: Box, shop: Shop) -> None:
    created = await shop.owner.ok("POST", "/products", draft("Early", uuid4().hex, 100))
    staff = await box.staff()
    answer = await staff.patch(f"/admin/products/{created['id']}/approve", {"decision": "approve"})
    problem(answer, 409, "product_state")
    problem(
        await staff.patch(f"/admin/vendors/{shop.id}/status", {"decision": "approve", "x": 1}),
        422,
        "invalid",
        "x",
    )
    answer = await staff.patch(f"/admin/vendors/{shop.id}/status", {"decision": "suspend"})
    assert answer.status_code == 422, answer.text


async def test_a_quote_belongs_to_its_person(box: Box, shop: Shop) -> None:
    owner, other = await box.person("q1@example.com"), await box.person("q2@example.com")
    quoted = await quote(owner, {shop.offer: 1})
    assert (await other.get(f"/checkout/{quoted['id']}")).status_code == 404
    body = {"quoteId": quoted["id"], "payment": {"provider": "test", "token": "tok"}}
    assert (await other.post("/orders", body)).status_code == 404


async def test_broken_and_oversized_pictures(box: Box, shop: Shop) -> None:
    url = f"{box.address}/api/v1/media"
    headers = {"authorization": f"Bearer {shop.owner.token}"}
    for content, status, code in (
        (b"GIF89a but not really", 422, "not_a_picture"),
        (b"<svg onload=alert(1)>", 422, "not_a_picture"),
        (b"", 422, "not_a_picture"),
    ):
        files = {"file": ("picture.png", content, "image/png")}
        problem(await box.http.post(url, files=files, headers=headers), status, code)
    files = {"file": ("big.png", b"\x89PNG" + b"0" * (12 << 20), "image/png")}
    answer = await box.http.post(url, files=files, headers=headers)
    assert answer.status_code == 413, answer.text


def naughty() -> list[str]:
    """Strings that have broken software before."""
    own = [
        "\x00",
        "a\x00b",
        "\ud83d",
        "'; DROP TABLE orders;--",
        "<script>alert(1)</script>",
        "${7*7}",
        "{{7*7}}",
        "\u202e\u0007",
        "𝕳𝖆𝖆𝖙",
        "হাট",
        "%s%n",
        "../../etc/passwd",
        "1e309",
    ]
    if not DATA:
        return own
    listed = json.loads((Path(DATA) / "hostile" / "blns.json").read_text("utf-8"))
    return own + [text for text in listed if text][::5]


async def test_naughty_strings_never_break_anything(box: Box, shop: Shop) -> None:
    guest = box.guest()
    for text in naughty():
        raw = json.dumps({**draft("T", uuid4().hex, 100), "title": text}).encode()
        headers = {
            "authorization": f"Bearer {shop.owner.token}",
            "content-type": "application/json",
        }
        made = await box.http.post(f"{box.address}/api/v1/products", content=raw, headers=headers)
        assert made.status_code in (201, 400, 422), (text, made.text)
        found = await box.http.get(
            f"{box.address}/api/v1/search", params={"q": text[:200].encode("utf-8", "replace")}
        )
        assert found.status_code in (200, 422), (text, found.text)
        page = await box.http.get(
            f"{box.address}/search",
            params={"q": text[:200].encode("utf-8", "replace")},
            headers={"accept": "text/html"},
        )
        assert page.status_code in (200, 422), (text, page.text[:500])
        assert "<script>alert" not in page.text
    assert (await guest.get("/products")).status_code == 200
