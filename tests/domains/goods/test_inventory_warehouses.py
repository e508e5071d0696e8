"""Several warehouses: where goods are taken from, what comes back where, transfers and closing."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.domains.goods.inventory import reactions, rules
from haat.domains.goods.inventory.api import (
    Counted,
    Line,
    OutOfStock,
    Site,
    WarehouseDraft,
    WarehouseInUse,
    WarehousesFull,
)
from haat.domains.goods.inventory.proof import prove
from haat.domains.goods.inventory.rules import Place
from haat.domains.goods.inventory.service import InventoryService
from haat.engines.sql import Database, open_pool
from haat.kernel.errors import Conflict, Invalid, NotFound
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import emitted, guest, of_vendor
from tests.domains.goods.store import Store, lines

SITE = Site(line1="1 Main St", city="Dhaka", country="BD")


@pytest_asyncio.fixture
async def store(database_of: DatabaseOf) -> AsyncIterator[Store]:
    made = Store(await database_of("inventory"))
    await emitted(made.db)
    yield made
    assert await prove(made.db, 5) == []


class Depot:
    """A vendor's offer in several warehouses."""

    def __init__(self, store: Store, counts: list[int], **more: list[object]) -> None:
        self.store = store
        self.counts = counts
        self.more = more
        self.vendor = uuid4()
        self.warehouses = [rules.first_warehouse(self.vendor), *(uuid4() for _ in counts[1:])]

    async def open(self) -> "Depot":
        self.offer = await self.store.offer(self.counts[0], self.vendor)
        for place, id in enumerate(self.warehouses):
            more = {name: values[place] for name, values in self.more.items()}
            draft = WarehouseDraft.model_validate({"name": f"W{place}", **more})
            await self.store.inventory.save_warehouse(
                self.store.ctx, id=id, vendor_id=self.vendor, draft=draft
            )
            if place:
                await self.put(place, self.counts[place])
        return self

    async def put(self, place: int, count: int) -> None:
        await self.store.inventory.set_on_hand(
            self.store.ctx,
            id=uuid4(),
            offer_id=self.offer,
            on_hand=count,
            warehouse_id=self.warehouses[place],
        )

    async def shelves(self) -> list[tuple[int, int]]:
        """On hand and reserved, warehouse by warehouse."""
        [stock] = await self.store.inventory.stock_of(self.store.ctx, offers=[self.offer])
        known = {one.warehouse_id: (one.on_hand, one.reserved) for one in stock.kept}
        return [known[id] for id in self.warehouses]

    async def reserve(
        self, quantity: int, country: str | None = None, pickup: int | None = None
    ) -> UUID:
        id = uuid4()
        at = None if pickup is None else self.warehouses[pickup]
        wanted = [Line(offer_id=self.offer, quantity=quantity, warehouse_id=at)]
        await self.store.inventory.reserve(
            self.store.ctx, id=id, lines=wanted, ttl_s=60, country=country
        )
        return id


def place(free: int, priority: int = 1, *, usable: bool = True) -> Place:
    return Place(uuid4(), free, priority, usable)


places = st.lists(
    st.builds(
        Place,
        warehouse_id=st.uuids(),
        free=st.integers(0, 6),
        priority=st.integers(1, 3),
        usable=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda p: p.warehouse_id,
)


@given(quantity=st.integers(1, 12), safety=st.integers(0, 4), known=places)
def test_an_allocation_is_whole_or_empty_and_as_short_as_can_be(
    quantity: int, safety: int, known: list[Place]
) -> None:
    taken = rules.allocate(quantity, safety, known)
    by_id = {p.warehouse_id: p for p in known}
    usable = sorted((p.free for p in known if p.usable), reverse=True)
    enough = sum(p.free for p in known) - safety >= quantity and sum(usable) >= quantity
    assert sum(taken.values()) == (quantity if enough else 0)
    for id, count in taken.items():
        assert by_id[id].usable
        assert 0 < count <= by_id[id].free
    if enough:
        assert len(taken) == next(n for n in range(1, 6) if sum(usable[:n]) >= quantity)
        if len(taken) == 1:
            [id] = taken
            rivals = [p.priority for p in known if p.usable and p.free >= quantity]
            assert by_id[id].priority == min(rivals)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_the_statement_allocates_by_the_rule(store: Store, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    priorities = data.draw(st.lists(st.integers(1, 3), min_size=4, max_size=4))
    sends = data.draw(st.lists(st.sampled_from([[], ["DE"], ["BD", "DE"]]), min_size=4, max_size=4))
    quantity, safety = data.draw(st.integers(1, 12)), data.draw(st.integers(0, 3))
    country = data.draw(st.sampled_from([None, "BD", "DE", "FR"]))
    depot = await Depot(store, counts, priority=[*priorities], countries=[*sends]).open()
    await store.inventory.set_safety(store.ctx, offer_id=depot.offer, safety=safety)
    known = [
        Place(id, free, priority, country is None or not to or country in to)
        for id, free, priority, to in zip(depot.warehouses, counts, priorities, sends, strict=False)
    ]
    expected = rules.allocate(quantity, safety, known)
    [had] = await store.inventory.available(store.ctx, offers=[depot.offer], country=country)
    assert (had.available >= quantity) == bool(expected)
    if not expected:
        with pytest.raises(OutOfStock) as refused:
            await depot.reserve(quantity, country)
        assert refused.value.data["offers"][0]["available"] == had.available
        return
    id = await depot.reserve(quantity, country)
    wanted = [
        (count, expected.get(w, 0)) for w, count in zip(depot.warehouses, counts, strict=True)
    ]
    assert await depot.shelves() == wanted
    await store.inventory.release(store.ctx, id=id)


async def test_a_race_over_three_warehouses(store: Store, database_url: str) -> None:
    """200 buyers of 50 units, some of which want two: each unit is sold once, none is left."""
    depot = await Depot(store, [20, 17, 13]).open()
    pool = await open_pool(database_url, size=12, role="haat_inventory")
    inventory = InventoryService(Database(pool, "inventory"), store.catalog)

    async def buy(number: int) -> int:
        quantity = 2 if number % 5 == 0 else 1
        id = uuid4()
        try:
            await inventory.reserve(store.ctx, id=id, lines=lines(depot.offer, quantity), ttl_s=600)
        except OutOfStock:
            return 0
        if number % 7 == 0:
            await inventory.release(store.ctx, id=id)
            return 0
        await inventory.promise(store.ctx, id=id)
        await inventory.commit(store.ctx, ids=[id])
        return quantity

    async def move(number: int) -> None:
        pair = depot.warehouses[number % 3], depot.warehouses[(number + 1 + number % 2) % 3]
        try:
            await inventory.transfer(
                store.ctx, id=uuid4(), offer_id=depot.offer, quantity=1, from_id=pair[0],
                to_id=pair[1],
            )  # fmt: skip
        except Conflict:
            return

    try:
        sold = await asyncio.gather(*(buy(n) for n in range(200)), *(move(n) for n in range(30)))
        for n in range(1, 60):
            if sum(one or 0 for one in sold) >= 50:
                break
            sold.append(await buy(5 * n + 1))
    finally:
        await pool.close()
    assert sum(one or 0 for one in sold) == 50
    assert await depot.shelves() == [(0, 0)] * 3


async def test_two_hundred_for_exactly_fifty(store: Store, database_url: str) -> None:
    depot = await Depot(store, [20, 17, 13]).open()
    pool = await open_pool(database_url, size=10, role="haat_inventory")
    inventory = InventoryService(Database(pool, "inventory"), store.catalog)

    async def buy() -> bool:
        try:
            await inventory.reserve(store.ctx, id=uuid4(), lines=lines(depot.offer), ttl_s=600)
        except OutOfStock:
            return False
        return True

    try:
        won = await asyncio.gather(*(buy() for _ in range(200)))
    finally:
        await pool.close()
    assert won.count(True) == 50
    assert await depot.shelves() == [(20, 20), (17, 17), (13, 13)]


async def test_what_was_split_is_sold_and_comes_back_where_it_lay(store: Store) -> None:
    depot = await Depot(store, [3, 5, 1], priority=[2, 1, 1]).open()
    id = await depot.reserve(7)
    assert await depot.shelves() == [(3, 2), (5, 5), (1, 0)]
    await store.inventory.promise(store.ctx, id=id)
    await store.inventory.commit(store.ctx, ids=[id])
    assert await depot.shelves() == [(1, 0), (0, 0), (1, 0)]
    parts = [(uuid4(), 1), (uuid4(), 6)]  # one of them first, then the other six
    for _ in range(2):
        for part, count in parts:
            await store.inventory.restock(
                store.ctx,
                id=part,
                lines=lines(depot.offer, count),
                reason="return",
                reference=uuid4(),
                sold=id,
            )
    moved = await store.inventory.movements(store.ctx, offer_id=depot.offer, reason="return")
    assert sum(m.delta for m in moved.items) == 7
    assert await depot.shelves() == [(2, 0), (6, 0), (1, 0)]


async def test_a_whole_return_lies_as_before(store: Store) -> None:
    depot = await Depot(store, [3, 5, 1]).open()
    id = await depot.reserve(9)
    await store.inventory.promise(store.ctx, id=id)
    await store.inventory.commit(store.ctx, ids=[id])
    for _ in range(2):
        await store.inventory.restock(
            store.ctx, id=id, lines=lines(depot.offer, 9), reason="cancel", reference=id, sold=id
        )
    assert await depot.shelves() == [(3, 0), (5, 0), (1, 0)]
    await store.inventory.restock(  # nobody knows where it came from: into the first one
        store.ctx,
        id=uuid4(),
        lines=lines(depot.offer, 2),
        reason="cancel",
        reference=id,
        sold=uuid4(),
    )
    assert await depot.shelves() == [(5, 0), (5, 0), (1, 0)]


async def test_what_is_kept_back_is_not_sold(store: Store) -> None:
    depot = await Depot(store, [2, 2]).open()
    stock = await store.inventory.set_safety(store.ctx, offer_id=depot.offer, safety=3)
    assert (stock.on_hand, stock.available, stock.safety) == (4, 1, 3)
    assert await store.left(depot.offer) == 1
    with pytest.raises(OutOfStock):
        await depot.reserve(2)
    id = await depot.reserve(1)
    with pytest.raises(OutOfStock):
        await depot.reserve(1)
    await store.inventory.release(store.ctx, id=id)
    await store.inventory.set_safety(store.ctx, offer_id=depot.offer, safety=9)
    assert await store.left(depot.offer) == 0


async def test_collecting(store: Store) -> None:
    depot = await Depot(
        store, [5, 3], pickup=[False, True], address=[None, SITE], countries=[["DE"], ["DE"]]
    ).open()
    [had] = await store.inventory.available(store.ctx, offers=[depot.offer], country="BD")
    assert had.available == 0
    assert [(p.warehouse_id, p.available) for p in had.pickups] == [(depot.warehouses[1], 3)]
    with pytest.raises(OutOfStock):
        await depot.reserve(1, "BD")
    with pytest.raises(OutOfStock) as refused:
        await depot.reserve(4, "BD", pickup=1)
    assert refused.value.data["offers"][0]["available"] == 3
    await depot.reserve(3, "BD", pickup=1)
    assert await depot.shelves() == [(5, 0), (3, 3)]
    found = await store.inventory.pickup_points(guest(), ids=depot.warehouses)
    assert [(w.id, w.address) for w in found] == [(depot.warehouses[1], SITE)]
    both = [
        Line(offer_id=depot.offer, quantity=1, warehouse_id=None),
        Line(offer_id=depot.offer, quantity=1, warehouse_id=depot.warehouses[1]),
    ]
    with pytest.raises(Invalid) as wrong:
        await store.inventory.reserve(store.ctx, id=uuid4(), lines=both, ttl_s=9)
    assert wrong.value.fields[0].code == "pickup_unclear"


async def test_transfers_and_adjustments(store: Store) -> None:
    depot = await Depot(store, [5, 0]).open()
    me, inventory = of_vendor(depot.vendor), store.inventory
    one, two = depot.warehouses
    what = {"offer_id": depot.offer, "from_id": one, "to_id": two}
    id = uuid4()
    for _ in range(2):
        await inventory.transfer(me, id=id, quantity=3, **what)
    assert await depot.shelves() == [(2, 0), (3, 0)]
    with pytest.raises(Conflict) as refused:
        await inventory.transfer(me, id=uuid4(), quantity=3, **what)
    assert (refused.value.code, refused.value.data["available"]) == ("stock_reserved", 2)
    with pytest.raises(Invalid):
        await inventory.transfer(
            me, id=uuid4(), offer_id=depot.offer, quantity=1, from_id=one, to_id=one
        )
    with pytest.raises(NotFound):
        await inventory.transfer(
            me, id=uuid4(), offer_id=depot.offer, quantity=1, from_id=one, to_id=uuid4()
        )
    page = await inventory.movements(me, offer_id=depot.offer, reason="transfer")
    assert {(m.warehouse_id, m.delta, m.reference) for m in page.items} == {
        (one, -3, id),
        (two, 3, id),
    }
    assert {(m.actor, m.actor_id) for m in page.items} == {("person", me.actor.id)}
    with pytest.raises(Invalid) as wrong:  # in which of the two?
        await inventory.set_on_hand(me, id=uuid4(), offer_id=depot.offer, on_hand=9)
    assert wrong.value.fields[0].code == "warehouse_required"

    async def adjust(delta: int, reason: Counted) -> None:
        await inventory.adjust(
            me, id=uuid4(), offer_id=depot.offer, delta=delta, reason=reason, warehouse_id=two
        )

    await adjust(4, "received")
    await adjust(-2, "damaged")
    assert await depot.shelves() == [(2, 0), (5, 0)]
    with pytest.raises(Conflict):
        await adjust(-6, "lost")
    found = await inventory.movements(me, offer_id=depot.offer, warehouse_id=two)
    assert [(m.reason, m.delta) for m in found.items][:2] == [("damaged", -2), ("received", 4)]


async def test_movements_are_never_changed(store: Store) -> None:
    offer = await store.offer(3)
    for statement in (
        "UPDATE inventory.movements SET delta = 1",
        "DELETE FROM inventory.movements",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await store.db.execute(statement)
    assert await store.counts(offer) == (3, 0)


async def test_warehouses_of_a_vendor(store: Store) -> None:
    vendor, inventory = uuid4(), store.inventory
    me = of_vendor(vendor)
    [first] = await inventory.warehouses(me, vendor_id=vendor)
    assert (first.is_default, first.name) == (True, rules.FIRST_NAME)
    named = await inventory.save_warehouse(
        me, id=first.id, vendor_id=vendor, draft=WarehouseDraft(name="Port", priority=5)
    )
    assert (named.is_default, named.name) == (True, "Port")
    second = uuid4()
    with pytest.raises(Invalid) as wrong:
        await inventory.save_warehouse(
            me, id=second, vendor_id=vendor, draft=WarehouseDraft(name="Shop", pickup=True)
        )
    assert wrong.value.fields[0].path == "address"
    shop = WarehouseDraft(name="Shop", priority=1, pickup=True, address=SITE, countries=["BD"])
    await inventory.save_warehouse(me, id=second, vendor_id=vendor, draft=shop)
    assert [w.name for w in await inventory.warehouses(me, vendor_id=vendor)] == ["Shop", "Port"]
    rival = uuid4()
    with pytest.raises(NotFound):
        await inventory.save_warehouse(of_vendor(rival), id=second, vendor_id=rival, draft=shop)
    with pytest.raises(NotFound):
        await inventory.close_warehouse(of_vendor(rival), id=second)
    with pytest.raises(NotFound):
        await inventory.warehouses(of_vendor(rival), vendor_id=vendor)
    for n in range(48):
        await inventory.save_warehouse(
            me, id=uuid4(), vendor_id=vendor, draft=WarehouseDraft(name=f"N{n}")
        )
    with pytest.raises(WarehousesFull):
        await inventory.save_warehouse(me, id=uuid4(), vendor_id=vendor, draft=shop)


async def test_only_an_empty_warehouse_is_closed(store: Store) -> None:
    depot = await Depot(store, [0, 2]).open()
    me, inventory = of_vendor(depot.vendor), store.inventory
    first, second = depot.warehouses
    id = await depot.reserve(2)
    for wrong in (first, second):
        with pytest.raises(WarehouseInUse):
            await inventory.close_warehouse(me, id=wrong)
    await inventory.promise(store.ctx, id=id)
    await inventory.commit(store.ctx, ids=[id])
    for _ in range(2):
        await inventory.close_warehouse(me, id=second)
    assert [w.id for w in await inventory.warehouses(me, vendor_id=depot.vendor)] == [first]
    with pytest.raises(NotFound):
        await inventory.set_on_hand(
            me, id=uuid4(), offer_id=depot.offer, on_hand=1, warehouse_id=second
        )
    # What was sold from it comes back into the first one.
    await inventory.restock(
        store.ctx, id=id, lines=lines(depot.offer, 2), reason="return", reference=id, sold=id
    )
    assert await depot.shelves() == [(2, 0), (0, 0)]


async def test_closing_races_with_filling(store: Store) -> None:
    depot = await Depot(store, [1, 0]).open()
    me, second = of_vendor(depot.vendor), depot.warehouses[1]
    answers = await asyncio.gather(
        store.inventory.close_warehouse(me, id=second),
        *(
            store.inventory.adjust(
                me, id=uuid4(), offer_id=depot.offer, delta=1, warehouse_id=second
            )
            for _ in range(3)
        ),
        return_exceptions=True,
    )
    closed = answers[0] is None
    assert closed or isinstance(answers[0], WarehouseInUse)
    assert (await depot.shelves())[1] == ((0, 0) if closed else (3, 0))


async def test_who_waits_is_told_once(store: Store) -> None:
    offer, other = await store.offer(0), await store.offer(3)

    async def told() -> list[str]:
        await reactions.tell_back(store.inventory, store.ctx)
        found = await emitted(store.db)
        return [d["offerId"] for name, d in found if name == "inventory.back_in_stock"]

    for _ in range(2):
        await store.inventory.watch(store.ctx, offers=[offer, offer, uuid4()])
    assert await told() == []
    await store.inventory.set_safety(store.ctx, offer_id=offer, safety=2)
    await store.inventory.set_on_hand(store.ctx, id=uuid4(), offer_id=offer, on_hand=2)
    assert await told() == []
    await store.inventory.adjust(store.ctx, id=uuid4(), offer_id=offer, delta=1)
    assert await told() == [str(offer)]
    assert await told() == []
    await store.inventory.watch(store.ctx, offers=[other])
    found = await asyncio.gather(*(store.inventory.tell_back(store.ctx) for _ in range(5)))
    assert len(found) == 5
    names = [name for name, _ in await emitted(store.db)]
    assert names == ["inventory.back_in_stock"]


async def test_low_stock_counts_all_warehouses(store: Store) -> None:
    depot = await Depot(store, [2, 4]).open()
    await store.inventory.set_threshold(store.ctx, offer_id=depot.offer, low_at=3)
    await emitted(store.db)
    id = await depot.reserve(3)  # told by whoever made it fall, not by the timer
    again = [name for name, _ in await emitted(store.db)]
    assert again == ["inventory.reserved", "inventory.low_stock"]
    await store.inventory.release(store.ctx, id=id)
    await reactions.tell_low(store.inventory, store.ctx)
    await store.inventory.set_safety(store.ctx, offer_id=depot.offer, safety=5)
    assert [n for n, _ in await emitted(store.db)].count("inventory.low_stock") == 1
