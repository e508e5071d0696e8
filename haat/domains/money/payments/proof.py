"""Re-derives what payments say was refunded, and is being refunded, from the refunds."""

from haat.engines.sql import Database, Sql

TALLIES = Sql("""
SELECT p.id, p.reference, p.refunding_minor, p.refunded_minor, p.captured_minor,
       coalesce(sum(r.minor) FILTER (WHERE r.status IN ('created', 'pending')), 0) AS refunding,
       coalesce(sum(r.minor) FILTER (WHERE r.status = 'done'), 0) AS refunded
  FROM payments.payments p LEFT JOIN payments.refunds r ON r.payment_id = p.id
 GROUP BY p.id
HAVING p.refunding_minor
         <> coalesce(sum(r.minor) FILTER (WHERE r.status IN ('created', 'pending')), 0)
    OR p.refunded_minor <> coalesce(sum(r.minor) FILTER (WHERE r.status = 'done'), 0)
    OR (p.status = 'captured') <> (p.captured_minor > 0)
 ORDER BY p.created_at, p.id LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name what does not add up, at most `limit`; empty when everything does."""
    return [
        f"payments: payment {row['id']} of {row['reference']}: captured {row['captured_minor']},"
        f" expected refunded {row['refunded']} and under way {row['refunding']}, stored"
        f" {row['refunded_minor']} and {row['refunding_minor']}"
        for row in await db.fetch(TALLIES, limit)
    ]
