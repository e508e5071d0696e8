"""Triggers that note what people change: who, what it was and what it is, in the same transaction.

A note is an event in the outbox of the changed table's own schema (`audit.noted`), so it travels as
every other fact does and is written exactly when the change is. Without a trail (see `noting`) a
trigger's WHEN is false: a purchase pays for reading one setting per row and nothing else.

A column that is personal, or that holds bytes (hashes, sealed secrets), is noted as changed, never
with its value: so nothing of a person stands in a trail that is never changed again.
"""

import hashlib
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg

from haat.engines.sql.migrate import Migrated
from haat.kernel.errors import Unavailable

EVENT = "audit.noted"
OWN = ("outbox", "inbox")
SECRET = ("secret", "password", "token", "_hash", "sealed")
VALUE_MAX_CHARS = 4000
_LOCK = 0x68616174  # as `revisions`: one migrating process for a database
_FUNCTION = """
CREATE OR REPLACE FUNCTION {schema}.note_change() RETURNS trigger LANGUAGE plpgsql AS $note$
DECLARE
  trail jsonb := current_setting('haat.trail')::jsonb;
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) ELSE '{{}}'::jsonb END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) ELSE '{{}}'::jsonb END;
  known jsonb := CASE WHEN TG_OP = 'DELETE' THEN old_row ELSE new_row END;
  subject text := (SELECT string_agg(known ->> k, '/' ORDER BY n)
                     FROM unnest(TG_ARGV[0]::text[]) WITH ORDINALITY AS t(k, n));
  hidden text[] := TG_ARGV[1]::text[];
  changes jsonb := (
    SELECT jsonb_object_agg(k, CASE WHEN k = ANY(hidden) THEN '{{"hidden": true}}'::jsonb ELSE
             CASE WHEN old_row ? k THEN jsonb_build_object('before',
               CASE WHEN length(old_row ->> k) > {longest}
                    THEN to_jsonb(left(old_row ->> k, {longest}) || '…') ELSE old_row -> k END)
               ELSE '{{}}' END
          || CASE WHEN new_row ? k THEN jsonb_build_object('after',
               CASE WHEN length(new_row ->> k) > {longest}
                    THEN to_jsonb(left(new_row ->> k, {longest}) || '…') ELSE new_row -> k END)
               ELSE '{{}}' END END)
      FROM jsonb_object_keys(old_row || new_row) AS k
     WHERE old_row -> k IS DISTINCT FROM new_row -> k
       AND (old_row -> k IS NOT NULL AND new_row -> k IS NOT NULL
            OR coalesce(old_row -> k, new_row -> k) <> 'null'::jsonb));
  id uuid := gen_random_uuid();
  vendor text := coalesce(known ->> 'vendor_id',
                          CASE WHEN trail ->> 'acting' IN ('vendor', 'key', 'support')
                               THEN trail ->> 'vendorId' END);
BEGIN
  IF changes IS NULL THEN RETURN NULL; END IF;
  INSERT INTO {schema}.outbox (event_id, type, key, envelope)
  VALUES (id, '{event}', subject, jsonb_build_object(
    'eventId', id, 'type', '{event}', 'version', 1, 'occurredAt', trail -> 'at',
    'actor', trail -> 'actor', 'trace', trail -> 'trace', 'key', subject,
    'data', jsonb_build_object(
      'module', '{name}', 'kind', TG_TABLE_NAME, 'subject', subject, 'change', lower(TG_OP),
      'changes', changes, 'command', trail -> 'command', 'acting', trail -> 'acting',
      'actorType', trail -> 'actor' -> 'type', 'actorId', trail -> 'actor' -> 'id',
      'actingVendorId', trail -> 'vendorId', 'sessionId', trail -> 'sessionId',
      'vendorId', CASE WHEN TG_ARGV[2] = 'vendor' THEN subject ELSE vendor END,
      'personId', CASE WHEN TG_ARGV[2] = 'person' THEN subject ELSE known ->> 'person_id' END,
      'requestId', trail -> 'trace' -> 'requestId', 'reason', trail -> 'reason')));
  RETURN NULL;
END $note$"""
_TRIGGER = """
CREATE OR REPLACE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON {table}
   FOR EACH ROW WHEN (current_setting('haat.trail', true) <> '')
   EXECUTE FUNCTION {schema}.note_change('{key}', '{hidden}', '{whose}')"""
_DROP = "DROP TRIGGER IF EXISTS note_change ON {table}"
_STAMPS = """
SELECT n.nspname, obj_description(p.oid, 'pg_proc') AS stamp
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname = 'note_change' AND n.nspname = ANY($1)"""
# Tables whose rows are persons or vendors themselves.
_WHOSE = {"identity.people": "person", "vendors.vendors": "vendor"}


async def watch(url: str, modules: Sequence[Migrated]) -> list[str]:
    """Makes the triggers of these modules as their tables say; the schemas that were behind.

    Costs one look where nothing changed. Only domains are watched: engines write for everybody.
    """
    wanted = {one.name: stamp(one) for one in modules if ".domains." in one.package}
    if not wanted:
        return []
    try:
        connection = await asyncpg.connect(url, timeout=15)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"The database does not answer: {error}", code="sql_away") from error
    try:
        found = dict(await connection.fetch(_STAMPS, list(wanted)))
        behind = [one for one in modules if wanted.get(one.name) not in (None, found.get(one.name))]
        if behind:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                for one in behind:
                    for statement in statements(one):
                        await connection.execute(statement)
        return [one.name for one in behind]
    finally:
        await connection.close()


def stamp(module: Migrated) -> str:
    """Another one whenever a module's tables, or this file, are others."""
    tables = module.folder.parent / "tables.py"
    text = tables.read_bytes() + Path(__file__).read_bytes()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def statements(module: Migrated) -> Iterator[str]:
    """What makes a module's function and triggers, and drops those of unwatched tables."""
    metadata = import_module(f"{module.package}.tables").metadata
    schema = f'"{module.name}"'
    yield _FUNCTION.format(schema=schema, name=module.name, event=EVENT, longest=VALUE_MAX_CHARS)
    for table in metadata.sorted_tables:
        name = f'{schema}."{table.name}"'
        if not watched(metadata, table.name):
            yield _DROP.format(table=name)
            continue
        key = ",".join(column.name for column in table.primary_key.columns)
        assert key, f"{table.fullname}: what is noted is named by its primary key"
        yield _TRIGGER.format(
            table=name,
            schema=schema,
            key=f"{{{key}}}",
            hidden=f"{{{','.join(hidden(table))}}}",
            whose=_WHOSE.get(table.fullname, ""),
        )
    yield f"COMMENT ON FUNCTION {schema}.note_change() IS '{stamp(module)}'"


def watched(metadata: Any, table: str) -> bool:
    """Whether what people change in this table is noted."""
    out = metadata.info.get("unwatched", "").split()
    return table not in OWN and table not in out and "*" not in out


def hidden(table: Any) -> list[str]:
    """Columns whose values no note holds: personal ones, bytes, and secrets, sealed or not."""
    return [
        column.name
        for column in table.columns
        if column.info.get("personal")
        or column.type.__visit_name__ in ("large_binary", "TSVECTOR")
        or any(word in column.name for word in SECRET)
    ]
