"""The back office's commission: sentences, drafts edited without a script, explanations, dry run.

Lists are the real module's, on PostgreSQL; what stands around it is a bazaar of fakes.
"""

import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi.routing import APIRoute

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.api import Search
from haat.domains.money.commissions.api import Commissions, Rule, RuleList
from haat.domains.money.commissions.service import CommissionsService
from haat.domains.money.payouts.api import DryRun, DryRunVendor, Payouts
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.reach.notifications.api import Notifications
from haat.domains.trade.cart.api import Cart
from haat.engines.http import Signer
from haat.engines.rpc import local
from haat.engines.sql import Database
from haat.gateways.rest import Parts, create
from haat.gateways.rest.application import equip
from haat.gateways.web.admin import admin_routers
from haat.gateways.web.admin.commissions import moved
from haat.gateways.web.admin.commissions import router as lists_router
from haat.gateways.web.admin.commissions_asking import router as asking_router
from haat.gateways.web.admin.commissions_form import plain
from haat.gateways.web.admin.commissions_words import Names, conditions, differences, takes
from haat.gateways.web.routers import web_state
from haat.kernel.clock import SystemClock
from haat.kernel.context import SYSTEM, Context
from haat.kernel.contract import Contract
from haat.kernel.errors import Invalid
from tests.domains.money.emptying import emptied
from tests.gateways.web.bazaar import (
    CLAY,
    HOME,
    LOOM,
    MUGS,
    NOW,
    SITE,
    Bazaar,
    FakeCart,
    FakeCatalog,
    FakeMarket,
    FakeNotifications,
    FakeSearch,
    FakeVendors,
    id_of,
    usd,
)
from tests.gateways.web.browser import Browser, check, form_in

CTX = Context(actor=SYSTEM)
HERE = "/admin/commission"
CLAYMATION = CLAY.model_copy(update={"id": id_of("claymation"), "name": "Claymation <i>"})


class SomeVendors(FakeVendors):
    async def by_ids(self, ctx: Any, *, ids: list[UUID]) -> list[Vendor]:
        return [one for one in (CLAY, LOOM, CLAYMATION) if one.id in ids]

    async def named(self, ctx: Any, *, words: str, limit: int = 8) -> list[Vendor]:
        known = (CLAY, LOOM, CLAYMATION)
        return [one for one in known if words.casefold() in one.name.casefold()]

    async def commissions(self, ctx: Any, *, ids: list[UUID]) -> dict[UUID, int | None]:
        return {one.id: None for one in (CLAY, LOOM, CLAYMATION) if one.id in ids}


class SomeGoods(FakeCatalog):
    async def titles(self, ctx: Any, *, ids: list[UUID]) -> dict[UUID, str]:
        return {p.id: p.title for p in self.world.products.values() if p.id in ids}

    async def product(self, ctx: Any, *, ref: str) -> Any:
        by_id = {str(p.id): slug for slug, p in self.world.products.items()}
        return await super().product(ctx, ref=by_id.get(ref, ref))


class Sales(Payouts):
    """Sales of two vendors: every day of the run sold one line of each."""

    async def dry_run(self, ctx: Context, *, list_id: UUID, days: int = 30) -> DryRun:
        rows = [
            DryRunVendor(vendor_id=v.id, lines=days, actual=usd(a * days), would_be=usd(b * days))
            for v, a, b in ((CLAY, 300, 450), (LOOM, 100, 90))
        ]
        return DryRun(
            list_id=list_id, since=NOW - timedelta(days=days), lines=2 * days,
            actual=usd(400 * days), would_be=usd(540 * days), by_vendor=rows,
        )  # fmt: skip


class Desk(Browser):
    """A browser of somebody with these scopes, in this world."""

    def __init__(self, app: Any, cookies: dict[str, str]) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=SITE, cookies=cookies,
            headers={"accept": "text/html"},
        )  # fmt: skip


class Office:
    def __init__(self, db: Database) -> None:
        self.world = world = Bazaar()
        market, vendors, goods = FakeMarket(world), SomeVendors(), SomeGoods(world)
        self.service = CommissionsService(db, market, vendors, goods)
        fakes: list[tuple[type[Contract], Contract]] = [
            (Market, market), (Vendors, vendors), (Catalog, goods),
            (Commissions, self.service), (Payouts, Sales()), (Search, FakeSearch(world)),
            (Cart, FakeCart(world)), (Notifications, FakeNotifications(world)),
        ]  # fmt: skip
        self.app = create([], site_routers=admin_routers())
        inner: Any = self.app
        while not hasattr(inner, "state"):
            inner = inner._app
        parts = Parts(
            doors={contract: local(contract, fake, caller=None) for contract, fake in fakes},
            tokens=world.tokens, signer=Signer(b"s" * 32, SystemClock()), clock=SystemClock(),
            answers=cast(Any, None), ready=cast(Any, None), state=web_state(SITE),
        )  # fmt: skip
        equip(inner, parts)

    def desk(self, *scopes: str) -> Desk:
        person = self.world.member("staff@example.com", *scopes)
        return Desk(self.app, self.world.cookie(person))

    async def draft(self, *rules: Rule, tax_bp: int = 0) -> RuleList:
        return await self.service.draft(CTX, id=uuid4(), rules=list(rules), tax_bp=tax_bp)

    async def active(self, *rules: Rule, tax_bp: int = 0) -> RuleList:
        made = await self.draft(*rules, tax_bp=tax_bp)
        return await self.service.activate(CTX, id=made.id, version=1, reason="Opening")

    async def read(self, id: UUID) -> RuleList:
        found = await self.service.rule_list(CTX, id=id)
        assert found is not None
        return found


@pytest.fixture
async def office(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> Office:
    await emptied(database_url, "commissions")
    return Office(await database_of("commissions"))


@pytest.fixture
async def desk(office: Office) -> AsyncIterator[Desk]:
    found = office.desk("staff", "staff:money")
    yield found
    await found.http.aclose()


def rule(name: str, **given: Any) -> Rule:
    return Rule(id=id_of(name), name=name, **given)


def path_of(found: RuleList) -> str:
    return f"{HERE}/lists/{found.id}"


async def test_from_nothing_to_a_list_that_holds(office: Office, desk: Desk) -> None:
    text = await desk.page(HERE)
    assert "None yet" in text
    assert 'href="/admin/commission" aria-current="page"' in text
    begin = form_in(text, f"{HERE}/drafts")
    path = await desk.done(f"{HERE}/drafts", begin)
    assert await desk.done(f"{HERE}/drafts", begin) == path, "pressed twice"
    new = re.search(rf'href="({path}/rules/[^"]+)"', await desk.page(path))
    assert new is not None
    form = form_in(await desk.page(new[1]), new[1])
    form |= {"name": "Mugs of Clay", "rate": "12,5 %", "fixed": "0.30", "cap": "20"}
    form |= {"vendor_words": "clay & co", "category_words": "mugs", "product_words": "rug"}
    form |= {"price_from": "1", "price_to": "100,50", "valid_from": "2026-12-01T08:00"}
    assert await desk.done(new[1], form | {"do": "save"}) == f"{path}#rules"
    [kept] = (await office.read(UUID(path[-36:]))).rules
    assert kept == Rule(
        id=UUID(new[1][-36:]), name="Mugs of Clay", rate_bp=1250, fixed_minor=30, cap_minor=2000,
        vendor_ids=[CLAY.id], category_ids=[MUGS.id], product_ids=[id_of("rug")],
        price_from=100, price_to=10050, valid_from=datetime(2026, 12, 1, 8, tzinfo=UTC),
    )  # fmt: skip
    again = form_in(await desk.page(new[1]), new[1])
    assert (again["rate"], again["price_to"], again[f"vendor_{CLAY.id}"]) == (
        "12.5", "100.50", "on",
    )  # fmt: skip
    text = await desk.page(path)
    assert "12.5 % + $0.30 per unit of goods, at most $20.00" in text
    assert (
        "from Clay &amp; Co; in Home › Mugs and below; the product Rug &lt;b&gt;&amp;; priced from"
        " $1.00 to below $100.50; from 1 Dec 2026, 08:00 UTC" in text
    )
    whole = form_in(text, path) | {"tax": "20 %", "note": "Autumn"}
    assert await desk.done(path, whole) == path
    on = form_in(await desk.page(path), f"{path}/activate") | {"reason": "Agreed"}
    unsure = await desk.send(f"{path}/activate", on)
    assert unsure.status_code == 422
    assert 'id="sure-error"' in unsure.text
    silent = await desk.send(f"{path}/activate", on | {"sure": "on", "reason": ""})
    assert (silent.status_code, 'id="reason-error"' in silent.text) == (422, True)
    assert await desk.done(f"{path}/activate", on | {"sure": "on"}) == HERE
    assert await desk.done(f"{path}/activate", on | {"sure": "on"}) == HERE, "pressed twice"
    text = await desk.page(HERE)
    assert "Mugs of Clay" in text
    assert "Tax of 20 %" in text
    assert "Agreed" in text
    active = await office.service.rule_list(CTX)
    assert active is not None
    assert (active.tax_bp, active.note, active.reason) == (2000, "Autumn", "Agreed")


async def test_rules_are_moved_and_removed(office: Office, desk: Desk) -> None:
    made = await office.draft(*(rule(name) for name in "abc"))
    path = path_of(made)
    for wish, order in (("up c", "acb"), ("down a", "cab"), ("remove a", "cb"), ("up c", "cb")):
        what, name = wish.split()
        form = form_in(await desk.page(path), f"{path}/move")
        await desk.done(f"{path}/move", form | {"do": f"{what} {id_of(name)}"})
        assert "".join(r.name for r in (await office.read(made.id)).rules) == order
    last = f"{path}/rules/{id_of('b')}"
    form = form_in(await desk.page(last), last)
    assert form["place"] == "2"
    await desk.done(last, form | {"place": "1", "do": "save"})
    assert "".join(r.name for r in (await office.read(made.id)).rules) == "bc"
    for wrong in ("up", "up x", f"crown {id_of('b')}", ""):
        form = form_in(await desk.page(path), f"{path}/move")
        assert (await desk.send(f"{path}/move", form | {"do": wrong})).status_code == 422


async def test_names_that_are_not_clear_are_asked_about(office: Office, desk: Desk) -> None:
    made = await office.draft()
    path = f"{path_of(made)}/rules/{id_of('new')}"
    form = form_in(await desk.page(path), path) | {"name": "New", "vendor_words": "clay"}
    asked = await desk.send(path, form | {"do": "save"})
    assert asked.status_code == 422
    assert 'id="vendor_words-error"' in asked.text
    assert "Claymation &lt;i&gt;" in asked.text
    assert (await office.read(made.id)).rules == []
    boxes = form_in(asked.text, path)
    assert f"vendor_{CLAY.id}" not in boxes, "it is offered, not ticked"
    ticked = boxes | {"vendor_words": "", f"vendor_{CLAYMATION.id}": "on"}
    found = await desk.send(path, ticked | {"do": "find", "category_words": "home"})
    assert found.status_code == 200
    boxes = form_in(found.text, path)
    assert (boxes[f"vendor_{CLAYMATION.id}"], boxes[f"category_{HOME.id}"]) == ("on", "on")
    assert (await office.read(made.id)).rules == [], "looking up saves nothing"
    nobody = await desk.send(path, boxes | {"do": "find", "product_words": "zeppelin"})
    assert (nobody.status_code, "Nothing is called that" in nobody.text) == (422, True)
    del boxes[f"category_{HOME.id}"]  # the box is not ticked any more
    await desk.done(path, boxes | {"do": "save"})
    [kept] = (await office.read(made.id)).rules
    assert (kept.vendor_ids, kept.category_ids) == ([CLAYMATION.id], [])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"rate": "101"}, "rate"),
        ({"rate": "x"}, "rate"),
        ({"fixed": "1,000"}, "fixed"),
        ({"fixed": "0.305"}, "fixed"),
        ({"floor": "2", "cap": "1"}, "floor"),
        ({"price_from": "2", "price_to": "1"}, "price_to"),
        ({"valid_from": "2026-12-02", "valid_to": "2026-12-01"}, "valid_to"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"applies_to": "all"}, "applies_to"),
        ({"applies_to": "shipping", "category_words": "mugs"}, "applies_to"),
        ({"place": "first"}, "place"),
    ],
)
async def test_what_is_wrong_with_a_rule_is_told_at_its_field(
    office: Office, desk: Desk, wrong: dict[str, str], field: str
) -> None:
    made = await office.draft(rule("first"))
    path = f"{path_of(made)}/rules/{id_of('new')}"
    form = form_in(await desk.page(path), path) | {"name": "New", "do": "save"} | wrong
    answer = await desk.send(path, form)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert len((await office.read(made.id)).rules) == 1


async def test_two_people_at_once_are_told(office: Office, desk: Desk) -> None:
    made = await office.draft(rule("first"), rule("second"))
    path = path_of(made)
    mine = await desk.page(path)
    new = f"{path}/rules/{id_of('mine')}"
    my_rule = form_in(await desk.page(new), new) | {"name": "Mine", "rate": "7", "do": "save"}
    await desk.done(f"{path}/move", form_in(mine, f"{path}/move") | {"do": f"up {id_of('second')}"})
    for where, form in (
        (path, form_in(mine, path) | {"note": "Mine"}),
        (f"{path}/move", form_in(mine, f"{path}/move") | {"do": f"remove {id_of('first')}"}),
        (f"{path}/activate", form_in(mine, f"{path}/activate") | {"reason": "x", "sure": "on"}),
    ):
        late = await desk.send(where, form)
        assert (late.status_code, "Somebody else changed this list" in late.text) == (409, True)
        assert 'name="version" value="2"' in late.text
    late = await desk.send(new, my_rule)
    assert (late.status_code, "Your rule is not saved yet" in late.text) == (409, True)
    assert [r.name for r in (await office.read(made.id)).rules] == ["second", "first"]
    kept = form_in(late.text, new)
    assert (kept["name"], kept["rate"], kept["version"]) == ("Mine", "7", "2")
    await desk.done(new, kept | {"do": "save"})
    names = [r.name for r in (await office.read(made.id)).rules]
    assert names == ["second", "first", "Mine"]


async def test_a_list_that_held_is_compared_and_copied(office: Office, desk: Desk) -> None:
    first = await office.active(rule("a", rate_bp=100), rule("b"), rule("c"))
    second = await office.active(rule("c"), rule("a", rate_bp=200), rule("d"), tax_bp=2000)
    text = await desk.page(path_of(second))
    for told in ("Added", "Removed", "Moved", "1 % of goods, always", "2 % of goods, always"):
        assert told in text, told
    assert "Tax on the commission" in text
    assert f"{path_of(second)}/activate" not in text
    assert "No list came before it" in await desk.page(path_of(first))
    copy = form_in(await desk.page(path_of(first)), f"{HERE}/drafts")
    path = await desk.done(f"{HERE}/drafts", copy)
    assert (await office.read(UUID(path[-36:]))).rules == first.rules
    for late in (f"{path_of(first)}/discard", f"{path_of(second)}/discard"):
        assert (await desk.send(late)).status_code == 409
    assert await desk.done(f"{path}/discard") == HERE
    await desk.page(path, 404)


async def test_a_rule_that_cannot_win_is_shown(office: Office, desk: Desk) -> None:
    made = await office.draft(rule("all"), rule("mugs", category_ids=[MUGS.id]))
    assert "It never wins: “all” stands before it" in await desk.page(path_of(made))


async def test_a_sale_is_explained(office: Office, desk: Desk) -> None:
    await office.active(
        rule("Loom", vendor_ids=[LOOM.id], rate_bp=100),
        rule("Dear", price_from=2000, rate_bp=200),
        rule("Home", category_ids=[HOME.id], rate_bp=1200, floor_minor=500),
        tax_bp=2000,
    )
    path = f"{HERE}/explain"
    assert 'name="product"' in await desk.page(path)
    text = await desk.page(f"{path}?kind=goods&product=mug&price=10.00&quantity=1&at=&list=")
    assert "12 % of 10.00 = 1.20, at least 5.00 → 5.00; tax 20 % = 1.00" in text
    assert "$4.00" in text, "what the vendor keeps"
    assert "The price 10.00 is below 20.00." in text
    assert text.index("No: vendor") < text.index("No: price") < text.index("Decides")
    text = await desk.page(f"{path}?product=mug&vendor=the+loom&price=10&quantity=2")
    assert "1 % of 20.00 = 0.20" in text
    text = await desk.page(f"{path}?kind=shipping&vendor=clay+%26+co&price=5")
    assert "No rule matches, and rates are for goods only." in text
    other = await office.draft(rule("Flat", fixed_minor=30))
    text = await desk.page(f"{path}?product=mug&price=10&quantity=3&list={other.id}")
    assert "plus 3 × 0.30 = 0.90" in text
    text = await desk.page(f"{path}?product=mug&vendor=clay&price=10", 422)
    assert f'name="vendor" value="{CLAYMATION.id}"' in text
    await desk.page(f"{path}?product=mug&vendor=clay&price=10&vendor={CLAYMATION.id}")
    for wrong in ("product=zeppelin&price=1", "product=mug&price=x", "product=mug",
                  "product=mug&price=1&quantity=0", "product=mug&price=1&at=soon",
                  "price=9999999999999&product=mug&quantity=99999",
                  "product=mug&price=1&list=x"):  # fmt: skip
        text = await desk.page(f"{path}?{wrong}", 422)
        assert 'role="alert"' in text
    await desk.page(f"{path}?product=mug&price=1&list={uuid4()}", 404)


async def test_a_dry_run_is_drawn_and_told(office: Office, desk: Desk) -> None:
    made = await office.draft(rule("Flat", fixed_minor=30))
    path = f"{path_of(made)}/dry-run"
    text = await desk.page(path)
    for told in ("$120.00", "$162.00", "+$42.00", "$135.00", "-$3.00", "Clay &amp; Co"):
        assert told in text, told
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"></rect>', text)]
    assert heights == [66.67, 100.0, 22.22, 20.0], "the highest fills the chart"
    assert "Clay &amp; Co: $90.00 was taken, $135.00 would be" in text
    assert "$28.00" in await desk.page(f"{path}?days=7")
    await desk.page(f"{path}?days=8", 422)
    await desk.page(f"{HERE}/lists/{uuid4()}/dry-run", 404)


def addresses() -> list[tuple[str, str]]:
    routes = [route for router in (lists_router, asking_router) for route in router.routes]
    return [
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


@pytest.mark.parametrize(("method", "path"), addresses())
async def test_only_who_keeps_the_markets_money(office: Office, method: str, path: str) -> None:
    made = await office.draft(rule("a"))
    where = path.replace("{id}", str(made.id)).replace("{rule_id}", str(id_of("a")))
    clerk = office.desk("staff", "staff:orders", "staff:payouts")
    answer = await clerk.http.request(method, where, data={"version": "1"})
    assert answer.status_code == 403
    assert f'href="{HERE}"' not in answer.text, "nor is it among the sections"
    guest = Desk(office.app, {})
    answer = await guest.http.request(method, where)
    assert answer.status_code in (303, 401)
    assert await office.read(made.id) == made


NASTY = ("", "a\0b", "x" * 9000, "\"><script>alert(1)</script>", "9" * 400, "-1", "1e400", "NaN",
         "१२३", str(id_of("a")), "on", "up", "0001-01-01T00:00:00+14:00", "goods")  # fmt: skip


async def test_nonsense_is_refused_and_nothing_breaks(office: Office, desk: Desk) -> None:
    dice = random.Random(20261121)
    names = (
        "id copy version do name rate fixed floor cap applies_to with_subcategories price_from"
        " price_to valid_from valid_to place vendor_words category_words product_words tax note"
        " reason sure kind product vendor price quantity at list days cursor"
    ).split()
    made = await office.draft(rule("a"), rule("b"))
    answered = set()
    for method, path in addresses() * 12:
        kept = [one for one in (await office.service.lists(CTX)).items if one.id == made.id]
        if not kept or kept[0].status != "draft":
            made = await office.draft(rule("a"), rule("b"))
        where = path.replace("{id}", str(made.id) if dice.random() < 0.9 else dice.choice("x1"))
        where = where.replace("{rule_id}", str(id_of(dice.choice("abc"))))
        form = {name: dice.choice(NASTY) for name in dice.sample(names, 16)}
        if dice.random() < 0.7:
            form["version"] = str((await office.read(made.id)).version)
        given: Any = {"params": form} if method == "GET" else {"data": form}
        answer = await desk.http.request(method, where, **given)
        assert answer.status_code < 500, (method, where, form)
        assert "<script>alert" not in answer.text
        answered.add(answer.status_code)
        if answer.status_code in (200, 409) and "html" in answer.headers["content-type"]:
            check(answer.text)
    assert answered >= {200, 303, 422}


# -- words ---------------------------------------------------------------------------------------

NAMES = Names({CLAY.id: "Clay", LOOM.id: "Loom"}, {MUGS.id: "Mugs", HOME.id: "Home"}, {})


@pytest.mark.parametrize(
    ("given", "says", "when"),
    [
        ({}, "Nothing of goods", "always"),
        ({"rate_bp": 5}, "0.05 % of goods", "always"),
        ({"applies_to": "shipping", "fixed_minor": 5}, "$0.05 per unit of shipping", "always"),
        (
            {"rate_bp": 1000, "applies_to": "both", "floor_minor": 0, "cap_minor": 100},
            "10 % of goods and of shipping, at least $0.00, at most $1.00",
            "always",
        ),
        ({"vendor_ids": [CLAY.id, LOOM.id]}, "Nothing of goods", "from Clay or Loom"),
        (
            {"vendor_ids": [CLAY.id, LOOM.id, uuid4(), uuid4(), uuid4()]},
            "Nothing of goods",
            "from Clay, Loom, something that is gone or 2 more",
        ),
        (
            {"category_ids": [MUGS.id, HOME.id], "with_subcategories": False},
            "Nothing of goods",
            "directly in Mugs or Home",
        ),
        ({"price_to": 500}, "Nothing of goods", "priced below $5.00"),
        ({"valid_to": NOW.replace(2026, 12, 1, 8, 0)}, "Nothing of goods",
         "until 1 Dec 2026, 08:00 UTC"),
    ],
)  # fmt: skip
def test_a_rule_as_a_sentence(given: dict[str, Any], says: str, when: str) -> None:
    one = rule("r", **given)
    assert (takes(one, "USD"), conditions(one, NAMES, "USD")) == (says, when)


def rule_list(*rules: Rule) -> RuleList:
    return RuleList(id=uuid4(), status="draft", rules=list(rules), created_at=NOW)


def test_differences_tell_what_moved_and_not_what_was_pushed() -> None:
    a, b, c, d = (rule(name) for name in "abcd")
    found = differences(rule_list(a, b, c), rule_list(d, a, b, c), NAMES, "USD")
    assert [(one.what, one.name) for one in found] == [("added", "d")]
    found = differences(rule_list(a, b, c), rule_list(c, a, b), NAMES, "USD")
    assert [(one.what, one.name, one.after) for one in found] == [("moved", "c", "to place 1")]
    assert differences(rule_list(a, b), rule_list(a, b), NAMES, "USD") == []
    renamed = b.model_copy(update={"name": "B"})
    [told] = differences(rule_list(b), rule_list(renamed), NAMES, "USD")
    assert (told.before, told.after) == ("called “b”", "called “B”")
    many = [uuid4() for _ in range(6)]
    old, new = (rule("m", vendor_ids=ids) for ids in (many, [*many[:4], uuid4(), uuid4()]))
    [told] = differences(rule_list(old), rule_list(new), NAMES, "USD")
    assert (told.before, told.after) == ("2 names that are out", "2 new ones")


@pytest.mark.parametrize(
    ("typed", "read"),
    [("12.5 %", "12.5"), ("12,5%", "12.5"), (" 7 ", "7"), ("1,000", "1,000"), ("x", "x")],
)
def test_percentages_as_people_write_them(typed: str, read: str) -> None:
    assert plain({"rate": typed})["rate"].strip() == read


def test_moving_at_the_ends() -> None:
    rules = [rule(name) for name in "abc"]
    assert moved(rules, f"up {id_of('a')}") == rules
    assert moved(rules, f"down {id_of('c')}") == rules
    with pytest.raises(Invalid):
        moved(rules, f"up {uuid4()}")
