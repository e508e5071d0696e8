"""Forecasts as vendors read them: of a vendor order, of a line, of the whole balance."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payouts.api import (
    BalanceForecast,
    Blocker,
    Deduction,
    Forecast,
    ForecastDay,
    Policy,
)
from haat.domains.money.payouts.books import vendors_account
from haat.domains.money.payouts.service.forecasting import policy_now
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money

NEWEST = Sql("""
SELECT f.*, l.gross, l.vendor_id, e.currency
  FROM payouts.earnings e JOIN payouts.earning_lines l USING (vendor_order_id)
  JOIN payouts.forecasts f ON f.line_id = l.id AND f.number = l.forecasts
 WHERE e.vendor_order_id = $1 ORDER BY l.position
""")

HISTORY = Sql("""
SELECT f.*, l.gross, l.vendor_id, e.currency
  FROM payouts.forecasts f JOIN payouts.earning_lines l ON l.id = f.line_id
  JOIN payouts.earnings e ON e.vendor_order_id = l.vendor_order_id
 WHERE f.line_id = $1 ORDER BY f.number
""")

STANDING = Sql("""
SELECT coalesce(t.held, false) AS held, t.verified_at IS NULL AS unknown,
       d.vendor_id IS NOT NULL AS reachable, coalesce(d.held_until > $2, false) AS cooling
  FROM (SELECT $1::uuid AS vendor_id) given
  LEFT JOIN payouts.terms t USING (vendor_id)
  LEFT JOIN payouts.destinations d USING (vendor_id)
""")

# Everything that is not on the balance yet, by the day on which it comes there or, without one, by
# what it waits for. What is to be held back comes later by the days of the reserve.
COMING = Sql("""
WITH line AS (
  SELECT e.vendor_order_id, e.window_closes_at, e.due_at,
         l.net - l.refunded_net AS left_net,
         l.net - l.refunded_net - l.cash + l.cash_returned AS minor,
         (SELECT min(b.kind) FROM payouts.blocks b
           WHERE b.vendor_order_id = e.vendor_order_id AND b.lifted_at IS NULL) AS block
    FROM payouts.earnings e JOIN payouts.earning_lines l USING (vendor_order_id)
   WHERE e.vendor_id = $1 AND e.currency = $2 AND e.stage <> 'eligible'
), part AS (
  SELECT vendor_order_id, minor, (greatest(minor, 0) * $4 + 5000) / 10000 AS reserve,
         CASE WHEN window_closes_at IS NULL AND due_at IS NULL THEN 'not_delivered'
              ELSE block END AS waits,
         greatest(window_closes_at, $3) AS at
    FROM line WHERE left_net <> 0
), moment AS (
  SELECT vendor_order_id, waits, at, minor - reserve AS minor FROM part
  UNION ALL
  SELECT vendor_order_id, waits, at + make_interval(days => $5), reserve FROM part
   WHERE reserve <> 0
  UNION ALL
  SELECT e.vendor_order_id,
         (SELECT min(b.kind) FROM payouts.blocks b
           WHERE b.vendor_order_id = e.vendor_order_id AND b.kind = 'dispute'
             AND b.lifted_at IS NULL AND e.reserve_stage = 'held'),
         greatest(e.release_at, $3), l.accrued_reserve - l.released
    FROM payouts.earnings e JOIN payouts.earning_lines l USING (vendor_order_id)
   WHERE e.vendor_id = $1 AND e.currency = $2 AND e.stage = 'eligible'
     AND e.reserve_stage IN ('held', 'releasing') AND l.released < l.accrued_reserve
)
SELECT waits, CASE WHEN waits IS NULL THEN (at AT TIME ZONE 'UTC')::date END AS day,
       sum(minor)::bigint AS minor, count(DISTINCT vendor_order_id)::int AS vendor_orders
  FROM moment GROUP BY 1, 2 ORDER BY 2, 1
""")

RESERVES = Sql("SELECT reserve_bp, reserve_days FROM payouts.terms WHERE vendor_id = $1")


class Foreseeing:
    """Stored forecasts say what is known of a line; what keeps the vendor as a whole from being
    paid is added when they are read."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def forecast(self, ctx: Context, vendor_order_id: UUID) -> list[Forecast]:
        rows = await self._db.fetch(NEWEST, vendor_order_id)
        if not rows:
            raise NotFound
        ctx.need_vendor(rows[0]["vendor_id"])
        standing = await self._standing(ctx, rows[0]["vendor_id"], await policy_now(self._db))
        return [_shown(row, standing if row["paid"] != row["net"] else ()) for row in rows]

    async def history(self, ctx: Context, line_id: UUID) -> list[Forecast]:
        rows = await self._db.fetch(HISTORY, line_id)
        if not rows:
            raise NotFound
        ctx.need_vendor(rows[0]["vendor_id"])
        return [_shown(row, ()) for row in rows]

    async def balance(self, ctx: Context, vendor_id: UUID, currency: str) -> BalanceForecast:
        policy = await policy_now(self._db)
        standing = await self._standing(ctx, vendor_id, policy)
        own = await self._db.fetchrow(RESERVES, vendor_id)
        reserve_bp, days = policy.reserve_bp, policy.reserve_days
        if own is not None:
            reserve_bp = reserve_bp if own["reserve_bp"] is None else own["reserve_bp"]
            days = days if own["reserve_days"] is None else own["reserve_days"]
        now: datetime = ctx.now()
        rows = await self._db.fetch(COMING, vendor_id, currency, now, reserve_bp, days)
        account = vendors_account("payable", vendor_id, currency)
        [held] = await self._ledger.balances(ctx, accounts=[account])
        waiting = {
            row["waits"]: Money(minor=row["minor"], currency=currency)
            for row in rows
            if row["waits"] is not None
        }
        available = Money(minor=held.free_minor, currency=currency)
        if available.minor < 0:
            waiting["negative_balance"] = available
        elif available.minor and standing:
            waiting[standing[0]] = waiting.get(standing[0], Money.zero(currency)) + available
        return BalanceForecast(
            vendor_id=vendor_id,
            available=available,
            days=[
                ForecastDay(
                    day=row["day"],
                    amount=Money(minor=row["minor"], currency=currency),
                    vendor_orders=row["vendor_orders"],
                )
                for row in rows
                if row["day"] is not None
            ],
            waiting=waiting,
        )

    async def _standing(self, ctx: Context, vendor_id: UUID, policy: Policy) -> list[Blocker]:
        row = await self._db.fetchrow(STANDING, vendor_id, ctx.now())
        assert row is not None
        found: list[Blocker] = []
        if row["held"]:
            found.append("hold")
        if policy.kyc_required and row["unknown"]:
            found.append("kyc")
        if not row["reachable"]:
            found.append("destination")
        if row["cooling"]:
            found.append("cooling_off")
        return found


def _shown(row: Record, standing: Sequence[Blocker]) -> Forecast:
    currency = row["currency"]
    blockers = [*row["blockers"], *(one for one in standing if one not in row["blockers"])]
    return Forecast(
        vendor_order_id=row["vendor_order_id"],
        line_id=row["line_id"],
        number=row["number"],
        cause=row["cause"],
        cause_id=row["cause_id"],
        gross=Money(minor=row["gross"], currency=currency),
        net=Money(minor=row["net"], currency=currency),
        change=Money(minor=row["change"], currency=currency),
        deductions=[Deduction.model_validate(one) for one in row["deductions"]],
        expected_at=row["expected_at"],
        blockers=blockers,
        paid=Money(minor=row["paid"], currency=currency),
        issued_at=row["issued_at"],
    )
