"""What people are told about, and when mails go out."""

from haat.domains.goods.catalog.api import ProductApproved, ProductRejected
from haat.domains.goods.inventory.api import BackInStock, StockLow
from haat.domains.goods.requests.api import RequestApproved, RequestRefused
from haat.domains.insight.performance.api import VendorFellBelow, VendorRecovered
from haat.domains.money.banking.api import BankAccountChanged
from haat.domains.money.payments.api import (
    PaymentDisputed,
    PaymentFailed,
    PaymentFailuresSpiked,
)
from haat.domains.money.payouts.api import PayoutProcessed
from haat.domains.money.reconciliation.api import DifferencesFound
from haat.domains.money.statements.api import InvoiceIssued
from haat.domains.money.wallet.api import CreditsToppedUp, WithdrawalEnded
from haat.domains.people.identity.api import (
    PersonRegistered,
    StaffChanged,
    TeamChanged,
    TeamInvited,
)
from haat.domains.people.onboarding.api import (
    ApplicationSubmitted,
    ChangesRequested,
    DocumentDecision,
    TermsDue,
)
from haat.domains.people.vendors.api import (
    VendorApproved,
    VendorHeld,
    VendorRejected,
    VendorReleased,
    VendorSuspended,
)
from haat.domains.reach.notifications.service import NotificationsService
from haat.domains.reach.webhooks.api import EndpointDisabled
from haat.domains.trade.cart.api import CartLeft
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
from haat.domains.trade.receipts.api import ReceiptRequested
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.kernel.context import Context
from haat.kernel.events import Event, every, on


# One subscriber for all facts of orders, so that they are told in the order they happened.
@on(OrderCreated)
@on(OrderPaid)
@on(OrderUnpaid)
@on(OrderAdvanced)
@on(OrderShipped)
@on(OrderDelivered)
@on(OrderCancelled)
@on(OrderRefunded)
async def tell_of_orders(service: NotificationsService, ctx: Context, events: list[Event]) -> None:
    await service.tell_of(ctx, events)


@on(ReceiptRequested)
async def tell_of_receipts(
    service: NotificationsService, ctx: Context, events: list[Event]
) -> None:
    await service.tell_of(ctx, events)


@on(ReturnRequested)
@on(ReturnUpdated)
async def tell_of_returns(service: NotificationsService, ctx: Context, events: list[Event]) -> None:
    await service.tell_of(ctx, events)


@on(VendorApproved)
@on(VendorRejected)
@on(VendorSuspended)
@on(VendorHeld)
@on(VendorReleased)
@on(ProductApproved, where={"bulk": False})
@on(ProductRejected)
@on(RequestApproved)
@on(RequestRefused)
@on(PayoutProcessed)
@on(PersonRegistered)
async def tell_of_others(service: NotificationsService, ctx: Context, events: list[Event]) -> None:
    await service.tell_of(ctx, events)


@on(ChangesRequested)
@on(DocumentDecision)
@on(ApplicationSubmitted)
@on(TermsDue)
@on(BankAccountChanged)
async def tell_of_onboarding(
    service: NotificationsService, ctx: Context, events: list[Event]
) -> None:
    await service.tell_of(ctx, events)


@on(VendorFellBelow)
@on(VendorRecovered)
async def tell_of_performance(
    service: NotificationsService, ctx: Context, events: list[Event]
) -> None:
    await service.tell_of(ctx, events)


@on(EndpointDisabled)
async def tell_of_webhooks(
    service: NotificationsService, ctx: Context, events: list[EndpointDisabled]
) -> None:
    await service.tell_of(ctx, events)


@on(TeamInvited)
@on(TeamChanged)
@on(StaffChanged)
async def tell_of_teams(service: NotificationsService, ctx: Context, events: list[Event]) -> None:
    await service.tell_of(ctx, events)


@on(PaymentFailed)
async def tell_of_declines(
    service: NotificationsService, ctx: Context, events: list[PaymentFailed]
) -> None:
    await service.tell_of(ctx, events)


@on(PaymentDisputed)
@on(PaymentFailuresSpiked)
@on(InvoiceIssued)
@on(CreditsToppedUp)
@on(WithdrawalEnded)
@on(DifferencesFound)
async def tell_of_money(service: NotificationsService, ctx: Context, events: list[Event]) -> None:
    await service.tell_of(ctx, events)


@on(StockLow)
@on(CartLeft)
async def tell_of_goods(service: NotificationsService, ctx: Context, events: list[Event]) -> None:
    await service.tell_of(ctx, events)


@on(BackInStock)
async def tell_back(service: NotificationsService, ctx: Context, events: list[BackInStock]) -> None:
    await service.tell_back(ctx, events)


@every(seconds=3600)
async def watch_again(service: NotificationsService, ctx: Context) -> None:
    """What is waited for stays watched."""
    await service.watch_again(ctx)


@every(seconds=2)
async def send_mails(service: NotificationsService, ctx: Context) -> None:
    await service.send_mails(ctx)


@every(seconds=3600)
async def forget_mails(service: NotificationsService, ctx: Context) -> None:
    await service.forget_mails(ctx)
