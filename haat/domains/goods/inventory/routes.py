"""Stock over REST."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from haat.domains.goods.inventory.api import Inventory, Movement, OnHand, Stock
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.model import Body, Model
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter(tags=["inventory"])
Stocks = Annotated[Inventory, Door(Inventory)]
PageLimit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=1000)]


class StockSet(Body):
    """The count found, as it is: not a difference."""

    on_hand: OnHand
    reason: Literal["set", "correction"] = "set"


class ThresholdSet(Body):
    """At or below `low_at` available ones, the vendor is told. 0 is never."""

    low_at: OnHand


class StockView(Model):
    """Stock by offer id, product id or SKU: sums over `items`, one a matching offer."""

    ref: str
    on_hand: int
    reserved: int
    available: int
    is_low: bool
    items: list[Stock]


@router.get("/inventory")
async def listed(
    ctx: Ctx, inventory: Stocks, limit: PageLimit = 50, cursor: Cursor = None, low: bool = False
) -> Page[Stock]:
    """The acting vendor's stock by SKU."""
    return await inventory.stock(
        ctx, vendor_id=ctx.acting_vendor, low_only=low, limit=limit, cursor=cursor
    )


@router.get("/inventory/alerts")
async def alerts(
    ctx: Ctx, inventory: Stocks, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[Stock]:
    """What is at or below its threshold now."""
    return await inventory.stock(
        ctx, vendor_id=ctx.acting_vendor, low_only=True, limit=limit, cursor=cursor
    )


@router.get("/inventory/{ref}")
async def read(ref: str, ctx: Ctx, inventory: Stocks) -> StockView:
    """By offer id, product id or SKU."""
    items = await _found(ctx, inventory, ref)
    return StockView(
        ref=ref,
        on_hand=sum(s.on_hand for s in items),
        reserved=sum(s.reserved for s in items),
        available=sum(s.available for s in items),
        is_low=any(s.is_low for s in items),
        items=items,
    )


@router.put("/inventory/{ref}")
async def set_on_hand(ref: str, body: StockSet, ctx: Ctx, inventory: Stocks) -> Stock:
    return await inventory.set_on_hand(
        ctx,
        id=ctx.new_id(),
        offer_id=await _one(ctx, inventory, ref),
        on_hand=body.on_hand,
        reason=body.reason,
    )


@router.patch("/vendors/{vendor_id}/inventory/{sku}")
async def set_by_sku(
    vendor_id: UUID, sku: str, body: StockSet, ctx: Ctx, inventory: Stocks
) -> Stock:
    return await inventory.set_on_hand(
        ctx,
        id=ctx.new_id(),
        offer_id=await _one(ctx, inventory, sku, vendor_id),
        on_hand=body.on_hand,
        reason=body.reason,
    )


@router.put("/inventory/{ref}/threshold")
async def set_threshold(ref: str, body: ThresholdSet, ctx: Ctx, inventory: Stocks) -> Stock:
    offer_id = await _one(ctx, inventory, ref)
    return await inventory.set_threshold(ctx, offer_id=offer_id, low_at=body.low_at)


@router.get("/inventory/{ref}/movements")
async def movements(
    ref: str, ctx: Ctx, inventory: Stocks, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[Movement]:
    """Newest first."""
    offer_id = await _one(ctx, inventory, ref)
    return await inventory.movements(ctx, offer_id=offer_id, limit=limit, cursor=cursor)


async def _found(
    ctx: Context, inventory: Inventory, ref: str, vendor_id: UUID | None = None
) -> list[Stock]:
    found = await inventory.find(ctx, ref=ref, vendor_id=vendor_id)
    if not found:
        raise NotFound
    return found


async def _one(ctx: Context, inventory: Inventory, ref: str, vendor_id: UUID | None = None) -> UUID:
    """The one offer meant. An unheard-of id may be an offer whose row is not open yet."""
    found = await inventory.find(ctx, ref=ref, vendor_id=vendor_id)
    if len(found) == 1:
        return found[0].offer_id
    if found:
        offers = [str(s.offer_id) for s in found]
        raise Invalid(
            "This product has several offers; name one by its id or SKU.",
            code="ref_ambiguous",
            offers=offers,
        )
    try:
        return UUID(ref)
    except ValueError:
        raise NotFound from None
