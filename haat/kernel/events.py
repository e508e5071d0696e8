"""Events: facts in the past tense, declared by their publisher, heard by modules above it.

    class OrderPaid(Event, name="order.paid", key="order_id"): ...

    @on(orders.OrderPaid)
    async def paid(service: CheckoutService, ctx: Context, events: list[OrderPaid]) -> None: ...

A handler takes a batch and may be sent the same event twice. One that declares `tx` writes in the
transaction that also records the events as handled; any other calls, and ids it sends derive from
`eventId` (docs/house.md, section 4).

A handler that cares for some of an event's facts only says so, and the bus gives it no others (the
relay looks, so an event nobody wants costs nobody a turn). Fields of the event's top level, by the
names they have in the class; a set, tuple or list of values means: any of them; all fields must
fit:

    @on(payments.PaymentUpdated, where={"purpose": "topup"})
    @on(payments.PaymentUpdated, where={"purpose": "order", "status": ("captured", "declined")})

One handler may have several lines `@on` for different events, but no two for one event.

An event may have **aliases**, names of another vocabulary. Each is an envelope of its own, with an
id that derives from the event's, and goes only to those who ask for it by that name:

    class OrderCreated(Event, name="order.created", key="order_id", aliases=("order.placed",)): ...

    @on(orders.OrderCreated, alias="order.placed")

`@on(Event)` hears every fact as an envelope, once and under its own name: never an alias.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid3

from pydantic import Field

from haat.kernel.model import Model

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

# Fields of an event's data, as they are called on the wire, each with the values that will do.
Where = tuple[tuple[str, tuple[str | int | bool | None, ...]], ...]


class Event(Model):
    """A fact. Subclasses give `name` ("order.paid"), `version`, the field that orders them, and
    perhaps `aliases`."""

    event_name: ClassVar[str] = ""
    event_version: ClassVar[int] = 1
    event_key: ClassVar[str] = ""
    event_aliases: ClassVar[tuple[str, ...]] = ()

    # Given by the bus to a handler; not part of the fact itself.
    event_id: UUID | None = Field(default=None, exclude=True)
    occurred_at: datetime | None = Field(default=None, exclude=True)

    def __init_subclass__(
        cls, name: str = "", key: str = "", version: int = 1, aliases: tuple[str, ...] = ()
    ) -> None:
        """Takes the class keywords; pydantic hands them on to the method below."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        name: str = "",
        key: str = "",
        version: int = 1,
        aliases: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if name:
            assert key in cls.model_fields, f"{cls.__name__}: no field {key!r} to order by"
            cls.event_name, cls.event_key, cls.event_version = name, key, version
            cls.event_aliases = aliases

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


def alias_id(event_id: UUID, alias: str) -> UUID:
    """The id of an event under another name: always the same one.

    UUIDv3, whose hash PostgreSQL knows as well: there the relay makes it within its statement.
    """
    return uuid3(event_id, alias)


@dataclass(frozen=True, slots=True)
class Reaction:
    """A handler of events: which, and whether it writes in the transaction that marks them."""

    event: type[Event]
    handler: Callable[..., Awaitable[None]]
    writes: bool
    batch: int
    where: Where = ()
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Timer:
    """A handler of time: `async def sweep(service, ctx) -> None`, at most one at a time. What it
    changes is in the audit where it is `noted`."""

    handler: Callable[..., Awaitable[None]]
    seconds: int
    noted: bool = False


@dataclass(slots=True)
class Noted:
    """What decorators note on a handler."""

    reactions: list[Reaction] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)


def on(
    event: type[Event],
    *,
    batch: int = 100,
    where: Mapping[str, Any] | None = None,
    alias: str = "",
) -> Callable[[F], F]:
    """Marks a handler of `event`; it may take up to `batch` events at once.

    `where` names fields of the event and the value, or values, they must have; `alias` the name
    of another vocabulary to hear it under (see the top of this file for both).
    """
    assert not alias or alias in event.event_aliases, f"{event.__name__} has no alias {alias!r}"
    conditions = _where(event, where or {})

    def note(handler: F) -> F:
        writes = "tx" in handler.__code__.co_varnames[: handler.__code__.co_argcount]
        reaction = Reaction(event, handler, writes, batch, conditions, alias)
        _noted(handler).reactions.append(reaction)
        return handler

    return note


def _where(event: type[Event], where: Mapping[str, Any]) -> Where:
    """Checked, and with the names and in the form that the envelope's data has."""
    found = []
    for name, wanted in where.items():
        given = event.model_fields.get(name)
        assert given is not None, f"{event.__name__} has no field {name!r}"
        several = isinstance(wanted, set | frozenset | tuple | list)
        values = sorted(wanted, key=str) if several else [wanted]
        fit = all(isinstance(one, str | int | bool | None) for one in values)
        assert values, f"{event.__name__}.{name}: no value would do"
        assert fit, f"{event.__name__}.{name}: only plain values can be asked for"
        found.append((given.serialization_alias or given.alias or name, tuple(values)))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def fits(where: Where, data: Mapping[str, Any]) -> bool:
    """Whether an envelope's data have what a reaction asks for."""
    return all(data.get(name) in values for name, values in where)


def declared() -> Iterator[type[Event]]:
    """Every class of event that is loaded in this process."""
    waiting = list(Event.__subclasses__())
    while waiting:
        event = waiting.pop()
        waiting.extend(event.__subclasses__())
        if event.event_name:
            yield event


def every(*, seconds: int, noted: bool = False) -> Callable[[F], F]:
    """Marks a timer that runs every `seconds` in one process of the installation at a time.
    `noted`: it decides something by itself, which the audit has under its name."""

    def note(handler: F) -> F:
        _noted(handler).timers.append(Timer(handler, seconds, noted))
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
