"""How vendors do, from their orders: shares against thresholds that the operator sets."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.trade.orders.api import By
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page
from haat.kernel.rating import Rating

Measure = Literal["late", "cancelled", "faulty", "disputed"]
Days = Literal[30, 90]
Share = Annotated[int, Field(ge=0, le=10_000)]  # basis points: 400 is 4 %


class Policy(Model):
    """Above which share of its orders a vendor is below the thresholds, looking back over `days`.
    Who had fewer orders than `orders_min` is not judged, and fewer than `cases_min` of them that
    count are chance."""

    days: Days = 30
    orders_min: Annotated[int, Field(ge=1, le=10_000)] = 10
    cases_min: Annotated[int, Field(ge=1, le=10_000)] = 3
    late_bp: Share = 400
    cancelled_bp: Share = 250
    faulty_bp: Share = 500
    disputed_bp: Share = 100


class Figure(Model):
    """`share_bp` of the window's orders, rounded; `exceeded`: it is above its threshold."""

    measure: Measure
    orders: int
    share_bp: int
    threshold_bp: int
    exceeded: bool


class Window(Model):
    """The last `days`: every order that began in them, whatever became of it later. `judged`:
    there were enough of them to judge by."""

    days: Days
    orders: int
    judged: bool
    figures: list[Figure]


class Day(Model):
    """Orders that began on that day (UTC), and what became of them."""

    day: date
    orders: int
    late: int
    cancelled: int
    faulty: int
    disputed: int


class Scorecard(Model):
    """`below`: where it was above a threshold when it was last judged, and `since` when it is at
    all. `days` are those of the last 90 that had orders, oldest first."""

    vendor_id: UUID
    policy: Policy
    below: list[Measure] = []
    since: datetime | None = None
    windows: list[Window]
    days: list[Day]


class CountedOrder(Model):
    """A vendor order as it counts. `handled_at`: sent, ready to collect, or done; `ended_by`: who
    cancelled or rejected it."""

    vendor_order_id: UUID
    number: str
    begun_at: datetime
    ship_by: datetime | None = None
    handled_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: By | None = None
    counts_as: list[Measure]


class Kept(Model):
    """What was heard of a vendor order. `parts`: how many there are of its order; None: it is older
    than what is counted here."""

    vendor_order_id: UUID
    vendor_id: UUID
    parts: int | None
    begun: bool
    ship_by: datetime | None
    handled: bool
    ended: bool


class Shortfall(Model):
    """A vendor that is below the thresholds, with the figures as they are now."""

    vendor_id: UUID
    below: list[Measure]
    since: datetime
    window: Window


class Sales(Model):
    """Of the last 30 days, in the market's currency."""

    vendor_orders: int
    gross: Money
    net: Money


class VendorStats(Model):
    """What anyone may know: `orders` of the last 90 days, how many in basis points of them were
    sent in time (None while there are too few), what customers think. `sales` and `performance` are
    for its team's eyes."""

    vendor_id: UUID
    orders: int
    in_time_bp: int | None = None
    rating: Rating | None = None
    since: datetime
    sales: Sales | None = None
    performance: Window | None = None


class VendorFellBelow(Event, name="vendor.fell_below", key="vendor_id"):
    """It was within every threshold before. `exceeded`: by how much, of `orders`."""

    vendor_id: UUID
    days: int
    orders: int
    exceeded: list[Figure]


class VendorRecovered(Event, name="vendor.recovered", key="vendor_id"):
    """It is within every threshold again, or has too few orders to be judged."""

    vendor_id: UUID


class Performance(Contract, name="performance"):
    @query(scope="vendor:analytics")
    async def own(self, ctx: Context, *, vendor_id: UUID) -> Scorecard:
        """For the vendor's team."""

    @query(scope="vendor:analytics")
    async def own_orders(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        measure: Measure,
        days: Days = 30,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[CountedOrder]:
        """Those that counted, the newest first."""

    @query(scope="staff:vendors")
    async def of(self, ctx: Context, *, vendor_id: UUID) -> Scorecard:
        """Of any vendor."""

    @query(scope="staff:vendors")
    async def orders_of(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        measure: Measure,
        days: Days = 30,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[CountedOrder]: ...

    @query(scope="staff:vendors")
    async def queue(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Shortfall]:
        """Vendors below the thresholds; who is it for longest comes first."""

    @query()
    async def stats(self, ctx: Context, *, vendor_id: UUID) -> VendorStats:
        """NotFound for a vendor that nobody sees, but its own team."""

    @query(scope="staff:vendors")
    async def policy(self, ctx: Context) -> Policy: ...

    @command(scope="staff:settings", repeatable=True)
    async def set_policy(self, ctx: Context, *, policy: Policy) -> Policy:
        """Every vendor is judged by it within minutes."""

    @query(scope="internal")
    async def kept(
        self, ctx: Context, *, ids: Annotated[list[UUID], Field(max_length=10_000)]
    ) -> Mapping[UUID, Kept]:
        """What was heard of these vendor orders; those it has not heard of are not there."""
