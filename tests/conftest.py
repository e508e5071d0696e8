"""Fixtures every test may ask for: a PostgreSQL, a migrated database, a module's own door to it."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from haat.engines.sql import Database, open_pool
from tests import postgres

# How long an example takes says how busy the machine is, not whether it is right.
settings.register_profile("haat", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("haat")

DatabaseOf = Callable[[str], Awaitable[Database]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files, those with slow tests come first, then those with
    many: what is long must not be left for the end, when all others have nothing to do any more."""
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    many = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, -many[item.path]))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server, one for each test process: the address of its administrator's database."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> Iterator[str]:
    """A database with every schema there is. Copy it; connect to it and nobody else can."""
    with postgres.database(postgres_url) as url:
        postgres.migrate_all(url)
        yield url


@pytest.fixture(scope="module")
def database_url(postgres_url: str, template_url: str) -> Iterator[str]:
    """A fresh migrated database for one test module."""
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database_of(database_url: str) -> AsyncIterator[DatabaseOf]:
    """`await database_of("orders")`: that module's Database, which sees its own schema only."""
    opened: dict[str, Database] = {}

    async def get(module: str) -> Database:
        if module not in opened:
            pool = await open_pool(database_url, size=5, role=f"haat_{module}")
            opened[module] = Database(pool, module)
        return opened[module]

    yield get
    for one in opened.values():
        await one.pool.close()
