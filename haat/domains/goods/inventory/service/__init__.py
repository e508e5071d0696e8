"""Inventory's use cases: what can be had and reservations here (statements in `reserving.py`),
counts in `keeping.py`, many at once in `putting.py`, warehouses in `warehousing.py`, announcements
in `telling.py`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, OfferAdded, OfferRenamed, OffersAdded
from haat.domains.goods.inventory import rules
from haat.domains.goods.inventory.api import (
    Available,
    Counted,
    Inventory,
    Line,
    Movement,
    OutOfStock,
    PutCount,
    Reason,
    Reservation,
    ReservationExpired,
    Stock,
    StockCommitted,
    StockReleased,
    StockReserved,
    StockTurned,
    Warehouse,
    WarehouseDraft,
)
from haat.domains.goods.inventory.service import counting, reserving
from haat.domains.goods.inventory.service.keeping import Keeping, vendor_of
from haat.domains.goods.inventory.service.putting import Putting
from haat.domains.goods.inventory.service.telling import Telling
from haat.domains.goods.inventory.service.warehousing import Warehousing
from haat.engines.sql import Database, Tx
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, NotFound
from haat.kernel.ids import derive
from haat.kernel.page import Page, decode_cursor, page_of

BATCH = 500
SWEEPS = 20  # batches at most in one run of a timer
RESERVE_TRIES = 3
_FIRST_ID = UUID(int=0)


class InventoryService(Inventory):
    """Stock on PostgreSQL. `catalog` is asked for an offer whose stock row is not there yet."""

    def __init__(self, db: Database, catalog: Catalog) -> None:
        self._db = db
        self._telling = Telling(db)
        self._keeping = Keeping(db, catalog, self._telling)
        self._putting = Putting(db)
        self._warehousing = Warehousing(db)

    # --- what can be had -------------------------------------------------------------------

    async def available(
        self, ctx: Context, *, offers: list[UUID], country: str | None = None
    ) -> list[Available]:
        rows = await self._db.fetch(counting.AVAILABLE, list(set(offers)), country)
        return rules.had(offers, rows)

    # --- reservations ----------------------------------------------------------------------

    async def reserve(
        self,
        ctx: Context,
        *,
        id: UUID,
        lines: list[Line],
        ttl_s: int,
        country: str | None = None,
    ) -> Reservation:
        wanted = rules.together(lines)
        now = ctx.now()
        expires_at = now + timedelta(seconds=ttl_s)
        offers = list(wanted)
        quantities = [one.quantity for one in wanted.values()]
        pickups = [one.pickup_id for one in wanted.values()]
        asked = (id, offers, quantities, now, expires_at, pickups, country)
        event = StockReserved(reservation_id=id, lines=lines)
        for _ in range(RESERVE_TRIES):
            found = await self._db.step(ctx, reserving.RESERVE, *asked, emit=[event])
            if found[0]["born"]:
                if found[0]["fell"]:
                    await self._telling.low(ctx, offers)
                if found[0]["last"]:
                    await self._telling.turned(ctx, offers)
                return Reservation(id=id, state="held", expires_at=expires_at)
            if found[0]["state"] is not None:
                return rules.standing(id, found[0]["state"], found[0]["expires_at"], now)
            rows = await self._db.fetch(reserving.WHY_NOT, id, offers, pickups, country)
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
        rows = await self._db.step(ctx, reserving.RELEASE, id, ctx.now(), emit=[event])
        if rows:
            await self._telling.turned(ctx, [row["offer_id"] for row in rows])

    async def commit(self, ctx: Context, *, ids: list[UUID]) -> None:
        if not ids:
            return
        mine = sorted(set(ids))
        events = [StockCommitted(reservation_id=id) for id in mine]
        actor = ctx.actor
        rows = await self._db.step(
            ctx, reserving.COMMIT, mine, ctx.now(), actor.type, actor.id, emit=events
        )
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
        sold: UUID | None = None,
    ) -> None:
        back = rules.together(lines)
        rows = await self._db.step(
            ctx,
            reserving.RESTOCK,
            [derive(id, str(offer_id)) for offer_id in back],
            list(back),
            [one.quantity for one in back.values()],
            reason,
            reference,
            ctx.now(),
            ctx.actor.type,
            ctx.actor.id,
            sold,
        )
        if len(rows) < len(back):
            missing = set(back) - {r["offer_id"] for r in rows}
            raise NotFound("There is no stock of some offers.", offers=sorted(map(str, missing)))
        await self._telling.turned(ctx, list(back))

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
        warehouse_id: UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Stock]:
        return await self._keeping.stock(ctx, vendor_id, low_only, warehouse_id, limit, cursor)

    async def stock_of(self, ctx: Context, *, offers: list[UUID]) -> list[Stock]:
        return await self._keeping.stock_of(ctx, offers)

    async def find(self, ctx: Context, *, ref: str, vendor_id: UUID | None = None) -> list[Stock]:
        return await self._keeping.find(ctx, ref, vendor_id)

    async def set_on_hand(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        on_hand: int,
        reason: Counted = "set",
        warehouse_id: UUID | None = None,
    ) -> Stock:
        return await self._keeping.count(
            ctx, id, offer_id, on_hand, reason, warehouse_id, by_difference=False
        )

    async def put_on_hand(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        counts: list[PutCount],
        reason: Counted = "import",
    ) -> dict[UUID, str]:
        told, opened = await self._putting.put(ctx, vendor_id, counts, reason)
        changed = [id for id, what in told.items() if what == "changed" and id not in opened]
        for start in range(0, len(changed), BATCH):
            await self._telling.turned(ctx, changed[start : start + BATCH])
        return told

    async def adjust(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        delta: int,
        reason: Counted = "correction",
        warehouse_id: UUID | None = None,
    ) -> Stock:
        return await self._keeping.count(
            ctx, id, offer_id, delta, reason, warehouse_id, by_difference=True
        )

    async def transfer(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        quantity: int,
        from_id: UUID,
        to_id: UUID,
    ) -> Stock:
        return await self._keeping.transfer(ctx, id, offer_id, quantity, from_id, to_id)

    async def set_threshold(self, ctx: Context, *, offer_id: UUID, low_at: int) -> Stock:
        return await self._keeping.set_threshold(ctx, offer_id, low_at)

    async def set_safety(self, ctx: Context, *, offer_id: UUID, safety: int) -> Stock:
        return await self._keeping.set_safety(ctx, offer_id, safety)

    async def set_counted(self, ctx: Context, *, offer_id: UUID, counted: bool) -> Stock:
        return await self._keeping.set_counted(ctx, offer_id, counted)

    async def movements(
        self,
        ctx: Context,
        *,
        offer_id: UUID,
        reason: Reason | None = None,
        warehouse_id: UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Movement]:
        return await self._keeping.movements(ctx, offer_id, reason, warehouse_id, limit, cursor)

    # --- warehouses ------------------------------------------------------------------------

    async def warehouses(self, ctx: Context, *, vendor_id: UUID) -> list[Warehouse]:
        return await self._warehousing.of_vendor(ctx, vendor_id)

    async def save_warehouse(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, draft: WarehouseDraft
    ) -> Warehouse:
        return await self._warehousing.save(ctx, id, vendor_id, draft)

    async def close_warehouse(self, ctx: Context, *, id: UUID) -> None:
        await self._warehousing.close(ctx, id, vendor_of(ctx))

    async def pickup_points(self, ctx: Context, *, ids: list[UUID]) -> list[Warehouse]:
        return await self._warehousing.pickup_points(ids)

    # --- for reactions and timers ----------------------------------------------------------

    async def watch(self, ctx: Context, *, offers: list[UUID]) -> None:
        await self._telling.watch(ctx, offers)

    async def tell_low(self, ctx: Context) -> None:
        await self._telling.low(ctx)

    async def tell_back(self, ctx: Context) -> None:
        await self._telling.back(ctx)

    async def tell_turned(self, ctx: Context) -> None:
        await self._telling.all_turned(ctx)

    async def expire(self, ctx: Context) -> int:
        """Gives back what held reservations past their time keep; answers how many ended."""
        ended = 0
        for _ in range(SWEEPS):
            async with self._db.begin(ctx) as tx:
                rows = await tx.fetch(reserving.EXPIRE, ctx.now(), BATCH)
                tx.emit(*(StockReleased(reservation_id=r["id"]) for r in rows))
            if rows and rows[0]["back"]:
                await self._telling.turned(ctx, rows[0]["back"])
            ended += len(rows)
            if len(rows) < BATCH:
                break
        return ended

    async def open_rows(self, tx: Tx, events: Sequence[OfferAdded | OffersAdded]) -> None:
        added = [one for event in events for one in _added(event)]
        ids, products, vendors, skus, counted = (list(c) for c in zip(*added, strict=True))
        firsts = {id: rules.first_warehouse(id) for id in set(vendors)}
        now, places = tx.ctx.now(), [firsts[id] for id in vendors]
        about = (now, places, rules.FIRST_NAME, counted)
        await tx.execute(counting.OPEN, ids, products, vendors, skus, *about)
        # Of what is not counted there is always some.
        tx.emit(
            *(
                StockTurned(offer_id=id, product_id=product, vendor_id=vendor, in_stock=True)
                for id, product, vendor, _, is_counted in added
                if not is_counted
            )
        )

    async def rename(self, tx: Tx, renamed: list[OfferRenamed]) -> None:
        last = {e.offer_id: e.sku for e in renamed}
        await tx.execute(counting.RENAME, list(last), list(last.values()))

    async def move(self, tx: Tx, products: Mapping[UUID, UUID]) -> None:
        """These offers (offer → product) stand on other products now."""
        await tx.execute(counting.MOVE, list(products), list(products.values()))

    async def turn(self, tx: Tx, counted: Mapping[UUID, bool]) -> None:
        """Whether the offers of these products are counted."""
        now = tx.ctx.now()
        rows = await tx.fetch(counting.KINDS, list(counted), list(counted.values()), now)
        await self._telling.turned_in(tx, [row["offer_id"] for row in rows])

    async def suspend(self, tx: Tx, vendors: Iterable[UUID]) -> None:
        await tx.execute(counting.SUSPEND, list(vendors), tx.ctx.now())

    async def reinstate(self, tx: Tx, vendors: Iterable[UUID]) -> None:
        await tx.execute(counting.REINSTATE, list(vendors))


def _out_of_stock(lacking: dict[UUID, int]) -> OutOfStock:
    offers = [{"offerId": str(o), "available": n} for o, n in lacking.items()]
    return OutOfStock("Not enough is left of some of this.", offers=offers)


def _added(
    event: OfferAdded | OffersAdded,
) -> Iterator[tuple[UUID, UUID, UUID, str, bool]]:
    """Offer, product, vendor, SKU, whether it is counted."""
    for one in event.offers if isinstance(event, OffersAdded) else (event,):
        yield one.offer_id, one.product_id, event.vendor_id, one.sku, one.counted
