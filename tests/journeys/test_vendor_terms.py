"""New terms that a vendor does not accept in time: its listings are held back, its orders finish;
and what an order says of its handling time."""

from datetime import datetime, timedelta
from typing import Any

from haat.app.proving import prove_all
from tests.journeys.box import ADDRESS, Box, Client
from tests.journeys.scene import Shop, buy, deliver, draft, open_shop, part_of


async def _turn(box: Box) -> None:
    await box.settle()
    await box.runtime.run_timers()
    await box.settle()


async def _shown(box: Box, shop: Shop) -> bool:
    return (await box.guest().get(f"/products/{shop.product['slug']}")).is_success


async def _refused(client: Client, shop: Shop) -> Any:
    body = {"shipTo": ADDRESS, "items": [{"offerId": shop.offer, "quantity": 1}]}
    answer = await client.post("/checkout/summary", body)
    assert answer.status_code in (409, 422), answer.text
    return answer.json()["code"]


async def test_listings_are_held_back_until_the_terms_are_accepted(box: Box) -> None:
    clay = await open_shop(box, "Clay Held", price=2_000, stock=10)
    loom = await open_shop(box, "Loom Free", price=2_000, stock=10)
    ada, chief = await box.person("ada@held.example.com"), await box.staff()
    placed = await buy(box, ada, {clay.offer: 1})
    first = await chief.ok(
        "POST", "/admin/vendor-terms", {"title": "Terms", "text": "Be kind.", "graceDays": 0}
    )
    await loom.owner.ok("POST", f"/vendors/{loom.id}/terms", {"version": first["version"]})
    missing = (await chief.ok("GET", "/admin/vendor-terms/missing"))["items"]
    assert clay.id in {one["vendorId"] for one in missing if one["held"]}
    assert loom.id not in {one["vendorId"] for one in missing}
    await _turn(box)

    assert await _shown(box, loom)
    assert not await _shown(box, clay)
    assert await _refused(ada, clay)
    assert (await clay.owner.ok("GET", f"/vendors/{clay.id}"))["listingsHeld"]
    # What is made now cannot be put up either.
    mug = await clay.owner.ok("POST", "/products", draft("Held mug", "HELD-1", 500))
    refused = await clay.owner.post(f"/products/{mug['id']}/submit")
    assert (refused.status_code, refused.json()["code"]) == (409, "vendor_not_active")
    # What was bought before goes on.
    await deliver(box, clay, await part_of(clay, placed))

    await clay.owner.ok("POST", f"/vendors/{clay.id}/terms", {"version": first["version"]})
    await _turn(box)
    assert await _shown(box, clay)
    assert not (await clay.owner.ok("GET", f"/vendors/{clay.id}"))["listingsHeld"]
    await clay.owner.ok("POST", f"/products/{mug['id']}/submit")
    assert await buy(box, ada, {clay.offer: 1})
    told = [one["title"] for one in (await clay.owner.ok("GET", "/notifications"))["items"]]
    assert told.count("Your listings are held back") == 1
    assert told.count("Your listings are shown again") == 1
    assert await prove_all(box.runtime) == []


async def test_an_order_keeps_what_was_promised(box: Box) -> None:
    shop = await open_shop(box, "Swift House", price=1_000, stock=10)
    bob = await box.person("bob@held.example.com")
    await shop.owner.ok("PUT", f"/vendors/{shop.id}/preferences", {"handlingHours": 5})
    assert (await box.guest().ok("GET", f"/vendors/{shop.id}"))["handlingHours"] == 5
    placed = await buy(box, bob, {shop.offer: 1})
    await shop.owner.ok("PUT", f"/vendors/{shop.id}/preferences", {"handlingHours": None})
    [part] = (await bob.ok("GET", f"/orders/{placed['orderId']}"))["vendorOrders"]
    begun, due = (datetime.fromisoformat(part[name]) for name in ("placedAt", "shipBy"))
    assert timedelta(hours=5) <= due - begun < timedelta(hours=5, minutes=2)
    assert part["handlingHours"] == 5
    await deliver(box, shop, part)
    await box.settle()
    own = await shop.owner.ok("GET", f"/vendors/{shop.id}/performance")
    assert [one["orders"] for one in own["windows"]] == [1, 1]
    assert {figure["orders"] for figure in own["windows"][0]["figures"]} == {0}
    assert await prove_all(box.runtime) == []
