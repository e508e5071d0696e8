"""Chargebacks: taken and returned, or taken for good and borne by who sold."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.money.payments.api import Dispute, PaymentDisputed
from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.settlement import reactions
from haat.domains.trade.settlement.api import NotRefundable
from haat.domains.trade.settlement.proof import prove
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.buying import Crash, outcome
from tests.domains.trade.market_day import Day, cancelled, card
from tests.domains.trade.settling import (
    bought,
    disputed,
    given_back,
    lost,
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


def borne(day: Day, quote: Quote) -> list[int]:
    """What each vendor order gave for chargebacks."""
    told = day.world.payouts.reversed.values()
    return [
        sum(
            one.minor
            for one in told
            if one.vendor_order_id == part(quote, n) and one.cause == "dispute_lost"
        )
        for n in range(len(quote.groups))
    ]


async def test_opened_and_won(day: Day) -> None:
    quote, payouts = await bought(day), day.world.payouts
    id = day.world.ids().new()
    for _ in range(2):
        await disputed(day, quote, id, 1000, "open")
    assert payouts.disputes == {(id, None): 1000}
    assert payouts.blocked == {(part(quote, n), id) for n in (0, 1)}
    for _ in range(2):
        await disputed(day, quote, id, 1000, "won")
    assert payouts.disputes == {(id, None): 1000, (id, True): 1000}
    assert not payouts.blocked
    assert payouts.fees == {id: 15}  # won or lost, it costs
    await disputed(day, quote, id, 1000, "lost")  # what is decided stays so
    assert not payouts.reversed
    assert (await refund(day, quote)).amount.minor == total(quote)


async def test_lost(day: Day) -> None:
    quote, payouts = await bought(day), day.world.payouts
    id = await lost(day, quote, 1001)
    await disputed(day, quote, id, 1001, "lost")
    first, second = borne(day, quote)
    assert {first, second} == {500, 501}
    assert sum(one.fee for one in payouts.reversed.values()) == 15
    assert not payouts.fees
    assert not payouts.blocked
    assert (id, True) not in payouts.disputes
    for one in payouts.reversed.values():
        assert sum(one.lines.values()) == one.minor
        assert [source.provider for source in one.sources] == ["test"]
    assert day.world.payments.known[card(quote.id)].refunds == {}  # the provider took it
    assert dict(day.world.orders.refunds.values()) == {
        part(quote): first,
        part(quote, 1): second,
    }
    with pytest.raises(NotRefundable):
        await refund(day, quote, usd(total(quote) - first + 1))
    assert (await refund(day, quote)).amount.minor == total(quote) - first
    listed = await day.settlement.refunds(day.world.system(), vendor_order_ids=[part(quote)])
    assert {one.reason for one in listed} == {"Broken", "Chargeback: fraudulent"}
    assert await prove(day.settlement_db) == []


async def test_the_market_bears_the_fee(day: Day) -> None:
    day.world.payouts.vendor_bears = False
    quote = await bought(day)
    id = await lost(day, quote, 1000)
    assert day.world.payouts.fees == {id: 15}
    assert all(one.fee == 0 for one in day.world.payouts.reversed.values())


async def test_more_than_is_left(day: Day) -> None:
    """One vendor order was refunded already: what exceeds the rest is the market's loss."""
    quote = await bought(day)
    await refund(day, quote)
    whole = quote.totals.total.minor
    id = await lost(day, quote, whole)
    assert borne(day, quote) == [0, total(quote, 1)]
    stored = "SELECT lost FROM settlement.disputes WHERE id = $1"
    assert await day.settlement_db.fetchval(stored, id) == total(quote)
    assert await prove(day.settlement_db) == []


async def test_nothing_is_left(day: Day) -> None:
    quote = await bought(day)
    for n in (0, 1):
        await refund(day, quote, vendor_order_id=part(quote, n))
    id = await lost(day, quote, 500)
    assert borne(day, quote) == [0, 0]
    assert day.world.payouts.fees == {id: 15}  # no vendor is there to bear it
    assert await prove(day.settlement_db) == []


async def test_only_what_the_disputed_payment_paid(day: Day) -> None:
    """Credits are charged back by nobody."""
    world = day.world
    who = world.ids().new()
    world.identity.emails[who] = "ada@example.org"
    world.wallet.balances[who] = 1000
    offers = [world.offer(vendor=world.ids().new()) for _ in range(2)]
    quote = await day.quote(world.person(who), *offers, email=None)
    await day.place(world.person(who), quote, credits=usd(1000))
    await day.deliver(quote.id)
    by_card = quote.totals.total.minor - 1000
    await lost(day, quote, by_card)
    assert sum(borne(day, quote)) == by_card
    for n in (0, 1):
        left = await refund(day, quote, vendor_order_id=part(quote, n))
        assert {one.provider for one in left.repaid} == {None}
    assert world.wallet.balances[who] == 1000
    assert await prove(day.settlement_db) == []


async def test_how_it_begins_and_ends_in_one_batch(day: Day) -> None:
    quote = await bought(day)
    id = day.world.ids().new()
    events = [
        PaymentDisputed(
            dispute_id=id,
            payment_id=card(quote.id),
            reference=quote.id,
            purpose="order",
            provider="test",
            amount=usd(300),
            fee=usd(0),
            reason="unrecognised",
            status=status,
        )
        for status in ("open", "lost")
    ]
    topup = events[0].model_copy(update={"purpose": "topup", "dispute_id": day.world.ids().new()})
    for _ in range(2):
        await reactions.enter_disputes(day.settlement, day.world.system(), [*events, topup])
    assert sum(borne(day, quote)) == 300
    assert day.world.payouts.disputes == {(id, None): 300}
    assert not day.world.payouts.fees


async def test_before_the_money_is_in_the_books(day: Day) -> None:
    quote = await bought(day, settled=False)
    id = await lost(day, quote, 300)
    assert not day.world.payouts.disputes
    await day.deliver(quote.id)
    day.world.clock.advance(timedelta(minutes=6))
    await day.timers()
    assert sum(borne(day, quote)) == 300
    assert day.world.payouts.disputes == {(id, None): 300}


async def test_refunds_and_a_chargeback_at_once(day: Day) -> None:
    for _ in range(5):
        quote = await bought(day)
        id = day.world.ids().new()
        await disputed(day, quote, id, quote.totals.total.minor, "open")
        await asyncio.gather(
            *(outcome(refund(day, quote, usd(400))) for _ in range(4)),
            *(disputed(day, quote, id, quote.totals.total.minor, "lost") for _ in range(3)),
        )
        day.world.clock.advance(timedelta(minutes=6))
        await day.timers()
        back = sum(day.world.payments.known[card(quote.id)].refunds.values())
        assert back + sum(borne(day, quote)) <= quote.totals.total.minor
        assert await prove(day.settlement_db) == []


@pytest.mark.parametrize("status", ["won", "lost"])
async def test_cancelled_while_it_is_disputed(day: Day, status: str) -> None:
    """The provider gives nothing back of what is disputed; what is owed is known afterwards."""
    world, quote = day.world, await bought(day)
    id, whole = world.ids().new(), quote.totals.total.minor
    await disputed(day, quote, id, whole, "open")
    world.payments.refund_fails = True  # as long as it is disputed
    for n in (0, 1):
        event = cancelled(quote, n, id=world.ids().new())
        await reactions.give_back(day.settlement, world.system(), [event])
    for _ in range(12):
        world.clock.advance(timedelta(minutes=6))
        await day.timers()
    assert given_back(day, quote) == 0
    world.payments.refund_fails = False
    await disputed(day, quote, id, whole, status)
    for _ in range(3):
        world.clock.advance(timedelta(minutes=6))
        await day.timers()
    assert given_back(day, quote) == (whole if status == "won" else 0)
    assert sum(borne(day, quote)) == (0 if status == "won" else whole)
    open_ones = "SELECT count(*) FROM settlement.cancellations WHERE due_at IS NOT NULL"
    assert await day.settlement_db.fetchval(open_ones) == 0


async def test_lost_while_a_refund_is_under_way_that_fails(day: Day) -> None:
    """The vendor order bears the loss once it is known that the refund took nothing."""
    world, quote = day.world, await bought(day)
    early = world.system().new_id()
    world.payments.pending_refunds.add(early)
    assert (await refund(day, quote, id=early)).status == "created"
    whole = quote.totals.total.minor
    await lost(day, quote, whole)
    assert borne(day, quote) == [0, 0]  # not decided yet who bears it
    world.payments.pending_refunds.clear()
    world.payments.refund_fails = True
    for _ in range(2):
        world.clock.advance(timedelta(minutes=6))
        await day.timers()
    assert sum(borne(day, quote)) == whole
    assert await prove(day.settlement_db) == []


@pytest.mark.parametrize("status", ["won", "lost"])
async def test_a_chargeback_survives_a_crash_anywhere(day: Day, status: str) -> None:
    world = day.world
    for n in range(1, 80):
        quote = await bought(day)
        id = world.ids().new()

        async def all_of_it(quote: Quote = quote) -> None:
            for told in ("open", status):
                await disputed(day, quote, id, 1000, told)  # noqa: B023

        world.faults.seen, world.faults.die_at = 0, n
        died = isinstance(await outcome(all_of_it()), Crash)
        where = world.faults.where
        day.restart()
        if died:
            await all_of_it()
        for _ in range(4):
            world.clock.advance(timedelta(minutes=6))
            await day.timers()
        assert sum(borne(day, quote)) == (1000 if status == "lost" else 0), where
        assert ((id, True) in world.payouts.disputes) == (status == "won"), where
        assert not world.payouts.blocked, where
        assert await prove(day.settlement_db) == []
        if not died:
            break
    else:
        pytest.fail("it has more boundaries than that")
    assert n > 12


async def test_they_are_listed_with_whom_they_concern(day: Day) -> None:
    quote = await bought(day)
    open_, over = day.world.ids().new(), await lost(day, quote, 100)
    await disputed(day, quote, open_, 301, "open")
    known: list[tuple[UUID, int, Any]] = [(open_, 301, "open"), (over, 100, "lost")]
    for id, minor, status in known:
        day.world.payments.open_disputes.append(
            Dispute(
                id=id,
                payment_id=card(quote.id),
                reference=quote.id,
                provider="test",
                provider_ref=f"dp_{id}",
                amount=usd(minor),
                fee=usd(15),
                reason="fraudulent",
                status=status,
                opened_at=day.world.clock.now(),
            )
        )
    strange = day.world.payments.open_disputes[0].model_copy(update={"id": derive(open_, "x")})
    day.world.payments.open_disputes.append(strange)  # of a top-up: none of ours
    page = await day.settlement.disputes(day.world.system())
    assert [(one.dispute.id, one.order_id) for one in page.items] == [
        (open_, quote.id),
        (over, quote.id),
    ]
    parts = {part(quote), part(quote, 1)}
    for one, minor in zip(page.items, (301, 100), strict=True):
        assert set(one.shares) == parts
        assert sum(share.minor for share in one.shares.values()) == minor
    only = await day.settlement.disputes(day.world.system(), status="lost")
    assert [one.dispute.id for one in only.items] == [over]
    for order_id, count in ((quote.id, 2), (part(quote), 0)):
        of = await day.settlement.disputes(day.world.system(), order_ids=[order_id])
        assert len(of.items) == count
