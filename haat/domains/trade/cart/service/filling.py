"""Statements of what people do with carts: looking, putting in, taking out, merging."""

from haat.domains.trade.cart.api import ITEMS_MAX
from haat.engines.sql import Sql

VIEW_PERSON = Sql("""
SELECT c.id AS cart_id, i.offer_id, i.quantity, i.price, i.currency
  FROM cart.carts c LEFT JOIN cart.items i ON i.cart_id = c.id
 WHERE c.person_id = $1
 ORDER BY i.added_at, i.offer_id
""")
VIEW_GUEST = Sql("""
SELECT c.id AS cart_id, i.offer_id, i.quantity, i.price, i.currency
  FROM cart.carts c LEFT JOIN cart.items i ON i.cart_id = c.id
 WHERE c.id = $1 AND c.person_id IS NULL AND c.expires_at > $2
 ORDER BY i.added_at, i.offer_id
""")
# What follows the cart itself, called `mine`: the item is put when neither its own limit ($8,
# the lower of stock and 999) nor the cart's ($9) forbids it; $7 says whether it adds up. What was
# done is logged.
_PUT = """
put AS (
  INSERT INTO cart.items AS i (cart_id, offer_id, quantity, added_at, price, currency)
  SELECT m.id, $5::uuid, $6::int, $3, $10::bigint, $11::text FROM mine m
   WHERE EXISTS (SELECT 1 FROM cart.items o WHERE o.cart_id = m.id AND o.offer_id = $5)
      OR (SELECT count(*) FROM cart.items o WHERE o.cart_id = m.id) < $9
  ON CONFLICT (cart_id, offer_id) DO UPDATE
     SET quantity = CASE WHEN $7::boolean THEN i.quantity ELSE 0 END + EXCLUDED.quantity,
         price = EXCLUDED.price, currency = EXCLUDED.currency
   WHERE CASE WHEN $7 THEN i.quantity ELSE 0 END + EXCLUDED.quantity <= $8
  RETURNING i.cart_id, i.offer_id, i.quantity, i.added_at, i.price, i.currency),
logged AS (
  INSERT INTO cart.actions (cart_id, at, what, person_id, offer_id, quantity)
  SELECT cart_id, $3, CASE WHEN $7 THEN 'add' ELSE 'set' END, $12::uuid, offer_id, $6 FROM put)
SELECT m.id AS cart_id, n.offer_id, n.quantity, n.added_at, n.price, n.currency,
       (SELECT count(*) FROM put) AS done
  FROM mine m LEFT JOIN LATERAL (
    SELECT o.offer_id, o.quantity, o.added_at, o.price, o.currency FROM cart.items o
     WHERE o.cart_id = m.id AND NOT EXISTS (SELECT 1 FROM put p WHERE p.offer_id = o.offer_id)
    UNION ALL SELECT p.offer_id, p.quantity, p.added_at, p.price, p.currency FROM put p) n ON true
 ORDER BY n.added_at, n.offer_id
"""
# $12 is the person, $13 when to remind, unless that was done.
PUT_PERSON = Sql(f"""
WITH mine AS (
  INSERT INTO cart.carts AS c (id, person_id, created_at, updated_at, expires_at, remind_at)
  VALUES ($1::uuid, $2::uuid, $3::timestamptz, $3, $4::timestamptz, $13::timestamptz)
  ON CONFLICT (person_id) WHERE person_id IS NOT NULL
  DO UPDATE SET updated_at = EXCLUDED.updated_at, expires_at = EXCLUDED.expires_at,
                remind_at = CASE WHEN c.reminded_at IS NULL THEN EXCLUDED.remind_at END
  RETURNING id),
{_PUT}""")  # noqa: S608 - put together here, from a constant
# $1 is the cart the guest named, $2 the id for a new one.
PUT_GUEST = Sql(f"""
WITH known AS (
  UPDATE cart.carts SET updated_at = $3::timestamptz, expires_at = $4::timestamptz
   WHERE id = $1::uuid AND person_id IS NULL AND expires_at > $3 RETURNING id),
made AS (
  INSERT INTO cart.carts AS c (id, created_at, updated_at, expires_at)
  SELECT $2::uuid, $3, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM known)
  ON CONFLICT (id) DO UPDATE
     SET updated_at = EXCLUDED.updated_at, expires_at = EXCLUDED.expires_at
   WHERE c.person_id IS NULL
  RETURNING id),
mine AS (SELECT id FROM known UNION ALL SELECT id FROM made),
{_PUT}""")  # noqa: S608 - put together here, from a constant
REMOVE = Sql("""
WITH mine AS (
  UPDATE cart.carts SET updated_at = $3
   WHERE person_id = $2::uuid
      OR ($2 IS NULL AND id = $1::uuid AND person_id IS NULL AND expires_at > $3)
  RETURNING id),
gone AS (
  DELETE FROM cart.items i USING mine m WHERE i.cart_id = m.id AND i.offer_id = $4
  RETURNING i.cart_id, i.offer_id, i.quantity),
logged AS (
  INSERT INTO cart.actions (cart_id, at, what, person_id, offer_id, quantity)
  SELECT cart_id, $3, 'remove', $2, offer_id, quantity FROM gone)
SELECT m.id AS cart_id, i.offer_id, i.quantity, i.price, i.currency
  FROM mine m LEFT JOIN cart.items i ON i.cart_id = m.id AND i.offer_id <> $4
 ORDER BY i.added_at, i.offer_id
""")
LOCK_GUEST = Sql(
    "SELECT id FROM cart.carts WHERE id = $1 AND person_id IS NULL AND expires_at > $2 FOR UPDATE"
)
OPEN_PERSON = Sql("""
INSERT INTO cart.carts AS c (id, person_id, created_at, updated_at, expires_at, remind_at)
VALUES ($1, $2, $3, $3, $4, $5)
ON CONFLICT (person_id) WHERE person_id IS NOT NULL
DO UPDATE SET updated_at = EXCLUDED.updated_at, expires_at = EXCLUDED.expires_at,
              remind_at = CASE WHEN c.reminded_at IS NULL THEN EXCLUDED.remind_at END
RETURNING id
""")
# The person's own items stay; new ones join, the latest first, as far as there is room.
MERGE = Sql(f"""
WITH theirs AS (
  SELECT g.*, o.offer_id IS NOT NULL AS known,
         row_number() OVER (PARTITION BY o.offer_id IS NOT NULL
                            ORDER BY g.added_at DESC, g.offer_id) AS place
    FROM cart.items g LEFT JOIN cart.items o ON o.cart_id = $2 AND o.offer_id = g.offer_id
   WHERE g.cart_id = $1),
joined AS (
  INSERT INTO cart.items AS i (cart_id, offer_id, quantity, added_at, price, currency)
  SELECT $2, t.offer_id, t.quantity, t.added_at, t.price, t.currency FROM theirs t
   WHERE t.known
      OR t.place <= {ITEMS_MAX} - (SELECT count(*) FROM cart.items o WHERE o.cart_id = $2)
  ON CONFLICT (cart_id, offer_id) DO UPDATE
     SET quantity = greatest(i.quantity, EXCLUDED.quantity)
  RETURNING i.offer_id),
logged AS (
  INSERT INTO cart.actions (cart_id, at, what, person_id, quantity, reference)
  SELECT $2, $3, 'merge', $4, count(*), $1 FROM joined)
DELETE FROM cart.carts WHERE id = $1
""")  # noqa: S608 - a number of ours
