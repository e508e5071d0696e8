"""What stands for asyncpg's pool in a simulated process: every statement passes a gate."""

import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from haat.app.sim.loop import label
from haat.app.sim.schedule import Killed, Kind, Schedule, Verdict
from haat.app.sim.server import Connection, Server

if TYPE_CHECKING:
    from haat.app.sim.process import Process

_WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?([a-z_]+\.[a-z_]+)", re.IGNORECASE
)
_CALLS = re.compile(r"\b(ledger)\.[a-z_]+\(")
_CLOCK = re.compile(r"\b(?:clock_timestamp|now|statement_timestamp)\(\)")


@dataclass(frozen=True, slots=True)
class Told:
    """What a statement's text tells of it."""

    writes: frozenset[str]  # tables, or "ledger.*" for a function of that schema
    clock: bool
    mail: bool  # whether events may wait after it that did not before, or the other way round

    @property
    def name(self) -> str:
        return min(self.writes, default="")


@cache
def told(sql: str) -> Told:
    tables = {name.lower() for name in _WRITES.findall(sql)}
    tables |= {f"{schema}.*" for schema in _CALLS.findall(sql)}
    return Told(frozenset(tables), bool(_CLOCK.search(sql)), is_mail(tables))


def is_mail(tables: Iterable[str]) -> bool:
    """Whether who writes to these may change what events wait for whom."""
    return any(name.startswith("bus.") or name.endswith(".outbox") for name in tables)


_INNER = ("haat/app/sim/", "haat/engines/sql/", "haat/engines/rpc/", "contextlib.py", "asyncio/")


def place() -> str:
    """Which of our functions asks: 'orders.paying.mark_paid'."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if "/haat/" in path and not any(part in path for part in _INNER):
            parts = path.rpartition("/haat/")[2].removesuffix(".py").split("/")
            names = [part for part in parts[2:] if part not in ("service", "__init__")]
            return ".".join([*names, frame.f_code.co_name.lstrip("_")])
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "somewhere"


class SimPool:
    """One process's door to the database. Has what Haat uses of an asyncpg pool."""

    def __init__(
        self,
        process: "Process",
        schedule: Schedule,
        server: Server,
        touched: set[str],
        clock: Callable[[], str],
    ) -> None:
        self.process = process
        self._schedule = schedule
        self._server = server
        self._touched = touched
        self._clock = clock
        self.held: dict[Connection, None] = {}  # in the order they were taken
        self.seen = True  # whether statements pass gates

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """What is no part of the run: a process that starts, the proof at the end."""
        self.seen = False
        try:
            yield
        finally:
            self.seen = True

    async def gate(self, kind: Kind, point: str) -> Verdict:
        if not self.seen:
            return "go"
        return await self._schedule.pass_(self.process, kind, point, label=label.get())

    @asynccontextmanager
    async def acquire(self, *, timeout: float | None = None) -> AsyncIterator["SimConnection"]:
        connection = SimConnection(self)
        try:
            yield connection
        finally:
            connection.let_go()

    async def fetch(self, sql: str, *args: Any) -> list[Any]:
        found: list[Any] = await SimConnection(self).fetch(sql, *args)
        return found

    async def fetchrow(self, sql: str, *args: Any) -> Any:
        return await SimConnection(self).fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await SimConnection(self).fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        return str(await SimConnection(self).execute(sql, *args))

    def drop_all(self) -> None:
        """The process was killed: PostgreSQL rolls back what it had open."""
        for connection in self.held:
            self._server.give_back(connection)
        self.held.clear()


class SimConnection:
    """A connection as a process sees it. A real one stands behind it only while it is needed."""

    def __init__(self, pool: SimPool) -> None:
        self._pool = pool
        self._real: Connection | None = None
        self._depth = 0
        self._wrote: set[str] = set()

    async def fetch(self, sql: str, *args: Any) -> Any:
        return await self._statement("fetch", sql, args)

    async def fetchrow(self, sql: str, *args: Any) -> Any:
        return await self._statement("fetchrow", sql, args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._statement("fetchval", sql, args)

    async def execute(self, sql: str, *args: Any) -> Any:
        return await self._statement("execute", sql, args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        assert self._depth == 0, "transactions are not nested here"
        self._depth = 1
        self._wrote = set()
        try:
            yield
            if self._wrote:
                await self._commit()
        finally:
            self._depth = 0
            self.let_go()

    def let_go(self) -> None:
        """Gives the real connection back; an open transaction is rolled back."""
        real, self._real = self._real, None
        if real is not None and real in self._pool.held:
            del self._pool.held[real]
            self._pool._server.give_back(real)

    async def _commit(self) -> None:
        pool, schedule = self._pool, self._pool._schedule
        where = place()
        verdict = await pool.gate("write", f"{where}: commit")
        real = self._real
        assert real is not None
        if verdict == "lost before":
            raise ConnectionResetError("the connection was lost (simulated)")
        flight = pool._server.start(real, "execute", "COMMIT", ())
        assert pool._server.is_done(flight), "a commit waits for nobody"
        real.in_transaction = False
        flight.result()
        schedule.writes += is_mail(self._wrote)
        schedule.settle()
        self._after(verdict, f"{where}: commit")

    def _after(self, verdict: str, point: str) -> None:
        if verdict == "crash after":
            self._pool._schedule.crash(self._pool.process, f"after {point}")
            raise Killed
        if verdict == "lost after":
            raise ConnectionResetError("the answer was lost (simulated)")

    async def _statement(self, method: str, sql: str, args: tuple[Any, ...]) -> Any:
        pool, schedule = self._pool, self._pool._schedule
        facts = told(sql)
        kind: Any = "inner" if self._depth else "write" if facts.writes else "read"
        point = f"{place()}: {facts.name or 'read'}"
        who = label.get()
        verdict = await pool.gate(kind, point)
        if verdict == "lost before":
            raise ConnectionResetError("the connection was lost (simulated)")
        # Before it is known how it ends: a statement that is broken off may have written all the
        # same, and PostgreSQL's pages are not as they were.
        pool._touched.update(facts.writes)
        try:
            answer = await self._run(method, sql, args, facts, (point, who))
        finally:
            if not self._depth:
                self.let_go()
        if facts.writes:
            self._wrote |= facts.writes
            schedule.writes += facts.mail
            schedule.settle()
        if pool.seen:
            schedule.note(f"      = {_digest(answer)}")
        self._after(verdict, point)
        return answer

    async def _run(
        self, method: str, sql: str, args: tuple[Any, ...], facts: Told, who: tuple[str, str]
    ) -> Any:
        pool, server = self._pool, self._pool._server
        if self._real is None:
            self._real = server.take()
            pool.held[self._real] = None
        real = self._real
        first = []
        if self._depth and not real.in_transaction:
            first.append("BEGIN")
            real.in_transaction = True
        if facts.clock:
            first.append(f"SET sim.now = '{pool._clock()}'")
        if first:
            server.run(real.real.execute("; ".join(first)))
        flight = server.start(real, method, sql, args)
        if not server.is_done(flight):
            await pool._schedule.park(flight, pool.process, *who)
        return flight.result()


def _digest(answer: Any) -> str:
    if isinstance(answer, list):
        return f"{len(answer)} rows"
    return "row" if answer.__class__.__name__ == "Record" else str(answer)[:40]
