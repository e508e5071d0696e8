"""The real PostgreSQL behind a run: connections in a thread of their own, asked one at a time.

The simulation's thread stands still while a statement runs, so that nothing depends on how long it
takes. A statement that waits for a lock is told from a slow one by asking PostgreSQL who blocks it.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from haat.engines.sql import open_pool

CONNECTIONS = 24
_SOON_S = 0.003
_BLOCKED = "SELECT pg_blocking_pids($1)"
_CANCEL = "SELECT pg_cancel_backend($1)"


def _quick_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Connection:
    """One real connection; `broken` ends it for who used it."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.pid: int = real.get_server_pid()
        self.in_transaction = False


@dataclass(slots=True, eq=False)
class Flight:
    """A statement on its way."""

    connection: Connection
    future: "Future[Any]"


class Server:
    """Use as a context manager, once a job; `reset` before each run is the market's."""

    def __init__(self, url: str, *, size: int = CONNECTIONS) -> None:
        self._url = url
        self._size = size
        self._loop = _quick_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sim-sql", daemon=True)
        self._free: list[Connection] = []
        self._flying: list[Flight] = []
        self._orphans: list[Flight] = []

    def __enter__(self) -> "Server":
        self._thread.start()
        self._pool = self.run(open_pool(self._url, size=self._size + 1))
        # Kept for good; a pool takes back what nobody remembers.
        self._kept = [self._pool.acquire() for _ in range(self._size + 1)]
        self._monitor, *made = [self.run(one.__aenter__()) for one in self._kept]
        self._free = [Connection(real) for real in made]
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._pool.terminate)
        self._loop.call_soon_threadsafe(self._loop.call_later, 0.05, self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Its result; this thread waits."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def look(self, sql: str, *args: Any) -> list[Any]:
        """What the simulation itself asks: no gate, no part of the run."""
        found: list[Any] = self.run(self._monitor.fetch(sql, *args))
        return found

    def do(self, sql: str) -> None:
        """Several statements of the simulation itself."""
        self.run(self._monitor.execute(sql))

    # -- statements of simulated processes -------------------------------------------------------

    def take(self) -> Connection:
        """A connection nobody uses."""
        assert self._free, f"more than {self._size} statements and transactions at once"
        return self._free.pop()

    def give_back(self, connection: Connection) -> None:
        """Rolls back what is open on it, as PostgreSQL does when a client is gone."""
        if connection.in_transaction:
            connection.in_transaction = False
            self.run(connection.real.execute("ROLLBACK"))
        self._free.append(connection)

    def start(self, connection: Connection, method: str, sql: str, args: tuple[Any, ...]) -> Flight:
        """Sends it."""
        work = getattr(connection.real, method)(sql, *args)
        flight = Flight(connection, asyncio.run_coroutine_threadsafe(work, self._loop))
        self._flying.append(flight)
        return flight

    def is_done(self, flight: Flight) -> bool:
        """Waits until it is done (True) or waits for somebody's lock (False)."""
        while True:
            try:
                flight.future.exception(_SOON_S)
            except TimeoutError:
                if self._is_blocked(flight):
                    return False
            else:
                if flight in self._flying:
                    self._flying.remove(flight)
                return True

    def _is_blocked(self, flight: Flight) -> bool:
        """By somebody who is not blocked by it in turn: a deadlock PostgreSQL ends by itself."""
        by_pid = {one.connection.pid: one for one in self._flying}
        seen: set[int] = set()
        left = [flight.connection.pid]
        free = False
        while left:
            pid = left.pop()
            blockers = self.look(_BLOCKED, pid)[0][0]
            if flight.connection.pid in blockers:
                return False
            if not blockers and pid != flight.connection.pid:
                free = True
            if not blockers and pid == flight.connection.pid:
                return False
            for other in blockers:
                if other not in by_pid:
                    free = True
                elif other not in seen:
                    seen.add(other)
                    left.append(other)
        return free

    def cancel(self, flight: Flight) -> None:
        """As asyncpg does when the task that waits is cancelled."""
        self.look(_CANCEL, flight.connection.pid)
        flight.future.exception(10)
        if flight in self._flying:
            self._flying.remove(flight)

    def orphan(self, flight: Flight) -> None:
        """Its process was killed; PostgreSQL goes on with it all the same."""
        self._orphans.append(flight)

    @property
    def has_orphans(self) -> bool:
        return bool(self._orphans)

    def settle_orphans(self) -> None:
        for flight in list(self._orphans):
            if self.is_done(flight):
                self._orphans.remove(flight)
                self.give_back(flight.connection)

    def settle_all(self) -> None:
        """At the end of a run: nothing is left flying."""
        for flight in list(self._flying):
            self.cancel(flight)
            if flight in self._orphans:
                self._orphans.remove(flight)
            self.give_back(flight.connection)
        assert len(self._free) == self._size, "a run kept connections"
