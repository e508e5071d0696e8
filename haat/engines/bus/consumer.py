"""One subscriber in one process: claims partitions, hands their events over in order, acks.

Row-wise SKIP LOCKED would lose the order of a key, so the unit that is claimed is a partition of
keys, under a lease that a killed process loses. All times are the database's.
"""

import asyncio
import traceback
from collections.abc import Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from haat.engines.bus.delivery import deliver
from haat.engines.bus.port import EVERYTHING, Limits, Subscription
from haat.engines.sql import Pool
from haat.kernel.clock import Clock
from haat.kernel.errors import Unavailable

log = structlog.get_logger()

_DUE = """
 FROM bus.queue q LEFT JOIN bus.held h ON h.subscriber = q.subscriber AND h.key = q.key
WHERE q.subscriber = $1 AND {more}
  AND (h.key IS NULL OR NOT h.parked AND h.not_before <= clock_timestamp())
ORDER BY q.pos"""

# Partitions that have something due and that nobody else holds.
_CLAIM = """
WITH due AS (SELECT DISTINCT partition FROM (SELECT q.partition {due} LIMIT $4) d),
got AS (
  INSERT INTO bus.lease AS l (subscriber, partition, holder, until)
  SELECT $1, partition, $2, clock_timestamp() + $3 * interval '1 second' FROM due ORDER BY partition
  ON CONFLICT (subscriber, partition) DO UPDATE SET holder = excluded.holder, until = excluded.until
  WHERE l.until < clock_timestamp() OR l.holder = excluded.holder
  RETURNING partition)
SELECT (SELECT count(*) FROM due) AS due, array(SELECT partition FROM got) AS got"""

_FETCH = (
    "SELECT q.pos, q.type, q.key, q.envelope, coalesce(h.attempts, 0) AS attempts {due} LIMIT $3"
)
_RENEW = """
UPDATE bus.lease SET until = clock_timestamp() + $3 * interval '1 second'
 WHERE subscriber = $1 AND holder = $2"""
_RELEASE = "DELETE FROM bus.lease WHERE subscriber = $1 AND holder = $2"
_ACK = "DELETE FROM bus.queue WHERE subscriber = $1 AND pos = ANY($2::bigint[])"
_UNHOLD = "DELETE FROM bus.held WHERE subscriber = $1 AND key = ANY($2::text[])"

_HOLD = """
INSERT INTO bus.held (subscriber, key, attempts, not_before, parked)
SELECT $1, key, attempts, clock_timestamp() + delay * interval '1 second', false
  FROM unnest($2::text[], $3::int[], $4::float8[]) AS t(key, attempts, delay)
ON CONFLICT (subscriber, key) DO UPDATE
   SET attempts = excluded.attempts, not_before = excluded.not_before, parked = false"""

_BURY = """
WITH gone AS (DELETE FROM bus.queue WHERE subscriber = $1 AND pos = $2 RETURNING *),
parked AS (
  INSERT INTO bus.held (subscriber, key, attempts, not_before, parked)
  SELECT subscriber, key, $3, clock_timestamp(), true FROM gone
  ON CONFLICT (subscriber, key) DO UPDATE SET attempts = excluded.attempts, parked = true)
INSERT INTO bus.dead
  (subscriber, event_id, type, key, source, pos, partition, envelope, attempts, error, failed_at)
SELECT subscriber, event_id, type, key, source, pos, partition, envelope, $3, $4, clock_timestamp()
  FROM gone ON CONFLICT (subscriber, event_id) DO NOTHING"""

_LOOK_AHEAD = 200  # events whose partitions one claim takes
_ROUNDS = 50  # batches before the leases are offered to others again
_BUSY_S = 0.05  # until whoever holds what is due has probably finished


class Consumer:
    """Runs the subscriptions that go by one name, in order for each key across all of them."""

    def __init__(
        self,
        pool: Pool,
        subscriptions: Sequence[Subscription],
        holder: UUID,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self.name = subscriptions[0].subscriber
        self._pool = pool
        self._by_type = {one.route.type: one for one in subscriptions}
        self._batch = max(one.reaction.batch for one in subscriptions)
        self._holder = holder
        self._limits = limits
        self._clock = clock
        self._stopping = False
        self._turned_at = 0.0
        self.hurry = False  # no rest between turns: somebody waits for the end of it all
        self.wake = asyncio.Event()
        assert len(self._by_type) == len(subscriptions), f"{self.name} hears one event twice"
        schemas = {one.database.schema for one in subscriptions}
        assert len(schemas) == 1, f"{self.name} is the name of several modules"
        alone = EVERYTHING not in self._by_type or len(subscriptions) == 1
        assert alone, f"{self.name} hears everything and something"

    def stop(self) -> None:
        """Ends `run` after the batch under way."""
        self._stopping = True
        self.wake.set()

    async def run(self) -> None:
        """Until `stop`. An error of the database is logged and outlived."""
        while not self._stopping:
            try:
                pause_s = await self._turn()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("consumer_failed", subscriber=self.name, error=_line(error))
                pause_s = self._limits.poll_s
            self._turned_at = monotonic()
            if pause_s and not self._stopping:
                await self._pause(pause_s)
                await self._rest()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        except TimeoutError:
            pass

    async def _rest(self) -> None:
        """A turn costs about the same for one event as for fifty."""
        left_s = self._turned_at + self._limits.consumer_rest_s - monotonic()
        if left_s > 0 and not self.hurry and not self._stopping:
            await asyncio.sleep(left_s)

    async def _turn(self) -> float:
        """Handles what is due and free to take; how many seconds until the next look."""
        self.wake.clear()
        sql = _CLAIM.format(due=_DUE.format(more="true"))
        row = await self._pool.fetchrow(
            sql, self.name, self._holder, self._limits.lease_s, _LOOK_AHEAD
        )
        if not row["got"]:
            return _BUSY_S if row["due"] else self._limits.poll_s
        async with self._leased():
            fetch = _FETCH.format(due=_DUE.format(more="q.partition = ANY($2::smallint[])"))
            for _ in range(_ROUNDS):
                rows = await self._pool.fetch(fetch, self.name, row["got"], self._batch)
                if rows:
                    await self._handle(rows)
                if len(rows) < self._batch or self._stopping:
                    break
        return self._limits.poll_s  # at once, if somebody woke it meanwhile

    @asynccontextmanager
    async def _leased(self) -> Any:
        """Keeps this process's leases alive inside, and gives them back at the end."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
            await self._pool.execute(_RELEASE, self.name, self._holder)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease_s / 3)
            try:
                await self._pool.execute(_RENEW, self.name, self._holder, self._limits.lease_s)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("lease_not_renewed", subscriber=self.name, error=_line(error))

    async def _handle(self, rows: Sequence[Any]) -> None:
        """Every row once, in order for each key; a failing key's later rows are left for later."""
        left = [dict(row) for row in rows]
        while left and not self._stopping:
            run, left = self._next_run(left)
            failed = await self._try(run)
            left = [row for row in left if row["key"] not in failed]
            recovered = {row["key"] for row in run if row["attempts"]} - failed
            for row in left:
                if row["key"] in recovered:
                    row["attempts"] = 0  # those tries were its forerunner's

    def _next_run(self, rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The longest set that one handler can take at once, and the rest.

        A row stays behind when an earlier row of its key does. One that failed before goes alone,
        so that it cannot spoil a batch again.
        """
        first = rows[0]
        if first["attempts"]:
            return [first], list(rows[1:])
        kind = self._of(first)
        most = kind.reaction.batch if kind else 1
        run: list[Any] = []
        rest: list[Any] = []
        behind: set[str] = set()
        for row in rows:
            alike = self._of(row) is kind and not row["attempts"]
            if alike and row["key"] not in behind and len(run) < most:
                run.append(row)
            else:
                rest.append(row)
                behind.add(row["key"])
        return run, rest

    def _of(self, row: Any) -> Subscription | None:
        return self._by_type.get(row["type"]) or self._by_type.get(EVERYTHING)

    async def _try(self, run: list[Any]) -> set[str]:
        """Hands a run over, one by one if it fails together; the keys that failed."""
        error = await self._attempt(run)
        if error is None:
            return set()
        if len(run) == 1 or isinstance(error, Unavailable):
            await self._failed(run, error)
            return {row["key"] for row in run}
        failed: set[str] = set()
        for row in run:
            if row["key"] in failed:
                continue
            if self._stopping:
                failed.add(row["key"])
                continue
            error = await self._attempt([row])
            if error is not None:
                await self._failed([row], error)
                failed.add(row["key"])
        return failed

    async def _attempt(self, run: Sequence[Any]) -> Exception | None:
        subscription = self._of(run[0])
        if subscription is None:  # a newer process may know it; a dead letter tells if none does
            return LookupError(f"{self.name} does not hear {run[0]['type']}")
        raw = [row["envelope"] for row in run]
        try:
            await deliver(subscription, raw, self._clock, self._limits.handler_s)
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way
            return error
        await self._pool.execute(_ACK, self.name, [row["pos"] for row in run])
        recovered = [row["key"] for row in run if row["attempts"]]
        if recovered:
            await self._pool.execute(_UNHOLD, self.name, recovered)
        return None

    async def _failed(self, run: Sequence[Any], error: Exception) -> None:
        """Lets the keys of `run` wait, or parks the key of an event that had its tries.

        What is Unavailable is not the event's fault and never makes it a dead letter.
        """
        limits, outage = self._limits, isinstance(error, Unavailable)
        first = run[0]
        attempts = first["attempts"] + 1
        facts = {"subscriber": self.name, "type": first["type"], "key": first["key"]}
        if not outage and attempts >= limits.tries:
            story = _story(error)
            log.error("event_dead", **facts, attempts=attempts, error=story)
            await self._pool.execute(_BURY, self.name, first["pos"], attempts, story)
            return
        log.warning("event_failed", **facts, attempts=attempts, error=_line(error), n=len(run))
        keys: dict[str, int] = {}
        for row in run:
            tried = row["attempts"] + 1
            keys.setdefault(row["key"], min(tried, max(1, limits.tries - 2)) if outage else tried)
        delays = [
            min(limits.backoff_s * 2.0 ** (tried - 1), limits.backoff_max_s)
            for tried in keys.values()
        ]
        await self._pool.execute(_HOLD, self.name, list(keys), list(keys.values()), delays)


def _line(error: BaseException) -> str:
    """Kind and first line: what follows may quote rows, and rows may be personal."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}"[:500]


def _story(error: Exception) -> str:
    """The same, and where it happened."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return "\n".join([_line(error), *places])
