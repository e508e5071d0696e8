"""Products as customers see them: with their vendor's name and what is left."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Listing, Product, Standing, product_at
from haat.domains.goods.inventory.api import Inventory
from haat.domains.goods.pricing.api import ShownPrice, Viewing
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.views.prices import listing_prices, product_prices
from haat.gateways.views.standings import rank
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.errors import NotFound
from haat.kernel.model import Model
from haat.kernel.money import Money

Doors = Mapping[type[Contract], Any]


class Card(Model):
    """A product in a list, with its prices as they are shown to who asks. `available` counts all
    its offers together. `usual` and `note`: what it costs others, and by which price list not.
    `tax`: what stands beside its price, "incl. VAT", where prices say so."""

    listing: Listing
    vendor_name: str
    vendor_slug: str
    available: int
    usual: Money | None = None
    note: str = ""
    tax: str = ""


class ProductPage(Model):
    """A product with who sells it and the stock of every offer.

    A variant's offers stand in the order of the buy-box: the first is what the page sells.
    `vendor`: whose product it is, or who sells it where that vendor does not.
    """

    product: Product
    vendor: Vendor
    vendors: dict[UUID, Vendor]
    available: dict[UUID, int]
    prices: dict[UUID, ShownPrice]


async def cards(
    doors: Doors, ctx: Context, listings: Sequence[Listing], viewing: Viewing | None = None
) -> list[Card]:
    """Cards for these listings, in their order."""
    if not listings:
        return []
    seen = await listing_prices(doors, ctx, viewing, listings)
    offers = [offer for listing in listings for offer in listing.offer_ids]
    vendor_ids = list({listing.vendor_id for listing in listings})
    stock, vendors = await asyncio.gather(
        doors[Inventory].available(ctx, offers=offers),
        doors[Vendors].by_ids(ctx, ids=vendor_ids),
    )
    left = {entry.offer_id: entry.available for entry in stock}
    names = {vendor.id: vendor for vendor in vendors}
    tax = viewing.tax_label if viewing is not None and viewing.labels_prices else ""
    return [
        Card(
            tax=tax,
            listing=seen[listing.id][0],
            usual=_usual(seen[listing.id][1]),
            note=_note(seen[listing.id][1]),
            vendor_name=names[listing.vendor_id].name if listing.vendor_id in names else "",
            vendor_slug=names[listing.vendor_id].slug if listing.vendor_id in names else "",
            available=sum(left.get(offer, 0) for offer in listing.offer_ids),
        )
        for listing in listings
    ]


def _usual(price: ShownPrice | None) -> Money | None:
    return price.usual if price else None


def _note(price: ShownPrice | None) -> str:
    return price.note if price else ""


async def product_page(
    doors: Doors, ctx: Context, ref: str, viewing: Viewing | None = None
) -> ProductPage:
    """By slug or id; NotFound as the catalogue decides."""
    known: Product = await doors[Catalog].product(ctx, ref=ref)
    market = await doors[Market].settings(ctx)
    # Its own vendor and staff are told of planned prices; what the page sells costs today's.
    product = product_at(known, ctx.now(), lowest=market.lowest_price)
    offers = [offer.id for variant in product.variants for offer in variant.offers]
    active_vendors = {offer.vendor_id for variant in product.variants for offer in variant.offers}
    stock, vendors = await asyncio.gather(
        doors[Inventory].available(ctx, offers=offers),
        doors[Vendors].by_ids(ctx, ids=sorted({product.vendor_id, *active_vendors})),
    )
    sellers: dict[UUID, Vendor] = {vendor.id: vendor for vendor in vendors}
    available = {entry.offer_id: entry.available for entry in stock}
    if any(len(variant.offers) > 1 for variant in product.variants):
        standing = await rank(doors, ctx, product, available, market.country)
        product = _ordered(product, standing)
    first = product.vendor_id
    if active_vendors and first not in active_vendors:
        first = product.variants[0].offers[0].vendor_id
    if first not in sellers:
        raise NotFound
    return ProductPage(
        product=product,
        vendor=sellers[first],
        vendors=sellers,
        available=available,
        prices=await product_prices(doors, ctx, viewing, product),
    )


def _ordered(product: Product, standing: Sequence[Standing]) -> Product:
    """With every variant's offers as they stand; those that do not stand at all come last."""
    places = {one.offer_id: one.place for one in standing}
    last = len(places) + 1
    variants = [
        v.model_copy(update={"offers": sorted(v.offers, key=lambda o: places.get(o.id, last))})
        for v in product.variants
    ]
    return product.model_copy(update={"variants": variants})
