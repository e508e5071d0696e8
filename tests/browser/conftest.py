"""A market with two vendors and a browser that looks at it."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests import postgres
from tests.browser.chromium import Troubles, chromium, find_chromium
from tests.journeys.box import Box, market
from tests.journeys.scene import Shop, open_shop


@dataclass
class Square:
    """A running market, two shops in it, and the browser."""

    box: Box
    clay: Shop
    loom: Shop
    browser: Browser

    @property
    def site(self) -> str:
        return self.box.address

    def product(self, shop: Shop) -> str:
        return f"{self.site}/products/{shop.product['slug']}"


@pytest.fixture(scope="session")
def program() -> str:
    """Chromium; without one the tests skip, but never where they are the proof."""
    found = find_chromium()
    if found is not None:
        return found
    reason = "no Chromium: install chromium, or name one in HAAT_CHROMIUM"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def square(
    program: str,
    postgres_url: str,
    template_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Square]:
    folder: Path = tmp_path_factory.mktemp("square")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with (
            market(url, folder, "local", return_window_minutes=0) as box,
            chromium(program) as browser,
        ):
            clay = await open_shop(box, "Clay House", price=2_500, stock=40)
            loom = await open_shop(box, "Loom Works", price=1_200, stock=40)
            yield Square(box, clay, loom, browser)


@pytest.fixture
def troubles() -> Troubles:
    return Troubles()
