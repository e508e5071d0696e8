"""Other processes of this machine that help with work which any of them can take.

They sleep until they are called. The work itself lies in the database, taken under leases: nobody
is told what to do, and a call that is lost costs a while.
"""

import os
from contextlib import suppress
from time import monotonic

HANDS = "HAAT_HANDS"  # "how many:the descriptor that a byte wakes one through"
AGAIN_S = 5.0


class Hands:
    """`count`: how many there are to be called."""

    def __init__(self, count: int = 0, calling: int | None = None) -> None:
        self.count = count if calling is not None else 0
        self._calling = calling
        self._called_at = -AGAIN_S

    @classmethod
    def given(cls) -> "Hands":
        """Those our parent has for us, if any."""
        count, _, calling = os.environ.get(HANDS, "").partition(":")
        return cls(int(count), int(calling)) if calling else cls()

    def call(self) -> None:
        """Wakes them, if they were not just called."""
        if self._calling is None or monotonic() - self._called_at < AGAIN_S:
            return
        self._called_at = monotonic()
        with suppress(OSError):  # a full pipe: they have been called often enough; or none is left
            os.write(self._calling, b"." * self.count)
