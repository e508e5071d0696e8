"""Erasure of guests, and of owners whose store is over or never opened."""

import asyncio
import io
import json
import zipfile
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.app import proving
from haat.app.erasing import do_work
from haat.domains.trade.orders.api import Orders
from tests.journeys.box import Box, Client
from tests.journeys.conftest import APART, SHAPE
from tests.journeys.past import (
    ADDRESS,
    EMAIL,
    MARK,
    PHONE,
    everything_in,
    files_below,
    leaks,
    settled,
    words,
)
from tests.journeys.scene import Shop, deliver, open_shop, part_of, pay, quote

SETTINGS = {"HAAT_ERASURE_DAYS": "0"}
pytestmark = pytest.mark.skipif(
    SHAPE in APART, reason="the settings of other processes cannot be set"
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "SURE_S", 0.2)


async def bought(box: Box, shop: Shop) -> tuple[Client, Any, str]:
    """A guest, what they bought, and the path of its link."""
    guest = box.guest()
    quoted = await quote(guest, {shop.offer: 1}, shipTo=ADDRESS, email=EMAIL)
    answer = await pay(guest, quoted["id"], await box.token("4242424242424242"))
    assert answer.status_code == 201, answer.text
    await box.settle()
    placed = answer.json()
    orders: Orders = box.runtime.inner[Orders]
    id = UUID(placed["orderId"])
    tokens = await orders.links(box.runtime.system_context("test"), order_ids=[id])
    return guest, placed, f"/orders/link/{tokens[id]}"


async def test_a_guest_takes_their_data_and_is_erased(box: Box) -> None:
    shop = await open_shop(box, f"Guested {uuid4().hex[:6]}", price=1_000, stock=9)
    url = box.runtime.settings.sql_url.get_secret_value()
    guest, placed, at = await bought(box, shop)
    refused = await guest.post(f"{at}/erasure")
    assert (refused.status_code, refused.json()["code"]) == (409, "erasure_refused")
    told = await guest.ok("GET", f"{at}/erasure")
    assert [one["code"] for one in told["obstacles"]] == ["orders_open"]
    assert told["erasure"] is None
    await deliver(box, shop, await part_of(shop, placed))
    await guest.ok("POST", f"{at}/receipt/send")
    await box.settle()
    await box.runtime.run_timers()
    await taken(box, guest, at)
    assert leaks(await everything_in(url))
    assert leaks(files_below(box.runtime.settings.folder / "mail"))
    first = await guest.ok("POST", f"{at}/erasure")
    assert (await guest.ok("POST", f"{at}/erasure"))["id"] == first["id"]
    assert (await guest.ok("DELETE", f"{at}/erasure"))["state"] == "withdrawn"
    await guest.ok("POST", f"{at}/erasure")
    await settled(box.runtime, placed["orderId"], "erased")
    assert leaks(await everything_in(url)) == []
    assert leaks(files_below(box.runtime.settings.folder)) == []
    read = await guest.ok("GET", at)
    assert read["shipTo"]["name"] == "Erased"
    assert (await proving.proof_of(box.runtime)).findings == []


async def taken(box: Box, guest: Client, at: str) -> None:
    """The export of an order, which holds its address; another link opens none of it."""
    asked = await guest.ok("POST", f"{at}/data-exports")
    for _ in range(200):
        await do_work(box.runtime)
        await box.runtime.run_timers()
        (found,) = (await guest.ok("GET", f"{at}/data-exports"))["items"]
        if found["state"] == "ready":
            break
        await asyncio.sleep(0.05)
    file = await guest.get(f"{at}/data-exports/{asked['id']}/file")
    archive = zipfile.ZipFile(io.BytesIO(file.content))
    order = json.loads(archive.read("orders.json"))["orders"][0]
    assert order["ship_to"]["line1"] == ADDRESS["line1"]
    assert "identity.json" not in archive.namelist()
    wrong = at[:-3] + "AAA"
    for path in (f"{wrong}/data-exports", f"{wrong}/erasure"):
        assert (await guest.get(path)).json()["code"] == "order_link_invalid"


async def test_staff_erase_a_guest_on_request_and_not_who_has_an_account(box: Box) -> None:
    shop = await open_shop(box, f"Written {uuid4().hex[:6]}", price=1_000, stock=9)
    guest, placed, at = await bought(box, shop)
    await deliver(box, shop, await part_of(shop, placed))
    staff = await box.staff()
    path = f"/admin/orders/{placed['orderId']}/erasure"
    assert (await staff.get(path)).status_code == 404
    assert (await shop.owner.post(path, {"reason": "x"})).status_code == 403
    await staff.ok("POST", path, {"reason": "Their letter of today."})
    await settled(box.runtime, placed["orderId"], "erased")
    assert (await staff.ok("GET", path))["state"] == "erased"
    assert (await guest.ok("GET", at))["email"].endswith("@erased.invalid")
    person = await box.person(f"{uuid4().hex[:8]}@example.com")
    quoted = await quote(person, {shop.offer: 1})
    answer = await pay(person, quoted["id"], await box.token("4242424242424242"))
    await box.settle()
    id = UUID(answer.json()["orderId"])
    wrong = await staff.post(f"/admin/orders/{id}/erasure", {"reason": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "order_of_account")
    orders: Orders = box.runtime.inner[Orders]
    tokens = await orders.links(box.runtime.system_context("test"), order_ids=[id])
    by_link = await guest.post(f"/orders/link/{tokens[id]}/erasure")
    assert by_link.json()["code"] == "order_of_account"


@pytest.mark.parametrize("end", ["rejected", "pending"])
async def test_an_owner_whose_store_never_opened_is_erased_with_it(box: Box, end: str) -> None:
    staff, url = await box.staff(), box.runtime.settings.sql_url.get_secret_value()
    owner = await box.person(EMAIL, f"{MARK} Plainly")
    vendor = await owner.ok(
        "POST",
        "/vendors/apply",
        {"name": f"Corner {uuid4().hex[:6]}", "country": "GB", "contactEmail": EMAIL},
    )
    await owner.sign_in(EMAIL)
    await box.settle()
    profile = {"supportPhone": PHONE, "supportEmail": EMAIL}
    await owner.ok("PATCH", f"/vendors/{vendor['id']}", profile)
    bank = {"holder": f"{MARK} Plainly", "account": "GB33BUKB20201555555555", "country": "GB"}
    await owner.ok("POST", f"/vendors/{vendor['id']}/bank-accounts", bank)
    await staff.ok("POST", f"/admin/vendors/{vendor['id']}/remarks", {"text": words("remark")})
    await box.settle()
    if end == "rejected":
        body = {"decision": "reject", "reason": words("rejection")}
        await staff.ok("PATCH", f"/admin/vendors/{vendor['id']}/status", body)
        await box.settle()
    assert leaks(await everything_in(url))
    assert (await owner.ok("GET", "/me/erasure"))["obstacles"] == []
    await owner.ok("POST", "/me/erasure")
    await settled(box.runtime, owner.person["id"], "erased")
    assert "\n".join(leaks(await everything_in(url))) == ""
    assert (await staff.ok("GET", f"/vendors/{vendor['id']}"))["status"] == "rejected"


async def test_an_owner_whose_store_is_closed_is_erased_when_its_money_is_done(box: Box) -> None:
    shop = await open_shop(box, f"Shut {uuid4().hex[:6]}", price=1_000, stock=9)
    owner = shop.owner
    told = (await owner.ok("GET", "/me/erasure"))["obstacles"]
    assert [one["code"] for one in told] == ["vendor_owned"]
    await owner.ok("POST", f"/vendors/{shop.id}/close")
    await box.settle()
    for _ in range(3):
        await box.runtime.run_timers()
        await box.settle()
    assert (await owner.ok("GET", "/me/erasure"))["obstacles"] == []
    await owner.ok("POST", "/me/erasure")
    await settled(box.runtime, owner.person["id"], "erased")
    staff = await box.staff()
    found = await staff.ok("GET", f"/vendors/{shop.id}")
    assert (found["status"], found["name"]) == ("closed", shop.vendor["name"])
    assert found.get("contactEmail", "erased@erased.invalid") == "erased@erased.invalid"
