"""A product: pictures, variants to choose from, what is left, and into the cart with it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.goods.catalog.api import Attribute, Catalog, Condition, Product
from haat.domains.goods.pricing.api import ShownPrice
from haat.domains.people.media.api import Picture
from haat.domains.people.vendors.api import Vendor
from haat.domains.trade.cart.api import Cart
from haat.domains.trade.checkout.api import Checkout, OneClick
from haat.gateways.views import ProductPage, product_page
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.pages import money, words
from haat.gateways.web.store.account import NEEDS
from haat.gateways.web.store.paying import MINOR_DIGITS, declined
from haat.gateways.web.store.payment import site_of
from haat.gateways.web.store.shopping import PersonShopping, Shopping, guest_cart, plainly
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Invalid, NotFound, Problem, Unavailable
from haat.kernel.ids import derive
from haat.kernel.model import FormBody
from haat.kernel.money import Money

router = APIRouter()
FEW = 5  # from here on the page says how many are left
OTHERS_MAX = 50  # of other vendors are shown
RADIOS_MAX = 10  # more choices than that stand in a list to open


class AddForm(FormBody):
    offer_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999)] = 1


class BuyForm(AddForm):
    """`press` names the press."""

    press: UUID


@dataclass(frozen=True, slots=True)
class Choice:
    """One offer a customer may choose: a variant, a price, how many are left."""

    offer_id: UUID
    label: str
    shown: ShownPrice
    until: datetime | None
    left: int
    picture: Picture | None
    vendor: Vendor
    condition: Condition

    @property
    def price(self) -> Money:
        """As it is shown; `shown.charged` is what is charged."""
        return self.shown.price

    @property
    def stock(self) -> str:
        if self.left == 0:
            return "Sold out"
        return f"Only {self.left} left" if self.left <= FEW else "In stock"


def choices_of(page: ProductPage) -> list[Choice]:
    """What the page sells: of each variant the offer that stands first, in the variants' order;
    empty when the product is not on sale."""
    return [offers[0] for offers in _offers(page) if offers]


def others_of(page: ProductPage) -> list[Choice]:
    """What other vendors sell the same for, in the order they stand."""
    return [choice for offers in _offers(page) for choice in offers[1:]][:OTHERS_MAX]


def _offers(page: ProductPage) -> list[list[Choice]]:
    """The offers of each variant; none when the product is not on sale."""
    if page.product.status != "active":
        return []
    return [
        [
            Choice(
                offer_id=offer.id,
                label=variant.title,
                shown=page.prices[offer.id],
                until=offer.price_until,
                left=page.available.get(offer.id, 0),
                picture=variant.picture,
                vendor=page.vendors[offer.vendor_id],
                condition=offer.condition,
            )
            for offer in variant.offers
            if offer.status == "active"
            and offer.vendor_id in page.vendors
            and page.vendors[offer.vendor_id].status == "active"
        ]
        for variant in page.product.variants
    ]


@router.get("/products/{slug}")
async def show(visit: Shopping, slug: str, offer: str = "") -> Response:
    try:
        return await _page(visit, slug, Form(), chosen=offer)
    except NotFound:
        return visit.moved(f"/products/{await visit.doors[Catalog].moved(visit.ctx, ref=slug)}")


@router.post("/products/{slug}")
async def add(visit: Shopping, slug: str, request: Request) -> Response:
    """Puts a variant into the cart; the page again, with what is wrong, where that fails."""
    values = await form_of(request)
    try:
        wanted = read(AddForm, _only(values, AddForm))
        state = await visit.doors[Cart].add(
            visit.ctx,
            offer_id=wanted.offer_id,
            quantity=wanted.quantity,
            cart_id=guest_cart(visit),
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        at = {"out_of_stock": "quantity", "not_buyable": "offer_id"}
        form = Form(values, plainly(problem), at)
        return await _page(visit, slug, form, problem.status, chosen=values.get("offer_id", ""))
    if not visit.signed_in:
        visit.keep_cart(state.id)
    visit.flash("It is in your cart.")
    return visit.redirect("/cart")


@router.post("/products/{slug}/buy-now")
async def buy_now(visit: PersonShopping, slug: str, request: Request) -> Response:
    """One press buys what the page showed at the price it showed. The page names the press, so
    that pressing twice is one order."""
    values = await form_of(request)
    try:
        wanted = read(BuyForm, _only(values, BuyForm))
        shown = values.get(f"price-{wanted.offer_id}", "")
        if not (shown.isascii() and shown.isdecimal() and len(shown) <= MINOR_DIGITS):
            raise Invalid.at("offer_id", "Choose one of the list.", "offer_unknown")
        order_id = derive(visit.ctx.person_id, f"press:{wanted.press}")
        placed = await visit.doors[Checkout].buy_now(
            visit.ctx,
            id=order_id,
            offer_id=wanted.offer_id,
            quantity=wanted.quantity,
            unit_price=Money(minor=int(shown), currency=visit.market.currency),
            return_url=f"{site_of(visit)}/checkout/{order_id}/return",
        )
    except Problem as problem:
        if problem.status == 503:  # its fate is not known here: the page behind asks until it is
            return visit.redirect(f"/checkout/{order_id}/return")
        if problem.status >= 500:
            raise
        at = {"out_of_stock": "quantity", "not_buyable": "offer_id", "price_changed": "offer_id"}
        form = Form(values, _pressed(plainly(problem)), at)
        chosen = values.get("offer_id", "")
        return await _page(visit, slug, form, problem.status, chosen=chosen)
    if placed.status == "placed":
        visit.flash("Thank you. Your order is placed.")
        return visit.redirect(f"/orders/{placed.order_number}")
    if placed.status == "declined":
        form = Form(values, declined(placed.decline_code or "declined"))
        return await _page(visit, slug, form, 402, chosen=str(wanted.offer_id))
    # The bank wants to see the customer, or does not answer yet: no form of ours may lead there.
    return visit.redirect(f"/checkout/{order_id}/return?go=on")


def _only(values: Mapping[str, str], form: type[AddForm]) -> dict[str, str]:
    """What is that form's: the page has one form for both buttons."""
    return {name: values[name] for name in form.model_fields if name in values}


def _pressed(problem: Problem) -> Problem:
    """The same in a customer's words."""
    if problem.code == "price_changed":
        price = Money.model_validate(problem.data["unitPrice"])
        problem.detail = (
            f"The price is {money(price)} now. Nothing was ordered; press again to buy."
        )
    elif problem.code == "one_click_off":
        problem.detail = "One-click buying needs an address, a saved way to pay and your consent."
    return problem


def _said(product: Product, asked: Sequence[Attribute]) -> list[tuple[str, str]]:
    """The specifications in words: those of the template in its order, then its own."""
    known = {one.key: one for one in asked}
    keys = [
        *(k for k in known if k in product.specs),
        *(k for k in product.specs if k not in known),
    ]
    found = []
    for key in keys:
        value, one = product.specs[key], known.get(key)
        text = ", ".join(value) if isinstance(value, list) else str(value)
        if isinstance(value, bool):
            text = "Yes" if value else "No"
        unit = f" {one.unit}" if one and one.unit else ""
        found.append((one.name if one else words(key), f"{text}{unit}"))
    return found


async def _one_click(visit: Visit) -> OneClick | None:
    """What one press would use; None for who has not asked for it."""
    if not visit.signed_in:
        return None
    with suppress(Unavailable):  # the page is more than its button
        found: OneClick = await visit.doors[Checkout].one_click(visit.ctx)
        return None if "preference" in found.missing else found
    return None


async def _page(
    visit: Visit, slug: str, form: Form, status: int = 200, *, chosen: str = ""
) -> Response:
    page, categories, one_click = await asyncio.gather(
        product_page(visit.doors, visit.ctx, slug, visit.viewing),
        visit.doors[Catalog].categories(visit.ctx),
        _one_click(visit),
    )
    choices = choices_of(page)
    asked: list[Attribute] = []
    if page.product.specs and page.product.category_id is not None:
        asked = await visit.doors[Catalog].attributes(
            visit.ctx, category_id=page.product.category_id
        )
    first = next((c for c in choices if c.left), choices[0] if choices else None)
    selected = next((c for c in choices if str(c.offer_id) == chosen), first)
    return visit.page(
        "store/product.html",
        status,
        product=page.product,
        vendor=page.vendor,
        path=Tree(categories).path(page.product.category_id),
        choices=choices,
        others=others_of(page),
        specs=_said(page.product, asked),
        canonical=f"{site_of(visit)}/products/{quote(page.product.slug)}",
        selected=selected,
        as_radios=1 < len(choices) <= RADIOS_MAX,
        legend=" / ".join(page.product.option_names) or "Choose",
        left=sum(choice.left for choice in choices),
        form=form,
        unsent=Form(),
        few=FEW,
        one_click=one_click,
        one_click_lacks=NEEDS.get(tuple(one_click.missing), "") if one_click else "",
        press=visit.ctx.new_id(),
    )
