"""`haat engines`: what the parts of a split market stand on, as one process with its children.

Makes the databases that are not there yet, migrates them, fills the demo, and stays. Addresses come
from the settings that `haat split` wrote.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from haat.app.hosting import await_port
from haat.app.installation import CannotStart, tell
from haat.app.migrating import places
from haat.app.processes import Child, has_died, say_ready, start_child
from haat.app.settings import AppSettings
from haat.app.splitting import database_at
from haat.app.supervisor import Supervisor
from haat.engines.cache.embedded import prepared, program
from haat.engines.sql.databases import make_databases
from haat.engines.sql.embedded import EmbeddedPostgres, EmbeddedPostgresError

KINDS = ("postgres", "nats", "valkey", "cards")
CONNECTIONS = {"max_connections": "500"}
ANSWER_WAIT_S = 20.0


class EngineRoom(Supervisor):
    """Runs these engines, embedded ones, in the data folder."""

    def __init__(self, settings: AppSettings, kinds: Sequence[str]) -> None:
        super().__init__(settings)
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise CannotStart(f"there is no engine {unknown[0]!r}: {', '.join(KINDS)}")
        self._kinds = kinds
        self._sql: EmbeddedPostgres | None = None
        self._sql_pid = 0
        self._sql_failures = 0
        self._sql_retry_at = 0.0

    def start(self) -> None:
        for kind, step in (
            ("postgres", self._start_postgres),
            ("nats", self._start_nats),
            ("valkey", self._start_valkey),
            ("cards", self._start_cards),
        ):
            if kind in self._kinds and not self.asked:
                step()
        for step in (self._migrate, self._seed):
            if not self.asked:
                step()
        if not self.asked:
            self.publish("open", sql=self.settings.sql_url.get_secret_value())
            say_ready()

    def _start_postgres(self) -> None:
        self._sql = EmbeddedPostgres(self.installation.folder / "postgres", settings=CONNECTIONS)
        self._revive(self._sql)

    def _revive(self, sql: EmbeddedPostgres) -> None:
        """Starts it where every part looks for it. CannotStart when it cannot be there."""
        try:
            cluster = sql.start()
        except EmbeddedPostgresError as error:
            raise CannotStart(str(error)) from None
        self._sql_pid = cluster.pid
        wanted = urlsplit(self.settings.sql_url.get_secret_value())
        if urlsplit(cluster.url).netloc != wanted.netloc:
            raise CannotStart(
                f"PostgreSQL cannot be at port {wanted.port}, where every part looks for it:"
                " stop what has that port, or write the split again"
            )

    def _start_nats(self) -> None:
        from haat.engines.bus.embedded_nats import EmbeddedNats, EmbeddedNatsError

        nats = EmbeddedNats(self.installation.folder / "nats")
        self._add("nats", nats.command())
        if nats.url != self.settings.bus:
            raise CannotStart("NATS cannot be where every part looks for it: its port is taken")
        try:
            nats.await_ready()
        except EmbeddedNatsError as error:
            raise CannotStart(str(error)) from None

    def _start_valkey(self) -> None:
        binary = program()
        if binary is None:
            raise CannotStart("there is no Valkey for this platform")
        where = urlsplit(self.settings.cache)
        port, password = where.port or 0, unquote(where.password or "")
        command, _ = prepared(binary, self.installation.folder, port, password)
        self._add("cache", command)

    def _start_cards(self) -> None:
        port = urlsplit(os.environ["HAAT_TESTCARD_URL"]).port
        folder = self.installation.folder
        command = [sys.executable, "-m", "haat.domains.money.payments.providers.testcard"]
        command += ["--port", str(port), "--data", str(folder / "testcard.db")]
        command += ["--secret-file", os.environ["HAAT_TESTCARD_SECRET_FILE"], "--parent-death"]
        self._add("cards", command)

    def _add(self, name: str, command: list[str]) -> None:
        output: Path = self.installation.log(name)
        self.crew.add(Child(name, command, dict(os.environ), output))

    def _migrate(self) -> None:
        urls = list(places(self.settings))
        made = make_databases(database_at(urls[0], "postgres"), urls)
        if made:
            tell(f"made {len(made)} databases")
        self._run_to_end("migrate", "--quiet")

    def _seed(self) -> None:
        if not self.settings.demo:
            return
        if "cards" in self._kinds:
            where = urlsplit(os.environ["HAAT_TESTCARD_URL"])
            await_port(where.hostname or "", where.port or 0, ANSWER_WAIT_S)
        self._run_to_end("seed", "demo")

    def _run_to_end(self, *command: str) -> None:
        line = [sys.executable, "-m", "haat.app.cli", *command]
        process = start_child(line, os.environ, self.crew.lock)
        while process.poll() is None:
            if self.asked:
                process.terminate()
            time.sleep(0.02)
        if process.returncode != 0 and not self.asked:
            raise CannotStart(f"`haat {' '.join(command)}` failed; the lines above say why")

    def look_after(self) -> None:
        if self._sql is not None and has_died(self._sql_pid):
            self._again(self._sql)
        super().look_after()

    def _again(self, sql: EmbeddedPostgres) -> None:
        if time.monotonic() < self._sql_retry_at:
            return
        tell("PostgreSQL ended; starting it again")
        try:
            self._revive(sql)
            self._sql_failures = 0
        except CannotStart:
            self._sql_failures += 1
            self._sql_retry_at = time.monotonic() + min(2.0**self._sql_failures, 10)
            if self._sql_failures > 10:
                raise

    def close(self) -> None:
        if self._sql is not None:
            try:
                self._sql.stop()
            except EmbeddedPostgresError as error:
                tell(str(error))
