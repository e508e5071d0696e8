"""Statements about counts: what is there, setting it, thresholds, movements."""

from haat.engines.sql import Sql

AVAILABLE = Sql("""
SELECT w.offer_id,
       CASE WHEN v.vendor_id IS NULL THEN coalesce(s.on_hand - s.reserved, 0) ELSE 0 END
           AS available
  FROM unnest($1::uuid[]) WITH ORDINALITY AS w (offer_id, place)
  LEFT JOIN inventory.stock s ON s.offer_id = w.offer_id
  LEFT JOIN inventory.suspended_vendors v ON v.vendor_id = s.vendor_id
 ORDER BY w.place
""")

# In all of these, a vendor of NULL means: whoever's it is.
STOCK = Sql("""
SELECT s.offer_id, s.vendor_id, s.sku, s.on_hand, s.reserved, s.low_at, s.updated_at
  FROM inventory.stock s
 WHERE s.vendor_id = $1 AND (s.sku, s.offer_id) > ($2, $3)
 ORDER BY s.sku, s.offer_id
 LIMIT $4
""")

STOCK_LOW = Sql("""
SELECT s.offer_id, s.vendor_id, s.sku, s.on_hand, s.reserved, s.low_at, s.updated_at
  FROM inventory.stock s
 WHERE s.vendor_id = $1 AND (s.sku, s.offer_id) > ($2, $3)
   AND s.low_at > 0 AND s.on_hand - s.reserved <= s.low_at
 ORDER BY s.sku, s.offer_id
 LIMIT $4
""")

STOCK_OF = Sql("""
SELECT s.offer_id, s.vendor_id, s.sku, s.on_hand, s.reserved, s.low_at, s.updated_at
  FROM unnest($1::uuid[]) WITH ORDINALITY AS w (offer_id, place)
  JOIN inventory.stock s ON s.offer_id = w.offer_id
 WHERE $2::uuid IS NULL OR s.vendor_id = $2
 ORDER BY w.place
""")

STOCK_BY_ID = Sql("""
SELECT s.offer_id, s.vendor_id, s.sku, s.on_hand, s.reserved, s.low_at, s.updated_at
  FROM inventory.stock s
 WHERE (s.offer_id = $1 OR s.product_id = $1) AND ($2::uuid IS NULL OR s.vendor_id = $2)
 ORDER BY s.sku, s.offer_id
 LIMIT 200
""")

STOCK_BY_SKU = Sql("""
SELECT s.offer_id, s.vendor_id, s.sku, s.on_hand, s.reserved, s.low_at, s.updated_at
  FROM inventory.stock s
 WHERE s.vendor_id = $2 AND s.sku = $1
 ORDER BY s.offer_id
 LIMIT 1
""")

# The movement is recorded even when the count was right: its id must be known when it repeats.
SET_ON_HAND = Sql("""
WITH found AS (
    SELECT offer_id, on_hand, reserved FROM inventory.stock
     WHERE offer_id = $2 AND ($6::uuid IS NULL OR vendor_id = $6)
       FOR UPDATE
), moved AS (
    INSERT INTO inventory.movements (id, offer_id, delta, reason, at)
    SELECT $1, offer_id, $3 - on_hand, $4, $5 FROM found WHERE $3 >= reserved
        ON CONFLICT (id) DO NOTHING
    RETURNING offer_id, delta
), counted AS (
    UPDATE inventory.stock s SET on_hand = s.on_hand + moved.delta, updated_at = $5
      FROM moved
     WHERE s.offer_id = moved.offer_id
    RETURNING s.*
)
SELECT found.reserved AS held, counted.*
  FROM found LEFT JOIN counted ON counted.offer_id = found.offer_id
""")

MOVED = Sql("SELECT offer_id FROM inventory.movements WHERE id = $1")

OPEN = Sql("""
INSERT INTO inventory.stock (offer_id, product_id, vendor_id, sku, updated_at)
SELECT o.*, $5 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS o
    ON CONFLICT (offer_id) DO NOTHING
""")

RENAME = Sql("""
UPDATE inventory.stock s SET sku = n.sku
  FROM unnest($1::uuid[], $2::text[]) AS n (offer_id, sku)
 WHERE s.offer_id = n.offer_id AND s.sku <> n.sku
""")

SET_THRESHOLD = Sql("""
UPDATE inventory.stock SET low_at = $2, updated_at = $3, low_told = low_told AND low_at = $2
 WHERE offer_id = $1 AND ($4::uuid IS NULL OR vendor_id = $4)
RETURNING *
""")

# Turns `low_told` where it no longer says what is so. An alert is due once per fall.
TELL_LOW = Sql("""
WITH due AS (
    SELECT offer_id FROM inventory.stock
     WHERE low_told <> (on_hand - reserved <= low_at) AND low_at > 0
     ORDER BY offer_id
     LIMIT $1
       FOR UPDATE SKIP LOCKED
), reset AS (
    UPDATE inventory.stock s SET low_told = NOT s.low_told
      FROM due
     WHERE s.offer_id = due.offer_id
    RETURNING s.*
)
SELECT * FROM reset
""")

MOVEMENTS = Sql("""
SELECT m.id, m.offer_id, m.delta, m.reason, m.reference, m.at
  FROM inventory.movements m JOIN inventory.stock s ON s.offer_id = m.offer_id
 WHERE m.offer_id = $1 AND (m.at, m.id) < ($2, $3)
   AND ($5::uuid IS NULL OR s.vendor_id = $5)
 ORDER BY m.at DESC, m.id DESC
 LIMIT $4
""")

SUSPEND = Sql("""
INSERT INTO inventory.suspended_vendors (vendor_id, since)
SELECT vendor_id, $2 FROM unnest($1::uuid[]) AS v (vendor_id)
    ON CONFLICT (vendor_id) DO NOTHING
""")

REINSTATE = Sql("DELETE FROM inventory.suspended_vendors WHERE vendor_id = ANY($1::uuid[])")
