"""Orders over REST, for customers, guests with a link, vendors and staff.

POST /orders and /checkout are checkout's.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from haat.domains.trade.orders.api import (
    Carrier,
    FulfilmentState,
    Order,
    Orders,
    OrderSummary,
    PaymentState,
    Reason,
    TimelineEntry,
    TrackingNumber,
    VendorOrder,
    VendorOrderSummary,
)
from haat.engines.http import Ctx, Door
from haat.kernel.errors import NotFound
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["orders"])
Door_ = Annotated[Orders, Door(Orders)]
Cursor = Annotated[str | None, Query(max_length=300)]


class ReasonBody(Body):
    reason: Reason


class ShipBody(Body):
    carrier: Carrier = "Own delivery"
    tracking_number: TrackingNumber | None = None


class StatusBody(Body):
    """`status`: processing, ready, shipped, delivered, cancelled or rejected."""

    status: str
    reason: Reason | None = None
    carrier: Carrier = "Own delivery"
    tracking_number: TrackingNumber | None = None


class AdminStatusBody(Body):
    status: str
    reason: Reason | None = None


@router.get("/orders", summary="The vendor's orders; all for staff, one's own for customers")
async def orders_list(
    ctx: Ctx,
    orders: Door_,
    fulfilment: FulfilmentState | None = None,
    payment: PaymentState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[VendorOrderSummary] | Page[OrderSummary]:
    if "staff:orders" in ctx.scopes:
        return await orders.listed(ctx, payment=payment, limit=limit, cursor=cursor)
    if ctx.vendor_id is not None:
        return await orders.vendor_orders(
            ctx, vendor_id=ctx.vendor_id, fulfilment=fulfilment, limit=limit, cursor=cursor
        )
    return await orders.own(ctx, limit=limit, cursor=cursor)


@router.get("/me/orders", summary="One's own orders, newest first")
@router.get("/buyer/orders", summary="One's own orders, newest first")
async def own(
    ctx: Ctx, orders: Door_, limit: Limit = 20, cursor: Cursor = None
) -> Page[OrderSummary]:
    return await orders.own(ctx, limit=limit, cursor=cursor)


@router.get("/admin/orders", summary="All orders, newest first")
async def all_orders(
    ctx: Ctx,
    orders: Door_,
    payment: PaymentState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[OrderSummary]:
    return await orders.listed(ctx, payment=payment, limit=limit, cursor=cursor)


@router.patch("/admin/orders/{id}/status", summary="Staff move a vendor order")
async def set_status(id: UUID, body: AdminStatusBody, ctx: Ctx, orders: Door_) -> VendorOrder:
    return await orders.set_status(ctx, id=id, status=body.status, reason=body.reason)


@router.get("/orders/link/{token}", summary="An order by a guest's signed link")
async def by_link(token: str, ctx: Ctx, orders: Door_) -> Order:
    return await orders.order_by_link(ctx, token=token)


@router.get("/orders/{ref}", summary="An order, or the vendor's part of one, by id or number")
async def read(ref: str, ctx: Ctx, orders: Door_) -> VendorOrder | Order:
    if ctx.vendor_id is not None and "vendor:orders" in ctx.scopes:
        try:
            return await orders.vendor_order_by_ref(ctx, ref=ref)
        except NotFound:
            pass  # vendors buy too: it may be an order of this person's own
    return await orders.order(ctx, ref=ref)


@router.get("/orders/{ref}/events", summary="What happened to an order so far")
async def events(ref: str, ctx: Ctx, orders: Door_) -> list[TimelineEntry]:
    return await orders.timeline(ctx, ref=ref)


@router.put("/orders/{id}/accept", summary="Accept a vendor order")
async def accept(id: UUID, ctx: Ctx, orders: Door_) -> VendorOrder:
    return await orders.accept(ctx, id=id)


@router.put("/orders/{id}/reject", summary="Reject a vendor order; the customer is refunded")
async def reject(id: UUID, body: ReasonBody, ctx: Ctx, orders: Door_) -> VendorOrder:
    return await orders.reject(ctx, id=id, reason=body.reason)


@router.put("/orders/{id}/ready", summary="A vendor order is packed")
async def ready(id: UUID, ctx: Ctx, orders: Door_) -> VendorOrder:
    return await orders.ready(ctx, id=id)


@router.put("/orders/{id}/ship", summary="Send a vendor order, with a shipment")
async def ship(id: UUID, ctx: Ctx, orders: Door_, body: ShipBody | None = None) -> VendorOrder:
    given = body or ShipBody()
    return await orders.ship(
        ctx, id=id, carrier=given.carrier, tracking_number=given.tracking_number
    )


@router.put("/orders/{id}/deliver", summary="A vendor order has arrived")
async def deliver(id: UUID, ctx: Ctx, orders: Door_) -> VendorOrder:
    return await orders.deliver(ctx, id=id)


@router.put("/orders/{id}/status", summary="Move a vendor order by a status word")
async def move(id: UUID, body: StatusBody, ctx: Ctx, orders: Door_) -> VendorOrder:
    if "staff:orders" in ctx.scopes:
        return await orders.set_status(ctx, id=id, status=body.status, reason=body.reason)
    return await orders.move(
        ctx,
        id=id,
        status=body.status,
        reason=body.reason,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
    )


@router.post("/orders/{id}/cancel", summary="Cancel an order, or one vendor's part of it")
async def cancel(id: UUID, body: ReasonBody, ctx: Ctx, orders: Door_) -> VendorOrder | Order:
    try:
        return await orders.cancel(ctx, id=id, reason=body.reason)
    except NotFound:
        return await orders.cancel_order(ctx, id=id, reason=body.reason)
