"""Credits beside a card, a bank transfer, cash on delivery: from cart to what the vendor gets."""

from typing import Any

import pytest_asyncio

from haat.app.proving import prove_all
from tests.journeys.box import ADDRESS, Box
from tests.journeys.scene import Shop, available, deliver, open_shop, part_of, pay, quote
from tests.journeys.test_kinds import listed, taxed

SETTINGS = {
    "HAAT_CASH_ON_DELIVERY": "true",
    "HAAT_BANK_IBAN": "DE02120300000000202051",
    "HAAT_BANK_HOLDER": "Test Market",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shops(box: Box) -> list[Shop]:
    return [await open_shop(box, name, price=1_000, stock=50) for name in ("Way One", "Way Two")]


async def place(box: Box, client: Any, shops: list[Shop], **payment: Any) -> Any:
    made = await quote(client, {shop.offer: 2 for shop in shops})
    answer = await client.post("/orders", {"quoteId": made["id"], "payment": payment})
    await box.settle()
    return answer


async def test_credits_and_card(box: Box, shops: list[Shop]) -> None:
    staff = await box.staff()
    buyer = await box.person("split@example.com")
    me = await buyer.ok("GET", "/me")
    await staff.ok("POST", "/admin/credit-rates", {"currency": "USD", "micro": 1_000_000})
    await staff.ok(
        "POST", f"/admin/wallets/{me['id']}/grant", {"creditsMinor": 1_000, "reason": "Sorry."}
    )
    token = await box.token("4242424242424242")
    credits = {"minor": 700, "currency": "USD"}
    answer = await place(box, buyer, shops, provider="test", token=token, credits=credits)
    assert answer.status_code == 201, answer.text
    placed = answer.json()
    assert (await buyer.ok("GET", "/wallet"))["available"]["minor"] == 300
    order = await staff.ok("GET", f"/orders/{placed['orderNumber']}")
    assert order["payment"] == "paid"
    one = order["vendorOrders"][0]
    items = [{"lineId": one["lines"][0]["id"], "quantity": 1}]
    body = {"vendorOrderId": one["id"], "items": items, "reason": "One was broken."}
    done = await staff.ok("POST", "/payments/refund", body)
    assert done["status"] == "done"
    assert {leg["provider"] for leg in done["repaid"]} == {"test", None}
    back = next(leg["amount"]["minor"] for leg in done["repaid"] if leg["provider"] is None)
    assert (await buyer.ok("GET", "/wallet"))["available"]["minor"] == 300 + back
    for part in order["vendorOrders"]:
        rest = {"vendorOrderId": part["id"], "reason": "And the others."}
        assert (await staff.ok("POST", "/payments/refund", rest))["status"] == "done"
    assert (await buyer.ok("GET", "/wallet"))["available"]["minor"] == 1_000
    assert await prove_all(box.runtime) == []


async def test_cash_on_delivery(box: Box, shops: list[Shop]) -> None:
    buyer = await box.person("cash@example.com")
    before = [await available(shop) for shop in shops]
    answer = await place(box, buyer, shops, provider="cod")
    assert answer.status_code == 201, answer.text
    placed = answer.json()
    order = await buyer.ok("GET", f"/orders/{placed['orderNumber']}")
    assert order["payment"] == "on_delivery"
    parts = [await part_of(shop, placed) for shop in shops]
    await deliver(box, shops[0], parts[0])
    # The vendor has all of the money: what it owes of it lowers the balance.
    owed = parts[0]["total"]["minor"] - parts[0]["net"]["minor"]
    assert await available(shops[0]) == before[0] - owed
    await shops[1].owner.ok("PUT", f"/orders/{parts[1]['id']}/accept")
    await shops[1].owner.ok("PUT", f"/orders/{parts[1]['id']}/ship", {})
    gone = {"reason": "Nobody was there."}
    await shops[1].owner.ok("POST", f"/orders/{parts[1]['id']}/cancel", gone)
    await box.settle()
    order = await buyer.ok("GET", f"/orders/{placed['orderNumber']}")
    assert [part["payment"] for part in order["vendorOrders"]] == ["paid", "voided"]
    assert order["payment"] == "paid"
    assert await available(shops[1]) == before[1]
    assert await prove_all(box.runtime) == []


async def test_cash_needs_somebody_who_takes_it(box: Box, shops: list[Shop]) -> None:
    """A download is handed over by nobody; a service, or goods beside it, are."""
    buyer = await box.person("no-cash@example.com")
    await taxed(box, "digital")
    await taxed(box, "service")
    book = (await listed(box, shops[0], "Manual", "digital", 900))["id"]
    work = (await listed(box, shops[0], "Repair", "service", 900))["id"]
    home = {**ADDRESS, "name": "Ada Pays"}
    alone = await quote(buyer, {shops[1].offer: 1, book: 1}, billTo=home)
    assert alone["cashOnDelivery"] is False
    refused = await buyer.post("/orders", {"quoteId": alone["id"], "payment": {"provider": "cod"}})
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_handed_over")
    assert refused.json()["vendors"] == [shops[0].id]
    both = [{"offerId": book, "quantity": 1}]
    at_once = {"items": both, "billTo": home, "payment": {"provider": "cod"}}
    refused = await buyer.post("/orders", at_once)
    assert refused.json()["code"] == "nothing_handed_over"
    intent = {"quoteId": alone["id"], "provider": "cod"}
    refused = await buyer.post("/payments/intent", intent)
    assert refused.json()["code"] == "nothing_handed_over"
    # The quote was left as it was.
    paid = await pay(buyer, alone["id"], await box.token("4242424242424242"))
    assert paid.status_code == 201, paid.text
    met = await quote(buyer, {shops[0].offer: 1, book: 1, work: 1}, billTo=home)
    assert met["cashOnDelivery"] is True
    placed = await buyer.post("/orders", {"quoteId": met["id"], "payment": {"provider": "cod"}})
    assert placed.status_code == 201, placed.text
    await box.settle()
    assert await prove_all(box.runtime) == []


async def test_a_bank_transfer(box: Box, shops: list[Shop]) -> None:
    staff = await box.staff()
    buyer = await box.person("bank@example.com")
    placed = (await place(box, buyer, shops[:1], provider="bank")).json()
    assert placed["status"] == "placed"
    told = placed["instructions"]
    part = await part_of(shops[0], placed)
    early = await shops[0].owner.put(f"/orders/{part['id']}/accept")
    assert (early.status_code, early.json()["code"]) == (409, "order_state")
    payments = await staff.ok("GET", "/admin/payments?status=awaiting")
    [payment] = [one for one in payments["items"] if one["reference"] == placed["orderId"]]
    assert payment["amount"] == told["amount"]
    await staff.ok("POST", f"/admin/payments/{payment['id']}/confirm", {"note": "On the account."})
    await box.settle()
    order = await buyer.ok("GET", f"/orders/{placed['orderNumber']}")
    assert order["payment"] == "paid"
    before = await available(shops[0])
    await deliver(box, shops[0], part)
    assert await available(shops[0]) == before + part["net"]["minor"]
    cancelled = (await place(box, buyer, shops[:1], provider="bank")).json()
    reason = {"reason": "Found it elsewhere."}
    await buyer.ok("POST", f"/orders/{cancelled['orderId']}/cancel", reason)
    await box.settle()
    order = await buyer.ok("GET", f"/orders/{cancelled['orderNumber']}")
    assert (order["payment"], order["fulfilment"]) == ("voided", "cancelled")
    assert await prove_all(box.runtime) == []


async def test_a_refund_of_a_bank_transfer_waits_for_staff(box: Box, shops: list[Shop]) -> None:
    staff = await box.staff()
    buyer = await box.person("bank-back@example.com")
    placed = (await place(box, buyer, shops[:1], provider="bank")).json()
    payments = await staff.ok("GET", "/admin/payments?status=awaiting")
    [payment] = [one for one in payments["items"] if one["reference"] == placed["orderId"]]
    await staff.ok("POST", f"/admin/payments/{payment['id']}/confirm", {"note": "It is here."})
    await box.settle()
    part = await part_of(shops[0], placed)
    body = {"vendorOrderId": part["id"], "reason": "The wrong size."}
    asked = await staff.ok("POST", "/payments/refund", body)
    assert asked["status"] == "created"
    assert await prove_all(box.runtime) == []  # the money is still here, and promised
    [due] = (await staff.ok("GET", "/admin/payments/refunds"))["items"]
    assert due["amount"] == asked["amount"]
    await staff.ok("POST", "/admin/payments/refunds/settle", {"ids": [due["id"]], "done": True})
    await box.settle()
    order = await buyer.ok("GET", f"/orders/{placed['orderNumber']}")
    assert (order["payment"], order["refunded"]) == ("refunded", order["totals"]["total"])
    assert await prove_all(box.runtime) == []
