"""Timers in a table: due ones are claimed by a conditional UPDATE, and held under a lease.

All times are the database's, so processes with clocks that differ agree on what is due.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from haat.engines.endings import end

log = structlog.get_logger()

Pool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]

AWAY = (OSError, psycopg.Error, PoolTimeout)

# The first run comes within a second: what an earlier process left half done waits no longer.
_ADD = """
INSERT INTO scheduler.timers AS t (name, next_at)
SELECT name, to_timestamp(ceil(extract(epoch FROM clock_timestamp())))
  FROM unnest(%s::text[]) AS n(name) ORDER BY name
ON CONFLICT (name) DO UPDATE SET next_at = least(t.next_at, excluded.next_at)"""
# The next tick is set when this one starts: what is missed until the end is missed. Ticks are at
# multiples of their interval, so that timers are due together and one look serves all of them.
_CLAIM = """
UPDATE scheduler.timers t
   SET holder = %s, until = clock_timestamp() + %s * interval '1 second',
       next_at = to_timestamp(
         (round(extract(epoch FROM clock_timestamp()) / n.seconds) + 1) * n.seconds)
  FROM unnest(%s::text[], %s::float8[]) AS n(name, seconds)
 WHERE t.name = n.name AND t.next_at <= clock_timestamp()
   AND (t.holder IS NULL OR t.until < clock_timestamp())
RETURNING t.name"""
_NEXT = """
SELECT extract(epoch FROM min(CASE WHEN holder IS NULL THEN next_at
                                   ELSE greatest(next_at, until) END) - clock_timestamp())::float8
  FROM scheduler.timers WHERE name = ANY(%s)"""
_RENEW = """
UPDATE scheduler.timers SET until = clock_timestamp() + %s * interval '1 second'
 WHERE holder = %s"""
_RELEASE = "UPDATE scheduler.timers SET holder = NULL, until = NULL WHERE name = %s AND holder = %s"

_LOOK_S = 5.0  # at least this often
_SOON_S = 0.02


@dataclass(frozen=True, slots=True)
class TimerJob:
    name: str
    seconds: float
    handler: Callable[[], Awaitable[None]]


class Timers:
    """This process's share of the timers."""

    def __init__(self, pool: Pool, *, lease_s: float = 15, limit_s: float = 900) -> None:
        self._pool = pool
        self._lease_s = lease_s
        self._limit_s = limit_s  # what one run may take
        self._holder = uuid4()
        self._jobs: dict[str, TimerJob] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._runs: set[asyncio.Task[None]] = set()

    def add(self, name: str, seconds: float, handler: Callable[[], Awaitable[None]]) -> None:
        """See `Scheduler.add`."""
        assert seconds >= 1, f"{name}: a timer has at least a second"
        assert name not in self._jobs, f"{name} was added already"
        self._jobs[name] = TimerJob(name, seconds, handler)

    async def start(self) -> None:
        """Enters what was added and begins to look."""
        if self._jobs:
            await self._execute(_ADD, list(self._jobs))
            self._tasks = [asyncio.create_task(self._look()), asyncio.create_task(self._renew())]

    async def stop(self, timeout_s: float) -> None:
        """Begins nothing any more; ends what runs after `timeout_s`."""
        await end(self._tasks[:1])
        if self._runs:
            await asyncio.wait(self._runs, timeout=timeout_s)
        await end([*self._runs, *self._tasks])
        self._tasks = []

    @property
    def _seconds(self) -> list[float]:
        return [float(job.seconds) for job in self._jobs.values()]

    async def _look(self) -> None:
        names = list(self._jobs)
        while True:
            try:
                due = await self._fetch(_CLAIM, self._holder, self._lease_s, names, self._seconds)
                for (name,) in due:
                    self._begin(self._jobs[name])
                pause_s = (await self._fetch(_NEXT, names))[0][0]
            except AWAY as error:
                log.warning("timers_not_read", error=type(error).__name__)
                pause_s = 1.0
            await asyncio.sleep(min(max(pause_s or _LOOK_S, _SOON_S), _LOOK_S))

    def _begin(self, job: TimerJob) -> None:
        run = asyncio.create_task(self._run(job))
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def _run(self, job: TimerJob) -> None:
        try:
            async with asyncio.timeout(self._limit_s):
                await job.handler()
        except Exception as error:  # noqa: BLE001 - a timer may fail in any way; the next comes
            line = str(error).partition("\n")[0][:300]
            log.error("timer_failed", timer=job.name, error=f"{type(error).__name__}: {line}")
        finally:
            try:
                await self._execute(_RELEASE, job.name, self._holder)
            except AWAY as error:
                log.warning("timer_not_released", timer=job.name, error=type(error).__name__)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            if self._runs:
                try:
                    await self._execute(_RENEW, self._lease_s, self._holder)
                except AWAY as error:
                    log.warning("timers_not_renewed", error=type(error).__name__)

    async def _execute(self, sql: str, *args: Any) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(sql.encode(), args)

    async def _fetch(self, sql: str, *args: Any) -> list[TupleRow]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(sql.encode(), args)).fetchall()
