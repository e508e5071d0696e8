"""The data folder of one installation: its lock, its PostgreSQL, its test card network."""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from haat.app.settings import AppSettings
from haat.engines.sql.embedded import EmbeddedPostgres, EmbeddedPostgresError

LOCK_WAIT_S = 20.0
PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """One line for the operator: what is wrong and what to do."""


def tell(text: str) -> None:
    """A line for the person at the terminal."""
    sys.stdout.write(f"haat: {text}\n")
    sys.stdout.flush()


class Installation:
    """What `haat run` and the other commands do with a data folder.

    `environment` is what child processes and `AppSettings` need beyond what the operator set.
    """

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self._postgres: EmbeddedPostgres | None = None
        self._lock: IO[str] | None = None

    # -- the folder and its lock ---------------------------------------------------------------

    def prepare(self) -> None:
        """Makes the folder; CannotStart when it cannot be written."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.folder / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise CannotStart(
                f"the data folder {self.folder} cannot be written ({error.strerror}):"
                " make it writable for this user or set HAAT_DATA to another one"
            ) from None

    def take_lock(self) -> int:
        """The lock of the running market; its descriptor, to be inherited by its processes.

        A market that was killed leaves processes that end within moments: waits for them.
        """
        self._lock = (self.folder / "run.lock").open("a+")
        until = time.monotonic() + LOCK_WAIT_S
        told = False
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise CannotStart(
                        f"a market is running in {self.folder} already:"
                        " stop it first, or set HAAT_DATA and HAAT_PORT for a second one"
                    ) from None
                if not told:
                    tell("waiting for an earlier run in this data folder to end")
                    told = True
                time.sleep(0.1)
        return self._lock.fileno()

    def is_running(self) -> bool:
        """Another process runs the market of this folder."""
        with (self.folder / "run.lock").open("a+") as probe:
            try:
                fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    # -- engines -------------------------------------------------------------------------------

    def start_sql(self) -> str:
        """The database's address: the operator's, or the embedded server's."""
        given = self.settings.sql_url.get_secret_value()
        if given:
            return given
        self._postgres = EmbeddedPostgres(self.folder / "postgres")
        try:
            return self._postgres.start().url
        except EmbeddedPostgresError as error:
            self._postgres = None
            raise CannotStart(str(error)) from None

    def stop_sql(self) -> None:
        if self._postgres is not None:
            self._postgres.stop()
            self._postgres = None

    def card_network(self) -> tuple[list[str], dict[str, str]]:
        """The command that starts the test card network, and where modules find it.

        Its port stays the same over restarts: customers may stand at its pages.
        """
        remembered = self.folder / "testcard.port"
        port = _usable_port(remembered)
        key = self.folder / "testcard.key"
        command = [sys.executable, "-m", "haat.domains.money.payments.providers.testcard"]
        command += ["--port", str(port), "--data", str(self.folder / "testcard.db")]
        command += ["--secret-file", str(key), "--parent-death"]
        where = {"HAAT_TESTCARD_URL": f"http://127.0.0.1:{port}"}
        return command, {**where, "HAAT_TESTCARD_SECRET_FILE": str(key)}

    @contextmanager
    def sql_for_command(self) -> Iterator[str]:
        """The database for a command beside a market that may run: uses its server, or one of its
        own that ends with the command."""
        self.prepare()
        beside = self.is_running()
        if not beside and not self.settings.sql_url.get_secret_value():
            self.take_lock()
        url = self.start_sql()
        try:
            yield url
        finally:
            if not beside:
                self.stop_sql()
            if self._lock is not None:
                self._lock.close()
                self._lock = None


def tied_to_parent(death: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: this signal reaches the child when its parent dies, even by kill -9."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, death)

    return prepare


def start_child(
    command: list[str], environment: dict[str, str], lock: int | None
) -> subprocess.Popen[bytes]:
    """A child process that does not outlive this one, holds the lock, and ignores the terminal's
    Ctrl-C (the supervisor stops it in order)."""
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        pass_fds=() if lock is None else (lock,),
        start_new_session=True,
        preexec_fn=tied_to_parent(signal.SIGTERM),  # no threads run yet
    )


def port_is_free(host: str, port: int) -> bool:
    """Nobody listens there. (SO_REUSEPORT would let two servers share it silently.)"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _usable_port(remembered: Path) -> int:
    """The port in that file when it is free, else a new one, written there."""
    try:
        port = int(remembered.read_text())
        if port_is_free("127.0.0.1", port):
            return port
    except (OSError, ValueError):
        pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    remembered.write_text(str(port))
    return port
