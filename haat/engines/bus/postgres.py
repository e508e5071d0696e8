"""The bus on PostgreSQL: a relay and a consumer for each subscriber, woken by NOTIFY.

NOTIFY goes out on its own, not inside the transactions that emit: it would serialise them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog

from haat.engines.bus.consumer import Consumer
from haat.engines.bus.port import (
    EVERYTHING,
    SQL_TROUBLES,
    Backlog,
    DeadLetter,
    DeadLetterGone,
    Limits,
    Route,
    Source,
    Subscription,
)
from haat.engines.bus.relay import Relay
from haat.engines.endings import end
from haat.engines.sql import Pool
from haat.kernel.clock import Clock, SystemClock
from haat.kernel.events import Event, Where, fits
from haat.kernel.page import LIMIT_MAX, Page, decode_cursor, page_of

log = structlog.get_logger()

_RELAY, _QUEUE = "haat_relay", "haat_queue"  # channels: look at outboxes; look at these queues
_DEBOUNCE_S = 0.05
_NOTIFY = "SELECT pg_notify(c, n) FROM unnest($1::text[], $2::text[]) AS t (c, n)"
_INBOX_DAYS = 30
_TRIM_BATCH = 10_000
_DAY_S = 86_400

_IDLE = """
SELECT NOT EXISTS (
  SELECT 1 FROM bus.queue q LEFT JOIN bus.held h ON h.subscriber = q.subscriber AND h.key = q.key
   WHERE h.key IS NULL OR NOT h.parked AND h.not_before <= clock_timestamp())"""
_DUE = """
SELECT s FROM unnest($1::text[]) AS s WHERE EXISTS (
  SELECT 1 FROM bus.queue q LEFT JOIN bus.held h ON h.subscriber = q.subscriber AND h.key = q.key
   WHERE q.subscriber = s
     AND (h.key IS NULL OR NOT h.parked AND h.not_before <= clock_timestamp()))"""
_BACKLOG = """
SELECT q.subscriber, count(*) AS waiting, count(*) FILTER (WHERE h.parked) AS parked,
       extract(epoch FROM clock_timestamp() - min(q.queued_at))::float8 AS age_s
  FROM bus.queue q LEFT JOIN bus.held h ON h.subscriber = q.subscriber AND h.key = q.key
 GROUP BY q.subscriber ORDER BY q.subscriber"""
_DEAD = """
SELECT id, subscriber, event_id, type, key, source, attempts, error, failed_at, envelope
  FROM bus.dead WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"""
_DEAD_COUNT = "SELECT count(*) FROM bus.dead"
# The event goes back to its old place, before everything that waits behind it.
_REPLAY = """
WITH letter AS (DELETE FROM bus.dead WHERE id = $1 RETURNING *),
free AS (DELETE FROM bus.held h USING letter l WHERE h.subscriber = l.subscriber AND h.key = l.key),
again AS (
  INSERT INTO bus.queue (pos, subscriber, partition, event_id, type, key, source, envelope)
  OVERRIDING SYSTEM VALUE
  SELECT pos, subscriber, partition, event_id, type, key, source, envelope FROM letter
      ON CONFLICT (subscriber, event_id) DO NOTHING)
SELECT subscriber FROM letter"""
_DISCARD = """
WITH letter AS (DELETE FROM bus.dead WHERE id = $1 RETURNING *),
free AS (DELETE FROM bus.held h USING letter l WHERE h.subscriber = l.subscriber AND h.key = l.key)
SELECT subscriber FROM letter"""
_THEIRS = """coalesce(envelope #>> '{data,reason}', '') <> '' AND EXISTS (
  SELECT FROM unnest($1::text[]) AS t(id) WHERE position(t.id IN envelope::text) > 0)"""
_UNWORD = f"""
WITH dead AS (
  UPDATE bus.dead SET envelope = jsonb_set(envelope, '{{data,reason}}', '""') WHERE {_THEIRS}
  RETURNING 1),
queued AS (
  UPDATE bus.queue SET envelope = jsonb_set(envelope, '{{data,reason}}', '""') WHERE {_THEIRS}
  RETURNING 1)
SELECT (SELECT count(*) FROM dead) + (SELECT count(*) FROM queued)"""  # noqa: S608 - a constant
_TRIM = """
DELETE FROM {schema}.inbox WHERE (subscriber, event_id) IN (
  SELECT subscriber, event_id FROM {schema}.inbox
   WHERE handled_at < now() - $1::interval LIMIT $2)"""


def _plain(event: Event) -> Iterator[tuple[str, Any]]:
    """The fields that are the same in JSON, by their names there."""
    for name, field in type(event).model_fields.items():
        value = getattr(event, name)
        if value is None or isinstance(value, str | int | bool):
            yield field.serialization_alias or field.alias or name, value


class PostgresBus:
    """Any number of processes may each have one, on the same database."""

    def __init__(
        self, pool: Pool, *, clock: Clock | None = None, limits: Limits | None = None
    ) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._holder: UUID = uuid4()
        self._relay: Relay | None = None
        self._consumers: dict[str, Consumer] = {}
        self._subscriptions: Sequence[Subscription] = ()
        self._running: list[asyncio.Task[None]] = []
        self._consuming: list[asyncio.Task[None]] = []
        self._calls: set[str] = set()  # what the next NOTIFY says: subscribers, '' for the relays
        self._calling: asyncio.Task[None] | None = None

    def emitted(self) -> None:
        """Wakes the relay: the one in this process, or by NOTIFY those in others."""
        if self._relay is not None and self._relay.sources:
            self._relay.wake.set()
        else:
            self._call({""})

    def wants(self, routes: Iterable[Route]) -> Callable[[Event], bool]:
        ways: defaultdict[str, set[Where]] = defaultdict(set)
        for route in routes:
            ways[route.type].add(route.where)
        always = {type for type, filters in ways.items() if () in filters}

        def wanted(event: Event) -> bool:
            if event.event_name in always or EVERYTHING in ways:
                return True
            filters = ways.get(event.event_name)
            if filters is None:
                return False
            plain = {name for where in filters for name, _ in where}
            data = {name: value for name, value in _plain(event) if name in plain}
            if len(data) < len(plain):  # a field that is more than a word or a number
                data = event.model_dump(mode="json", by_alias=True)
            return any(fits(where, data) for where in filters)

        return wanted

    async def start(
        self,
        sources: Sequence[Source],
        subscriptions: Sequence[Subscription],
        *,
        routes: Iterable[Route] = (),
    ) -> None:
        """Relays these outboxes and runs these reactions until `stop` (see `Bus`)."""
        assert not self._running, "started already"
        everyone = [*routes, *(subscription.route for subscription in subscriptions)]
        self._relay = self._new_relay(sources, everyone)
        await self._relay.prepare()
        by_name: dict[str, list[Subscription]] = {}
        for subscription in subscriptions:
            by_name.setdefault(subscription.subscriber, []).append(subscription)
        self._subscriptions = subscriptions
        self._consumers = {
            name: Consumer(self._pool, members, self._holder, self._limits, self._clock)
            for name, members in by_name.items()
        }
        listening = asyncio.Event()
        self._running = [asyncio.create_task(self._listen(listening))]
        await listening.wait()
        if sources:
            self._running.append(asyncio.create_task(self._relay.run()))
        self._running.append(asyncio.create_task(self._trim_daily()))
        if self._consumers:
            self._running.append(asyncio.create_task(self._look()))
        self._consuming = [asyncio.create_task(one.run()) for one in self._consumers.values()]

    def _new_relay(self, sources: Sequence[Source], routes: Iterable[Route]) -> Relay:
        return Relay(self._pool, sources, routes, self._limits, self._routed)

    async def stop(self, timeout_s: float = 20) -> None:
        """Lets running handlers end, at most that long, and gives the leases back."""
        for consumer in self._consumers.values():
            consumer.stop()
        if self._consuming:
            await asyncio.wait(self._consuming, timeout=timeout_s)
        ending = [*self._running, *self._consuming]
        if self._calling is not None:
            ending.append(self._calling)
        await end(ending)
        self._running, self._consuming, self._calling = [], [], None
        self._consumers, self._relay = {}, None

    async def idle(self) -> bool:
        """Whether nothing is left to do now; what is parked or backs off does not count."""
        # Outboxes twice: between the first look and the queue an event may have moved.
        return (
            not await self._outboxes()
            and await self._pool.fetchval(_IDLE)
            and not await self._outboxes()
            and bool(await self._pool.fetchval(_IDLE))
        )

    async def _outboxes(self) -> list[str]:
        return await self._relay.waiting() if self._relay else []

    async def drain(self, timeout_s: float = 60) -> None:
        """Returns when all is handled that can be; TimeoutError."""
        self.hurry(True)
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.idle():
                    self._wake_all()
                    await asyncio.sleep(0.005)
        finally:
            self.hurry(False)

    def hurry(self, yes: bool) -> None:
        """Whether relay and consumers leave out the rests in which events collect under load."""
        for one in (*self._consumers.values(), self._relay):
            if one is not None:
                one.hurry = yes

    async def backlog(self) -> list[Backlog]:
        """What waits for whom; subscribers for whom nothing waits are left out."""
        return [Backlog(**row) for row in await self._pool.fetch(_BACKLOG)]

    async def dead_letters(self, limit: int = 50, cursor: str | None = None) -> Page[DeadLetter]:
        """The newest first."""
        before = decode_cursor(cursor, int)
        limit = min(limit, LIMIT_MAX)
        rows = await self._pool.fetch(_DEAD, before[0] if before else None, limit + 1)
        return page_of([DeadLetter(**row) for row in rows], limit, "id")

    async def dead_count(self) -> int:
        return int(await self._pool.fetchval(_DEAD_COUNT))

    async def replay(self, id: int) -> None:
        """Hands it to its subscriber again, before what waits behind it; DeadLetterGone."""
        await self._unpark(_REPLAY, id)

    async def discard(self, id: int) -> None:
        """Forgets it and lets go on what waits behind it; DeadLetterGone."""
        await self._unpark(_DISCARD, id)

    async def unword(self, ids: Sequence[str]) -> int:
        """Takes the reasons that people wrote out of what names one of these ids."""
        return int(await self._pool.fetchval(_UNWORD, list(ids)))

    async def _unpark(self, sql: str, id: int) -> None:
        subscriber = await self._pool.fetchval(sql, id)
        if subscriber is None:
            raise DeadLetterGone
        self._routed({subscriber})

    async def trim(self, days: int = _INBOX_DAYS) -> int:
        """Forgets inbox rows older than that; how many there were."""
        gone = 0
        for database in {one.database.schema: one.database for one in self._subscriptions}.values():
            sql = _TRIM.format(schema=database.schema)
            while True:
                count = await database.execute(sql, timedelta(days=days), _TRIM_BATCH)
                gone += count
                if count < _TRIM_BATCH:
                    break
        return gone

    async def _trim_daily(self) -> None:
        while True:
            await asyncio.sleep(_DAY_S)
            try:
                await self.trim()
            except Exception as error:  # noqa: BLE001 - tomorrow is another day
                log.warning("inbox_not_trimmed", error=type(error).__name__)

    def _routed(self, subscribers: set[str]) -> None:
        """Something arrived for these: wake them here, or call other processes."""
        for name in subscribers & self._consumers.keys():
            self._consumers[name].wake.set()
        away = subscribers - self._consumers.keys()
        if away:
            self._call(away)

    async def _look(self) -> None:
        """For what no wake-up tells of: a pause that is over, the work of a killed process.

        One look for all: each consumer's own, every second, had been most of what they asked.
        """
        while True:
            await asyncio.sleep(self._limits.poll_s)
            try:
                rows = await self._pool.fetch(_DUE, list(self._consumers))
            except SQL_TROUBLES as error:
                log.warning("bus_not_looked_at", error=type(error).__name__)
            else:
                self._routed({row["s"] for row in rows})

    def _wake_all(self) -> None:
        if self._relay:
            self._relay.wake.set()
        for consumer in self._consumers.values():
            consumer.wake.set()

    def _call(self, names: set[str]) -> None:
        """NOTIFY at once if the last was a while ago, else together with others soon."""
        self._calls |= names
        if self._calling is None or self._calling.done():
            self._calling = asyncio.create_task(self._send_calls())

    async def _send_calls(self) -> None:
        while self._calls:
            names, self._calls = self._calls, set()
            try:
                channels = [_QUEUE if name else _RELAY for name in names]
                await self._pool.execute(_NOTIFY, channels, list(names))
            except SQL_TROUBLES as error:
                log.warning("bus_not_notified", error=type(error).__name__)
            # A relay that is called while it rests goes on resting.
            only_relay = names == {""}
            await asyncio.sleep(self._limits.relay_rest_s if only_relay else _DEBOUNCE_S)

    async def _listen(self, listening: asyncio.Event) -> None:
        """Holds one connection for wake-ups, and takes another when it breaks."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._listen_on(connection, listening)
            except SQL_TROUBLES as error:
                log.warning("bus_not_listening", error=type(error).__name__)
            listening.set()  # polling goes on without it
            await asyncio.sleep(self._limits.poll_s)

    async def _listen_on(self, connection: Any, listening: asyncio.Event) -> None:
        broken = asyncio.Event()

        def lost(_: Any) -> None:
            broken.set()

        connection.add_termination_listener(lost)
        await connection.add_listener(_RELAY, self._on_relay)
        await connection.add_listener(_QUEUE, self._on_queue)
        listening.set()
        self._wake_all()  # for what was missed until now
        try:
            await broken.wait()
        finally:
            connection.remove_termination_listener(lost)
            await connection.remove_listener(_RELAY, self._on_relay)
            await connection.remove_listener(_QUEUE, self._on_queue)

    def _on_relay(self, *_: Any) -> None:
        if self._relay:
            self._relay.wake.set()

    def _on_queue(self, _connection: Any, _pid: int, _channel: str, subscriber: str) -> None:
        consumer = self._consumers.get(subscriber)
        if consumer is not None:
            consumer.wake.set()
