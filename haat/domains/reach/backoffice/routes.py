"""The back office over REST."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from haat.domains.reach.backoffice.api import Backoffice, DeadLetter, Overview, Stats
from haat.engines.http import Ctx, Door
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["backoffice"])

Service = Annotated[Backoffice, Door(Backoffice)]
LetterId = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.get("/admin/overview", summary="The work that waits, and the market's numbers")
async def overview(ctx: Ctx, service: Service) -> Overview:
    return await service.overview(ctx)


@router.get("/marketplace/stats", summary="The market in three numbers")
async def stats(ctx: Ctx, service: Service) -> Stats:
    return await service.stats(ctx)


@router.get("/admin/dead-letters", summary="Events a module failed to handle, newest first")
async def dead_letters(
    ctx: Ctx,
    service: Service,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Page[DeadLetter]:
    return await service.dead_letters(ctx, limit=limit, cursor=cursor)


@router.post("/admin/dead-letters/{id}/replay", status_code=204, summary="Try it again")
async def replay(id: LetterId, ctx: Ctx, service: Service) -> None:
    await service.replay(ctx, id=id)


@router.post("/admin/dead-letters/{id}/discard", status_code=204, include_in_schema=False)
@router.delete("/admin/dead-letters/{id}", status_code=204, summary="Forget it")
async def discard(id: LetterId, ctx: Ctx, service: Service) -> None:
    await service.discard(ctx, id=id)
