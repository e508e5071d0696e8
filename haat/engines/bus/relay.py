"""Moves committed events from outboxes to the queues of those who listen."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any

import structlog

from haat.engines.bus.port import Limits, Route, Source
from haat.engines.sql import Pool

log = structlog.get_logger()

# Of all ways, those that an event at hand may go: each pair of one and an event is looked at.
_WAYS = """
  SELECT * FROM unnest($2::text[], $3::text[], $4::text[]::jsonb[], $5::text[])
    AS r(type, subscriber, filter, alias)
   WHERE r.type = '*' OR r.type IN (SELECT type FROM taken)"""
# What a key's partition is must not depend on the process: PostgreSQL's own hash, 16 of them.
_ROUTED = """
  INSERT INTO bus.queue (subscriber, partition, event_id, type, key, source, envelope)
  SELECT r.subscriber, (hashtextextended(t.key, 0) & 15)::smallint, n.event_id,
         coalesce(r.alias, t.type), t.key, $1, CASE WHEN r.alias IS NULL THEN t.envelope ELSE
         t.envelope || jsonb_build_object('eventId', n.event_id, 'type', r.alias) END
    FROM taken t
    JOIN ways r
      ON (r.type = t.type OR r.type = '*')
         AND (r.filter IS NULL OR t.envelope -> 'data' @> r.filter)
   CROSS JOIN LATERAL (SELECT CASE WHEN r.alias IS NULL THEN t.event_id ELSE {alias_id} END) AS
         n(event_id)
   ORDER BY t.seq
      ON CONFLICT (subscriber, event_id) DO NOTHING
  RETURNING subscriber"""

# `alias_id` of the kernel: the UUIDv3 of an alias in the name space of the event's own id.
_ALIAS_ID = """(
  SELECT encode(set_byte(set_byte(h, 6, get_byte(h, 6) & 15 | 48), 8, get_byte(h, 8) & 63 | 128),
                'hex')::uuid
    FROM decode(md5(uuid_send(t.event_id) || convert_to(r.alias, 'UTF8')), 'hex') AS h)"""

# One relay at a time for a source, or two could queue a key's events in the wrong order. One
# statement, so that no round trip happens under the lock. It does not wait for the disk: an event
# stands in the outbox or in the queues, whichever the machine remembers.
_NEAR = """
WITH free AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1)) AS yes,
                                  set_config('synchronous_commit', 'off', true)),
taken AS (
  DELETE FROM {schema}.outbox WHERE seq IN (
    SELECT seq FROM {schema}.outbox, free WHERE free.yes ORDER BY seq LIMIT $6)
  RETURNING seq, event_id, type, key, envelope),
ways AS MATERIALIZED ({ways}),
routed AS ({routed})
SELECT (SELECT yes FROM free) AS free, (SELECT count(*) FROM taken) AS taken,
       array(SELECT DISTINCT subscriber FROM routed) AS subscribers"""

_FAR = """
WITH taken AS (
  SELECT * FROM unnest($6::bigint[], $7::uuid[], $8::text[], $9::text[], $10::text[]::jsonb[])
    AS t(seq, event_id, type, key, envelope)),
ways AS MATERIALIZED ({ways}),
routed AS ({routed})
SELECT array(SELECT DISTINCT subscriber FROM routed)"""

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1))"
_READ = "SELECT seq, event_id, type, key, envelope::text FROM {schema}.outbox ORDER BY seq LIMIT $1"
_DROP = "DELETE FROM {schema}.outbox WHERE seq = ANY($1)"
_HERE = "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || current_database()"
_MAY = "SELECT coalesce(has_table_privilege(to_regclass($1)::oid, 'DELETE'), false)"
_LOOK = "SELECT '{schema}' WHERE EXISTS (SELECT 1 FROM {schema}.outbox)"
_BUSY_S = 0.005  # until another process's relay has probably let go of the source


class Relay:
    """Empties the outboxes of `sources`; tells `routed` for whom something arrived."""

    def __init__(
        self,
        pool: Pool,
        sources: Sequence[Source],
        routes: Iterable[Route],
        limits: Limits,
        routed: Callable[[set[str]], None],
    ) -> None:
        self._pool = pool
        self.sources = sources
        self._ways = _columns(routes)
        self._limits = limits
        self._routed = routed
        self._near: set[str] = set()
        self._looks: list[tuple[Any, str]] = []
        self._turned_at = 0.0
        self._taken = 0  # by the last turn
        self.hurry = False  # no rest between turns: somebody waits for the end of it all
        self.wake = asyncio.Event()

    async def prepare(self) -> None:
        """Finds out which sources stand in the bus's own database, whatever pool they came with."""
        here = await self._pool.fetchval(_HERE)
        groups: dict[Any, list[Source]] = defaultdict(list)
        for source in self.sources:
            same = source.pool is self._pool or await source.pool.fetchval(_HERE) == here
            if same and await self._pool.fetchval(_MAY, f"{source.schema}.outbox"):
                self._near.add(source.schema)
            groups[self._pool if source.schema in self._near else source.pool].append(source)
        for pool, members in groups.items():
            looks = (_LOOK.format(schema=one.schema) for one in members)
            self._looks.append((pool, " UNION ALL ".join(looks)))

    async def run(self) -> None:
        """Until cancelled. Errors, of the database or a broker, are logged and outlived."""
        while True:
            try:
                await self._pause()
                await self.turn()
            except Exception as error:  # noqa: BLE001 - or nothing would move any more
                log.warning("relay_failed", error=f"{type(error).__name__}: {error}"[:500])
                await asyncio.sleep(self._limits.poll_s)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._limits.poll_s):
                await self.wake.wait()
            await asyncio.sleep(self._rest_s())
        except TimeoutError:
            pass
        self.wake.clear()

    def _rest_s(self) -> float:
        busy = self._taken >= self._limits.busy_events
        rest_s = self._limits.relay_rest_s * (self._limits.busy_rest if busy else 1)
        left_s = self._turned_at + rest_s - monotonic()
        return self._limits.linger_s if self.hurry else max(left_s, self._limits.linger_s)

    async def turn(self) -> None:
        """Empties every outbox that has something."""
        self._taken = 0
        for name in await self.waiting():
            source = next(one for one in self.sources if one.schema == name)
            while await self._take(source):
                pass
        self._turned_at = monotonic()

    async def waiting(self) -> list[str]:
        """The schemas whose outboxes have something."""
        found: list[str] = []
        for pool, look in self._looks:
            found += [row[0] for row in await pool.fetch(look)]
        return found

    async def _take(self, source: Source) -> bool:
        """Moves one batch; whether there may be more."""
        if source.schema in self._near:
            free, taken, subscribers = await self._take_near(source)
        else:
            free, taken, subscribers = await self._take_far(source)
        self._taken += taken
        if subscribers:
            self._routed(set(subscribers))
        if not free:
            await asyncio.sleep(_BUSY_S)
            self.wake.set()
            return False
        return bool(taken >= self._limits.relay_batch)

    async def _take_near(self, source: Source) -> tuple[bool, int, list[str]]:
        sql = _NEAR.format(
            schema=source.schema, ways=_WAYS, routed=_ROUTED.format(alias_id=_ALIAS_ID)
        )
        limit = self._limits.relay_batch
        row = await self._pool.fetchrow(sql, source.schema, *self._ways, limit)
        return row["free"], row["taken"], row["subscribers"]

    async def _take_far(self, source: Source) -> tuple[bool, int, list[str]]:
        """From another database: queue, then delete; what is queued twice meets the conflict."""
        async with source.pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(_LOCK, source.schema):
                return False, 0, []
            read = _READ.format(schema=source.schema)
            rows = await connection.fetch(read, self._limits.relay_batch)
            if not rows:
                return True, 0, []
            subscribers = await self._pass_on(source, rows)
            await connection.execute(_DROP.format(schema=source.schema), [row[0] for row in rows])
        return True, len(rows), subscribers

    async def _pass_on(self, source: Source, rows: Sequence[Any]) -> list[str]:
        """Rows of (seq, event_id, type, key, envelope as text) to their queues; whose those are."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        sql = _FAR.format(ways=_WAYS, routed=_ROUTED.format(alias_id=_ALIAS_ID))
        return list(await self._pool.fetchval(sql, source.schema, *self._ways, *columns))


def _columns(routes: Iterable[Route]) -> list[list[Any]]:
    """Types, subscribers, filters and aliases: a row for each way an event may go."""
    rows = sorted(
        {(one.type, one.subscriber, f, one.alias or None) for one in routes for f in one.filters},
        key=str,
    )
    return [[row[i] for row in rows] for i in range(4)]
