"""A large market: its goods by themselves, and a small one put into a database, twice."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from haat.app.runtime import Runtime
from haat.app.seeding.cast import id_of, settled
from haat.app.seeding.scale import phrases
from haat.app.seeding.scale.filling import Filling, Scale
from haat.app.seeding.scale.goods import (
    BLOCK,
    SOLD_MAX,
    VARIANTS_MAX,
    piece,
    pieces,
    vendor_name,
    vendor_of,
)
from haat.app.seeding.scale.opening import category_id, vendor_id
from haat.app.seeding.scale.tree import leaves, places
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.domains.goods.catalog.api import Catalog, is_barcode
from haat.domains.goods.inventory.api import Inventory
from haat.domains.insight.search.api import Search
from tests import postgres
from tests.journeys.box import card_network, environment

VENDORS = 60
MANY = list(pieces(1, 0, 4000, VENDORS))


def test_the_tree() -> None:
    known: set[str] = set()
    for place in places():
        assert place.above in known or not place.above
        assert place.slug not in known
        assert len(place.slug) <= 80
        assert len(place.name) <= 80
        known.add(place.slug)
    assert len(leaves()) >= 300
    assert {place.department for place in leaves()} == set(phrases.MATERIALS) == set(phrases.WORTH)


def test_goods_follow_from_seed_and_number() -> None:
    assert list(pieces(1, 1000, 1010, VENDORS)) == MANY[1000:1010]
    assert piece(1, 77, VENDORS) == MANY[77]
    assert piece(2, 77, VENDORS) != MANY[77]
    assert vendor_name(1, 3) == vendor_name(1, 3) != vendor_name(1, 4)


def test_goods_can_be_put() -> None:
    skus = [choice.sku for one in MANY for choice in one.choices]
    codes = [choice.barcode for one in MANY for choice in one.choices]
    assert len(set(skus)) == len(skus)
    assert len(set(codes)) == len(codes)
    assert all(map(is_barcode, codes))
    for one in MANY:
        assert 0 < len(one.title) <= 200
        assert 1 <= len(one.choices) <= VARIANTS_MAX
        assert len({tuple(choice.options.values()) for choice in one.choices}) == len(one.choices)
        assert all(list(choice.options) == one.option_names for choice in one.choices)
        assert all(choice.price > 0 for choice in one.choices)
        assert all((choice.compare_at or choice.price + 1) > choice.price for choice in one.choices)
        sellers = [other.vendor for other in one.attached]
        assert len(set(sellers)) == len(sellers)
        assert one.vendor not in sellers
        assert all(0 <= vendor < VENDORS for vendor in sellers)
        # what a vendor attaches to one product carries SKUs of its own
    attached = [(other.vendor, other.sku) for one in MANY for other in one.attached]
    assert len(set(attached)) == len(attached)


def test_goods_are_like_a_market() -> None:
    texts = [re.sub(r"<[^>]+>", " ", one.html) for one in MANY]
    assert min(map(len, texts)) >= 200
    assert max(map(len, texts)) <= 2000
    assert 0.12 < sum(bool(one.attached) for one in MANY) / len(MANY) < 0.18
    bengali = sum(any("\u0980" <= letter <= "\u09ff" for letter in one.title) for one in MANY)
    assert 0.05 < bengali / len(MANY) < 0.12
    assert {len(one.choices) for one in MANY} >= {1, 2, 3, 4, 6, 8}
    # Zipf: half are never sold, a few very often; no category is empty, some are large
    sold = sorted((one.sold for one in MANY), reverse=True)
    assert sold[len(sold) // 2 + 200] == 0
    assert 500 < sold[0] <= SOLD_MAX
    sizes = Counter(one.place.slug for one in MANY)
    assert len(sizes) > 340
    assert max(sizes.values()) > 20 * len(MANY) / len(leaves()) / 4
    assert len({one.title for one in MANY}) > 0.95 * len(MANY)


def test_every_vendor_has_goods_and_large_ones_more() -> None:
    counts = Counter(vendor_of(1, number, 20) for number in range(0, 20_000, BLOCK))
    assert set(counts) == set(range(20))
    assert counts[0] > 3 * counts[19]


@pytest.fixture
def settings(postgres_url: str, template_url: str, tmp_path: Path) -> Iterator[AppSettings]:
    template = postgres.name_of(template_url)
    with (
        postgres.database(postgres_url, template=template) as url,
        card_network(tmp_path) as (cards, key),
        environment(
            {
                "HAAT_TESTCARD_URL": cards,
                "HAAT_TESTCARD_SECRET_FILE": str(key),
                "HAAT_PASSWORD_MEMORY_KIB": "1024",
                "HAAT_PASSWORD_PASSES": "1",
            }
        ),
    ):
        yield AppSettings(data=tmp_path, sql_url=SecretStr(url))


@pytest.mark.slow
async def test_a_small_one_put_twice(settings: AppSettings) -> None:
    told: list[str] = []
    async with Runtime(settings, all_modules(), reacts=True, timers=False) as runtime:
        some = await Filling(runtime, Scale(70, 2), told.append).all()
        done = await Filling(runtime, Scale(120, 3), told.append).all()
        again = await Filling(runtime, Scale(120, 3), told.append).all()
        await settled(runtime)
        assert not some.refused
        assert not done.refused
        assert not again.refused
        assert (some.vendors, some.products) == (2, 70)
        assert (done.vendors, done.products) == (1, 50)
        assert (again.vendors, again.products, again.offers, again.stocked) == (0, 0, 0, 0)
        assert any("120 of 120 products" in line for line in told)
        await _inspect(runtime)


async def _inspect(runtime: Runtime) -> None:
    ctx = runtime.system_context("test")
    catalog: Catalog = runtime.inner[Catalog]
    assert await catalog.approval_rules(ctx) == []
    search: Search = runtime.inner[Search]
    hits = await search.products(ctx, sort="popular", limit=100)
    assert hits.total == 120
    best = max(range(120), key=lambda number: piece(1, number, 3).sold)
    assert hits.items[0].id == id_of(f"scale:1:product:{best}")
    made = piece(1, best, 3)
    product = await catalog.product(ctx, ref=str(hits.items[0].id))
    assert (product.title, product.vendor_id) == (made.title, vendor_id(1, made.vendor))
    assert product.category_id == category_id(made.place)
    own = {offer.sku: offer for v in product.variants for offer in v.offers}
    assert {choice.sku for choice in made.choices} <= set(own)
    counts = await runtime.inner[Inventory].available(ctx, offers=[o.id for o in own.values()])
    left = {one.offer_id: one.available for one in counts}
    assert [left[own[one.sku].id] for one in made.choices] == [c.on_hand for c in made.choices]
