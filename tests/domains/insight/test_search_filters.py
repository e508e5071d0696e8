"""Filters and what is counted beside them, against a naive count over the same goods."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog.api import Catalog, Listing, ListingAdded, ListingsAdded
from haat.domains.goods.inventory.api import StockOpened, StockTurned, ThereNow
from haat.domains.insight.search.api import Narrow, Near, Search
from haat.domains.insight.search.routes import router
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Location, VendorChanged, Vendors, VendorShown
from haat.kernel.errors import Invalid
from haat.kernel.rating import Rating
from tests.domains.goods.doubles import FakeMarket
from tests.domains.insight.test_search import BOWLS, POTTERY, listing
from tests.domains.insight.test_search_following import Stall, stall
from tests.domains.people.doubles import Rest, clock

__all__ = ["stall"]

BRANDS, COLOURS, SIZES = ("Acme", "Bolt", "Crow", ""), ("Red", "Blue", "Green"), ("S", "M")
DHAKA, NEARBY, FAR = (23.81, 90.41), (23.75, 90.39), (22.36, 91.78)
VENDORS = {uuid4(): at for at in (DHAKA, NEARBY, FAR, None)}
TRUSTED = set(list(VENDORS)[:2])
Test = Callable[[Listing], bool]


def goods(chance: random.Random) -> Listing:
    owner, *others = chance.sample(list(VENDORS), 3)
    made = listing(
        chance.choice(("Walnut bowl", "Blue bowl", "Teapot")),
        price=chance.choice((500, 1500, 4000, 30_000)),
        category=chance.choice((BOWLS, POTTERY)),
        vendor=owner,
        brand=chance.choice(BRANDS),
        minutes=chance.randrange(1000),
    )
    return made.model_copy(
        update={
            "vendor_ids": [owner, *others[: chance.randrange(3)]],
            "attributes": {"Colour": [chance.choice(COLOURS)], "Size": chance.sample(SIZES, 1)},
            "rating": chance.choice((None, Rating(value=chance.randrange(100, 501), count=3))),
        }
    )


@pytest.fixture
async def filled(stall: Stall) -> tuple[Stall, list[Listing], set[UUID]]:
    chance = random.Random(4)
    made = [goods(chance) for _ in range(150)]
    there = {one.id for one in made if chance.random() < 0.6}
    await stall.service.vendors_renamed(
        stall.ctx,
        [
            VendorChanged(
                vendor_id=id,
                slug=str(id),
                name=f"Vendor {number}",
                country="BD",
                shown=VendorShown(
                    location=Location(latitude=at[0], longitude=at[1]) if at else None,
                    verified=id in TRUSTED,
                    rating=Rating(value=300 + 50 * number, count=1),
                ),
            )
            for number, (id, at) in enumerate(VENDORS.items())
        ],
    )
    await stall.service.vendors_changed(stall.ctx, [(id, "", "", "", True) for id in VENDORS])
    await stall.show(*made)
    turned = [
        StockTurned(
            offer_id=one.offer_ids[0], product_id=one.id, vendor_id=one.vendor_id,
            in_stock=one.id in there,
        )
        for one in made
    ]  # fmt: skip
    await stall.service.stock_turned(stall.ctx, turned)
    return stall, made, there


GROUPS: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[set[UUID]], Test]]] = {
    # group → what is asked for, of `narrow`, and what it means
    "category": ({"category_ids": [BOWLS]}, {}, lambda _: lambda g: g.category_id == BOWLS),
    "brand": ({"brands": ["Acme", "Crow"]}, {}, lambda _: lambda g: g.brand in ("Acme", "Crow")),
    "colour": (
        {"attributes": {"Colour": ["Red", "Blue"]}},
        {},
        lambda _: lambda g: g.attributes["Colour"][0] in ("Red", "Blue"),
    ),
    "price": (
        {"price_min": 1000, "price_max": 5000},
        {},
        lambda _: lambda g: g.price_to.minor >= 1000 and g.price_from.minor <= 5000,
    ),
    "vendor": (
        {},
        {"vendor_ids": list(VENDORS)[1:3]},
        lambda _: lambda g: bool({*g.vendor_ids} & {*list(VENDORS)[1:3]}),
    ),
    "rating": (
        {},
        {"rating_min": 300},
        lambda _: lambda g: g.rating is not None and g.rating.value >= 300,
    ),
    "stock": ({}, {"in_stock": True}, lambda there: lambda g: g.id in there),
    "verified": ({}, {"verified": True}, lambda _: lambda g: g.vendor_id in TRUSTED),
    "near": (
        {},
        {"near": Near(latitude=DHAKA[0], longitude=DHAKA[1], km=25)},
        lambda _: lambda g: VENDORS[g.vendor_id] in (DHAKA, NEARBY),
    ),
}


@pytest.mark.parametrize("words", ["", "teapot"])
@pytest.mark.parametrize("seed", range(12))
async def test_counts_are_those_of_a_naive_count(
    filled: tuple[Stall, list[Listing], set[UUID]], words: str, seed: int
) -> None:
    """Some groups at once: each is counted with the filters of all others, and not its own."""
    stall, made, there = filled
    chosen = random.Random(seed).sample(list(GROUPS), seed % 4 + 1)
    asked: dict[str, Any] = {}
    narrow: dict[str, Any] = {}
    for name in chosen:
        asked |= GROUPS[name][0]
        narrow |= GROUPS[name][1]
    hits = await stall.service.products(
        stall.ctx, words=words, narrow=Narrow(**narrow), limit=100, **asked
    )

    def left(but: str = "") -> list[Listing]:
        tests = [GROUPS[name][2](there) for name in chosen if name != but]
        fitting = [g for g in made if not words or words in g.title.lower()]
        return [g for g in fitting if all(test(g) for test in tests)]

    assert {one.id for one in hits.items} == {g.id for g in left()} or hits.next
    assert hits.total == len(left())
    brands = Counter(g.brand for g in left("brand") if g.brand)
    assert {v.value: v.count for v in hits.facets.get("brand", [])} == dict(brands)
    colours = Counter(g.attributes["Colour"][0] for g in left("colour"))
    assert {v.value: v.count for v in hits.facets.get("attribute:Colour", [])} == dict(colours)
    sizes = Counter(g.attributes["Size"][0] for g in left())
    assert {v.value: v.count for v in hits.facets.get("attribute:Size", [])} == dict(sizes)
    shelves = Counter(g.category_id for g in left("category"))
    assert {f.id: f.count for f in hits.categories} == dict(shelves)
    owners = Counter(id for g in left("vendor") for id in g.vendor_ids)
    assert {f.id: f.count for f in hits.vendors} == dict(owners)
    assert hits.in_stock == sum(g.id in there for g in left("stock"))
    assert hits.verified == sum(g.vendor_id in TRUSTED for g in left("verified"))
    for one in hits.ratings:
        assert one.count == sum(
            g.rating is not None and g.rating.value >= one.least for g in left("rating")
        )
    for span in hits.prices:
        assert span.count == sum(
            (span.low or 0) <= g.price_from.minor < (span.high or 10**9) for g in left("price")
        )
    for ring in hits.rings:
        if ring.km == 25:
            assert ring.count == sum(VENDORS[g.vendor_id] in (DHAKA, NEARBY) for g in left("near"))


async def test_the_nearest_first(filled: tuple[Stall, list[Listing], set[UUID]]) -> None:
    stall, made, _ = filled
    near = Narrow(near=Near(latitude=NEARBY[0], longitude=NEARBY[1]))
    seen: list[UUID] = []
    far: list[float] = []
    cursor = None
    while True:
        page = await stall.service.products(
            stall.ctx, narrow=near, sort="distance", limit=40, cursor=cursor
        )
        seen += [one.id for one in page.items]
        far += [one.km for one in page.distances]
        cursor = page.next
        if cursor is None:
            break
    somewhere = [g for g in made if VENDORS[g.vendor_id]]
    assert sorted(seen) == sorted(g.id for g in somewhere)
    assert far == sorted(far)
    assert far[0] == 0
    assert 200 < far[-1] < 260
    with pytest.raises(Invalid):
        await stall.service.products(stall.ctx, sort="distance")


async def test_what_is_new_comes_in_sets(stall: Stall) -> None:
    """Newer versions stay; what is known of an offer's stock is newer than that it was opened."""
    cup, mug, old = listing("Cup"), listing("Mug"), listing("Jug")
    vendor = cup.vendor_id
    added = [
        ListingAdded(
            product_id=one.id,
            version=1,
            card=one.model_dump_json(exclude={"text", "attributes", "codes"}),
            text="quuxware",
            attributes={"Size": ["M"]},
            codes=[f"C-{one.title}"],
        )
        for one in (cup, mug, old)
    ]
    await stall.service.show_added(stall.ctx, [ListingsAdded(vendor_id=vendor, listings=added[2:])])
    await stall.show(old.model_copy(update={"title": "Pitcher", "text": ""}), version=2)
    sold_out = StockTurned(
        offer_id=mug.offer_ids[0], product_id=mug.id, vendor_id=vendor, in_stock=False
    )
    await stall.service.stock_turned(stall.ctx, [sold_out])
    for _ in range(2):  # heard twice
        told = [ListingsAdded(vendor_id=vendor, listings=added)]
        await stall.service.show_added(stall.ctx, told)
        there = [ThereNow(offer_id=one.offer_ids[0], product_id=one.id) for one in (cup, mug)]
        opened = StockOpened(vendor_id=vendor, offers=there)
        await stall.service.stock_opened(stall.ctx, [opened])
    await stall.show(listing("Something else"))  # until it can be found
    hits = await stall.service.products(stall.ctx, words="quuxware")
    assert {one.title for one in hits.items} == {"Cup", "Mug"}
    narrow = Narrow(in_stock=True)
    hits = await stall.service.products(stall.ctx, words="quuxware", narrow=narrow)
    assert [one.title for one in hits.items] == ["Cup"]
    hits = await stall.service.products(stall.ctx, words="C-Cup")
    assert cup.id in {one.id for one in hits.items}


async def test_stock_is_followed(stall: Stall) -> None:
    bowl = listing("Bowl")

    def turned(there: bool) -> StockTurned:
        return StockTurned(
            offer_id=bowl.offer_ids[0], product_id=bowl.id, vendor_id=bowl.vendor_id, in_stock=there
        )

    async def found() -> int:
        hits = await stall.service.products(stall.ctx, narrow=Narrow(in_stock=True))
        return hits.total

    await stall.service.stock_turned(stall.ctx, [turned(True)])  # before its listing is heard of
    await stall.show(bowl)
    assert await found() == 1
    await stall.service.stock_turned(stall.ctx, [turned(True), turned(False)])
    assert await found() == 0
    await stall.service.stock_turned(stall.ctx, [turned(True)])
    assert await found() == 1


async def test_vendors_are_narrowed(filled: tuple[Stall, list[Listing], set[UUID]]) -> None:
    stall, _, _ = filled
    every = await stall.service.vendors(stall.ctx)
    assert (every.total, every.verified) == (4, 2)
    assert {one.least: one.count for one in every.ratings} == {400: 2, 300: 4, 200: 4, 100: 4}
    trusted = await stall.service.vendors(stall.ctx, narrow=Narrow(verified=True))
    assert {one.id for one in trusted.items} == TRUSTED
    best = await stall.service.vendors(
        stall.ctx, narrow=Narrow(rating_min=350), sort="rating", limit=2
    )
    assert [one.rating and one.rating.value for one in best.items] == [450, 400]
    more = await stall.service.vendors(
        stall.ctx, narrow=Narrow(rating_min=350), sort="rating", limit=2, cursor=best.next
    )
    assert ([one.rating and one.rating.value for one in more.items], more.next) == ([350], None)
    near = Narrow(near=Near(latitude=DHAKA[0], longitude=DHAKA[1], km=50))
    nearest = await stall.service.vendors(stall.ctx, narrow=near, sort="distance")
    assert [one.km for one in nearest.items] == [0.0, 7.0]
    shelf = await stall.service.vendors(stall.ctx, words="vendor", category_ids=[BOWLS])
    assert shelf.total == 4


async def test_filters_over_rest(filled: tuple[Stall, list[Listing], set[UUID]]) -> None:
    stall, made, there = filled
    doors = {
        Search: stall.service,
        Catalog: stall.shelf,
        Market: FakeMarket(),
        Vendors: stall.street,
    }
    rest = Rest(clock(), doors, router).client()
    query = "?q=blue&brand=Acme&brand=Crow&attribute=Colour:Red&inStock=true&verified=true"
    answer = await rest.get(f"/search{query}&near=23.8,90.4&withinKm=50&ratingMin=200")
    assert answer.status_code == 200, answer.text
    body = {
        "query": "blue", "brands": ["Acme", "Crow"], "attributes": {"Colour": ["Red"]},
        "inStock": True, "verified": True, "ratingMin": 200,
        "near": {"latitude": 23.8, "longitude": 90.4, "km": 50},
    }  # fmt: skip
    posted = await rest.post("/marketplace/search", json=body)
    assert posted.json() == answer.json()
    fitting = [
        g for g in made
        if "Blue" in g.title and g.brand in ("Acme", "Crow") and g.attributes["Colour"] == ["Red"]
        and g.id in there and g.vendor_id in TRUSTED and g.rating and g.rating.value >= 200
    ]  # fmt: skip
    assert answer.json()["total"] == len(fitting)
    for wrong, at in (
        ("near=Dhaka", "near"), ("attribute=Red", "attribute"), ("ratingMin=9", "ratingMin"),
        ("sort=distance", "sort"), ("category=none", "category"),
    ):  # fmt: skip
        refused = await rest.get(f"/search?{wrong}")
        assert refused.status_code == 422, wrong
        assert at in refused.text, wrong
    found = await rest.get("/search/vendors?verified=true&sort=rating&limit=1")
    assert found.json()["next"]
    assert found.json()["items"][0]["verified"] is True
