"""What a customer is told of a payment, and what staff see before they refund."""

import pytest
import pytest_asyncio

from haat.domains.trade.settlement.api import NotRefundable, RefundItem
from haat.kernel.errors import NotFound
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.market_day import Day
from tests.domains.trade.settling import bought, part, refund, total
from tests.domains.trade.test_settlement_tenders import quoted, shopper
from tests.domains.trade.tills import usd


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


async def test_a_person_sees_how_their_order_was_paid_and_what_came_back(day: Day) -> None:
    who, other = await shopper(day, 1000), await shopper(day, 0)
    quote = await quoted(day, who)
    mine = day.world.person(who)
    await day.place(mine, quote, credits=usd(700))
    await day.deliver(quote.id)
    given = await refund(day, quote, usd(500))
    receipt = await day.settlement.receipt(mine, order_id=quote.id)
    whole = quote.totals.total.minor
    assert {(one.provider, one.amount.minor) for one in receipt.parts} == {
        ("test", whole - 700), (None, 700),
    }  # fmt: skip
    assert sum(one.refunded.minor for one in receipt.parts) == 500
    assert [(one.id, one.amount.minor) for one in receipt.refunds] == [(given.id, 500)]
    assert sum(one.amount.minor for one in receipt.refunds[0].repaid) == 500
    for ctx in (day.world.person(other), day.world.guest()):
        with pytest.raises(NotFound):
            await day.settlement.receipt(ctx, order_id=quote.id)


async def test_a_guest_needs_the_link_of_that_very_order(day: Day) -> None:
    first, second = await bought(day), await bought(day, vendors=1)
    guest = day.world.guest()
    receipt = await day.settlement.receipt(guest, order_id=first.id, link=f"signed-{first.id}")
    assert [one.provider for one in receipt.parts] == ["test"]
    assert receipt.refunds == []
    for link in ("", f"signed-{second.id}", f"signed-{derive(first.id, 'none')}"):
        with pytest.raises(NotFound):
            await day.settlement.receipt(guest, order_id=first.id, link=link)


async def test_staff_see_what_a_refund_comes_to_and_nothing_moves(day: Day) -> None:
    quote = await bought(day)
    ctx, line = day.world.system(), quote.groups[0].lines[0]
    items = [RefundItem(line_id=line.id, quantity=1)]
    seen = await day.settlement.preview_refund(
        ctx, vendor_order_id=part(quote), items=items, shipping=usd(100)
    )
    assert seen.amount == seen.goods + seen.shipping
    assert seen.shipping == usd(100)
    assert seen.refundable.minor == total(quote)
    done = await refund(day, quote, items=items, shipping=usd(100))
    assert (done.amount, done.repaid[0].amount) == (seen.amount, seen.by_tender[0].amount)
    with pytest.raises(NotRefundable):
        await day.settlement.preview_refund(
            ctx, vendor_order_id=part(quote), amount=usd(total(quote))
        )
