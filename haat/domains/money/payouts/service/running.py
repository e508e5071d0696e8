"""Payout runs: one payout for every vendor whose balance is due, by schedule or by staff."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from uuid import UUID

from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import Payout, Policy
from haat.domains.money.payouts.service.asking import Wanted, asked
from haat.domains.money.payouts.service.paying import Paying, shown
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.ids import derive

POLICY = Sql("SELECT settings, changed_at FROM payouts.policies ORDER BY number DESC LIMIT 1")

DUE = Sql("""
SELECT m.vendor_id
  FROM payouts.movements m JOIN payouts.destinations d USING (vendor_id)
  LEFT JOIN payouts.terms t USING (vendor_id)
 WHERE m.vendor_id > $1 AND m.currency = $2 AND m.taken <> m.minor
   AND NOT coalesce(t.held, false) AND (t.verified_at IS NOT NULL OR NOT $3)
   AND ($5::text IS NULL OR coalesce(t.schedule, $6) = $5)
   AND ($7::uuid[] IS NULL OR m.vendor_id = ANY($7))
   AND (d.held_until IS NULL OR d.held_until <= $9)
 GROUP BY m.vendor_id, t.threshold_minor
HAVING sum(m.minor - m.taken) >= greatest(coalesce(t.threshold_minor, $4), 1)
 ORDER BY m.vendor_id LIMIT $8
""")

# One run for each slot, whoever comes first; what a crash left unfinished is gone over again.
START = Sql("""
WITH born AS (
  INSERT INTO payouts.runs (slot, started_at, finished_at) VALUES ($1, $2, $3)
  ON CONFLICT (slot) DO NOTHING RETURNING finished_at
)
SELECT finished_at IS NULL AS open FROM born
UNION ALL
SELECT finished_at IS NULL FROM payouts.runs WHERE slot = $1
""")

FINISH = Sql("""
UPDATE payouts.runs SET finished_at = $2 WHERE slot = $1 AND finished_at IS NULL
""")

_NO_ID = UUID(int=0)
_AT_ONCE = 50


class Running:
    """Pages of vendors; each page's payouts are written in one statement and taken on one by
    one, as the ledger says yes or no to each."""

    def __init__(self, db: Database, paying: Paying) -> None:
        self._db = db
        self._paying = paying

    async def run(self, ctx: Context, vendor_ids: list[UUID] | None, currency: str) -> list[Payout]:
        """For staff, now, whatever the schedule says."""
        policy, _ = await self._policy()
        run_id = ctx.new_id()

        def named(vendor_id: UUID) -> UUID:
            return derive(run_id, str(vendor_id))

        return await self._pay(ctx, policy, currency, named, None, vendor_ids)

    async def scheduled(self, ctx: Context, currency: str) -> None:
        """What is due by now and was not run. A slot from before the last change of the policy is
        not made up for: its rules were others."""
        policy, changed_at = await self._policy()
        now = ctx.now()
        for schedule in rules.SCHEDULES:
            day = rules.slot_of(schedule, policy.schedule_day, now)
            slot = f"{schedule}:{day.isoformat()}"
            begins = datetime.combine(day, time(), UTC)
            past = now if changed_at is not None and begins < changed_at else None
            [row] = await self._db.step(ctx, START, slot, now, past)
            if not row["open"]:
                continue

            def named(vendor_id: UUID, slot: str = slot) -> UUID:
                return derive(vendor_id, f"run:{slot}")

            await self._pay(ctx, policy, currency, named, schedule, None)
            await self._db.step(ctx, FINISH, slot, ctx.now())

    async def _pay(
        self,
        ctx: Context,
        policy: Policy,
        currency: str,
        named: Callable[[UUID], UUID],
        schedule: str | None,
        vendor_ids: list[UUID] | None,
    ) -> list[Payout]:
        found: list[Payout] = []
        last = _NO_ID
        while True:
            due = await self._db.fetch(
                DUE,
                last,
                currency,
                policy.kyc_required,
                policy.threshold_minor,
                schedule,
                policy.schedule,
                vendor_ids,
                _AT_ONCE,
                ctx.now(),
            )
            if not due:
                return found
            wanted = [Wanted(named(row["vendor_id"]), row["vendor_id"]) for row in due]
            born = await asked(self._db, ctx, wanted, currency, policy, "schedule")
            after = await self._paying.go_on(ctx, born)
            found += [shown(row) for row in after if row["status"] != rules.REFUSED]
            last = due[-1]["vendor_id"]

    async def _policy(self) -> tuple[Policy, datetime | None]:
        row = await self._db.fetchrow(POLICY)
        if row is None:
            return Policy(), None
        return Policy.model_validate(row["settings"]), row["changed_at"]
