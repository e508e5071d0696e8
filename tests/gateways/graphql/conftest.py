"""A market for the tests of GraphQL, in local wiring."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests import postgres
from tests.journeys.box import Box, market


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "local", return_window_minutes=60) as running:
            yield running
