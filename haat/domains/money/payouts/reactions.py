"""Payouts go on when the provider has decided; what a crash left half-done is finished."""

from haat.domains.money.payments.api import PayoutSettled
from haat.domains.money.payouts.service import PayoutsService
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(PayoutSettled)
async def settled(service: PayoutsService, ctx: Context, events: list[PayoutSettled]) -> None:
    for event in events:
        await service.settled(ctx, event.payout_id, event.paid, event.provider_ref, event.reason)


@every(seconds=10)
async def resume_earnings(service: PayoutsService, ctx: Context) -> None:
    await service.resume_earnings(ctx)


@every(seconds=10)
async def resume_payouts(service: PayoutsService, ctx: Context) -> None:
    await service.resume_payouts(ctx)


@every(seconds=60, noted=True)
async def release_reserves(service: PayoutsService, ctx: Context) -> None:
    await service.release_reserves(ctx)


@every(seconds=60, noted=True)
async def run_scheduled(service: PayoutsService, ctx: Context) -> None:
    await service.run_scheduled(ctx)
