"""Refunds: taken from what is left of a vendor order, written down with their lines and legs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from haat.domains.trade.settlement.api import RefundResult
from haat.domains.trade.settlement.plans import Plan, Wanted, plan
from haat.domains.trade.settlement.rules import retry_after
from haat.domains.trade.settlement.service.reading import (
    REFUND,
    SOLD,
    Reading,
    result_of,
    sold_in,
)
from haat.domains.trade.settlement.service.repaying import Repaying
from haat.engines.sql import Database, Record, Sql, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive

# Refunds of one vendor order follow each other: what the next statement reads is the newest.
LOCK = Sql("""
SELECT vendor_order_id FROM settlement.balances
 WHERE vendor_order_id = ANY($1::uuid[]) AND booked_at IS NOT NULL
 ORDER BY vendor_order_id FOR UPDATE
""")
# Balance, lines and tenders are lowered with the refund that says why, or nothing is. The CHECKs of
# the three tables stand behind it.
TAKE = Sql("""
WITH taken AS (
  UPDATE settlement.balances SET refunded = refunded + $3
   WHERE vendor_order_id = $2 AND booked_at IS NOT NULL AND total - refunded >= $3
  RETURNING vendor_order_id, order_id, currency
), made AS (
  INSERT INTO settlement.refunds (id, vendor_order_id, order_id, amount, currency, state, reason,
         restock, dispute_id, fee, due_at, created_at)
  SELECT $1, vendor_order_id, order_id, $3, currency, 'created', $4, $5, $6, $7, $8, $9 FROM taken
  RETURNING id, vendor_order_id
), legs AS (
  INSERT INTO settlement.refund_legs (refund_id, leg, of_id, provider, id, amount, state)
  SELECT made.id, x.leg, x.of_id, x.provider, x.id, x.amount, $10
    FROM made, unnest($11::text[], $12::uuid[], $13::text[], $14::uuid[], $15::bigint[])
      AS x (leg, of_id, provider, id, amount)
), paid AS (
  UPDATE settlement.shares s SET refunded = s.refunded + x.amount
    FROM made, unnest($11::text[], $15::bigint[]) AS x (leg, amount)
   WHERE s.vendor_order_id = made.vendor_order_id AND s.leg = x.leg
), given AS (
  INSERT INTO settlement.refund_lines (refund_id, line_id, quantity, gross)
  SELECT made.id, x.line_id, x.quantity, x.gross
    FROM made, unnest($16::uuid[], $17::int[], $18::bigint[]) AS x (line_id, quantity, gross)
), sold AS (
  UPDATE settlement.lines l
     SET refunded_quantity = l.refunded_quantity + x.quantity, refunded = l.refunded + x.gross
    FROM made, unnest($16::uuid[], $17::int[], $18::bigint[]) AS x (line_id, quantity, gross)
   WHERE l.line_id = x.line_id AND l.vendor_order_id = made.vendor_order_id
)
SELECT id FROM made
""")


@dataclass(frozen=True, slots=True)
class Taking:
    """What a refund is for, beside its amounts. `fee`: minor units, of a lost dispute."""

    reason: str
    restock: bool = False
    dispute_id: UUID | None = None
    fee: int = 0


class Refunds:
    def __init__(self, db: Database, reading: Reading, repaying: Repaying) -> None:
        self._db = db
        self._reading = reading
        self._repaying = repaying

    async def refund(
        self, ctx: Context, id: UUID, vendor_order_id: UUID, wanted: Wanted, taking: Taking
    ) -> RefundResult:
        row = await self._db.fetchrow(REFUND, id)
        if row is None:
            await self._take(ctx, id, vendor_order_id, wanted, taking)
            row = await self._db.fetchrow(REFUND, id)
            assert row is not None, "it was written, here or by its double"
        if row["vendor_order_id"] != vendor_order_id:
            raise Invalid.at("id", "This id belongs to another refund.", "id_taken")
        if row["state"] == "created":
            await self._repaying.finish(ctx, row)
            row = await self._db.fetchrow(REFUND, id)
            assert row is not None, "a refund is never removed"
        return result_of(row)

    async def _take(
        self, ctx: Context, id: UUID, vendor_order_id: UUID, wanted: Wanted, taking: Taking
    ) -> None:
        """NotRefundable when that much is not left. Harmless when its double was faster."""
        try:
            async with self._db.begin(ctx) as tx:
                locked = await tx.fetch(LOCK, [vendor_order_id])
                if locked:
                    rows = await tx.fetch(SOLD, [vendor_order_id])
                    if await tx.fetchrow(REFUND, id) is None:
                        await take(tx, id, rows[0], plan(sold_in(rows[0]), wanted), taking)
                    return
        except UniqueViolation:  # the same refund, of another vendor order, at once
            return
        await self._reading.refundable(ctx, vendor_order_id, None)


async def take(tx: Tx, id: UUID, row: Record, found: Plan, taking: Taking) -> None:
    """Writes a refund and what it takes; `row` is the vendor order's, locked in `tx`."""
    ctx = tx.ctx
    ids: dict[str, UUID] = {"credits": derive(id, "credits")}  # any other part is the refund itself
    made: list[Any] = await tx.fetch(
        TAKE,
        id,
        row["vendor_order_id"],
        found.minor,
        taking.reason,
        taking.restock,
        taking.dispute_id,
        taking.fee,
        ctx.now() + retry_after(0),
        ctx.now(),
        "done" if taking.dispute_id else "created",  # the provider took it already
        [share.leg for share, _ in found.legs],
        [share.of_id for share, _ in found.legs],
        [share.provider for share, _ in found.legs],
        [ids.get(share.leg, id) for share, _ in found.legs],
        [minor for _, minor in found.legs],
        [one.line.id for one in found.lines],
        [one.quantity for one in found.lines],
        [one.gross for one in found.lines],
    )
    assert made, "the row is locked, and the plan is made of it"
