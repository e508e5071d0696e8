"""What returns keep as sums is what their lines come to."""

from haat.engines.sql import Database, Sql

TALLIES = Sql("""
WITH asked AS (
  SELECT l.line_id,
         coalesce(sum(l.quantity) FILTER (
           WHERE NOT r.final AND r.state NOT IN ('refunded', 'withdrawn')), 0) AS open,
         coalesce(sum(coalesce(l.received, l.quantity)) FILTER (
           WHERE r.state = 'refunded'), 0) AS refunded
    FROM returns.lines l JOIN returns.returns r ON r.id = l.return_id
   GROUP BY l.line_id
)
SELECT format('order line %s', line_id) AS subject,
       format('%s asked for and %s given back, its returns say %s and %s', coalesce(t.open, 0),
              coalesce(t.refunded, 0), coalesce(a.open, 0), coalesce(a.refunded, 0)) AS fault
  FROM returns.tallies t FULL JOIN asked a USING (line_id)
 WHERE (coalesce(t.open, -1), coalesce(t.refunded, -1))
       <> (coalesce(a.open, 0), coalesce(a.refunded, 0))
 ORDER BY line_id LIMIT $1
""")
ITEMS = Sql("""
SELECT format('return R-%s', r.seq) AS subject,
       format('%s items, its lines say %s', r.items, coalesce(sum(l.quantity), 0)) AS fault
  FROM returns.returns r LEFT JOIN returns.lines l ON l.return_id = r.id
 GROUP BY r.id HAVING r.items <> coalesce(sum(l.quantity), 0) ORDER BY r.seq LIMIT $1
""")
# What ended lets the earning go, and nothing else does.
ENDINGS = Sql("""
SELECT format('return R-%s', seq) AS subject,
       format('%s with refund %s and block %s', state, coalesce(refund_id::text, 'none'), block)
         AS fault
  FROM returns.returns
 WHERE (final OR state IN ('refunded', 'withdrawn')) <> (block IN ('release', 'free'))
    OR (state = 'refunded') <> (refund_id IS NOT NULL)
    OR (state = 'received' AND refund IS NULL)
 ORDER BY seq LIMIT $1
""")

CHECKS = {"tallies": TALLIES, "items": ITEMS, "endings": ENDINGS}
INVARIANTS = tuple(CHECKS)


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name what does not add up, at most `limit`; empty when everything does."""
    found: list[str] = []
    for name, check in CHECKS.items():
        if len(found) < limit:
            rows = await db.fetch(check, limit - len(found))
            found += [f"returns.{name}: {row['subject']}: {row['fault']}" for row in rows]
    return found
