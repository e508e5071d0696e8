"""Drafts a module's next migration and compares migrations with tables.py, on a real server."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code

from haat.engines.sql.migrate import Migrated
from haat.engines.sql.revisions import connected, context_of, upgrade_one

_WIDTH = 100
_LONGEST = 60  # lines of a function
_TABLE_SECOND = {"create_index", "create_foreign_key", "create_unique_constraint"}
_TABLE_SECOND |= {"create_check_constraint", "create_primary_key", "drop_constraint"}
_HEADER = '''"""{title}"""

{imports}

revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''

# Everything tables.py can say, as PostgreSQL prints it back.
_CATALOG = """
SELECT format('%I.%I %s%s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
         CASE a.attidentity WHEN 'a' THEN ' ALWAYS AS IDENTITY'
                            WHEN 'd' THEN ' BY DEFAULT AS IDENTITY' ELSE '' END,
         CASE a.attgenerated WHEN '' THEN coalesce(' DEFAULT ' || e.text, '')
              ELSE ' GENERATED ' || e.text END,
         CASE WHEN a.attcollation NOT IN (0, 100) THEN ' COLLATE ' || a.attcollation::regcollation
              ELSE '' END)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  CROSS JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid) AS text) e
 WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p')
   AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
UNION ALL
SELECT format('%I %s %s', c.relname, o.conname, pg_get_constraintdef(o.oid))
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
 WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname <> 'alembic_version'
   AND o.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT pg_get_indexdef(i.indexrelid)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
 WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname <> 'alembic_version'
   AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid
                   AND o.contype IN ('p', 'u', 'x'))
"""
_TABLES = (
    "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
    " WHERE schemaname = :schema AND tablename <> 'alembic_version'"
)


@contextmanager
def scratch_database() -> Iterator[str]:
    """A database of its own that is gone afterwards."""
    given = os.environ.get("HAAT_TEST_SQL_URL")
    if given:
        yield from _database_in(given)
        return
    from haat.engines.sql.embedded import EmbeddedPostgres

    folder = Path(tempfile.mkdtemp(prefix="haat-scratch-"))
    server = EmbeddedPostgres(folder / "sql", durable=False)
    try:
        yield from _database_in(server.start().url)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _database_in(server: str) -> Iterator[str]:
    name = f"scratch_{uuid4().hex[:12]}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    with connected(server) as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text(statement))


def draft(url: str, module: Migrated, message: str) -> Path | None:
    """Writes the migration that leads from the folder's last one to tables.py."""
    module.folder.mkdir(exist_ok=True)
    with connected(url) as connection:
        upgrade_one(connection, module)
        context = _filtered(connection, module)
        found = produce_migrations(context, module.metadata)
        up, down = found.upgrade_ops, found.downgrade_ops
        if up is None or down is None or up.is_empty():
            return None
        body, undo = (render_python_code(part, migration_context=context) for part in (up, down))
        text = _migration(module, message, body, undo)
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40]
    path = module.folder / f"{int(module.head or 0) + 1:04d}_{slug}.py"
    path.write_text(text)
    _formatted(path)
    with connected(url) as connection:
        upgrade_one(connection, module)
    for line in compare(url, module):
        print(f"{path.name}: add by hand: {line}", file=sys.stderr)
    return path


def _filtered(connection: sa.Connection, module: Migrated) -> Any:
    def ours(name: str | None, kind: str, parents: Any) -> bool:
        return name == module.name if kind == "schema" else name != "alembic_version"

    options = {"include_name": ours, "compare_type": True, "compare_server_default": True}
    return context_of(connection, module, **options)


def _migration(module: Migrated, message: str, body: str, undo: str) -> str:
    imports = {"import sqlalchemy as sa", "from alembic import op"}
    if "postgresql." in body + undo:
        imports.add("from sqlalchemy.dialects import postgresql")
    own_types = re.findall(r"\b(haat(?:\.[a-z_0-9]+)+)\.[A-Z]", body + undo)
    imports.update(f"import {name}" for name in own_types)
    bare = [re.sub(r"^ *#.*\n?", "", text, flags=re.M) for text in (body, undo)]
    return _HEADER.format(
        title=message[:1].upper() + message[1:].rstrip(".") + ".",
        imports="\n".join(sorted(imports)),
        revision=f"{int(module.head or 0) + 1:04d}",
        down=f'"{module.head}"' if module.head else None,
        upgrade=_indented(bare[0]),
        downgrade=_indented(bare[1]),
    )


def _indented(text: str) -> str:
    lines = text.strip("\n").splitlines()
    return "\n".join(line if line.startswith("    ") else f"    {line}" for line in lines)


def _divided(text: str) -> str:
    """The same migration, with a function for each table where one would be too long."""
    tree, lines = ast.parse(text), text.splitlines()
    made: list[str] = []
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)][::-1]:
        assert function.end_lineno
        if function.end_lineno - function.lineno < _LONGEST:
            continue
        parts: dict[str, list[str]] = {}
        for statement in function.body:
            name = f"_{function.name}_{_table_of(statement)}"
            more = lines[statement.lineno - 1 : statement.end_lineno]
            if len(parts.get(name, [])) + len(more) > _LONGEST:
                name += "_more"
            parts.setdefault(name, []).extend(more)
        made = [f"def {name}() -> None:\n" + "\n".join(body) for name, body in parts.items()] + made
        lines[function.lineno : function.end_lineno] = [f"    {name}()" for name in parts]
    return "\n\n\n".join(["\n".join(lines).rstrip(), *made]) + "\n"


def _table_of(statement: ast.stmt) -> str:
    """Which table `op.create_table("hats", …)` or `op.create_index("ix", "hats", …)` is about."""
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    call = statement.value
    about = {word.arg: word.value for word in call.keywords}.get("table_name")
    name = getattr(call.func, "attr", "")
    place = 1 if name in _TABLE_SECOND else 0
    node = about or (call.args[place] if len(call.args) > place else None)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "rest"


def _formatted(path: Path) -> None:
    """Ruff's layout; a string too long for a line becomes several, side by side."""
    ruff = [sys.executable, "-m", "ruff"]
    where = ["--line-length", str(_WIDTH), "--quiet", str(path)]
    subprocess.run([*ruff, "check", "--select", "I", "--fix", *where], check=True, timeout=60)
    subprocess.run([*ruff, "format", *where], check=True, timeout=60)
    text = "\n".join(_folded(line) for line in path.read_text().split("\n"))
    path.write_text(text)
    subprocess.run([*ruff, "format", *where], check=True, timeout=60)
    tidy = ["check", "--select", "I,UP034", "--fix"]
    subprocess.run([*ruff, *tidy, *where], check=True, timeout=60)
    path.write_text(_divided(path.read_text()))
    subprocess.run([*ruff, "format", *where], check=True, timeout=60)


def _folded(line: str) -> str:
    if len(line) <= _WIDTH:
        return line
    match = re.search(r'"((?:[^"\\]|\\.){50,})"|\'((?:[^\'\\]|\\.){50,})\'', line)
    if match is None:
        return line
    quote, text = match[0][0], match[0][1:-1]
    parts = re.findall(r".{1,70}(?:\s+|$)|\S+\s*", text)
    folded = "\n".join(f"{quote}{part}{quote}" for part in parts)
    return f"{line[: match.start()]}({folded}){line[match.end() :]}"


def compare(url: str, module: Migrated) -> list[str]:
    """Lines '- …' (only in the database) and '+ …' (only in tables.py).

    Rebuilds the tables from tables.py in a transaction that is rolled back, so that PostgreSQL
    itself prints both sides; functions and types of the schema stay for them.
    """
    with connected(url) as connection:
        connection.execute(sa.text(f'CREATE SCHEMA IF NOT EXISTS "{module.name}"'))
        before = _catalog(connection, module)
        tables = connection.scalars(sa.text(_TABLES), {"schema": module.name}).all()
        if tables:
            connection.execute(sa.text(f"DROP TABLE {', '.join(tables)} CASCADE"))
        module.metadata.create_all(connection)
        after = _catalog(connection, module)
        connection.rollback()
    return [f"- {line}" for line in sorted(before - after)] + [
        f"+ {line}" for line in sorted(after - before)
    ]


def _catalog(connection: sa.Connection, module: Migrated) -> set[str]:
    return set(connection.scalars(sa.text(_CATALOG), {"schema": module.name}))
