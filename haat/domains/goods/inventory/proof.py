"""Re-derives every count from its details."""

from haat.engines.sql import Database, Sql

INVARIANTS = ("on_hand", "reserved", "sold", "transfers", "warehouses")

ON_HAND = Sql("""
WITH moved AS (
    SELECT offer_id, warehouse_id, sum(delta) AS delta FROM inventory.movements GROUP BY 1, 2
)
SELECT coalesce(s.offer_id, m.offer_id) AS offer_id,
       coalesce(s.warehouse_id, m.warehouse_id) AS warehouse_id,
       coalesce(s.on_hand, 0) AS on_hand, coalesce(m.delta, 0) AS moved
  FROM inventory.stock s
  FULL JOIN moved m ON m.offer_id = s.offer_id AND m.warehouse_id = s.warehouse_id
 WHERE coalesce(s.on_hand, 0) <> coalesce(m.delta, 0)
 ORDER BY 1, 2
 LIMIT $1
""")

RESERVED = Sql("""
WITH held AS (
    SELECT l.offer_id, l.warehouse_id, sum(l.quantity) AS quantity
      FROM inventory.reservations r, unnest(r.offers, r.quantities, r.warehouses)
           AS l (offer_id, quantity, warehouse_id)
     WHERE r.state IN ('held', 'promised')
     GROUP BY l.offer_id, l.warehouse_id
)
SELECT coalesce(s.offer_id, held.offer_id) AS offer_id,
       coalesce(s.warehouse_id, held.warehouse_id) AS warehouse_id,
       coalesce(s.reserved, 0) AS reserved, coalesce(held.quantity, 0) AS held
  FROM inventory.stock s
  FULL JOIN held ON held.offer_id = s.offer_id AND held.warehouse_id = s.warehouse_id
 WHERE coalesce(s.reserved, 0) <> coalesce(held.quantity, 0)
 ORDER BY 1, 2
 LIMIT $1
""")

SOLD = Sql("""
WITH sold AS (
    SELECT r.id, l.offer_id, l.warehouse_id, sum(l.quantity) AS quantity
      FROM inventory.reservations r, unnest(r.offers, r.quantities, r.warehouses)
           AS l (offer_id, quantity, warehouse_id)
     WHERE r.state = 'committed'
     GROUP BY r.id, l.offer_id, l.warehouse_id
), moved AS (
    SELECT reference AS id, offer_id, warehouse_id, -sum(delta) AS quantity
      FROM inventory.movements WHERE reason = 'sale' GROUP BY 1, 2, 3
)
SELECT coalesce(sold.id, moved.id) AS id, coalesce(sold.offer_id, moved.offer_id) AS offer_id,
       coalesce(sold.quantity, 0) AS sold, coalesce(moved.quantity, 0) AS moved
  FROM sold
  FULL JOIN moved ON moved.id = sold.id AND moved.offer_id = sold.offer_id
        AND moved.warehouse_id = sold.warehouse_id
 WHERE coalesce(sold.quantity, 0) <> coalesce(moved.quantity, 0)
 ORDER BY 1, 2
 LIMIT $1
""")

TRANSFERS = Sql("""
SELECT reference, sum(delta) AS left_over, count(*) AS movements
  FROM inventory.movements WHERE reason = 'transfer'
 GROUP BY reference
HAVING sum(delta) <> 0 OR count(*) <> 2 OR count(DISTINCT offer_id) <> 1
 ORDER BY 1
 LIMIT $1
""")

WAREHOUSES = Sql("""
SELECT s.offer_id, s.warehouse_id
  FROM inventory.stock s
  JOIN inventory.offers o ON o.offer_id = s.offer_id
  JOIN inventory.warehouses w ON w.id = s.warehouse_id
 WHERE o.vendor_id <> w.vendor_id
 ORDER BY 1, 2
 LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """One line for each count that does not add up, at most `limit` of each kind."""
    return [
        *(
            f"inventory.on_hand: offer {r['offer_id']} in warehouse {r['warehouse_id']}: on hand"
            f" {r['on_hand']}, its movements add up to {r['moved']}"
            for r in await db.fetch(ON_HAND, limit)
        ),
        *(
            f"inventory.reserved: offer {r['offer_id']} in warehouse {r['warehouse_id']}: reserved"
            f" {r['reserved']}, active reservations hold {r['held']}"
            for r in await db.fetch(RESERVED, limit)
        ),
        *(
            f"inventory.sold: reservation {r['id']}: sold {r['sold']} of {r['offer_id']}, its"
            f" movements say {r['moved']}"
            for r in await db.fetch(SOLD, limit)
        ),
        *(
            f"inventory.transfers: {r['reference']}: its {r['movements']} movements leave"
            f" {r['left_over']}"
            for r in await db.fetch(TRANSFERS, limit)
        ),
        *(
            f"inventory.warehouses: offer {r['offer_id']} lies in another vendor's warehouse"
            f" {r['warehouse_id']}"
            for r in await db.fetch(WAREHOUSES, limit)
        ),
    ]
