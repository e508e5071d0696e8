"""What customers and vendors do about orders on the pages."""

import re

from playwright.async_api import Page, expect

from tests.browser import hands
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.journeys.box import PASSWORD
from tests.journeys.scene import Shop


async def fill_cart(square: Square, page: Page) -> None:
    for shop in (square.clay, square.loom):
        await hands.add_to_cart(page, square.product(shop))
    await expect(page.get_by_role("region", name=re.compile("^From "))).to_have_count(2)


async def enter_shop(square: Square, page: Page, shop: Shop, to: str) -> None:
    await hands.sign_in(page, square.site, shop.owner.person["email"], PASSWORD, to=to)


async def send(square: Square, shop: Shop, troubles: Troubles) -> None:
    """The vendor accepts the newest order, packs it and sends it off."""
    async with visitor(square.browser, troubles, width=390) as page:
        await enter_shop(square, page, shop, "/vendor/orders?fulfilment=pending")
        await page.locator("main a[href^='/vendor/orders/']").first.click()
        await page.get_by_role("button", name="Accept this order").click()
        await page.get_by_role("button", name="It is packed and ready").click()
        await page.locator("#carrier").fill("Parcel Post")
        await page.locator("#tracking_number").fill(f"PARCEL-{shop.id[-6:]}")
        await page.get_by_role("button", name="It is on its way").click()
        await expect(page.get_by_role("button", name="It has arrived")).to_be_visible()
    await square.box.settle()


async def deliver(square: Square, shop: Shop, troubles: Troubles) -> None:
    async with visitor(square.browser, troubles) as page:
        await enter_shop(square, page, shop, "/vendor/orders?fulfilment=in_transit")
        await page.locator("main a[href^='/vendor/orders/']").first.click()
        await page.get_by_role("button", name="It has arrived").click()
        await expect(page.get_by_text("Delivered").first).to_be_visible()
    await square.box.settle()
