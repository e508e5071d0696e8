"""The real command as a process, on a data folder and a port of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import psutil
from pydantic import SecretStr

from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.domains.people.market.api import AlreadyOpened, Market, MarketSettings
from tests.journeys.box import environment, free_port

ROOT = Path(__file__).parents[2]
QUIET_MARKET = {
    "HAAT_DEMO": "0",
    "HAAT_STAFF_SECOND_STEP": "optional",
    "HAAT_TEST_CARDS": "1",
    "HAAT_WORKERS": "1",
    "HAAT_EMAIL_VERIFICATION": "off",  # nobody here reads mails
    "HAAT_STEP_UP_MINUTES": "60",
    "HAAT_BANK_COOLING_OFF_HOURS": "0",
    "HAAT_DRAIN_S": "0.5",  # its clients open a connection for each request
}
# What bin/haat and the test runner set for themselves must not reach the market under test.
FOREIGN = ("HAAT_SQL_URL", "HAAT_TESTCARD_URL", "HAAT_LOG_FORMAT", "HAAT_TARGET", "HAAT_HOST")


def surroundings(folder: Path, port: int, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    own = {"HAAT_DATA": str(folder), "HAAT_PORT": str(port), "PYTHONPATH": str(ROOT)}
    # Left to itself, every process would compile all libraries anew where the runner forbids
    # keeping the result.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, **own, **QUIET_MARKET, **more}


def _hears_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class RunningMarket:
    """`haat serve` as a process. Its output is kept in `lines`."""

    def __init__(self, folder: Path, port: int | None = None, **more: str) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = surroundings(folder, self.port, more)
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "not started"
        return self._process

    def start(self, within_s: float = 180) -> float:
        """Starts it and waits until it answers; seconds that took."""
        began = time.monotonic()
        self.lines = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "haat.app.cli", "serve"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a process group of its own, as a terminal gives it
            preexec_fn=_hears_ctrl_c,  # also where the tests run in the background
            cwd="/",
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        self.until(self.is_ready, within_s, "it answers")
        return time.monotonic() - began

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.lines += (line.rstrip("\n") for line in process.stdout)

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError("it ended:\n" + "\n".join(self.lines))
        return answers(self.address + "/health/ready")

    def until(self, what: Callable[[], bool], within_s: float, words: str) -> float:
        """Polls; seconds it took."""
        began = time.monotonic()
        while not what():
            passed = time.monotonic() - began
            assert passed < within_s, f"not within {within_s} s: {words}\n" + "\n".join(self.lines)
            time.sleep(0.03)
        return time.monotonic() - began

    def opened(self) -> bool:
        return any("the market is open" in line for line in list(self.lines))

    def family(self) -> list[psutil.Process]:
        """Every process of this market but the supervisor."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
            return found
        return []

    def find(self, *words: str, parent: int | None = None, but: str = "") -> psutil.Process:
        """The first process whose name and command line hold these words (and that has this
        parent, and another name than `but`)."""
        for one in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                line = " ".join(words_of(one))
                fits = all(word in line for word in words) and parent in (None, one.ppid())
                if fits and one.name() != but:
                    return one
        raise AssertionError(f"no process with {words}")

    def stop(self, number: signal.Signals = signal.SIGTERM, within_s: float = 60) -> int:
        """Its exit status. SIGINT goes to the process group, as from a terminal."""
        if number is signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(within_s)

    def kill(self) -> list[psutil.Process]:
        """kill -9 of the run; what else there was of it."""
        family = self.family()
        self.process.kill()
        self.process.wait()
        return family

    def command(self, *words: str, within_s: float = 240) -> subprocess.CompletedProcess[str]:
        """`haat …` on the same data folder."""
        return subprocess.run(
            [sys.executable, "-m", "haat.app.cli", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
            cwd="/",
        )

    def sql(self) -> str:
        """Where its database answers."""
        shown = self.command("config", "--show", "sql.url")
        assert shown.returncode == 0, shown.stderr
        return shown.stdout.strip()

    @property
    def cards(self) -> str:
        return f"http://127.0.0.1:{(self.folder / 'testcard.port').read_text().strip()}"

    @contextlib.asynccontextmanager
    async def runtime(self) -> AsyncIterator[Runtime]:
        """All modules over its database: for setting scenes. The market is opened."""
        settings = AppSettings(
            data=self.folder, port=self.port, sql_url=SecretStr(self.sql()), demo=False
        )
        where = {
            "HAAT_TESTCARD_URL": self.cards,
            "HAAT_TESTCARD_SECRET_FILE": str(self.folder / "testcard.key"),
        }
        with environment(where):
            async with Runtime(settings, all_modules()) as runtime:
                opened = MarketSettings(
                    name="Test Market", currency="USD", country="GB", return_window_minutes=0
                )
                with contextlib.suppress(AlreadyOpened):
                    ctx = runtime.system_context("test")
                    await runtime.inner[Market].open(ctx, settings=opened)
                yield runtime


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def words_of(process: psutil.Process) -> list[str]:
    """Its name and command line; none for one that has ended, be it only just."""
    with contextlib.suppress(psutil.NoSuchProcess):  # a zombie is one of these, too
        return [process.name(), *process.cmdline()]
    return []


def gone(family: list[psutil.Process]) -> bool:
    """None of them runs; a zombie does not count."""
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


@contextlib.contextmanager
def ended(market: RunningMarket) -> Iterator[RunningMarket]:
    """Whatever happens, nothing of it is left."""
    try:
        yield market
    finally:
        if market._process is not None:
            family = market.kill() if market.process.poll() is None else market.family()
            market.until(lambda: gone(family), 60, "its processes end")
