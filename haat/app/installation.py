"""The data folder of one installation: who is in charge of it, its PostgreSQL, its card network.

Two locks stand in it. `market.lock` is held by the one process in charge, a market or a command,
and says in JSON who that is and where its database answers; it goes when that process dies.
`run.lock` is held by all of its processes as well, so that a start after kill -9 can wait for them.
"""

import fcntl
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Literal

from pydantic import SecretStr

from haat.app.processes import has_died, is_alive, port_is_free, start_child
from haat.app.settings import AppSettings
from haat.engines.cache.embedded import prepared, program
from haat.engines.sql.embedded import EmbeddedPostgres, EmbeddedPostgresError

__all__ = ["CannotStart", "InCharge", "Installation", "start_child", "tell"]

ORPHANS_WAIT_S = 20.0  # processes that a killed market left behind end within moments
COMMAND_WAIT_S = 120.0  # for another command, or a market that starts or stops
TOLD_AFTER_S = 1.0
POLL_S = 0.05
LOG_LIMIT_BYTES = 16 * 1024 * 1024
_CARD_BYTES = 1024


class CannotStart(Exception):
    """One line for the operator: what is wrong and what to do."""


def tell(text: str) -> None:
    """A line for the person at the terminal, who may have left."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"haat: {text}\n")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class InCharge:
    """Who has the data folder. `sql` and `cards` are addresses; '' until they answer."""

    pid: int
    what: Literal["market", "command"]
    state: Literal["starting", "open", "stopping"] = "starting"
    site: str = ""
    sql: str = ""
    cards: str = ""
    rolled: int = 0  # how often all of its processes were replaced, and how often that failed
    stuck: int = 0

    @property
    def serves(self) -> bool:
        """A market whose database commands may use."""
        return self.what == "market" and self.state != "stopping" and self.sql != ""


class Installation:
    """What `haat run` and the other commands do with a data folder."""

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self._postgres: EmbeddedPostgres | None = None
        self._postgres_pid = 0
        self._charge: IO[str] | None = None
        self._lock: IO[str] | None = None

    # -- the folder and its locks --------------------------------------------------------------

    def prepare(self) -> None:
        """Makes the folder; CannotStart when it cannot be written."""
        advice = "set HAAT_DATA to a folder this user may write"
        if self.folder.exists() and not self.folder.is_dir():
            raise CannotStart(f"the data folder {self.folder} is a file: {advice}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / "log").mkdir(mode=0o700, exist_ok=True)
            probe = self.folder / f".probe-{os.getpid()}"
            probe.write_text("haat")
            probe.unlink()
            for name in ("market.lock", "run.lock"):
                _open_lock(self.folder / name).close()
        except OSError as error:
            raise CannotStart(
                f"the data folder {self.folder} cannot be written ({error.strerror}): {advice}"
            ) from None

    def take_charge(self) -> int:
        """For a market: waits for whoever is about to leave. The lock's descriptor, for child
        processes. CannotStart at once when a market runs here."""
        patience = _Patience(COMMAND_WAIT_S)
        while not self._try_charge():
            found = self.in_charge()
            if found is not None and found.what == "market" and found.state != "stopping":
                raise CannotStart(
                    f"a market runs in {self.folder} already (process {found.pid}, {found.site}):"
                    " stop it first, or set HAAT_DATA and HAAT_PORT for a second one"
                )
            patience.wait(self._who(found))
        return self._hold("market")

    def _join_or_take(self) -> InCharge | None:
        """For a command: the running market, awaited while it starts; None when none runs and
        this process is in charge now."""
        patience = _Patience(COMMAND_WAIT_S)
        while not self._try_charge():
            found = self.in_charge()
            if found is not None and found.serves:
                return found
            patience.wait(self._who(found))
        self._hold("command")
        return None

    def _try_charge(self) -> bool:
        file = _open_lock(self.folder / "market.lock")
        if not _try(file):
            file.close()
            return False
        self._charge = file
        return True

    def _hold(self, what: Literal["market", "command"]) -> int:
        self.publish(InCharge(os.getpid(), what, site=self.settings.site))
        self._lock = _open_lock(self.folder / "run.lock")
        patience = _Patience(ORPHANS_WAIT_S)
        while not _try(self._lock):
            patience.wait(f"what is left of an earlier run in {self.folder} to end")
        return self._lock.fileno()

    def _who(self, found: InCharge | None) -> str:
        if found is None:
            return f"whoever uses {self.folder} to end"
        starts = found.what == "market" and found.state == "starting"
        what = f"the {found.what} at work in {self.folder} (process {found.pid})"
        return f"{what} to {'start' if starts else 'end'}"

    def publish(self, now: InCharge) -> None:
        """Says who is in charge. Only for the one who is."""
        assert self._charge is not None
        text = json.dumps(asdict(now)).encode()
        # One write over all that stood there: a reader never meets a half.
        os.pwrite(self._charge.fileno(), text.ljust(_CARD_BYTES), 0)

    def leave(self) -> None:
        """Gives the folder up."""
        for file in (self._lock, self._charge):
            if file is not None:
                file.close()
        self._lock = self._charge = None

    def in_charge(self) -> InCharge | None:
        """Who has the folder now; None when nobody, or when it is not said yet."""
        if not (self.folder / "market.lock").exists():
            return None
        with _open_lock(self.folder / "market.lock") as file:
            if _try(file):
                return None
            try:
                found = InCharge(**json.loads(file.read()))
            except (TypeError, ValueError):
                return None  # nothing written yet, or by another version
        return found if is_alive(found.pid) else None  # what a killed one left written

    # -- PostgreSQL ----------------------------------------------------------------------------

    def start_sql(self) -> str:
        """The database's address: the operator's, or the embedded server's, started if need be.

        A server of ours that has died is started again, on its old port where that is free.
        """
        given = self.settings.sql_url.get_secret_value()
        if given:
            return given
        if self._postgres is None:
            self._postgres = EmbeddedPostgres(self.settings.sql_folder)
        try:
            cluster = self._postgres.start()
        except EmbeddedPostgresError as error:
            raise CannotStart(str(error)) from None
        self._postgres_pid = cluster.pid
        return cluster.url

    @property
    def sql_has_died(self) -> bool:
        """The embedded server was started and is there no more."""
        return self._postgres_pid != 0 and has_died(self._postgres_pid)

    def stop_sql(self) -> None:
        if self._postgres is None:
            return
        try:
            self._postgres.stop()
        except EmbeddedPostgresError as error:
            tell(str(error))
        self._postgres, self._postgres_pid = None, 0

    @contextmanager
    def sql_for_command(self) -> Iterator[str]:
        """The database for a command: a running market's, else a server that ends with the command.

        Waits while a market starts or stops, or another command has the folder.
        """
        given = self.settings.sql_url.get_secret_value()
        if given:
            yield given
            return
        self.prepare()
        beside = self._join_or_take()
        if beside is not None:
            yield beside.sql
            return
        try:
            yield self.start_sql()
        finally:
            self.stop_sql()
            self.leave()

    def sql_in_force(self) -> str:
        """The operator's database, or the running market's, awaited while it starts."""
        given = self.settings.sql_url.get_secret_value()
        patience = _Patience(COMMAND_WAIT_S)
        while not given:
            found = self.in_charge()
            if found is None or found.state == "stopping":
                raise CannotStart(
                    f"no market runs in {self.folder}, so its database has no address:"
                    " start it with bin/run"
                )
            given = found.sql
            if not given:
                patience.wait(self._who(found))
        return given

    def running(self) -> InCharge | None:
        """The market at work in this folder, its database answering; None when there is none."""
        found = self.in_charge()
        return found if found is not None and found.serves else None

    def bound(self, url: str) -> AppSettings:
        """The settings with this as the common database."""
        return self.settings.model_copy(update={"sql_url": SecretStr(url)})

    # -- the cache -----------------------------------------------------------------------------

    def cache(self) -> tuple[list[str], str] | None:
        """The command that starts a Valkey of our own, and its address; None where there is no
        program for the platform."""
        binary = program()
        if binary is None:
            return None
        return prepared(binary, self.folder, _usable_port(self.folder / "valkey.port"))

    # -- the test card network -----------------------------------------------------------------

    def card_network(self) -> tuple[list[str], dict[str, str]]:
        """The command that starts the test card network, and where modules find it.

        Its port stays the same over restarts: customers may stand at its pages.
        """
        remembered = self.folder / "testcard.port"
        port = _usable_port(remembered)
        command = [sys.executable, "-m", "haat.domains.money.payments.providers.testcard"]
        command += ["--port", str(port), "--data", str(self.folder / "testcard.db")]
        command += ["--secret-file", str(self._card_key), "--parent-death"]
        return command, self._cards_at(f"http://127.0.0.1:{port}")

    def with_cards(self, charge: InCharge, where: Mapping[str, str]) -> InCharge:
        """The same, saying where the card network is."""
        return replace(charge, cards=where["HAAT_TESTCARD_URL"])

    def cards_for_command(self) -> Mapping[str, str]:
        """Where a command's modules find the card network of this folder, running or not.

        Empty when there never was one, or the operator named another.
        """
        if not self.settings.takes_test_cards or "HAAT_TESTCARD_URL" in os.environ:
            return {}
        try:
            port = int((self.folder / "testcard.port").read_text())
        except (OSError, ValueError):
            return {}
        return self._cards_at(f"http://127.0.0.1:{port}")

    def cards_beside(self) -> Mapping[str, str]:
        """Where the card network of the running market is: a second one could not use its data."""
        found = self.running()
        return self._cards_at(found.cards) if found is not None and found.cards else {}

    @property
    def _card_key(self) -> Path:
        return self.folder / "testcard.key"

    def _cards_at(self, url: str) -> dict[str, str]:
        return {"HAAT_TESTCARD_URL": url, "HAAT_TESTCARD_SECRET_FILE": str(self._card_key)}

    # -- logs ----------------------------------------------------------------------------------

    def log(self, name: str) -> Path:
        """The file of one kind of process; those who write to it append."""
        return self.folder / "log" / f"{name}.log"

    def trim_logs(self) -> None:
        """Moves what has grown large aside. Writers keep the file open, so it is copied and cut:
        a line written in between may be lost."""
        for path in (self.folder / "log").glob("*.log"):
            with suppress(OSError):
                if path.stat().st_size > LOG_LIMIT_BYTES:
                    shutil.copyfile(path, path.with_name(path.name + ".1"))
                    os.truncate(path, 0)


class _Patience:
    """Waits in steps, says so once, and gives up."""

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._told = False

    def wait(self, what: str) -> None:
        passed = time.monotonic() - self._began
        if passed > self._seconds:
            raise CannotStart(f"gave up waiting for {what}")
        if passed > TOLD_AFTER_S and not self._told:
            self._told = True
            with suppress(OSError, ValueError):
                sys.stderr.write(f"haat: waiting for {what}\n")
        time.sleep(POLL_S)


def _open_lock(path: Path) -> IO[str]:
    """Not inherited by child processes unless passed on; for its owner's eyes."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except PermissionError:
        raise CannotStart(
            f"{path} belongs to another user: run as that user, or set HAAT_DATA to another folder"
        ) from None
    return os.fdopen(descriptor, "r+", encoding="utf-8")


def _try(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _usable_port(remembered: Path) -> int:
    """The port in that file when it is free, else a new one, written there."""
    try:
        port = int(remembered.read_text())
        if port_is_free("127.0.0.1", port):
            return port
    except (OSError, ValueError, OverflowError):
        pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    remembered.write_text(str(port))
    return port
