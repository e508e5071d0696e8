"""What a vendor does with stock: looks, counts, moves it, and says how much is to be kept."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory import rules
from haat.domains.goods.inventory.api import (
    UNLIMITED,
    Counted,
    Kept,
    Movement,
    Reason,
    Stock,
)
from haat.domains.goods.inventory.service import counting
from haat.domains.goods.inventory.service.telling import Telling
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Invalid, NotFound
from haat.kernel.ids import derive
from haat.kernel.page import Page, decode_cursor, page_of

ON_HAND_MAX = 10_000_000
_FIRST_ID = UUID(int=0)
_LAST_ID = UUID(int=(1 << 128) - 1)
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


class Keeping:
    """`catalog` is asked for an offer whose rows are not there yet."""

    def __init__(self, db: Database, catalog: Catalog, telling: Telling) -> None:
        self._db = db
        self._catalog = catalog
        self._telling = telling

    async def stock(
        self,
        ctx: Context,
        vendor_id: UUID,
        low_only: bool,
        warehouse_id: UUID | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Stock]:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        after = decode_cursor(cursor, _sku, UUID) or ["", _FIRST_ID]
        sql = counting.STOCK_LOW if low_only else counting.STOCK
        rows = await self._db.fetch(sql, vendor_id, *after, limit + 1, warehouse_id)
        return page_of([_stock(r) for r in rows], limit, "sku", "offer_id")

    async def stock_of(self, ctx: Context, offers: list[UUID]) -> list[Stock]:
        rows = await self._db.fetch(counting.STOCK_OF, offers, vendor_of(ctx))
        return [_stock(r) for r in rows]

    async def find(self, ctx: Context, ref: str, vendor_id: UUID | None) -> list[Stock]:
        bound = vendor_of(ctx)
        if vendor_id is not None and bound is not None and vendor_id != bound:
            raise NotFound
        vendor = vendor_id or bound
        try:
            rows = await self._db.fetch(counting.STOCK_BY_ID, UUID(ref), vendor)
        except ValueError:
            rows = []
        if not rows:
            vendor = vendor or ctx.vendor_id
            rows = await self._db.fetch(counting.STOCK_BY_SKU, ref, vendor)
        return [_stock(r) for r in rows]

    async def count(
        self,
        ctx: Context,
        id: UUID,
        offer_id: UUID,
        number: int,
        reason: Counted,
        warehouse_id: UUID | None,
        *,
        by_difference: bool,
    ) -> Stock:
        """Sets the count to `number`, or changes it by that much."""
        vendor = vendor_of(ctx)
        where = (vendor, by_difference, warehouse_id)
        who = (ctx.actor.type, ctx.actor.id)
        change = (id, offer_id, number, reason, ctx.now(), *where, *who, ON_HAND_MAX)
        rows = await self._db.step(ctx, counting.COUNT, *change)
        if not rows and await self._opened(ctx, offer_id, warehouse_id):
            rows = await self._db.step(ctx, counting.COUNT, *change)
        if not rows:
            raise NotFound
        if not rows[0]["counted"]:
            await self._need_moved(ctx, id, offer_id, rows[0], number, by_difference)
        return await self._told(ctx, offer_id)

    async def _need_moved(
        self,
        ctx: Context,
        id: UUID,
        offer_id: UUID,
        found: Record,
        number: int,
        by_difference: bool,
    ) -> None:
        """Nothing was counted: harmless when this id was here before, else it says why."""
        if await self._moved(id, offer_id):
            return
        if found["unclear"]:
            raise Invalid.at(
                "warehouseId", "It lies in several warehouses; name one.", "warehouse_required"
            )
        if by_difference and found["on_hand"] + number > ON_HAND_MAX:
            raise Invalid.at("delta", f"At most {ON_HAND_MAX} in one place.", "too_many")
        raise Conflict(
            f"{found['reserved']} of these are reserved; the count cannot fall below that.",
            code="stock_reserved",
            reserved=found["reserved"],
            on_hand=found["on_hand"] + number if by_difference else number,
        )

    async def transfer(
        self, ctx: Context, id: UUID, offer_id: UUID, quantity: int, from_id: UUID, to_id: UUID
    ) -> Stock:
        if from_id == to_id or quantity < 1:
            at = "toId" if from_id == to_id else "quantity"
            raise Invalid.at(at, "Move at least one, to another warehouse.", "transfer_nowhere")
        vendor = vendor_of(ctx)
        await self._db.execute(counting.OPEN_PLACE, offer_id, [from_id, to_id], ctx.now(), vendor)
        rows = await self._db.step(
            ctx,
            counting.TRANSFER,
            id,
            derive(id, "in"),
            offer_id,
            from_id,
            to_id,
            quantity,
            ctx.actor.type,
            ctx.actor.id,
            vendor,
            ctx.now(),
        )
        if len(rows) < 2:
            raise NotFound
        if not rows[0]["counted"] and not await self._moved(id, offer_id):
            [free] = [row["free"] for row in rows if row["warehouse_id"] == from_id]
            raise Conflict(f"Only {free} are free there.", code="stock_reserved", available=free)
        return await self._told(ctx, offer_id)

    async def set_threshold(self, ctx: Context, offer_id: UUID, low_at: int) -> Stock:
        return await self._mark(ctx, counting.SET_THRESHOLD, offer_id, low_at)

    async def set_safety(self, ctx: Context, offer_id: UUID, safety: int) -> Stock:
        return await self._mark(ctx, counting.SET_SAFETY, offer_id, safety)

    async def set_counted(self, ctx: Context, offer_id: UUID, counted: bool) -> Stock:
        return await self._mark(ctx, counting.SET_COUNTED, offer_id, counted)

    async def _mark(self, ctx: Context, sql: Any, offer_id: UUID, number: int) -> Stock:
        change = (offer_id, number, ctx.now(), vendor_of(ctx))
        rows = await self._db.step(ctx, sql, *change)
        if not rows and await self._opened(ctx, offer_id, None):
            rows = await self._db.step(ctx, sql, *change)
        if not rows:
            raise NotFound
        return await self._told(ctx, offer_id)

    async def movements(
        self,
        ctx: Context,
        offer_id: UUID,
        reason: Reason | None,
        warehouse_id: UUID | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Movement]:
        before = decode_cursor(cursor, _moment, UUID) or [_FOREVER, _LAST_ID]
        vendor = vendor_of(ctx)
        rows = await self._db.fetch(
            counting.MOVEMENTS, offer_id, *before, limit + 1, vendor, reason, warehouse_id
        )
        if not rows and not await self._db.fetch(counting.STOCK_OF, [offer_id], vendor):
            raise NotFound
        return page_of([Movement(**r) for r in rows], limit, "at", "id")

    async def _moved(self, id: UUID, offer_id: UUID) -> bool:
        """Whether this movement was made before; Conflict when it was of another offer."""
        moved = await self._db.fetchval(counting.MOVED, id)
        if moved is not None and moved != offer_id:
            raise Conflict("This id names another movement.", code="id_taken")
        return moved is not None

    async def _opened(self, ctx: Context, offer_id: UUID, warehouse_id: UUID | None) -> bool:
        """Opens the rows of an offer whose OfferAdded has not been heard yet, and its place in a
        warehouse."""
        found = await self._catalog.offers(ctx, ids=[offer_id])
        if found:
            await self._db.execute(
                counting.OPEN,
                [o.offer_id for o in found],
                [o.product_id for o in found],
                [o.vendor_id for o in found],
                [o.sku for o in found],
                ctx.now(),
                [rules.first_warehouse(o.vendor_id) for o in found],
                rules.FIRST_NAME,
                [o.kind == "physical" for o in found],
            )
        if warehouse_id is not None:
            await self._db.execute(
                counting.OPEN_PLACE, offer_id, [warehouse_id], ctx.now(), vendor_of(ctx)
            )
        return bool(found) or warehouse_id is not None

    async def _told(self, ctx: Context, offer_id: UUID) -> Stock:
        """How it stands now; low stock, and the first or last one, are announced right away."""
        [row] = await self._db.fetch(counting.STOCK_OF, [offer_id], None)
        found = _stock(row)
        if found.low_at > 0 and found.is_low != row["low_told"]:
            await self._telling.low(ctx, [offer_id])
        if (found.available > 0) != row["there_told"]:
            await self._telling.turned(ctx, [offer_id])
        return found


def vendor_of(ctx: Context) -> UUID | None:
    """Whose rows the caller may see: its vendor's; None (all) for modules and the system."""
    everything = ctx.caller is not None or ctx.actor.type == "system"
    return None if everything else ctx.acting_vendor


def _stock(row: Record) -> Stock:
    counted = row["counted"]
    left = max(0, row["on_hand"] - row["reserved"] - row["safety"])
    available = left if counted else UNLIMITED
    return Stock(
        offer_id=row["offer_id"],
        vendor_id=row["vendor_id"],
        sku=row["sku"],
        on_hand=row["on_hand"],
        reserved=row["reserved"],
        available=available,
        safety=row["safety"],
        low_at=row["low_at"],
        counted=counted,
        is_low=counted and rules.is_low(available, row["low_at"]),
        kept=[Kept(warehouse_id=w, on_hand=n, reserved=r) for w, n, r in row["kept"]],
        updated_at=row["updated_at"],
    )


def _sku(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _moment(value: object) -> datetime:
    found = datetime.fromisoformat(str(value))
    if found.tzinfo is None:
        raise ValueError
    return found
