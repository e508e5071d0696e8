"""Statements about counts: what is there, setting it, thresholds, movements."""

from haat.engines.sql import Sql

# Rows to be added up (`rules.had`): what of each offer is free in each warehouse. $2 is a country.
# The array comes out of a subquery, because PostgreSQL otherwise counts what is in it and makes a
# new plan with every call, which costs several times what the reading does.
AVAILABLE = Sql("""
SELECT s.offer_id, s.warehouse_id,
       CASE WHEN o.counted THEN s.on_hand - s.reserved ELSE 1000000 END AS free,
       CASE WHEN o.counted THEN o.safety ELSE 0 END AS safety, w.pickup AND o.counted AS pickup,
       NOT o.counted OR $2::text IS NULL OR w.countries = '{}' OR $2 = ANY (w.countries) AS usable
  FROM unnest((SELECT $1::uuid[])) AS a (offer_id)
  JOIN inventory.stock s ON s.offer_id = a.offer_id
  JOIN inventory.offers o ON o.offer_id = s.offer_id
  JOIN inventory.warehouses w ON w.id = s.warehouse_id
 WHERE NOT EXISTS (SELECT FROM inventory.suspended_vendors v WHERE v.vendor_id = o.vendor_id)
""")

_SHOWN = """
       o.offer_id, o.vendor_id, o.sku, o.safety, o.low_at, o.low_told, o.there_told, o.counted,
       coalesce(n.on_hand, 0)::int AS on_hand, coalesce(n.reserved, 0)::int AS reserved,
       greatest(o.updated_at, n.updated_at) AS updated_at, coalesce(n.kept, '[]') AS kept
"""
_EACH = """
 CROSS JOIN LATERAL (
       SELECT sum(s.on_hand) AS on_hand, sum(s.reserved) AS reserved,
              max(s.updated_at) AS updated_at,
              jsonb_agg(jsonb_build_array(s.warehouse_id, s.on_hand, s.reserved)
                        ORDER BY w.is_default DESC, w.priority, w.id) AS kept
         FROM inventory.stock s JOIN inventory.warehouses w ON w.id = s.warehouse_id
        WHERE s.offer_id = o.offer_id) n
"""

# In all of these, a vendor of NULL means: whoever's it is.
STOCK = Sql(f"""
SELECT {_SHOWN}
  FROM inventory.offers o
{_EACH}
 WHERE o.vendor_id = $1 AND (o.sku, o.offer_id) > ($2, $3)
   AND ($5::uuid IS NULL OR EXISTS (SELECT FROM inventory.stock p
                                     WHERE p.offer_id = o.offer_id AND p.warehouse_id = $5))
 ORDER BY o.sku, o.offer_id
 LIMIT $4
""")  # noqa: S608 - put together here, from constants

STOCK_LOW = Sql(f"""
SELECT {_SHOWN}
  FROM inventory.offers o
{_EACH}
 WHERE o.vendor_id = $1 AND (o.sku, o.offer_id) > ($2, $3)
   AND ($5::uuid IS NULL OR EXISTS (SELECT FROM inventory.stock p
                                     WHERE p.offer_id = o.offer_id AND p.warehouse_id = $5))
   AND o.counted AND o.low_at > 0 AND coalesce(n.on_hand - n.reserved, 0) - o.safety <= o.low_at
 ORDER BY o.sku, o.offer_id
 LIMIT $4
""")  # noqa: S608 - put together here, from constants

STOCK_OF = Sql(f"""
SELECT {_SHOWN}
  FROM unnest($1::uuid[]) WITH ORDINALITY AS w (offer_id, place)
  JOIN inventory.offers o ON o.offer_id = w.offer_id
{_EACH}
 WHERE $2::uuid IS NULL OR o.vendor_id = $2
 ORDER BY w.place
""")  # noqa: S608 - put together here, from constants

STOCK_BY_ID = Sql(f"""
SELECT {_SHOWN}
  FROM inventory.offers o
{_EACH}
 WHERE (o.offer_id = $1 OR o.product_id = $1) AND ($2::uuid IS NULL OR o.vendor_id = $2)
 ORDER BY o.sku, o.offer_id
 LIMIT 200
""")  # noqa: S608 - put together here, from constants

STOCK_BY_SKU = Sql(f"""
SELECT {_SHOWN}
  FROM inventory.offers o
{_EACH}
 WHERE o.vendor_id = $2 AND o.sku = $1
 ORDER BY o.offer_id
 LIMIT 1
""")  # noqa: S608 - put together here, from constants

# $3 is the count, or with $7 the difference. The movement is recorded even when the count was
# right: its id must be known when it repeats. The warehouse is kept from being closed meanwhile.
COUNT = Sql("""
WITH open AS (
    SELECT w.id FROM inventory.offers o JOIN inventory.warehouses w ON w.vendor_id = o.vendor_id
     WHERE o.offer_id = $2 AND ($6::uuid IS NULL OR o.vendor_id = $6)
       AND CASE WHEN $8::uuid IS NULL THEN w.is_default ELSE w.id = $8 END AND w.closed_at IS NULL
       FOR SHARE OF w
), found AS (
    SELECT s.offer_id, s.warehouse_id, s.on_hand, s.reserved,
           CASE WHEN $7::boolean THEN s.on_hand + $3 ELSE $3 END AS wanted,
           $8 IS NULL AND EXISTS (
               SELECT FROM inventory.stock e
                WHERE e.offer_id = s.offer_id AND e.warehouse_id <> s.warehouse_id
                  AND e.on_hand > 0) AS unclear
      FROM inventory.stock s JOIN open ON open.id = s.warehouse_id
     WHERE s.offer_id = $2
       FOR UPDATE OF s
), moved AS (
    INSERT INTO inventory.movements
           (id, offer_id, warehouse_id, delta, reason, actor, actor_id, at)
    SELECT $1, offer_id, warehouse_id, wanted - on_hand, $4, $9, $10, $5
      FROM found WHERE wanted BETWEEN reserved AND $11::int AND NOT unclear
        ON CONFLICT (id) DO NOTHING
    RETURNING offer_id, warehouse_id, delta
), counted AS (
    UPDATE inventory.stock s
       SET on_hand = found.wanted, reserved = found.reserved, updated_at = $5
      FROM found JOIN moved USING (offer_id, warehouse_id)
     WHERE s.offer_id = found.offer_id AND s.warehouse_id = found.warehouse_id
    RETURNING s.offer_id
)
SELECT found.on_hand, found.reserved, found.unclear, EXISTS (SELECT FROM counted) AS counted
  FROM found
""")

MOVED = Sql("SELECT offer_id FROM inventory.movements WHERE id = $1")

# Both rows are locked in the order of all locks. The movement in has an id that follows from the
# one out, $1, which both refer to.
TRANSFER = Sql("""
WITH open AS (
    SELECT w.id FROM inventory.offers o JOIN inventory.warehouses w ON w.vendor_id = o.vendor_id
     WHERE o.offer_id = $3 AND ($9::uuid IS NULL OR o.vendor_id = $9)
       AND w.id IN ($4::uuid, $5::uuid) AND w.closed_at IS NULL
     ORDER BY w.id
       FOR SHARE OF w
), found AS (
    SELECT s.offer_id, s.warehouse_id, s.on_hand, s.reserved, s.on_hand - s.reserved AS free
      FROM inventory.stock s JOIN open ON open.id = s.warehouse_id
     WHERE s.offer_id = $3
     ORDER BY s.offer_id, s.warehouse_id
       FOR UPDATE OF s
), moved AS (
    INSERT INTO inventory.movements
           (id, offer_id, warehouse_id, delta, reason, reference, actor, actor_id, at)
    SELECT CASE WHEN f.warehouse_id = $4 THEN $1::uuid ELSE $2::uuid END, f.offer_id,
           f.warehouse_id, CASE WHEN f.warehouse_id = $4 THEN -$6::int ELSE $6 END, 'transfer',
           $1, $7, $8, $10
      FROM found f
     WHERE (SELECT count(*) FROM found) = 2
       AND (SELECT free FROM found WHERE warehouse_id = $4) >= $6
        ON CONFLICT (id) DO NOTHING
    RETURNING offer_id, warehouse_id, delta
), counted AS (
    UPDATE inventory.stock s
       SET on_hand = found.on_hand + moved.delta, reserved = found.reserved, updated_at = $10
      FROM found JOIN moved USING (offer_id, warehouse_id)
     WHERE s.offer_id = found.offer_id AND s.warehouse_id = found.warehouse_id
    RETURNING s.offer_id
)
SELECT found.warehouse_id, found.free, EXISTS (SELECT FROM counted) AS counted FROM found
""")

# $6: the vendors' first warehouses. Rows of an offer, in its vendor's first warehouse.
OPEN = Sql("""
WITH new AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $6::uuid[], $8::bool[])
           AS o (offer_id, product_id, vendor_id, sku, warehouse_id, counted)
), first AS (
    INSERT INTO inventory.warehouses (id, vendor_id, name, is_default, countries, created_at)
    SELECT DISTINCT warehouse_id, vendor_id, $7::text, true, '{}'::bpchar[], $5::timestamptz
      FROM new
        ON CONFLICT DO NOTHING
), known AS (
    INSERT INTO inventory.offers
           (offer_id, product_id, vendor_id, sku, counted, there_told, updated_at)
    SELECT offer_id, product_id, vendor_id, sku, counted, NOT counted, $5 FROM new
     ORDER BY offer_id
        ON CONFLICT (offer_id) DO NOTHING
    RETURNING offer_id
)
INSERT INTO inventory.stock (offer_id, warehouse_id, updated_at)
SELECT offer_id, warehouse_id, $5 FROM new
 WHERE (SELECT count(*) FROM known) >= 0  -- offers first, as whoever puts counts takes them
 ORDER BY offer_id
    ON CONFLICT (offer_id, warehouse_id) DO NOTHING
""")

# A place for an offer in another warehouse of its vendor ($4 NULL: whoever's it is).
OPEN_PLACE = Sql("""
INSERT INTO inventory.stock (offer_id, warehouse_id, updated_at)
SELECT o.offer_id, w.id, $3
  FROM inventory.offers o JOIN inventory.warehouses w ON w.vendor_id = o.vendor_id
 WHERE o.offer_id = $1 AND w.id = ANY($2::uuid[]) AND w.closed_at IS NULL
   AND ($4::uuid IS NULL OR o.vendor_id = $4)
    ON CONFLICT (offer_id, warehouse_id) DO NOTHING
""")

RENAME = Sql("""
UPDATE inventory.offers o SET sku = n.sku
  FROM unnest($1::uuid[], $2::text[]) AS n (offer_id, sku)
 WHERE o.offer_id = n.offer_id AND o.sku <> n.sku
""")

MOVE = Sql("""
UPDATE inventory.offers o SET product_id = n.product_id
  FROM unnest($1::uuid[], $2::uuid[]) AS n (offer_id, product_id)
 WHERE o.offer_id = n.offer_id AND o.product_id <> n.product_id
""")

SET_THRESHOLD = Sql("""
UPDATE inventory.offers SET low_at = $2, updated_at = $3, low_told = low_told AND low_at = $2
 WHERE offer_id = $1 AND ($4::uuid IS NULL OR vendor_id = $4)
RETURNING offer_id
""")

SET_SAFETY = Sql("""
UPDATE inventory.offers SET safety = $2, updated_at = $3
 WHERE offer_id = $1 AND ($4::uuid IS NULL OR vendor_id = $4)
RETURNING offer_id
""")

SET_COUNTED = Sql("""
UPDATE inventory.offers SET counted = $2::bool, updated_at = $3
 WHERE offer_id = $1 AND ($4::uuid IS NULL OR vendor_id = $4)
RETURNING offer_id
""")

# What a product is says whether its offers are counted, until their vendors say otherwise.
KINDS = Sql("""
UPDATE inventory.offers o SET counted = n.counted, updated_at = $3
  FROM unnest($1::uuid[], $2::bool[]) AS n (product_id, counted)
 WHERE o.product_id = n.product_id AND o.counted <> n.counted
RETURNING o.offer_id
""")

# Turns `low_told` where it no longer says what is so. An alert is due once per fall. $2 names
# offers; NULL is all that have a threshold.
TELL_LOW = Sql("""
WITH due AS (
    SELECT o.offer_id, n.available
      FROM inventory.offers o
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(s.on_hand - s.reserved), 0)::int - o.safety AS available
             FROM inventory.stock s WHERE s.offer_id = o.offer_id) n
     WHERE o.counted AND o.low_at > 0 AND o.low_told <> (n.available <= o.low_at)
       AND ($2::uuid[] IS NULL OR o.offer_id = ANY($2))
     ORDER BY o.offer_id
     LIMIT $1
       FOR UPDATE OF o SKIP LOCKED
), turned AS (
    UPDATE inventory.offers o SET low_told = NOT o.low_told
      FROM due
     WHERE o.offer_id = due.offer_id
    RETURNING o.offer_id, o.vendor_id, o.sku, o.low_at, o.low_told, due.available
)
SELECT * FROM turned
""")

# Offers of which something else was said last than what is so. $1 NULL: among all from $3 on.
TURNED = Sql("""
SELECT o.offer_id
  FROM inventory.offers o
 CROSS JOIN LATERAL (
       SELECT NOT o.counted OR coalesce(sum(s.on_hand - s.reserved), 0) - o.safety > 0 AS there
         FROM inventory.stock s WHERE s.offer_id = o.offer_id) n
 WHERE o.there_told <> n.there AND ($1::uuid[] IS NULL OR o.offer_id = ANY($1))
   AND o.offer_id > $3
 ORDER BY o.offer_id LIMIT $2
""")
# Two statements, so that the second one sees what was committed before the rows could be locked:
# whoever changes a count afterwards finds what this one said.
HOLD = Sql("""
SELECT FROM inventory.offers WHERE offer_id = ANY($1::uuid[]) ORDER BY offer_id
   FOR NO KEY UPDATE
""")
TELL_TURNED = Sql("""
UPDATE inventory.offers o SET there_told = n.there
  FROM (SELECT w.offer_id,
               NOT w.counted OR coalesce(sum(s.on_hand - s.reserved), 0) - w.safety > 0 AS there
          FROM inventory.offers w LEFT JOIN inventory.stock s ON s.offer_id = w.offer_id
         WHERE w.offer_id = ANY($1::uuid[])
         GROUP BY w.offer_id) n
 WHERE o.offer_id = n.offer_id AND o.there_told <> n.there
RETURNING o.offer_id, o.product_id, o.vendor_id, o.there_told AS in_stock
""")

WATCH = Sql("""
INSERT INTO inventory.watched (offer_id, since)
SELECT o.offer_id, $2 FROM inventory.offers o WHERE o.offer_id = ANY($1::uuid[])
    ON CONFLICT (offer_id) DO NOTHING
""")

# Whoever deletes the row announces it.
TELL_BACK = Sql("""
WITH due AS (
    SELECT w.offer_id, o.product_id, o.vendor_id, n.available
      FROM inventory.watched w
      JOIN inventory.offers o ON o.offer_id = w.offer_id
     CROSS JOIN LATERAL (
           SELECT CASE WHEN o.counted
                       THEN coalesce(sum(s.on_hand - s.reserved), 0)::int - o.safety
                       ELSE 1000000 END AS available
             FROM inventory.stock s WHERE s.offer_id = o.offer_id) n
     WHERE n.available > 0
       AND NOT EXISTS (
           SELECT FROM inventory.suspended_vendors v WHERE v.vendor_id = o.vendor_id)
     ORDER BY w.offer_id
     LIMIT $1
       FOR UPDATE OF w SKIP LOCKED
), gone AS (
    DELETE FROM inventory.watched w USING due WHERE w.offer_id = due.offer_id
    RETURNING due.*
)
SELECT * FROM gone
""")

MOVEMENTS = Sql("""
SELECT m.id, m.offer_id, m.warehouse_id, m.delta, m.reason, m.reference, m.actor, m.actor_id, m.at
  FROM inventory.movements m JOIN inventory.offers o ON o.offer_id = m.offer_id
 WHERE m.offer_id = $1 AND (m.at, m.id) < ($2, $3)
   AND ($5::uuid IS NULL OR o.vendor_id = $5)
   AND ($6::text IS NULL OR m.reason = $6) AND ($7::uuid IS NULL OR m.warehouse_id = $7)
 ORDER BY m.at DESC, m.id DESC
 LIMIT $4
""")

SUSPEND = Sql("""
INSERT INTO inventory.suspended_vendors (vendor_id, since)
SELECT vendor_id, $2 FROM unnest($1::uuid[]) AS v (vendor_id)
    ON CONFLICT (vendor_id) DO NOTHING
""")

REINSTATE = Sql("DELETE FROM inventory.suspended_vendors WHERE vendor_id = ANY($1::uuid[])")
