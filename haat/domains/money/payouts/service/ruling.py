"""The rules for paying out and each vendor's exceptions, with who changed them, when and why."""

from uuid import UUID

from haat.domains.money.payouts.api import Policy, VendorTerms
from haat.domains.money.payouts.service.forecasting import policy_now
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

SET_POLICY = Sql("""
INSERT INTO payouts.policies (settings, reason, changed_by, changed_at) VALUES ($1, $2, $3, $4)
""")

TERMS = Sql("""
SELECT vendor_id, reserve_bp, reserve_days, schedule, threshold_minor, auto_approve_minor, held,
       held_reason, verified_at
  FROM payouts.terms WHERE vendor_id = $1
""")

SET_TERMS = Sql("""
WITH told AS (
  INSERT INTO payouts.term_changes (vendor_id, settings, reason, changed_by, changed_at)
  VALUES ($1, $10, $11, $12, $13)
)
INSERT INTO payouts.terms (vendor_id, reserve_bp, reserve_days, schedule, threshold_minor,
                           auto_approve_minor, held, held_reason, verified_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (vendor_id) DO UPDATE
   SET reserve_bp = excluded.reserve_bp, reserve_days = excluded.reserve_days,
       schedule = excluded.schedule, threshold_minor = excluded.threshold_minor,
       auto_approve_minor = excluded.auto_approve_minor, held = excluded.held,
       held_reason = excluded.held_reason, verified_at = excluded.verified_at
""")


class Ruling:
    """Policy and terms."""

    def __init__(self, db: Database, vendors: Vendors) -> None:
        self._db = db
        self._vendors = vendors

    async def policy(self) -> Policy:
        return await policy_now(self._db)

    async def set_policy(self, ctx: Context, policy: Policy, reason: str) -> Policy:
        if policy.schedule == "weekly" and policy.schedule_day > 7:
            raise Invalid.at("schedule_day", "1 (Monday) to 7 (Sunday).", "schedule_day_invalid")
        settings = policy.model_dump(mode="json")
        await self._db.step(ctx, SET_POLICY, settings, reason, ctx.actor.id, ctx.now())
        return policy

    async def terms(self, vendor_id: UUID) -> VendorTerms:
        row = await self._db.fetchrow(TERMS, vendor_id)
        return VendorTerms(vendor_id=vendor_id) if row is None else VendorTerms(**dict(row))

    async def set_terms(self, ctx: Context, terms: VendorTerms, reason: str) -> VendorTerms:
        if not await self._vendors.by_ids(ctx, ids=[terms.vendor_id]):
            raise NotFound
        await self._db.step(
            ctx,
            SET_TERMS,
            terms.vendor_id,
            terms.reserve_bp,
            terms.reserve_days,
            terms.schedule,
            terms.threshold_minor,
            terms.auto_approve_minor,
            terms.held,
            terms.held_reason,
            terms.verified_at,
            terms.model_dump(mode="json"),
            reason,
            ctx.actor.id,
            ctx.now(),
        )
        return terms
