"""Runs, decisions and lists: a file for each."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.reconciliation.api import (
    Booked,
    Difference,
    Format,
    Reconciliation,
    Run,
)
from haat.domains.money.reconciliation.service.deciding import Deciding
from haat.domains.money.reconciliation.service.gathering import Gathering
from haat.domains.money.reconciliation.service.knowing import Knowing
from haat.domains.money.reconciliation.service.listing import Listing
from haat.domains.money.reconciliation.service.running import Running
from haat.domains.people.market.api import Market
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.page import Page

__all__ = ["ReconciliationService"]


class ReconciliationService(Reconciliation):
    """Hands on."""

    def __init__(
        self, db: Database, market: Market, ledger: Ledger, payments: Payments, payouts: Payouts
    ) -> None:
        self._market = market
        gathering = Gathering(payments, payouts, Knowing(db))
        self._running = Running(db, market, payments, gathering)
        self._deciding = Deciding(db, ledger, payments, payouts)
        self._listing = Listing(db)

    async def start(
        self, ctx: Context, *, id: UUID, provider: str, since: datetime, until: datetime
    ) -> Run:
        return await self.run(ctx, id=await self._running.start(ctx, id, provider, since, until))

    async def read_file(
        self,
        ctx: Context,
        *,
        id: UUID,
        provider: str,
        name: str,
        content: bytes,
        format: Format = "auto",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Run:
        found = await self._running.read_file(
            ctx, id, provider, name, content, format, (since, until)
        )
        return await self.run(ctx, id=found)

    async def runs(
        self,
        ctx: Context,
        *,
        provider: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Run]:
        return await self._listing.runs(provider, limit, cursor, await self._currency(ctx))

    async def run(self, ctx: Context, *, id: UUID) -> Run:
        return await self._listing.run(id, await self._currency(ctx))

    async def differences(
        self,
        ctx: Context,
        *,
        run_id: UUID | None = None,
        status: Literal["open", "booked", "dismissed", "settled"] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Difference]:
        return await self._listing.differences(run_id, status, limit, cursor)

    async def book(self, ctx: Context, *, id: UUID, reason: str) -> Difference:
        await self._deciding.book(ctx, id, _said(reason))
        return await self._listing.difference(id)

    async def dismiss(self, ctx: Context, *, id: UUID, reason: str) -> Difference:
        await self._deciding.dismiss(ctx, id, _said(reason))
        return await self._listing.difference(id)

    async def booked(self, ctx: Context) -> list[Booked]:
        return await self._listing.booked()

    async def resume_runs(self, ctx: Context) -> None:
        """Works out runs that a crash or a silent provider left."""
        await self._running.resume(ctx)

    async def resume_bookings(self, ctx: Context) -> None:
        """Finishes what staff decided before a crash."""
        await self._deciding.resume(ctx)

    async def _currency(self, ctx: Context) -> str:
        return (await self._market.settings(ctx)).currency


def _said(reason: str) -> str:
    """Raises Invalid."""
    found = reason.strip()
    if not found:
        raise Invalid.at("reason", "Say why.", "missing")
    return found
