"""Cash on delivery: every vendor collects its own part when it hands its parcel over."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.orders.api import OrderDelivered
from haat.domains.trade.settlement import reactions
from haat.domains.trade.settlement.api import NotRefundable
from haat.domains.trade.settlement.proof import prove
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.buying import Crash, outcome
from tests.domains.trade.market_day import Day, cancelled, card
from tests.domains.trade.settling import part, refund, total
from tests.domains.trade.tills import usd


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


def cash(quote: Quote, n: int = 0) -> UUID:
    return derive(part(quote, n), "cod")


async def ordered(day: Day, *, vendors: int = 2, settled: bool = True) -> Quote:
    world = day.world
    offers = [world.offer(vendor=world.ids().new()) for _ in range(vendors)]
    quote = await day.quote(world.guest(), *offers)
    placed = await day.place(world.guest(), quote, None, provider="cod")
    assert placed.status == "placed"
    assert world.orders.payment[quote.id] == "on_delivery"
    if settled:
        await day.deliver(quote.id)
    return quote


def handed_over(day: Day, quote: Quote, n: int = 0) -> OrderDelivered:
    return OrderDelivered(
        event_id=day.world.ids().new(),
        order_id=quote.id,
        vendor_order_id=part(quote, n),
        vendor_id=quote.groups[n].vendor_id,
        person_id=None,
        number="H-1-1",
        delivered_at=day.world.clock.now(),
    )


async def hand_over(day: Day, *events: OrderDelivered) -> None:
    await reactions.open_windows(day.settlement, day.world.system(), list(events))


async def need_paid(day: Day, quote: Quote, *parts: int) -> None:
    """These parts are paid, in escrow, and the provider knows; the others are not."""
    world = day.world
    for n, group in enumerate(quote.groups):
        id, is_paid = part(quote, n), n in parts
        assert (world.orders.parts.get(id) == "paid") == is_paid
        assert (id in world.payouts.expected) == is_paid
        captured = world.payments.known[cash(quote, n)].captured
        assert captured == (group.totals.total.minor if is_paid else 0)
        if is_paid:
            [source] = world.payouts.expected[id].sources
            assert (source.provider, source.collected) == ("cod", True)
            assert id in world.payouts.windows
    assert world.payments.known[card(quote.id)].status == "voided"
    assert await prove(day.settlement_db) == []


async def test_two_vendors_collect_one_after_the_other(day: Day) -> None:
    quote = await ordered(day)
    assert await day.charge(quote.id) == "waiting"
    await need_paid(day, quote)
    first, second = handed_over(day, quote), handed_over(day, quote, 1)
    for _ in range(2):
        await hand_over(day, first)
    await need_paid(day, quote, 0)
    assert await day.charge(quote.id) == "waiting"
    assert not day.world.orders.paid_calls
    await hand_over(day, second)
    await need_paid(day, quote, 0, 1)
    assert await day.charge(quote.id) == "booked"
    day.world.clock.advance(timedelta(hours=7))
    await day.timers()  # checkout hears the end of it, and the windows close
    assert day.world.payouts.accrued == {part(quote): 1, part(quote, 1): 1}
    due = "SELECT due_at FROM checkout.checkouts WHERE id = $1"
    assert await day.checkout_db.fetchval(due, quote.id) is None


async def test_both_at_once_and_twice(day: Day) -> None:
    quote = await ordered(day)
    events = [handed_over(day, quote), handed_over(day, quote, 1)]
    await asyncio.gather(*(hand_over(day, event) for event in events * 3))
    day.world.clock.advance(timedelta(minutes=1))
    await day.timers()
    await need_paid(day, quote, 0, 1)
    assert await day.charge(quote.id) == "booked"


async def test_delivered_before_it_was_split(day: Day) -> None:
    """A vendor round the corner was faster than the event."""
    quote = await ordered(day, settled=False)
    await hand_over(day, handed_over(day, quote))
    await day.deliver(quote.id)
    await day.timers()
    await need_paid(day, quote, 0)


WAITED_FOR = """
SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND $1 = ANY(pg_blocking_pids(pid)))
"""
BEGUN = """
INSERT INTO settlement.tenders (of_id, leg, order_id, provider, amount, currency, state)
VALUES ($1, 'cod', $2, 'cod', 1, 'USD', 'open')
"""


async def test_delivered_in_the_moment_of_the_split(day: Day) -> None:
    """Neither sees the other: the split began before the window was open, and the parts were not
    there yet when the delivery asked for them."""
    quote = await ordered(day, settled=False)
    begun: asyncio.Future[int] = asyncio.Future()
    over = asyncio.Event()

    async def half() -> None:
        async with day.settlement_db.begin(day.world.system()) as tx:
            for n in (0, 1):  # whichever comes first, the split waits for it
                await tx.execute(BEGUN, part(quote, n), quote.id)
            begun.set_result(await tx.fetchval("SELECT pg_backend_pid()"))
            await over.wait()
            raise Crash("before it was there")

    died = asyncio.create_task(outcome(half()))
    pid = await begun
    split = asyncio.create_task(day.deliver(quote.id))
    while not await day.settlement_db.fetchval(WAITED_FOR, pid):
        assert not split.done()
        await asyncio.sleep(0.01)
    await hand_over(day, handed_over(day, quote))
    over.set()
    assert isinstance(await died, Crash)
    await split
    await day.timers()
    await need_paid(day, quote, 0)


async def test_collected_while_the_order_is_split(day: Day) -> None:
    """All of it, before the order knows that it is: the last look comes after that."""
    quote = await ordered(day)
    for n in (0, 1):
        await hand_over(day, handed_over(day, quote, n))
    assert await day.charge(quote.id) == "booked"
    split = "UPDATE settlement.charges SET state = $2 WHERE order_id = $1"
    due = "UPDATE settlement.tenders SET due_at = $2 WHERE order_id = $1 AND leg = 'cod'"
    await day.settlement_db.execute(split, quote.id, "open")
    await day.settlement_db.execute(due, quote.id, day.world.clock.now())
    await day.settlement.collect_cash(day.world.system())
    await day.settlement_db.execute(split, quote.id, "waiting")
    day.world.clock.advance(timedelta(minutes=1))
    await day.settlement.collect_cash(day.world.system())
    assert await day.charge(quote.id) == "booked"


async def test_one_is_cancelled_before_delivery(day: Day) -> None:
    world, quote = day.world, await ordered(day)
    world.orders.ended.add(part(quote))
    event = cancelled(quote, id=world.ids().new())
    for _ in range(2):
        await reactions.give_back(day.settlement, world.system(), [event])
    assert world.payments.known[cash(quote)].status == "voided"
    assert world.inventory.on_hand[quote.groups[0].lines[0].offer_id] == 10
    await hand_over(day, handed_over(day, quote, 1))
    await need_paid(day, quote, 1)
    assert await day.charge(quote.id) == "booked"
    assert not world.orders.refunds


async def test_all_of_it_is_refused_at_the_door(day: Day) -> None:
    world, quote = day.world, await ordered(day)
    for n in (0, 1):
        world.orders.ended.add(part(quote, n))
        event = cancelled(quote, n, id=world.ids().new())
        await reactions.give_back(day.settlement, world.system(), [event])
    await need_paid(day, quote)
    assert await day.charge(quote.id) == "voided"
    world.clock.advance(timedelta(hours=7))
    await day.timers()
    for group in quote.groups:
        assert world.inventory.on_hand[group.lines[0].offer_id] == 10


async def test_cancelled_before_it_was_split(day: Day) -> None:
    world, quote = day.world, await ordered(day, settled=False)
    event = cancelled(quote, id=world.ids().new())
    await reactions.give_back(day.settlement, world.system(), [event])
    await day.deliver(quote.id)
    world.clock.advance(timedelta(seconds=6))
    await day.timers()
    assert world.payments.known[cash(quote)].status == "voided"


async def test_a_refund_of_what_was_collected(day: Day) -> None:
    quote = await ordered(day)
    with pytest.raises(NotRefundable):
        await refund(day, quote)
    await hand_over(day, handed_over(day, quote))
    done = await refund(day, quote, usd(100))
    assert [(one.provider, one.amount) for one in done.repaid] == [("cod", usd(100))]
    [reversed_] = day.world.payouts.reversed.values()
    assert [source.collected for source in reversed_.sources] == [True]
    assert (await refund(day, quote)).amount.minor == total(quote) - 100
    assert await prove(day.settlement_db) == []


async def test_the_provider_is_away_at_delivery(day: Day) -> None:
    """The window waits until the money stands in the books."""
    quote = await ordered(day, vendors=1)
    day.world.payments.away = True
    await hand_over(day, handed_over(day, quote))
    day.world.clock.advance(timedelta(hours=2))
    await day.timers()
    assert not day.world.payouts.accrued
    day.world.payments.away = False
    day.world.clock.advance(timedelta(minutes=6))
    for _ in range(2):
        await day.timers()
    await need_paid(day, quote, 0)
    assert day.world.payouts.accrued == {part(quote): 1}


async def test_no_credits_beside_cash(day: Day) -> None:
    world = day.world
    who = world.ids().new()
    world.identity.emails[who] = "ada@example.org"
    world.wallet.balances[who] = 1000
    offer = world.offer(vendor=world.ids().new())
    quote = await day.quote(world.person(who), offer, email=None)
    with pytest.raises(Invalid) as caught:
        await day.place(world.person(who), quote, None, provider="cod", credits=usd(500))
    assert caught.value.code == "credits_with_cash"
    assert world.wallet.balances[who] == 1000
    assert world.payments.known[card(quote.id)].status == "voided"
    assert await day.need_consistent(quote) == "undone"


async def test_cash_survives_a_crash_anywhere(day: Day) -> None:
    """From the split to the second parcel."""
    world = day.world
    for n in range(1, 80):
        quote = await ordered(day, settled=False)
        events = [handed_over(day, quote), handed_over(day, quote, 1)]

        async def all_of_it(quote: Quote = quote, events: list[OrderDelivered] = events) -> None:
            await day.deliver(quote.id)
            for event in events:
                await hand_over(day, event)

        world.faults.seen, world.faults.die_at = 0, n
        died = isinstance(await outcome(all_of_it()), Crash)
        where = world.faults.where
        day.restart()
        for _ in range(4):
            world.clock.advance(timedelta(minutes=2))
            await day.deliver(quote.id)
            if died:
                await hand_over(day, *events)
            await day.timers()
        try:
            await need_paid(day, quote, 0, 1)
        except AssertionError as error:
            raise AssertionError(f"died {where}: {error}") from error
        assert await day.charge(quote.id) == "booked", where
        if not died:
            break
    else:
        pytest.fail("it has more boundaries than that")
    assert n > 20
