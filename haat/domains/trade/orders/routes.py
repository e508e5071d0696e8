"""Orders over REST, for customers, guests with a link, vendors and staff.

POST /orders and /checkout are checkout's.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from haat.domains.goods.catalog.api import ProductKind
from haat.domains.people.media.api import Picture
from haat.domains.people.profiles.api import Address
from haat.domains.trade.orders.api import (
    Carrier,
    FulfilmentState,
    Order,
    OrderFilter,
    Orders,
    OrderSummary,
    PaymentState,
    Progress,
    Reason,
    RebuiltLists,
    Statuses,
    TimelineEntry,
    Totals,
    TrackingNumber,
    VendorOrder,
    VendorOrderSummary,
    View,
)
from haat.domains.trade.shipping.api import Shipment
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.exact import WrittenAware
from haat.kernel.model import OF_MODELS, Body, Model
from haat.kernel.money import MINOR_MAX, Money
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["orders"])
OrdersDoor = Annotated[Orders, Door(Orders)]
Cursor = Annotated[str | None, Query(max_length=300)]
Word = Annotated[str | None, Query(max_length=30)]
Minor = Annotated[int | None, Query(ge=0, le=MINOR_MAX)]


def _filter(
    payment: PaymentState | None = None,
    fulfilment: Progress | None = None,
    view: View | None = None,
    status: Word = None,
    vendor_id: Annotated[UUID | None, Query(alias="vendorId")] = None,
    since: WrittenAware | None = None,
    until: WrittenAware | None = None,
    total_min: Annotated[Minor, Query(alias="totalMin")] = None,
    total_max: Annotated[Minor, Query(alias="totalMax")] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
) -> OrderFilter:
    """`status` is a word of `view`; amounts are minor units."""
    return OrderFilter(
        payment=payment,
        fulfilment=fulfilment,
        view=view,
        status=status,
        vendor_id=vendor_id,
        since=since,
        until=until,
        total_min=total_min,
        total_max=total_max,
        q=q,
    )


Filter = Annotated[OrderFilter, Depends(_filter)]


class SoldLine(Model):
    """A line as its buyer sees it: without what the platform earns."""

    id: UUID
    offer_id: UUID
    product_id: UUID
    product_slug: str
    variant_id: UUID
    sku: str
    title: str
    variant_title: str
    picture: Picture | None
    quantity: int
    unit_price: Money
    amount: Money
    tax_bp: int
    tax: Money
    kind: ProductKind
    refunded_quantity: int
    refunded: Money | None


class SoldPart(Model):
    """A vendor order as its buyer sees it."""

    id: UUID
    order_id: UUID
    number: str
    order_number: str
    vendor_id: UUID
    vendor_name: str
    payment: PaymentState
    fulfilment: FulfilmentState
    reason: str | None
    lines: list[SoldLine]
    shipping_method: str
    pickup_id: UUID | None
    totals: Totals
    refunded: Money
    days_min: int | None
    days_max: int | None
    handling_hours: int | None
    ship_by: datetime | None
    placed_at: datetime
    delivered_at: datetime | None
    shipments: list[Shipment]
    statuses: Statuses | None


class SoldOrder(Model):
    """An order as its buyer sees it."""

    id: UUID
    number: str
    person_id: UUID | None
    email: str
    ship_to: Address
    bill_to: Address
    prices_include_tax: bool
    totals: Totals
    refunded: Money
    payment: PaymentState
    fulfilment: str
    vendor_orders: list[SoldPart]
    timeline: list[TimelineEntry]
    placed_at: datetime
    statuses: Statuses | None


class ReasonBody(Body):
    reason: Reason


class LinkCancelBody(ReasonBody):
    vendor_order_id: UUID


class ShipBody(Body):
    carrier: Carrier = "Own delivery"
    tracking_number: TrackingNumber | None = None


class RebuildBody(Body):
    """`after`: the `next` of the answer before; 0 to begin with."""

    after: Annotated[int, Field(ge=0, strict=True)] = 0


class ShipmentBody(ShipBody):
    vendor_order_id: UUID


class StatusBody(Body):
    """`status`: processing, ready, shipped, delivered, cancelled or rejected."""

    status: str
    reason: Reason | None = None
    carrier: Carrier = "Own delivery"
    tracking_number: TrackingNumber | None = None


def _shown(ctx: Context, order: Order) -> Order | SoldOrder:
    """Whole for staff."""
    if "staff:orders" in ctx.scopes:
        return order
    return SoldOrder.model_validate(order, **OF_MODELS)


@router.get("/orders", summary="The vendor's orders; all for staff, one's own for customers")
async def orders_list(
    ctx: Ctx, orders: OrdersDoor, where: Filter, limit: Limit = 50, cursor: Cursor = None
) -> Page[VendorOrderSummary] | Page[OrderSummary]:
    if "staff:orders" in ctx.scopes:
        return await orders.listed(ctx, where=where, limit=limit, cursor=cursor)
    if ctx.vendor_id is not None:
        return await orders.vendor_orders(
            ctx, vendor_id=ctx.vendor_id, where=where, limit=limit, cursor=cursor
        )
    return await orders.own(ctx, limit=limit, cursor=cursor)


@router.get("/me/orders", summary="One's own orders, newest first")
async def own(
    ctx: Ctx, orders: OrdersDoor, limit: Limit = 20, cursor: Cursor = None
) -> Page[OrderSummary]:
    return await orders.own(ctx, limit=limit, cursor=cursor)


@router.get("/admin/orders", summary="All orders, newest first")
async def all_orders(
    ctx: Ctx, orders: OrdersDoor, where: Filter, limit: Limit = 50, cursor: Cursor = None
) -> Page[OrderSummary]:
    return await orders.listed(ctx, where=where, limit=limit, cursor=cursor)


@router.post("/admin/orders/lists/rebuild", summary="Write the lists of orders anew, some at once")
async def rebuild_lists(ctx: Ctx, orders: OrdersDoor, body: RebuildBody) -> RebuiltLists:
    return await orders.rebuild_lists(ctx, after=body.after)


@router.patch("/admin/orders/{id}/status", summary="Staff move a vendor order")
async def set_status(id: UUID, body: StatusBody, ctx: Ctx, orders: OrdersDoor) -> VendorOrder:
    return await orders.set_status(ctx, id=id, **dict(body))


@router.get("/orders/link/{token}", summary="An order by a guest's signed link")
async def by_link(token: str, ctx: Ctx, orders: OrdersDoor) -> SoldOrder:
    order = await orders.order_by_link(ctx, token=token)
    return SoldOrder.model_validate(order, **OF_MODELS)


@router.post("/orders/link/{token}/cancel", summary="Cancel a part by a guest's signed link")
async def cancel_by_link(
    token: str, body: LinkCancelBody, ctx: Ctx, orders: OrdersDoor
) -> SoldPart:
    part = await orders.cancel_by_link(
        ctx, token=token, id=body.vendor_order_id, reason=body.reason
    )
    return SoldPart.model_validate(part, **OF_MODELS)


@router.get("/orders/{ref}", summary="An order, or the vendor's part of one, by id or number")
async def read(ref: str, ctx: Ctx, orders: OrdersDoor) -> VendorOrder | Order | SoldOrder:
    if ctx.vendor_id is not None and "vendor:orders" in ctx.scopes:
        try:
            return await orders.vendor_order_by_ref(ctx, ref=ref)
        except NotFound:
            pass  # vendors buy too: it may be an order of this person's own
    return _shown(ctx, await orders.order(ctx, ref=ref))


@router.get("/orders/{ref}/events", summary="What happened to an order so far")
async def events(ref: str, ctx: Ctx, orders: OrdersDoor) -> list[TimelineEntry]:
    return await orders.timeline(ctx, ref=ref)


@router.put("/orders/{id}/accept", summary="Accept a vendor order")
async def accept(id: UUID, ctx: Ctx, orders: OrdersDoor) -> VendorOrder:
    return await orders.accept(ctx, id=id)


@router.put("/orders/{id}/reject", summary="Reject a vendor order; the customer is refunded")
async def reject(id: UUID, body: ReasonBody, ctx: Ctx, orders: OrdersDoor) -> VendorOrder:
    return await orders.reject(ctx, id=id, reason=body.reason)


@router.put("/orders/{id}/ready", summary="A vendor order is packed")
async def ready(id: UUID, ctx: Ctx, orders: OrdersDoor) -> VendorOrder:
    return await orders.ready(ctx, id=id)


@router.put("/orders/{id}/ship", summary="Send a vendor order, with a shipment")
async def ship(id: UUID, ctx: Ctx, orders: OrdersDoor, body: ShipBody | None = None) -> VendorOrder:
    given = body or ShipBody()
    return await orders.ship(
        ctx, id=id, carrier=given.carrier, tracking_number=given.tracking_number
    )


@router.post("/shipments", status_code=201, summary="Send a vendor order: a parcel leaves with it")
async def create_shipment(body: ShipmentBody, ctx: Ctx, orders: OrdersDoor) -> Shipment:
    part = await orders.ship(
        ctx, id=body.vendor_order_id, carrier=body.carrier, tracking_number=body.tracking_number
    )
    return part.shipments[-1]


@router.post("/orders/{id}/parcels", status_code=201, summary="One more parcel on its way")
async def add_parcel(
    id: UUID, ctx: Ctx, orders: OrdersDoor, body: ShipBody | None = None
) -> VendorOrder:
    given = body or ShipBody()
    return await orders.add_parcel(
        ctx, id=id, carrier=given.carrier, tracking_number=given.tracking_number
    )


@router.put("/orders/{id}/deliver", summary="A vendor order has arrived")
async def deliver(id: UUID, ctx: Ctx, orders: OrdersDoor) -> VendorOrder:
    return await orders.deliver(ctx, id=id)


@router.put("/orders/{id}/status", summary="Move a vendor order by a status word")
async def move(id: UUID, body: StatusBody, ctx: Ctx, orders: OrdersDoor) -> VendorOrder:
    by_staff = "staff:orders" in ctx.scopes
    return await (orders.set_status if by_staff else orders.move)(ctx, id=id, **dict(body))


@router.post("/orders/{id}/cancel", summary="Cancel an order, or one vendor's part of it")
async def cancel(
    id: UUID, body: ReasonBody, ctx: Ctx, orders: OrdersDoor
) -> VendorOrder | Order | SoldPart | SoldOrder:
    try:
        part = await orders.cancel(ctx, id=id, reason=body.reason)
    except NotFound:
        return _shown(ctx, await orders.cancel_order(ctx, id=id, reason=body.reason))
    inside = "staff:orders" in ctx.scopes or part.vendor_id == ctx.vendor_id
    return part if inside else SoldPart.model_validate(part, **OF_MODELS)
