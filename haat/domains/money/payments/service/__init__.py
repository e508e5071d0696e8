"""The payments service: one use case a method, grouped in files by what they change."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Destination,
    Disbursement,
    Dispute,
    FundsMatch,
    FundsReceived,
    Hold,
    Method,
    Movement,
    Payment,
    Payments,
    ProviderAway,
    ProviderInfo,
    ProviderUnknown,
    Purpose,
    Refund,
    RefundDue,
    ReportLine,
    SavedMethod,
    Spike,
    Status,
    Tally,
    VendorAccount,
)
from haat.domains.money.payments.providers.configured import configured, told
from haat.domains.money.payments.providers.port import Ask, Provider, ProviderRefused, Reports
from haat.domains.money.payments.service.awaiting import Awaiting
from haat.domains.money.payments.service.charging import Charging, may_record
from haat.domains.money.payments.service.disputing import Disputing
from haat.domains.money.payments.service.giving import Giving
from haat.domains.money.payments.service.hearing import Hearing
from haat.domains.money.payments.service.reading import Reading, payment
from haat.domains.money.payments.service.saving import Saving
from haat.domains.money.payments.service.settling import Settling
from haat.domains.money.payments.service.taking import Taking
from haat.domains.money.payments.service.vendors import Accounts
from haat.domains.money.payments.service.watching import Watching
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page

__all__ = ["PaymentsService"]

_log: Any = structlog.get_logger(__name__)


class PaymentsService(Payments):
    """Chooses the provider and hands on."""

    def __init__(
        self,
        db: Database,
        http: HttpClient,
        settings: PaymentsSettings,
        providers: dict[str, Provider] | None = None,
    ) -> None:
        """`providers` in place of those that the settings name: a simulation's."""
        self._providers = configured(settings, http, db) if providers is None else providers
        self._charging = Charging(db, self._providers)
        self._giving = Giving(db, self._providers)
        self._disputing = Disputing(db)
        self._accounts = Accounts(db, self._providers)
        self._hearing = Hearing(db, self._charging, self._giving, self._disputing, self._accounts)
        self._saving = Saving(db, self._providers)
        self._awaiting = Awaiting(db)
        self._settling = Settling(db)
        self._taking = Taking(db, self._charging)
        self._reading = Reading(db)
        self._watching = Watching(db, settings)

    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
        person_id: UUID | None = None,
        purpose: Purpose = "order",
    ) -> Hold:
        ask = Ask(id, reference, amount, method.token, return_url, person_id)
        ask = await self._saving.prepared(ctx, ask, method)
        return await self._charging.hold(ctx, ask, method, purpose)

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        return await self._charging.capture(ctx, id)

    async def capture_all(self, ctx: Context, *, ids: list[UUID]) -> list[Hold]:
        return await self._taking.capture_all(ctx, ids)

    async def collected(self, ctx: Context, *, id: UUID) -> Hold:
        return await self._charging.collected(ctx, id)

    async def void(self, ctx: Context, *, id: UUID) -> None:
        await self._charging.void(ctx, id)

    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        return await self._giving.refund(ctx, id, refund_id, amount)

    async def payments(self, ctx: Context, *, references: list[UUID]) -> list[Payment]:
        return await self._reading.of_references(references)

    async def own(
        self, ctx: Context, *, limit: int = 20, cursor: str | None = None
    ) -> Page[Payment]:
        return await self._reading.own(ctx, limit, cursor)

    async def listed(
        self,
        ctx: Context,
        *,
        status: Status | None = None,
        provider: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Payment]:
        return await self._reading.listed(status, provider, limit, cursor)

    async def spikes(self, ctx: Context) -> list[Spike]:
        return await self._watching.spikes()

    async def raw(self, ctx: Context, *, payment_id: UUID) -> list[dict[str, Any]]:
        return await self._reading.raw(payment_id)

    async def tallies(self, ctx: Context) -> list[Tally]:
        return await self._reading.tallies()

    async def movements(
        self,
        ctx: Context,
        *,
        provider: str,
        since: datetime,
        until: datetime,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[Movement]:
        return await self._reading.movements(provider, since, until, limit, cursor)

    async def report(
        self,
        ctx: Context,
        *,
        provider: str,
        since: datetime,
        until: datetime,
        cursor: str | None = None,
    ) -> Page[ReportLine]:
        asked = self._charging.provider(provider)
        if not isinstance(asked, Reports):
            raise ProviderUnknown("This provider has no report.")
        try:
            lines, onward = await asked.report(ctx, since, until, cursor)
        except ProviderRefused as refused:
            _log.error("report_refused", provider=provider, code=refused.code)
            raise ProviderAway("The provider gives no report now.") from refused
        return Page(items=lines, next=onward)

    async def webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None:
        await self._hearing.webhook(ctx, self._charging.provider(provider), headers, body)

    async def disburse(
        self,
        ctx: Context,
        *,
        id: UUID,
        amount: Money,
        destination: Destination,
        provider: str = "test",
    ) -> Disbursement:
        return await self._giving.disburse(ctx, id, amount, destination, provider)

    async def settle_disbursements(
        self,
        ctx: Context,
        *,
        ids: list[UUID],
        paid: bool,
        provider_ref: str = "",
        reason: str = "",
    ) -> None:
        await self._settling.payouts(ctx, ids, paid, provider_ref, reason)

    async def settle_refunds(
        self, ctx: Context, *, ids: list[UUID], done: bool, reason: str = ""
    ) -> None:
        await self._settling.refunds(ctx, ids, done, reason)

    async def refunds_due(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RefundDue]:
        return await self._settling.refunds_due(limit, cursor)

    async def receive_funds(self, ctx: Context, *, funds: list[FundsReceived]) -> list[FundsMatch]:
        return await self._awaiting.receive(ctx, funds)

    async def confirm_transfer(self, ctx: Context, *, payment_id: UUID, note: str = "") -> Payment:
        return payment(await self._awaiting.confirm(ctx, payment_id, note))

    async def disputes(
        self,
        ctx: Context,
        *,
        status: Literal["open", "won", "lost"] | None = None,
        references: list[UUID] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Dispute]:
        return await self._disputing.listed(status, references, limit, cursor)

    async def methods(self, ctx: Context) -> list[SavedMethod]:
        return await self._saving.methods(ctx)

    async def forget_method(self, ctx: Context, *, id: UUID) -> None:
        await self._saving.forget(ctx, id)

    async def onboard(
        self, ctx: Context, *, vendor_id: UUID, provider: str, return_url: str
    ) -> str:
        return await self._accounts.onboard(ctx, vendor_id, provider, return_url)

    async def accounts(self, ctx: Context, *, vendor_id: UUID) -> list[VendorAccount]:
        return await self._accounts.accounts(ctx, vendor_id)

    async def providers(self, ctx: Context) -> list[ProviderInfo]:
        # Only staff may record a payment, so only staff are offered it.
        found = [told(p) for p in self._providers.values() if p.name != synthetic.PROVIDER]
        return [one for one in found if one.kind != "recorded" or may_record(ctx)]

    async def ask_again(self, ctx: Context) -> None:
        """Asks providers about payments, refunds and accounts whose fate is not known."""
        await self._charging.ask_again(ctx)
        await self._giving.resume_refunds(ctx)
        await self._accounts.look_again(ctx)

    async def void_due(self, ctx: Context) -> None:
        """Gives up authorizations that nobody wants any more, and transfers nobody made."""
        await self._charging.void_due(ctx)
        await self._awaiting.end_overdue(ctx)

    async def watch_failures(self, ctx: Context) -> None:
        """Tells of a spike of failures."""
        await self._watching.failures(ctx)

    async def trim(self, ctx: Context) -> None:
        """Lets go of old messages of providers."""
        await self._watching.trim(ctx)

    async def register(self, ctx: Context) -> None:
        """Tells every provider where our webhook is."""
        for provider in self._providers.values():
            try:
                await provider.register(ctx)
            except (ProviderAway, ProviderRefused) as error:
                _log.warning("webhook_not_registered", provider=provider.name, why=str(error))
