"""Numbers of orders: no two orders share one, and they grow with time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from haat.domains.trade.orders.service import numbering
from haat.domains.trade.orders.service.numbering import FRESH_FOR, MOST, Numbers
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Context
from tests.conftest import DatabaseOf

LONG = FRESH_FOR + timedelta(milliseconds=1)


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_of: DatabaseOf) -> Database:
    return await database_of("orders")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture
def ctx(clock: SettableClock) -> Context:
    return Context(actor=SYSTEM, clock=clock)


class Counting:
    """Counts what is asked of the database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.sizes: list[int] = []

    async def fetch(self, sql: str, size: int) -> Any:
        assert sql == numbering.TAKE
        self.sizes.append(size)
        return await self._db.fetch(sql, size)


async def test_no_number_is_given_out_twice(db: Database, ctx: Context) -> None:
    processes = [Numbers(db) for _ in range(3)]
    rounds = [asyncio.gather(*(one.next(ctx) for one in processes * 7)) for _ in range(5)]
    given = [seq for found in await asyncio.gather(*rounds) for seq in found]
    assert len(set(given)) == len(given) == 105


async def test_many_orders_ask_seldom(db: Database, ctx: Context) -> None:
    counting: Any = Counting(db)
    numbers = Numbers(counting)
    given = [await numbers.next(ctx) for _ in range(63)]
    assert given == sorted(set(given))
    assert counting.sizes == [1, 2, 4, 8, MOST, MOST, MOST]


async def test_few_orders_leave_no_gaps(db: Database, ctx: Context, clock: SettableClock) -> None:
    numbers, other = Numbers(db), Numbers(db)
    given = []
    for one in (numbers, other, numbers, numbers, other):
        clock.set(clock.now() + LONG)
        given.append(await one.next(ctx))
    assert given == list(range(given[0], given[0] + 5))


async def test_what_is_left_of_a_block_is_forgotten(
    db: Database, ctx: Context, clock: SettableClock
) -> None:
    """Else a quiet process would give out, hours later, numbers lower than everybody's."""
    numbers, other = Numbers(db), Numbers(db)
    for _ in range(4):  # 1, 2 and 4 were taken; three are left
        await numbers.next(ctx)
    clock.set(clock.now() + LONG)
    last = await other.next(ctx)
    assert await numbers.next(ctx) > last


async def test_a_steady_trade_asks_for_what_a_second_needs(
    db: Database, ctx: Context, clock: SettableClock
) -> None:
    """Ten orders a second, of which a block of sixteen would be left over every time; and one by
    one again when it is over."""
    counting: Any = Counting(db)
    numbers = Numbers(counting)
    for _ in range(60):
        await numbers.next(ctx)
        clock.set(clock.now() + FRESH_FOR / 10)
    assert len(counting.sizes) < 12
    assert max(counting.sizes[-3:]) <= MOST
    clock.set(clock.now() + 2 * LONG)
    await numbers.next(ctx)
    assert counting.sizes[-1] == 1
