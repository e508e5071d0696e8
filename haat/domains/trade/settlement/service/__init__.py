"""Settlement's use cases: tenders, capture, cash, refunds, disputes, cancellations and return
windows, a file each."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.payments.api import (
    Hold,
    Method,
    PaymentDisputed,
    PaymentRefunded,
    Payments,
)
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.market.api import Market
from haat.domains.trade.orders.api import OrderCancelled, OrderDelivered, Orders
from haat.domains.trade.settlement.api import (
    CaptureOutcome,
    OrderDispute,
    Receipt,
    RefundItem,
    RefundPreview,
    RefundResult,
    Settlement,
    TenderPart,
)
from haat.domains.trade.settlement.plans import Wanted
from haat.domains.trade.settlement.service.cancellations import Cancellations
from haat.domains.trade.settlement.service.capturing import Capturing
from haat.domains.trade.settlement.service.cash import Cash
from haat.domains.trade.settlement.service.disputes import Disputes
from haat.domains.trade.settlement.service.reading import Reading
from haat.domains.trade.settlement.service.refunds import Refunds, Taking
from haat.domains.trade.settlement.service.repaying import Repaying
from haat.domains.trade.settlement.service.tenders import Tenders
from haat.domains.trade.settlement.service.windows import Windows
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page

Items = Annotated[list[RefundItem], Field(max_length=500)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class SettlementService(Settlement):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""

    def __init__(
        self,
        db: Database,
        market: Market,
        inventory: Inventory,
        payments: Payments,
        wallet: Wallet,
        payouts: Payouts,
        orders: Orders,
    ) -> None:
        self._tenders = Tenders(db, payments, wallet)
        self._cash = Cash(db, payments, payouts, orders)
        self._capturing = Capturing(
            db, payments, wallet, payouts, orders, self._tenders, self._cash
        )
        self._reading = Reading(db, orders)
        self._repaying = Repaying(db, inventory, payments, wallet, payouts, orders)
        self._refunds = Refunds(db, self._reading, self._repaying)
        self._disputes = Disputes(db, payments, payouts, self._repaying)
        self._cancellations = Cancellations(
            db, inventory, orders, self._tenders, self._cash, self._refunds
        )
        self._windows = Windows(db, market, payouts)

    async def hold(
        self,
        ctx: Context,
        *,
        order_id: UUID,
        amount: Money,
        method: Method,
        return_url: str,
        person_id: UUID | None = None,
        credits: Money | None = None,
    ) -> Hold:
        return await self._tenders.hold(
            ctx, order_id, amount, method, return_url, person_id, credits
        )

    async def void(self, ctx: Context, *, order_id: UUID) -> None:
        await self._tenders.void(ctx, order_id)

    async def capture(self, ctx: Context, *, order_ids: list[UUID]) -> list[CaptureOutcome]:
        return await self._capturing.capture(ctx, order_ids)

    async def refund(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        amount: Money | None = None,
        items: Items | None = None,
        shipping: Money | None = None,
        reason: Reason,
    ) -> RefundResult:
        wanted = Wanted(amount, items, shipping)
        return await self._refunds.refund(ctx, id, vendor_order_id, wanted, Taking(reason))

    async def refund_return(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        items: Items,
        shipping: Money | None = None,
        reason: Reason,
        restock: bool,
    ) -> RefundResult:
        wanted, taking = Wanted(None, items, shipping), Taking(reason, restock=restock)
        return await self._refunds.refund(ctx, id, vendor_order_id, wanted, taking)

    async def preview(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        amount: Money | None = None,
        items: list[RefundItem] | None = None,
        shipping: Money | None = None,
    ) -> RefundPreview:
        wanted = Wanted(amount, items, shipping)
        return await self._reading.preview(ctx, vendor_order_id, wanted)

    async def preview_refund(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        amount: Money | None = None,
        items: Items | None = None,
        shipping: Money | None = None,
    ) -> RefundPreview:
        wanted = Wanted(amount, items, shipping)
        return await self._reading.preview(ctx, vendor_order_id, wanted)

    async def refunds(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[RefundResult]:
        return await self._reading.refunds(vendor_order_ids)

    async def tenders(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, list[TenderPart]]:
        return await self._reading.tenders(order_ids)

    async def receipt(self, ctx: Context, *, order_id: UUID, link: str = "") -> Receipt:
        return await self._reading.receipt(ctx, order_id, link)

    async def disputes(
        self,
        ctx: Context,
        *,
        status: Literal["open", "won", "lost"] | None = None,
        order_ids: list[UUID] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[OrderDispute]:
        return await self._disputes.listed(ctx, status, order_ids, limit, cursor)

    async def cancelled(self, ctx: Context, events: list[OrderCancelled]) -> None:
        """Notes what has to go back, and gives it back where that is possible already."""
        await self._cancellations.note(ctx, events)

    async def delivered(self, ctx: Context, events: list[OrderDelivered]) -> None:
        """Opens return windows, and enters what was paid in cash."""
        await self._windows.open(ctx, events)
        await self._cash.delivered(ctx, [event.vendor_order_id for event in events])

    async def provider_refunded(self, ctx: Context, events: list[PaymentRefunded]) -> None:
        """Finishes refunds that were pending at the provider."""
        await self._repaying.finish_these(ctx, [event.refund_id for event in events])

    async def disputed(self, ctx: Context, events: list[PaymentDisputed]) -> None:
        """Notes chargebacks and brings them into the books."""
        await self._disputes.note(ctx, events)

    async def finish_refunds(self, ctx: Context) -> int:
        """Goes on with refunds that are due; how many there were."""
        return await self._repaying.finish_due(ctx)

    async def finish_disputes(self, ctx: Context) -> int:
        """Goes on with chargebacks that are due; how many there were."""
        return await self._disputes.finish_due(ctx)

    async def finish_cancellations(self, ctx: Context) -> int:
        """Goes on with cancellations that are due; how many there were."""
        return await self._cancellations.finish_due(ctx)

    async def collect_cash(self, ctx: Context) -> int:
        """Goes on with what was delivered and is paid in cash; how many there were."""
        return await self._cash.collect_due(ctx)

    async def close_windows(self, ctx: Context) -> int:
        """Closes return windows that are over; how many there were."""
        return await self._windows.close_due(ctx)
