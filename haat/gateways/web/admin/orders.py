"""Orders and refunds."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from haat.domains.money.payments.api import Payments
from haat.domains.trade.orders.api import Order, Orders, PaymentState
from haat.domains.trade.settlement.api import Settlement
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.pages import money
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.money import Money

router = APIRouter()
HERE = "/admin/orders"
PAYMENTS: tuple[tuple[str, str], ...] = (
    ("", "All"),
    ("authorized", "Being paid"),
    ("paid", "Paid"),
    ("partially_refunded", "Partly refunded"),
    ("refunded", "Refunded"),
    ("voided", "Not paid"),
)
REFUNDABLE = frozenset({"paid", "partially_refunded"})


@router.get("/admin/orders")
async def listed(
    visit: Staff,
    payment: PaymentState | Literal[""] = "",
    number: Annotated[str, Query(max_length=60)] = "",
    cursor: str | None = None,
) -> Response:
    """The list; a number leads to that order at once."""
    problem = ""
    if number.strip():
        try:
            found: Order = await visit.doors[Orders].order(visit.ctx, ref=number.strip())
            return visit.redirect(f"{HERE}/{found.number}")
        except NotFound:
            problem = f"There is no order {number.strip()}."
    listing = await visit.doors[Orders].listed(
        visit.ctx, payment=payment or None, cursor=cursor or None
    )
    return page(
        visit,
        "orders.html",
        HERE,
        404 if problem else 200,
        orders=listing.items,
        next=listing.next,
        payments=PAYMENTS,
        payment=payment,
        number=number,
        problem=problem,
    )


@router.get("/admin/orders/{ref}")
async def show(visit: Staff, ref: str) -> Response:
    return await _page(visit, await _order(visit, ref), None, Form())


@router.post("/admin/orders/{ref}/refund/{vendor_order_id}")
async def refund(visit: Staff, ref: str, vendor_order_id: UUID, request: Request) -> Response:
    """Gives an amount, or all that is left, of a vendor order back."""
    values = await form_of(request)
    order = await _order(visit, ref)
    if vendor_order_id not in [part.id for part in order.vendor_orders]:
        raise NotFound("This is not part of this order.")
    try:
        reader = Reader(values)
        id = reader.id("id")
        currency = order.totals.total.currency
        amount = reader.amount_or_none("amount", currency)
        reason = reader.text("reason", longest=500)
        if values.get("how") == "amount" and amount is None:
            reader.refuse("amount", "Say how much.", "missing")
        reader.done("This refund is not complete.")
        done = await visit.doors[Settlement].refund(
            visit.ctx,
            id=id,
            vendor_order_id=vendor_order_id,
            amount=amount if values.get("how") == "amount" else None,
            reason=reason,
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        if problem.code == "not_refundable":
            problem.detail = _not_refundable(problem)
        form = Form(values, problem, {"not_refundable": "amount", "amount_invalid": "amount"})
        return await _page(visit, order, vendor_order_id, form, problem.status)
    visit.flash(_told(done.status, money(done.amount)))
    return visit.redirect(f"{HERE}/{order.number}")


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


async def _order(visit: Visit, ref: str) -> Order:
    found: Order = await visit.doors[Orders].order(visit.ctx, ref=ref)
    return found


async def _page(
    visit: Visit, order: Order, wrong: UUID | None, form: Form, status: int = 200
) -> Response:
    """The order; `wrong` is the vendor order whose refund was refused."""
    ids = [part.id for part in order.vendor_orders]
    refunds: list[Any] = await visit.doors[Settlement].refunds(visit.ctx, vendor_order_ids=ids)
    return page(
        visit,
        "order.html",
        HERE,
        status,
        order=order,
        refunds=refunds,
        payments=await visit.doors[Payments].payments(visit.ctx, references=[order.id]),
        numbers={part.id: part.number for part in order.vendor_orders},
        names={part.id: part.vendor_name for part in order.vendor_orders},
        parts=[
            (
                part,
                form if part.id == wrong else Form(),
                visit.ctx.new_id(),
                part.totals.total - part.refunded if part.payment in REFUNDABLE else None,
            )
            for part in order.vendor_orders
        ],
        form=form,
        wrong=wrong,
    )
