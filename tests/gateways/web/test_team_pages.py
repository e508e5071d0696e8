"""A team by forms, without JavaScript: invited by mail, joined, changed, handed over."""

import re

from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box
from tests.journeys.scene import draft, open_shop

HERE = "/vendor/team"


async def link_of(box: Box, address: str) -> str:
    """The path in the newest mail to that address."""
    await box.settle()
    await box.runtime.run_timers()
    folder = box.runtime.settings.folder
    mails = sorted(folder.rglob("*.eml"), key=lambda path: path.stat().st_mtime)
    texts = [text for path in mails if address in (text := path.read_text("utf-8", "replace"))]
    assert texts, "no mail"
    found = re.search(r"/team/join/[\w.\-=\s]+?(?=\s\s|\"|<|$)", texts[-1].replace("=\n", ""), re.M)
    assert found, texts[-1]
    return found[0].strip()


async def test_a_team_from_the_first_invitation_to_the_last_owner(box: Box) -> None:
    shop = await open_shop(box, "Clay House", price=1299, stock=5)
    owner = await Browser(box).sign_in("owner@clay-house.example.com")
    invite = form_in(await owner.page(HERE), f"{HERE}/invite")
    assert invite["role"] == "staff"
    for wrong in ({"email": "x"}, {"email": ""}, {"role": "owner"}, {"role": "king"}, {"id": "1"}):
        refused = await owner.send(f"{HERE}/invite", {**invite, "email": "h@example.com", **wrong})
        assert refused.status_code == 422, wrong
    wanted = {**invite, "email": "hand@example.com", "role": "manager"}
    assert await owner.done(f"{HERE}/invite", wanted) == HERE
    assert await owner.done(f"{HERE}/invite", wanted) == HERE, "pressed twice"
    text = await owner.page(HERE)
    assert "hand@example.com" in text
    link = await link_of(box, "hand@example.com")

    guest = Browser(box)
    mailed, link = link, await guest.opened(link)
    assert "/register?next=/team/join/" in await guest.page(link)
    await box.person("other@example.com")
    other = await Browser(box).sign_in("other@example.com")
    assert await other.opened(mailed) == link
    assert "Sign out, and come back here" in await other.page(link)
    assert (await other.send(link)).status_code == 403
    form = {"email": "hand@example.com", "password": "a-long-enough-one", "name": "Hand <b>"}
    assert await guest.done("/register", {**form, "next": link}) == link
    assert await guest.done(link) == "/vendor"
    portal = await guest.page("/vendor")
    assert "/vendor/stock" in portal
    assert "/vendor/money" not in portal
    assert "/vendor/team" not in portal
    assert (await guest.http.get(HERE)).status_code == 403
    await other.page(link, 410)
    await box.settle()

    text = await owner.page(HERE)
    assert "Hand &lt;b&gt;" in text
    [member] = set(re.findall(rf"{HERE}/([0-9a-f-]{{36}})", text)) - {shop.owner.person["id"]}
    path = f"{HERE}/{member}"
    change = form_in(await owner.page(path), path)
    assert (change["what"], change["role"]) == ("role", "manager")
    assert await owner.done(path, {**change, "role": "staff"}) == HERE
    # The page that is open there loses it with the next click, without signing in again.
    assert "/vendor/stock" not in await guest.page("/vendor")
    assert (await guest.http.get("/vendor/stock")).status_code == 403
    assert "<h1" in await guest.page("/vendor/products"), "may look"
    page = f"/vendor/products/{shop.product['id']}"
    assert (await guest.http.get(page)).status_code == 200
    assert (await guest.send(page, {"title": "Mine"})).status_code in (403, 404, 422)

    assert await owner.done(path, {"what": "deactivate"}) == HERE
    assert (await guest.http.get("/vendor/orders")).status_code == 403
    assert await owner.done(path, {"what": "activate"}) == HERE
    own = f"{HERE}/{shop.owner.person['id']}"
    refused = await owner.send(own, {"what": "remove"})
    assert refused.status_code == 409
    assert "always has an owner" in refused.text
    assert await owner.done(path, {"what": "hand-over"}) == HERE
    assert "Hand the store over" not in await owner.page(path)
    assert (await owner.send(path, {"what": "remove"})).status_code == 403
    assert "team handed" not in await owner.page(f"{HERE}/history")
    assert await owner.done("/account/vendor/leave", {"vendor_id": shop.id}) == "/account"
    await box.settle()
    assert (await owner.http.get(HERE)).status_code == 403
    found = await shop.owner.get(f"/vendors/{shop.id}")
    assert found.status_code in (200, 401)
    await shop.owner.sign_in("owner@clay-house.example.com")
    private = await shop.owner.ok("GET", f"/vendors/{shop.id}")
    assert private["contactEmail"] is None, "who owned it sees it as everybody does"


async def test_roles_of_ones_own_and_the_switcher(box: Box) -> None:
    loom = await open_shop(box, "Loom Works", price=900, stock=5)
    mill = await open_shop(box, "Mill Works", price=900, stock=5)
    owner = await Browser(box).sign_in("owner@loom-works.example.com")
    new = f"{HERE}/roles/new"
    form = form_in(await owner.page(new), new)
    form.pop("scopes", None)
    refused = await owner.send(new, {**form, "name": "Packer"})
    assert refused.status_code == 422
    assert await owner.done(new, {**form, "name": "Packer", "scopes": "vendor:orders"}) == (
        f"{HERE}/roles"
    )
    assert "Packer" in await owner.page(f"{HERE}/roles")
    invite = form_in(await owner.page(HERE), f"{HERE}/invite")
    wanted = {**invite, "email": "owner@mill-works.example.com", "role": form["id"]}
    assert await owner.done(f"{HERE}/invite", wanted) == HERE
    link = await link_of(box, "owner@mill-works.example.com")
    both = await Browser(box).sign_in("owner@mill-works.example.com")
    assert "Your stores" not in await both.page("/vendor")
    assert await both.done(link) == "/vendor"
    text = await both.page("/vendor")
    assert "Your stores" in text
    assert "/vendor/money" not in text
    choose = form_in(text, "/account/vendor")
    assert choose == {"vendor_id": mill.id}
    assert await both.done("/account/vendor", choose) == "/vendor"
    text = await both.page("/vendor/orders")
    assert form_in(text, "/account/vendor") == {"vendor_id": loom.id}
    assert "/vendor/money" in text
    assert (await both.send("/account/vendor", {"vendor_id": form["id"]})).status_code == 404
    assert await owner.done(f"{HERE}/roles/{form['id']}/remove") == f"{HERE}/roles"
    assert "Somebody has this role" in await owner.page(f"{HERE}/roles")


async def test_staff_by_forms(box: Box) -> None:
    await box.staff()
    await box.person("desk@example.com", "Desk <i>")
    chief = await Browser(box).sign_in("admin@staff.example.com")
    here = "/admin/staff"
    assert (await chief.send(here, {"email": "nobody@example.com"})).status_code == 422
    assert (await chief.send(here, {"email": "x"})).status_code == 422
    path = await chief.done(here, {"email": "desk@example.com"})
    new = f"{here}/roles/new"
    form = form_in(await chief.page(new), new)
    form.pop("scopes", None)
    bad = {**form, "name": "Desk", "scopes": "staff:people"}
    assert (await chief.send(new, bad)).status_code == 422
    assert await chief.done(new, {**form, "name": "Desk", "scopes": "staff:orders"})
    assert await chief.done(path, {"roles": form["id"], "reason": "Holidays"}) == here
    assert "Desk" in await chief.page(here)
    desk = await Browser(box).sign_in("desk@example.com")
    assert "/admin/orders" in await desk.page("/admin")
    assert (await desk.http.get("/admin/vendors")).status_code == 403
    assert (await desk.http.get(here)).status_code == 403
    assert await chief.done(path, {"reason": "Back"}) == here
    assert (await desk.http.get("/admin")).status_code == 403
    text = await chief.page(f"{here}/history")
    assert "Holidays" in text
    [own] = set(re.findall(rf'{here}/([0-9a-f-]{{36}})"', await chief.page(here)))
    refused = await chief.send(f"{here}/{own}", {"roles": "support"})
    assert refused.status_code == 409
    assert "always has a super admin" in refused.text


async def test_api_keys_by_forms_and_over_rest(box: Box) -> None:
    shop = await open_shop(box, "Forge Works", price=900, stock=5)
    other = await open_shop(box, "Quarry Works", price=900, stock=5)
    owner = await Browser(box).sign_in("owner@forge-works.example.com")
    here = "/vendor/keys"
    form = form_in(await owner.page(here), here)
    form.pop("scopes", None)
    refused = await owner.send(here, {**form, "name": "Sync"})
    assert refused.status_code == 422
    assert (
        await owner.send(here, {**form, "name": "", "scopes": "vendor:orders"})
    ).status_code == 422
    made = await owner.send(here, {**form, "name": "Sync", "scopes": "vendor:orders"})
    assert made.status_code == 200
    [secret] = re.findall(r'class="secret">(haat_[\w-]+)<', made.text)
    text = await owner.page(here)
    assert secret not in text, "shown once"
    assert f"{secret[:11]}…" in text
    assert "not used yet" in text

    program = box.guest()
    program.token = secret
    orders = await program.ok("GET", "/orders")
    assert orders["items"] == []
    for method, path, status in (
        ("GET", "/payments/balance", 403),
        ("GET", "/me", 403),
        ("POST", "/products", 403),
        ("GET", f"/vendors/{other.id}/returns", 404),
        ("GET", "/vendors/me/products", 403),
    ):
        body = draft("Thing", "T-1", 5) if method == "POST" else None
        answer = await program.send(method, path, body)
        assert answer.status_code == status, f"{path}: {answer.text}"
    page = await box.http.get(
        f"{box.address}/vendor", headers={"authorization": f"Bearer {secret}"}
    )
    assert page.status_code != 200, "no key opens a page"
    assert "last used" in await owner.page(here)
    [id] = re.findall(rf"{here}/([0-9a-f-]{{36}})/revoke", await owner.page(here))
    replaced = await owner.send(f"{here}/{id}/replace")
    [new] = re.findall(r'class="secret">(haat_[\w-]+)<', replaced.text)
    assert (await program.get("/orders")).status_code == 200, "the old one goes on for a day"
    program.token = new
    assert (await program.get("/orders")).status_code == 200
    for one in set(re.findall(rf"{here}/([0-9a-f-]{{36}})/revoke", await owner.page(here))):
        assert await owner.done(f"{here}/{one}/revoke") == here
    answer = await program.get("/orders")
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_invalid")
    # Over REST: an answer with a secret is kept nowhere, with an Idempotency-Key or without.
    wanted = {"name": "Rest", "scopes": ["vendor:orders"]}
    given = await shop.owner.ok("POST", f"/vendors/{shop.id}/api-keys", wanted, key="same")
    again = await shop.owner.ok("POST", f"/vendors/{shop.id}/api-keys", wanted, key="same")
    assert given["secret"] != again["secret"]
    kept = await box.runtime.databases["rest"].fetch("SELECT body FROM rest.answers")
    assert not [row for row in kept if b"haat_" in bytes(row["body"])]
