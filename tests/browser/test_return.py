"""Credits and a card, a return, and what becomes of the vendor's earning, in a browser."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from haat.app.proving import prove_all
from tests.browser import hands, shops
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.journeys.box import PASSWORD

pytestmark = pytest.mark.browser
CARD = "4242424242424242"
CREDITS = "15"


@pytest_asyncio.fixture(loop_scope="session")
async def open_window(square: Square) -> AsyncIterator[Square]:
    """Goods may be sent back for a day."""
    staff = await square.box.staff()
    await staff.ok("PATCH", "/admin/settings", {"returnWindowMinutes": 1440})
    yield square
    await staff.ok("PATCH", "/admin/settings", {"returnWindowMinutes": 0})


async def test_a_return_from_request_to_refund(open_window: Square, troubles: Troubles) -> None:
    square = open_window
    await square.box.person("rita@example.com", "Rita")
    async with visitor(square.browser, troubles, width=390) as page:
        wallet = "/account/wallet"
        await hands.sign_in(page, square.site, "rita@example.com", PASSWORD, to=wallet)
        await buy_credits(square, page)
        order = await buy_with_credits(square, page)
        for shop in (square.clay, square.loom):
            await shops.send(square, shop, troubles)
            await shops.deliver(square, shop, troubles)
        request = await ask(page, order)
        async with visitor(square.browser, troubles) as portal:
            await approve(square, portal)
            await page.goto(request)
            await page.locator("#tracking_number").fill("BACK-1")
            await page.get_by_role("button", name="I sent it back").click()
            await expect(page.get_by_text("It is on its way back.")).to_be_visible()
            await receive(square, portal)
            await see_changed_forecast(square, portal)
        await page.goto(request)
        await expect(page.get_by_text("went back the way you paid.")).to_be_visible()
        await page.goto(order)
        await expect(page.get_by_role("row", name=re.compile("^Refunded"))).not_to_have_count(0)
        await page.goto(f"{square.site}/account/wallet")
        refunds = page.get_by_text("Refund of an order")
        await expect(refunds.first).to_be_visible()
    await see_reconciliation(square, troubles)
    assert troubles.found == []
    assert await prove_all(square.box.runtime) == []


async def buy_credits(square: Square, page: Page) -> None:
    await page.locator("#credits").fill(CREDITS)
    await page.get_by_role("button", name="Buy credits").click()
    await page.wait_for_url("**/pay/**")
    await hands.give_card(page, CARD)
    await page.wait_for_url(re.compile("/account/wallet"))
    await square.box.settle()
    await page.goto(f"{square.site}/account/wallet")
    have = page.locator(".stat", has_text="Credits").first
    await expect(have).to_contain_text(f"{CREDITS}.00 credits")


async def buy_with_credits(square: Square, page: Page) -> str:
    """Goods of two vendors, paid with all the credits and the rest by card: the order's address."""
    await shops.fill_cart(square, page)
    await page.get_by_role("link", name="Go to checkout").click()
    await hands.fill_address(page)
    await hands.go_on_to_payment(page)
    await page.locator("#credits").check()
    await hands.pay_by_card(page)
    await hands.give_card(page, CARD)
    await hands.see_order(page)
    await square.box.settle()
    return page.url


async def ask(page: Page, order: str) -> str:
    """Asks to send the goods of Clay House back, without a picture: the request's address."""
    await page.goto(order)
    part = page.get_by_role("region", name=re.compile("^From Clay House"))
    await part.get_by_role("link", name="Return or complain").click()
    await page.locator("select[name^='q-']").first.select_option("1")
    await page.get_by_label("Send it back").check()
    await page.locator("#reason").select_option("changed_mind")
    await page.get_by_role("button", name="Look at it first").click()
    await expect(page.get_by_role("heading", name=re.compile("^You would get"))).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("^Your credits"))).to_have_count(1)
    await page.get_by_role("button", name="Send it").click()
    await page.wait_for_url(re.compile(r"/returns/[0-9a-f-]{36}$"))
    return page.url


async def approve(square: Square, page: Page) -> None:
    await shops.enter_shop(square, page, square.clay, "/vendor/returns")
    await page.locator("main a[href^='/vendor/returns/']").first.click()
    await page.locator("#send_back").check()
    await page.get_by_role("button", name="Approve it", exact=True).click()
    await expect(page.get_by_text("The customer sends it back until")).to_be_visible()


async def receive(square: Square, page: Page) -> None:
    await page.reload()
    await page.get_by_role("button", name="It is here: refund it").click()
    await page.wait_for_url(re.compile(r"/vendor/returns/[0-9a-f-]{36}$"))
    await square.box.settle()
    await page.reload()
    await expect(page.locator(".sums .whole")).to_contain_text("Refunded")


async def see_changed_forecast(square: Square, page: Page) -> None:
    """The earning says what the refund took, and what is left."""
    await page.goto(f"{square.site}/vendor/money/earnings")
    await page.locator("main a[href^='/vendor/money/earnings/']").first.click()
    await expect(page.locator(".stat", has_text="Given back")).to_have_count(1)
    await expect(page.locator(".timeline")).to_contain_text([re.compile("changed by")])


async def see_reconciliation(square: Square, troubles: Troubles) -> None:
    """Staff compare today with the card network's report and see a run of it."""
    async with visitor(square.browser, troubles) as page:
        staff = await square.box.staff()
        here = "/admin/reconciliation"
        await hands.sign_in(page, square.site, staff.person["email"], PASSWORD, to=here)
        await page.get_by_role("button", name="Compare", exact=True).click()
        await page.wait_for_url(re.compile(r"/admin/reconciliation/runs/[0-9a-f-]{36}"))
        await expect(page.get_by_role("heading", level=1)).not_to_be_empty()
        await page.goto(f"{square.site}{here}")
        await expect(page.get_by_role("table").first).to_be_visible()
