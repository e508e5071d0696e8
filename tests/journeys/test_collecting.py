"""A customer collects goods at a vendor's shop, which is one of two warehouses."""

from tests.journeys.box import Box
from tests.journeys.scene import buy, open_shop, pay, quote

SITE = {"line1": "1 Main St", "city": "London", "country": "GB"}


async def test_collecting_at_a_shop(box: Box) -> None:
    shop = await open_shop(box, "Corner Store", price=1000, stock=5)
    owner = shop.owner
    body = {"name": "Shop", "priority": 500, "pickup": True, "address": SITE, "pickupNote": "9-17"}
    corner = await owner.ok("POST", "/warehouses", body)
    [first, _] = await owner.ok("GET", "/warehouses")
    move = {"quantity": 2, "fromId": first["id"], "toId": corner["id"]}
    await owner.ok("POST", f"/inventory/{shop.offer}/transfers", move)
    customer = await box.person("collects@example.com", "Ada Collects")

    async def lies() -> list[int]:
        found = await owner.ok("GET", f"/inventory/{shop.offer}")
        return [one["onHand"] for one in found["items"][0]["kept"]]

    three = await quote(customer, {shop.offer: 3})
    assert [o["pickup"] for o in three["groups"][0]["shippingOptions"]] == [False]
    two = await quote(customer, {shop.offer: 2})
    ways = two["groups"][0]["shippingOptions"]
    assert [(o["name"], o["pickup"]) for o in ways] == [
        ("Standard", False),
        ("Collect at Shop", True),
    ]
    assert two["groups"][0]["shipping"]["pickup"] is False, "sending is what happens by itself"
    chosen = {shop.id: corner["id"]}
    quoted = await quote(customer, {shop.offer: 2}, shipping=chosen)
    assert quoted["totals"]["shipping"]["minor"] == 0
    placed = await pay(customer, quoted["id"], await box.token("4242424242424242"))
    assert placed.status_code == 201, placed.text
    await box.settle()
    assert await lies() == [3, 0]

    order = await customer.ok("GET", f"/orders/{placed.json()['orderNumber']}")
    [part] = order["vendorOrders"]
    assert (part["pickupId"], part["shippingMethod"]) == (corner["id"], "Collect at Shop")
    path = f"/orders/{part['id']}"
    await owner.ok("PUT", f"{path}/accept")
    await owner.ok("PUT", f"{path}/ready")
    refused = await owner.send("PUT", f"{path}/ship", {"carrier": "Post"})
    assert refused.status_code == 409
    assert "deliver" in refused.json()["allowed"]
    handed = await owner.ok("PUT", f"{path}/deliver")
    assert (handed["fulfilment"], handed["shipments"]) == ("delivered", [])
    assert (await owner.ok("PUT", f"{path}/deliver"))["fulfilment"] == "delivered"

    # Another is sent, from the first one; cancelled, it lies there again.
    sent = await buy(box, customer, {shop.offer: 1})
    await box.settle()
    assert await lies() == [2, 0]
    other = await customer.ok("GET", f"/orders/{sent['orderNumber']}")
    await customer.ok("POST", f"/orders/{other['id']}/cancel", {"reason": "changed my mind"})
    await box.settle()
    assert await lies() == [3, 0]
