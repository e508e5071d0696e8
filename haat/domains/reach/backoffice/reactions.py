"""What the back office counts."""

from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorClosed,
    VendorClosing,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.domains.reach.backoffice.api import DrillSent
from haat.domains.reach.backoffice.service import BackofficeService, VendorFact
from haat.domains.trade.orders.api import OrderCreated, OrderPaid
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(OrderCreated, batch=500)
@on(OrderPaid, batch=500)
async def count_orders(
    service: BackofficeService, ctx: Context, tx: Tx, events: list[OrderCreated | OrderPaid]
) -> None:
    await service.count(tx, events)


# One subscriber, so that a vendor's facts are heard in the order they happened.
@on(VendorApplied)
@on(VendorApproved)
@on(VendorRejected)
@on(VendorSuspended)
@on(VendorReinstated)
@on(VendorClosing)
@on(VendorClosed)
async def vendors_moved(
    service: BackofficeService, ctx: Context, tx: Tx, events: list[VendorFact]
) -> None:
    await service.stand(tx, events)


@on(DrillSent)
async def drilled(
    service: BackofficeService, ctx: Context, tx: Tx, events: list[DrillSent]
) -> None:
    await service.hear_drill(tx, events)


@every(seconds=60, noted=True)
async def close_finished(service: BackofficeService, ctx: Context) -> None:
    """Vendors that asked to close and have nothing left to do."""
    await service.close_finished(ctx)
