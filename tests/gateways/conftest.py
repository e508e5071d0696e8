"""The town that the outer surface's tests try to rob. `box` stands in each folder's conftest."""

import pytest_asyncio

from tests.gateways.town import Town, settled
from tests.journeys.box import Box


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(box: Box) -> Town:
    return await settled(box)
