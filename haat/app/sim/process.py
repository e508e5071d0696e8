"""A simulated process of the market: all modules, with their own memory, over the common database.

Its tasks are its own; when it is killed they end where they stand, and what PostgreSQL had open for
it is rolled back.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from haat.app.sim.loop import label, owner
from haat.app.sim.parts import Parts
from haat.app.sim.pool import SimPool
from haat.app.sim.schedule import Killed, Schedule
from haat.app.targets import all_modules
from haat.app.wiring import Doors, Peers, Wiring
from haat.domains.money.payments.module import SimulatedCards, simulated
from haat.engines.blob import BlobMissing, SignedPut
from haat.engines.bus import DeadLetters, Limits, PostgresBus, Source, Subscription
from haat.engines.bus.consumer import Consumer
from haat.engines.bus.relay import Relay
from haat.engines.mail import Message
from haat.engines.rpc.door import guarded
from haat.engines.sql import Database
from haat.kernel.chance import chance
from haat.kernel.clock import Clock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.contract import Contract
from haat.kernel.errors import Problem, Unavailable
from haat.kernel.events import Timer
from haat.kernel.ids import RandomIds
from haat.kernel.module import Module

if TYPE_CHECKING:
    from haat.app.sim.world import World

LIMITS = Limits(relay_rest_s=0, consumer_rest_s=0, linger_s=0)


@dataclass
class Post:
    """What was mailed, by id; the stand-in for blobs as well. Both outlive processes."""

    schedule: Schedule
    mails: dict[UUID, Message] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    async def send(self, message: Message) -> None:
        process = owner.get()
        assert process is not None
        verdict = await self.schedule.pass_(process, "call", "mail.send", label=label.get())
        if verdict == "lost before":
            raise Unavailable(code="mail_away")
        self.mails[message.id] = message
        if verdict == "crash after":
            self.schedule.crash(process, "after mail.send")
            raise Killed
        if verdict == "lost after":
            raise Unavailable(code="mail_away")

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self.blobs[key] = data

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes], content_type: str) -> None:
        self.blobs[key] = b"".join([piece async for piece in pieces])

    async def get(self, key: str) -> bytes:
        if key not in self.blobs:
            raise BlobMissing
        return self.blobs[key]

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        return (await self.get(key))[start : start + length]

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        yield await self.get(key)

    async def exists(self, key: str) -> bool:
        return key in self.blobs

    async def size(self, key: str) -> int:
        return len(await self.get(key))

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.blobs.pop(key, None)

    async def keys(self, folder: str) -> list[str]:
        return [key for key in self.blobs if key.startswith(f"{folder}/")]

    def sign_put(
        self, key: str, *, size: int, content_type: str, now: datetime, ttl_s: int
    ) -> SignedPut | None:
        return None


class Door:
    """The door to a service, each method's made when it is first asked for: processes come and go
    quickly here, and use little of what there is."""

    def __init__(self, contract: type[Contract], service: Any, caller: str | None) -> None:
        self._of = contract, service, caller

    def __getattr__(self, name: str) -> Any:
        contract, service, caller = self._of
        mark = getattr(contract, name).__contract__
        made = guarded(contract.contract_name, name, mark, getattr(service, name), caller)
        setattr(self, name, made)
        return made


class QuickWiring(Wiring):
    """The local wiring, with doors that cost nothing to make."""

    def door(self, contract: type[Contract], caller: str | None) -> Any:
        return Door(contract, self.services[contract], caller)


class QuickRelay(Relay):
    """What the first of a run finds out about the database holds for all."""

    def __init__(self, parts: Parts, pool: SimPool, sources: Sequence[Source]) -> None:
        super().__init__(pool, sources, parts.routes, LIMITS, lambda names: None)
        self._parts = parts

    async def prepare(self) -> None:
        parts = self._parts
        if parts.near is None:
            await super().prepare()
            parts.near, parts.looks = frozenset(self._near), [look for _, look in self._looks]
        else:
            self._near = set(parts.near)
            self._looks = [(self._pool, look) for look in parts.looks]


class Consumers(dict[str, Consumer]):
    """A process's subscribers by name, each made when it first has something to hear."""

    def __init__(self, process: "Process") -> None:
        super().__init__()
        self._process = process

    def __missing__(self, name: str) -> Consumer:
        process = self._process
        members = [
            Subscription(name, process.databases[module.name], process.services[module.contract], r)
            for module, r in process.world.parts.reactions[name]
        ]
        limits = replace(LIMITS, batch_max=process.world.plan.batch)
        made = process.consumer(process.pool, members, process.holder, limits, process.clock)
        self[name] = made
        return made


class Process:
    """`doors` are what gateways see, `inner` what this process's own commands do."""

    consumer: type[Consumer] = Consumer

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.dead = False
        self.clock: Clock = world.clock
        self.tasks: dict[asyncio.Task[Any], None] = {}  # in the order they began
        self.pool = SimPool(self, world.schedule, world.server, world.touched, world.stamp)
        self.modules = world.modules
        self.databases = {m.name: Database(self.pool, m.name) for m in self.modules}
        self.holder: UUID = RandomIds(self.clock).new()
        self._bus = PostgresBus(self.pool, clock=self.clock, limits=LIMITS)
        wiring = QuickWiring("local", self.modules, Peers(world.http, "", lambda name: ""))
        wiring.build(self.modules, self._engines)
        self.services = wiring.services
        self.doors: Doors = wiring.doors(None)
        self.inner: Doors = wiring.doors("app")
        self.busy: set[str] = set()
        self._clerks: list[asyncio.Task[Any]] = []
        self.timers: list[tuple[str, Any, Timer]] = [
            (name, self.services[module.contract], timer)
            for name, module, timer in world.parts.timers
        ]
        sources = [Source(module.name, self.pool) for module in self.modules]
        self.relay = QuickRelay(world.parts, self.pool, sources)
        self.consumers = Consumers(self)
        self._favourites = world.plan.favourites(len(self.timers))

    def _engines(self, module: Module) -> Mapping[type, Any]:
        own = {Database: self.databases[module.name], DeadLetters: self._bus}
        return {**self.world.parts.engines(module), **own}

    async def start(self, *, clerks: int) -> None:
        """Ready to answer; `clerks` tasks react, run timers and hear the provider."""
        with self.pool.unseen():
            await self.relay.prepare()
        for number in range(clerks):
            self._clerks.append(self.spawn(self._mind_bus(), f"bus{number}"))
        if clerks:
            self._clerks.append(self.spawn(self._mind_timers(), "timers"))
            self._clerks.append(self.spawn(self._mind_messages(), "webhooks"))

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """A task of this process."""

        async def run() -> Any:
            return await work

        before = owner.set(self), label.set(name)
        try:
            return self.world.schedule.loop.create_task(run())
        finally:
            owner.reset(before[0])
            label.reset(before[1])

    def kill(self) -> None:
        """As kill -9 does."""
        self.dead = True
        self.world.schedule.drop(self)
        self.pool.drop_all()
        for task in list(self.tasks):
            task.cancel()

    def system_context(self, request_id: str) -> Context:
        return Context(
            actor=SYSTEM, request_id=request_id, correlation_id=request_id, clock=self.clock
        )

    # -- what a process does by itself -----------------------------------------------------------

    async def _mind_bus(self) -> None:
        world, schedule = self.world, self.world.schedule
        weight = world.plan.busy
        while True:
            await schedule.pass_(
                self, "clerk", "bus", label=label.get(), ready=self._has_mail, weight=weight
            )
            due = self._due()
            await self.bus_turn(due[chance().below(len(due))])

    async def bus_turn(self, name: str) -> None:
        """Relays what is in the outboxes, or lets one subscriber hear what there is for it."""
        self.busy.add(name)
        token = label.set(name)
        try:
            if name == "relay":
                await self.relay.turn()
            else:
                await self.world.hear(self, self.consumers[name])
        except OSError as error:
            self.world.schedule.note(f"      {self.name} {name}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the run fails with it
            self.world.note_unexpected(name, error)
        finally:
            label.reset(token)
            self.busy.discard(name)

    def _due(self) -> list[str]:
        return [
            name
            for name, holders in self.world.mail()
            if name not in self.busy and (not holders or self.holder in holders)
        ]

    def _has_mail(self) -> bool:
        return bool(self._due())

    async def _mind_timers(self) -> None:
        schedule = self.world.schedule
        while True:
            weight = 0.15 * self.world.plan.busy
            await schedule.pass_(
                self,
                "clerk",
                "timer",
                label="timers",
                ready=lambda: not self.world.calm,
                weight=weight,
            )
            favourite = chance().below(100) < 100 * self.world.plan.timers
            places = self._favourites if favourite else range(len(self.timers))
            await self.run_timer(*self.timers[places[chance().below(len(places))]])

    async def run_timer(self, name: str, service: Any, timer: Timer) -> None:
        """Once; what a timer fails with is logged, and its next turn comes."""
        token = label.set(name)
        try:
            await timer.handler(service, self.system_context(name))
        except (Problem, OSError, TimeoutError) as error:
            self.world.schedule.note(f"      {self.name} {name}: {type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the run fails with it
            self.world.note_unexpected(name, error)
        finally:
            label.reset(token)

    async def _mind_messages(self) -> None:
        """The provider's messages: in any order, now and then twice, or later."""
        world, schedule = self.world, self.world.schedule
        network = world.network
        while True:
            await schedule.pass_(
                self, "clerk", "webhook", label="webhooks", ready=lambda: bool(network.messages)
            )
            await world.say(self)


def everything(cards: SimulatedCards) -> tuple[Module, ...]:
    """All modules, with payments speaking to the simulated network."""
    payments = simulated(cards)
    return tuple(payments if one.name == payments.name else one for one in all_modules())
