"""Runs go on by a timer; old files go."""

from haat.domains.goods.imports.service import ImportsService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=1)
async def go_on(service: ImportsService, ctx: Context) -> None:
    await service.work(ctx)


@every(seconds=3600)
async def forget_old(service: ImportsService, ctx: Context) -> None:
    await service.forget_old(ctx)
