"""Single offers over REST: finding a product to sell, selling it, and who may."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from haat.domains.goods.catalog.api import (
    Change,
    Condition,
    Duplicate,
    HandlingDays,
    Match,
    Offer,
    OfferChange,
    OfferDraft,
    OfferStatus,
    OwnOffer,
    Product,
    Sku,
)
from haat.domains.goods.catalog.routes import Cursor, Goods, PageLimit, router
from haat.engines.http import Ctx
from haat.kernel.model import Body, Model
from haat.kernel.money import Money
from haat.kernel.page import Page

__all__ = ["router"]
Words = Annotated[str, Query(max_length=200)]
Few = Annotated[int, Query(ge=1, le=50)]


class OfferBody(OfferDraft, Body):
    """An offer as sent; prices as {"minor": 1299, "currency": "USD"}."""


class OfferPatch(Body):
    """What is given changes; a `compareAt` of null takes that price away."""

    sku: Sku | None = None
    price: Money | None = None
    compare_at: Money | None = None
    condition: Condition | None = None
    handling_days: HandlingDays | None = None
    status: OfferStatus | None = None


class AllowedBody(Body):
    """Who may sell it; null: everybody."""

    vendor_ids: Annotated[list[UUID], Field(max_length=500)] | None


class MergeBody(Body):
    gone_id: UUID


class Allowed(Model):
    vendor_ids: list[UUID] | None


# --- for vendors -----------------------------------------------------------------------------


@router.get("/vendors/me/matches")
async def matches(ctx: Ctx, goods: Goods, words: Words = "", limit: Few = 20) -> Page[Match]:
    """Products to sell: with this barcode, else those whose title begins with these words."""
    found = await goods.matches(ctx, vendor_id=ctx.acting_vendor, words=words, limit=limit)
    return Page[Match](items=found)


@router.get("/vendors/me/offers")
async def own_offers(
    ctx: Ctx, goods: Goods, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[OwnOffer]:
    """What the acting vendor attached to products that were there."""
    return await goods.own_offers(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


@router.post("/products/{id}/offers", status_code=201)
async def attach(id: UUID, body: OfferBody, ctx: Ctx, goods: Goods) -> Offer:
    """Sells a product that is there, in the acting vendor's name: on sale at once."""
    draft = OfferDraft.model_validate(body.model_dump())
    return await goods.attach(
        ctx, id=ctx.new_id(), product_id=id, vendor_id=ctx.acting_vendor, draft=draft
    )


@router.get("/offers/{offer_id}")
async def own_offer(offer_id: UUID, ctx: Ctx, goods: Goods) -> OwnOffer:
    """One of the acting vendor's."""
    return await goods.own_offer(ctx, id=offer_id)


@router.patch("/offers/{offer_id}")
async def change_offer(offer_id: UUID, body: OfferPatch, ctx: Ctx, goods: Goods) -> Offer:
    """Changes, pauses or resumes one of the acting vendor's."""
    dropped = "compare_at" in body.model_fields_set and body.compare_at is None
    change = OfferChange(**{**dict(body), "no_compare_at": dropped})
    return await goods.change_offer(ctx, id=offer_id, change=change)


@router.get("/products/{id}/history")
async def history(
    id: UUID, ctx: Ctx, goods: Goods, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[Change]:
    """Every change of a product, the last one first, by whom: for its vendor and for staff."""
    return await goods.history(ctx, product_id=id, limit=limit, cursor=cursor)


# --- for staff -------------------------------------------------------------------------------


@router.get("/admin/products/{id}/vendors")
async def product_vendors(id: UUID, ctx: Ctx, goods: Goods) -> Allowed:
    """Who may sell a product beside its own vendor; null: everybody."""
    return Allowed(vendor_ids=await goods.allowed(ctx, product_id=id))


@router.put("/admin/products/{id}/vendors")
async def set_product_vendors(id: UUID, body: AllowedBody, ctx: Ctx, goods: Goods) -> Allowed:
    """Offers of those left out are paused at once."""
    await goods.allow(ctx, product_id=id, vendor_ids=body.vendor_ids)
    return Allowed(vendor_ids=await goods.allowed(ctx, product_id=id))


@router.get("/admin/brands/{brand}/vendors")
async def brand_vendors(brand: str, ctx: Ctx, goods: Goods) -> Allowed:
    """Who may sell what has this brand, by its name or slug; null: everybody."""
    return Allowed(vendor_ids=await goods.allowed(ctx, brand=brand))


@router.put("/admin/brands/{brand}/vendors")
async def set_brand_vendors(brand: str, body: AllowedBody, ctx: Ctx, goods: Goods) -> Allowed:
    """For offers and products to come; what is on sale stays."""
    await goods.allow(ctx, brand=brand, vendor_ids=body.vendor_ids)
    return Allowed(vendor_ids=await goods.allowed(ctx, brand=brand))


@router.get("/admin/duplicates")
async def duplicates(
    ctx: Ctx, goods: Goods, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[Duplicate]:
    """Barcodes that several products carry."""
    return await goods.duplicates(ctx, limit=limit, cursor=cursor)


@router.post("/admin/products/{id}/merge")
async def merge(id: UUID, body: MergeBody, ctx: Ctx, goods: Goods) -> Product:
    """The other product is this one: its offers move here, its address leads here."""
    return await goods.merge(ctx, kept_id=id, gone_id=body.gone_id)
