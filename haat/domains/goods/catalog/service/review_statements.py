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
