"""Warehouses and stock by forms; a cart that tells of prices and reminds."""

from uuid import UUID

import pytest_asyncio

from haat.domains.goods.inventory.api import Inventory
from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box
from tests.journeys.scene import Shop, draft, open_shop

PLACE = {
    "name": "Shop <corner>", "priority": "5", "countries": "GB, Spain", "line1": "1 Main St",
    "line2": "", "city": "London", "region": "", "postal_code": "N1", "country": "GB",
    "pickup": "on", "pickup_note": "9 to 17",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clay(box: Box) -> Shop:
    return await open_shop(box, "Clay House", price=1299, stock=50)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(box: Box, clay: Shop) -> Browser:
    return await Browser(box).sign_in("owner@clay-house.example.com")


async def test_a_warehouse_from_opening_to_closing(box: Box, owner: Browser, clay: Shop) -> None:
    new = "/vendor/warehouses/new"
    form = form_in(await owner.page(new), new)
    for wrong in (
        {"name": ""}, {"line1": ""}, {"country": "XX"}, {"countries": "Atlantis"},
        {"priority": "0"}, {"line1": "", "city": "", "postal_code": "", "country": ""},
    ):  # fmt: skip
        answer = await owner.send(new, {**form, **PLACE, **wrong})
        assert answer.status_code == 422, wrong
        assert 'aria-invalid="true"' in answer.text
    assert await owner.done(new, {**form, **PLACE}) == "/vendor/warehouses"
    assert await owner.done(new, {**form, **PLACE}) == "/vendor/warehouses", "pressed twice"
    text = await owner.page("/vendor/warehouses")
    assert "Shop &lt;corner&gt;" in text
    assert "Spain, United Kingdom" in text
    ctx = box.runtime.system_context("test")
    inventory = box.runtime.inner[Inventory]
    shop, first = await inventory.warehouses(ctx, vendor_id=UUID(clay.id))
    edit = f"/vendor/warehouses/{shop.id}"
    assert form_in(await owner.page(edit), edit)["city"] == "London"
    assert (await owner.send(f"/vendor/warehouses/{clay.id}", PLACE)).status_code == 404

    path = f"/vendor/stock/{clay.offer}"
    move = form_in(await owner.page(path), f"{path}/move")
    move |= {"quantity": "60", "from_id": str(first.id), "to_id": str(shop.id)}
    refused = await owner.send(f"{path}/move", move)
    assert refused.status_code == 409
    assert "Only 50 are free there." in refused.text
    for _ in range(2):
        assert await owner.done(f"{path}/move", {**move, "quantity": "8"}) == path
    change = form_in(await owner.page(path), f"{path}/change")
    lost = {"happened": "damaged", "number": "3", "at": str(shop.id)}
    assert await owner.done(f"{path}/change", {**change, **lost}) == path
    marks = form_in(await owner.page(path), f"{path}/marks")
    assert await owner.done(f"{path}/marks", {**marks, "safety": "7", "low_at": "2"}) == path
    text = await owner.page(path)
    assert "Your team" in text
    assert "-3" in text
    assert "+8" not in await owner.page(f"{path}?reason=damaged&warehouse={shop.id}")
    listed = await owner.page("/vendor/stock")
    assert "Main warehouse: 42" in listed
    assert "7 kept back" in listed
    there = await owner.page(f"/vendor/stock?warehouse={shop.id}")
    assert form_in(there, path)["on_hand"] == "5"
    close = f"{edit}/close"
    assert await owner.done(close) == "/vendor/warehouses"
    assert "Goods lie there" in await owner.page("/vendor/warehouses")
    form = form_in(there, path)
    await owner.done(path, {**form, "on_hand": "0"})
    assert await owner.done(close) == "/vendor/warehouses"
    assert "Shop &lt;corner&gt;" not in await owner.page("/vendor/warehouses")


async def test_the_cart_tells_of_prices_and_may_remind(box: Box, clay: Shop) -> None:
    await box.person("left@example.com", "Ada Left")
    buyer = await Browser(box).sign_in("left@example.com")
    product = f"/products/{clay.product['slug']}"
    await buyer.done(product, {"offer_id": clay.offer, "quantity": "1"})
    assert "when you put it in" not in await buyer.page("/cart")
    changed = draft("Clay House thing", "clay-house-1", 1599)
    changed["variants"][0]["id"] = clay.product["variants"][0]["id"]
    await clay.owner.ok("PUT", f"/products/{clay.product['id']}", changed)
    await box.settle()
    text = await buyer.page("/cart")
    assert "Was $12.99 when you put it in" in text
    wanted = form_in(text, "/cart/reminders")
    assert "wanted" not in wanted
    assert await buyer.done("/cart/reminders", {"wanted": "on"}) == "/cart"
    assert form_in(await buyer.page("/cart"), "/cart/reminders")["wanted"] == "on"
    await buyer.done("/cart/reminders", {})
    assert "wanted" not in form_in(await buyer.page("/cart"), "/cart/reminders")
    guest = Browser(box)
    await guest.done(product, {"offer_id": clay.offer, "quantity": "1"})
    assert "/cart/reminders" not in await guest.page("/cart")


async def test_who_finds_it_sold_out_is_told(box: Box, clay: Shop) -> None:
    await clay.owner.ok("PUT", f"/inventory/{clay.offer}/safety", {"safety": 1000})
    path = f"/products/{clay.product['slug']}"
    ask = f"{path}/tell-me"
    guest = Browser(box)
    form = form_in(await guest.page(path), ask)
    for wrong in ("", "nobody"):
        refused = await guest.send(ask, {**form, "email": wrong})
        assert refused.status_code == 422
        assert 'id="email-error"' in refused.text
    assert await guest.done(ask, {**form, "email": "waits@example.com"}) == path
    await box.person("waits@example.org", "Ada Waits")
    buyer = await Browser(box).sign_in("waits@example.org")
    mine = form_in(await buyer.page(path), ask)
    assert "email" not in mine
    assert await buyer.done(ask, mine) == path
    await clay.owner.ok("PUT", f"/inventory/{clay.offer}/safety", {"safety": 0})
    assert await buyer.done(ask, mine) == path
    assert "It can be had just now" in await buyer.page(path)
    await box.runtime.run_timers()
    await box.settle()
    assert "is back" in await buyer.page("/notifications")
    stop = "/stock-notices/x.y.z"
    assert "Do not tell me" in await guest.page(stop)
    assert await guest.done(stop) == "/"
