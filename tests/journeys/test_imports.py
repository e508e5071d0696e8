"""A vendor's files over REST: sent in parts, looked at, tried, run, corrected and sent again; and
goods that leave as a file come back unchanged."""

import asyncio
import csv
import io
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from haat.app.proving import prove_all
from haat.domains.goods.imports.api import Imports
from haat.domains.goods.imports.formats.writing import header_row
from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, buy, open_shop, send_file

DATA = os.environ.get("HAAT_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="HAAT_TEST_DATA is not set: no real exports")
ENDED = ("done", "failed", "stopped")


async def ended(owner: Client, id: str) -> dict[str, Any]:
    """The run once it has ended."""
    for _ in range(3000):
        run: dict[str, Any] = await owner.ok("GET", f"/imports/{id}")
        if run["state"] in ENDED:
            return run
        await asyncio.sleep(0.05)
    raise AssertionError(f"it does not end: {run}")


async def imported(owner: Client, content: bytes, **body: Any) -> dict[str, Any]:
    run = await send_file(owner, content)
    assert run["state"] == "ready", run
    await owner.ok("POST", f"/imports/{run['id']}/start", body)
    done = await ended(owner, run["id"])
    assert done["state"] == "done", done
    return done


def counts(run: dict[str, Any]) -> tuple[int, int, int, int]:
    found = run["counts"]
    return found["created"], found["updated"], found["unchanged"], found["refused"]


async def file_of(owner: Client, path: str) -> bytes:
    answer = await owner.get(path)
    assert answer.is_success, answer.text
    return answer.content


def table(*rows: dict[str, str]) -> bytes:
    names = header_row().decode("utf-8-sig").strip().split(",")
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@pytest.fixture(scope="module")
def named() -> str:
    return uuid4().hex[:6]


async def test_a_file_from_trying_to_correcting(box: Box, named: str) -> None:
    shop = await open_shop(box, f"File House {named}", price=100, stock=1)
    mug = {"handle": "mug", "title": "Mug", "sku": "MUG", "price": "12.99", "stock": "4"}
    cup = {"handle": "cup", "title": "Cup", "sku": "CUP", "price": "nine"}
    content = table(mug, cup)
    run = await send_file(shop.owner, content, part=40)
    assert (run["state"], run["format"]) == ("ready", "haat")
    seen = await shop.owner.ok("POST", f"/imports/{run['id']}/preview", {})
    assert [one["title"] for one in seen["products"]] == ["Mug"]
    assert [(one["line"], one["column"]) for one in seen["findings"]] == [(3, "price")]

    start = f"/imports/{run['id']}/start"
    await shop.owner.ok("POST", start, {"dryRun": True})
    tried = await ended(shop.owner, run["id"])
    assert (tried["state"], tried["dryRun"], counts(tried)) == ("done", True, (1, 0, 0, 1))
    assert len((await shop.owner.ok("GET", "/vendors/me/products"))["items"]) == 1

    await shop.owner.ok("POST", start, {})
    done = await ended(shop.owner, run["id"])
    assert (done["dryRun"], counts(done)) == (False, (1, 0, 0, 1))
    assert (await shop.owner.post(start, {})).status_code == 409
    [finding] = (await shop.owner.ok("GET", f"/imports/{run['id']}/findings"))["items"]
    assert (finding["line"], finding["column"], finding["key"]) == (3, "price", "cup")

    wrong = await file_of(shop.owner, f"/imports/{run['id']}/corrections.csv")
    rows = list(csv.DictReader(io.StringIO(wrong.decode())))
    assert [(row["handle"], row["price"]) for row in rows] == [("cup", "nine")]
    assert "not an amount" in rows[0]["Error"]
    again = await imported(shop.owner, wrong.replace(b"nine", b"9"))
    assert counts(again) == (1, 0, 0, 0)
    assert counts(await imported(shop.owner, content.replace(b"nine", b"9"))) == (0, 0, 2, 0)
    await box.settle()

    staff = await box.staff()
    pending = await staff.ok("GET", "/admin/products?status=pending")
    mugs = [one for one in pending["items"] if one["title"] == "Mug"]
    assert len(mugs) == 1
    await staff.ok("PATCH", f"/admin/products/{mugs[0]['id']}/approve", {"decision": "approve"})
    await box.settle()
    placed = await buy(box, await box.person("filer@example.com"), {mugs[0]["offerIds"][0]: 4})
    assert placed["status"]
    # What was sold stays sold when the same file is sent once more: its count is of another day,
    # but it is the vendor's word.
    assert await prove_all(box.runtime) == []


async def test_goods_that_leave_come_back_unchanged(box: Box, named: str) -> None:
    shop = await open_shop(box, f"Export House {named}", price=100, stock=1)
    rows = [
        {"handle": "tee", "title": '=SUM("Tee")', "description": "<p>Soft,\n fine</p>",
         "option1_name": "Size", "option2_name": "Colour", "option1_value": size,
         "option2_value": colour, "sku": f"T-{size}-{colour}", "price": "20.50",
         "compare_at": "25.00", "barcode": "4006381333931", "weight_g": "150", "stock": "3",
         "images": "https://a.example/1.png https://a.example/2.png", "image_alt": "A tee",
         "variant_image": f"https://a.example/{colour}.png", "status": "draft"}
        for size in "SM" for colour in ("red", "blue")
    ]  # fmt: skip
    assert counts(await imported(shop.owner, table(*rows))) == (1, 0, 0, 0)
    await box.settle()
    first = await file_of(shop.owner, "/exports/products.csv")
    assert counts(await imported(shop.owner, first)) == (0, 0, 2, 0)
    assert await file_of(shop.owner, "/exports/products.csv") == first
    book = await file_of(shop.owner, "/exports/products.xlsx")
    run = await send_file(shop.owner, book, "goods.xlsx")
    await shop.owner.ok("POST", f"/imports/{run['id']}/start", {})
    assert counts(await ended(shop.owner, run["id"])) == (0, 0, 2, 0)

    other = await open_shop(box, f"Twin House {named}", price=100, stock=1)
    assert counts(await imported(other.owner, first)) == (2, 0, 0, 0)
    await box.settle()
    taken = (await file_of(other.owner, "/exports/products.csv")).decode()
    assert "'=SUM" in taken


async def test_what_other_shops_do_not_ship_comes_in_as_that(box: Box, named: str) -> None:
    shop = await open_shop(box, f"Kinds House {named}", price=100, stock=1)
    woo = (
        "ID,Type,SKU,Name,Published,Regular price,Categories,Images\n"
        '1,"simple, downloadable, virtual",W1,Album,1,9,,\n'
        '2,"simple, virtual",W2,Lesson,1,30,,\n'
        "3,simple,W3,Poster,1,5,,\n"
    )
    shopify = (
        "Handle,Title,Type,Variant SKU,Variant Price,Variant Requires Shipping,Published\n"
        "book,E-book,Books,S1,4,false,true\nfit,Fitting,Service,S2,40,false,true\n"
    )
    assert counts(await imported(shop.owner, woo.encode())) == (3, 0, 0, 0)
    assert counts(await imported(shop.owner, shopify.encode())) == (2, 0, 0, 0)
    await box.settle()
    own = (await shop.owner.ok("GET", "/vendors/me/products"))["items"]
    read = [await shop.owner.ok("GET", f"/products/{one['id']}") for one in own]
    kinds = {one["title"]: one["kind"] for one in read if one["id"] != shop.product["id"]}
    assert kinds == {"Album": "digital", "Lesson": "service", "Poster": "physical",
                     "E-book": "digital", "Fitting": "service"}  # fmt: skip
    first = await file_of(shop.owner, "/exports/products.csv")
    for content in (first, woo.encode(), shopify.encode()):
        assert counts(await imported(shop.owner, content))[:2] == (0, 0)
    assert await file_of(shop.owner, "/exports/products.csv") == first


async def test_only_ones_own(box: Box, named: str) -> None:
    shop = await open_shop(box, f"Own House {named}", price=100, stock=1)
    other = await open_shop(box, f"Nosy House {named}", price=100, stock=1)
    run = await send_file(shop.owner, table({"title": "Mug", "price": "5", "handle": "m"}))
    id = run["id"]
    for method, path, body in (
        ("GET", f"/imports/{id}", None),
        ("GET", f"/imports/{id}/findings", None),
        ("GET", f"/imports/{id}/corrections.csv", None),
        ("POST", f"/imports/{id}/preview", {}),
        ("POST", f"/imports/{id}/start", {}),
        ("POST", f"/imports/{id}/stop", {}),
    ):
        assert (await other.owner.send(method, path, body)).status_code == 404, path
    headers = {"authorization": f"Bearer {other.owner.token}", "idempotency-key": uuid4().hex}
    where = f"{box.address}/api/v1/imports/{id}/parts/0?name=x"
    assert (await box.http.put(where, content=b"x", headers=headers)).status_code == 404
    assert (await other.owner.ok("GET", "/imports"))["items"] == []
    assert [one["id"] for one in (await shop.owner.ok("GET", "/imports"))["items"]] == [id]
    stopped = await shop.owner.ok("POST", f"/imports/{id}/stop", {})
    assert stopped["state"] == "stopped"
    assert (await shop.owner.post(f"/imports/{id}/start", {})).status_code == 409


async def test_what_is_no_table_and_what_is_missing(box: Box, named: str) -> None:
    shop = await open_shop(box, f"Odd House {named}", price=100, stock=1)
    run = await send_file(shop.owner, b"%PDF-1.7", "goods.pdf")
    assert run["state"] == "failed"
    assert "not a table" in run["failure"]
    run = await send_file(shop.owner, b"Name,Cost\nMug,5\n")
    start = f"/imports/{run['id']}/start"
    refused = await shop.owner.post(start, {})
    assert refused.status_code == 422
    assert refused.json()["code"] == "import_mapping"
    assert refused.json()["errors"][0]["path"] == "mapping.columns.price"
    mapping = {"format": "custom", "columns": {"title": ["Name"], "price": ["Cost"]}}
    await shop.owner.ok("POST", start, {"mapping": mapping, "saveAs": "Mine"})
    assert counts(await ended(shop.owner, run["id"])) == (1, 0, 0, 0)
    # The next file with these columns is read the same way.
    assert counts(await imported(shop.owner, b"Cost,Name\n6,Cup\n")) == (1, 0, 0, 0)
    [kept] = await shop.owner.ok("GET", "/import-mappings")
    assert kept["name"] == "Mine"
    await shop.owner.ok("DELETE", f"/import-mappings/{kept['id']}")
    assert await shop.owner.ok("GET", "/import-mappings") == []
    missing = uuid4()
    headers = {"authorization": f"Bearer {shop.owner.token}", "idempotency-key": uuid4().hex}
    answer = await box.http.put(
        f"{box.address}/api/v1/imports/{missing}/parts/1?name=x&last=true",
        content=b"x",
        headers=headers,
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "import_part_missing")


async def test_a_fault_of_ours_stops_one_file_and_no_other(
    box: Box, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await open_shop(box, f"Odd Files {named}", price=100, stock=1)
    running = box.runtime.services[Imports]._running
    whole = running._hand._writing.write
    bad = await send_file(shop.owner, table({"title": "Mug", "price": "5", "handle": "m"}))
    good = await send_file(shop.owner, table({"title": "Cup", "price": "5", "handle": "c"}))

    async def write(ctx: Any, batch: Any, products: Any) -> Any:
        if str(batch.run_id) == bad["id"]:
            raise ZeroDivisionError
        return await whole(ctx, batch, products)

    monkeypatch.setattr(running._hand._writing, "write", write)
    for run in (bad, good):
        await shop.owner.ok("POST", f"/imports/{run['id']}/start", {})
    failed = await ended(shop.owner, bad["id"])
    assert failed["state"] == "failed"
    assert "a fault of ours" in failed["failure"]
    assert counts(await ended(shop.owner, good["id"])) == (1, 0, 0, 0)


@needs_data
async def test_real_exports_of_other_shops_come_in(box: Box, named: str) -> None:
    assert DATA
    shop = await open_shop(box, f"Move House {named}", price=100, stock=1)
    files = {
        "woocommerce/sample_products.csv": (14, 1),
        "woocommerce/importer_test_sample.csv": (4, 1),
        "vendure/multiple-products-multiple-variants.csv": (4, 0),
    }
    for name, (products, refused) in files.items():
        content = (Path(DATA) / "catalogs" / name).read_bytes()
        run = await imported(shop.owner, content)
        assert (run["counts"]["created"], run["counts"]["refused"]) == (products, refused), name
        again = await imported(shop.owner, content)
        assert counts(again) == (0, 0, products, refused), name
    assert await on_list(shop) >= sum(products for products, _ in files.values())


async def on_list(shop: Shop) -> int:
    found, cursor = 0, ""
    while True:
        page = await shop.owner.ok("GET", f"/vendors/me/products?limit=100{cursor}")
        found += len(page["items"])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"
