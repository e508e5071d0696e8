"""Many counts of one vendor at once: what has no rows yet is opened with its count."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from haat.domains.goods.inventory import rules
from haat.domains.goods.inventory.api import Counted, PutCount, StockOpened, ThereNow
from haat.domains.goods.inventory.service.keeping import ON_HAND_MAX
from haat.engines.sql import Database, Deadlock, Record, Sql
from haat.kernel.context import Context

SET_MOST = 1_000  # offers that one event tells of
OPEN_TRIES = 4

# How these stand in the vendor's first warehouse ($3 NULL: they are not there). $2: movements.
STANDING = Sql("""
SELECT w.offer_id, o.vendor_id, s.on_hand, s.reserved,
       EXISTS (SELECT FROM inventory.stock e
                WHERE e.offer_id = w.offer_id AND e.warehouse_id <> s.warehouse_id
                  AND e.on_hand > 0) AS unclear,
       EXISTS (SELECT FROM inventory.movements m WHERE m.id = w.id) AS moved
  FROM unnest($1::uuid[], $2::uuid[]) AS w (offer_id, id)
  JOIN inventory.offers o ON o.offer_id = w.offer_id
  LEFT JOIN inventory.warehouses h ON h.vendor_id = o.vendor_id AND h.is_default
  LEFT JOIN inventory.stock s ON s.offer_id = w.offer_id AND s.warehouse_id = h.id
""")

# $1 the movements' ids, $2 the offers with their products ($3), SKUs ($4) and counts ($5), of the
# vendor $6 with its first warehouse $7. What somebody opened meanwhile is left out.
OPEN_WITH = Sql("""
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int[])
           AS o (id, offer_id, product_id, sku, on_hand)
     ORDER BY offer_id
), first AS (
    INSERT INTO inventory.warehouses (id, vendor_id, name, is_default, countries, created_at)
    SELECT $7::uuid, $6::uuid, $8::text, true, '{}'::bpchar[], $9::timestamptz
     WHERE NOT EXISTS (SELECT FROM inventory.warehouses WHERE id = $7)
        ON CONFLICT DO NOTHING
), known AS (
    INSERT INTO inventory.offers (offer_id, product_id, vendor_id, sku, there_told, updated_at)
    SELECT offer_id, product_id, $6, sku, on_hand > 0, $9 FROM wanted
        ON CONFLICT (offer_id) DO NOTHING
    RETURNING offer_id
), opened AS (
    INSERT INTO inventory.stock (offer_id, warehouse_id, on_hand, updated_at)
    SELECT w.offer_id, $7, w.on_hand, $9 FROM wanted w JOIN known USING (offer_id)
    RETURNING offer_id, on_hand
), moved AS (
    INSERT INTO inventory.movements
           (id, offer_id, warehouse_id, delta, reason, actor, actor_id, at)
    SELECT w.id, w.offer_id, $7, w.on_hand, $10, $11, $12, $9
      FROM wanted w JOIN opened USING (offer_id)
     WHERE w.on_hand <> 0
)
SELECT offer_id, on_hand FROM opened
""")

COUNT_MANY = Sql("""
WITH found AS (
    SELECT s.offer_id, s.warehouse_id, s.on_hand, s.reserved, w.id, w.on_hand AS wanted
      FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS w (id, offer_id, on_hand)
      JOIN inventory.offers o ON o.offer_id = w.offer_id AND o.vendor_id = $4
      JOIN inventory.warehouses h ON h.vendor_id = $4 AND h.is_default
      JOIN inventory.stock s ON s.offer_id = w.offer_id AND s.warehouse_id = h.id
     ORDER BY s.offer_id, s.warehouse_id
       FOR UPDATE OF s
), moved AS (
    INSERT INTO inventory.movements
           (id, offer_id, warehouse_id, delta, reason, actor, actor_id, at)
    SELECT id, offer_id, warehouse_id, wanted - on_hand, $6, $7, $8, $5
      FROM found WHERE wanted BETWEEN reserved AND $9::int
        ON CONFLICT (id) DO NOTHING
    RETURNING offer_id, warehouse_id
)
UPDATE inventory.stock s
   SET on_hand = found.wanted, reserved = found.reserved, updated_at = $5
  FROM found JOIN moved USING (offer_id, warehouse_id)
 WHERE s.offer_id = found.offer_id AND s.warehouse_id = found.warehouse_id
RETURNING s.offer_id
""")


class Putting:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(
        self, ctx: Context, vendor_id: UUID, counts: Sequence[PutCount], reason: Counted
    ) -> tuple[dict[UUID, str], set[UUID]]:
        """What became of each, and those among them that have rows since just now: all has been
        said of these."""
        wanted = {one.offer_id: one for one in counts}
        found = await self._standing(list(wanted.values()))
        told: dict[UUID, str] = {}
        new = [one for id, one in wanted.items() if id not in found]
        opened: dict[UUID, int] = {}
        if new:
            opened = await self._open(ctx, vendor_id, new, reason)
            told.update({id: "changed" for id, on_hand in opened.items() if on_hand})
            late = [one for one in new if one.offer_id not in opened]
            found |= await self._standing(late) if late else {}
        again = []
        for id, row in found.items():
            verdict = _verdict(row, vendor_id, wanted[id])
            if verdict == "count":
                again.append(wanted[id])
            elif verdict:
                told[id] = verdict
        if again:
            counted = await self._count(ctx, vendor_id, again, reason)
            told.update(dict.fromkeys(counted, "changed"))
            late = [one for one in again if one.offer_id not in counted]
            for id, row in (await self._standing(late) if late else {}).items():
                # Somebody else put the same just now, or reserved more than that.
                told[id] = "changed" if row["moved"] else "stock_reserved"
        return told, set(opened)

    async def _standing(self, counts: Sequence[PutCount]) -> dict[UUID, Record]:
        rows = await self._db.fetch(STANDING, _ids(counts), [one.id for one in counts])
        return {row["offer_id"]: row for row in rows}

    async def _open(
        self, ctx: Context, vendor_id: UUID, new: Sequence[PutCount], reason: Counted
    ) -> dict[UUID, int]:
        columns = [
            [one.id for one in new],
            _ids(new),
            [one.product_id for one in new],
            [one.sku for one in new],
            [one.on_hand for one in new],
        ]
        first = rules.first_warehouse(vendor_id)
        about = (vendor_id, first, rules.FIRST_NAME, ctx.now(), reason)
        for _ in range(OPEN_TRIES - 1):
            try:
                return await self._opened(ctx, vendor_id, new, columns, about)
            except Deadlock:  # who hears of the offers opens them too
                continue
        return await self._opened(ctx, vendor_id, new, columns, about)

    async def _opened(
        self,
        ctx: Context,
        vendor_id: UUID,
        new: Sequence[PutCount],
        columns: Sequence[Any],
        about: Sequence[Any],
    ) -> dict[UUID, int]:
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(OPEN_WITH, *columns, *about, ctx.actor.type, ctx.actor.id)
            opened = {row["offer_id"]: row["on_hand"] for row in rows}
            there = [
                ThereNow(offer_id=one.offer_id, product_id=one.product_id)
                for one in new
                if opened.get(one.offer_id)
            ]
            for start in range(0, len(there), SET_MOST):
                some = there[start : start + SET_MOST]
                tx.emit(StockOpened(vendor_id=vendor_id, offers=some))
        return opened

    async def _count(
        self, ctx: Context, vendor_id: UUID, counts: Sequence[PutCount], reason: Counted
    ) -> set[UUID]:
        rows = await self._db.step(
            ctx,
            COUNT_MANY,
            [one.id for one in counts],
            _ids(counts),
            [one.on_hand for one in counts],
            vendor_id,
            ctx.now(),
            reason,
            ctx.actor.type,
            ctx.actor.id,
            ON_HAND_MAX,
        )
        return {row["offer_id"] for row in rows}


def _verdict(row: Record, vendor_id: UUID, wanted: PutCount) -> str:
    """What to do: "count", nothing (""), or why it cannot be."""
    if row["vendor_id"] != vendor_id or row["on_hand"] is None:
        return "not_found"
    if row["moved"] or row["on_hand"] == wanted.on_hand:
        return ""
    if row["unclear"]:
        return "warehouse_required"
    return "count" if wanted.on_hand >= row["reserved"] else "stock_reserved"


def _ids(counts: Sequence[PutCount]) -> list[UUID]:
    return [one.offer_id for one in counts]
