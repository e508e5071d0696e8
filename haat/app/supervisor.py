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
from dataclasses import replace
from pathlib import Path
from typing import Literal

from haat.app.installation import CannotStart, InCharge, Installation, tell
from haat.app.migrating import behind
from haat.app.processes import Child, port_trouble, start_child
from haat.app.seeding.demo import State, ways_to_pay
from haat.app.settings import AppSettings
from haat.gateways.grpc.settings import GrpcSettings

READY_WAIT_S = 60.0
STOP_WAIT_S = 8.0  # then what still runs is killed: it is taken up again at the next start
RESTARTS_MAX = 10  # in a row, each within a minute of its start
LOOK_S = 0.1
TRIM_EVERY_S = 60.0


class Supervisor:
    """Runs a market of one data folder until it is told to stop."""

    def __init__(self, settings: AppSettings, target: str) -> None:
        self._settings = settings
        self._grpc = GrpcSettings()
        self._target = target
        self._installation = Installation(settings)
        self._lock: int | None = None
        self._children: list[Child] = []
        self._environment: dict[str, str] = {}
        self._charge = InCharge(os.getpid(), "market", site=settings.site)
        self._asked = 0  # how often we were told to stop
        self._sql_failures = 0
        self._sql_retry_at = 0.0
        self._trim_at = 0.0

    def run(self) -> None:
        """Serves until SIGTERM, SIGINT or SIGHUP. Raises CannotStart with one line."""
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(name) is not signal.SIG_IGN:  # as under nohup
                signal.signal(name, self._told_to_stop)
        try:
            self._start()
            while not self._asked:
                time.sleep(LOOK_S)
                self._look_after()
        finally:
            self._stop()

    def _told_to_stop(self, number: int, frame: object) -> None:
        self._asked += 1
        if self._asked > 1:  # somebody has no patience
            for child in self._children:
                if child.process is not None and child.process.poll() is None:
                    child.process.kill()

    # -- starting ------------------------------------------------------------------------------

    def _start(self) -> None:
        installation = self._installation
        installation.prepare()
        self._lock = installation.take_charge()
        trouble = port_trouble(self._settings.host, self._settings.port)
        if trouble is not None:
            raise CannotStart(trouble)
        installation.trim_logs()
        self._environment = {**os.environ, "HAAT_DATA": str(installation.folder)}
        self._environment["HAAT_TARGET"] = self._target
        self._start_sql()
        steps = (self._migrate, self._start_cards, self._seed, self._start_workers)
        for step in steps:
            if self._asked:
                return
            step()
        if not self._asked:
            self._publish("open")
            self._greet()

    def _start_sql(self) -> None:
        if not self._settings.sql_url.get_secret_value():
            tell("starting PostgreSQL")
        self._environment["HAAT_SQL_URL"] = self._installation.start_sql()

    def _migrate(self) -> None:
        """In a process of its own: Alembic takes memory that this one would keep."""
        found = behind(self._environment["HAAT_SQL_URL"])
        if found:
            self._run_to_end(["migrate", "--quiet"], "the database could not be brought up to date")
            if not self._asked:
                tell(f"brought {len(found)} schemas up to date")

    def _start_cards(self) -> None:
        if not self._settings.takes_test_cards or "HAAT_TESTCARD_URL" in os.environ:
            return
        command, where = self._installation.card_network()
        self._environment |= where
        output = self._installation.log("cards")
        self._add(Child("test card network", command, self._environment, output))
        self._charge = replace(self._charge, cards=where["HAAT_TESTCARD_URL"])

    def _seed(self) -> None:
        """Fills the demo market, in a process of its own; does nothing when it is filled."""
        if not self._settings.demo or self._target != "all":
            return
        if self._demo_state().is_done:
            return
        if "HAAT_TESTCARD_URL" not in os.environ:
            self._await(self._environment["HAAT_TESTCARD_URL"] + "/health")
        self._run_to_end(["seed", "demo"], "the demo market could not be filled")

    def _demo_state(self) -> State:
        return State(self._installation.folder / "demo.json", self._environment["HAAT_SQL_URL"])

    def _start_workers(self) -> None:
        self._publish("starting")  # only now commands beside us find what they expect
        folder = self._installation.folder
        if self._settings.demo and self._demo_state().is_demo:
            self._environment |= ways_to_pay()
        metrics = folder / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir()
        self._environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        ready = folder / "worker.ready"
        ready.unlink(missing_ok=True)
        self._environment["HAAT_WORKER_READY"] = str(ready)
        answers = folder / "grpc.ready"
        answers.unlink(missing_ok=True)
        self._environment["HAAT_GRPC_READY"] = str(answers)
        processes = [("web", "haat.app.serving"), ("worker", "haat.app.work")]
        if self._grpc.open:
            processes.append(("grpc", "haat.app.answering"))
        for name, module in processes:
            environment = self._environment
            if "HAAT_LOG_FORMAT" not in os.environ and self._settings.log_file is None:
                log = str(self._installation.log(name))
                environment = {**environment, "HAAT_LOG_FILE": log}
            self._add(Child(name, [sys.executable, "-m", module], environment))
        self._await(self._address() + "/health/ready")
        self._await_file(ready, "the background worker does not start")
        if self._grpc.open:
            self._await_file(answers, "the gRPC door does not open")

    def _run_to_end(self, command: list[str], failure: str) -> None:
        """A command of ours as a process. CannotStart when it fails."""
        line = [sys.executable, "-m", "haat.app.cli", *command]
        process = start_child(line, self._environment, self._lock)
        while process.poll() is None:
            if self._asked:
                process.terminate()
                try:
                    process.wait(STOP_WAIT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
            time.sleep(0.02)
        if process.returncode != 0 and not self._asked:
            raise CannotStart(f"{failure}; the lines above say why")

    def _add(self, child: Child) -> None:
        self._children.append(child)
        child.launch(self._lock)

    def _publish(self, state: Literal["starting", "open", "stopping"]) -> None:
        sql = self._environment["HAAT_SQL_URL"]
        self._charge = replace(self._charge, state=state, sql=sql)
        self._installation.publish(self._charge)

    def _await(self, url: str) -> None:
        until = time.monotonic() + READY_WAIT_S
        while not self._asked:
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError):
                pass
            self._check_children()
            if time.monotonic() > until:
                raise CannotStart(f"{url} does not answer; the lines above may say why")
            time.sleep(0.03)

    def _await_file(self, path: Path, failure: str) -> None:
        until = time.monotonic() + READY_WAIT_S
        while not self._asked and not path.exists():
            self._check_children()
            if time.monotonic() > until:
                raise CannotStart(failure)
            time.sleep(0.03)

    def _check_children(self) -> None:
        for child in self._children:
            if child.has_ended and not self._asked:
                raise CannotStart(f"the {child.name} process ended while starting")

    def _address(self) -> str:
        host = self._settings.host
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{self._settings.port}"

    def _greet(self) -> None:
        tell(f"the market is open at {self._settings.site}  (REST: {self._settings.site}/docs)")
        if self._settings.demo:
            from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS

            tell("demo sign-ins (from this machine only), password " + DEMO_PASSWORD)
            for sign_in in SIGN_INS:
                tell(f"  {sign_in.role:<9} {sign_in.email:<28} {sign_in.path}")
        if self._settings.takes_test_cards:
            tell("test cards: docs/test-cards.md")
        if self._grpc.open:
            tell(f"the ledger answers gRPC at {self._grpc.grpc_host}:{self._grpc.grpc_port}")
        tell(f"logs: {self._installation.folder / 'log'}; stop with Ctrl-C")

    # -- while it runs -------------------------------------------------------------------------

    def _look_after(self) -> None:
        """Starts again what has ended, with back-off; gives up on what never stays up."""
        now = time.monotonic()
        if self._installation.sql_has_died and now >= self._sql_retry_at:
            self._revive_sql(now)
        for child in self._children:
            if child.has_ended and not self._asked:
                if child.failed(now) > RESTARTS_MAX:
                    raise CannotStart(f"the {child.name} process ends again and again")
                tell(f"the {child.name} process ended; starting it again")
            elif child.process is None and now >= child.restart_at:
                child.launch(self._lock)
        if now >= self._trim_at:
            self._trim_at = now + TRIM_EVERY_S
            self._installation.trim_logs()

    def _revive_sql(self, now: float) -> None:
        """PostgreSQL is gone: starts it again. Its clients come back by themselves, unless its
        port was taken meanwhile; then they are started again as well."""
        tell("PostgreSQL ended; starting it again")
        try:
            url = self._installation.start_sql()
        except CannotStart:
            self._sql_failures += 1
            self._sql_retry_at = now + min(2.0**self._sql_failures, 10)
            if self._sql_failures > RESTARTS_MAX:
                raise
            return
        self._sql_failures = 0
        if url != self._environment["HAAT_SQL_URL"]:
            self._environment["HAAT_SQL_URL"] = url
            for child in self._children:
                child.environment["HAAT_SQL_URL"] = url
                child.ask_to_end()
            self._publish("open")

    # -- stopping ------------------------------------------------------------------------------

    def _stop(self) -> None:
        """Web and background worker together, then the card network, then PostgreSQL."""
        if self._children:
            tell("stopping")
        if self._environment.get("HAAT_SQL_URL"):
            self._publish("stopping")
        front = [child for child in self._children if child.name in ("web", "worker", "grpc")]
        behind_it = [child for child in self._children if child not in front]
        for group in (front, behind_it):
            until = time.monotonic() + STOP_WAIT_S
            for child in group:
                child.ask_to_end()
            for child in group:
                if not child.await_end(until):
                    tell(f"the {child.name} process was slow to end and has been cut off")
        self._installation.stop_sql()
        self._installation.leave()
        if self._children:
            tell("stopped")
