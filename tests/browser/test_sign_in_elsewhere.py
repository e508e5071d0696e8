"""Signing in at a provider that is not ours, in a real browser: two sites, cookies and the content
policy as they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests import postgres
from tests.browser.chromium import Troubles, chromium, visitor
from tests.independent.provider import CLIENT, independent_provider
from tests.journeys.box import PASSWORD, Box, market

pytestmark = pytest.mark.browser
BACK = r"^http://127\.0\.0\.1:\d+/sign-in/with/acme/back$"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    program: str,
    postgres_url: str,
    template_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Box, Browser]]:
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    with (
        independent_provider(BACK) as issuer,
        postgres.database(postgres_url, template=postgres.name_of(template_url)) as url,
    ):
        options = {
            "HAAT_SIGN_IN__ACME__ISSUER": issuer,
            "HAAT_SIGN_IN__ACME__CLIENT_ID": CLIENT["client_id"],
            "HAAT_SIGN_IN__ACME__CLIENT_SECRET": CLIENT["client_secret"],
        }
        async with (
            market(url, folder, "local", options=options) as box,
            chromium(program) as browser,
        ):
            yield box, browser


async def test_from_the_button_to_the_account(
    site: tuple[Box, Browser], troubles: Troubles
) -> None:
    box, browser = site
    async with visitor(browser, troubles, width=390) as page:
        await page.goto(f"{box.address}/sign-in?next=/account/security")
        await page.get_by_role("link", name="Sign in with Acme").click()
        await page.locator("input[name=login]").fill("ada")
        await page.locator("input[name=password]").fill("x")
        await page.locator("button[type=submit]").click()
        await page.locator("button[type=submit]").click()  # and agrees
        await expect(page.get_by_role("heading", name="Accounts elsewhere")).to_be_visible()
        await expect(page.get_by_text("You have no password yet")).to_be_visible()
        assert page.url == f"{box.address}/account/security"
        await page.get_by_label("Number", exact=True).fill("+880 1711 123456")
        await page.get_by_role("button", name="Send a code").click()
        (text,) = (box.runtime.settings.folder / "sms").glob("*.txt")
        code = text.read_text().splitlines()[2].split()[0]
        await page.get_by_label("Code", exact=True).fill(code)
        await page.get_by_role("button", name="Confirm the number").click()
        await expect(page.get_by_text("+8801711123456")).to_be_visible()
        await page.get_by_role("button", name="Remove Acme").click()
        await expect(page.get_by_text("only way into your account")).to_be_visible()


async def test_connecting_leads_out_of_a_form(
    site: tuple[Box, Browser], troubles: Troubles
) -> None:
    """The content policy lets no form lead to another site; the page between has a link."""
    box, browser = site
    await box.person("grace@example.com")
    async with visitor(browser, troubles, width=390) as page:
        await page.goto(f"{box.address}/sign-in?next=/account/security")
        await page.get_by_label("E-mail address").fill("grace@example.com")
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.get_by_role("button", name="Connect Acme").click()
        await page.locator("input[name=login]").fill("hopper")  # it goes on by itself
        await page.locator("input[name=password]").fill("x")
        await page.locator("button[type=submit]").click()
        await page.locator("button[type=submit]").click()
        await expect(page.get_by_text("Acme is connected.")).to_be_visible()
        await expect(page.get_by_text("hopper@example.com")).to_be_visible()
