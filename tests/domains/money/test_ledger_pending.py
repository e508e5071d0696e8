"""Pending transfers: how they end, when they expire, and who may end them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from haat.domains.money.ledger import reactions
from haat.domains.money.ledger.api import (
    Account,
    Code,
    Insufficient,
    NotYours,
    Transfer,
    TransferConflict,
    TransferEnded,
)
from haat.domains.money.ledger.proof import prove
from haat.domains.money.ledger.service import LedgerService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.errors import NotFound
from haat.kernel.events import noted_in
from tests.domains.money.emptying import emptied
from tests.domains.money.entries import CLEARING, CTX, move, payable

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
WALLET = Account(kind="wallet", owner=uuid4(), currency="XCR")


@pytest.fixture
async def db(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> Database:
    await emptied(database_url, "ledger")
    return await database_of("ledger")


@pytest.fixture
def ledger(db: Database) -> LedgerService:
    return LedgerService(db)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOON)


@pytest.fixture
def ctx(clock: SettableClock) -> Context:
    return Context(actor=SYSTEM, clock=clock)


def custom(*, currency: str = "USD") -> Account:
    return Account(kind="custom", owner=uuid4(), currency=currency)


async def reserved(ledger: LedgerService, ctx: Context, expires_at: datetime | None) -> Transfer:
    vendor = payable(uuid4())
    await ledger.post(ctx, transfers=[move(CLEARING, vendor, 100)])
    one = move(vendor, CLEARING, 60, code=Code.PAYOUT, pending=True, expires_at=expires_at)
    await ledger.post(ctx, transfers=[one])
    return one


async def test_what_expired_is_voided_by_the_timer_and_not_posted(
    ledger: LedgerService, db: Database, clock: SettableClock, ctx: Context
) -> None:
    one = await reserved(ledger, ctx, NOON + timedelta(minutes=5))
    other = await reserved(ledger, ctx, NOON + timedelta(minutes=6))
    clock.advance(timedelta(minutes=5))
    with pytest.raises(TransferEnded) as refused:
        await ledger.post_pending(ctx, ids=[one.id])
    assert refused.value.data["outcome"] == "expired"
    with pytest.raises(TransferEnded):
        await ledger.post_pending(ctx, ids=[one.id, other.id])
    [held] = await ledger.balances(ctx, accounts=[one.debit])
    assert (held.minor, held.pending_minor) == (100, 60)
    await reactions.expire(ledger, ctx)
    assert await ledger.expire(ctx) == 0
    [held] = await ledger.balances(ctx, accounts=[one.debit])
    assert (held.minor, held.pending_minor) == (100, 0)
    await ledger.void_pending(ctx, ids=[one.id])
    with pytest.raises(TransferEnded) as refused:
        await ledger.post_pending(ctx, ids=[one.id])
    assert refused.value.data["outcome"] == "expired"
    await ledger.post_pending(ctx, ids=[other.id])
    assert await prove(db) == []


async def test_what_ended_in_time_does_not_expire(
    ledger: LedgerService, db: Database, clock: SettableClock, ctx: Context
) -> None:
    posted, voided = [await reserved(ledger, ctx, NOON + timedelta(hours=1)) for _ in range(2)]
    await ledger.post_pending(ctx, ids=[posted.id])
    await ledger.void_pending(ctx, ids=[voided.id])
    clock.advance(timedelta(days=1))
    assert await ledger.expire(ctx) == 0
    await ledger.post_pending(ctx, ids=[posted.id])
    for end, one, outcome in (
        (ledger.void_pending, posted, "posted"),
        (ledger.post_pending, voided, "voided"),
    ):
        with pytest.raises(TransferEnded) as refused:
            await end(ctx, ids=[one.id])
        assert refused.value.data["outcome"] == outcome
    assert await ledger.post(ctx, transfers=[posted]) == ["exists"]
    moved = posted.model_copy(update={"expires_at": NOON + timedelta(hours=2)})
    with pytest.raises(TransferConflict):
        await ledger.post(ctx, transfers=[moved])
    assert await prove(db) == []


async def test_expiry_and_a_post_at_the_same_time_have_one_outcome(
    ledger: LedgerService, db: Database, clock: SettableClock, ctx: Context
) -> None:
    """Two machines whose clocks differ: one still posts what the other voids."""
    late = replace(ctx, clock=SettableClock(NOON + timedelta(minutes=5)))
    made = [await reserved(ledger, ctx, NOON + timedelta(minutes=5)) for _ in range(12)]
    answers = await asyncio.gather(
        *(ledger.post_pending(ctx, ids=[one.id]) for one in made),
        LedgerService(db).expire(late),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, TransferEnded)]
    assert answers[-1] == len(refused)
    for one in made:
        [held] = await ledger.balances(ctx, accounts=[one.debit])
        assert (held.minor, held.pending_minor) in ((40, 0), (100, 0))
    assert await prove(db) == []


async def test_timers_run_as_often_as_promised() -> None:
    timers = {one.handler.__name__: one.seconds for one in noted_in(reactions).timers}
    assert timers["seal"] == 1
    assert timers["expire"] <= 5


async def test_outside_programs_post_between_custom_and_wallet_accounts_only(
    ledger: LedgerService, db: Database
) -> None:
    a, b, points = custom(), custom(), custom(currency="XCR")
    await ledger.open_custom(CTX, accounts=[a, b, WALLET])
    made = [
        move(a, b, 10, code=Code.CUSTOM),
        move(points, WALLET, 7, code=Code.CUSTOM),
    ]
    assert await ledger.post_custom(CTX, transfers=made) == ["created", "created"]
    assert [one.minor for one in await ledger.read_balances(CTX, accounts=[a, b, WALLET])] == [
        -10,
        10,
        7,
    ]
    with pytest.raises(Insufficient):
        await ledger.post_custom(CTX, transfers=[move(WALLET, points, 8, code=Code.CUSTOM)])
    for wrong in (
        move(CLEARING, b, 1, code=Code.CUSTOM),
        move(a, payable(uuid4()), 1, code=Code.CUSTOM),
        move(a, b, 1, code=Code.GRANT),
    ):
        with pytest.raises(NotYours):
            await ledger.post_custom(CTX, transfers=[made[0], wrong])
    with pytest.raises(NotYours):
        await ledger.open_custom(CTX, accounts=[a, CLEARING])
    assert len((await ledger.read_statement(CTX, account=a)).items) == 1
    assert await prove(db) == []


async def test_outside_programs_end_only_what_is_theirs(
    ledger: LedgerService, db: Database, ctx: Context
) -> None:
    payout = await reserved(ledger, ctx, None)
    a, b = custom(), custom()
    first, second = (move(a, b, n, code=Code.CUSTOM, pending=True) for n in (5, 6))
    await ledger.post_custom(ctx, transfers=[first, second])
    with pytest.raises(NotYours):
        await ledger.end_custom(ctx, ids=[payout.id, first.id], posted=True)
    with pytest.raises(NotFound):
        await ledger.end_custom(ctx, ids=[uuid4(), first.id], posted=True)
    await ledger.end_custom(ctx, ids=[first.id], posted=True)
    await ledger.end_custom(ctx, ids=[second.id], posted=False)
    await ledger.end_custom(ctx, ids=[second.id], posted=False)
    with pytest.raises(TransferEnded):
        await ledger.end_custom(ctx, ids=[first.id], posted=False)
    [held] = await ledger.balances(ctx, accounts=[b])
    assert (held.minor, held.pending_minor) == (5, 0)
    [held] = await ledger.balances(ctx, accounts=[payout.debit])
    assert held.pending_minor == 60
    assert await prove(db) == []
