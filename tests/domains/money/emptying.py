"""Empties a module's tables between tests, as the administrator: modules cannot do that."""

import asyncpg

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
            await connection.execute(f"TRUNCATE {tables}")
    finally:
        await connection.close()
