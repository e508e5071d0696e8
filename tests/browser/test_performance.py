"""A vendor that sends late and has not accepted the terms, on a telephone and without scripts: what
it is told, what it does about it; and what staff see of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from haat.kernel.clock import SettableClock
from tests import postgres
from tests.browser import hands
from tests.browser.chromium import Troubles, chromium, visitor
from tests.browser.test_orders import seen
from tests.journeys.box import PASSWORD, Box, market
from tests.journeys.scene import buy, open_shop, part_of

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def yesterday() -> SettableClock:
    return SettableClock(datetime.now(UTC) - timedelta(hours=20))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    yesterday: SettableClock,
    postgres_url: str,
    template_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "local", clock=yesterday) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(program: str) -> AsyncIterator[Browser]:
    async with chromium(program) as browser:
        yield browser


async def test_a_vendor_below_the_thresholds(
    box: Box, yesterday: SettableClock, engine: Browser, troubles: Troubles
) -> None:
    clay = await open_shop(box, "Clay House", price=2_000, stock=10)
    await clay.owner.ok("PUT", f"/vendors/{clay.id}/preferences", {"handlingHours": 6})
    chief, ada = await box.staff(), await box.person("ada@example.com")
    await chief.ok(
        "PUT", "/admin/vendor-performance/policy", {"ordersMin": 1, "casesMin": 1, "days": 30}
    )
    number = (await part_of(clay, await buy(box, ada, {clay.offer: 1})))["number"]
    await chief.ok(
        "POST", "/admin/vendor-terms", {"title": "Terms", "text": "Be kind.", "graceDays": 0}
    )
    yesterday.set(datetime.now(UTC))
    for _ in range(2):
        await box.runtime.run_timers()
        await box.settle()

    wrong: list[str] = []
    async with visitor(engine, troubles, width=390, scripts=False) as page:
        await hands.sign_in(page, box.address, clay.owner.person["email"], PASSWORD, to="/vendor")
        await expect(page.get_by_text("Your listings are held back")).to_be_visible()
        await page.goto(f"{box.address}/vendor/performance")
        await expect(
            page.get_by_text("Your store is below the market's thresholds")
        ).to_be_visible()
        wrong += await seen(page, "vendor-performance")
        await page.get_by_role("link", name="Cancelled by the vendor").first.click()
        await expect(page.get_by_text("No order counted")).to_be_visible()
        await page.get_by_role("link", name="Sent late").first.click()
        await page.get_by_role("link", name=number).click()
        await expect(page.get_by_text(number).first).to_be_visible()
        await page.goto(f"{box.address}/notifications")
        await expect(page.get_by_text("below the market's thresholds")).to_have_count(1)

        await page.goto(f"{box.address}/vendor")
        await page.get_by_role("link", name="Read and accept the terms").click()
        wrong += await seen(page, "vendor-terms")
        with troubles.expecting(422):
            await page.get_by_role("button", name="Accept the terms").click()
            await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("I have read these terms").check()
        await page.get_by_role("button", name="Accept the terms").click()
        await expect(page.get_by_text("The terms are accepted.")).to_be_visible()
        await expect(page.get_by_text("Your listings are held back")).to_have_count(0)

    async with visitor(engine, troubles, width=390, scripts=False) as page:
        await hands.sign_in(page, box.address, chief.person["email"], PASSWORD, to="/admin")
        await page.get_by_role("link", name="Vendors below the thresholds").click()
        wrong += await seen(page, "admin-performance")
        with troubles.expecting(422):
            await page.get_by_label("Sent late: at most, in percent").fill("101")
            await page.get_by_role("button", name="Save thresholds").click()
            await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Sent late: at most, in percent").fill("50")
        await page.get_by_role("button", name="Save thresholds").click()
        await expect(page.get_by_text("The thresholds are saved.")).to_be_visible()
        await page.get_by_role("link", name="Clay House").click()
        wrong += await seen(page, "admin-vendor-performance")
        await page.goto(f"{box.address}/admin/onboarding/terms")
        await expect(page.get_by_text("Everybody has.")).to_be_visible()
        wrong += await seen(page, "admin-terms")
    assert wrong == []
    assert troubles.found == []
