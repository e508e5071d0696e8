"""What every module's database must keep to: its own schema, declared personal data, real SQL."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

import pytest
from sqlalchemy import MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB

from haat.app.migrating import everything
from haat.app.targets import MODULES
from haat.engines.sql import Database

STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")
PATTERN = re.compile(r"\{\w+\}")  # what statements are made of, not one itself
DatabaseOf = Callable[[str], Awaitable[Database]]
OWNERS = [m.package for m in everything() if m.name not in ("bus", "scheduler")]


def modules_of(package: str) -> Iterator[ModuleType]:
    root = import_module(package)
    yield root
    for found in walk_packages(root.__path__, package + "."):
        if ".migrations" not in found.name and ".testcard" not in found.name:
            yield import_module(found.name)


def texts(value: object) -> Iterator[str]:
    """The strings in a constant, itself one or a collection of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in texts(item))
    elif isinstance(value, tuple | list):
        yield from (text for item in value for text in texts(item))


def statements(package: str) -> dict[str, str]:
    """Every fixed SQL constant of a module, by where it stands."""
    found: dict[str, str] = {}
    for module in modules_of(package):
        for name, value in vars(module).items():
            if name.lstrip("_").isupper():
                for text in texts(value):
                    if STATEMENT.match(text) and not PATTERN.search(text):
                        found.setdefault(text, f"{module.__name__}.{name}")
    return {where: sql for sql, where in found.items()}


@pytest.mark.parametrize("package", OWNERS)
async def test_sql_fits_the_schema_under_the_modules_own_role(
    package: str, database_of: DatabaseOf
) -> None:
    database = await database_of(package.rsplit(".", 1)[1])
    found = statements(package)
    assert found, "no Sql(...) constants"
    async with database.pool.acquire() as connection:
        for where, sql in found.items():
            try:
                await connection.prepare(sql.replace("/*emit:", "/* emit:"))
            except Exception as error:
                raise AssertionError(f"{where}: {error}") from error


@pytest.mark.parametrize("package", OWNERS)
def test_text_columns_say_whether_they_are_personal(package: str) -> None:
    metadata: MetaData = import_module(f"{package}.tables").metadata
    silent = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Text | JSONB) and "personal" not in column.info
    ]
    assert not silent


@pytest.mark.parametrize("package", MODULES)
def test_a_modules_schema_is_its_name(package: str) -> None:
    metadata: MetaData = import_module(f"{package}.tables").metadata
    assert metadata.schema == package.rsplit(".", 1)[1]


@pytest.mark.parametrize("package", MODULES)
def test_a_modules_tables_are_what_its_migrations_make(package: str, template_url: str) -> None:
    from haat.engines.sql.migrate import differences, migrated

    assert differences(template_url, migrated(package)) == []
