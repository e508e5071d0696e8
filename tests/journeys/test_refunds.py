"""Money that goes back: rejected parts, partial refunds, refunds after a payout."""

from typing import Any

import pytest_asyncio

from haat.app.proving import prove_all
from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, available, buy, deliver, open_shop, part_of


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(box: Box) -> Shop:
    return await open_shop(box, "Refund House", price=1_000, stock=100)


async def refund(box: Box, part: Any, amount: int | None = None) -> Any:
    staff = await box.staff()
    body: dict[str, Any] = {"vendorOrderId": part["id"], "reason": "It came broken."}
    if amount is not None:
        body["amount"] = {"minor": amount, "currency": "USD"}
    answer = await staff.post("/payments/refund", body)
    await box.settle()
    return answer


async def test_a_rejected_part_is_refunded_and_restocked(box: Box, shop: Shop) -> None:
    before = (await shop.owner.ok("GET", f"/inventory/{shop.offer}"))["available"]
    customer = await box.person("reject@example.com")
    placed = await buy(box, customer, {shop.offer: 4})
    part = await part_of(shop, placed)
    no_reason = await shop.owner.put(f"/orders/{part['id']}/reject", {"reason": ""})
    assert no_reason.status_code == 422
    assert no_reason.json()["errors"][0]["path"] == "reason"
    await shop.owner.ok("PUT", f"/orders/{part['id']}/reject", {"reason": "Broken in the kiln."})
    await box.settle()
    order = await customer.ok("GET", f"/orders/{placed['orderNumber']}")
    assert (order["payment"], order["fulfilment"]) == ("refunded", "rejected")
    assert order["refunded"] == order["totals"]["total"]
    after = (await shop.owner.ok("GET", f"/inventory/{shop.offer}"))["available"]
    assert after == before
    late = await shop.owner.put(f"/orders/{part['id']}/accept")
    assert (late.status_code, late.json()["code"]) == (409, "order_state")


async def test_a_partial_refund_before_the_window_closes(box: Box, shop: Shop) -> None:
    balance = await available(shop)
    placed = await buy(box, await box.person("partial@example.com"), {shop.offer: 1})
    part = await part_of(shop, placed)
    total = part["total"]["minor"]
    assert (await refund(box, part, 100)).status_code == 201
    too_much = await refund(box, part, total)
    assert (too_much.status_code, too_much.json()["code"]) == (409, "not_refundable")
    await deliver(box, shop, part)
    # The vendor bears the refund less the commission on it: 3 % of the goods in it.
    gained = await available(shop) - balance
    assert gained < total - 100
    assert gained >= total - 100 - 30
    assert (await refund(box, part)).status_code == 201
    assert await available(shop) == balance
    assert (await refund(box, part)).status_code == 409


async def test_a_refund_after_the_payout_makes_the_balance_negative(box: Box, shop: Shop) -> None:
    placed = await buy(box, await box.person("late@example.com"), {shop.offer: 2})
    part = await part_of(shop, placed)
    await deliver(box, shop, part)
    await shop.owner.ok("PUT", f"/vendors/{shop.id}/bank", {"holder": "R", "account": "12345678"})
    payout = await shop.owner.ok("POST", "/payments/payout", {})
    staff = await box.staff()
    paid = await staff.ok("POST", f"/admin/payouts/{payout['id']}/approve")
    assert paid["status"] == "paid"
    net = part["net"]["minor"]
    assert (await refund(box, part)).status_code == 201
    assert await available(shop) == -net
    again = await buy(box, await box.person("late@example.com"), {shop.offer: 3})
    later = await part_of(shop, again)
    await deliver(box, shop, later)
    assert await available(shop) == later["net"]["minor"] - net
    assert await prove_all(box.runtime) == []


async def test_a_payout_to_a_closed_account_gives_the_money_back(box: Box, shop: Shop) -> None:
    before = await available(shop)
    assert before > 0
    await shop.owner.ok(
        "PUT", f"/vendors/{shop.id}/bank", {"holder": "R", "account": "000111111113"}
    )
    payout = await shop.owner.ok("POST", "/payments/payout", {})
    staff = await box.staff()
    decided = await staff.ok("POST", f"/admin/payouts/{payout['id']}/approve")
    assert decided["status"] == "failed"
    assert await available(shop) == before
    assert await prove_all(box.runtime) == []


async def test_customers_and_other_vendors_see_nothing_of_it(box: Box, shop: Shop) -> None:
    placed = await buy(box, await box.person("private@example.com"), {shop.offer: 1})
    part = await part_of(shop, placed)
    other = await open_shop(box, "Nosy Neighbour", price=100, stock=1)
    stranger: Client = await box.person("stranger@example.com")
    for client in (stranger, other.owner):
        for path in (f"/orders/{placed['orderId']}", f"/orders/{part['id']}"):
            assert (await client.get(path)).status_code == 404
    for path in (f"/orders/{part['id']}/accept", f"/orders/{part['id']}/ship"):
        assert (await other.owner.put(path, {})).status_code == 404
    assert (await stranger.put(f"/orders/{part['id']}/accept")).status_code in (403, 404)
    assert (await other.owner.put(f"/inventory/{shop.offer}", {"onHand": 1})).status_code == 404
    earnings = await other.owner.get(f"/vendors/{shop.id}/earnings")
    assert earnings.status_code == 404
    assert (await shop.owner.get("/admin/orders")).status_code == 403
    assert (await box.guest().get("/admin/orders")).status_code == 401
    refused = await shop.owner.post(
        "/payments/refund", {"vendorOrderId": part["id"], "reason": "Mine."}
    )
    assert refused.status_code == 403
