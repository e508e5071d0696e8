"""Re-derives what movements, top-ups, withdrawals and claims say of each other.

Whether the ledger holds the same is asked by `Wallet.reconcile`.
"""

from haat.engines.sql import Database, Sql

INVARIANTS = ("refunded", "converted", "endings", "claims")

REFUNDED = Sql("""
SELECT m.id, m.refunded_minor, m.refunded_credits, coalesce(sum(r.minor), 0)::bigint AS minor,
       coalesce(sum(r.credits), 0)::bigint AS credits,
       div(2 * m.credits::numeric * m.refunded_minor + m.minor,
           greatest(2 * m.minor, 1))::bigint AS share
  FROM wallet.moves m LEFT JOIN wallet.moves r ON r.parent_id = m.id AND r.kind = 'refunded'
 WHERE m.kind = 'spent' GROUP BY m.id
HAVING (m.refunded_minor, m.refunded_credits) IS DISTINCT FROM
       (coalesce(sum(r.minor), 0)::bigint, coalesce(sum(r.credits), 0)::bigint)
    OR m.refunded_credits <> div(2 * m.credits::numeric * m.refunded_minor + m.minor,
                                 greatest(2 * m.minor, 1))
    OR (m.refunded_minor > 0 AND m.state NOT IN ('posting', 'done'))
 ORDER BY m.id LIMIT $1
""")

# Half up, as rules.credits_for and rules.worth.
CONVERTED = Sql("""
SELECT id, what, credits, minor, micro FROM (
  SELECT id, 'hold' AS what, credits, minor, micro,
         credits <> greatest(1, div(2 * minor::numeric * 1000000 + micro, 2 * micro)) AS wrong
    FROM wallet.moves WHERE kind = 'spent' AND micro IS NOT NULL
  UNION ALL
  SELECT id, 'top-up', credits, minor, micro,
         minor <> div(2 * credits::numeric * micro + 1000000, 2000000) FROM wallet.topups
  UNION ALL
  SELECT id, 'withdrawal', credits, minor, micro,
         minor <> div(2 * credits::numeric * micro + 1000000, 2000000) FROM wallet.withdrawals
) AS conversions WHERE wrong ORDER BY id LIMIT $1
""")

ENDINGS = Sql("""
SELECT id, what, status, state FROM (
  SELECT t.id, 'top-up' AS what, t.status, coalesce(m.state, 'none') AS state
    FROM wallet.topups t LEFT JOIN wallet.moves m ON m.id = t.id
   WHERE (t.status = 'done') <> coalesce(m.state = 'done', false) AND t.status <> 'paid'
      OR (m.credits, m.minor, m.currency, m.owner_id, m.kind)
         IS DISTINCT FROM (t.credits, t.minor, t.currency, t.owner_id, 'topup')
         AND m.id IS NOT NULL
  UNION ALL
  SELECT w.id, 'withdrawal', w.status, coalesce(m.state, 'none')
    FROM wallet.withdrawals w LEFT JOIN wallet.moves m ON m.id = w.id
   WHERE w.status = 'paid' AND m.state IS DISTINCT FROM 'done'
      OR w.status IN ('failed', 'rejected') AND m.state IS DISTINCT FROM 'undone'
      OR w.status IN ('requested', 'approved', 'processing') AND w.outcome IS NULL
         AND m.state IS DISTINCT FROM 'held'
      OR w.status IN ('paid', 'failed', 'rejected') AND w.status IS DISTINCT FROM w.outcome
      OR (m.credits, m.minor, m.currency, m.owner_id, m.kind)
         IS DISTINCT FROM (w.credits, w.minor, w.currency, w.owner_id, 'withdrawn')
         AND m.id IS NOT NULL
) AS ends ORDER BY id LIMIT $1
""")

CLAIMS = Sql("""
SELECT c.id, c.verdict, c.taken, coalesce(sum(m.credits), 0)::bigint AS credits
  FROM wallet.claims c
  LEFT JOIN wallet.moves m
    ON m.parent_id = c.id AND m.kind = 'reversed' AND m.decline_code IS NULL
   AND (c.followed <> 'won' OR m.state <> 'undone')
 WHERE c.followed IS NOT NULL
 GROUP BY c.id
HAVING coalesce(sum(m.credits), 0) <> CASE WHEN c.followed = 'won' THEN 0
                                           ELSE coalesce(c.taken, 0) END
 ORDER BY c.id LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name what does not add up, at most `limit`; empty when everything does."""
    found = [
        f"wallet.refunded: hold {row['id']}: refunded {row['refunded_minor']} for"
        f" {row['refunded_credits']} credits, its refunds add up to {row['minor']} for"
        f" {row['credits']}, its share is {row['share']}"
        for row in await db.fetch(REFUNDED, limit)
    ]
    found += [
        f"wallet.converted: {row['what']} {row['id']}: {row['credits']} credits for {row['minor']}"
        f" is not what its rate of {row['micro']} makes"
        for row in await db.fetch(CONVERTED, limit)
    ]
    found += [
        f"wallet.endings: {row['what']} {row['id']} is {row['status']},"
        f" its movement is {row['state']}"
        for row in await db.fetch(ENDINGS, limit)
    ]
    found += [
        f"wallet.claims: claim {row['id']} ({row['verdict']}) took {row['taken']} credits back, its"
        f" movements say {row['credits']}"
        for row in await db.fetch(CLAIMS, limit)
    ]
    return found[:limit]
