"""Search's fixed SQL. Who changes a listing or a vendor takes its table's lock (tables.py)."""

from haat.engines.sql import Sql

# --- what the index is made from ---------------------------------------------------------------

# Who tells of a listing without its details, as when its vendor is back, does not know them. Sales
# may have been told of before the product was.
SHOW = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.listings')) AS held
), shown AS (
INSERT INTO search.listings AS l (id, version, card, body, details, category_id, vendor_id, sold)
SELECT id, version, card, body, details::jsonb, category_id, vendor_id,
       (SELECT coalesce(sum(s.quantity), 0) FROM search.sales s WHERE s.product_id = t.id)
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
SELECT l.seq, l.id, l.card, l.body, l.details, l.sold, coalesce(v.name, '') AS vendor,
       v.latitude, v.longitude, coalesce(v.verified, false) AS verified
  FROM search.listings l LEFT JOIN search.vendors v ON v.id = l.vendor_id
 WHERE l.seq > $1 AND l.seq <= $3 ORDER BY l.seq LIMIT $2
""")
LISTINGS_COUNT = Sql("""
SELECT count(*) FROM (SELECT FROM search.listings WHERE seq > $1 LIMIT $2) l
""")
LISTINGS_END = Sql("SELECT coalesce(max(seq), 0) FROM search.listings")

IN_STOCK = Sql("SELECT offer_id FROM search.stock WHERE in_stock AND offer_id = ANY($1::uuid[])")

# A product whose listing is not here yet finds what is kept of its offers when it comes.
STOCK_SEEN = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.listings')) AS held
), told AS (
INSERT INTO search.stock (offer_id, in_stock)
SELECT t.offer_id, t.in_stock FROM locked, unnest($1::uuid[], $2::bool[]) AS t (offer_id, in_stock)
 WHERE held IS NOT NULL
 ORDER BY 1
ON CONFLICT (offer_id) DO UPDATE SET in_stock = excluded.in_stock
), mine AS (
SELECT id FROM search.listings, locked
 WHERE id = ANY($3::uuid[]) AND card IS NOT NULL AND held IS NOT NULL
 ORDER BY id FOR NO KEY UPDATE OF listings
), touched AS (
UPDATE search.listings l SET seq = DEFAULT FROM mine WHERE l.id = mine.id
RETURNING seq
)
SELECT coalesce(max(seq), 0) AS seq FROM touched
""")

# Of offers whose stock was never heard of; what is known of one already is newer.
STOCK_OPENED = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.listings')) AS held
), told AS (
INSERT INTO search.stock (offer_id, in_stock)
SELECT t.offer_id, true FROM locked, unnest($1::uuid[]) AS t (offer_id)
 WHERE held IS NOT NULL
 ORDER BY 1
ON CONFLICT (offer_id) DO NOTHING
RETURNING offer_id
), mine AS (
SELECT id FROM search.listings, locked
 WHERE id IN (SELECT t.product_id FROM unnest($1::uuid[], $2::uuid[]) AS t (offer_id, product_id)
                JOIN told USING (offer_id))
   AND card IS NOT NULL AND held IS NOT NULL
 ORDER BY id FOR NO KEY UPDATE OF listings
)
UPDATE search.listings l SET seq = DEFAULT FROM mine WHERE l.id = mine.id
""")

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
# A change may be told before the approval; whoever hears of the market late reads it from vendors.
VENDORS_RENAMED = Sql("""
WITH locked AS MATERIALIZED (
SELECT pg_advisory_xact_lock(hashtext('search.vendors')) AS held
), named AS (
SELECT DISTINCT ON (id) *
  FROM locked, unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::float8[],
                      $7::float8[], $8::text[], $9::bool[], $10::integer[], $11::integer[])
       WITH ORDINALITY AS t (id, slug, name, country, told, latitude, longitude, place, verified,
                             rating_value, rating_count, at)
 WHERE held IS NOT NULL
 ORDER BY id, at DESC
), renamed AS (
INSERT INTO search.vendors AS v (id, slug, name, country, is_active, latitude, longitude, place,
                                 verified, rating_value, rating_count)
SELECT id, slug, name, country, false, latitude, longitude, place, verified, rating_value,
       rating_count
  FROM named
ON CONFLICT (id) DO UPDATE
   SET slug = excluded.slug, name = excluded.name,
       country = coalesce(nullif(excluded.country, ''), v.country),
       (latitude, longitude, place, verified, rating_value, rating_count) =
       (SELECT CASE WHEN n.told THEN n.latitude ELSE v.latitude END,
               CASE WHEN n.told THEN n.longitude ELSE v.longitude END,
               CASE WHEN n.told THEN n.place ELSE v.place END,
               CASE WHEN n.told THEN n.verified ELSE v.verified END,
               CASE WHEN n.told THEN n.rating_value ELSE v.rating_value END,
               CASE WHEN n.told THEN n.rating_count ELSE v.rating_count END
          FROM named n WHERE n.id = v.id), seq = DEFAULT
RETURNING seq
)
SELECT coalesce(max(seq), 0) AS seq FROM renamed
""")
# Which of these would be shown otherwise with their products than they are.
VENDORS_OTHER = Sql("""
SELECT t.id FROM unnest($1::uuid[], $2::text[], $3::bool[], $4::float8[], $5::float8[], $6::bool[])
                 AS t (id, name, told, latitude, longitude, verified)
  LEFT JOIN search.vendors v ON v.id = t.id
 WHERE v.id IS NULL OR v.name <> t.name
    OR (t.told AND (v.latitude, v.longitude, v.verified)
                   IS DISTINCT FROM (t.latitude, t.longitude, t.verified))
""")
VENDORS_AFTER = Sql("""
SELECT v.seq, v.id, v.slug, v.name, v.country, v.is_active, v.latitude, v.longitude, v.place,
       v.verified, v.rating_value, v.rating_count
  FROM search.vendors v WHERE v.seq > $1 AND v.seq <= $3 ORDER BY v.seq LIMIT $2
""")
VENDORS_COUNT = Sql("""
SELECT count(*) FROM (SELECT FROM search.vendors WHERE seq > $1 LIMIT $2) v
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

SYNONYMS = Sql("SELECT id, words, one_way FROM search.synonyms ORDER BY words, id LIMIT 5000")
SAVE_SYNONYMS = Sql("""
INSERT INTO search.synonyms (id, words, one_way) VALUES ($1, $2::text[], $3)
ON CONFLICT (id) DO UPDATE SET words = excluded.words, one_way = excluded.one_way
""")
DROP_SYNONYMS = Sql("DELETE FROM search.synonyms WHERE id = $1")

RANKING = Sql("SELECT popularity, freshness, fresh_days, meaning, edition FROM search.ranking")
SAVE_RANKING = Sql("""
UPDATE search.ranking SET popularity = $1, freshness = $2, fresh_days = $3, meaning = $4
RETURNING popularity, freshness, fresh_days, meaning, edition
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
ASKED_BY_DAY = Sql("""
SELECT day, sum(searches)::bigint AS searches, sum(empty)::bigint AS empty
  FROM search.queries WHERE day >= $1 GROUP BY day ORDER BY day
""")
MOST_ASKED = Sql("""
SELECT words, sum(searches)::bigint AS searches, sum(empty)::bigint AS empty FROM search.queries
 WHERE day >= $1
 GROUP BY words ORDER BY 2 DESC, 1 LIMIT $2
""")
FOUND_NOTHING = Sql("""
SELECT words, sum(searches)::bigint AS searches, sum(empty)::bigint AS empty FROM search.queries
 WHERE day >= $1
 GROUP BY words HAVING sum(empty) > 0 ORDER BY 3 DESC, 1 LIMIT $2
""")
