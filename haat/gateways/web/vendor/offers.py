"""Selling a product that is there: finding it, offering it, and how the offer stands."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import (
    Catalog,
    Condition,
    Match,
    Offer,
    OfferChange,
    OfferDraft,
    OwnOffer,
    Product,
    Variant,
)
from haat.domains.goods.inventory.api import UNLIMITED, Inventory
from haat.domains.insight.search.api import Search
from haat.gateways.views import SoldBy, standings_of
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.pages import words
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.vendor.product_form import STOCK_MAX
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import NotFound, Problem
from haat.kernel.ids import derive

router = APIRouter()
HERE = "/vendor/products"
OFFERS = "/vendor/offers"
QUERY_MAX = 200
FOUND_MAX = 20
HANDLING_MAX = 60
CONDITIONS: tuple[tuple[str, str], ...] = tuple((c, words(c)) for c in get_args(Condition))
REFUSED = {
    "policy": "Vendors of this market sell products of their own only.",
    "listed": "Only certain vendors may sell this.",
    "state": "This is not on sale.",
}
AT = {"offer_exists": "condition", "sku_taken": "sku", "variant_unknown": "variant_id"}


@router.get("/vendor/offers")
async def listed(visit: Team, q: str = "", cursor: str | None = None) -> Response:
    """The offers there are, and a search for what to sell."""
    catalog: Catalog = visit.doors[Catalog]
    vendor_id = vendor_of(visit)
    q = " ".join(q.replace("\0", " ").split())[:QUERY_MAX]
    own, found = await asyncio.gather(
        catalog.own_offers(visit.ctx, vendor_id=vendor_id, cursor=cursor or None),
        _found(visit, q, vendor_id),
    )
    stock = await visit.doors[Inventory].available(
        visit.ctx, offers=[one.offer.id for one in own.items]
    )
    return page(
        visit,
        "offers.html",
        HERE,
        q=q,
        found=found,
        refused=REFUSED,
        offers=own.items,
        next=own.next,
        left={entry.offer_id: entry.available for entry in stock},
        unlimited=UNLIMITED,
    )


async def _found(visit: Visit, q: str, vendor_id: UUID) -> list[tuple[Any, str | None]]:
    """Listings with why each cannot be sold: by barcode or beginning, else by any words."""
    if not q:
        return []
    matches: list[Match] = await visit.doors[Catalog].matches(
        visit.ctx, vendor_id=vendor_id, words=q, limit=FOUND_MAX
    )
    if matches:
        return [(one.listing, one.refused) for one in matches]
    hits = await visit.doors[Search].products(visit.ctx, words=q, limit=FOUND_MAX)
    return [(listing, None) for listing in hits.items]


@router.get("/vendor/offers/new")
async def new(visit: Team, product: UUID) -> Response:
    values = {"id": str(visit.ctx.new_id()), "condition": "new", "handling_days": "1"}
    return await _new_page(visit, product, Form(values))


@router.post("/vendor/offers/new")
async def attach(visit: Team, product: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        id = uuid_in(values, "id")
        reader = Reader(values)
        given = _given(reader, visit.market.currency)
        count = reader.whole("stock", most=STOCK_MAX, empty=0)
        variant_id = reader.id_or_none("variant_id")
        reader.done()
        draft = OfferDraft(variant_id=variant_id, **given)
        offer = await visit.doors[Catalog].attach(
            visit.ctx, id=id, product_id=product, vendor_id=vendor_of(visit), draft=draft
        )
        told = await _count(visit, offer, count)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _new_page(visit, product, Form(values, problem, AT), problem.status)
    visit.flash(f"You sell it now. {told}".strip())
    return visit.redirect(f"{OFFERS}/{offer.id}")


async def _count(visit: Visit, offer: Offer, count: int) -> str:
    if not count or not visit.ctx.has("vendor:stock"):
        return "" if count else "Say how many there are: nothing is in stock yet."
    await visit.doors[Inventory].set_on_hand(
        visit.ctx, id=derive(offer.id, "first-count"), offer_id=offer.id, on_hand=count
    )
    return ""


async def _new_page(visit: Visit, product_id: UUID, form: Form, status: int = 200) -> Response:
    product: Product = await visit.doors[Catalog].product(visit.ctx, ref=str(product_id))
    return page(
        visit,
        "offer_new.html",
        HERE,
        status,
        product=product,
        form=form,
        variants=[(v.id, _name(v)) for v in product.variants],
        conditions=CONDITIONS,
        may_count=visit.ctx.has("vendor:stock"),
    )


def _name(variant: Variant) -> str:
    prices = sorted(o.price.minor for o in variant.offers if o.status == "active")
    cheapest = next((o.price for o in variant.offers if o.price.minor == (prices or [0])[0]), None)
    title = variant.title or "The product"
    return f"{title}, from {cheapest.decimal()}" if cheapest else title


@router.get("/vendor/offers/{offer_id}")
async def show(visit: Team, offer_id: UUID) -> Response:
    own: OwnOffer = await visit.doors[Catalog].own_offer(visit.ctx, id=offer_id)
    return await _page(visit, own, Form(_values(own.offer)))


@router.post("/vendor/offers/{offer_id}")
async def change(visit: Team, offer_id: UUID, request: Request) -> Response:
    values = await form_of(request)
    own: OwnOffer = await visit.doors[Catalog].own_offer(visit.ctx, id=offer_id)
    try:
        reader = Reader(values)
        given = _given(reader, visit.market.currency)
        reader.done()
        wanted = OfferChange(no_compare_at=given["compare_at"] is None, **given)
        await visit.doors[Catalog].change_offer(visit.ctx, id=offer_id, change=wanted)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, own, Form(values, problem, AT), problem.status)
    visit.flash("The offer is saved.")
    return visit.redirect(f"{OFFERS}/{offer_id}")


@router.post("/vendor/offers/{offer_id}/{move}")
async def move(visit: Team, offer_id: UUID, move: Literal["pause", "resume"]) -> Response:
    status: Literal["active", "paused"] = "paused" if move == "pause" else "active"
    try:
        await visit.doors[Catalog].change_offer(
            visit.ctx, id=offer_id, change=OfferChange(status=status)
        )
    except Problem as problem:
        if problem.status >= 500 or isinstance(problem, NotFound):
            raise
        visit.flash(problem.detail)
    else:
        visit.flash("It is not sold any more." if move == "pause" else "It is sold again.")
    return visit.redirect(f"{OFFERS}/{offer_id}")


def _given(reader: Reader, currency: str) -> dict[str, Any]:
    condition = reader.text("condition", longest=20)
    if condition and condition not in dict(CONDITIONS):
        reader.refuse("condition", "Choose one of the list.", "literal_error")
    return {
        "sku": reader.text("sku", longest=80),
        "price": reader.amount("price", currency),
        "compare_at": reader.amount_or_none("compare_at", currency),
        "condition": condition,
        "handling_days": reader.whole("handling_days", most=HANDLING_MAX),
    }


def _values(offer: Offer) -> Mapping[str, str]:
    return {
        "sku": offer.sku,
        "price": offer.price.decimal(),
        "compare_at": offer.compare_at.decimal() if offer.compare_at else "",
        "condition": offer.condition,
        "handling_days": str(offer.handling_days),
    }


async def _page(visit: Visit, own: OwnOffer, form: Form, status: int = 200) -> Response:
    """The offer with everything it stands among."""
    sold: list[SoldBy] = []
    if own.on_sale:
        ref = str(own.product_id)
        found = await standings_of(visit.doors, visit.ctx, ref, visit.market.country)
        sold = [one for one in found.items if one.offer.variant_id == own.offer.variant_id]
    mine = next((one for one in sold if one.offer.id == own.offer.id), None)
    return page(
        visit,
        "offer.html",
        HERE,
        status,
        own=own,
        sold=sold,
        mine=mine,
        form=form,
        conditions=CONDITIONS,
    )
