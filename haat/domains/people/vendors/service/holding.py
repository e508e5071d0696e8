"""Listings held back: two versions that only grow, so that either may be told first."""

from haat.domains.people.vendors.api import (
    TermsStanding,
    VendorBack,
    VendorHeld,
    VendorReleased,
)
from haat.domains.people.vendors.service.desk import Desk
from haat.domains.people.vendors.service.resting import away, is_held
from haat.engines.sql import Sql
from haat.kernel.context import Context

# Of the old row: whether it was held.
FOLLOW = Sql("""
UPDATE vendors.vendors v
   SET terms_needed = greatest(v.terms_needed, old.needed),
       terms_accepted = greatest(v.terms_accepted, old.accepted)
  FROM (SELECT x.id, x.terms_needed > x.terms_accepted AS was_held, t.needed, t.accepted
          FROM vendors.vendors x
          JOIN unnest($1::uuid[], $2::int[], $3::int[]) AS t (id, needed, accepted) ON t.id = x.id
         ORDER BY x.id FOR NO KEY UPDATE OF x) old
 WHERE v.id = old.id AND (old.needed > v.terms_needed OR old.accepted > v.terms_accepted)
RETURNING v.*, old.was_held
""")


class Holding(Desk):
    async def follow_terms(self, ctx: Context, *, standings: list[TermsStanding]) -> None:
        by_id = {one.vendor_id: one for one in standings}
        columns = (
            list(by_id),
            [one.needed for one in by_id.values()],
            [one.accepted for one in by_id.values()],
        )
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(FOLLOW, *columns)
            for row in rows:
                held = is_held(row)
                if held == row["was_held"]:
                    continue
                if held:
                    tx.emit(VendorHeld(vendor_id=row["id"], version=row["terms_needed"]))
                else:
                    tx.emit(VendorReleased(vendor_id=row["id"]))
                # Who is not open is shown nowhere, and comes back as `away` says then.
                if row["status"] == "active":
                    gone = held or row["away_on"]
                    tx.emit(away(row) if gone else VendorBack(vendor_id=row["id"]))
        for row in rows:
            await self._forget(row)
