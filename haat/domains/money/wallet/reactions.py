"""The wallet goes on from what providers say; what a crash left half-done is finished."""

from haat.domains.money.payments.api import (
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
    PaymentSucceeded,
    PaymentUpdated,
    PayoutSettled,
)
from haat.domains.money.wallet.service import WalletService
from haat.domains.people.market.api import MarketOpened
from haat.kernel.context import Context
from haat.kernel.events import every, on

OURS = {"purpose": "topup"}  # orders' payments are settlement's


@on(MarketOpened)
async def opened(service: WalletService, ctx: Context, events: list[MarketOpened]) -> None:
    for event in events:
        await service.rating.begin(ctx, event.currency)


@on(PaymentSucceeded, where=OURS)
async def succeeded(service: WalletService, ctx: Context, events: list[PaymentSucceeded]) -> None:
    for event in events:
        await service.buying.paid(ctx, event.payment_id)


@on(PaymentUpdated, where=OURS)
async def updated(service: WalletService, ctx: Context, events: list[PaymentUpdated]) -> None:
    for event in events:
        await service.buying.updated(ctx, event.payment_id, event.status, None)


@on(PaymentFailed, where=OURS)
async def failed(service: WalletService, ctx: Context, events: list[PaymentFailed]) -> None:
    for event in events:
        await service.buying.updated(ctx, event.payment_id, "declined", event.decline_code)


@on(PaymentDisputed, where=OURS)
async def disputed(service: WalletService, ctx: Context, events: list[PaymentDisputed]) -> None:
    for event in events:
        money = (event.amount.minor, event.fee.minor)
        await service.claiming.heard(ctx, event.dispute_id, event.payment_id, *money, event.status)


@on(PaymentRefunded, where=OURS)
async def refunded(service: WalletService, ctx: Context, events: list[PaymentRefunded]) -> None:
    for event in events:
        minor = event.amount.minor
        await service.claiming.heard(ctx, event.refund_id, event.payment_id, minor, 0, "refunded")


@on(PayoutSettled)
async def settled(service: WalletService, ctx: Context, events: list[PayoutSettled]) -> None:
    ended = [(one.payout_id, one.paid, one.provider_ref, one.reason) for one in events]
    await service.withdrawing.settled(ctx, ended)


@every(seconds=10)
async def resume_moves(service: WalletService, ctx: Context) -> None:
    await service.moving.resume(ctx)


@every(seconds=10)
async def resume_topups(service: WalletService, ctx: Context) -> None:
    await service.buying.resume(ctx)


@every(seconds=10)
async def resume_withdrawals(service: WalletService, ctx: Context) -> None:
    await service.withdrawing.resume(ctx)


@every(seconds=10)
async def resume_claims(service: WalletService, ctx: Context) -> None:
    await service.claiming.resume(ctx)


@every(seconds=3600)
async def stale_holds(service: WalletService, ctx: Context) -> None:
    await service.moving.stale(ctx)
