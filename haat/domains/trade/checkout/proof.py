"""Checkout's own sums, re-derived from their details."""

from uuid import UUID

from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.checkout.rules import wrong_sum
from haat.engines.sql import Database, Sql

INVARIANTS = ("quotes",)
BATCH = 500

PLACED = Sql("""
SELECT q.id, q.document::text AS document
  FROM checkout.checkouts c JOIN checkout.quotes q USING (id)
 WHERE c.state = 'placed' AND c.id > $1
 ORDER BY c.id LIMIT $2
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Every total, tax, commission and net of a quote that became an order is what its lines make
    it. Names up to `limit` quotes that do not add up."""
    wrong: list[str] = []
    last = UUID(int=0)
    while len(wrong) < limit:
        rows = await db.fetch(PLACED, last, BATCH)
        for row in rows:
            last = row["id"]
            found = wrong_sum(Quote.model_validate_json(row["document"]))
            if found is not None:
                wrong.append(f"checkout.quotes: quote {last}: {found}")
        if len(rows) < BATCH:
            break
    return wrong[:limit]
