"""Support sessions over REST, for staff who ask and for whom they are about."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from haat.domains.trust.support.api import Entrance, Support, SupportSession, Visited
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["support"])
Service = Annotated[Support, Door(Support)]
Cursor = Annotated[str | None, Query(max_length=300)]
Flag = Annotated[bool, Field(strict=True)]


class AskBody(Body):
    """A vendor's portal or a customer's account: one of the two."""

    vendor_id: UUID | None = None
    person_id: UUID | None = None
    reason: Annotated[str, Field(min_length=3, max_length=500)]
    write: Flag = False


class ConsentBody(Body):
    write: Flag = False


@router.post("/admin/support-sessions", status_code=201, summary="Ask for a support session")
async def ask(body: AskBody, ctx: Ctx, support: Service) -> SupportSession:
    return await support.ask(
        ctx,
        id=ctx.new_id(),
        reason=body.reason,
        vendor_id=body.vendor_id,
        person_id=body.person_id,
        write=body.write,
    )


@router.get("/admin/support-sessions", summary="Those I asked for")
async def asked(ctx: Ctx, support: Service) -> Page[SupportSession]:
    return Page(items=await support.asked_by_me(ctx))


@router.post("/admin/support-sessions/{id}/enter", summary="An access token for an open one")
async def enter(id: UUID, ctx: Ctx, support: Service) -> Entrance:
    return await support.enter(ctx, id=id)


@router.get("/me/support-sessions", summary="Support sessions about my account or store")
async def about(ctx: Ctx, support: Service) -> Page[SupportSession]:
    return Page(items=await support.about_me(ctx))


@router.post("/me/support-sessions/{id}/consent", summary="Let staff in for half an hour")
async def consent(id: UUID, body: ConsentBody, ctx: Ctx, support: Service) -> SupportSession:
    return await support.consent(ctx, id=id, write=body.write)


@router.delete("/me/support-sessions/{id}", summary="End one, or refuse it, at once")
async def end(id: UUID, ctx: Ctx, support: Service) -> SupportSession:
    return await support.end(ctx, id=id)


@router.get("/me/support-sessions/{id}/visits", summary="What was opened in it")
async def visits(
    id: UUID, ctx: Ctx, support: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[Visited]:
    return await support.visits(ctx, id=id, limit=limit, cursor=cursor)
