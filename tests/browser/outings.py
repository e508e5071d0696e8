"""What the tour does as each kind of person: forms, mistakes, a purchase, the back rooms."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from playwright.async_api import Browser, Page

from tests.browser import hands
from tests.browser.chromium import visitor
from tests.browser.tour import Tour

MISTAKE = (409, 422)
CARD, IBAN = "4242424242424242", "DE89370400440532013000"
Outing = Callable[[Tour, Browser], Awaitable[None]]


async def as_guest(tour: Tour, browser: Browser) -> None:
    """Everything a guest sees, and the whole purchase."""
    async with visitor(browser, tour.troubles) as page:
        await tour.show(page, "/cart", "guest-cart-empty")
        await tour.wander(page, "guest", "/")
        await page.goto(tour.site)
        title = await page.locator("article.card h3 a").first.inner_text()
        await tour.show(page, f"/search?q={quote(title.split()[-1])}", "guest-search-words")
        await tour.show(page, "/search?q=qqqzzz", "guest-search-nothing")
        await tour.show(page, "/search?q=a&price_min=x", "guest-search-mistake", 422)
        await tour.show(page, "/track/NO-SUCH-PARCEL", "guest-track-unknown", 404)
        await tour.show(page, "/no-such-page", "guest-not-found", 404)
        await tour.show(page, "/products/no-such-product", "guest-no-product", 404)
        await tour.show(page, "/orders/link/forged", "guest-forged-link", 404)
        await tour.show(page, "/docs", "docs")
        await mistakes(tour, page, "/sign-in", "Sign in", "guest-sign-in-mistake", 401)
        await mistakes(tour, page, "/register", "Make the account", "guest-register-mistake")
        await buy(tour, page)


async def buy(tour: Tour, page: Page) -> None:
    """Goods of two vendors, a declined card, then 3-D Secure and the order."""
    for address in await of_two_vendors(tour, page):
        await hands.add_to_cart(page, address)
    await tour.show(page, "/cart", "buy-1-cart")
    await tour.show(page, "/checkout", "buy-2-checkout")
    await mistakes(tour, page, "/checkout", "Go on to shipping", "buy-2-checkout-mistake")
    await page.goto(f"{tour.site}/checkout")
    await hands.fill_address(page, email="guest@example.com")
    await hands.go_on_to_payment(page)
    await tour.snap(page, "buy-3-quote")
    await hands.pay_by_card(page)
    await tour.snap(page, "buy-4-pay")
    paying = page.url
    await page.get_by_role("link", name="Cancel and go back").click()
    await page.wait_for_url("**/return**")
    await tour.snap(page, "buy-5-left-the-payment")
    await page.goto(paying)
    await hands.give_card(page, hands.DECLINED)
    await page.wait_for_url("**/return**")
    await tour.snap(page, "buy-6-declined")
    await page.get_by_role("button", name="Try again").click()
    await hands.pay_by_card(page)
    await hands.give_card(page, hands.THREE_D_SECURE)
    await page.wait_for_url("**/3ds/**")
    await tour.snap(page, "buy-7-three-d-secure")
    await hands.approve(page)
    await tour.snap(page, "buy-8-order")


async def of_two_vendors(tour: Tour, page: Page) -> list[str]:
    """Addresses of two products on sale, of different vendors."""
    found: dict[str, str] = {}
    await page.goto(f"{tour.site}/search")
    links = await page.locator("article.card h3 a").all()
    for address in [f"{tour.site}{await link.get_attribute('href')}" for link in links]:
        await page.goto(address)
        vendor = await page.locator("main a[href^='/vendors/']").first.get_attribute("href")
        if await page.get_by_role("button", name="Add to cart").count():
            found.setdefault(vendor or "", address)
        if len(found) == 2:
            break
    return list(found.values())


async def as_customer(tour: Tour, browser: Browser) -> None:
    """A customer's own pages."""
    async with visitor(browser, tour.troubles) as page:
        await hands.sign_in(page, tour.site, tour.stage.emails["customer"], tour.stage.password)
        await tour.show(page, "/", "customer-home")
        await open_menu(tour, page, "customer-menu")
        await tour.wander(page, "customer", "/orders")
        await tour.wander(page, "customer", "/account")
        await tour.wander(page, "customer", "/vendor/apply")
        for address in await of_two_vendors(tour, page):
            await hands.add_to_cart(page, address)
        await tour.show(page, "/checkout", "customer-checkout")
        await tour.show(page, "/admin", "customer-not-for-you", 403)
        await mistakes(tour, page, "/account", "Save profile", "customer-account-mistake")
        await use_wallet(tour, page, "/account/wallet", "customer")
        await complain(tour, page)


async def use_wallet(tour: Tour, page: Page, home: str, role: str) -> None:
    """Buys credits by card and by bank transfer, and asks for some to be money again."""
    await page.goto(tour.site + home)
    await page.locator("#credits").fill("40")
    await page.locator("input[name=provider][value=test]").check()
    await page.get_by_role("button", name="Buy credits").click()
    await page.wait_for_url("**/pay/**")
    paying = page.url
    await page.get_by_role("link", name="Cancel and go back").click()
    await page.wait_for_url("**/topups/**")
    await tour.snap(page, f"{role}-topup-left-the-payment")
    await page.goto(paying)
    await hands.give_card(page, CARD)
    await page.wait_for_url(f"{tour.site}{home}**")
    await tour.show(page, home, f"{role}-topup-paid")
    await page.locator("#credits").fill("60")
    await page.locator("input[name=provider][value=bank]").check()
    await page.get_by_role("button", name="Buy credits").click()
    await page.wait_for_url("**/topups/**")
    await tour.snap(page, f"{role}-topup-by-bank")
    await page.goto(tour.site + home)
    await page.get_by_text("Turn credits back into money").click()
    for name, value in {"amount": "20", "holder": "Ada Byron", "account": IBAN}.items():
        await page.locator(f"#{name}").fill(value)
    await tour.snap(page, f"{role}-withdraw")
    await page.locator(f"form[action='{home}/withdrawals'] button").click()
    await page.wait_for_url(tour.site + home)
    await tour.show(page, home, f"{role}-wallet-after")
    await tour.wander(page, role, f"{home}/statement")


async def complain(tour: Tour, page: Page) -> None:
    """Complains about a parcel that is on its way."""
    await page.goto(f"{tour.site}/orders")
    orders = await page.locator("main a[href^='/orders/']").all()
    for path in [await link.get_attribute("href") for link in orders]:
        await page.goto(f"{tour.site}{path}")
        asking = page.get_by_role("link", name="Return or complain")
        if not await page.get_by_text("In transit").count() or not await asking.count():
            continue
        await asking.first.click()
        goods = page.locator("select[name^='q-']")
        if await goods.count():
            break
    await goods.first.select_option("1")
    await page.get_by_label("Complain").check()
    await page.locator("#reason").select_option("not_received")
    await page.get_by_role("button", name="Look at it first").click()
    await tour.snap(page, "customer-complaint-preview")
    await page.get_by_role("button", name="Send it", exact=True).click()
    await page.wait_for_url(re.compile(r"/returns/[0-9a-f-]{36}$"))
    await tour.show(page, "/returns", "customer-returns-asked")
    await tour.wander(page, "customer", "/returns")
    await page.locator("main a[href^='/returns/']").first.click()
    await page.wait_for_url(re.compile(r"/returns/[0-9a-f-]{36}$"))
    await tour.snap(page, "customer-complaint")


async def as_vendor(tour: Tour, browser: Browser) -> None:
    """The vendor portal."""
    async with visitor(browser, tour.troubles) as page:
        email = tour.stage.emails["vendor"]
        await hands.sign_in(page, tour.site, email, tour.stage.password, to="/vendor")
        await tour.wander(page, "vendor", "/vendor")
        for path in ("/vendor/money/earnings", "/vendor/money/payouts", "/vendor/shipping/new"):
            await tour.wander(page, "vendor", path)
        await mistakes(tour, page, "/vendor/products/new", "Save and submit", "vendor-mistake")
        await page.goto(f"{tour.site}/vendor/products/new")
        await page.get_by_role("button", name="Add a variant").click()
        await tour.snap(page, "vendor-more-variants")
        await use_wallet(tour, page, "/vendor/wallet", "vendor")
        await add_webhook(tour, page, "/vendor/webhooks", "vendor")


async def as_staff(tour: Tour, browser: Browser) -> None:
    """The back office."""
    async with visitor(browser, tour.troubles) as page:
        email = tour.stage.emails["staff"]
        await hands.sign_in(page, tour.site, email, tour.stage.password, to="/admin")
        await tour.wander(page, "staff", "/admin")
        await page.goto(f"{tour.site}/admin/payouts")
        await page.get_by_role("button", name="Run payouts now").click()
        await page.wait_for_load_state("load")
        await tour.snap(page, "staff-payout-run")
        await page.goto(f"{tour.site}/admin/reconciliation")
        await page.get_by_role("button", name="Compare", exact=True).click()
        await page.wait_for_url("**/admin/reconciliation/runs/**")
        await tour.show(page, page.url.removeprefix(tour.site), "staff-reconciliation-run")
        await tour.show(page, "/admin/reconciliation", "staff-reconciliation-runs")
        await tour.show(page, "/admin/credits/withdrawals", "staff-withdrawals-waiting")
        await page.goto(f"{tour.site}/admin/commission/explain")
        await page.locator("#product").fill("Celadon Beaker")
        await page.locator("#price").fill("30.99")
        await page.get_by_role("button", name="Explain").click()
        await page.wait_for_load_state("load")
        await tour.snap(page, "staff-explained")
        await mistakes(
            tour, page, "/admin/payout-policy", "Change the rules", "staff-policy-mistake"
        )
        await add_webhook(tour, page, "/admin/webhooks", "staff")


async def add_webhook(tour: Tour, page: Page, path: str, name: str) -> None:
    """An endpoint where nobody is, its secret, and a message to it."""
    await mistakes(tour, page, path, "Add it", f"{name}-webhook-mistake")
    await page.goto(tour.site + path)
    await page.locator("#url").fill("https://hooks.example.invalid/")
    await page.locator("#description").fill(f"Of {name}")
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("button", name="Add it").click()
    await page.wait_for_load_state("load")
    await tour.snap(page, f"{name}-webhook-secret")
    await page.get_by_role("link", name=f"Of {name}").click()
    await page.get_by_role("button", name="Send a test message").click()
    await page.wait_for_load_state("load")
    await tour.wander(page, name, page.url.removeprefix(tour.site))


async def on_first_run(tour: Tour, browser: Browser) -> None:
    """A market nobody has opened yet: every page leads to the first one."""
    async with visitor(browser, tour.troubles) as page:
        await tour.show(page, "/", "first-run")
        assert page.url.endswith("/welcome"), f"a market that is not open shows {page.url}"
        await mistakes(tour, page, "/welcome", "Open the market", "first-run-mistake")


async def mistakes(
    tour: Tour, page: Page, path: str, button: str, name: str, *statuses: int
) -> None:
    """Sends a page's form empty, past the browser's own checks, and photographs the answer."""
    await page.goto(tour.site + path)
    pressed = page.get_by_role("button", name=re.compile(f"^{button}")).first
    await pressed.evaluate(
        """(button) => {
          button.form.noValidate = true;
          for (const one of button.form.querySelectorAll("input[required]:not([type=hidden])"))
            one.value = "";
        }"""
    )
    with tour.troubles.expecting(*MISTAKE, *statuses):
        await pressed.click()
        await page.wait_for_load_state("load")
        await tour.snap(page, name)


async def open_menu(tour: Tour, page: Page, name: str) -> None:
    """Photographs the account menu."""
    await page.get_by_text("Account", exact=True).first.click()
    await tour.snap(page, name)
