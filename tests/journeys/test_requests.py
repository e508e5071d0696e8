"""A vendor asks for a product that is missing; staff add it, attach to one, or refuse."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.journeys.box import Box
from tests.journeys.scene import Shop, open_shop, quote

EAN, SAME = "4006381333931", "5901234123457"


def wanted(title: str, **more: Any) -> dict[str, Any]:
    price = {"minor": 1290, "currency": "USD"}
    return {"title": title, "sku": f"SKU {title}", "price": price, **more}


async def told(shop: Shop) -> set[str]:
    found = await shop.owner.ok("GET", "/notifications")
    return {one["title"] for one in found["items"]}


async def test_asked_added_attached_refused(box: Box) -> None:
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "shared"})
    shop = await open_shop(box, "Far Bazaar", price=1000, stock=5)
    other = await open_shop(box, "Near Bazaar", price=1000, stock=5)
    shelf = await staff.ok("POST", "/admin/categories", {"name": "Pens"})
    body = wanted(
        "Fine pen",
        barcode=f" {EAN} ",
        brand="Stylo",
        categoryId=shelf["id"],
        text="Writes.\n\n<b>Well</b>.",
        link="https://maker.example/pen",
    )
    asked = await shop.owner.ok("POST", "/product-requests", body)
    assert (asked["state"], asked["barcode"], asked["vendorId"]) == ("open", EAN, shop.id)
    twice = await shop.owner.post("/product-requests", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "request_exists")
    wrong: dict[str, dict[str, Any]] = {
        "barcode": {"barcode": "4006381333930"},
        "categoryId": {"categoryId": str(uuid4())},
        "price": {"price": {"minor": 5, "currency": "EUR"}},
        "link": {"link": "javascript:alert(1)"},
        "title": {"title": " "},
        "sku": {"sku": " "},
    }
    for path, change in wrong.items():
        refused = await shop.owner.post("/product-requests", {**wanted("Ink"), **change})
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["path"] == path
    assert (await other.owner.get(f"/product-requests/{asked['id']}")).status_code == 404
    assert (await other.owner.post(f"/product-requests/{asked['id']}/withdraw")).status_code == 404
    assert (await shop.owner.get("/admin/product-requests")).status_code == 403

    done = await _added_by_two_at_once(box, shop, asked)
    await _attached_to_what_is_there(box, other, done["productId"], shop.id)
    await _refused_and_withdrawn(box, shop, asked)


async def _added_by_two_at_once(box: Box, shop: Shop, asked: Any) -> Any:
    """Two of the staff at once: one product."""
    staff = await box.staff()
    listed = await staff.ok("GET", "/admin/product-requests")
    assert [one["id"] for one in listed["items"]] == [asked["id"]]
    path = f"/admin/product-requests/{asked['id']}"
    both = await asyncio.gather(
        *(staff.post(f"{path}/approve", {"mended": {"title": "Fine Pen"}}) for _ in range(2))
    )
    assert {one.status_code for one in both} <= {200, 409}
    done = await staff.ok("POST", f"{path}/approve", {})
    assert done["state"] == "approved"
    await box.settle()
    product = await box.guest().ok("GET", f"/products/{done['productId']}")
    assert (product["title"], product["brand"], product["vendorId"]) == (
        "Fine Pen",
        "Stylo",
        shop.id,
    )
    assert product["descriptionHtml"] == "<p>Writes.</p><p>&lt;b&gt;Well&lt;/b&gt;.</p>"
    offer = product["variants"][0]["offers"][0]["id"]
    await shop.owner.ok("PUT", f"/inventory/{offer}", {"onHand": 3})
    assert await quote(box.guest(), {offer: 1})
    assert (await staff.post(f"{path}/refuse", {"reason": "no"})).json()["code"] == (
        "request_decided"
    )
    assert "Fine pen is in the catalogue now" in await told(shop)
    return done


async def _attached_to_what_is_there(box: Box, other: Shop, product: str, owner: str) -> None:
    """Another vendor asks for the same thing: staff see it, and attach."""
    staff = await box.staff()
    again = await other.owner.ok("POST", "/product-requests", wanted("Pen, fine", barcode=EAN))
    path = f"/admin/product-requests/{again['id']}"
    seen = await staff.ok("GET", f"/product-requests/{again['id']}")
    assert [one["id"] for one in seen["twins"]] == [product]
    made = await staff.post(f"{path}/approve", {})
    assert (made.status_code, made.json()["code"]) == (409, "product_exists")
    assert (await other.owner.ok("GET", f"/product-requests/{again['id']}"))["state"] == "open"
    await staff.ok("POST", f"{path}/approve", {"productId": product})
    found = await staff.ok("GET", f"/products/{product}")
    assert {o["vendorId"] for v in found["variants"] for o in v["offers"]} == {owner, other.id}
    await box.settle()
    assert "Pen, fine was there: you sell it now" in await told(other)


async def _refused_and_withdrawn(box: Box, shop: Shop, asked: Any) -> None:
    """Refused, with the reason; asked for again afterwards; withdrawn."""
    staff = await box.staff()
    last = await shop.owner.ok("POST", "/product-requests", wanted("Nib", barcode=SAME))
    path = f"/admin/product-requests/{last['id']}"
    assert (await staff.post(f"{path}/refuse", {"reason": " "})).status_code == 422
    gone = await staff.ok("POST", f"{path}/refuse", {"reason": "Not sold here."})
    assert (gone["state"], gone["reason"]) == ("refused", "Not sold here.")
    assert (await staff.post(f"{path}/approve", {})).status_code == 409
    third = await shop.owner.ok("POST", "/product-requests", wanted("Nib", barcode=SAME))
    for _ in range(2):
        kept = await shop.owner.ok("POST", f"/product-requests/{third['id']}/withdraw")
        assert kept["state"] == "withdrawn"
    await box.settle()
    assert "Nib does not come into the catalogue" in await told(shop)
    pages = [await shop.owner.ok("GET", "/product-requests?limit=2")]
    pages.append(await shop.owner.ok("GET", f"/product-requests?limit=2&cursor={pages[0]['next']}"))
    ids = [one["id"] for one in (*pages[0]["items"], *pages[1]["items"])]
    assert ids == [third["id"], last["id"], asked["id"]]


async def test_what_stopped_halfway_is_pressed_again(box: Box) -> None:
    """The catalogue refuses what the request says; mended, the same product goes on sale."""
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "both"})
    shop = await open_shop(box, "Half Way", price=1000, stock=5)
    body = {**wanted("Clip"), "sku": "half-way-1"}  # its own product has that SKU
    asked = await shop.owner.ok("POST", "/product-requests", body)
    path = f"/admin/product-requests/{asked['id']}/approve"
    refused = await staff.post(path, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "sku_taken")
    change = {"variants": [{"sku": "half-way-2", "price": {"minor": 900, "currency": "USD"}}]}
    await shop.owner.ok("PATCH", f"/products/{shop.product['id']}", change)
    again = await staff.post(path, {})
    assert again.status_code in (200, 409), again.text
    # Made but not to be put on sale, because its category asks for more; attached instead.
    template = [{"key": "ink", "name": "Ink", "required": True}]
    shelf = await staff.ok("POST", "/admin/categories", {"name": "Inks", "template": template})
    body = {**wanted("Ink"), "categoryId": shelf["id"]}
    asked = await shop.owner.ok("POST", "/product-requests", body)
    path = f"/admin/product-requests/{asked['id']}/approve"
    refused = await staff.post(path, {})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "specs.ink")
    near = await open_shop(box, "Half Other", price=1000, stock=5)
    attached = await staff.ok("POST", path, {"productId": near.product["id"]})
    assert attached["productId"] == near.product["id"]
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "own"})
    closed = await shop.owner.post("/product-requests", wanted("Pin"))
    assert (closed.status_code, closed.json()["code"]) == (403, "requests_closed")
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "both"})
