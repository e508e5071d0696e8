"""Applies migrations with Alembic and grants each module's role its own schema."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from haat.engines.sql.migrate import Migrated

_LOCK = 0x68616174  # 'haat': one migrating process per database
# Nobody searches by what whole documents are like: sampling them is most of what looking at a table
# for the planner costs. Columns that were given a number keep it.
_DOCUMENTS = """
SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I SET STATISTICS 0', n.nspname, c.relname, a.attname)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = :schema AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
   AND a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
   AND coalesce(a.attstattarget, -1) = -1 ORDER BY 1"""
_TUPLE_RACE = "tuple concurrently updated"
_ROLE_TRIES = 5


def upgrade(url: str, modules: Sequence[Migrated]) -> list[str]:
    """Takes every module to its head, each in a transaction of its own."""
    applied: list[str] = []
    with connected(url) as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        may_create = connection.scalar(
            sa.text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
        )
        connection.commit()
        for module in modules:
            if may_create:
                _make_role(connection, module)
            applied += upgrade_one(connection, module, grant=may_create)
    return applied


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """One connection, not pooled; closing it gives back its advisory lock."""
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def context_of(connection: sa.Connection, module: Migrated, **opts: Any) -> MigrationContext:
    """Alembic's view of this schema and nothing else."""
    return MigrationContext.configure(
        connection,
        opts={
            "version_table_schema": module.name,
            "include_schemas": True,
            "target_metadata": module.metadata,
            **opts,
        },
    )


def upgrade_one(connection: sa.Connection, module: Migrated, *, grant: bool = False) -> list[str]:
    """Applies what is missing in one transaction. Answers lines such as 'inventory 0002'.

    `grant` gives the module's role its rights in the same transaction.
    """
    script = ScriptDirectory(module.folder, version_locations=[module.folder])
    applied: list[str] = []
    with connection.begin():
        connection.execute(sa.text(f'CREATE SCHEMA IF NOT EXISTS "{module.name}"'))

        def steps(current: Any, _: MigrationContext) -> Any:
            chain = script._upgrade_revs("head", current)
            applied.extend(f"{module.name} {step.revision.revision}" for step in chain)
            return chain

        context = context_of(connection, module, fn=steps)
        with Operations.context(context):
            context.run_migrations()
        for statement in connection.scalars(sa.text(_DOCUMENTS), {"schema": module.name}).all():
            connection.execute(sa.text(statement))
        if grant:
            _grant(connection, module)
    return applied


def _make_role(connection: sa.Connection, module: Migrated) -> None:
    """Creates the role and lets the current user act as it.

    Roles belong to the whole server, where other databases may be migrating at this moment.
    """
    create = (
        f'DO $$ BEGIN CREATE ROLE "{module.role}" NOLOGIN;'
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    known = sa.text(
        "SELECT pg_has_role(current_user, rolname, 'USAGE') FROM pg_roles WHERE rolname = :role"
    )
    for attempt in range(_ROLE_TRIES):
        try:
            with connection.begin():
                member = connection.scalar(known, {"role": module.role})
                if member is None:
                    connection.execute(sa.text(create))
                if not member:
                    connection.execute(sa.text(f'GRANT "{module.role}" TO CURRENT_USER'))
            return
        except sa.exc.InternalError as error:
            if _TUPLE_RACE not in str(error) or attempt == _ROLE_TRIES - 1:
                raise


def _grant(connection: sa.Connection, module: Migrated) -> None:
    """Rows of its own schema, and of no other; tables made later are included."""
    schema, role = f'"{module.name}"', f'"{module.role}"'
    rows, numbers = "SELECT, INSERT, UPDATE, DELETE", "USAGE, SELECT"
    ours = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT"
    for statement in (
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT {rows} ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"GRANT {numbers} ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"{ours} {rows} ON TABLES TO {role}",
        f"{ours} {numbers} ON SEQUENCES TO {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON {schema}.alembic_version FROM {role}",
    ):
        connection.execute(sa.text(statement))
