"""The fixed SQL of single offers and of who may sell what."""

from haat.engines.sql import Sql

# Whoever writes an offer holds its product: what the lists show of it follows from all its offers.
HOLD_PRODUCT = Sql("SELECT id FROM catalog.products WHERE id = $1 FOR NO KEY UPDATE")

OFFER_PLACE = Sql("SELECT product_id, vendor_id FROM catalog.offers WHERE id = $1")

ADD_OFFER = Sql("""
INSERT INTO catalog.offers
       (id, variant_id, product_id, vendor_id, sku, price_minor, compare_at_minor, currency,
        condition, handling_days, status, main, lowest_before_minor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'active', false, $11)
""")

# Many of the vendor $1, each with the first step of its price.
ADD_OFFERS = Sql("""
WITH added AS (
INSERT INTO catalog.offers
       (id, variant_id, product_id, vendor_id, sku, price_minor, compare_at_minor, currency,
        condition, handling_days, status, main, lowest_before_minor)
SELECT w.id, w.variant_id, w.product_id, $1, w.sku, w.price_minor, w.compare_at_minor, w.currency,
       w.condition, w.handling_days, 'active', false, w.lowest_before_minor
  FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::bigint[],
              $9::text[], $10::text[], $11::int[], $12::bigint[])
    AS w (id, variant_id, product_id, sku, price_minor, compare_at_minor, currency, condition,
          handling_days, lowest_before_minor)
RETURNING id, price_minor, compare_at_minor, currency
)
INSERT INTO catalog.prices (offer_id, at, price_minor, compare_at_minor, currency)
SELECT id, $2, price_minor, compare_at_minor, currency FROM added
""")

CHANGE_OFFER = Sql("""
UPDATE catalog.offers
   SET sku = $2, price_minor = $3, compare_at_minor = $4, condition = $5, handling_days = $6,
       status = $7, lowest_before_minor = $8
 WHERE id = $1
""")

PAUSE_OFFERS = Sql("UPDATE catalog.offers SET status = 'paused' WHERE id = ANY($1::uuid[])")

# What a product's page and lists show of it follows; $4 where its own vendor's form must see it.
RELIST = Sql("""
UPDATE catalog.products
   SET price_from = $2, card = $3, listing_version = listing_version + 1,
       version = version + CASE WHEN $4 THEN 1 ELSE 0 END, updated_at = $5
 WHERE id = $1
RETURNING listing_version, version
""")

RELIST_MANY = Sql("""
UPDATE catalog.products p
   SET price_from = w.price_from, card = w.card, listing_version = p.listing_version + 1,
       updated_at = $4
  FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS w (id, price_from, card)
 WHERE p.id = w.id
RETURNING p.id, p.listing_version
""")

NOTES = Sql("""
INSERT INTO catalog.history (product_id, at, actor_type, actor_id, what, changes, vendor_id)
SELECT w.product_id, $2, $3, $4, $5, w.changes::jsonb, $7
  FROM unnest($1::uuid[], $6::text[]) WITH ORDINALITY AS w (product_id, changes, place)
 ORDER BY w.place
""")

NOTE = Sql("""
INSERT INTO catalog.history (product_id, at, actor_type, actor_id, what, changes, vendor_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
""")

# Those a vendor attached to products that were there. `on_sale` as checkout sees it.
_OWN = """
SELECT o.product_id, o.variant_id, o.vendor_id, o.id, o.sku, o.price_minor, o.compare_at_minor,
       o.currency, o.condition, o.handling_days, o.status, o.main, p.slug,
       p.vendor_id AS product_vendor_id, p.title, v.title AS variant_title,
       p.status AS product_status,
       p.status = 'active' AND o.status = 'active' AND coalesce(s.active, false) AS on_sale
  FROM catalog.offers o
  JOIN catalog.variants v ON v.id = o.variant_id
  JOIN catalog.products p ON p.id = o.product_id
  LEFT JOIN catalog.vendors s ON s.vendor_id = o.vendor_id"""

OWN_OFFERS = Sql(f"""{_OWN}
 WHERE o.vendor_id = $1 AND NOT o.main AND o.id < $2
 ORDER BY o.id DESC
 LIMIT $3
""")

OWN_OFFER = Sql(f"""{_OWN}
 WHERE o.id = $1
""")

# --- finding a product to sell ---------------------------------------------------------------

WITH_BARCODE = Sql("""
SELECT DISTINCT v.product_id AS id FROM catalog.variants v
  JOIN catalog.shelves s ON s.product_id = v.product_id
                        AND s.shelf_id = '00000000-0000-0000-0000-000000000000'
 WHERE v.barcode = ANY($1::text[])
 ORDER BY 1
 LIMIT $2
""")

BEGINNING = Sql("""
SELECT s.product_id AS id FROM catalog.shelves s
 WHERE s.shelf_id = '00000000-0000-0000-0000-000000000000'
   AND s.title_key >= $1 AND s.title_key < $2
 ORDER BY s.title_key, s.product_id
 LIMIT $3
""")

# --- who may sell what -----------------------------------------------------------------------

LISTS = Sql("""
SELECT kind, subject, vendor_ids FROM catalog.sale_lists
 WHERE (kind = 'product' AND subject = ANY($1::text[]))
    OR (kind = 'brand' AND subject = ANY($2::text[]))
""")

SET_LIST = Sql("""
INSERT INTO catalog.sale_lists (kind, subject, vendor_ids) VALUES ($1, $2, $3)
    ON CONFLICT (kind, subject) DO UPDATE SET vendor_ids = EXCLUDED.vendor_ids
""")

DROP_LIST = Sql("DELETE FROM catalog.sale_lists WHERE kind = $1 AND subject = $2")
