"""Which events go out, to whom, and with which of their fields. Pure.

A vendor is told what concerns it, with the fields named here and no others: what an event is given
later does not leave the house by itself. The market's own endpoints are told the whole event.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic.alias_generators import to_camel

from haat.domains.goods.catalog.api import ProductApproved, ProductRejected, ProductSubmitted
from haat.domains.goods.inventory.api import StockLow, StockTurned
from haat.domains.goods.requests.api import ProductRequested, RequestApproved, RequestRefused
from haat.domains.money.payments.api import (
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
)
from haat.domains.money.payouts.api import EarningEligible, PayoutProcessed, PayoutRequested
from haat.domains.money.statements.api import InvoiceIssued
from haat.domains.people.identity.api import PersonRegistered
from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.domains.trade.orders.api import (
    Order,
    OrderAdvanced,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    OrderUnpaid,
    VendorOrder,
    VendorPart,
)
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.kernel.events import Event

TEST = "webhook.test"
ORDERS, PRODUCTS, STOCK, MONEY = (
    "vendor:orders",
    "vendor:products:view",
    "vendor:stock",
    "vendor:money",
)
WEBHOOKS = "vendor:webhooks"
# What of a line a vendor is told: its goods, never what the market earns by them.
LINE = frozenset(
    {
        "id",
        "offer_id",
        "product_id",
        "variant_id",
        "sku",
        "title",
        "variant_title",
        "quantity",
        "unit_price",
        "amount",
        "kind",
    }
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One event in the catalogue. `right`: of the vendor's person who chooses it; None: it is for
    the market alone. `fields`: what a vendor is told, beside its own id."""

    event: type[Event]
    summary: str
    right: str | None = None
    fields: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return self.event.event_name

    @property
    def told(self) -> list[str]:
        """The fields of `data`, as they are called on the wire: what a vendor is told, or of what
        is for the market alone, all."""
        names = ("vendor_id", *self.fields)
        if self.right is None:
            own = {"event_id", "occurred_at"}
            names = tuple(name for name in self.event.model_fields if name not in own)
        return [to_camel(name) for name in names]


_OF_PART = ("order_id", "vendor_order_id", "number")
_OF_RETURN = (*_OF_PART, "order_number", "return_id")
KINDS: tuple[Kind, ...] = (
    Kind(
        OrderCreated,
        "An order was placed: its money is held, awaited, or collected when it is delivered",
        ORDERS,
        (*_OF_PART, "total", "net", "payment", "lines"),
    ),
    Kind(
        OrderPaid,
        "It is paid: send it",
        ORDERS,
        (*_OF_PART, "total", "net", "was", "lines"),
    ),
    Kind(
        OrderUnpaid,
        "The payment failed for good: it is cancelled",
        ORDERS,
        (*_OF_PART, "was"),
    ),
    Kind(
        OrderAdvanced,
        "It was accepted or is ready",
        ORDERS,
        (*_OF_PART, "fulfilment", "pickup_id"),
    ),
    Kind(
        OrderShipped,
        "It was handed to the carrier",
        ORDERS,
        (*_OF_PART, "carrier", "tracking_number"),
    ),
    Kind(OrderDelivered, "It has arrived", ORDERS, (*_OF_PART, "delivered_at")),
    Kind(
        OrderCancelled,
        "It was rejected by the vendor, or cancelled",
        ORDERS,
        (*_OF_PART, "kind", "reason", "total", "lines"),
    ),
    Kind(
        OrderRefunded,
        "Money of it was given back",
        ORDERS,
        (*_OF_PART, "amount", "refund_id"),
    ),
    Kind(
        ReturnRequested,
        "A customer wants to send something back, or complains",
        ORDERS,
        (*_OF_RETURN, "kind", "reason", "amount"),
    ),
    Kind(
        ReturnUpdated,
        "A return moved on, or staff decide about it",
        ORDERS,
        (*_OF_RETURN, "state", "escalated"),
    ),
    Kind(
        ProductApproved,
        "A product is on sale; not told of each that came with many others",
        PRODUCTS,
        ("product_id", "title"),
    ),
    Kind(
        ProductRejected,
        "A product is not on sale (any more)",
        PRODUCTS,
        ("product_id", "title", "kind", "reason"),
    ),
    Kind(
        RequestApproved,
        "A product that was asked for is there",
        PRODUCTS,
        ("request_id", "title", "product_id", "attached"),
    ),
    Kind(
        RequestRefused,
        "A product that was asked for will not be there",
        PRODUCTS,
        ("request_id", "title", "reason"),
    ),
    Kind(
        StockLow,
        "Few of an offer are left",
        STOCK,
        ("offer_id", "sku", "available", "low_at"),
    ),
    Kind(
        StockTurned,
        "The last one of an offer is gone, or there are some again",
        STOCK,
        ("offer_id", "product_id", "in_stock"),
    ),
    Kind(
        EarningEligible,
        "What was earned with a vendor order is on the balance",
        MONEY,
        ("vendor_order_id", "net"),
    ),
    Kind(PayoutRequested, "A payout was asked for", MONEY, ("payout_id", "amount")),
    Kind(
        PayoutProcessed,
        "A payout is paid, failed or was rejected",
        MONEY,
        ("payout_id", "amount", "status", "reason"),
    ),
    Kind(
        InvoiceIssued,
        "The invoice of a month's commission is there",
        MONEY,
        ("number", "month", "total"),
    ),
    Kind(VendorApproved, "The vendor may sell", WEBHOOKS, ("slug", "name", "country")),
    Kind(VendorSuspended, "The vendor is suspended", WEBHOOKS, ("reason",)),
    Kind(VendorReinstated, "The suspension ended", WEBHOOKS, ()),
    Kind(VendorApplied, "Somebody wants to open a store"),
    Kind(VendorRejected, "An application was rejected"),
    Kind(PersonRegistered, "Somebody opened an account"),
    Kind(ProductSubmitted, "A product waits for review"),
    Kind(ProductRequested, "A vendor asks for a product"),
    Kind(PaymentFailed, "A payment was declined or failed"),
    Kind(PaymentRefunded, "A payment was given back in part or whole"),
    Kind(PaymentDisputed, "A payment is contested, or that ended"),
)
BY_TYPE: Mapping[str, Kind] = {one.type: one for one in KINDS}


@dataclass(frozen=True, slots=True)
class News:
    """What one vendor, or with None the market, is told of an event."""

    event: Event
    vendor_id: UUID | None
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return self.event.event_name

    def body(self, message_id: str) -> str:
        """The message as it is signed and sent."""
        at = self.event.occurred_at
        assert at is not None, "only a delivered event has a time"
        return _written(message_id, self.type, self.event.event_version, at, self.data)


def news_of(event: Event, orders: Mapping[UUID, Order]) -> list[News]:
    """What everybody is told of it: the vendors it concerns, and the market."""
    kind = BY_TYPE[event.event_name]
    found = [News(event, None, event.model_dump(mode="json", by_alias=True))]
    if kind.right is None:
        return found
    told = _SPECIAL.get(type(event), _of_one)(event, orders)
    for vendor_id, more in told:
        facts = event.model_dump(mode="json", by_alias=False) | more
        data = {"vendor_id": str(vendor_id)} | {
            name: facts[name] for name in kind.fields if name in facts
        }
        found.append(News(event, vendor_id, _camel(data)))
    return found


def trial_body(message_id: str, endpoint_id: UUID, at: datetime) -> str:
    """A message that is sent to try an endpoint."""
    data = {"endpointId": str(endpoint_id), "text": "This is a test."}
    return _written(message_id, TEST, 1, at, data)


def _written(id: str, type: str, version: int, at: datetime, data: Mapping[str, Any]) -> str:
    said = {
        "id": id,
        "type": type,
        "version": version,
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)


Told = list[tuple[UUID, dict[str, Any]]]


def _of_one(event: Any, orders: Mapping[UUID, Order]) -> Told:
    return [(event.vendor_id, {})]


def _of_parts(event: Any, orders: Mapping[UUID, Order]) -> Told:
    parts: Sequence[VendorPart] = event.vendor_orders
    order = orders.get(event.order_id)
    whole = {one.id: one for one in order.vendor_orders} if order is not None else {}
    return [
        (
            part.vendor_id,
            part.model_dump(mode="json", by_alias=False)
            | {"lines": _lines(whole.get(part.vendor_order_id))},
        )
        for part in parts
    ]


def _of_unpaid(event: Any, orders: Mapping[UUID, Order]) -> Told:
    order = orders.get(event.order_id)
    return [
        (one.vendor_id, {"vendor_order_id": str(one.id), "number": one.number})
        for one in (order.vendor_orders if order is not None else ())
    ]


def _of_rejected(event: Any, orders: Mapping[UUID, Order]) -> Told:
    """To all who sold it, each as if it were alone."""
    return [(id, {}) for id in dict.fromkeys([event.vendor_id, *event.also_vendor_ids])]


def _of_cancelled(event: Any, orders: Mapping[UUID, Order]) -> Told:
    lines = [{"offerId": str(offer), "quantity": quantity} for offer, quantity in event.lines]
    return [(event.vendor_id, {"lines": lines})]


_SPECIAL: Mapping[type[Event], Callable[[Any, Mapping[UUID, Order]], Told]] = {
    OrderCreated: _of_parts,
    OrderPaid: _of_parts,
    OrderUnpaid: _of_unpaid,
    OrderCancelled: _of_cancelled,
    ProductRejected: _of_rejected,
}


def _lines(order: VendorOrder | None) -> list[dict[str, Any]]:
    if order is None:
        return []
    return [line.model_dump(mode="json", by_alias=True, include=set(LINE)) for line in order.lines]


def _camel(data: Mapping[str, Any]) -> dict[str, Any]:
    return {to_camel(name): value for name, value in data.items()}
