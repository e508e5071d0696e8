"""What a process knows of another one that it calls: whether it lives, and how much it is asked."""

import asyncio
from time import monotonic

from haat.kernel.errors import Unavailable

FAILURES_TO_OPEN = 5
OPEN_S = 1.0
CALLS_MAX = 40  # at once to one peer, so that a slow one cannot take the connections of the others


class PeerAway(Unavailable, code="peer_away"):
    """A service this depends on does not answer; try again."""


class Breaker:
    """Refuses calls to a peer that failed several times in a row; lets one through each second."""

    def __init__(self, failures_to_open: int = FAILURES_TO_OPEN, open_s: float = OPEN_S) -> None:
        self._most = failures_to_open
        self._open_s = open_s
        self._failures = 0
        self._closed_until = 0.0  # while open: when the next trial may go

    def enter(self) -> None:
        """Raises PeerAway, saying when to come again, while the peer is taken for dead."""
        if self._failures < self._most:
            return
        now = monotonic()
        if now < self._closed_until:
            raise PeerAway(retryAfterS=max(1, round(self._closed_until - now)))
        self._closed_until = now + self._open_s  # this one is the trial; the others wait for it

    def answered(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._most:
            self._closed_until = monotonic() + self._open_s


class Peer:
    """One address, whatever contracts are behind it. `url` as in "http://inventory:8080"."""

    def __init__(self, url: str, *, breaker: Breaker | None = None) -> None:
        self.url = url.rstrip("/")
        self.breaker = breaker or Breaker()
        self.room = asyncio.Semaphore(CALLS_MAX)
