"""Refunds: of a vendor order, in two steps, and those that staff have to pay by bank transfer."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from haat.domains.money.payments.api import Payments
from haat.domains.trade.orders.api import Order, Orders, VendorOrder
from haat.domains.trade.settlement.api import RefundItem, RefundPreview, Settlement
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader, example
from haat.gateways.web.pages import money
from haat.gateways.web.store.paying import labels
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, Invalid, NotFound, Problem
from haat.kernel.money import Money

router = APIRouter()
ORDERS, HERE = "/admin/orders", "/admin/payments"
REFUNDABLE = frozenset({"paid", "partially_refunded"})
REASON_MAX = 500
CHOSEN = "refund-"


async def _money(visit: Staff) -> Visit:
    if not visit.ctx.has("staff:money"):
        raise Forbidden
    return visit


Keeper = Annotated[Visit, Depends(_money)]


# -- of a vendor order -----------------------------------------------------------------------------


@router.get("/admin/orders/{ref}/refund/{vendor_order_id}")
async def show(visit: Staff, ref: str, vendor_order_id: UUID) -> Response:
    order, part = await _part(visit, ref, vendor_order_id)
    return await _page(visit, order, part, Form())


@router.post("/admin/orders/{ref}/refund/{vendor_order_id}")
async def refund(visit: Staff, ref: str, vendor_order_id: UUID, request: Request) -> Response:
    """First shows what the customer would get; the second time, confirmed, gives it back."""
    values = await form_of(request)
    order, part = await _part(visit, ref, vendor_order_id)
    back = f"{ORDERS}/{order.number}"
    if values.get("step") == "change":
        return await _page(visit, order, part, Form(values))
    settlement = visit.doors[Settlement]
    try:
        id, reason, wanted = _read(values, part)
        if values.get("step") == "confirm":
            known = await settlement.refunds(visit.ctx, vendor_order_ids=[part.id])
            if id in [one.id for one in known]:  # a double click
                return visit.redirect(back)
        preview = await settlement.preview_refund(visit.ctx, vendor_order_id=part.id, **wanted)
        agreed = values.get("agreed") == str(preview.amount.minor)
        if values.get("step") != "confirm" or not agreed:
            return await _page(visit, order, part, Form(values), preview=preview)
        done = await settlement.refund(
            visit.ctx, id=id, vendor_order_id=part.id, reason=reason, **wanted
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        if problem.code == "not_refundable":
            problem.detail = _not_refundable(problem)
        at = {"not_refundable": values.get("how", "amount"), "amount_invalid": "amount"}
        return await _page(visit, order, part, Form(values, problem, at), problem.status)
    visit.flash(_told(done.status, money(done.amount)))
    return visit.redirect(back)


def _read(values: Mapping[str, str], part: VendorOrder) -> tuple[UUID, str, dict[str, Any]]:
    """Id, reason, and what is to be given back as `refund` and `preview_refund` take it."""
    reader, currency = Reader(values), part.totals.total.currency
    id, reason = reader.id("id"), reader.text("reason", longest=REASON_MAX)
    how, wanted = values.get("how", "items"), dict[str, Any]()
    if how == "amount":
        wanted["amount"] = reader.amount("amount", currency)
    elif how == "items":
        items = [
            RefundItem(line_id=line.id, quantity=count)
            for line in part.lines
            if (count := _count(reader, f"q-{line.id}", line.quantity - line.refunded_quantity))
        ]
        shipping = reader.amount_or_none("shipping", currency)
        if shipping is not None and shipping.minor:
            wanted["shipping"] = shipping
        if items:
            wanted["items"] = items
        if not wanted and not reader.errors:
            reader.refuse("items", "Choose what is given back.", "missing")
    elif how != "all":
        reader.refuse("how", "Choose one of the list.", "literal_error")
    reader.done("This refund is not complete.")
    return id, reason, wanted


def _count(reader: Reader, name: str, left: int) -> int:
    return reader.whole(name, most=left, empty=0) if left else 0


def _not_refundable(problem: Problem) -> str:
    left = Money.model_validate(problem.data.get("refundable"))
    if left.minor < 1:
        return "Nothing is left to give back."
    return f"At most {money(left)} is left to give back."


def _told(status: str, amount: str) -> str:
    if status == "failed":
        return f"The refund of {amount} was refused by the payment provider."
    if status == "created":
        return f"The refund of {amount} is on its way; the payment provider has not answered yet."
    return f"{amount} is given back."


async def _part(visit: Visit, ref: str, vendor_order_id: UUID) -> tuple[Order, VendorOrder]:
    if not visit.ctx.has("staff:orders"):
        raise Forbidden
    order: Order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    found = next((part for part in order.vendor_orders if part.id == vendor_order_id), None)
    if found is None:
        raise NotFound("This is not part of this order.")
    return order, found


async def _page(
    visit: Visit,
    order: Order,
    part: VendorOrder,
    form: Form,
    status: int = 200,
    preview: RefundPreview | None = None,
) -> Response:
    left = part.totals.total - part.refunded
    return page(
        visit,
        "refund.html",
        ORDERS,
        status,
        order=order,
        part=part,
        left=left if part.payment in REFUNDABLE and left.minor > 0 else None,
        form=form,
        preview=preview,
        changed=preview is not None and form.value("step") == "confirm",
        labels=await labels(visit),
        example=example(left.currency),
        new_id=visit.ctx.new_id(),
    )


# -- by bank transfer ------------------------------------------------------------------------------


@router.get("/admin/refunds")
async def due(visit: Keeper, cursor: str | None = None) -> Response:
    return await _due(visit, cursor, Form())


@router.post("/admin/refunds")
async def settle(visit: Keeper, request: Request) -> Response:
    """Those that were ticked were paid, or came back."""
    values = await form_of(request)
    ids = [name.removeprefix(CHOSEN) for name in values if name.startswith(CHOSEN)]
    done = values.get("outcome") == "done"
    try:
        if not ids:
            raise Invalid.at("refunds", "Tick the refunds it is about.", "missing")
        if not done and not values.get("reason"):
            raise Invalid.at("reason", "Say why it came back.", "missing")
        await visit.doors[Payments].settle_refunds(
            visit.ctx, ids=[_uuid(id) for id in ids], done=done, reason=values.get("reason", "")
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _due(visit, None, Form(values, problem), problem.status)
    count = f"{len(ids)} refund{'s are' if len(ids) > 1 else ' is'}"
    visit.flash(f"{count} paid." if done else f"{count} owed again: the money came back.")
    return visit.redirect("/admin/refunds")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid.at("refunds", "This is not an id.", "id_invalid") from None


async def _due(visit: Visit, cursor: str | None, form: Form, status: int = 200) -> Response:
    found = await visit.doors[Payments].refunds_due(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "refunds.html",
        HERE,
        status,
        refunds=found.items,
        next=found.next,
        labels=await labels(visit),
        form=form,
        chosen=CHOSEN,
    )
