"""What a form refuses is said beside its field, and what was typed is still in it."""

import pytest
import pytest_asyncio

from tests.gateways.rest import rows
from tests.gateways.rest.supplies import Supplies
from tests.gateways.town import settled
from tests.gateways.web.browser import Browser
from tests.gateways.web.forms import Page, filled
from tests.journeys.box import PASSWORD, Box

LONG = "x" * 2_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def supplies(box: Box) -> Supplies:
    town = await settled(box)
    found = Supplies(town, await box.staff())
    found.rows = dict(town.rows)
    return found


async def refused(browser: Browser, at: str, name: str, typed: str, action: str = "") -> None:
    """Types it into that field of the page, in vain; the page says so where it was typed."""
    page = Page((await browser.http.get(at)).text, at)
    form = next(f for f in page.forms if f.control(name) and action in f.action)
    values = {**filled(form, {}), name: typed}
    values.pop("look", None)  # a button that only looks
    answer = await browser.http.post(form.action, data=values)
    assert answer.status_code == 422, answer.text[-2000:]
    again = Page(answer.text, at)
    assert again.faults() == []
    control = next(one for f in again.forms if f.action == form.action and (one := f.control(name)))
    assert control.is_wrong
    assert any(again.texts.get(id, "").strip() for id in control.describes)
    assert control.value.strip() == typed


@pytest.mark.parametrize(
    ("at", "name", "action"),
    [
        ("/admin/requests/{request}", "barcode", "approve"),
        ("/admin/vendors/{vendor}/application", "text", "remarks"),
        ("/admin/categories", "icon", ""),
    ],
)
async def test_staff(box: Box, supplies: Supplies, at: str, name: str, action: str) -> None:
    staff = await Browser(box).sign_in("admin@staff.example.com")
    await refused(staff, at.format_map(supplies.rows), name, LONG, action)


async def test_why_a_vendor_goes_without_something(box: Box, supplies: Supplies) -> None:
    staff = await Browser(box).sign_in("admin@staff.example.com")
    item = {"kind": "profile", "title": "A profile"}
    await supplies.owner.ok("POST", "/admin/onboarding/items", item)
    made = await rows.MADE["PATCH /admin/vendors/{id}/status"](supplies)
    await refused(staff, f"/admin/vendors/{made['id']}/application", "note", "a\bb", "waivers")


async def test_why_an_account_is_refused(box: Box, supplies: Supplies) -> None:
    staff = await Browser(box).sign_in("admin@staff.example.com")
    vendor = supplies.town.clay
    account = {"holder": "Clay", "account": "GB82WEST12345698765432", "country": "GB"}
    await vendor.owner.ok("POST", f"/vendors/{vendor.id}/bank-accounts", account)
    await refused(staff, f"/admin/vendors/{vendor.id}/bank", "reason", LONG)


async def test_a_telephone_number(box: Box, supplies: Supplies) -> None:
    browser = await Browser(box).sign_in("ada@example.com")
    await refused(browser, "/account", "own_phone", "not one")


async def test_the_name_of_a_mapping(box: Box, supplies: Supplies) -> None:
    owner = supplies.town.clay.owner
    await owner.sign_in(owner.person["email"], PASSWORD)
    browser = await Browser(box).sign_in(owner.person["email"])
    await refused(browser, f"/vendor/imports/{supplies.rows['import']}", "save_as", LONG)


async def test_a_number_that_is_no_parcels(box: Box) -> None:
    answer = await box.http.get(f"{box.address}/track", params={"number": LONG[:200]})
    page = Page(answer.text, "/track")
    assert answer.status_code == 404
    assert page.shows("We know no parcel")
    control = page.forms[-1].control("number")
    assert control is not None
    assert control.value == LONG[:200]
