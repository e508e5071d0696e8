"""Statements of the life of a reservation.

Each is one statement. Rows are locked in one order everywhere: reservations first (but for a new
one, which nobody else can hold), then stock by offer id and warehouse id; so none waits for another
in a circle. A row that was changed while a statement waited for it is read again by PostgreSQL, but
its CHECKs are tried on what the statement saw first: so counts are written from the locked row.
"""

from haat.engines.sql import Sql

# Where an offer's goods lie is locked all at once, and only when it looked as if there were enough:
# when the goods are gone, nobody queues. Then each line is allocated from what the locked rows
# say, by the rule of `rules.allocate`. $7 is the country, $6 where each offer is collected. What is
# not counted takes nothing, and is no part of the reservation; an empty one is one all the same.
RESERVE = Sql("""
WITH known AS (
    SELECT state, expires_at FROM inventory.reservations WHERE id = $1
), want AS (
    SELECT w.*, o.safety, CASE WHEN o.low_told THEN 0 ELSE o.low_at END AS low_at,
           v.vendor_id IS NOT NULL AS suspended
      FROM unnest($2::uuid[], $3::int[], $6::uuid[]) AS w (offer_id, quantity, pickup_id)
      LEFT JOIN inventory.offers o ON o.offer_id = w.offer_id
      LEFT JOIN inventory.suspended_vendors v ON v.vendor_id = o.vendor_id
     WHERE o.counted IS NOT FALSE OR v.vendor_id IS NOT NULL
), locked AS (
    SELECT s.offer_id, s.warehouse_id, s.on_hand, s.reserved, s.on_hand - s.reserved AS free,
           want.quantity, want.safety, want.low_at, w.priority,
           CASE WHEN want.pickup_id IS NOT NULL THEN s.warehouse_id = want.pickup_id
                ELSE w.countries = '{}' OR $7::text IS NULL OR $7 = ANY (w.countries)
           END AS usable
      FROM want
      JOIN inventory.stock s ON s.offer_id = want.offer_id
      JOIN inventory.warehouses w ON w.id = s.warehouse_id
     WHERE s.on_hand > s.reserved
       AND (want.quantity + want.safety = 1
            OR want.quantity + want.safety <= (
               SELECT sum(t.on_hand - t.reserved) FROM inventory.stock t
                WHERE t.offer_id = want.offer_id))
       AND NOT want.suspended
       AND NOT EXISTS (SELECT FROM known)
     ORDER BY s.offer_id, s.warehouse_id
       FOR UPDATE OF s
), ranked AS (
    SELECT locked.*, sum(free) OVER (PARTITION BY offer_id) - safety AS there,
           coalesce(sum(can) OVER (
               PARTITION BY offer_id
               ORDER BY CASE WHEN can >= quantity THEN priority END, can DESC, priority,
                        warehouse_id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
      FROM (SELECT *, CASE WHEN usable THEN free ELSE 0 END AS can FROM locked) locked
), taking AS (
    SELECT offer_id, warehouse_id, on_hand, reserved,
           least(can, quantity - before)::int AS quantity,
           low_at > 0 AND there - quantity <= low_at AS fell, there <= quantity AS last
      FROM ranked
     WHERE there >= quantity AND can > 0 AND before < quantity
), born AS (
    INSERT INTO inventory.reservations
           (id, state, offers, quantities, warehouses, created_at, expires_at)
    SELECT $1, 'held', coalesce(array_agg(offer_id), '{}'), coalesce(array_agg(quantity), '{}'),
           coalesce(array_agg(warehouse_id), '{}'), $4, $5
      FROM taking
    HAVING coalesce(sum(quantity), 0) = (SELECT coalesce(sum(quantity), 0) FROM want)
        ON CONFLICT (id) DO NOTHING
    RETURNING id
), taken AS (
    UPDATE inventory.stock s
       SET on_hand = taking.on_hand, reserved = taking.reserved + taking.quantity, updated_at = $4
      FROM taking, born
     WHERE s.offer_id = taking.offer_id AND s.warehouse_id = taking.warehouse_id
)/*emit:born*/
SELECT EXISTS (SELECT FROM born) AS born, known.state, known.expires_at,
       coalesce((SELECT bool_or(fell) FROM taking), false) AS fell,
       coalesce((SELECT bool_or(last) FROM taking), false) AS last
  FROM (SELECT) one LEFT JOIN known ON true
""")

# Why nothing was born: the same id came first, or too little is left.
WHY_NOT = Sql("""
SELECT w.offer_id, r.state, r.expires_at,
       CASE WHEN v.vendor_id IS NOT NULL THEN 0 WHEN o.counted IS FALSE THEN 1000000
            ELSE greatest(coalesce(n.free, 0), 0) END AS available
  FROM unnest($2::uuid[], $3::uuid[]) AS w (offer_id, pickup_id)
  LEFT JOIN inventory.offers o ON o.offer_id = w.offer_id
  LEFT JOIN inventory.suspended_vendors v ON v.vendor_id = o.vendor_id
  LEFT JOIN inventory.reservations r ON r.id = $1
 CROSS JOIN LATERAL (
       SELECT least(coalesce(sum(s.on_hand - s.reserved), 0) - o.safety,
                    coalesce(sum(s.on_hand - s.reserved) FILTER (
                        WHERE CASE WHEN w.pickup_id IS NOT NULL THEN h.id = w.pickup_id
                                   ELSE h.countries = '{}' OR $4::text IS NULL
                                        OR $4 = ANY (h.countries) END), 0))::int AS free
         FROM inventory.stock s JOIN inventory.warehouses h ON h.id = s.warehouse_id
        WHERE s.offer_id = w.offer_id) n
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
    INSERT INTO inventory.reservations AS r
           (id, state, offers, quantities, warehouses, created_at, ended_at)
    VALUES ($1, 'released', '{}', '{}', '{}', $2, $2)
        ON CONFLICT (id) DO UPDATE SET state = 'released', ended_at = $2
     WHERE r.state IN ('held', 'promised')
    RETURNING r.offers, r.quantities, r.warehouses
), line AS (
    SELECT l.* FROM ended, unnest(ended.offers, ended.quantities, ended.warehouses)
           AS l (offer_id, quantity, warehouse_id)
), locked AS (
    SELECT s.offer_id, s.warehouse_id, s.on_hand, s.reserved, line.quantity
      FROM line
      JOIN inventory.stock s
        ON s.offer_id = line.offer_id AND s.warehouse_id = line.warehouse_id
     ORDER BY s.offer_id, s.warehouse_id
       FOR UPDATE OF s
), given AS (
    UPDATE inventory.stock s
       SET on_hand = locked.on_hand, reserved = locked.reserved - locked.quantity, updated_at = $2
      FROM locked
     WHERE s.offer_id = locked.offer_id AND s.warehouse_id = locked.warehouse_id
    RETURNING s.offer_id
)/*emit:given*/
SELECT DISTINCT given.offer_id
  FROM given JOIN inventory.offers o ON o.offer_id = given.offer_id AND NOT o.there_told
""")

# What is being promised at this moment is locked, and so skipped. `back`: of what goes back, offers
# that were said to be gone.
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
    RETURNING r.id, r.offers, r.quantities, r.warehouses
), line AS (
    SELECT l.offer_id, l.warehouse_id, sum(l.quantity) AS quantity
      FROM ended, unnest(ended.offers, ended.quantities, ended.warehouses)
           AS l (offer_id, quantity, warehouse_id)
     GROUP BY l.offer_id, l.warehouse_id
), locked AS (
    SELECT s.offer_id, s.warehouse_id, s.on_hand, s.reserved, line.quantity
      FROM line
      JOIN inventory.stock s
        ON s.offer_id = line.offer_id AND s.warehouse_id = line.warehouse_id
     ORDER BY s.offer_id, s.warehouse_id
       FOR UPDATE OF s
), given AS (
    UPDATE inventory.stock s
       SET on_hand = locked.on_hand, reserved = locked.reserved - locked.quantity, updated_at = $1
      FROM locked
     WHERE s.offer_id = locked.offer_id AND s.warehouse_id = locked.warehouse_id
)
SELECT id, ARRAY(SELECT DISTINCT line.offer_id FROM line
                   JOIN inventory.offers o ON o.offer_id = line.offer_id AND NOT o.there_told)
           AS back
  FROM ended
""")

# A movement's id follows from reservation, offer and warehouse (UUIDv8 of their SHA-256).
COMMIT = Sql("""
WITH mine AS (
    SELECT id FROM inventory.reservations WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
), ended AS (
    UPDATE inventory.reservations r SET state = 'committed', ended_at = $2
      FROM mine
     WHERE r.id = mine.id AND r.state = 'promised'
    RETURNING r.id, r.offers, r.quantities, r.warehouses
), line AS (
    SELECT ended.id, l.offer_id, l.quantity, l.warehouse_id,
           substr(sha256(uuid_send(ended.id) || uuid_send(l.offer_id)
                         || uuid_send(l.warehouse_id)), 1, 16) AS digest
      FROM ended, unnest(ended.offers, ended.quantities, ended.warehouses)
           AS l (offer_id, quantity, warehouse_id)
), sold AS (
    SELECT offer_id, warehouse_id, sum(quantity) AS quantity FROM line
     GROUP BY offer_id, warehouse_id
), locked AS (
    SELECT s.offer_id, s.warehouse_id, s.on_hand, s.reserved, sold.quantity
      FROM sold
      JOIN inventory.stock s
        ON s.offer_id = sold.offer_id AND s.warehouse_id = sold.warehouse_id
     ORDER BY s.offer_id, s.warehouse_id
       FOR UPDATE OF s
), gone AS (
    UPDATE inventory.stock s
       SET on_hand = locked.on_hand - locked.quantity,
           reserved = locked.reserved - locked.quantity, updated_at = $2
      FROM locked
     WHERE s.offer_id = locked.offer_id AND s.warehouse_id = locked.warehouse_id
), moved AS (
    INSERT INTO inventory.movements
           (id, offer_id, warehouse_id, delta, reason, reference, actor, actor_id, at)
    SELECT encode(
               set_byte(set_byte(digest, 6, get_byte(digest, 6) & 15 | 128),
                        8, get_byte(digest, 8) & 63 | 128), 'hex')::uuid,
           offer_id, warehouse_id, -quantity, 'sale', id, $3, $4, $2
      FROM line
)/*emit:ended.id*/
SELECT wanted.id, ended.id IS NOT NULL AS committed, r.state
  FROM unnest($1::uuid[]) AS wanted (id)
  LEFT JOIN ended ON ended.id = wanted.id
  LEFT JOIN inventory.reservations r ON r.id = wanted.id
""")

# What was sold from several warehouses comes back into the one that gave most of it, and so on;
# what nobody knows the sale of, and what lay in a warehouse that is closed now, into the first one.
# What its reservation did not take, because it was not counted, does not come back either.
# The first part of a line has the line's own id, and each other one an id that follows from it.
RESTOCK = Sql("""
WITH line AS (
    SELECT l.id, l.offer_id, l.quantity, w.id AS first_id,
           o.counted AND NOT EXISTS (
               SELECT FROM inventory.reservations r WHERE r.id = $9) AS unknown
      FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS l (id, offer_id, quantity)
      JOIN inventory.offers o ON o.offer_id = l.offer_id
      JOIN inventory.warehouses w ON w.vendor_id = o.vendor_id AND w.is_default
), source AS (
    SELECT line.id, line.offer_id, line.quantity,
           CASE WHEN w.closed_at IS NULL THEN w.id ELSE line.first_id END AS warehouse_id,
           sold.quantity AS most,
           row_number() OVER (PARTITION BY line.id ORDER BY sold.quantity DESC, w.id) AS place,
           coalesce(sum(sold.quantity) OVER (
               PARTITION BY line.id ORDER BY sold.quantity DESC, w.id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before,
           sum(sold.quantity) OVER (PARTITION BY line.id) AS whole
      FROM line
      JOIN inventory.reservations r ON r.id = $9
      JOIN LATERAL unnest(r.offers, r.quantities, r.warehouses)
           AS sold (offer_id, quantity, warehouse_id) ON sold.offer_id = line.offer_id
      JOIN inventory.warehouses w ON w.id = sold.warehouse_id
), part AS (
    SELECT id, offer_id, warehouse_id, place,
           (least(most, quantity - before)
            + CASE WHEN place = 1 THEN greatest(quantity - whole, 0) ELSE 0 END)::int AS quantity
      FROM source
     WHERE before < quantity
    UNION ALL
    SELECT id, offer_id, first_id, 1, quantity
      FROM line
     WHERE unknown AND NOT EXISTS (SELECT FROM source WHERE source.id = line.id)
), open AS (
    SELECT id FROM inventory.warehouses WHERE id IN (SELECT warehouse_id FROM part)
     ORDER BY id
       FOR SHARE
), locked AS (
    SELECT s.offer_id, s.warehouse_id, part.quantity, part.place, part.id AS line_id,
           CASE WHEN part.place = 1 THEN part.id
                ELSE encode(substr(sha256(uuid_send(part.id)
                                          || int8send(part.place)), 1, 16), 'hex')::uuid
           END AS id
      FROM part
      JOIN open ON open.id = part.warehouse_id
      JOIN inventory.stock s
        ON s.offer_id = part.offer_id AND s.warehouse_id = part.warehouse_id
     ORDER BY s.offer_id, s.warehouse_id
       FOR UPDATE OF s
), moved AS (
    INSERT INTO inventory.movements
           (id, offer_id, warehouse_id, delta, reason, reference, actor, actor_id, at)
    SELECT id, offer_id, warehouse_id, quantity, $4, $5, $7, $8, $6 FROM locked
        ON CONFLICT (id) DO NOTHING
    RETURNING offer_id, warehouse_id, delta
), back AS (
    SELECT offer_id, warehouse_id, sum(delta) AS delta FROM moved GROUP BY 1, 2
), given AS (
    UPDATE inventory.stock s SET on_hand = s.on_hand + back.delta, updated_at = $6
      FROM back
     WHERE s.offer_id = back.offer_id AND s.warehouse_id = back.warehouse_id
)
SELECT offer_id FROM locked
 UNION
SELECT offer_id FROM line WHERE NOT unknown AND id NOT IN (SELECT id FROM source)
""")
