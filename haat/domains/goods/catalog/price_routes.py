"""Prices over time and tax classes over REST."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import (
    PriceStep,
    ScheduledPrice,
    ScheduleDraft,
    TaxClass,
    TaxCode,
)
from haat.domains.goods.catalog.routes import Cursor, Goods, PageLimit
from haat.domains.goods.catalog.variant_routes import router
from haat.engines.http import Ctx
from haat.kernel.model import Body
from haat.kernel.money import Money
from haat.kernel.page import Page

__all__ = ["router"]


class ScheduleBody(Body):
    """A price from `startsAt` (left out: now) until `endsAt`."""

    price: Money
    compare_at: Money | None = None
    starts_at: datetime | None = None
    ends_at: datetime


class TaxClassBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=60)]
    position: Annotated[int, Field(ge=0, le=1000)] = 0
    active: bool = True


@router.get("/offers/{offer_id}/prices")
async def price_history(
    offer_id: UUID, ctx: Ctx, goods: Goods, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[PriceStep]:
    """What one of the acting vendor's offers cost, the latest step first."""
    return await goods.price_history(ctx, offer_id=offer_id, limit=limit, cursor=cursor)


@router.get("/offers/{offer_id}/scheduled-prices")
async def scheduled(offer_id: UUID, ctx: Ctx, goods: Goods) -> Page[ScheduledPrice]:
    """Its scheduled prices that are not over, the next one first."""
    return Page[ScheduledPrice](items=await goods.scheduled(ctx, offer_id=offer_id))


@router.post("/offers/{offer_id}/scheduled-prices", status_code=201)
async def schedule(offer_id: UUID, body: ScheduleBody, ctx: Ctx, goods: Goods) -> ScheduledPrice:
    """Sets a price for a time; times of one offer have no part in common."""
    draft = ScheduleDraft(**dict(body))
    return await goods.schedule(ctx, id=ctx.new_id(), offer_id=offer_id, draft=draft)


@router.delete("/scheduled-prices/{id}", status_code=204)
async def unschedule(id: UUID, ctx: Ctx, goods: Goods) -> None:
    """Takes back one that waits, and ends one that runs."""
    await goods.unschedule(ctx, id=id)


@router.get("/tax-classes")
async def tax_classes(ctx: Ctx, goods: Goods) -> Page[TaxClass]:
    """What a product's tax class may be."""
    return Page[TaxClass](items=await goods.tax_classes(ctx))


@router.put("/admin/tax-classes/{code}")
async def save_tax_class(code: TaxCode, body: TaxClassBody, ctx: Ctx, goods: Goods) -> TaxClass:
    """Adds a tax class, or changes it; an inactive one is given to no other product."""
    return await goods.save_tax_class(ctx, tax_class=TaxClass(code=code, **dict(body)))
