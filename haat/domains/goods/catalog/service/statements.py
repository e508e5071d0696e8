"""The catalogue's fixed SQL."""

from haat.engines.sql import Sql
from haat.kernel import synthetic

# --- categories ------------------------------------------------------------------------------

# How many products there are in a category is its count and what is still to be added to it.
CATEGORIES = Sql("""
SELECT c.id, c.parent_id, c.slug, c.name, c.position,
       c.product_count + coalesce(more.n, 0) AS product_count, c.icon, c.active
  FROM catalog.categories c
  LEFT JOIN (SELECT category_id, sum(n)::int AS n FROM catalog.category_changes
              GROUP BY category_id) more ON more.category_id = c.id
 ORDER BY cardinality(c.ancestors), c.position, c.name, c.id
 LIMIT 10000
""")

_COUNTED = """c.product_count + coalesce((SELECT sum(n) FROM catalog.category_changes
                                    WHERE category_id = c.id), 0)::int AS product_count"""

CATEGORY = Sql(f"""
SELECT c.id, c.parent_id, c.slug, c.name, c.position, {_COUNTED}, c.icon, c.active
  FROM catalog.categories c
 WHERE c.id = $1 OR c.slug = $2
 ORDER BY c.id = $1 DESC NULLS LAST
 LIMIT 1
""")  # noqa: S608 - put together here, from a constant

# Writes of products share this lock; a change of the tree, which moves shelves, has it alone.
TREE_ALONE = Sql("SELECT pg_advisory_xact_lock(hashtext('catalog.categories'))")
TREE_SHARED = Sql("SELECT pg_advisory_xact_lock_shared(hashtext('catalog.categories'))")

# The vendor's row is shared too: a suspension waits for this write, or this write for it. (Of the
# other vendors who sell the product nothing is held: a suspension of theirs counts its listing up.)
BEFORE_WRITING = Sql("""
SELECT pg_advisory_xact_lock_shared(hashtext('catalog.categories')),
       (SELECT active FROM catalog.vendors WHERE vendor_id = $1 FOR SHARE) AS vendor_active
""")

CATEGORY_PLACE = Sql("""
SELECT (SELECT ancestors FROM catalog.categories WHERE id = $1) AS present,
       (SELECT slug FROM catalog.categories WHERE id = $1) AS slug,
       (SELECT ancestors FROM catalog.categories WHERE id = $2) AS parent
""")

SAVE_CATEGORY = Sql(f"""
INSERT INTO catalog.categories AS c
       (id, parent_id, ancestors, slug, name, position, icon, active, template)
VALUES ($1::uuid, $2, $3::uuid[] || $1::uuid, $4, $5, $6, nullif($8, ''), coalesce($9, true),
        coalesce($10::jsonb, '[]'))
    ON CONFLICT (id) DO UPDATE
   SET parent_id = $2, slug = CASE WHEN $7 THEN $4 ELSE c.slug END, name = $5, position = $6,
       icon = CASE WHEN $8 IS NULL THEN c.icon ELSE nullif($8, '') END,
       active = coalesce($9, c.active), template = coalesce($10::jsonb, c.template)
RETURNING c.id, c.parent_id, c.slug, c.name, c.position, {_COUNTED}, c.icon, c.active
""")  # noqa: S608 - put together here, from a constant

# What has an address now needs no way to it; $2 was the address of $3, NULL for none.
CATEGORY_SLUG_LEFT = Sql("""
WITH back AS (
    DELETE FROM catalog.category_slugs WHERE slug = $1
)
INSERT INTO catalog.category_slugs (slug, category_id)
SELECT $2, $3::uuid WHERE $2::text IS NOT NULL
    ON CONFLICT (slug) DO UPDATE SET category_id = EXCLUDED.category_id
""")

CATEGORY_MOVED = Sql("""
SELECT c.slug FROM catalog.category_slugs s JOIN catalog.categories c ON c.id = s.category_id
 WHERE s.slug = $1
""")

# The templates on the way from the root to a category, its own the last.
TEMPLATES = Sql("""
SELECT c.id AS of, a.id, a.template
  FROM catalog.categories c
 CROSS JOIN LATERAL unnest(c.ancestors) WITH ORDINALITY AS w (id, place)
  JOIN catalog.categories a ON a.id = w.id
 WHERE c.id = ANY($1::uuid[])
 ORDER BY c.id, w.place
""")

# Everything below $1 hangs below the path $2 (the new parent's) from now on.
MOVE_CATEGORIES = Sql("""
UPDATE catalog.categories c
   SET ancestors = $2::uuid[] || c.ancestors[array_position(c.ancestors, $1::uuid):]
 WHERE $1::uuid = ANY(c.ancestors)
RETURNING c.id, c.ancestors
""")

PRODUCTS_BELOW = Sql("""
SELECT p.id FROM catalog.products p
 WHERE p.status = 'active' AND p.category_id = ANY($1::uuid[])
 ORDER BY p.id
""")

# --- products --------------------------------------------------------------------------------

_WHOLE = """
SELECT p.listing_version,
       ARRAY(SELECT DISTINCT o.vendor_id
               FROM catalog.offers o
               JOIN catalog.vendors s ON s.vendor_id = o.vendor_id AND s.active
              WHERE o.product_id = p.id) AS active_vendors,
       json_build_object(
           'id', p.id, 'slug', p.slug, 'vendor_id', p.vendor_id, 'title', p.title,
           'description_html', p.description_html, 'category_id', p.category_id,
           'brand', p.brand, 'tax_class', p.tax_class, 'status', p.status, 'reason', p.reason,
           'option_names', p.option_names, 'pictures', p.pictures, 'version', p.version,
           'merged_into', p.merged_into, 'seo', p.seo, 'specs', p.specs, 'kind', p.kind,
           'created_at', p.created_at, 'updated_at', p.updated_at,
           'rating', (SELECT json_build_object('value', r.value, 'count', r.count)
                        FROM catalog.ratings r WHERE r.product_id = p.id AND r.count > 0),
           'variants', (
               SELECT coalesce(json_agg(json_build_object(
                          'id', v.id, 'title', v.title, 'options', v.options,
                          'barcode', v.barcode, 'weight_g', v.weight_g, 'picture', v.picture,
                          'offers', (
                              SELECT coalesce(json_agg(json_build_object(
                                         'id', o.id, 'variant_id', o.variant_id,
                                         'vendor_id', o.vendor_id, 'sku', o.sku,
                                         'price', json_build_object(
                                             'minor', o.price_minor, 'currency', o.currency),
                                         'compare_at', CASE WHEN o.compare_at_minor IS NOT NULL
                                             THEN json_build_object('minor', o.compare_at_minor,
                                                                    'currency', o.currency) END,
                                         'lowest_before', CASE WHEN o.lowest_before_minor > 0
                                             THEN json_build_object(
                                                 'minor', o.lowest_before_minor,
                                                 'currency', o.currency) END,
                                         'scheduled', (
                                             SELECT coalesce(json_agg(json_build_object(
                                                        'id', s.id, 'offer_id', o.id,
                                                        'price', json_build_object(
                                                            'minor', s.price_minor,
                                                            'currency', s.currency),
                                                        'compare_at',
                                                        CASE WHEN s.compare_at_minor > 0
                                                        THEN json_build_object(
                                                            'minor', s.compare_at_minor,
                                                            'currency', s.currency) END,
                                                        'lowest_before',
                                                        CASE WHEN s.lowest_before_minor > 0
                                                        THEN json_build_object(
                                                            'minor', s.lowest_before_minor,
                                                            'currency', s.currency) END,
                                                        'starts_at', s.starts_at,
                                                        'ends_at', s.ends_at,
                                                        'state', s.state)
                                                    ORDER BY s.starts_at), '[]')
                                               FROM catalog.scheduled_prices s
                                              WHERE s.offer_id = o.id AND s.state <> 'over'),
                                         'condition', o.condition, 'main', o.main,
                                         'handling_days', o.handling_days, 'status', o.status)
                                             ORDER BY NOT o.main, o.id), '[]')
                                FROM catalog.offers o WHERE o.variant_id = v.id)
                      ) ORDER BY v.position), '[]')
                 FROM catalog.variants v WHERE v.product_id = p.id)
       )::text AS product
  FROM catalog.products p"""

PRODUCT = Sql(f"""{_WHOLE}
 WHERE p.id = $1 OR p.slug = $2
 ORDER BY p.id = $1 DESC NULLS LAST
 LIMIT 1
""")

OWN_WHOLE = Sql(f"""{_WHOLE}
 WHERE p.vendor_id = $1 AND ($2::timestamptz IS NULL OR (p.created_at, p.id) < ($2, $3::uuid))
 ORDER BY p.created_at DESC, p.id DESC
 LIMIT $4
""")

PRODUCTS = Sql(f"""{_WHOLE}
 WHERE p.id = ANY($1::uuid[])
 ORDER BY array_position($1::uuid[], p.id)
""")

# What creating a product has to know.
AROUND = Sql("""
SELECT EXISTS (SELECT FROM catalog.products WHERE slug = $1)
           OR EXISTS (SELECT FROM catalog.slugs WHERE slug = $1) AS slug_taken,
       $2::uuid IS NULL OR EXISTS (SELECT FROM catalog.categories WHERE id = $2)
           AS category_known,
       EXISTS (SELECT FROM catalog.tax_classes WHERE code = $3 AND active) AS tax_class_known
""")

TAX_CLASS = Sql("SELECT EXISTS (SELECT FROM catalog.tax_classes WHERE code = $1 AND active)")

# A product that names a brand nobody named before makes it.
INSERT_PRODUCT = Sql("""
WITH brand AS (
INSERT INTO catalog.brands (id, slug, name)
SELECT $22::uuid, $23::text, $8 WHERE $22 IS NOT NULL
    ON CONFLICT DO NOTHING
), made AS (
INSERT INTO catalog.products
       (id, vendor_id, slug, title, title_key, description_html, category_id, brand, tax_class,
        status, reason, option_names, pictures, price_from, card, version, created_at, updated_at,
        seo, specs, brand_id, kind)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $20, $21,
        $22, $24)
    ON CONFLICT (id) DO NOTHING
RETURNING id)
INSERT INTO catalog.history (product_id, at, actor_type, actor_id, what, changes)
SELECT id, $17, $18, $19, 'create', '{}' FROM made
""")

UPDATE_PRODUCT = Sql("""
WITH brand AS (
INSERT INTO catalog.brands (id, slug, name)
SELECT $24::uuid, $25::text, $6 WHERE $24 IS NOT NULL
    ON CONFLICT DO NOTHING
), written AS (
UPDATE catalog.products
   SET title = $2, title_key = $3, description_html = $4, category_id = $5, brand = $6,
       tax_class = $7, status = $8, reason = $9, option_names = $10, pictures = $11,
       price_from = $12, card = $13, version = version + 1,
       listing_version = listing_version + 1, updated_at = $14, slug = $21,
       seo = $22, specs = $23, brand_id = $24, kind = $26
 WHERE id = $1 AND version = $15 AND listing_version = $16
RETURNING listing_version
), noted AS (
INSERT INTO catalog.history (product_id, at, actor_type, actor_id, what, changes)
SELECT $1, $14, $17, $18, $19, $20 FROM written
)
SELECT listing_version FROM written
""")

# $1 was a product's slug and leads to it ($2) from now on.
SLUG_LEFT = Sql("""
INSERT INTO catalog.slugs (slug, product_id) VALUES ($1, $2)
    ON CONFLICT (slug) DO UPDATE SET product_id = EXCLUDED.product_id
""")

# A product may have its own old address again; then nothing leads from there any more.
SLUG_BACK = Sql("DELETE FROM catalog.slugs WHERE slug = $1 AND product_id = $2")

SLUG_HAD = Sql("SELECT EXISTS (SELECT FROM catalog.slugs WHERE slug = $1 AND product_id <> $2)")

# Where an old slug, or the id or slug of a product merged into another, leads.
MOVED = Sql("""
SELECT p.slug FROM catalog.products p
 WHERE p.id = coalesce(
     (SELECT g.merged_into FROM catalog.products g
       WHERE (g.id = $1 OR g.slug = $2) AND g.merged_into IS NOT NULL
       LIMIT 1),
     (SELECT s.product_id FROM catalog.slugs s WHERE s.slug = $2))
""")

HISTORY = Sql("""
SELECT h.seq, h.at, h.actor_type, h.actor_id, h.what, h.changes, h.vendor_id
  FROM catalog.history h
 WHERE h.product_id = $1 AND h.seq < $2
   AND ($3::uuid IS NULL OR h.vendor_id IS NULL OR h.vendor_id = $3)
 ORDER BY h.seq DESC
 LIMIT $4
""")

# What of it is another price, or price before, is a step of that offer's price history; while a
# scheduled price runs, the vendor's own is none.
WRITE_VARIANTS = Sql("""
WITH variant AS (
    INSERT INTO catalog.variants AS v
           (id, product_id, position, title, options, barcode, weight_g, picture)
    SELECT id, $1, place, title, options::jsonb, barcode, weight_g, picture::jsonb
      FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[])
               WITH ORDINALITY AS w (id, title, options, barcode, weight_g, picture, place)
        ON CONFLICT (id) DO UPDATE
       SET position = EXCLUDED.position, title = EXCLUDED.title, options = EXCLUDED.options,
           barcode = EXCLUDED.barcode, weight_g = EXCLUDED.weight_g, picture = EXCLUDED.picture
     WHERE v.product_id = $1
), wanted AS MATERIALIZED (
    SELECT *
      FROM unnest($9::uuid[], $10::uuid[], $11::text[], $12::bigint[], $13::bigint[],
                  $14::text[], $15::text[], $16::text[], $17::int[], $18::bigint[])
               AS w (id, variant_id, sku, price, compare_at, currency, status, condition,
                     handling_days, lowest_before)
), priced AS (
    INSERT INTO catalog.prices (offer_id, at, price_minor, compare_at_minor, currency)
    SELECT w.id, $19, w.price, w.compare_at, w.currency
      FROM wanted w LEFT JOIN catalog.offers o ON o.id = w.id
     WHERE (o.price_minor IS DISTINCT FROM w.price
            OR o.compare_at_minor IS DISTINCT FROM w.compare_at)
       AND NOT EXISTS (SELECT FROM catalog.scheduled_prices s
                        WHERE s.offer_id = w.id AND s.state = 'running')
        ON CONFLICT (offer_id, at) DO UPDATE
       SET price_minor = EXCLUDED.price_minor, compare_at_minor = EXCLUDED.compare_at_minor
), offer AS (
    INSERT INTO catalog.offers AS o
           (id, variant_id, product_id, vendor_id, sku, price_minor, compare_at_minor, currency,
            status, condition, handling_days, main, lowest_before_minor)
    SELECT w.id, w.variant_id, $1, $8, w.sku, w.price, w.compare_at, w.currency, w.status,
           w.condition, w.handling_days, true, w.lowest_before
      FROM wanted w
        ON CONFLICT (id) DO UPDATE
       SET sku = EXCLUDED.sku, price_minor = EXCLUDED.price_minor,
           compare_at_minor = EXCLUDED.compare_at_minor, currency = EXCLUDED.currency,
           status = EXCLUDED.status, condition = EXCLUDED.condition,
           handling_days = EXCLUDED.handling_days,
           lowest_before_minor = EXCLUDED.lowest_before_minor
     WHERE o.product_id = $1 AND o.main
)
SELECT
""")

SKUS_TAKEN = Sql("""
SELECT sku FROM catalog.offers
 WHERE vendor_id = $1 AND sku = ANY($2::text[]) AND product_id <> $3
 LIMIT 10
""")

# --- shelves ---------------------------------------------------------------------------------

# Puts these products on the shelves they belong on and takes them off the others; notes what that
# adds to categories' counts: many write goods of one category at once, and none waits for its row.
# Rows that are right already stay as they are. What is there for drills only stands on none.
RESHELVE = Sql(f"""
WITH wanted AS (
    SELECT s.shelf_id, p.id AS product_id, p.created_at, p.price_from, p.title_key
      FROM catalog.products p
      LEFT JOIN catalog.categories c ON c.id = p.category_id
     CROSS JOIN LATERAL (
               SELECT array_agg(DISTINCT o.vendor_id) AS ids
                 FROM catalog.offers o
                 JOIN catalog.vendors v ON v.vendor_id = o.vendor_id AND v.active
                WHERE o.product_id = p.id AND o.status = 'active') AS selling
     CROSS JOIN LATERAL unnest(
               '00000000-0000-0000-0000-000000000000'::uuid || selling.ids
               || array_remove(ARRAY[p.brand_id], NULL)
               || coalesce(c.ancestors, '{{}}')) AS s (shelf_id)
     WHERE p.id = ANY($1::uuid[]) AND p.status = 'active' AND selling.ids IS NOT NULL
       AND p.vendor_id <> '{synthetic.VENDOR}'::uuid
), gone AS (
    DELETE FROM catalog.shelves s
     WHERE s.product_id = ANY($1::uuid[])
       AND NOT EXISTS (SELECT FROM wanted w
                        WHERE w.shelf_id = s.shelf_id AND w.product_id = s.product_id)
    RETURNING s.shelf_id
), put AS (
    INSERT INTO catalog.shelves AS s (shelf_id, product_id, created_at, price_from, title_key)
    SELECT shelf_id, product_id, created_at, price_from, title_key FROM wanted
        ON CONFLICT (shelf_id, product_id) DO UPDATE
       SET price_from = EXCLUDED.price_from, title_key = EXCLUDED.title_key
     WHERE s.price_from <> EXCLUDED.price_from OR s.title_key <> EXCLUDED.title_key
    RETURNING s.shelf_id, s.xmax = 0 AS added
), delta AS (
    SELECT shelf_id, sum(n) AS n
      FROM (SELECT shelf_id, -1 AS n FROM gone
            UNION ALL SELECT shelf_id, 1 FROM put WHERE added) d
     GROUP BY shelf_id
)
INSERT INTO catalog.category_changes (category_id, n)
SELECT c.id, delta.n FROM catalog.categories c JOIN delta ON delta.shelf_id = c.id
 WHERE delta.n <> 0
""")  # noqa: S608 - put together here, from a constant

# What writers noted is added to the categories, by one at a time: a count is never taken away from
# before it was added to.
COUNT_UP = Sql("""
WITH alone AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('catalog.category_changes')) AS mine
), due AS MATERIALIZED (
    SELECT id FROM catalog.category_changes, alone WHERE mine ORDER BY id LIMIT 10000
), taken AS (
    DELETE FROM catalog.category_changes d USING due WHERE d.id = due.id
    RETURNING d.category_id, d.n
), summed AS (
    SELECT category_id, sum(n) AS n FROM taken GROUP BY category_id HAVING sum(n) <> 0
)
UPDATE catalog.categories c SET product_count = c.product_count + summed.n
  FROM summed
 WHERE c.id = summed.category_id
""")


def _shelf(key: str, *, falling: bool, limit: int) -> Sql:
    """A page of a shelf, behind ($2, $3); on the shelf $4 as well, unless that is NULL.

    A card comes from a scalar subquery: a join would let the planner leave the shelf's order.
    """
    way, after = ("DESC", "<") if falling else ("ASC", ">")
    return Sql(f"""
SELECT s.{key} AS key, s.product_id,
       (SELECT p.card FROM catalog.products p WHERE p.id = s.product_id) AS card
  FROM catalog.shelves s
 WHERE s.shelf_id = $1 AND (s.{key}, s.product_id) {after} ($2, $3)
   AND ($4::uuid IS NULL OR EXISTS (
           SELECT FROM catalog.shelves b WHERE b.shelf_id = $4 AND b.product_id = s.product_id))
 ORDER BY s.{key} {way}, s.product_id {way}
 LIMIT {limit}
""")  # noqa: S608 - put together here, from the words above


# The limit stands in the text: as an argument it would make PostgreSQL plan anew every time.
SHORT, LONG = 24, 100
NEWEST = _shelf("created_at", falling=True, limit=SHORT + 1)
NEWEST_LONG = _shelf("created_at", falling=True, limit=LONG + 1)
CHEAPEST = _shelf("price_from", falling=False, limit=SHORT + 1)
CHEAPEST_LONG = _shelf("price_from", falling=False, limit=LONG + 1)
DEAREST = _shelf("price_from", falling=True, limit=SHORT + 1)
DEAREST_LONG = _shelf("price_from", falling=True, limit=LONG + 1)
BY_TITLE = _shelf("title_key", falling=False, limit=SHORT + 1)
BY_TITLE_LONG = _shelf("title_key", falling=False, limit=LONG + 1)

CARDS = Sql("""
SELECT p.card
  FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, place)
  JOIN catalog.products p ON p.id = w.id
 WHERE EXISTS (
     SELECT FROM catalog.shelves s
      WHERE s.shelf_id = '00000000-0000-0000-0000-000000000000' AND s.product_id = p.id)
 ORDER BY w.place
""")

TITLES = Sql("SELECT id, title FROM catalog.products WHERE id = ANY($1::uuid[])")

SLUGS = Sql("SELECT slug FROM catalog.products WHERE id = ANY($1::uuid[])")

OWN = Sql("""
SELECT p.created_at AS key, p.id AS product_id, p.card FROM catalog.products p
 WHERE p.vendor_id = $1 AND (p.created_at, p.id) < ($2, $3)
 ORDER BY p.created_at DESC, p.id DESC
 LIMIT $4
""")

OWN_IN_STATUS = Sql("""
SELECT p.created_at AS key, p.id AS product_id, p.card FROM catalog.products p
 WHERE p.vendor_id = $1 AND p.status = $5 AND (p.created_at, p.id) < ($2, $3)
 ORDER BY p.created_at DESC, p.id DESC
 LIMIT $4
""")

# Who waits longest stands first.
QUEUE = Sql("""
SELECT p.created_at AS key, p.id AS product_id, p.card FROM catalog.products p
 WHERE p.status = $1 AND (p.created_at, p.id) > ($2, $3)
 ORDER BY p.created_at, p.id
 LIMIT $4
""")

# Prices are those of the moment $2, whatever timers have done by then.
# The array comes out of a subquery: of one it can look into, PostgreSQL makes a new plan each time.
OFFERS = Sql("""
SELECT o.id AS offer_id, o.variant_id, o.product_id, p.slug AS product_slug, o.vendor_id,
       p.category_id, c.ancestors, p.title, v.title AS variant_title, o.sku,
       coalesce((SELECT s.price_minor FROM catalog.scheduled_prices s
                  WHERE s.offer_id = o.id AND s.state <> 'over'
                    AND s.starts_at <= $2 AND s.ends_at > $2), o.price_minor) AS price_minor,
       o.currency, p.tax_class, v.weight_g, coalesce(v.picture, p.pictures -> 0) AS picture,
       p.kind,
       p.status = 'active' AND o.status = 'active' AND coalesce(s.active, false) AS buyable
  FROM unnest((SELECT $1::uuid[])) WITH ORDINALITY AS w (id, place)
  JOIN catalog.offers o ON o.id = w.id
  JOIN catalog.variants v ON v.id = o.variant_id
  JOIN catalog.products p ON p.id = o.product_id
  LEFT JOIN catalog.categories c ON c.id = p.category_id
  LEFT JOIN catalog.vendors s ON s.vendor_id = o.vendor_id
 ORDER BY w.place
""")

OFFERS_BY_SKU = Sql("""
SELECT o.sku, o.id FROM catalog.offers o WHERE o.vendor_id = $1 AND o.sku = ANY($2::text[])
""")

# --- vendors ---------------------------------------------------------------------------------

VENDOR_KNOWN = Sql("SELECT active FROM catalog.vendors WHERE vendor_id = $1")

# Events say more than an answer asked for: they are never overwritten by it.
VENDOR_SEEN = Sql("""
INSERT INTO catalog.vendors (vendor_id, active) VALUES ($1, $2)
    ON CONFLICT (vendor_id) DO NOTHING
""")

VENDORS_SET = Sql("""
INSERT INTO catalog.vendors AS v (vendor_id, active)
SELECT vendor_id, active FROM unnest($1::uuid[], $2::bool[]) AS w (vendor_id, active)
    ON CONFLICT (vendor_id) DO UPDATE SET active = EXCLUDED.active
 WHERE v.active <> EXCLUDED.active
RETURNING v.vendor_id, v.active
""")

PRODUCTS_SOLD_BY = Sql("""
SELECT p.id FROM catalog.products p
 WHERE EXISTS (SELECT FROM catalog.offers o
                WHERE o.product_id = p.id AND o.vendor_id = ANY($1::uuid[]))
 ORDER BY p.id
   FOR NO KEY UPDATE OF p
""")

CARDS_SET = Sql("""
UPDATE catalog.products p
   SET listing_version = p.listing_version + 1, price_from = w.price_from, card = w.card
  FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS w (id, price_from, card)
 WHERE p.id = w.id
RETURNING p.id, p.listing_version
""")

# --- brands ----------------------------------------------------------------------------------

BRANDS = Sql("""
SELECT id, slug, name, logo_id, active FROM catalog.brands
 WHERE slug > $1 AND (active OR $2)
 ORDER BY slug
 LIMIT $3
""")

BRAND = Sql("""
SELECT id, slug, name, logo_id, active FROM catalog.brands WHERE id = $1 OR slug = $2 LIMIT 1
""")

SAVE_BRAND = Sql("""
INSERT INTO catalog.brands AS b (id, slug, name, logo_id, active)
VALUES ($1, $2, $3, $4, coalesce($5, true))
    ON CONFLICT (id) DO UPDATE
   SET name = EXCLUDED.name, logo_id = coalesce(EXCLUDED.logo_id, b.logo_id),
       active = coalesce($5, b.active)
RETURNING id, slug, name, logo_id, active
""")
