"""A payout's changes that its movements and the forecasts of its lines follow.

Each is one transaction: the vendor's row (what goes back to the balance), the vendor orders, then
the payout, in that order everywhere.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.money.payouts.api import PayoutProcessed, PayoutRequested
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.events import Event
from haat.kernel.ids import derive

LOCK_VENDOR = Sql("""
SELECT 1 FROM payouts.destinations
 WHERE vendor_id = (SELECT vendor_id FROM payouts.payouts WHERE id = $1) FOR NO KEY UPDATE
""")

LOCK_EARNINGS = Sql("""
SELECT 1 FROM payouts.earnings
 WHERE vendor_order_id IN (
   SELECT m.vendor_order_id FROM payouts.payout_items i
     JOIN payouts.movements m ON m.id = i.movement_id
    WHERE i.payout_id = $1)
 ORDER BY vendor_order_id FOR NO KEY UPDATE
""")

RESERVED = Sql("""
UPDATE payouts.payouts
   SET status = CASE WHEN automatic THEN 'approved' ELSE 'requested' END,
       approved_by = CASE WHEN automatic THEN 'rule' END,
       decided_at = CASE WHEN automatic THEN $2::timestamptz END, touched_at = $2
 WHERE id = $1 AND status = 'reserving' RETURNING *
""")

REFUSE = Sql("""
UPDATE payouts.payouts SET status = 'refused', touched_at = $2
 WHERE id = $1 AND status = 'reserving' RETURNING *
""")

APPROVE = Sql("""
UPDATE payouts.payouts
   SET status = 'approved', approved_by = 'staff', decided_at = $2, decided_by = $3, reason = $4,
       touched_at = $2
 WHERE id = $1 AND status = 'requested' AND outcome IS NULL RETURNING *
""")

DONE = Sql("""
UPDATE payouts.payouts
   SET status = outcome, touched_at = $2,
       paid_at = CASE WHEN outcome = 'paid' THEN $2 ELSE paid_at END
 WHERE id = $1 AND outcome IS NOT NULL AND status <> outcome RETURNING *
""")

GIVE_BACK = Sql("""
UPDATE payouts.movements m SET taken = m.taken - i.minor
  FROM payouts.payout_items i WHERE i.payout_id = $1 AND m.id = i.movement_id
""")

PAY = Sql("""
UPDATE payouts.movements m SET paid = m.paid + i.minor
  FROM payouts.payout_items i WHERE i.payout_id = $1 AND m.id = i.movement_id
""")

# The next forecast of every line that the payout pays. With $6 the line is paid that part now; what
# still waits then is named by what is left of it. The rest stands as in the forecast before.
ISSUE = Sql("""
WITH part AS (
  SELECT m.line_id, sum(i.minor)::bigint AS minor
    FROM payouts.payout_items i JOIN payouts.movements m ON m.id = i.movement_id
   WHERE i.payout_id = $1 AND m.line_id IS NOT NULL
   GROUP BY m.line_id
), line AS (
  UPDATE payouts.earning_lines l
     SET forecasts = l.forecasts + 1,
         paid = l.paid + CASE WHEN $6 THEN part.minor ELSE 0 END
    FROM part WHERE l.id = part.line_id
  RETURNING l.id, l.vendor_order_id, l.forecasts, l.forecast_net,
            l.paid + l.cash - l.cash_returned AS paid, l.accrued_reserve - l.released AS reserve
), stood AS (
  SELECT line.*, f.deductions, f.expected_at, forecast_net - line.paid - reserve AS open
    FROM line JOIN payouts.forecasts f ON f.line_id = line.id AND f.number = line.forecasts - 1
)
INSERT INTO payouts.forecasts (line_id, number, vendor_order_id, cause, cause_id, net, change,
                               deductions, expected_at, blockers, paid, issued_at)
SELECT id, forecasts, vendor_order_id, $2, $3, forecast_net, 0, deductions,
       CASE WHEN $6 AND open <= 0 AND reserve = 0 THEN NULL ELSE expected_at END,
       ARRAY(SELECT DISTINCT b.kind FROM payouts.blocks b
              WHERE reserve <> 0 AND b.vendor_order_id = stood.vendor_order_id
                AND b.kind = 'dispute' AND b.lifted_at IS NULL)
       || CASE WHEN reserve <> 0 THEN ARRAY['reserve'] ELSE ARRAY[]::text[] END
       || CASE WHEN NOT $6 THEN $4::text[] WHEN open > 0 THEN ARRAY['schedule']
               WHEN open < 0 THEN ARRAY['negative_balance'] ELSE ARRAY[]::text[] END,
       paid, $5
  FROM stood
""")


class Moving:
    """Each answers the payout as it is now, or None when it was not in the state for it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def reserved(self, ctx: Context, id: UUID, event: PayoutRequested) -> Record | None:
        async with self._db.begin(ctx) as tx:
            row = await _locked_and(tx, RESERVED, id, ctx.now())
            if row is not None:
                waits = "provider" if row["automatic"] else "approval"
                await _issue(tx, id, id, waits, ctx.now())
                tx.emit(event)
            return row

    async def refused(self, ctx: Context, id: UUID) -> Record | None:
        async with self._db.begin(ctx) as tx:
            row = await _locked_and(tx, REFUSE, id, ctx.now())
            if row is not None:
                await tx.execute(GIVE_BACK, id)
            return row

    async def approved(
        self, ctx: Context, id: UUID, by: UUID | None, reason: str | None
    ) -> Record | None:
        async with self._db.begin(ctx) as tx:
            row = await _locked_and(tx, APPROVE, id, ctx.now(), by, reason)
            if row is not None:
                await _issue(tx, id, derive(id, "approved"), "provider", ctx.now())
            return row

    async def ended(self, ctx: Context, row: Record, event: PayoutProcessed) -> Record | None:
        id = row["id"]
        async with self._db.begin(ctx) as tx:
            done = await _locked_and(tx, DONE, id, ctx.now())
            if done is None:
                return None
            if done["status"] == "paid":
                await tx.execute(PAY, id)
                await tx.execute(ISSUE, id, "paid", id, [], ctx.now(), True)
            else:
                await tx.execute(GIVE_BACK, id)
                await _issue(tx, id, derive(id, "returned"), "schedule", ctx.now())
            told: Event = event
            tx.emit(told)
            return done


async def _locked_and(tx: Tx, sql: str, id: UUID, *args: Any) -> Record | None:
    await tx.fetch(LOCK_VENDOR, id)
    await tx.fetch(LOCK_EARNINGS, id)
    return await tx.fetchrow(sql, id, *args)


async def _issue(tx: Tx, id: UUID, cause_id: UUID, waits: str, now: datetime) -> None:
    await tx.execute(ISSUE, id, "payout", cause_id, [waits], now, False)
