"""Settlement's use cases: tenders, refunds, cancellations and return windows, a file each."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.payments.api import Hold, Method, PaymentRefunded, Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.market.api import Market
from haat.domains.trade.orders.api import OrderCancelled, OrderDelivered, Orders
from haat.domains.trade.settlement.api import CaptureOutcome, RefundResult, Settlement
from haat.domains.trade.settlement.service.cancellations import Cancellations
from haat.domains.trade.settlement.service.refunds import Refunds
from haat.domains.trade.settlement.service.tenders import Tenders
from haat.domains.trade.settlement.service.windows import Windows
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money


class SettlementService(Settlement):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""

    def __init__(
        self,
        db: Database,
        market: Market,
        inventory: Inventory,
        payments: Payments,
        payouts: Payouts,
        orders: Orders,
    ) -> None:
        self._tenders = Tenders(db, payments, payouts, orders)
        self._refunds = Refunds(db, payments, payouts, orders)
        self._cancellations = Cancellations(db, inventory, self._refunds)
        self._windows = Windows(db, market, payouts)

    async def hold(
        self, ctx: Context, *, order_id: UUID, amount: Money, method: Method, return_url: str
    ) -> Hold:
        return await self._tenders.hold(ctx, order_id, amount, method, return_url)

    async def void(self, ctx: Context, *, order_id: UUID) -> None:
        await self._tenders.void(ctx, order_id)

    async def capture(self, ctx: Context, *, order_ids: list[UUID]) -> list[CaptureOutcome]:
        return await self._tenders.capture(ctx, order_ids)

    async def refund(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        amount: Money | None = None,
        reason: Annotated[str, Field(min_length=1, max_length=500)],
    ) -> RefundResult:
        return await self._refunds.refund(ctx, id, vendor_order_id, amount, reason)

    async def refunds(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[RefundResult]:
        return await self._refunds.of(vendor_order_ids)

    async def cancelled(self, ctx: Context, events: list[OrderCancelled]) -> None:
        """Notes what has to go back, and gives it back where that is possible already."""
        await self._cancellations.note(ctx, events)

    async def delivered(self, ctx: Context, events: list[OrderDelivered]) -> None:
        """Opens return windows."""
        await self._windows.open(ctx, events)

    async def provider_refunded(self, ctx: Context, events: list[PaymentRefunded]) -> None:
        """Finishes refunds that were pending at the provider."""
        await self._refunds.finish(ctx, [event.refund_id for event in events])

    async def finish_refunds(self, ctx: Context) -> int:
        """Goes on with refunds that are due; how many there were."""
        return await self._refunds.finish_due(ctx)

    async def finish_cancellations(self, ctx: Context) -> int:
        """Goes on with cancellations that are due; how many there were."""
        return await self._cancellations.finish_due(ctx)

    async def close_windows(self, ctx: Context) -> int:
        """Closes return windows that are over; how many there were."""
        return await self._windows.close_due(ctx)
