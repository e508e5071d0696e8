"""Every personal column says how it ends, and every rule about it fits the schema."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from haat.app.targets import all_modules
from haat.engines.sql import Database
from haat.engines.sql.personal import Personal, Subject, bound, erasing, telling
from haat.kernel.context import Context
from haat.kernel.module import Module

DatabaseOf = Callable[[str], Awaitable[Database]]
MODULES = {module.name: module for module in all_modules()}


def personal_columns(module: Module) -> set[str]:
    return {
        f"{table.name}.{column.name}"
        for table in module.tables.sorted_tables
        for column in table.columns
        if column.info.get("personal")
    }


def ended(personal: Personal, module: Module) -> set[str]:
    """Columns that are gone or overwritten when a person was erased."""
    found: set[str] = set()
    for rule in personal.rules:
        name = rule.table.partition(".")[2]
        table = module.tables.tables[rule.table]
        columns = table.columns.keys() if rule.sets is None else rule.sets.keys()
        found |= {f"{name}.{column}" for column in columns}
    return found


@pytest.mark.parametrize("name", MODULES)
def test_each_personal_column_ends_or_says_why_not(name: str) -> None:
    module = MODULES[name]
    columns = personal_columns(module)
    if module.personal is None:
        assert not columns, "declare how they end in personal.py, and name it in module.py"
        return
    kept = set(module.personal.kept)
    assert columns <= ended(module.personal, module) | kept
    assert kept <= columns, "what is kept is not there"


@pytest.mark.parametrize("name", [name for name in MODULES if MODULES[name].personal])
async def test_each_rule_fits_the_schema(name: str, database_of: DatabaseOf) -> None:
    """Under the module's own role, twice: the second time it finds nothing to do."""
    database = await database_of(name)
    subject, ctx = Subject(uuid4(), "nobody@example.com"), Context()
    async with database.pool.acquire() as connection:
        for rule in MODULES[name].personal.rules:
            for text in (erasing(rule), telling(rule)):
                sql, values = bound(text, subject, ctx)
                try:
                    await connection.prepare(sql)
                    await connection.fetch(sql, *values)
                except Exception as error:
                    raise AssertionError(f"{rule.table}: {error}\n{sql}") from error
