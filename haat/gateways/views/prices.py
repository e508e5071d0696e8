"""Prices as they are shown to somebody: by their price lists, with or without tax, in the currency
they chose. Where all stands as in the catalogue, nobody is asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Listing, Offer, OfferLine, Product
from haat.domains.goods.pricing.api import PriceAsk, Pricing, ShownPrice, Viewing
from haat.kernel.context import Context
from haat.kernel.contract import Contract

Doors = Mapping[type[Contract], Any]
Prices = Mapping[UUID, ShownPrice]
AT_ONCE = 2_000  # offers that are priced in one call


async def priced(
    doors: Doors,
    ctx: Context,
    viewing: Viewing | None,
    asks: Sequence[PriceAsk],
    *,
    as_charged: bool = False,
) -> dict[UUID, ShownPrice]:
    """What each of these costs, by its offer. `as_charged`: as a quote says it."""
    if viewing is None or viewing.plain:
        return {one.offer_id: _plain(one) for one in asks}
    found: dict[UUID, ShownPrice] = {}
    for start in range(0, len(asks), AT_ONCE):
        shown = await doors[Pricing].shown(
            ctx,
            asks=asks[start : start + AT_ONCE],
            country=viewing.country,
            currency=viewing.currency,
            as_charged=as_charged,
        )
        found.update((one.offer_id, one) for one in shown)
    return found


async def product_prices(
    doors: Doors, ctx: Context, viewing: Viewing | None, product: Product
) -> dict[UUID, ShownPrice]:
    """What each offer of a product costs."""
    path: list[UUID] = []
    if viewing is not None and viewing.has_lists and product.category_id is not None:
        path = await path_of(doors, ctx, product.category_id)
    offers = [offer for variant in product.variants for offer in variant.offers]
    return await priced(doors, ctx, viewing, [of_offer(o, product, path) for o in offers])


async def listing_prices(
    doors: Doors, ctx: Context, viewing: Viewing | None, listings: Sequence[Listing]
) -> dict[UUID, tuple[Listing, ShownPrice | None]]:
    """Listings with their prices as they are shown, by product; the second is the cheapest offer's
    price, where a price list makes it that."""
    if viewing is None or viewing.plain:
        return {one.id: (one, None) for one in listings}
    if viewing.has_lists:
        return await _listed(doors, ctx, viewing, listings)
    asks = [_of_listing(one) for one in listings]
    shown = await priced(doors, ctx, viewing, asks)
    tops = [one.model_copy(update={"price": top.price_to}) for one, top in _pairs(asks, listings)]
    dearest = await priced(doors, ctx, viewing, tops)
    return {one.id: (_with(one, shown[one.id], dearest[one.id]), None) for one in listings}


def of_line(offer: OfferLine, quantity: int = 1) -> PriceAsk:
    """What is asked about a line of a cart."""
    return PriceAsk(
        offer_id=offer.offer_id,
        vendor_id=offer.vendor_id,
        category_path=offer.category_path,
        tax_class=offer.tax_class,
        quantity=quantity,
        price=offer.price,
    )


async def _listed(
    doors: Doors, ctx: Context, viewing: Viewing, listings: Sequence[Listing]
) -> dict[UUID, tuple[Listing, ShownPrice | None]]:
    """By the offers themselves: a list may make another one the cheapest."""
    ids = list(dict.fromkeys(id for one in listings for id in one.offer_ids))
    lines: list[OfferLine] = await doors[Catalog].offers(ctx, ids=ids) if ids else []
    shown = await priced(doors, ctx, viewing, [of_line(line) for line in lines])
    usual = await priced(doors, ctx, viewing, [_of_listing(one) for one in listings])
    found: dict[UUID, tuple[Listing, ShownPrice | None]] = {}
    for one in listings:
        costs = [shown[id] for id in one.offer_ids if id in shown]
        if not costs:
            found[one.id] = (_with(one, usual[one.id], usual[one.id]), None)
            continue
        low = min(costs, key=lambda c: c.price.minor)
        high = max(costs, key=lambda c: c.price.minor)
        # Who pays a list's price is told of no reduction: that is everybody's.
        known = low if low.note else usual[one.id].model_copy(update={"price": low.price})
        found[one.id] = (_with(one, known, high), low if low.note else None)
    return found


async def path_of(doors: Doors, ctx: Context, category_id: UUID) -> list[UUID]:
    """A category and those above it."""
    parents = {one.id: one.parent_id for one in await doors[Catalog].categories(ctx)}
    found: list[UUID] = []
    at: UUID | None = category_id
    while at is not None and at not in found:
        found.append(at)
        at = parents.get(at)
    return found


def _pairs(
    asks: Iterable[PriceAsk], listings: Iterable[Listing]
) -> Iterable[tuple[PriceAsk, Listing]]:
    return zip(asks, listings, strict=True)


def _plain(one: PriceAsk) -> ShownPrice:
    return ShownPrice(
        offer_id=one.offer_id,
        charged=one.price,
        price=one.price,
        compare_at=one.compare_at,
        lowest_before=one.lowest_before,
    )


def of_offer(offer: Offer, product: Product, path: list[UUID]) -> PriceAsk:
    return PriceAsk(
        offer_id=offer.id,
        vendor_id=offer.vendor_id,
        category_path=path,
        tax_class=product.tax_class,
        price=offer.price,
        compare_at=offer.compare_at,
        lowest_before=offer.lowest_before,
    )


def _of_listing(one: Listing) -> PriceAsk:
    """A product at its lowest price, under its own id: no list names that."""
    return PriceAsk(
        offer_id=one.id,
        vendor_id=UUID(int=0),
        tax_class=one.tax_class,
        price=one.price_from,
        compare_at=one.compare_at,
        lowest_before=one.lowest_before,
    )


def _with(one: Listing, low: ShownPrice, high: ShownPrice) -> Listing:
    change = {
        "price_from": low.price,
        "price_to": high.price,
        "compare_at": low.compare_at,
        "lowest_before": low.lowest_before,
    }
    return one.model_copy(update=change)
