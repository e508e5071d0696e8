"""The vendor portal on a real market: a shop run by forms alone."""

import re
from uuid import UUID, uuid4

import pytest_asyncio

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.shipping.api import Shipping
from tests.gateways.web.browser import Browser, Files, form_in, picture
from tests.journeys.box import Box
from tests.journeys.scene import Shop, buy, open_shop


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clay(box: Box) -> Shop:
    return await open_shop(box, "Clay House", price=1299, stock=50)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def loom(box: Box) -> Shop:
    return await open_shop(box, "The Loom", price=4500, stock=50)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(box: Box, clay: Shop) -> Browser:
    return await Browser(box).sign_in("owner@clay-house.example.com")


async def vendor_order(box: Box, shop: Shop) -> str:
    """The id of a new paid order of that shop."""
    buyer = await box.person("buyer@example.com", "Ada Buyer")
    await buy(box, buyer, {shop.offer: 1})
    ctx = box.runtime.system_context("test")
    found = await box.runtime.inner[Orders].vendor_orders(ctx, vendor_id=UUID(shop.id), limit=1)
    return str(found.items[0].id)


async def test_every_page_answers(box: Box, owner: Browser, clay: Shop) -> None:
    order = await vendor_order(box, clay)
    for path in (
        "/vendor", "/vendor/products", "/vendor/products?status=draft", "/vendor/products/new",
        f"/vendor/products/{clay.product['id']}", "/vendor/stock", "/vendor/stock?low=on",
        f"/vendor/stock/{clay.offer}", "/vendor/orders", "/vendor/orders?fulfilment=ready",
        f"/vendor/orders/{order}", "/vendor/shipping", "/vendor/shipping/new", "/vendor/money",
        "/vendor/money/earnings", "/vendor/money/payouts", "/vendor/profile",
    ):  # fmt: skip
        text = await owner.page(path)
        assert 'aria-label="Vendor portal"' in text


async def test_others_stay_outside(box: Box, clay: Shop) -> None:
    guest = Browser(box)
    for path in ("/vendor", "/vendor/apply", "/vendor/orders"):
        answer = await guest.http.get(path)
        assert answer.headers["location"].startswith("/sign-in?next=")
    await box.person("buyer@example.com", "Ada Buyer")
    buyer = await Browser(box).sign_in("buyer@example.com")
    assert (await buyer.http.get("/vendor")).headers["location"] == "/vendor/apply"
    await buyer.page("/vendor/orders", 403)
    assert (await buyer.send("/vendor/stock/" + clay.offer, {"on_hand": "1"})).status_code == 403


async def test_anothers_things_are_not_there(
    box: Box, owner: Browser, loom: Shop, clay: Shop
) -> None:
    order = await vendor_order(box, loom)
    product = loom.product["id"]
    ctx = box.runtime.system_context("test")
    [method] = await box.runtime.inner[Shipping].methods(ctx, vendor_id=UUID(loom.id))
    for path in (
        f"/vendor/orders/{order}", f"/vendor/products/{product}", f"/vendor/stock/{loom.offer}",
        f"/vendor/shipping/{method.id}",
    ):  # fmt: skip
        await owner.page(path, 404)
    form = {"id": str(uuid4()), "on_hand": "1", "low_at": "0"}
    for path in (
        f"/vendor/orders/{order}/accept", f"/vendor/products/{product}/archive",
        f"/vendor/stock/{loom.offer}", f"/vendor/shipping/{method.id}",
    ):  # fmt: skip
        assert (await owner.send(path, form)).status_code == 404, path


async def test_an_application_by_form(box: Box) -> None:
    await box.person("bread@example.com", "Bo Baker")
    baker = await Browser(box).sign_in("bread@example.com")
    form = form_in(await baker.page("/vendor/apply"), "/vendor/apply")
    assert form["contact_email"] == "bread@example.com"
    wrong = await baker.send("/vendor/apply", {**form, "name": "B", "contact_email": "nowhere"})
    assert wrong.status_code == 422
    assert 'id="name-error"' in wrong.text
    form |= {"name": "Fresh Bread", "country": "PT"}
    assert await baker.done("/vendor/apply", form) == "/vendor/onboarding"
    assert "waiting for review" in await baker.page("/vendor")
    assert (await baker.http.get("/vendor/apply")).headers["location"] == "/vendor"
    assert await baker.done("/vendor/apply", form) == "/vendor/onboarding", "sent twice"
    ctx = box.runtime.system_context("test")
    found = await box.runtime.inner[Vendors].queue(ctx, status="pending")
    assert [vendor.name for vendor in found.items] == ["Fresh Bread"]
    # A draft may be prepared; it cannot be submitted yet.
    new = form_in(await baker.page("/vendor/products/new"), "/vendor/products/new")
    new |= {"title": "Rye", "v0_sku": "rye", "v0_price": "4"}
    where = await baker.done("/vendor/products/new", {**new, "submit": "on"})
    assert "not submitted" in await baker.page(where)


async def test_a_taken_name_is_told_at_its_field(box: Box, clay: Shop) -> None:
    await box.person("second@example.com", "Se Cond")
    browser = await Browser(box).sign_in("second@example.com")
    form = form_in(await browser.page("/vendor/apply"), "/vendor/apply")
    answer = await browser.send("/vendor/apply", {**form, "name": "clay house"})
    assert answer.status_code == 409
    assert 'id="name-error"' in answer.text


async def test_a_product_by_form(box: Box, owner: Browser) -> None:
    form = form_in(await owner.page("/vendor/products/new"), "/vendor/products/new")
    form |= {
        "title": "Bowl <wide>", "description": "Round.\n\nDeep.", "option_1": "Size",
        "v0_option_1": "S", "v0_sku": "bowl-s", "v0_price": "10", "v0_stock": "4",
    }  # fmt: skip
    files: Files = [("new_pictures", picture()), ("new_pictures", picture("red"))]
    answer = await owner.send("/vendor/products/new", {**form, "add_variant": "on"}, files)
    assert answer.status_code == 200
    again = form_in(answer.text, "/vendor/products/new")
    assert again["variants"] == "2"
    assert again["pictures"] == "2", "uploaded at once: a page cannot give files back"
    assert (again["title"], again["v0_stock"], again["v1_price"]) == ("Bowl <wide>", "4", "10")
    again |= {"v1_option_1": "L", "v1_sku": "bowl-l", "v1_price": "12.50", "v1_compare_at": "15"}
    none: Files = [("new_pictures", ("", b"", "application/octet-stream"))]  # as browsers send it
    where = await owner.done("/vendor/products/new", {**again, "submit": "on"}, none)
    assert await owner.done("/vendor/products/new", {**again, "submit": "on"}, none) == where
    ctx = box.runtime.system_context("test")
    product = await box.runtime.inner[Catalog].product(ctx, ref=where.rsplit("/", 1)[1])
    assert product.status == "pending"
    assert product.description_html == "<p>Round.</p><p>Deep.</p>"
    assert [v.options["Size"] for v in product.variants] == ["S", "L"]
    assert len(product.pictures) == 2
    stock = await box.runtime.inner[Inventory].stock_of(
        ctx, offers=[v.offers[0].id for v in product.variants]
    )
    assert [one.on_hand for one in stock] == [4, 0] or [one.on_hand for one in stock] == [4]
    text = await owner.page(where)
    assert "Bowl &lt;wide&gt;" in text
    edit = form_in(text, where)
    edit |= {"v1_price": "13", "p0_remove": "on", "v0_stock": "6"}
    assert await owner.done(where, {**edit, "save": "on"}) == where
    product = await box.runtime.inner[Catalog].product(ctx, ref=str(product.id))
    assert product.variants[1].offers[0].price.minor == 1300
    assert len(product.pictures) == 1
    stale = await owner.send(where, {**edit, "title": "Other", "save": "on"})
    assert stale.status_code == 409
    assert "Open it as it is now" in stale.text
    assert await owner.done(f"{where}/archive") == where
    assert "disabled" in await owner.page(where)
    assert await owner.done(f"{where}/restore") == where


async def test_rows_are_added_and_removed(owner: Browser) -> None:
    path = "/vendor/products/new"
    form = form_in(await owner.page(path), path) | {"v0_sku": "one"}
    form = form_in((await owner.send(path, {**form, "add_variant": "on"})).text, path)
    form |= {"v1_sku": "two"}
    form = form_in((await owner.send(path, {**form, "add_variant": "on"})).text, path)
    form = form_in((await owner.send(path, {**form, "remove_variant": "0"})).text, path)
    assert (form["variants"], form["v0_sku"], form["v1_sku"]) == ("2", "two", "")
    assert (await owner.send(path, {**form, "remove_variant": "x"})).status_code == 200


async def test_mistakes_in_a_product_are_told_at_their_fields(owner: Browser, clay: Shop) -> None:
    path = "/vendor/products/new"
    form = form_in(await owner.page(path), path)
    empty = await owner.send(path, {**form, "save": "on"})
    assert empty.status_code == 422
    assert 'id="title-error"' in empty.text
    assert 'id="v0_sku-error"' in empty.text
    form |= {"title": "Second", "v0_sku": "clay-house-1", "v0_price": "1"}
    taken = await owner.send(path, {**form, "save": "on"})
    assert taken.status_code == 409
    assert 'id="v0_sku-error"' in taken.text
    assert "Variant 1, SKU" in taken.text
    broken = ("x.png", b"not a picture", "image/png")
    refused = await owner.send(path, {**form, "save": "on"}, [("new_pictures", broken)])
    assert refused.status_code == 422
    assert 'id="pictures-error"' in refused.text
    assert (await owner.send(path, {**form, "id": "x", "save": "on"})).status_code == 422


async def test_stock_by_form(owner: Browser, clay: Shop) -> None:
    path = f"/vendor/stock/{clay.offer}"
    form = form_in(await owner.page("/vendor/stock"), path)
    assert await owner.done(path, {**form, "on_hand": "41", "low_at": "45"}) == "/vendor/stock"
    low = await owner.page("/vendor/stock?low=on")
    assert "clay-house-1" in low
    assert form_in(low, path)["on_hand"] == "41"
    for wrong in ("", "x", "-1", "1.5", "99999999999"):
        answer = await owner.send(path, {**form, "on_hand": wrong})
        assert answer.status_code == 422, wrong
        assert 'aria-invalid="true"' in answer.text
    moved = await owner.page(path)
    assert "Counted" in moved
    form = form_in(low, path)
    assert (
        await owner.done(path, {**form, "on_hand": "50", "low_at": "0"}) == "/vendor/stock?low=on"
    )


async def test_an_order_walks_to_its_end(box: Box, owner: Browser, clay: Shop) -> None:
    path = f"/vendor/orders/{await vendor_order(box, clay)}"
    text = await owner.page(path)
    assert "Accept this order" in text
    assert "Commission, 3 % of the goods" in text
    assert await owner.done(f"{path}/accept") == path
    assert await owner.done(f"{path}/accept") == path, "pressed twice"
    assert await owner.done(f"{path}/ready") == path
    refused = await owner.send(f"{path}/ship", {"carrier": ""})
    assert refused.status_code == 422
    assert 'id="carrier-error"' in refused.text
    sent = {"carrier": "Royal <Mail>", "tracking_number": "RM 1"}
    assert await owner.done(f"{path}/ship", sent) == path
    text = await owner.page(path)
    assert "Royal &lt;Mail&gt;" in text
    assert "It has arrived" in text
    late = await owner.send(f"{path}/reject", {"reason": "No"})
    assert late.status_code == 409
    assert 'role="alert"' in late.text
    assert await owner.done(f"{path}/deliver") == path
    assert "What you do next" not in await owner.page(path)
    assert (await owner.send(f"{path}/explode")).status_code == 422


async def test_an_order_is_rejected_with_a_reason(box: Box, owner: Browser, clay: Shop) -> None:
    path = f"/vendor/orders/{await vendor_order(box, clay)}"
    answer = await owner.send(f"{path}/reject", {"reason": " "})
    assert answer.status_code == 422
    assert 'id="reason-error"' in answer.text
    assert await owner.done(f"{path}/reject", {"reason": "Broken in the kiln"}) == path
    assert "Broken in the kiln" in await owner.page(path)


async def test_shipping_by_form(owner: Browser) -> None:
    path = "/vendor/shipping/new"
    form = form_in(await owner.page(path), path) | {"name": "Parcel", "b0_up_to": "500"}
    form = form_in((await owner.send(path, {**form, "add_band": "on"})).text, path)
    form |= {"b0_price": "3.90", "b1_price": "7", "countries": "Portugal", "active": "on"}
    wrong = await owner.send(path, {**form, "b1_up_to": "100", "days_min": "9"})
    assert wrong.status_code == 422
    assert 'id="b1_up_to-error"' in wrong.text
    assert await owner.done(path, form) == "/vendor/shipping"
    assert await owner.done(path, form) == "/vendor/shipping", "sent twice"
    text = await owner.page("/vendor/shipping")
    assert text.count("Parcel</a>") == 1
    edit = re.search(r'href="(/vendor/shipping/[0-9a-f-]{36})">Parcel', text)
    assert edit is not None
    form = form_in(await owner.page(edit[1]), edit[1])
    assert form["countries"] == "PT"
    form.pop("active")
    assert await owner.done(edit[1], form) == "/vendor/shipping"
    assert "Not offered" in await owner.page("/vendor/shipping")


async def test_money_by_form(box: Box, owner: Browser, clay: Shop) -> None:
    account = "/vendor/money/account"
    refused = await owner.send(account, {"holder": "Clay", "account": "!!!!"})
    assert refused.status_code == 422
    assert 'id="account-error"' in refused.text
    await owner.done(account, {"holder": "Clay Ltd", "account": "GB29 NWBK 6016 1331 9268 19"})
    text = await owner.page("/vendor/money")
    assert "6819" in text
    assert "GB29" not in text
    ask = "/vendor/money/payouts"
    much = await owner.send(ask, {"id": str(uuid4()), "amount": "99999"})
    assert much.status_code == 409
    assert 'id="amount-error"' in much.text
    assert re.search("(At most .* can be paid|There is nothing to pay) out just now", much.text)
    assert (await owner.send(ask, {"id": str(uuid4()), "amount": "1,5"})).status_code == 422
    order = f"/vendor/orders/{await vendor_order(box, clay)}"
    for move in ("accept", "ship", "deliver"):
        await owner.done(f"{order}/{move}", {"carrier": "Own"})
    for _ in range(2):
        await box.settle()
        await box.runtime.run_timers()
    form = form_in(await owner.page("/vendor/money"), ask)
    await owner.done(ask, {**form, "amount": "1.50"})
    await owner.done(ask, {**form, "amount": "1.50"})
    text = await owner.page("/vendor/money/payouts")
    assert text.count('">$1.50</td>') == 1, "asked once"


async def test_the_profile_by_form(box: Box, owner: Browser, clay: Shop) -> None:
    path = "/vendor/profile"
    form = form_in(await owner.page(path), path)
    wrong = await owner.send(path, {**form, "contact_email": "nowhere"}, [("logo", picture())])
    assert wrong.status_code == 422
    assert 'id="contact_email-error"' in wrong.text
    broken = await owner.send(path, form, [("logo", ("a.png", b"no", "image/png"))])
    assert broken.status_code == 422
    assert 'id="logo-error"' in broken.text
    form |= {"description": "Pots & pans"}
    assert await owner.done(path, form, [("logo", picture("navy"))]) == path
    ctx = box.runtime.system_context("test")
    [vendor] = await box.runtime.inner[Vendors].by_ids(ctx, ids=[UUID(clay.id)])
    assert vendor.logo_id is not None
    assert vendor.description == "Pots & pans"
    await owner.done(path, {**form, "description": ""})
    [vendor] = await box.runtime.inner[Vendors].by_ids(ctx, ids=[UUID(clay.id)])
    assert vendor.description == ""


async def test_other_sites_cannot_send_forms(owner: Browser, clay: Shop) -> None:
    answer = await owner.http.post(
        "/vendor/money/payouts", data={"id": str(uuid4())}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
