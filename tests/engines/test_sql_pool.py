"""Connections kept at hand: used again when they are sound, and only then."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from haat.engines.sql import Deadlock, Pool, open_pool
from haat.engines.sql.pool import KEPT
from haat.kernel.context import SYSTEM, Context
from tests.conftest import DatabaseOf

ME = "SELECT pg_backend_pid()"


@pytest_asyncio.fixture(loop_scope="session")
async def pool(postgres_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(postgres_url, size=3)
    yield opened
    await opened.close()


async def test_one_connection_serves_one_after_the_other(pool: Pool) -> None:
    assert len({await pool.fetchval(ME) for _ in range(5)}) == 1


async def test_no_more_than_its_size_at_once(pool: Pool) -> None:
    asked = [pool.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.02)") for _ in range(12)]
    found = await asyncio.gather(*asked)
    assert len(found) == 12
    assert len(set(found)) == 3


async def test_whoever_waits_is_served_in_turn(postgres_url: str) -> None:
    pool = await open_pool(postgres_url, size=1)
    order: list[int] = []

    async def ask(number: int) -> None:
        await pool.fetchval("SELECT 1")
        order.append(number)

    async with pool.acquire():
        waiting = [asyncio.create_task(ask(number)) for number in range(4)]
        await asyncio.sleep(0)
        waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await pool.close()
    assert order == [0, 2, 3]


async def test_nobody_waits_for_ever(pool: Pool) -> None:
    async with pool.acquire(), pool.acquire(), pool.acquire():
        with pytest.raises(TimeoutError):
            async with pool.acquire(timeout=0.05):
                pass
    assert await pool.fetchval("SELECT 1") == 1


async def test_a_statement_that_fails_spoils_nothing(pool: Pool) -> None:
    pid = await pool.fetchval(ME)
    for _ in range(5):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await pool.fetchval("SELECT 1 / 0")
    assert await pool.fetchval(ME) == pid


async def test_a_transaction_left_open_goes_no_further(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("BEGIN")
        pid = await connection.fetchval(ME)
    left = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state LIKE 'idle in%'"
    assert await pool.fetchval(left, pid) == 0
    assert await pool.fetchval("SELECT 1") == 1


async def test_one_given_up_is_ended(pool: Pool) -> None:
    for _ in range(3):
        task = asyncio.create_task(pool.fetchval("SELECT pg_sleep(30)"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    found = await asyncio.gather(*(pool.fetchval("SELECT 1") for _ in range(9)))
    busy = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'"
    assert await pool.fetchval(f"{busy} AND state = 'active'") == 0
    assert found == [1] * 9


async def test_a_lost_connection_is_replaced(pool: Pool) -> None:
    pids = set(await asyncio.gather(*(pool.fetchval(f"{ME} FROM pg_sleep(0.02)") for _ in "abc")))
    killer = next(iter(pids))
    async with pool.acquire() as connection:
        own = await connection.fetchval(ME)
        for pid in pids - {own}:
            await connection.execute("SELECT pg_terminate_backend($1)", pid)
    async with asyncio.timeout(30):
        while True:
            found = await asyncio.gather(
                *(pool.fetchval(f"{ME} FROM pg_sleep(0.02)") for _ in "abc"),
                return_exceptions=True,
            )
            if all(isinstance(one, int) for one in found):
                break
    assert killer in pids
    assert set(found) & pids == {own}


async def test_what_is_not_needed_is_closed(pool: Pool) -> None:
    await asyncio.gather(*(pool.fetchval("SELECT 1 FROM pg_sleep(0.02)") for _ in "abc"))
    pool._trim()  # from here on it counts what nobody uses
    await pool.fetchval("SELECT 1")
    pool._trim()
    await asyncio.gather(*pool._closing)
    assert len(pool._idle) == KEPT
    pids = await asyncio.gather(*(pool.fetchval(f"{ME} FROM pg_sleep(0.02)") for _ in "abc"))
    assert len(set(pids)) == 3


async def test_a_closed_pool_says_so(postgres_url: str) -> None:
    pool = await open_pool(postgres_url, size=1)
    async with pool.acquire() as connection:
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        assert await connection.fetchval("SELECT 1") == 1  # what is under way ends first
    await closing
    with pytest.raises(asyncpg.InterfaceError):
        await pool.fetchval("SELECT 1")


async def test_a_statement_seen_before_answers_the_same(pool: Pool) -> None:
    rows = "SELECT n, n * $1::int AS m FROM generate_series(1, $2::int) n"
    for _ in range(3):  # asyncpg's own way, then ours
        assert [tuple(row) for row in await pool.fetch(rows, 2, 3)] == [(1, 2), (2, 4), (3, 6)]
        assert tuple(await pool.fetchrow(rows, 5, 3)) == (1, 5)
        assert await pool.fetchrow(rows, 5, 0) is None
        assert await pool.fetchval(rows, 5, 3) == 1
        assert await pool.fetchval(rows, 5, 0) is None
        assert await pool.execute(rows, 5, 3) == "SELECT 3"
        assert await pool.fetch("SELECT 1 WHERE false") == []


async def test_a_statement_seen_before_goes_straight(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled = "SELECT 2 * $1::int"
    await pool.fetchval(doubled, 4)
    monkeypatch.delattr(asyncpg.Connection, "_execute")
    assert await pool.fetchval(doubled, 21) == 42
    assert await pool.execute(doubled, 21) == "SELECT 1"


async def test_a_refused_argument_spoils_nothing(pool: Pool) -> None:
    halved, pid = "SELECT $1::int / 2", await pool.fetchval(ME)
    for _ in range(2):
        assert await pool.fetchval(halved, 8) == 4
        with pytest.raises(asyncpg.DataError):
            await pool.fetchval(halved, "eight")
        with pytest.raises(asyncpg.InterfaceError):
            await pool.fetchval(halved, 8, 9)
    assert await pool.fetchval(ME) == pid


async def test_a_table_may_change_between_two_calls(pool: Pool) -> None:
    """As in a rolling restart: the new version has migrated, the old one still asks."""
    every = "SELECT * FROM pg_temp.changing WHERE id = $1"
    await pool.execute("CREATE TEMP TABLE changing (id int); INSERT INTO changing VALUES (1)")
    for _ in range(2):
        assert dict(await pool.fetchrow(every, 1)) == {"id": 1}
    await pool.execute("ALTER TABLE changing ADD COLUMN name text DEFAULT 'one'")
    for _ in range(2):
        assert dict(await pool.fetchrow(every, 1)) == {"id": 1, "name": "one"}


async def test_a_type_may_change_between_two_calls(pool: Pool) -> None:
    await pool.execute("CREATE TYPE pg_temp.pair AS (a int, b int)")
    made = "SELECT ROW($1::int, 2)::pg_temp.pair"
    for _ in range(2):
        assert tuple(await pool.fetchval(made, 1)) == (1, 2)
    await pool.execute("ALTER TYPE pg_temp.pair DROP ATTRIBUTE b")
    await pool.execute("ALTER TYPE pg_temp.pair ADD ATTRIBUTE b text")
    with pytest.raises(asyncpg.OutdatedSchemaCacheError):
        await pool.fetchval(made, 1)
    assert tuple(await pool.fetchval(made, 1)) == (1, "2")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, -0.1, 1e300, 9007199254740993, 123456789012345678901234567890], "b": null}',
        '"é\\u2028\\ud83d\\ude00 \\" \\\\"',
        '"half a pair: \\ud800"',
        "[" * 400 + "]" * 400,
    ],
)
async def test_json_is_read_as_the_standard_library_reads_it(pool: Pool, text: str) -> None:
    assert await pool.fetchval("SELECT $1::json", text) == json.loads(text)


async def test_what_a_deadlock_ends_is_told_as_something_to_send_again(
    database_of: DatabaseOf,
) -> None:
    db = await database_of("orders")
    both = asyncio.Barrier(2)

    async def take(first: int, second: int) -> str:
        try:
            async with db.begin(Context(SYSTEM)) as tx:
                await tx.execute("SELECT pg_advisory_xact_lock($1)", first)
                await both.wait()
                await tx.execute("SELECT pg_advisory_xact_lock($1)", second)
        except Deadlock as problem:
            return f"{problem.status} {problem.code}"
        return "done"

    assert sorted(await asyncio.gather(take(1, 2), take(2, 1))) == ["503 sql_conflict", "done"]
