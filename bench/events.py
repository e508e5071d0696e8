"""How fast events drain: `python -m bench.events --bus postgres|nats|rabbitmq --events 100000`.

A full outbox is relayed and heard by one subscriber in one process, whose reaction writes: an inbox
row and one changed row for each event, a transaction for each batch. Beside it, in the same run,
what the machine could do without a bus: the same statements for the same events, batch after batch
over one connection. PostgreSQL and NATS are embedded ones, durable as in an installation.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvloop

from haat.engines.bus import Limits, Source, Subscription, open_bus
from haat.engines.bus.embedded_nats import EmbeddedNats
from haat.engines.sql import Database, module_metadata, open_pool
from haat.engines.sql.embedded import EmbeddedPostgres
from haat.engines.sql.migrate import Migrated, migrate
from haat.engines.sql.revisions import connected
from haat.kernel.context import Context
from haat.kernel.events import Event, Reaction
from haat.kernel.money import Money

GOALS = {"postgres": 1_500, "nats": 2_500, "rabbitmq": 0}  # 0: none is set
KEYS = 5  # events of a key: an order's few
FILL = 2_000
SCHEMA = "bench_events"
RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/"
CHANGE = f"UPDATE {SCHEMA}.changed SET hits = hits + 1 WHERE id = ANY($1::bigint[])"
NOTE = f"INSERT INTO {SCHEMA}.inbox (subscriber, event_id) SELECT $1, unnest($2::uuid[])"
RESET = f"UPDATE {SCHEMA}.changed SET hits = 0; TRUNCATE {SCHEMA}.inbox"
WRONG = f"SELECT count(*) FROM {SCHEMA}.changed WHERE hits <> 1"


class Paid(Event, name="bench.paid", key="order_id"):
    """About as big as an event of an order."""

    order_id: UUID
    vendor_id: UUID
    person_id: UUID
    number: int
    total: Money
    lines: list[str]


@dataclass
class Hearer:
    """What a reaction needs; here nothing."""

    heard: int = 0


async def hear(service: Hearer, ctx: Context, tx: Any, events: list[Paid]) -> None:
    """Changes one row for each event."""
    await tx.execute(CHANGE, [event.number for event in events])
    service.heard += len(events)


def create(url: str, events: int) -> None:
    """The schema with outbox and inbox, and a row to change for each event."""
    migrate(url, [Migrated("bus", "haat.engines.bus", None)])
    with connected(url) as connection, connection.begin():
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        module_metadata(SCHEMA).create_all(connection)
        connection.exec_driver_sql(
            f"CREATE TABLE {SCHEMA}.changed (id bigint PRIMARY KEY, hits int NOT NULL DEFAULT 0)"
            " WITH (fillfactor = 70)"
        )
        connection.exec_driver_sql(
            f"INSERT INTO {SCHEMA}.changed SELECT generate_series(0, {events - 1})"
        )


async def fill(database: Database, events: int) -> None:
    """Emits them all; nobody relays yet."""
    vendors, total = [uuid4() for _ in range(50)], Money(minor=12_99, currency="USD")
    for start in range(0, events, FILL):
        numbers = range(start, min(start + FILL, events))
        orders = [uuid4() for _ in range(len(numbers) // KEYS + 1)]
        async with database.begin(Context()) as tx:
            tx.emit(
                *(
                    Paid(
                        order_id=orders[(number - start) % len(orders)],
                        vendor_id=vendors[number % 50],
                        person_id=vendors[number % 49],
                        number=number,
                        total=total,
                        lines=["one of these", "two of those"],
                    )
                    for number in numbers
                )
            )


async def ceiling(database: Database, events: int, batch: int) -> float:
    """Events per second of the same inbox rows and changed rows, with nothing around them."""
    began = time.perf_counter()
    for start in range(0, events, batch):
        numbers = list(range(start, min(start + batch, events)))
        async with database.begin(Context()) as tx:
            await tx.execute(NOTE, "ceiling", [uuid4() for _ in numbers])
            await tx.execute(CHANGE, numbers)
    rate = events / (time.perf_counter() - began)
    await database.pool.execute(RESET)
    return rate


async def drain(url: str, broker: str, events: int, batch: int) -> tuple[float, float, float]:
    """Events per second of the ceiling and of the bus, and its processor seconds."""
    pool = await open_pool(url, size=10)
    bus = open_bus(broker or url, pool, limits=replace(Limits(), relay_batch=batch))
    database = Database(pool, SCHEMA, emitted=bus.emitted)
    bare = await ceiling(database, events, batch)
    await fill(Database(pool, SCHEMA), events)
    await pool.execute("VACUUM ANALYZE")
    hearer = Hearer()
    reaction = Reaction(Paid, hear, writes=True, batch=batch)
    began, cpu = time.perf_counter(), time.process_time()
    await bus.start(
        [Source(SCHEMA, pool)], [Subscription("bench.hear", database, hearer, reaction)]
    )
    try:
        await told(bus, hearer, events)
        took, used = time.perf_counter() - began, time.process_time() - cpu
        wrong = await pool.fetchval(WRONG)
        noted = await pool.fetchval(f"SELECT count(*) FROM {SCHEMA}.inbox")
        assert (wrong, noted) == (0, events), f"{wrong} rows not changed once, {noted} in the inbox"
    finally:
        await bus.stop()
        if broker:
            await bus.carrier.forget()  # type: ignore[attr-defined]
            await bus.carrier.close()  # type: ignore[attr-defined]
        await pool.close()
    return bare, events / took, used


async def told(bus: Any, hearer: Hearer, events: int) -> None:
    """Waits until all is heard, saying how it goes."""
    shown = 0
    while hearer.heard < events:
        bus.emitted()
        await asyncio.sleep(0.05)
        if hearer.heard - shown >= events // 5:
            shown = hearer.heard
            print(f"  {shown:,} heard", file=sys.stderr)
    await bus.drain()


def measure(kind: str, events: int, batch: int, address: str) -> int:
    """Runs one bus; the exit status says whether it is as fast as it has to be."""
    folder = Path(tempfile.mkdtemp(prefix="haat-bench-"))
    folder.chmod(0o755)
    sql, nats = EmbeddedPostgres(folder / "sql"), EmbeddedNats(folder / "nats")
    try:
        url = sql.start().url
        broker = {"postgres": "", "nats": address, "rabbitmq": address or RABBITMQ}[kind]
        if kind == "nats" and not address:
            broker = nats.start()
        if broker:
            broker += f"?prefix=bench{uuid4().hex[:8]}"
        create(url, events)
        bare, rate, used = uvloop.run(drain(url, broker, events, batch))
    finally:
        nats.stop()
        sql.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{kind}: {events:,} events in batches of {batch}, one process")
    print(f"  without a bus {bare:>8,.0f} events/s")
    print(f"  drained       {rate:>8,.0f} events/s, {used / events * 1e6:.0f} us of its processor")
    goal = GOALS[kind]
    if goal:
        print(f"  goal          {goal:>8,} events/s {'reached' if rate >= goal else 'MISSED'}")
    return 0 if rate >= goal else 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("--bus", choices=GOALS, default="postgres")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--address", default="", help="of a broker that runs already")
    given = parser.parse_args()
    raise SystemExit(measure(given.bus, given.events, given.batch, given.address))


if __name__ == "__main__":
    main()
