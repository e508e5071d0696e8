"""`haat run`: starts everything one market needs, keeps it running, and stops it in order.

The processes: PostgreSQL (unless HAAT_SQL_URL names one), the test card network (demo only), HTTP
workers under granian, and one background worker. None outlives this process.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from haat.app.installation import CannotStart, Installation, port_is_free, start_child, tell
from haat.app.migrating import migrate_all
from haat.app.settings import AppSettings

READY_WAIT_S = 60.0
STOP_WAIT_S = 20.0
RESTARTS_MAX = 10  # in a row, each within a minute of its start


@dataclass(slots=True)
class Child:
    """A process under supervision."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)


class Supervisor:
    """Runs a market of one data folder until it is told to stop."""

    def __init__(self, settings: AppSettings, target: str) -> None:
        self._settings = settings
        self._target = target
        self._installation = Installation(settings)
        self._lock: int | None = None
        self._children: list[Child] = []
        self._stopping = False

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT. Raises CannotStart with one line."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._told_to_stop)
        try:
            self._start()
            while not self._stopping:
                time.sleep(0.2)
                self._look_after()
        finally:
            self._stop()

    def _told_to_stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _start(self) -> None:
        settings, installation = self._settings, self._installation
        installation.prepare()
        self._lock = installation.take_lock()
        self._check_port()
        if not settings.sql_url.get_secret_value():
            tell("starting PostgreSQL")
        environment = {**os.environ, "HAAT_DATA": str(installation.folder)}
        environment["HAAT_SQL_URL"] = installation.start_sql()
        environment["HAAT_TARGET"] = self._target
        applied = migrate_all(environment["HAAT_SQL_URL"])
        if applied:
            tell(f"brought {len(applied)} schemas up to date")
        if settings.takes_test_cards and "HAAT_TESTCARD_URL" not in os.environ:
            command, where = installation.card_network()
            environment |= where
            self._add("test card network", command, environment)
            self._await(where["HAAT_TESTCARD_URL"] + "/health")
        if settings.demo and self._target == "all":
            self._seed(environment)
        self._start_workers(environment)
        if not self._stopping:
            self._greet()

    def _start_workers(self, environment: dict[str, str]) -> None:
        metrics = self._installation.folder / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir()
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        ready = self._installation.folder / "worker.ready"
        ready.unlink(missing_ok=True)
        environment["HAAT_WORKER_READY"] = str(ready)
        self._add("web", [sys.executable, "-m", "haat.app.serving"], environment)
        self._add("worker", [sys.executable, "-m", "haat.app.work"], environment)
        self._await(self._address() + "/health/ready")
        self._await_file(ready)

    def _check_port(self) -> None:
        host, port = self._settings.host, self._settings.port
        until = time.monotonic() + 5
        while not port_is_free(host, port):
            if time.monotonic() > until:
                raise CannotStart(
                    f"port {port} on {host} is taken: stop what uses it, or set HAAT_PORT"
                )
            time.sleep(0.1)

    def _seed(self, environment: dict[str, str]) -> None:
        """Fills the demo market, in a process of its own; does nothing when it is filled."""
        command = [sys.executable, "-m", "haat.app.cli", "seed", "demo"]
        child = start_child(command, environment, self._lock)
        while child.poll() is None:
            if self._stopping:
                child.terminate()
            time.sleep(0.05)
        if child.returncode != 0 and not self._stopping:
            raise CannotStart("the demo market could not be filled; the lines above say why")

    def _add(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        child = Child(name, command, environment)
        self._children.append(child)
        self._launch(child)

    def _launch(self, child: Child) -> None:
        child.started = time.monotonic()
        child.process = start_child(child.command, child.environment, self._lock)

    def _look_after(self) -> None:
        """Starts again what has ended, with back-off; gives up on what never stays up."""
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                lasted = now - child.started
                child.failures = 1 if lasted > 60 else child.failures + 1
                if child.failures > RESTARTS_MAX:
                    raise CannotStart(f"the {child.name} process ends again and again")
                tell(f"the {child.name} process ended; starting it again")
                child.process = None
                child.restart_at = now + min(0.2 * 2**child.failures, 10)
            elif child.process is None and now >= child.restart_at:
                self._launch(child)

    def _await(self, url: str) -> None:
        until = time.monotonic() + READY_WAIT_S
        while not self._stopping:
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError):
                pass
            self._check_children()
            if time.monotonic() > until:
                raise CannotStart(f"{url} does not answer; the lines above may say why")
            time.sleep(0.05)

    def _await_file(self, path: Path) -> None:
        until = time.monotonic() + READY_WAIT_S
        while not self._stopping and not path.exists():
            self._check_children()
            if time.monotonic() > until:
                raise CannotStart("the background worker does not start")
            time.sleep(0.05)

    def _check_children(self) -> None:
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                raise CannotStart(f"the {child.name} process ended while starting")

    def _address(self) -> str:
        host = self._settings.host
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        return f"http://{reachable}:{self._settings.port}"

    def _greet(self) -> None:
        tell(f"the market is open at {self._settings.site}  (REST: {self._settings.site}/docs)")
        if self._settings.demo:
            from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS

            tell("demo sign-ins (from this machine only), password " + DEMO_PASSWORD)
            for sign_in in SIGN_INS:
                tell(f"  {sign_in.role:<9} {sign_in.email:<28} {sign_in.path}")
            tell("test cards: docs/test-cards.md; stop with Ctrl-C")

    def _stop(self) -> None:
        """HTTP first, then the worker, the card network, PostgreSQL."""
        order = {"web": 0, "worker": 1}
        for child in sorted(self._children, key=lambda c: order.get(c.name, 2)):
            process = child.process
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._installation.stop_sql()
        if self._children:
            tell("stopped")
