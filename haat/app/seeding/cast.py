"""Who acts in the demo, when, and under which ids: contexts for every call the seed makes."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from haat.app.runtime import Runtime
from haat.kernel.clock import SettableClock
from haat.kernel.context import GUEST, SYSTEM, Actor, Context
from haat.kernel.ids import DerivedIds, derive

T = TypeVar("T")
NAMESPACE = uuid5(NAMESPACE_URL, "https://demo.haat.example/")
STAFF_SCOPES = frozenset(
    {"person", "staff"}
    | {f"staff:{area}" for area in ("vendors", "products", "orders", "payouts", "settings")}
)
TEAM_SCOPES = frozenset(
    {"person"}
    | {f"vendor:{area}" for area in ("products", "stock", "orders", "money", "team", "profile")}
)


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
    """Returns when all events are handled, like `Runtime.settle` but without waking everybody
    again and again: the seed waits for this twice on every one of its days. TimeoutError."""
    async with asyncio.timeout(60):
        while not await runtime.bus.idle():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.025)


class Crowd:
    """Runs work at once, but never more than `most` of it."""

    def __init__(self, most: int) -> None:
        self._slots = asyncio.Semaphore(most)

    async def all(self, work: Iterable[Awaitable[T]]) -> list[T]:
        """The results in order. The first failure ends everything."""

        async def one(job: Awaitable[T]) -> T:
            async with self._slots:
                return await job

        tasks = [asyncio.create_task(one(job)) for job in work]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
