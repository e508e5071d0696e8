"""Statements, commission invoices and income, straight from the ledger."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.money.ledger.api import Entry
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Invalid
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
LINE_HEAD = [
    "time",
    "what",
    "order",
    "amount",
    "balance",
    "currency",
    "code",
    "transfer",
    "reference",
]


class MonthInvalid(Invalid, code="month_invalid"):
    """A month is written 2026-11 and must be over."""


class StatementLine(Model):
    """One movement of a vendor's balance with the balance after it."""

    entry: Entry
    order_number: str = ""
    text: str
    balance: Money


class StatementSummary(Model):
    """opening + Σ by code = closing, straight from the ledger."""

    vendor_id: UUID
    since: datetime
    until: datetime
    opening: Money
    by_code: dict[str, Money]
    closing: Money


class Invoice(Model):
    """What the market charged a vendor in a calendar month: commission and fees with their tax,
    less what was given back. Numbers are consecutive without gaps."""

    number: str
    vendor_id: UUID
    month: str  # "2026-11"
    commission: Money  # net of what was given back; may be negative: a credit note
    fees: Money
    tax: Money
    total: Money
    issued_at: datetime


class InvoiceIssued(Event, name="invoice.issued", key="number"):
    number: str
    vendor_id: UUID
    month: str
    total: Money


class Document(Model):
    """A finished file."""

    name: str
    media_type: str
    content: bytes


class Statements(Contract, name="statements"):
    @query(scope="vendor:money", timeout_s=30)
    async def statement(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        since: datetime,
        until: datetime,
        limit: Annotated[int, Field(ge=1, le=1000)] = 100,
        cursor: str | None = None,
    ) -> Page[StatementLine]:
        """The vendor's payable account with a running balance, oldest first; page by page for a
        stream."""

    @query(scope="vendor:money", timeout_s=30)
    async def statement_summary(
        self, ctx: Context, *, vendor_id: UUID, since: datetime, until: datetime
    ) -> StatementSummary: ...

    @query(scope="vendor:money")
    async def invoices(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Invoice]:
        """Newest first; a timer issues them when a month is over."""

    @query(scope="vendor:money")
    async def invoice(self, ctx: Context, *, number: str) -> Invoice: ...

    @query(scope="staff:money", timeout_s=30)
    async def income(self, ctx: Context, *, since: datetime, until: datetime) -> dict[str, Money]:
        """What the market earned in a period, straight from the ledger: commission, commission
        given back, fees, provider fees; by name."""

    @query(scope="vendor:money", timeout_s=60)
    async def document(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        kind: str,
        ref: str,
        format: Literal["pdf", "csv"] = "pdf",
    ) -> Document:
        """`kind`: statement, invoice or payout. `ref`: a statement's month ("2026-11"), an
        invoice's number, a payout's id. Long statements as CSV are streamed from `statement`
        instead."""

    @command(scope="staff:money", timeout_s=60)
    async def issue(self, ctx: Context, *, month: str) -> list[Invoice]:
        """Issues the invoices of a month that is over, for every vendor that was charged; harmless
        when repeated. A timer does it on the first of the month. MonthInvalid."""


def line_cells(line: StatementLine) -> list[str]:
    """One line of a statement as CSV has it."""
    entry = line.entry
    moment = entry.ended_at or entry.at
    return [
        f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        line.text,
        line.order_number,
        Money(minor=entry.minor, currency=line.balance.currency).decimal(),
        line.balance.decimal(),
        line.balance.currency,
        entry.code,
        str(entry.transfer_id),
        str(entry.reference),
    ]


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """RFC 4180, with cells that a spreadsheet would take for formulas made plain; amounts stay."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([[_plain(cell) for cell in row] for row in rows])
    return out.getvalue()


def _plain(cell: str) -> str:
    if cell.startswith(_FORMULA) and not cell.lstrip("+-").replace(".", "", 1).isdigit():
        return "'" + cell
    return cell
