"""Shipping methods and rates per vendor; shipments with tracking."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.events import Event
from haat.kernel.model import Exact, Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page


class NoShipping(Invalid, code="shipping_unavailable"):
    """A vendor does not ship to that country. `vendors` in the problem lists which."""


class ShipmentDelivered(Conflict, code="shipment_delivered"):
    """The shipment has arrived; it cannot be cancelled any more."""


class MethodsFull(Conflict, code="shipping_methods_full"):
    """A vendor has at most 50 shipping methods; change one of them instead."""


class Band(Exact):
    """One row of a table rate: up to `weight_g_max` (None: no limit) it costs `price`."""

    weight_g_max: Annotated[int, Field(ge=1)] | None = None
    price: Money


class ShippingMethod(Model):
    """Flat: one band without limit. Table: bands by weight. `countries` empty: everywhere.
    `free_from`: free when the vendor's goods come to that much."""

    id: UUID
    vendor_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=80)]
    bands: Annotated[list[Band], Field(min_length=1, max_length=20)]
    countries: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = []
    free_from: Money | None = None
    days_min: Annotated[int, Field(ge=0, le=90)] = 2
    days_max: Annotated[int, Field(ge=0, le=90)] = 5
    active: bool = True


class Parcel(Model):
    """What one vendor would send."""

    vendor_id: UUID
    weight_g: Annotated[int, Field(ge=0)]
    goods: Money
    country: str


class Option(Model):
    """A way to ship, with its price; the cheapest comes first and is the default. `pickup`: the
    customer collects the goods, and `method_id` is the warehouse. `nothing`: there is nothing to
    ship. `free_from`: free when the vendor's goods come to that much."""

    method_id: UUID
    name: str
    price: Money
    days_min: int
    days_max: int
    pickup: bool = False
    nothing: bool = False
    free_from: Money | None = None


class VendorOptions(Model):
    vendor_id: UUID
    options: list[Option]


class Shipment(Model):
    id: UUID
    vendor_order_id: UUID
    vendor_id: UUID
    carrier: str
    tracking_number: str
    tracking_url: str = ""  # the carrier's own page about it, where we know it
    status: Literal["label_created", "in_transit", "delivered", "cancelled"]
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    created_at: datetime


class ShippingStatusUpdated(Event, name="shipping.status.updated", key="vendor_order_id"):
    shipment_id: UUID
    vendor_order_id: UUID
    vendor_id: UUID
    status: str
    carrier: str
    tracking_number: str


class Shipping(Contract, name="shipping"):
    @query(scope="internal")
    async def options(self, ctx: Context, *, parcels: list[Parcel]) -> list[VendorOptions]:
        """Per parcel, in order; NoShipping when a vendor has no method for the country."""

    @query()
    async def rates(
        self, ctx: Context, *, parcels: Annotated[list[Parcel], Field(max_length=50)]
    ) -> list[VendorOptions]:
        """The same for anyone who asks; a vendor without a way has no options. By each vendor's
        methods as they were at some moment of the last five seconds."""

    @query()
    async def methods(self, ctx: Context, *, vendor_id: UUID) -> list[ShippingMethod]:
        """Active ones, oldest first; all of them for the vendor's team and staff. NotFound for
        an unknown vendor."""

    @command(scope="vendor:profile")
    async def save_method(self, ctx: Context, *, method: ShippingMethod) -> ShippingMethod:
        """Adds or replaces a method of the acting vendor. A vendor has "Standard" from the day
        it is approved. Invalid (rules.check); NotFound for another vendor's; MethodsFull."""

    @command(scope="internal")
    async def book(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        vendor_id: UUID,
        carrier: str,
        tracking_number: str | None = None,
    ) -> Shipment:
        """A shipment in transit; without a number one is made. The same id again answers it."""

    @command(scope="internal")
    async def deliver(self, ctx: Context, *, vendor_order_id: UUID) -> list[Shipment]:
        """in_transit → delivered, for all of the vendor order's that are not cancelled. Answers
        them all; harmless when repeated."""

    @command(scope="internal")
    async def cancel(self, ctx: Context, *, id: UUID) -> None:
        """Harmless when repeated or when there is no such shipment. ShipmentDelivered."""

    @query(scope="internal")
    async def shipments_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Shipment]:
        """Cancelled ones included, oldest first."""

    @query(scope="vendor:orders")
    async def shipments(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Shipment]: ...

    @query(scope="vendor:orders")
    async def shipment(self, ctx: Context, *, id: UUID) -> Shipment:
        """One of the acting vendor's; any, for staff."""

    @query()
    async def track(self, ctx: Context, *, tracking_number: str) -> Shipment:
        """What anyone who knows the number may see."""
