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

# A chunk that a killed process had done already is not counted twice: `after_line` moves on once.
ADVANCE = Sql("""
WITH moved AS (
  UPDATE imports.runs
     SET after_line = $4, rows_done = rows_done + $5, created = created + $6,
         updated = updated + $7, unchanged = unchanged + $8, refused = refused + $9,
         noted = noted + $10
   WHERE id = $1 AND round = $2 AND state = 'running' AND after_line = $3
  RETURNING id
), told AS (
  INSERT INTO imports.findings (run_id, round, line, place, key, column_name, reason, refused)
  SELECT m.id, $2, f.line, f.place, f.key, f.column_name, f.reason, f.refused
    FROM moved m,
         unnest($11::bigint[], $12::int[], $13::text[], $14::text[], $15::text[], $16::bool[])
      AS f (line, place, key, column_name, reason, refused)
  ON CONFLICT DO NOTHING
)
SELECT id FROM moved
""")

FINISH = Sql("""
UPDATE imports.runs
   SET state = $3, failure = $4, finished_at = $5, correction_parts = $6, rows_done = rows
 WHERE id = $1 AND round = $2 AND state = 'running'
""")

FINDINGS = Sql("""
SELECT f.line, f.place, f.key, f.column_name, f.reason, f.refused
  FROM imports.findings f
 WHERE f.run_id = $1 AND f.round = $2
   AND ($3::bigint IS NULL OR (f.line, f.place) > ($3, $4::int))
 ORDER BY f.line, f.place LIMIT $5
""")

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
)
DELETE FROM imports.findings f USING gone g WHERE f.run_id = g.id
""")
