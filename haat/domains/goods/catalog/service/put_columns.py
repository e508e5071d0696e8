"""Products as the columns that PUT_NEW and PUT_CHANGED take: an array for each."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import to_json

from haat.domains.goods.catalog import rules
from haat.domains.goods.catalog.api import AddedOffer, ListingAdded, Offer, Product, Variant
from haat.domains.goods.catalog.service.planning import Plan
from haat.kernel.context import Context

_PRODUCT, _VARIANT, _OFFER, _NOTED = 22, 8, 12, 3  # how many columns each has


def of(ctx: Context, plans: Sequence[Plan]) -> list[Any]:
    """The arguments of both statements, in their order."""
    variants = [(p.after, n, v) for p in plans for n, v in enumerate(p.after.variants, 1)]
    offers = [(p.after, o) for p in plans for o in rules.offers_of(p.after) if o.main]
    noted = [
        (p.after.id, what, json.dumps(changes) if changes else "{}")
        for p in plans
        for what, changes in p.noted
    ]
    return [
        *_columns((_product(p) for p in plans), _PRODUCT),
        *_columns((_variant(*one) for one in variants), _VARIANT),
        *_columns((_offer(*one) for one in offers), _OFFER),
        ctx.now(),
        ctx.actor.type,
        ctx.actor.id,
        *_columns(noted, _NOTED),
        [p.after.kind for p in plans],
    ]


def added(plan: Plan, version: int) -> ListingAdded:
    """What is told of a product that is shown for the first time."""
    listing = plan.listing
    assert listing is not None, "it has ended"
    return ListingAdded(
        product_id=plan.after.id,
        version=version,
        category_id=listing.category_id,
        card=plan.card,
        text=listing.text,
        attributes=listing.attributes,
        codes=listing.codes,
    )


def offers_added(plan: Plan) -> list[AddedOffer]:
    product, counted = plan.after, plan.after.kind == "physical"
    return [
        AddedOffer(product_id=product.id, offer_id=o.id, sku=o.sku, counted=counted)
        for o in rules.offers_of(product)
    ]


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _product(plan: Plan) -> tuple[Any, ...]:
    product, was = plan.after, plan.found
    card = plan.listing
    assert card is not None, "it has ended"
    return (
        product.id,
        product.vendor_id,
        product.slug,
        product.title,
        rules.title_key(product.title),
        product.description_html,
        product.category_id,
        product.brand,
        product.tax_class,
        product.status,
        product.reason,
        to_json(product.option_names).decode(),
        to_json(product.pictures).decode(),
        card.price_from.minor,
        plan.card,
        product.version,
        product.updated_at,
        product.seo.model_dump_json(),
        to_json(product.specs).decode(),
        rules.brand_id(product.brand),
        was.product.version,
        was.listing_version,
    )


def _variant(product: Product, position: int, variant: Variant) -> tuple[Any, ...]:
    return (
        variant.id,
        product.id,
        position,
        variant.title,
        to_json(variant.options).decode(),
        variant.barcode,
        variant.weight_g,
        variant.picture.model_dump_json() if variant.picture else None,
    )


def _offer(product: Product, offer: Offer) -> tuple[Any, ...]:
    return (
        offer.id,
        offer.variant_id,
        product.id,
        product.vendor_id,
        offer.sku,
        offer.price.minor,
        offer.compare_at.minor if offer.compare_at else None,
        offer.price.currency,
        offer.status,
        offer.condition,
        offer.handling_days,
        offer.lowest_before.minor if offer.lowest_before else None,
    )
