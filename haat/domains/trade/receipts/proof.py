"""A receipt's sum is what its parts, its lines and its payments come to."""

from haat.engines.sql import Database, Sql

TOTALS = Sql("""
SELECT number, format('total %s, on it %s, parts %s, payments %s', total, stated, parts, paid)
       AS wrong
  FROM (SELECT r.number, r.total, (r.document #>> '{totals,total,minor}')::bigint AS stated,
               (SELECT sum((p #>> '{total,minor}')::bigint)
                  FROM jsonb_array_elements(r.document -> 'parts') p) AS parts,
               (SELECT sum((p #>> '{amount,minor}')::bigint)
                  FROM jsonb_array_elements(r.document -> 'payments') p) AS paid
          FROM receipts.receipts r) s
 WHERE (total, total, total) IS DISTINCT FROM (stated, parts, paid)
 ORDER BY number LIMIT $1
""")
CREDITED = Sql("""
SELECT r.number, format('credit notes of %s, receipt of %s', sum(c.amount), r.total) AS wrong
  FROM receipts.credit_notes c LEFT JOIN receipts.receipts r USING (order_id)
 GROUP BY r.order_id
HAVING sum(c.amount) > coalesce(r.total, 0)
    OR sum(c.amount) IS DISTINCT FROM sum((c.document #>> '{amount,minor}')::bigint)
    OR count(*) <> max(c.place)
 ORDER BY r.number LIMIT $1
""")
_STEPS = {"totals": TOTALS, "credit_notes": CREDITED}
INVARIANTS = tuple(_STEPS)


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Up to `limit` receipts that do not add up; empty when all do."""
    found: list[str] = []
    for name, step in _STEPS.items():
        rows = await db.fetch(step, limit - len(found))
        found += [f"receipts.{name}: receipt {row['number']}: {row['wrong']}" for row in rows]
        if len(found) >= limit:
            break
    return found
