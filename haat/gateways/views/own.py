"""What goods cost the person who asks, in the terms of a quote: for whoever is in a customer group
with a price list. Everybody else's answers never come here.

The figures are as they are charged: in the market's currency, with or without tax as its prices
are. However many goods a document shows, the catalogue is asked once and pricing once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Listing, Offer, OfferLine, Product
from haat.domains.goods.pricing.api import PriceAsk, Pricing, ShownPrice
from haat.gateways.views.prices import AT_ONCE, of_line, of_offer, path_of
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.model import Model
from haat.kernel.money import Money

Doors = Mapping[type[Contract], Any]


class OwnPrice(Model):
    """What something costs who asks; `usual` is what it costs everybody, `note` says by which
    price list it does not. `price_to` of a product with several offers: the dearest."""

    price: Money
    price_to: Money | None = None
    usual: Money
    note: str


class CartAsk(Model):
    """A line of a cart: `price` is what one cost everybody when it was put in."""

    offer_id: UUID
    quantity: int
    price: Money | None


class Wanted(Model):
    """What a document shows."""

    listings: list[Listing] = []
    products: list[Product] = []
    items: list[CartAsk] = []


class OwnPrices(Model):
    """By product in lists, by offer on product pages and in carts. What costs everybody the same
    is left out."""

    listings: dict[UUID, OwnPrice] = {}
    offers: dict[UUID, OwnPrice] = {}
    items: dict[UUID, OwnPrice] = {}


async def own_prices(doors: Doors, ctx: Context, wanted: Wanted) -> OwnPrices:
    """What of it costs the acting person less than everybody."""
    ids = [id for one in wanted.listings for id in one.offer_ids]
    ids += [one.offer_id for one in wanted.items]
    lines: list[OfferLine] = []
    if ids:
        lines = await doors[Catalog].offers(ctx, ids=list(dict.fromkeys(ids)))
    known = {one.offer_id: one for one in lines}
    in_cart = [_of_item(known[one.offer_id], one) for one in wanted.items if one.offer_id in known]
    asks = [of_line(one) for one in lines]
    shown = [a for one in wanted.products for a in await _of_product(doors, ctx, one)]
    found = await charged(doors, ctx, [*asks, *shown, *in_cart])
    at, then = len(asks), len(asks) + len(shown)
    each = {one.offer_id: one for one in found[:at]}
    return OwnPrices(
        listings={id: own for one in wanted.listings for id, own in _listed(one, each)},
        offers=_offered(found[at:then]),
        items=_offered(found[then:]),
    )


async def charged(doors: Doors, ctx: Context, asks: Sequence[PriceAsk]) -> list[ShownPrice]:
    """What each costs the acting person, as a quote says it, in their order."""
    found: list[ShownPrice] = []
    for start in range(0, len(asks), AT_ONCE):
        part = list(asks[start : start + AT_ONCE])
        found += await doors[Pricing].shown(ctx, asks=part, as_charged=True)
    return found


def between(costs: Sequence[ShownPrice]) -> OwnPrice | None:
    """What a product costs whose offers cost that: None where no list is for any of them. A list
    may make another offer the cheapest, or bring the dearest down."""
    if not any(cost.note for cost in costs):
        return None
    low = min(costs, key=lambda cost: cost.charged.minor)
    high = max(costs, key=lambda cost: cost.charged.minor)
    usual = low.usual or low.charged
    return OwnPrice(price=low.charged, price_to=high.charged, usual=usual, note=low.note)


def _listed(one: Listing, each: Mapping[UUID, ShownPrice]) -> Iterable[tuple[UUID, OwnPrice]]:
    own = between([each[id] for id in one.offer_ids if id in each])
    if own is not None:
        yield one.id, own


def _offered(found: Iterable[ShownPrice]) -> dict[UUID, OwnPrice]:
    return {
        one.offer_id: OwnPrice(price=one.charged, usual=one.usual, note=one.note)
        for one in found
        if one.note and one.usual is not None
    }


async def _of_product(doors: Doors, ctx: Context, product: Product) -> list[PriceAsk]:
    path = await path_of(doors, ctx, product.category_id) if product.category_id else []
    offers: list[Offer] = [offer for variant in product.variants for offer in variant.offers]
    return [of_offer(offer, product, path) for offer in offers]


def _of_item(line: OfferLine, item: CartAsk) -> PriceAsk:
    ask = of_line(line, item.quantity)
    return ask if item.price is None else ask.model_copy(update={"price": item.price})
