"""Whatever step of a purchase the process dies at, a new one finishes or undoes it."""

from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.settlement.proof import prove
from tests.conftest import DatabaseOf
from tests.domains.trade.buying import Crash, outcome
from tests.domains.trade.market_day import Day, card

MOST_BOUNDARIES = 120


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


async def buy(day: Day, token: str) -> Quote:
    """A quote over two vendors, made before anything can go wrong."""
    world = day.world
    offers = [world.offer(vendor=world.ids().new(), stock=5) for _ in range(2)]
    return await day.quote(world.guest(), *offers)


async def whole_purchase(day: Day, quote: Quote, token: str) -> None:
    """Everything one process would do, customer and webhook included."""
    ctx = day.world.guest()
    placement = await day.place(ctx, quote, token)
    if placement.status == "needs_action":
        day.world.payments.approve(card(quote.id))
        await day.payment_updated(quote, "authorized")
    await day.deliver(quote.id)


async def recover(day: Day, quote: Quote, *, approve: bool) -> None:
    """A new process, some minutes of timers, and events delivered again."""
    day.restart()
    for _ in range(12):
        if approve and card(quote.id) in day.world.payments.known:
            day.world.payments.approve(card(quote.id))
        day.world.clock.advance(timedelta(seconds=61))
        await day.timers()
        await day.deliver(quote.id)


@pytest.mark.parametrize("token", ["ok", "lost", "3ds", "decline", "capture_fails"])
async def test_crash_at_every_boundary(day: Day, token: str) -> None:
    stories = set()
    for n in range(1, MOST_BOUNDARIES):
        quote = await buy(day, token)
        day.world.faults.seen, day.world.faults.die_at = 0, n
        died = isinstance(await outcome(whole_purchase(day, quote, token)), Crash)
        where = day.world.faults.where
        await recover(day, quote, approve=True)
        if token == "capture_fails":
            await need_unsold(day, quote)
            stories.add("unsold")
        else:
            try:
                stories.add(await day.need_consistent(quote))
            except AssertionError as error:
                raise AssertionError(f"died {where}: {error}") from error
        if not died:
            break
    else:
        pytest.fail("a purchase has more boundaries than that")
    assert n > 10
    assert await prove(day.settlement_db) == []
    # Dying before the quote was even claimed leaves no trace; dying between giving declined goods
    # back and writing that down leaves a reservation that ended: undone.
    ends = {"decline": {"declined", "undone"}, "capture_fails": {"unsold"}}
    assert stories - {"none"} == ends.get(token, {"placed"})


async def need_unsold(day: Day, quote: Quote) -> None:
    """The money could not be taken: no paid order, and the goods are on sale again."""
    world = day.world
    assert world.orders.payment.get(quote.id) in (None, "voided")
    assert world.payments.known.get(card(quote.id)) is None or (
        world.payments.known[card(quote.id)].captured == 0
    )
    for one in quote.groups:
        for line in one.lines:
            assert world.inventory.on_hand[line.offer_id] == 5
            assert world.inventory.reserved(line.offer_id, world.clock.now()) == 0


@pytest.mark.parametrize("boundary", range(1, 30, 2))
async def test_crash_and_a_customer_who_never_comes_back(day: Day, boundary: int) -> None:
    """Nobody approves: after the time to pay, nothing is held and nothing can be charged."""
    quote = await buy(day, "3ds")
    day.world.faults.seen, day.world.faults.die_at = 0, boundary
    await outcome(day.place(day.world.guest(), quote, "3ds"))
    await recover(day, quote, approve=False)
    day.world.clock.advance(timedelta(minutes=16))
    await day.timers()
    assert await day.need_consistent(quote) in ("none", "expired", "undone")
    if card(quote.id) in day.world.payments.known:
        day.world.payments.approve(card(quote.id))  # too late: the provider refuses
        await day.payment_updated(quote, "authorized")
    assert await day.need_consistent(quote) in ("none", "expired", "undone")


@pytest.mark.parametrize("boundary", range(1, 40, 2))
async def test_crash_again_while_undoing(day: Day, boundary: int) -> None:
    quote = await buy(day, "3ds")
    await day.place(day.world.guest(), quote, "3ds")
    day.world.clock.advance(timedelta(minutes=16))
    day.world.faults.seen, day.world.faults.die_at = 0, boundary
    await outcome(day.timers())
    await recover(day, quote, approve=False)
    assert await day.need_consistent(quote) == "expired"


async def test_a_provider_that_is_away_for_long(day: Day) -> None:
    """Charged without an answer, then silence beyond the reservation: voided once it is back."""
    quote = await buy(day, "lost")
    assert (await day.place(day.world.guest(), quote, "lost")).status == "processing"
    day.world.payments.away = True
    for _ in range(20):
        day.world.clock.advance(timedelta(minutes=1))
        await day.timers()
    assert await day.state(quote.id) == "processing"
    day.world.payments.away = False
    await recover(day, quote, approve=False)
    assert await day.need_consistent(quote) == "undone"


async def test_nothing_is_left_for_the_timers(day: Day) -> None:
    ids: list[UUID] = []
    for token in ("ok", "decline"):
        quote = await buy(day, token)
        await whole_purchase(day, quote, token)
        ids.append(quote.id)
    rows = await day.checkout_db.fetch(
        "SELECT due_at, token FROM checkout.checkouts WHERE id = ANY($1)", ids
    )
    assert [(row["due_at"], row["token"]) for row in rows] == [(None, None)] * 2
