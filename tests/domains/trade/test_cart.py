"""Carts on PostgreSQL: guests' and persons', merged once, closed once."""

import asyncio
import contextvars
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.goods.catalog.api import Catalog, OfferLine
from haat.domains.goods.inventory.api import Available, Inventory, OutOfStock
from haat.domains.trade.cart import reactions
from haat.domains.trade.cart.api import (
    ITEMS_MAX,
    CartFull,
    CartState,
    Closing,
    Item,
    NotBuyable,
    TooMany,
)
from haat.domains.trade.cart.service import CartService, CartSettings
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Unauthenticated
from haat.kernel.ids import DerivedIds
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import CLOCK, eur, guest, ids, person, signer, system


class FakeCatalog(Catalog):
    """Sells everything but what is in `gone` (not buyable) or `unknown`."""

    def __init__(self) -> None:
        self.gone: set[UUID] = set()
        self.unknown: set[UUID] = set()
        self.cents = 1

    async def offers(self, ctx: Context, *, ids: list[UUID]) -> list[OfferLine]:
        return [
            OfferLine(
                offer_id=id, variant_id=id, product_id=id, product_slug="p", vendor_id=id,
                category_id=None, title="T", variant_title="", sku="S", price=eur(self.cents),
                tax_class="standard", weight_g=1, buyable=id not in self.gone,
            )
            for id in ids
            if id not in self.unknown
        ]  # fmt: skip


class FakeInventory(Inventory):
    """Has plenty of everything but what is in `left`."""

    def __init__(self) -> None:
        self.left: dict[UUID, int] = {}

    async def available(
        self, ctx: Context, *, offers: list[UUID], country: str | None = None
    ) -> list[Available]:
        return [Available(offer_id=id, available=self.left.get(id, 100_000)) for id in offers]


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_of: DatabaseOf) -> Database:
    return await database_of("cart")


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def stock() -> FakeInventory:
    return FakeInventory()


@pytest.fixture
def cart(db: Database, catalog: FakeCatalog, stock: FakeInventory) -> CartService:
    return CartService(db, catalog, stock, signer(), CartSettings())


def held(state: CartState) -> dict[UUID, int]:
    return {item.offer_id: item.quantity for item in state.items}


async def test_a_guest_fills_a_cart(cart: CartService) -> None:
    one, two = ids.new(), ids.new()
    assert await cart.view(guest) == CartState(id=None)
    first = await cart.add(guest, offer_id=one)
    assert first.id is not None
    assert first.id.version == 4
    CLOCK.advance(timedelta(seconds=1))
    second = await cart.add(guest, offer_id=two, quantity=3, cart_id=first.id)
    assert second.id == first.id
    third = await cart.add(guest, offer_id=one, quantity=2, cart_id=first.id)
    assert [(i.offer_id, i.quantity) for i in third.items] == [(one, 3), (two, 3)]
    assert await cart.view(guest, cart_id=first.id) == third
    changed = await cart.put(guest, offer_id=one, quantity=1, cart_id=first.id)
    assert held(changed) == {one: 1, two: 3}
    for _ in range(2):
        removed = await cart.put(guest, offer_id=one, quantity=0, cart_id=first.id)
        assert held(removed) == {two: 3}


async def test_a_person_has_one_cart_whatever_id_is_sent(cart: CartService) -> None:
    who, offer = person(ids.new()), ids.new()
    given = await asyncio.gather(*(cart.add(who, offer_id=offer) for _ in range(5)))
    assert len({state.id for state in given}) == 1
    assert held(await cart.view(who, cart_id=ids.new())) == {offer: 5}


async def test_a_persons_cart_is_not_a_guests(cart: CartService) -> None:
    who, offer = person(ids.new()), ids.new()
    mine = await cart.add(who, offer_id=offer)
    assert await cart.view(guest, cart_id=mine.id) == CartState(id=None)
    theirs = await cart.add(guest, offer_id=ids.new(), cart_id=mine.id)
    assert theirs.id != mine.id
    assert await cart.put(guest, offer_id=offer, quantity=0, cart_id=mine.id) == CartState(id=None)
    await cart.merge(person(ids.new()), guest_cart_id=mine.id or ids.new())
    assert held(await cart.view(who)) == {offer: 1}
    assert await cart.view(person(ids.new()), cart_id=mine.id) == CartState(id=None)


async def test_a_guest_cannot_choose_a_carts_id(cart: CartService) -> None:
    wanted = ids.new()
    assert (await cart.add(guest, offer_id=ids.new(), cart_id=wanted)).id != wanted


async def test_a_repeated_request_finds_the_cart_it_made(cart: CartService) -> None:
    seed, offer = ids.new(), ids.new()
    first = await cart.add(replace(guest, ids=DerivedIds(seed)), offer_id=offer)
    again = await cart.add(replace(guest, ids=DerivedIds(seed)), offer_id=offer)
    assert first.id == again.id
    # The id does not follow from what a stranger can know.
    assert first.id != DerivedIds(seed).new()


async def test_what_is_not_on_sale_is_refused(
    cart: CartService, catalog: FakeCatalog, db: Database
) -> None:
    paused, unknown = ids.new(), ids.new()
    catalog.gone.add(paused)
    catalog.unknown.add(unknown)
    before = await db.fetchval("SELECT count(*) FROM cart.carts")
    for offer in (paused, unknown):
        with pytest.raises(NotBuyable) as refused:
            await cart.add(guest, offer_id=offer)
        assert refused.value.data == {"offers": [str(offer)]}
    assert await db.fetchval("SELECT count(*) FROM cart.carts") == before


async def test_no_more_than_there_is(cart: CartService, stock: FakeInventory) -> None:
    offer, who = ids.new(), person(ids.new())
    stock.left[offer] = 3
    with pytest.raises(OutOfStock) as refused:
        await cart.add(who, offer_id=offer, quantity=4)
    assert refused.value.data == {"offers": [{"offerId": str(offer), "available": 3}]}
    assert (await cart.view(who)).id is None
    await cart.add(who, offer_id=offer, quantity=2)
    with pytest.raises(OutOfStock):
        await cart.add(who, offer_id=offer, quantity=2)
    assert held(await cart.put(who, offer_id=offer, quantity=3)) == {offer: 3}
    with pytest.raises(OutOfStock):
        await cart.put(who, offer_id=offer, quantity=4)
    stock.left[offer] = 0
    assert held(await cart.put(who, offer_id=offer, quantity=0)) == {}


async def test_added_at_once_stays_within_the_stock(
    cart: CartService, stock: FakeInventory
) -> None:
    offer, who = ids.new(), person(ids.new())
    stock.left[offer] = 5
    tries = await asyncio.gather(
        *(cart.add(who, offer_id=offer) for _ in range(9)), return_exceptions=True
    )
    assert sum(isinstance(one, OutOfStock) for one in tries) == 4
    assert held(await cart.view(who)) == {offer: 5}


async def test_limits(cart: CartService) -> None:
    who, offer = person(ids.new()), ids.new()
    with pytest.raises(TooMany):
        await cart.add(who, offer_id=offer, quantity=1000)
    await cart.add(who, offer_id=offer, quantity=998)
    with pytest.raises(TooMany):
        await cart.add(who, offer_id=offer, quantity=2)
    for _ in range(ITEMS_MAX - 1):
        await cart.add(who, offer_id=ids.new())
    with pytest.raises(CartFull):
        await cart.add(who, offer_id=ids.new())
    state = await cart.add(who, offer_id=offer)
    assert len(state.items) == ITEMS_MAX
    assert held(state)[offer] == 999


async def test_merging_keeps_the_larger_quantity(cart: CartService) -> None:
    a, b, c = ids.new(), ids.new(), ids.new()
    who = person(ids.new())
    await cart.add(who, offer_id=a, quantity=5)
    await cart.add(who, offer_id=b, quantity=1)
    left = await cart.add(guest, offer_id=a, quantity=2)
    assert left.id
    await cart.add(guest, offer_id=b, quantity=4, cart_id=left.id)
    await cart.add(guest, offer_id=c, quantity=7, cart_id=left.id)
    for _ in range(2):
        assert held(await cart.merge(who, guest_cart_id=left.id)) == {a: 5, b: 4, c: 7}
    assert await cart.view(guest, cart_id=left.id) == CartState(id=None)
    assert await cart.merge(person(ids.new()), guest_cart_id=ids.new()) == CartState(id=None)
    with pytest.raises(Unauthenticated):
        await cart.merge(guest, guest_cart_id=left.id)


async def test_two_merges_at_once_give_the_cart_to_one(cart: CartService) -> None:
    for _ in range(5):
        offer = ids.new()
        left = await cart.add(guest, offer_id=offer, quantity=2)
        assert left.id
        people = [person(ids.new()) for _ in range(3)]
        await asyncio.gather(*(cart.merge(who, guest_cart_id=left.id) for who in people))
        states = [await cart.view(who) for who in people]
        assert sorted(len(state.items) for state in states) == [0, 0, 1]


async def test_one_person_merges_several_carts_at_once(cart: CartService) -> None:
    who = person(ids.new())
    offers = [ids.new() for _ in range(4)]
    carts = [(await cart.add(guest, offer_id=offer)).id for offer in offers]
    await asyncio.gather(*(cart.merge(who, guest_cart_id=id) for id in carts if id))
    assert held(await cart.view(who)) == dict.fromkeys(offers, 1)


async def test_an_item_added_while_merging_is_not_lost(cart: CartService) -> None:
    for _ in range(10):
        who, early, late = person(ids.new()), ids.new(), ids.new()
        left = await cart.add(guest, offer_id=early)
        assert left.id
        added, _ = await asyncio.gather(
            cart.add(guest, offer_id=late, cart_id=left.id),
            cart.merge(who, guest_cart_id=left.id),
        )
        there = held(await cart.view(who)) | held(await cart.view(guest, cart_id=added.id))
        assert there == {early: 1, late: 1}


async def test_a_merge_beyond_the_limit_keeps_ones_own(cart: CartService) -> None:
    who = person(ids.new())
    own = [ids.new() for _ in range(ITEMS_MAX - 1)]
    for offer in own:
        await cart.add(who, offer_id=offer)
    left = await cart.add(guest, offer_id=ids.new())
    assert left.id
    CLOCK.advance(timedelta(seconds=1))
    newest = ids.new()
    await cart.add(guest, offer_id=newest, cart_id=left.id)
    await cart.add(guest, offer_id=own[0], quantity=9, cart_id=left.id)
    merged = held(await cart.merge(who, guest_cart_id=left.id))
    assert set(merged) == {*own, newest}
    assert merged[own[0]] == 9


async def test_closing_takes_what_was_bought_and_no_more(cart: CartService) -> None:
    who, a, b, c = person(ids.new()), ids.new(), ids.new(), ids.new()
    await cart.add(who, offer_id=a, quantity=2)
    state = await cart.add(who, offer_id=b, quantity=2)
    assert state.id
    await cart.add(who, offer_id=b)  # came later
    await cart.add(who, offer_id=c)
    checkout, bought = ids.new(), [Item(offer_id=a, quantity=2), Item(offer_id=b, quantity=2)]
    one = Closing(checkout_id=checkout, cart_id=state.id, items=bought)
    await asyncio.gather(*(cart.close(system, closings=[one]) for _ in range(3)))
    assert held(await cart.view(who)) == {b: 1, c: 1}
    await cart.add(who, offer_id=a, quantity=2)
    other = person(ids.new())
    full = await cart.add(other, offer_id=a, quantity=3)
    assert full.id
    # A batch: one that was closed before, two of one cart, and one of a cart that is no more.
    batch = [
        one,
        Closing(checkout_id=ids.new(), cart_id=full.id, items=[Item(offer_id=a, quantity=1)]),
        Closing(checkout_id=ids.new(), cart_id=full.id, items=[Item(offer_id=a, quantity=1)]),
        Closing(checkout_id=ids.new(), cart_id=ids.new(), items=bought),
    ]
    await cart.close(system, closings=batch)
    await cart.close(system, closings=batch)
    assert held(await cart.view(who)) == {b: 1, c: 1, a: 2}
    assert held(await cart.view(other)) == {a: 1}
    last = Closing(checkout_id=ids.new(), cart_id=state.id, items=bought)
    await cart.close(system, closings=[last])
    assert held(await cart.view(who)) == {c: 1}


async def test_closing_waits_for_a_cart_that_is_being_changed(
    cart: CartService, db: Database
) -> None:
    who, a = person(ids.new()), ids.new()
    state = await cart.add(who, offer_id=a)
    assert state.id
    closing = Closing(checkout_id=ids.new(), cart_id=state.id, items=[Item(offer_id=a, quantity=1)])
    async with db.begin(system) as tx:
        await tx.execute("SELECT FROM cart.carts WHERE id = $1 FOR UPDATE", state.id)
        # In a task of its own context: inside this one a transaction is open.
        waiting = asyncio.create_task(
            cart.close(system, closings=[closing]), context=contextvars.Context()
        )
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await tx.execute("UPDATE cart.items SET quantity = 3 WHERE cart_id = $1", state.id)
    await waiting
    assert held(await cart.view(who)) == {a: 2}


async def test_old_carts_expire(cart: CartService) -> None:
    who, late, offer = person(ids.new()), person(ids.new()), ids.new()
    await cart.add(who, offer_id=offer)
    old = await cart.add(guest, offer_id=offer)
    CLOCK.advance(timedelta(days=20))
    young = await cart.add(guest, offer_id=offer)
    await cart.add(late, offer_id=offer)
    CLOCK.advance(timedelta(days=11))
    assert await cart.view(guest, cart_id=old.id) == CartState(id=None)
    renewed = await cart.add(guest, offer_id=offer, cart_id=old.id)
    assert renewed.id != old.id
    await reactions.expire(cart, system)
    assert await cart.expire(system) == 0
    assert held(await cart.view(guest, cart_id=young.id)) == {offer: 1}
    assert held(await cart.view(late)) == {offer: 1}
    assert await cart.view(who) == CartState(id=None)
