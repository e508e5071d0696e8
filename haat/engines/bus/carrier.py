"""What a broker has to do to carry a bus: keep letters in lines, and hand a line to one process.

A *line* is one partition of one subscriber's queue; every letter of a key stands in the same line.
Whoever holds a line takes its letters in the order they were sent. What fails does not stay at the
broker: it goes to PostgreSQL's queue, with everything of its key that comes after it (`Arrivals`).
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class Away(Exception):
    """The broker does not answer, or took a line away: try again later."""


class Patience:
    """One attempt to connect for all who want to, and then a pause."""

    def __init__(self, pause_s: float = 0.5) -> None:
        self._pause_s = pause_s
        self._until = 0.0
        self._trouble = ""

    def check(self) -> None:
        """Away, while the last failure is not long ago."""
        if monotonic() < self._until:
            raise Away(self._trouble)

    def failed(self, trouble: str) -> Away:
        self._until, self._trouble = monotonic() + self._pause_s, trouble
        return Away(trouble)


class Line(NamedTuple):
    """One partition of one subscriber's queue."""

    subscriber: str
    partition: int


@dataclass(frozen=True, slots=True)
class Letter:
    """An envelope on its way: in a line, or, when `line` is None, to the world under its topic.

    `number` counts the events of a source; all letters of an event have the same one.
    """

    number: int
    line: Line | None
    topic: str
    event_id: UUID
    key: str
    source: str
    body: bytes

    @property
    def label(self) -> str:
        """What stands on the envelope, so that one that cannot be read can be kept, too.

        Source, type and key. Short: clients read headers letter by letter.
        """
        return f"{self.source} {self.topic} {self.key}"


class Parcel(NamedTuple):
    """A letter that arrived; `ticket` is what the broker wants back when it was handled."""

    body: bytes
    event_id: str
    label: str
    ticket: Any


class Inflow(Protocol):
    """A line that is held: its letters, from the oldest that was not acknowledged."""

    @property
    def in_hand(self) -> int:
        """Letters that came here and were not acknowledged yet."""
        ...

    async def fetch(self, most: int, wait_s: float) -> list[Parcel]:
        """What is there, at once if there is something; [] after `wait_s`. Away."""
        ...

    def interrupt(self) -> None:
        """Ends a `fetch` that waits: it answers with what is there."""
        ...

    async def done(self, parcels: Sequence[Parcel]) -> None:
        """These need not come again. Lost acknowledgements are no harm: the inbox knows."""
        ...

    async def close(self) -> None:
        """Gives the line back; what was not acknowledged comes again, to whoever holds it next."""
        ...


class Waiting(NamedTuple):
    """How many letters wait for a subscriber; how old the oldest is (0: this broker cannot say)."""

    letters: int
    age_s: float


class Carrier(Protocol):
    """One process's connection to a broker. Every method raises Away when it is not there."""

    partitions: int
    outside: bool  # whether facts are told to the world, too

    async def open(self, subscribers: Iterable[str]) -> None:
        """Connects if necessary, and makes sure that these subscribers' queues exist."""
        ...

    async def close(self) -> None: ...

    async def send(self, letters: Sequence[Letter]) -> None:
        """Returns when the broker has them all for good, in this order for each key.

        Away: it may have some, but never an event of a key without those before it.
        """
        ...

    async def take(self, line: Line, ahead: int) -> Inflow:
        """Holds a line, whoever held it before; up to `ahead` letters are fetched in advance."""
        ...

    async def waiting(self) -> dict[str, Waiting]:
        """Of every subscriber for whom something waits, here or anywhere."""
        ...


def partition_of(key: str, partitions: int) -> int:
    """The same in every process and for good."""
    return zlib.crc32(key.encode()) % partitions


def waves(letters: Iterable[Letter]) -> list[list[Letter]]:
    """What may be sent together, one wave after another: no two events of a key.

    A broker that loses the first of two events in flight but keeps the second would swap them;
    so the second of a key is sent when the first is safe.
    """
    sent: list[list[Letter]] = []
    last: dict[str, tuple[int, int]] = {}  # by key: the number of its last event, and its wave
    for letter in letters:
        number, wave = last.get(letter.key, (letter.number, 0))
        wave += number != letter.number
        last[letter.key] = (letter.number, wave)
        while len(sent) <= wave:
            sent.append([])
        sent[wave].append(letter)
    return sent
