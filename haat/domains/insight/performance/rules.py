"""What events say of orders, and shares against thresholds. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import get_args
from uuid import UUID

from haat.domains.insight.performance.api import Days, Figure, Measure, Policy, Window
from haat.domains.trade.orders.api import (
    By,
    OrderAdvanced,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderShipped,
)
from haat.domains.trade.returns.api import ReturnReason

MEASURES: tuple[Measure, ...] = get_args(Measure)
# What a customer gives back for the vendor's own doing.
FAULTS: tuple[ReturnReason, ...] = (
    "not_as_described",
    "damaged",
    "wrong_item",
    "not_received",
    "incomplete",
)

OrderFact = (
    OrderCreated | OrderPaid | OrderAdvanced | OrderShipped | OrderDelivered | OrderCancelled
)


@dataclass(slots=True)
class Heard:
    """What was heard of one vendor order; None: nothing yet. Two of them make one whatever came
    first: of two times the earlier counts, and what else there is never changes."""

    vendor_order_id: UUID
    order_id: UUID
    vendor_id: UUID
    number: str
    parts: int | None = None
    begun_at: datetime | None = None
    ship_by: datetime | None = None
    handled_at: datetime | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: By | None = None

    def add(self, other: "Heard") -> None:
        for one in fields(self)[4:]:
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if mine is None or (isinstance(mine, datetime) and theirs and theirs < mine):
                setattr(self, one.name, theirs)


def heard(events: Iterable[OrderFact]) -> dict[UUID, Heard]:
    """By vendor order, in the order of their ids, so that two batches lock rows alike."""
    found: dict[UUID, Heard] = {}
    for event in events:
        for one in _facts(event):
            known = found.setdefault(one.vendor_order_id, one)
            if known is not one:
                known.add(one)
    return dict(sorted(found.items()))


def _facts(event: OrderFact) -> list[Heard]:
    at = event.occurred_at
    assert at is not None, "only a delivered event has a time"
    if isinstance(event, OrderCreated | OrderPaid):
        return _parts(event, at)
    one = Heard(event.vendor_order_id, event.order_id, event.vendor_id, event.number)
    if isinstance(event, OrderShipped):
        one.handled_at = one.sent_at = at
    elif isinstance(event, OrderDelivered):
        one.handled_at = event.delivered_at
    elif isinstance(event, OrderCancelled):
        one.ended_at = at
        one.ended_by = event.by or ("vendor" if event.kind == "rejected" else None)
    elif event.fulfilment == "ready" and event.pickup_id is not None:
        one.handled_at = at
    return [one]


def _parts(event: OrderCreated | OrderPaid, at: datetime) -> list[Heard]:
    """A vendor begins when it is paid, or at once with what is paid on delivery."""
    created = isinstance(event, OrderCreated)
    if isinstance(event, OrderCreated):
        begins = event.payment == "on_delivery"
    else:
        begins = event.was != "on_delivery"
    begun = at if begins else None
    return [
        Heard(
            vendor_order_id=part.vendor_order_id,
            order_id=event.order_id,
            vendor_id=part.vendor_id,
            number=part.number,
            parts=len(event.vendor_orders) if created else None,
            begun_at=begun,
            ship_by=part.ship_by if begun else None,
        )
        for part in event.vendor_orders
    ]


def share_bp(count: int, orders: int) -> int:
    """Basis points, rounded half up; nothing of nothing."""
    return (count * 20_000 + orders) // (2 * orders) if orders else 0


def window(policy: Policy, days: Days, counts: Mapping[str, int]) -> Window:
    """`counts`: "orders", and how many of them each measure has."""
    orders = counts["orders"]
    judged = orders >= policy.orders_min
    figures = []
    for measure in MEASURES:
        count, threshold = counts[measure], getattr(policy, f"{measure}_bp")
        figures.append(
            Figure(
                measure=measure,
                orders=count,
                share_bp=share_bp(count, orders),
                threshold_bp=threshold,
                # Exactly, not as rounded: 4.004 % is above 4 %.
                exceeded=judged
                and count >= policy.cases_min
                and count * 10_000 > threshold * orders,
            )
        )
    return Window(days=days, orders=orders, judged=judged, figures=figures)


def exceeded(window: Window) -> Sequence[Figure]:
    return [figure for figure in window.figures if figure.exceeded]
