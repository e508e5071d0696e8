"""A message before it is words: to whom, about what, with which facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import UUID

from haat.domains.money.payments.api import TransferInstructions
from haat.domains.trade.orders.api import Order
from haat.domains.trade.settlement.api import Repaid
from haat.kernel.events import Event
from haat.kernel.ids import derive
from haat.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to a person, to a vendor's whole team, to the market's staff, or to the guest of
    an order. `owner_id` is a wallet's: a person, or a vendor, whose team is told.

    `parent` is what its id derives from: the event, and the leg when one event tells several
    things.
    """

    parent: UUID
    kind: str
    path: str
    facts: dict[str, Any] = field(default_factory=dict)
    person_id: UUID | None = None
    vendor_id: UUID | None = None
    order_id: UUID | None = None
    owner_id: UUID | None = None
    invitation_id: UUID | None = None  # to whoever was invited: by mail alone
    staff: bool = False
    by_mail: bool = True

    @property
    def id(self) -> UUID:
        """The same each time the event is heard."""
        return derive(self.parent, f"{self.kind}:{self.person_id or self.order_id}")

    def to(self, person_id: UUID) -> "Notice":
        """The same for one member of the team."""
        return replace(self, person_id=person_id)


@dataclass(frozen=True, slots=True)
class Known:
    """What was asked for a batch of events, whose facts do not say everything."""

    instructions: Mapping[UUID, TransferInstructions] = field(default_factory=dict)  # by order
    repaid: Mapping[UUID, Sequence[Repaid]] = field(default_factory=dict)  # by refund
    earned: frozenset[UUID] = frozenset()  # vendor orders whose earning is on a balance already
    orders: Mapping[UUID, Order] = field(default_factory=dict)  # of failed or disputed payments
    payers: Mapping[UUID, UUID] = field(default_factory=dict)  # payment → person
    vendors: Mapping[UUID, str] = field(default_factory=dict)  # names, of teams that changed


NOTHING_KNOWN = Known()


class OfAnOrder(Protocol):
    """What events of orders and of parts of them have in common."""

    @property
    def id(self) -> UUID: ...
    @property
    def number(self) -> str: ...
    @property
    def order_id(self) -> UUID: ...
    @property
    def person_id(self) -> UUID | None: ...


def money(amount: Money) -> dict[str, Any]:
    return amount.model_dump(mode="json")


def to_customer(event: OfAnOrder, kind: str, *, path: str = "", **facts: Any) -> Notice:
    """To who ordered; a guest is reached by mail alone, which leads to the order."""
    return Notice(
        parent=event.id,
        kind=kind,
        path=path or f"/orders/{event.order_id}",
        facts={"number": event.number, **facts},
        person_id=event.person_id,
        order_id=event.order_id,
    )


def to_team(event: Event, vendor_id: UUID, kind: str, path: str, **facts: Any) -> list[Notice]:
    return [Notice(parent=event.id, kind=kind, path=path, facts=facts, vendor_id=vendor_id)]


def to_staff(event: Event, kind: str, path: str, *, by_mail: bool = True, **facts: Any) -> Notice:
    return Notice(parent=event.id, kind=kind, path=path, facts=facts, staff=True, by_mail=by_mail)
