"""`haat run`: one market, or a part of one, with all that it needs.

The processes: PostgreSQL (unless HAAT_SQL_URL names one), Valkey (unless HAAT_CACHE_URL does), the
test card network (demo only), HTTP workers under granian, and background workers.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from haat.app.beside import COUNT, LOG
from haat.app.crew import READY_WAIT_S, RESTARTS_MAX
from haat.app.installation import CannotStart, tell
from haat.app.processes import HAND_OVER, Child, PortTaken, apart, claimed, start_child
from haat.app.seeding.demo import State, ways_to_pay
from haat.app.settings import AppSettings
from haat.app.supervisor import STOP_WAIT_S, Supervisor
from haat.app.targets import is_whole
from haat.app.tls import Certificate, addresses_of, check_certificate
from haat.gateways.grpc.settings import GrpcSettings

EMBEDDED_NATS = "nats://embedded"


class Market(Supervisor):
    """Runs a target of one data folder until it is told to stop."""

    def __init__(self, settings: AppSettings, target: str) -> None:
        super().__init__(settings)
        self._grpc = GrpcSettings()
        self._target = target
        self._environment: dict[str, str] = {}
        self._certificate = Certificate(settings)
        self._sql_failures = 0
        self._sql_retry_at = 0.0

    # -- starting ------------------------------------------------------------------------------

    def start(self) -> None:
        check_certificate(self.settings)
        try:
            where = (self.settings.host, self.settings.port)
            self._listening = claimed(*where, self.settings.workers)
        except PortTaken as error:
            raise CannotStart(str(error)) from None
        self._environment = {**os.environ, "HAAT_DATA": str(self.installation.folder)}
        self._environment["HAAT_TARGET"] = self._target
        self._environment |= addresses_of(self.settings)
        self._start_sql()
        steps = (self._start_bus, self._migrate, self._start_cards, self._seed, self._start_cache)
        for step in (*steps, self._start_workers):
            if self.asked:
                return
            step()
        if not self.asked:
            self.publish("open", sql=self._environment["HAAT_SQL_URL"])
            self._greet()

    def _start_sql(self) -> None:
        if not self.settings.sql_url.get_secret_value():
            tell("starting PostgreSQL")
        self._environment["HAAT_SQL_URL"] = self.installation.start_sql()

    def _start_bus(self) -> None:
        """`nats://embedded` is a NATS of our own."""
        if self.settings.bus != EMBEDDED_NATS:
            return
        from haat.engines.bus.embedded_nats import EmbeddedNats, EmbeddedNatsError

        nats = EmbeddedNats(self.installation.folder / "nats")
        try:
            self.crew.add(Child("NATS", nats.command(), self._environment))
            nats.await_ready()
        except EmbeddedNatsError as error:
            raise CannotStart(str(error)) from None
        self._environment["HAAT_BUS_URL"] = nats.url

    def _migrate(self) -> None:
        """In processes of their own: what looking and Alembic take, this one would keep."""
        found = apart(self._behind)
        if found is None:
            raise CannotStart("the database cannot be looked at; the lines above say why")
        if found:
            self._run_to_end(["migrate", "--quiet"], "the database could not be brought up to date")
            if not self.asked:
                tell(f"brought {len(found)} schemas up to date")

    def _behind(self) -> list[str]:
        from haat.app.migrating import behind, places

        return behind(places(self.installation.bound(self._environment["HAAT_SQL_URL"])))

    def _start_cards(self) -> None:
        if not self.settings.takes_test_cards or "HAAT_TESTCARD_URL" in os.environ:
            return
        command, where = self.installation.card_network()
        self._environment |= where
        output = self.installation.log("cards")
        self.crew.add(Child("test card network", command, self._environment, output))
        self.charge = self.installation.with_cards(self.charge, where)

    def _seed(self) -> None:
        """Fills the demo market, in a process of its own; does nothing when it is filled."""
        if not self.settings.demo or not is_whole(self._target):
            return
        if self._demo_state().is_done:
            return
        if "HAAT_TESTCARD_URL" not in os.environ:
            self._await(self._environment["HAAT_TESTCARD_URL"] + "/health")
        self._run_to_end(["seed", "demo"], "the demo market could not be filled")

    def _demo_state(self) -> State:
        return State(self.installation.folder / "demo.json", self._environment["HAAT_SQL_URL"])

    def _start_cache(self) -> None:
        """For the processes to share. Where there is no Valkey for the platform they keep nothing:
        what each kept for itself would not be exact."""
        if self.settings.cache_url.get_secret_value():
            return
        found = self.installation.cache()
        self._environment["HAAT_CACHE_URL"] = found[1] if found else "none://"
        if found:
            output = self.installation.log("cache")
            self.crew.add(Child("cache", found[0], self._environment, output))

    def _start_workers(self) -> None:
        # Only now commands beside us find what they expect.
        self.publish("starting", sql=self._environment["HAAT_SQL_URL"])
        folder = self.installation.folder
        if self.settings.demo and self._demo_state().is_demo:
            self._environment |= ways_to_pay()
        metrics = folder / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir()
        self._environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        beside = self.settings.background if sys.platform == "linux" else 0
        web = Child(
            "web",
            [sys.executable, "-m", "haat.app.serving"],
            self._environment,
            listens=self._listening,
            parts=self.settings.workers + beside,
            leave=HAND_OVER,
        )
        if beside:
            web.environment = {**self._environment, COUNT: str(beside)}
            if self._keeps_logs:
                web.environment[LOG] = str(self.installation.log("worker"))
        self._add(web)
        for number in range(self.settings.background - beside):
            name = "worker" if not number else f"worker {number + 1}"
            command = [sys.executable, "-m", "haat.app.work"]
            self._add(Child(name, command, self._environment, leave=signal.SIGTERM))
        if self._grpc.open:
            command = [sys.executable, "-m", "haat.app.answering"]
            self._add(Child("grpc", command, self._environment, leave=signal.SIGTERM))
        self.crew.await_ready()

    @property
    def _keeps_logs(self) -> bool:
        """Whether our processes' logs go to files of the data folder."""
        return "HAAT_LOG_FORMAT" not in os.environ and self.settings.log_file is None

    def _add(self, child: Child) -> None:
        child.ready = self.installation.folder / "ready"
        if self._keeps_logs:
            log = self.installation.log(child.name.partition(" ")[0])
            child.environment = {**child.environment, "HAAT_LOG_FILE": str(log)}
        self.crew.add(child)

    def _run_to_end(self, command: list[str], failure: str) -> None:
        """A command of ours as a process. CannotStart when it fails."""
        line = [sys.executable, "-m", "haat.app.cli", *command]
        process = start_child(line, self._environment, self.crew.lock)
        while process.poll() is None:
            if self.asked:
                process.terminate()
                try:
                    process.wait(STOP_WAIT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
            time.sleep(0.02)
        if process.returncode != 0 and not self.asked:
            raise CannotStart(f"{failure}; the lines above say why")

    def _await(self, url: str) -> None:
        until = time.monotonic() + READY_WAIT_S
        while not self.asked:
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError):
                pass
            if any(child.has_ended for child in self.crew.children):
                raise CannotStart(f"what should answer at {url} ended while starting")
            if time.monotonic() > until:
                raise CannotStart(f"{url} does not answer; the lines above may say why")
            time.sleep(0.03)

    def _greet(self) -> None:
        tell(f"the market is open at {self.settings.site}  (REST: {self.settings.site}/docs)")
        if self.settings.demo:
            from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS

            tell("demo sign-ins (from this machine only), password " + DEMO_PASSWORD)
            for sign_in in SIGN_INS:
                tell(f"  {sign_in.role:<9} {sign_in.email:<28} {sign_in.path}")
        if self.settings.takes_test_cards:
            tell("test cards: docs/test-cards.md")
        if self._grpc.open:
            tell(f"the ledger answers gRPC at {self._grpc.grpc_host}:{self._grpc.grpc_port}")
        tell(f"logs: {self.installation.folder / 'log'}; stop with Ctrl-C")

    # -- while it runs -------------------------------------------------------------------------

    def look_after(self) -> None:
        if self.installation.sql_has_died and time.monotonic() >= self._sql_retry_at:
            self._revive_sql()
        if self._certificate.is_new(time.monotonic()):
            tell("there is a new certificate")
            self._to_roll = True
        super().look_after()

    def _revive_sql(self) -> None:
        """PostgreSQL is gone: starts it again. Its clients come back by themselves, unless its
        port was taken meanwhile; then they are started again as well."""
        tell("PostgreSQL ended; starting it again")
        try:
            url = self.installation.start_sql()
        except CannotStart:
            self._sql_failures += 1
            self._sql_retry_at = time.monotonic() + min(2.0**self._sql_failures, 10)
            if self._sql_failures > RESTARTS_MAX:
                raise
            return
        self._sql_failures = 0
        if url != self._environment["HAAT_SQL_URL"]:
            self._environment["HAAT_SQL_URL"] = url
            for child in self.crew.children:
                child.environment["HAAT_SQL_URL"] = url
                child.tell(signal.SIGTERM)
            self.publish("open", sql=url)

    def close(self) -> None:
        self.installation.stop_sql()
