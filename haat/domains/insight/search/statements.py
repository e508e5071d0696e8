"""Search's fixed SQL. Who changes a listing or a vendor takes its table's lock (tables.py)."""

from haat.engines.sql import Sql

# --- what the index is made from ---------------------------------------------------------------

# Who tells of a listing without its details, as when its vendor is back, does not know them.
SHOW = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.listings')) AS held
), shown AS (
INSERT INTO search.listings AS l (id, version, card, body, details, category_id, vendor_id)
SELECT id, version, card, body, details::jsonb, category_id, vendor_id
  FROM locked, unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::uuid[],
                      $7::uuid[])
       AS t (id, version, card, body, details, category_id, vendor_id)
 WHERE locked.held IS NOT NULL
 ORDER BY id
ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, card = excluded.card, body = excluded.body,
       details = CASE WHEN excluded.details = '{}' THEN l.details ELSE excluded.details END,
       category_id = excluded.category_id,
       vendor_id = excluded.vendor_id, seq = DEFAULT
 WHERE l.version < excluded.version
RETURNING seq
)
SELECT coalesce(max(seq), 0) AS seq FROM shown
""")

# Somebody else has to be shown with these products: another name of their vendor or category.
TOUCH = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.listings')) AS held
), mine AS (
SELECT id FROM search.listings, locked
 WHERE (vendor_id = ANY($1::uuid[]) OR category_id = ANY($2::uuid[])) AND held IS NOT NULL
 ORDER BY id FOR NO KEY UPDATE OF listings
)
UPDATE search.listings l SET seq = DEFAULT FROM mine WHERE l.id = mine.id
""")

# Rows in the order they became what they are.
LISTINGS_AFTER = Sql("""
SELECT l.seq, l.id, l.card, l.body, l.details, l.sold, coalesce(v.name, '') AS vendor
  FROM search.listings l LEFT JOIN search.vendors v ON v.id = l.vendor_id
 WHERE l.seq > $1 ORDER BY l.seq LIMIT $2
""")
LISTINGS_END = Sql("SELECT coalesce(max(seq), 0) FROM search.listings")

VENDORS_SEEN = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.vendors')) AS held
), seen AS (
INSERT INTO search.vendors AS v (id, slug, name, country, is_active)
SELECT id, slug, name, country, is_active
  FROM locked, unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[])
       AS t (id, slug, name, country, is_active)
 WHERE held IS NOT NULL
 ORDER BY id
ON CONFLICT (id) DO UPDATE
   SET slug = coalesce(nullif(excluded.slug, ''), v.slug),
       name = coalesce(nullif(excluded.name, ''), v.name),
       country = coalesce(nullif(excluded.country, ''), v.country),
       is_active = excluded.is_active, seq = DEFAULT
RETURNING seq
)
SELECT coalesce(max(seq), 0) AS seq FROM seen
""")
VENDORS_RENAMED = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.vendors')) AS held
), named AS (
SELECT DISTINCT ON (id) id, slug, name
  FROM locked, unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS t (id, slug, name, at)
 WHERE held IS NOT NULL
 ORDER BY id, at DESC
), renamed AS (
UPDATE search.vendors v SET slug = named.slug, name = named.name, seq = DEFAULT
  FROM named WHERE v.id = named.id
RETURNING seq
)
SELECT coalesce(max(seq), 0) AS seq FROM renamed
""")
VENDORS_AFTER = Sql("""
SELECT v.seq, v.id, v.slug, v.name, v.country, v.is_active
  FROM search.vendors v WHERE v.seq > $1 ORDER BY v.seq LIMIT $2
""")
VENDORS_END = Sql("SELECT coalesce(max(seq), 0) FROM search.vendors")

SOLD = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.listings')) AS held
), added AS (
INSERT INTO search.sales (vendor_order_id, product_id, quantity, sold_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING product_id, quantity
), summed AS (
SELECT product_id, sum(quantity)::bigint AS n FROM added GROUP BY product_id
), mine AS (
SELECT l.id, summed.n FROM search.listings l JOIN summed ON summed.product_id = l.id, locked
 WHERE held IS NOT NULL
 ORDER BY l.id FOR NO KEY UPDATE OF l
)
UPDATE search.listings l SET sold = l.sold + mine.n, seq = DEFAULT FROM mine WHERE l.id = mine.id
""")
TRENDING = Sql("""
SELECT s.product_id FROM search.sales s
  JOIN search.listings l ON l.id = s.product_id AND l.card IS NOT NULL
 WHERE s.sold_at > $1
 GROUP BY s.product_id ORDER BY sum(s.quantity) DESC, s.product_id LIMIT $2
""")

# --- what staff decide -------------------------------------------------------------------------

SYNONYMS = Sql("SELECT id, words FROM search.synonyms ORDER BY words, id LIMIT 5000")
SAVE_SYNONYMS = Sql("""
INSERT INTO search.synonyms (id, words) VALUES ($1, $2::text[])
ON CONFLICT (id) DO UPDATE SET words = excluded.words
""")
DROP_SYNONYMS = Sql("DELETE FROM search.synonyms WHERE id = $1")

RANKING = Sql("SELECT popularity, freshness, fresh_days, edition FROM search.ranking")
SAVE_RANKING = Sql("""
UPDATE search.ranking SET popularity = $1, freshness = $2, fresh_days = $3
RETURNING popularity, freshness, fresh_days, edition
""")
NEW_EDITION = Sql("UPDATE search.ranking SET edition = edition + 1 RETURNING edition")

# --- what people look for ----------------------------------------------------------------------

REMEMBER = Sql("""
INSERT INTO search.history (person_id, words, searched_at) VALUES ($1, $2, $3)
ON CONFLICT (person_id, words) DO UPDATE SET searched_at = excluded.searched_at
""")
REMEMBERED = Sql("""
SELECT words, searched_at FROM search.history
 WHERE person_id = $1 AND starts_with(words, $2) ORDER BY searched_at DESC, words LIMIT $3
""")
FORGET = Sql("DELETE FROM search.history WHERE person_id = $1 AND ($2::text IS NULL OR words = $2)")
FORGET_OLD = Sql("""
DELETE FROM search.history h WHERE (h.person_id, h.words) IN (
SELECT person_id, words FROM search.history WHERE searched_at < $1 LIMIT 1000)
""")
COUNT = Sql("""
INSERT INTO search.queries AS q (day, words, searches, empty)
SELECT * FROM unnest($1::date[], $2::text[], $3::bigint[], $4::bigint[]) AS t (day, words, s, e)
 ORDER BY 1, 2
ON CONFLICT (day, words) DO UPDATE
   SET searches = q.searches + excluded.searches, empty = q.empty + excluded.empty
""")
FORGET_QUERIES = Sql("DELETE FROM search.queries WHERE day < $1")
OFTEN_ASKED = Sql("""
SELECT words, sum(searches)::bigint AS searches FROM search.queries
 WHERE day >= $1
 GROUP BY words HAVING sum(searches) >= $2 AND sum(empty) < sum(searches)
 ORDER BY 2 DESC, 1 LIMIT $3
""")
FOUND_NOTHING = Sql("""
SELECT words, sum(searches)::bigint AS searches, sum(empty)::bigint AS empty FROM search.queries
 WHERE day >= $1
 GROUP BY words HAVING sum(empty) > 0 ORDER BY 3 DESC, 1 LIMIT $2
""")
