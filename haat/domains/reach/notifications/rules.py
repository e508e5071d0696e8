"""Who is told what when something happened, and how often a mail is tried."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import ProductApproved, ProductRejected
from haat.domains.money.payouts.api import PayoutProcessed
from haat.domains.people.identity.api import PersonRegistered
from haat.domains.people.vendors.api import VendorApproved, VendorRejected, VendorSuspended
from haat.domains.trade.orders.api import (
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    OrderUnpaid,
)
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.kernel.events import Event
from haat.kernel.ids import derive
from haat.kernel.money import Money

ATTEMPTS_MAX = 12
BACKOFF_S, BACKOFF_MAX_S = 15, 3600
# The news of returns that are told, to the customer and to the vendor. That money came back is
# told with the refund.
TOLD_OF_RETURNS = frozenset(
    {
        "return_approved",
        "return_refused",
        "return_received",
        "return_withdrawn",
        "return_requested_escalated",
        "return_refused_escalated",
        "vendor_return_sent_back",
        "vendor_return_withdrawn",
        "vendor_return_refunded",
        "vendor_return_requested_escalated",
        "vendor_return_refused_escalated",
        "vendor_return_sent_back_escalated",
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to a person, to a vendor's whole team, or to the guest of an order.

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
    by_mail: bool = True

    @property
    def id(self) -> UUID:
        """The same each time the event is heard."""
        return derive(self.parent, f"{self.kind}:{self.person_id or self.order_id}")

    def to(self, person_id: UUID) -> "Notice":
        """The same for one member of the team."""
        return replace(self, person_id=person_id)


def notices_of(event: Event) -> list[Notice]:
    """Who is told what about this event."""
    return _BY_EVENT[type(event)](event)


def backoff(attempts: int) -> timedelta:
    """How long a mail waits after that many failed attempts."""
    return timedelta(seconds=min(BACKOFF_S * 2.0 ** (attempts - 1), BACKOFF_MAX_S))


def _money(amount: Money) -> dict[str, Any]:
    return amount.model_dump(mode="json")


def _customer(
    event: OrderCreated
    | OrderUnpaid
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | OrderRefunded
    | ReturnRequested
    | ReturnUpdated,
    kind: str,
    *,
    path: str = "",
    **facts: Any,
) -> Notice:
    """To who ordered; a guest is reached by mail alone, which leads to the order."""
    return Notice(
        parent=event.id,
        kind=kind,
        path=path or f"/orders/{event.order_id}",
        facts={"number": event.number, **facts},
        person_id=event.person_id,
        order_id=event.order_id,
    )


def _created(event: OrderCreated) -> list[Notice]:
    return [_customer(event, "order_placed", total=_money(event.total))]


def _paid(event: OrderPaid) -> list[Notice]:
    """The customer saw it when the order was placed; the vendors begin now."""
    return [
        Notice(
            parent=derive(event.id, str(part.vendor_order_id)),
            kind="vendor_order_new",
            path=f"/vendor/orders/{part.vendor_order_id}",
            facts={"number": part.number, "total": _money(part.total), "net": _money(part.net)},
            vendor_id=part.vendor_id,
        )
        for part in event.vendor_orders
    ]


def _unpaid(event: OrderUnpaid) -> list[Notice]:
    return [_customer(event, "order_unpaid", reason=event.reason, total=_money(event.total))]


def _shipped(event: OrderShipped) -> list[Notice]:
    facts: dict[str, Any] = {"carrier": event.carrier, "tracking": event.tracking_number}
    return [_customer(event, "order_shipped", **facts)]


def _delivered(event: OrderDelivered) -> list[Notice]:
    return [_customer(event, "order_delivered")]


def _cancelled(event: OrderCancelled) -> list[Notice]:
    facts: dict[str, Any] = {"reason": event.reason, "total": _money(event.total)}
    kind = "order_rejected" if event.kind == "rejected" else "order_cancelled"
    found = [_customer(event, kind, **facts)]
    if event.kind == "cancelled":
        found.append(
            Notice(
                parent=event.id,
                kind="vendor_order_cancelled",
                path=f"/vendor/orders/{event.vendor_order_id}",
                facts={"number": event.number, **facts},
                vendor_id=event.vendor_id,
            )
        )
    return found


def _refunded(event: OrderRefunded) -> list[Notice]:
    return [_customer(event, "order_refunded", amount=_money(event.amount))]


def _return_requested(event: ReturnRequested) -> list[Notice]:
    facts: dict[str, Any] = {"order": event.order_number, "amount": _money(event.amount)}
    path = f"/returns/{event.return_id}"
    what = "return" if event.kind == "return" else "complaint"
    return [
        _customer(event, f"{what}_requested", path=path, **facts),
        *_team(
            event,
            event.vendor_id,
            f"vendor_{what}_requested",
            f"/vendor{path}",
            number=event.number,
            **facts,
        ),
    ]


def _return_updated(event: ReturnUpdated) -> list[Notice]:
    """What the other side did, and what happened by itself."""
    path = f"/returns/{event.return_id}"
    facts: dict[str, Any] = {"order": event.order_number}
    news = f"{event.state}_escalated" if event.escalated else event.state
    found = []
    if f"return_{news}" in TOLD_OF_RETURNS:
        found.append(_customer(event, f"return_{news}", path=path, **facts))
    if f"vendor_return_{news}" in TOLD_OF_RETURNS:
        facts["number"] = event.number
        kind = f"vendor_return_{news}"
        found += _team(event, event.vendor_id, kind, f"/vendor{path}", **facts)
    return found


def _team(event: Event, vendor_id: UUID, kind: str, path: str, **facts: Any) -> list[Notice]:
    return [Notice(parent=event.id, kind=kind, path=path, facts=facts, vendor_id=vendor_id)]


def _approved(event: VendorApproved) -> list[Notice]:
    return _team(event, event.vendor_id, "vendor_approved", "/vendor", name=event.name)


def _rejected(event: VendorRejected) -> list[Notice]:
    return _team(event, event.vendor_id, "vendor_rejected", "/vendor", reason=event.reason)


def _suspended(event: VendorSuspended) -> list[Notice]:
    return _team(event, event.vendor_id, "vendor_suspended", "/vendor", reason=event.reason)


def _product_approved(event: ProductApproved) -> list[Notice]:
    path = f"/vendor/products/{event.product_id}"
    return _team(event, event.vendor_id, "product_approved", path, title=event.title)


def _product_rejected(event: ProductRejected) -> list[Notice]:
    path = f"/vendor/products/{event.product_id}"
    facts: dict[str, Any] = {"title": event.title, "reason": event.reason}
    return _team(event, event.vendor_id, "product_rejected", path, **facts)


def _payout(event: PayoutProcessed) -> list[Notice]:
    kind, amount = f"payout_{event.status}", _money(event.amount)
    return _team(event, event.vendor_id, kind, "/vendor/money", amount=amount)


def _registered(event: PersonRegistered) -> list[Notice]:
    return [Notice(parent=event.id, kind="welcome", path="/account", person_id=event.person_id)]


_BY_EVENT: dict[type[Event], Callable[[Any], list[Notice]]] = {
    OrderCreated: _created,
    OrderPaid: _paid,
    OrderUnpaid: _unpaid,
    OrderShipped: _shipped,
    OrderDelivered: _delivered,
    OrderCancelled: _cancelled,
    OrderRefunded: _refunded,
    ReturnRequested: _return_requested,
    ReturnUpdated: _return_updated,
    VendorApproved: _approved,
    VendorRejected: _rejected,
    VendorSuspended: _suspended,
    ProductApproved: _product_approved,
    ProductRejected: _product_rejected,
    PayoutProcessed: _payout,
    PersonRegistered: _registered,
}
