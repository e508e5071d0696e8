"""The fixed SQL of prices over time."""

from haat.engines.sql import Sql

# Of one offer at one moment there is one price: what was said last.
STEP = Sql("""
INSERT INTO catalog.prices (offer_id, at, price_minor, compare_at_minor, currency)
SELECT $1, $2, $3, $4, $5
 WHERE NOT EXISTS (SELECT FROM catalog.scheduled_prices s
                    WHERE s.offer_id = $1 AND s.state = 'running')
    ON CONFLICT (offer_id, at) DO UPDATE
   SET price_minor = EXCLUDED.price_minor, compare_at_minor = EXCLUDED.compare_at_minor
""")

# The steps of these offers from $2 on and before $3, and the one each had when that time began.
STEPS = Sql("""
SELECT w.id AS offer_id, p.at, p.price_minor, p.compare_at_minor, p.currency
  FROM unnest($1::uuid[]) AS w (id)
 CROSS JOIN LATERAL (
       SELECT * FROM (SELECT at, price_minor, compare_at_minor, currency FROM catalog.prices
                       WHERE offer_id = w.id AND at < $2 ORDER BY at DESC LIMIT 1) entering
       UNION ALL
       SELECT at, price_minor, compare_at_minor, currency FROM catalog.prices
        WHERE offer_id = w.id AND at >= $2 AND at < $3) p
""")

HISTORY = Sql("""
SELECT at, price_minor, compare_at_minor, currency FROM catalog.prices
 WHERE offer_id = $1 AND at < $2
 ORDER BY at DESC
 LIMIT $3
""")

SCHEDULED = Sql("""
SELECT id, offer_id, price_minor, compare_at_minor, currency, starts_at, ends_at, state,
       lowest_before_minor
  FROM catalog.scheduled_prices
 WHERE offer_id = $1 AND state <> 'over'
 ORDER BY starts_at
""")

SCHEDULE = Sql("""
SELECT id, offer_id, price_minor, compare_at_minor, currency, starts_at, ends_at, state,
       lowest_before_minor
  FROM catalog.scheduled_prices
 WHERE id = $1
""")

# The constraint says it too; this way it is an answer and no error.
ADD_SCHEDULE = Sql("""
INSERT INTO catalog.scheduled_prices
       (id, offer_id, price_minor, compare_at_minor, currency, starts_at, ends_at)
SELECT $1, $2, $3, $4, $5, $6, $7
 WHERE NOT EXISTS (SELECT FROM catalog.scheduled_prices s
                    WHERE s.offer_id = $2 AND s.state <> 'over'
                      AND s.starts_at < $7 AND $6 < s.ends_at)
RETURNING id
""")

DROP_SCHEDULE = Sql("DELETE FROM catalog.scheduled_prices WHERE id = $1 AND state = 'waiting'")

END_SCHEDULE = Sql("""
UPDATE catalog.scheduled_prices
   SET ends_at = greatest($2, starts_at + interval '1 microsecond')
 WHERE id = $1 AND state = 'running' AND ends_at > $2
""")

# A scheduled price begins ($2 'running', $6 the lowest before it) or ends ($2 'over', $6 that of
# the price it gives way to): the price history says so of that very moment ($3).
TURN = Sql("""
WITH turned AS (
    UPDATE catalog.scheduled_prices
       SET state = $2,
           lowest_before_minor = CASE WHEN $2 = 'running' THEN $6 ELSE lowest_before_minor END
     WHERE id = $1
    RETURNING offer_id, currency
), base AS (
    UPDATE catalog.offers o SET lowest_before_minor = $6
      FROM turned WHERE o.id = turned.offer_id AND $2 = 'over'
)
INSERT INTO catalog.prices (offer_id, at, price_minor, compare_at_minor, currency)
SELECT offer_id, $3, $4::bigint, $5::bigint, currency FROM turned
    ON CONFLICT (offer_id, at) DO UPDATE
   SET price_minor = EXCLUDED.price_minor, compare_at_minor = EXCLUDED.compare_at_minor
""")

DUE = Sql("""
SELECT o.product_id
  FROM catalog.scheduled_prices s JOIN catalog.offers o ON o.id = s.offer_id
 WHERE (s.state = 'waiting' AND s.starts_at <= $1) OR (s.state = 'running' AND s.ends_at <= $1)
 GROUP BY o.product_id
 ORDER BY min(s.starts_at)
 LIMIT $2
""")
