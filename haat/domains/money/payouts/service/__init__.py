"""The payouts service: one use case a method, grouped in files by what they change."""

from typing import Literal
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payments.api import Destination, Payments
from haat.domains.money.payouts.api import (
    CommissionLine,
    Earning,
    EarningDraft,
    LineCommission,
    Payout,
    Payouts,
    Reversal,
    VendorBalance,
)
from haat.domains.money.payouts.service.earning import Earnings
from haat.domains.money.payouts.service.paying import Paying
from haat.domains.money.payouts.service.reading import Reading
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money, share
from haat.kernel.page import Page

__all__ = ["PayoutsService"]


class PayoutsService(Payouts):
    """Checks whose money it is and hands on."""

    def __init__(
        self, db: Database, market: Market, vendors: Vendors, ledger: Ledger, payments: Payments
    ) -> None:
        self._market = market
        self._vendors = vendors
        self._earnings = Earnings(db, ledger)
        self._paying = Paying(db, ledger, payments)
        self._reading = Reading(db, ledger)

    async def commission(
        self, ctx: Context, *, lines: list[CommissionLine]
    ) -> list[LineCommission]:
        if not lines:
            return []
        rates = await self._vendors.commissions(ctx, ids=sorted({x.vendor_id for x in lines}))
        default = 0
        if any(rates.get(line.vendor_id) is None for line in lines):
            default = (await self._market.settings(ctx)).commission_bp
        found = []
        for line in lines:
            own = rates.get(line.vendor_id)
            rate_bp = default if own is None else own
            part = Money(minor=share(line.base.minor, rate_bp), currency=line.base.currency)
            found.append(LineCommission(id=line.id, rate_bp=rate_bp, commission=part))
        return found

    async def expect(self, ctx: Context, *, earnings: list[EarningDraft]) -> None:
        await self._earnings.expect(ctx, earnings)

    async def accrue(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> None:
        await self._earnings.accrue(ctx, vendor_order_ids)

    async def reverse(
        self, ctx: Context, *, refund_id: UUID, vendor_order_id: UUID, gross: Money
    ) -> Reversal:
        return await self._earnings.reverse(ctx, refund_id, vendor_order_id, gross)

    async def balance(self, ctx: Context, *, vendor_id: UUID) -> VendorBalance:
        ctx.need_vendor(vendor_id)
        currency = (await self._market.settings(ctx)).currency
        return await self._reading.balance(ctx, vendor_id, currency)

    async def earnings(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Earning]:
        ctx.need_vendor(vendor_id)
        return await self._reading.earnings(vendor_id, limit, cursor)

    async def earnings_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Earning]:
        return await self._reading.earnings_of(vendor_order_ids)

    async def set_destination(
        self, ctx: Context, *, vendor_id: UUID, destination: Destination
    ) -> None:
        ctx.need_vendor(vendor_id)
        await self._reading.set_destination(ctx, vendor_id, destination)

    async def destination(self, ctx: Context, *, vendor_id: UUID) -> Destination | None:
        ctx.need_vendor(vendor_id)
        return await self._reading.destination(vendor_id)

    async def request(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, amount: Money | None = None
    ) -> Payout:
        ctx.need_vendor(vendor_id)
        currency = (await self._market.settings(ctx)).currency
        return await self._paying.request(ctx, id, vendor_id, amount, currency)

    async def decide(
        self, ctx: Context, *, id: UUID, decision: Literal["approve", "reject"], reason: str = ""
    ) -> Payout:
        return await self._paying.decide(ctx, id, decision, reason)

    async def payouts(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Payout]:
        ctx.need_vendor(vendor_id)
        return await self._reading.payouts(vendor_id, limit, cursor)

    async def queue(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Payout]:
        return await self._reading.queue(status, limit, cursor)

    async def reconcile(self, ctx: Context, *, limit: int = 10) -> list[str]:
        return await self._reading.reconcile(ctx, limit)

    async def settled(self, ctx: Context, payout_id: UUID, paid: bool, provider_ref: str) -> None:
        """The provider said how a pending payout ended."""
        await self._paying.settled(ctx, payout_id, paid, provider_ref)

    async def resume_earnings(self, ctx: Context) -> None:
        """Finishes what a crash left half-done between us and the ledger."""
        await self._earnings.resume(ctx)

    async def resume_payouts(self, ctx: Context) -> None:
        """Finishes half-done payouts and asks about those the provider has not decided."""
        await self._paying.resume(ctx)
