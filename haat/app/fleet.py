"""`haat up FOLDER`: runs every line of a Procfile that `haat split` wrote, and what it stands on.

More than a plain Procfile runner does: it waits for each part to be ready, starts again what ends,
and holds the parts' sockets, so that they can be replaced one by one without a refused connection.
"""

import os
import shlex
from pathlib import Path
from socket import socket

from haat.app.envfiles import read_settings
from haat.app.installation import CannotStart, tell
from haat.app.processes import HAND_OVER, Child, PortTaken, claimed, shared
from haat.app.settings import AppSettings
from haat.app.splitting import ENGINES
from haat.app.supervisor import Supervisor

SETTINGS = "--settings="
ENGINES_WAIT_S = 600.0  # a first start fills the demo
PARTS_WAIT_S = 120.0


class Fleet(Supervisor):
    """Runs the Procfile of one folder. `settings` are what all its processes share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().resolve()
        self._shared = read_settings(self._folder / "haat.env")
        os.environ.update(self._shared)
        super().__init__(AppSettings(data=self._folder))
        self._claimed: set[tuple[str, int]] = set()

    def start(self) -> None:
        lines = self._lines()
        first = [self._child(name, line) for name, line in lines if name == ENGINES]
        rest = [self._child(name, line) for name, line in lines if name != ENGINES]
        for group in (first, rest):
            for child in group:
                if not self.asked:
                    self.crew.add(child)
            self.crew.await_ready(ENGINES_WAIT_S if group is first else PARTS_WAIT_S)
        if not self.asked:
            self.publish("open", sql=self.settings.sql_url.get_secret_value())
            tell(f"the market is open at {self.settings.site}, as {len(rest)} processes")
            tell(f"logs: {self.installation.folder / 'log'}; stop with Ctrl-C")

    def _lines(self) -> list[tuple[str, list[str]]]:
        path = self._folder / "Procfile"
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise CannotStart(f"{path} cannot be read: {error.strerror}") from None
        found = []
        for line in text.splitlines():
            name, colon, command = line.partition(":")
            if colon and not name.startswith("#"):
                found.append((name.strip(), shlex.split(command)))
        return found

    def _child(self, name: str, command: list[str]) -> Child:
        ready = self.installation.folder / "ready"
        environment = dict(os.environ)
        for key in self._shared:  # each reads them from the files its own line names
            environment.pop(key, None)
        log = self.installation.log(name)
        if "HAAT_LOG_FORMAT" not in environment:
            environment["HAAT_LOG_FILE"] = str(log)
        if name == ENGINES:
            return Child(name, command, environment, ready=ready)
        given = dict(self._shared)
        for word in command:
            if word.startswith(SETTINGS):
                given |= read_settings(Path(word.removeprefix(SETTINGS)))
        metrics = self.installation.folder / "metrics" / name
        metrics.mkdir(parents=True, exist_ok=True)
        for old in metrics.iterdir():
            old.unlink()
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        parts = int(given["HAAT_WORKERS"])
        listens = self._listening(given["HAAT_HOST"], int(given["HAAT_PORT"]), parts)
        return Child(name, command, environment, None, listens, ready, parts, leave=HAND_OVER)

    def _listening(self, host: str, port: int, count: int) -> list[socket]:
        """The first process of a part makes sure that nobody else is there; its replicas share."""
        first = (host, port) not in self._claimed
        self._claimed.add((host, port))
        try:
            return (claimed if first else shared)(host, port, count)
        except PortTaken as error:
            raise CannotStart(str(error)) from None
