"""A customer's orders: the list, one order with its parcels, the same for guests, tracking."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from haat.domains.goods.inventory.api import Inventory, Warehouse
from haat.domains.money.payments.api import TransferInstructions
from haat.domains.money.statements.api import Document
from haat.domains.trade.checkout.api import Checkout, Placement
from haat.domains.trade.orders.api import Order, Orders, VendorOrder
from haat.domains.trade.receipts.api import Receipts
from haat.domains.trade.settlement.api import Receipt, Settlement
from haat.domains.trade.shipping.api import Shipping
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.links import held, led_on
from haat.gateways.web.store.paying import labels
from haat.gateways.web.store.shopping import PersonShopping, Shopping
from haat.gateways.web.visit import PersonVisit, Visit, Visiting, form_of
from haat.kernel.errors import NotFound, Problem, Unavailable
from haat.kernel.model import Body
from haat.kernel.money import total

router = APIRouter()
NUMBER_MAX = 80  # characters of a tracking number
CANCELLABLE = frozenset({"pending", "accepted", "ready"})
STEPS = ("Placed", "Accepted", "Ready", "On its way", "Delivered")
REACHED = {"pending": 0, "accepted": 1, "ready": 2, "in_transit": 3, "delivered": 5}
JUST_NOW = timedelta(seconds=10)
UNPAID = frozenset({"awaiting", "on_delivery"})
STEPS_DONE = ("Placed", "Accepted", "Done")
REACHED_DONE = {"pending": 0, "accepted": 1, "delivered": 3}
PARCEL_STEPS = ("Label made", "On its way", "Delivered")
PARCEL_REACHED = {"label_created": 0, "in_transit": 1, "delivered": 3}


PARTS_PAID = frozenset({"paid", "partially_refunded", "refunded"})


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
    order = await visit.doors[Orders].order_by_link(visit.ctx, token=held(visit, token))
    on = led_on(visit, token, "/orders/link/{}")
    return on or await _page(visit, order, Form(), link=token)


@router.post("/orders/link/{token}/cancel")
async def cancel_linked(visit: Shopping, token: str, request: Request) -> Response:
    """A guest cancels a part that its vendor has not accepted yet."""
    values = await form_of(request)
    known = held(visit, token)
    order: Order = await visit.doors[Orders].order_by_link(visit.ctx, token=known)
    try:
        wanted = read(CancelForm, values)
        await visit.doors[Orders].cancel_by_link(
            visit.ctx, token=known, id=wanted.vendor_order_id, reason=wanted.reason
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        order = await visit.doors[Orders].order_by_link(visit.ctx, token=known)
        form = Form(values, problem)
        return await _page(visit, order, form, link=token, status=problem.status)
    _told(visit, order)
    return visit.redirect(f"/orders/link/{token}")


@router.get("/orders/link/{token}/receipt.pdf")
async def receipt_linked(visit: Visiting, token: str) -> Response:
    return _file(
        visit, await visit.doors[Receipts].receipt_file(visit.ctx, link=held(visit, token))
    )


@router.get("/orders/link/{token}/credit-notes/{refund_id}.pdf")
async def credit_note_linked(visit: Visiting, token: str, refund_id: UUID) -> Response:
    found = await visit.doors[Receipts].credit_note_file(
        visit.ctx, refund_id=refund_id, link=held(visit, token)
    )
    return _file(visit, found)


@router.post("/orders/link/{token}/receipt")
async def send_linked(visit: Shopping, token: str) -> Response:
    await visit.doors[Receipts].send(visit.ctx, link=held(visit, token))
    visit.flash("The receipt is on its way to you by e-mail.")
    return visit.redirect(f"/orders/link/{token}")


@router.get("/orders/{ref}/receipt.pdf")
async def receipt(visit: PersonVisit, ref: str) -> Response:
    return _file(visit, await visit.doors[Receipts].receipt_file(visit.ctx, ref=ref))


@router.get("/orders/{ref}/credit-notes/{refund_id}.pdf")
async def credit_note(visit: PersonVisit, ref: str, refund_id: UUID) -> Response:
    found = await visit.doors[Receipts].credit_note_file(visit.ctx, refund_id=refund_id, ref=ref)
    return _file(visit, found)


@router.post("/orders/{ref}/receipt")
async def send_receipt(visit: PersonShopping, ref: str) -> Response:
    await visit.doors[Receipts].send(visit.ctx, ref=ref)
    visit.flash("The receipt is on its way to you by e-mail.")
    return visit.redirect(f"/orders/{ref}")


@router.get("/orders/{ref}")
async def show(visit: PersonShopping, ref: str) -> Response:
    order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    return await _page(visit, order, Form())


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
        return await _page(visit, order, Form(values, problem), status=problem.status)
    _told(visit, order)
    return visit.redirect(f"/orders/{order.number}")


@router.get("/track")
async def find_parcel(
    visit: Shopping, number: Annotated[str, Query(max_length=1000)] = ""
) -> Response:
    if len(number.strip()) > NUMBER_MAX:  # no parcel's, and too long to ask for
        return visit.page("store/track.html", 404, shipment=None, number=number.strip())
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


def _told(visit: Visit, order: Order) -> None:
    if order.payment in UNPAID:
        visit.flash("That part of your order is cancelled.")
    else:
        visit.flash("That part of your order is cancelled; what you paid for it comes back.")


def _file(visit: Visit, file: Document) -> Response:
    return visit.file(file.name, file.media_type, file.content)


def _cancellable(part: VendorOrder, link: str) -> bool:
    """A guest's link cancels only what its vendor has not begun with."""
    states = frozenset({"pending"}) if link else CANCELLABLE
    return part.fulfilment in states and part.payment not in ("voided", "authorized")


def _expected(part: VendorOrder) -> tuple[datetime, datetime] | None:
    """From when to when it should arrive, counted from the day it was sent; until then from when
    it was ordered, and at the latest from when it is to be sent."""
    if part.pickup_id is not None or part.without_parcel:
        return None
    if part.days_min is None or part.days_max is None:
        return None
    if part.fulfilment not in ("pending", "accepted", "ready", "in_transit"):
        return None
    sent = [one.shipped_at for one in part.shipments if one.shipped_at is not None]
    begin = min(sent, default=part.placed_at)
    latest = min(sent, default=part.ship_by or part.placed_at)
    return begin + timedelta(days=part.days_min), latest + timedelta(days=part.days_max)


async def _page(
    visit: Visit, order: Order, form: Form, *, link: str = "", status: int = 200
) -> Response:
    """The order; with `link` as a guest sees it."""
    is_new = order.payment in UNPAID and visit.ctx.now() - order.placed_at < JUST_NOW
    if order.payment == "authorized" or is_new:
        visit.cart_count = 0  # the cart is this order now; it is emptied in a moment
    return visit.page(
        "store/order.html",
        status,
        order=order,
        link=link,
        form=form,
        here=f"/orders/link/{link}" if link else f"/orders/{order.number}",
        cancellable=[part.id for part in order.vendor_orders if _cancellable(part, link)],
        expected={part.id: _expected(part) for part in order.vendor_orders},
        has_receipt=order.payment in PARTS_PAID,
        names={part.id: part.vendor_name for part in order.vendor_orders},
        steps=STEPS,
        reached=REACHED,
        steps_done=STEPS_DONE,
        reached_done=REACHED_DONE,
        places=await _places(visit, order),
        **await _paid(visit, order, link),
    )


async def _places(visit: Visit, order: Order) -> dict[UUID, Warehouse]:
    """Where parts of it are collected, as far as goods still are."""
    ids = [part.pickup_id for part in order.vendor_orders if part.pickup_id is not None]
    found: list[Warehouse] = []
    if ids:
        with suppress(Unavailable):  # the order itself is more than where it is collected
            found = await visit.doors[Inventory].pickup_points(visit.ctx, ids=ids)
    return {one.id: one for one in found}


async def _paid(visit: Visit, order: Order, link: str) -> dict[str, Any]:
    """How it was paid or is to be paid, and what came back of it."""
    currency = order.totals.total.currency
    on_delivery = [p.totals.total for p in order.vendor_orders if p.payment == "on_delivery"]
    receipt = Receipt(parts=[], refunds=[])
    names: dict[str | None, str] = {}
    instructions: TransferInstructions | None = None
    with suppress(Unavailable):  # the order itself is more than its payment
        receipt = await visit.doors[Settlement].receipt(
            visit.ctx, order_id=order.id, link=held(visit, link)
        )
        names = await labels(visit)
        if order.payment == "awaiting":
            instructions = await _instructions(visit, order.id)
    return {
        "tenders": [
            (provider, total((p.amount for p in receipt.parts if p.provider == provider), currency))
            for provider in dict.fromkeys(part.provider for part in receipt.parts)
        ],
        "refunds": [one for one in receipt.refunds if one.status != "failed"],
        "labels": names,
        "instructions": instructions,
        "on_delivery": total(on_delivery, currency) if on_delivery else None,
        "numbers": {part.id: part.number for part in order.vendor_orders},
    }


async def _instructions(visit: Visit, order_id: UUID) -> TransferInstructions | None:
    """Where the money of an order is to be transferred; the order's checkout has its id."""
    try:
        found: Placement = await visit.doors[Checkout].resume(visit.ctx, id=order_id)
    except NotFound:  # staff look at somebody's order
        return None
    return found.instructions
