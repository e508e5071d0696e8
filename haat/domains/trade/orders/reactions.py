"""What orders hear of themselves: the lists are kept from it. And the timer that mends them."""

from haat.domains.trade.orders.api import (
    OrderAdvanced,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderPaymentUpdated,
    OrderRefunded,
    OrderShipped,
    OrderUnpaid,
)
from haat.domains.trade.orders.service import OrdersService
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import Event, every, on


@on(OrderCreated)
@on(OrderPaid)
@on(OrderUnpaid)
@on(OrderPaymentUpdated)
@on(OrderAdvanced)
@on(OrderShipped)
@on(OrderDelivered)
@on(OrderCancelled)
@on(OrderRefunded)
async def keep_lists(service: OrdersService, ctx: Context, tx: Tx, events: list[Event]) -> None:
    await service.keep_lists(tx, events)


@every(seconds=300)
async def mend_lists(service: OrdersService, ctx: Context) -> None:
    await service.mend_lists(ctx)
