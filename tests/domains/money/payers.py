"""Small stand-ins for the modules payouts calls, and a ledger that can break off."""

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.commissions.api import Assessment, Commissions, Sale, Terms
from haat.domains.money.ledger.api import Transfer
from haat.domains.money.ledger.service import LedgerService
from haat.domains.money.payments.api import (
    Destination,
    Disbursement,
    Payments,
    ProviderAway,
    VendorAccount,
    WrongPaymentState,
)
from haat.domains.money.payouts.service import PayoutsService
from haat.domains.money.payouts.settings import PayoutsSettings
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money

NOBODY = UUID(int=9)  # no vendor has this id


class Crash(Exception):
    """The process died here."""


class OneMarket(Market):
    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(name="Haat", currency="USD", country="US", commission_bp=300)


class SomeVendors(Vendors):
    """All vendors there are; those in `rates` have a commission of their own."""

    def __init__(self, rates: dict[UUID, int | None] | None = None) -> None:
        self.rates = rates or {}

    async def commissions(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, int | None]:
        return {id: self.rates[id] for id in ids if id in self.rates}

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        return [
            Vendor(
                id=id,
                slug=f"v-{id}",
                name="A vendor",
                status="active",
                country="US",
                created_at=ctx.now(),
            )
            for id in ids
            if id != NOBODY
        ]


class Flat(Commissions):
    """The same rate for everything; `lists` have others. Counts how much it was asked at once."""

    def __init__(self, rate_bp: int = 300, lists: dict[UUID, int] | None = None) -> None:
        self.rate_bp = rate_bp
        self.rates = lists or {}
        self.most = 0

    async def assess(
        self, ctx: Context, *, sales: list[Sale], list_id: UUID | None = None
    ) -> list[Assessment]:
        self.most = max(self.most, len(sales))
        rate = self.rate_bp if list_id is None else self.rates[list_id]
        terms = Terms(source="default", rate_bp=rate)
        return [
            Assessment(
                id=sale.id,
                commission=sale.base.share(rate),
                commission_tax=Money.zero(sale.base.currency),
                terms=terms.model_copy(update={"base_minor": sale.base.minor}),
            )
            for sale in sales
        ]


class Bank(Payments):
    """Answers as `answers` says, the last one again and again; counts what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Disbursement | type[Exception]] = [Disbursement(status="paid")]
        self.asked: list[tuple[UUID, Money, Destination]] = []
        self.through: list[str] = []
        self.ended: list[tuple[UUID, bool]] = []
        self.onboarded: dict[UUID, VendorAccount] = {}

    async def accounts(self, ctx: Context, *, vendor_id: UUID) -> list[VendorAccount]:
        return [self.onboarded[vendor_id]] if vendor_id in self.onboarded else []

    async def disburse(
        self,
        ctx: Context,
        *,
        id: UUID,
        amount: Money,
        destination: Destination,
        provider: str = "test",
    ) -> Disbursement:
        self.asked.append((id, amount, destination))
        self.through.append(provider)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Disbursement):
            return answer
        raise answer

    async def settle_disbursements(
        self,
        ctx: Context,
        *,
        ids: list[UUID],
        paid: bool,
        provider_ref: str = "",
        reason: str = "",
    ) -> None:
        if any((id, not paid) in self.ended for id in ids):
            raise WrongPaymentState
        self.ended += [(id, paid) for id in ids]


class FragileLedger(LedgerService):
    """The real ledger; `before` or `after` a command it dies once when told so."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.dies: Literal["", "before", "after"] = ""

    async def post(
        self, ctx: Context, *, transfers: list[Transfer]
    ) -> list[Literal["created", "exists"]]:
        found: list[Literal["created", "exists"]] = await self._dying(
            super().post, ctx, transfers=transfers
        )
        return found

    async def post_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        await self._dying(super().post_pending, ctx, ids=ids)

    async def void_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        await self._dying(super().void_pending, ctx, ids=ids)

    async def _dying(self, call: Callable[..., Any], ctx: Context, **arguments: Any) -> Any:
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise Crash
        found = await call(ctx, **arguments)
        if dies == "after":
            raise Crash
        return found


AWAY = ProviderAway

OUR_ACCOUNT = PayoutsSettings(
    bank_cooling_off_hours=0,
    bank_holder="Haat Ltd",
    bank_iban="DE89370400440532013000",
    bank_bic="COBADEFFXXX",
)


def payouts_with(
    db: Database,
    ledger: LedgerService,
    bank: Bank,
    commissions: Commissions | None = None,
    settings: PayoutsSettings = OUR_ACCOUNT,
) -> PayoutsService:
    """The service among these."""
    return PayoutsService(
        db,
        OneMarket(),
        SomeVendors(),
        ledger,
        bank,
        commissions or Flat(),
        settings,
    )
