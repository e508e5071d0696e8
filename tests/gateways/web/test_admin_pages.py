"""The back office on a real market: queues decided, money given back, settings changed."""

import re
from uuid import UUID, uuid4

import pytest_asyncio

from haat.domains.goods.catalog.api import Catalog
from haat.domains.money.payments.api import Destination
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.identity.api import Identity, StaffRole
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.orders.api import Orders
from haat.kernel.money import Money
from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box
from tests.journeys.scene import Shop, buy, draft, open_shop


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clay(box: Box) -> Shop:
    return await open_shop(box, "Clay House", price=1000, stock=50)


@pytest_asyncio.fixture(loop_scope="session")
async def admin(box: Box, clay: Shop) -> Browser:
    await box.staff()
    return await Browser(box).sign_in("admin@staff.example.com")


async def staff(box: Box, role: StaffRole) -> Browser:
    email = f"{role}@staff.example.com"
    person = await box.person(email, role.title())
    me = (await person.get("/auth/me")).json()
    ctx = box.runtime.system_context("test")
    await box.runtime.inner[Identity].grant_staff(ctx, person_id=UUID(me["id"]), role=role)
    return await Browser(box).sign_in(email)


async def order(box: Box, shop: Shop) -> str:
    """The number of a new paid order."""
    buyer = await box.person("buyer@example.com", "Ada Buyer")
    await buy(box, buyer, {shop.offer: 2})
    found = await box.runtime.inner[Orders].listed(box.runtime.system_context("test"), limit=1)
    return str(found.items[0].number)


async def agree(admin: Browser, path: str, form: dict[str, str]) -> dict[str, str]:
    """The form that confirms a refund, as the page that shows it first has it."""
    preview = await admin.send(path, {**form, "step": "preview"})
    assert preview.status_code == 200, preview.text
    return form_in(preview.text, path) | {"step": "confirm"}


async def apply(box: Box, name: str) -> str:
    """The id of a new vendor that waits for review."""
    email = f"{name.split()[0].lower()}@example.com"
    person = await box.person(email)
    body = {"name": name, "country": "PT", "contactEmail": email}
    return str((await person.ok("POST", "/vendors/apply", body))["id"])


async def test_every_page_answers(box: Box, admin: Browser, clay: Shop) -> None:
    number = await order(box, clay)
    for path in (
        "/admin", "/admin/vendors", "/admin/vendors?status=all", f"/admin/vendors/{clay.id}",
        "/admin/products", "/admin/products?status=active", f"/admin/products/{clay.product['id']}",
        "/admin/orders", "/admin/orders?payment=paid", f"/admin/orders/{number}", "/admin/payouts",
        "/admin/payouts?status=all", "/admin/payments", "/admin/payments?status=awaiting",
        "/admin/refunds", "/admin/disputes", "/admin/settings", "/admin/categories",
        "/admin/dead-letters", "/admin/doctor", "/admin/people", "/admin/commission",
        "/admin/commission/explain", "/admin/search",
    ):  # fmt: skip
        assert 'aria-label="Back office"' in await admin.page(path)


async def test_search_is_looked_after(box: Box, admin: Browser) -> None:
    await admin.http.get("/search?q=zzqqxx")
    group = {"id": str(UUID(int=7)), "words": "gizmo\ngadget", "one_way": "on"}
    made = await admin.send("/admin/search/synonyms", group)
    assert made.headers["location"] == "/admin/search"
    text = await admin.page("/admin/search")
    assert "gizmo → gadget" in text
    assert "zzqqxx" in text
    refused = await admin.send("/admin/search/synonyms", {**group, "words": "alone"})
    assert refused.status_code == 422
    ranking = {"popularity": "120", "freshness": "20", "fresh_days": "60", "meaning": "0"}
    assert (await admin.send("/admin/search/ranking", ranking)).status_code == 303
    assert 'value="120"' in await admin.page("/admin/search")
    wrong = await admin.send("/admin/search/ranking", {**ranking, "popularity": "much"})
    assert wrong.status_code == 422
    assert (await admin.send("/admin/search/rebuild", {})).status_code == 303


async def test_only_staff_come_in(box: Box, clay: Shop) -> None:
    guest = Browser(box)
    assert (await guest.http.get("/admin")).headers["location"] == "/sign-in?next=/admin"
    owner = await Browser(box).sign_in("owner@clay-house.example.com")
    for path in ("/admin", "/admin/payouts", "/admin/people"):
        await owner.page(path, 403)
    decide = await owner.send(f"/admin/vendors/{clay.id}", {"decision": "suspend", "reason": "x"})
    assert decide.status_code == 403


async def test_each_role_sees_its_sections(box: Box, clay: Shop) -> None:
    finance = await staff(box, "finance")
    text = await finance.page("/admin")
    assert "/admin/payouts" in text
    for hidden in ("/admin/vendors", "/admin/settings", "/admin/dead-letters"):
        assert f'href="{hidden}"' not in text
        await finance.page(hidden, 403)
    for path, form in (
        (f"/admin/vendors/{clay.id}", {"decision": "suspend", "reason": "x"}),
        (f"/admin/vendors/{clay.id}/commission", {"commission": "1"}),
        ("/admin/settings", {"name": "Mine", "commission": "1", "return_window_minutes": "1"}),
        ("/admin/categories", {"id": str(uuid4()), "name": "Mine"}),
        ("/admin/dead-letters/1/discard", {}),
    ):
        assert (await finance.send(path, form)).status_code == 403, path
    moderator = await staff(box, "moderator")
    assert "Payouts" not in await moderator.page("/admin")
    await moderator.page("/admin/vendors")
    await moderator.page("/admin/orders", 403)


async def test_vendors_are_decided_on(box: Box, admin: Browser) -> None:
    id = await apply(box, "Fresh Bread")
    path = f"/admin/vendors/{id}"
    assert "Fresh Bread" in await admin.page("/admin/vendors")
    silent = await admin.send(path, {"decision": "reject", "reason": ""})
    assert silent.status_code == 422
    assert 'id="reason-error"' in silent.text
    assert await admin.done(path, {"decision": "approve"}) == path
    assert await admin.done(path, {"decision": "approve"}) == path, "pressed twice"
    late = await admin.send(path, {"decision": "reject", "reason": "Late"})
    assert late.status_code == 409
    assert 'role="alert"' in late.text
    await admin.done(path, {"decision": "suspend", "reason": "Complaints"})
    assert "Complaints" in await admin.page(path)
    await admin.done(path, {"decision": "reinstate"})
    await admin.done(f"{path}/commission", {"commission": "2.5"})
    assert form_in(await admin.page(path), f"{path}/commission")["commission"] == "2.5"
    wrong = await admin.send(f"{path}/commission", {"commission": "200"})
    assert wrong.status_code == 422
    assert 'id="commission-error"' in wrong.text
    await admin.done(f"{path}/commission", {"commission": ""})
    ctx = box.runtime.system_context("test")
    found = await box.runtime.inner[Vendors].find(ctx, slug=id)
    assert found.commission_bp is None
    assert (await admin.send(path, {"decision": "crown"})).status_code == 422
    assert (
        await admin.send(f"/admin/vendors/{uuid4()}", {"decision": "approve"})
    ).status_code == 404


async def test_products_are_decided_on(box: Box, admin: Browser, clay: Shop) -> None:
    made = []
    for n in range(2):
        one = await clay.owner.ok("POST", "/products", draft(f"Jug {n} <b>", f"jug-{n}", 900))
        await clay.owner.ok("POST", f"/products/{one['id']}/submit")
        made.append(f"/admin/products/{one['id']}")
    text = await admin.page("/admin/products")
    assert "Jug 0 &lt;b&gt;" in text
    assert "Clay House" in text
    preview = re.search(r'href="(/products/[^"]+)"', await admin.page(made[0]))
    assert preview is not None
    assert (await admin.http.get(preview[1])).status_code == 200
    await admin.done(made[0], {"decision": "approve"})
    silent = await admin.send(made[1], {"decision": "reject"})
    assert silent.status_code == 422
    assert 'id="reason-error"' in silent.text
    await admin.done(made[1], {"decision": "reject", "reason": "No picture"})
    ctx = box.runtime.system_context("test")
    found = [
        await box.runtime.inner[Catalog].product(ctx, ref=one.rsplit("/", 1)[1]) for one in made
    ]
    assert [(one.status, one.reason) for one in found] == [
        ("active", None),
        ("rejected", "No picture"),
    ]
    assert (await admin.send(made[1], {"decision": "approve"})).status_code == 409


async def test_an_order_is_found_and_refunded(box: Box, admin: Browser, clay: Shop) -> None:
    number = await order(box, clay)
    found = await admin.http.get("/admin/orders", params={"number": f" {number.lower()} "})
    assert found.headers["location"] == f"/admin/orders/{number}"
    assert "There is no order" in await admin.page("/admin/orders?number=H-999999", 404)
    text = await admin.page(f"/admin/orders/{number}")
    link = re.search(r'href="(/admin/orders/[^"]+/refund/[^"]+)"', text)
    assert link is not None
    path = link[1]
    form = form_in(await admin.page(path), path)
    form |= {"how": "amount", "amount": "5", "reason": "Scratched"}
    for wrong in (
        {"amount": "x"}, {"amount": ""}, {"reason": ""}, {"amount": "0"}, {"id": "x"},
    ):  # fmt: skip
        refused = await admin.send(path, {**form, "id": str(uuid4()), **wrong})
        assert refused.status_code == 422, wrong
        assert 'role="alert"' in refused.text
    much = await admin.send(path, {**form, "id": str(uuid4()), "amount": "9999"})
    assert much.status_code == 409
    assert "is left to give back" in much.text
    agreed = await agree(admin, path, form)
    assert await admin.done(path, agreed) == f"/admin/orders/{number}"
    await admin.done(path, agreed)  # a double click
    await box.settle()
    ctx = box.runtime.system_context("test")
    after = await box.runtime.inner[Orders].order(ctx, ref=number)
    assert after.refunded.minor == 500
    one = form_in(await admin.page(path), path)
    line = next(name for name in one if name.startswith("q-"))
    one |= {"how": "items", line: "1", "reason": "One lost"}
    await admin.done(path, await agree(admin, path, one))
    await box.settle()
    after = await box.runtime.inner[Orders].order(ctx, ref=number)
    assert [line.refunded_quantity for line in after.vendor_orders[0].lines] == [1]
    rest = form_in(await admin.page(path), path)
    rest |= {"how": "all", "amount": "1", "reason": "Lost"}
    await admin.done(path, await agree(admin, path, rest))
    await box.settle()
    after = await box.runtime.inner[Orders].order(ctx, ref=number)
    assert after.refunded == after.totals.total
    text = await admin.page(f"/admin/orders/{number}")
    assert "Scratched" in text
    assert "Given back" in text
    assert path not in text, "nothing is left"
    assert "Nothing is left" in await admin.page(path)
    other = await order(box, clay)
    crossed = path.replace(number, other)
    assert (await admin.send(crossed, form)).status_code == 404


async def test_payouts_are_decided_on(box: Box, admin: Browser, clay: Shop) -> None:
    ctx, payouts = box.runtime.system_context("test"), box.runtime.inner[Payouts]
    number = await order(box, clay)
    part = (await box.runtime.inner[Orders].order(ctx, ref=number)).vendor_orders[0]
    orders = box.runtime.inner[Orders]
    for move in (orders.accept, orders.ship, orders.deliver):
        await move(ctx, id=part.id)
    for _ in range(2):
        await box.settle()
        await box.runtime.run_timers()
    vendor = UUID(clay.id)
    await payouts.set_destination(
        ctx, vendor_id=vendor, destination=Destination(holder="Clay", account="GB29NWBK60161331")
    )
    asked = [
        await payouts.request(
            ctx, id=uuid4(), vendor_id=vendor, amount=Money(minor=minor, currency="USD")
        )
        for minor in (150, 250)
    ]
    text = await admin.page("/admin/payouts")
    assert "$1.50" in text
    first, second = (f"/admin/payouts/{one.id}?status=requested" for one in asked)
    assert form_in(text, first)["decision"] in ("approve", "reject")
    silent = await admin.send(second, {"decision": "reject", "reason": ""})
    assert silent.status_code == 422
    assert "Say why" in silent.text
    await admin.done(first, {"decision": "approve"})
    await admin.done(first, {"decision": "approve"})
    await admin.done(second, {"decision": "reject", "reason": "Unclear account"})
    await box.settle()
    assert "$1.50" in await admin.page("/admin/payouts?status=paid")
    assert "Unclear account" in await admin.page("/admin/payouts?status=rejected")
    late = await admin.send(second, {"decision": "approve"})
    assert late.status_code == 409
    assert (await payouts.balance(ctx, vendor_id=vendor)).paid.minor == 150


async def test_settings_and_rates(box: Box, admin: Browser) -> None:
    path = "/admin/settings"
    form = form_in(await admin.page(path), path)
    wrong = await admin.send(
        path, {**form, "name": "", "commission": "x", "return_window_minutes": "-1"}
    )
    assert wrong.status_code == 422
    for field in ("name", "commission", "return_window_minutes"):
        assert f'id="{field}-error"' in wrong.text
    mail = await admin.send(path, {**form, "support_email": "nowhere"})
    assert mail.status_code == 422
    assert 'id="support_email-error"' in mail.text
    changed = {"name": "Market & Co", "commission": "3", "support_email": "help@example.com"}
    assert await admin.done(path, {**form, **changed}) == path
    ctx = box.runtime.system_context("test")
    assert (await box.runtime.inner[Market].settings(ctx)).name == "Market & Co"
    assert await admin.done(path, {**form, **changed, "support_email": ""}) == path
    assert (await box.runtime.inner[Market].settings(ctx)).support_email is None
    rates = f"{path}/rates"
    bad = await admin.send(rates, {"tax_class": "1", "country": "XX", "rate": "101"})
    assert bad.status_code == 422
    for field in ("tax_class", "country", "rate"):
        assert f'id="{field}-error"' in bad.text
    classes = f"{path}/tax-classes"
    wrong = await admin.send(classes, {"code": "1", "class_name": ""})
    assert wrong.status_code == 422
    for field in ("code", "class_name"):
        assert f'id="{field}-error"' in wrong.text
    unknown = await admin.send(rates, {"tax_class": "Books", "country": "PT", "rate": "6"})
    assert unknown.status_code == 422
    added = {"code": "Books", "class_name": "Books and papers", "class_active": "on"}
    await admin.done(classes, added)
    assert "Books and papers" in await admin.page(path)
    await admin.done(rates, {"tax_class": "Books", "country": "PT", "rate": "6"})
    assert "6 %" in await admin.page(path)


async def test_categories(box: Box, admin: Browser) -> None:
    path = "/admin/categories"
    form = form_in(await admin.page(path), path) | {"name": "Home"}
    await admin.done(path, form)
    await admin.done(path, form)  # a double click
    text = await admin.page(path)
    assert len(re.findall(r">Home</a>", text)) == 1
    home = form["id"]
    below = form_in(text, path) | {"name": "Mugs", "parent_id": home}
    await admin.done(path, below)
    mugs = below["id"]
    cycle = await admin.send(f"{path}/{home}", {"id": home, "name": "Home", "parent_id": mugs})
    assert cycle.status_code == 422
    assert 'id="parent_id-error"' in cycle.text
    taken = await admin.send(path, {"id": str(uuid4()), "name": "Other", "slug": "mugs"})
    assert taken.status_code == 409
    assert 'id="slug-error"' in taken.text
    edit = form_in(await admin.page(f"{path}/{mugs}"), f"{path}/{mugs}")
    await admin.done(f"{path}/{mugs}", {**edit, "name": "Cups", "position": "3"})
    assert ">Cups</a>" in await admin.page(path)
    await admin.page(f"{path}/{uuid4()}", 404)
    assert (await admin.send(path, {"id": str(uuid4()), "name": ""})).status_code == 422


async def test_what_is_not_there(admin: Browser) -> None:
    for path in (
        f"/admin/vendors/{uuid4()}", f"/admin/products/{uuid4()}", "/admin/orders/H-999999",
        "/admin/orders/odd", "/admin/nothing",
    ):  # fmt: skip
        await admin.page(path, 404)
    for path in ("/admin/vendors/x", "/admin/vendors?status=odd", "/admin/payments?cursor=odd"):
        await admin.page(path, 422)
