"""A market whose groups are processes of their own, each with its own database, as `haat split`
writes it and `haat up` runs it. What is tested goes over HTTP to the process of the site; the scene
is set by a runtime of the test's own, on the same databases.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from haat.app.envfiles import read_settings
from haat.app.runtime import Runtime, every_route
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.domains.people.market.api import AlreadyOpened, Market, MarketSettings
from tests.journeys.box import Box, environment, free_port

ROOT = Path(__file__).parents[2]
OPEN_WITHIN_S = 240.0
SETTLED_WITHIN_S = 180.0
# Nothing of the machine's own market must reach this one.
_OWN = ("PATH", "HOME", "LANG", "TMPDIR", "HAAT_TEST_DATA")
WAYS = {
    "HAAT_CASH_ON_DELIVERY": "true",
    "HAAT_BANK_IBAN": "DE02120300000000202051",
    "HAAT_BANK_HOLDER": "Test Market",
}
_SETTINGS = {
    **WAYS,
    "HAAT_DEMO": "0",
    "HAAT_STAFF_SECOND_STEP": "optional",
    "HAAT_TEST_CARDS": "1",
    "HAAT_DRAIN_S": "0",
    "HAAT_PASSWORD_MEMORY_KIB": "64",
    "HAAT_PASSWORD_PASSES": "1",
    "HAAT_EMAIL_VERIFICATION": "off",
    "HAAT_STEP_UP_MINUTES": "60",
    "HAAT_BANK_COOLING_OFF_HOURS": "0",
    "PYTHONPATH": str(ROOT),
}
_MINE = {"HAAT_CACHE_URL": "none://", "HAAT_SQL_POOL": "2"}  # the scene's own runtime


@dataclass(frozen=True)
class Fleet:
    """A split market at work. `shared` are the settings that all of its processes have."""

    folder: Path
    shared: dict[str, str]
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.shared['HAAT_PORT']}"


def surroundings(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _OWN if name in os.environ}
    return {**kept, **_SETTINGS, **more}


def haat(*words: str) -> list[str]:
    return [sys.executable, "-m", "haat.app.cli", *words]


def write_split(folder: Path, *options: str, **more: str) -> dict[str, str]:
    """Splits a market into that folder; the settings that all processes share."""
    given = surroundings(HAAT_PORT=str(free_port()), **more)
    subprocess.run(
        haat("split", str(folder), *options), env=given, check=True, stdout=subprocess.DEVNULL
    )
    return read_settings(folder / "haat.env")


@contextmanager
def fleet(folder: Path, *options: str, **more: str) -> Iterator[Fleet]:
    """Split and started; stopped at the end."""
    shared = write_split(folder, *options, **more)
    output = folder / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            haat("up", str(folder)), env=surroundings(**more), stdout=file, stderr=file, text=True
        )
    try:
        until = time.monotonic() + OPEN_WITHIN_S
        while "the market is open" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < until, f"does not open:\n{output.read_text()}"
            time.sleep(0.1)
        yield Fleet(folder, shared, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Apart(Box):
    """Other processes do the work: what they have to do is looked up in their databases."""

    async def settle(self) -> None:
        until = time.monotonic() + SETTLED_WITHIN_S
        quiet = 0
        while quiet < 2:
            assert time.monotonic() < until, await self.runtime.bus.backlog()
            quiet = quiet + 1 if await self._is_quiet() else 0
            await asyncio.sleep(0.02)

    async def _is_quiet(self) -> bool:
        """One look at each database: it is asked often, and takes the processes' time."""
        places: dict[int, list[str]] = defaultdict(list)
        pools = {}
        for name, database in self.runtime.databases.items():
            if name != "rest":
                pools[id(database.pool)] = database.pool
                places[id(database.pool)].append(f"EXISTS (SELECT FROM {name}.outbox)")
        for place, waits in places.items():
            if await pools[place].fetchval("SELECT " + " OR ".join(waits)):
                return False
        if not await self.runtime.bus.idle():
            return False
        return all(one.waiting == one.parked for one in await self.runtime.bus.backlog())


@asynccontextmanager
async def apart(running: Fleet) -> AsyncIterator[Box]:
    """The box around it; opens the market when nobody has yet."""
    with environment({**running.shared, **WAYS, **_MINE}):
        async with (
            Runtime(AppSettings(), all_modules()) as runtime,
            httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=300)) as http,
        ):
            await runtime.bus.start([], [], routes=every_route())
            try:
                ctx = runtime.system_context("test")
                with suppress(AlreadyOpened):
                    await runtime.inner[Market].open(
                        ctx,
                        settings=MarketSettings(
                            name="Test Market",
                            currency="USD",
                            country="GB",
                            return_window_minutes=0,
                        ),
                    )
                yield Apart(runtime, running.address, running.shared["HAAT_TESTCARD_URL"], http)
            finally:
                await runtime.bus.stop()
