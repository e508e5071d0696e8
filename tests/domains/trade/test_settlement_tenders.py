"""Credits and card together, and bank transfers: either everything is paid or nothing is."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
import structlog
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payments.api import ProviderUnknown
from haat.domains.money.wallet.api import CreditsTooLow
from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.settlement import reactions
from haat.domains.trade.settlement.proof import prove
from haat.domains.trade.settlement.rules import split
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.conftest import DatabaseOf
from tests.domains.trade.buying import Crash, outcome
from tests.domains.trade.market_day import Day, cancelled, card
from tests.domains.trade.settling import given_back, part, refund, total
from tests.domains.trade.tills import usd


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


def credits(order_id: UUID) -> UUID:
    return derive(order_id, "credits")


async def shopper(day: Day, balance: int) -> UUID:
    """Somebody with that many credits."""
    id = day.world.ids().new()
    day.world.identity.emails[id] = "ada@example.org"
    day.world.wallet.balances[id] = balance
    return id


async def quoted(day: Day, who: UUID, *, vendors: int = 2, stock: int = 5) -> Quote:
    world = day.world
    offers = [world.offer(vendor=world.ids().new(), stock=stock) for _ in range(vendors)]
    return await day.quote(world.person(who), *offers, email=None)


sums = st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(any)


@given(sums, st.integers(0, 10_000))
def test_what_each_tender_pays_of_each_vendor_order(totals: list[int], bp: int) -> None:
    first = sum(totals) * bp // 10_000
    amounts = [first, sum(totals) - first]
    rows = split(amounts, totals)
    assert [sum(row) for row in rows] == amounts
    assert [sum(column) for column in zip(*rows, strict=True)] == totals
    assert all(part >= 0 for row in rows for part in row)


async def test_credits_and_card(day: Day) -> None:
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    whole = quote.totals.total.minor
    placed = await day.place(day.world.person(who), quote, credits=usd(700))
    assert (placed.status, placed.credits) == ("placed", usd(700))
    assert day.world.payments.known[card(quote.id)].amount == usd(whole - 700)
    await day.deliver(quote.id)
    assert await day.need_consistent(quote) == "placed"
    assert day.world.wallet.balances[who] == 300
    again = await day.place(day.world.person(who), quote)
    assert again == placed
    expected = [day.world.payouts.expected[part(quote, n)] for n in (0, 1)]
    by_tender = [[(s.provider, s.amount.minor) for s in one.sources] for one in expected]
    assert [[provider for provider, _ in one] for one in by_tender] == [["test", None]] * 2
    assert sum(one[1][1] for one in by_tender) == 700
    found = await day.settlement.tenders(day.world.system(), order_ids=[quote.id])
    assert [(one.provider, one.amount.minor, one.captured) for one in found[quote.id]] == [
        ("test", whole - 700, True),
        (None, 700, True),
    ]
    assert await prove(day.settlement_db) == []


async def test_a_refund_goes_back_the_way_it_came(day: Day) -> None:
    """Each tender gets its share of what is left of it; all of it gives back exactly all of it."""
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    await day.place(day.world.person(who), quote, credits=usd(777))
    await day.deliver(quote.id)
    for amount in (usd(1), usd(333), usd(7), None):
        done = await refund(day, quote, amount)
        assert done.status == "done"
        assert sum(one.amount.minor for one in done.repaid) == done.amount.minor
    other = await refund(day, quote, vendor_order_id=part(quote, 1))
    assert {one.provider for one in other.repaid} == {"test", None}
    assert day.world.wallet.balances[who] == 1000
    assert given_back(day, quote) == quote.totals.total.minor - 777
    found = await day.settlement.tenders(day.world.system(), order_ids=[quote.id])
    assert all(one.refunded == one.amount for one in found[quote.id])
    assert await prove(day.settlement_db) == []


async def test_all_of_it_with_credits(day: Day) -> None:
    who = await shopper(day, 100_000)
    quote = await quoted(day, who)
    placed = await day.place(day.world.person(who), quote, None, credits=quote.totals.total)
    assert placed.status == "placed"
    await day.deliver(quote.id)
    assert await day.need_consistent(quote) == "placed"
    assert card(quote.id) not in day.world.payments.known


async def test_a_declined_card_gives_the_credits_back(day: Day) -> None:
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    answer = await day.place(day.world.person(who), quote, "decline", credits=usd(700))
    assert (answer.status, answer.decline_code) == ("declined", "do_not_honor")
    assert await day.need_consistent(quote) == "declined"
    assert day.world.wallet.balances[who] == 1000


async def test_declined_credits_leave_the_card_alone(day: Day) -> None:
    """They were there when asked, and gone when held."""
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    spendable = day.world.wallet.spendable

    async def optimistic(ctx: Any, *, owner_id: UUID, currency: str) -> Money:
        found = await spendable(ctx, owner_id=owner_id, currency=currency)
        day.world.wallet.balances[who] = 100
        return found

    day.world.wallet.spendable = optimistic  # type: ignore[method-assign]
    answer = await day.place(day.world.person(who), quote, credits=usd(700))
    assert (answer.status, answer.decline_code) == ("declined", "credits_too_low")
    assert card(quote.id) not in day.world.payments.known
    assert day.world.wallet.balances[who] == 100


async def test_too_few_credits_are_told_before_anything_is_claimed(day: Day) -> None:
    who = await shopper(day, 500)
    quote = await quoted(day, who)
    with pytest.raises(CreditsTooLow) as caught:
        await day.place(day.world.person(who), quote, credits=usd(501))
    assert caught.value.data["available"]["minor"] == 500
    assert await day.state(quote.id) is None
    for wrong in (usd(0), usd(-1), quote.totals.total + usd(1), Money(minor=5, currency="EUR")):
        with pytest.raises(Invalid):
            await day.place(day.world.person(who), quote, credits=wrong)
    assert (await day.place(day.world.person(who), quote, credits=usd(500))).status == "placed"


async def test_guests_have_no_credits(day: Day) -> None:
    world = day.world
    quote = await day.quote(world.guest(), world.offer(vendor=world.ids().new()))
    who = await shopper(day, 5000)
    for ctx in (world.guest(), world.person(who)):  # nor does who places a guest's quote pay
        with pytest.raises(Invalid) as caught:
            await day.place(ctx, quote, credits=usd(5))
        assert caught.value.code == "credits_need_account"
    assert world.wallet.balances[who] == 5000


async def test_only_staff_record_payments(day: Day) -> None:
    who = await shopper(day, 0)
    quote = await quoted(day, who)
    for ctx in (day.world.guest(), day.world.person(who)):
        with pytest.raises(ProviderUnknown):
            await day.place(ctx, quote, provider="recorded")
    assert await day.state(quote.id) is None
    placed = await day.place(day.world.system(), quote, provider="recorded")
    assert placed.status == "placed"


async def test_a_failed_capture_gives_the_credits_back(day: Day) -> None:
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    await day.place(day.world.person(who), quote, "capture_fails", credits=usd(700))
    for _ in range(2):
        await day.deliver(quote.id)
    assert day.world.wallet.balances[who] == 1000
    assert day.world.orders.payment[quote.id] == "voided"
    assert await day.charge(quote.id) == "failed"
    assert all(day.world.inventory.on_hand[x.offer_id] == 5 for g in quote.groups for x in g.lines)


async def test_credits_that_cannot_be_captured_give_the_card_back(day: Day) -> None:
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    await day.place(day.world.person(who), quote, credits=usd(700))
    day.world.wallet.capture_fails = True
    await day.deliver(quote.id)
    paid = day.world.payments.known[card(quote.id)]
    assert sum(paid.refunds.values()) == paid.captured > 0
    assert day.world.wallet.balances[who] == 1000
    assert day.world.orders.payment[quote.id] == "voided"
    assert not day.world.payouts.expected


@pytest.mark.parametrize("token", ["ok", "lost", "3ds", "decline", "capture_fails"])
async def test_a_split_payment_survives_a_crash_anywhere(day: Day, token: str) -> None:
    world, ends = day.world, set()
    for n in range(1, 120):
        who = await shopper(day, 1000)
        quote = await quoted(day, who)
        ctx = world.person(who)
        world.faults.seen, world.faults.die_at = 0, n
        died = isinstance(await outcome(_buy(day, ctx, quote, token)), Crash)
        where = world.faults.where
        day.restart()
        for _ in range(12):
            if card(quote.id) in world.payments.known:
                world.payments.approve(card(quote.id))
            world.clock.advance(timedelta(seconds=61))
            await day.timers()
            await day.deliver(quote.id)
        if token == "capture_fails":
            assert world.orders.payment.get(quote.id) in (None, "voided"), where
            end = "unsold"
        else:
            end = await day.need_consistent(quote)
        ends.add(end)
        assert world.wallet.balances[who] == (300 if end == "placed" else 1000), where
        if not died:
            break
    else:
        pytest.fail("a purchase has more boundaries than that")
    assert n > 12
    assert await prove(day.settlement_db) == []
    known = {"decline": {"declined", "undone"}, "capture_fails": {"unsold"}}
    assert ends - {"none"} <= known.get(token, {"placed"})


async def _buy(day: Day, ctx: Any, quote: Quote, token: str) -> None:
    placement = await day.place(ctx, quote, token, credits=usd(700))
    if placement.status == "needs_action":
        day.world.payments.approve(card(quote.id))
        await day.payment_updated(quote, "authorized")
    await day.deliver(quote.id)


async def test_many_checkouts_on_one_wallet(day: Day) -> None:
    """Seven at once, three of which the wallet can pay: it is never overspent."""
    who = await shopper(day, 2200)
    quotes = [await quoted(day, who, vendors=1) for _ in range(7)]
    day.world.payments.slow_s = 0.02
    answers: list[Any] = await asyncio.gather(
        *(outcome(day.place(day.world.person(who), q, credits=usd(700))) for q in quotes)
    )
    placed = [
        q for q, a in zip(quotes, answers, strict=True) if getattr(a, "status", 0) == "placed"
    ]
    assert len(placed) == 3
    await day.deliver(*(quote.id for quote in quotes))
    assert day.world.wallet.balances[who] == 100
    captured = [one for one in day.world.wallet.known.values() if one.status == "captured"]
    assert sum(one.minor for one in captured) == 2100
    assert [await day.need_consistent(quote) for quote in placed] == ["placed"] * 3


async def test_one_part_of_a_refund_fails(day: Day) -> None:
    """The card has expired: the credits went back, the card's part is owed again."""
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    await day.place(day.world.person(who), quote, credits=usd(1000))
    await day.deliver(quote.id)
    day.world.payments.refund_fails = True
    failed = await refund(day, quote)
    assert failed.status == "failed"
    assert {one.provider: one.status for one in failed.repaid} == {"test": "failed", None: "done"}
    [in_books] = day.world.payouts.reversed.values()
    gone = next(one.amount.minor for one in failed.repaid if one.provider is None)
    assert (in_books.minor, sum(in_books.lines.values())) == (gone, gone)
    assert day.world.wallet.balances[who] == gone
    assert await prove(day.settlement_db) == []
    day.world.payments.refund_fails = False
    rest = await refund(day, quote)
    assert (rest.status, rest.amount.minor) == ("done", total(quote) - gone)
    assert {one.provider for one in rest.repaid} == {"test"}
    assert await prove(day.settlement_db) == []


async def test_a_payment_captured_at_the_providers_pages_is_given_back(day: Day) -> None:
    """Undoing a checkout ends, whatever became of its payment meanwhile."""
    world = day.world
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    await day.place(world.person(who), quote, "3ds", credits=usd(700))
    world.payments.approve(card(quote.id))
    world.payments.arrives(card(quote.id))
    world.clock.advance(timedelta(minutes=16))
    await day.timers()
    paid = world.payments.known[card(quote.id)]
    assert sum(paid.refunds.values()) == paid.captured > 0
    assert await day.state(quote.id) in ("expired", "undone")
    assert world.wallet.balances[who] == 1000
    for _ in range(2):
        await day.settlement.void(world.system(), order_id=quote.id)
    assert len(paid.refunds) == 1
    due = await day.checkout_db.fetchval(
        "SELECT due_at FROM checkout.checkouts WHERE id = $1", quote.id
    )
    assert due is None


async def test_what_its_holder_disputes_already_holds_no_checkout_up(day: Day) -> None:
    """There is nothing left to give back: people are told, and the checkout ends."""
    world = day.world
    who = await shopper(day, 1000)
    quote = await quoted(day, who)
    await day.place(world.person(who), quote, "3ds", credits=usd(700))
    world.payments.approve(card(quote.id))
    world.payments.arrives(card(quote.id))
    world.payments.known[card(quote.id)].disputed = True
    world.clock.advance(timedelta(minutes=16))
    with structlog.testing.capture_logs() as logs:
        await day.timers()
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["not_given_back"]
    assert await day.state(quote.id) in ("expired", "undone")
    assert world.wallet.balances[who] == 1000


# Bank transfers.


async def awaited(day: Day, who: UUID, *, spent: int = 700) -> Quote:
    quote = await quoted(day, who)
    given = usd(spent) if spent else None
    placed = await day.place(day.world.person(who), quote, None, provider="bank", credits=given)
    assert (placed.status, placed.credits) == ("placed", given)
    assert placed.instructions is not None
    assert placed.instructions.reference == "R1"
    assert await day.resume(day.world.person(who), quote) == placed
    await day.deliver(quote.id)
    assert day.world.orders.payment[quote.id] == "awaiting"
    assert await day.charge(quote.id) == "waiting"
    return quote


async def test_a_bank_transfer_arrives(day: Day) -> None:
    who = await shopper(day, 1000)
    quote = await awaited(day, who)
    day.world.clock.advance(timedelta(days=2))
    await day.timers()
    assert day.world.orders.payment[quote.id] == "awaiting"
    day.world.payments.arrives(card(quote.id))
    for _ in range(2):
        await day.payment_updated(quote, "captured")
    assert day.world.orders.payment[quote.id] == "paid"
    assert await day.charge(quote.id) == "booked"
    assert day.world.wallet.known[credits(quote.id)].status == "captured"
    assert len(day.world.payouts.batches) == 1
    assert await prove(day.settlement_db) == []


async def test_a_bank_transfer_that_nobody_heard_of(day: Day) -> None:
    """The event is lost: the timer looks, seldom."""
    quote = await awaited(day, await shopper(day, 0), spent=0)
    day.world.payments.arrives(card(quote.id))
    day.world.clock.advance(timedelta(hours=7))
    await day.timers()
    assert day.world.orders.payment[quote.id] == "paid"


async def test_a_bank_transfer_that_never_comes(day: Day) -> None:
    who = await shopper(day, 1000)
    quote = await awaited(day, who)
    day.world.payments.known[card(quote.id)].status = "voided"
    for _ in range(2):
        await day.payment_updated(quote, "voided")
    assert day.world.orders.payment[quote.id] == "voided"
    assert day.world.wallet.balances[who] == 1000
    assert all(day.world.inventory.on_hand[x.offer_id] == 5 for g in quote.groups for x in g.lines)
    assert not day.world.payouts.expected


async def test_a_cancelled_order_awaits_no_transfer(day: Day) -> None:
    world = day.world
    who = await shopper(day, 1000)
    quote = await awaited(day, who)
    for n in (0, 1):
        world.orders.ended.add(part(quote, n))
        event = cancelled(quote, n, id=world.ids().new())
        await reactions.give_back(day.settlement, world.system(), [event])
        status = "awaiting" if n == 0 else "voided"
        assert world.payments.known[card(quote.id)].status == status
    assert world.orders.payment[quote.id] == "voided"
    assert world.wallet.balances[who] == 1000
    await day.payment_updated(quote, "voided")
    world.clock.advance(timedelta(hours=2))
    await day.timers()
    assert all(world.inventory.on_hand[x.offer_id] == 5 for g in quote.groups for x in g.lines)
    open_ = "SELECT count(*) FROM settlement.cancellations WHERE order_id = $1 AND due_at > $2"
    long_ago = world.clock.now() - timedelta(days=1)
    assert await day.settlement_db.fetchval(open_, quote.id, long_ago) == 0


async def test_one_part_is_cancelled_and_the_transfer_comes(day: Day) -> None:
    """It comes for the whole; what was cancelled goes back as soon as it is in the books."""
    world = day.world
    quote = await awaited(day, await shopper(day, 1000))
    world.orders.ended.add(part(quote))
    event = cancelled(quote, id=world.ids().new())
    await reactions.give_back(day.settlement, world.system(), [event])
    world.payments.arrives(card(quote.id))
    await day.payment_updated(quote, "captured")
    await day.timers()
    assert sum(minor for _, minor in world.orders.refunds.values()) == total(quote)
    assert await prove(day.settlement_db) == []


async def test_a_transfer_and_a_cancellation_cross(day: Day) -> None:
    """It had arrived, but nobody knew when all was cancelled: it goes back, no order is paid."""
    world = day.world
    who = await shopper(day, 1000)
    quote = await awaited(day, who)
    world.payments.arrives(card(quote.id))
    for n in (0, 1):
        world.orders.ended.add(part(quote, n))
        event = cancelled(quote, n, id=world.ids().new())
        await reactions.give_back(day.settlement, world.system(), [event])
    await day.payment_updated(quote, "captured")
    paid = world.payments.known[card(quote.id)]
    assert sum(paid.refunds.values()) == paid.captured
    assert world.orders.payment[quote.id] == "voided"
    assert world.wallet.balances[who] == 1000
    assert not world.payouts.expected
