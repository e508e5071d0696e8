"""What checkout hears of payments and of itself, and its timers."""

from haat.domains.money.payments.api import PaymentUpdated
from haat.domains.trade.checkout.api import CheckoutPlaced
from haat.domains.trade.checkout.service import CheckoutService
from haat.kernel.context import Context
from haat.kernel.events import every, on

NEWS = frozenset({"awaiting", "authorized", "captured", "declined", "voided"})


@on(PaymentUpdated)
async def go_on(service: CheckoutService, ctx: Context, events: list[PaymentUpdated]) -> None:
    decided = {e.reference: None for e in events if e.purpose == "order" and e.status in NEWS}
    if decided:
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
