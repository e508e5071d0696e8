"""Starts the modules of one process: engines, wiring, events and timers; and stops them."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog

from haat.app.between import between
from haat.app.erasing import keep_erasing
from haat.app.outside import egress_of
from haat.app.recalls import hear_recalls
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.app.wiring import Doors, Mode, Peers, Wiring
from haat.engines.blob import Blob, open_blob
from haat.engines.bus import (
    DeadLetters,
    Route,
    Source,
    Subscription,
    open_bus,
    route_of,
)
from haat.engines.cache import Cache, open_cache
from haat.engines.endings import end
from haat.engines.hands import Hands
from haat.engines.http import Signer, Tokens, load_secret
from haat.engines.http.addresses import networks
from haat.engines.http.client import HttpClient
from haat.engines.http.egress import Egress
from haat.engines.http.keyring import ring_path
from haat.engines.http.outward import Outward
from haat.engines.mail import Mail, open_mail
from haat.engines.rpc.trailing import by_itself
from haat.engines.scheduler import Scheduler, open_scheduler
from haat.engines.search import SearchEngine, open_search
from haat.engines.sms import Sms, open_sms
from haat.engines.sql import Database, Pool, open_pool
from haat.gateways.rest.storage import AnswerStore
from haat.kernel.clock import Clock, SystemClock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.events import Noted, Reaction, Timer, noted_in
from haat.kernel.module import Module

log = structlog.get_logger()

_TRIM_S = 3600


class Runtime:
    """The modules of this process, started. Use as `async with Runtime(...) as runtime`.

    `reacts` runs the relay, the reactions and the timers here as well. `site`: it is one of those
    that open the site, and so keep answers of requests about anything; unsaid, one of everything or
    of nothing is.
    """

    def __init__(
        self,
        settings: AppSettings,
        modules: tuple[Module, ...],
        *,
        clock: Clock | None = None,
        mode: Mode = "local",
        reacts: bool = False,
        timers: bool = True,
        role_per_module: bool = False,
        site: bool | None = None,
    ) -> None:
        self.settings = settings
        self.modules = modules
        self.clock = clock or SystemClock()
        self.site = len(modules) in (0, len(all_modules())) if site is None else site
        self._mode: Mode = mode
        self._reacts = reacts
        self._timers = timers
        self._roles = role_per_module
        self._pools: dict[tuple[str, str | None], Pool] = {}
        self._stack = AsyncExitStack()
        self.doors: Doors = {}  # for gateways: scopes are checked
        self.inner: Doors = {}  # for this process's own commands: as a module's
        self.services: Doors = {}
        self.databases: dict[str, Database] = {}

    async def __aenter__(self) -> "Runtime":
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        settings = self.settings
        secret = load_secret(settings.secret_path)
        ring = ring_path(settings.secret_path)
        self.tokens = Tokens(secret, clock=self.clock, ring=ring)
        self.signer = Signer(secret, clock=self.clock)
        self.rpc_token = settings.rpc_token.get_secret_value() or _derived_token(secret)
        egress = egress_of(settings, [module.name for module in all_modules()])
        self.http = await self._stack.enter_async_context(HttpClient(egress=egress))
        peers = await self._between(egress)
        self.outward = Outward(
            allowed=networks(settings.webhooks_allow_private),
            plain=settings.webhooks_allow_http,
            egress=egress,
        )
        self._stack.push_async_callback(self.outward.aclose)
        self.blob = open_blob(settings.blob)
        self.mail = open_mail(settings.mail, sender=settings.mail_from, clock=self.clock)
        token = settings.sms_token.get_secret_value()
        self.sms = open_sms(settings.sms, token=token, http=self.http)
        self.cache = open_cache(settings.cache)
        self._stack.push_async_callback(self.cache.aclose)
        self.search = open_search(settings.search)
        self._stack.push_async_callback(self.search.aclose)
        bus_pool = await self._pool(settings.bus_database, None)
        self.bus = open_bus(settings.bus, bus_pool, clock=self.clock)
        self._wanted = self.bus.wants(every_route())
        for name in (*(module.name for module in self.modules), "rest"):
            await self._database(name)
        wiring = Wiring(self._mode, all_modules(), Peers(peers, self.rpc_token, settings.peer_of))
        wiring.build(self.modules, self._engines)
        self.services = wiring.services
        self.doors = wiring.doors(None)
        self.inner = wiring.doors("app")
        recalls = asyncio.create_task(hear_recalls(self), name="recalls")
        self._stack.push_async_callback(end, [recalls])
        if self._reacts:
            await self._react()

    async def _between(self, egress: Egress) -> HttpClient:
        """By which other processes of this market are called."""
        here = {module.name for module in self.modules}
        others = [module.name for module in all_modules() if module.name not in here]
        found = between(self.settings, others)
        if found is None:
            return self.http
        keeping = asyncio.create_task(found.keep_new(), name="certificate")
        self._stack.push_async_callback(end, [keeping])
        return await self._stack.enter_async_context(HttpClient(egress=egress, tls=found.context))

    async def _pool(self, url: str, role: str | None) -> Pool:
        key = (url, role)
        if key not in self._pools:
            size = 4 if role else self.settings.sql_pool
            pool = await open_pool(url, size=size, role=role, beside=self.settings.sql_folder)
            self._stack.push_async_callback(_close, pool)
            self._pools[key] = pool
        return self._pools[key]

    async def _database(self, name: str) -> None:
        """The database of a module, or of the REST gateway."""
        role = f"haat_{name}" if self._roles else None
        pool = await self._pool(self.settings.sql_of(name), role)
        self.databases[name] = Database(pool, name, emitted=self.bus.emitted, wanted=self._wanted)

    def _engines(self, module: Module) -> Mapping[type, Any]:
        return {
            Database: self.databases[module.name],
            Clock: self.clock,
            Tokens: self.tokens,
            Signer: self.signer,
            HttpClient: self.http,
            Outward: self.outward,
            Blob: self.blob,
            Mail: self.mail,
            Sms: self.sms,
            Hands: Hands.given(),
            Cache: self.cache,
            SearchEngine: self.search,
            DeadLetters: self.bus,
        }

    async def _react(self) -> None:
        sources, subscriptions, noted = [], [], []
        for module in self.modules:
            database = self.databases[module.name]
            sources.append(Source(module.name, database.pool))
            found = noted_in(module.reactions) if module.reactions else Noted()
            noted.append((module, found))
            subscriptions += [
                Subscription(
                    _subscriber(module, reaction),
                    database,
                    self.services[module.contract],
                    reaction,
                )
                for reaction in found.reactions
            ]
        await self.bus.start(sources, subscriptions, routes=every_route())
        self._stack.push_async_callback(self.bus.stop)
        running = [
            asyncio.create_task(module.run(self.services[module.contract]), name=module.name)
            for module in self.modules
            if module.run is not None
        ]
        running.append(asyncio.create_task(keep_erasing(self), name="erasing"))
        self._stack.push_async_callback(end, running)
        if self._timers:
            await self._start_timers(noted)

    async def _start_timers(self, noted: Sequence[tuple[Module, Noted]]) -> None:
        """A module's timers stand in its own database: all its processes meet there."""
        schedulers: dict[str, Scheduler] = {}

        async def scheduler_of(name: str) -> Scheduler:
            url = self.settings.sql_of(name)
            if url not in schedulers:
                schedulers[url] = await open_scheduler(url)
                self._stack.push_async_callback(schedulers[url].stop)
            return schedulers[url]

        for module, found in noted:
            for timer in found.timers:
                self._add_timer(await scheduler_of(module.name), module, timer)
        trimming = await scheduler_of("rest")
        trimming.add("rest.trim_answers", _TRIM_S, self._trim_answers)
        for scheduler in schedulers.values():
            await scheduler.start()

    def _add_timer(self, scheduler: Scheduler, module: Module, timer: Timer) -> None:
        service = self.services[module.contract]
        name = f"{module.name}.{timer.handler.__name__}"

        async def run() -> None:
            await self._tick(timer, name, service)

        scheduler.add(name, timer.seconds, run)

    async def _tick(self, timer: Timer, name: str, service: Any) -> None:
        ctx = self.system_context(name)
        if timer.noted:
            await by_itself(f"timer {name}", ctx, lambda noted: timer.handler(service, noted))
        else:
            await timer.handler(service, ctx)

    async def _trim_answers(self) -> None:
        """Kept answers hold addresses: they go when no request can be repeated any more."""
        await AnswerStore(self.databases["rest"]).trim(self.clock.now())

    async def run_timers(self) -> None:
        """Runs every timer once, in order: for seeding and tests, on the injected clock."""
        for module in self.modules:
            if module.reactions:
                for timer in noted_in(module.reactions).timers:
                    name = f"{module.name}.{timer.handler.__name__}"
                    await self._tick(timer, name, self.services[module.contract])

    async def settle(self) -> None:
        """Waits until every event that was emitted has been handled."""
        await self.bus.drain()

    def system_context(self, request_id: str) -> Context:
        return Context(
            actor=SYSTEM, request_id=request_id, correlation_id=request_id, clock=self.clock
        )


def _subscriber(module: Module, reaction: Reaction) -> str:
    return f"{module.name}.{reaction.handler.__name__}"


def every_route() -> list[Route]:
    """Who hears what in the whole installation: the subscribers may be in other processes."""
    return [
        route_of(_subscriber(module, reaction), reaction)
        for module in all_modules()
        if module.reactions
        for reaction in noted_in(module.reactions).reactions
    ]


async def _close(pool: Pool) -> None:
    """Lets queries end; cuts what still hangs after a few seconds."""
    try:
        await asyncio.wait_for(pool.close(), 5)
    except TimeoutError:
        pool.terminate()


def _derived_token(secret: bytes) -> str:
    return hashlib.blake2b(b"rpc", key=secret, digest_size=24).hexdigest()
