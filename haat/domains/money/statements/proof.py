"""Numbers without gaps; every invoice is one of a month that was issued."""

from haat.engines.sql import Database, Sql

INVARIANTS = ("numbers",)

GAPS = Sql("""
SELECT s.year, s.last, count(i.number) AS given, coalesce(max(i.place), 0) AS highest
  FROM statements.series s LEFT JOIN statements.invoices i USING (year)
 GROUP BY s.year, s.last
HAVING s.last <> count(i.number) OR s.last <> coalesce(max(i.place), 0)
 ORDER BY s.year LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name the years whose invoice numbers have gaps."""
    return [
        f"statements.numbers: in {row['year']} {row['last']} invoice numbers were given,"
        f" {row['given']} are there, the highest is {row['highest']}"
        for row in await db.fetch(GAPS, limit)
    ]
