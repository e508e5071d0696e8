"""What performance hears, and when it judges."""

from haat.domains.insight.performance.rules import OrderFact
from haat.domains.insight.performance.service import PerformanceService
from haat.domains.money.payments.api import PaymentDisputed
from haat.domains.trade.orders.api import (
    OrderAdvanced,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderShipped,
    OrderUnpaid,
)
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import every, on


# One subscriber, so that an order's facts are heard in the order they happened.
@on(OrderCreated)
@on(OrderPaid)
@on(OrderUnpaid)
@on(OrderAdvanced, where={"fulfilment": "ready"})
@on(OrderShipped)
@on(OrderDelivered)
@on(OrderCancelled)
async def orders_moved(
    service: PerformanceService, ctx: Context, tx: Tx, events: list[OrderFact | OrderUnpaid]
) -> None:
    await service.hear_orders(tx, events)


@on(ReturnRequested)
@on(ReturnUpdated)
async def returns_moved(
    service: PerformanceService,
    ctx: Context,
    tx: Tx,
    events: list[ReturnRequested | ReturnUpdated],
) -> None:
    await service.hear_returns(tx, events)


@on(PaymentDisputed, where={"purpose": "order"})
async def payments_disputed(
    service: PerformanceService, ctx: Context, tx: Tx, events: list[PaymentDisputed]
) -> None:
    await service.hear_disputes(tx, events)


@every(seconds=30)
async def judge(service: PerformanceService, ctx: Context) -> None:
    """What is late becomes so by the clock: no event tells it."""
    await service.judge(ctx)
