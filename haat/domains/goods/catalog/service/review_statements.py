"""The fixed SQL of notes and of what is approved without a look."""

from haat.engines.sql import Sql

ADD_NOTE = Sql("""
INSERT INTO catalog.notes (id, product_id, at, by, person_id, external, text)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO NOTHING
""")

NOTE = Sql("""
SELECT id, at, by, person_id, external, text FROM catalog.notes WHERE id = $1 AND product_id = $2
""")

NOTES = Sql("""
SELECT id, at, by, person_id, external, text
  FROM (SELECT * FROM catalog.notes
         WHERE product_id = $1 AND (external OR $2)
         ORDER BY at DESC, id DESC
         LIMIT $3) last
 ORDER BY at, id
""")

RULES = Sql("""
SELECT id, vendor_id, category_id, price_min, price_max FROM catalog.approval_rules
 ORDER BY id
 LIMIT $1
""")

SAVE_RULE = Sql("""
INSERT INTO catalog.approval_rules AS r (id, vendor_id, category_id, price_min, price_max)
SELECT $1, $2, $3, $4, $5
 WHERE EXISTS (SELECT FROM catalog.approval_rules WHERE id = $1)
    OR (SELECT count(*) FROM catalog.approval_rules) < $6
    ON CONFLICT (id) DO UPDATE
   SET vendor_id = EXCLUDED.vendor_id, category_id = EXCLUDED.category_id,
       price_min = EXCLUDED.price_min, price_max = EXCLUDED.price_max
""")

DROP_RULE = Sql("DELETE FROM catalog.approval_rules WHERE id = $1")

# What customers think of a product. Holding the product keeps others from writing what lists show
# of it from what they read before.
RATE = Sql("""
WITH mine AS (
SELECT id FROM catalog.products WHERE id = $1 FOR NO KEY UPDATE
), kept AS (
INSERT INTO catalog.ratings AS r (product_id, value, count, version)
SELECT id, $2::integer, $3::integer, $4::bigint FROM mine
    ON CONFLICT (product_id) DO UPDATE
   SET value = excluded.value, count = excluded.count, version = excluded.version
 WHERE r.version < excluded.version
RETURNING product_id
)
SELECT EXISTS (SELECT FROM mine) AS known, EXISTS (SELECT FROM kept) AS is_new
""")

LISTING_RULES = Sql("""
SELECT id, name, kind, category_id, words, least, key, blocking, message
  FROM catalog.listing_rules
 ORDER BY name, id
 LIMIT $1
""")

SAVE_LISTING_RULE = Sql("""
INSERT INTO catalog.listing_rules AS r
       (id, name, kind, category_id, words, least, key, blocking, message)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
 WHERE EXISTS (SELECT FROM catalog.listing_rules WHERE id = $1)
    OR (SELECT count(*) FROM catalog.listing_rules) < $10
    ON CONFLICT (id) DO UPDATE
   SET name = EXCLUDED.name, kind = EXCLUDED.kind, category_id = EXCLUDED.category_id,
       words = EXCLUDED.words, least = EXCLUDED.least, key = EXCLUDED.key,
       blocking = EXCLUDED.blocking, message = EXCLUDED.message
""")

DROP_LISTING_RULE = Sql("DELETE FROM catalog.listing_rules WHERE id = $1")
