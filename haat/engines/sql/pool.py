"""Connections kept at hand: taking one and giving it back costs a list's pop and append.

asyncpg's own pool opens them, and takes back those that did not end cleanly. A clean one stays
here: its ways in and out cost as much as a small statement, some fifty times in every checkout.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import asyncpg

KEPT = 2  # connections that stay open, however little they are used
TRIM_S = 60.0
WAIT_S = 10.0


class _Way(NamedTuple):
    """One of asyncpg's four ways to ask."""

    # Of the connection itself: the pool's wrapper around it looks each of them up by name.
    ordinary: Callable[..., Awaitable[Any]]
    most_rows: int  # 0: all
    with_status: bool
    taken: Callable[[Any], Any]  # what is wanted of rows, or of rows with their status


_FETCH = _Way(asyncpg.Connection.fetch, 0, False, lambda rows: rows)
_FETCHROW = _Way(asyncpg.Connection.fetchrow, 1, False, lambda rows: rows[0] if rows else None)
_FETCHVAL = _Way(asyncpg.Connection.fetchval, 1, False, lambda rows: rows[0][0] if rows else None)
_EXECUTE = _Way(asyncpg.Connection.execute, 0, True, lambda found: found[1].decode())


class Pool:
    """At most `size` connections to one database, none with session state."""

    def __init__(self, opened: Any, size: int) -> None:
        self._opened = opened  # an asyncpg.Pool
        self._size = size
        self._taken = 0  # of `size`: in use, idle here, or being opened
        self._idle: list[Any] = []  # the one used last is taken first
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()  # and until when
        self._spare = 0  # as many were never used since the last trim
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(TRIM_S, self._trim)
        self._watch: asyncio.TimerHandle | None = None  # one clock for all who wait
        self._closing: set[asyncio.Task[None]] = set()

    def fetch(self, sql: str, *args: Any) -> Awaitable[list[Any]]:
        return self._once(_FETCH, sql, args)

    def fetchrow(self, sql: str, *args: Any) -> Awaitable[Any]:
        return self._once(_FETCHROW, sql, args)

    def fetchval(self, sql: str, *args: Any) -> Awaitable[Any]:
        return self._once(_FETCHVAL, sql, args)

    def execute(self, sql: str, *args: Any) -> Awaitable[str]:
        return self._once(_EXECUTE, sql, args)

    @asynccontextmanager
    async def acquire(self, *, timeout: float = WAIT_S) -> AsyncIterator[Any]:
        """A connection for the block. TimeoutError when none is free in time."""
        connection = await self._take(timeout)
        try:
            yield connection
        except asyncpg.PostgresError:
            await self._give(connection)
            raise
        except BaseException:
            await self._give_back(connection)
            raise
        await self._give(connection)

    async def close(self) -> None:
        """Waits for those in use, then closes all."""
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        while self._idle:
            await self._give_back(self._idle.pop())
        self._size = 0  # what comes back from now on is closed, not kept
        await self._opened.close()

    def terminate(self) -> None:
        self._timer.cancel()
        self._opened.terminate()

    async def _once(self, way: _Way, sql: str, args: tuple[Any, ...]) -> Any:
        """One statement, which leaves no transaction behind.

        One that its connection has prepared before is executed at once: asyncpg's way there, five
        coroutines with two looks at the clock, costs as much as the statement.
        """
        held = self._pop() or await self._take(WAIT_S)
        connection = held._con  # asyncpg takes the wrapper off (None) when a connection is lost
        try:
            known = connection._stmt_cache.get((sql, asyncpg.Record, False))
            if known is None:
                found = await way.ordinary(connection, sql, *args)
            else:
                found = await _execute(connection, known, way, sql, args)
        except asyncpg.PostgresError:
            await self._give(held)
            raise
        except BaseException:
            await self._give_back(held)
            raise
        if self._waiting or self._size == 0:
            await self._give(held)
        else:
            self._idle.append(held)
        return found

    def _pop(self) -> Any:
        """The idle connection used last, when it is sound."""
        if not self._idle:
            return None
        held = self._idle.pop()
        if len(self._idle) < self._spare:
            self._spare = len(self._idle)
        if held._con is not None and not held._con.is_closed():
            return held
        self._idle.append(held)
        return None  # `_take` looks closer

    async def _take(self, timeout: float) -> Any:
        until: float | None = None
        while True:
            while self._idle:
                connection = self._idle.pop()
                if len(self._idle) < self._spare:
                    self._spare = len(self._idle)
                if _is_sound(connection):
                    return connection
                await self._give_back(connection)
            if until is None:
                until = self._loop.time() + timeout
            if self._taken < self._size:
                async with asyncio.timeout_at(until):
                    return await self._open()
            found = await self._wait(until)
            if found is not None:
                return found

    async def _open(self) -> Any:
        self._taken += 1
        try:
            return await self._opened.acquire()
        except BaseException:
            self._gone()
            raise

    async def _wait(self, until: float) -> Any:
        """The next connection that comes free; None when one may be opened instead."""
        if self._size == 0:
            raise asyncpg.InterfaceError("the pool is closed")
        waiting = self._loop.create_future()
        entry = until, waiting
        self._waiting.append(entry)
        if self._watch is None or until < self._watch.when():
            self._watch_from(until)
        try:
            return await waiting
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._waiting.remove(entry)
            # It may have been given one all the same.
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                given = waiting.result()
                if given is None:
                    self._wake(None)
                else:
                    await self._give(given)
            raise

    def _watch_from(self, until: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_at(until, self._look)

    def _look(self) -> None:
        """Lets go of those who have waited for long enough."""
        self._watch, now = None, self._loop.time()
        late = [entry for entry in self._waiting if entry[0] <= now]
        for entry in late:
            self._waiting.remove(entry)
            if not entry[1].done():
                entry[1].set_exception(TimeoutError())
        if self._waiting:
            self._watch_from(min(until for until, _ in self._waiting))

    def _keep(self, connection: Any) -> bool:
        """Hands it to the next who waits, or keeps it; False when it is not fit for that."""
        if self._size == 0 or not _is_sound(connection):
            return False
        if not (self._waiting and self._wake(connection)):
            self._idle.append(connection)
        return True

    def _wake(self, connection: Any) -> bool:
        while self._waiting:
            _, waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return True
        return False

    async def _give(self, connection: Any) -> None:
        if not self._keep(connection):
            await self._give_back(connection)

    async def _give_back(self, connection: Any) -> None:
        """To asyncpg, which ends what is under way on it, or closes it."""
        try:
            await self._opened.release(connection)
        finally:
            self._gone()

    def _gone(self) -> None:
        self._taken -= 1
        self._wake(None)

    def _trim(self) -> None:
        """Closes what nobody has needed for a while: each costs the server memory."""
        self._timer = self._loop.call_later(TRIM_S, self._trim)
        for _ in range(min(self._spare, len(self._idle) - KEPT)):
            connection = self._idle.pop(0)
            task = self._loop.create_task(self._close_one(connection))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._spare = len(self._idle)

    async def _close_one(self, connection: Any) -> None:
        try:
            with suppress(asyncpg.InterfaceError, OSError):
                await connection.close()
        finally:
            await self._give_back(connection)


async def _execute(connection: Any, known: Any, way: _Way, sql: str, args: tuple[Any, ...]) -> Any:
    """Does what asyncpg's Connection does with a statement it has prepared."""
    try:
        return way.taken(
            await connection._protocol.bind_execute(
                known, args, "", way.most_rows, way.with_status, None
            )
        )
    except asyncpg.InvalidCachedStatementError:
        # A table is not what it was, and nothing has been done: asyncpg prepares it anew.
        return await way.ordinary(connection, sql, *args)
    except asyncpg.OutdatedSchemaCacheError:  # a type is not; it has been done
        await connection.reload_schema_state()
        raise


def _is_sound(connection: Any) -> bool:
    """Open, with no transaction left on it."""
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:  # asyncpg has closed it already
        return False
