"""A market to be killed, as one process (with its children) or split into groups."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal, Protocol

import httpx
import psutil

from bench.chaos.books import Books
from haat.app.envfiles import read_settings
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.domains.people.market.api import AlreadyOpened, Market, MarketSettings
from tests.app.market import RunningMarket, ended, gone, surroundings
from tests.journeys.box import Box, environment, free_port

ShapeName = Literal["all", "split"]
START_S = 180.0
RESTART_S = 600.0  # each process gets ready, says goodbye and ends, one after another
LIKE_A_SHOP = MarketSettings(
    name="Chaos Market", currency="USD", country="GB", return_window_minutes=0
)


class Shape(Protocol):
    """A running market as the chaos sees it."""

    address: str

    def family(self) -> list[psutil.Process]: ...

    def books(self) -> Books: ...

    def prove(self) -> subprocess.CompletedProcess[str]:
        """`haat prove` beside it."""
        ...

    def restart(self) -> subprocess.CompletedProcess[str]:
        """`haat restart`: every process replaced, one after another."""
        ...

    def scene(self) -> contextlib.AbstractAsyncContextManager[Box]:
        """For setting up what is sold."""
        ...


class AsOne:
    """`haat serve`."""

    def __init__(self, market: RunningMarket) -> None:
        self._market = market
        self.address = market.address

    def family(self) -> list[psutil.Process]:
        return self._market.family()

    def books(self) -> Books:
        folder = self._market.folder
        return Books(lambda _: self._sql(), self._market.cards, folder / "testcard.key")

    def _sql(self) -> str:
        """Where the database is now: it may come back on another port."""
        written = (self._market.folder / "market.lock").read_text()
        return str(json.loads(written)["sql"])

    def prove(self) -> subprocess.CompletedProcess[str]:
        return self._market.command("prove", within_s=300)

    def restart(self) -> subprocess.CompletedProcess[str]:
        return self._market.command("restart", within_s=RESTART_S)

    @asynccontextmanager
    async def scene(self) -> AsyncIterator[Box]:
        async with self._market.runtime() as runtime, httpx.AsyncClient(timeout=40) as http:
            yield Waiting(runtime, self.address, self._market.cards, http)


class Split:
    """`haat split` by group and `haat up`: each group a process, with its own database."""

    def __init__(self, folder: Path, bus: str, replicas: int, more: Mapping[str, str]) -> None:
        self.folder = folder
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._around = surroundings(folder / "unused", port, {"HAAT_WORKERS": "1", **more})
        self._log = folder / "up.log"
        options = ["--by=group", f"--bus={bus}", f"--replicas={replicas}"]
        self._run("split", str(folder / "fleet"), *options)
        self._shared = read_settings(folder / "fleet" / "haat.env")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "haat.app.cli", "up", str(self.folder / "fleet")]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=self._around,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
            )
        _until(lambda: "the market is open" in self._log.read_text(), START_S, self.process)

    def stop(self) -> None:
        """All of it, whatever state it is in."""
        if self.process is None:
            return
        family = self.family()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for one in family:
            with contextlib.suppress(psutil.Error):
                if not gone([one]):
                    one.kill()

    def family(self) -> list[psutil.Process]:
        assert self.process is not None, "not started"
        with contextlib.suppress(psutil.NoSuchProcess):
            found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
            return found
        return []

    def books(self) -> Books:
        shared = self._shared
        key = Path(shared["HAAT_TESTCARD_SECRET_FILE"])
        return Books(self._url_of, shared["HAAT_TESTCARD_URL"], key)

    def _url_of(self, module: str) -> str:
        name = f"HAAT_SQL_URL_{_group_of(module).upper()}"
        return self._shared["HAAT_BUS_SQL_URL" if module == "bus" else name]

    def prove(self) -> subprocess.CompletedProcess[str]:
        return self._run("prove", settings=True, may_fail=True)

    def restart(self) -> subprocess.CompletedProcess[str]:
        return self._run("restart", str(self.folder / "fleet"), may_fail=True)

    @asynccontextmanager
    async def scene(self) -> AsyncIterator[Box]:
        with environment(self._shared):
            settings = AppSettings(data=Path(self._shared["HAAT_DATA"]), demo=False)
            async with (
                Runtime(settings, all_modules()) as runtime,
                httpx.AsyncClient(timeout=40) as http,
            ):
                ctx = runtime.system_context("chaos")
                with contextlib.suppress(AlreadyOpened):
                    await runtime.inner[Market].open(ctx, settings=LIKE_A_SHOP)
                yield Waiting(runtime, self.address, self._shared["HAAT_TESTCARD_URL"], http)

    def _run(
        self, *words: str, settings: bool = False, may_fail: bool = False
    ) -> subprocess.CompletedProcess[str]:
        shared = [f"--settings={self.folder / 'fleet' / 'haat.env'}"] if settings else []
        done = subprocess.run(
            [sys.executable, "-m", "haat.app.cli", *shared, *words],
            env=self._around,
            capture_output=True,
            text=True,
            timeout=RESTART_S,
            check=False,
            cwd="/",
        )
        if done.returncode != 0 and not may_fail:
            raise AssertionError(done.stdout + done.stderr)
        return done


class Waiting(Box):
    """Events are handled by the market's own processes."""

    async def settle(self) -> None:
        for _ in range(600):
            await asyncio.sleep(0.1)
            if not await self.runtime.bus.backlog():
                await asyncio.sleep(0.3)  # what had been on its way to the queue
                if not await self.runtime.bus.backlog():
                    return
        raise AssertionError("events are not handled")


@contextmanager
def running(
    name: ShapeName, folder: Path, *, workers: int, bus: str, replicas: int = 1, **more: str
) -> Iterator[Shape]:
    """A market of that shape, with `more` settings; nothing of it is left afterwards."""
    with ExitStack() as stack:
        if name == "all":
            market = RunningMarket(folder / "data", None, HAAT_WORKERS=str(workers), **more)
            stack.enter_context(ended(market))
            market.start(START_S)
            market.until(market.opened, START_S, "it is open")
            yield AsOne(market)
            return
        split = Split(folder, bus, replicas, more)
        stack.callback(split.stop)
        split.start()
        yield split


def _group_of(module: str) -> str:
    found = next((one.group for one in all_modules() if one.name == module), "")
    return str(found)


def _until(what: Callable[[], bool], within_s: float, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + within_s
    while not what():
        assert process.poll() is None, "the market ended while starting"
        assert time.monotonic() < ends, f"the market is not open after {within_s:.0f} s"
        time.sleep(0.1)
