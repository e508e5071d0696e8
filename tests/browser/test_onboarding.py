"""From nobody to a first product on sale, on a telephone and without scripts: register, confirm the
address, apply, fill the checklist, be asked for a change, be approved, sell."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from fpdf import FPDF
from PIL import Image
from playwright.async_api import Browser, FilePayload, Page, expect

from haat.domains.people.identity.api import Identity
from tests import postgres
from tests.browser import hands
from tests.browser.chromium import Troubles, chromium, visitor
from tests.browser.test_orders import seen
from tests.journeys.box import PASSWORD, Box, market

pytestmark = pytest.mark.browser
EMAIL = "olive@example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    options = {"HAAT_EMAIL_VERIFICATION": "required"}
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "local", options=options) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(program: str) -> AsyncIterator[Browser]:
    async with chromium(program) as browser:
        yield browser


async def link_to(box: Box, address: str) -> str:
    """The path of the link that confirms this address, once its mail has gone out."""
    runtime = box.runtime
    await runtime.services[Identity].send_letters(runtime.system_context("test"))
    for path in (runtime.settings.folder / "mail").rglob("*.eml"):
        text = path.read_text("utf-8")
        found = re.search(r"http://[^/\s]+(/verify-email\?token=\S+)", text)
        if found and f"To: {address}" in text:
            return found[1]
    raise AssertionError("no mail came")


def paper() -> FilePayload:
    made = FPDF()
    made.set_font("helvetica")
    made.add_page()
    made.text(20, 40, "PASSPORT  Olive Green  P4711")
    return {"name": "passport.pdf", "mimeType": "application/pdf", "buffer": bytes(made.output())}


def photo(name: str, colour: str) -> FilePayload:
    out = io.BytesIO()
    Image.new("RGB", (600, 400), colour).save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def test_from_nobody_to_a_first_product(
    box: Box, engine: Browser, troubles: Troubles
) -> None:
    wrong: list[str] = []
    chief = await box.staff()
    await chief.ok(
        "POST", "/admin/vendor-terms", {"title": "Terms", "text": "Be kind.\nShip in time."}
    )
    for item in await chief.ok("GET", "/admin/onboarding/items"):
        wanted = {**item, "required": item["kind"] in ("business", "document", "terms")}
        del wanted["id"]
        await chief.ok("PUT", f"/admin/onboarding/items/{item['id']}", wanted)
    # What is missing is refused on the way, and said.
    with troubles.expecting(409, 422):
        await _walk(box, engine, troubles, wrong)
    assert troubles.found == []
    assert wrong == []


async def _walk(box: Box, engine: Browser, troubles: Troubles, wrong: list[str]) -> None:
    site = box.address
    async with visitor(engine, troubles, width=390, scripts=False) as page:
        await _begin(box, page, wrong)
        await _fill(page, wrong)
        async with visitor(engine, troubles, width=390, scripts=False) as desk:
            await hands.sign_in(
                desk, site, "admin@staff.example.com", PASSWORD, to="/admin/applications"
            )
            await _ask_for_a_change(desk, wrong)
            await page.goto(f"{site}/vendor/onboarding")
            await expect(page.get_by_text("A sharper passport, please")).to_be_visible()
            wrong += await seen(page, "onboarding-changes")
            await press(page, "Send for review")
            await _approve(desk, wrong)
        await _sell(box, page, wrong)


async def _begin(box: Box, page: Page, wrong: list[str]) -> None:
    """An account, its address confirmed, an application."""
    await page.goto(f"{box.address}/register")
    await page.locator("#name").fill("Olive Green")
    await page.locator("#email").fill(EMAIL)
    await page.locator("#password").fill(PASSWORD)
    wrong += await seen(page, "onboarding-register")
    await press(page, "Make the account")
    await page.wait_for_url(f"{box.address}/")
    await page.goto(box.address + await link_to(box, EMAIL))
    await page.locator("main form button").click()
    await page.goto(f"{box.address}/vendor/apply")
    await page.locator("#name").fill("Olive Grove")
    await page.locator("#description").fill("Oil from our own trees.")
    await page.locator("#business_type").select_option("individual")
    wrong += await seen(page, "onboarding-apply")
    await press(page, "Send the application")
    await page.wait_for_url(f"{box.address}/vendor/onboarding")
    await expect(page.get_by_text("0 of 5 done")).to_be_visible()
    wrong += await seen(page, "onboarding-list")


async def _fill(page: Page, wrong: list[str]) -> None:
    """Step by step, each saved by itself; the next one follows."""
    await page.get_by_role("link", name="Continue").click()
    await page.locator("#legal_name").fill("Olive Green")
    await press(page, "Save and continue")
    # What is missing can follow: the next step is there already.
    await expect(page.get_by_role("heading", name="Proof of identity")).to_be_visible()
    await page.go_back()
    for field, text in (
        ("street", "Grove 1"), ("postal_code", "N1 9GU"), ("city", "London"), ("phone", "0201234"),
    ):  # fmt: skip
        await page.locator(f"#{field}").fill(text)
    wrong += await seen(page, "onboarding-business")
    await press(page, "Save and continue")
    await page.locator("#file").set_input_files(
        {"name": "passport.html", "mimeType": "text/html", "buffer": b"<script>alert(1)</script>"}
    )
    await press(page, "Send and continue")
    await expect(page.locator("#file-error")).to_contain_text("PDF")
    wrong += await seen(page, "onboarding-refused")
    await page.locator("#file").set_input_files(paper())
    await press(page, "Send and continue")
    await page.wait_for_url("**/vendor/money/bank")
    await page.locator("#holder").fill("Olive Green")
    await page.locator("#account").fill("GB82 WEST 1234 5698 7654 33")
    await press(page, "Save account")
    await expect(page.locator("#account-error")).to_contain_text("check digits")
    wrong += await seen(page, "onboarding-bank-wrong")
    await page.locator("#account").fill("GB82 WEST 1234 5698 7654 32")
    await press(page, "Save account")
    await expect(page.get_by_text("Not checked yet")).to_be_visible()
    wrong += await seen(page, "onboarding-bank")
    await page.goto(page.url.replace("/money/bank", "/profile"))
    await page.locator("#logo").set_input_files(photo("logo.png", "olive"))
    await page.locator("#banner").set_input_files(photo("banner.png", "darkgreen"))
    await page.locator("#support_email").fill("help@olive.example.com")
    wrong += await seen(page, "onboarding-profile")
    await press(page, "Save profile")
    await page.goto(page.url.replace("/profile", "/onboarding"))
    await page.get_by_role("link", name="Terms for vendors").click()
    await page.get_by_label("I have read these terms").check()
    wrong += await seen(page, "onboarding-terms")
    await press(page, "Accept and continue")
    await expect(page.get_by_text("5 of 5 done")).to_be_visible()
    await press(page, "Send for review")
    await expect(page.get_by_text("Your application is with the market.").first).to_be_visible()
    wrong += await seen(page, "onboarding-sent")


async def _ask_for_a_change(desk: Page, wrong: list[str]) -> None:
    wrong += await seen(desk, "onboarding-applications")
    await desk.get_by_role("link", name="Olive Grove").click()
    wrong += await seen(desk, "onboarding-application")
    await desk.locator("#reason").fill("A sharper passport, please")
    await press(desk, "Ask for changes")
    await expect(desk.get_by_text("is asked for the changes")).to_be_visible()


async def _approve(desk: Page, wrong: list[str]) -> None:
    await desk.reload()
    await press(desk, "Approve")  # nobody has looked at the passport
    await expect(desk.get_by_role("alert")).to_contain_text("Proof of identity")
    await desk.get_by_role("link", name="Identity: passport.pdf").click()
    await expect(desk.get_by_alt_text("Page 1 of 1")).to_be_visible()
    wrong += await seen(desk, "onboarding-paper")
    await press(desk, "Verify")
    await expect(desk.get_by_text("The document is verified.")).to_be_visible()
    await press(desk, "Approve")
    await expect(desk.get_by_text("is approved and open.")).to_be_visible()
    wrong += await seen(desk, "onboarding-approved")


async def _sell(box: Box, page: Page, wrong: list[str]) -> None:
    """A first product, and what customers see of the store."""
    await box.settle()
    await page.goto(f"{box.address}/vendor/products/new")
    await page.locator("#title").fill("Olive oil")
    await page.locator("#v0_sku").fill("OIL-1")
    await page.locator("#v0_price").fill("12.50")
    await page.locator("#v0_stock").fill("9")
    await press(page, "Save and submit")
    await page.wait_for_url("**/vendor/products/*-*")
    await box.settle()
    chief = await box.staff()
    [product] = (await chief.ok("GET", "/admin/products?status=pending"))["items"]
    await chief.ok("PATCH", f"/admin/products/{product['id']}/approve", {"decision": "approve"})
    await box.settle()
    await page.goto(f"{box.address}/vendor/presence")
    await page.locator("#d0_o0").fill("09:00")
    await page.locator("#d0_c0").fill("17:00")
    await press(page, "Save hours")
    await expect(page.get_by_text("Your hours are saved.")).to_be_visible()
    wrong += await seen(page, "presence")
    await page.goto(f"{box.address}/vendors/olive-grove")
    await expect(page.get_by_role("link", name="Olive oil").first).to_be_visible()
    wrong += await seen(page, "presence-store")
    await page.goto(f"{box.address}/vendor/presence")
    await page.locator("#message").fill("At the harvest.")
    await press(page, "Go away")
    await expect(page.get_by_role("button", name="I am back")).to_be_visible()
    await box.settle()
    await page.goto(f"{box.address}/products/{product['slug']}")
    await expect(page.get_by_text("Olive Grove is away")).to_be_visible()
    await expect(page.get_by_text("Sold out").first).to_be_visible()
    wrong += await seen(page, "presence-away")
    await page.goto(f"{box.address}/vendor/presence")
    await press(page, "I am back")
    await box.settle()
    await page.goto(f"{box.address}/products/{product['slug']}")
    await expect(page.get_by_role("button", name="Add to cart")).to_be_visible()
