"""Inventory's use cases: reservations in `reserving.py`, counts in `counting.py`."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, OfferAdded, OfferRenamed
from haat.domains.goods.inventory import rules
from haat.domains.goods.inventory.api import (
    Available,
    Inventory,
    Line,
    Movement,
    OutOfStock,
    Reservation,
    ReservationExpired,
    Stock,
    StockCommitted,
    StockLow,
    StockReleased,
    StockReserved,
)
from haat.domains.goods.inventory.service import counting, reserving
from haat.engines.sql import Database, Record, Tx
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, NotFound
from haat.kernel.ids import derive
from haat.kernel.page import Page, decode_cursor, page_of

BATCH = 500
SWEEPS = 20  # batches at most in one run of a timer
RESERVE_TRIES = 3
_FIRST_ID = UUID(int=0)
_LAST_ID = UUID(int=(1 << 128) - 1)
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


class InventoryService(Inventory):
    """Stock on PostgreSQL. `catalog` is asked for an offer whose stock row is not there yet."""

    def __init__(self, db: Database, catalog: Catalog) -> None:
        self._db = db
        self._catalog = catalog

    # --- what can be had -------------------------------------------------------------------

    async def available(self, ctx: Context, *, offers: list[UUID]) -> list[Available]:
        rows = await self._db.fetch(counting.AVAILABLE, offers)
        return [Available(offer_id=r["offer_id"], available=r["available"]) for r in rows]

    # --- reservations ----------------------------------------------------------------------

    async def reserve(
        self, ctx: Context, *, id: UUID, lines: list[Line], ttl_s: int
    ) -> Reservation:
        wanted = rules.together(lines)
        now = ctx.now()
        expires_at = now + timedelta(seconds=ttl_s)
        offers, quantities = list(wanted), list(wanted.values())
        event = StockReserved(reservation_id=id, lines=lines)
        for _ in range(RESERVE_TRIES):
            found = await self._db.step(
                ctx, reserving.RESERVE, id, offers, quantities, now, expires_at, emit=[event]
            )
            if found[0]["born"]:
                if found[0]["fell"]:
                    await self.tell_low(ctx)
                return Reservation(id=id, state="held", expires_at=expires_at)
            if found[0]["state"] is not None:
                return rules.standing(id, found[0]["state"], found[0]["expires_at"], now)
            rows = await self._db.fetch(reserving.WHY_NOT, id, offers)
            if rows[0]["state"] is not None:  # the same id, at the same moment, came first
                return rules.standing(id, rows[0]["state"], rows[0]["expires_at"], now)
            lacking = rules.lacking(wanted, [(r["offer_id"], r["available"]) for r in rows])
            if lacking:
                raise _out_of_stock(lacking)
        raise _out_of_stock({r["offer_id"]: r["available"] for r in rows})

    async def promise(self, ctx: Context, *, id: UUID) -> Reservation:
        now = ctx.now()
        rows = await self._db.fetch(reserving.PROMISE, id, now)
        if not rows:
            raise NotFound("There is no such reservation.")
        found = rows[0]
        if found["state"] == "held":
            # Promised by another call since this statement began, or expired and not swept yet.
            [found] = await self._db.fetch(reserving.RESERVATION, id)
            if found["state"] == "held":
                raise ReservationExpired
        return rules.standing(id, found["state"], found["expires_at"], now)

    async def release(self, ctx: Context, *, id: UUID) -> None:
        event = StockReleased(reservation_id=id)
        await self._db.step(ctx, reserving.RELEASE, id, ctx.now(), emit=[event])

    async def commit(self, ctx: Context, *, ids: list[UUID]) -> None:
        if not ids:
            return
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(reserving.COMMIT, sorted(set(ids)), ctx.now())
            tx.emit(*(StockCommitted(reservation_id=r["id"]) for r in rows if r["committed"]))
        wrong = [r["id"] for r in rows if not r["committed"] and r["state"] != "committed"]
        if wrong:
            # The rest of the set is committed: one wrong id does not keep the others waiting.
            raise Conflict(
                "These reservations are not promised.",
                code="reservation_state",
                reservations=[str(id) for id in wrong],
            )

    async def restock(
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        reason: Literal["return", "reject", "cancel"],
        reference: UUID,
    ) -> None:
        back = rules.together(lines)
        ids = [derive(id, str(offer_id)) for offer_id in back]
        rows = await self._db.step(
            ctx,
            reserving.RESTOCK,
            ids,
            list(back),
            list(back.values()),
            reason,
            reference,
            ctx.now(),
        )
        if len(rows) < len(back):
            missing = set(back) - {r["offer_id"] for r in rows}
            raise NotFound("There is no stock of some offers.", offers=sorted(map(str, missing)))

    async def reservations(self, ctx: Context, *, ids: list[UUID]) -> list[Reservation]:
        return [Reservation(**r) for r in await self._db.fetch(reserving.STANDING, ids)]

    async def kept_count(self, ctx: Context) -> int:
        return int(await self._db.fetchval(reserving.KEPT_COUNT))

    async def kept(
        self, ctx: Context, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Reservation]:
        [after] = decode_cursor(cursor, UUID) or [_FIRST_ID]
        rows = await self._db.fetch(reserving.KEPT, after, limit + 1)
        return page_of([Reservation(**r) for r in rows], limit, "id")

    # --- counts ----------------------------------------------------------------------------

    async def stock(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        low_only: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Stock]:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        after = decode_cursor(cursor, _sku, UUID) or ["", _FIRST_ID]
        sql = counting.STOCK_LOW if low_only else counting.STOCK
        rows = await self._db.fetch(sql, vendor_id, *after, limit + 1)
        return page_of([_stock(r) for r in rows], limit, "sku", "offer_id")

    async def stock_of(self, ctx: Context, *, offers: list[UUID]) -> list[Stock]:
        rows = await self._db.fetch(counting.STOCK_OF, offers, _vendor_of(ctx))
        return [_stock(r) for r in rows]

    async def find(self, ctx: Context, *, ref: str, vendor_id: UUID | None = None) -> list[Stock]:
        bound = _vendor_of(ctx)
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

    async def set_on_hand(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        on_hand: int,
        reason: Literal["set", "correction", "import"] = "set",
    ) -> Stock:
        vendor = _vendor_of(ctx)
        change = (id, offer_id, on_hand, reason, ctx.now(), vendor)
        rows = await self._db.step(ctx, counting.SET_ON_HAND, *change)
        if not rows and await self._opened(ctx, offer_id):
            rows = await self._db.step(ctx, counting.SET_ON_HAND, *change)
        if not rows:
            raise NotFound
        if rows[0]["offer_id"] is None:
            return await self._set_before(ctx, id, offer_id, on_hand, rows[0]["held"])
        await self._told_if_low(ctx, rows[0])
        return _stock(rows[0])

    async def _set_before(
        self, ctx: Context, id: UUID, offer_id: UUID, on_hand: int, reserved: int
    ) -> Stock:
        """Nothing was counted: this id was here before, or too much is reserved."""
        moved = await self._db.fetchval(counting.MOVED, id)
        if moved is None:
            raise Conflict(
                f"{reserved} of these are reserved; the count cannot fall below that.",
                code="stock_reserved",
                reserved=reserved,
                on_hand=on_hand,
            )
        if moved != offer_id:
            raise Conflict("This id names another movement.", code="id_taken")
        rows = await self._db.fetch(counting.STOCK_OF, [offer_id], None)
        return _stock(rows[0])

    async def set_threshold(self, ctx: Context, *, offer_id: UUID, low_at: int) -> Stock:
        change = (offer_id, low_at, ctx.now(), _vendor_of(ctx))
        rows = await self._db.step(ctx, counting.SET_THRESHOLD, *change)
        if not rows and await self._opened(ctx, offer_id):
            rows = await self._db.step(ctx, counting.SET_THRESHOLD, *change)
        if not rows:
            raise NotFound
        await self._told_if_low(ctx, rows[0])
        return _stock(rows[0])

    async def movements(
        self, ctx: Context, *, offer_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Movement]:
        before = decode_cursor(cursor, _moment, UUID) or [_FOREVER, _LAST_ID]
        vendor = _vendor_of(ctx)
        rows = await self._db.fetch(counting.MOVEMENTS, offer_id, *before, limit + 1, vendor)
        if not rows and not await self._db.fetch(counting.STOCK_OF, [offer_id], vendor):
            raise NotFound
        return page_of([Movement(**r) for r in rows], limit, "at", "id")

    async def _opened(self, ctx: Context, offer_id: UUID) -> bool:
        """Opens the row of an offer whose OfferAdded has not been heard yet."""
        found = await self._catalog.offers(ctx, ids=[offer_id])
        await self._db.step(
            ctx,
            counting.OPEN,
            [o.offer_id for o in found],
            [o.product_id for o in found],
            [o.vendor_id for o in found],
            [o.sku for o in found],
            ctx.now(),
        )
        return bool(found)

    async def _told_if_low(self, ctx: Context, row: Record) -> None:
        low = rules.is_low(row["on_hand"], row["reserved"], row["low_at"])
        if row["low_at"] > 0 and low != row["low_told"]:
            await self.tell_low(ctx)

    # --- for reactions and timers ----------------------------------------------------------

    async def tell_low(self, ctx: Context) -> None:
        """Announces what fell to its threshold, once per fall; forgets what recovered."""
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(counting.TELL_LOW, BATCH)
            for row in rows:
                if row["low_told"]:
                    tx.emit(_low(row))

    async def expire(self, ctx: Context) -> int:
        """Gives back what held reservations past their time keep; answers how many ended."""
        ended = 0
        for _ in range(SWEEPS):
            async with self._db.begin(ctx) as tx:
                rows = await tx.fetch(reserving.EXPIRE, ctx.now(), BATCH)
                tx.emit(*(StockReleased(reservation_id=r["id"]) for r in rows))
            ended += len(rows)
            if len(rows) < BATCH:
                break
        return ended

    async def open_rows(self, tx: Tx, added: list[OfferAdded]) -> None:
        await tx.execute(
            counting.OPEN,
            [e.offer_id for e in added],
            [e.product_id for e in added],
            [e.vendor_id for e in added],
            [e.sku for e in added],
            tx.ctx.now(),
        )

    async def rename(self, tx: Tx, renamed: list[OfferRenamed]) -> None:
        last = {e.offer_id: e.sku for e in renamed}
        await tx.execute(counting.RENAME, list(last), list(last.values()))

    async def suspend(self, tx: Tx, vendors: Iterable[UUID]) -> None:
        await tx.execute(counting.SUSPEND, list(vendors), tx.ctx.now())

    async def reinstate(self, tx: Tx, vendors: Iterable[UUID]) -> None:
        await tx.execute(counting.REINSTATE, list(vendors))


def _vendor_of(ctx: Context) -> UUID | None:
    """Whose rows the caller may see: its vendor's; None (all) for modules and the system."""
    everything = ctx.caller is not None or ctx.actor.type == "system"
    return None if everything else ctx.acting_vendor


def _stock(row: Record) -> Stock:
    return Stock(
        offer_id=row["offer_id"],
        vendor_id=row["vendor_id"],
        sku=row["sku"],
        on_hand=row["on_hand"],
        reserved=row["reserved"],
        available=row["on_hand"] - row["reserved"],
        low_at=row["low_at"],
        is_low=rules.is_low(row["on_hand"], row["reserved"], row["low_at"]),
        updated_at=row["updated_at"],
    )


def _low(row: Record) -> StockLow:
    return StockLow(
        offer_id=row["offer_id"],
        vendor_id=row["vendor_id"],
        sku=row["sku"],
        available=row["on_hand"] - row["reserved"],
        low_at=row["low_at"],
    )


def _out_of_stock(lacking: dict[UUID, int]) -> OutOfStock:
    offers = [{"offerId": str(o), "available": n} for o, n in lacking.items()]
    return OutOfStock("Not enough is left of some of this.", offers=offers)


def _sku(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _moment(value: object) -> datetime:
    found = datetime.fromisoformat(str(value))
    if found.tzinfo is None:
        raise ValueError
    return found
