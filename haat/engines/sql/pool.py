"""Connections kept at hand: taking one and giving it back costs a list's pop and append.

asyncpg's own pool opens them, and takes back those that did not end cleanly. A clean one stays
here: its ways in and out cost as much as a small statement, some fifty times in every checkout.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

# Of the connection itself: the pool's wrapper around it looks each of them up by name. asyncpg
# takes the wrapper off (`_con` None) when a connection is lost.
_FETCH, _FETCHROW = asyncpg.Connection.fetch, asyncpg.Connection.fetchrow
_FETCHVAL, _EXECUTE = asyncpg.Connection.fetchval, asyncpg.Connection.execute
KEPT = 2  # connections that stay open, however little they are used
TRIM_S = 60.0
WAIT_S = 10.0


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

    async def fetch(self, sql: str, *args: Any) -> list[Any]:
        return await self._once(_FETCH, sql, args)  # type: ignore[no-any-return]

    async def fetchrow(self, sql: str, *args: Any) -> Any:
        return await self._once(_FETCHROW, sql, args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._once(_FETCHVAL, sql, args)

    async def execute(self, sql: str, *args: Any) -> str:
        return await self._once(_EXECUTE, sql, args)  # type: ignore[no-any-return]

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

    async def _once(
        self, call: Callable[..., Awaitable[Any]], sql: str, args: tuple[Any, ...]
    ) -> Any:
        """One statement, which leaves no transaction behind."""
        held = self._pop() or await self._take(WAIT_S)
        try:
            found = await call(held._con, sql, *args)
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


def _is_sound(connection: Any) -> bool:
    """Open, with no transaction left on it."""
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:  # asyncpg has closed it already
        return False
