"""Variants over REST, many at once: made of options, and changed together."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import (
    HandlingDays,
    Product,
    ProductDraft,
    VariantDraft,
)
from haat.domains.goods.catalog.bodies import Version, draft_of
from haat.domains.goods.catalog.generating import OptionDraft, coded, combinations, sku_of
from haat.domains.goods.catalog.generating import kept as kept_variants
from haat.domains.goods.catalog.review_routes import router
from haat.domains.goods.catalog.routes import Goods
from haat.engines.http import Ctx
from haat.kernel.errors import Invalid
from haat.kernel.model import Body
from haat.kernel.money import Money

__all__ = ["router"]
SkuPattern = Annotated[str, Field(max_length=80)]
Weight = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
Choices = Annotated[list[Annotated[str, Field(max_length=120)]], Field(max_length=200)]


class GenerateBody(Body):
    """`skuPattern` "TEE-{Size}-{Colour}" names new variants; without one they are called by the
    product's title. `price` and `weightG` of new ones; left out: those of the first variant."""

    options: Annotated[list[OptionDraft], Field(min_length=1, max_length=3)]
    sku_pattern: SkuPattern = ""
    price: Money | None = None
    weight_g: Weight | None = None
    version: Version | None = None


class TogetherBody(Body):
    """What is given changes on every variant with one of the values in `only` (all, without it):
    {"only": {"Size": ["S", "M"]}, "price": …}."""

    only: Annotated[dict[str, Choices], Field(max_length=3)] = {}
    price: Money | None = None
    compare_at: Money | None = None
    no_compare_at: bool = False
    weight_g: Weight | None = None
    handling_days: HandlingDays | None = None
    sku_pattern: SkuPattern | None = None
    version: Version | None = None


@router.post("/products/{id}/variants/generate")
async def generate(id: UUID, body: GenerateBody, ctx: Ctx, goods: Goods) -> Product:
    """Every combination of the options' values becomes a variant; those that are there keep their
    ids, SKUs, prices and stock, and what is no combination any more is paused."""
    product = await goods.product(ctx, ref=str(id))
    ctx.need_vendor(product.vendor_id)
    draft = _generated(product, body)
    return await goods.change(ctx, id=id, draft=draft, version=body.version or product.version)


@router.patch("/products/{id}/variants")
async def change_together(id: UUID, body: TogetherBody, ctx: Ctx, goods: Goods) -> Product:
    """Changes many variants on sale at once."""
    product = await goods.product(ctx, ref=str(id))
    ctx.need_vendor(product.vendor_id)
    draft = draft_of(product)
    for name in body.only:
        if name not in product.option_names:
            raise Invalid.at(f"only.{name}", "The product has no such option.", "options_wrong")
    chosen = [_is_meant(one, body.only) for one in draft.variants]
    taken = {one.sku for one, is_one in zip(draft.variants, chosen, strict=True) if not is_one}
    variants = []
    for one, is_one in zip(draft.variants, chosen, strict=True):
        changed = _changed(one, body, taken) if is_one else one
        taken.add(changed.sku)
        variants.append(changed)
    draft = draft.model_copy(update={"variants": variants})
    return await goods.change(ctx, id=id, draft=draft, version=body.version or product.version)


def _generated(product: Product, body: GenerateBody) -> ProductDraft:
    wanted = combinations(body.options)
    draft = draft_of(product)
    present = [(v, o) for v in product.variants for o in v.offers if o.main]
    on_sale = {one.id: one for one in draft.variants}
    first = draft.variants[0]
    taken = {offer.sku for _, offer in present}
    pattern = body.sku_pattern or coded(product.title)[:24].strip("-")
    variants = []
    places = kept_variants([v.options for v, _ in present], wanted)
    for choice, place in zip(wanted, places, strict=True):
        if place is None:
            sku = sku_of(pattern, choice, taken)
            taken.add(sku)
            variants.append(_new(first, choice, sku, body))
            continue
        variant, offer = present[place]
        known = on_sale.get(variant.id) or VariantDraft(
            id=variant.id,
            sku=offer.sku,
            price=offer.price,
            compare_at=offer.compare_at,
            barcode=variant.barcode,
            weight_g=variant.weight_g,
            picture=variant.picture,
            condition=offer.condition,
            handling_days=offer.handling_days,
        )
        variants.append(known.model_copy(update={"options": choice}))
    return draft.model_copy(update={"variants": variants, "option_names": [*wanted[0]]})


def _new(like: VariantDraft, choice: dict[str, str], sku: str, body: GenerateBody) -> VariantDraft:
    return VariantDraft(
        options=choice,
        sku=sku,
        price=body.price or like.price,
        compare_at=None if body.price else like.compare_at,
        weight_g=like.weight_g if body.weight_g is None else body.weight_g,
        condition=like.condition,
        handling_days=like.handling_days,
    )


def _is_meant(one: VariantDraft, only: dict[str, list[str]]) -> bool:
    return all(one.options.get(name) in values for name, values in only.items())


def _changed(one: VariantDraft, body: TogetherBody, taken: set[str]) -> VariantDraft:
    given = {
        "price": body.price,
        "compare_at": body.compare_at,
        "weight_g": body.weight_g,
        "handling_days": body.handling_days,
    }
    change: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if body.no_compare_at:
        change["compare_at"] = None
    if body.sku_pattern:
        change["sku"] = sku_of(body.sku_pattern, one.options, taken)
    return one.model_copy(update=change)
