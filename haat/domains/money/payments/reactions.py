"""What is not known is asked about, what nobody wants is given up, and webhooks stay ours."""

from haat.domains.money.payments.service import PaymentsService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=15)
async def ask_again(service: PaymentsService, ctx: Context) -> None:
    await service.ask_again(ctx)


@every(seconds=10)
async def void_due(service: PaymentsService, ctx: Context) -> None:
    await service.void_due(ctx)


@every(seconds=60)
async def register(service: PaymentsService, ctx: Context) -> None:
    await service.register(ctx)


@every(seconds=60)
async def watch_failures(service: PaymentsService, ctx: Context) -> None:
    await service.watch_failures(ctx)


@every(seconds=3600)
async def trim(service: PaymentsService, ctx: Context) -> None:
    await service.trim(ctx)
