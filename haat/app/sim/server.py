"""The real PostgreSQL behind a run: connections on an event loop of their own, one statement at a
time.

The simulation stands still while a statement runs, so that nothing depends on how long it takes.
Whether one that takes longer waits for a lock is not guessed: PostgreSQL is asked, and as nobody
else runs meanwhile, its answer stays true. When something is committed that several waited for,
they are held where they stand (SIGSTOP) and go on one by one, in the order they came.
"""

import asyncio
import os
import signal
from asyncio import tasks
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from haat.engines.sql import open_pool

CONNECTIONS = 24
_SOON_S, _SELDOM_S = 0.005, 0.05  # when PostgreSQL is asked whether a statement waits
_LONG_S = 600.0  # of real time: no statement waits that long, however busy the machine is
_BLOCKED = "SELECT p AS pid, pg_blocking_pids(p) AS by FROM unnest($1::int[]) AS p"
# PostgreSQL would look for deadlocks after a while of real time, and hold all of its locks for it.
_PATIENT = "SET deadlock_timeout = '1h'"
_CANCEL = "SELECT pg_cancel_backend($1)"
_DEADLOCK = """
DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected'; END $$"""


@contextmanager
def _aside() -> Iterator[None]:
    """The simulation's loop, and the task that it is in, stand still: another loop runs."""
    loop = asyncio._get_running_loop()
    task = None if loop is None else asyncio.current_task(loop)
    if loop is not None and task is not None:
        tasks._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if loop is not None and task is not None:
            tasks._enter_task(loop, task)


class Connection:
    """One real connection. They are taken by number, so that each run uses the same ones."""

    def __init__(self, number: int, real: Any) -> None:
        self.number = number
        self.real = real
        self.pid: int = real.get_server_pid()
        self.in_transaction = False


@dataclass(slots=True, eq=False)
class Flight:
    """A statement on its way."""

    connection: Connection
    future: "asyncio.Task[Any]"
    is_orphan: bool = False  # its process was killed
    is_held: bool = False
    ended_by: Exception | None = None

    def result(self) -> Any:
        """What it answered, or was ended by."""
        if self.ended_by is not None:
            raise self.ended_by
        return self.future.result()


class Server:
    """Use as a context manager, once a job."""

    def __init__(self, url: str, *, size: int = CONNECTIONS) -> None:
        self._url = url
        self._size = size
        self._loop = asyncio.new_event_loop()
        self._all: list[Connection] = []
        self._free: list[Connection] = []
        self._parked: list[Flight] = []  # that wait for a lock, in the order they began to

    def __enter__(self) -> "Server":
        self._pool = self.run(open_pool(self._url, size=self._size + 1))
        # Kept for good; a pool takes back what nobody remembers.
        self._kept = [self._pool.acquire() for _ in range(self._size + 1)]
        self._monitor, *made = [self.run(one.__aenter__()) for one in self._kept]
        for real in made:
            self.run(real.execute(_PATIENT))
        self._all = [Connection(number, real) for number, real in enumerate(made)]
        self._free = list(self._all)
        return self

    def __exit__(self, *exc: object) -> None:
        self._let_go(self._parked)
        self._loop.call_soon(self._pool.terminate)
        self._loop.call_later(0.01, self._loop.stop)
        self._loop.run_forever()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Its result; everything else waits."""
        with _aside():
            return self._loop.run_until_complete(work)

    def look(self, sql: str, *args: Any) -> list[Any]:
        """What the simulation itself asks: no gate, no part of the run."""
        found: list[Any] = self.run(self._monitor.fetch(sql, *args, timeout=_LONG_S))
        return found

    def do(self, sql: str) -> None:
        """Several statements of the simulation itself."""
        self.run(self._monitor.execute(sql, timeout=_LONG_S))

    # -- statements of simulated processes -------------------------------------------------------

    def take(self) -> Connection:
        """The first connection that nobody uses."""
        assert self._free, f"more than {self._size} statements and transactions at once"
        first = min(self._free, key=lambda one: one.number)
        self._free.remove(first)
        return first

    def give_back(self, connection: Connection) -> None:
        """Rolls back what is open on it, as PostgreSQL does when a client is gone."""
        if connection.in_transaction:
            connection.in_transaction = False
            self._hold()
            self.run(connection.real.execute("ROLLBACK", timeout=_LONG_S))
        self._free.append(connection)

    def start(self, connection: Connection, method: str, sql: str, args: tuple[Any, ...]) -> Flight:
        """Sends it; `is_done` is to be asked next."""
        self._hold()
        work = getattr(connection.real, method)(sql, *args, timeout=_LONG_S)
        return Flight(connection, self._loop.create_task(work))

    def is_done(self, flight: Flight) -> bool:
        """Waits until it is done (True) or waits for somebody's lock (False): then `wake` tells
        when it has ended."""
        if not self._may_wait(flight):
            with _aside(), suppress(Exception):  # it stays with the flight
                self._loop.run_until_complete(flight.future)
            return True
        soon_s = _SOON_S
        while not self._ends(flight, soon_s):
            soon_s = min(2 * soon_s, _SELDOM_S)  # or a busy machine would do nothing but ask
            by = self._blocked([*self._parked, flight])
            if _is_in_circle(flight.connection.pid, by):
                self._break_deadlock(flight)
            elif by[flight.connection.pid]:
                self._parked.append(flight)
                self._hold()
                return False
        return True

    def wake(self) -> list[Flight]:
        """Those that waited and have ended by now, in the order they did. Nobody else runs."""
        ended = []
        while self._parked:
            by = self._blocked(self._parked)
            free = next((one for one in self._parked if not by[one.connection.pid]), None)
            if free is None:
                break
            self._parked.remove(free)
            self._let_go([free])
            if self.is_done(free):
                ended.append(free)
                if free.is_orphan:
                    self.give_back(free.connection)
        self._let_go(self._parked)
        return ended

    def cancel(self, flight: Flight) -> None:
        """As asyncpg does when the task that waits is cancelled. One that has its lock is past
        that: it ends by itself."""
        self._hold()
        while flight in self._parked:
            self._parked.remove(flight)
            waits = self._blocked([flight])[flight.connection.pid]
            self._let_go([flight])
            if waits:
                self._end(flight)
            else:
                self.is_done(flight)

    @property
    def is_waited(self) -> bool:
        """Whether any statement waits for a lock."""
        return bool(self._parked)

    def settle_all(self) -> None:
        """At the end of a run: nothing is left flying."""
        for flight in list(self._parked):
            self.cancel(flight)
            self.give_back(flight.connection)
        assert len(self._free) == self._size, "a run kept connections"

    def _may_wait(self, flight: Flight) -> bool:
        """Whether anybody else has locks at all."""
        others = (one for one in self._all if one is not flight.connection)
        return bool(self._parked) or any(one.in_transaction for one in others)

    def _ends(self, flight: Flight, within_s: float) -> bool:
        """Waits for it so long; whether it has ended."""
        over: asyncio.Future[None] = self._loop.create_future()

        def end(*_: object) -> None:
            if not over.done():
                over.set_result(None)

        flight.future.add_done_callback(end)
        timer = self._loop.call_later(within_s, end)
        with _aside():
            self._loop.run_until_complete(over)
        timer.cancel()
        flight.future.remove_done_callback(end)
        if not flight.future.done():
            return False
        flight.future.exception()  # an orphan's is nobody's to look at
        return True

    # -- who waits for whom ----------------------------------------------------------------------

    def _blocked(self, flights: Iterable[Flight]) -> dict[int, list[int]]:
        """Whom each of them waits for: nobody, when it has its lock."""
        pids = [one.connection.pid for one in flights]
        return {row["pid"]: row["by"] for row in self.look(_BLOCKED, pids)}

    def _break_deadlock(self, flight: Flight) -> None:
        """PostgreSQL ends whoever notices first; here that is who closed the circle."""
        self._end(flight)
        try:
            self.do(_DEADLOCK)
        except Exception as error:  # noqa: BLE001 - it is what was asked for
            flight.ended_by = error

    def _end(self, flight: Flight) -> None:
        self.look(_CANCEL, flight.connection.pid)
        if not self._ends(flight, _LONG_S):
            raise TimeoutError("PostgreSQL did not end a statement that was cancelled")

    def _hold(self) -> None:
        """What comes next may let several go on at once: none of them does by itself. They sleep,
        with no lock of PostgreSQL's own memory; one alone needs no holding."""
        if len(self._parked) > 1:
            for flight in self._parked:
                if not flight.is_held:
                    os.kill(flight.connection.pid, signal.SIGSTOP)
                    flight.is_held = True

    @staticmethod
    def _let_go(flights: Iterable[Flight]) -> None:
        for flight in flights:
            if flight.is_held:
                os.kill(flight.connection.pid, signal.SIGCONT)
                flight.is_held = False


def _is_in_circle(pid: int, by: dict[int, list[int]]) -> bool:
    """Whether it waits, over others, for itself."""
    seen: set[int] = set()
    left = list(by[pid])
    while left:
        one = left.pop()
        if one == pid:
            return True
        if one not in seen:
            seen.add(one)
            left += by.get(one, ())
    return False
