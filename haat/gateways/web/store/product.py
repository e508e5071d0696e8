"""A product: pictures, variants to choose from, what is left, and into the cart with it."""

import asyncio
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.goods.catalog.api import Catalog
from haat.domains.people.media.api import Picture
from haat.domains.trade.cart.api import Cart
from haat.gateways.views import ProductPage, product_page
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.shopping import Shopping, guest_cart, plainly
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem
from haat.kernel.model import Body
from haat.kernel.money import Money

router = APIRouter()
FEW = 5  # from here on the page says how many are left
RADIOS_MAX = 10  # more choices than that stand in a list to open


class AddForm(Body):
    offer_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999)] = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """One offer a customer may choose: a variant, a price, how many are left."""

    offer_id: UUID
    label: str
    price: Money
    compare_at: Money | None
    left: int
    picture: Picture | None

    @property
    def stock(self) -> str:
        if self.left == 0:
            return "Sold out"
        return f"Only {self.left} left" if self.left <= FEW else "In stock"


def choices_of(page: ProductPage) -> list[Choice]:
    """What is on offer, in the variants' order; empty when the product is not on sale."""
    if page.product.status != "active" or page.vendor.status != "active":
        return []
    return [
        Choice(
            offer_id=offer.id,
            label=variant.title,
            price=offer.price,
            compare_at=offer.compare_at,
            left=page.available.get(offer.id, 0),
            picture=variant.picture,
        )
        for variant in page.product.variants
        for offer in variant.offers
        if offer.status == "active"
    ]


@router.get("/products/{slug}")
async def show(visit: Shopping, slug: str, offer: str = "") -> Response:
    return await _page(visit, slug, Form(), chosen=offer)


@router.post("/products/{slug}")
async def add(visit: Shopping, slug: str, request: Request) -> Response:
    """Puts a variant into the cart; the page again, with what is wrong, where that fails."""
    values = await form_of(request)
    try:
        wanted = read(AddForm, values)
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


async def _page(
    visit: Visit, slug: str, form: Form, status: int = 200, *, chosen: str = ""
) -> Response:
    page, categories = await asyncio.gather(
        product_page(visit.doors, visit.ctx, slug), visit.doors[Catalog].categories(visit.ctx)
    )
    choices = choices_of(page)
    first = next((c for c in choices if c.left), choices[0] if choices else None)
    selected = next((c for c in choices if str(c.offer_id) == chosen), first)
    return visit.page(
        "store/product.html",
        status,
        product=page.product,
        vendor=page.vendor,
        path=Tree(categories).path(page.product.category_id),
        choices=choices,
        selected=selected,
        as_radios=1 < len(choices) <= RADIOS_MAX,
        legend=" / ".join(page.product.option_names) or "Choose",
        left=sum(choice.left for choice in choices),
        form=form,
        few=FEW,
    )
