"""Small stand-ins for the modules payouts calls, and a ledger that can break off."""

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.ledger.api import Transfer
from haat.domains.money.ledger.service import LedgerService
from haat.domains.money.payments.api import Destination, Disbursement, Payments, ProviderAway
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money


class Crash(Exception):
    """The process died here."""


class OneMarket(Market):
    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(name="Haat", currency="USD", country="US", commission_bp=300)


class SomeVendors(Vendors):
    def __init__(self, rates: dict[UUID, int | None] | None = None) -> None:
        self.rates = rates or {}

    async def commissions(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, int | None]:
        return {id: self.rates[id] for id in ids if id in self.rates}


class Bank(Payments):
    """Answers as `answers` says, the last one again and again; counts what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Disbursement | type[Exception]] = [Disbursement(status="paid")]
        self.asked: list[tuple[UUID, Money, Destination]] = []

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
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Disbursement):
            return answer
        raise answer


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
