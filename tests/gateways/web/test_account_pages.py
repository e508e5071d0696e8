"""A person's own pages without JavaScript: addresses by country, preferences, picture, consents."""

import re
from io import BytesIO

from PIL import Image

from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box
from tests.journeys.scene import draft, open_shop

NEW = "/account/addresses/new"


def _picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 40), "teal").save(out, "PNG")
    return out.getvalue()


async def test_addresses_by_country(box: Box) -> None:
    ada = await box.person("ada@example.com", "Ada")
    browser = await Browser(box).sign_in("ada@example.com")
    american = await browser.page(f"{NEW}?country=US")
    assert re.search(r'for="region">State', american)
    assert re.search(r'for="postal_code">ZIP code', american)
    lion = await browser.page(f"{NEW}?country=SG")
    assert 'name="city"' not in lion
    assert 'name="region"' not in lion
    form = form_in(lion, "/account/addresses")
    form |= {"name": "Ada", "line1": "1 Pier", "postal_code": "546080", "label": "<b>Home</b>"}
    assert await browser.done("/account/addresses", form) == "/account#addresses"
    [saved] = (await ada.ok("GET", "/me/addresses"))["items"]
    assert (saved["city"], saved["label"]) == ("Singapore", "<b>Home</b>")
    page = await browser.page("/account")
    assert "&lt;b&gt;Home&lt;/b&gt;" in page

    edit = f"/account/addresses/{saved['id']}"
    shown = await browser.page(f"{edit}?country=US")
    assert 'value="1 Pier"' in shown, "what was typed stays when another country is chosen"
    there = {"country": "US", "name": "Ada", "line1": "1 Pier"}
    there |= {"city": "Albany", "region": "CA", "postal_code": "12201"}
    refused = await browser.send(edit, there)
    assert refused.status_code == 422
    marked = re.findall(r'id="(\w+)-error"', refused.text)
    assert marked == ["postal_code"]
    assert await browser.done(edit, {**there, "region": "NY"}) == "/account#addresses"
    [changed] = (await ada.ok("GET", "/me/addresses"))["items"]
    assert (changed["id"], changed["region"], changed["isDefault"]) == (saved["id"], "NY", True)
    for wrong in ({**there, "country": "ZZ"}, {**there, "country": ""}):
        assert (await browser.send(edit, wrong)).status_code == 422
    other = Browser(box)
    await box.person("eve@example.com")
    await other.sign_in("eve@example.com")
    assert (await other.http.get(edit)).status_code == 404
    assert (await other.send(edit, there)).status_code == 404


async def test_preferences_follow_their_owner(box: Box) -> None:
    shop, staff = await open_shop(box, "Clay House", price=900, stock=3), await box.staff()
    shelf = await staff.ok("POST", "/admin/categories", {"name": "Jars and pots"})
    goods = {**draft("Jar", "JAR", 900), "categoryId": shelf["id"]}
    jar = await shop.owner.ok("POST", "/products", goods)
    await shop.owner.ok("POST", f"/products/{jar['id']}/submit")
    decided = {"decision": "approve"}
    await staff.ok("PATCH", f"/admin/products/{jar['id']}/approve", decided)
    await box.settle()
    await box.person("bob@example.com", "Bob")
    browser = await Browser(box).sign_in("bob@example.com")
    path = "/account/preferences"
    form = form_in(await browser.page(path), path)
    assert form["order_mail"] == "on"
    wanted = {"currency": "", "country": "DE", "interest": shelf["id"], "reminders": "on"}
    assert await browser.done(path, wanted) == path
    page = await browser.page(path)
    assert f'value="{shelf["id"]}" checked' in page
    assert "order_mail" not in form_in(page, path)
    assert re.search(r"to\s+Germany", page)
    for wrong in ({"currency": "XXX"}, {"country": "ZZ"}, {"interest": "x"}):
        assert (await browser.send(path, {**wanted, **wrong})).status_code == 422, wrong
    elsewhere = Browser(box)
    assert "Jars and pots" in await elsewhere.page("/")
    assert not re.search(r"to\s+Germany", await elsewhere.page("/"))
    await elsewhere.sign_in("bob@example.com")
    home = await elsewhere.page("/")
    assert re.search(r"to\s+Germany", home)
    assert 'id="liked-1">Jars and pots' in home


async def test_profile_picture_and_consents(box: Box) -> None:
    cy = await box.person("cy@example.com", "Cy")
    browser = await Browser(box).sign_in("cy@example.com")
    form = form_in(await browser.page("/account"), "/account")
    born = {**form, "born_on": "1990-02-28", "marketing": "on"}
    assert await browser.done("/account", born) == "/account"
    told = await cy.ok("GET", "/me/profile")
    assert (told["bornOn"], told["marketing"]) == ("1990-02-28", True)
    wrong = await browser.send("/account", {**born, "born_on": "1790-02-28"})
    assert wrong.status_code == 422
    assert 'id="born_on-error"' in wrong.text
    assert "news and offers by mail" in await browser.page("/account/consents")
    assert await browser.done("/account/consents/withdraw") == "/account/consents"
    given = [one["given"] for one in (await cy.ok("GET", "/me/consents"))["items"]]
    assert given == [False, True]
    files = [("picture", ("me.png", _picture(), "image/png"))]
    assert await browser.done("/account/avatar", files=files) == "/account"
    avatar = (await cy.ok("GET", "/me/profile"))["avatarId"]
    assert f"/media/{avatar}" in await browser.page("/account")
    bad = await browser.send("/account/avatar", files=[("picture", ("a.png", b"no", "image/png"))])
    assert bad.status_code == 422
    assert 'id="picture-error"' in bad.text
    assert await browser.done("/account/avatar/remove") == "/account"
    assert (await cy.ok("GET", "/me/profile"))["avatarId"] is None
