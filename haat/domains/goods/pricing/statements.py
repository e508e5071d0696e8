"""Pricing's fixed SQL. Whatever processes keep in memory (`book.py`) counts the edition up in the
statement that changes it."""

from haat.engines.sql import Sql

_TURN = """edition AS (
  INSERT INTO pricing.edition AS e (number) VALUES (1)
      ON CONFLICT (single) DO UPDATE SET number = e.number + 1
)"""

EDITION = Sql("SELECT number FROM pricing.edition")

RATES = Sql("SELECT tax_class, country, rate_bp FROM pricing.rates ORDER BY tax_class, country")

SET_RATE = Sql(f"""
WITH {_TURN}
INSERT INTO pricing.rates AS r (tax_class, country, rate_bp, updated_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (tax_class, country) DO UPDATE SET rate_bp = $3, updated_at = $4
""")  # noqa: S608 - from a constant

GROUPS = Sql("SELECT id, name, tax_display FROM pricing.groups ORDER BY name, id")

SAVE_GROUP = Sql(f"""
WITH {_TURN}
INSERT INTO pricing.groups (id, name, tax_display)
SELECT $1, $2, $3
 WHERE EXISTS (SELECT FROM pricing.groups WHERE id = $1)
    OR (SELECT count(*) FROM pricing.groups) < $4
    ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, tax_display = EXCLUDED.tax_display
RETURNING id
""")  # noqa: S608 - from a constant

DROP_GROUP = Sql(f"""
WITH {_TURN} DELETE FROM pricing.groups WHERE id = $1
""")  # noqa: S608 - from a constant

EVERY_MEMBER = Sql("SELECT person_id, array_agg(group_id) AS ids FROM pricing.members GROUP BY 1")

MEMBERS = Sql("""
SELECT person_id, added_at FROM pricing.members
 WHERE group_id = $1 AND person_id > $2
 ORDER BY person_id
 LIMIT $3
""")

ADD_MEMBERS = Sql(f"""
WITH {_TURN}, added AS (
  INSERT INTO pricing.members (group_id, person_id, added_at)
  SELECT $1, w.id, $3 FROM unnest($2::uuid[]) AS w (id)
   WHERE (SELECT count(*) FROM pricing.members) + cardinality($2::uuid[]) <= $4
      ON CONFLICT DO NOTHING
)
SELECT (SELECT count(*) FROM pricing.members) + cardinality($2::uuid[]) <= $4
""")  # noqa: S608 - from a constant

DROP_MEMBER = Sql(f"""
WITH {_TURN} DELETE FROM pricing.members WHERE group_id = $1 AND person_id = $2
""")  # noqa: S608 - from a constant

EVERY_LIST = Sql("""
SELECT id, group_id, name, starts_at, ends_at, active, entries::text AS entries
  FROM pricing.lists
 ORDER BY name, id
""")

LISTS = Sql("""
SELECT id, group_id, name, starts_at, ends_at, active FROM pricing.lists ORDER BY name, id
""")

LIST = Sql("""
SELECT id, group_id, name, starts_at, ends_at, active, entries::text AS entries
  FROM pricing.lists
 WHERE id = $1
""")

SAVE_LIST = Sql(f"""
WITH {_TURN}
INSERT INTO pricing.lists (id, group_id, name, starts_at, ends_at, active, entries)
SELECT $1, $2, $3, $4, $5, $6, $7
 WHERE EXISTS (SELECT FROM pricing.lists WHERE id = $1)
    OR (SELECT count(*) FROM pricing.lists) < $8
    ON CONFLICT (id) DO UPDATE
   SET group_id = EXCLUDED.group_id, name = EXCLUDED.name, starts_at = EXCLUDED.starts_at,
       ends_at = EXCLUDED.ends_at, active = EXCLUDED.active, entries = EXCLUDED.entries
RETURNING id
""")  # noqa: S608 - from a constant

DROP_LIST = Sql(f"""
WITH {_TURN} DELETE FROM pricing.lists WHERE id = $1
""")  # noqa: S608 - from a constant

CURRENCIES = Sql("""
SELECT code, rate, rounding, enabled, source, rated_at FROM pricing.currencies ORDER BY code
""")

SAVE_CURRENCY = Sql(f"""
WITH {_TURN}, step AS (
  INSERT INTO pricing.currency_steps
         (code, rate, rounding, enabled, source, rated_at, set_at, person_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
)
INSERT INTO pricing.currencies (code, rate, rounding, enabled, source, rated_at)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (code) DO UPDATE
   SET rate = EXCLUDED.rate, rounding = EXCLUDED.rounding, enabled = EXCLUDED.enabled,
       source = EXCLUDED.source, rated_at = EXCLUDED.rated_at
""")  # noqa: S608 - from a constant

STEPS = Sql("""
SELECT seq, code, rate, rounding, enabled, source, rated_at, set_at, person_id
  FROM pricing.currency_steps
 WHERE ($1::text IS NULL OR code = $1) AND seq < $2
 ORDER BY seq DESC
 LIMIT $3
""")
