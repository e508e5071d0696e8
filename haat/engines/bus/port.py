"""What a bus is, whatever carries it."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import asyncpg

from haat.engines.sql import Database, Pool
from haat.kernel.errors import NotFound
from haat.kernel.events import Event, Reaction, Where
from haat.kernel.model import Model
from haat.kernel.page import Page

# What becomes of a statement when the database goes away. The third is what asyncpg says of a
# connection that broke under it.
SQL_TROUBLES = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)
EVERYTHING = "*"  # the type a subscriber of the untyped envelope listens to


class DeadLetterGone(NotFound, code="dead_letter_gone"):
    """That dead letter was replayed or discarded already."""


@dataclass(frozen=True, slots=True)
class Source:
    """A schema whose outbox is to be relayed, and a pool that may read and empty it."""

    schema: str
    pool: Pool


@dataclass(frozen=True, slots=True)
class Subscription:
    """One reaction of one module.

    `subscriber` names it in the queue and in the inbox, for good. Subscriptions of one module may
    have one name when their events differ: then the order of a key holds across those events.
    """

    subscriber: str
    database: Database
    service: object
    reaction: Reaction

    @property
    def route(self) -> "Route":
        return route_of(self.subscriber, self.reaction)


class Route(NamedTuple):
    """That `subscriber`, here or in another process, is to be given events of `type`.

    Only those whose data fit `where`; and under the name `alias`, if there is one.
    """

    type: str
    subscriber: str
    where: Where = ()
    alias: str = ""

    @property
    def topic(self) -> str:
        """The type that the envelopes have which come this way."""
        return self.alias or self.type

    @property
    def filters(self) -> list[str | None]:
        """JSON objects one of which the data must contain; [None]: whatever they are."""
        if not self.where:
            return [None]
        names = [name for name, _ in self.where]
        choices = product(*(values for _, values in self.where))
        return [json.dumps(dict(zip(names, chosen, strict=True))) for chosen in choices]


def route_of(subscriber: str, reaction: Reaction) -> Route:
    """A reaction to `Event` itself hears everything, as envelopes."""
    kind = EVERYTHING if reaction.event is Event else reaction.event.event_name
    return Route(kind, subscriber, reaction.where, reaction.alias)


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient the bus is. Times in seconds."""

    lease_s: float = 15  # after which a killed process's work is taken over
    handler_s: float = 60  # what one call of a handler may take
    tries: int = 8  # then the event is a dead letter; being Unavailable does not count
    backoff_s: float = 0.5  # doubled with every try
    backoff_max_s: float = 60
    poll_s: float = 1  # when no wake-up came through
    linger_s: float = 0.004  # what the relay waits to take more at once
    # Between two turns under load, so that they take sets; a first event is never kept waiting.
    relay_rest_s: float = 0.1
    consumer_rest_s: float = 0.2
    busy_events: int = 4  # a turn that had so many is followed by a longer rest
    busy_rest: float = 2.5  # times as long
    relay_batch: int = 500
    batch_max: int = 1_000  # whatever a reaction says it takes at once


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for one subscriber, and how old the oldest of it is."""

    subscriber: str
    waiting: int
    parked: int
    age_s: float


class DeadLetter(Model):
    """An event a subscriber failed to handle. Its key waits for `replay` or `discard`."""

    id: int
    subscriber: str
    event_id: UUID
    type: str
    key: str
    source: str
    attempts: int
    error: str
    failed_at: datetime
    envelope: dict[str, Any]


class DeadLetters(Protocol):
    """The letters nobody could read: what the back office shows."""

    async def dead_letters(self, limit: int = 50, cursor: str | None = None) -> Page[DeadLetter]:
        """The newest first."""
        ...

    async def dead_count(self) -> int: ...

    async def replay(self, id: int) -> None:
        """Hands it to its subscriber again, before what waits behind it; DeadLetterGone."""
        ...

    async def discard(self, id: int) -> None:
        """Forgets it and lets go on what waits behind it; DeadLetterGone."""
        ...


class Bus(DeadLetters, Protocol):
    """Carries events from outboxes to reactions: at least once, in order for each key."""

    def emitted(self) -> None:
        """Something was committed to an outbox: look soon."""
        ...

    async def unword(self, ids: Sequence[str]) -> int:
        """Takes the reason that somebody wrote out of dead letters, and out of what waits behind
        them, where it names one of these ids; how many."""
        ...

    def wants(self, routes: Iterable[Route]) -> Callable[[Event], bool]:
        """Tells which events go anywhere, when `routes` are all there are."""
        ...

    async def start(
        self,
        sources: Sequence[Source],
        subscriptions: Sequence[Subscription],
        *,
        routes: Iterable[Route] = (),
    ) -> None:
        """Relays these outboxes and runs these reactions until `stop`.

        `routes` name subscribers that run in other processes; a source's event for which there is
        neither route nor subscription is dropped.
        """
        ...

    async def stop(self) -> None:
        """Lets running handlers end and gives their leases back."""
        ...

    async def drain(self, timeout_s: float = 60) -> None:
        """Returns when all is handled that can be; TimeoutError."""
        ...

    async def backlog(self) -> list[Backlog]: ...
