"""Connections kept at hand: used again when they are sound, and only then."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from haat.engines.sql import Pool, open_pool
from haat.engines.sql.pool import KEPT

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
    async with asyncio.timeout(5):
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
