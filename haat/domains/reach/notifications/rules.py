"""Who is told what when something happened, and how often a mail is tried."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from haat.domains.goods.catalog.api import ProductApproved, ProductRejected
from haat.domains.goods.inventory.api import StockLow
from haat.domains.goods.requests.api import RequestApproved, RequestRefused
from haat.domains.people.identity.api import PersonRegistered
from haat.domains.people.vendors.api import VendorApproved, VendorRejected, VendorSuspended
from haat.domains.reach.notifications import paying, teaming, vetting
from haat.domains.reach.notifications.notice import (
    NOTHING_KNOWN,
    Known,
    Notice,
    money,
    to_customer,
    to_staff,
    to_team,
)
from haat.domains.reach.webhooks.api import EndpointDisabled
from haat.domains.trade.cart.api import CartLeft
from haat.domains.trade.orders.api import (
    OrderAdvanced,
    OrderCancelled,
    OrderDelivered,
    OrderShipped,
)
from haat.domains.trade.receipts.api import ReceiptRequested
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.kernel.events import Event

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

ESCALATED = frozenset({"requested", "refused", "sent_back"})  # staff have to decide


def notices_of(event: Event, known: Known = NOTHING_KNOWN) -> list[Notice]:
    """Who is told what about this event."""
    if type(event) in paying.BY_EVENT:
        return paying.BY_EVENT[type(event)](event, known)
    if type(event) in teaming.BY_EVENT:
        return teaming.BY_EVENT[type(event)](event, known)
    if type(event) in vetting.BY_EVENT:
        return vetting.BY_EVENT[type(event)](event, known)
    return _BY_EVENT[type(event)](event)


def backoff(attempts: int) -> timedelta:
    """How long a mail waits after that many failed attempts."""
    return timedelta(seconds=min(BACKOFF_S * 2.0 ** (attempts - 1), BACKOFF_MAX_S))


def _shipped(event: OrderShipped) -> list[Notice]:
    facts: dict[str, Any] = {"carrier": event.carrier, "tracking": event.tracking_number}
    return [to_customer(event, "order_shipped", **facts)]


def _delivered(event: OrderDelivered) -> list[Notice]:
    return [to_customer(event, "order_delivered")]


def _receipt(event: ReceiptRequested) -> list[Notice]:
    return [to_customer(event, "receipt")]


def _cancelled(event: OrderCancelled) -> list[Notice]:
    facts: dict[str, Any] = {"reason": event.reason, "total": money(event.total)}
    kind = "order_rejected" if event.kind == "rejected" else "order_cancelled"
    found = [to_customer(event, kind, **facts)]
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


def _return_requested(event: ReturnRequested) -> list[Notice]:
    facts: dict[str, Any] = {"order": event.order_number, "amount": money(event.amount)}
    path = f"/returns/{event.return_id}"
    what = "return" if event.kind == "return" else "complaint"
    return [
        to_customer(event, f"{what}_requested", path=path, **facts),
        *to_team(
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
        found.append(to_customer(event, f"return_{news}", path=path, **facts))
    if f"vendor_return_{news}" in TOLD_OF_RETURNS:
        facts["number"] = event.number
        kind = f"vendor_return_{news}"
        found += to_team(event, event.vendor_id, kind, f"/vendor{path}", **facts)
    if event.escalated and event.state in ESCALATED:
        facts["number"] = event.number
        found.append(to_staff(event, "staff_return_escalated", f"/admin{path}", **facts))
    return found


def _approved(event: VendorApproved) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_approved", "/vendor", name=event.name)


def _rejected(event: VendorRejected) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_rejected", "/vendor", reason=event.reason)


def _suspended(event: VendorSuspended) -> list[Notice]:
    return to_team(event, event.vendor_id, "vendor_suspended", "/vendor", reason=event.reason)


def _product_approved(event: ProductApproved) -> list[Notice]:
    path = f"/vendor/products/{event.product_id}"
    return to_team(event, event.vendor_id, "product_approved", path, title=event.title)


def _product_rejected(event: ProductRejected) -> list[Notice]:
    path = f"/vendor/products/{event.product_id}"
    facts: dict[str, Any] = {"title": event.title, "reason": event.reason}
    kind = {"rejected": "product_rejected", "taken_down": "product_taken_down"}
    told = kind.get(event.kind, "product_changes_requested")
    others = [
        notice
        for vendor_id in event.also_vendor_ids
        for notice in to_team(event, vendor_id, told, "/vendor/offers", **facts)
    ]
    return [*to_team(event, event.vendor_id, told, path, **facts), *others]


def _request_approved(event: RequestApproved) -> list[Notice]:
    path = f"/vendor/requests/{event.request_id}"
    kind = "request_attached" if event.attached else "request_approved"
    return to_team(event, event.vendor_id, kind, path, title=event.title)


def _request_refused(event: RequestRefused) -> list[Notice]:
    path = f"/vendor/requests/{event.request_id}"
    facts = {"title": event.title, "reason": event.reason}
    return to_team(event, event.vendor_id, "request_refused", path, **facts)


def _registered(event: PersonRegistered) -> list[Notice]:
    return [Notice(parent=event.id, kind="welcome", path="/account", person_id=event.person_id)]


def _advanced(event: OrderAdvanced) -> list[Notice]:
    """Who collects is told when it is ready; else these steps are told by the order's page."""
    collected = event.pickup_id is not None and event.fulfilment == "ready"
    return [to_customer(event, "order_to_collect")] if collected else []


def _low(event: StockLow) -> list[Notice]:
    path = f"/vendor/stock/{event.offer_id}"
    facts = {"sku": event.sku, "available": event.available, "low_at": event.low_at}
    return to_team(event, event.vendor_id, "low_stock", path, **facts)


def _left(event: CartLeft) -> list[Notice]:
    many = len(event.items)
    return [
        Notice(
            parent=event.id,
            kind="cart_left",
            path="/cart",
            facts={"count": "One thing is" if many == 1 else f"{many} things are"},
            person_id=event.person_id,
        )
    ]


def _webhook_off(event: EndpointDisabled) -> list[Notice]:
    facts: dict[str, Any] = {"host": event.host}
    kind = f"webhook_{event.why}"
    if event.vendor_id is None:
        return [to_staff(event, kind, f"/admin/webhooks/{event.endpoint_id}", **facts)]
    path = f"/vendor/webhooks/{event.endpoint_id}"
    return to_team(event, event.vendor_id, kind, path, **facts)


_BY_EVENT: dict[type[Event], Callable[[Any], list[Notice]]] = {
    OrderAdvanced: _advanced,
    StockLow: _low,
    CartLeft: _left,
    OrderShipped: _shipped,
    OrderDelivered: _delivered,
    OrderCancelled: _cancelled,
    ReceiptRequested: _receipt,
    ReturnRequested: _return_requested,
    ReturnUpdated: _return_updated,
    VendorApproved: _approved,
    VendorRejected: _rejected,
    VendorSuspended: _suspended,
    ProductApproved: _product_approved,
    RequestApproved: _request_approved,
    RequestRefused: _request_refused,
    ProductRejected: _product_rejected,
    PersonRegistered: _registered,
    EndpointDisabled: _webhook_off,
}
