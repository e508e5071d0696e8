"""What settlement hears of payments and orders, and its timers."""

from haat.domains.money.payments.api import PaymentDisputed, PaymentRefunded
from haat.domains.trade.orders.api import OrderCancelled, OrderDelivered
from haat.domains.trade.settlement.service import SettlementService
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(OrderCancelled)
async def give_back(service: SettlementService, ctx: Context, events: list[OrderCancelled]) -> None:
    await service.cancelled(ctx, events)


@on(OrderDelivered)
async def open_windows(
    service: SettlementService, ctx: Context, events: list[OrderDelivered]
) -> None:
    await service.delivered(ctx, events)


@on(PaymentRefunded)
async def enter_refunds(
    service: SettlementService, ctx: Context, events: list[PaymentRefunded]
) -> None:
    await service.provider_refunded(ctx, events)


@on(PaymentDisputed)
async def enter_disputes(
    service: SettlementService, ctx: Context, events: list[PaymentDisputed]
) -> None:
    await service.disputed(ctx, events)


@every(seconds=5)
async def finish_disputes(service: SettlementService, ctx: Context) -> None:
    await service.finish_disputes(ctx)


@every(seconds=5)
async def collect_cash(service: SettlementService, ctx: Context) -> None:
    await service.collect_cash(ctx)


@every(seconds=5)
async def finish_refunds(service: SettlementService, ctx: Context) -> None:
    await service.finish_refunds(ctx)


@every(seconds=5)
async def finish_cancellations(service: SettlementService, ctx: Context) -> None:
    await service.finish_cancellations(ctx)


@every(seconds=5)
async def close_windows(service: SettlementService, ctx: Context) -> None:
    await service.close_windows(ctx)
