"""REST for staff: lists of commission rules, and what such a sale would pay and why."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from haat.domains.money.commissions.api import (
    BasisPoints,
    Commissions,
    Explanation,
    Rule,
    RuleList,
    Sale,
)
from haat.engines.http import Ctx, Door
from haat.kernel.errors import NotFound
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

Service = Annotated[Commissions, Door(Commissions)]
router = APIRouter(tags=["commissions"])
Version = Annotated[int, Field(ge=1, le=2_147_483_647)]


class RuleGiven(Body, Rule):
    """A rule as a client sends it. Its id is the client's, and stays when the list is changed."""


class ListGiven(Body):
    """A whole list: what it holds replaces what stood there."""

    rules: Annotated[list[RuleGiven], Field(max_length=200)]
    tax_bp: BasisPoints = 0
    note: Annotated[str, Field(max_length=500)] = ""


class ListChange(ListGiven):
    """`version` is the one that was read."""

    version: Version


class Activation(Body):
    version: Version
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class SaleGiven(Body, Sale): ...


class Question(Body):
    """Without `listId`: by the active list."""

    sale: SaleGiven
    list_id: UUID | None = None


@router.get("/admin/commission-lists")
async def listed(
    ctx: Ctx, commissions: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[RuleList]:
    """Every list there is and was, newest first."""
    return await commissions.lists(ctx, limit=limit, cursor=cursor)


@router.get("/admin/commission-lists/active")
async def active(ctx: Ctx, commissions: Service) -> RuleList | None:
    """The list that holds now; null before the first one."""
    return await commissions.rule_list(ctx)


@router.get("/admin/commission-lists/{id}")
async def one(id: UUID, ctx: Ctx, commissions: Service) -> RuleList:
    found = await commissions.rule_list(ctx, id=id)
    if found is None:
        raise NotFound
    return found


@router.post("/admin/commission-lists", status_code=201)
async def draft(ctx: Ctx, commissions: Service, body: ListGiven) -> RuleList:
    """A new draft; nothing is taken by it before it is activated."""
    return await commissions.draft(
        ctx, id=ctx.new_id(), rules=list(body.rules), tax_bp=body.tax_bp, note=body.note
    )


@router.put("/admin/commission-lists/{id}")
async def change(id: UUID, ctx: Ctx, commissions: Service, body: ListChange) -> RuleList:
    """Replace a draft; refused when somebody else has changed it since it was read."""
    return await commissions.draft(
        ctx,
        id=id,
        rules=list(body.rules),
        tax_bp=body.tax_bp,
        note=body.note,
        version=body.version,
    )


@router.post("/admin/commission-lists/{id}/activate")
async def activate(id: UUID, ctx: Ctx, commissions: Service, body: Activation) -> RuleList:
    """From now on this list holds; sales made keep their terms."""
    return await commissions.activate(ctx, id=id, version=body.version, reason=body.reason)


@router.post("/admin/commission-lists/{id}/discard", status_code=204)
async def discard(id: UUID, ctx: Ctx, commissions: Service) -> None:
    """Throw a draft away."""
    await commissions.discard(ctx, id=id)


@router.post("/admin/commissions/explain")
async def explain(ctx: Ctx, commissions: Service, body: Question) -> Explanation:
    """Which rule wins for such a sale, and why the ones before it do not."""
    return await commissions.explain(ctx, sale=body.sale, list_id=body.list_id)
