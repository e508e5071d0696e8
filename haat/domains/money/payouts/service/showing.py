"""What pages show beside balances: what keeps a vendor from being paid, sales by day, what is in a
bank file."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.money.payouts.api import (
    Blocker,
    Payout,
    Policy,
    SalesDay,
    VendorBalance,
)
from haat.domains.money.payouts.service.forecasting import policy_now
from haat.domains.money.payouts.service.pages import before
from haat.domains.money.payouts.service.paying import shown
from haat.engines.sql import Database, Record, Sql
from haat.kernel.money import Money
from haat.kernel.page import Page, page_of

STANDINGS = Sql("""
SELECT given.vendor_id, d.vendor_id IS NOT NULL AS reachable, coalesce(t.held, false) AS held,
       coalesce(t.held_reason, '') AS held_reason, t.verified_at, t.schedule, t.threshold_minor,
       coalesce(d.held_until > $2, false) AS cooling
  FROM unnest($1::uuid[]) WITH ORDINALITY AS given (vendor_id, place)
  LEFT JOIN payouts.terms t USING (vendor_id)
  LEFT JOIN payouts.destinations d USING (vendor_id)
 ORDER BY place
""")

SALES = Sql("""
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*)::int AS vendor_orders,
       sum(gross)::bigint AS gross, sum(net)::bigint AS net,
       sum(refunded_net + refunded_commission + refunded_commission_tax + refunded_tax)::bigint
         AS refunded
  FROM payouts.earnings
 WHERE vendor_id = $1 AND currency = $2 AND created_at >= $3 AND created_at < $4
 GROUP BY 1 ORDER BY 1
""")

IN_FILE = Sql("""
SELECT * FROM payouts.payouts
 WHERE bank_file_id = $1 AND (requested_at, id) < ($2, $3::uuid)
 ORDER BY requested_at DESC, id DESC LIMIT $4
""")


class Showing:
    """Queries of pages."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def standing(
        self, balances: Sequence[VendorBalance], currency: str, now: datetime
    ) -> list[VendorBalance]:
        """The balances with what keeps them from being paid out, and when they are."""
        policy = await policy_now(self._db)
        rows = await self._db.fetch(STANDINGS, [one.vendor_id for one in balances], now)
        return [
            one.model_copy(update=_standing(row, policy, currency))
            for one, row in zip(balances, rows, strict=True)
        ]

    async def sales(
        self, vendor_id: UUID, currency: str, since: datetime, until: datetime
    ) -> list[SalesDay]:
        rows = await self._db.fetch(SALES, vendor_id, currency, since, until)
        return [
            SalesDay(
                day=row["day"],
                vendor_orders=row["vendor_orders"],
                gross=Money(minor=row["gross"], currency=currency),
                net=Money(minor=row["net"], currency=currency),
                refunded=Money(minor=row["refunded"], currency=currency),
            )
            for row in rows
        ]

    async def in_bank_file(self, id: UUID, limit: int, cursor: str | None) -> Page[Payout]:
        rows = await self._db.fetch(IN_FILE, id, *before(cursor), limit + 1)
        return page_of([shown(row) for row in rows], limit, "requested_at", "id")


def _standing(row: Record, policy: Policy, currency: str) -> dict[str, Any]:
    blockers: list[Blocker] = []
    if row["held"]:
        blockers.append("hold")
    if policy.kyc_required and row["verified_at"] is None:
        blockers.append("kyc")
    if not row["reachable"]:
        blockers.append("destination")
    if row["cooling"]:
        blockers.append("cooling_off")
    own = row["threshold_minor"]
    threshold = policy.threshold_minor if own is None else own
    return {
        "blockers": blockers,
        "held_reason": row["held_reason"] if row["held"] else "",
        "threshold": Money(minor=threshold, currency=currency),
        "schedule": row["schedule"] or policy.schedule,
        "schedule_day": policy.schedule_day,
        "method": policy.method,
    }
