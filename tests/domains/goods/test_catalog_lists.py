"""The catalogue's lists: shelves, their orders and pages, the tree, vendors that come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.goods.catalog import reactions, rules
from haat.domains.goods.catalog.api import (
    Listing,
    ListingChanged,
    Product,
    Sort,
)
from haat.domains.goods.catalog.bodies import draft_of
from haat.domains.goods.catalog.proof import prove
from haat.domains.goods.catalog.refusing import CategorySlugTaken
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.inventory import reactions as inventory
from haat.domains.people.vendors.api import VendorApproved, VendorReinstated, VendorSuspended
from haat.engines.cache import open_cache
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Invalid, NotFound
from haat.kernel.events import noted_in
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import (
    FakeMarket,
    FakeVendors,
    clock,
    draft,
    emitted,
    guest,
    staff,
    system,
)
from tests.domains.people.doubles import FakeMedia


class Hall:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = clock()
        self.ctx: Context = system(self.clock)
        self.catalog = CatalogService(
            db, FakeMarket(), FakeVendors(), open_cache("memory://"), FakeMedia()
        )
        self.vendor: UUID = uuid4()

    async def category(self, name: str, parent: UUID | None = None) -> UUID:
        id = uuid4()
        await self.catalog.save_category(
            self.ctx, id=id, name=name, slug=f"{name}-{id.hex[:6]}", parent_id=parent
        )
        return id

    async def product(self, title: str, price: int = 1000, category: UUID | None = None) -> Product:
        self.clock.advance(timedelta(seconds=1))
        id = uuid4()
        wanted = draft(title, (id.hex,), prices=[price], category_id=category)
        await self.catalog.create(self.ctx, id=id, vendor_id=self.vendor, draft=wanted)
        await self.catalog.submit(self.ctx, id=id)
        return await self.catalog.decide(self.ctx, id=id, decision="approve")

    async def all(self, limit: int = 3, sort: Sort = "newest", **where: UUID) -> list[Listing]:
        """Every page of a list."""
        found: list[Listing] = []
        cursor = None
        while True:
            page = await self.catalog.listings(
                guest(), sort=sort, limit=limit, cursor=cursor, **where
            )
            found += page.items
            assert len(page.items) <= limit
            cursor = page.next
            if cursor is None:
                return found

    async def counts(self) -> dict[UUID, int]:
        return {c.id: c.product_count for c in await self.catalog.categories(guest())}


@pytest_asyncio.fixture
async def hall(database_of: DatabaseOf) -> AsyncIterator[Hall]:
    made = Hall(await database_of("catalog"))
    await emitted(made.db)
    yield made
    assert await prove(made.db, 5) == []


async def test_orders_and_pages(hall: Hall) -> None:
    titles = ["Éclair", "apple", "Banana", "cherry", "Apple", "date", "egg", "fig"]
    made = [
        await hall.product(title, price)
        for title, price in zip(titles, [5, 3, 3, 9, 1, 7, 3, 2], strict=True)
    ]
    newest = await hall.all(vendor_id=hall.vendor)
    assert [x.id for x in newest] == [p.id for p in reversed(made)]
    for limit in (1, 2, 8, 50):
        cheapest = await hall.all(limit, "price", vendor_id=hall.vendor)
        assert [x.price_from.minor for x in cheapest] == [1, 2, 3, 3, 3, 5, 7, 9]
        dearest = await hall.all(limit, "-price", vendor_id=hall.vendor)
        assert [x.id for x in dearest] == [x.id for x in reversed(cheapest)]
        by_title = await hall.all(limit, "title", vendor_id=hall.vendor)
        keys = [rules.title_key(x.title) for x in by_title]
        assert keys == sorted(keys)
    everything = {x.id for x in await hall.all(100)}
    assert everything >= {p.id for p in made}
    first = await hall.catalog.listings(guest(), limit=2, sort="price")
    with pytest.raises(Invalid):  # a cursor of another order
        await hall.catalog.listings(guest(), limit=2, sort="-price", cursor=first.next)
    for cursor in ("", "x", "WyJuZXdlc3QiLCJ4IiwieSJd", "WzFd"):
        with pytest.raises(Invalid):
            await hall.catalog.listings(guest(), cursor=cursor)


async def test_counts_are_right_before_and_after_they_are_added_up(hall: Hall) -> None:
    """Nobody who writes goods waits for who writes others of the same category, nor for who adds
    them up; what readers see is the same all the time."""
    root = await hall.category("Root")
    leaf = await hall.category("Leaf", root)
    one = await hall.product("One", category=leaf)
    async with hall.db.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT FROM catalog.categories WHERE id = ANY($1) FOR NO KEY UPDATE", [root, leaf]
        )
        await asyncio.wait_for(hall.product("Two", category=leaf), 60)
    noted = "SELECT count(*) FROM catalog.category_changes"
    assert await hall.db.fetchval(noted) > 0
    for archive in (False, True):
        if archive:
            await hall.catalog.archive(hall.ctx, id=one.id)
        left = 1 if archive else 2
        assert await prove(hall.db, 5) == []
        counts = await hall.counts()
        assert (counts[root], counts[leaf]) == (left, left)
        assert (await hall.catalog.category(guest(), ref=str(leaf))).product_count == left
        await asyncio.gather(*(hall.catalog.count_up(system()) for _ in range(3)))
        assert await hall.db.fetchval(noted) == 0
        assert await hall.counts() == counts
        stored = await hall.db.fetchval(
            "SELECT product_count FROM catalog.categories WHERE id = $1", root
        )
        assert stored == left


async def test_a_category_includes_those_below(hall: Hall) -> None:
    root = await hall.category("Root")
    middle = await hall.category("Middle", root)
    leaf = await hall.category("Leaf", middle)
    other = await hall.category("Other")
    one = await hall.product("One", category=leaf)
    two = await hall.product("Two", category=middle)
    three = await hall.product("Three", category=other)
    assert [x.id for x in await hall.all(category_id=root)] == [two.id, one.id]
    assert [x.id for x in await hall.all(category_id=leaf)] == [one.id]
    both = await hall.all(category_id=middle, vendor_id=hall.vendor)
    assert [x.id for x in both] == [two.id, one.id]
    assert await hall.all(category_id=middle, vendor_id=uuid4()) == []
    counts = await hall.counts()
    assert [counts[c] for c in (root, middle, leaf, other)] == [2, 2, 1, 1]

    # A branch moves with everything on it.
    await hall.catalog.save_category(hall.ctx, id=middle, name="Middle", parent_id=other)
    counts = await hall.counts()
    assert [counts[c] for c in (root, middle, leaf, other)] == [0, 2, 1, 3]
    assert [x.id for x in await hall.all(category_id=other)] == [three.id, two.id, one.id]
    wanted = draft_of(one).model_copy(update={"category_id": None})
    await hall.catalog.change(hall.ctx, id=one.id, draft=wanted)
    await hall.catalog.archive(hall.ctx, id=two.id)
    counts = await hall.counts()
    assert [counts[c] for c in (middle, leaf, other)] == [0, 0, 1]


async def test_the_tree_refuses(hall: Hall) -> None:
    root = await hall.category("Root")
    child = await hall.category("Child", root)
    save = hall.catalog.save_category
    for parent in (root, child):
        with pytest.raises(Invalid) as refused:
            await save(hall.ctx, id=root, name="Root", parent_id=parent)
        assert refused.value.code == "category_cycle"
    with pytest.raises(Invalid):
        await save(hall.ctx, id=uuid4(), name="X", parent_id=uuid4())
    taken = (await hall.catalog.category(guest(), ref=str(root))).slug
    with pytest.raises(CategorySlugTaken):
        await save(hall.ctx, id=uuid4(), name="X", slug=taken)
    with pytest.raises(NotFound):
        await hall.catalog.category(guest(), ref="nothing")
    below = child
    for level in range(6):
        below = await hall.category(f"Level {level}", below)
    with pytest.raises(Invalid) as refused:
        await hall.category("Too deep", below)
    assert refused.value.code == "category_too_deep"
    order = [c.id for c in await hall.catalog.categories(guest())]
    assert order.index(root) < order.index(child)


async def test_vendors_come_and_go(hall: Hall) -> None:
    made = [await hall.product(f"P{n}") for n in range(3)]
    catalog, ctx = hall.catalog, hall.ctx
    await emitted(hall.db)
    suspended = VendorSuspended(vendor_id=hall.vendor, reason="x")
    reinstated = VendorReinstated(vendor_id=hall.vendor)
    for _ in range(2):
        async with hall.db.begin(ctx) as tx:
            await reactions.vendors_moved(catalog, ctx, tx, [suspended])
    assert await hall.all(vendor_id=hall.vendor) == []
    with pytest.raises(NotFound):
        await catalog.product(guest(), ref=made[0].slug)
    [line] = await catalog.offers(ctx, ids=[made[0].variants[0].offers[0].id])
    assert not line.buyable
    hidden = await emitted(hall.db)
    assert [d["listing"] for _, d in hidden] == [None] * 3
    # Approved while its vendor is suspended: waits for the vendor.
    changed = await catalog.change(
        ctx, id=made[0].id, draft=draft_of(made[0]).model_copy(update={"brand": "B"})
    )
    assert changed.brand == "B"
    assert await hall.all(vendor_id=hall.vendor) == []
    async with hall.db.begin(ctx) as tx:
        await reactions.vendors_moved(catalog, ctx, tx, [reinstated])
    shown = [d for n, d in await emitted(hall.db) if n == "product.index.requested"]
    heard = [ListingChanged.model_validate(d) for d in shown]
    await reactions.copies_are_old(catalog, ctx, [*heard])
    assert len(await hall.all(vendor_id=hall.vendor)) == 3
    assert {d["listing"]["brand"] for d in shown} == {"B", ""}
    assert min(d["version"] for d in shown) > max(d["version"] for _, d in hidden)
    approved = VendorApproved(vendor_id=uuid4(), slug="v", name="V", country="US")
    async with hall.db.begin(ctx) as tx:
        await reactions.vendors_moved(catalog, ctx, tx, [approved])


@pytest.mark.parametrize("module", [reactions, inventory], ids=["catalog", "inventory"])
def test_a_vendors_facts_are_heard_in_the_order_they_happened(module: Any) -> None:
    """The order of a key holds within one subscriber only."""
    moves = {VendorApproved, VendorReinstated, VendorSuspended}
    found = [one for one in noted_in(module).reactions if one.event in moves]
    assert len(found) >= 2
    assert len({one.handler for one in found}) == 1


async def test_everything_at_once_keeps_the_shelves(hall: Hall) -> None:
    roots = [await hall.category(f"R{n}") for n in range(3)]
    leaf = await hall.category("Leaf", roots[0])
    made = [await hall.product(f"P{n}", category=leaf) for n in range(6)]

    async def standing(active: bool) -> None:
        async with hall.db.begin(hall.ctx) as tx:
            await hall.catalog.set_vendors(tx, {hall.vendor: active})

    async def move(parent: UUID) -> None:
        await hall.catalog.save_category(hall.ctx, id=leaf, name="Leaf", parent_id=parent)

    async def change(product: Product, number: int) -> None:
        category = [leaf, *roots][number % 4]
        wanted = draft(f"N{number}", (product.variants[0].offers[0].sku,), category_id=category)
        with suppress(Conflict):  # a dozen writers of one product: some give up
            await hall.catalog.change(hall.ctx, id=product.id, draft=wanted)

    work = []
    for number in range(12):
        work.append(standing(number % 2 == 0))
        work.append(move(roots[number % 3]))
        work.extend(change(p, number + place) for place, p in enumerate(made))
    await asyncio.gather(*work)
    await standing(True)
    assert len(await hall.all(vendor_id=hall.vendor)) == 6


async def test_own_products_and_the_queue(hall: Hall) -> None:
    for number in range(3):
        await hall.product(f"A{number}")
    hall.clock.advance(timedelta(seconds=1))
    id = uuid4()
    await hall.catalog.create(
        hall.ctx, id=id, vendor_id=hall.vendor, draft=draft("Draft", (id.hex,))
    )
    own = await hall.catalog.own_products(hall.ctx, vendor_id=hall.vendor, limit=3)
    rest = await hall.catalog.own_products(
        hall.ctx, vendor_id=hall.vendor, limit=3, cursor=own.next
    )
    assert [x.status for x in [*own.items, *rest.items]] == ["draft", *["active"] * 3]
    drafts = await hall.catalog.own_products(hall.ctx, vendor_id=hall.vendor, status="draft")
    assert [x.id for x in drafts.items] == [id]
    queue = await hall.catalog.queue(staff(), status="draft", limit=1)
    assert len(queue.items) == 1


async def test_lists_are_served_from_an_index(hall: Hall) -> None:
    await hall.product("One")
    await hall.db.execute("ANALYZE catalog.shelves")
    for statement in (sql.NEWEST, sql.CHEAPEST, sql.DEAREST, sql.BY_TITLE):
        start = {"created_at": "'9999-01-01Z'", "price_from": "0", "title_key": "''"}
        key = next(k for k in start if f"s.{k} AS key" in statement)
        text = statement.replace("$1", f"'{UUID(int=0)}'").replace("$2", start[key])
        text = text.replace("$3", f"'{UUID(int=0)}'").replace("$4", "NULL")
        async with hall.db.begin(hall.ctx) as tx:
            await tx.execute("SET LOCAL enable_seqscan = off")
            plan = await tx.fetch(f"EXPLAIN {text}")
        lines = "\n".join(row[0] for row in plan)
        assert "Index Cond: ((shelf_id" in lines
        assert "Sort" not in lines
