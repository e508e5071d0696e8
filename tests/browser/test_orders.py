"""Orders in a browser: one press buys, a guest cancels by link, parcels, receipts, narrowed lists;
and the pages about them as they stand on a telephone and on a desk."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser import hands
from tests.browser.checks import load_pictures, look
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.journeys.box import ADDRESS, PASSWORD
from tests.journeys.scene import buy, quote

pytestmark = pytest.mark.browser
WIDTHS = (390, 1280)
SHOTS = os.environ.get("HAAT_TEST_SHOTS")  # a folder for pictures of what is looked at


async def seen(page: Page, name: str) -> list[str]:
    """What is wrong with the page at each width."""
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await load_pictures(page)
        found += [f"{name} at {width}: {line}" for line in await look(page)]
        if SHOTS:
            await page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=True)
    return found


async def pressing(square: Square) -> Any:
    """Somebody with a card on file and an address who allows one press to buy."""
    client = await square.box.person("press@example.com", "Press Er")
    await client.ok("POST", "/me/addresses", {**ADDRESS})
    made = await quote(client, {square.clay.offer: 1})
    token = await square.box.token("4242424242424242")
    payment = {"provider": "test", "token": token, "save": True}
    await client.ok("POST", "/orders", {"quoteId": made["id"], "payment": payment})
    return client


async def test_one_press_buys(square: Square, troubles: Troubles) -> None:
    await pressing(square)
    wrong = []
    async with visitor(square.browser, troubles, width=390) as page:
        await hands.sign_in(page, square.site, "press@example.com", PASSWORD, to="/account")
        await page.get_by_label("One-click buying").check()
        await page.get_by_role("button", name="Save profile").click()
        await expect(page.get_by_text("Your profile is saved.")).to_be_visible()
        wrong += await seen(page, "account")
        await page.goto(square.product(square.clay))
        wrong += await seen(page, "product")
        await page.get_by_role("button", name="Buy now, one click").click()
        await hands.see_order(page)
        await square.box.settle()
        await page.reload()
        await expect(page.get_by_text("Expected between")).to_be_visible()
        wrong += await seen(page, "order")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Receipt (PDF)").click()
        assert (await download.value).suggested_filename.startswith("receipt-H-")
        await page.get_by_role("button", name="Mail me the receipt").click()
        await expect(page.get_by_text("on its way to you by e-mail")).to_be_visible()
    assert troubles.found == []
    assert wrong == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_a_guest_cancels_by_link(square: Square, troubles: Troubles, scripts: bool) -> None:
    offers = {square.clay.offer: 1, square.loom.offer: 1}
    placed = await buy(square.box, square.box.guest(), offers)
    wrong = []
    async with visitor(square.browser, troubles, width=390, scripts=scripts) as page:
        await page.goto(f"{square.site}{placed['orderLink']}")
        panel = page.get_by_role("region", name="From Clay House")
        await panel.get_by_text("Cancel this part").first.click()
        await panel.get_by_label("Why do you cancel it?").fill("Found it elsewhere")
        if scripts:
            wrong += await seen(page, "link")
        await panel.get_by_role("button", name="Cancel this part").click()
        await expect(page.get_by_text("Reason: Found it elsewhere")).to_be_visible()
    assert troubles.found == []
    assert wrong == []


async def test_a_receipt_for_a_firm(square: Square, troubles: Troubles) -> None:
    wrong = []
    async with visitor(square.browser, troubles, width=390) as page:
        await hands.add_to_cart(page, square.product(square.loom))
        await page.goto(f"{square.site}/checkout")
        await hands.fill_address(page, "firm@example.com")
        await page.get_by_text("Another address than the one above").click()
        await page.get_by_label("Make the receipt out to this address").check()
        await page.locator("#bill_name").fill("Loom Lovers Ltd")
        await page.locator("#bill_line1").fill("2 Lane")
        with troubles.expecting(422):
            await page.get_by_role("button", name="Go on to shipping").click()
            await expect(page.locator("#bill_city-error")).to_be_visible()
        wrong += await seen(page, "checkout")
        await page.locator("#bill_city").fill("Bath")
        await hands.go_on_to_payment(page)
    assert troubles.found == []
    assert wrong == []


async def test_vendor_and_staff(square: Square, troubles: Troubles) -> None:
    placed = await buy(square.box, square.box.guest(), {square.clay.offer: 2})
    owner, staff = square.clay.owner, await square.box.staff()
    number, wrong = placed["orderNumber"], []
    async with visitor(square.browser, troubles) as page:
        email = owner.person["email"]
        await hands.sign_in(page, square.site, email, PASSWORD, to="/vendor/orders")
        await page.locator("#q").fill(number)
        await page.get_by_role("button", name="Show").click()
        wrong += await seen(page, "vendor-orders")
        await page.get_by_role("link", name=f"{number}-1").click()
        await page.get_by_role("button", name="Accept this order").click()
        for carrier, parcel, button in (
            ("DHL", "JD-0001", "It is on its way"),
            ("UPS", "1Z-0002", "It is on its way as well"),
        ):
            if button.endswith("well"):
                await page.get_by_text("Add another parcel").click()
            await page.get_by_label("Carrier").fill(carrier)
            await page.get_by_label("Tracking number").fill(parcel)
            await page.get_by_role("button", name=button, exact=True).click()
            await expect(page.get_by_role("link", name=parcel)).to_be_visible()
        wrong += await seen(page, "vendor-order")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Packing slip (PDF)").click()
        assert (await download.value).suggested_filename == f"packing-slip-{number}-1.pdf"
    async with visitor(square.browser, troubles) as page:
        email = staff.person["email"]
        await hands.sign_in(page, square.site, email, PASSWORD, to="/admin/orders")
        await page.get_by_text("Date and amount").click()
        await page.get_by_label("Total from").fill("20")
        await page.get_by_label("Status").select_option("in_transit")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_role("link", name=number)).to_be_visible()
        wrong += await seen(page, "admin-orders")
        await page.get_by_role("link", name=number).click()
        await expect(page.get_by_role("link", name="Receipt (PDF)")).to_be_visible()
        wrong += await seen(page, "admin-order")
    assert troubles.found == []
    assert wrong == []
