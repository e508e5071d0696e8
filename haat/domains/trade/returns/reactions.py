"""What returns hear of orders, and their timers."""

from haat.domains.trade.orders.api import OrderDelivered, OrderRefunded
from haat.domains.trade.returns.service import ReturnsService
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(OrderDelivered)
async def freeze_windows(
    service: ReturnsService, ctx: Context, events: list[OrderDelivered]
) -> None:
    await service.freeze_windows(ctx, events)


@on(OrderRefunded)
async def finish(service: ReturnsService, ctx: Context, events: list[OrderRefunded]) -> None:
    await service.refunded(ctx, [event.vendor_order_id for event in events])


@every(seconds=5)
async def finish_due(service: ReturnsService, ctx: Context) -> None:
    await service.finish_due(ctx)


@every(seconds=60, noted=True)
async def end_overdue(service: ReturnsService, ctx: Context) -> None:
    await service.end_overdue(ctx)
