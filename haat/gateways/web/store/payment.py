"""Paying: to the provider's own page and back. Card numbers never come to us."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.payments.api import Method
from haat.domains.trade.checkout.api import Checkout, Placement
from haat.gateways.web.kit.forms import read
from haat.gateways.web.store.checkout import again, quote_page, shipping_in
from haat.gateways.web.store.shopping import Shopping, plainly
from haat.gateways.web.visit import Visit, form_of, safe_path
from haat.kernel.errors import Problem

router = APIRouter()
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DECLINED = {
    "insufficient_funds": "There is not enough money on the card.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The security code was wrong.",
    "lost_card": "The bank does not accept this card.",
    "authentication_failed": "The bank could not confirm that it was you.",
    "do_not_honor": "The bank declined the payment.",
}
WAITING = frozenset({"processing", "needs_action"})
REFRESH_S = 2


@router.post("/checkout/{quote_id}")
async def pay(visit: Shopping, quote_id: UUID, request: Request) -> Response:
    """Places the order and goes where that leads. Pressing twice finds the same order."""
    quote = await visit.doors[Checkout].read_quote(visit.ctx, id=quote_id)
    values = await form_of(request)
    try:
        shipping = shipping_in(values, quote)
        if shipping != shipping_in({}, quote):
            # What was agreed to is the quote's total: another one is shown before it is paid.
            visit.flash("Shipping has changed: look at the new total, then pay.")
            return await again(visit, quote, shipping)
        method = read(Method, {"provider": values.get("provider", "")})
        placed = await visit.doors[Checkout].place(
            visit.ctx,
            quote_id=quote_id,
            method=method,
            return_url=f"{site_of(visit)}/checkout/{quote_id}/return",
        )
    except Problem as problem:
        if problem.status == 503 or problem.code == "checkout_over":
            # Its fate is not known here: the page behind asks until it is.
            return visit.redirect(f"/checkout/{quote_id}/return")
        if problem.status >= 500:
            raise
        return await quote_page(visit, quote, plainly(problem), problem.status)
    if placed.status == "placed":
        visit.flash("Thank you. Your order is placed.")
        return visit.redirect(order_path(visit, placed))
    if placed.status == "needs_action" and placed.next_action_url:
        return visit.redirect(placed.next_action_url)
    return visit.redirect(f"/checkout/{quote_id}/return")


@router.get("/checkout/{quote_id}/return")
async def back(visit: Shopping, quote_id: UUID, result: str = "") -> Response:
    """Where the provider sends the customer back to; it asks again by itself while it waits."""
    placement: Placement | None
    try:
        placement = await visit.doors[Checkout].resume(visit.ctx, id=quote_id)
    except Problem as problem:
        if problem.status != 503:
            raise
        placement = None
    if placement is not None and placement.status == "placed":
        visit.flash("Thank you. Your order is placed.")
        return visit.redirect(order_path(visit, placement))
    state = placement.status if placement else "processing"
    url = placement.next_action_url if placement else None
    code = placement.decline_code if placement else None
    return visit.page(
        "store/return.html",
        quote_id=quote_id,
        state=state,
        refresh_s=REFRESH_S if state in WAITING else 0,
        next_action_url=url if state == "needs_action" else None,
        cancelled=result == "cancelled",
        reason=DECLINED.get(code or "", "The bank declined the payment."),
    )


def order_path(visit: Visit, placed: Placement) -> str:
    """The order's page: a guest's is behind a signed link."""
    if visit.signed_in:
        return f"/orders/{placed.order_number}"
    link = placed.order_link or "/"
    return safe_path(link if link.startswith("/") else f"/orders/link/{link}", "/")


def site_of(visit: Visit) -> str:
    """Where the customer's browser knows us. On this machine that may be another name than the
    configured one, and cookies belong to the name."""
    url = visit.request.url
    if visit.is_local and url.hostname in LOOPBACK:
        return f"{url.scheme}://{url.netloc}"
    return str(visit.request.app.state.site)
