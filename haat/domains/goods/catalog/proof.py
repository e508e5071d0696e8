"""Re-derives what the catalogue keeps for speed: shelves, categories' counts, first prices."""

from haat.engines.sql import Database, Sql
from haat.kernel import synthetic

INVARIANTS = ("shelves", "counts", "prices", "steps")

SHELVES = Sql(f"""
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
     WHERE p.status = 'active' AND selling.ids IS NOT NULL
       AND p.vendor_id <> '{synthetic.VENDOR}'::uuid
), wrong AS (
    (TABLE wanted EXCEPT TABLE catalog.shelves)
    UNION ALL (TABLE catalog.shelves EXCEPT TABLE wanted)
)
SELECT shelf_id, product_id FROM wrong ORDER BY 2, 1 LIMIT $1
""")  # noqa: S608 - put together here, from a constant

COUNTS = Sql("""
SELECT c.id, c.product_count + coalesce(more.n, 0) AS product_count, there.counted
  FROM catalog.categories c
  LEFT JOIN (SELECT category_id, sum(n)::int AS n FROM catalog.category_changes
              GROUP BY category_id) more ON more.category_id = c.id
 CROSS JOIN LATERAL (SELECT count(*) AS counted FROM catalog.shelves s
                      WHERE s.shelf_id = c.id) there
 WHERE c.product_count + coalesce(more.n, 0) <> there.counted
 ORDER BY c.id
 LIMIT $1
""")

# The cheapest offer of those who may sell; where nobody does, of what would be sold. A scheduled
# price that lists were told of is what its offer costs.
PRICES = Sql("""
SELECT found.id, found.price_from, found.lowest
  FROM (SELECT p.id, p.price_from,
               coalesce(min(o.minor) FILTER (WHERE o.status = 'active' AND v.active),
                        min(o.minor) FILTER (WHERE o.status = 'active'),
                        min(o.minor)) AS lowest
          FROM catalog.products p
          JOIN (SELECT f.product_id, f.vendor_id, f.status,
                       coalesce(s.price_minor, f.price_minor) AS minor
                  FROM catalog.offers f
                  LEFT JOIN catalog.scheduled_prices s
                    ON s.offer_id = f.id AND s.state = 'running') o ON o.product_id = p.id
          LEFT JOIN catalog.vendors v ON v.vendor_id = o.vendor_id
         GROUP BY p.id) found
 WHERE found.price_from <> found.lowest
 ORDER BY found.id
 LIMIT $1
""")

# The last step of an offer's price history is what it costs.
STEPS = Sql("""
SELECT o.id, coalesce(s.price_minor, o.price_minor) AS minor, p.price_minor AS step
  FROM catalog.offers o
  LEFT JOIN catalog.scheduled_prices s ON s.offer_id = o.id AND s.state = 'running'
 CROSS JOIN LATERAL (SELECT price_minor FROM catalog.prices
                      WHERE offer_id = o.id ORDER BY at DESC LIMIT 1) p
 WHERE coalesce(s.price_minor, o.price_minor) <> p.price_minor
 ORDER BY o.id
 LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """One line for each row that does not agree with its source, at most `limit` of each kind."""
    return [
        *(
            f"catalog.shelves: shelf {r['shelf_id']}: product {r['product_id']} is not as it"
            " should be"
            for r in await db.fetch(SHELVES, limit)
        ),
        *(
            f"catalog.counts: category {r['id']}: counts {r['product_count']}, there are"
            f" {r['counted']}"
            for r in await db.fetch(COUNTS, limit)
        ),
        *(
            f"catalog.prices: product {r['id']}: from {r['price_from']}, its cheapest offer"
            f" {r['lowest']}"
            for r in await db.fetch(PRICES, limit)
        ),
        *(
            f"catalog.steps: offer {r['id']}: costs {r['minor']}, its price history ends with"
            f" {r['step']}"
            for r in await db.fetch(STEPS, limit)
        ),
    ]
