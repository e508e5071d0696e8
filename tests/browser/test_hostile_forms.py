"""Show: hostile strings in the forms of store, vendor portal and back office. Each field meets one
of them; HAAT_HOSTILE=whole asks for the product (docs/operate/proofs.md)."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Page

from haat.domains.people.identity.api import Identity
from tests import postgres
from tests.browser.chromium import Troubles, chromium, visitor
from tests.browser.test_hostile import PLANTED, note
from tests.gateways.rest import rows
from tests.gateways.rest.hostile import FILE, strings
from tests.gateways.rest.supplies import Supplies
from tests.gateways.town import settled
from tests.gateways.web.browser import Browser
from tests.gateways.web.hostile import Place, Walker
from tests.journeys.box import PASSWORD, Box, market

WHOLE = os.environ.get("HAAT_HOSTILE") == "whole"
OPTIONS = {"HAAT_BANK_IBAN": "DE02120300000000202051", "HAAT_BANK_HOLDER": "Test Market"}
STORE = re.compile(r"^/(?!vendor(/|$)|admin)")
# What forms decide: each of their fields may decide one.
STANDS = (
    *["POST /admin/returns/{id}/approve"] * 3,
    *["POST /admin/payouts/{id}/approve"] * 3,
    *["POST /admin/product-requests/{id}/approve"] * 6,
    *["PATCH /admin/products/{id}/approve"] * 3,
    *["PATCH /admin/vendors/{id}/status"] * 3,
    *["POST /orders/{id}/cancel"] * 2,
    "POST /admin/withdrawals/{id}/decision",
    "POST /admin/payments/{id}/confirm",
    "POST /admin/reconciliations/differences/{id}/book",
)
SHOWN = 15  # pages of each of them that the browser looks at
# Refused as a whole, so that nobody learns who has an account.
UNREACHED = {"/sign-in → /sign-in email"}

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="HAAT_TEST_DATA has no hostile strings")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(
            url, folder, "local", return_window_minutes=60, options=OPTIONS
        ) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walkers(box: Box) -> list[Walker]:
    """A guest, a customer, a store's owner and staff, with something of everything."""
    town = await settled(box)
    owner, ctx = town.clay.owner, box.runtime.system_context("test")
    id = UUID(owner.person["id"])
    await box.runtime.inner[Identity].grant_staff(ctx, person_id=id, role="super_admin")
    await owner.sign_in(owner.person["email"], PASSWORD)
    supplies = Supplies(town, owner)
    await supplies.set_up()
    for operation in STANDS:
        await rows.MADE[operation](supplies)
    link = (await rows.MADE["POST /orders/link/{token}/cancel"](supplies))["token"]
    item = {"offerId": supplies.rows["bought"], "quantity": 1}
    await town.customer.ok("POST", "/cart/items", item)
    known = {"owner_id": town.customer.person["id"], "id": town.clay.id}
    by_form = [
        await Browser(box).sign_in(email)
        for email in ("ada@example.com", owner.person["email"], "admin@staff.example.com")
    ]
    return [
        Walker(
            Browser(box), ("/sign-in", "/", f"/orders/link/{link}"), STORE, known, is_guest=True
        ),
        Walker(by_form[0], ("/account", "/checkout", "/account/orders"), STORE, known),
        Walker(by_form[1], ("/vendor",), re.compile("^/vendor(/|$)"), known),
        Walker(by_form[2], ("/admin",), re.compile("^/admin"), known),
    ]


async def test_hostile_strings_in_forms(walkers: list[Walker]) -> None:
    texts = strings()
    met = 0
    for walker in walkers:
        places = await walker.walk()
        asked = [(one, text) for one in places for text in texts]
        if not WHOLE:
            asked = [(one, texts[(met + at) * 7 % len(texts)]) for at, one in enumerate(places)]
        met += len(asked)
        for place, text in asked:
            await walker.fill(place, text)
        _told(walker, places)
        assert not walker.found, "\n".join(walker.found)
        reached = walker.kept | walker.refused | walker.taken
        assert {str(one) for one in places} - reached <= UNREACHED


def _told(walker: Walker, places: list[Place]) -> None:
    reached = walker.kept | walker.refused | walker.taken
    print(f"{len(walker.pages)} pages, {len(places)} fields: {len(walker.kept)} shown afterwards,")
    print(f"{len(walker.refused)} refused, {len(walker.taken - walker.kept)} taken and not shown")
    for name in sorted(set(walker.elsewhere) - reached):
        print(f"  never {name}: {walker.elsewhere[name]}")


@pytest.mark.browser
async def test_nothing_typed_runs(walkers: list[Walker], program: str, troubles: Troubles) -> None:
    """The pages that show what was typed, in a real browser: nothing of it runs."""
    async with chromium(program) as browser:
        for walker in walkers:
            async with visitor(browser, troubles) as page:
                await _looked_at(walker, page, troubles)
    assert troubles.found == []


async def _looked_at(walker: Walker, page: Page, troubles: Troubles) -> None:
    fired: list[str] = []
    page.on("dialog", lambda dialog: note(dialog, fired))
    await page.add_init_script(PLANTED)
    site = walker.browser.box.address
    known = [(one.name, str(one.value)) for one in walker.browser.http.cookies.jar]
    await page.context.add_cookies([{"name": n, "value": v, "url": site} for n, v in known])
    shown = 0
    for path in walker.pages:
        if shown >= SHOWN:
            break
        again = await walker.page(path)
        if again is None or not again.shows("<"):
            continue
        shown += 1
        troubles.at = path
        await page.goto(site + path)
        await page.keyboard.press("Tab")
        fired += await page.evaluate("window.fired")
    print(f"{shown} pages shown")
    assert shown
    assert fired == []
