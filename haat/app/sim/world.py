"""One run's world: its processes, the provider and the post, over one database."""

import asyncio
import json
import traceback
from collections.abc import Coroutine
from contextvars import Context as TaskContext
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from haat.app.sim.loop import label, owner
from haat.app.sim.parts import Parts
from haat.app.sim.process import Post, Process, everything
from haat.app.sim.provider import Line
from haat.app.sim.schedule import Killed, Schedule
from haat.domains.money.payments.api import Payments
from haat.domains.money.payments.module import Network, SimulatedCards
from haat.engines.http.client import HttpClient
from haat.kernel.chance import chance
from haat.kernel.context import GUEST, SYSTEM, Actor, Context
from haat.kernel.contract import Contract
from haat.kernel.errors import Problem
from haat.kernel.module import Module

if TYPE_CHECKING:
    from haat.app.sim.plan import Plan
    from haat.app.sim.server import Server
    from haat.engines.bus.consumer import Consumer

START = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday
_OUTBOX = "SELECT 1 FROM {schema}.outbox"
_DUE = """
SELECT 'relay' AS name, true AS free, NULL::uuid[] AS holders WHERE EXISTS ({sources})
 UNION ALL (
SELECT q.subscriber AS name, bool_or(l.holder IS NULL) AS free,
       array_remove(array_agg(DISTINCT l.holder), NULL) AS holders
  FROM bus.queue q
  LEFT JOIN bus.held h ON h.subscriber = q.subscriber AND h.key = q.key
  LEFT JOIN bus.lease l ON l.subscriber = q.subscriber AND l.partition = q.partition
                       AND l.until >= $1
 WHERE h.key IS NULL OR NOT h.parked AND h.not_before <= $1
 GROUP BY 1 ORDER BY 1)"""
_COPY = """
SELECT subscriber, partition, event_id, type, key, source, envelope::text AS envelope
  FROM bus.queue WHERE subscriber = $1 ORDER BY pos LIMIT 5"""
_AGAIN = """
INSERT INTO bus.queue (subscriber, partition, event_id, type, key, source, envelope)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb) ON CONFLICT DO NOTHING"""


@cache
def _nobody() -> HttpClient:
    """Modules ask for a client; with every module here and the provider simulated, none is used."""
    return HttpClient()


class Died(Exception):
    """The process that was asked was killed before it answered."""


class VirtualClock:
    """The run's time, for everybody."""

    def __init__(self, schedule: Schedule, start: datetime) -> None:
        self._schedule = schedule
        self.start = start

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self._schedule.now)


class World:
    """What a run has besides its people."""

    cards: type[SimulatedCards] = SimulatedCards
    kind: type[Process] = Process

    def __init__(
        self,
        plan: "Plan",
        server: "Server",
        *,
        start: datetime = START,
        network: Network | None = None,
    ) -> None:
        self.plan = plan
        self.server = server
        self.schedule = Schedule(plan, server)
        self.schedule.crash = self.crash
        self.schedule.loop.born = self._born
        self.clock = VirtualClock(self.schedule, start)
        self.post = Post(self.schedule)
        self.http = _nobody()
        lots = self.schedule.chance
        self.network = Network(lots) if network is None else network.copy(lots)
        cards = self.cards(self.network, Line(self.schedule))
        self.modules = self.made_of(everything(cards))
        self.parts = Parts(self)
        self.touched: set[str] = set()
        self.processes: list[Process] = []
        self.unexpected: list[str] = []
        self.clean = TaskContext()
        self._begun = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self.calm = True  # people begin nothing new
        self._born_count = 0
        self._mail: list[tuple[str, list[UUID] | None]] = []
        self._mail_at: tuple[int, float] | None = None
        sources = " UNION ALL ".join(_OUTBOX.format(schema=one.name) for one in self.modules)
        self._due = _DUE.format(sources=sources)

    def made_of(self, modules: tuple[Module, ...]) -> tuple[Module, ...]:
        """The modules of every process: tests plant a careless one among them."""
        return modules

    def stamp(self) -> str:
        return self.clock.now().isoformat()

    # -- processes -------------------------------------------------------------------------------

    async def begin(self, *, clerks: int = 2) -> Process:
        """A new process."""
        self._born_count += 1
        process = self.kind(self, f"p{self._born_count}")
        await process.start(clerks=clerks)
        self.processes.append(process)
        self._begun.set()
        return process

    def crash(self, process: Process, why: str) -> None:
        """Kills it here and now; another one begins soon."""
        self.schedule.note(f"      {process.name} is killed {why}")
        self.processes.remove(process)
        process.kill()
        self._tasks.append(self.task(self._replace(), "init"))

    async def _replace(self) -> None:
        await asyncio.sleep([0.0, 0.3, 4.0][chance().below(3)])
        process = await self.begin()
        self.schedule.note(f"      {process.name} begins")

    async def alive(self) -> Process:
        """Some living process, as a load balancer finds one."""
        while not self.processes:
            self._begun.clear()
            await self._begun.wait()
        return self.processes[chance().below(len(self.processes))]

    def task(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Outside of all processes: people, the provider, time. Whoever begins it may be in the
        middle of a transaction, which is not this task's."""
        before = label.set(name), owner.set(None)
        try:
            return self.schedule.loop.create_task(
                self._watched(work, name), context=self.clean.copy()
            )
        finally:
            label.reset(before[0])
            owner.reset(before[1])

    async def _watched(self, work: Coroutine[Any, Any, Any], name: str) -> Any:
        try:
            return await work
        except Exception as error:  # noqa: BLE001 - whatever it is, the run fails with it
            self.note_unexpected(name, error)

    def note_unexpected(self, name: str, error: BaseException) -> None:
        story = "".join(traceback.format_exception(error)[-6:])
        self.unexpected.append(f"{name}: {type(error).__name__}: {error}\n{story}")

    def _born(self, task: asyncio.Task[Any]) -> None:
        process = owner.get()
        if process is not None:
            process.tasks[task] = None
            task.add_done_callback(lambda done: process.tasks.pop(done, None) and None)

    # -- people ----------------------------------------------------------------------------------

    async def ask(
        self, contract: type[Contract], method: str, ctx: Context, /, **arguments: Any
    ) -> Any:
        """A request that some process answers. Died: it was killed on its way."""
        process = await self.alive()
        doors = process.inner if ctx.actor.type == "system" else process.doors
        call = getattr(doors[contract], method)
        task = process.spawn(call(ctx, **arguments), label.get())
        await asyncio.wait([task])
        if task.cancelled() or isinstance(task.exception(), Killed):
            raise Died
        return task.result()

    def person(self, id: UUID, *, scopes: frozenset[str], vendor: UUID | None = None) -> Context:
        return Context(
            actor=Actor("person", id),
            scopes=scopes,
            vendor_id=vendor,
            request_id=label.get(),
            correlation_id=label.get(),
            clock=self.clock,
        )

    def system(self) -> Context:
        return Context(actor=SYSTEM, request_id="sim", correlation_id="sim", clock=self.clock)

    # -- messages --------------------------------------------------------------------------------

    def mail(self) -> list[tuple[str, list[UUID] | None]]:
        """Who has events waiting: "relay", or subscribers with those who hold their leases (None:
        anybody may take it)."""
        at = (self.schedule.writes, self.schedule.now)
        if self._mail_at is None or self._mail_at[0] != at[0] or at[1] - self._mail_at[1] > 0.5:
            self._mail_at = at
            rows = self.server.look(self._due, self.clock.now())
            self._mail = [(r["name"], None if r["free"] else r["holders"]) for r in rows]
        return self._mail

    async def hear(self, process: Process, consumer: "Consumer") -> None:
        """One turn of a subscriber; now and then the bus forgets that it has handed things over."""
        again = self.schedule.faulty and chance().below(4) == 0
        rows = self.server.look(_COPY, consumer.name) if again else []
        await consumer.turn()
        if rows and self.schedule.faulty:
            self.schedule.coverage.faults["event doubled"] += 1
            self.schedule.note(f"      {consumer.name}: {len(rows)} events come again")
            for row in rows:
                self.server.look(_AGAIN, *row)
            self.schedule.writes += 1

    async def say(self, process: Process) -> None:
        """One of the provider's messages."""
        network, faults = self.network, self.schedule.coverage.faults
        place = chance().below(len(network.messages)) if self.schedule.faulty else 0
        if place:
            faults["message reordered"] += 1
        name = network.messages.pop(place)
        fate = chance().below(10) if self.schedule.faulty else 9
        if fate == 0:
            faults["message dropped, sent again later"] += 1
            network.messages.append(name)
            return
        if fate == 1:
            faults["message doubled"] += 1
            network.messages.append(name)
        body = json.dumps({"event": name}).encode()
        ctx = Context(actor=GUEST, request_id=name, correlation_id=name, clock=self.clock)
        heard = False
        try:
            door = process.doors[Payments]
            await door.webhook(ctx, provider="test", headers={}, body=body)
            heard = True
        except (Problem, OSError) as error:
            self.schedule.note(f"      webhook {name}: {error}")
        finally:
            if not heard:  # nobody said that it was heard
                network.messages.append(name)
