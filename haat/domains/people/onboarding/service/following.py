"""What follows from terms that are not accepted: a reminder, then listings that are held back.

Who must have accepted which version is told to vendors, once for each version; who accepted one as
well. Both only grow there, so that the two may cross on their way.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from haat.domains.people.onboarding.api import NotAccepted, TermsDue
from haat.domains.people.onboarding.service.desk import Desk
from haat.domains.people.vendors.api import TermsStanding
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.page import Page, decode_cursor, page_of

AT_ONCE = 200
ROUNDS_MAX = 50
REMINDED_BEFORE = timedelta(days=7)

_ACCEPTED = """
coalesce((SELECT max(version) FROM onboarding.acceptances c WHERE c.vendor_id = a.vendor_id), 0)
"""
_WAIVED = """
EXISTS (SELECT FROM onboarding.waivers w JOIN onboarding.items i ON i.id = w.item_id
         WHERE w.vendor_id = a.vendor_id AND i.kind = 'terms' AND i.removed_at IS NULL)
"""
_NEEDED = "SELECT max(version) FROM onboarding.terms WHERE grace_until <= $1"
# Who goes without the item has as good as accepted.
UNTOLD_NEEDED = Sql(f"""
SELECT a.vendor_id, n.version AS needed,
       CASE WHEN {_WAIVED} THEN n.version ELSE {_ACCEPTED} END AS accepted
  FROM ({_NEEDED}) AS n (version)
  JOIN onboarding.applications a ON a.terms_needed < n.version
 WHERE a.stage = 'approved'
 ORDER BY a.terms_needed LIMIT $2
""")  # noqa: S608
TOLD_NEEDED = Sql("""
UPDATE onboarding.applications a SET terms_needed = t.needed
  FROM unnest($1::uuid[], $2::int[]) AS t (vendor_id, needed)
 WHERE a.vendor_id = t.vendor_id AND a.terms_needed < t.needed
""")
UNTOLD_ACCEPTED = Sql("""
SELECT vendor_id, version FROM onboarding.acceptances WHERE NOT told LIMIT $1
""")
TOLD_ACCEPTED = Sql("""
UPDATE onboarding.acceptances c SET told = true
  FROM unnest($1::uuid[], $2::int[]) AS t (vendor_id, version)
 WHERE c.vendor_id = t.vendor_id AND c.version = t.version
""")
# Everybody is looked at once for each version; who has accepted is not reminded.
REMIND = Sql(f"""
WITH newest AS (
  SELECT version, grace_until FROM onboarding.terms ORDER BY version DESC LIMIT 1),
due AS (
  SELECT a.vendor_id, n.version, n.grace_until,
         {_ACCEPTED} >= n.version OR {_WAIVED} AS done
    FROM newest n JOIN onboarding.applications a ON a.terms_reminded < n.version
   WHERE a.stage = 'approved' AND n.grace_until > $1 AND n.grace_until <= $2
   ORDER BY a.terms_reminded LIMIT $3 FOR NO KEY UPDATE OF a SKIP LOCKED)
UPDATE onboarding.applications a SET terms_reminded = d.version
  FROM due d WHERE a.vendor_id = d.vendor_id
RETURNING a.vendor_id, d.version, d.grace_until, d.done
""")  # noqa: S608
NOT_ACCEPTED = Sql(f"""
SELECT a.vendor_id, x.accepted, a.terms_reminded >= n.version AS reminded,
       coalesce(x.accepted < g.version, false) AS held
  FROM (SELECT max(version) FROM onboarding.terms) AS n (version)
  CROSS JOIN ({_NEEDED}) AS g (version)
  JOIN onboarding.applications a ON a.stage = 'approved'
  CROSS JOIN LATERAL (SELECT {_ACCEPTED}) AS x (accepted)
 WHERE x.accepted < n.version AND NOT {_WAIVED} AND a.vendor_id > $2
 ORDER BY a.vendor_id LIMIT $3
""")  # noqa: S608


class Following(Desk):
    async def follow_terms(self, ctx: Context) -> None:
        """Reminds, holds back, and tells what an acceptance was lost of."""
        await self._remind(ctx)
        for _ in range(ROUNDS_MAX):
            rows = await self._db.fetch(UNTOLD_ACCEPTED, AT_ONCE)
            await self._tell_accepted(ctx, [(row["vendor_id"], row["version"]) for row in rows])
            if len(rows) < AT_ONCE:
                break
        for _ in range(ROUNDS_MAX):
            rows = await self._db.fetch(UNTOLD_NEEDED, ctx.now(), AT_ONCE)
            if rows:
                standings = [TermsStanding(**dict(row)) for row in rows]
                await self._vendors.follow_terms(ctx, standings=standings)
                ids, versions = (
                    [one.vendor_id for one in standings],
                    [one.needed for one in standings],
                )
                await self._db.execute(TOLD_NEEDED, ids, versions)
            if len(rows) < AT_ONCE:
                break

    async def not_accepted(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[NotAccepted]:
        [after] = decode_cursor(cursor, UUID) or [UUID(int=0)]
        rows = await self._db.fetch(NOT_ACCEPTED, ctx.now(), after, limit + 1)
        return page_of([NotAccepted(**dict(row)) for row in rows], limit, "vendor_id")

    async def _tell_accepted(self, ctx: Context, accepted: Sequence[tuple[UUID, int]]) -> None:
        if not accepted:
            return
        newest = dict(sorted(accepted))  # of several versions the last
        standings = [
            TermsStanding(vendor_id=id, accepted=version) for id, version in newest.items()
        ]
        await self._vendors.follow_terms(ctx, standings=standings)
        ids, versions = [id for id, _ in accepted], [version for _, version in accepted]
        await self._db.execute(TOLD_ACCEPTED, ids, versions)

    async def _remind(self, ctx: Context) -> None:
        now = ctx.now()
        for _ in range(ROUNDS_MAX):
            async with self._db.begin(ctx) as tx:
                rows = await tx.fetch(REMIND, now, now + REMINDED_BEFORE, AT_ONCE)
                for row in rows:
                    if not row["done"]:
                        tx.emit(
                            TermsDue(
                                vendor_id=row["vendor_id"],
                                version=row["version"],
                                grace_until=row["grace_until"],
                            )
                        )
            if len(rows) < AT_ONCE:
                break
