"""What comes in from a broker: handled at once, or set aside in PostgreSQL's queue.

A key that failed waits there with everything of it that comes later, under the same rules as on
the PostgreSQL bus: it backs off, is parked with a dead letter, is replayed or discarded. When
nothing of it waits there any more, its events are handled as they come in again.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog

from haat.engines.bus.carrier import Inflow, Parcel
from haat.engines.bus.consumer import BURY
from haat.engines.bus.handling import Handling
from haat.engines.bus.port import Limits, Subscription
from haat.engines.sql import Pool
from haat.kernel.clock import Clock

log = structlog.get_logger()

_ASIDE = """
SELECT key FROM bus.held WHERE subscriber = $1 AND key = ANY($2::text[])
 UNION SELECT key FROM bus.queue WHERE subscriber = $1 AND key = ANY($2::text[])"""
# In the order they came; what a lost acknowledgement brings again is there already, or buried.
_SET_ASIDE = """
WITH held AS (
  INSERT INTO bus.held (subscriber, key, attempts, not_before, parked)
  SELECT $1, key, attempts, clock_timestamp() + delay * interval '1 second', false
    FROM unnest($7::text[], $8::int[], $9::float8[]) AS t(key, attempts, delay)
  ON CONFLICT (subscriber, key) DO NOTHING)
INSERT INTO bus.queue (subscriber, partition, event_id, type, key, source, envelope)
SELECT $1, (hashtextextended(t.key, 0) & 15)::smallint, t.event_id, t.type, t.key, t.source,
       t.envelope
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[]::jsonb[])
       WITH ORDINALITY AS t(event_id, type, key, source, envelope, number)
 WHERE NOT EXISTS (SELECT 1 FROM bus.dead d WHERE d.subscriber = $1 AND d.event_id = t.event_id)
 ORDER BY t.number
    ON CONFLICT (subscriber, event_id) DO NOTHING"""
_POS = "SELECT pos FROM bus.queue WHERE subscriber = $1 AND event_id = $2"


class Arrivals(Handling):
    """Works on one line of one subscriber while `ours` says that this process holds it."""

    def __init__(
        self,
        pool: Pool,
        subscriptions: Sequence[Subscription],
        limits: Limits,
        clock: Clock,
        ours: Callable[[], bool],
        inflow: Inflow,
    ) -> None:
        super().__init__(subscriptions, limits, clock)
        self._pool = pool
        self._ours = ours
        self._inflow = inflow
        self._settled: set[int] = set()

    @property
    def batch(self) -> int:
        return self._batch

    def _ending(self) -> bool:
        return self._stopping or not self._ours()

    def stop(self) -> None:
        """Ends `work` after the run under way; what is left comes again."""
        self._stopping = True

    async def work(self, parcels: Sequence[Parcel]) -> bool:
        """Handles or sets aside every parcel, in order for each key; whether any was set aside."""
        self._settled.clear()
        rows = [row for parcel in parcels if (row := _row(parcel))]
        for number, row in enumerate(rows):
            row["number"] = number
        if len(rows) < len(parcels):
            read = {id(row["parcel"]) for row in rows}
            await self._inflow.done([one for one in parcels if id(one) not in read])
        keys = list({row["key"] for row in rows})
        aside = {row["key"] for row in await self._pool.fetch(_ASIDE, self.name, keys)}
        late = [row for row in rows if row["key"] in aside]
        if late:
            await self._set_aside(late, {})
        await self._handle([row for row in rows if row["key"] not in aside])
        # What `_handle` left behind a key that failed now; or, when ending, for whoever is next.
        left = [row for row in rows if row["number"] not in self._settled]
        if left and not self._ending():
            await self._set_aside(left, {})
        return bool(late or left)

    async def _done(self, run: Sequence[Any]) -> None:
        self._settled |= {row["number"] for row in run}
        await self._inflow.done([row["parcel"] for row in run])

    async def _held(self, run: Sequence[Any], attempts: dict[str, int]) -> None:
        await self._set_aside(run, attempts)

    async def _buried(self, row: Any, attempts: int, story: str) -> None:
        await self._set_aside([row], {row["key"]: attempts})
        pos = await self._pool.fetchval(_POS, self.name, row["event_id"])
        await self._pool.execute(BURY, self.name, pos, attempts, story)

    async def _set_aside(self, rows: Sequence[Any], attempts: dict[str, int]) -> None:
        await self._pool.execute(
            _SET_ASIDE,
            self.name,
            *([row[name] for row in rows] for name in ("event_id", "type", "key", "source")),
            [json.dumps(row["envelope"]) for row in rows],
            list(attempts),
            list(attempts.values()),
            [self._delay(tried) for tried in attempts.values()],
        )
        await self._done(rows)


def _row(parcel: Parcel) -> dict[str, Any] | None:
    """As `Handling` wants it; None, and a line in the log, for what no bus has sent."""
    try:
        event_id = UUID(parcel.event_id)
        source, kind, key = parcel.label.split(" ", 2)
    except ValueError as error:
        log.error("letter_without_label", error=type(error).__name__, body=len(parcel.body))
        return None
    try:
        envelope = json.loads(parcel.body)
    except ValueError:
        envelope = {}  # nobody can read it: a dead letter soon
    return {
        "event_id": event_id,
        "type": kind,
        "key": key,
        "source": source,
        "envelope": envelope,
        "attempts": 0,
        "parcel": parcel,
    }
