"""A cart as its owner sees it: titles, today's prices, what is left, grouped by vendor."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, OfferLine
from haat.domains.goods.inventory.api import Available, Inventory
from haat.domains.goods.pricing.api import PriceAsk, ShownPrice, Viewing
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.cart.api import CartState, Item
from haat.gateways.views.prices import Prices, of_line, priced
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.model import Model
from haat.kernel.money import Money, total

Doors = Mapping[type[Contract], Any]


class CartLine(Model):
    """`problem` is None, "not_buyable" or "out_of_stock" (fewer are left than asked for).
    `was`: what one cost when it was put in, where that is another price now. `price`, `amount`
    and `usual` (what it costs others, where the list of `note` makes it cheaper) are as they are
    shown to who asks."""

    offer: OfferLine
    quantity: int
    price: Money
    usual: Money | None = None
    note: str = ""
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
    """`goods` is today's sum before shipping and tax, as it is shown; only a quote binds.
    `charged`: the same as it will be charged, where that is another currency."""

    id: UUID | None
    count: int
    groups: list[CartGroup]
    goods: Money
    charged: Money | None = None

    @property
    def ships(self) -> bool:
        """Whether anything in it is sent or collected."""
        return any(line.offer.kind == "physical" for group in self.groups for line in group.lines)


async def cart_view(
    doors: Doors,
    ctx: Context,
    state: CartState,
    viewing: Viewing | None = None,
    *,
    as_charged: bool = False,
) -> CartView:
    """Joins a cart with catalogue, stock and vendors: three calls, whatever its size.
    `as_charged`: with the amounts of a quote, however they would be shown on a page."""
    if not state.items:
        currency = (await doors[Market].settings(ctx)).currency
        shown_in = viewing.currency if viewing else currency
        return CartView(id=state.id, count=0, groups=[], goods=Money.zero(shown_in))
    ids = [item.offer_id for item in state.items]
    offers, stock = await asyncio.gather(
        doors[Catalog].offers(ctx, ids=ids),
        doors[Inventory].available(ctx, offers=ids),
    )
    known = {offer.offer_id: offer for offer in offers}
    left = {one.offer_id: max([one.available, *_collected(one)]) for one in stock}
    items = [item for item in state.items if item.offer_id in known]
    now = [of_line(known[item.offer_id], item.quantity) for item in items]
    then = [ask.model_copy(update={"price": i.price or ask.price}) for ask, i in _zip(now, items)]
    prices = await priced(doors, ctx, viewing, now, as_charged=as_charged)
    before = await priced(doors, ctx, viewing, then, as_charged=as_charged)
    lines = [
        _line(
            known[item.offer_id],
            item,
            left.get(item.offer_id, 0),
            prices[item.offer_id],
            before[item.offer_id],
        )
        for item in items
    ]
    vendor_ids = list(dict.fromkeys(line.offer.vendor_id for line in lines))
    names = {v.id: v for v in await doors[Vendors].by_ids(ctx, ids=vendor_ids)}
    currency = lines[0].price.currency if lines else "USD"
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
        charged=_charged(items, prices) if viewing and viewing.is_converted else None,
    )


def _charged(items: Sequence[Item], prices: Prices) -> Money | None:
    sums = [prices[item.offer_id].charged * item.quantity for item in items]
    return total(sums, sums[0].currency) if sums else None


def _zip(asks: Sequence[PriceAsk], items: Sequence[Item]) -> Iterable[tuple[PriceAsk, Item]]:
    return zip(asks, items, strict=True)


def _collected(one: Available) -> list[int]:
    """What can be had by collecting it, place by place."""
    return [place.available for place in one.pickups]


def _line(
    offer: OfferLine, item: Item, available: int, price: ShownPrice, before: ShownPrice
) -> CartLine:
    problem = None
    if not offer.buyable:
        problem = "not_buyable"
    elif available < item.quantity:
        problem = "out_of_stock"
    return CartLine(
        offer=offer,
        quantity=item.quantity,
        price=price.price,
        usual=price.usual,
        note=price.note,
        amount=price.price * item.quantity,
        available=available,
        problem=problem,
        was=before.price if before.charged != price.charged else None,
    )
