"""The vendor's orders: accept, reject, prepare, ship, deliver."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.trade.orders.api import FulfilmentState, Orders, Reason, VendorOrder
from haat.domains.trade.receipts.api import Receipts
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.order_filters import narrowed
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.model import Body
from haat.kernel.money import share

router = APIRouter()
HERE = "/vendor/orders"
STATES: tuple[tuple[str, str], ...] = (
    ("", "All"),
    ("pending", "To accept"),
    ("accepted", "To prepare"),
    ("ready", "To ship"),
    ("in_transit", "On their way"),
    ("delivered", "Delivered"),
    ("rejected", "Rejected"),
    ("cancelled", "Cancelled"),
)
STEPS = ("Placed", "Accepted", "Ready", "On its way", "Delivered")
REACHED = {"pending": 0, "accepted": 1, "ready": 2, "in_transit": 3, "delivered": 5}
STEPS_DONE = ("Placed", "Accepted", "Done")
REACHED_DONE = {"pending": 0, "accepted": 1, "delivered": 3}
TOLD = {
    "accept": "The order is accepted.",
    "ready": "The order is ready to be sent.",
    "deliver": "The order is delivered.",
    "reject": "The order is rejected. The customer gets the money back.",
    "cancel": "The order is cancelled. The customer gets the money back.",
    "add_parcel": "One more parcel is on its way.",
    "ship": "The parcel is on its way. The customer can follow it.",
}


class ReasonForm(Body):
    reason: Reason


class ShipForm(Body):
    carrier: Annotated[str, Field(min_length=1, max_length=60)]
    tracking_number: Annotated[str, Field(max_length=80)] | None = None


@router.get("/vendor/orders")
async def listed(
    visit: Team,
    request: Request,
    fulfilment: FulfilmentState | Literal[""] = "",
    cursor: str | None = None,
) -> Response:
    where, form = narrowed(request.query_params, visit.market.currency)
    found = await visit.doors[Orders].vendor_orders(
        visit.ctx, vendor_id=vendor_of(visit), where=where, cursor=cursor or None
    )
    return page(
        visit,
        "orders.html",
        HERE,
        422 if form.problem else 200,
        form=form,
        orders=found.items,
        next=found.next,
        states=STATES,
        fulfilment=fulfilment,
    )


@router.get("/vendor/orders/{id}/packing-slip.pdf")
async def packing_slip(visit: Team, id: UUID) -> Response:
    await _own(visit, id)
    file = await visit.doors[Receipts].packing_slip(visit.ctx, id=id)
    return visit.file(file.name, file.media_type, file.content)


@router.get("/vendor/orders/{id}")
async def show(visit: Team, id: UUID) -> Response:
    return await _page(visit, id, "", Form())


@router.post("/vendor/orders/{id}/{move}")
async def move(
    visit: Team,
    id: UUID,
    move: Literal["accept", "reject", "ready", "ship", "add_parcel", "deliver", "cancel"],
    request: Request,
) -> Response:
    """One step on; harmless when the button is pressed twice."""
    values = await form_of(request)
    orders: Orders = visit.doors[Orders]
    try:
        # Staff may move any vendor's orders; in the portal they act for their own vendor only.
        await _own(visit, id)
        given = _given(move, values)
        await getattr(orders, move)(visit.ctx, id=id, **given)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, id, move, Form(values, problem), problem.status)
    visit.flash(TOLD[move])
    return visit.redirect(f"{HERE}/{id}")


def _given(move: str, values: Mapping[str, str]) -> dict[str, str]:
    """What the move needs beside the order, out of its form."""
    if move in ("reject", "cancel"):
        return read(ReasonForm, values).model_dump(by_alias=False)
    if move in ("ship", "add_parcel"):
        return read(ShipForm, values).model_dump(by_alias=False, exclude_none=True)
    return {}


async def _own(visit: Visit, id: UUID) -> VendorOrder:
    order: VendorOrder = await visit.doors[Orders].vendor_order(visit.ctx, id=id)
    if order.vendor_id != vendor_of(visit):
        raise NotFound
    return order


async def _page(visit: Visit, id: UUID, moved: str, form: Form, status: int = 200) -> Response:
    """The order; `moved` is the move whose form was refused."""
    order, timeline = await asyncio.gather(
        _own(visit, id), visit.doors[Orders].timeline(visit.ctx, ref=str(id))
    )
    # A rate is told where it is all there is to the commission: no fixed part, bounds or shipping.
    plain = order.shipping_commission.minor == 0 and all(
        line.commission.minor == share(line.terms.base_minor, line.terms.rate_bp)
        for line in order.lines
    )
    rates = {line.terms.rate_bp for line in order.lines}
    return page(
        visit,
        "order.html",
        HERE,
        status,
        order=order,
        timeline=timeline,
        moved=moved,
        form=form,
        rejecting=form if moved == "reject" else Form(),
        cancelling=form if moved == "cancel" else Form(),
        shipping=form if moved in ("ship", "add_parcel") else Form(),
        rate=rates.pop() if plain and len(rates) == 1 else None,
        # Whether tax came on top is the order's; the sums of this part say it as well.
        tax_on_top=order.totals.total != order.totals.goods + order.totals.shipping,
        is_paid=order.payment in ("paid", "partially_refunded"),
        is_service=all(line.kind == "service" for line in order.lines),
        steps=STEPS_DONE if order.without_parcel else STEPS,
        reached=REACHED_DONE if order.without_parcel else REACHED,
    )
