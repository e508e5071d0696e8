"""What checkout hears of payments and of itself, and its timers."""

from haat.domains.money.payments.api import PaymentUpdated
from haat.domains.trade.checkout.api import CheckoutPlaced
from haat.domains.trade.checkout.service import CheckoutService
from haat.kernel.context import Context
from haat.kernel.events import every, on

NEWS = ("awaiting", "authorized", "captured", "declined", "voided")


# Not of answers to our own calls: placing and settling go on with those, and should their process
# die meanwhile, the timers below do.
@on(PaymentUpdated, where={"purpose": "order", "status": NEWS, "answered": False})
async def go_on(service: CheckoutService, ctx: Context, events: list[PaymentUpdated]) -> None:
    decided = dict.fromkeys(event.reference for event in events)
    await service.payments_updated(ctx.as_system(), list(decided))


@on(CheckoutPlaced)
async def settle(service: CheckoutService, ctx: Context, events: list[CheckoutPlaced]) -> None:
    await service.settle(ctx.as_system(), events)


@every(seconds=5)
async def resume_stuck(service: CheckoutService, ctx: Context) -> None:
    await service.resume_stuck(ctx)


@every(seconds=5)
async def settle_late(service: CheckoutService, ctx: Context) -> None:
    await service.settle_late(ctx)


@every(seconds=600)
async def forget_quotes(service: CheckoutService, ctx: Context) -> None:
    await service.forget_quotes(ctx)
