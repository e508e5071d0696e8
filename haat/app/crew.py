"""The children of a supervising process: started, watched, replaced one by one, ended in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from haat.app.installation import CannotStart, tell
from haat.app.processes import Child

READY_WAIT_S = 60.0
RESTARTS_MAX = 10  # in a row, each within a minute of its start
POLL_S = 0.03


@dataclass(slots=True)
class Crew:
    """`lock` is a descriptor that every child holds; `asked` says that all is to end."""

    asked: Callable[[], bool]
    lock: int | None = None
    children: list[Child] = field(default_factory=list)

    def add(self, child: Child) -> None:
        self.children.append(child)
        child.launch(self.lock)

    def await_ready(self, within_s: float = READY_WAIT_S) -> None:
        """Until all are. CannotStart when one ends first, or takes too long."""
        until = time.monotonic() + within_s
        while not self.asked():
            waiting = [child for child in self.children if not child.is_ready]
            for child in self.children:
                if child.has_ended and not self.asked():
                    raise CannotStart(f"the {child.name} process ended while starting")
            if not waiting:
                return
            if time.monotonic() > until:
                raise CannotStart(f"the {waiting[0].name} process does not start")
            time.sleep(POLL_S)

    def look_after(self) -> None:
        """Starts again what has ended, with back-off; gives up on what never stays up."""
        now = time.monotonic()
        for child in self.children:
            if child.has_ended and not self.asked():
                if child.failed(now) > RESTARTS_MAX:
                    raise CannotStart(f"the {child.name} process ends again and again")
                tell(f"the {child.name} process ended; starting it again")
            elif child.process is None and now >= child.restart_at:
                child.launch(self.lock)

    def roll(self, goodbye_s: float) -> bool:
        """Replaces each child that can be by a new one, one after another: the old one leaves when
        the new one is ready. False when a new one does not get ready: then the old one stays."""
        for place, old in enumerate(self.children):
            if old.leave is None or self.asked():
                continue
            fresh = old.successor()
            fresh.launch(self.lock)
            if not self._gets_ready(fresh):
                fresh.await_end(time.monotonic())
                if not self.asked():
                    tell(f"a new {old.name} process does not get ready; the old one stays")
                return False
            self.children[place] = fresh
            old.tell(old.leave)
            if not self._ends(old, goodbye_s):
                tell(f"the old {old.name} process was slow to end and has been cut off")
        return not self.asked()

    def _gets_ready(self, fresh: Child) -> bool:
        until = time.monotonic() + READY_WAIT_S
        while not fresh.is_ready:
            if self.asked() or fresh.has_ended or time.monotonic() > until:
                return False
            self.look_after()
            time.sleep(POLL_S)
        return not fresh.has_ended

    def _ends(self, old: Child, within_s: float) -> bool:
        until = time.monotonic() + within_s
        while not old.has_ended and not self.asked() and time.monotonic() < until:
            self.look_after()
            time.sleep(POLL_S)
        return old.await_end(time.monotonic())
