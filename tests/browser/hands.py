"""What people do on the pages: the steps of a purchase, as clicks and typing."""

import re
from collections.abc import Mapping

from playwright.async_api import Page, expect

ADDRESS: Mapping[str, str] = {
    "name": "Gu Est",
    "line1": "1 Analytical Row",
    "postal_code": "N1 9GU",
    "city": "London",
}
THREE_D_SECURE = "4000002500003155"
DECLINED = "4000000000009995"
CARD = {"expiry": "12/40", "cvc": "123"}


async def search(page: Page, words: str) -> None:
    """Types words into the search box of the page at hand."""
    # With a script it completes what is typed, and is a combobox to those who hear the page.
    box = page.get_by_role("searchbox").or_(page.get_by_role("combobox", name="Search"))
    await box.first.fill(words)
    await box.first.press("Enter")
    await page.wait_for_url(re.compile(r"/search\?"))


async def add_to_cart(page: Page, address: str) -> None:
    """From a product's page into the cart."""
    await page.goto(address)
    await page.get_by_role("button", name="Add to cart").click()
    await page.wait_for_url("**/cart")


async def fill_address(page: Page, email: str = "") -> None:
    """Fills in the first step of the checkout; `email` is a guest's."""
    if email:
        await page.locator("#email").fill(email)
    for name, value in ADDRESS.items():
        await page.locator(f"#{name}").fill(value)


async def go_on_to_payment(page: Page) -> None:
    await page.get_by_role("button", name="Go on to shipping").click()
    await page.wait_for_url(re.compile(r"/checkout/[0-9a-f-]{36}$"))


async def pay_by_card(page: Page) -> None:
    """From the quote to the provider's page."""
    await page.get_by_role("button", name=re.compile("^Pay ")).click()
    await page.wait_for_url("**/pay/**")


async def give_card(page: Page, number: str) -> None:
    """Types a card at the provider's page and sends it."""
    await page.locator("#number").fill(number)
    for name, value in CARD.items():
        await page.locator(f"#{name}").fill(value)
    await page.get_by_role("button", name=re.compile("^Pay ")).click()


async def approve(page: Page) -> None:
    """Says yes on the bank's page and waits for the order."""
    await page.wait_for_url("**/3ds/**")
    await page.get_by_role("button", name="Approve").click()
    await see_order(page)


async def see_order(page: Page) -> None:
    """Waits until the way back from the provider has led to the order."""
    await page.wait_for_url(re.compile(r"/orders/(H-|link/)"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Order")


async def sign_in(page: Page, site: str, email: str, password: str, to: str = "/") -> None:
    """Signs in with the form."""
    await page.goto(f"{site}/sign-in?next={to}")
    await page.locator("#email").fill(email)
    await page.locator("#password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.wait_for_url(f"{site}{to}")


async def tab_to(page: Page, selector: str, *, presses: int = 90) -> None:
    """Presses Tab until this has the focus; says so when it never gets it or does not show it."""
    for _ in range(presses):
        await page.keyboard.press("Tab")
        there = await page.evaluate(
            """(selector) => {
              const one = document.activeElement;
              if (!one.matches(selector)) return "elsewhere";
              return getComputedStyle(one).outlineStyle === "none" ? "unseen" : "there";
            }""",
            selector,
        )
        if there != "elsewhere":
            assert there == "there", f"{selector} does not show that it has the focus"
            return
    raise AssertionError(f"{selector} is not reached with Tab at {page.url}")
