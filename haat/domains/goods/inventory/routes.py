"""Stock over REST."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from haat.domains.goods.inventory.api import (
    Delta,
    Inventory,
    Movement,
    OnHand,
    Reason,
    Stock,
    Warehouse,
    WarehouseDraft,
)
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.model import Body, Model
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter(tags=["inventory"])
Stocks = Annotated[Inventory, Door(Inventory)]
PageLimit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=1000)]


HEADINGS = (
    "sku", "offerId", "warehouse", "warehouseId", "onHand", "reserved", "safety", "lowAt",
)  # fmt: skip
ByHand = Literal["set", "correction", "received", "damaged", "lost"]


class StockSet(Body):
    """The count found, as it is: not a difference. In the first warehouse unless one is named."""

    on_hand: OnHand
    reason: ByHand = "set"
    warehouse_id: UUID | None = None


class StockChange(Body):
    """How many came or went. In the first warehouse unless one is named."""

    delta: Delta
    reason: ByHand = "correction"
    warehouse_id: UUID | None = None


class Transfer(Body):
    quantity: Annotated[OnHand, Field(ge=1, strict=True)]
    from_id: UUID
    to_id: UUID


class SafetySet(Body):
    """How many are kept back from sale, over all warehouses."""

    safety: OnHand


class CountedSet(Body):
    """`counted` false: as many are sold as are asked for."""

    counted: Annotated[bool, Field(strict=True)]


class WarehouseBody(WarehouseDraft, Body):
    """A warehouse; unknown fields are refused."""


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
    ctx: Ctx,
    inventory: Stocks,
    limit: PageLimit = 50,
    cursor: Cursor = None,
    low: bool = False,
    warehouse: Annotated[UUID | None, Query(alias="warehouseId")] = None,
) -> Page[Stock]:
    """The acting vendor's stock by SKU."""
    return await inventory.stock(
        ctx,
        vendor_id=ctx.acting_vendor,
        low_only=low,
        warehouse_id=warehouse,
        limit=limit,
        cursor=cursor,
    )


@router.get("/inventory.csv", summary="The acting vendor's stock as CSV, streamed")
async def table(ctx: Ctx, inventory: Stocks) -> StreamingResponse:
    """A row for each offer in each warehouse, by SKU."""
    names = {
        one.id: one.name for one in await inventory.warehouses(ctx, vendor_id=ctx.acting_vendor)
    }
    first = await inventory.stock(ctx, vendor_id=ctx.acting_vendor, limit=LIMIT_MAX)

    async def rows() -> AsyncIterator[str]:
        page = first
        yield _csv([HEADINGS])
        while True:
            yield _csv([row for one in page.items for row in _rows(one, names)])
            if page.next is None:
                return
            page = await inventory.stock(
                ctx, vendor_id=ctx.acting_vendor, limit=LIMIT_MAX, cursor=page.next
            )

    return StreamingResponse(
        rows(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="stock.csv"'},
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
        warehouse_id=body.warehouse_id,
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
        warehouse_id=body.warehouse_id,
    )


@router.put("/inventory/{ref}/threshold")
async def set_threshold(ref: str, body: ThresholdSet, ctx: Ctx, inventory: Stocks) -> Stock:
    offer_id = await _one(ctx, inventory, ref)
    return await inventory.set_threshold(ctx, offer_id=offer_id, low_at=body.low_at)


@router.put("/inventory/{ref}/safety", summary="Set how many are kept back from sale")
async def set_safety(ref: str, body: SafetySet, ctx: Ctx, inventory: Stocks) -> Stock:
    offer_id = await _one(ctx, inventory, ref)
    return await inventory.set_safety(ctx, offer_id=offer_id, safety=body.safety)


@router.put("/inventory/{ref}/counted", summary="Sell as many as are there, or any number")
async def set_counted(ref: str, body: CountedSet, ctx: Ctx, inventory: Stocks) -> Stock:
    offer_id = await _one(ctx, inventory, ref)
    return await inventory.set_counted(ctx, offer_id=offer_id, counted=body.counted)


@router.post("/inventory/{ref}/adjustments", summary="Change a count by a difference")
async def adjust(ref: str, body: StockChange, ctx: Ctx, inventory: Stocks) -> Stock:
    return await inventory.adjust(
        ctx,
        id=ctx.new_id(),
        offer_id=await _one(ctx, inventory, ref),
        delta=body.delta,
        reason=body.reason,
        warehouse_id=body.warehouse_id,
    )


@router.post("/inventory/{ref}/transfers", summary="Move goods to another warehouse")
async def transfer(ref: str, body: Transfer, ctx: Ctx, inventory: Stocks) -> Stock:
    return await inventory.transfer(
        ctx,
        id=ctx.new_id(),
        offer_id=await _one(ctx, inventory, ref),
        quantity=body.quantity,
        from_id=body.from_id,
        to_id=body.to_id,
    )


@router.get("/inventory/{ref}/movements")
async def movements(
    ref: str,
    ctx: Ctx,
    inventory: Stocks,
    limit: PageLimit = 50,
    cursor: Cursor = None,
    reason: Reason | None = None,
    warehouse: Annotated[UUID | None, Query(alias="warehouseId")] = None,
) -> Page[Movement]:
    """Newest first."""
    offer_id = await _one(ctx, inventory, ref)
    return await inventory.movements(
        ctx,
        offer_id=offer_id,
        reason=reason,
        warehouse_id=warehouse,
        limit=limit,
        cursor=cursor,
    )


@router.get("/warehouses", summary="The acting vendor's warehouses, by priority")
async def warehouses(ctx: Ctx, inventory: Stocks) -> list[Warehouse]:
    return await inventory.warehouses(ctx, vendor_id=ctx.acting_vendor)


@router.post("/warehouses", status_code=201, summary="Open a warehouse")
async def open_warehouse(body: WarehouseBody, ctx: Ctx, inventory: Stocks) -> Warehouse:
    return await inventory.save_warehouse(
        ctx, id=ctx.new_id(), vendor_id=ctx.acting_vendor, draft=_draft(body)
    )


@router.put("/warehouses/{id}", summary="Change a warehouse")
async def change_warehouse(id: UUID, body: WarehouseBody, ctx: Ctx, inventory: Stocks) -> Warehouse:
    known = await inventory.warehouses(ctx, vendor_id=ctx.acting_vendor)
    if id not in [one.id for one in known]:
        raise NotFound
    return await inventory.save_warehouse(
        ctx, id=id, vendor_id=ctx.acting_vendor, draft=_draft(body)
    )


@router.delete("/warehouses/{id}", status_code=204, summary="Close an empty warehouse")
async def close_warehouse(id: UUID, ctx: Ctx, inventory: Stocks) -> Response:
    await inventory.close_warehouse(ctx, id=id)
    return Response(status_code=204)


def _draft(body: WarehouseBody) -> WarehouseDraft:
    return WarehouseDraft(**dict(body))


def _rows(stock: Stock, names: dict[UUID, str]) -> list[Sequence[object]]:
    return [
        (
            stock.sku,
            stock.offer_id,
            names.get(kept.warehouse_id, ""),
            kept.warehouse_id,
            kept.on_hand,
            kept.reserved,
            stock.safety,
            stock.low_at,
        )
        for kept in stock.kept
    ]


def _csv(rows: Sequence[Sequence[object]]) -> str:
    """RFC 4180, with cells that a spreadsheet would take for formulas made plain."""
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


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
