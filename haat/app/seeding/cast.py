"""Who acts in the demo, when, and under which ids: contexts for every call the seed makes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from haat.app.runtime import Runtime
from haat.domains.people.identity.api import VENDOR_SCOPES
from haat.kernel.clock import SettableClock
from haat.kernel.context import GUEST, SYSTEM, Actor, Context
from haat.kernel.errors import Unavailable
from haat.kernel.ids import DerivedIds, derive

T = TypeVar("T")
TRIES = 4
NAMESPACE = uuid5(NAMESPACE_URL, "https://demo.haat.example/")
STAFF_SCOPES = frozenset(
    {"person", "staff"}
    | {
        f"staff:{area}"
        for area in ("vendors", "products", "orders", "payouts", "money", "settings")
    }
)
TEAM_SCOPES = frozenset({"person", *VENDOR_SCOPES})


def id_of(label: str) -> UUID:
    """The id of the demo's thing with this label: the same in every installation."""
    return derive(NAMESPACE, label)


def person_id(email: str) -> UUID:
    return id_of(f"person:{email}")


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a vendor's team."""

    person_id: UUID
    vendor_id: UUID


def as_guest(label: str, at: datetime) -> Context:
    return _context(label, at, GUEST)


def as_system(label: str, at: datetime) -> Context:
    return _context(label, at, SYSTEM)


def as_person(label: str, at: datetime, person: UUID) -> Context:
    return _context(label, at, Actor("person", person), frozenset({"person"}))


def as_staff(label: str, at: datetime, person: UUID) -> Context:
    return _context(label, at, Actor("person", person), STAFF_SCOPES)


def as_member(label: str, at: datetime, member: Member) -> Context:
    actor = Actor("person", member.person_id)
    return _context(label, at, actor, TEAM_SCOPES, member.vendor_id)


def _context(
    label: str,
    at: datetime,
    actor: Actor,
    scopes: Iterable[str] = (),
    vendor_id: UUID | None = None,
) -> Context:
    """Each has a clock of its own, so that what happens at once need not happen at one time."""
    return Context(
        actor=actor,
        scopes=frozenset(scopes),
        vendor_id=vendor_id,
        request_id=f"demo:{label}"[:64],
        correlation_id=f"demo:{label}"[:64],
        clock=SettableClock(at),
        ids=DerivedIds(id_of(f"ids:{label}")),
    )


async def settled(runtime: Runtime) -> None:
    """Returns when all events are handled, those too that a reaction failed on and tries again.

    `Runtime.settle` wakes everybody again and again; the seed waits once or twice on every one of
    its days. TimeoutError.
    """
    runtime.bus.hurry(True)  # nothing else is going on that events should be collected for
    async with asyncio.timeout(120):
        while not await _is_settled(runtime):  # noqa: ASYNC110 (nobody tells when it is)
            await asyncio.sleep(0.02)


async def _is_settled(runtime: Runtime) -> bool:
    """The cheap question first: most of the time the answer is no."""
    if any(left.waiting > left.parked for left in await runtime.bus.backlog()):
        return False
    return await runtime.bus.idle()


class Crowd:
    """Does work at once, but never more than `most` of it. Work is called again when something
    is Unavailable (a slow machine is enough for that), so it must be harmless to repeat."""

    def __init__(self, most: int) -> None:
        self._slots = asyncio.Semaphore(most)

    async def all(self, work: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
        """The results in order. The first failure ends everything."""
        tasks = [asyncio.create_task(self._one(job)) for job in work]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _one(self, job: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            for attempt in range(TRIES - 1):
                try:
                    return await job()
                except Unavailable:
                    await asyncio.sleep(0.5 * 2**attempt)
            return await job()
