"""The payouts service: one use case a method, grouped in files by what they change."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

from haat.domains.money.commissions.api import Commissions
from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payments.api import Destination, Payments
from haat.domains.money.payouts import books
from haat.domains.money.payouts.api import (
    BalanceForecast,
    BankFile,
    Charge,
    DryRun,
    Earning,
    EarningDraft,
    Forecast,
    Payout,
    Payouts,
    Policy,
    RefundLine,
    Reversal,
    SalesDay,
    Source,
    VendorBalance,
    VendorTerms,
)
from haat.domains.money.payouts.service.accruing import Accruing
from haat.domains.money.payouts.service.apart import each
from haat.domains.money.payouts.service.banking import Banking
from haat.domains.money.payouts.service.charging import Charging
from haat.domains.money.payouts.service.expecting import Expecting
from haat.domains.money.payouts.service.foreseeing import Foreseeing
from haat.domains.money.payouts.service.paying import Paying
from haat.domains.money.payouts.service.reading import Reading
from haat.domains.money.payouts.service.reconciling import Reconciling
from haat.domains.money.payouts.service.releasing import Releasing
from haat.domains.money.payouts.service.reversing import Asked, Reversing
from haat.domains.money.payouts.service.ruling import Ruling
from haat.domains.money.payouts.service.running import Running
from haat.domains.money.payouts.service.showing import Showing
from haat.domains.money.payouts.service.trying import Trying
from haat.domains.money.payouts.settings import PayoutsSettings
from haat.domains.people.market.api import Market, NotOpened
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.money import Money
from haat.kernel.page import Page

__all__ = ["PayoutsService"]

_IDLE = timedelta(seconds=10)
_AT_ONCE = 100


class PayoutsService(Payouts):
    """Checks whose money it is and hands on."""

    def __init__(
        self,
        db: Database,
        market: Market,
        vendors: Vendors,
        ledger: Ledger,
        payments: Payments,
        commissions: Commissions,
        settings: PayoutsSettings,
    ) -> None:
        self._market = market
        self._ledger = ledger
        self._expecting = Expecting(db, ledger)
        self._accruing = Accruing(db, ledger)
        self._reversing = Reversing(db, ledger)
        self._releasing = Releasing(db, ledger)
        self._charging = Charging(db, ledger, vendors)
        self._paying = Paying(db, ledger, payments)
        self._running = Running(db, self._paying)
        self._banking = Banking(db, payments, self._paying, settings)
        self._ruling = Ruling(db, vendors)
        self._reading = Reading(db, ledger, timedelta(hours=settings.bank_cooling_off_hours))
        self._checks = settings.bank_verification == "required"
        self._showing = Showing(db)
        self._foreseeing = Foreseeing(db, ledger)
        self._trying = Trying(db, commissions)
        self._reconciling = Reconciling(db, ledger)

    async def _currency(self, ctx: Context) -> str:
        return (await self._market.settings(ctx)).currency

    # What a sale brings.

    async def expect(self, ctx: Context, *, earnings: list[EarningDraft]) -> None:
        await self._expecting.expect(ctx, earnings)

    async def delivered(self, ctx: Context, *, windows: dict[UUID, datetime]) -> None:
        await self._accruing.delivered(ctx, windows)

    async def accrue(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> None:
        await self._accruing.accrue(ctx, vendor_order_ids)

    async def block(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        source_id: UUID,
        kind: Literal["return", "dispute", "hold"],
    ) -> None:
        await self._accruing.block(ctx, vendor_order_id, source_id, kind)

    async def unblock(self, ctx: Context, *, vendor_order_id: UUID, source_id: UUID) -> None:
        await self._accruing.unblock(ctx, vendor_order_id, source_id)

    async def reverse(
        self,
        ctx: Context,
        *,
        refund_id: UUID,
        vendor_order_id: UUID,
        gross: Money,
        sources: list[Source],
        lines: list[RefundLine] | None = None,
        cause: Literal["refund", "dispute_lost"] = "refund",
        fee: Money | None = None,
    ) -> Reversal:
        asked = Asked(refund_id, vendor_order_id, gross, sources, lines, cause, fee)
        return await self._reversing.reverse(ctx, asked)

    async def disputed(
        self, ctx: Context, *, dispute_id: UUID, provider: str, amount: Money, won: bool | None
    ) -> None:
        if won is not False and amount.minor:
            moved = books.dispute(
                dispute_id, provider, amount.minor, amount.currency, won=won is True
            )
            await self._ledger.post(ctx, transfers=[moved])

    async def dispute_fee(
        self, ctx: Context, *, dispute_id: UUID, provider: str, fee: Money
    ) -> None:
        if fee.minor:
            moved = books.dispute_fee(dispute_id, provider, fee.minor, fee.currency)
            await self._ledger.post(ctx, transfers=[moved])

    # What vendors read.

    async def balance(
        self, ctx: Context, *, vendor_id: UUID, as_of: datetime | None = None
    ) -> VendorBalance:
        ctx.need_vendor(vendor_id)
        currency = await self._currency(ctx)
        found = await self._reading.balances(ctx, [vendor_id], currency, as_of)
        return (await self._showing.standing(found, currency, ctx.now()))[0]

    async def balances_of(self, ctx: Context, *, vendor_ids: list[UUID]) -> list[VendorBalance]:
        currency = await self._currency(ctx)
        found = await self._reading.balances(ctx, vendor_ids, currency, None)
        return await self._showing.standing(found, currency, ctx.now())

    async def sales(
        self, ctx: Context, *, vendor_id: UUID, since: datetime, until: datetime
    ) -> list[SalesDay]:
        ctx.need_vendor(vendor_id)
        return await self._showing.sales(vendor_id, await self._currency(ctx), since, until)

    async def earnings(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        status: Literal["pending", "eligible", "paid", "reversed"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Earning]:
        ctx.need_vendor(vendor_id)
        return await self._reading.earnings(vendor_id, status, (since, until), limit, cursor)

    async def earning(self, ctx: Context, *, vendor_order_id: UUID) -> Earning:
        return await self._reading.earning(ctx, vendor_order_id)

    async def earnings_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Earning]:
        return await self._reading.earnings_of(vendor_order_ids)

    async def forecast(self, ctx: Context, *, vendor_order_id: UUID) -> list[Forecast]:
        return await self._foreseeing.forecast(ctx, vendor_order_id)

    async def forecast_history(self, ctx: Context, *, line_id: UUID) -> list[Forecast]:
        return await self._foreseeing.history(ctx, line_id)

    async def balance_forecast(self, ctx: Context, *, vendor_id: UUID) -> BalanceForecast:
        ctx.need_vendor(vendor_id)
        return await self._foreseeing.balance(ctx, vendor_id, await self._currency(ctx))

    # How vendors are paid.

    async def set_destination(
        self, ctx: Context, *, vendor_id: UUID, destination: Destination, at: datetime | None = None
    ) -> None:
        """`at`: when it was chosen; the newest stays. Where accounts are checked, what a person
        names themselves is none of them; an account at a provider is the provider's to check."""
        ctx.need_vendor(vendor_id)
        by_hand = ctx.caller is None and ctx.actor.type == "person" and not destination.provider_ref
        if by_hand and self._checks:
            raise Conflict(
                "Bank accounts are checked first here: add it to the store's bank accounts.",
                code="bank_account_unchecked",
            )
        await self._reading.set_destination(ctx, vendor_id, destination, at or ctx.now())

    async def destination(self, ctx: Context, *, vendor_id: UUID) -> Destination | None:
        ctx.need_vendor(vendor_id)
        return await self._reading.destination(vendor_id)

    async def request(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, amount: Money | None = None
    ) -> Payout:
        ctx.need_vendor(vendor_id)
        currency = await self._currency(ctx)
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

    async def payout(self, ctx: Context, *, id: UUID) -> Payout:
        return await self._reading.payout(ctx, id)

    async def payout_of(self, ctx: Context, *, id: UUID) -> Payout:
        return await self._reading.payout(ctx.as_system(), id)

    async def queue(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        bank_file_id: UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Payout]:
        if bank_file_id is not None:
            return await self._showing.in_bank_file(bank_file_id, limit, cursor)
        return await self._reading.queue(status, limit, cursor)

    async def run(self, ctx: Context, *, vendor_ids: list[UUID] | None = None) -> list[Payout]:
        return await self._running.run(ctx, vendor_ids, await self._currency(ctx))

    async def make_bank_file(
        self, ctx: Context, *, id: UUID, format: Literal["pain.001", "csv"]
    ) -> BankFile:
        return await self._banking.make(ctx, id, format, await self._currency(ctx))

    async def bank_files(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[BankFile]:
        return await self._banking.listed(limit, cursor)

    async def bank_file(self, ctx: Context, *, id: UUID) -> str:
        return await self._banking.text(id)

    async def settle_bank_payouts(
        self, ctx: Context, *, ids: list[UUID], paid: bool, reason: str = ""
    ) -> list[Payout]:
        return await self._banking.settle(ctx, ids, paid, reason)

    # The rules, and what stands outside orders.

    async def policy(self, ctx: Context) -> Policy:
        return await self._ruling.policy()

    async def set_policy(self, ctx: Context, *, policy: Policy, reason: str) -> Policy:
        return await self._ruling.set_policy(ctx, policy, reason)

    async def terms(self, ctx: Context, *, vendor_id: UUID) -> VendorTerms:
        return await self._ruling.terms(vendor_id)

    async def set_terms(self, ctx: Context, *, terms: VendorTerms, reason: str) -> VendorTerms:
        return await self._ruling.set_terms(ctx, terms, reason)

    async def charge(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        amount: Money,
        reason: str,
        tax: Money | None = None,
    ) -> Charge:
        reason = reason.strip()
        if not reason:
            raise Invalid.at("reason", "Say why; the vendor reads it.", "missing")
        asked = Charge(
            id=id,
            vendor_id=vendor_id,
            amount=amount,
            tax=tax or Money.zero(amount.currency),
            reason=reason,
            at=ctx.now(),
        )
        return await self._charging.charge(ctx, asked, await self._currency(ctx))

    async def charges(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Charge]:
        ctx.need_vendor(vendor_id)
        return await self._charging.charges(vendor_id, limit, cursor)

    async def charges_of(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Charge]:
        return await self._charging.charges(vendor_id, limit, cursor)

    async def dry_run(self, ctx: Context, *, list_id: UUID, days: int = 30) -> DryRun:
        return await self._trying.dry_run(ctx, list_id, days, await self._currency(ctx))

    async def reconcile(self, ctx: Context, *, limit: int = 10) -> list[str]:
        return await self._reconciling.reconcile(ctx, limit)

    # For reactions.

    async def settled(
        self, ctx: Context, payout_id: UUID, paid: bool, provider_ref: str, reason: str = ""
    ) -> None:
        """The provider said how a pending payout ended."""
        await self._paying.settled(ctx, payout_id, paid, provider_ref, reason)

    async def resume_earnings(self, ctx: Context) -> None:
        """Finishes what a crash left half-done between us and the ledger."""
        accruing, untold = await self._accruing.unfinished(ctx, _IDLE, _AT_ONCE)
        steps: list[Callable[[], Awaitable[None]]] = [
            partial(self._accruing.resume, ctx, accruing),
            partial(self._expecting.resume, ctx, untold),
            partial(self._reversing.resume, ctx, _IDLE, _AT_ONCE),
            partial(self._charging.resume, ctx, _IDLE, _AT_ONCE),
        ]
        await each(steps, lambda step: step())

    async def resume_payouts(self, ctx: Context) -> None:
        """Finishes half-done payouts and asks about those the provider has not decided."""
        await self._paying.resume(ctx)

    async def release_reserves(self, ctx: Context) -> None:
        """Reserves whose time has come return to their vendors' balances."""
        await self._releasing.release(ctx)

    async def run_scheduled(self, ctx: Context) -> None:
        """The payout runs that are due."""
        try:
            currency = await self._currency(ctx)
        except NotOpened:
            return  # nobody has earned anything yet
        await self._running.scheduled(ctx, currency)
