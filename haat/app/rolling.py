"""`haat restart`: asks the market at work in a folder to replace its processes, and waits."""

import os
import time

from haat.app.installation import CannotStart, Installation
from haat.app.settings import AppSettings
from haat.app.supervisor import ROLL

WAIT_S = 900.0
LOOK_S = 0.1


def roll(settings: AppSettings) -> float:
    """How many seconds it took. CannotStart when no market runs, or when one of its new processes
    did not get ready."""
    installation = Installation(settings)
    before = installation.running()
    if before is None or before.state != "open":
        raise CannotStart(f"no market is open in {installation.folder}")
    began = time.monotonic()
    os.kill(before.pid, ROLL)
    while time.monotonic() - began < WAIT_S:
        now = installation.running()
        if now is None or now.pid != before.pid:
            raise CannotStart("the market ended meanwhile")
        if now.rolled > before.rolled:
            return time.monotonic() - began
        if now.stuck > before.stuck:
            raise CannotStart("a new process did not get ready; its log says why")
        time.sleep(LOOK_S)
    raise CannotStart(f"the market did not replace its processes within {WAIT_S:.0f} s")
