"""A PostgreSQL server for the tests and a fresh, migrated database for each test module."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

import haat.domains
from haat.engines.sql.embedded import EmbeddedPostgres
from haat.engines.sql.migrate import Migrated, migrate, migrated
from haat.engines.sql.revisions import connected

ENGINES = ("haat.engines.bus", "haat.engines.scheduler", "haat.gateways.rest")


@contextmanager
def server() -> Iterator[str]:
    """The address of a server: HAAT_TEST_SQL_URL, or an embedded one for this process."""
    given = os.environ.get("HAAT_TEST_SQL_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="haat-test-"))
    folder.chmod(0o755)
    embedded = EmbeddedPostgres(folder / "sql", durable=False)
    try:
        yield embedded.start().url
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(address: str, template: str = "template0") -> Iterator[str]:
    """A copy of `template` with a name of its own, dropped afterwards."""
    name = f"test_{uuid4().hex[:16]}"
    _administer(address, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield sa.make_url(address).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(address, f"DROP DATABASE {name} WITH (FORCE)")


def name_of(address: str) -> str:
    """The database an address names."""
    return str(sa.make_url(address).database)


def _administer(address: str, statement: str) -> None:
    with connected(address) as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text(statement))


def packages() -> list[str]:
    """Every package that owns a schema: modules, lower ones first, then engines and gateways."""
    root = Path(haat.domains.__path__[0])
    there = {
        f"haat.domains.{path.parent.parent.name}.{path.parent.name}"
        for path in root.glob("*/*/tables.py")
    }
    order: Sequence[str] = ()
    if find_spec("haat.app.targets"):
        order = import_module("haat.app.targets").MODULES
    modules = sorted(there, key=lambda p: (order.index(p) if p in order else len(order), p))
    return [*modules, *(package for package in ENGINES if _has_tables(package))]


def _has_tables(package: str) -> bool:
    try:
        return find_spec(f"{package}.tables") is not None
    except ModuleNotFoundError:
        return False


def schemas() -> list[Migrated]:
    """The same, with their tables."""
    return [migrated(package) for package in packages()]


def migrate_all(address: str) -> list[str]:
    """Migrates a database as an installation's start does."""
    names = [(package.rsplit(".", 1)[1], package) for package in packages()]
    everything = [Migrated(name, package, None) for name, package in names]
    try:
        return migrate(address, everything)
    except sa.exc.SQLAlchemyError as error:
        warnings.warn(f"a migration is broken, going on without it: {error}", stacklevel=2)
    return [line for one in everything for line in _tried(address, one)]


def _tried(address: str, module: Migrated) -> list[str]:
    """One broken module must not fail every other's tests; its own comparison fails anyway."""
    try:
        return migrate(address, [module])
    except sa.exc.SQLAlchemyError:
        return []
