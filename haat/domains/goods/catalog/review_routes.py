"""The look at listings over REST: notes, and what is approved without a look."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import (
    ApprovalRule,
    ListingRule,
    ListingRuleKind,
    Note,
    NoteText,
    Objection,
)
from haat.domains.goods.catalog.complying import RuleWord
from haat.domains.goods.catalog.routes import Goods
from haat.domains.goods.catalog.shaping import SpecKey
from haat.domains.goods.catalog.spec_routes import router
from haat.engines.http import Ctx
from haat.kernel.model import Body
from haat.kernel.page import Page

__all__ = ["router"]
Price = Annotated[int, Field(ge=0, le=10_000_000_000, strict=True)]


class NoteBody(Body):
    """`external`: the vendor reads it; a vendor's own always are."""

    text: NoteText
    external: bool = True


class RuleBody(Body):
    """What is approved at once; left out or null: any. Prices in minor units."""

    vendor_id: UUID | None = None
    category_id: UUID | None = None
    price_min: Price | None = None
    price_max: Price | None = None


class ListingRuleBody(Body):
    """What listings keep to. words: forbidden ones, in `words`. pictures, text: at least `least`
    of them, or characters. barcode, brand: there is one. spec: `key` is filled in."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    kind: ListingRuleKind
    category_id: UUID | None = None
    words: Annotated[list[RuleWord], Field(max_length=500)] = []
    least: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    key: SpecKey | None = None
    blocking: bool = True
    message: Annotated[str, Field(max_length=300)] = ""


@router.get("/products/{id}/objections")
async def objections(id: UUID, ctx: Ctx, goods: Goods) -> Page[Objection]:
    """What the market's rules say against a product as it is."""
    return Page[Objection](items=await goods.objections(ctx, product_id=id))


@router.get("/admin/listing-rules")
async def listing_rules(ctx: Ctx, goods: Goods) -> Page[ListingRule]:
    """What listings keep to before they are on sale."""
    return Page[ListingRule](items=await goods.listing_rules(ctx))


@router.put("/admin/listing-rules/{id}")
async def save_listing_rule(id: UUID, body: ListingRuleBody, ctx: Ctx, goods: Goods) -> ListingRule:
    """Adds or replaces one."""
    return await goods.save_listing_rule(ctx, rule=ListingRule(id=id, **dict(body)))


@router.delete("/admin/listing-rules/{id}", status_code=204)
async def drop_listing_rule(id: UUID, ctx: Ctx, goods: Goods) -> None:
    await goods.drop_listing_rule(ctx, id=id)


@router.get("/products/{id}/notes")
async def notes(id: UUID, ctx: Ctx, goods: Goods) -> Page[Note]:
    """What was said about a product: all for staff, external notes for its vendor."""
    return Page[Note](items=await goods.notes(ctx, product_id=id))


@router.post("/products/{id}/notes", status_code=201)
async def add_note(id: UUID, body: NoteBody, ctx: Ctx, goods: Goods) -> Note:
    return await goods.add_note(
        ctx, id=ctx.new_id(), product_id=id, text=body.text, external=body.external
    )


@router.get("/admin/approval-rules")
async def approval_rules(ctx: Ctx, goods: Goods) -> Page[ApprovalRule]:
    """What is on sale as soon as it is submitted."""
    return Page[ApprovalRule](items=await goods.approval_rules(ctx))


@router.put("/admin/approval-rules/{id}")
async def save_approval_rule(id: UUID, body: RuleBody, ctx: Ctx, goods: Goods) -> ApprovalRule:
    """Adds or replaces one."""
    return await goods.save_approval_rule(ctx, rule=ApprovalRule(id=id, **dict(body)))


@router.delete("/admin/approval-rules/{id}", status_code=204)
async def drop_approval_rule(id: UUID, ctx: Ctx, goods: Goods) -> None:
    await goods.drop_approval_rule(ctx, id=id)
