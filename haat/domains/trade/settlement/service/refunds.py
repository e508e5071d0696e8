"""Refunds: taken from what is left of a vendor order, written down with their lines and legs."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from haat.engines.sql import Database, Sql, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive

# Refunds of one vendor order follow each other: what the next statement reads is the newest.
LOCK = Sql("""
SELECT vendor_order_id FROM settlement.balances
 WHERE vendor_order_id = ANY($1::uuid[]) AND booked_at IS NOT NULL
 ORDER BY vendor_order_id FOR UPDATE
""")
# Balance, lines and tenders are lowered with the refunds that say why, or nothing is. The CHECKs of
# the three tables stand behind it.
TAKE = Sql("""
WITH asked AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
             AS x (id, vendor_order_id, amount, fee)
), taken AS (
  UPDATE settlement.balances b SET refunded = b.refunded + a.amount FROM asked a
   WHERE b.vendor_order_id = a.vendor_order_id AND b.booked_at IS NOT NULL
     AND b.total - b.refunded >= a.amount
  RETURNING a.id, b.vendor_order_id, b.order_id, a.amount, b.currency, a.fee
), made AS (
  INSERT INTO settlement.refunds (id, vendor_order_id, order_id, amount, currency, state, reason,
         restock, dispute_id, fee, due_at, created_at)
  SELECT id, vendor_order_id, order_id, amount, currency, 'created', $5, $6, $7, fee, $8, $9
    FROM taken
  RETURNING id, vendor_order_id
), legs AS (
  INSERT INTO settlement.refund_legs (refund_id, leg, of_id, provider, id, amount, state)
  SELECT made.id, x.leg, x.of_id, x.provider, x.id, x.amount, $10
    FROM unnest($11::uuid[], $12::text[], $13::uuid[], $14::text[], $15::uuid[], $16::bigint[])
      AS x (refund_id, leg, of_id, provider, id, amount)
    JOIN made ON made.id = x.refund_id
), paid AS (
  UPDATE settlement.shares s SET refunded = s.refunded + x.amount
    FROM unnest($11::uuid[], $12::text[], $16::bigint[]) AS x (refund_id, leg, amount)
    JOIN made ON made.id = x.refund_id
   WHERE s.vendor_order_id = made.vendor_order_id AND s.leg = x.leg
), given AS (
  INSERT INTO settlement.refund_lines (refund_id, line_id, quantity, gross)
  SELECT made.id, x.line_id, x.quantity, x.gross
    FROM unnest($17::uuid[], $18::uuid[], $19::int[], $20::bigint[])
      AS x (refund_id, line_id, quantity, gross)
    JOIN made ON made.id = x.refund_id
), sold AS (
  UPDATE settlement.lines l
     SET refunded_quantity = l.refunded_quantity + x.quantity, refunded = l.refunded + x.gross
    FROM unnest($17::uuid[], $18::uuid[], $19::int[], $20::bigint[])
      AS x (refund_id, line_id, quantity, gross)
    JOIN made ON made.id = x.refund_id
   WHERE l.line_id = x.line_id AND l.vendor_order_id = made.vendor_order_id
)
SELECT id FROM made
""")


@dataclass(frozen=True, slots=True)
class Taking:
    """What refunds are for, beside their amounts."""

    reason: str
    restock: bool = False
    dispute_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """One refund to be written. `fee`: minor units, its part of a lost dispute's."""

    id: UUID
    vendor_order_id: UUID
    plan: Plan
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
                        found = plan(sold_in(rows[0]), wanted)
                        await take(tx, [Take(id, vendor_order_id, found)], taking)
                    return
        except UniqueViolation:  # the same refund, of another vendor order, at once
            return
        await self._reading.refundable(ctx, vendor_order_id, None)


async def take(tx: Tx, takes: Sequence[Take], taking: Taking) -> None:
    """Writes refunds and what they take; their vendor orders are locked in `tx`."""
    now = tx.ctx.now()
    legs = [(one.id, share, minor) for one in takes for share, minor in one.plan.legs]
    lines = [(one.id, given) for one in takes for given in one.plan.lines]
    made = await tx.fetch(
        TAKE,
        [one.id for one in takes],
        [one.vendor_order_id for one in takes],
        [one.plan.minor for one in takes],
        [one.fee for one in takes],
        taking.reason,
        taking.restock,
        taking.dispute_id,
        now + retry_after(0),
        now,
        "done" if taking.dispute_id else "created",  # the provider took it already
        [id for id, _, _ in legs],
        [share.leg for _, share, _ in legs],
        [share.of_id for _, share, _ in legs],
        [share.provider for _, share, _ in legs],
        # The wallet knows its part by another id; any other part is the refund itself.
        [derive(id, "credits") if share.leg == "credits" else id for id, share, _ in legs],
        [minor for _, _, minor in legs],
        [id for id, _ in lines],
        [given.line.id for _, given in lines],
        [given.quantity for _, given in lines],
        [given.gross for _, given in lines],
    )
    assert len(made) == len(takes), "the rows are locked, and the plans are made of them"
