"""The fixed SQL of putting many products at once: each statement takes a whole batch."""

from haat.engines.sql import Sql

SKUS_OWNED = Sql("""
SELECT o.sku, o.product_id, o.main FROM catalog.offers o
 WHERE o.vendor_id = $1 AND o.sku = ANY($2::text[])
""")

SLUGS_OWNED = Sql("""
SELECT slug, id FROM catalog.products WHERE slug = ANY($1::text[])
 UNION ALL
SELECT slug, product_id FROM catalog.slugs WHERE slug = ANY($1::text[])
""")

# Of every category named, those on the way from the root to it, and their templates.
PATHS = Sql("""
SELECT c.id, a.id AS above_id, a.template
  FROM catalog.categories c
 CROSS JOIN LATERAL unnest(c.ancestors) WITH ORDINALITY AS w (id, place)
  JOIN catalog.categories a ON a.id = w.id
 WHERE c.id = ANY($1::uuid[])
 ORDER BY c.id, w.place
""")

# Products on sale with these barcodes.
BARCODES_ON_SALE = Sql("""
SELECT v.barcode, v.product_id FROM catalog.variants v
  JOIN catalog.shelves s ON s.product_id = v.product_id
                        AND s.shelf_id = '00000000-0000-0000-0000-000000000000'
 WHERE v.barcode = ANY($1::text[])
""")

# In the order of all who take several.
HOLD = Sql("""
SELECT id FROM catalog.products WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
""")

BRANDS_NAMED = Sql("""
INSERT INTO catalog.brands (id, slug, name)
SELECT id, slug, name
  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS w (id, slug, name)
 WHERE NOT EXISTS (SELECT FROM catalog.brands b WHERE b.id = w.id)
 ORDER BY id
    ON CONFLICT DO NOTHING
""")

# What both statements below take, $1 to $22 and $49: a product's columns.
_PRODUCTS = """
       unnest(
           $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[],
           $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
           $14::bigint[], $15::text[], $16::int[], $17::timestamptz[], $18::text[], $19::text[],
           $20::uuid[], $21::int[], $22::int[], $49::text[])
        AS w (id, vendor_id, slug, title, title_key, description_html, category_id, brand,
              tax_class, status, reason, option_names, pictures, price_from, card, version,
              updated_at, seo, specs, brand_id, was_version, was_listing, kind)"""
_OPTION_NAMES = "ARRAY(SELECT jsonb_array_elements_text(w.option_names::jsonb))"

# $23 on: variants; $31 on: offers of the products' own vendor.
_VARIANTS = """(id, product_id, position, title, options, barcode, weight_g, picture)
    SELECT w.id, w.product_id, w.position, w.title, w.options::jsonb AS options, w.barcode,
           w.weight_g, w.picture::jsonb AS picture
      FROM unnest($23::uuid[], $24::uuid[], $25::int[], $26::text[], $27::text[], $28::text[],
                  $29::int[], $30::text[])
        AS w (id, product_id, position, title, options, barcode, weight_g, picture)
      JOIN written ON written.id = w.product_id"""
_OFFER_ROWS = """(
    SELECT w.id, w.variant_id, w.product_id, w.vendor_id, w.sku, w.price_minor,
           w.compare_at_minor, w.currency, w.status, w.condition, w.handling_days, true,
           w.lowest_before_minor
      FROM unnest($31::uuid[], $32::uuid[], $33::uuid[], $34::uuid[], $35::text[], $36::bigint[],
                  $37::bigint[], $38::text[], $39::text[], $40::text[], $41::int[], $42::bigint[])
        AS w (id, variant_id, product_id, vendor_id, sku, price_minor, compare_at_minor, currency,
              status, condition, handling_days, lowest_before_minor)
      JOIN written ON written.id = w.product_id)"""

_OFFERS = f"""(id, variant_id, product_id, vendor_id, sku, price_minor, compare_at_minor, currency,
                  status, condition, handling_days, main, lowest_before_minor) {_OFFER_ROWS}"""

# Steps of price histories: of what is new every offer's, of what was there those whose price, or
# price before, is another. While a planned price runs, the vendor's own is no step.
_STEPS = f"""catalog.prices (offer_id, at, price_minor, compare_at_minor, currency)
SELECT w.id, $43, w.price_minor, w.compare_at_minor, w.currency
  FROM {_OFFER_ROWS} w"""  # noqa: S608 - put together here, from constants
_OTHER_STEPS = f"""{_STEPS}
  LEFT JOIN catalog.offers o ON o.id = w.id
 WHERE (o.price_minor IS DISTINCT FROM w.price_minor
        OR o.compare_at_minor IS DISTINCT FROM w.compare_at_minor)
   AND NOT EXISTS (SELECT FROM catalog.scheduled_prices s
                    WHERE s.offer_id = w.id AND s.state = 'running')
    ON CONFLICT (offer_id, at) DO UPDATE
   SET price_minor = EXCLUDED.price_minor,
       compare_at_minor = EXCLUDED.compare_at_minor"""  # noqa: S608 - put together here

# $43 on: rows of the history, in their order.
_NOTED = """catalog.history (product_id, at, actor_type, actor_id, what, changes)
SELECT w.product_id, $43, $44, $45, w.what, w.changes::jsonb
  FROM unnest($46::uuid[], $47::text[], $48::text[])
       WITH ORDINALITY AS w (product_id, what, changes, place)
  JOIN written ON written.id = w.product_id
 ORDER BY w.place"""

# An id or a slug that somebody else took just now leaves its product out.
PUT_NEW = Sql(f"""
WITH written AS (
INSERT INTO catalog.products
       (id, vendor_id, slug, title, title_key, description_html, category_id, brand, tax_class,
        status, reason, option_names, pictures, price_from, card, version, listing_version,
        created_at, updated_at, seo, specs, brand_id, kind)
SELECT w.id, w.vendor_id, w.slug, w.title, w.title_key, w.description_html, w.category_id, w.brand,
       w.tax_class, w.status, w.reason, {_OPTION_NAMES}, w.pictures::jsonb, w.price_from, w.card,
       w.version, w.version, w.updated_at, w.updated_at, w.seo::jsonb, w.specs::jsonb, w.brand_id,
       w.kind
  FROM {_PRODUCTS}
 ORDER BY w.id
    ON CONFLICT DO NOTHING
RETURNING id, listing_version
), variant AS (
INSERT INTO catalog.variants {_VARIANTS}
), offer AS (
INSERT INTO catalog.offers {_OFFERS}
), stepped AS (INSERT INTO {_STEPS}
), noted AS (INSERT INTO {_NOTED})
SELECT id, listing_version FROM written
""")  # noqa: S608 - put together here, from constants

# One that somebody else changed since it was read is left out.
PUT_CHANGED = Sql(f"""
WITH written AS (
UPDATE catalog.products p
   SET title = w.title, title_key = w.title_key, description_html = w.description_html,
       category_id = w.category_id, brand = w.brand, tax_class = w.tax_class, status = w.status,
       reason = w.reason, option_names = {_OPTION_NAMES}, pictures = w.pictures::jsonb,
       price_from = w.price_from, card = w.card, version = w.version,
       listing_version = p.listing_version + 1, updated_at = w.updated_at, slug = w.slug,
       seo = w.seo::jsonb, specs = w.specs::jsonb, brand_id = w.brand_id,
       kind = w.kind
  FROM {_PRODUCTS}
 WHERE p.id = w.id AND p.vendor_id = w.vendor_id AND p.version = w.was_version
   AND p.listing_version = w.was_listing
RETURNING p.id, p.listing_version
), variant AS (
INSERT INTO catalog.variants AS v {_VARIANTS}
    ON CONFLICT (id) DO UPDATE
   SET position = EXCLUDED.position, title = EXCLUDED.title, options = EXCLUDED.options,
       barcode = EXCLUDED.barcode, weight_g = EXCLUDED.weight_g, picture = EXCLUDED.picture
 WHERE v.product_id = EXCLUDED.product_id
), offer AS (
INSERT INTO catalog.offers AS o {_OFFERS}
    ON CONFLICT (id) DO UPDATE
   SET sku = EXCLUDED.sku, price_minor = EXCLUDED.price_minor,
       compare_at_minor = EXCLUDED.compare_at_minor, currency = EXCLUDED.currency,
       status = EXCLUDED.status, condition = EXCLUDED.condition,
       handling_days = EXCLUDED.handling_days, lowest_before_minor = EXCLUDED.lowest_before_minor
 WHERE o.product_id = EXCLUDED.product_id AND o.main
), stepped AS (INSERT INTO {_OTHER_STEPS}
), noted AS (INSERT INTO {_NOTED})
SELECT id, listing_version FROM written
""")  # noqa: S608 - put together here, from constants
