"""Orders: the list, and one with how it was paid."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from haat.domains.money.payments.api import Payments
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.orders.api import (
    Order,
    Orders,
    PaymentState,
    Progress,
    VendorOrder,
)
from haat.domains.trade.receipts.api import Receipts
from haat.domains.trade.settlement.api import Settlement
from haat.domains.trust.privacy.api import Privacy
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.admin.refunds import REFUNDABLE
from haat.gateways.web.kit.forms import read
from haat.gateways.web.kit.order_filters import narrowed
from haat.gateways.web.store.paying import labels
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, NotFound, Problem
from haat.kernel.model import Body
from haat.kernel.money import Money

router = APIRouter()
HERE = "/admin/orders"
PAYMENTS: tuple[tuple[str, str], ...] = (
    ("", "All"),
    ("authorized", "Being paid"),
    ("awaiting", "Transfer awaited"),
    ("on_delivery", "Paid on delivery"),
    ("paid", "Paid"),
    ("partially_refunded", "Partly refunded"),
    ("refunded", "Refunded"),
    ("voided", "Not paid"),
)
FULFILMENTS: tuple[tuple[str, str], ...] = (
    ("", "Any"),
    ("pending", "Waiting for the vendor"),
    ("accepted", "Being prepared"),
    ("ready", "Ready to be sent"),
    ("in_transit", "On its way"),
    ("delivered", "Delivered"),
    ("partially_shipped", "Sent in part"),
    ("partially_delivered", "Delivered in part"),
    ("rejected", "Rejected"),
    ("cancelled", "Cancelled"),
)
TAKEN = frozenset({"paid", "partially_refunded", "refunded"})


class EraseForm(Body):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("/admin/orders")
async def listed(
    visit: Staff,
    request: Request,
    payment: PaymentState | Literal[""] = "",
    fulfilment: Progress | Literal[""] = "",
    number: Annotated[str, Query(max_length=60)] = "",
    cursor: str | None = None,
) -> Response:
    """The list, narrowed; a number leads to that order at once."""
    problem = ""
    if number.strip():
        try:
            found: Order = await visit.doors[Orders].order(visit.ctx, ref=number.strip())
            return visit.redirect(f"{HERE}/{found.number}")
        except NotFound:
            problem = f"There is no order {number.strip()}."
    where, form = narrowed(request.query_params, visit.market.currency)
    listing = await visit.doors[Orders].listed(visit.ctx, where=where, cursor=cursor or None)
    return page(
        visit,
        "orders.html",
        HERE,
        404 if problem else 422 if form.problem else 200,
        orders=listing.items,
        next=listing.next,
        payments=PAYMENTS,
        payment=payment,
        fulfilments=FULFILMENTS,
        form=form,
        vendor=await _vendor(visit, where.vendor_id),
        number=number,
        problem=problem,
    )


@router.get("/admin/orders/{ref}/receipt.pdf")
async def receipt(visit: Staff, ref: str) -> Response:
    file = await visit.doors[Receipts].receipt_file(visit.ctx, ref=ref)
    return visit.file(file.name, file.media_type, file.content)


@router.get("/admin/orders/{ref}/credit-notes/{refund_id}.pdf")
async def credit_note(visit: Staff, ref: str, refund_id: UUID) -> Response:
    file = await visit.doors[Receipts].credit_note_file(visit.ctx, refund_id=refund_id, ref=ref)
    return visit.file(file.name, file.media_type, file.content)


@router.post("/admin/orders/{ref}/receipt")
async def send_receipt(visit: Staff, ref: str) -> Response:
    await visit.doors[Receipts].send(visit.ctx, ref=ref)
    visit.flash("The receipt is on its way to the customer.")
    return visit.redirect(f"{HERE}/{ref}")


@router.get("/admin/orders/{ref}")
async def show(visit: Staff, ref: str) -> Response:
    """The order with how it was paid, and what came back."""
    if not visit.ctx.has("staff:orders"):
        raise Forbidden
    return await _page(visit, await _order(visit, ref))


@router.post("/admin/orders/{id}/erase")
async def erase(visit: Staff, id: UUID, request: Request) -> Response:
    """Of who bought without an account."""
    values = await form_of(request)
    order = await _order(visit, str(id))
    try:
        wanted = read(EraseForm, values)
        await visit.doors[Privacy].erase_guest(
            visit.ctx, id=visit.ctx.new_id(), order_id=id, reason=wanted.reason
        )
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        visit.flash(problem.detail)
        return visit.redirect(f"{HERE}/{order.number}")
    visit.flash("The guest's data are being erased.")
    return visit.redirect(f"{HERE}/{order.number}")


async def _page(visit: Visit, order: Order) -> Response:
    may_erase = order.person_id is None and visit.ctx.has("staff:settings")
    erasure = None
    if may_erase:
        erasure = await visit.doors[Privacy].erasure_of(visit.ctx, person_id=order.id)
    found: Any = await asyncio.gather(
        visit.doors[Settlement].receipt(visit.ctx, order_id=order.id),
        visit.doors[Settlement].disputes(visit.ctx, order_ids=[order.id]),
        visit.doors[Payments].payments(visit.ctx, references=[order.id]),
        labels(visit),
    )
    receipt, disputes, payments, names = found
    return page(
        visit,
        "order.html",
        HERE,
        order=order,
        tenders=receipt.parts,
        refunds=receipt.refunds,
        disputes=disputes.items,
        payments=payments,
        labels=names,
        numbers={part.id: part.number for part in order.vendor_orders},
        names={part.id: part.vendor_name for part in order.vendor_orders},
        lines={line.id: line.title for part in order.vendor_orders for line in part.lines},
        parts=[(part, _left(part)) for part in order.vendor_orders],
        has_receipt=order.payment in TAKEN,
        may_erase=may_erase,
        erasure=erasure,
    )


async def _vendor(visit: Visit, id: UUID | None) -> Vendor | None:
    """Whose orders are shown."""
    found: list[Vendor] = await visit.doors[Vendors].by_ids(visit.ctx, ids=[id]) if id else []
    return found[0] if found else None


async def _order(visit: Visit, ref: str) -> Order:
    found: Order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    return found


def _left(part: VendorOrder) -> Money | None:
    """What can be given back of it; None for nothing."""
    left = part.totals.total - part.refunded
    return left if part.payment in REFUNDABLE and left.minor > 0 else None
