"""Settlement's own sums, re-derived from their details."""

from haat.engines.sql import Database, Sql

REFUNDED = Sql("""
SELECT b.vendor_order_id, b.refunded, coalesce(sum(r.amount), 0)::bigint AS details
  FROM settlement.balances b
  LEFT JOIN settlement.refunds r
    ON r.vendor_order_id = b.vendor_order_id AND r.state IN ('created', 'done')
 GROUP BY b.vendor_order_id
HAVING b.refunded <> coalesce(sum(r.amount), 0)
 ORDER BY b.vendor_order_id LIMIT $1
""")
CAPTURED = Sql("""
SELECT t.order_id, t.amount, coalesce(sum(b.total), 0)::bigint AS details
  FROM settlement.tenders t
  LEFT JOIN settlement.balances b ON b.order_id = t.order_id
 WHERE t.state IN ('captured', 'booked')
 GROUP BY t.order_id
HAVING t.amount <> coalesce(sum(b.total), 0)
 ORDER BY t.order_id LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """A captured tender is the sum of its vendor orders; what was refunded of one is the sum of
    its refunds. Names up to `limit` rows of each kind that do not add up."""
    return [
        f"settlement.tenders {row['order_id']}: {row['amount']} was captured, "
        f"but its vendor orders come to {row['details']}"
        for row in await db.fetch(CAPTURED, limit)
    ] + [
        f"settlement.balances {row['vendor_order_id']}: {row['refunded']} was refunded, "
        f"but its refunds come to {row['details']}"
        for row in await db.fetch(REFUNDED, limit)
    ]
