"""Support sessions on a telephone: staff ask, a vendor and a customer let them in, watch them and
end it; what staff see is masked. And a guest's page about their data."""

import re
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from haat.domains.trade.orders.api import Orders
from tests.browser import hands
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.browser.test_orders import seen
from tests.journeys.box import PASSWORD
from tests.journeys.scene import buy, deliver, part_of, pay, quote

pytestmark = pytest.mark.browser
STAFF = "admin@staff.example.com"
OWNER = "owner@clay-house.example.com"


async def asked(page: Page, site: str, whose: str, id: str, reason: str) -> None:
    """Staff ask for a session."""
    places = {"vendor": "vendors", "person": "people"}
    await page.goto(f"{site}/admin/{places[whose]}/{id}")
    await page.get_by_role("link", name="Ask for a support session").click()
    await expect(page.get_by_label("Whose")).to_have_value(whose)
    await expect(page.get_by_label("Id", exact=True)).to_have_value(id)
    await page.get_by_label("Why").fill(reason)
    await page.get_by_role("button", name="Ask", exact=True).click()
    await expect(page.get_by_text("Asked. They see it")).to_be_visible()


async def test_a_vendor_lets_staff_in_and_sees_what_they_opened(
    square: Square, troubles: Troubles
) -> None:
    box, wrong = square.box, []
    customer = await box.person("masked@example.com", "Masked Customer")
    placed = await buy(box, customer, {square.clay.offer: 1})
    part = await part_of(square.clay, placed)
    await box.staff()
    async with (
        visitor(square.browser, troubles, width=390) as desk,
        visitor(square.browser, troubles, width=390) as shop,
    ):
        await hands.sign_in(desk, square.site, STAFF, PASSWORD, to="/admin/support")
        wrong += await seen(desk, "support-ask")
        await asked(desk, square.site, "vendor", square.clay.id, "The import fails at line 7.")
        await expect(desk.get_by_role("link", name="Clay House")).to_be_visible()
        wrong += await seen(desk, "support-asked")
        await hands.sign_in(shop, square.site, OWNER, PASSWORD, to="/account/support")
        await expect(shop.get_by_text("The import fails at line 7.")).to_be_visible()
        wrong += await seen(shop, "support-consent")
        await shop.get_by_role("button", name="Let them look").click()
        await expect(shop.get_by_text("Staff can look for half an hour")).to_be_visible()
        wrong += await seen(shop, "support-open")
        await desk.reload()
        await desk.get_by_role("button", name="Enter").click()
        await expect(desk.get_by_text("You are in a support session")).to_be_visible()
        wrong += await seen(desk, "support-inside")
        await desk.goto(f"{square.site}/vendor/orders/{part['id']}")
        await expect(desk.get_by_text(part["number"]).first).to_be_visible()
        await expect(desk.get_by_text("Ada Byron")).to_have_count(0)
        await expect(desk.get_by_text("Analytical Row")).to_have_count(0)
        wrong += await seen(desk, "support-order")
        await shop.reload()
        await shop.get_by_role("link", name=re.compile("pages? (was|were) opened")).click()
        await expect(shop.get_by_text(f"/vendor/orders/{part['id']}")).to_be_visible()
        await expect(shop.get_by_text("/static/")).to_have_count(0)
        wrong += await seen(shop, "support-visits")
        await shop.goto(f"{square.site}/account/support")
        await shop.get_by_role("button", name="End it now").click()
        await expect(shop.get_by_text("It is over.")).to_be_visible()
        wrong += await seen(shop, "support-ended")
        await desk.goto(f"{square.site}/vendor/orders")
        await expect(desk.get_by_text(part["number"])).to_have_count(0)
        wrong += await seen(desk, "support-over")
    assert not wrong, "\n".join(wrong)


async def test_a_customer_lets_staff_look_and_they_leave(
    square: Square, troubles: Troubles
) -> None:
    box, wrong = square.box, []
    customer = await box.person("looked@example.com", "Looked After")
    await buy(box, customer, {square.loom.offer: 1})
    await box.staff()
    async with (
        visitor(square.browser, troubles, width=390) as desk,
        visitor(square.browser, troubles, width=390) as home,
    ):
        await hands.sign_in(desk, square.site, STAFF, PASSWORD, to="/admin/support")
        await asked(desk, square.site, "person", customer.person["id"], "Where is my parcel?")
        await hands.sign_in(
            home, square.site, "looked@example.com", PASSWORD, to="/account/support"
        )
        wrong += await seen(home, "support-customer-consent")
        await home.get_by_role("button", name="Let them look").click()
        await desk.reload()
        await desk.get_by_role("button", name="Enter").click()
        await expect(desk.get_by_text("You are in a support session")).to_be_visible()
        await expect(desk.get_by_text("Looked After")).to_have_count(0)
        wrong += await seen(desk, "support-customer-account")
        await desk.goto(f"{square.site}/orders")
        wrong += await seen(desk, "support-customer-orders")
        await desk.get_by_role("button", name="Leave").click()
        await expect(desk.get_by_role("heading", name="Support sessions")).to_be_visible()
        await desk.get_by_role("button", name="End").click()
        await expect(desk.get_by_text("It is over.")).to_be_visible()
    assert not wrong, "\n".join(wrong)


async def test_a_guests_page_about_their_data(square: Square, troubles: Troubles) -> None:
    box, wrong, guest = square.box, [], square.box.guest()
    quoted = await quote(guest, {square.loom.offer: 1}, email="leaves@example.com")
    answer = await pay(guest, quoted["id"], await box.token("4242424242424242"))
    await box.settle()
    placed = answer.json()
    id = UUID(placed["orderId"])
    orders: Orders = box.runtime.inner[Orders]
    tokens = await orders.links(box.runtime.system_context("test"), order_ids=[id])
    at = f"{square.site}/orders/link/{tokens[id]}"
    async with visitor(square.browser, troubles, width=390) as page:
        await page.goto(at)
        await page.get_by_role("link", name="Your data").click()
        await expect(page.get_by_text("Orders are on their way.")).to_be_visible()
        wrong += await seen(page, "guest-data-open")
        await deliver(box, square.loom, await part_of(square.loom, placed))
        await page.reload()
        await page.get_by_role("button", name="Gather my data").click()
        await expect(page.get_by_text("We are gathering the data.")).to_be_visible()
        await page.get_by_role("button", name="Erase them").click()
        await expect(page.get_by_text("will be erased from")).to_be_visible()
        wrong += await seen(page, "guest-data-asked")
        await page.get_by_role("button", name="Keep my data").click()
        await expect(page.get_by_text("The order's data stay.")).to_be_visible()
        await hands.sign_in(
            page, square.site, STAFF, PASSWORD, to=f"/admin/orders/{placed['orderNumber']}"
        )
        wrong += await seen(page, "guest-order-desk")
        await page.get_by_label("Why").last.fill("Their letter of today.")
        await page.get_by_role("button", name="Erase the guest's data").click()
        await expect(page.get_by_text("The guest's data are being erased.")).to_be_visible()
    assert not wrong, "\n".join(wrong)
