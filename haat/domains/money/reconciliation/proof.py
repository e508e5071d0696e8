"""Every run adds up, and no fee is in two differences."""

from haat.engines.sql import Database, Sql

INVARIANTS = ("sums", "fees", "repeats")

SUMS = Sql("""
WITH found AS (
  SELECT run_id, currency, sum(minor) AS minor FROM reconciliation.differences
   GROUP BY run_id, currency
)
SELECT r.id, r.provider, coalesce(t.currency, f.currency) AS currency, coalesce(t.ours, 0) AS ours,
       coalesce(t.theirs, 0) AS theirs, coalesce(f.minor, 0) AS found
  FROM reconciliation.totals t
  FULL JOIN found f ON f.run_id = t.run_id AND f.currency = t.currency
  JOIN reconciliation.runs r ON r.id = coalesce(t.run_id, f.run_id)
 WHERE r.status <> 'done'
    OR coalesce(t.theirs, 0) <> coalesce(t.ours, 0) + coalesce(f.minor, 0)
 ORDER BY r.started_at, r.id LIMIT $1
""")

FEES = Sql("""
SELECT d.id, d.provider, d.minor, coalesce(sum(f.minor), 0) AS lines
  FROM reconciliation.differences d
  LEFT JOIN reconciliation.fees f ON f.difference_id = d.id AND f.provider = d.provider
 WHERE d.kind = 'fee' AND d.repeats IS NULL AND d.status IN ('open', 'booking', 'booked')
 GROUP BY d.id HAVING d.minor <> coalesce(sum(f.minor), 0)
 ORDER BY d.id LIMIT $1
""")

REPEATS = Sql("""
SELECT d.id, o.id AS of FROM reconciliation.differences d
  JOIN reconciliation.differences o ON o.id = d.repeats
 WHERE o.repeats IS NOT NULL OR o.number > d.number
    OR (d.provider, d.currency) <> (o.provider, o.currency)
    OR (d.kind <> 'fee' AND (d.key, d.minor) <> (o.key, o.minor))
 ORDER BY d.id LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name the runs and differences that do not add up."""
    sums = [
        f"reconciliation.sums: run {row['id']} ({row['provider']}): theirs {row['theirs']}"
        f" {row['currency']} is not ours {row['ours']} + differences {row['found']}"
        for row in await db.fetch(SUMS, limit)
    ]
    fees = [
        f"reconciliation.fees: difference {row['id']} ({row['provider']}) is {row['minor']},"
        f" its lines' fees are {row['lines']}"
        for row in await db.fetch(FEES, limit)
    ]
    repeats = [
        f"reconciliation.repeats: difference {row['id']} is not what {row['of']} is"
        for row in await db.fetch(REPEATS, limit)
    ]
    return sums + fees + repeats
