"""Stock and carts in a browser without scripts: a warehouse is opened and filled, a customer
collects there, another hears of what is sold out; and the pages on a telephone and on a desk."""

import pytest
from playwright.async_api import expect

from tests.browser import hands
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.browser.test_orders import seen
from tests.journeys.box import PASSWORD

pytestmark = pytest.mark.browser


async def test_a_warehouse_to_collect_at(square: Square, troubles: Troubles) -> None:
    shop, site, wrong = square.clay, square.site, []
    async with visitor(square.browser, troubles, width=390, scripts=False) as page:
        await hands.sign_in(page, site, shop.owner.person["email"], PASSWORD, to="/vendor/stock")
        await page.get_by_role("link", name="Warehouses").click()
        wrong += await seen(page, "warehouses")
        await page.get_by_role("link", name="Add a warehouse").click()
        await page.get_by_label("Name").fill("Corner shop")
        await page.get_by_label("Street and number").fill("1 Main St")
        await page.get_by_label("City").fill("London")
        await page.locator("#country").select_option("GB")
        await page.get_by_label("Buyers may collect here").check()
        await page.get_by_label("What they have to know").fill("9 to 17, ring the bell.")
        wrong += await seen(page, "warehouse")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Buyers may collect")).to_be_visible()
        wrong += await seen(page, "warehouses-two")
        await page.goto(f"{site}/vendor/stock/{shop.offer}")
        await page.locator("#quantity").fill("4")
        await page.locator("#from_id").select_option(label="Main warehouse")
        await page.locator("#to_id").select_option(label="Corner shop")
        await page.get_by_role("button", name="Move", exact=True).click()
        await expect(page.get_by_text("The goods are moved.")).to_be_visible()
        wrong += await seen(page, "stock-item")
        await page.goto(f"{site}/vendor/stock")
        wrong += await seen(page, "stock")
    async with visitor(square.browser, troubles, width=390, scripts=False) as page:
        await square.box.person("fetch@example.com", "Fetch Er")
        await hands.sign_in(page, site, "fetch@example.com", PASSWORD, to="/cart")
        await hands.add_to_cart(page, square.product(shop))
        await page.get_by_label("Mail me once if I leave goods here").check()
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("We remind you once")).to_be_visible()
        wrong += await seen(page, "cart")
        await page.get_by_role("link", name="Go to checkout").click()
        await hands.fill_address(page)
        await hands.go_on_to_payment(page)
        await page.get_by_label("Collect at Corner shop").check()
        wrong += await seen(page, "quote")
    assert troubles.found == []
    assert wrong == []


async def test_something_sold_out(square: Square, troubles: Troubles) -> None:
    shop = square.loom
    await shop.owner.ok("PUT", f"/inventory/{shop.offer}", {"onHand": 0})
    wrong = []
    async with visitor(square.browser, troubles, width=390, scripts=False) as page:
        await page.goto(square.product(shop))
        wrong += await seen(page, "sold-out")
        await page.get_by_label("Your e-mail address").fill("waits@example.com")
        await page.get_by_role("button", name="Tell me when it is back").click()
        await expect(page.get_by_text("We tell you once when it is back.")).to_be_visible()
        await page.goto(f"{square.site}/stock-notices/x.y.z")
        wrong += await seen(page, "stop")
    assert troubles.found == []
    assert wrong == []
