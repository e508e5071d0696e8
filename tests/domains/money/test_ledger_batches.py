"""Posts that share a transaction: each caller gets what it would have got alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from haat.domains.money.ledger.api import Account, Code, Insufficient, TransferConflict
from haat.domains.money.ledger.proof import prove
from haat.domains.money.ledger.service import LedgerService
from haat.domains.money.ledger.service.posting import CALLS_MAX
from haat.domains.money.ledger.statements import POST
from haat.engines.sql import Database, open_pool
from haat.kernel.errors import Unavailable
from tests.domains.money.emptying import emptied
from tests.domains.money.entries import CLEARING, CTX, escrow, minor_of, move, payable


@pytest.fixture
async def db(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> Database:
    await emptied(database_url, "ledger")
    return await database_of("ledger")


@pytest.fixture
def ledger(db: Database) -> LedgerService:
    return LedgerService(db)


@pytest.fixture
def posts(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many transfers each statement that posts has held, as they are sent."""
    sent: list[int] = []
    fetchval = db.fetchval

    async def counted(sql: str, *args: Any) -> Any:
        if sql == POST:
            sent.append(len(args[0]))
        return await fetchval(sql, *args)

    monkeypatch.setattr(db, "fetchval", counted)
    return sent


async def test_the_first_goes_at_once_and_the_others_together(
    ledger: LedgerService, posts: list[int]
) -> None:
    first = asyncio.create_task(ledger.post(CTX, transfers=[move(CLEARING, escrow(uuid4()), 1)]))
    for _ in range(3):  # its batch is on its way by then
        await asyncio.sleep(0)
    assert posts == [1]
    others = [
        asyncio.create_task(ledger.post(CTX, transfers=[move(CLEARING, escrow(uuid4()), 1)] * 2))
        for _ in range(40)
    ]
    assert await first == ["created"]
    assert await asyncio.gather(*others) == [["created", "exists"]] * 40
    assert posts == [1, 40]
    assert await minor_of(ledger, CLEARING) == [41]


async def test_a_batch_is_bounded(ledger: LedgerService, posts: list[int]) -> None:
    count = 2 * CALLS_MAX + 10
    await asyncio.gather(
        *(ledger.post(CTX, transfers=[move(CLEARING, payable(uuid4()), 1)]) for _ in range(count))
    )
    assert max(posts) <= CALLS_MAX
    assert sum(posts) == count


async def test_one_callers_fault_is_nobody_elses(
    ledger: LedgerService, db: Database, posts: list[int]
) -> None:
    order, known = escrow(uuid4()), move(CLEARING, escrow(uuid4()), 9)
    await ledger.post(CTX, transfers=[known, move(CLEARING, order, 100)])
    posts.clear()
    good = [move(CLEARING, payable(uuid4()), 1) for _ in range(20)]
    bad = [move(order, CLEARING, 101), move(order, CLEARING, 60), move(order, CLEARING, 60)]
    other = known.model_copy(update={"minor": 8})
    calls = [[one] for one in good] + [[one] for one in bad] + [[good[0]], [other], [known]]
    answers = await asyncio.gather(
        *(ledger.post(CTX, transfers=call) for call in calls), return_exceptions=True
    )
    assert answers[:20] == [["created"]] * 20
    names = [type(answer).__name__ for answer in answers[20:]]
    assert names == ["Insufficient", "list", "Insufficient", "list", "TransferConflict", "list"]
    assert answers[-3] == ["exists"]
    assert answers[-1] == ["exists"]
    assert len(posts) < len(calls)  # those not at fault stayed together
    assert await minor_of(ledger, order) == [40]
    assert await prove(db) == []


async def test_linked_transfers_stay_linked_in_a_batch(ledger: LedgerService, db: Database) -> None:
    """The good half of a refused call is not written with the others."""
    order, vendor = escrow(uuid4()), payable(uuid4())
    linked = [move(CLEARING, vendor, 5), move(order, vendor, 1, code=Code.EARNING)]
    answers = await asyncio.gather(
        ledger.post(CTX, transfers=linked),
        *(ledger.post(CTX, transfers=[move(CLEARING, vendor, 100)]) for _ in range(10)),
        return_exceptions=True,
    )
    assert isinstance(answers[0], Insufficient)
    assert await minor_of(ledger, vendor) == [1000]
    assert await prove(db) == []


async def test_who_stops_waiting_harms_nobody(ledger: LedgerService, db: Database) -> None:
    """One is cancelled before it was sent and one while it is; the others get their answers."""
    made = [move(CLEARING, escrow(uuid4()), 1) for _ in range(12)]
    tasks = [asyncio.create_task(ledger.post(CTX, transfers=[one])) for one in made]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.sleep(0)
    tasks[5].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(a, asyncio.CancelledError) for a in answers].count(True) == 2
    assert answers.count(["created"]) == 10
    again = await asyncio.gather(*(ledger.post(CTX, transfers=[one]) for one in made))
    assert [again[n] for n in range(12) if n not in (3, 5)] == [["exists"]] * 10
    assert await minor_of(ledger, CLEARING) == [12]
    assert await prove(db) == []


async def test_a_deadline_holds_while_the_batch_waits(
    ledger: LedgerService, db: Database, database_url: str
) -> None:
    """Somebody else holds a lock: the caller leaves at its deadline, and what follows is posted."""
    order = escrow(uuid4())
    await ledger.post(CTX, transfers=[move(CLEARING, order, 10)])
    holder = await asyncpg.connect(database_url)
    change = holder.transaction()
    await change.start()
    await holder.execute("SELECT 1 FROM ledger.accounts WHERE owner = $1 FOR UPDATE", order.owner)
    stuck = move(order, CLEARING, 4)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await ledger.post(CTX, transfers=[stuck])
    next_ = asyncio.create_task(ledger.post(CTX, transfers=[move(CLEARING, payable(uuid4()), 1)]))
    await asyncio.sleep(0.05)
    await change.rollback()
    await holder.close()
    assert await next_ == ["created"]
    assert await ledger.post(CTX, transfers=[stuck]) == ["exists"]
    assert await minor_of(ledger, order) == [6]


async def test_without_a_database_everybody_is_told(
    database_url: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await open_pool(database_url, size=2, role="haat_ledger")
    away = Database(pool, "ledger")
    ledger = LedgerService(away)

    async def nobody(*_: Any) -> Any:
        raise Unavailable("The database does not answer.", code="sql_away")

    monkeypatch.setattr(away, "fetchval", nobody)
    calls = [ledger.post(CTX, transfers=[move(CLEARING, payable(uuid4()), 1)]) for _ in range(5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 5
    monkeypatch.undo()
    one = move(CLEARING, payable(uuid4()), 1)
    assert await ledger.post(CTX, transfers=[one]) == ["created"]
    await pool.close()


async def test_processes_race_for_one_account(db: Database, ledger: LedgerService) -> None:
    """Several services on one database, as in several processes: covered accounts stay covered, a
    new account is made once, and the same transfers are posted once."""
    many = [LedgerService(db) for _ in range(4)]
    order, vendor = escrow(uuid4()), payable(uuid4())
    first = move(CLEARING, order, 100)
    answers = await asyncio.gather(*(one.post(CTX, transfers=[first]) for one in many * 3))
    assert sorted(answers) == [["created"]] + [["exists"]] * 11
    spent = await asyncio.gather(
        *(one.post(CTX, transfers=[move(order, vendor, 30)]) for one in many * 2),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Insufficient) for answer in spent) == 5
    asked = [move(vendor, CLEARING, 50, code=Code.PAYOUT, pending=True) for _ in range(8)]
    held = await asyncio.gather(
        *(one.post(CTX, transfers=[payout]) for one, payout in zip(many * 2, asked, strict=True)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Insufficient) for answer in held) == 7
    other = first.model_copy(update={"reference": uuid4()})
    with pytest.raises(TransferConflict):
        await many[1].post(CTX, transfers=[other])
    assert await prove(db) == []


async def test_two_sealers_never_fork_the_chain(ledger: LedgerService, db: Database) -> None:
    """While posts go on, as timers of two processes that both think they are the one."""
    wallet = Account(kind="wallet", owner=uuid4(), currency="XCR")
    exchange = Account(kind="exchange", currency="XCR")
    many = [LedgerService(db) for _ in range(3)]

    async def posting(n: int) -> None:
        for _ in range(15):
            await many[n % 3].post(CTX, transfers=[move(exchange, wallet, 1, code=Code.GRANT)])

    async def sealing(one: LedgerService) -> int:
        done = 0
        for _ in range(15):
            done += await one.seal(CTX)
            await asyncio.sleep(0.002)
        return done

    *_, a, b, c = await asyncio.gather(
        *(posting(n) for n in range(6)), *(sealing(one) for one in many)
    )
    rest = await ledger.seal(CTX)
    assert sum(n or 0 for n in (a, b, c)) + rest == 90
    head = await ledger.head(CTX)
    assert head is not None
    assert head.position == 90
    assert await minor_of(ledger, wallet) == [90]
    assert await prove(db) == []
