"""From an application to a paid vendor, by REST alone: two vendors in one checkout."""

from typing import Any
from uuid import UUID

from haat.app.proving import prove_all
from tests.journeys.box import ADDRESS, Box, Client
from tests.journeys.scene import Shop, open_shop


async def test_two_vendors_one_checkout_both_paid(box: Box) -> None:
    clay = await open_shop(box, "Clay House", price=2_000, stock=10)
    loom = await open_shop(box, "Loom Works", price=3_500, stock=5)
    guest = box.guest()
    await fill_cart(guest, clay, loom)
    customer = await box.person("amina@example.com", "Amina")
    merged = await customer.ok("POST", "/cart/merge", {"cartId": guest.cart_id})
    assert {item["offerId"] for item in merged["items"]} == {clay.offer, loom.offer}

    quoted = await customer.ok("POST", "/checkout/summary", {"shipTo": ADDRESS})
    goods = 2 * 2_000 + 3_500
    assert quoted["totals"]["goods"]["minor"] == goods
    assert len(quoted["groups"]) == 2
    shipping = sum(group["shipping"]["price"]["minor"] for group in quoted["groups"])
    assert quoted["totals"]["total"]["minor"] == goods + shipping

    order = await pay_with_three_d_secure(box, customer, quoted)
    assert order["payment"] == "paid"
    for shop in (clay, loom):
        await send_and_deliver(box, shop, order)
    await box.runtime.run_timers()  # return windows of no length close
    await box.settle()

    seen = await customer.ok("GET", f"/orders/{order['number']}")
    assert {part["fulfilment"] for part in seen["vendorOrders"]} == {"delivered"}
    assert all(part["shipments"][0]["trackingNumber"] for part in seen["vendorOrders"])
    for shop, sold in ((clay, 4_000), (loom, 3_500)):
        part = next(p for p in seen["vendorOrders"] if p["vendorId"] == shop.id)
        paid_shipping = part["totals"]["shipping"]["minor"]
        commission = sold * 3 // 100
        balance = await shop.owner.ok("GET", "/payments/balance")
        assert balance["available"]["minor"] == sold + paid_shipping - commission
    await pay_out(box, clay)
    assert await prove_all(box.runtime) == []


async def fill_cart(guest: Client, clay: Shop, loom: Shop) -> None:
    state = await guest.ok("POST", "/cart/items", {"offerId": clay.offer, "quantity": 1})
    guest.cart_id = state["id"]
    await guest.ok("PATCH", f"/cart/items/{clay.offer}", {"quantity": 2})
    state = await guest.ok("POST", "/cart/items", {"offerId": loom.offer})
    assert [item["quantity"] for item in state["items"]] == [2, 1]


async def pay_with_three_d_secure(box: Box, customer: Client, quoted: Any) -> Any:
    token = await box.token("4000002500003155")
    answer = await customer.post(
        "/orders", {"quoteId": quoted["id"], "payment": {"provider": "test", "token": token}}
    )
    assert answer.status_code == 202, answer.text
    placement = answer.json()
    assert placement["status"] == "needs_action"
    assert placement["nextActionUrl"].startswith(box.cards)
    before = await customer.get("/me/orders")
    assert before.json()["items"] == []
    intent = placement["nextActionUrl"].split("?")[0].rstrip("/").split("/")[-1]
    step = await box.http.post(f"{box.cards}/3ds/{intent}", json={"outcome": "approve"})
    assert step.status_code in (200, 303), step.text
    placement = await customer.ok("GET", f"/checkout/{quoted['id']}/status")
    assert placement["status"] == "placed"
    await box.settle()
    return await customer.ok("GET", f"/orders/{placement['orderNumber']}")


async def send_and_deliver(box: Box, shop: Shop, order: Any) -> None:
    listed = await shop.owner.ok("GET", "/orders")
    part = next(item for item in listed["items"] if item["orderId"] == order["id"])
    await shop.owner.ok("PUT", f"/orders/{part['id']}/accept")
    await shop.owner.ok("PUT", f"/orders/{part['id']}/ready")
    sent = await shop.owner.ok("PUT", f"/orders/{part['id']}/ship", {"carrier": "Post"})
    assert sent["fulfilment"] == "in_transit"
    tracking = sent["shipments"][0]["trackingNumber"]
    tracked = await box.guest().ok("GET", f"/shipping/track/{tracking}")
    assert tracked["status"] == "in_transit"
    await shop.owner.ok("PUT", f"/orders/{part['id']}/deliver")
    await box.settle()


async def pay_out(box: Box, shop: Shop) -> None:
    staff = await box.staff()
    refused = await shop.owner.post("/payments/payout", {})
    assert refused.status_code == 409
    assert refused.json()["code"] == "payout_destination_missing"
    await shop.owner.ok(
        "PUT", f"/vendors/{shop.id}/bank", {"holder": "Clay House Ltd", "account": "GB00TEST0001"}
    )
    balance = await shop.owner.ok("GET", "/payments/balance")
    payout = await shop.owner.ok("POST", "/payments/payout", {})
    assert payout["amount"] == balance["available"]
    assert UUID(payout["id"])
    done = await staff.ok("POST", f"/admin/payouts/{payout['id']}/approve")
    assert done["status"] in ("paid", "processing")
    after = await shop.owner.ok("GET", "/payments/balance")
    assert after["available"]["minor"] == 0
    again = await shop.owner.post("/payments/payout", {})
    assert again.status_code == 409
    assert again.json()["code"] == "balance_too_low"
