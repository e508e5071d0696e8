"""The imports' fixed SQL."""

from haat.engines.sql import Sql

_RUN = """id, vendor_id, file_name, state, parts, format, header, mapping, dry_run, round,
          after_line, rows, rows_done, created, updated, unchanged, refused, noted,
          correction_parts, failure, created_at, started_at, finished_at"""

RUN = Sql(
    f"SELECT {_RUN} FROM imports.runs WHERE id = $1"  # noqa: S608 - put together here
)

RUNS = Sql(f"""
SELECT {_RUN} FROM imports.runs
 WHERE vendor_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
 ORDER BY created_at DESC, id DESC LIMIT $4
""")  # noqa: S608 - put together here, from a constant

RECEIVING = Sql(f"""
INSERT INTO imports.runs AS r (id, vendor_id, file_name, state, parts, created_at)
VALUES ($1, $2, $3, 'receiving', $4, $5)
ON CONFLICT (id) DO UPDATE SET parts = greatest(r.parts, $4)
 WHERE r.vendor_id = $2 AND r.state = 'receiving'
RETURNING {_RUN}
""")  # noqa: S608 - put together here, from a constant

READY = Sql(f"""
UPDATE imports.runs SET state = $2, format = $3, header = $4, mapping = $5, failure = $6
 WHERE id = $1 AND state = 'receiving'
RETURNING {_RUN}
""")  # noqa: S608 - put together here, from a constant

START = Sql(f"""
WITH before AS (DELETE FROM imports.chunks WHERE run_id = $1 AND round <= $6)
UPDATE imports.runs
   SET state = 'waiting', format = $2, mapping = $3, dry_run = $4, started_at = $5,
       finished_at = NULL, round = round + 1, after_line = 0, rows = 0, rows_done = 0,
       created = 0, updated = 0, unchanged = 0, refused = 0, noted = 0, correction_parts = 0
 WHERE id = $1 AND round = $6 AND (state = 'ready' OR state IN ('done', 'stopped') AND dry_run)
RETURNING {_RUN}
""")  # noqa: S608 - put together here, from a constant

STOP = Sql(f"""
UPDATE imports.runs SET state = 'stopped', finished_at = $2
 WHERE id = $1 AND state IN ('receiving', 'ready', 'waiting', 'running')
RETURNING {_RUN}
""")  # noqa: S608 - put together here, from a constant

# The oldest that is due goes on; a process that was killed amid one left it `running`.
NEXT = Sql(f"""
UPDATE imports.runs SET state = 'running'
 WHERE id = (SELECT id FROM imports.runs WHERE state IN ('waiting', 'running')
              ORDER BY started_at, id LIMIT 1)
   AND state IN ('waiting', 'running')
RETURNING {_RUN}
""")  # noqa: S608 - put together here, from a constant

FILLED = Sql("""
UPDATE imports.runs SET rows = $3, noted = 0
 WHERE id = $1 AND round = $2 AND state = 'running' AND after_line = 0
""")

# A chunk is given out once: `after_line` moves on with it.
GIVE = Sql("""
WITH moved AS (
  UPDATE imports.runs SET after_line = $4
   WHERE id = $1 AND round = $2 AND state = 'running' AND after_line = $3
  RETURNING id
)
INSERT INTO imports.chunks (run_id, round, upto, content)
SELECT id, $2, $4, $5::bytea FROM moved
RETURNING upto
""")

# $2 seconds of lease; $3: only what has waited so long.
TAKE = Sql("""
WITH free AS (
  SELECT c.run_id, c.round, c.upto
    FROM imports.chunks c JOIN imports.runs r ON r.id = c.run_id AND r.round = c.round
   WHERE r.state = 'running' AND (c.until IS NULL OR c.until < clock_timestamp())
     AND c.given_at <= clock_timestamp() - $3::float8 * interval '1 second'
   ORDER BY r.started_at, c.run_id, c.upto LIMIT 1 FOR UPDATE OF c SKIP LOCKED
)
UPDATE imports.chunks c
   SET holder = $1, until = clock_timestamp() + $2::float8 * interval '1 second'
  FROM free f JOIN imports.runs r ON r.id = f.run_id
 WHERE c.run_id = f.run_id AND c.round = f.round AND c.upto = f.upto
RETURNING r.id, r.vendor_id, r.started_at, r.dry_run, r.header, r.mapping, c.round, c.upto,
          c.content
""")
HOLD_ON = Sql("""
UPDATE imports.chunks SET until = clock_timestamp() + $5::float8 * interval '1 second'
 WHERE run_id = $1 AND round = $2 AND upto = $3 AND holder = $4
""")
LEAVE = Sql("""
UPDATE imports.chunks SET holder = NULL, until = NULL
 WHERE run_id = $1 AND round = $2 AND upto = $3 AND holder = $4
""")

# What came of a chunk counts with its end: of two who did it the one that still held it.
DONE = Sql("""
WITH mine AS (
  DELETE FROM imports.chunks WHERE run_id = $1 AND round = $2 AND upto = $3 AND holder = $4
  RETURNING run_id
), moved AS (
  UPDATE imports.runs r
     SET rows_done = rows_done + $5, created = created + $6, updated = updated + $7,
         unchanged = unchanged + $8, refused = refused + $9, noted = noted + $10
    FROM mine m WHERE r.id = m.run_id AND r.round = $2 AND r.state = 'running'
  RETURNING r.id
)
INSERT INTO imports.findings (run_id, round, line, place, key, column_name, reason, refused)
SELECT m.id, $2, f.line, f.place, f.key, f.column_name, f.reason, f.refused
  FROM moved m,
       unnest($11::bigint[], $12::int[], $13::text[], $14::text[], $15::text[], $16::bool[])
    AS f (line, place, key, column_name, reason, refused)
ON CONFLICT DO NOTHING
""")

# How far a run is, and how many of its chunks are under way or wait for somebody.
STANDING = Sql("""
SELECT r.state, r.after_line,
       (SELECT count(*) FROM imports.chunks c WHERE c.run_id = r.id AND c.round = r.round) AS out
  FROM imports.runs r WHERE r.id = $1 AND r.round = $2
""")

FINISH = Sql("""
WITH ended AS (
  UPDATE imports.runs
     SET state = $3, failure = $4, finished_at = $5, correction_parts = $6, rows_done = rows
   WHERE id = $1 AND round = $2 AND state = 'running'
  RETURNING id
)
DELETE FROM imports.chunks c USING ended e WHERE c.run_id = e.id
""")


def _findings(which: str) -> Sql:
    return Sql(f"""
SELECT f.line, f.place, f.key, f.column_name, f.reason, f.refused
  FROM imports.findings f
 WHERE f.run_id = $1 AND f.round = $2{which}
   AND ($3::bigint IS NULL OR (f.line, f.place) > ($3, $4::int))
 ORDER BY f.line, f.place LIMIT $5
""")  # noqa: S608 - put together here, from the words below


# A word for each, not an argument: only then the index of the refused ones is used.
FINDINGS = _findings("")
FINDINGS_REFUSED = _findings(" AND f.refused")
FINDINGS_NOTED = _findings(" AND NOT f.refused")

REFUSED = Sql("""
SELECT f.line, f.place, f.key
  FROM imports.findings f
 WHERE f.run_id = $1 AND f.round = $2 AND f.refused
   AND ($3::bigint IS NULL OR (f.line, f.place) > ($3, $4::int))
 ORDER BY f.line, f.place LIMIT $5
""")

# Why, by line: of these products, and of these lines that belong to none.
REASONS = Sql("""
SELECT f.line, string_agg(f.reason, ' ' ORDER BY f.place) AS reason
  FROM imports.findings f
 WHERE f.run_id = $1 AND f.round = $2 AND f.refused
   AND (f.key = ANY($3::text[]) OR f.key = '' AND f.line = ANY($4::bigint[]))
 GROUP BY f.line
""")

MAPPINGS = Sql("""
SELECT id, vendor_id, name, mapping, used_at FROM imports.mappings
 WHERE vendor_id = $1 ORDER BY used_at DESC, id LIMIT 50
""")

MAPPING_OF = Sql("SELECT vendor_id FROM imports.mappings WHERE id = $1")

MAPPING_FOR = Sql("""
SELECT mapping FROM imports.mappings
 WHERE vendor_id = $1 AND signature = $2 ORDER BY used_at DESC, id LIMIT 1
""")

SAVE_MAPPING = Sql("""
INSERT INTO imports.mappings (id, vendor_id, name, signature, mapping, used_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (vendor_id, name) DO UPDATE
   SET signature = EXCLUDED.signature, mapping = EXCLUDED.mapping, used_at = EXCLUDED.used_at
""")

FORGET_MAPPING = Sql("DELETE FROM imports.mappings WHERE id = $1 AND vendor_id = $2")

# What nobody asks for any more: files go, what is told of the run stays.
OLD = Sql("""
SELECT id, parts, round, correction_parts FROM imports.runs
 WHERE created_at < $1::timestamptz - make_interval(days => $2) AND parts > 0
   AND state NOT IN ('waiting', 'running')
 ORDER BY created_at LIMIT 100
""")
FORGOTTEN = Sql("""
WITH gone AS (
  UPDATE imports.runs
     SET parts = 0, correction_parts = 0,
         state = CASE WHEN state IN ('receiving', 'ready') THEN 'stopped' ELSE state END
   WHERE id = ANY($1::uuid[]) AND state NOT IN ('waiting', 'running')
  RETURNING id
), chunk AS (DELETE FROM imports.chunks c USING gone g WHERE c.run_id = g.id)
DELETE FROM imports.findings f USING gone g WHERE f.run_id = g.id
""")
