"""Tenders, refunds, cancellations and return windows, on PostgreSQL."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from haat.domains.money.payments.api import Method, PaymentRefunded
from haat.domains.trade.orders.api import OrderDelivered
from haat.domains.trade.settlement import reactions
from haat.domains.trade.settlement.api import NotRefundable, RefundItem, RefundResult
from haat.domains.trade.settlement.proof import prove
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.conftest import DatabaseOf
from tests.domains.trade.buying import Crash, outcome
from tests.domains.trade.market_day import Day, cancelled, card
from tests.domains.trade.settling import (
    bought,
    given_back,
    lost,
    need_refunded,
    part,
    refund,
    total,
)
from tests.domains.trade.tills import usd


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


async def test_hold_void_and_hold_again(day: Day) -> None:
    ctx, id = day.world.system(), day.world.ids().new()
    args: Any = {"order_id": id, "amount": usd(500), "method": Method(token="ok"), "return_url": ""}
    assert (await day.settlement.hold(ctx, **args)).status == "authorized"
    assert (await day.settlement.hold(ctx, **args)).status == "authorized"
    for _ in range(2):
        await day.settlement.void(ctx, order_id=id)
    assert (await day.settlement.hold(ctx, **args)).status == "voided"
    [outcome_] = await day.settlement.capture(ctx, order_ids=[id])
    assert outcome_.outcome == "failed"
    assert day.world.payments.known[card(id)].captured == 0


async def test_a_void_that_comes_first(day: Day) -> None:
    ctx, id = day.world.system(), day.world.ids().new()
    await day.settlement.void(ctx, order_id=id)
    hold = await day.settlement.hold(
        ctx, order_id=id, amount=usd(500), method=Method(token="ok"), return_url=""
    )
    assert hold.status == "voided"
    assert day.world.payments.known[card(id)].charges == 0


async def test_what_is_captured_cannot_be_voided(day: Day) -> None:
    quote = await bought(day)
    await day.settlement.void(day.world.system(), order_id=quote.id)
    assert day.world.payments.known[card(quote.id)].status == "captured"
    assert await day.charge(quote.id) == "booked"


async def test_capture_works_on_sets_and_leaves_out_strangers(day: Day) -> None:
    quotes = [await bought(day, settled=False) for _ in range(5)]
    ctx, ids = day.world.system(), [quote.id for quote in quotes]
    stranger = ctx.new_id()
    for _ in range(2):
        found = await day.settlement.capture(ctx, order_ids=[*ids, stranger])
        assert [(one.order_id, one.outcome) for one in found] == [(id, "captured") for id in ids]
    assert day.world.payouts.batches == [10]
    assert day.world.orders.paid_calls == [5]


async def test_a_refund_in_parts(day: Day) -> None:
    quote = await bought(day)
    first = await refund(day, quote, usd(100))
    assert (first.status, first.amount) == ("done", usd(100))
    with pytest.raises(NotRefundable) as caught:
        await refund(day, quote, usd(total(quote) - 99))
    assert caught.value.data["refundable"]["minor"] == total(quote) - 100
    rest = await refund(day, quote)
    assert rest.amount == usd(total(quote) - 100)
    with pytest.raises(NotRefundable):
        await refund(day, quote)
    await need_refunded(day, quote, total(quote))
    listed = await day.settlement.refunds(day.world.system(), vendor_order_ids=[part(quote)])
    assert {one.id for one in listed} == {first.id, rest.id}


async def test_the_same_refund_sent_often_and_at_once(day: Day) -> None:
    quote = await bought(day)
    id = day.world.ids().new()
    answers = await asyncio.gather(*(refund(day, quote, usd(70), id=id) for _ in range(8)))
    assert {one.amount for one in answers} == {usd(70)}
    await need_refunded(day, quote, 70)
    with pytest.raises(Invalid):
        await refund(day, await bought(day), usd(70), id=id)


async def test_refunds_at_once_never_exceed_the_total(day: Day) -> None:
    quote = await bought(day)
    half = usd(total(quote) // 2)
    answers = await asyncio.gather(*(outcome(refund(day, quote, half)) for _ in range(8)))
    done = [one for one in answers if isinstance(one, RefundResult)]
    assert len(done) == 2
    assert sum(isinstance(one, NotRefundable) for one in answers) == 6
    await need_refunded(day, quote, half.minor * 2)


async def test_what_cannot_be_refunded(day: Day) -> None:
    quote = await bought(day, settled=False)
    with pytest.raises(NotRefundable) as caught:  # not paid yet
        await refund(day, quote)
    assert caught.value.data["refundable"]["minor"] == 0
    with pytest.raises(NotFound):
        await refund(day, quote, vendor_order_id=quote.id)
    await day.deliver(quote.id)
    for wrong in (usd(0), usd(-5), Money(minor=5, currency="EUR")):
        with pytest.raises(Invalid):
            await refund(day, quote, wrong)
    await need_refunded(day, quote, 0)


async def test_a_provider_away_at_refund(day: Day) -> None:
    quote = await bought(day)
    day.world.payments.away = True
    assert (await refund(day, quote, usd(50))).status == "created"
    for _ in range(3):
        day.world.clock.advance(timedelta(minutes=6))
        await day.timers()
    day.world.payments.away = False
    day.world.clock.advance(timedelta(minutes=6))
    await day.timers()
    await need_refunded(day, quote, 50)


async def test_a_refund_pending_at_the_provider(day: Day) -> None:
    """The provider's word that it is done finishes it, without waiting for the timer."""
    quote = await bought(day)
    id = day.world.ids().new()
    day.world.payments.pending_refunds.add(id)
    assert (await refund(day, quote, usd(50), id=id)).status == "created"
    assert not day.world.payouts.reversed
    day.world.payments.pending_refunds.clear()
    event = PaymentRefunded(
        payment_id=card(quote.id), refund_id=id, reference=quote.id, amount=usd(50)
    )
    for _ in range(2):
        await reactions.enter_refunds(day.settlement, day.world.system(), [event])
    await need_refunded(day, quote, 50)


async def test_a_refund_the_provider_refuses(day: Day) -> None:
    quote = await bought(day)
    day.world.payments.refund_fails = True
    assert (await refund(day, quote)).status == "failed"
    await need_refunded(day, quote, 0)
    day.world.payments.refund_fails = False
    assert (await refund(day, quote)).amount == usd(total(quote))
    await need_refunded(day, quote, total(quote))


async def test_a_refund_survives_a_crash_anywhere(day: Day) -> None:
    for n in range(1, 40):
        quote = await bought(day)
        day.world.faults.seen, day.world.faults.die_at = 0, n
        died = isinstance(await outcome(refund(day, quote, usd(90))), Crash)
        day.restart()
        for _ in range(3):
            day.world.clock.advance(timedelta(minutes=6))
            await day.timers()
        taken = given_back(day, quote)
        assert taken in (0, 90), day.world.faults.where
        await need_refunded(day, quote, taken)
        if not died:
            break
    assert n > 8


async def test_a_cancelled_vendor_order(day: Day) -> None:
    world = day.world
    quote = await bought(day)
    offer = quote.groups[0].lines[0].offer_id
    assert world.inventory.on_hand[offer] == 9
    event = cancelled(quote, id=world.ids().new())
    for _ in range(3):
        await reactions.give_back(day.settlement, world.system(), [event])
    assert world.inventory.on_hand[offer] == 10
    assert world.inventory.on_hand[quote.groups[1].lines[0].offer_id] == 9
    await need_refunded(day, quote, total(quote))
    assert list(world.orders.refunds) == [derive(event.id, "refund")]


async def test_cancelled_after_a_refund_in_part(day: Day) -> None:
    quote = await bought(day)
    await refund(day, quote, usd(123))
    event = cancelled(quote, id=day.world.ids().new())
    await reactions.give_back(day.settlement, day.world.system(), [event])
    await need_refunded(day, quote, total(quote))


async def test_cancelled_before_it_was_captured(day: Day) -> None:
    """The refund waits for the capture; the goods do not."""
    world = day.world
    quote = await bought(day, settled=False)
    event = cancelled(quote, id=world.ids().new())
    await reactions.give_back(day.settlement, world.system(), [event])
    assert given_back(day, quote) == 0
    await day.deliver(quote.id)
    assert world.inventory.on_hand[quote.groups[0].lines[0].offer_id] == 10
    world.clock.advance(timedelta(seconds=3))
    await day.timers()
    await need_refunded(day, quote, total(quote))


async def test_a_cancellation_survives_a_crash_anywhere(day: Day) -> None:
    world = day.world
    for n in range(1, 40):
        quote = await bought(day)
        event = cancelled(quote, id=world.ids().new())
        world.faults.seen, world.faults.die_at = 0, n
        reaction = reactions.give_back(day.settlement, world.system(), [event])
        died = isinstance(await outcome(reaction), Crash)
        day.restart()
        if died:
            await reactions.give_back(day.settlement, world.system(), [event])
        for _ in range(3):
            world.clock.advance(timedelta(minutes=6))
            await day.timers()
        assert world.inventory.on_hand[quote.groups[0].lines[0].offer_id] == 10
        await need_refunded(day, quote, total(quote))
        if not died:
            break
    assert n > 10


async def test_return_windows(day: Day) -> None:
    world = day.world
    quotes = [await bought(day) for _ in range(2)]
    events = [
        OrderDelivered(
            event_id=world.ids().new(),
            order_id=quote.id,
            vendor_order_id=part(quote),
            vendor_id=quote.groups[0].vendor_id,
            person_id=None,
            number="H-1-1",
            delivered_at=world.clock.now(),
        )
        for quote in quotes
    ]
    for _ in range(2):
        await reactions.open_windows(day.settlement, world.system(), events)
    world.clock.advance(timedelta(minutes=59))
    await day.timers()
    assert not world.payouts.accrued
    world.market.window_minutes = 10_000  # the length was frozen at delivery
    world.clock.advance(timedelta(minutes=1))
    for _ in range(2):
        await day.timers()
    assert world.payouts.accrued == {part(quote): 1 for quote in quotes}
    await refund(day, quotes[0], usd(10))  # after accrual as well
    await need_refunded(day, quotes[0], 10)


async def test_proof_names_what_does_not_add_up(day: Day) -> None:
    quote = await bought(day)
    line = quote.groups[0].lines[0].id
    gave = await refund(day, quote, items=[RefundItem(line_id=line, quantity=1)])
    dispute = await lost(day, quote, 300)
    assert await prove(day.settlement_db) == []
    tampering = (
        ("charges", "amount", "order_id", quote.id),
        ("tenders", "amount", "of_id", quote.id),
        ("balances", "total", "vendor_order_id", part(quote)),
        ("balances", "refunded", "vendor_order_id", part(quote)),
        ("shares", "amount", "vendor_order_id", part(quote)),
        ("shares", "refunded", "vendor_order_id", part(quote)),
        ("lines", "gross", "line_id", line),
        ("refunds", "amount", "id", gave.id),
        ("refund_legs", "amount", "refund_id", gave.id),
        ("refund_lines", "gross", "refund_id", gave.id),
        ("disputes", "lost", "id", dispute),
    )
    for table, column, key, id in tampering:
        change = f"UPDATE settlement.{table} SET {column} = {column} + $2 WHERE {key} = $1"
        await day.settlement_db.execute(change, id, 1)
        wrong = await prove(day.settlement_db)
        names = (str(quote.id), str(part(quote)), str(gave.id), str(dispute))
        assert wrong, (table, column)
        assert all(any(name in one for name in names) for one in wrong), wrong
        await day.settlement_db.execute(change, id, -1)
        assert await prove(day.settlement_db) == []


async def test_no_refund_before_the_money_is_in_the_books(day: Day) -> None:
    """Captured, but escrow and order do not know yet: a refund now would meet an unpaid order."""
    quote = await bought(day)
    for half_way in (
        "UPDATE settlement.charges SET state = 'captured' WHERE order_id = $1",
        "UPDATE settlement.tenders SET state = 'captured' WHERE order_id = $1",
        "UPDATE settlement.balances SET booked_at = NULL WHERE order_id = $1",
    ):
        await day.settlement_db.execute(half_way, quote.id)
    with pytest.raises(NotRefundable):
        await refund(day, quote)
    await need_refunded(day, quote, 0)
    await day.deliver(quote.id)
    assert (await refund(day, quote)).status == "done"


async def test_a_cancelled_part_is_owed_what_an_earlier_refund_failed_to_give(day: Day) -> None:
    """Part of it was on its way back already when it was cancelled, and never arrived."""
    world, quote = day.world, await bought(day)
    early = world.system().new_id()
    world.payments.pending_refunds.add(early)
    assert (await refund(day, quote, usd(300), id=early)).status == "created"
    event = cancelled(quote, id=world.ids().new())
    await reactions.give_back(day.settlement, world.system(), [event])
    assert given_back(day, quote) == total(quote) - 300
    world.payments.pending_refunds.clear()
    world.payments.refund_fails = True
    world.clock.advance(timedelta(minutes=6))
    await day.settlement.finish_refunds(world.system())
    world.payments.refund_fails = False
    for _ in range(3):
        world.clock.advance(timedelta(minutes=6))
        await day.timers()
    await need_refunded(day, quote, total(quote))


async def test_a_cancelled_part_whose_refunds_all_fail_is_left_to_people(day: Day) -> None:
    world, quote = day.world, await bought(day)
    world.payments.refund_fails = True
    event = cancelled(quote, id=world.ids().new())
    await reactions.give_back(day.settlement, world.system(), [event])
    for _ in range(12):
        world.clock.advance(timedelta(minutes=6))
        await day.timers()
    found = await day.settlement.refunds(world.system(), vendor_order_ids=[part(quote)])
    assert {one.status for one in found} == {"failed"}
    assert 1 < len(found) < 10
    due = "SELECT due_at FROM settlement.cancellations WHERE vendor_order_id = $1"
    assert await day.settlement_db.fetchval(due, part(quote)) is None
    world.payments.refund_fails = False
    assert (await refund(day, quote)).status == "done"
