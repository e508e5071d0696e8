"""Many counts at once: rows are opened with them, set where they differ, and counted once."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest_asyncio

from haat.domains.goods.catalog.api import AddedOffer, OfferAdded, OffersAdded
from haat.domains.goods.inventory.api import PutCount
from haat.domains.goods.inventory.proof import prove
from haat.engines.sql import Deadlock
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import emitted
from tests.domains.goods.store import Store


@pytest_asyncio.fixture
async def store(database_of: DatabaseOf) -> AsyncIterator[Store]:
    made = Store(await database_of("inventory"))
    yield made
    assert await prove(made.db, 5) == []


def count(offer_id: UUID, on_hand: int, run: str = "a") -> PutCount:
    return PutCount(
        id=derive(offer_id, run),
        offer_id=offer_id,
        product_id=derive(offer_id, "product"),
        sku=offer_id.hex[:8],
        on_hand=on_hand,
    )


async def test_rows_are_opened_with_their_counts(store: Store) -> None:
    vendor, offers = uuid4(), [uuid4() for _ in range(300)]
    counts = [count(id, n) for n, id in enumerate(offers)]
    told = await store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=counts)
    assert told == dict.fromkeys(offers[1:], "changed")
    assert await store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=counts) == {}
    added = [
        OfferAdded(product_id=c.product_id, offer_id=c.offer_id, vendor_id=vendor, sku=c.sku)
        for c in counts
    ]
    async with store.db.begin(store.ctx) as tx:  # heard afterwards, it changes nothing
        await store.inventory.open_rows(tx, added)
    assert [await store.left(id) for id in offers[:3]] == [0, 1, 2]
    page = await store.inventory.movements(store.ctx, offer_id=offers[7])
    assert [(one.delta, one.reason) for one in page.items] == [(7, "import")]


async def test_what_is_opened_is_told_of_in_a_set(store: Store) -> None:
    vendor, offers = uuid4(), [uuid4() for _ in range(5)]
    await emitted(store.db)
    counts = [count(id, n) for n, id in enumerate(offers)]
    await store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=counts)
    [(name, told)] = await emitted(store.db)
    assert (name, told["vendorId"]) == ("inventory.stock.opened", str(vendor))
    assert {one["offerId"] for one in told["offers"]} == {str(id) for id in offers[1:]}
    await store.inventory.tell_turned(store.ctx)
    assert not [data for _, data in await emitted(store.db) if data.get("vendorId") == str(vendor)]
    await store.inventory.put_on_hand(
        store.ctx, vendor_id=vendor, counts=[count(offers[0], 3, "b"), count(offers[1], 0, "b")]
    )
    turned = {data["offerId"]: data["inStock"] for _, data in await emitted(store.db)}
    assert turned == {str(offers[0]): True, str(offers[1]): False}


async def test_who_hears_of_offers_and_who_counts_them_go_on_at_once(store: Store) -> None:
    vendor = uuid4()

    async def heard(offers: list[UUID]) -> None:
        added = [
            AddedOffer(product_id=derive(id, "product"), offer_id=id, sku=id.hex[:8])
            for id in reversed(offers)
        ]
        for _ in range(5):  # the bus tries again what PostgreSQL broke off
            try:
                async with store.db.begin(store.ctx) as tx:
                    await store.inventory.open_rows(
                        tx, [OffersAdded(vendor_id=vendor, offers=added)]
                    )
            except Deadlock:
                continue
            return

    for _ in range(5):
        offers = [uuid4() for _ in range(200)]
        counts = [count(id, 4) for id in offers]
        told, _ = await asyncio.gather(
            store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=counts), heard(offers)
        )
        assert told == dict.fromkeys(offers, "changed")
        assert [await store.left(id) for id in offers[:2]] == [4, 4]


async def test_what_was_sold_since_stays_sold(store: Store) -> None:
    offer = await store.offer(5)
    vendor = (await store.inventory.stock_of(store.ctx, offers=[offer]))[0].vendor_id
    first, later = [count(offer, 9)], [count(offer, 9, "b")]
    assert await store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=first) == {
        offer: "changed"
    }
    await store.inventory.adjust(store.ctx, id=uuid4(), offer_id=offer, delta=-2)
    assert await store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=first) == {}
    assert await store.left(offer) == 7
    await store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=later)
    assert await store.left(offer) == 9


async def test_one_that_cannot_be_stops_no_other(store: Store) -> None:
    offer = await store.offer(5)
    vendor = (await store.inventory.stock_of(store.ctx, offers=[offer]))[0].vendor_id
    theirs, new = await store.offer(3), uuid4()
    await store.hold(offer, 4)
    told = await store.inventory.put_on_hand(
        store.ctx, vendor_id=vendor, counts=[count(offer, 3), count(theirs, 8), count(new, 2)]
    )
    assert told == {offer: "stock_reserved", theirs: "not_found", new: "changed"}
    assert await store.counts(theirs) == (3, 0)


async def test_the_same_at_once_counts_once(store: Store) -> None:
    vendor, offers = uuid4(), [uuid4() for _ in range(100)]
    counts = [count(id, 4) for id in offers]
    again = list(reversed(counts))
    await asyncio.gather(
        *(
            store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=one)
            for one in (counts, again, counts)
        )
    )
    fewer = [count(id, 3, "b") for id in offers]
    told = await asyncio.gather(
        *(
            store.inventory.put_on_hand(store.ctx, vendor_id=vendor, counts=one)
            for one in (fewer, list(reversed(fewer)))
        )
    )
    assert all(set(each.values()) <= {"changed"} for each in told)
    for id in offers[:5]:
        page = await store.inventory.movements(store.ctx, offer_id=id)
        assert sorted(one.delta for one in page.items) == [-1, 4]
