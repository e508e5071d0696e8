"""The signed-in person's notifications over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from haat.domains.reach.notifications.api import EMAIL, Notification, Notifications
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body, Model
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["notifications"])
Email = Annotated[str, Field(max_length=254, pattern=EMAIL)]

Service = Annotated[Notifications, Door(Notifications)]


class WaitBody(Body):
    """`email`: where a guest wants the mail; a person's own is known."""

    email: Email | None = None


class UnreadCount(Model):
    """`count` goes up to 100."""

    count: int


@router.get("/notifications", summary="Newest first")
async def own(
    ctx: Ctx,
    service: Service,
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Page[Notification]:
    return await service.own(ctx, limit=limit, cursor=cursor)


@router.get("/notifications/unread-count", summary="How many are unread")
async def unread(ctx: Ctx, service: Service) -> UnreadCount:
    return UnreadCount(count=await service.unread(ctx))


@router.put("/notifications/read-all", status_code=204, summary="Mark all as read")
async def read_all(ctx: Ctx, service: Service) -> None:
    await service.mark_read(ctx)


@router.put("/notifications/{id}/read", status_code=204, summary="Mark one as read")
async def read(id: UUID, ctx: Ctx, service: Service) -> None:
    await service.mark_read(ctx, ids=[id])


@router.delete("/notifications/{id}", status_code=204, summary="Remove one")
async def remove(id: UUID, ctx: Ctx, service: Service) -> None:
    await service.remove(ctx, id=id)


@router.post(
    "/offers/{offer_id}/stock-notices",
    status_code=202,
    summary="Be told once when a sold out offer can be had again",
)
async def wait_for(offer_id: UUID, body: WaitBody, ctx: Ctx, service: Service) -> None:
    await service.wait_for(ctx, offer_id=offer_id, email=body.email)


@router.delete("/stock-notices/{token}", status_code=204, summary="Not to be told after all")
async def stop_waiting(token: str, ctx: Ctx, service: Service) -> None:
    await service.stop_waiting(ctx, token=token)
