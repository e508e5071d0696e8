"""One subscriber in one process: claims partitions, hands their events over in order, acks.

Row-wise SKIP LOCKED would lose the order of a key, so the unit that is claimed is a partition of
keys, under a lease that a killed process loses. All times are the database's.
"""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import structlog

from haat.engines.bus.handling import Handling, one_line
from haat.engines.bus.port import SQL_TROUBLES, Limits, Subscription
from haat.engines.sql import Pool
from haat.kernel.clock import Clock

log = structlog.get_logger()

_DUE = """
 FROM bus.queue q LEFT JOIN bus.held h ON h.subscriber = q.subscriber AND h.key = q.key
WHERE q.subscriber = $1 AND {more}
  AND (h.key IS NULL OR NOT h.parked AND h.not_before <= clock_timestamp())
ORDER BY q.pos"""

# Claims and acknowledgements do not wait for the disk. Should the machine die in the moment after,
# an acknowledged event comes again and meets the inbox, as it does when a process dies before it
# acknowledges; and whoever held a lease that is missing then, has lost the database as well. What a
# handler wrote was on the disk before.
_SOON = "soon AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))"

# Partitions that have something due and that nobody else holds.
_CLAIM = """
WITH {soon},
due AS (SELECT DISTINCT partition FROM (SELECT q.partition {due} LIMIT $4) d),
got AS (
  INSERT INTO bus.lease AS l (subscriber, partition, holder, until)
  SELECT $1, partition, $2, clock_timestamp() + $3 * interval '1 second' FROM due, soon
   ORDER BY partition
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
_ACK = f"""
WITH {_SOON},
free AS (DELETE FROM bus.held WHERE subscriber = $1 AND key = ANY($3::text[]))
DELETE FROM bus.queue USING soon WHERE subscriber = $1 AND pos = ANY($2::bigint[])"""  # noqa: S608
# Leases go with what was acknowledged last: nobody takes a partition and finds that there again.
_RELEASE = f"""
WITH {_SOON},
free AS (DELETE FROM bus.held WHERE subscriber = $1 AND key = ANY($3::text[])),
acked AS (DELETE FROM bus.queue WHERE subscriber = $1 AND pos = ANY($2::bigint[]))
DELETE FROM bus.lease USING soon WHERE subscriber = $1 AND holder = $4"""  # noqa: S608

_HOLD = """
INSERT INTO bus.held (subscriber, key, attempts, not_before, parked)
SELECT $1, key, attempts, clock_timestamp() + delay * interval '1 second', false
  FROM unnest($2::text[], $3::int[], $4::float8[]) AS t(key, attempts, delay)
ON CONFLICT (subscriber, key) DO UPDATE
   SET attempts = excluded.attempts, not_before = excluded.not_before, parked = false"""

BURY = """
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


class Consumer(Handling):
    """Runs the subscriptions that go by one name, in order for each key across all of them."""

    def __init__(
        self,
        pool: Pool,
        subscriptions: Sequence[Subscription],
        holder: UUID,
        limits: Limits,
        clock: Clock,
    ) -> None:
        super().__init__(subscriptions, limits, clock)
        self._pool = pool
        self._holder = holder
        self._handled: list[int] = []  # not acknowledged yet
        self._recovered: list[str] = []  # keys of them that had failed before
        self._turned_at = 0.0
        self._taken = 0  # by the last turn
        self.hurry = False  # no rest between turns: somebody waits for the end of it all
        self.wake = asyncio.Event()

    def stop(self) -> None:
        """Ends `run` after the batch under way."""
        self._stopping = True
        self.wake.set()

    async def run(self) -> None:
        """Until `stop`. Errors, mostly of the database, are logged and outlived."""
        while not self._stopping:
            pause_s: float | None
            self._turned_at = monotonic()
            try:
                pause_s = await self.turn()
            except Exception as error:  # noqa: BLE001 - or nothing would be heard any more
                log.warning("consumer_failed", subscriber=self.name, error=one_line(error))
                pause_s = self._limits.poll_s
            if not self._stopping:
                await self._pause(pause_s)
                await self._rest()

    async def _pause(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        except TimeoutError:
            pass

    async def _rest(self) -> None:
        """A turn costs about the same for one event as for fifty. From the beginning of one to that
        of the next: what a long one was waited for has collected meanwhile."""
        busy = self._taken >= self._limits.busy_events
        rest_s = self._limits.consumer_rest_s * (self._limits.busy_rest if busy else 1)
        left_s = self._turned_at + rest_s - monotonic()
        if left_s > 0 and not self.hurry and not self._stopping:
            await asyncio.sleep(left_s)

    async def turn(self) -> float | None:
        """Handles what is due and free to take; how many seconds until the next look, None when
        there is no need for one before somebody wakes it."""
        self.wake.clear()
        self._taken = 0
        sql = _CLAIM.format(soon=_SOON, due=_DUE.format(more="true"))
        row = await self._pool.fetchrow(
            sql, self.name, self._holder, self._limits.lease_s, _LOOK_AHEAD
        )
        if not row["got"]:
            return _BUSY_S if row["due"] else None
        async with self._leased():
            fetch = _FETCH.format(due=_DUE.format(more="q.partition = ANY($2::smallint[])"))
            for _ in range(_ROUNDS):
                rows = await self._pool.fetch(fetch, self.name, row["got"], self._batch)
                self._taken += len(rows)
                if rows:
                    await self._handle(rows)
                if len(rows) < self._batch or self._stopping:
                    break
                await self._acknowledge()
        return None  # at once, if somebody woke it meanwhile

    @asynccontextmanager
    async def _leased(self) -> Any:
        """Keeps this process's leases alive inside, and gives them back at the end."""
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
            await self._pool.execute(_RELEASE, self.name, *self._take_handled(), self._holder)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._limits.lease_s / 3)
            try:
                await self._pool.execute(_RENEW, self.name, self._holder, self._limits.lease_s)
            except SQL_TROUBLES as error:
                log.warning("lease_not_renewed", subscriber=self.name, error=one_line(error))

    async def _done(self, run: Sequence[Any]) -> None:
        # Acknowledged at the end of the batch: one that comes again meets the inbox.
        self._handled += [row["pos"] for row in run]
        self._recovered += [row["key"] for row in run if row["attempts"]]

    def _take_handled(self) -> tuple[list[int], list[str]]:
        found = self._handled, self._recovered
        self._handled, self._recovered = [], []
        return found

    async def _acknowledge(self) -> None:
        if self._handled:
            await self._pool.execute(_ACK, self.name, *self._take_handled())

    async def _held(self, run: Sequence[Any], attempts: dict[str, int]) -> None:
        await self._acknowledge()  # or a key that recovered and failed again would be let go
        delays = [self._delay(tried) for tried in attempts.values()]
        await self._pool.execute(_HOLD, self.name, list(attempts), list(attempts.values()), delays)

    async def _buried(self, row: Any, attempts: int, story: str) -> None:
        await self._acknowledge()
        await self._pool.execute(BURY, self.name, row["pos"], attempts, story)
