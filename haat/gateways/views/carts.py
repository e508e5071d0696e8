"""A cart as its owner sees it: titles, today's prices, what is left, grouped by vendor."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, OfferLine
from haat.domains.goods.inventory.api import Available, Inventory
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.cart.api import CartState, Item
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.model import Model
from haat.kernel.money import Money

Doors = Mapping[type[Contract], Any]


class CartLine(Model):
    """`problem` is None, "not_buyable" or "out_of_stock" (fewer are left than asked for).
    `was`: what one cost when it was put in, where that is another price now."""

    offer: OfferLine
    quantity: int
    amount: Money
    available: int
    problem: str | None = None
    was: Money | None = None


class CartGroup(Model):
    """One vendor's goods in the cart."""

    vendor_id: UUID
    vendor_name: str
    vendor_slug: str
    lines: list[CartLine]
    goods: Money


class CartView(Model):
    """`goods` is today's sum before shipping and tax; only a quote binds."""

    id: UUID | None
    count: int
    groups: list[CartGroup]
    goods: Money


async def cart_view(doors: Doors, ctx: Context, state: CartState) -> CartView:
    """Joins a cart with catalogue, stock and vendors: three calls, whatever its size."""
    if not state.items:
        currency = (await doors[Market].settings(ctx)).currency
        return CartView(id=state.id, count=0, groups=[], goods=Money.zero(currency))
    ids = [item.offer_id for item in state.items]
    offers, stock = await asyncio.gather(
        doors[Catalog].offers(ctx, ids=ids),
        doors[Inventory].available(ctx, offers=ids),
    )
    known = {offer.offer_id: offer for offer in offers}
    left = {one.offer_id: max([one.available, *_collected(one)]) for one in stock}
    lines = [
        _line(known[item.offer_id], item, left.get(item.offer_id, 0))
        for item in state.items
        if item.offer_id in known
    ]
    vendor_ids = list(dict.fromkeys(line.offer.vendor_id for line in lines))
    names = {v.id: v for v in await doors[Vendors].by_ids(ctx, ids=vendor_ids)}
    currency = offers[0].price.currency if offers else "USD"
    groups = []
    for vendor_id in vendor_ids:
        own = [line for line in lines if line.offer.vendor_id == vendor_id]
        groups.append(
            CartGroup(
                vendor_id=vendor_id,
                vendor_name=names[vendor_id].name if vendor_id in names else "",
                vendor_slug=names[vendor_id].slug if vendor_id in names else "",
                lines=own,
                goods=Money(minor=sum(line.amount.minor for line in own), currency=currency),
            )
        )
    return CartView(
        id=state.id,
        count=sum(line.quantity for line in lines),
        groups=groups,
        goods=Money(minor=sum(group.goods.minor for group in groups), currency=currency),
    )


def _collected(one: Available) -> list[int]:
    """What can be had by collecting it, place by place."""
    return [place.available for place in one.pickups]


def _line(offer: OfferLine, item: Item, available: int) -> CartLine:
    problem = None
    if not offer.buyable:
        problem = "not_buyable"
    elif available < item.quantity:
        problem = "out_of_stock"
    return CartLine(
        offer=offer,
        quantity=item.quantity,
        amount=offer.price * item.quantity,
        available=available,
        problem=problem,
        was=item.price if item.price not in (None, offer.price) else None,
    )
