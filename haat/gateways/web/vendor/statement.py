"""The statement of the vendor's balance, invoices, fees and credit notes, and their files."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from haat.domains.money.payouts.api import Payouts
from haat.domains.money.statements.api import (
    LINE_HEAD,
    Document,
    StatementLine,
    Statements,
    csv_text,
    line_cells,
)
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.pages import query
from haat.gateways.web.vendor.earnings import period_of
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page

router = APIRouter()
HERE = "/vendor/money"
MONTHS = 12  # offered to choose from
STREAMED = 500  # lines a page of a streamed statement
CODES: Mapping[str, str] = {
    "earning": "Earnings",
    "earning_reversal": "Refunds to customers",
    "cod_settlement": "Cash you collected",
    "fee": "Fees",
    "fee_tax": "Tax on fees",
    "credit_note": "Credit notes",
    "reserve": "Put into reserve",
    "reserve_release": "Released from reserve",
    "payout": "Payouts",
    "dispute_fee": "Fees for disputes",
    "correction": "Corrections",
}


@dataclass(frozen=True, slots=True)
class Span:
    """What a statement is about; `month` ("2026-11") where it is one."""

    since: datetime
    until: datetime
    month: str = ""

    @property
    def last(self) -> datetime:
        return self.until - timedelta(days=1)


def month_span(month: str) -> Span:
    """A calendar month in UTC. Invalid at `month`."""
    try:
        since = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
        until = (since + timedelta(days=32)).replace(day=1)
    except (ValueError, OverflowError):
        raise Invalid.at("month", "Choose one of the list.", "month_invalid") from None
    return Span(since, until, month)


def month_name(month: str) -> str:
    """'October 2026' for '2026-10'."""
    return f"{month_span(month).since:%B %Y}"


def months_until(now: datetime) -> list[tuple[str, str]]:
    """(value, name) of the last months, this one first."""
    found = []
    first = now.astimezone(UTC).replace(day=1)
    for _ in range(MONTHS):
        found.append((f"{first:%Y-%m}", f"{first:%B %Y}"))
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def span_of(values: Mapping[str, str], now: datetime) -> Span:
    """Days given win over a month; without either it is this month. Invalid at the field."""
    if values.get("since") or values.get("until"):
        period = period_of(values)
        if period.since is None or period.until is None:
            missing = "until" if period.since else "since"
            raise Invalid.at(missing, "Give both days, or choose a month.", "missing")
        return Span(period.since, period.until)
    return month_span(values.get("month") or f"{now.astimezone(UTC):%Y-%m}")


def _asked(request: Request) -> dict[str, str]:
    names = ("month", "since", "until")
    return {name: request.query_params.get(name, "").strip() for name in names}


@router.get("/vendor/money/statement")
async def show(visit: Team, request: Request, cursor: str | None = None) -> Response:
    """Oldest first with the balance after each line; sums of the whole period above."""
    values, now = _asked(request), visit.ctx.now()
    problem = None
    try:
        span = span_of(values, now)
    except Invalid as invalid:
        problem, span = invalid, month_span(f"{now.astimezone(UTC):%Y-%m}")
    about: dict[str, Any] = {
        "vendor_id": vendor_of(visit),
        "since": span.since,
        "until": span.until,
    }
    statements = visit.doors[Statements]
    found, summary = await asyncio.gather(
        statements.statement(visit.ctx, **about, cursor=cursor or None),
        statements.statement_summary(visit.ctx, **about),
    )
    asked = {name: text for name, text in values.items() if text and not problem}
    return page(
        visit,
        "statement.html",
        HERE,
        problem.status if problem else 200,
        lines=[(line, _amount(line)) for line in found.items],
        next=found.next,
        summary=summary,
        sums=[(CODES.get(code, code), amount) for code, amount in summary.by_code.items()],
        span=span,
        months=months_until(now),
        form=Form(values | {"month": values["month"] or span.month}, problem),
        asked=asked,
        is_first=not cursor,
        csv="/vendor/files/statement.csv"
        + query(since=f"{span.since:%Y-%m-%d}", until=f"{span.last:%Y-%m-%d}"),
    )


def _amount(line: StatementLine) -> Money:
    return Money(minor=line.entry.minor, currency=line.balance.currency)


@router.get("/vendor/files/statement.csv")
async def statement_csv(visit: Team, request: Request) -> Response:
    """Streamed page by page, so that it begins at once however long it is."""
    span = span_of(_asked(request), visit.ctx.now())
    # The first page is read before the answer begins: what is refused is refused with a page.
    first = await _lines(visit, span, None)
    name = f"statement-{span.since:%Y%m%d}-{span.last:%Y%m%d}.csv"
    return visit.file(name, "text/csv; charset=utf-8", _csv(visit, span, first))


async def _csv(visit: Visit, span: Span, found: Page[StatementLine]) -> AsyncIterator[str]:
    yield "\ufeff" + csv_text([LINE_HEAD])
    while True:
        yield csv_text([line_cells(line) for line in found.items])
        if found.next is None:
            return
        found = await _lines(visit, span, found.next)


async def _lines(visit: Visit, span: Span, cursor: str | None) -> Page[StatementLine]:
    found: Page[StatementLine] = await visit.doors[Statements].statement(
        visit.ctx,
        vendor_id=vendor_of(visit),
        since=span.since,
        until=span.until,
        limit=STREAMED,
        cursor=cursor,
    )
    return found


@router.get("/vendor/files/statements/{month}.pdf")
async def statement_pdf(visit: Team, month: str) -> Response:
    return await _document(visit, "statement", month_span(month).month, "pdf")


@router.get("/vendor/money/invoices")
async def invoices(visit: Team, cursor: str | None = None) -> Response:
    found = await visit.doors[Statements].invoices(
        visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None
    )
    return page(
        visit, "invoices.html", HERE, invoices=found.items, next=found.next, month_name=month_name
    )


@router.get("/vendor/files/invoices/{number}.{format}")
async def invoice_file(visit: Team, number: str, format: Literal["pdf", "csv"]) -> Response:
    return await _document(visit, "invoice", number, format)


async def _document(visit: Visit, kind: str, ref: str, format: str) -> Response:
    if not (ref.isascii() and ref.isprintable()):
        raise NotFound
    found: Document = await visit.doors[Statements].document(
        visit.ctx, vendor_id=vendor_of(visit), kind=kind, ref=ref, format=format
    )
    return visit.file(found.name, found.media_type, found.content)


@router.get("/vendor/money/charges")
async def charges(visit: Team, cursor: str | None = None) -> Response:
    found = await visit.doors[Payouts].charges(
        visit.ctx, vendor_id=vendor_of(visit), cursor=cursor or None
    )
    return page(visit, "charges.html", HERE, charges=found.items, next=found.next)
