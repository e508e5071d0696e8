"""Many at once for the same goods: nothing is sold twice, and every sum holds."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from haat.domains.goods.inventory.api import Line, OutOfStock, ReservationExpired
from haat.domains.goods.inventory.proof import prove
from haat.domains.goods.inventory.service import InventoryService
from haat.engines.sql import Database, open_pool
from tests.conftest import DatabaseOf
from tests.domains.goods.store import Store, lines


@pytest_asyncio.fixture
async def store(database_of: DatabaseOf) -> AsyncIterator[Store]:
    made = Store(await database_of("inventory"))
    yield made
    assert await prove(made.db, 5) == []


async def test_two_hundred_race_for_fifty(store: Store, database_url: str) -> None:
    offer = await store.offer(50)
    pool = await open_pool(database_url, size=10, role="haat_inventory")
    inventory = InventoryService(Database(pool, "inventory"), store.catalog)

    async def buy() -> bool:
        try:
            await inventory.reserve(store.ctx, id=uuid4(), lines=lines(offer), ttl_s=600)
        except OutOfStock:
            return False
        return True

    started = time.perf_counter()
    try:
        won = await asyncio.gather(*(buy() for _ in range(200)))
    finally:
        await pool.close()
    assert won.count(True) == 50
    assert time.perf_counter() - started < 60
    assert await store.counts(offer) == (50, 50)
    assert await store.left(offer) == 0


async def test_the_same_reserve_at_once_holds_once(store: Store) -> None:
    offer, id = await store.offer(1), uuid4()
    answers = await asyncio.gather(
        *(
            store.inventory.reserve(store.ctx, id=id, lines=lines(offer), ttl_s=60)
            for _ in range(20)
        )
    )
    assert {a.state for a in answers} == {"held"}
    assert await store.counts(offer) == (1, 1)


async def test_everything_at_once_keeps_its_sums(store: Store, database_url: str) -> None:
    offers = [await store.offer(30) for _ in range(4)]
    pool = await open_pool(database_url, size=12, role="haat_inventory")
    inventory = InventoryService(Database(pool, "inventory"), store.catalog)

    async def customer(number: int) -> None:
        id = uuid4()
        order = offers if number % 2 else offers[::-1]
        wanted = [Line(offer_id=o, quantity=1 + number % 2) for o in order[: 2 + number % 3]]
        if number % 9 == 0:
            await asyncio.gather(
                inventory.release(store.ctx, id=id),
                _tried(inventory.reserve(store.ctx, id=id, lines=wanted, ttl_s=60)),
            )
            return
        if not await _tried(inventory.reserve(store.ctx, id=id, lines=wanted, ttl_s=60)):
            return
        if number % 4 == 0:
            await asyncio.gather(*(inventory.release(store.ctx, id=id) for _ in range(2)))
            return
        await inventory.promise(store.ctx, id=id)
        await inventory.commit(store.ctx, ids=[id])
        if number % 5 == 0:
            back = {"id": id, "lines": wanted, "reason": "return", "reference": uuid4()}
            await asyncio.gather(
                *(inventory.restock(store.ctx, **back) for _ in range(2))  # type: ignore[arg-type]
            )

    try:
        await asyncio.gather(*(customer(n) for n in range(150)))
    finally:
        await pool.close()
    for offer in offers:
        on_hand, reserved = await store.counts(offer)
        assert reserved == 0
        assert 0 <= on_hand <= 30


async def _tried(reserving: object) -> bool:
    try:
        await reserving  # type: ignore[misc]
    except (OutOfStock, ReservationExpired):
        return False
    return True
