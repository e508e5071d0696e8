"""What pages show beside balances: how vendors stand, sales by day, how the policy changed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from haat.domains.money.payouts.api import (
    Blocker,
    Payout,
    Policy,
    PolicyChange,
    SalesDay,
    Standing,
)
from haat.domains.money.payouts.service.forecasting import policy_now
from haat.domains.money.payouts.service.paying import shown
from haat.engines.sql import Database, Record, Sql
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

STANDINGS = Sql("""
SELECT given.vendor_id, d.vendor_id IS NOT NULL AS reachable, coalesce(t.held, false) AS held,
       coalesce(t.held_reason, '') AS held_reason, t.verified_at, t.schedule, t.threshold_minor,
       t.reserve_bp, t.reserve_days
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

POLICIES = Sql("""
SELECT number, settings, reason, changed_at FROM payouts.policies
 WHERE number < $1 ORDER BY number DESC LIMIT $2
""")

IN_FILE = Sql("""
SELECT * FROM payouts.payouts WHERE bank_file_id = $1 ORDER BY requested_at, id
""")

_LAST = 2**62


class Showing:
    """Queries of pages."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def standings(self, vendor_ids: Sequence[UUID], currency: str) -> list[Standing]:
        policy = await policy_now(self._db)
        rows = await self._db.fetch(STANDINGS, vendor_ids)
        return [_standing(row, policy, currency) for row in rows]

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

    async def policies(self, limit: int, cursor: str | None) -> Page[PolicyChange]:
        key = decode_cursor(cursor, int)
        rows = await self._db.fetch(POLICIES, key[0] if key else _LAST, limit + 1)
        found = [
            PolicyChange(
                number=row["number"],
                policy=Policy.model_validate(row["settings"]),
                reason=row["reason"],
                changed_at=row["changed_at"],
            )
            for row in rows
        ]
        return page_of(found, limit, "number")

    async def in_bank_file(self, id: UUID) -> list[Payout]:
        return [shown(row) for row in await self._db.fetch(IN_FILE, id)]


def _standing(row: Record, policy: Policy, currency: str) -> Standing:
    found: list[Blocker] = []
    if row["held"]:
        found.append("hold")
    if policy.kyc_required and row["verified_at"] is None:
        found.append("kyc")
    if not row["reachable"]:
        found.append("destination")

    def own(name: str) -> int:
        return int(getattr(policy, name) if row[name] is None else row[name])

    return Standing(
        vendor_id=row["vendor_id"],
        blockers=found,
        held_reason=row["held_reason"] if row["held"] else "",
        schedule=row["schedule"] or policy.schedule,
        schedule_day=policy.schedule_day,
        threshold=Money(minor=own("threshold_minor"), currency=currency),
        reserve_bp=own("reserve_bp"),
        reserve_days=own("reserve_days"),
        method=policy.method,
    )
