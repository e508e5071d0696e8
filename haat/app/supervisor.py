"""What every supervising process does: hold its folder, keep children running, replace them one by
one when asked to, and stop them in order. None of them outlives it.
"""

import os
import signal
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Literal

from haat.app.crew import Crew
from haat.app.installation import InCharge, Installation, tell
from haat.app.processes import Child
from haat.app.settings import AppSettings

STOP_WAIT_S = 8.0  # then what still runs is killed: it is taken up again at the next start
GOODBYE_S = 35.0  # beside `drain_s`, for one that leaves: a request has its deadline within that
LOOK_S = 0.1
TRIM_EVERY_S = 60.0
ROLL = signal.SIGUSR2


class Supervisor(ABC):
    """Runs in one data folder until it is told to stop: by SIGINT after what is under way, by
    SIGTERM after a goodbye to its clients. SIGUSR2 replaces its children one by one."""

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings
        self.installation = Installation(settings)
        self.crew = Crew(lambda: self.asked > 0)
        self.charge = InCharge(os.getpid(), "market", site=settings.site)
        self.asked = 0  # how often we were told to stop
        self.told = signal.SIGTERM
        self._published = False
        self._to_roll = False
        self._trim_at = 0.0

    def run(self) -> None:
        """Serves until SIGTERM, SIGINT or SIGHUP. Raises CannotStart with one line."""
        signal.signal(ROLL, self._told_to_roll)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(name) is not signal.SIG_IGN:  # as under nohup
                signal.signal(name, self._told_to_stop)
        try:
            self.installation.prepare()
            self.crew.lock = self.installation.take_charge()
            self.installation.trim_logs()
            self.start()
            while not self.asked:
                time.sleep(LOOK_S)
                self.look_after()
        finally:
            self._stop()

    @abstractmethod
    def start(self) -> None:
        """Starts everything, looking at `asked` between two steps."""

    def look_after(self) -> None:
        """Called again and again."""
        self.crew.look_after()
        if self._to_roll:
            self._to_roll = False
            self._roll()
        now = time.monotonic()
        if now >= self._trim_at:
            self._trim_at = now + TRIM_EVERY_S
            self.installation.trim_logs()

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """After the last child has ended."""

    def publish(self, state: Literal["starting", "open", "stopping"], *, sql: str) -> None:
        self.charge = replace(self.charge, state=state, sql=sql)
        self._published = True
        self.installation.publish(self.charge)

    def _told_to_roll(self, number: int, frame: object) -> None:
        self._to_roll = True

    def _told_to_stop(self, number: int, frame: object) -> None:
        self.asked += 1
        self.told = signal.SIGINT if number == signal.SIGINT else signal.SIGTERM
        if self.asked > 1:  # somebody has no patience
            for child in self.crew.children:
                child.tell(signal.SIGKILL)

    def _roll(self) -> None:
        tell("replacing every process, one after another")
        if self.crew.roll(self.settings.drain_s + GOODBYE_S):
            self.charge = replace(self.charge, rolled=self.charge.rolled + 1)
            tell("every process is a new one")
        else:
            self.charge = replace(self.charge, stuck=self.charge.stuck + 1)
        if self._published:
            self.installation.publish(self.charge)

    def _stop(self) -> None:
        """Those with successors first and together, then what they stand on, last come first."""
        children = self.crew.children
        if children:
            tell("stopping")
        if self._published:
            self.publish("stopping", sql=self.charge.sql)
        front = [child for child in children if child.leave is not None]
        self._end(front, self.told)
        for child in reversed([child for child in children if child.leave is None]):
            self._end([child], signal.SIGTERM)
        self.close()
        self.installation.leave()
        if children:
            tell("stopped")

    def _end(self, group: list[Child], number: signal.Signals) -> None:
        goodbye_s = self.settings.drain_s if number == signal.SIGTERM else 0
        until = time.monotonic() + goodbye_s + STOP_WAIT_S
        for child in group:
            child.tell(number)
        for child in group:
            if not child.await_end(until):
                tell(f"the {child.name} process was slow to end and has been cut off")
