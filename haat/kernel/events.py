"""Events: facts in the past tense, declared by their publisher, heard by modules above it.

    class OrderPaid(Event, name="order.paid", key="order_id"): ...

    @on(orders.OrderPaid)
    async def paid(service: CheckoutService, ctx: Context, events: list[OrderPaid]) -> None: ...

A handler takes a batch and may be sent the same event twice. One that declares `tx` writes in the
transaction that also records the events as handled; any other calls, and ids it sends derive from
`eventId` (docs/house.md, section 4).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import Field

from haat.kernel.model import Model

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class Event(Model):
    """A fact. Subclasses give `name` ("order.paid"), `version` and the field that orders them."""

    event_name: ClassVar[str] = ""
    event_version: ClassVar[int] = 1
    event_key: ClassVar[str] = ""

    # Given by the bus to a handler; not part of the fact itself.
    event_id: UUID | None = Field(default=None, exclude=True)
    occurred_at: datetime | None = Field(default=None, exclude=True)

    def __init_subclass__(cls, name: str = "", key: str = "", version: int = 1) -> None:
        """Takes the class keywords; pydantic hands them on to the method below."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls, name: str = "", key: str = "", version: int = 1, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if name:
            assert key in cls.model_fields, f"{cls.__name__}: no field {key!r} to order by"
            cls.event_name, cls.event_key, cls.event_version = name, key, version

    @property
    def key(self) -> str:
        """Events with the same key are heard in the order they happened."""
        return str(getattr(self, self.event_key))

    @property
    def id(self) -> UUID:
        """The envelope's id: what a reaction derives the ids it sends from."""
        assert self.event_id is not None, "only a delivered event has an id"
        return self.event_id


class EnvelopeActor(Model):
    type: str
    id: UUID | None = None


class Trace(Model):
    request_id: str = ""
    correlation_id: str = ""


class Envelope(Model):
    """What travels: the fact with its circumstances."""

    event_id: UUID
    type: str
    version: int
    occurred_at: datetime
    actor: EnvelopeActor
    data: dict[str, Any]
    trace: Trace
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """A handler of events: which, and whether it writes in the transaction that marks them."""

    event: type[Event]
    handler: Callable[..., Awaitable[None]]
    writes: bool
    batch: int


@dataclass(frozen=True, slots=True)
class Timer:
    """A handler of time: `async def sweep(service, ctx) -> None`, at most one at a time."""

    handler: Callable[..., Awaitable[None]]
    seconds: int


@dataclass(slots=True)
class Noted:
    """What decorators note on a handler."""

    reactions: list[Reaction] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)


def on(event: type[Event], *, batch: int = 100) -> Callable[[F], F]:
    """Marks a handler of `event`; it may take up to `batch` events at once."""

    def note(handler: F) -> F:
        writes = "tx" in handler.__code__.co_varnames[: handler.__code__.co_argcount]
        _noted(handler).reactions.append(Reaction(event, handler, writes, batch))
        return handler

    return note


def every(*, seconds: int) -> Callable[[F], F]:
    """Marks a timer that runs every `seconds` in one process of the installation at a time."""

    def note(handler: F) -> F:
        _noted(handler).timers.append(Timer(handler, seconds))
        return handler

    return note


def _noted(handler: Callable[..., Any]) -> Noted:
    if not hasattr(handler, "__noted__"):
        handler.__noted__ = Noted()  # type: ignore[attr-defined]
    return handler.__noted__  # type: ignore[attr-defined,no-any-return]


def noted_in(namespace: Any) -> Noted:
    """All reactions and timers declared in a module's `reactions.py`, in order."""
    found = Noted()
    for value in vars(namespace).values():
        noted = getattr(value, "__noted__", None)
        if noted is not None and value.__module__ == namespace.__name__:
            found.reactions.extend(noted.reactions)
            found.timers.extend(noted.timers)
    return found
