"""Re-derives what payments say was refunded, is being refunded, is disputed and was received."""

from haat.engines.sql import Database, Sql

INVARIANTS = ("refunds", "disputes", "funds", "times")

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

DISPUTED = Sql("""
WITH held AS (
  SELECT payment_id, sum(minor) AS minor FROM payments.disputes
   WHERE status <> 'won' GROUP BY payment_id
)
SELECT p.id, p.reference, p.disputed_minor, coalesce(held.minor, 0) AS disputed, p.captured_minor
  FROM payments.payments p LEFT JOIN held ON held.payment_id = p.id
 WHERE p.disputed_minor <> coalesce(held.minor, 0)
    OR (p.disputed_minor > 0 AND p.status <> 'captured')
 ORDER BY p.created_at, p.id LIMIT $1
""")

# A credit that pays for a transfer is over its amount, and the only one that does.
FUNDS = Sql("""
SELECT f.payment_id, count(*) AS credits, sum(f.minor)::bigint AS minor, min(p.minor) AS expected
  FROM payments.funds f JOIN payments.payments p ON p.id = f.payment_id
 WHERE f.outcome IN ('captured', 'already')
 GROUP BY f.payment_id
HAVING count(*) > 1
    OR bool_or(f.minor <> p.minor OR f.currency <> p.currency OR p.transfer_ref IS NULL
               OR p.status <> 'captured')
 ORDER BY f.payment_id LIMIT $1
""")

# When something moved is what it is found by in a comparison with the provider's report.
TIMES = Sql("""
SELECT 'payment' AS what, id FROM payments.payments
 WHERE (captured_at IS NOT NULL) <> (status = 'captured')
UNION ALL
SELECT 'refund', id FROM payments.refunds WHERE (done_at IS NOT NULL) <> (status = 'done')
UNION ALL
SELECT 'payout', id FROM payments.disbursements WHERE (paid_at IS NOT NULL) <> (status = 'paid')
 ORDER BY 1, 2 LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name what does not add up, at most `limit`; empty when everything does."""
    found = [
        f"payments.refunds: payment {row['id']} of {row['reference']}: captured"
        f" {row['captured_minor']}, expected refunded {row['refunded']} and under way"
        f" {row['refunding']}, stored {row['refunded_minor']} and {row['refunding_minor']}"
        for row in await db.fetch(TALLIES, limit)
    ]
    found += [
        f"payments.disputes: payment {row['id']} of {row['reference']}: captured"
        f" {row['captured_minor']}, expected disputed {row['disputed']},"
        f" stored {row['disputed_minor']}"
        for row in await db.fetch(DISPUTED, limit)
    ]
    found += [
        f"payments.funds: transfer {row['payment_id']} over {row['expected']} is paid by"
        f" {row['credits']} credits of {row['minor']} together"
        for row in await db.fetch(FUNDS, limit)
    ]
    found += [
        f"payments.times: {row['what']} {row['id']}: its status and its time disagree"
        for row in await db.fetch(TIMES, limit)
    ]
    return found[:limit]
