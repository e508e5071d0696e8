"""Copies of hot reads: given to customers, old for nobody once a change is done."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.goods.catalog import reactions
from haat.domains.goods.catalog.api import ListingChanged, Product
from haat.domains.goods.catalog.bodies import draft_of
from haat.domains.goods.catalog.service import CatalogService
from haat.engines.cache import Cache, open_cache
from haat.engines.sql import Database, Record, open_pool
from haat.kernel.errors import NotFound
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import (
    FakeMarket,
    FakeVendors,
    draft,
    emitted,
    guest,
    of_vendor,
    staff,
    usd,
)
from tests.domains.people.doubles import FakeMedia
from tests.valkey import Valkey

Open = Callable[[], Cache]


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture(params=["memory", "valkey"])
async def caches(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """The cache as each process of a market has it: memory is one process's."""
    opened: list[Cache] = []

    def another() -> Cache:
        if request.param == "memory" and opened:
            return opened[0]
        url = server.url if server else "memory://"
        opened.append(open_cache(url))
        return opened[-1]

    server: Valkey | None = None
    if request.param == "valkey":
        server = request.getfixturevalue("valkey")
        await server.answers()
    yield another
    for cache in opened:
        await cache.aclose()


class Paused(Database):
    """A database whose next answer is on its way until it is let through."""

    def __init__(self, db: Database) -> None:
        super().__init__(db.pool, db.schema)
        self.read, self.go = asyncio.Event(), asyncio.Event()

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        row = await super().fetchrow(sql, *args)
        self.read.set()
        await self.go.wait()
        return row


def service(db: Database, cache: Cache) -> CatalogService:
    return CatalogService(db, FakeMarket(), FakeVendors(), cache, FakeMedia())


async def on_sale(catalog: CatalogService, vendor: UUID, price: int = 1000) -> Product:
    wanted = draft(f"Lamp {uuid4().hex}", (uuid4().hex,), prices=[price])
    made = await catalog.create(of_vendor(vendor), id=uuid4(), vendor_id=vendor, draft=wanted)
    await catalog.submit(of_vendor(vendor), id=made.id)
    return await catalog.decide(staff(), id=made.id, decision="approve")


async def reprice(catalog: CatalogService, product: Product, price: int) -> Product:
    wanted = draft_of(product)
    variants = [v.model_copy(update={"price": usd(price)}) for v in wanted.variants]
    change = wanted.model_copy(update={"variants": variants})
    return await catalog.change(of_vendor(product.vendor_id), id=product.id, draft=change)


def price_of(product: Product) -> int:
    return product.variants[0].offers[0].price.minor


async def test_customers_are_given_copies_until_a_change(
    caches: Open, database_of: DatabaseOf
) -> None:
    db = await database_of("catalog")
    here, there = service(db, caches()), service(db, caches())
    vendor = uuid4()
    product = await on_sale(there, vendor)
    [offer] = product.variants[0].offers
    refs = (product.slug, str(product.id))

    async def seen() -> set[int]:
        pages = [await here.product(guest(), ref=ref) for ref in refs]
        shelf = await here.listings(guest(), vendor_id=vendor)
        return {*map(price_of, pages), shelf.items[0].price_from.minor}

    assert await seen() == {1000}
    # What nobody announced is not seen by customers; everybody else reads the tables.
    await db.execute("UPDATE catalog.offers SET price_minor = 1 WHERE id = $1", offer.id)
    assert await seen() == {1000}
    for ctx in (of_vendor(vendor), of_vendor(uuid4()), staff()):
        assert price_of(await here.product(ctx, ref=product.slug)) == 1
    assert (await here.offers(guest(), ids=[offer.id]))[0].price == usd(1)
    assert price_of(await here.product(guest(), ref=product.id.hex)) == 1, "another spelling"

    changed = await reprice(there, product, 1700)
    assert await seen() == {1700}
    await there.archive(of_vendor(vendor), id=changed.id)
    for ref in refs:
        with pytest.raises(NotFound):
            await here.product(guest(), ref=ref)
    assert (await here.listings(guest(), vendor_id=vendor)).items == []


async def test_what_was_read_before_a_change_is_not_kept_after_it(
    caches: Open, database_of: DatabaseOf
) -> None:
    db = await database_of("catalog")
    here = service(db, caches())
    product = await on_sale(here, uuid4())
    slow = Paused(db)
    reading = asyncio.create_task(service(slow, caches()).product(guest(), ref=product.slug))
    await slow.read.wait()
    await reprice(here, product, 1700)
    slow.go.set()
    assert price_of(await reading) == 1000
    assert price_of(await here.product(guest(), ref=product.slug)) == 1700


async def test_a_writer_that_died_is_heard_of(caches: Open, database_of: DatabaseOf) -> None:
    """Between its commit and its word to the cache: its event says it again."""
    db = await database_of("catalog")
    here, dies = service(db, caches()), service(db, open_cache("none://"))
    vendor = uuid4()
    product = await on_sale(here, vendor)
    await here.product(guest(), ref=product.slug)
    tree = await here.categories(guest())
    await emitted(db)
    await reprice(dies, product, 1700)
    await dies.save_category(staff(), id=uuid4(), name=f"New {uuid4().hex}")
    assert price_of(await here.product(guest(), ref=product.slug)) == 1000
    assert len(await here.categories(guest())) == len(tree)
    facts = await emitted(db)
    heard = [ListingChanged.model_validate(d) for n, d in facts if n == "product.index.requested"]
    await reactions.copies_are_old(here, staff(), [*heard])
    assert price_of(await here.product(guest(), ref=product.slug)) == 1700
    assert len(await here.categories(guest())) == len(tree) + 1
    assert [n for n, _ in facts].count("category.saved") == 1


async def test_one_category_by_any_name(caches: Open, database_of: DatabaseOf) -> None:
    db = await database_of("catalog")
    here, there = service(db, caches()), service(db, caches())
    id = uuid4()
    before = await there.save_category(staff(), id=id, name="Brass", slug=f"brass-{id.hex}")
    for ref in (str(id), id.hex, before.slug):
        assert (await here.category(guest(), ref=ref)).name == "Brass"
    renamed = await there.save_category(staff(), id=id, name="Gold", slug=f"gold-{id.hex}")
    for ref in (str(id), id.hex, renamed.slug):
        assert (await here.category(guest(), ref=ref)).name == "Gold"
    for ref in (before.slug, "all", "=all", "\ud800", "\0", "x" * 500):
        with pytest.raises(NotFound):
            await here.category(guest(), ref=ref.encode("utf-8", "replace").decode())
    assert "Gold" in [c.name for c in await here.categories(guest())]


async def test_without_its_cache_it_reads_the_tables(
    tmp_path: Path, database_of: DatabaseOf
) -> None:
    db = await database_of("catalog")
    cache = open_cache(Valkey(tmp_path).url)  # which nobody started
    here = service(db, cache)
    product = await on_sale(here, uuid4())
    for price in (1700, 1800):
        product = await reprice(here, product, price)
        assert price_of(await here.product(guest(), ref=product.slug)) == price
    await cache.aclose()


async def read_on(url: str, cache_url: str, ref: str, readers: int = 4) -> None:
    """Another process, which reads as fast as it can until it is ended."""
    pool = await open_pool(url, size=readers, role="haat_catalog")
    catalog = service(Database(pool, "catalog"), open_cache(cache_url))

    async def reader() -> None:
        while True:
            await catalog.product(guest(), ref=ref)
            await asyncio.sleep(0)

    print("reading", flush=True)
    await asyncio.gather(*(reader() for _ in range(readers)))


async def test_two_processes_never_leave_an_old_price(
    valkey: Valkey, database_of: DatabaseOf, database_url: str
) -> None:
    """One reads and keeps all the time; the other changes the price and looks."""
    await valkey.answers()
    db, cache = await database_of("catalog"), open_cache(valkey.url)
    here = service(db, cache)
    product = await on_sale(here, uuid4())
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.domains.goods.test_hot_reads", database_url, valkey.url, product.slug),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await child.stdout.readline() == b"reading\n"
        kept = 0
        for price in range(2000, 2150):
            product = await reprice(here, product, price)
            for _ in range(3):
                copy = await cache.get_many([f"catalog.product:{product.slug}"])
                kept += len(copy.found)
                assert price_of(await here.product(guest(), ref=product.slug)) == price
        assert kept > 50, "it was a race"
        assert child.returncode is None
    finally:
        child.kill()
        await child.wait()
        await cache.aclose()


if __name__ == "__main__":
    asyncio.run(read_on(sys.argv[1], sys.argv[2], sys.argv[3]))


async def test_several_products_at_once_are_as_new_as_one(
    database_of: DatabaseOf, caches: Open
) -> None:
    db, cache, vendor = await database_of("catalog"), caches(), uuid4()
    catalog, other = service(db, cache), service(db, caches())
    first, second = await on_sale(catalog, vendor), await on_sale(catalog, vendor, 2000)
    wanted = draft(f"Draft {uuid4().hex}", (uuid4().hex,), prices=[5])
    hidden = await catalog.create(of_vendor(vendor), id=uuid4(), vendor_id=vendor, draft=wanted)
    ids = [second.id, uuid4(), hidden.id, first.id]
    found = await other.details(guest(), ids=ids)
    assert [one.id for one in found] == [second.id, first.id]
    assert found == [await other.product(guest(), ref=str(one.id)) for one in found]
    await reprice(catalog, first, 1234)
    changed = (await other.details(guest(), ids=ids))[1]
    assert changed.variants[0].offers[0].price == usd(1234)
    assert changed == (await catalog.details(staff(), ids=[first.id]))[0]
