"""Inventory: counts, reservations and their ends, alerts, rights."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.goods.catalog.api import OfferAdded, OfferRenamed
from haat.domains.goods.inventory import reactions
from haat.domains.goods.inventory.api import UNLIMITED, OutOfStock, ReservationExpired
from haat.domains.goods.inventory.proof import prove
from haat.domains.people.vendors.api import VendorReinstated, VendorSuspended
from haat.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import clock, emitted, guest, of_vendor, staff, system
from tests.domains.goods.store import Store, lines


@pytest_asyncio.fixture
async def store(database_of: DatabaseOf) -> AsyncIterator[Store]:
    made = Store(await database_of("inventory"))
    await emitted(made.db)
    yield made
    assert await prove(made.db, 5) == []


async def test_reserve_promise_commit(store: Store) -> None:
    offer = await store.offer(10)
    id = await store.hold(offer, 3)
    assert await store.counts(offer) == (10, 3)
    assert (await store.inventory.promise(store.ctx, id=id)).state == "promised"
    await store.inventory.commit(store.ctx, ids=[id, id])
    assert await store.counts(offer) == (7, 0)
    for _ in range(2):  # everything again
        await store.inventory.commit(store.ctx, ids=[id])
        assert (await store.inventory.promise(store.ctx, id=id)).state == "committed"
        again = await store.inventory.reserve(store.ctx, id=id, lines=lines(offer, 3), ttl_s=9)
        assert again.state == "committed"
        await store.inventory.release(store.ctx, id=id)
    assert await store.counts(offer) == (7, 0)
    found = await store.inventory.movements(store.ctx, offer_id=offer)
    assert [(m.delta, m.reason, m.reference) for m in found.items if m.reason == "sale"] == [
        (-3, "sale", id)
    ]
    names = [name for name, _ in await emitted(store.db)]
    told = ["inventory.stock.turned", "inventory.reserved", "inventory.committed"]
    assert names == told


async def test_commit_of_a_set(store: Store) -> None:
    one, two = await store.offer(5), await store.offer(5)
    ids = []
    for _ in range(4):
        id = uuid4()
        both = [*lines(one), *lines(two)]
        await store.inventory.reserve(store.ctx, id=id, lines=both, ttl_s=60)
        await store.inventory.promise(store.ctx, id=id)
        ids.append(id)
    held = await store.hold(one)
    with pytest.raises(Conflict) as refused:
        await store.inventory.commit(store.ctx, ids=[*ids, held, unknown := uuid4()])
    assert set(refused.value.data["reservations"]) == {str(held), str(unknown)}
    assert await store.counts(one) == (1, 1)
    assert await store.counts(two) == (1, 0)


async def test_all_lines_or_none(store: Store) -> None:
    many, few = await store.offer(5), await store.offer(1)
    await emitted(store.db)
    both = [*lines(many, 2), *lines(few, 1), *lines(few, 1)]  # the same offer twice adds up
    with pytest.raises(OutOfStock) as refused:
        await store.inventory.reserve(store.ctx, id=uuid4(), lines=both, ttl_s=60)
    assert refused.value.data["offers"] == [{"offerId": str(few), "available": 1}]
    assert await store.counts(many) == (5, 0)
    unknown = uuid4()
    with pytest.raises(OutOfStock):
        await store.inventory.reserve(store.ctx, id=uuid4(), lines=lines(unknown), ttl_s=60)
    with pytest.raises(Invalid):
        await store.inventory.reserve(store.ctx, id=uuid4(), lines=[], ttl_s=60)
    assert await emitted(store.db) == []


async def test_release_and_its_repeats(store: Store) -> None:
    offer = await store.offer(2)
    id = await store.hold(offer, 2)
    for _ in range(3):
        await store.inventory.release(store.ctx, id=id)
    assert await store.counts(offer) == (2, 0)
    with pytest.raises(ReservationExpired):
        await store.inventory.reserve(store.ctx, id=id, lines=lines(offer), ttl_s=60)
    with pytest.raises(ReservationExpired):
        await store.inventory.promise(store.ctx, id=id)
    promised = await store.hold(offer, 2)
    await store.inventory.promise(store.ctx, id=promised)
    await store.inventory.release(store.ctx, id=promised)
    assert await store.counts(offer) == (2, 0)
    names = [name for name, _ in await emitted(store.db)]
    assert names.count("inventory.released") == 2


async def test_release_before_its_reserve(store: Store) -> None:
    offer, id = await store.offer(2), uuid4()
    await store.inventory.release(store.ctx, id=id)
    with pytest.raises(ReservationExpired):
        await store.inventory.reserve(store.ctx, id=id, lines=lines(offer), ttl_s=60)
    assert await store.counts(offer) == (2, 0)
    with pytest.raises(NotFound):
        await store.inventory.promise(store.ctx, id=uuid4())


async def test_held_ones_expire_and_promised_ones_never(store: Store) -> None:
    offer = await store.offer(5)
    held, kept = await store.hold(offer, 2, ttl_s=30), await store.hold(offer, 1, ttl_s=30)
    await store.inventory.promise(store.ctx, id=kept)
    store.clock.advance(timedelta(seconds=31))
    with pytest.raises(ReservationExpired):  # before any sweep
        await store.inventory.promise(store.ctx, id=held)
    with pytest.raises(ReservationExpired):
        await store.inventory.reserve(store.ctx, id=held, lines=lines(offer), ttl_s=60)
    assert await store.counts(offer) == (5, 3)
    await reactions.expire_held(store.inventory, store.ctx)
    await reactions.expire_held(store.inventory, store.ctx)
    assert await store.counts(offer) == (5, 1)
    with pytest.raises(ReservationExpired):
        await store.inventory.promise(store.ctx, id=held)
    await store.inventory.release(store.ctx, id=held)
    assert await store.counts(offer) == (5, 1)


async def test_promise_races_with_expiry(store: Store) -> None:
    offer = await store.offer(100)
    ids = [await store.hold(offer, 1, ttl_s=10) for _ in range(40)]
    late = system(clock())
    store.clock.advance(timedelta(seconds=11))

    async def promised(id: UUID) -> bool:
        try:
            return (await store.inventory.promise(late, id=id)).state == "promised"
        except ReservationExpired:
            return False

    sweeps = [store.inventory.expire(store.ctx) for _ in range(4)]
    answers = await asyncio.gather(*(promised(id) for id in ids), *sweeps)
    kept = sum(1 for answer in answers[:40] if answer)
    await store.inventory.expire(store.ctx)
    assert await store.counts(offer) == (100, kept)


async def test_restock_is_idempotent(store: Store) -> None:
    offer, id, order = await store.offer(5), uuid4(), uuid4()
    for _ in range(3):
        await store.inventory.restock(
            store.ctx, id=id, lines=lines(offer, 2), reason="return", reference=order
        )
    assert await store.counts(offer) == (7, 0)
    with pytest.raises(NotFound):
        await store.inventory.restock(
            store.ctx, id=uuid4(), lines=lines(uuid4()), reason="cancel", reference=order
        )


async def test_counting(store: Store) -> None:
    offer, id = await store.offer(5), uuid4()
    await store.inventory.set_on_hand(store.ctx, id=id, offer_id=offer, on_hand=5)
    held = await store.hold(offer, 3)
    again = await store.inventory.set_on_hand(store.ctx, id=id, offer_id=offer, on_hand=99)
    assert again.on_hand == 5  # this id has had its effect
    with pytest.raises(Conflict) as refused:
        await store.inventory.set_on_hand(store.ctx, id=uuid4(), offer_id=offer, on_hand=2)
    assert refused.value.code == "stock_reserved"
    await store.inventory.release(store.ctx, id=held)
    stock = await store.inventory.set_on_hand(
        store.ctx, id=uuid4(), offer_id=offer, on_hand=2, reason="correction"
    )
    assert (stock.on_hand, stock.available) == (2, 2)
    other = await store.offer(1)
    with pytest.raises(Conflict) as refused:
        await store.inventory.set_on_hand(store.ctx, id=id, offer_id=other, on_hand=9)
    assert refused.value.code == "id_taken"
    page = await store.inventory.movements(store.ctx, offer_id=offer, limit=2)
    rest = await store.inventory.movements(store.ctx, offer_id=offer, limit=2, cursor=page.next)
    assert len(page.items) == 2
    assert len(rest.items) == 1
    assert {m.id for m in page.items}.isdisjoint({m.id for m in rest.items})


async def test_low_stock_is_told_once_per_fall(store: Store) -> None:
    offer = await store.offer(5)
    await store.inventory.set_threshold(store.ctx, offer_id=offer, low_at=3)
    await emitted(store.db)

    async def alerts() -> list[int]:
        await reactions.tell_low(store.inventory, store.ctx)
        found = await emitted(store.db)
        return [data["available"] for name, data in found if name == "inventory.low_stock"]

    assert await alerts() == []
    id = await store.hold(offer, 2)
    assert await alerts() == [3]
    await store.hold(offer, 1)
    assert await alerts() == []
    await store.inventory.release(store.ctx, id=id)
    assert await alerts() == []
    await store.hold(offer, 2)
    assert await alerts() == [2]
    await store.inventory.set_threshold(store.ctx, offer_id=offer, low_at=0)
    assert await alerts() == []
    await store.inventory.set_threshold(store.ctx, offer_id=offer, low_at=2)
    assert await alerts() == [2]


async def test_the_last_one_and_the_first_one_are_told(store: Store) -> None:
    async def turns() -> list[bool]:
        found = await emitted(store.db)
        return [data["inStock"] for name, data in found if name == "inventory.stock.turned"]

    offer = await store.offer(0)
    assert await turns() == []
    await store.inventory.set_on_hand(store.ctx, id=uuid4(), offer_id=offer, on_hand=2)
    assert await turns() == [True]
    one = await store.hold(offer)
    assert await turns() == []
    two = await store.hold(offer)
    assert await turns() == [False]
    await store.inventory.release(store.ctx, id=one)
    assert await turns() == [True]
    await store.inventory.promise(store.ctx, id=two)
    await store.inventory.commit(store.ctx, ids=[two])
    assert await turns() == []
    await store.inventory.set_safety(store.ctx, offer_id=offer, safety=1)
    assert await turns() == [False]
    await store.inventory.restock(
        store.ctx, id=uuid4(), lines=lines(offer), reason="return", reference=uuid4()
    )
    assert await turns() == [True]
    await store.hold(offer, ttl_s=5)
    assert await turns() == [False]
    store.clock.advance(timedelta(seconds=6))
    await store.inventory.expire(store.ctx)
    assert await turns() == [True]


async def test_what_nobody_told_the_timer_tells(store: Store) -> None:
    offers = [await store.offer(n) for n in (3, 0, 1)]
    await store.db.execute("UPDATE inventory.offers SET there_told = NOT there_told")
    await emitted(store.db)
    await reactions.tell_turned(store.inventory, store.ctx)
    await reactions.tell_turned(store.inventory, store.ctx)
    told = {data["offerId"]: data["inStock"] for _, data in await emitted(store.db)}
    mine = {str(id): n > 0 for id, n in zip(offers, (3, 0, 1), strict=True)}
    assert {id: there for id, there in told.items() if id in mine} == mine


async def test_two_who_take_the_last_ones_tell_what_is_so(store: Store) -> None:
    offer = await store.offer(4)
    await emitted(store.db)
    held = await asyncio.gather(*(store.hold(offer) for _ in range(4)))
    assert [data["inStock"] for name, data in await emitted(store.db) if "turned" in name] == [
        False
    ]
    await asyncio.gather(*(store.inventory.release(store.ctx, id=id) for id in held))
    assert [data["inStock"] for name, data in await emitted(store.db) if "turned" in name] == [True]


async def test_offers_and_vendors_are_heard(store: Store) -> None:
    vendor, product, offer = uuid4(), uuid4(), uuid4()
    added = OfferAdded(product_id=product, offer_id=offer, vendor_id=vendor, sku="A")
    for _ in range(2):
        async with store.db.begin(store.ctx) as tx:
            await reactions.offers_added(store.inventory, store.ctx, tx, [added, added])
    await store.inventory.set_on_hand(store.ctx, id=uuid4(), offer_id=offer, on_hand=4)
    renamed = OfferRenamed(product_id=product, offer_id=offer, vendor_id=vendor, sku="B")
    async with store.db.begin(store.ctx) as tx:
        await reactions.offers_renamed(store.inventory, store.ctx, tx, [renamed])
    [found] = await store.inventory.find(of_vendor(vendor), ref="B")
    assert (found.offer_id, found.on_hand) == (offer, 4)

    suspended = VendorSuspended(vendor_id=vendor, reason="x")
    async with store.db.begin(store.ctx) as tx:
        await reactions.vendors_moved(store.inventory, store.ctx, tx, [suspended])
    assert await store.left(offer) == 0
    with pytest.raises(OutOfStock):
        await store.hold(offer)
    async with store.db.begin(store.ctx) as tx:
        await reactions.vendors_moved(
            store.inventory, store.ctx, tx, [VendorReinstated(vendor_id=vendor)]
        )
    assert await store.left(offer) == 4
    await store.hold(offer)


async def test_rights_and_lists(store: Store) -> None:
    mine, other = uuid4(), uuid4()
    offers = [await store.offer(3, mine, sku) for sku in ("C", "A", "B")]
    theirs = await store.offer(1, other, "A")
    me = of_vendor(mine)
    inventory = store.inventory
    with pytest.raises(NotFound):
        await inventory.set_on_hand(me, id=uuid4(), offer_id=theirs, on_hand=9)
    with pytest.raises(NotFound):
        await inventory.set_threshold(me, offer_id=theirs, low_at=9)
    with pytest.raises(NotFound):
        await inventory.movements(me, offer_id=theirs)
    with pytest.raises(NotFound):
        await inventory.stock(me, vendor_id=other)
    with pytest.raises(NotFound):
        await inventory.find(me, ref="A", vendor_id=other)
    with pytest.raises(NotFound):
        await inventory.set_on_hand(me, id=uuid4(), offer_id=uuid4(), on_hand=1)
    with pytest.raises(Unauthenticated):
        await inventory.stock_of(guest(), offers=[theirs])
    assert [s.offer_id for s in await inventory.stock_of(me, offers=[theirs, *offers])] == offers
    assert len(await inventory.stock_of(system(), offers=[theirs, *offers])) == 4
    with pytest.raises(Forbidden):  # staff have scopes of their own, and none for stock
        await inventory.stock_of(staff(), offers=[theirs])
    assert [s.vendor_id for s in await inventory.find(me, ref="A")] == [mine]
    assert await inventory.find(me, ref=str(theirs)) == []
    product_id = store.catalog.lines[offers[0]].product_id
    assert [s.offer_id for s in await inventory.find(me, ref=str(product_id))] == [offers[0]]

    first = await inventory.stock(me, vendor_id=mine, limit=2)
    rest = await inventory.stock(me, vendor_id=mine, limit=2, cursor=first.next)
    assert [s.sku for s in [*first.items, *rest.items]] == ["A", "B", "C"]
    assert rest.next is None
    with pytest.raises(Invalid):
        await inventory.stock(me, vendor_id=mine, cursor="nonsense")
    await inventory.set_threshold(me, offer_id=offers[0], low_at=3)
    low = await inventory.stock(me, vendor_id=mine, low_only=True)
    assert [(s.sku, s.is_low) for s in low.items] == [("C", True)]


async def test_what_is_kept(store: Store) -> None:
    """What `haat prove` asks: promised and committed ones, page by page."""
    before = await store.inventory.kept_count(store.ctx)
    offer = await store.offer(10)
    held, promised, committed, ended = [await store.hold(offer) for _ in range(4)]
    for id in (promised, committed):
        await store.inventory.promise(store.ctx, id=id)
    await store.inventory.commit(store.ctx, ids=[committed])
    await store.inventory.release(store.ctx, id=ended)
    ids = [held, promised, committed, ended, uuid4()]
    found = await store.inventory.reservations(store.ctx, ids=ids)
    assert {one.id: one.state for one in found} == {
        held: "held",
        promised: "promised",
        committed: "committed",
        ended: "released",
    }
    assert await store.inventory.kept_count(store.ctx) == before + 2
    seen: list[UUID] = []
    cursor = None
    while True:
        page = await store.inventory.kept(store.ctx, limit=1, cursor=cursor)
        seen += [one.id for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == before + 2
    assert {promised, committed} <= set(seen)


async def test_prove_names_what_is_wrong(store: Store) -> None:
    offer = await store.offer(5)
    sql = (
        "UPDATE inventory.stock SET on_hand = on_hand + $2, reserved = reserved + $2"
        " WHERE offer_id = $1"
    )
    await store.db.execute(sql, offer, 1)
    found = await prove(store.db)
    assert len(found) == 2
    assert all(str(offer) in line for line in found)
    await store.db.execute(sql, offer, -1)


async def test_what_is_not_counted_is_never_short(store: Store) -> None:
    """Any number, together with what is counted; its reservation holds the counted part."""
    any_number, few = await store.offer(0), await store.offer(3)
    await store.inventory.set_counted(store.ctx, offer_id=any_number, counted=False)
    assert await store.left(any_number) == UNLIMITED
    ids = []
    for wanted in (lines(any_number, 10_000), [*lines(any_number, 7), *lines(few, 2)]):
        ids.append(id := uuid4())
        for _ in range(2):
            made = await store.inventory.reserve(store.ctx, id=id, lines=wanted, ttl_s=60)
            assert made.state == "held"
        await store.inventory.promise(store.ctx, id=id)
    assert (await store.counts(any_number), await store.counts(few)) == ((0, 0), (3, 2))
    await store.inventory.commit(store.ctx, ids=ids)
    assert (await store.counts(any_number), await store.counts(few)) == ((0, 0), (1, 0))
    both = [*lines(any_number, 5), *lines(few, 2)]
    with pytest.raises(OutOfStock) as refused:
        await store.inventory.reserve(store.ctx, id=uuid4(), lines=both, ttl_s=60)
    assert refused.value.data["offers"] == [{"offerId": str(few), "available": 1}]
    for _ in range(2):  # what it did not take does not come back, whatever it is by now
        await store.inventory.restock(
            store.ctx, id=ids[1], lines=both, reason="cancel", reference=ids[1], sold=ids[1]
        )
        assert (await store.counts(any_number), await store.counts(few)) == ((0, 0), (3, 0))
        await store.inventory.set_counted(store.ctx, offer_id=any_number, counted=True)
    assert await store.left(any_number) == 0


async def test_not_counted_or_not_a_suspended_vendor_sells_nothing(store: Store) -> None:
    vendor = uuid4()
    offer = await store.offer(0, vendor)
    await store.inventory.set_counted(store.ctx, offer_id=offer, counted=False)
    async with store.db.begin(store.ctx) as tx:
        await store.inventory.suspend(tx, [vendor])
    with pytest.raises(OutOfStock):
        await store.hold(offer)
    released = uuid4()
    await store.inventory.release(store.ctx, id=released)
    async with store.db.begin(store.ctx) as tx:
        await store.inventory.reinstate(tx, [vendor])
    with pytest.raises(ReservationExpired):  # a release that came first holds here, too
        await store.inventory.reserve(store.ctx, id=released, lines=lines(offer), ttl_s=60)
    held = await store.hold(offer, 3)
    store.clock.advance(timedelta(seconds=61))
    await store.inventory.expire(store.ctx)
    with pytest.raises(ReservationExpired):
        await store.inventory.promise(store.ctx, id=held)
