"""Downloads and services: bought without an address for goods, done without a parcel, paid out."""

from typing import Any

from tests.journeys.box import ADDRESS, Box
from tests.journeys.scene import Shop, available, draft, open_shop, part_of, pay, quote

HOME = {**ADDRESS, "name": "Ada Pays", "country": "DE"}


async def taxed(box: Box, kind: str, *rates: tuple[str, int]) -> None:
    """A tax class of its own for what is of that kind, with its rates by country."""
    staff = await box.staff()
    await staff.ok("PUT", f"/admin/tax-classes/{kind}", {"name": kind.title()})
    for country, rate in rates:
        body = {"taxClass": kind, "country": country, "rateBp": rate}
        await staff.ok("PUT", "/admin/tax-rates", body)


async def listed(box: Box, shop: Shop, title: str, kind: str, minor: int) -> dict[str, Any]:
    """One more product of the shop's, on sale; its offer."""
    body = {**draft(title, title.lower(), minor), "kind": kind, "taxClass": kind}
    made = await shop.owner.ok("POST", "/products", body)
    assert made["kind"] == kind
    await shop.owner.ok("POST", f"/products/{made['id']}/submit")
    staff = await box.staff()
    await staff.ok("PATCH", f"/admin/products/{made['id']}/approve", {"decision": "approve"})
    await box.settle()
    offer: dict[str, Any] = made["variants"][0]["offers"][0]
    return offer


async def counted(shop: Shop, offer: str) -> dict[str, Any]:
    found: dict[str, Any] = (await shop.owner.ok("GET", f"/inventory/{offer}"))["items"][0]
    return found


async def test_a_download_is_bought_done_and_paid_out(box: Box) -> None:
    shop = await open_shop(box, "Paper Moon", price=1000, stock=5)
    await taxed(box, "digital", ("DE", 1900), ("GB", 2000))
    book = (await listed(box, shop, "E-book", "digital", 900))["id"]
    stock = await counted(shop, book)
    assert (stock["counted"], stock["onHand"], stock["isLow"]) == (False, 0, False)
    customer = await box.person("reads@example.com", "Ada Reads")

    # No address to ship to; tax where the buyer is.
    quoted = await quote(customer, {book: 40}, shipTo=None, billTo=HOME)
    [group] = quoted["groups"]
    assert (group["shipping"]["nothing"], group["totals"]["shipping"]["minor"]) == (True, 0)
    assert (group["lines"][0]["taxBp"], group["lines"][0]["kind"]) == (1900, "digital")
    assert quoted["shipTo"]["country"] == "DE"
    lacking = {"items": [{"offerId": shop.offer, "quantity": 1}], "billTo": HOME}
    refused = await customer.post("/checkout/summary", lacking)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "shipTo")
    refused = await customer.post("/checkout/summary", {"items": lacking["items"]})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "shipTo")

    placed = await pay(customer, quoted["id"], await box.token("4242424242424242"))
    assert placed.status_code == 201, placed.text
    await box.settle()
    stock = await counted(shop, book)
    assert (stock["onHand"], stock["reserved"]) == (0, 0)
    part = await part_of(shop, placed.json())
    path = f"/orders/{part['id']}"
    await shop.owner.ok("PUT", f"{path}/accept")
    refused = await shop.owner.send("PUT", f"{path}/ship", {"carrier": "Post"})
    assert (refused.status_code, refused.json()["allowed"]) == (409, ["deliver", "cancel"])
    done = await shop.owner.ok("PUT", f"{path}/deliver")
    assert (done["fulfilment"], done["shipments"]) == ("delivered", [])
    await box.settle()
    await box.runtime.run_timers()
    await box.settle()
    assert await available(shop) > 0
    # Cancelled, nothing comes back that never left.
    again = await quote(customer, {book: 2}, shipTo=None, billTo=HOME)
    placed = await pay(customer, again["id"], await box.token("4242424242424242"))
    await box.settle()
    order = placed.json()["orderId"]
    await customer.ok("POST", f"/orders/{order}/cancel", {"reason": "changed my mind"})
    await box.settle()
    assert (await counted(shop, book))["onHand"] == 0


async def test_goods_a_download_and_a_service_together(box: Box) -> None:
    shop = await open_shop(box, "Print Works", price=1000, stock=5)
    await taxed(box, "digital")
    await taxed(box, "service", ("FR", 1000))
    book = (await listed(box, shop, "Pattern", "digital", 900))["id"]
    work = (await listed(box, shop, "Fitting", "service", 5000))["id"]
    customer = await box.person("mixes@example.com", "Ada Mixes")
    # A vendor may count what is not goods, too.
    await shop.owner.ok("PUT", f"/inventory/{book}/counted", {"counted": True})
    wanted = {"items": [{"offerId": book, "quantity": 1}], "billTo": HOME}
    refused = await customer.post("/checkout/summary", wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    await shop.owner.ok("PUT", f"/inventory/{book}", {"onHand": 2})

    home = {**HOME, "country": "FR"}
    alone = await quote(customer, {shop.offer: 2})
    quoted = await quote(customer, {shop.offer: 2, book: 1, work: 1}, billTo=home)
    [group] = quoted["groups"]
    assert group["shipping"] == alone["groups"][0]["shipping"], "only the goods are shipped"
    rates = {line["kind"]: line["taxBp"] for line in group["lines"]}
    assert rates["service"] == 1000, "taxed where the bill goes"
    placed = await pay(customer, quoted["id"], await box.token("4242424242424242"))
    assert placed.status_code == 201, placed.text
    await box.settle()
    assert (await counted(shop, book))["onHand"] == 1
    assert (await counted(shop, work))["onHand"] == 0
    assert (await counted(shop, shop.offer))["onHand"] == 3
    part = await part_of(shop, placed.json())
    for step in ("accept", "ship", "deliver"):
        await shop.owner.ok("PUT", f"/orders/{part['id']}/{step}", {} if step == "ship" else None)
    await box.settle()

    only = await quote(customer, {work: 1}, shipTo=None, billTo=home)
    assert only["groups"][0]["shipping"]["name"] == "By arrangement"


async def test_what_a_product_is_can_change(box: Box) -> None:
    shop = await open_shop(box, "Word Shop", price=1000, stock=0)
    id = shop.product["id"]
    customer = await box.person("turns@example.com", "Ada Turns")
    wanted = {"items": [{"offerId": shop.offer, "quantity": 1}], "shipTo": ADDRESS}
    assert (await customer.post("/checkout/summary", wanted)).status_code == 409
    turned = await shop.owner.ok("PATCH", f"/products/{id}", {"kind": "digital"})
    assert turned["kind"] == "digital"
    await box.settle()
    quoted = await quote(customer, {shop.offer: 1})
    assert quoted["groups"][0]["shipping"]["nothing"]
    refused = await shop.owner.send("PATCH", f"/products/{id}", {"kind": "thing"})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "kind")
    # A form that says nothing of it leaves it.
    kept = await shop.owner.ok("PATCH", f"/products/{id}", {"title": "Words"})
    assert kept["kind"] == "digital"
