"""The ledger on real PostgreSQL: all or nothing, repeats, races, and the proof."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from haat.domains.money.ledger.api import (
    Account,
    Code,
    Insufficient,
    TransferConflict,
)
from haat.domains.money.ledger.proof import prove
from haat.domains.money.ledger.service import LedgerService
from haat.engines.sql import Database
from haat.kernel.errors import Conflict, Invalid, NotFound
from tests.domains.money.emptying import emptied
from tests.domains.money.entries import (
    CLEARING,
    COMMISSION,
    CTX,
    escrow,
    minor_of,
    move,
    payable,
)


@pytest.fixture
async def db(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> Database:
    await emptied(database_url, "ledger")
    return await database_of("ledger")


@pytest.fixture
def ledger(db: Database) -> LedgerService:
    return LedgerService(db)


async def test_a_sale_from_capture_to_payout(ledger: LedgerService, db: Database) -> None:
    order, vendor = uuid4(), uuid4()
    answers = await ledger.post(CTX, transfers=[move(CLEARING, escrow(order), 1000)])
    assert answers == ["created"]
    await ledger.post(
        CTX,
        transfers=[
            move(escrow(order), payable(vendor), 970, code=Code.EARNING),
            move(escrow(order), COMMISSION, 30, code=Code.COMMISSION),
        ],
    )
    payout = move(payable(vendor), CLEARING, 900, code=Code.PAYOUT, pending=True)
    await ledger.post(CTX, transfers=[payout])
    [held] = await ledger.balances(CTX, accounts=[payable(vendor)])
    assert (held.minor, held.pending_minor, held.free_minor) == (970, 900, 70)
    await ledger.post_pending(CTX, ids=[payout.id])
    await ledger.post_pending(CTX, ids=[payout.id])
    accounts = [CLEARING, escrow(order), payable(vendor), COMMISSION]
    assert await minor_of(ledger, *accounts) == [100, 0, 70, 30]
    assert await prove(db) == []


async def test_a_repeat_answers_exists_and_moves_nothing(ledger: LedgerService) -> None:
    batch = [move(CLEARING, escrow(uuid4()), 5) for _ in range(3)]
    assert await ledger.post(CTX, transfers=batch) == ["created"] * 3
    extra = move(CLEARING, escrow(uuid4()), 7)
    mixed = [batch[2], extra, batch[0], extra]
    answers = await ledger.post(CTX, transfers=mixed)
    assert answers == ["exists", "created", "exists", "exists"]
    assert await minor_of(ledger, CLEARING) == [22]


async def test_other_content_under_a_known_id_changes_nothing(ledger: LedgerService) -> None:
    first = move(CLEARING, escrow(uuid4()), 5)
    await ledger.post(CTX, transfers=[first])
    others = [
        first.model_copy(update={"minor": 6}),
        first.model_copy(update={"credit": escrow(uuid4())}),
        first.model_copy(update={"code": Code.REFUND}),
        first.model_copy(update={"pending": True}),
        first.model_copy(update={"reference": uuid4()}),
    ]
    for other in others:
        with pytest.raises(TransferConflict):
            await ledger.post(CTX, transfers=[move(CLEARING, escrow(uuid4()), 9), other])
        with pytest.raises(TransferConflict):
            await ledger.post(CTX, transfers=[other, first])
    assert await minor_of(ledger, CLEARING) == [5]


async def test_escrow_never_falls_below_zero(ledger: LedgerService, db: Database) -> None:
    order = escrow(uuid4())
    await ledger.post(CTX, transfers=[move(CLEARING, order, 100)])
    good, bad = move(CLEARING, escrow(uuid4()), 3), move(order, CLEARING, 101, code=Code.REFUND)
    with pytest.raises(Insufficient):
        await ledger.post(CTX, transfers=[good, bad])
    await ledger.post(CTX, transfers=[move(order, CLEARING, 60, pending=True)])
    with pytest.raises(Insufficient):
        await ledger.post(CTX, transfers=[move(order, CLEARING, 41)])
    assert await ledger.post(CTX, transfers=[good]) == ["created"]
    assert await prove(db) == []


async def test_payable_may_be_negative_but_not_promised_twice(ledger: LedgerService) -> None:
    vendor, order = payable(uuid4()), escrow(uuid4())
    await ledger.post(CTX, transfers=[move(vendor, order, 40, code=Code.EARNING_REVERSAL)])
    assert await minor_of(ledger, vendor) == [-40]
    with pytest.raises(Insufficient):
        await ledger.post(CTX, transfers=[move(vendor, CLEARING, 1, pending=True)])
    await ledger.post(CTX, transfers=[move(order, vendor, 40), move(CLEARING, vendor, 100)])
    asked = [move(vendor, CLEARING, 60, pending=True) for _ in range(4)]
    answers = await asyncio.gather(
        *(ledger.post(CTX, transfers=[one]) for one in asked), return_exceptions=True
    )
    assert sorted(str(type(a).__name__) for a in answers) == ["Insufficient"] * 3 + ["list"]
    [held] = await ledger.balances(CTX, accounts=[vendor])
    assert held.free_minor == 40


async def test_a_pending_transfer_ends_once(ledger: LedgerService, db: Database) -> None:
    vendor = payable(uuid4())
    await ledger.post(CTX, transfers=[move(CLEARING, vendor, 100)])
    paid, back = (move(vendor, CLEARING, 30, pending=True) for _ in range(2))
    posted = move(CLEARING, vendor, 1)
    await ledger.post(CTX, transfers=[paid, back, posted])
    await asyncio.gather(*(ledger.post_pending(CTX, ids=[paid.id]) for _ in range(5)))
    await ledger.void_pending(CTX, ids=[back.id])
    await ledger.void_pending(CTX, ids=[back.id, back.id])
    await ledger.post_pending(CTX, ids=[posted.id])
    for end, id in ((ledger.void_pending, paid.id), (ledger.post_pending, back.id)):
        with pytest.raises(Conflict):
            await end(CTX, ids=[id])
    with pytest.raises(Conflict):
        await ledger.void_pending(CTX, ids=[posted.id])
    with pytest.raises(NotFound):
        await ledger.post_pending(CTX, ids=[uuid4()])
    [held] = await ledger.balances(CTX, accounts=[vendor])
    assert (held.minor, held.pending_minor) == (71, 0)
    entries = (await ledger.statement(CTX, account=vendor)).items
    ends = {e.transfer_id: (e.status, e.minor, e.counterpart) for e in entries}
    assert ends[paid.id] == ("posted", -30, "clearing")
    assert ends[back.id] == ("voided", -30, "clearing")
    assert await prove(db) == []


async def test_posts_that_overlap_neither_lock_nor_lose(
    ledger: LedgerService, db: Database
) -> None:
    vendors = [payable(uuid4()) for _ in range(6)]
    orders = [escrow(uuid4()) for _ in range(8)]

    async def sale(n: int) -> None:
        forth = [move(CLEARING, order, 10) for order in orders]
        back = [move(o, vendors[(n + k) % 6], 4) for k, o in enumerate(orders)]
        await ledger.post(CTX, transfers=[*forth, *back] if n % 2 else [*back[::-1], *forth[::-1]])

    await asyncio.gather(*(sale(n) for n in range(40)))
    assert await minor_of(ledger, CLEARING) == [40 * 80]
    assert await minor_of(ledger, *orders) == [40 * 6] * 8
    assert sum(await minor_of(ledger, *vendors)) == 40 * 32
    assert await prove(db) == []


async def test_the_same_batch_at_once_is_posted_once(ledger: LedgerService, db: Database) -> None:
    batch = [move(CLEARING, escrow(uuid4()), 10) for _ in range(20)]
    turned = [batch, batch[::-1]] * 4
    answers = await asyncio.gather(*(ledger.post(CTX, transfers=b) for b in turned))
    assert sum(a.count("created") for a in answers) == 20
    assert await minor_of(ledger, CLEARING) == [200]
    assert await prove(db) == []


async def test_platform_accounts_are_many_rows(ledger: LedgerService, db: Database) -> None:
    """Posts one after the other move different rows; a repeat finds its own whichever it took."""
    made = [move(CLEARING, escrow(uuid4()), 1) for _ in range(60)]
    for one in made:
        await ledger.post(CTX, transfers=[one])
    rows = await db.fetch("SELECT shard, debits FROM ledger.accounts WHERE kind = 'clearing'")
    assert 4 < len(rows) <= 16
    assert sum(row["debits"] for row in rows) == 60
    for one in made:
        assert await ledger.post(CTX, transfers=[one]) == ["exists"]
    assert await minor_of(ledger, CLEARING) == [60]
    assert await prove(db) == []


async def test_a_statement_pages_newest_first(ledger: LedgerService) -> None:
    vendor = payable(uuid4())
    for minor in range(1, 8):
        await ledger.post(CTX, transfers=[move(CLEARING, vendor, minor)])
    seen, cursor = [], None
    while True:
        page = await ledger.statement(CTX, account=vendor, limit=3, cursor=cursor)
        seen += [entry.minor for entry in page.items]
        if (cursor := page.next) is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert len((await ledger.statement(CTX, account=CLEARING, limit=100)).items) == 7
    with pytest.raises(Invalid):
        await ledger.statement(CTX, account=vendor, cursor="nonsense")


async def test_nothing_and_the_unknown(ledger: LedgerService) -> None:
    assert await ledger.post(CTX, transfers=[]) == []
    await ledger.post_pending(CTX, ids=[])
    assert await minor_of(ledger, escrow(uuid4()), CLEARING) == [0, 0]


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        (CLEARING, CLEARING),
        (CLEARING, Account(kind="escrow", owner=UUID(int=1), currency="EUR")),
        (CLEARING, Account(kind="payable", currency="USD")),
        (Account(kind="tax", owner=UUID(int=1), currency="USD"), COMMISSION),
    ],
)
async def test_books_refuse_what_is_no_transfer(
    ledger: LedgerService, debit: Account, credit: Account
) -> None:
    with pytest.raises(Invalid):
        await ledger.post(CTX, transfers=[move(debit, credit, 5)])


async def test_transfers_cannot_be_changed(ledger: LedgerService, db: Database) -> None:
    one = move(CLEARING, payable(uuid4()), 5, pending=True)
    await ledger.post(CTX, transfers=[one])
    await ledger.post_pending(CTX, ids=[one.id])
    assert await ledger.seal(CTX) == 2
    for statement in (
        "UPDATE ledger.transfers SET minor = 6",
        "DELETE FROM ledger.transfers",
        "UPDATE ledger.outcomes SET posted = false",
        "DELETE FROM ledger.outcomes",
        "UPDATE ledger.chain SET row_id = row_id",
        "DELETE FROM ledger.chain",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await db.execute(statement)


async def test_tables_of_the_books_cannot_be_emptied(database_url: str) -> None:
    """Not even by the administrator, unless the trigger goes first."""
    administrator = await asyncpg.connect(database_url)
    for table in ("transfers, ledger.outcomes", "outcomes", "chain"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await administrator.execute(f"TRUNCATE ledger.{table}")
    await administrator.close()


async def test_two_refunds_cannot_both_empty_an_escrow(ledger: LedgerService, db: Database) -> None:
    order = escrow(uuid4())
    await ledger.post(CTX, transfers=[move(CLEARING, order, 100)])
    asked = [move(order, CLEARING, 60, code=Code.REFUND) for _ in range(4)]
    answers = await asyncio.gather(
        *(ledger.post(CTX, transfers=[one]) for one in asked), return_exceptions=True
    )
    assert sum(isinstance(answer, Insufficient) for answer in answers) == 3
    assert await minor_of(ledger, order) == [40]
    with pytest.raises(asyncpg.CheckViolationError):
        await db.execute("UPDATE ledger.accounts SET debits = 101 WHERE kind = 'escrow'")
    assert await prove(db) == []


async def test_a_deadlock_is_tried_again(
    ledger: LedgerService, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetchval, broken = db.fetchval, [asyncpg.DeadlockDetectedError(), asyncpg.SerializationError()]

    async def fetches(*args: Any) -> Any:
        if broken:
            raise broken.pop()
        return await fetchval(*args)

    monkeypatch.setattr(db, "fetchval", fetches)
    assert await ledger.post(CTX, transfers=[move(CLEARING, payable(uuid4()), 1)]) == ["created"]
    broken.append(asyncpg.DiskFullError())
    with pytest.raises(asyncpg.DiskFullError):
        await ledger.post(CTX, transfers=[move(CLEARING, payable(uuid4()), 1)])
