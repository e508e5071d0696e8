"""Re-derives what media keeps for speed: what everybody uses, and how often a file is shown."""

from haat.engines.sql import Database, Sql

INVARIANTS = ("usage", "claims")

USAGE = Sql("""
WITH counted AS (
  SELECT holder_id, count(*) AS files, sum(size_bytes) AS bytes FROM media.files
   WHERE holder_id IS NOT NULL GROUP BY holder_id
), held AS (
  SELECT holder_id, count(*) AS files, sum(size_bytes) AS bytes FROM media.uploads
   WHERE status = 'open' GROUP BY holder_id
)
SELECT holder_id, coalesce(u.files, 0) AS files, coalesce(u.bytes, 0) AS bytes,
       coalesce(c.files, 0) AS counted, coalesce(c.bytes, 0) AS counted_bytes
  FROM media.usage u FULL JOIN counted c USING (holder_id) FULL JOIN held h USING (holder_id)
 WHERE (coalesce(u.files, 0), coalesce(u.bytes, 0), coalesce(u.held_files, 0),
        coalesce(u.held_bytes, 0))
    IS DISTINCT FROM (coalesce(c.files, 0), coalesce(c.bytes, 0), coalesce(h.files, 0),
                      coalesce(h.bytes, 0))
 ORDER BY holder_id
 LIMIT $1
""")

CLAIMS = Sql("""
SELECT f.id, f.claims, count(c.id) AS counted
  FROM media.files f
  LEFT JOIN (SELECT unnest(ids) AS id FROM media.claims) c ON c.id = f.id
 GROUP BY f.id
HAVING f.claims <> count(c.id)
 ORDER BY f.id
 LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """One line for each row that does not agree with its source, at most `limit` of each kind."""
    return [
        *(
            f"media.usage: {row['holder_id']} has {row['files']} files of {row['bytes']} bytes, "
            f"but {row['counted']} of {row['counted_bytes']} are there"
            for row in await db.fetch(USAGE, limit)
        ),
        *(
            f"media.claims: file {row['id']} says {row['claims']}, but {row['counted']} claim it"
            for row in await db.fetch(CLAIMS, limit)
        ),
    ]
