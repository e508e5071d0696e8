"""Statements of the life of a reservation.

Each is one statement. Rows are locked in one order everywhere: reservations first (but for a new
one, which nobody else can hold), then stock by offer id; so none waits for another in a circle.
A row that was changed while a statement waited for it is read again by PostgreSQL.
"""

from haat.engines.sql import Sql

# Rows that have too little are not locked at all: when the goods are gone, nobody queues.
RESERVE = Sql("""
WITH known AS (
    SELECT state, expires_at FROM inventory.reservations WHERE id = $1
), want AS (
    SELECT * FROM unnest($2::uuid[], $3::int[]) AS w (offer_id, quantity)
), locked AS (
    SELECT s.offer_id, want.quantity
      FROM inventory.stock s JOIN want ON want.offer_id = s.offer_id
     WHERE s.on_hand - s.reserved >= want.quantity
       AND NOT EXISTS (
           SELECT FROM inventory.suspended_vendors v WHERE v.vendor_id = s.vendor_id)
       AND NOT EXISTS (SELECT FROM known)
     ORDER BY s.offer_id
       FOR UPDATE OF s
), born AS (
    INSERT INTO inventory.reservations (id, state, offers, quantities, created_at, expires_at)
    SELECT $1, 'held', array_agg(offer_id), array_agg(quantity), $4, $5
      FROM locked
    HAVING count(*) = cardinality($2::uuid[])
        ON CONFLICT (id) DO NOTHING
    RETURNING id
), taken AS (
    UPDATE inventory.stock s
       SET reserved = s.reserved + locked.quantity, updated_at = $4
      FROM locked, born
     WHERE s.offer_id = locked.offer_id
    RETURNING s.low_at > 0 AND NOT s.low_told AND s.on_hand - s.reserved <= s.low_at AS fell
)/*emit:born*/
SELECT EXISTS (SELECT FROM born) AS born, known.state, known.expires_at,
       coalesce((SELECT bool_or(fell) FROM taken), false) AS fell
  FROM (SELECT) one LEFT JOIN known ON true
""")

# Why nothing was born: the same id came first, or too little is left.
WHY_NOT = Sql("""
SELECT w.offer_id, r.state, r.expires_at,
       CASE WHEN v.vendor_id IS NULL THEN coalesce(s.on_hand - s.reserved, 0) ELSE 0 END
           AS available
  FROM unnest($2::uuid[]) AS w (offer_id)
  LEFT JOIN inventory.stock s ON s.offer_id = w.offer_id
  LEFT JOIN inventory.suspended_vendors v ON v.vendor_id = s.vendor_id
  LEFT JOIN inventory.reservations r ON r.id = $1
""")

PROMISE = Sql("""
WITH promised AS (
    UPDATE inventory.reservations SET state = 'promised', expires_at = NULL
     WHERE id = $1 AND state = 'held' AND expires_at > $2
    RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM promised) THEN 'promised' ELSE r.state END AS state,
       r.expires_at
  FROM inventory.reservations r WHERE r.id = $1
""")

RESERVATION = Sql("SELECT state, expires_at FROM inventory.reservations WHERE id = $1")

STANDING = Sql("""
SELECT id, CASE WHEN state = 'expired' THEN 'released' ELSE state END AS state, expires_at
  FROM inventory.reservations WHERE id = ANY($1::uuid[]) ORDER BY id
""")

KEPT_COUNT = Sql("""
SELECT count(*) FROM inventory.reservations WHERE state IN ('promised', 'committed')
""")

KEPT = Sql("""
SELECT id, state, expires_at FROM inventory.reservations
 WHERE id > $1 AND state IN ('promised', 'committed')
 ORDER BY id LIMIT $2
""")

# A release that comes first leaves a released row: the reserve that follows finds it.
RELEASE = Sql("""
WITH ended AS (
    INSERT INTO inventory.reservations AS r (id, state, offers, quantities, created_at, ended_at)
    VALUES ($1, 'released', '{}', '{}', $2, $2)
        ON CONFLICT (id) DO UPDATE SET state = 'released', ended_at = $2
     WHERE r.state IN ('held', 'promised')
    RETURNING r.id, r.offers, r.quantities
), line AS (
    SELECT l.offer_id, l.quantity
      FROM ended, unnest(ended.offers, ended.quantities) AS l (offer_id, quantity)
), locked AS (
    SELECT s.offer_id, line.quantity
      FROM inventory.stock s JOIN line ON line.offer_id = s.offer_id
     ORDER BY s.offer_id
       FOR UPDATE OF s
), given AS (
    UPDATE inventory.stock s SET reserved = s.reserved - locked.quantity, updated_at = $2
      FROM locked
     WHERE s.offer_id = locked.offer_id
    RETURNING s.offer_id
)/*emit:given*/
SELECT count(*) AS lines FROM given
""")

# What is being promised at this moment is locked, and so skipped.
EXPIRE = Sql("""
WITH due AS (
    SELECT id FROM inventory.reservations
     WHERE state = 'held' AND expires_at <= $1
     ORDER BY expires_at
     LIMIT $2
       FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE inventory.reservations r SET state = 'expired', ended_at = $1
      FROM due
     WHERE r.id = due.id AND r.state = 'held'
    RETURNING r.id, r.offers, r.quantities
), line AS (
    SELECT l.offer_id, sum(l.quantity) AS quantity
      FROM ended, unnest(ended.offers, ended.quantities) AS l (offer_id, quantity)
     GROUP BY l.offer_id
), locked AS (
    SELECT s.offer_id, line.quantity
      FROM inventory.stock s JOIN line ON line.offer_id = s.offer_id
     ORDER BY s.offer_id
       FOR UPDATE OF s
), given AS (
    UPDATE inventory.stock s SET reserved = s.reserved - locked.quantity, updated_at = $1
      FROM locked
     WHERE s.offer_id = locked.offer_id
)
SELECT id FROM ended
""")

# A movement's id follows from reservation and offer (UUIDv8 of their SHA-256).
COMMIT = Sql("""
WITH mine AS (
    SELECT id FROM inventory.reservations WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
), ended AS (
    UPDATE inventory.reservations r SET state = 'committed', ended_at = $2
      FROM mine
     WHERE r.id = mine.id AND r.state = 'promised'
    RETURNING r.id, r.offers, r.quantities
), line AS (
    SELECT ended.id, l.offer_id, l.quantity,
           substr(sha256(uuid_send(ended.id) || uuid_send(l.offer_id)), 1, 16) AS digest
      FROM ended, unnest(ended.offers, ended.quantities) AS l (offer_id, quantity)
), sold AS (
    SELECT offer_id, sum(quantity) AS quantity FROM line GROUP BY offer_id
), locked AS (
    SELECT s.offer_id, sold.quantity
      FROM inventory.stock s JOIN sold ON sold.offer_id = s.offer_id
     ORDER BY s.offer_id
       FOR UPDATE OF s
), gone AS (
    UPDATE inventory.stock s
       SET on_hand = s.on_hand - locked.quantity, reserved = s.reserved - locked.quantity,
           updated_at = $2
      FROM locked
     WHERE s.offer_id = locked.offer_id
), moved AS (
    INSERT INTO inventory.movements (id, offer_id, delta, reason, reference, at)
    SELECT encode(
               set_byte(set_byte(digest, 6, get_byte(digest, 6) & 15 | 128),
                        8, get_byte(digest, 8) & 63 | 128), 'hex')::uuid,
           offer_id, -quantity, 'sale', id, $2
      FROM line
)
SELECT wanted.id, ended.id IS NOT NULL AS committed, r.state
  FROM unnest($1::uuid[]) AS wanted (id)
  LEFT JOIN ended ON ended.id = wanted.id
  LEFT JOIN inventory.reservations r ON r.id = wanted.id
""")

RESTOCK = Sql("""
WITH line AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS l (id, offer_id, quantity)
), locked AS (
    SELECT s.offer_id, line.id, line.quantity
      FROM inventory.stock s JOIN line ON line.offer_id = s.offer_id
     ORDER BY s.offer_id
       FOR UPDATE OF s
), moved AS (
    INSERT INTO inventory.movements (id, offer_id, delta, reason, reference, at)
    SELECT id, offer_id, quantity, $4, $5, $6 FROM locked
        ON CONFLICT (id) DO NOTHING
    RETURNING offer_id, delta
), given AS (
    UPDATE inventory.stock s SET on_hand = s.on_hand + moved.delta, updated_at = $6
      FROM moved
     WHERE s.offer_id = moved.offer_id
)
SELECT offer_id FROM locked
""")
