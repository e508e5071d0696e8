"""The index and what is found in it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.domains.goods.catalog.api import Catalog, Category, Listing, ListingChanged
from haat.domains.insight.search.api import Search, Sort
from haat.domains.insight.search.routes import router
from haat.domains.insight.search.rules import below
from haat.domains.insight.search.service import SearchService
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.orders.api import Orders
from haat.engines.search import open_search
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import FakeMarket
from tests.domains.people.doubles import HOSTILE, NOON, Rest, clock, guest

POTTERY, BOWLS = uuid4(), uuid4()
POTTER, WEAVER = uuid4(), uuid4()


def category(id: UUID, slug: str, name: str, parent: UUID | None = None) -> Category:
    return Category(id=id, parent_id=parent, slug=slug, name=name, position=0)


class FakeCatalog(Catalog):
    async def categories(self, ctx: Context) -> list[Category]:
        return [
            category(POTTERY, "pottery", "Pottery"),
            category(BOWLS, "bowls", "Bowls", POTTERY),
        ]


class FakeVendors(Vendors):
    async def find(self, ctx: Context, *, slug: str) -> "object":  # type: ignore[override]
        raise NotFound


class FakeOrders(Orders):
    """Nothing was ever delivered."""


def listing(
    title: str,
    text: str = "",
    *,
    price: int = 1000,
    minutes: int = 0,
    category: UUID | None = None,
    vendor: UUID = POTTER,
    brand: str = "",
) -> Listing:
    return Listing(
        id=uuid4(),
        slug="a-slug",
        title=title,
        text=text,
        vendor_id=vendor,
        category_id=category,
        brand=brand,
        price_from=Money(minor=price, currency="USD"),
        price_to=Money(minor=price + 500, currency="USD"),
        offer_ids=[uuid4()],
        status="active",
        created_at=NOON + timedelta(minutes=minutes),
    )


def changed(listing: Listing, version: int = 1) -> ListingChanged:
    return ListingChanged(product_id=listing.id, version=version, listing=listing)


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    db = await database_of("search")
    await db.execute("DELETE FROM search.listings")
    return db


@pytest.fixture
def search(db: Database, tmp_path: Path) -> SearchService:
    return SearchService(
        db, open_search(str(tmp_path / "search")), FakeCatalog(), FakeVendors(), FakeOrders()
    )


@pytest.fixture
def ctx() -> Context:
    return guest(clock())


GOODS = (
    listing("Blue running shoes", "Light ones for the road", price=9000, minutes=1, vendor=WEAVER),
    listing("Walnut bowl", "Turned by hand", price=3000, minutes=2, category=BOWLS, brand="Oak&Co"),
    listing("Teapot", "Blue glaze; goes with our bowls", price=4000, minutes=3, category=POTTERY),
    listing("Runner rug", "For the hall", price=12000, minutes=4, vendor=WEAVER),
    listing("Crème brûlée dish", "লাল বাটি", price=2000, minutes=5, category=POTTERY),
)


@pytest.fixture
async def filled(search: SearchService, ctx: Context) -> SearchService:
    await search.show(ctx, [changed(one) for one in GOODS])
    return search


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        pytest.param("bowl", ["Walnut bowl", "Teapot"], id="the title before the text"),
        pytest.param("BOWLS", ["Walnut bowl", "Teapot"], id="word forms and case"),
        pytest.param("blue shoes", ["Blue running shoes"], id="all words"),
        pytest.param("walnut spaceship", ["Walnut bowl"], id="else any word"),
        pytest.param("sho", ["Blue running shoes"], id="the last word's beginning"),
        pytest.param("blue ru", ["Blue running shoes"], id="a word and a beginning"),
        pytest.param(
            "pottery", ["Crème brûlée dish", "Teapot", "Walnut bowl"], id="the names of categories"
        ),
        pytest.param("oak", ["Walnut bowl"], id="the brand"),
        pytest.param("blue -glaze", ["Blue running shoes"], id="without a word"),
        pytest.param('"running shoes"', ["Blue running shoes"], id="a phrase"),
        pytest.param("brûlée", ["Crème brûlée dish"], id="accents"),
        pytest.param("বাটি", ["Crème brûlée dish"], id="another script"),
        pytest.param("spaceship", [], id="nothing"),
        pytest.param("!!! ???", [], id="no words at all"),
    ],
)
async def test_words(filled: SearchService, ctx: Context, words: str, titles: list[str]) -> None:
    hits = await filled.products(ctx, words=words)
    assert sorted(one.title for one in hits.items) == sorted(titles)
    if words.lower().startswith("bowl"):
        assert [one.title for one in hits.items] == titles
    assert hits.total == len(titles)


async def test_filters_and_facets(filled: SearchService, ctx: Context) -> None:
    every = await filled.products(ctx)
    assert every.total == 5
    assert {f.id: f.count for f in every.vendors} == {POTTER: 3, WEAVER: 2}
    assert {f.id: f.count for f in every.categories} == {POTTERY: 2, BOWLS: 1}
    assert [f.count for f in every.vendors] == [3, 2]
    pots = await filled.products(ctx, category_ids=[POTTERY, BOWLS], price_min=2600)
    assert {one.title for one in pots.items} == {"Walnut bowl", "Teapot"}
    none = await filled.products(ctx, category_ids=[])
    assert (none.items, none.total) == ([], 0)
    assert (await filled.products(ctx, words="blue", vendor_id=WEAVER)).total == 1
    assert (await filled.products(ctx, price_max=2000)).total == 1
    assert (await filled.products(ctx, price_min=10**30)).total == 0
    assert (await filled.products(ctx, price_min=-(10**30), price_max=10**30)).total == 5


@pytest.mark.parametrize("words", ["", "blue OR bowl OR rug OR dish"])
@pytest.mark.parametrize(
    ("sort", "place"),
    [
        ("newest", lambda one: -one.created_at.timestamp()),
        ("price", lambda one: one.price_from.minor),
        ("-price", lambda one: -one.price_from.minor),
        ("relevance", None),
    ],
)
async def test_pages_in_order(
    filled: SearchService, ctx: Context, words: str, sort: Sort, place: Callable[[Listing], float]
) -> None:
    seen: list[Listing] = []
    cursor = None
    for _ in range(5):
        page = await filled.products(ctx, words=words, sort=sort, limit=2, cursor=cursor)
        assert page.total == 5
        seen += page.items
        cursor = page.next
        if cursor is None:
            break
    assert len({one.id for one in seen}) == len(seen) == 5
    if place is not None:
        assert seen == sorted(seen, key=place)


async def test_a_cursor_is_for_its_own_order(filled: SearchService, ctx: Context) -> None:
    page = await filled.products(ctx, sort="price", limit=2)
    wrong: list[tuple[Sort, str]] = [("newest", ""), ("-price", ""), ("relevance", "blue")]
    for sort, words in wrong:
        with pytest.raises(Invalid) as refused:
            await filled.products(ctx, words=words, sort=sort, cursor=page.next)
        assert refused.value.code == "cursor_invalid"
    with pytest.raises(Invalid):
        await filled.products(ctx, cursor="not one of ours")


async def test_the_newest_version_wins(search: SearchService, db: Database, ctx: Context) -> None:
    old = listing("Old title")
    new = old.model_copy(update={"title": "New title"})
    await search.show(ctx, [changed(new, 5), changed(old, 3)])
    await asyncio.gather(*(search.show(ctx, [changed(old, version)]) for version in range(1, 6)))
    assert [one.title for one in (await search.products(ctx)).items] == ["New title"]
    gone = ListingChanged(product_id=old.id, version=6, listing=None)
    await search.show(ctx, [gone, changed(new, 5)])
    assert (await search.products(ctx)).total == 0
    await search.show(ctx, [changed(new, 5), changed(old, 4)])
    assert (await search.products(ctx, words="title")).total == 0
    assert await search.suggest(ctx, prefix="title") == []
    await search.show(ctx, [changed(new, 7)])
    assert (await search.products(ctx, words="new")).total == 1


async def test_suggestions(filled: SearchService, ctx: Context) -> None:
    assert await filled.suggest(ctx, prefix="ru") == ["Runner rug", "Blue running shoes"]
    assert await filled.suggest(ctx, prefix="Blue RU") == ["Blue running shoes"]
    assert await filled.suggest(ctx, prefix="wal") == ["Walnut bowl"]
    assert await filled.suggest(ctx, prefix="  ") == []
    assert len(await filled.suggest(ctx, prefix="r", limit=1)) == 1


NASTY = (*HOSTILE, "'", '"', "a & | !", "\\", ":*", "a:* & b", "-", "--x", '"open', "or or or",
         "<->", "the", "of the", "a" * 200,
         "'a':*", "%", "_", "a\\'", "²", "ﬁ ½", "x-", "or")  # fmt: skip


@pytest.mark.parametrize("words", NASTY)
async def test_hostile_words(filled: SearchService, ctx: Context, words: str) -> None:
    sorts: list[Sort] = ["relevance", "price"]
    for sort in sorts:
        await filled.products(ctx, words=words, sort=sort)
    await filled.suggest(ctx, prefix=words)
    storable = words.encode("utf-8", "ignore").decode()  # events are JSON
    odd = listing("x" + storable, storable, brand=storable)
    await filled.show(ctx, [changed(odd)])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=40) | st.text("ab '\"&|!():*<>-\\,0", max_size=30))
async def test_any_text_is_answered(filled: SearchService, ctx: Context, words: str) -> None:
    await filled.products(ctx, words=words)
    await filled.suggest(ctx, prefix=words)


def test_a_category_with_all_below_it() -> None:
    tree = [
        category(POTTERY, "pottery", "Pottery"),
        category(BOWLS, "bowls", "Bowls", POTTERY),
        category(POTTER, "rugs", "Rugs"),
    ]
    assert below(tree, "pottery") == [POTTERY, BOWLS]
    assert below(tree, str(BOWLS)) == [BOWLS]
    assert below(tree, "nowhere") == []


async def test_over_rest(filled: SearchService) -> None:
    doors = {
        Search: filled,
        Catalog: FakeCatalog(),
        Market: FakeMarket(inclusive=True),
        Vendors: FakeVendors(),
    }
    client = Rest(clock(), doors, router).client()
    found = (await client.get("/search?q=bowl&category=pottery&priceMin=100&limit=1")).json()
    assert [one["title"] for one in found["items"]] == ["Walnut bowl"]
    assert (found["total"], found["pricesIncludeTax"]) == (2, True)
    rest = (
        await client.get(f"/search?q=bowl&category=pottery&limit=1&cursor={found['next']}")
    ).json()
    assert [one["title"] for one in rest["items"]] == ["Teapot"]
    assert rest["next"] is None
    assert rest["items"][0]["priceFrom"] == {"minor": 4000, "currency": "USD"}
    posted = await client.post("/marketplace/search", json={"query": "bowl", "sort": "price"})
    assert [one["title"] for one in posted.json()["items"]] == ["Walnut bowl", "Teapot"]
    shown = await client.get("/search/suggest?q=wal")
    assert shown.json() == {"items": ["Walnut bowl"]}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("category=nowhere", "category_unknown"),
        ("vendor=nobody", "vendor_unknown"),
        ("sort=random", None),
        ("limit=0", None),
        ("limit=101", None),
        ("priceMin=-1", None),
        ("priceMin=abc", None),
        ("cursor=%00", "cursor_invalid"),
        ("q=" + "x" * 201, None),
    ],
)
async def test_bad_queries(filled: SearchService, query: str, code: str | None) -> None:
    doors = {
        Search: filled,
        Catalog: FakeCatalog(),
        Market: FakeMarket(inclusive=True),
        Vendors: FakeVendors(),
    }
    answer = await Rest(clock(), doors, router).client().get(f"/search?{query}")
    assert answer.status_code == 422
    assert code is None or answer.json()["code"] == code


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"category": "nowhere"}, "category"),
        ({"categories": ["pottery", "nowhere"]}, "categories.1"),
        ({"vendor": "nobody"}, "vendor"),
        ({"vendors": ["nobody"]}, "vendors.0"),
    ],
)
async def test_a_refusal_says_which_of_those_named(
    filled: SearchService, body: dict[str, Any], path: str
) -> None:
    doors = {
        Search: filled,
        Catalog: FakeCatalog(),
        Market: FakeMarket(inclusive=True),
        Vendors: FakeVendors(),
    }
    answer = await Rest(clock(), doors, router).client().post("/marketplace/search", json=body)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == [path]
