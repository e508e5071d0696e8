"""What carts remember of offers: one statement puts an item in, and nothing is refused by it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from haat.domains.goods.catalog.api import OfferLine
from haat.domains.goods.inventory.api import OutOfStock
from haat.domains.trade.cart.api import ITEMS_MAX, CartFull, CartState, TooMany
from haat.domains.trade.cart.service import CartService, remembering
from haat.engines.sql import Database
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.ids import DerivedIds
from tests.domains.trade.order_parts import CLOCK, eur, guest, ids, person, system
from tests.domains.trade.test_cart import FakeCatalog, FakeInventory, cart, catalog, db, held, stock
from tests.domains.trade.test_cart_ends import changed_in_catalog

__all__ = ["cart", "catalog", "db", "stock"]  # fixtures


class Asked:
    """Counts statements, and what the catalogue and the inventory are asked."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        db: Database,
        catalog: FakeCatalog,
        stock: FakeInventory,
    ) -> None:
        self.statements = self.others = 0
        fetch, offers, available = db.fetch, catalog.offers, stock.available

        async def fetching(sql: str, *args: Any) -> Any:
            self.statements += 1
            return await fetch(sql, *args)

        async def offered(ctx: Context, **asked: Any) -> Any:
            self.others += 1
            return await offers(ctx, **asked)

        async def had(ctx: Context, **asked: Any) -> Any:
            self.others += 1
            return await available(ctx, **asked)

        monkeypatch.setattr(db, "fetch", fetching)
        monkeypatch.setattr(catalog, "offers", offered)
        monkeypatch.setattr(stock, "available", had)

    def since(self) -> tuple[int, int]:
        """(statements, questions to others) since the last look."""
        found = self.statements, self.others
        self.statements = self.others = 0
        return found


@pytest.fixture
def asked(
    monkeypatch: pytest.MonkeyPatch, db: Database, catalog: FakeCatalog, stock: FakeInventory
) -> Asked:
    return Asked(monkeypatch, db, catalog, stock)


async def know(cart: CartService, *offers: UUID) -> None:
    """Somebody has put these into a cart."""
    for offer in offers:
        await cart.add(guest, offer_id=offer)


async def test_what_is_known_goes_in_with_one_statement(cart: CartService, asked: Asked) -> None:
    one, two, three = sorted(ids.new() for _ in range(3))
    await know(cart, one, two, three)
    assert asked.since() == (6, 6)
    first = await cart.add(guest, offer_id=two)
    CLOCK.advance(timedelta(seconds=1))
    await cart.add(guest, offer_id=three, quantity=2, cart_id=first.id)
    await cart.add(guest, offer_id=one, cart_id=first.id)
    last = await cart.add(guest, offer_id=two, quantity=4, cart_id=first.id)
    assert asked.since() == (4, 0)
    assert [(i.offer_id, i.quantity) for i in last.items] == [(two, 5), (one, 1), (three, 2)]
    assert last == await cart.view(guest, cart_id=first.id)
    who = person(ids.new())
    asked.since()
    await cart.add(who, offer_id=one)
    await cart.put(who, offer_id=two, quantity=3)
    mine = await cart.put(who, offer_id=one, quantity=9)
    assert asked.since() == (3, 0)
    assert held(mine) == {one: 9, two: 3}
    assert mine == await cart.view(who)
    done = (await cart.actions(system, cart_id=mine.id or ids.new())).items[::-1]
    assert [(a.what, a.offer_id, a.quantity, a.person_id) for a in done] == [
        ("add", one, 1, who.person_id),
        ("set", two, 3, who.person_id),
        ("set", one, 9, who.person_id),
    ]


async def test_a_known_offer_opens_no_others_cart(cart: CartService) -> None:
    offer, who = ids.new(), person(ids.new())
    await know(cart, offer)
    mine = await cart.add(who, offer_id=offer)
    theirs = await cart.add(guest, offer_id=offer, cart_id=mine.id)
    assert theirs.id not in (None, mine.id)
    assert held(theirs) == {offer: 1}
    assert held(await cart.view(who)) == {offer: 1}


async def test_a_changed_product_is_asked_for_again(
    cart: CartService, catalog: FakeCatalog, db: Database, asked: Asked
) -> None:
    offer, other = ids.new(), ids.new()
    await know(cart, offer, other)
    catalog.cents = 300
    await changed_in_catalog(cart, db, offer)
    asked.since()
    state = await cart.add(guest, offer_id=offer)
    assert [item.price for item in state.items] == [eur(300)]
    assert asked.since() == (2, 2)
    CLOCK.advance(timedelta(seconds=1))
    state = await cart.add(guest, offer_id=other, cart_id=state.id)
    assert [item.price for item in state.items] == [eur(300), eur(1)]
    assert asked.since() == (1, 0)


async def test_one_is_taken_to_be_sold_every_second(
    cart: CartService, stock: FakeInventory, asked: Asked
) -> None:
    offer, who = ids.new(), person(ids.new())
    stock.left[offer] = 50
    await know(cart, offer)
    asked.since()
    CLOCK.advance(timedelta(seconds=40))
    await cart.put(who, offer_id=offer, quantity=10)
    assert asked.since() == (1, 0)
    await cart.put(who, offer_id=offer, quantity=11)
    assert asked.since() == (2, 2)
    await cart.put(who, offer_id=offer, quantity=50)
    assert asked.since() == (1, 0)


async def test_nothing_is_refused_by_what_is_remembered(
    cart: CartService, catalog: FakeCatalog, stock: FakeInventory
) -> None:
    offer, who = ids.new(), person(ids.new())
    stock.left[offer] = 20
    await know(cart, offer)
    stock.left[offer] = 30
    assert held(await cart.put(who, offer_id=offer, quantity=25)) == {offer: 25}
    stock.left[offer] = 7
    with pytest.raises(OutOfStock) as refused:
        await cart.add(who, offer_id=offer, quantity=6)
    assert refused.value.data == {"offers": [{"offerId": str(offer), "available": 7}]}
    assert held(await cart.view(who)) == {offer: 25}


async def test_known_offers_keep_to_the_limits(cart: CartService) -> None:
    who = person(ids.new())
    many = [ids.new() for _ in range(ITEMS_MAX + 1)]
    await know(cart, *many)
    for offer in many[:-1]:
        await cart.add(who, offer_id=offer)
    with pytest.raises(CartFull):
        await cart.add(who, offer_id=many[-1])
    await cart.put(who, offer_id=many[0], quantity=999)
    with pytest.raises(TooMany):
        await cart.add(who, offer_id=many[0])


async def test_added_at_once_stays_within_what_is_remembered(
    cart: CartService, stock: FakeInventory, asked: Asked
) -> None:
    offer, who = ids.new(), person(ids.new())
    stock.left[offer] = 20
    await know(cart, offer)
    tries = await asyncio.gather(
        *(cart.add(who, offer_id=offer, quantity=3) for _ in range(9)), return_exceptions=True
    )
    assert sum(isinstance(one, OutOfStock) for one in tries) == 3
    assert held(await cart.view(who)) == {offer: 18}


async def test_a_repeated_first_item_finds_its_cart(cart: CartService) -> None:
    """Two tries of one request, which draw the same id for the new cart."""
    offer, seed = ids.new(), ids.new()
    await know(cart, offer)
    states: list[CartState] = []
    for _ in range(2):
        drawn = replace(guest, ids=DerivedIds(seed))
        states.append(await cart.add(drawn, offer_id=offer))
    assert states[0].id == states[1].id
    assert held(states[1]) == {offer: 2}


async def test_what_is_nearly_gone_or_a_drill_is_not_remembered(
    cart: CartService,
    catalog: FakeCatalog,
    stock: FakeInventory,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rare, drill = ids.new(), ids.new()
    stock.left[rare] = remembering.WORTH_FROM - 1
    offers = catalog.offers

    async def drilled(ctx: Context, *, ids: list[UUID]) -> list[OfferLine]:
        found = await offers(ctx, ids=ids)
        return [
            o.model_copy(update={"vendor_id": synthetic.VENDOR}) if o.offer_id == drill else o
            for o in found
        ]

    monkeypatch.setattr(catalog, "offers", drilled)
    for offer in (rare, drill):
        await know(cart, offer)
        asked.since()
        await know(cart, offer)
        assert asked.since() == (2, 2)


async def test_what_is_old_is_asked_for_again_and_goes(
    cart: CartService, asked: Asked, db: Database
) -> None:
    offer = ids.new()
    await know(cart, offer)
    CLOCK.advance(remembering.KEPT)
    asked.since()
    await know(cart, offer)
    assert asked.since() == (2, 2)
    await cart.expire(system)
    known = "SELECT count(*) FROM cart.offers WHERE offer_id = $1"
    assert await db.fetchval(known, offer) == 1
    CLOCK.advance(remembering.KEPT)
    await cart.expire(system)
    assert await db.fetchval(known, offer) == 0
