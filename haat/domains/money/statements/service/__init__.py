"""Statements, invoices, income and documents: a file for each."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.statements.api import (
    Document,
    Invoice,
    StatementLine,
    Statements,
    StatementSummary,
)
from haat.domains.money.statements.service.documents import Documents
from haat.domains.money.statements.service.invoicing import Invoicing
from haat.domains.money.statements.service.reading import Reading
from haat.domains.people.market.api import Market, NotOpened
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page

__all__ = ["StatementsService"]


class StatementsService(Statements):
    """Checks whose money it is and hands on."""

    def __init__(
        self, db: Database, market: Market, vendors: Vendors, ledger: Ledger, payouts: Payouts
    ) -> None:
        self._market = market
        self._reading = Reading(ledger, payouts)
        self._invoicing = Invoicing(db, ledger, payouts)
        self._documents = Documents(market, vendors, payouts, self._reading, self._invoicing)

    async def statement(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        since: datetime,
        until: datetime,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[StatementLine]:
        ctx.need_vendor(vendor_id)
        currency = await self._currency(ctx)
        return await self._reading.lines(
            ctx, vendor_id, currency, since, until, limit=limit, cursor=cursor
        )

    async def statement_summary(
        self, ctx: Context, *, vendor_id: UUID, since: datetime, until: datetime
    ) -> StatementSummary:
        ctx.need_vendor(vendor_id)
        currency = await self._currency(ctx)
        return await self._reading.summary(ctx, vendor_id, currency, since, until)

    async def invoices(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Invoice]:
        ctx.need_vendor(vendor_id)
        return await self._invoicing.of_vendor(vendor_id, limit, cursor)

    async def invoice(self, ctx: Context, *, number: str) -> Invoice:
        found = await self._invoicing.one(number)
        ctx.need_vendor(found.vendor_id)
        return found

    async def income(self, ctx: Context, *, since: datetime, until: datetime) -> dict[str, Money]:
        return await self._reading.income(ctx, await self._currency(ctx), since, until)

    async def document(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        kind: str,
        ref: str,
        format: Literal["pdf", "csv"] = "pdf",
    ) -> Document:
        ctx.need_vendor(vendor_id)
        return await self._documents.make(ctx, vendor_id, kind, ref, format)

    async def issue(self, ctx: Context, *, month: str) -> list[Invoice]:
        return await self._invoicing.issue(ctx, month, await self._currency(ctx))

    async def issue_due(self, ctx: Context) -> None:
        """Last month's invoices, once it has been over for a while."""
        try:
            currency = await self._currency(ctx)
        except NotOpened:
            return  # nobody has sold anything yet
        await self._invoicing.issue_due(ctx, currency)

    async def _currency(self, ctx: Context) -> str:
        return (await self._market.settings(ctx)).currency
