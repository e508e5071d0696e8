"""The demo market: its plan, its pictures, and a small one made, interrupted and finished."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from haat.app.proving import prove_all
from haat.app.runtime import Runtime
from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.app.seeding.assortment import CATEGORIES, KINDS, STORES, goods
from haat.app.seeding.cast import id_of, person_id
from haat.app.seeding.demo import State, seed
from haat.app.seeding.extras import EXTRAS, ON_SALE, RATES
from haat.app.seeding.pictures import SHAPES, SIDE, product_picture
from haat.app.seeding.plan import SAVED, SAVERS, SLOTS, Size, disputes, plans, steps
from haat.app.seeding.terms import FOOD
from haat.app.seeding.till import GIFT
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.pricing.api import Pricing
from haat.domains.insight.search.api import Search
from haat.domains.money.commissions.api import Commissions
from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.identity.api import DemoOnlyHere, Identity
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.media.api import Media
from haat.domains.people.vendors.api import Vendors
from haat.domains.reach.backoffice.api import Backoffice
from haat.domains.trade.orders.api import Orders
from haat.kernel.context import Actor
from tests import postgres
from tests.journeys.box import card_network, environment

SMALL = Size(products=30, customers=10, orders=24, days=10)


def test_the_assortment() -> None:
    made = goods(300)
    assert len({one.title for one in made}) == 300
    assert Counter(one.store for one in made) == Counter(dict.fromkeys(range(len(STORES)), 25))
    assert {len(one.choices) for one in made} == {1, 2, 3, 4, 6}
    skus = [choice.sku for one in made for choice in one.choices]
    assert len(set(skus)) == len(skus)
    assert all(choice.price > 0 for one in made for choice in one.choices)
    assert {one.category for one in made} == set(KINDS)
    assert set(KINDS) <= set(CATEGORIES)
    assert {shape for kind in KINDS.values() for shape in kind.shapes} == set(SHAPES)
    assert goods(300) == made
    assert goods(30) == made[:30]


def test_the_plan() -> None:
    size = Size()
    made = plans(size, goods(size.products))
    assert made == plans(size, goods(size.products))
    bought = [plan for plan in made if not plan.is_declined]
    assert len(bought) == size.orders
    assert len({plan.label for plan in made}) == len(made)
    assert {plan.day for plan in made} == set(range(size.days))
    assert {plan.slot for plan in made} == set(range(SLOTS))
    assert {plan.way for plan in made} == {"card", "credits", "bank", "cod"}
    assert {plan.shopper for plan in made if plan.way == "credits"} <= set(range(SAVERS))
    assert set(disputes(made).values()) == {"won", "lost", None}
    persons = [(plan.day, plan.shopper) for plan in made if not plan.is_guest]
    assert len(set(persons)) == len(persons)
    verbs = Counter(step.verb for plan in bought for step in steps(plan, 0))
    assert min(verbs[verb] for verb in ("reject", "cancel", "refund")) >= 5
    assert verbs["deliver"] > 300


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures(shape: str) -> None:
    drawn = product_picture(shape, "A", "one")
    assert drawn == product_picture(shape, "A", "one")
    assert drawn != product_picture(shape, "A", "two")
    with Image.open(BytesIO(drawn)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (SIDE, SIDE))
        assert len(picture.getcolors(SIDE * SIDE) or ()) > 100
    assert len(drawn) < 100_000


def test_the_state_file(tmp_path: Path) -> None:
    url = "postgresql://haat:secret@127.0.0.1:5432/haat"
    first = State(tmp_path / "demo.json", url)
    assert not first.is_done
    began = first.start()
    again = State(tmp_path / "demo.json", url.replace("5432", "6543"))
    assert again.start() == began
    again.finish(is_demo=True)
    assert State(tmp_path / "demo.json", url).is_done
    assert not State(tmp_path / "demo.json", url.replace("secret", "other")).is_done
    assert "secret" not in (tmp_path / "demo.json").read_text()
    for broken in ("", "[]", "{", '{"done": true}'):
        (tmp_path / "demo.json").write_text(broken)
        assert not State(tmp_path / "demo.json", url).is_done


@pytest.fixture
def settings(postgres_url: str, template_url: str, tmp_path: Path) -> Iterator[AppSettings]:
    template = postgres.name_of(template_url)
    with (
        postgres.database(postgres_url, template=template) as url,
        card_network(tmp_path) as (cards, key),
        environment({"HAAT_TESTCARD_URL": cards, "HAAT_TESTCARD_SECRET_FILE": str(key)}),
    ):
        yield AppSettings(data=tmp_path, sql_url=SecretStr(url))


async def interrupted(settings: AppSettings, after_s: float) -> None:
    """A run that is stopped in the middle."""
    run = asyncio.create_task(seed(settings, SMALL))
    await asyncio.wait([run], timeout=after_s)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


@pytest.mark.slow
async def test_a_small_market_interrupted_and_finished(
    settings: AppSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    for after_s in (0.4, 0.9, 1.4):
        await interrupted(settings, after_s)
    await seed(settings, SMALL)
    assert "24 of 24 orders" in capsys.readouterr().out
    async with asyncio.timeout(5):  # it is there: nothing is made
        await seed(settings, SMALL)
    async with Runtime(settings, all_modules()) as runtime:
        await inspect(runtime)
        await inspect_money(runtime)
        await inspect_extras(runtime)


async def inspect(runtime: Runtime) -> None:
    ctx = runtime.system_context("test")
    assert await prove_all(runtime) == []
    assert (await runtime.inner[Market].settings(ctx)).demo
    orders = (await runtime.inner[Orders].listed(ctx, limit=100)).items
    assert len(orders) == SMALL.orders
    assert {order.payment for order in orders} >= {"paid"}
    assert {order.fulfilment for order in orders} >= {"delivered", "pending"}
    overview = await runtime.inner[Backoffice].overview(ctx)
    assert sum(day.orders for day in overview.days) == SMALL.orders
    assert (overview.vendors_active, overview.vendors_pending) == (len(STORES), 2)
    assert overview.dead_letters == 0
    assert overview.commission_total.minor > 0
    hits = await runtime.inner[Search].products(ctx, limit=100)
    assert hits.total == SMALL.products + len(EXTRAS)
    pictures = [one.picture.media_id for one in hits.items if one.picture]
    assert len(await runtime.inner[Media].files(ctx, ids=pictures)) == hits.total
    identity: Identity = runtime.inner[Identity]
    people = await identity.contacts(ctx, person_ids=[person_id(s.email) for s in SIGN_INS])
    assert {one.name for one in people} == {sign_in.name for sign_in in SIGN_INS}
    for sign_in in SIGN_INS:
        given: dict[str, Any] = {"email": sign_in.email, "password": DEMO_PASSWORD}
        with pytest.raises(DemoOnlyHere):
            await identity.sign_in(ctx, **given, local=False)
        signed_in = await identity.sign_in(ctx, **given, local=True)
        assert bool(signed_in.person.memberships) == (sign_in.role == "vendor")
        assert bool(signed_in.person.staff_roles) == (sign_in.role in ("staff", "finance"))


async def inspect_money(runtime: Runtime) -> None:
    """Every way to pay was used, and the terms are what newcomers are shown."""
    ctx = runtime.system_context("test")
    payments = (await runtime.inner[Payments].listed(ctx, limit=100)).items
    assert {one.provider for one in payments} == {"test", "bank", "cod"}
    assert sum(one.purpose == "topup" for one in payments) == SAVERS
    active = await runtime.inner[Commissions].rule_list(ctx)
    assert active is not None
    assert FOOD.id in [rule.id for rule in active.rules]
    policy = await runtime.inner[Payouts].policy(ctx)
    assert (policy.schedule, policy.reserve_bp) == ("weekly", 500)
    flow = await runtime.inner[Wallet].flow(ctx)
    assert 0 < flow.circulating.minor <= SAVERS * SAVED + GIFT


async def inspect_extras(runtime: Runtime) -> None:
    """What is shown of prices, places, and what is not shipped."""
    catalog, pricing = runtime.inner[Catalog], runtime.inner[Pricing]
    staff = runtime.system_context("test")
    for one in EXTRAS:
        product = await catalog.product(staff, ref=str(id_of(f"product:{one.label}")))
        assert (product.kind, product.status) == (one.kind, "active")
    owner = person_id(STORES[0].email)
    ctx = replace(staff, actor=Actor("person", owner), scopes=frozenset({"person"}))
    viewing = await pricing.viewing(ctx)
    assert viewing.has_lists
    assert set(viewing.currencies) == {code for code, *_ in RATES}
    listings = (await catalog.listings(ctx, limit=100)).items
    reduced = [one for one in listings if one.compare_at and one.lowest_before == one.compare_at]
    assert len(reduced) == ON_SALE
    vendors = (await runtime.inner[Vendors].listed(ctx)).items
    assert all(one.location for one in vendors)


async def test_somebodys_own_market_is_left_alone(
    settings: AppSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Runtime(settings, all_modules()) as runtime:
        own = MarketSettings(name="Mine", currency="EUR", country="PT")
        await runtime.inner[Market].open(runtime.system_context("test"), settings=own)
    await seed(settings, SMALL)
    assert "not a demo" in capsys.readouterr().out
    async with Runtime(settings, all_modules()) as runtime:
        ctx = runtime.system_context("test")
        assert (await runtime.inner[Market].settings(ctx)) == own
        assert (await runtime.inner[Identity].people(ctx)).items == []
