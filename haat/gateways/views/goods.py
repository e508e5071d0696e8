"""Products as customers see them: with their vendor's name and what is left."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Listing, Product
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.errors import NotFound
from haat.kernel.model import Model

Doors = Mapping[type[Contract], Any]


class Card(Model):
    """A product in a list. `available` counts all its offers together."""

    listing: Listing
    vendor_name: str
    vendor_slug: str
    available: int


class ProductPage(Model):
    """A product with its vendor and the stock of every offer."""

    product: Product
    vendor: Vendor
    available: dict[UUID, int]


async def cards(doors: Doors, ctx: Context, listings: Sequence[Listing]) -> list[Card]:
    """Cards for these listings, in their order."""
    if not listings:
        return []
    offers = [offer for listing in listings for offer in listing.offer_ids]
    vendor_ids = list({listing.vendor_id for listing in listings})
    stock, vendors = await asyncio.gather(
        doors[Inventory].available(ctx, offers=offers),
        doors[Vendors].by_ids(ctx, ids=vendor_ids),
    )
    left = {entry.offer_id: entry.available for entry in stock}
    names = {vendor.id: vendor for vendor in vendors}
    return [
        Card(
            listing=listing,
            vendor_name=names[listing.vendor_id].name if listing.vendor_id in names else "",
            vendor_slug=names[listing.vendor_id].slug if listing.vendor_id in names else "",
            available=sum(left.get(offer, 0) for offer in listing.offer_ids),
        )
        for listing in listings
    ]


async def product_page(doors: Doors, ctx: Context, ref: str) -> ProductPage:
    """By slug or id; NotFound as the catalogue decides."""
    product: Product = await doors[Catalog].product(ctx, ref=ref)
    offers = [offer.id for variant in product.variants for offer in variant.offers]
    stock, vendors = await asyncio.gather(
        doors[Inventory].available(ctx, offers=offers),
        doors[Vendors].by_ids(ctx, ids=[product.vendor_id]),
    )
    if not vendors:
        raise NotFound
    return ProductPage(
        product=product,
        vendor=vendors[0],
        available={entry.offer_id: entry.available for entry in stock},
    )
