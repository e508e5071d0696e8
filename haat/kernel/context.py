"""Who asks, until when, and under which trace: the explicit first argument of every use case."""

from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from haat.kernel.clock import Clock, SystemClock
from haat.kernel.errors import Forbidden, OtherVendors, Unauthenticated
from haat.kernel.ids import Ids, RandomIds

# The scope of a person who proved some minutes ago who they are; no role gives it.
PROVED = "proved"
# Of a session that may do less until its owner has a second step: it may set one up.
ENROL = "enrol"
# The scope of a support session that may change things; no role gives it.
SUPPORT_WRITES = "support:write"
# Set while a database transaction is open in this task: no call may leave a module then.
open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: a person, a guest without an account, or the system itself."""

    type: Literal["person", "guest", "system"]
    id: UUID | None = None


GUEST = Actor("guest")
SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class Trail:
    """What the audit notes of everything that one call from outside changes.

    `actor` and `acting` stay who they were when the system goes on in their place.
    """

    command: str  # "catalog.put_product": what was called from outside
    actor: Actor
    acting: str  # as what: staff, vendor, key, support, customer, guest, system
    vendor_id: UUID | None = None
    session_id: UUID | None = None  # of the person, the API key or the support session
    reason: str = ""


class Held:
    """The trail that this task's writes belong to, until its call has ended: a task that was begun
    meanwhile and goes on afterwards writes in nobody's name."""

    __slots__ = ("ctx", "open", "trail")

    def __init__(self, ctx: "Context", trail: Trail) -> None:
        self.ctx = ctx
        self.trail = trail
        self.open = True


held_trail: ContextVar[Held | None] = ContextVar("held_trail", default=None)


@dataclass(frozen=True, slots=True)
class Context:
    """One request's or reaction's circumstances. Time and ids come from here and nowhere else."""

    actor: Actor = GUEST
    scopes: frozenset[str] = frozenset()
    vendor_id: UUID | None = None  # the vendor whose team the actor acts for
    request_id: str = ""
    correlation_id: str = ""
    deadline: datetime | None = None
    caller: str | None = None  # the module that calls; None when a gateway does
    clock: Clock = field(default_factory=SystemClock, compare=False)
    ids: Ids | None = field(default=None, compare=False)
    session_id: UUID | None = None  # by what the actor is signed in: a session, or an API key
    trail: Trail | None = None  # None: what is changed is not noted
    support: bool = False  # in a support session: masked, and only reading unless it may write

    def now(self) -> datetime:
        return self.clock.now()

    def new_id(self) -> UUID:
        return (self.ids or RandomIds(self.clock)).new()

    def within(self, seconds: float) -> "Context":
        """The same, but not later than `seconds` from now (an earlier deadline stays)."""
        until = self.now() + timedelta(seconds=seconds)
        return self if self.deadline and self.deadline <= until else replace(self, deadline=until)

    def as_system(self) -> "Context":
        """The same trace, acting for the system itself: for reactions and timers."""
        return replace(self, actor=SYSTEM, scopes=frozenset(), vendor_id=None)

    def has(self, scope: str) -> bool:
        return scope in self.scopes or self.actor.type == "system"

    @property
    def person_id(self) -> UUID:
        """The signed-in person's id; Unauthenticated for a guest."""
        if self.actor.type != "person" or self.actor.id is None:
            raise Unauthenticated
        return self.actor.id

    @property
    def acting_vendor(self) -> UUID:
        """The vendor the person acts for; Forbidden when there is none, Unauthenticated for a
        guest."""
        if self.actor.type == "guest" and self.vendor_id is None:
            raise Unauthenticated
        if self.vendor_id is None:
            raise Forbidden("This account belongs to no vendor.", code="no_vendor")
        return self.vendor_id

    def need_vendor(self, vendor_id: UUID) -> None:
        """NotFound unless the actor acts for this vendor or is the system; Unauthenticated for a
        guest.

        Staff are no exception: what staff may do with vendors has scopes of its own, and a scope
        from their part in one vendor's team must not count in another's.
        """
        if self.actor.type == "guest" and self.vendor_id is None:
            raise Unauthenticated
        if vendor_id != self.vendor_id and self.actor.type != "system":
            raise OtherVendors
