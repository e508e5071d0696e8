"""Empties a module's tables between tests, as the administrator: modules cannot do that."""

import asyncpg

TRIES = 5
_TABLES = (
    "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables"
    " WHERE schemaname = $1 AND tablename <> 'alembic_version'"
)


async def emptied(database_url: str, *schemas: str) -> None:
    """No row is left in these schemas."""
    connection = await asyncpg.connect(database_url)
    try:
        # Tables that only grow refuse even this, by a trigger.
        await connection.execute("SET session_replication_role = replica")
        for schema in schemas:
            tables = await connection.fetchval(_TABLES, schema)
            await _truncate(connection, tables)
    finally:
        await connection.close()


async def _truncate(connection: asyncpg.Connection, tables: str) -> None:
    """The last message of the test before may still be written down: it takes these tables in
    another order, and one of the two has to give way."""
    for left in reversed(range(TRIES)):
        try:
            await connection.execute(f"TRUNCATE {tables}")
        except asyncpg.DeadlockDetectedError:
            if not left:
                raise
        else:
            return
