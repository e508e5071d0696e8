"""What a crash left half-done is finished."""

from haat.domains.money.reconciliation.service import ReconciliationService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=30)
async def resume_runs(service: ReconciliationService, ctx: Context) -> None:
    await service.resume_runs(ctx)


@every(seconds=30)
async def resume_bookings(service: ReconciliationService, ctx: Context) -> None:
    await service.resume_bookings(ctx)
