"""How the index follows what happens, what people look for, and what staff decide."""

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog.api import Catalog, CategorySaved, Listing
from haat.domains.insight.search.api import Ranking, Search, SynonymsInvalid
from haat.domains.insight.search.routes import router
from haat.domains.insight.search.service import SearchService
from haat.domains.people.vendors.api import Vendor, VendorChanged, Vendors
from haat.domains.trade.orders.api import OrderDelivered, Orders
from haat.engines.search import SearchAway, SearchEngine, open_search
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page
from tests.conftest import DatabaseOf
from tests.domains.insight.test_search import (
    BOWLS,
    POTTER,
    POTTERY,
    WEAVER,
    FakeCatalog,
    changed,
    listing,
)
from tests.domains.people.doubles import NOON, Rest, clock, guest, person, system

TABLES = ("listings", "stock", "vendors", "sales", "history", "queries")


class Shelf(FakeCatalog):
    """Knows the listings it was told of."""

    def __init__(self) -> None:
        self.known: dict[UUID, Listing] = {}

    async def listings_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Listing]:
        return [self.known[id] for id in ids if id in self.known]


class Street(Vendors):
    """Vendors of a market that is older than its index."""

    def __init__(self) -> None:
        self.names: dict[UUID, str] = {}

    async def listed(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Any]:
        made = [
            Vendor(
                id=id, slug=name.lower(), name=name, country="BD", status="active", created_at=NOON
            )
            for id, name in self.names.items()
        ]
        return Page.model_construct(items=made, next=None)


class Delivered(Orders):
    def __init__(self) -> None:
        self.lines: dict[UUID, list[tuple[UUID, int]]] = {}

    async def vendor_orders_by_ids(self, ctx: Context, *, ids: list[UUID]) -> Any:
        return [
            SimpleNamespace(
                id=id,
                lines=[SimpleNamespace(product_id=p, quantity=n) for p, n in self.lines[id]],
            )
            for id in ids
        ]


class Stall:
    """The module with doubles around it."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder
        self.shelf, self.street, self.orders = Shelf(), Street(), Delivered()
        self.engine: SearchEngine = open_search(str(folder))
        self.service = self.another(self.engine)
        self.ctx = system(clock())

    def another(self, engine: SearchEngine | None = None) -> SearchService:
        """As in another process: readers and writers of its own on the same folder."""
        engine = engine or open_search(str(self.folder))
        return SearchService(self.db, engine, self.shelf, self.street, self.orders)

    async def show(self, *listings: Listing, version: int = 1) -> None:
        self.shelf.known.update({one.id: one for one in listings})
        await self.service.show(self.ctx, [changed(one, version) for one in listings])

    async def titles(self, words: str, service: SearchService | None = None) -> list[str]:
        hits = await (service or self.service).products(self.ctx, words=words)
        return [one.title for one in hits.items]


@pytest.fixture
async def stall(database_of: DatabaseOf, tmp_path: Path) -> Stall:
    db = await database_of("search")
    for table in TABLES:
        await db.execute(f"DELETE FROM search.{table}")
    return Stall(db, tmp_path / "search")


async def until(condition: Any, seconds: float = 2.0) -> None:
    """Waits for what the index has to follow within two seconds."""
    end = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < end, "the index is late"
        await asyncio.sleep(0.02)


async def test_a_market_without_products_finds_nothing(stall: Stall) -> None:
    hits = await stall.service.products(stall.ctx, words="anything")
    assert (hits.items, hits.total) == ([], 0)
    assert (await stall.service.vendors(stall.ctx)).items == []
    assert await stall.service.suggest(stall.ctx, prefix="any") == []


async def test_without_its_folder_it_is_away(stall: Stall, tmp_path: Path) -> None:
    await stall.show(listing("Walnut bowl"))
    elsewhere = stall.another(open_search(str(tmp_path / "elsewhere")))
    with pytest.raises(SearchAway):
        await elsewhere.products(stall.ctx, words="bowl")


async def test_one_process_follows_and_others_see_it(stall: Stall) -> None:
    follower, reader = stall.another(), stall.another()
    following = asyncio.create_task(follower.follow())
    try:
        await stall.show(listing("Walnut bowl"))
        assert await stall.titles("walnut", follower) == ["Walnut bowl"]

        async def seen() -> bool:
            return await stall.titles("walnut", reader) == ["Walnut bowl"]

        await until(seen)
        # A change by a process that cannot write the index: the follower comes by itself.
        await stall.db.execute("UPDATE search.listings SET sold = 5, seq = DEFAULT")
        await stall.db.execute(
            "UPDATE search.listings SET card = replace(card, 'Walnut', 'Cherry'), seq = DEFAULT"
        )

        async def renamed() -> bool:
            return await stall.titles("cherry", reader) == ["Cherry bowl"]

        await until(renamed)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_made_anew_from_its_rows(stall: Stall) -> None:
    await stall.show(listing("Walnut bowl"), listing("Teapot"))
    edition = await stall.service.rebuild(stall.ctx)
    await stall.show(listing("Runner rug"))  # whoever writes next sees that it is wanted
    for title in ("Walnut bowl", "Teapot", "Runner rug"):
        assert await stall.titles(title) == [title]
    position = await stall.service._products.position()
    assert position is not None
    assert position.startswith(f"{edition}/")
    editions = sorted(one.name for one in (stall.folder / "products").glob("edition-*"))
    assert len(editions) == 2


async def test_a_lost_folder_is_made_again(stall: Stall, tmp_path: Path) -> None:
    await stall.show(listing("Walnut bowl"))
    moved = stall.another(open_search(str(tmp_path / "moved")))
    following = asyncio.create_task(moved.follow())
    try:

        async def found() -> bool:
            try:
                return await stall.titles("walnut", moved) == ["Walnut bowl"]
            except SearchAway:
                return False

        await until(found)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_database_from_before_has_its_index_made_anew(stall: Stall) -> None:
    """As after a backup was brought back: the index knows rows that never were."""
    await stall.show(listing("Walnut bowl"), listing("Never was"))
    await stall.db.execute("DELETE FROM search.listings WHERE card LIKE '%Never was%'")
    await stall.db.execute("UPDATE search.listings SET seq = DEFAULT")
    await stall.db.execute("UPDATE search.listings SET seq = DEFAULT")
    async with stall.service._products.writing() as writer:
        assert writer is not None
        await writer.commit("1/999999999")
    again = stall.another()
    await again._goods_follower.reach(10**10)
    assert await stall.titles("never", again) == []
    assert await stall.titles("walnut", again) == ["Walnut bowl"]


async def test_details_stay_when_only_the_card_is_told(stall: Stall) -> None:
    told = listing("Shirt").model_copy(
        update={"attributes": {"Size": ["M", "L"]}, "codes": ["SH-1000X"]}
    )
    await stall.show(told)
    assert await stall.titles("sh1000x") == ["Shirt"]
    await stall.show(told.model_copy(update={"attributes": {}, "codes": []}), version=2)
    hits = await stall.service.products(stall.ctx, attributes={"Size": ["L", "XL"]})
    assert [one.title for one in hits.items] == ["Shirt"]
    assert [v.value for v in hits.facets["attribute:Size"]] == ["L", "M"]
    none = await stall.service.products(stall.ctx, attributes={"Size": ["XL"]})
    assert none.total == 0


async def test_vendors(stall: Stall) -> None:
    await stall.service.vendors_changed(
        stall.ctx,
        [(POTTER, "clay", "Clay & Co", "BD", True), (WEAVER, "loom", "Loom", "IN", True)],
    )
    await stall.show(listing("Bowl", category=BOWLS), listing("Rug", vendor=WEAVER))
    assert await stall.titles("clay") == ["Bowl"]  # the vendor's name stands in the index
    found = await stall.service.vendors(stall.ctx, words="cla")
    assert [(one.name, one.slug, one.products) for one in found.items] == [("Clay & Co", "clay", 1)]
    shelf = await stall.service.vendors(stall.ctx, category_ids=[POTTERY, BOWLS])
    assert [one.name for one in shelf.items] == ["Clay & Co"]
    await stall.service.vendors_renamed(
        stall.ctx, [VendorChanged(vendor_id=POTTER, slug="mud", name="Mud")]
    )
    await stall.service._goods_follower.reach(10**10)
    assert await stall.titles("mud") == ["Bowl"]
    assert await stall.titles("clay") == []
    await stall.service.vendors_changed(stall.ctx, [(POTTER, "", "", "", False)])
    assert (await stall.service.vendors(stall.ctx, words="mud")).items == []
    await stall.service.vendors_changed(stall.ctx, [(POTTER, "", "", "", True)])
    every = await stall.service.vendors(stall.ctx)
    assert {one.name for one in every.items} == {"Loom", "Mud"}


async def test_vendors_that_were_there_before(stall: Stall) -> None:
    stall.street.names = {POTTER: "Clay", WEAVER: "Loom"}
    following = asyncio.create_task(stall.service.follow())
    try:

        async def known() -> bool:
            found = await stall.service.vendors(stall.ctx)
            return {one.name for one in found.items} == {"Clay", "Loom"}

        await until(known)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_category_that_changed(stall: Stall) -> None:
    await stall.show(listing("Bowl", category=BOWLS), listing("Rug"))
    before = await stall.db.fetchval("SELECT max(seq) FROM search.listings")
    event = CategorySaved(category_id=POTTERY, parent_id=None, slug="pots", name="Pots")
    await stall.service.categories_changed(stall.ctx, [event])
    after = await stall.db.fetch("SELECT card FROM search.listings WHERE seq > $1", before)
    assert len(after) == 1
    assert '"Bowl"' in after[0]["card"]


async def test_what_was_delivered_is_popular_once(stall: Stall) -> None:
    plain, loved = listing("Red mug"), listing("Blue mug")
    await stall.show(plain, loved)
    part = uuid4()
    stall.orders.lines[part] = [(loved.id, 3), (loved.id, 1)]
    event = OrderDelivered(
        order_id=uuid4(), vendor_order_id=part, vendor_id=POTTER, person_id=None, number="1",
        delivered_at=NOON - timedelta(days=1),
    )  # fmt: skip
    for _ in range(2):
        await stall.service.sold(stall.ctx, [event])
    assert await stall.db.fetchval("SELECT max(sold) FROM search.listings") == 4
    await stall.service._goods_follower.reach(10**10)
    hits = await stall.service.products(stall.ctx, words="mug", explain=True)
    assert [one.title for one in hits.items] == ["Blue mug", "Red mug"]
    first = {(one.what, one.field): one.score for one in hits.explanations[0].reasons}
    assert first["popularity", "popularity"] > 0
    assert first["mug", "title"] > 0
    assert [one.title for one in await stall.service.trending(stall.ctx, limit=1)] == ["Blue mug"]
    popular = await stall.service.products(stall.ctx, sort="popular")
    assert popular.items[0].title == "Blue mug"
    found = await stall.service.discover(stall.ctx)
    assert [one.title for one in found.trending] == ["Blue mug", "Red mug"]


async def test_ranking_is_what_staff_set(stall: Stall) -> None:
    old = listing("Old mug", minutes=-60 * 24 * 300)
    new = listing("New mug", minutes=-60 * 24)
    await stall.show(old, new)
    ranking = Ranking(popularity=0, freshness=1000, fresh_days=30)
    assert await stall.service.set_ranking(stall.ctx, ranking=ranking) == ranking
    assert await stall.service.ranking(stall.ctx) == ranking
    assert await stall.titles("mug") == ["New mug", "Old mug"]
    hits = await stall.service.products(stall.ctx, words="mug", explain=True)
    assert any(one.what == "created" for one in hits.explanations[0].reasons)
    await stall.service.set_ranking(
        stall.ctx, ranking=Ranking(popularity=100, freshness=20, fresh_days=60)
    )


async def test_synonyms(stall: Stall) -> None:
    await stall.show(listing("Zither"))
    assert await stall.titles("harpchord") == []
    id = uuid4()
    saved = await stall.service.save_synonyms(stall.ctx, id=id, words=["Harpchord ", "zither"])
    assert saved.words == ["harpchord", "zither"]
    assert await stall.titles("harpchord") == ["Zither"]
    assert saved in await stall.service.synonyms(stall.ctx)
    with pytest.raises(SynonymsInvalid):
        await stall.service.save_synonyms(stall.ctx, id=id, words=["one", " ONE"])
    await stall.service.drop_synonyms(stall.ctx, id=id)
    assert await stall.titles("harpchord") == []
    with pytest.raises(NotFound):
        await stall.service.drop_synonyms(stall.ctx, id=id)


async def test_the_first_synonyms_are_there(stall: Stall) -> None:
    groups = await stall.service.synonyms(stall.ctx)
    assert ["tv", "television"] in [group.words for group in groups]


async def test_ones_own_searches(stall: Stall) -> None:
    await stall.show(listing("Walnut bowl"))
    at = clock()
    me, other = person(at), person(at)
    for words in ("Walnut  BOWL", "teapot", "walnut bowl"):
        await stall.service.products(me, words=words)
        at.advance(timedelta(minutes=1))
    assert [one.words for one in await stall.service.past(me)] == ["walnut bowl", "teapot"]
    assert await stall.service.past(other) == []
    completion = await stall.service.complete(me, prefix="wal")
    assert completion.searches == ["walnut bowl"]
    assert [one.title for one in completion.products] == ["Walnut bowl"]
    assert (await stall.service.complete(other, prefix="wal")).searches == []
    await stall.service.forget(me, words="Teapot")
    assert [one.words for one in await stall.service.past(me)] == ["walnut bowl"]
    await stall.service.forget(me)
    assert await stall.service.past(me) == []


async def test_what_many_look_for_and_what_is_not_found(stall: Stall) -> None:
    await stall.show(listing("Walnut bowl"))
    ctx = guest(clock())
    for _ in range(3):
        await stall.service.products(ctx, words="walnut bowl")
        await stall.service.products(ctx, words="hovercraft")
    await stall.service.products(ctx, words="walnut once")
    await stall.service.write_counts()
    assert (await stall.service.complete(ctx, prefix="wal")).searches == ["walnut bowl"]
    assert (await stall.another().complete(ctx, prefix="hov")).searches == []
    [report] = await stall.service.in_vain(ctx)
    assert (report.words, report.searches, report.empty) == ("hovercraft", 3, 3)
    later = clock()
    later.advance(timedelta(days=400))
    await stall.service.forget_old(guest(later))
    assert await stall.service.in_vain(ctx) == []


async def test_completing_names_categories(stall: Stall) -> None:
    class Counted(Shelf):
        async def categories(self, ctx: Context) -> Any:
            tree = await super().categories(ctx)
            return [one.model_copy(update={"product_count": 2}) for one in tree]

    stall.shelf = Counted()
    service = stall.another()
    assert (await service.complete(stall.ctx, prefix="pot")).categories == [POTTERY]
    assert (await service.complete(stall.ctx, prefix=" ")).categories == []


async def test_a_misspelt_question_says_what_it_found(stall: Stall) -> None:
    await stall.show(listing("Walnut bowl", price=500), listing("Walnut table", price=90_000))
    hits = await stall.service.products(stall.ctx, words="walnt")
    assert (hits.total, hits.did_you_mean, hits.matched) == (2, "walnut", "every")
    assert [(one.low, one.high, one.count) for one in hits.prices] == [
        (None, 1_000, 1),
        (50_000, 100_000, 1),
    ]
    brands = await stall.service.products(stall.ctx, brands=["Nobody"])
    assert brands.total == 0


async def test_over_rest(stall: Stall) -> None:
    await stall.show(listing("Walnut bowl"))
    at = clock()
    rest = Rest(at, {Search: stall.service, Catalog: stall.shelf}, router)
    me = rest.client(person(at))
    staff = rest.client(person(at, scopes=["staff:products"]))
    assert (await me.get("/search/complete?q=wal")).json()["products"][0]["title"] == "Walnut bowl"
    assert (await me.get("/search/trending")).json()["trending"][0]["title"] == "Walnut bowl"
    assert (await me.get("/search/discover")).json()["newest"][0]["title"] == "Walnut bowl"
    assert (await me.get("/search/vendors")).json()["total"] == 0
    await stall.service.products(person(at), words="bowl")
    assert (await me.get("/me/searches")).json() == {"items": []}
    assert (await me.delete("/me/searches")).status_code == 204
    made = (await staff.post("/admin/search/synonyms", json={"words": ["pot", "vase"]})).json()
    changed = await staff.put(
        f"/admin/search/synonyms/{made['id']}", json={"words": ["pot", "jar"]}
    )
    assert changed.json()["words"] == ["pot", "jar"]
    assert (await staff.delete(f"/admin/search/synonyms/{made['id']}")).status_code == 204
    ranking = (await staff.get("/admin/search/ranking")).json()
    assert (await staff.put("/admin/search/ranking", json=ranking)).json() == ranking
    assert (await staff.get("/admin/search/in-vain")).json() == {"items": []}
    assert (await staff.post("/admin/search/rebuild")).json()["edition"] > 1
    assert (await me.get("/admin/search/synonyms")).status_code == 403


async def test_a_cursor_that_is_none_of_ours(stall: Stall) -> None:
    await stall.show(listing("Walnut bowl"))
    with pytest.raises(Invalid):
        await stall.service.products(stall.ctx, words="bowl", cursor="WzEsMl0")
