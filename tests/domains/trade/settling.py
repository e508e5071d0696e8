"""What the tests of settlement do and look at, over a market day."""

from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import PaymentDisputed
from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.settlement import reactions
from haat.domains.trade.settlement.api import RefundResult
from haat.domains.trade.settlement.proof import prove
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.domains.trade.market_day import Day, card
from tests.domains.trade.tills import usd


async def bought(day: Day, *, settled: bool = True, vendors: int = 2) -> Quote:
    """An order of one thing from each of some vendors, 15.90 each with shipping and tax."""
    world = day.world
    offers = [world.offer(vendor=world.ids().new()) for _ in range(vendors)]
    quote = await day.quote(world.guest(), *offers)
    await day.place(world.guest(), quote)
    if settled:
        await day.deliver(quote.id)
    return quote


def part(quote: Quote, n: int = 0) -> UUID:
    return derive(quote.id, f"vendor-order:{quote.groups[n].vendor_id}")


def total(quote: Quote, n: int = 0) -> int:
    return quote.groups[n].totals.total.minor


async def refund(day: Day, quote: Quote, amount: Money | None = None, **more: Any) -> RefundResult:
    ctx = day.world.system()
    given: dict[str, Any] = {"id": ctx.new_id(), "reason": "Broken", "amount": amount}
    given["vendor_order_id"] = part(quote)
    return await day.settlement.refund(ctx, **{**given, **more})


def given_back(day: Day, quote: Quote) -> int:
    return sum(day.world.payments.known[card(quote.id)].refunds.values())


async def need_refunded(day: Day, quote: Quote, minor: int) -> None:
    """Provider, payouts, order and our own balance agree."""
    world = day.world
    assert given_back(day, quote) == minor
    told = world.payouts.reversed.values()
    assert sum(one.minor for one in told if one.vendor_order_id == part(quote)) == minor
    assert sum(m for vo, m in world.orders.refunds.values() if vo == part(quote)) == minor
    stored = await day.settlement_db.fetchval(
        "SELECT refunded FROM settlement.balances WHERE vendor_order_id = $1", part(quote)
    )
    assert stored == minor
    assert await prove(day.settlement_db) == []


async def disputed(
    day: Day, quote: Quote, dispute: UUID, minor: int, status: Any, *, fee: int = 15
) -> None:
    """The provider says how a chargeback of the order's card stands."""
    event = PaymentDisputed(
        dispute_id=dispute,
        payment_id=card(quote.id),
        reference=quote.id,
        purpose="order",
        provider="test",
        amount=usd(minor),
        fee=usd(fee),
        reason="fraudulent",
        status=status,
    )
    await reactions.enter_disputes(day.settlement, day.world.system(), [event])


async def lost(day: Day, quote: Quote, minor: int, *, fee: int = 15) -> UUID:
    """A chargeback that was lost; its id."""
    dispute = day.world.ids().new()
    for status in ("open", "lost"):
        await disputed(day, quote, dispute, minor, status, fee=fee)
    return dispute
