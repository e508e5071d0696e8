"""Runs seeds: a PostgreSQL and a market once, then run after run from the same beginning."""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import structlog
from pydantic import SecretStr

from haat.app.migrating import migrate_all
from haat.app.settings import AppSettings
from haat.app.sim.copying import SERVER_SETTINGS, Copy, prepare
from haat.app.sim.holding import Holding
from haat.app.sim.market import Opening, Scene, rest, settle
from haat.app.sim.people import People
from haat.app.sim.plan import Plan
from haat.app.sim.schedule import Coverage
from haat.app.sim.server import Server
from haat.app.sim.world import START, World
from haat.engines.sql.embedded import EmbeddedPostgres
from haat.kernel.chance import SeededChance, source

PROCESSES = 2
# What passes before a run is judged: leases and retries, then reservations, windows, reserves.
# Processes are killed in the first two; all that follows from it ends in the last ones: also a
# checkout that only then came to wait for its customer, who does not come.
_DEADLY_RESTS_S = (100, 90_000)
_LAST_RESTS_S = (2_000, 400)


@dataclass
class Outcome:
    """How one seed ended. `found` is empty when everything held."""

    seed: int
    found: list[str]
    hash: str
    steps: int
    seconds: float
    trace: list[str] = field(repr=False)
    ends: int  # the line of the trace after which nothing went wrong any more
    coverage: Coverage = field(repr=False)


class Stage:
    """A server with the market on it: what seeds run on, one after the other."""

    def __init__(self, server: Server, world: type[World] = World) -> None:
        self.server = server
        self._world = world
        self.scene: Scene = Scene()

    def build(self) -> None:
        """Makes the market and keeps a copy of it."""
        plan = Plan.of(0, 0)
        world = self._world(plan, self.server)

        async def make() -> None:
            await world.begin(clerks=0)
            self.scene = await Opening(world).open()

        self._drive(world, make(), "market")
        self._copy = Copy(self.server)
        gc.freeze()  # what stays is not looked through after every run

    def run(self, seed: int, steps: int, kind: type[World] | None = None) -> Outcome:
        """One seed, from the beginning. `kind`: in another world than the stage's own."""
        began = perf_counter()
        assert self.scene.begins is not None
        assert self.scene.network is not None
        plan = Plan.of(seed, steps)
        world = (kind or self._world)(
            plan, self.server, start=self.scene.begins, network=self.scene.network
        )
        found: list[str] = []
        try:
            self._drive(world, _run(world, self.scene, found), f"run {seed}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the run fails with it
            world.note_unexpected("the run", error)
            found += world.unexpected[-1:]
        self.put_back(world, found)
        schedule = world.schedule
        return Outcome(
            seed=seed,
            found=found,
            hash=schedule.hash,
            steps=schedule.steps,
            seconds=perf_counter() - began,
            trace=schedule.trace,
            ends=schedule.calm_at,
            coverage=schedule.coverage,
        )

    def put_back(self, world: World, found: list[str]) -> None:
        """Without it no other seed can run; what this one has found is told all the same."""
        try:
            self.server.settle_all()
            self._copy.restore(world.touched | {"simulated.emitted"})
        except Exception as error:
            told = "".join(f"\n  {line}" for line in found) or " nothing"
            seed = world.plan.seed
            raise RuntimeError(
                f"seed {seed}: the market could not be put back; found:{told}"
            ) from error

    def _drive(self, world: World, work: Coroutine[Any, Any, Any], seed: str) -> None:
        """On the virtual loop, drawing lots from the seed."""
        loop = world.schedule.loop
        token = source.set(SeededChance(seed))
        # What the collector finds would end in the middle of the run, whenever it finds it.
        gc.disable()
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda _loop, _context: None)
        try:
            loop.run_until_complete(work)
        finally:
            world.schedule.over = True
            for process in list(world.processes):
                process.kill()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            for _ in range(20):
                loop.call_soon(loop.stop)
                loop.run_forever()
            asyncio.set_event_loop(None)
            loop.close()
            source.reset(token)
            gc.enable()
            gc.collect()


async def _run(world: World, scene: Scene, found: list[str]) -> None:
    schedule, people = world.schedule, People(world, scene)
    for _ in range(PROCESSES):
        await world.begin()
    world.calm, world.network.calm = False, False
    schedule.faulty = schedule.deadly = True
    people.begin(world.plan.crowd)
    await schedule.calmed.wait()
    world.calm = True
    await _end(world, people)
    found += await Holding(world).all(await world.alive())


async def _end(world: World, people: People) -> None:
    """Nobody begins anything more: what is under way ends, and time passes."""
    await asyncio.wait(people.tasks)
    world.network.calm = True
    for seconds in _DEADLY_RESTS_S:
        world.network.end()
        await rest(world, seconds)
    world.schedule.deadly = False
    world.schedule.note("      nobody is killed any more")
    for seconds in _LAST_RESTS_S:
        world.network.end()
        await rest(world, seconds)
    await settle(world)


@contextmanager
def stage(world: type[World] = World) -> Iterator[Stage]:
    """A fresh PostgreSQL with the market on it, for as long as it lasts."""
    quiet()
    folder = Path(tempfile.mkdtemp(prefix="haat-sim-"))
    folder.chmod(0o755)
    engine = EmbeddedPostgres(folder / "sql", durable=False, settings=SERVER_SETTINGS)
    try:
        url = engine.start().url
        migrate_all(AppSettings(sql_url=SecretStr(url), bus_url=SecretStr("")))
        with Server(url, size=1) as first:
            prepare(first, first.look("SELECT current_database() AS name")[0]["name"])
        with Server(url) as server:
            made = Stage(server, world)
            made.build()
            yield made
    finally:
        try:
            engine.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def quiet() -> None:
    """What modules log of the faults they meet is no news here. Passwords cost nothing."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    os.environ.setdefault("HAAT_PASSWORD_MEMORY_KIB", "64")
    os.environ.setdefault("HAAT_PASSWORD_PASSES", "1")
    os.environ.setdefault("HAAT_EMAIL_VERIFICATION", "off")  # nobody in it has a mailbox


def _drop(*_: Any) -> Any:
    raise structlog.DropEvent


Report = Callable[[Outcome], None]
__all__ = ["START", "Outcome", "Report", "Stage", "stage"]
