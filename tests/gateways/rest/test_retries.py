"""Orders, cancellations, refunds and payouts sent again, at once and later: done once, answered the
same."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.app.proving import prove_all
from haat.domains.trade.orders.api import Orders
from tests.journeys.box import Box, Client
from tests.journeys.scene import Shop, available, buy, deliver, open_shop, part_of, quote

AT_ONCE = 5
WHOLE = 2_490  # an order of one, with its shipping
BANK = {"holder": "Retry House", "account": "000123456789"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(box: Box) -> Shop:
    await (await box.staff()).ok("PATCH", "/admin/settings", {"returnWindowMinutes": 0})
    return await open_shop(box, "Retry House", price=2_000, stock=200)


Prepared = tuple[Client, str, str, Any]  # who, method, path, body
Prepare = Callable[[Box, Shop], Awaitable[Prepared]]


async def _order(box: Box, shop: Shop) -> Prepared:
    who = await box.person("retry@example.com")
    made = await quote(who, {shop.offer: 1})
    payment = {"provider": "test", "token": await box.token("4242424242424242")}
    return who, "POST", "/orders", {"quoteId": made["id"], "payment": payment}


async def _order_in_one(box: Box, shop: Shop) -> Prepared:
    """Without a quote: nothing but the key says that it is the same order."""
    who, method, path, body = await _order(box, shop)
    item = {"offerId": shop.offer, "quantity": 1}
    to = {"name": "A", "line1": "1 Row", "city": "London", "country": "GB"}
    return who, method, path, {"items": [item], "shipTo": to, "payment": body["payment"]}


async def _cancel(box: Box, shop: Shop) -> Prepared:
    who = await box.person("retry@example.com")
    placed = await buy(box, who, {shop.offer: 1})
    return who, "POST", f"/orders/{placed['orderId']}/cancel", {"reason": "changed my mind"}


async def _refund(box: Box, shop: Shop) -> Prepared:
    who = await box.person("retry@example.com")
    part = await part_of(shop, await buy(box, who, {shop.offer: 2}))
    amount = {"minor": 500, "currency": "USD"}
    body = {"vendorOrderId": part["id"], "amount": amount, "reason": "a crack"}
    return await box.staff(), "POST", "/payments/refund", body


async def _payout(box: Box, shop: Shop) -> Prepared:
    who = await box.person("retry@example.com")
    await deliver(box, shop, await part_of(shop, await buy(box, who, {shop.offer: 3})))
    await shop.owner.ok("PUT", f"/vendors/{shop.id}/bank", BANK)
    assert await available(shop) > 1_000
    amount = {"minor": 1_000, "currency": "USD"}
    return shop.owner, "POST", f"/vendors/{shop.id}/payout-request", {"amount": amount}


async def _effects(box: Box, shop: Shop) -> dict[str, int]:
    """How much there is of what may happen once only."""
    who, staff = await box.person("retry@example.com"), await box.staff()
    orders = (await who.ok("GET", "/me/orders?limit=100"))["items"]
    ctx = box.runtime.system_context("test")
    whole = await box.runtime.inner[Orders].by_ids(ctx, ids=[UUID(one["id"]) for one in orders])
    parts = [part for order in whole for part in order.vendor_orders]
    query = "&".join(f"vendorOrderId={part.id}" for part in parts)
    refunds = (await staff.ok("GET", f"/admin/refunds?{query}"))["items"] if parts else []
    payouts = (await shop.owner.ok("GET", "/payments/payouts"))["items"]
    return {
        "orders": len(orders),
        "cancelled": sum(part.fulfilment == "cancelled" for part in parts),
        "refunded": sum(one["amount"]["minor"] for one in refunds),
        "payouts": len(payouts),
    }


@pytest.mark.parametrize(
    ("prepare", "effect"),
    [
        (_order, {"orders": 1}),
        (_order_in_one, {"orders": 1}),
        (_cancel, {"cancelled": 1, "refunded": WHOLE}),
        (_refund, {"refunded": 500}),
        (_payout, {"payouts": 1}),
    ],
    ids=["order", "order in one go", "cancellation", "refund", "payout"],
)
async def test_a_retry_answers_the_first_result(
    box: Box, shop: Shop, prepare: Prepare, effect: dict[str, int]
) -> None:
    who, method, path, body = await prepare(box, shop)
    before, key = await _effects(box, shop), uuid4().hex
    at_once = await asyncio.gather(*(who.send(method, path, body, key=key) for _ in range(AT_ONCE)))
    later = [await who.send(method, path, body, key=key) for _ in range(2)]
    told = {one.text for one in (*at_once, *later) if one.is_success}
    assert len(told) == 1, [one.text for one in (*at_once, *later)]
    for one in at_once:  # the others are told to ask again
        assert one.is_success or one.json()["code"] == "request_in_progress", one.text
    assert [one.headers.get("idempotent-replayed") for one in later] == ["true", "true"]
    await box.settle()
    await box.runtime.run_timers()
    await box.settle()
    after = await _effects(box, shop)
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert changed == effect
    other = await who.send(method, path, {**(body or {}), "x": 1}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await prove_all(box.runtime) == []
