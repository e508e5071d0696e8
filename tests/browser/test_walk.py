"""The whole way through the market in a browser: from the search box to a paid vendor."""

import re

import pytest
from playwright.async_api import expect

from haat.app.proving import prove_all
from tests.browser import hands, shops
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.journeys.box import PASSWORD
from tests.journeys.scene import Shop

pytestmark = pytest.mark.browser


async def test_from_search_to_a_paid_vendor(square: Square, troubles: Troubles) -> None:
    await square.box.person("amina@example.com", "Amina")
    async with visitor(square.browser, troubles, width=390) as page:
        await page.goto(square.site)
        await page.get_by_role("link", name="Clay House", exact=True).click()
        await page.wait_for_url("**/vendors/clay-house")
        await hands.search(page, "loom")
        await page.get_by_role("link", name="Loom Works thing").click()
        await page.wait_for_url("**/products/**")
        await shops.fill_cart(square, page)
        await hands.sign_in(page, square.site, "amina@example.com", PASSWORD, to="/checkout")
        await hands.fill_address(page)
        await hands.go_on_to_payment(page)
        await hands.pay_by_card(page)
        await hands.give_card(page, hands.THREE_D_SECURE)
        await hands.approve(page)
        await square.box.settle()
        order = page.url
        await page.reload()
        await expect(page.get_by_role("region", name=re.compile("^From "))).to_have_count(2)

        for shop in (square.clay, square.loom):
            await shops.send(square, shop, troubles)
        await page.goto(order)
        await expect(page.get_by_role("link", name=re.compile("^PARCEL-"))).to_have_count(2)
        await expect(page.get_by_text("In transit").first).to_be_visible()
        await page.get_by_role("link", name=re.compile("^PARCEL-")).first.click()
        await expect(page.get_by_text("with Parcel Post")).to_be_visible()

        for shop in (square.clay, square.loom):
            await shops.deliver(square, shop, troubles)
        await page.goto(order)
        await expect(page.get_by_text(", delivered ")).to_have_count(2)

    await square.box.runtime.run_timers()  # return windows of no length close
    await square.box.settle()
    for shop in (square.clay, square.loom):
        await see_earnings(square, shop, troubles)
    await pay_out(square, troubles)
    assert troubles.found == []
    assert await prove_all(square.box.runtime) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_a_guest_buys_after_a_declined_card(
    square: Square, troubles: Troubles, scripts: bool
) -> None:
    async with visitor(square.browser, troubles, scripts=scripts) as page:
        await shops.fill_cart(square, page)
        await page.get_by_role("link", name="Go to checkout").click()
        await hands.fill_address(page, email="guest@example.com")
        await hands.go_on_to_payment(page)
        await hands.pay_by_card(page)
        await hands.give_card(page, hands.DECLINED)
        await page.wait_for_url("**/return**")
        await expect(page.get_by_role("heading", level=1)).to_have_text("The payment was declined")
        await page.get_by_role("button", name="Try again").click()
        await hands.pay_by_card(page)
        await hands.give_card(page, hands.THREE_D_SECURE)
        await hands.approve(page)
        assert "/orders/link/" in page.url
        await square.box.settle()
        await page.goto(f"{square.site}/cart")
        await expect(page.get_by_role("heading", name="Your cart is empty")).to_be_visible()
    assert troubles.found == []


async def test_the_checkout_needs_no_mouse(square: Square, troubles: Troubles) -> None:
    async with visitor(square.browser, troubles) as page:
        keys = page.keyboard
        await page.goto(square.product(square.clay))
        await hands.tab_to(page, "form[action^='/products/'] button")
        await keys.press("Enter")
        await page.wait_for_url("**/cart")
        await hands.tab_to(page, "a[href='/checkout']")
        await keys.press("Enter")
        await page.wait_for_url("**/checkout")
        await hands.tab_to(page, "#email")
        await keys.type("keys@example.com")
        for name, value in hands.ADDRESS.items():
            await hands.tab_to(page, f"#{name}")
            await keys.type(value)
        await keys.press("Enter")
        await page.wait_for_url(re.compile(r"/checkout/[0-9a-f-]{36}$"))
        await hands.tab_to(page, "button[value=pay]")
        await keys.press("Enter")
        await page.wait_for_url("**/pay/**")
        for name, value in {"number": "4242424242424242", **hands.CARD}.items():
            await hands.tab_to(page, f"#{name}")
            await keys.type(value)
        await keys.press("Enter")
        await hands.see_order(page)
    assert troubles.found == []


async def see_earnings(square: Square, shop: Shop, troubles: Troubles) -> None:
    async with visitor(square.browser, troubles) as page:
        await shops.enter_shop(square, page, shop, "/vendor/money")
        earnings = page.get_by_role("region", name="Earnings").first
        await expect(earnings.get_by_text("On your balance")).to_have_count(1)


async def pay_out(square: Square, troubles: Troubles) -> None:
    """A vendor asks for the money, the staff approve, and it is shown paid."""
    async with visitor(square.browser, troubles) as page:
        await shops.enter_shop(square, page, square.clay, "/vendor/money")
        await page.locator("#holder").fill("Clay House Ltd")
        await page.locator("#account").fill("GB00TEST0001")
        await page.get_by_role("button", name="Save account").click()
        await page.get_by_role("button", name="Request a payout").click()
        await page.wait_for_url(re.compile(r"/vendor/money/payouts/[0-9a-f-]{36}$"))
        await expect(page.get_by_text("Waits for approval")).to_be_visible()
        async with visitor(square.browser, troubles) as office:
            staff = await square.box.staff()
            email = staff.person["email"]
            await hands.sign_in(office, square.site, email, PASSWORD, to="/admin/payouts")
            await office.get_by_role("button", name=re.compile("^Approve")).first.click()
            await office.wait_for_load_state()
        await square.box.settle()
        await page.goto(f"{square.site}/vendor/money")
        payouts = page.get_by_role("region", name="Payouts").first
        await expect(payouts.get_by_text("Paid", exact=True).last).to_be_visible()
