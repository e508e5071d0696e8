"""Re-derives every count from its details."""

from haat.engines.sql import Database, Sql

INVARIANTS = ("on_hand", "reserved", "sold")

ON_HAND = Sql("""
SELECT s.offer_id, s.on_hand, coalesce(sum(m.delta), 0) AS moved
  FROM inventory.stock s LEFT JOIN inventory.movements m ON m.offer_id = s.offer_id
 GROUP BY s.offer_id
HAVING s.on_hand <> coalesce(sum(m.delta), 0)
 ORDER BY s.offer_id
 LIMIT $1
""")

RESERVED = Sql("""
WITH held AS (
    SELECT l.offer_id, sum(l.quantity) AS quantity
      FROM inventory.reservations r, unnest(r.offers, r.quantities) AS l (offer_id, quantity)
     WHERE r.state IN ('held', 'promised')
     GROUP BY l.offer_id
)
SELECT coalesce(s.offer_id, held.offer_id) AS offer_id, coalesce(s.reserved, 0) AS reserved,
       coalesce(held.quantity, 0) AS held
  FROM inventory.stock s FULL JOIN held ON held.offer_id = s.offer_id
 WHERE coalesce(s.reserved, 0) <> coalesce(held.quantity, 0)
 ORDER BY 1
 LIMIT $1
""")

SOLD = Sql("""
WITH sold AS (
    SELECT r.id, l.offer_id, sum(l.quantity) AS quantity
      FROM inventory.reservations r, unnest(r.offers, r.quantities) AS l (offer_id, quantity)
     WHERE r.state = 'committed'
     GROUP BY r.id, l.offer_id
), moved AS (
    SELECT reference AS id, offer_id, -sum(delta) AS quantity
      FROM inventory.movements WHERE reason = 'sale' GROUP BY reference, offer_id
)
SELECT coalesce(sold.id, moved.id) AS id, coalesce(sold.offer_id, moved.offer_id) AS offer_id,
       coalesce(sold.quantity, 0) AS sold, coalesce(moved.quantity, 0) AS moved
  FROM sold FULL JOIN moved ON moved.id = sold.id AND moved.offer_id = sold.offer_id
 WHERE coalesce(sold.quantity, 0) <> coalesce(moved.quantity, 0)
 ORDER BY 1, 2
 LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """One line for each count that does not add up, at most `limit` of each kind."""
    return [
        *(
            f"inventory.on_hand: offer {r['offer_id']}: on hand {r['on_hand']}, its movements add"
            f" up to {r['moved']}"
            for r in await db.fetch(ON_HAND, limit)
        ),
        *(
            f"inventory.reserved: offer {r['offer_id']}: reserved {r['reserved']}, active"
            f" reservations hold {r['held']}"
            for r in await db.fetch(RESERVED, limit)
        ),
        *(
            f"inventory.sold: reservation {r['id']}: sold {r['sold']} of {r['offer_id']}, its"
            f" movements say {r['moved']}"
            for r in await db.fetch(SOLD, limit)
        ),
    ]
