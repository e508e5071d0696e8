"""Child processes: tied to their parent, out of reach of the terminal's Ctrl-C."""

import ctypes
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from haat.kernel.errors import Problem

PR_SET_PDEATHSIG = 1
READY = "HAAT_READY"  # the folder in which a child says that it serves
LISTEN = "HAAT_LISTEN_FDS"  # the sockets that a child is handed
HAND_OVER = signal.SIGUSR2  # to a process whose sockets another one has now (haat.app.draining)
BACKLOG = 2048  # connections that wait to be taken
STEADY_S = 60.0  # a process that ran this long has not failed at its start


@dataclass(slots=True)
class Child:
    """A process under supervision.

    `output` is the file its standard output goes to; `listens` the sockets it is handed;
    `parts` how many processes of it say that they are ready, in the folder `ready`; `leave` the
    signal that lets it go when a successor has taken over, None for one that has no successor while
    it lives.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    output: Path | None = None
    listens: Sequence[socket.socket] = ()
    ready: Path | None = None
    parts: int = 1
    leave: signal.Signals | None = None
    generation: int = 0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def is_ready(self) -> bool:
        """All of its parts have said so; at once for one that says nothing."""
        return self.ready is None or len(list(self._told.iterdir())) >= self.parts

    @property
    def _told(self) -> Path:
        assert self.ready is not None
        return self.ready / f"{self.name.replace(' ', '-')}.{self.generation}"

    def launch(self, lock: int | None) -> None:
        self.started = time.monotonic()
        environment = dict(self.environment)
        passed = [] if lock is None else [lock]
        if self.listens:
            numbers = [listening.fileno() for listening in self.listens]
            environment[LISTEN] = ",".join(map(str, numbers))
            passed += numbers
        if self.ready is not None:
            shutil.rmtree(self._told, ignore_errors=True)
            self._told.mkdir(parents=True)
            environment[READY] = str(self._told)
        self.process = start_child(self.command, environment, passed, output=self.output)

    def successor(self) -> "Child":
        """The same, not started yet."""
        return replace(self, generation=self.generation + 1, process=None, failures=0)

    def failed(self, now: float) -> int:
        """Notes an end that nobody asked for and when to start again; how many in a row."""
        self.failures = 1 if now - self.started > STEADY_S else self.failures + 1
        self.restart_at = now + min(0.1 * 2**self.failures, 10)
        self.process = None
        return self.failures

    def tell(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def await_end(self, until: float) -> bool:
        """Waits for it, until that moment of the monotonic clock; then kills it (False)."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True


def say_ready() -> None:
    """What a child does once it serves; nothing where no parent waits for it."""
    folder = os.environ.get(READY)
    if folder:
        with suppress(OSError):
            Path(folder, str(os.getpid())).touch()


def has_said_ready(pid: int) -> bool:
    """Whether this process, a child of ours, has said so since our own parent started us; True
    where nobody waits for it."""
    folder = os.environ.get(READY)
    return folder is None or Path(folder, str(pid)).exists()


def start_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    passed: int | Sequence[int] | None,
    *,
    output: Path | None = None,
) -> subprocess.Popen[bytes]:
    """A child that ends when this process does, by kill -9 too; holds these descriptors, such as
    the lock; and ignores the terminal's Ctrl-C (its parent stops it in order). Call it from the
    main thread.
    """
    stdout = None if output is None else output.open("ab", buffering=0)
    try:
        return subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            pass_fds=[passed] if isinstance(passed, int) else passed or (),
            start_new_session=True,
            preexec_fn=tied_to_parent(),
        )
    finally:
        if stdout is not None:
            stdout.close()


def apart(work: Callable[[], list[str]]) -> list[str] | None:
    """What `work` finds out in a forked copy of this process, which takes along what it imported.
    Raises the Problem it met; None when it failed otherwise. Not beside other threads."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, _told_by(work))  # a pipe holds far more than a few names
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        return None
    told = json.loads(said)
    if "code" in told:
        raise Problem(told["detail"], code=told["code"])
    return list(told["found"])


def _told_by(work: Callable[[], list[str]]) -> bytes:
    try:
        return json.dumps({"found": work()}).encode()
    except Problem as problem:
        return json.dumps({"detail": problem.detail, "code": problem.code}).encode()
    except Exception:  # noqa: BLE001 - nothing of the original's may go on in the copy
        traceback.print_exc()
        return b""


def tied_to_parent() -> Callable[[], None] | None:
    """For the moment after a fork: this process is killed as soon as its parent is gone.

    Killed, not asked: whatever the market does it can take up again, and the next start waits.
    Linux only; elsewhere the next start waits for processes that were left behind.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            os._exit(1)  # it ended before we asked to be told

    return prepare


def has_died(pid: int) -> bool:
    """Whether a process has ended, our own child or not. Leaves a child to be waited for."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return not is_alive(pid)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class PortTaken(Exception):
    """Why nothing can listen there, in words."""


def claimed(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """Sockets that listen at this address, one for each worker; PortTaken.

    Linux spreads connections over them. A queue that all workers took from would leave it to
    chance: of sixteen that come at once, whoever wakes first takes all. Elsewhere there is one.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise PortTaken(
            f"there is no address {host!r}: set HAAT_HOST to an address of this machine"
        ) from None
    family, _, _, _, address = found[0]
    try:
        # With SO_REUSEPORT two programs would share a port silently: so first without.
        _bound(family, address, shared=False).close()
        return shared(host, port, count)
    except OSError as error:
        raise PortTaken(
            {
                errno.EADDRINUSE: f"port {port} on {host} is taken: stop what uses it,"
                " or set HAAT_PORT to another one",
                errno.EACCES: f"port {port} is not for this user: set HAAT_PORT to one above 1023",
                errno.EADDRNOTAVAIL: f"{host} is no address of this machine: set HAAT_HOST to one",
            }.get(error.errno or 0, f"cannot listen on {host}, port {port}: {error.strerror}")
        ) from None


def shared(host: str, port: int, count: int) -> list[socket.socket]:
    """The same, where other processes listen at that address already: replicas of one part."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    number = count if sys.platform == "linux" else 1
    return [_bound(family, address, shared=True) for _ in range(number)]


def _bound(family: int, address: Any, *, shared: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
        made.listen(BACKLOG)  # two that are bound and do not listen would not know of each other
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def port_is_free(host: str, port: int) -> bool:
    """Nobody listens there, and we may."""
    try:
        for one in claimed(host, port):
            one.close()
    except PortTaken:
        return False
    return True
