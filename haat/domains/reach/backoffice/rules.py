"""What events do to the counts, and the days a chart shows."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorClosed,
    VendorClosing,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.domains.reach.backoffice.api import Day
from haat.domains.trade.orders.api import OrderCreated, OrderPaid
from haat.kernel.events import Event
from haat.kernel.money import Money

DAYS_SHOWN = 30

# What a vendor is after each of its events.
STANDING: Mapping[type[Event], str] = {
    VendorApplied: "pending",
    VendorApproved: "active",
    VendorRejected: "rejected",
    VendorSuspended: "suspended",
    VendorReinstated: "active",
    VendorClosing: "closing",
    VendorClosed: "closed",
}


def counted(
    events: Iterable[OrderCreated | OrderPaid],
) -> dict[tuple[date, str], tuple[int, int]]:
    """(day, currency) → orders placed and minor units paid, to be added; days in order."""
    found: dict[tuple[date, str], tuple[int, int]] = {}
    for event in events:
        assert event.occurred_at is not None, "only a delivered event has a time"
        key = (event.occurred_at.astimezone(UTC).date(), event.total.currency)
        orders, sales = found.get(key, (0, 0))
        if isinstance(event, OrderCreated):
            found[key] = (orders + 1, sales)
        else:
            found[key] = (orders, sales + event.total.minor)
    return dict(sorted(found.items()))


def first_day(now: datetime) -> date:
    """The oldest of the days shown."""
    return now.astimezone(UTC).date() - timedelta(days=DAYS_SHOWN - 1)


def chart(counts: Mapping[date, tuple[int, int]], now: datetime, currency: str) -> list[Day]:
    """DAYS_SHOWN days up to today, oldest first; zero where nothing was counted."""
    start = first_day(now)
    shown = []
    for offset in range(DAYS_SHOWN):
        day = start + timedelta(days=offset)
        orders, sales = counts.get(day, (0, 0))
        total = Money(minor=sales, currency=currency)
        shown.append(Day(day=day.isoformat(), orders=orders, total=total))
    return shown
