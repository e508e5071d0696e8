"""Re-derives that at every moment since the first list was switched on exactly one held."""

from haat.engines.sql import Database, Sql

INVARIANTS = ("periods",)

PERIODS = Sql("""
WITH held AS (
  SELECT id, status, active_from, active_to,
         lead(active_from) OVER turns AS next_from
    FROM commissions.lists WHERE status <> 'draft'
  WINDOW turns AS (ORDER BY active_from, active_to NULLS LAST, id)
)
SELECT id, status, active_from, active_to, next_from FROM held
 WHERE active_to IS DISTINCT FROM next_from OR (status = 'active') <> (next_from IS NULL)
 ORDER BY active_from, id LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name the lists whose time does not end where the next one's begins."""
    return [
        f"commissions.periods: list {row['id']} ({row['status']}) held until {row['active_to']},"
        f" the next one from {row['next_from']}"
        for row in await db.fetch(PERIODS, limit)
    ]
