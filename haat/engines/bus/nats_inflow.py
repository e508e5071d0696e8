"""A line of NATS in one process's hands."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

from haat.engines.bus.carrier import Away, Parcel

_PULL_S = 20.0  # how long a pull waits at the server for letters to come
_GRACE_S = 5.0  # after which a pull that nobody has ended is forgotten
_PURGE_EACH = 500  # letters of a line that were handled before they are purged


class Link(Protocol):
    """What a line needs of the connection."""

    async def publish(self, subject: str, body: bytes, reply: str = "") -> None: ...

    async def purge(self, subject: str, done: int) -> None: ...

    async def flush(self) -> None: ...

    def left(self, inflow: "NatsInflow") -> None: ...


class NatsInflow:
    """A line that is held: one pull at a time, for as many letters as may be fetched ahead."""

    def __init__(self, link: Link, subject: str, call: str, reply: str, ahead: int) -> None:
        self.subject = subject
        self._link = link
        self._call = call
        self._reply = reply
        self._ahead = ahead
        self._buffer: deque[Parcel] = deque()
        self._open: deque[Parcel] = deque()  # given out, in their order
        self._handled: set[str] = set()  # those of them that are done, by ticket
        self._to_purge = 0
        self._coming = 0  # letters that the pull under way may still bring
        self._pull_ends = 0.0
        self._lost = False
        self._wake = asyncio.Event()

    @property
    def in_hand(self) -> int:
        return len(self._buffer) + len(self._open)

    async def fetch(self, most: int, wait_s: float) -> list[Parcel]:
        if len(self._buffer) < most and (not self._coming or monotonic() > self._pull_ends):
            await self._pull()
        if not self._buffer and not self._lost:
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                return []
        self._wake.clear()
        if self._lost:
            raise Away(f"NATS took {self.subject} away")
        parcels = [self._buffer.popleft() for _ in range(min(most, len(self._buffer)))]
        self._open.extend(parcels)
        return parcels

    async def _pull(self) -> None:
        wanted = {"batch": self._ahead, "expires": int(_PULL_S * 1e9)}
        self._coming = self._ahead
        self._pull_ends = monotonic() + _PULL_S + _GRACE_S
        await self._link.publish(self._call, json.dumps(wanted).encode(), self._reply)

    def interrupt(self) -> None:
        self._wake.set()

    async def done(self, parcels: Sequence[Parcel]) -> None:
        """Acknowledges up to the first that is not done yet."""
        self._handled |= {parcel.ticket for parcel in parcels}
        last = ""
        while self._open and self._open[0].ticket in self._handled:
            last = self._open.popleft().ticket
            self._handled.discard(last)
            self._to_purge += 1
        if last:
            await self._link.publish(last, b"+ACK")
        if last and self._to_purge >= _PURGE_EACH:
            self._to_purge = 0
            await self._link.purge(self.subject, _sequence(last))

    async def close(self) -> None:
        self._link.left(self)
        if not self._lost:
            self._lost = True
            await self._link.flush()

    def arrived(self, parcel: Parcel) -> None:
        self._coming -= 1
        self._buffer.append(parcel)
        self._wake.set()

    def ended(self, reason: str) -> None:
        """The pull is over: its time was up, or somebody else has made the consumer anew."""
        self._coming = 0
        self._wake.set()  # whoever waits asks for more
        if "Consumer" in reason:  # deleted, or changed to be pushed
            self.lose()

    def lose(self) -> None:
        self._lost = True
        self._buffer.clear()
        self._wake.set()


def _sequence(ticket: str) -> int:
    """The letter's number in the stream: $JS.ACK.[domain.hash.]stream.consumer.tries.SEQUENCE.…"""
    parts = ticket.split(".")
    return int(parts[5] if len(parts) < 11 else parts[7])
