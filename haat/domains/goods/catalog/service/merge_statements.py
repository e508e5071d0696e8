"""The fixed SQL of products that are there twice."""

from haat.engines.sql import Sql

DUPLICATES = Sql("""
SELECT d.barcode, ARRAY(SELECT p.card FROM catalog.products p
                         WHERE p.id = ANY(d.ids) ORDER BY p.created_at, p.id LIMIT 20) AS cards
  FROM (SELECT v.barcode, array_agg(DISTINCT v.product_id) AS ids
          FROM catalog.variants v
          JOIN catalog.products p ON p.id = v.product_id AND p.status <> 'archived'
         WHERE v.barcode IS NOT NULL AND v.barcode > $1
         GROUP BY v.barcode
        HAVING count(DISTINCT v.product_id) > 1
         ORDER BY v.barcode
         LIMIT $2) d
 ORDER BY d.barcode
""")

# Another product on sale with one of these barcodes.
SAME_BARCODE = Sql("""
SELECT v.product_id FROM catalog.variants v
  JOIN catalog.shelves s ON s.product_id = v.product_id
                        AND s.shelf_id = '00000000-0000-0000-0000-000000000000'
 WHERE v.barcode = ANY($1::text[]) AND v.product_id <> $2
 ORDER BY v.product_id
 LIMIT 1
""")

HOLD_BOTH = Sql("""
SELECT id FROM catalog.products WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
""")

MOVE_VARIANTS = Sql("""
UPDATE catalog.variants v SET product_id = $2, position = $3 + v.position
 WHERE v.id = ANY($1::uuid[]) AND v.product_id = $4
""")

MOVE_OFFERS = Sql("""
UPDATE catalog.offers o
   SET product_id = $2, variant_id = w.variant_id, status = w.status, main = w.main
  FROM unnest($1::uuid[], $3::uuid[], $4::text[], $5::bool[]) AS w (id, variant_id, status, main)
 WHERE o.id = w.id
""")

END = Sql("""
UPDATE catalog.products
   SET status = 'archived', merged_into = $2, version = version + 1,
       listing_version = listing_version + 1, updated_at = $3
 WHERE id = $1
RETURNING listing_version
""")

# Its slug ($3), those it had before, and products merged into it earlier.
LEAD = Sql("""
WITH older AS (
    UPDATE catalog.slugs SET product_id = $2 WHERE product_id = $1 AND slug <> $3
), earlier AS (
    UPDATE catalog.products SET merged_into = $2 WHERE merged_into = $1
)
INSERT INTO catalog.slugs (slug, product_id) VALUES ($3, $2)
    ON CONFLICT (slug) DO UPDATE SET product_id = EXCLUDED.product_id
""")
