"""A customer's orders: the list, one order with its parcels, the same for guests, tracking."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.shipping.api import Shipping
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.shopping import PersonShopping, Shopping
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
CANCELLABLE = frozenset({"pending", "accepted", "ready"})
STEPS = ("Placed", "Accepted", "Ready", "On its way", "Delivered")
REACHED = {"pending": 0, "accepted": 1, "ready": 2, "in_transit": 3, "delivered": 5}
PARCEL_STEPS = ("Label made", "On its way", "Delivered")
PARCEL_REACHED = {"label_created": 0, "in_transit": 1, "delivered": 3}


class CancelForm(Body):
    vendor_order_id: UUID
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("/orders")
async def own(visit: PersonShopping, cursor: str | None = None) -> Response:
    page = await visit.doors[Orders].own(visit.ctx, cursor=cursor or None)
    return visit.page("store/orders.html", orders=page.items, next=page.next)


@router.get("/orders/link/{token}")
async def linked(visit: Shopping, token: str) -> Response:
    """A guest's order by its signed link."""
    order = await visit.doors[Orders].order_by_link(visit.ctx, token=token)
    return _page(visit, order, Form(), may_cancel=False)


@router.get("/orders/{ref}")
async def show(visit: PersonShopping, ref: str) -> Response:
    order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    return _page(visit, order, Form(), may_cancel=True)


@router.post("/orders/{ref}/cancel")
async def cancel(visit: PersonShopping, ref: str, request: Request) -> Response:
    """Cancels one vendor's part while it has not been sent."""
    values = await form_of(request)
    order: Order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    try:
        wanted = read(CancelForm, values)
        if wanted.vendor_order_id not in [part.id for part in order.vendor_orders]:
            raise NotFound("This is not part of this order.")
        await visit.doors[Orders].cancel(visit.ctx, id=wanted.vendor_order_id, reason=wanted.reason)
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form(values, problem)
        return _page(visit, order, form, may_cancel=True, status=problem.status)
    visit.flash("That part of your order is cancelled; what you paid for it comes back.")
    return visit.redirect(f"/orders/{order.number}")


@router.get("/track")
async def find_parcel(
    visit: Shopping, number: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    if number.strip():
        return await track(visit, number.strip())
    return visit.page("store/track.html", shipment=None, number="")


@router.get("/track/{number}")
async def track(visit: Shopping, number: str) -> Response:
    try:
        shipment = await visit.doors[Shipping].track(visit.ctx, tracking_number=number)
    except NotFound:
        return visit.page("store/track.html", 404, shipment=None, number=number)
    return visit.page(
        "store/track.html",
        shipment=shipment,
        number=number,
        steps=PARCEL_STEPS,
        reached=PARCEL_REACHED,
    )


def _page(
    visit: Visit, order: Order, form: Form, *, may_cancel: bool, status: int = 200
) -> Response:
    if order.payment == "authorized":
        visit.cart_count = 0  # the cart is this order now; it is emptied once the payment is taken
    return visit.page(
        "store/order.html",
        status,
        order=order,
        form=form,
        cancellable=[
            part.id
            for part in order.vendor_orders
            if may_cancel and part.fulfilment in CANCELLABLE and part.payment != "voided"
        ],
        names={part.id: part.vendor_name for part in order.vendor_orders},
        steps=STEPS,
        reached=REACHED,
    )
