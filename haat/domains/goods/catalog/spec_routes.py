"""Specifications and brands over REST: what a category asks for, and what a product says."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Attribute, Brand, Specs, SpecValue
from haat.domains.goods.catalog.bodies import Version, draft_of
from haat.domains.goods.catalog.offer_routes import router
from haat.domains.goods.catalog.routes import Cursor, Goods, PageLimit
from haat.engines.http import Ctx
from haat.kernel.model import Body, Model
from haat.kernel.page import Page

__all__ = ["router"]


class SpecsBody(Body):
    """All of a product's specifications."""

    specs: Specs = Field(default_factory=dict)
    version: Version | None = None


class BrandBody(Body):
    """A brand by its name; another spelling of a name is the same brand."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    logo_id: UUID | None = None
    active: bool | None = None


class SpecSheet(Model):
    """What a product says, and what its category asks for."""

    specs: dict[str, SpecValue]
    attributes: list[Attribute]


@router.get("/categories/{ref}/attributes")
async def attributes(ref: str, ctx: Ctx, goods: Goods) -> Page[Attribute]:
    """What products of a category fill in, with what it inherits."""
    category = await goods.category(ctx, ref=ref)
    return Page[Attribute](items=await goods.attributes(ctx, category_id=category.id))


@router.get("/products/{ref}/specs")
async def specs(ref: str, ctx: Ctx, goods: Goods) -> SpecSheet:
    product = await goods.product(ctx, ref=ref)
    asked: list[Attribute] = []
    if product.category_id is not None:
        asked = await goods.attributes(ctx, category_id=product.category_id)
    return SpecSheet(specs=product.specs, attributes=asked)


@router.put("/products/{id}/specs")
async def set_specs(id: UUID, body: SpecsBody, ctx: Ctx, goods: Goods) -> SpecSheet:
    """Replaces them all; what is required is checked when the product is submitted."""
    product = await goods.product(ctx, ref=str(id))
    draft = draft_of(product).model_copy(update={"specs": body.specs})
    version = body.version or product.version
    await goods.change(ctx, id=id, draft=draft, version=version)
    return await specs(str(id), ctx, goods)


@router.get("/brands")
async def brands(
    ctx: Ctx, goods: Goods, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[Brand]:
    """By slug."""
    return await goods.brands(ctx, limit=limit, cursor=cursor)


@router.get("/brands/{ref}")
async def brand(ref: str, ctx: Ctx, goods: Goods) -> Brand:
    """By id or slug."""
    return await goods.brand(ctx, ref=ref)


@router.put("/admin/brands")
async def save_brand(body: BrandBody, ctx: Ctx, goods: Goods) -> Brand:
    """Adds a brand, or changes how it is written, its logo, whether customers see it."""
    return await goods.save_brand(ctx, name=body.name, logo_id=body.logo_id, active=body.active)
