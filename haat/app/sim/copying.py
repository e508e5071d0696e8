"""A copy of the database as it was when the market was ready, put back before each run.

What makes one run like the other stands here as well: the database's clock is the run's, and
plans, waits and the order of rows hang on nothing that was before.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from haat.app.sim.server import Server

_CLOCK = """
CREATE SCHEMA simulated;
CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
  AS $$ SELECT current_setting('sim.now')::timestamptz $$;
CREATE FUNCTION simulated.now() RETURNS timestamptz LANGUAGE sql VOLATILE
  AS $$ SELECT current_setting('sim.now')::timestamptz $$;
CREATE FUNCTION simulated.statement_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
  AS $$ SELECT current_setting('sim.now')::timestamptz $$;
CREATE TABLE simulated.emitted (event_id uuid, type text, data jsonb);
CREATE FUNCTION simulated.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO simulated.emitted SELECT event_id, type, envelope->'data' FROM born;
  RETURN NULL;
END $$;
"""
_SETTINGS = """
ALTER DATABASE {name} SET search_path = simulated, pg_catalog;
ALTER DATABASE {name} SET plan_cache_mode = force_generic_plan;
ALTER DATABASE {name} SET max_parallel_workers_per_gather = 0;
ALTER DATABASE {name} SET synchronize_seqscans = off;
"""
SERVER_SETTINGS = {"autovacuum": "off", "max_connections": "60"}

_TABLES = """
SELECT n.nspname || '.' || quote_ident(c.relname) AS name, c.oid::int8 AS oid,
       array(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = '' ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'copy')
   AND n.nspname NOT LIKE 'pg\\_%' AND c.relname <> 'alembic_version' AND n.nspname <> 'public'
   AND n.nspname <> 'scheduler'
 ORDER BY 1"""
_REFERENCES = """
SELECT confrelid::int8 AS parent, conrelid::int8 AS child FROM pg_constraint WHERE contype = 'f'"""
_SEQUENCES = """
SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) AS name, start_value, last_value
  FROM pg_sequences WHERE schemaname NOT IN ('public', 'scheduler') ORDER BY 1"""

_ANY = "SELECT EXISTS (SELECT 1 FROM {name})"
_KEEP = "CREATE TABLE {kept} AS SELECT * FROM {name}"
_FILL = "INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {kept}"


def prepare(server: "Server", name: str) -> None:
    """Before any connection but the server's own is used."""
    server.do(_CLOCK)
    server.do(_SETTINGS.format(name=name))
    for row in server.look(
        "SELECT schemaname AS s FROM pg_tables WHERE tablename = 'outbox' ORDER BY 1"
    ):
        server.do(
            f"CREATE TRIGGER simulated AFTER INSERT ON {row['s']}.outbox"
            " REFERENCING NEW TABLE AS born FOR EACH STATEMENT EXECUTE FUNCTION simulated.note()"
        )


class Copy:
    """What every table held when the market was ready; `restore` puts it back."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        server.do("CREATE SCHEMA copy")
        tables = server.look(_TABLES)
        self._by_oid = {row["oid"]: row["name"] for row in tables}
        self._columns = {row["name"]: ", ".join(map(_quoted, row["columns"])) for row in tables}
        self._full: dict[str, str] = {}
        for name in self._columns:
            if server.look(_ANY.format(name=name))[0][0]:
                kept = "copy." + name.replace(".", "__").replace('"', "")
                server.do(_KEEP.format(kept=kept, name=name))
                self._full[name] = kept
        self._children: dict[str, set[str]] = {}
        for row in server.look(_REFERENCES):
            pair = (self._by_oid.get(row["parent"]), self._by_oid.get(row["child"]))
            if pair[0] and pair[1]:
                self._children.setdefault(pair[0], set()).add(pair[1])
        self._sequences = server.look(_SEQUENCES)
        server.do("SET session_replication_role = replica")
        self.restore(set(self._columns))

    def restore(self, touched: set[str]) -> None:
        """`touched`: tables that were written to, "schema.*" for all of a schema."""
        chosen = self._closed(touched)
        if not chosen:
            return
        fill = [
            _FILL.format(name=name, columns=self._columns[name], kept=self._full[name])
            for name in chosen
            if name in self._full
        ]
        turn = [
            f"SELECT setval('{row['name']}', {row['last_value'] or row['start_value']},"
            f" {'true' if row['last_value'] else 'false'})"
            for row in self._sequences
        ]
        self._server.do(";".join([f"TRUNCATE {', '.join(chosen)}", *fill, *turn]))

    def _closed(self, touched: set[str]) -> list[str]:
        left = [n for n in self._columns if n in touched or f"{n.partition('.')[0]}.*" in touched]
        found: set[str] = set()
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self._children.get(name, ())
        return sorted(found)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
