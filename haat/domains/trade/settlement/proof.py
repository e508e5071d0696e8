"""Settlement's own sums, re-derived from their details."""

from haat.engines.sql import Database, Sql

CHARGED = Sql("""
SELECT c.order_id AS id,
       format('%s is charged, but its tenders come to %s', c.amount, t.amount) AS wrong
  FROM settlement.charges c
  JOIN (SELECT order_id, sum(amount) AS amount FROM settlement.tenders
         WHERE leg <> 'cod' GROUP BY 1) t USING (order_id)
 WHERE c.amount <> t.amount
 ORDER BY c.order_id LIMIT $1
""")
CAPTURED = Sql("""
WITH taken AS (
  SELECT order_id, sum(amount) AS amount FROM settlement.tenders
   WHERE state IN ('captured', 'booked') GROUP BY 1),
sold AS (SELECT order_id, sum(total) AS total FROM settlement.balances GROUP BY 1)
SELECT coalesce(t.order_id, s.order_id) AS id,
       format('%s was captured, but its vendor orders come to %s', coalesce(t.amount, 0),
              coalesce(s.total, 0)) AS wrong
  FROM taken t FULL JOIN sold s ON s.order_id = t.order_id
 WHERE coalesce(t.amount, 0) <> coalesce(s.total, 0)
 ORDER BY 1 LIMIT $1
""")
SHARED = Sql("""
WITH shared AS (
  SELECT of_id, leg, sum(amount) AS amount FROM settlement.shares GROUP BY 1, 2)
SELECT t.order_id AS id,
       format('%s paid %s, but its shares come to %s', t.leg, t.amount, coalesce(s.amount, 0))
       AS wrong
  FROM settlement.tenders t LEFT JOIN shared s ON s.of_id = t.of_id AND s.leg = t.leg
 WHERE CASE WHEN t.state IN ('captured', 'booked') THEN t.amount ELSE 0 END
       <> coalesce(s.amount, 0)
 ORDER BY t.order_id LIMIT $1
""")
SHARES = Sql("""
WITH s AS (
  SELECT vendor_order_id, sum(amount) AS amount, sum(refunded) AS refunded
    FROM settlement.shares GROUP BY 1)
SELECT b.vendor_order_id AS id,
       format('%s of %s was refunded, by its tenders %s of %s', b.refunded, b.total,
              coalesce(s.refunded, 0), coalesce(s.amount, 0)) AS wrong
  FROM settlement.balances b LEFT JOIN s USING (vendor_order_id)
 WHERE b.total <> coalesce(s.amount, 0) OR b.refunded <> coalesce(s.refunded, 0)
 ORDER BY b.vendor_order_id LIMIT $1
""")
LINES = Sql("""
WITH s AS (
  SELECT vendor_order_id, sum(gross) AS gross, sum(refunded) AS refunded
    FROM settlement.lines GROUP BY 1)
SELECT b.vendor_order_id AS id,
       format('%s of %s was refunded, by its lines %s of %s', b.refunded, b.total, s.refunded,
              s.gross) AS wrong
  FROM settlement.balances b JOIN s USING (vendor_order_id)
 WHERE b.total <> s.gross OR b.refunded <> s.refunded
 ORDER BY b.vendor_order_id LIMIT $1
""")
REFUNDED = Sql("""
WITH given AS (
  SELECT r.vendor_order_id, g.leg, sum(g.amount) AS amount
    FROM settlement.refund_legs g JOIN settlement.refunds r ON r.id = g.refund_id
   WHERE g.state = 'done' OR r.state = 'created' GROUP BY 1, 2)
SELECT s.vendor_order_id AS id,
       format('%s was refunded by %s, but its refunds come to %s', s.refunded, s.leg,
              coalesce(g.amount, 0)) AS wrong
  FROM settlement.shares s
  LEFT JOIN given g ON g.vendor_order_id = s.vendor_order_id AND g.leg = s.leg
 WHERE s.refunded <> coalesce(g.amount, 0)
 ORDER BY s.vendor_order_id LIMIT $1
""")
LINES_REFUNDED = Sql("""
WITH given AS (
  SELECT line_id, sum(gross) AS gross, sum(quantity) AS quantity
    FROM settlement.refund_lines GROUP BY 1)
SELECT l.vendor_order_id AS id,
       format('%s (%s units) was refunded of line %s, but its refunds come to %s (%s units)',
              l.refunded, l.refunded_quantity, l.line_id, coalesce(g.gross, 0),
              coalesce(g.quantity, 0)) AS wrong
  FROM settlement.lines l LEFT JOIN given g USING (line_id)
 WHERE l.refunded <> coalesce(g.gross, 0) OR l.refunded_quantity <> coalesce(g.quantity, 0)
 ORDER BY l.vendor_order_id, l.line_id LIMIT $1
""")
REFUNDS = Sql("""
SELECT r.id, format('%s was asked for, its parts come to %s', r.amount,
                    coalesce(g.amount, 0)) AS wrong
  FROM settlement.refunds r
  LEFT JOIN (SELECT refund_id, sum(amount) AS amount, bool_and(state = 'done') AS done
               FROM settlement.refund_legs GROUP BY 1) g ON g.refund_id = r.id
 WHERE r.amount <> coalesce(g.amount, 0) OR r.state <> 'created' AND (r.state = 'done') <> g.done
 ORDER BY r.id LIMIT $1
""")
DISPUTES = Sql("""
WITH taken AS (
  SELECT dispute_id AS id, sum(amount) AS amount FROM settlement.refunds
   WHERE dispute_id IS NOT NULL GROUP BY 1)
SELECT d.id, format('%s was lost, but vendor orders bear %s and the market %s', d.amount,
                    coalesce(t.amount, 0), coalesce(d.lost, 0)) AS wrong
  FROM settlement.disputes d LEFT JOIN taken t USING (id)
 WHERE CASE WHEN d.lost IS NULL THEN 0 ELSE d.amount - d.lost END <> coalesce(t.amount, 0)
 ORDER BY d.id LIMIT $1
""")
# By the name of the invariant: the table that is wrong, and what tells it.
CHECKS: dict[str, tuple[str, str]] = {
    "charges": ("charges", CHARGED),
    "captured": ("tenders", CAPTURED),
    "shared": ("tenders", SHARED),
    "shares": ("balances", SHARES),
    "lines": ("balances", LINES),
    "refunded": ("shares", REFUNDED),
    "lines_refunded": ("lines", LINES_REFUNDED),
    "refunds": ("refunds", REFUNDS),
    "disputes": ("disputes", DISPUTES),
}
INVARIANTS = tuple(CHECKS)


async def prove(db: Database, limit: int = 1) -> list[str]:
    """What was charged is the sum of its tenders, what was captured the sum of its vendor orders,
    and each of these the sum of its lines and of what paid for it; what was refunded of any of them
    is the sum of its refunds and lost disputes. Names up to `limit` rows for each that does not add
    up."""
    return [
        f"settlement.{name}: {table} {row['id']}: {row['wrong']}"
        for name, (table, statement) in CHECKS.items()
        for row in await db.fetch(statement, limit)
    ]
