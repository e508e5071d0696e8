"""Checkout until the payment: where the goods go, then the quote with shipping and tax."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.goods.pricing.api import Pricing, Viewing
from haat.domains.people.profiles.api import Address, Profiles, SavedAddress
from haat.domains.trade.checkout.api import BuyLine, Checkout, Quote
from haat.gateways.views import CartView
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries
from haat.gateways.web.store.cart import cart_of, has_problem
from haat.gateways.web.store.paying import Ways, content_sites, form_of_query, kept, ways_for
from haat.gateways.web.store.shopping import Shopping, guest_cart, plainly
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, Problem
from haat.kernel.money import Money, total

router = APIRouter()
NEW = "new"
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
CART_CHANGED = frozenset({"out_of_stock", "not_buyable", "cart_empty"})
AWAY = "An address of yours that is not there any more was chosen; choose again."


class GuestDelivery(Address):
    """Where the goods go, and how to reach who has no account."""

    email: Annotated[str, Field(max_length=254, pattern=EMAIL)]


@router.get("/checkout")
async def start(visit: Shopping) -> Response:
    cart = await cart_of(visit)
    if not cart.groups or has_problem(cart):
        return visit.redirect("/cart")
    return await _page(visit, cart, Form())


@router.post("/checkout")
async def quote(visit: Shopping, request: Request) -> Response:
    """Makes a quote for the cart and that address."""
    values = await form_of(request)
    saved = await _saved(visit)
    try:
        email, address = _delivery(visit, values, saved)
        ships = values.get("ships") != "no"
        bill_to = _billing(values) if ships else address
        if visit.signed_in and values.get("save") and values.get("address", NEW) == NEW:
            await visit.doors[Profiles].save_address(
                visit.ctx, id=visit.ctx.new_id(), address=address
            )
        made = await visit.doors[Checkout].quote(
            visit.ctx,
            id=visit.ctx.new_id(),
            email=email,
            ship_to=address if ships else None,
            bill_to=bill_to,
            cart_id=guest_cart(visit),
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        if problem.code in CART_CHANGED:
            visit.flash(plainly(problem).detail)
            return visit.redirect("/cart")
        cart = await cart_of(visit)
        form = Form(values, _explained(problem, cart), {"shipping_unavailable": "country"})
        return await _page(visit, cart, form, problem.status, saved)
    return visit.redirect(f"/checkout/{made.id}")


@router.get("/checkout/{quote_id}")
async def show(visit: Shopping, quote_id: UUID, request: Request) -> Response:
    found = await visit.doors[Checkout].read_quote(visit.ctx, id=quote_id)
    return await quote_page(visit, found, form_of_query(request.query_params))


@router.post("/checkout/{quote_id}/shipping")
async def choose_shipping(visit: Shopping, quote_id: UUID, request: Request) -> Response:
    """Another way to ship makes another quote; this one stays as it is."""
    found = await visit.doors[Checkout].read_quote(visit.ctx, id=quote_id)
    values = await form_of(request)
    return await again(visit, found, shipping_in(values, found), kept(values))


@router.post("/checkout/{quote_id}/again")
async def renew(visit: Shopping, quote_id: UUID, request: Request) -> Response:
    """The same once more: after a quote expired or a card was declined."""
    found = await visit.doors[Checkout].read_quote(visit.ctx, id=quote_id)
    return await again(visit, found, shipping_in({}, found), kept(await form_of(request)))


async def again(
    visit: Visit, old: Quote, shipping: dict[UUID, UUID], keeping: str = ""
) -> Response:
    """A new quote from an old one's data, at today's prices; to the cart where that fails.
    `keeping`: the query string of what else the form said."""
    items = [BuyLine(offer_id=i.offer_id, quantity=i.quantity) for g in old.groups for i in g.lines]
    ships = any(line.kind == "physical" for one in old.groups for line in one.lines)
    try:
        made = await visit.doors[Checkout].quote(
            visit.ctx,
            id=visit.ctx.new_id(),
            email=old.email,
            ship_to=old.ship_to if ships else None,
            bill_to=old.bill_to,
            cart_id=old.cart_id,
            items=items if old.cart_id is None else None,
            shipping=shipping,
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        visit.flash(plainly(problem).detail)
        return visit.redirect("/cart")
    return visit.redirect(f"/checkout/{made.id}{keeping}")


def shipping_in(values: dict[str, str], old: Quote) -> dict[UUID, UUID]:
    """Method by vendor as the form says, else as the quote has it; Invalid for an unknown one."""
    chosen = {}
    for group in old.groups:
        name = f"ship-{group.vendor_id}"
        method = uuid_in(values, name) if name in values else group.shipping.method_id
        if method not in [option.method_id for option in group.shipping_options]:
            raise Invalid.at(name, "Choose one of the list.", "shipping_unknown")
        chosen[group.vendor_id] = method
    return chosen


async def quote_page(
    visit: Visit, found: Quote, form: Form, status: int = 200, ways: Ways | None = None
) -> Response:
    """The quote with its shipping choices, the ways to pay and the button that pays."""
    known = ways or await ways_for(visit, found)
    viewing: Viewing = await visit.doors[Pricing].viewing(
        visit.ctx,
        country=found.ship_to.country,
        currency=visit.viewing.currency if visit.viewing else None,
    )
    net = viewing.strip_tax and found.prices_include_tax
    word = viewing.tax_word if viewing.tax_word.isupper() else viewing.tax_word.capitalize()
    whole = found.totals.total
    return visit.page(
        "store/quote.html",
        status,
        net=net,
        tax_word=word,
        sums=sums_of(found, word, net=net),
        about=viewing.about(whole) if viewing.is_converted else None,
        forms_to=content_sites(known),
        quote=found,
        form=form,
        expired=found.expires_at <= visit.ctx.now(),
        ways=known,
        chosen=form.values.get("provider") or (known.ways[0].value if known.ways else ""),
    )


def sums_of(found: Quote, tax_word: str, *, net: bool) -> list[tuple[str, Money]]:
    """What adds up to the total: goods, shipping, and tax where it stands beside them. `net`:
    prices include tax, and are shown without."""
    goods, shipping, tax = found.totals.goods, found.totals.shipping, found.totals.tax
    if net:
        inside = total([g.shipping_tax for g in found.groups], tax.currency)
        goods, shipping = goods - (tax - inside), shipping - inside
    rows = [("Goods", goods)]
    if any(not group.shipping.nothing for group in found.groups):
        rows.append(("Shipping", shipping))
    return rows if found.prices_include_tax and not net else [*rows, (tax_word, tax)]


def _delivery(
    visit: Visit, values: dict[str, str], saved: list[SavedAddress]
) -> tuple[str | None, Address]:
    """E-mail (None for a signed-in person: their own) and address; Invalid at the fields."""
    choice = values.get("address", NEW)
    if visit.signed_in and choice != NEW:
        wanted = next((s.address for s in saved if str(s.id) == choice), None)
        if wanted is None:
            raise Invalid.at("address", AWAY, "address_unknown")
        return None, wanted
    fields = {name: values.get(name, "") for name in GuestDelivery.model_fields}
    if visit.signed_in:
        fields.pop("email")
        return None, read(Address, fields)
    guest = read(GuestDelivery, fields)
    return guest.email, Address(**guest.model_dump(by_alias=False, exclude={"email"}))


def _billing(values: dict[str, str]) -> Address | None:
    """Who the receipt is made out to; None: where the goods go. Invalid at its fields."""
    if not values.get("bill"):
        return None
    fields = {name: values.get(f"bill_{name}", "") for name in Address.model_fields}
    try:
        return read(Address, fields)
    except Problem as problem:
        problem.fields = tuple(
            error.model_copy(update={"path": f"bill_{error.path}"}) for error in problem.fields
        )
        raise


def _explained(problem: Problem, cart: CartView) -> Problem:
    if problem.code == "shipping_unavailable":
        lacking = {str(id) for id in problem.data.get("vendors", [])}
        names = [g.vendor_name for g in cart.groups if str(g.vendor_id) in lacking]
        who = " and ".join(names) or "A vendor"
        problem.detail = f"{who} cannot ship to this country. Choose another, or remove the goods."
    return plainly(problem)


async def _saved(visit: Visit) -> list[SavedAddress]:
    if not visit.signed_in:
        return []
    found: list[SavedAddress] = await visit.doors[Profiles].addresses(visit.ctx)
    return found


async def _page(
    visit: Visit,
    cart: CartView,
    form: Form,
    status: int = 200,
    saved: list[SavedAddress] | None = None,
) -> Response:
    known = await _saved(visit) if saved is None else saved
    default = next((str(s.id) for s in known if s.is_default), NEW)
    return visit.page(
        "store/checkout.html",
        status,
        cart=cart,
        form=form,
        saved=known,
        chosen=form.value("address", default) or default,
        countries=countries(),
    )
