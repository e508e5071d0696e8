"""The signed-in person's notifications over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from haat.domains.reach.notifications.api import Notification, Notifications
from haat.engines.http import Ctx, Door
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["notifications"])

Service = Annotated[Notifications, Door(Notifications)]


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
