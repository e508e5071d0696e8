"""The back office over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from haat.domains.reach.backoffice.api import (
    Backoffice,
    DeadLetter,
    DoctorReport,
    Overview,
    Stats,
)
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


@router.get("/admin/doctor", summary="What `haat doctor` found, newest first")
async def doctor_reports(
    ctx: Ctx,
    service: Service,
    limit: Limit = 30,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Page[DoctorReport]:
    return await service.doctor_reports(ctx, limit=limit, cursor=cursor)


@router.get("/admin/doctor/{id}", summary="One report of `haat doctor`")
async def doctor_report(id: UUID, ctx: Ctx, service: Service) -> DoctorReport:
    return await service.doctor_report(ctx, id=id)
