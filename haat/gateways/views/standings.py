"""Who sells a product, and how their offers stand: catalogue, stock and shipping joined."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, Facts, Offer, Product, Standing, Variant
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.shipping.api import Option, Parcel, Shipping
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.model import Model
from haat.kernel.money import Money

Doors = Mapping[type[Contract], Any]
OFFERS_MAX = 500  # of one product that are compared; a variant has at most 100
FACTS_MAX = 2000  # of several
PARCELS_MAX = 50  # that shipping is asked for at once


class SoldBy(Model):
    """One offer: who makes it, how it stands, and how many are left."""

    offer: Offer
    standing: Standing
    vendor_name: str
    vendor_slug: str
    available: int


class Standings(Model):
    """Every offer of a product that is on sale, variant by variant, the first one first."""

    product_id: UUID
    items: list[SoldBy]


async def standings_of(doors: Doors, ctx: Context, ref: str, country: str | None) -> Standings:
    """By slug or id. Its own vendor and staff are told at which price an offer would win."""
    product: Product = await doors[Catalog].product(ctx, ref=ref)
    offers = [o for v in product.variants for o in v.offers][:OFFERS_MAX]
    stock, vendors = await asyncio.gather(
        doors[Inventory].available(ctx, offers=[o.id for o in offers]),
        doors[Vendors].by_ids(ctx, ids=sorted({o.vendor_id for o in offers})),
    )
    left = {one.offer_id: one.available for one in stock}
    standing = await rank(doors, ctx, product, left, country)
    known = {o.id: o for o in offers}
    names: dict[UUID, Vendor] = {v.id: v for v in vendors}
    return Standings(
        product_id=product.id,
        items=[
            SoldBy(
                offer=known[one.offer_id],
                standing=one,
                vendor_name=names[one.vendor_id].name if one.vendor_id in names else "",
                vendor_slug=names[one.vendor_id].slug if one.vendor_id in names else "",
                available=left.get(one.offer_id, 0),
            )
            for one in standing
            if one.offer_id in known
        ],
    )


async def rank(
    doors: Doors, ctx: Context, product: Product, left: Mapping[UUID, int], country: str | None
) -> list[Standing]:
    """How the product's offers stand for a customer in that country (None: shipping unknown)."""
    facts = await _facts(doors, ctx, [product], left, country)
    found: list[Standing] = await doors[Catalog].standings(ctx, product_id=product.id, facts=facts)
    return found


async def rank_many(
    doors: Doors,
    ctx: Context,
    products: Sequence[Product],
    left: Mapping[UUID, int],
    country: str | None,
) -> list[Standing]:
    """The same for several products at once; FACTS_MAX offers of them are looked at."""
    facts = await _facts(doors, ctx, products, left, country)
    ids = [one.id for one in products]
    found: list[Standing] = await doors[Catalog].rankings(ctx, product_ids=ids, facts=facts)
    return found


async def _facts(
    doors: Doors,
    ctx: Context,
    products: Sequence[Product],
    left: Mapping[UUID, int],
    country: str | None,
) -> list[Facts]:
    pairs = [
        pair
        for product in products
        for pair in [(v, o) for v in product.variants for o in v.offers][:OFFERS_MAX]
    ][:FACTS_MAX]
    parcels = {o.id for p in products if p.kind == "physical" for v in p.variants for o in v.offers}
    shipped = [pair for pair in pairs if pair[1].id in parcels]
    ways = await _ways(doors, ctx, shipped, country) if country and shipped else {}
    facts = []
    for _, offer in pairs:
        options = [one for one in ways.get(offer.id, []) if not one.pickup]
        free = [one.free_from.minor for one in options if one.free_from]
        currency = offer.price.currency
        facts.append(
            Facts(
                offer_id=offer.id,
                available=left.get(offer.id, 0),
                shipping=min((one.price for one in options), key=lambda m: m.minor, default=None),
                free_from=Money(minor=min(free), currency=currency) if free else None,
            )
        )
    return facts


async def _ways(
    doors: Doors, ctx: Context, pairs: Sequence[tuple[Variant, Offer]], country: str
) -> dict[UUID, list[Option]]:
    """The ways to send one of each, by offer, as they cost when nothing is free. What has the same
    sender and weight is asked for once."""
    parcels = {
        (offer.vendor_id, variant.weight_g, offer.price.currency): Parcel(
            vendor_id=offer.vendor_id,
            weight_g=variant.weight_g,
            goods=Money.zero(offer.price.currency),
            country=country,
        )
        for variant, offer in pairs
    }
    every = list(parcels.values())

    async def ask(some: list[Parcel]) -> list[list[Option]]:
        return [one.options for one in await doors[Shipping].rates(ctx, parcels=some)]

    batches = [every[n : n + PARCELS_MAX] for n in range(0, len(every), PARCELS_MAX)]
    asked = await asyncio.gather(*(ask(some) for some in batches))
    flat = [options for answer in asked for options in answer]
    found = dict(zip(parcels, flat, strict=True))
    return {o.id: found[o.vendor_id, v.weight_g, o.price.currency] for v, o in pairs}
