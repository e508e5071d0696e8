"""Carts left behind: reminded once, recovered, logged, forgotten; and what a price was."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from haat.domains.goods.catalog.api import ListingChanged
from haat.domains.trade.cart import reactions
from haat.domains.trade.cart.api import CartState, Closing, Item
from haat.domains.trade.cart.service import CartService, CartSettings
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Unauthenticated
from tests.domains.goods.doubles import emitted
from tests.domains.trade.order_parts import CLOCK, eur, guest, ids, person, signer, system
from tests.domains.trade.test_cart import FakeCatalog, FakeInventory, cart, catalog, db, stock

__all__ = ["cart", "catalog", "db", "stock"]  # fixtures


async def told(cart: CartService, db: Database) -> list[dict[str, Any]]:
    await reactions.remind(cart, system)
    return [data for name, data in await emitted(db) if name == "cart.abandoned"]


async def left(cart: CartService, *offers: UUID, wanted: bool = True) -> tuple[Context, UUID]:
    """Somebody with a cart, and the cart's id."""
    who = person(ids.new())
    await cart.want_reminders(who, wanted=wanted)
    state = CartState(id=None)
    for offer in offers:
        state = await cart.add(who, offer_id=offer)
    assert state.id is not None
    return who, state.id


async def changed_in_catalog(cart: CartService, db: Database, product: UUID) -> None:
    """The worker's part, when the catalogue tells that something about a product changed."""
    async with db.begin(system) as tx:
        event = ListingChanged(product_id=product, version=2, listing=None)
        await reactions.products_changed(cart, system, tx, [event])


async def bought(cart: CartService, cart_id: UUID, *offers: UUID) -> UUID:
    checkout = ids.new()
    items = [Item(offer_id=offer, quantity=1) for offer in offers]
    await cart.close(system, closings=[Closing(checkout_id=checkout, cart_id=cart_id, items=items)])
    return checkout


async def test_a_left_cart_is_reminded_of_once(cart: CartService, db: Database) -> None:
    one, two = ids.new(), ids.new()
    who, cart_id = await left(cart, one, two)
    await cart.add(guest, offer_id=one)
    await left(cart, one, wanted=False)
    empty, _ = await left(cart, one)
    await cart.put(empty, offer_id=one, quantity=0)
    assert await told(cart, db) == []
    CLOCK.advance(timedelta(hours=26))
    [found] = await told(cart, db)
    assert (found["cartId"], found["personId"]) == (str(cart_id), str(who.person_id))
    assert {i["offerId"] for i in found["items"]} == {str(one), str(two)}
    assert await told(cart, db) == []
    await cart.add(who, offer_id=two)  # back, and away again
    CLOCK.advance(timedelta(hours=26))
    assert await told(cart, db) == []


async def test_many_timers_remind_once(cart: CartService, db: Database) -> None:
    for _ in range(10):
        await left(cart, ids.new())
    CLOCK.advance(timedelta(hours=26))
    counts = await asyncio.gather(*(cart.remind(system) for _ in range(5)))
    assert sum(counts) == 10
    names = [name for name, _ in await emitted(db)]
    assert names == ["cart.abandoned"] * 10


async def test_a_recovered_cart_is_counted(cart: CartService, db: Database) -> None:
    CLOCK.advance(timedelta(days=2))
    since = CLOCK.now()
    offer, other = ids.new(), ids.new()
    who, cart_id = await left(cart, offer, other)
    await left(cart, offer)
    CLOCK.advance(timedelta(hours=26))
    assert len(await told(cart, db)) == 2

    async def counted() -> tuple[int, int]:
        found = await cart.recoveries(system, since=since, until=CLOCK.now())
        return found.reminded, found.recovered

    CLOCK.advance(timedelta(hours=1))
    assert await counted() == (2, 0)
    checkout = await bought(cart, cart_id, offer)
    await bought(cart, cart_id, other)
    again = Closing(checkout_id=checkout, cart_id=cart_id, items=[])
    await cart.close(system, closings=[again])
    assert await counted() == (2, 1)
    # What is left behind after that is another cart.
    await cart.add(who, offer_id=offer)
    CLOCK.advance(timedelta(hours=26))
    assert len(await told(cart, db)) == 1
    CLOCK.advance(timedelta(seconds=1))
    assert await counted() == (3, 1)


async def test_reminders_can_be_turned_off(
    db: Database, catalog: FakeCatalog, stock: FakeInventory
) -> None:
    never = CartService(db, catalog, stock, signer(), CartSettings(cart_reminder_hours=0))
    who, _ = await left(never, ids.new())
    CLOCK.advance(timedelta(days=9))
    assert await told(never, db) == []
    assert await never.wants_reminders(who)
    await never.want_reminders(who, wanted=False)
    assert not await never.wants_reminders(who)
    assert not await never.wants_reminders(person(ids.new()))
    with pytest.raises(Unauthenticated):
        await never.want_reminders(guest, wanted=True)


async def test_what_was_done_is_logged(cart: CartService, db: Database) -> None:
    one, two = ids.new(), ids.new()
    theirs = await cart.add(guest, offer_id=two)
    assert theirs.id is not None
    who, cart_id = await left(cart, one)
    await cart.put(who, offer_id=one, quantity=3)
    await cart.merge(who, guest_cart_id=theirs.id)
    await cart.put(who, offer_id=two, quantity=0)
    await cart.put(who, offer_id=two, quantity=0)  # was not there any more
    CLOCK.advance(timedelta(hours=26))
    await told(cart, db)
    checkout = await bought(cart, cart_id, one)
    first = await cart.actions(system, cart_id=cart_id, limit=4)
    rest = await cart.actions(system, cart_id=cart_id, limit=4, cursor=first.next)
    done = [*first.items, *rest.items][::-1]
    assert [(a.what, a.offer_id, a.quantity) for a in done] == [
        ("add", one, 1),
        ("set", one, 3),
        ("merge", None, 1),
        ("remove", two, 1),
        ("remind", None, None),
        ("bought", None, None),
    ]
    assert {a.person_id for a in done[:5]} == {who.person_id}
    assert (done[2].reference, done[5].reference) == (theirs.id, checkout)
    assert rest.next is None
    with pytest.raises(asyncpg.RestrictViolationError):
        await db.execute("UPDATE cart.actions SET quantity = 1")
    CLOCK.advance(timedelta(days=40))
    await cart.expire(system)
    assert (await cart.actions(system, cart_id=cart_id, limit=1)).items[0].what == "expire"
    CLOCK.advance(timedelta(days=91))
    await cart.expire(system)
    assert (await cart.actions(system, cart_id=cart_id)).items == []


async def test_a_cart_knows_what_prices_were(
    cart: CartService, catalog: FakeCatalog, db: Database
) -> None:
    offer, other = ids.new(), ids.new()
    who = person(ids.new())
    await cart.add(who, offer_id=offer)
    guests = await cart.add(guest, offer_id=other)
    catalog.cents = 250
    await changed_in_catalog(cart, db, offer)
    seen = await cart.view(who)
    assert [item.price for item in seen.items] == [eur(1)]
    changed = await cart.put(who, offer_id=offer, quantity=2)
    assert [item.price for item in changed.items] == [eur(250)]
    assert guests.id is not None
    merged = await cart.merge(who, guest_cart_id=guests.id)
    assert {item.offer_id: item.price for item in merged.items} == {
        offer: eur(250),
        other: eur(1),
    }
