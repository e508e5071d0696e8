"""Earnings by line: refunds, sources, cash on delivery, reserves, fees, blocks, forecasts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payouts.api import (
    EarningConflict,
    Forecast,
    Policy,
    RefundLine,
    ReversalTooLarge,
    Source,
)
from haat.engines.sql import Database
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.ids import derive
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import Bank, Crash, FragileLedger, payouts_with
from tests.domains.money.test_payouts import (
    BANK_ACCOUNT,
    CARD,
    CLOCK,
    CTX,
    World,
    draft,
    draft_of,
    line,
    usd,
)

COD = "on_delivery"


@pytest.fixture
async def world(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> World:
    await emptied(database_url, "ledger", "payouts")
    db, books = await database_of("payouts"), await database_of("ledger")
    ledger, bank = FragileLedger(books), Bank()
    return World(db, books, ledger, bank, payouts_with(db, ledger, bank))


async def ruled(world: World, **policy: Any) -> None:
    await world.payouts.set_policy(CTX, policy=Policy(**policy), reason="A test of it")


async def history(world: World, line_id: UUID) -> list[Forecast]:
    return await world.payouts.forecast_history(CTX, line_id=line_id)


def said(forecasts: list[Forecast]) -> list[tuple[str, int, int, int]]:
    return [(f.cause, f.net.minor, f.change.minor, f.paid.minor) for f in forecasts]


async def paid_out(world: World, vendor: UUID) -> UUID:
    await world.payouts.set_destination(CTX, vendor_id=vendor, destination=BANK_ACCOUNT)
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    done = await world.payouts.decide(CTX, id=asked.id, decision="approve")
    assert done.status == "paid"
    return done.id


async def test_a_sale_by_lines_is_read_as_it_was_frozen(world: World) -> None:
    order, vendor = uuid4(), uuid4()
    lines = [line(uuid4(), 900, 60, 48, 12), line(derive(order, "shipping"), 100, 0, 5)]
    lines[1] = lines[1].model_copy(update={"kind": "shipping"})
    await world.payouts.expect(CTX, earnings=[draft_of(vendor, *lines, order=order)])
    found = await world.payouts.earning(CTX, vendor_order_id=order)
    assert found.lines == lines
    assert (found.gross, found.currency) == (usd(1125), "USD")
    with pytest.raises(NotFound):
        await world.payouts.earning(CTX, vendor_order_id=uuid4())
    await world.payouts.accrue(CTX, vendor_order_ids=[order])
    assert await world.held("commission_tax") == 12
    await world.proven()


@pytest.mark.parametrize("late", [False, True])
async def test_lines_are_refunded_by_themselves_or_all_in_proportion(
    world: World, late: bool
) -> None:
    vendor = uuid4()
    first, second = line(uuid4(), 900, 60, 48, 12), line(uuid4(), 300, 20, 16, 4)
    one = draft_of(vendor, first, second)
    order = one.vendor_order_id
    await world.payouts.expect(CTX, earnings=[one])
    if late:
        await world.payouts.accrue(CTX, vendor_order_ids=[order])
    back = await world.refund(
        uuid4(), order, usd(340), lines=[RefundLine(line_id=second.id, gross=usd(340))]
    )
    assert (back.net.minor, back.commission.minor, back.commission_tax.minor) == (300, 20, 4)
    lines = [RefundLine(line_id=second.id, gross=usd(1))]
    with pytest.raises(ReversalTooLarge) as error:
        await world.refund(uuid4(), order, usd(1), lines=lines)
    assert error.value.data["left"] == 0
    back = await world.refund(uuid4(), order, usd(510))
    assert (back.net.minor, back.commission.minor, back.tax.minor) == (450, 30, 24)
    assert said(await history(world, second.id))[-1][:3] == ("refunded", 0, -300)
    assert said(await history(world, first.id))[-1][:3] == ("refunded", 450, -450)
    await world.refund(uuid4(), order, usd(510))
    [earning] = await world.payouts.earnings_of(CTX, vendor_order_ids=[order])
    assert (earning.status, earning.refunded_net.minor) == ("reversed", 1200)
    for kind in ("clearing", "commission", "commission_tax", "tax"):
        assert await world.held(kind) == 0
    assert await world.held("payable", vendor) == 0
    await world.proven()


async def test_a_refund_by_lines_is_asked_for_correctly(world: World) -> None:
    first, second = line(uuid4(), 900), line(uuid4(), 300)
    one = draft_of(uuid4(), first, second)
    await world.payouts.expect(CTX, earnings=[one])
    wrong: list[dict[str, Any]] = [
        {"lines": [RefundLine(line_id=first.id, gross=usd(99))]},
        {"lines": [RefundLine(line_id=uuid4(), gross=usd(100))]},
        {"lines": [RefundLine(line_id=first.id, gross=usd(50))] * 2},
        {"sources": [Source(provider=CARD, amount=usd(99))]},
        {"sources": [Source(provider="gold", amount=usd(100))]},
        {"sources": [Source(amount=usd(100))]},
        {"sources": [Source(provider=CARD, amount=usd(50))] * 2},
        {"fee": usd(-1)},
    ]
    for given in wrong:
        with pytest.raises(Invalid):
            await world.refund(uuid4(), one.vendor_order_id, usd(100), **given)
    assert (await world.payouts.earning(CTX, vendor_order_id=one.vendor_order_id)).refunded == usd(
        0
    )
    await world.proven()


async def test_credits_and_card_get_back_what_each_paid(world: World) -> None:
    one = draft(uuid4())
    one = one.model_copy(
        update={
            "sources": [
                Source(amount=usd(80)),
                Source(provider=CARD, amount=usd(1000)),
            ]
        }
    )
    order = one.vendor_order_id
    for _ in range(2):
        await world.payouts.expect(CTX, earnings=[one])
    assert (await world.held("exchange"), await world.held("clearing")) == (-80, 1000)
    sources = [Source(amount=usd(8)), Source(provider=CARD, amount=usd(100))]
    await world.refund(uuid4(), order, usd(108), sources=sources)
    assert (await world.held("exchange"), await world.held("clearing")) == (-72, 900)
    with pytest.raises(ReversalTooLarge) as error:
        await world.refund(uuid4(), order, usd(73), sources=[Source(amount=usd(73))])
    assert error.value.data["left"] == 72
    other = one.model_copy(update={"sources": [Source(provider=CARD, amount=usd(1080))]})
    with pytest.raises(EarningConflict):
        await world.payouts.expect(CTX, earnings=[other])
    await world.proven()


async def test_cash_on_delivery_makes_the_vendor_owe_the_commission(world: World) -> None:
    vendor = uuid4()
    lines = [line(uuid4(), 680, 20), line(uuid4(), 290, 10, 80)]
    cod = [Source(provider=COD, collected=True, amount=usd(1080))]
    one = draft_of(vendor, *lines, sources=cod)
    order = one.vendor_order_id
    await world.payouts.expect(CTX, earnings=[one])
    assert await world.held("cash", vendor) == 1080
    early = [Source(provider=COD, collected=True, amount=usd(100))]
    asked = [RefundLine(line_id=lines[0].id, gross=usd(100))]
    await world.refund(uuid4(), order, usd(100), sources=early, lines=asked)
    assert await world.held("cash", vendor) == 980
    await world.payouts.accrue(CTX, vendor_order_ids=[order])
    assert (await world.held("cash", vendor), await world.held("payable", vendor)) == (0, -107)
    late = [Source(provider=COD, collected=True, amount=usd(380))]
    asked = [RefundLine(line_id=lines[1].id, gross=usd(380))]
    await world.refund(uuid4(), order, usd(380), sources=late, lines=asked)
    # The vendor gave the second line's price back himself; what it paid us for it comes back.
    assert (await world.held("cash", vendor), await world.held("payable", vendor)) == (0, -17)
    await world.proven()
    await world.eligible(vendor, 1000)
    await paid_out(world, vendor)
    assert world.bank.asked[-1][1] == usd(983)
    for sold, net in zip(lines, (583, 0), strict=True):
        last = (await history(world, sold.id))[-1]
        assert (last.cause, last.net.minor, last.paid.minor) == ("paid", net, net)
    await world.proven()


async def test_a_reserve_is_held_back_and_released(world: World) -> None:
    await ruled(world, reserve_bp=1000, reserve_days=30)
    vendor = uuid4()
    one = await world.eligible(vendor)
    [sold] = one.lines
    balance = await world.balance(vendor)
    assert (balance.available.minor, balance.reserved.minor) == (873, 97)
    await paid_out(world, vendor)
    [earning] = await world.payouts.earnings_of(CTX, vendor_order_ids=[one.vendor_order_id])
    assert earning.status == "eligible"
    last = (await history(world, sold.id))[-1]
    assert (last.net.minor, last.paid.minor, last.blockers) == (970, 873, ["reserve"])
    await world.payouts.release_reserves(CTX)
    assert await world.held("reserve", vendor) == 97
    CLOCK.advance(timedelta(days=30))
    world.ledger.dies = "after"
    with pytest.raises(Crash):
        await world.payouts.release_reserves(CTX)
    for _ in range(2):
        await world.payouts.release_reserves(CTX)
    balance = await world.balance(vendor)
    assert (balance.available.minor, balance.reserved.minor) == (97, 0)
    await world.proven()
    await paid_out(world, vendor)
    last = (await history(world, sold.id))[-1]
    assert (last.cause, last.net.minor, last.paid.minor, last.blockers) == ("paid", 970, 970, [])
    [earning] = await world.payouts.earnings_of(CTX, vendor_order_ids=[one.vendor_order_id])
    assert earning.status == "paid"
    await world.proven()


async def test_what_is_disputed_keeps_its_reserve(world: World) -> None:
    await ruled(world, reserve_bp=1000, reserve_days=30)
    vendor, dispute = uuid4(), uuid4()
    one, other = await world.eligible(vendor), await world.eligible(vendor)
    order, [sold] = one.vendor_order_id, one.lines
    await world.payouts.block(CTX, vendor_order_id=order, source_id=dispute, kind="dispute")
    last = (await history(world, sold.id))[-1]
    assert (last.expected_at, last.blockers) == (None, ["dispute", "reserve", "schedule"])
    await paid_out(world, vendor)
    last = (await history(world, sold.id))[-1]
    assert (last.cause, last.blockers) == ("paid", ["dispute", "reserve"])
    CLOCK.advance(timedelta(days=31))
    for _ in range(2):
        await world.payouts.release_reserves(CTX)
    balance = await world.balance(vendor)
    assert (balance.available.minor, balance.reserved.minor) == (97, 97)  # of the other
    coming = await world.payouts.balance_forecast(CTX, vendor_id=vendor)
    assert coming.waiting["dispute"] == usd(97)
    assert coming.days == []
    await world.payouts.unblock(CTX, vendor_order_id=order, source_id=dispute)
    assert (await history(world, sold.id))[-1].expected_at is not None
    await world.payouts.release_reserves(CTX)
    balance = await world.balance(vendor)
    assert (balance.available.minor, balance.reserved.minor) == (194, 0)
    assert other.vendor_order_id != order
    await world.proven()


async def test_a_dispute_in_the_moment_of_release(world: World) -> None:
    """Whichever comes first: disputed and held back, or released before."""
    await ruled(world, reserve_bp=1000, reserve_days=30)
    for _ in range(5):
        vendor = uuid4()
        order = (await world.eligible(vendor)).vendor_order_id
        CLOCK.advance(timedelta(days=31))
        await asyncio.gather(
            world.payouts.release_reserves(CTX),
            world.payouts.block(CTX, vendor_order_id=order, source_id=uuid4(), kind="dispute"),
        )
        held = (await world.balance(vendor)).reserved.minor
        await world.payouts.release_reserves(CTX)
        assert (await world.balance(vendor)).reserved.minor == held
    await world.proven()


async def test_a_refund_lowers_the_reserve_with_the_sale(world: World) -> None:
    await ruled(world, reserve_bp=1000, reserve_days=30)
    vendor = uuid4()
    one = await world.eligible(vendor)
    await ruled(world, reserve_bp=5000, reserve_days=1)  # for sales that accrue from now on
    await world.refund(uuid4(), one.vendor_order_id, usd(540))
    assert await world.held("reserve", vendor) == 49
    assert await world.held("payable", vendor) == 873 - 485 + 48
    await world.refund(uuid4(), one.vendor_order_id, usd(540))
    balance = await world.balance(vendor)
    assert (balance.available.minor, balance.reserved.minor) == (0, 0)
    await world.proven()


async def test_kept_commission_is_charged_in_the_same_post(world: World) -> None:
    await ruled(world, kept_commission=True)
    vendor = uuid4()
    sold = line(uuid4(), 900, 60, 48, 12)
    one = draft_of(vendor, sold)
    await world.payouts.expect(CTX, earnings=[one])
    refund = uuid4()
    for dies in ("before", "after", ""):
        world.ledger.dies = dies
        if dies:
            with pytest.raises(Crash):
                await world.refund(refund, one.vendor_order_id, usd(510))
        else:
            back = await world.refund(refund, one.vendor_order_id, usd(510))
    assert (back.commission.minor, back.fee.minor) == (30, 36)
    assert await world.held("payable", vendor) == -36
    await world.payouts.accrue(CTX, vendor_order_ids=[one.vendor_order_id])
    assert await world.held("commission") == 60
    assert await world.held("commission_tax") == 12
    assert (await world.balance(vendor)).available.minor == 414
    found = await world.payouts.earning(CTX, vendor_order_id=one.vendor_order_id)
    assert (found.fees.minor, found.refunded_net.minor) == (36, 450)
    await paid_out(world, vendor)
    last = (await history(world, sold.id))[-1]
    assert (last.net.minor, last.paid.minor) == (414, 414)
    reasons = {d.kind: d.minor for d in last.deductions}
    assert reasons == {"commission": 30, "commission_tax": 6, "tax": 24, "refund": 510, "fee": 36}
    await world.proven()


@pytest.mark.parametrize("borne", [True, False])
async def test_a_lost_dispute_comes_out_of_what_the_provider_took(
    world: World, borne: bool
) -> None:
    await ruled(world, vendor_bears_dispute_fee=borne)
    vendor = uuid4()
    one = await world.eligible(vendor)
    dispute = uuid4()
    for _ in range(2):
        await world.payouts.disputed(
            CTX, dispute_id=dispute, provider=CARD, amount=usd(1080), won=None
        )
    assert (await world.held("clearing"), await world.held("disputed")) == (0, 1080)
    await world.payouts.disputed(
        CTX, dispute_id=dispute, provider=CARD, amount=usd(1080), won=False
    )
    back = await world.refund(
        derive(dispute, "lost"),
        one.vendor_order_id,
        usd(1080),
        cause="dispute_lost",
        fee=usd(1500),
    )
    assert back.fee == usd(1500 if borne else 0)
    assert (await world.held("clearing"), await world.held("disputed")) == (-1500, 0)
    assert await world.held("payable", vendor) == (-1500 if borne else 0)
    assert await world.held("fees") == (0 if borne else 1500)
    [last] = await world.payouts.forecast(CTX, vendor_order_id=one.vendor_order_id)
    assert (last.cause, last.net.minor) == ("dispute_lost", -1500 if borne else 0)
    await world.proven()


async def test_a_dispute_won_gives_the_money_back(world: World) -> None:
    await world.eligible(uuid4())
    dispute = uuid4()
    for won in (None, True, True):
        await world.payouts.disputed(
            CTX, dispute_id=dispute, provider=CARD, amount=usd(1080), won=won
        )
    for _ in range(2):
        await world.payouts.dispute_fee(CTX, dispute_id=dispute, provider=CARD, fee=usd(15))
    assert (await world.held("clearing"), await world.held("disputed")) == (1065, 0)
    assert await world.held("fees") == 15
    await world.proven()


async def blocked(world: World, order: UUID, source: UUID, kind: Any) -> None:
    await world.payouts.block(CTX, vendor_order_id=order, source_id=source, kind=kind)


async def test_what_is_blocked_waits_until_nothing_blocks_it(world: World) -> None:
    one = draft(uuid4())
    order, dispute, returned = one.vendor_order_id, uuid4(), uuid4()
    [sold] = one.lines
    await world.payouts.expect(CTX, earnings=[one])
    closes = CLOCK.now() + timedelta(days=14)
    for _ in range(2):
        await world.payouts.delivered(CTX, windows={order: closes, uuid4(): closes})
        for id, kind in ((dispute, "dispute"), (returned, "return")):
            await blocked(world, order, id, kind)
    await world.payouts.accrue(CTX, vendor_order_ids=[order])
    [earning] = await world.payouts.earnings_of(CTX, vendor_order_ids=[order])
    assert (earning.status, earning.blocked_by) == ("pending", ["dispute", "return"])
    await world.payouts.unblock(CTX, vendor_order_id=order, source_id=dispute)
    assert await world.held("payable", one.vendor_id) == 0
    for _ in range(2):
        await world.payouts.unblock(CTX, vendor_order_id=order, source_id=returned)
    assert await world.held("payable", one.vendor_id) == 970
    forecasts = await history(world, sold.id)
    assert [f.cause for f in forecasts] == [
        "sold",
        "delivered",
        "disputed",
        "blocked",
        "unblocked",
        "unblocked",
        "window_closed",
    ]
    assert forecasts[1].expected_at == closes
    assert forecasts[3].blockers == ["return_window", "dispute", "return"]
    assert forecasts[3].expected_at is None
    await world.proven()


async def test_an_unblock_before_its_block_cancels_it(world: World) -> None:
    one, source = draft(uuid4()), uuid4()
    order = one.vendor_order_id
    await world.payouts.expect(CTX, earnings=[one])
    await world.payouts.unblock(CTX, vendor_order_id=order, source_id=source)
    await world.payouts.block(CTX, vendor_order_id=order, source_id=source, kind="hold")
    await world.payouts.accrue(CTX, vendor_order_ids=[order])
    assert await world.held("payable", one.vendor_id) == 970
    early = draft(uuid4())
    await world.payouts.block(
        CTX, vendor_order_id=early.vendor_order_id, source_id=source, kind="hold"
    )
    await world.payouts.expect(CTX, earnings=[early])
    await world.payouts.accrue(CTX, vendor_order_ids=[early.vendor_order_id])
    assert await world.held("payable", early.vendor_id) == 0
    await world.proven()


async def test_forecasts_from_sale_to_payout_and_after(world: World) -> None:
    await ruled(world, schedule="weekly", schedule_day=1)
    vendor = uuid4()
    sold = line(uuid4(), 900, 60, 48, 12)
    one = draft_of(vendor, sold)
    order = one.vendor_order_id
    await world.payouts.expect(CTX, earnings=[one])
    [first] = await world.payouts.forecast(CTX, vendor_order_id=order)
    assert first.blockers == ["not_delivered", "destination"]
    closes = CLOCK.now() + timedelta(days=14)
    await world.payouts.delivered(CTX, windows={order: closes})
    await world.refund(uuid4(), order, usd(102))
    await world.payouts.accrue(CTX, vendor_order_ids=[order])
    payout = await paid_out(world, vendor)
    await world.refund(uuid4(), order, usd(102))
    forecasts = await history(world, sold.id)
    assert said(forecasts) == [
        ("sold", 900, 900, 0),
        ("delivered", 900, 0, 0),
        ("refunded", 810, -90, 0),
        ("window_closed", 810, 0, 0),
        ("payout", 810, 0, 0),
        ("payout", 810, 0, 0),
        ("paid", 810, 0, 810),
        ("refunded", 720, -90, 810),
    ]
    expected = forecasts[1].expected_at
    assert expected is not None
    assert expected >= closes
    assert expected.isoweekday() == 1
    assert expected - closes < timedelta(days=7)
    assert [f.blockers for f in forecasts[3:]] == [
        ["schedule"],
        ["approval"],
        ["provider"],
        [],
        ["negative_balance"],
    ]
    assert forecasts[6].cause_id == payout
    await world.proven()
    await world.eligible(vendor, 500)
    await paid_out(world, vendor)
    last = (await history(world, sold.id))[-1]
    assert (last.cause, last.net.minor, last.paid.minor, last.blockers) == ("paid", 720, 720, [])
    await world.proven()


async def test_a_payout_that_fails_gives_its_lines_back(world: World) -> None:
    vendor = uuid4()
    one = await world.eligible(vendor)
    asked = await world.payouts.request(CTX, id=uuid4(), vendor_id=vendor)
    await world.payouts.decide(CTX, id=asked.id, decision="reject", reason="No proof")
    [last] = await world.payouts.forecast(CTX, vendor_order_id=one.vendor_order_id)
    assert (last.cause, last.blockers, last.paid.minor) == ("payout", ["schedule"], 0)
    await paid_out(world, vendor)
    [last] = await world.payouts.forecast(CTX, vendor_order_id=one.vendor_order_id)
    assert (last.cause, last.paid) == ("paid", last.net)
    await world.proven()


async def test_the_balances_forecast_says_when_and_what_for(world: World) -> None:
    await ruled(world, reserve_bp=1000, reserve_days=10)
    vendor = uuid4()
    waiting, coming, blocked = draft(vendor), draft(vendor, 500), draft(vendor, 300)
    await world.payouts.expect(CTX, earnings=[waiting, coming, blocked])
    closes = CLOCK.now() + timedelta(days=3)
    windows = {coming.vendor_order_id: closes, blocked.vendor_order_id: closes}
    await world.payouts.delivered(CTX, windows=windows)
    await world.payouts.block(
        CTX, vendor_order_id=blocked.vendor_order_id, source_id=uuid4(), kind="return"
    )
    found = await world.payouts.balance_forecast(CTX, vendor_id=vendor)
    assert [(day.day, day.amount.minor, day.vendor_orders) for day in found.days] == [
        (closes.date(), 450, 1),
        ((closes + timedelta(days=10)).date(), 50, 1),
    ]
    waits = {kind: money.minor for kind, money in found.waiting.items()}
    assert waits == {"not_delivered": 970, "return": 300}
    await world.payouts.accrue(CTX, vendor_order_ids=[coming.vendor_order_id])
    found = await world.payouts.balance_forecast(CTX, vendor_id=vendor)
    assert (found.available.minor, found.waiting["destination"].minor) == (450, 450)
    assert [day.amount.minor for day in found.days] == [50]
