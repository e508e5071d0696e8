"""Pools, transactions and the outbox on asyncpg."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, NewType

import asyncpg
from pydantic_core import from_json, to_json

from haat.engines.sql import sockets
from haat.engines.sql.noting import NOTE_AS, noting, trail_text
from haat.engines.sql.pool import KEPT
from haat.engines.sql.pool import Pool as Connections
from haat.kernel.context import Context, Held, open_transaction
from haat.kernel.errors import Problem, Timeout, Unavailable
from haat.kernel.events import Event
from haat.kernel.ids import RandomIds

UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError
Record = Any  # asyncpg ships no types: a row, by name or position
Pool = Any  # haat.engines.sql.pool.Pool, or what a simulation puts in its place

_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # what it makes of an answer that is cut off
)
_MET = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_TROUBLE = (TimeoutError, asyncpg.QueryCanceledError, *_MET, *_AWAY)
_EMIT = (
    "INSERT INTO {schema}.outbox (event_id, type, key, envelope)"
    " SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]::jsonb[])"
)
_STEP_TRIES = 4
_JSON = json.JSONEncoder(default=str)
STATEMENTS_KEPT = 600  # a connection's; all modules of a process together hold fewer


class Deadlock(Unavailable, code="sql_conflict"):
    """It met others at the same rows, and PostgreSQL broke it off. Nothing was written: asked for
    again it goes through."""

    sqlstate = asyncpg.DeadlockDetectedError.sqlstate


_AGAIN = (Deadlock, asyncpg.CheckViolationError)


# Fixed SQL of a module. A test prepares every one under the module's own role. (A plain string
# while it runs: asyncpg takes no subclass.)
Sql = NewType("Sql", str)


async def open_pool(
    url: str,
    *,
    size: int = 10,
    role: str | None = None,
    application: str = "haat",
    beside: Path | None = None,
) -> Pool:
    """A pool without a reset query: pooled connections carry no session state.

    `role` makes every connection act as that role. `beside`: the folder of an embedded server that
    may be the one meant. Unavailable when the server does not answer.
    """
    settings = {"application_name": application, "jit": "off"}
    if role is not None:
        settings["role"] = role
    try:
        opened = await asyncpg.create_pool(
            url,
            **({} if beside is None else sockets.way_to(url, beside)),
            min_size=min(KEPT, size),
            max_size=size,
            init=_set_codecs,
            reset=_keep,
            command_timeout=30,
            statement_cache_size=STATEMENTS_KEPT,
            max_cached_statement_lifetime=0,
            max_inactive_connection_lifetime=300,
            server_settings=settings,
        )
        return Connections(opened, size)
    except _AWAY as error:
        raise Unavailable(f"The database does not answer: {error}", code="sql_away") from error


async def _set_codecs(connection: Any) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_encode, decoder=_decode)


def _encode(value: Any) -> str:
    """JSON text as it is; anything else encoded."""
    return value if isinstance(value, str) else _JSON.encode(value)


def _decode(text: str) -> Any:
    """A value of a json column: fifteen in every checkout. Pydantic's parser takes a fifth of the
    standard library's time, but refuses what is nested very deep and half a surrogate pair."""
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)


async def _keep(connection: Any) -> None:
    """In place of asyncpg's RESET ALL: there is nothing to reset."""


class Tx:
    """An open transaction. `emit` adds facts that are committed with it."""

    def __init__(self, connection: Any, ctx: Context) -> None:
        self._connection = connection
        self.ctx = ctx
        self.events: list[Event] = []

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        return await self._connection.fetch(sql, *args)  # type: ignore[no-any-return]

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        return await self._connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> int:
        """Runs it and says how many rows it touched."""
        return _count(await self._connection.execute(sql, *args))

    def emit(self, *events: Event) -> None:
        """Announce these facts when, and only when, this transaction commits."""
        self.events.extend(events)


class Database:
    """One module's door to PostgreSQL: a shared pool, and its own schema's outbox."""

    def __init__(
        self,
        pool: Pool,
        schema: str,
        *,
        emitted: Callable[[], None] = lambda: None,
        wanted: Callable[[Event], bool] = lambda _: True,
    ) -> None:
        """`wanted`: whether an event goes anywhere. Others are not written: a relay would only
        take them out again."""
        self.pool = pool
        self.schema = schema
        self._wanted = wanted
        self._emit_sql = _EMIT.format(schema=schema)
        self._emitted = emitted  # wakes the relay; called after a commit that carried events

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        """All rows of one statement, in a transaction of its own."""
        held = noting(sql)
        if held is not None:
            return await self._noted(held, "fetch", sql, args)  # type: ignore[no-any-return]
        try:
            return await self.pool.fetch(sql, *args)  # type: ignore[no-any-return]
        except _TROUBLE as error:
            raise _problem_of(error) from error

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        held = noting(sql)
        if held is not None:
            return await self._noted(held, "fetchrow", sql, args)
        try:
            return await self.pool.fetchrow(sql, *args)
        except _TROUBLE as error:
            raise _problem_of(error) from error

    async def fetchval(self, sql: str, *args: Any) -> Any:
        held = noting(sql)
        if held is not None:
            return await self._noted(held, "fetchval", sql, args)
        try:
            return await self.pool.fetchval(sql, *args)
        except _TROUBLE as error:
            raise _problem_of(error) from error

    async def execute(self, sql: str, *args: Any) -> int:
        held = noting(sql)
        if held is not None:
            return _count(await self._noted(held, "execute", sql, args))
        try:
            return _count(await self.pool.execute(sql, *args))
        except _TROUBLE as error:
            raise _problem_of(error) from error

    async def _noted(self, held: Held, way: str, sql: str, args: Sequence[Any]) -> Any:
        """One statement whose changes are noted in somebody's name: the database learns whose in
        the transaction itself, so that nothing stays on the connection."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute(NOTE_AS, trail_text(held))
            found = await getattr(connection, way)(sql, *args)
        self._emitted()
        return found

    @asynccontextmanager
    async def begin(self, ctx: Context) -> AsyncIterator[Tx]:
        """A transaction: leaving commits (with what was emitted), an exception rolls back.

        No other module can be called inside.
        """
        assert open_transaction.get() is None, "a transaction is open in this task already"
        token = open_transaction.set(self.schema)
        try:
            async with self._connection() as connection:
                tx = Tx(connection, ctx)
                held = noting()
                async with connection.transaction():
                    if held is not None:
                        await connection.execute(NOTE_AS, trail_text(held))
                    yield tx
                    events = self._going(tx.events)
                    if events:
                        await connection.execute(self._emit_sql, *outbox_rows(ctx, events))
        finally:
            open_transaction.reset(token)
        if events or held is not None:
            self._emitted()

    async def step(
        self, ctx: Context, sql: str, *args: Any, emit: Sequence[Event] = ()
    ) -> list[Record]:
        """One statement and its events as one transaction in one round trip.

        With events, `sql` must be a chain of CTEs ending in a SELECT, holding `/*emit:NAME*/`
        just before that SELECT: the events are written only when the CTE `NAME` returned a row;
        with `/*emit:NAME.COLUMN*/`, those whose key is that column of a row.
        Tried again when PostgreSQL broke a deadlock with it, or when a CHECK refused it: an UPDATE
        that waited for a lock is first checked on the version of the row from before the wait.
        """
        assert open_transaction.get() is None, "a transaction is open in this task already"
        events = self._going(emit)
        if events:
            rows_of = outbox_rows(ctx, events)
            if len(events) == 1:  # as nearly always: values cost less than arrays of one
                sql = emitting(sql, self.schema, len(args), single=True)
                args = (*args, *(column[0] for column in rows_of))
            else:
                sql = emitting(sql, self.schema, len(args))
                args = (*args, *rows_of)
        for attempt in range(_STEP_TRIES):
            try:
                rows = await self.fetch(sql, *args)
            except _AGAIN:
                if attempt == _STEP_TRIES - 1:
                    raise
                await asyncio.sleep(0.005 * 2**attempt)
            else:
                if events:
                    self._emitted()
                return rows
        raise AssertionError

    def _going(self, events: Sequence[Event]) -> list[Event]:
        return [event for event in events if self._wanted(event)]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self.pool.acquire(timeout=10) as connection:
                yield connection
        except _TROUBLE as error:
            raise _problem_of(error) from error


def _problem_of(error: BaseException) -> Problem:
    """What a caller is told when the database is slow or away."""
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        return Timeout("The database took too long.")
    if isinstance(error, _MET):
        return Deadlock("This met other changes of the same. Send it again.")
    return Unavailable("The database does not answer.", code="sql_away")


@cache
def emitting(sql: str, schema: str, count: int, *, single: bool = False) -> str:
    """`sql` with its `/*emit:NAME*/` mark replaced by the CTE that fills the outbox: from four
    arrays after its own `count` parameters, or from four values where it is `single`."""
    head, mark, rest = sql.partition("/*emit:")
    assert mark, "no /*emit:NAME*/ mark in this statement"
    name, _, tail = rest.partition("*/")
    name, _, column = name.partition(".")
    shape = "[]" if not single else ""
    types = (f"uuid{shape}", f"text{shape}", f"text{shape}", f"text{shape}::jsonb{shape}")
    given = ", ".join(f"${count + i}::{kind}" for i, kind in enumerate(types, 1))
    some = f"e.key IN (SELECT {column}::text FROM {name})" if column else f"EXISTS (TABLE {name})"
    source = f"(VALUES ({given}))" if single else f"unnest({given})"
    return (
        f"{head}, emitted_ AS (INSERT INTO {schema}.outbox (event_id, type, key, envelope)"
        f" SELECT e.* FROM {source} AS e (event_id, type, key, envelope) WHERE {some}){tail}"
    )


def outbox_rows(
    ctx: Context, events: Iterable[Event]
) -> tuple[list[Any], list[str], list[str], list[str]]:
    """The outbox's columns for these events, in order: ids, types, keys, envelopes as JSON."""
    ids, types, keys, envelopes = [], [], [], []
    actor = {"type": ctx.actor.type, "id": None if ctx.actor.id is None else str(ctx.actor.id)}
    trace = {"requestId": ctx.request_id, "correlationId": ctx.correlation_id}
    # What is the same for all of them, as JSON: an envelope is not built to be taken apart again.
    at = ctx.now().isoformat().replace("+00:00", "Z")
    same = to_json({"occurredAt": at, "actor": actor, "trace": trace}).decode()[1:-1]
    # An event's id is always new: one that repeats with a repeated request could be the id of
    # another event that the first try announced, and be dropped as a duplicate.
    born = RandomIds(ctx.clock)
    for event in events:
        assert event.event_name, f"{type(event).__name__} has no name"
        id, name, key = born.new(), event.event_name, event.key
        ids.append(id)
        types.append(name)
        keys.append(key)
        envelopes.append(
            f'{{"eventId":"{id}","type":"{name}","version":{event.event_version},{same},'
            f'"data":{event.model_dump_json()},"key":{to_json(key).decode()}}}'
        )
    return ids, types, keys, envelopes


def _count(status: str) -> int:
    """Rows touched, from PostgreSQL's command tag ('UPDATE 3')."""
    last = status.rsplit(" ", 1)[-1]
    return int(last) if last.isdigit() else 0
