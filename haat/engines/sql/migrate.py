"""Brings every module's schema to its newest migration; a start with nothing to do costs one look.

Each module has `tables.py` and `migrations/NNNN_slug.py` (plain Alembic revisions, one line of
descent) and keeps its place in `<schema>.alembic_version`. To write a module's next migration:

    python -m haat.engines.sql.migrate new haat.domains.goods.inventory "initial"
"""

import asyncio
import importlib
import re
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg

from haat.kernel.errors import Unavailable

OLDEST = 15  # major version of PostgreSQL

_PLACES = (
    "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relname = 'alembic_version' AND c.relkind = 'r' AND n.nspname = ANY($1)"
)
_USAGE = 'python -m haat.engines.sql.migrate new PACKAGE "MESSAGE"'


@dataclass(frozen=True, slots=True)
class Migrated:
    """A package that owns a schema: `name` is the schema, `metadata` an sqlalchemy.MetaData."""

    name: str
    package: str
    metadata: Any

    @property
    def folder(self) -> Path:
        """Where its migrations are, without importing the package itself."""
        spec = find_spec(self.package)
        places = spec.submodule_search_locations if spec else None
        assert places, f"{self.package} is not a package"
        return Path(places[0]) / "migrations"

    @property
    def head(self) -> str:
        """The newest revision ('0003'); '' when there is none yet."""
        files = self.folder.glob("[0-9][0-9][0-9][0-9]_*.py")
        return max((path.stem[:4] for path in files), default="")

    @property
    def role(self) -> str:
        """The role that may touch this schema's rows and nothing else."""
        return f"haat_{self.name}"


def migrated(package: str) -> Migrated:
    """The schema described by `<package>.tables`."""
    metadata = importlib.import_module(f"{package}.tables").metadata
    return Migrated(str(metadata.schema), package, metadata)


def migrate(url: str, modules: Sequence[Migrated]) -> list[str]:
    """Creates and upgrades the schemas of `modules`, in that order, and says what was applied.

    Safe to run by many processes at once. A schema newer than this program is left alone.
    Answers lines such as 'inventory 0002'. Unavailable: no answer (`sql_away`), or a PostgreSQL
    older than 15 (`sql_too_old`).
    """
    places = _awaited(revisions_in(url, [module.name for module in modules]))
    behind = [m for m in modules if m.head > places.get(m.name, "")]
    applied: list[str] = []
    if behind:
        from haat.engines.sql.revisions import upgrade  # Alembic is slow to import

        applied = upgrade(url, behind)
    from haat.engines.sql.watching import watch

    # A schema that is newer than this program keeps its own triggers.
    ours = [m for m in modules if m.head and places.get(m.name, "") <= m.head]
    _awaited(watch(url, ours))
    return applied


async def revisions_in(url: str, schemas: Iterable[str]) -> dict[str, str]:
    """The revision each of these schemas is at; those without one are left out."""
    try:
        connection = await asyncpg.connect(url, timeout=15)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"The database does not answer: {error}", code="sql_away") from error
    try:
        major = connection.get_server_version().major
        if major < OLDEST:
            raise Unavailable(
                f"PostgreSQL {OLDEST} or newer is needed; this one is {major}.", code="sql_too_old"
            )
        found = [row["nspname"] for row in await connection.fetch(_PLACES, list(schemas))]
        if not found:
            return {}
        query = " UNION ALL ".join(
            f"SELECT '{name}', version_num FROM \"{name}\".alembic_version" for name in found
        )
        return {row[0]: row[1] for row in await connection.fetch(query)}
    finally:
        await connection.close()


def _awaited(work: Any) -> Any:
    """Runs a coroutine from sync code, whether or not this thread has a running loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def autogenerate(module: Migrated, message: str) -> Path | None:
    """Writes the module's next migration, from what tables.py has and migrations lack.

    Needs a server that may be asked for a scratch database: HAAT_TEST_SQL_URL, else an embedded
    one is started. None when there is nothing to write.
    """
    from haat.engines.sql.drafting import draft, scratch_database

    assert re.sub(r"\W", "", message), "the message names the file: say what changes"
    with scratch_database() as url:
        return draft(url, module, message)


def differences(url: str, module: Migrated) -> list[str]:
    """What a migrated database has that tables.py lacks ('-') and the other way round ('+').

    Compares columns, constraints and indexes as PostgreSQL prints them; changes nothing.
    """
    from haat.engines.sql.drafting import compare

    return compare(url, module)


def main(args: list[str]) -> int:
    """The command line; see the module's docstring."""
    if len(args) != 3 or args[0] != "new":
        print(f"usage: {_USAGE}", file=sys.stderr)
        return 2
    path = autogenerate(migrated(args[1]), args[2])
    print(path or "Nothing to do: the migrations give what tables.py says.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
