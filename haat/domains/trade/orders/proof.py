"""Proves every order's money from its lines: what `haat prove` runs for orders."""

from haat.engines.sql import Database, Sql

LINES_WRONG = Sql("""
SELECT v.number, format('line %s: %s × %s is not %s', l.id, l.quantity, l.unit_price, l.amount)
       AS wrong
  FROM orders.lines l JOIN orders.vendor_orders v ON v.id = l.vendor_order_id
 WHERE l.amount <> l.unit_price * l.quantity
 ORDER BY v.number, l.position LIMIT $1
""")
# What is wrong is found first and limited afterwards (MATERIALIZED): with the limit in sight,
# PostgreSQL plans for meeting a wrong row soon, by nested loops, and there is none.
PARTS_WRONG = Sql("""
WITH s AS (
  SELECT v.id, coalesce(sum(l.amount), 0) AS goods, coalesce(sum(l.quantity), 0) AS items,
         coalesce(sum(l.tax), 0) + v.shipping_tax AS tax,
         coalesce(sum(l.commission), 0) + v.shipping_commission AS commission,
         coalesce(sum(l.commission_tax), 0) + v.shipping_commission_tax AS commission_tax
    FROM orders.vendor_orders v LEFT JOIN orders.lines l ON l.vendor_order_id = v.id
   GROUP BY v.id),
wrong AS MATERIALIZED (
  SELECT o.seq, v.position, v.number, CASE
           WHEN v.goods <> s.goods THEN format('goods %s, lines %s', v.goods, s.goods)
           WHEN v.items <> s.items THEN format('items %s, lines %s', v.items, s.items)
           WHEN v.tax <> s.tax THEN format('tax %s, lines and shipping %s', v.tax, s.tax)
           WHEN v.commission <> s.commission
             THEN format('commission %s, lines and shipping %s', v.commission, s.commission)
           WHEN v.commission_tax <> s.commission_tax
             THEN format('commission tax %s, lines and shipping %s', v.commission_tax,
                         s.commission_tax)
           WHEN v.net <> v.total - v.commission - v.commission_tax - v.tax
             THEN format('net %s, total - commission - commission tax - tax %s', v.net,
                         v.total - v.commission - v.commission_tax - v.tax)
           ELSE format('total %s, goods + shipping%s %s', v.total,
                  CASE WHEN o.prices_include_tax THEN '' ELSE ' + tax' END,
                  v.goods + v.shipping + CASE WHEN o.prices_include_tax THEN 0 ELSE v.tax END)
         END AS wrong
    FROM orders.vendor_orders v JOIN s ON s.id = v.id JOIN orders.orders o ON o.id = v.order_id
   WHERE v.goods <> s.goods OR v.items <> s.items OR v.tax <> s.tax OR v.commission <> s.commission
      OR v.commission_tax <> s.commission_tax
      OR v.net <> v.total - v.commission - v.commission_tax - v.tax
      OR v.total <> v.goods + v.shipping + CASE WHEN o.prices_include_tax THEN 0 ELSE v.tax END)
SELECT number, wrong FROM wrong ORDER BY seq, position LIMIT $1
""")
REFUNDS_WRONG = Sql("""
WITH s AS (SELECT vendor_order_id, sum(amount) AS refunded FROM orders.refunds GROUP BY 1)
SELECT v.number, format('refunded %s of %s (%s), refunds %s', v.refunded, v.total, v.payment,
                        coalesce(s.refunded, 0)) AS wrong
  FROM orders.vendor_orders v LEFT JOIN s ON s.vendor_order_id = v.id
 WHERE v.refunded <> coalesce(s.refunded, 0) OR v.refunded > v.total
    OR v.payment <> CASE WHEN v.refunded = 0
                          AND v.payment IN ('authorized', 'awaiting', 'on_delivery', 'voided')
                         THEN v.payment
                         WHEN v.refunded = 0 THEN 'paid'
                         WHEN v.refunded = v.total THEN 'refunded'
                         ELSE 'partially_refunded' END
 ORDER BY v.number LIMIT $1
""")
REFUND_LINES_WRONG = Sql("""
WITH given AS (SELECT refund_id, sum(gross) AS gross FROM orders.refund_lines GROUP BY 1)
SELECT v.number, format('refund %s of %s, its lines %s', r.refund_id, r.amount, g.gross) AS wrong
  FROM given g JOIN orders.refunds r USING (refund_id)
  JOIN orders.vendor_orders v ON v.id = r.vendor_order_id
 WHERE r.amount <> g.gross
 ORDER BY v.number LIMIT $1
""")
LINES_REFUNDED_WRONG = Sql("""
WITH given AS (
  SELECT line_id, sum(gross) AS gross, sum(quantity) AS quantity
    FROM orders.refund_lines GROUP BY 1),
wrong AS MATERIALIZED (
  SELECT l.position, v.number,
         format('line %s: %s units, %s refunded; its refunds %s, %s', l.id, l.refunded_quantity,
                l.refunded, coalesce(g.quantity, 0), coalesce(g.gross, 0)) AS wrong
    FROM orders.lines l LEFT JOIN given g ON g.line_id = l.id
    JOIN orders.vendor_orders v ON v.id = l.vendor_order_id
    JOIN orders.orders o ON o.id = v.order_id
   WHERE l.refunded <> coalesce(g.gross, 0) OR l.refunded_quantity <> coalesce(g.quantity, 0)
      OR l.refunded > l.amount + CASE WHEN o.prices_include_tax THEN 0 ELSE l.tax END)
SELECT number, wrong FROM wrong ORDER BY number, position LIMIT $1
""")
ORDERS_WRONG = Sql("""
WITH s AS (
  SELECT o.id, coalesce(sum(v.goods), 0) AS goods, coalesce(sum(v.shipping), 0) AS shipping,
         coalesce(sum(v.tax), 0) AS tax, coalesce(sum(v.total), 0) AS total,
         bool_and(v.currency = o.currency AND v.placed_at = o.placed_at
                  AND v.person_id IS NOT DISTINCT FROM o.person_id) AS alike
    FROM orders.orders o LEFT JOIN orders.vendor_orders v ON v.order_id = o.id
   GROUP BY o.id),
wrong AS MATERIALIZED (
  SELECT o.seq, o.number,
         format('goods %s, shipping %s, tax %s, total %s; vendor orders %s, %s, %s, %s', o.goods,
                o.shipping, o.tax, o.total, s.goods, s.shipping, s.tax, s.total) AS wrong
    FROM orders.orders o JOIN s ON s.id = o.id
   WHERE (o.goods, o.shipping, o.tax, o.total) <> (s.goods, s.shipping, s.tax, s.total)
      OR s.alike IS NOT TRUE)
SELECT number, wrong FROM wrong ORDER BY seq LIMIT $1
""")
# Wrong as well when a row of the list is missing. An event that is on its way makes it differ for a
# moment: what counts is found twice.
LISTS_WRONG = Sql("""
WITH p AS (
  SELECT v.order_id, sum(v.refunded) AS refunded, sum(v.items) AS items,
         bool_and(l.payment = v.payment AND l.fulfilment = v.fulfilment AND l.total = v.total
                  AND l.net = v.net AND l.refunded = v.refunded AND l.items = v.items
                  AND l.vendor_id = v.vendor_id AND l.placed_at = v.placed_at) AS alike
    FROM orders.vendor_orders v LEFT JOIN orders.part_list l ON l.id = v.id GROUP BY 1),
wrong AS MATERIALIZED (
  SELECT o.seq, o.number, CASE
           WHEN l.id IS NULL THEN 'it is not in the list'
           WHEN p.alike IS NOT TRUE THEN 'the list of vendor orders says otherwise'
           ELSE format('the list says %s, %s refunded, %s items; it is %s, %s, %s', l.total,
                       l.refunded, l.items, o.total, p.refunded, p.items) END AS wrong
    FROM orders.orders o JOIN p ON p.order_id = o.id LEFT JOIN orders.order_list l ON l.id = o.id
   WHERE p.alike IS NOT TRUE
      OR (l.total, l.refunded, l.items, l.number, l.placed_at)
         IS DISTINCT FROM (o.total, p.refunded, p.items, o.number, o.placed_at)
      OR l.person_id IS DISTINCT FROM o.person_id)
SELECT number, wrong FROM wrong ORDER BY seq LIMIT $1
""")
_STEPS = {
    "lines": LINES_WRONG,
    "parts": PARTS_WRONG,
    "refunds": REFUNDS_WRONG,
    "refund_lines": REFUND_LINES_WRONG,
    "lines_refunded": LINES_REFUNDED_WRONG,
    "orders": ORDERS_WRONG,
    "lists": LISTS_WRONG,
}
INVARIANTS = tuple(_STEPS)


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Re-adds every line, vendor order, order, refund and refunded line, and holds the lists
    against them; up to `limit` that do not add up, as 'orders.parts: order H-100001-2: goods 500,
    lines 400'. Empty when all do."""
    found: list[str] = []
    for name, step in _STEPS.items():
        rows = await db.fetch(step, limit - len(found))
        found += [f"orders.{name}: order {row['number']}: {row['wrong']}" for row in rows]
        if len(found) >= limit:
            break
    return found
