"""What a load costs: processor time by kind of process, statements by who made them, memory."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import asyncpg
import psutil

from haat.app.beside import HELPER
from haat.app.beside import NAME as WORKER

KINDS = ("web", "worker", "helper", "postgres", "provider", "rest", "client")
_MARKS = {
    "haat.app.serving": "web",
    "testcard": "provider",
}
_BACKLOG_S = 0.25


def kind_of(process: psutil.Process) -> str:
    """Of a process of the market, by its command line; a PostgreSQL backend by its name."""
    try:
        if process.name().startswith("postgres"):
            return "postgres"
        if process.name() == WORKER:
            return "worker"
        if process.name() == HELPER:
            return "helper"
        line = " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return "rest"
    return next((kind for mark, kind in _MARKS.items() if mark in line), "rest")


def processes(market: psutil.Process) -> list[psutil.Process]:
    return [market, *market.children(recursive=True)]


def cpu_seconds(market: psutil.Process) -> dict[str, float]:
    """Processor seconds used so far, user and system, by kind; ended children count as well."""
    found = dict.fromkeys(KINDS, 0.0)
    for one in processes(market):
        try:
            times = one.cpu_times()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        found[kind_of(one)] += (
            times.user + times.system + times.children_user + times.children_system
        )
    own = os.times()
    found["client"] = own.user + own.system
    return found


def memory_mb(market: psutil.Process) -> dict[str, float]:
    """Proportional set size by kind, in megabytes."""
    found: dict[str, float] = {}
    for one in processes(market):
        try:
            kind, pss = kind_of(one), one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        found[kind] = found.get(kind, 0.0) + pss / 1e6
    return found


@contextmanager
def paused(market: psutil.Process, kind: str) -> Iterator[None]:
    """These processes stand still meanwhile, so that what the others do can be counted alone."""
    held = [one.pid for one in processes(market) if kind_of(one) == kind]
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)


@dataclass
class Statements:
    """Calls and milliseconds by statement, from pg_stat_statements since the last reset."""

    connection: asyncpg.Connection

    @classmethod
    async def open(cls, url: str) -> "Statements":
        connection = await asyncpg.connect(url, server_settings={"application_name": "bench"})
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return cls(connection)

    async def reset(self) -> None:
        await self.connection.execute("SELECT pg_stat_statements_reset()")

    async def top(self) -> list[tuple[str, int, float]]:
        """(text, calls, milliseconds with planning), most calls first; the bench's own left out."""
        rows = await self.connection.fetch(
            "SELECT query, sum(calls)::bigint AS calls,"
            " sum(total_exec_time + total_plan_time) AS ms"
            " FROM pg_stat_statements"
            " WHERE query NOT LIKE '%pg_stat_%' AND query NOT LIKE '%bench:%'"
            " GROUP BY query ORDER BY 2 DESC"
        )
        return [(" ".join(row["query"].split()), row["calls"], row["ms"]) for row in rows]

    async def close(self) -> None:
        await self.connection.close()


@dataclass
class Backlog:
    """The age of the oldest event that somebody has yet to handle, looked at while a load runs."""

    url: str
    schemas: tuple[str, ...]
    oldest_s: float = 0.0
    ages_s: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        at = "min((envelope->>'occurredAt')::timestamptz)"
        tables = [f"{schema}.outbox" for schema in self.schemas] + ["bus.queue"]
        parts = " UNION ALL ".join(f"SELECT {at} AS at FROM {table}" for table in tables)
        look = f"SELECT /*bench:*/ extract(epoch FROM clock_timestamp() - min(at)) FROM ({parts}) x"
        connection = await asyncpg.connect(self.url)
        try:
            while True:
                age = float(await connection.fetchval(look) or 0.0)
                self.ages_s.append(age)
                self.oldest_s = max(self.oldest_s, age)
                await asyncio.sleep(_BACKLOG_S)
        finally:
            await connection.close()


def per_checkout(before: Mapping[str, float], after: Mapping[str, float], done: int) -> str:
    """'web 9.1 + worker 3.2 … = 20.4' in milliseconds."""
    each = {kind: (after[kind] - before[kind]) * 1000 / max(1, done) for kind in KINDS}
    parts = " + ".join(f"{kind} {ms:.2f}" for kind, ms in each.items())
    return f"{parts} = {sum(each.values()):.2f}"
