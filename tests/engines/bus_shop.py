"""A publisher and its hearers in one schema, for the tests of the bus."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from haat.engines.bus import Limits, Source, Subscription, open_bus
from haat.engines.sql import Database, Pool, module_metadata, open_pool
from haat.engines.sql.revisions import connected
from haat.kernel.context import Context
from haat.kernel.events import Event, Reaction

QUICK = Limits(lease_s=1, backoff_s=0.02, backoff_max_s=0.1, tries=3, poll_s=0.2)


class Sold(Event, name="shop.sold", key="hat", aliases=("shop.verkauft",)):
    hat: str
    number: int


class Returned(Event, name="shop.returned", key="hat"):
    hat: str
    number: int


def create_shop(url: str, schema: str = "shop") -> None:
    """A schema with outbox, inbox and a table of what was heard."""
    metadata = module_metadata(schema)
    sa.Table(
        "heard",
        metadata,
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("hat", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    with connected(url) as connection, connection.begin():
        connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
        connection.execute(sa.text("TRUNCATE bus.queue, bus.held, bus.lease, bus.dead, bus.member"))
        metadata.create_all(connection)


@dataclass
class Hearer:
    """A service that notes what it hears, after doing what a test wants done."""

    heard: list[Event] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    before: Callable[[Sequence[Any]], Awaitable[None]] | None = None

    def by_key(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for event in self.heard:
            found[event.key].append(event.number)  # type: ignore[attr-defined]
        return found


async def call(service: Hearer, ctx: Context, events: list[Any]) -> None:
    """A reaction that calls."""
    service.contexts.append(ctx)
    service.batches.append(len(events))
    if service.before:
        await service.before(events)
    service.heard.extend(events)


async def write(service: Hearer, ctx: Context, tx: Any, events: list[Any]) -> None:
    """A reaction that writes."""
    hats, numbers = [e.hat for e in events], [e.number for e in events]
    insert = "INSERT INTO shop.heard (hat, number) SELECT * FROM unnest($1::text[], $2::int[])"
    await tx.execute(insert, hats, numbers)
    await call(service, ctx, events)


CALLS = Reaction(Sold, call, writes=False, batch=100)
WRITES = Reaction(Sold, write, writes=True, batch=100)


@dataclass
class Shop:
    """An open shop: its door to the database and the bus of this process."""

    url: str
    pool: Pool
    limits: Limits = QUICK
    broker: str = ""  # its address; the database itself when empty

    def __post_init__(self) -> None:
        self.bus = open_bus(self.broker or self.url, self.pool, limits=self.limits)
        self.database = Database(self.pool, "shop", emitted=self.bus.emitted)

    async def start(self, *reactions: tuple[str, Hearer, Reaction], source: bool = True) -> None:
        sources = [Source("shop", self.pool)] if source else []
        await self.bus.start(
            sources,
            [Subscription(name, self.database, one, how) for name, one, how in reactions],
        )

    async def sell(self, *facts: tuple[str, int], ctx: Context | None = None) -> None:
        async with self.database.begin(ctx or Context()) as tx:
            tx.emit(*(Sold(hat=hat, number=number) for hat, number in facts))

    async def count(self, table: str) -> int:
        return int(await self.pool.fetchval(f"SELECT count(*) FROM {table}"))

    async def ids(self) -> list[UUID]:
        return [row[0] for row in await self.pool.fetch("SELECT event_id FROM shop.inbox")]


@asynccontextmanager
async def open_shop(url: str, limits: Limits = QUICK, broker: str = "") -> AsyncIterator[Shop]:
    """A bus on a pool of its own, as another process would have it."""
    pool = await open_pool(url, size=8)
    shop = Shop(url, pool, limits, broker)
    try:
        yield shop
    finally:
        await shop.bus.stop()
        await pool.close()


async def until(true: Callable[[], Any], timeout_s: float = 40) -> None:
    """Waits for a condition, sync or async."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = true()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.005)
