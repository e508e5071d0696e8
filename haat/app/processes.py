"""Child processes: tied to their parent, out of reach of the terminal's Ctrl-C."""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
STEADY_S = 60.0  # a process that ran this long has not failed at its start


@dataclass(slots=True)
class Child:
    """A process under supervision; `output` is the file its standard output goes to."""

    name: str
    command: list[str]
    environment: dict[str, str]
    output: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def launch(self, lock: int | None) -> None:
        self.started = time.monotonic()
        self.process = start_child(self.command, self.environment, lock, output=self.output)

    def failed(self, now: float) -> int:
        """Notes an end that nobody asked for and when to start again; how many in a row."""
        self.failures = 1 if now - self.started > STEADY_S else self.failures + 1
        self.restart_at = now + min(0.1 * 2**self.failures, 10)
        self.process = None
        return self.failures

    def ask_to_end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

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


def start_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    lock: int | None,
    *,
    output: Path | None = None,
) -> subprocess.Popen[bytes]:
    """A child that ends when this process does, by kill -9 too; holds the lock; and ignores the
    terminal's Ctrl-C (its parent stops it in order). Call it from the main thread.
    """
    stdout = None if output is None else output.open("ab", buffering=0)
    try:
        return subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,
            preexec_fn=tied_to_parent(),
        )
    finally:
        if stdout is not None:
            stdout.close()


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


def port_trouble(host: str, port: int) -> str | None:
    """Why nothing can listen there, in words; None when something can.

    A server's own attempt would not tell: with SO_REUSEPORT two share a port silently.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return f"there is no address {host!r}: set HAAT_HOST to an address of this machine"
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return {
                errno.EADDRINUSE: f"port {port} on {host} is taken: stop what uses it,"
                " or set HAAT_PORT to another one",
                errno.EACCES: f"port {port} is not for this user: set HAAT_PORT to one above 1023",
                errno.EADDRNOTAVAIL: f"{host} is no address of this machine: set HAAT_HOST to one",
            }.get(error.errno or 0, f"cannot listen on {host}, port {port}: {error.strerror}")
    return None


def port_is_free(host: str, port: int) -> bool:
    """Nobody listens there, and we may."""
    return port_trouble(host, port) is None
