"""Makes a demo market as large as a real one: copies of its products, tables and indexes grown.

Copied by SQL, row for row: every id of a copied row becomes `md5(id || number)`, everywhere alike,
so that copies refer to copies; vendors, categories and pictures stay those of the original.
"""

from dataclasses import dataclass

import asyncpg

PLENTY = 5_000_000
OF_PRODUCT = "product_id IN (SELECT id FROM original)"
OF_OFFER = f"offer_id IN (SELECT offer_id FROM inventory.offers WHERE {OF_PRODUCT})"
OF_PRICED = f"offer_id IN (SELECT id FROM catalog.offers WHERE {OF_PRODUCT})"
# A table, which of its rows are copied (before any are), and which of its ids are.
TABLES: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("catalog.products", "id IN (SELECT id FROM original)", frozenset({"id"})),
    ("catalog.variants", OF_PRODUCT, frozenset({"id", "product_id"})),
    ("catalog.offers", OF_PRODUCT, frozenset({"id", "variant_id", "product_id"})),
    ("catalog.prices", OF_PRICED, frozenset({"offer_id"})),
    ("catalog.shelves", OF_PRODUCT, frozenset({"product_id"})),
    ("search.listings", "id IN (SELECT id FROM original)", frozenset({"id"})),
    ("inventory.stock", OF_OFFER, frozenset({"offer_id"})),
    ("inventory.offers", OF_PRODUCT, frozenset({"offer_id", "product_id"})),
)
UNIQUE = {"slug", "sku"}
COLUMNS = """
SELECT a.attname FROM pg_attribute a
 WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attgenerated = '' AND a.attidentity = ''
 ORDER BY a.attnum
"""
WANTED = """
SELECT o.id, o.vendor_id FROM catalog.offers o
  JOIN catalog.products p ON p.id = o.product_id
  JOIN catalog.vendors v ON v.vendor_id = o.vendor_id AND v.active
 WHERE p.status = 'active' AND o.status = 'active'
   AND EXISTS (SELECT FROM inventory.stock s WHERE s.offer_id = o.id)
 ORDER BY o.vendor_id, o.id
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """How many products there are, and what can be bought, by vendor."""

    products: int
    offers: dict[str, list[str]]


async def fill(url: str, products: int) -> Filled:
    """Copies the active products until there are `products` and stocks all of them."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await _grow(connection, products)
        await connection.execute(f"UPDATE inventory.stock SET on_hand = {PLENTY}")
        await connection.execute("VACUUM ANALYZE")
        count = await connection.fetchval("SELECT count(*) FROM catalog.products")
        offers: dict[str, list[str]] = {}
        for row in await connection.fetch(WANTED):
            offers.setdefault(str(row["vendor_id"]), []).append(str(row["id"]))
        return Filled(count, offers)
    finally:
        await connection.close()


async def _grow(connection: asyncpg.Connection, products: int) -> None:
    await connection.execute(
        "CREATE TEMP TABLE original ON COMMIT DROP AS"
        " SELECT id FROM catalog.products WHERE status = 'active' AND EXISTS"
        " (SELECT FROM inventory.offers o WHERE o.product_id = products.id)"
    )
    originals = await connection.fetchval("SELECT count(*) FROM original")
    there = await connection.fetchval("SELECT count(*) FROM catalog.products")
    rounds, rest = divmod(max(0, products - there), originals)
    for number in range(1, rounds + 2):
        if number == rounds + 1:
            await connection.execute(
                "DELETE FROM original WHERE id NOT IN (SELECT id FROM original LIMIT $1)", rest
            )
        for table, picked, ids in TABLES:
            await _copy(connection, table, picked, ids, number)


async def _copy(
    connection: asyncpg.Connection, table: str, picked: str, ids: frozenset[str], number: int
) -> None:
    names = [row[0] for row in await connection.fetch(COLUMNS, table)]
    values = []
    for name in names:
        if name in ids:
            values.append(f"md5({name}::text || '{number}')::uuid")
        elif name in UNIQUE:
            values.append(f"{name} || '-{number}'")
        elif name == "card":
            old, new = "id::text", f"(md5(id::text || '{number}')::uuid)::text"
            values.append(f"replace(card, {old}, {new})")
        else:
            values.append(name)
    listed = ", ".join(names)
    await connection.execute(
        f"INSERT INTO {table} ({listed}) SELECT {', '.join(values)} FROM {table} WHERE {picked}"
    )
