"""Requests, rules, brands, sale lists, notes, options and kinds in the browser."""

import io
from typing import Any

from PIL import Image

from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box
from tests.journeys.scene import Shop, draft, open_shop, part_of

STAFF = "admin@staff.example.com"
EAN = "4006381333931"


async def _at(box: Box, email: str = "") -> Browser:
    found = Browser(box)
    return await found.sign_in(email) if email else found


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "PNG")
    return out.getvalue()


async def test_a_request_from_the_form_to_the_shelf(box: Box) -> None:
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "shared"})
    shop = await open_shop(box, "Asking House", price=1_000, stock=3)
    owner, admin = await _at(box, "owner@asking-house.example.com"), await _at(box, STAFF)
    page = await owner.page(f"/vendor/offers?q={EAN}")
    assert f"/vendor/requests/new?q={EAN}" in page
    page = await owner.page(f"/vendor/requests/new?q={EAN}")
    path = "/vendor/requests/new"
    sent = {**form_in(page, path), "title": "Fine <pen>", "sku": "PEN", "price": "x"}
    assert sent["barcode"] == EAN
    picture = [("pictures", ("pen.png", _png(), "image/png"))]
    wrong = await owner.send(path, sent, picture)
    assert wrong.status_code == 422
    assert "Write an amount like" in wrong.text
    again = form_in(wrong.text, path)
    assert again["kept_pictures"], "the picture need not be chosen again"
    bad = await owner.send(path, {**again, "price": "12.50", "link": "javascript:1"})
    assert bad.status_code == 422
    where = await owner.done(path, {**again, "price": "12.50", "link": "https://pen.example/"})
    page = await owner.page(where)
    assert "Fine &lt;pen&gt;" in page
    assert "Being looked at" in page
    assert (await (await _at(box)).http.get(where)).status_code in (303, 401, 403)

    listed = await admin.page("/admin/requests")
    assert "Asking House" in listed
    desk = where.replace("/vendor/", "/admin/")
    form = form_in(await admin.page(desk), f"{desk}/approve")
    wrong = await admin.send(f"{desk}/approve", {**form, "barcode": "123"})
    assert wrong.status_code == 422
    assert "A barcode has" in wrong.text
    assert (await admin.send(f"{desk}/refuse", {"reason": ""})).status_code == 422
    assert await admin.done(f"{desk}/approve", {**form, "brand": "Stylo"}) == "/admin/requests"
    assert "in the catalogue" in await admin.page(desk)
    assert "you sell it" in await owner.page(where)
    assert "In the catalogue" in await owner.page("/vendor/requests")
    await box.settle()
    # The next who asks is attached to it; a third is refused.
    await open_shop(box, "Second House", price=1_000, stock=3)
    second = await _at(box, "owner@second-house.example.com")
    asked = {"title": "A pen", "barcode": EAN, "sku": "P2", "price": "11"}
    form = form_in(await second.page(path), path)
    there = (await second.done(path, {**form, **asked})).replace("/vendor/", "/admin/")
    page = await admin.page(there)
    assert "May be the same" in page
    twin = page.split('name="product_id" value="')[1].split('"')[0]
    await admin.done(f"{there}/approve", {"product_id": twin})
    product = await staff.ok("GET", f"/products/{twin}")
    assert len(product["variants"][0]["offers"]) == 2
    form = form_in(await second.page(path), path)
    last = await second.done(path, {**form, "title": "Odd", "sku": "P3", "price": "1"})
    await admin.done(f"{last.replace('/vendor/', '/admin/')}/refuse", {"reason": "Not here."})
    assert "Refused: Not here." in await second.page(last)
    form = form_in(await second.page(path), path)
    gone = await second.done(path, {**form, "title": "Odder", "sku": "P4", "price": "1"})
    await second.done(f"{gone}/withdraw")
    assert "Withdrawn" in await second.page(gone)
    assert (await owner.http.get(gone)).status_code == 404
    await staff.ok("PATCH", "/admin/settings", {"offersPolicy": "both"})
    assert shop.id


async def test_rules_notes_brands_and_lists(box: Box) -> None:
    staff = await box.staff()
    shop = await open_shop(box, "Ruled House", price=1_000, stock=3)
    other = await open_shop(box, "Listed House", price=1_000, stock=3)
    owner, admin = await _at(box, "owner@ruled-house.example.com"), await _at(box, STAFF)
    rules = "/admin/listing-rules"
    form = form_in(await admin.page(rules), rules)
    wrong = await admin.send(rules, {**form, "name": "No copies", "kind": "words"})
    assert wrong.status_code == 422
    assert "Give the words that are forbidden." in wrong.text
    await admin.done(rules, {**form, "name": "No copies", "words": "replica\nfirst copy"})
    form = form_in(await admin.page(rules), rules)
    warn = {"name": "Brand", "kind": "brand", "effect": "warn", "words": ""}
    await admin.done(rules, {**form, **warn})
    known = {one["name"]: one["id"] for one in (await staff.ok("GET", rules))["items"]}
    changed = form_in(await admin.page(f"{rules}?rule={known['No copies']}"), rules)
    assert (changed["id"], changed["words"]) == (known["No copies"], "replica\nfirst copy")

    made = await shop.owner.ok("POST", "/products", draft("Replica pot", "rp-1", 900))
    where = f"/vendor/products/{made['id']}"
    told = await owner.page(where)
    assert "may not stand here" in told
    assert "it may be submitted all the same" in told
    await owner.done(where, {**form_in(told, where), "submit": "on"})
    assert "not submitted: No copies" in await owner.page(where)
    await owner.done(f"{where}/notes", {**form_in(told, f"{where}/notes"), "text": "Is it one?"})
    desk = await admin.page(f"/admin/products/{made['id']}")
    assert "Is it one?" in desk
    assert "What the rules say" in desk
    for id in known.values():
        await admin.done(f"{rules}/{id}/drop")

    approval = "/admin/approval-rules"
    form = form_in(await admin.page(rules), approval)
    assert (await admin.send(approval, {**form, "vendor": "nobody"})).status_code == 422
    await admin.done(approval, {**form, "vendor": "ruled-house", "price_max": "50"})
    assert "Ruled House" in await admin.page(rules)
    await owner.done(f"{where}/submit")
    assert (await staff.ok("GET", f"/products/{made['id']}"))["status"] == "active"
    [one] = (await staff.ok("GET", approval))["items"]
    await admin.done(f"{approval}/{one['id']}/drop")

    await _brands_and_who_may_sell(box, admin, shop, other, made)


async def _brands_and_who_may_sell(
    box: Box, admin: Browser, shop: Shop, other: Shop, made: Any
) -> None:
    """A brand, its logo, its page; who may sell it, and who one product."""
    await admin.done("/admin/brands", {"name": "Kiln & Co"})
    brand = "/admin/brands/kiln-co"
    form = form_in(await admin.page(brand), brand)
    assert (await admin.send(brand, {**form, "name": "Another"})).status_code == 422
    logo = [("logo", ("l.png", _png(), "image/png"))]
    await admin.done(brand, {**form, "name": "KILN & CO", "active": "on"}, logo)
    await shop.owner.ok("PATCH", f"/products/{made['id']}", {"brand": "kiln & co"})
    await box.settle()
    guest = await _at(box)
    page = await guest.page("/brands/kiln-co")
    assert "KILN &amp; CO" in page
    assert "Replica pot" in page
    assert '<link rel="canonical"' in page
    moved = await guest.http.get("/brands/Kiln%20%26%20Co")
    assert (moved.status_code, moved.headers["location"]) == (301, "/brands/kiln-co")
    await admin.done(brand, {**form_in(await admin.page(brand), brand), "active": ""})
    assert (await guest.http.get("/brands/kiln-co")).status_code == 404
    lists = "/admin/sale-lists"
    for subject in (f"product={made['id']}", "brand=kiln-co"):
        fields = dict([subject.split("=")])
        assert "Every vendor may." in await admin.page(f"{lists}?{subject}")
        await admin.done(lists, {**fields, "was": "everybody"})
        page = await admin.page(f"{lists}?{subject}&q=listed")
        assert other.id in page
        await admin.done(lists, {**fields, "was": "", "add": other.id})
        await admin.done(lists, {**fields, "was": "stale", "everybody": "on"})
        page = await admin.page(f"{lists}?{subject}")
        assert "Somebody changed this list just now" in page
        assert "Take Listed House off the list" in page
        await admin.done(lists, {**fields, "was": other.id, "everybody": "on"})
        assert "Every vendor may." in await admin.page(f"{lists}?{subject}")


async def test_options_in_the_form_and_goods_without_a_parcel(box: Box) -> None:
    staff = await box.staff()
    shop = await open_shop(box, "Form House", price=1_000, stock=3)
    owner = await _at(box, "owner@form-house.example.com")
    path = "/vendor/products/new"
    form = form_in(await owner.page(path), path)
    form |= {"title": "Tee", "option_1": "Size", "option_1_values": "S, M,  M"}
    half = await owner.send(path, {**form, "option_2": "Colour", "make_variants": "on"})
    assert half.status_code == 422
    assert "Write what there is to choose from." in half.text
    many = ", ".join(map(str, range(101)))
    full = {"option_1_values": many, "option_2": "Colour", "option_2_values": "a, b"}
    over = await owner.send(path, {**form, **full, "make_variants": "on"})
    assert over.status_code == 422
    assert "That would be 202 variants" in over.text
    made = await owner.send(path, {**form, "make_variants": "on"})
    assert made.status_code == 200
    form = form_in(made.text, path)
    assert (form["variants"], form["v0_sku"], form["v1_sku"]) == ("2", "TEE-S", "TEE-M")
    for button in ("make_variants", "submit", "save"):
        form.pop(button, None)
    filled = await owner.send(
        path,
        {**form, "all_price": "9", "all_stock": "4", "sku_pattern": "T-{size}", "fill_all": "on"},
    )
    form = form_in(filled.text, path)
    assert (form["v1_sku"], form["v1_price"], form["v1_stock"]) == ("T-M", "9", "4")
    for button in ("make_variants", "fill_all", "submit"):
        form.pop(button, None)
    where = await owner.done(path, {**form, "save": "on"})
    shown = form_in(await owner.page(where), where)
    assert (shown["v1_stock"], shown["option_1_values"]) == ("4", "S, M")

    # A service: no address for goods, no parcel, done.
    body = {**draft("Glazing lesson", "les-1", 4_000), "kind": "service"}
    lesson = await shop.owner.ok("POST", "/products", body)
    await shop.owner.ok("POST", f"/products/{lesson['id']}/submit")
    await staff.ok("PATCH", f"/admin/products/{lesson['id']}/approve", {"decision": "approve"})
    await box.settle()
    offer = lesson["variants"][0]["offers"][0]["id"]
    guest = await _at(box)
    assert "A service: nothing is shipped." in await guest.page(f"/products/{lesson['slug']}")
    await guest.done(f"/products/{lesson['slug']}", {"offer_id": offer, "quantity": "1"})
    page = await guest.page("/checkout")
    assert "Where the goods go" not in page
    form = form_in(page, "/checkout")
    assert form["ships"] == "no"
    form |= {"email": "ada@example.com", "name": "Ada", "line1": "1 St", "city": "Rome"}
    quote = await guest.done("/checkout", {**form, "country": "IT"})
    page = await guest.page(quote)
    assert "By arrangement." in page
    assert "Goes to" not in page
    buyer = await box.person("learns@example.com", "Ada Learns")
    summary = {"items": [{"offerId": offer, "quantity": 1}], "billTo": _home()}
    quoted = await buyer.ok("POST", "/checkout/summary", summary)
    payment = {"provider": "test", "token": await box.token("4242424242424242")}
    placed = await buyer.ok("POST", "/orders", {"quoteId": quoted["id"], "payment": payment})
    await box.settle()
    part = await part_of(shop, placed)
    order = f"/vendor/orders/{part['id']}"
    await owner.done(f"{order}/accept")
    page = await owner.page(order)
    assert "It is done" in page
    assert "Send it" not in page
    await owner.done(f"{order}/deliver")
    reader = await _at(box, "learns@example.com")
    assert "Receipt made out to" in await reader.page(f"/orders/{placed['orderNumber']}")
    await owner.done(f"/vendor/stock/{offer}/counting", {"counted": "on"})
    assert (await shop.owner.ok("GET", f"/inventory/{offer}"))["items"][0]["counted"]


def _home() -> dict[str, str]:
    return {"name": "Ada", "line1": "1 Main St", "city": "Rome", "country": "IT"}
