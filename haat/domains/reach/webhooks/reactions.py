"""What goes out, and what is forgotten. (`catalogue` says what is told of each event.)"""

from haat.domains.goods.catalog.api import ProductApproved, ProductRejected, ProductSubmitted
from haat.domains.goods.inventory.api import StockLow, StockTurned
from haat.domains.goods.requests.api import ProductRequested, RequestApproved, RequestRefused
from haat.domains.money.payments.api import (
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
)
from haat.domains.money.payouts.api import EarningEligible, PayoutProcessed, PayoutRequested
from haat.domains.money.statements.api import InvoiceIssued
from haat.domains.people.identity.api import PersonRegistered
from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorReinstated,
    VendorRejected,
    VendorSuspended,
)
from haat.domains.reach.webhooks.service import WebhooksService
from haat.domains.trade.orders.api import (
    OrderAdvanced,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    OrderUnpaid,
)
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.kernel.context import Context
from haat.kernel.events import Event, every, on


@on(OrderCreated)
@on(OrderPaid)
@on(OrderUnpaid)
@on(OrderAdvanced)
@on(OrderShipped)
@on(OrderDelivered)
@on(OrderCancelled)
@on(OrderRefunded)
@on(ReturnRequested)
@on(ReturnUpdated)
async def tell_of_orders(service: WebhooksService, ctx: Context, events: list[Event]) -> None:
    await service.hear(ctx, events)


@on(ProductSubmitted)
@on(ProductApproved, where={"bulk": False})
@on(ProductRejected)
@on(ProductRequested)
@on(RequestApproved)
@on(RequestRefused)
@on(StockLow)
@on(StockTurned)
async def tell_of_goods(service: WebhooksService, ctx: Context, events: list[Event]) -> None:
    await service.hear(ctx, events)


@on(PaymentFailed)
@on(PaymentRefunded)
@on(PaymentDisputed)
@on(EarningEligible)
@on(PayoutRequested)
@on(PayoutProcessed)
@on(InvoiceIssued)
async def tell_of_money(service: WebhooksService, ctx: Context, events: list[Event]) -> None:
    await service.hear(ctx, events)


@on(VendorApplied)
@on(VendorApproved)
@on(VendorRejected)
@on(VendorSuspended)
@on(VendorReinstated)
@on(PersonRegistered)
async def tell_of_people(service: WebhooksService, ctx: Context, events: list[Event]) -> None:
    await service.hear(ctx, events)


@every(seconds=3600)
async def trim(service: WebhooksService, ctx: Context) -> None:
    await service.trim(ctx)
