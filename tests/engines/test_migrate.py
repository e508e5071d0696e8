"""Migrations: applied once, by one process at a time, and equal to tables.py."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from haat.engines.sql import Database, open_pool
from haat.engines.sql import migrate as migrating
from haat.engines.sql.migrate import Migrated, autogenerate, differences, migrate, migrated
from haat.kernel.errors import Unavailable
from tests import postgres
from tests.conftest import DatabaseOf

TABLES = """
from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Table, Text, Uuid, text
from haat.engines.sql.schema import IMPERSONAL, module_metadata

metadata = module_metadata("{schema}")
Table(
    "hat",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("label", Text, nullable=False, server_default=text("''"), info=IMPERSONAL),
    Column("brim_mm", BigInteger, nullable=False),
    {more}
    CheckConstraint(
        "brim_mm > 0 AND brim_mm < 1000000 AND (label <> 'a rather long label that folds' OR "
        "brim_mm > 17)", name="brim"),
    Index("ix_hat_label", text("lower(label)"), postgresql_where=text("label <> ''")),
)
"""


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    with postgres.database(postgres_url) as url:
        yield url


@pytest.fixture
def hats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> Iterator[tuple[Migrated, Path]]:
    """A package with tables and no migration yet."""
    name = f"hats_{tmp_path.name.replace('-', '_')}"[:40]
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "tables.py").write_text(textwrap.dedent(TABLES).format(schema=name, more=""))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HAAT_TEST_SQL_URL", postgres_url)
    yield migrated(name), folder / "tables.py"
    for loaded in [m for m in sys.modules if m.split(".")[0] == name]:
        del sys.modules[loaded]


def test_every_schema_is_what_its_tables_say(database_url: str) -> None:
    found = {module.name: differences(database_url, module) for module in postgres.schemas()}
    procrastinates = [line for line in found.pop("scheduler") if "procrastinate_" not in line]
    assert procrastinates == []
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_draft_applies_and_equals_the_tables(hats: tuple[Migrated, Path], empty_url: str) -> None:
    module, tables = hats
    path = autogenerate(module, "Initial")
    assert path is not None
    assert path.name == "0001_initial.py"
    assert max(map(len, path.read_text().splitlines())) <= 100
    check = [sys.executable, "-m", "ruff", "check", "--line-length=100", "--quiet", str(path)]
    assert subprocess.run(check, timeout=60).returncode == 0
    assert migrate(empty_url, [module]) == [f"{module.name} 0001"]
    assert differences(empty_url, module) == []
    assert autogenerate(module, "nothing") is None

    more = 'Column("colour", Text, info=IMPERSONAL),'
    tables.write_text(textwrap.dedent(TABLES).format(schema=module.name, more=more))
    for loaded in [m for m in sys.modules if m.split(".")[0] == module.name]:
        del sys.modules[loaded]
    changed = migrated(module.package)
    assert differences(empty_url, changed) == ["+ hat.colour text"]
    second = autogenerate(changed, "hats have colours")
    assert second is not None
    assert 'down_revision = "0001"' in second.read_text()
    assert migrate(empty_url, [changed]) == [f"{module.name} 0002"]
    assert differences(empty_url, changed) == []


def test_many_processes_may_migrate_at_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda _: postgres.migrate_all(empty_url), range(4)))
    lines = [line for lines in applied for line in lines]
    assert len(lines) == len(set(lines))
    assert "bus 0001" in lines


def test_a_start_with_nothing_to_do_is_quick(database_url: str) -> None:
    postgres.migrate_all(database_url)
    began = time.perf_counter()
    assert postgres.migrate_all(database_url) == []
    assert time.perf_counter() - began < 2  # all of it takes five and more


def test_a_newer_schema_is_left_alone(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = migrated("haat.engines.bus")
    monkeypatch.setattr(Migrated, "head", property(lambda self: "0000"))
    assert migrate(database_url, [bus]) == []


async def test_a_module_sees_its_own_schema_only(
    database_of: DatabaseOf, database_url: str
) -> None:
    bus = await database_of("bus")
    assert await bus.fetchval("SELECT current_user") == "haat_bus"
    assert await bus.execute("DELETE FROM bus.dead") == 0
    for statement in (
        "SELECT * FROM scheduler.timers",
        "CREATE TABLE bus.mine ()",
        "UPDATE bus.alembic_version SET version_num = '0009'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await bus.execute(statement)


async def test_tables_made_later_are_granted_too(
    database_of: DatabaseOf, database_url: str
) -> None:
    owner = await open_pool(database_url, size=1)
    await Database(owner, "bus").execute("CREATE TABLE bus.later (id int)")
    bus = await database_of("bus")
    assert await bus.execute("INSERT INTO bus.later VALUES (1)") == 1
    await Database(owner, "bus").execute("DROP TABLE bus.later")
    await owner.close()


def test_an_old_postgresql_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "OLDEST", 99)
    with pytest.raises(Unavailable, match=r"^PostgreSQL 99 or newer is needed; this one is \d+\.$"):
        postgres.migrate_all(database_url)


def test_no_server_is_one_line() -> None:
    with pytest.raises(Unavailable, match="does not answer") as caught:
        migrate("postgresql://nobody@127.0.0.1:1/nothing", [migrated("haat.engines.bus")])
    assert "\n" not in str(caught.value)
