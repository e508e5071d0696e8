"""Paying: to the provider's own page and back. Card numbers never come to us."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.trade.checkout.api import Checkout, Placement, Quote
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.store.checkout import again, quote_page, shipping_in
from haat.gateways.web.store.paying import DECLINED, NO_REASON, Ways, kept, told, ways_for
from haat.gateways.web.store.shopping import Shopping, plainly
from haat.gateways.web.visit import Visit, form_of, safe_path
from haat.kernel.errors import Problem

router = APIRouter()
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
WAITING = frozenset({"processing", "needs_action"})
REFRESH_S = 2
# These end a checkout before there is an order: another quote takes its place.
ENDED = frozenset(
    {
        "payment_method_unknown",
        "payment_method_not_savable",
        "payment_provider_unknown",
        "credits_with_cash",
    }
)


@router.post("/checkout/{quote_id}")
async def pay(visit: Shopping, quote_id: UUID, request: Request) -> Response:
    """Places the order and goes where that leads. Pressing twice finds the same order."""
    quote = await visit.doors[Checkout].read_quote(visit.ctx, id=quote_id)
    values = await form_of(request)
    ways = await ways_for(visit, quote)
    try:
        shipping = shipping_in(values, quote)
        if shipping != shipping_in({}, quote):
            # What was agreed to is the quote's total: another one is shown before it is paid.
            visit.flash("Shipping has changed: look at the new total, then pay.")
            return await again(visit, quote, shipping, kept(values))
        method, credits = ways.chosen(values)
    except Problem as problem:
        return await quote_page(visit, quote, Form(values, problem), problem.status, ways)
    try:
        placed = await visit.doors[Checkout].place(
            visit.ctx,
            quote_id=quote_id,
            method=method,
            return_url=f"{site_of(visit)}/checkout/{quote_id}/return",
            credits=credits,
        )
    except Problem as problem:
        if problem.status == 503 or problem.code == "checkout_over":
            # Its fate is not known here: the page behind asks until it is.
            return visit.redirect(f"/checkout/{quote_id}/return")
        if problem.status >= 500:
            raise
        if problem.code in ENDED:
            return await _anew(visit, quote, values, problem.code)
        form = Form(values, told(plainly(problem)), {"credits_too_low": "credits"})
        return await quote_page(visit, quote, form, problem.status)
    return await _onward(visit, quote, values, placed, ways)


async def _onward(
    visit: Visit, quote: Quote, values: dict[str, str], placed: Placement, ways: Ways
) -> Response:
    """Where a placement leads."""
    if placed.status == "placed":
        return _placed(visit, placed)
    if placed.status == "declined":
        return await _anew(visit, quote, values, placed.decline_code or "declined")
    leads = placed.next_action_url if placed.status == "needs_action" else None
    if leads is not None and ways.leads(leads):
        return visit.redirect(leads)
    # A bank's own page, perhaps: no form of ours may lead there, but a page may.
    return visit.redirect(f"/checkout/{quote.id}/return{'?go=on' if leads else ''}")


async def _anew(visit: Visit, quote: Quote, values: dict[str, str], why: str) -> Response:
    """The form once more, as it was left, on a new quote: this one's checkout is over."""
    return await again(visit, quote, shipping_in({}, quote), kept(values, why))


def _placed(visit: Visit, placed: Placement) -> Response:
    if placed.instructions is None:
        visit.flash("Thank you. Your order is placed.")
    else:
        visit.flash("Thank you. Your order is placed; now transfer the money.")
    return visit.redirect(order_path(visit, placed))


@router.get("/checkout/{quote_id}/return")
async def back(visit: Shopping, quote_id: UUID, result: str = "", go: str = "") -> Response:
    """Where the provider sends the customer back to; it asks again by itself while it waits."""
    placement: Placement | None
    try:
        placement = await visit.doors[Checkout].resume(visit.ctx, id=quote_id)
    except Problem as problem:
        if problem.status != 503:
            raise
        placement = None
    if placement is not None and placement.status == "placed":
        return _placed(visit, placement)
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
        go=bool(go),
        reason=DECLINED.get(code or "", NO_REASON),
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
