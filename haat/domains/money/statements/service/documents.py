"""Statements, invoices and payouts as files."""

import asyncio
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from haat.domains.money.payouts.api import Payout, Payouts
from haat.domains.money.statements import rules
from haat.domains.money.statements.api import (
    Document,
    Invoice,
    StatementLine,
    csv_text,
    line_cells,
)
from haat.domains.money.statements.service.invoicing import Invoicing
from haat.domains.money.statements.service.reading import PAGE, Reading
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendors
from haat.engines.pdf import Grid, Paper, render
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

LINES_MAX = 5_000  # of a statement as PDF; longer ones are read as CSV
_MEDIA = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}
Rows = list[list[str]]


class Documents:
    def __init__(
        self,
        market: Market,
        vendors: Vendors,
        payouts: Payouts,
        reading: Reading,
        invoicing: Invoicing,
    ) -> None:
        self._market = market
        self._vendors = vendors
        self._payouts = payouts
        self._reading = reading
        self._invoicing = invoicing

    async def make(
        self,
        ctx: Context,
        vendor_id: UUID,
        kind: str,
        ref: str,
        format: Literal["pdf", "csv"],
    ) -> Document:
        settings = await self._market.settings(ctx)
        vendors = await self._vendors.by_ids(ctx, ids=[vendor_id])
        name = vendors[0].name if vendors else str(vendor_id)
        if kind == "statement":
            paper = await self._statement(ctx, vendor_id, ref, settings.currency)
        elif kind == "invoice":
            found = await self._invoicing.one(ref)
            if found.vendor_id != vendor_id:
                raise NotFound("There is no such invoice.")
            paper = _invoice_paper(found)
        elif kind == "payout":
            paper = _payout_paper(await self._payout(ctx, vendor_id, ref))
        else:
            raise NotFound("A statement, an invoice or a payout.")
        file = f"{kind}-{ref}.{format}"
        if format == "csv":
            return Document(name=file, media_type=_MEDIA[format], content=_csv(paper.grids))
        sent = _from(paper, settings, name)
        # Laying out takes up to seconds: other requests go on meanwhile.
        content = await asyncio.to_thread(render, sent)
        return Document(name=file, media_type=_MEDIA[format], content=content)

    async def _statement(self, ctx: Context, vendor_id: UUID, month: str, currency: str) -> Paper:
        since, until = rules.month_bounds(month)
        found = await self._reading.summary(ctx, vendor_id, currency, since, until)
        lines: list[StatementLine] = []
        cursor: str | None = None
        while True:
            page = await self._reading.lines(
                ctx, vendor_id, currency, since, until, limit=PAGE, cursor=cursor
            )
            lines += page.items
            cursor = page.next
            if cursor is None:
                break
            if len(lines) > LINES_MAX:
                raise Invalid.at(
                    "format",
                    f"A statement of more than {LINES_MAX} lines is made as CSV from /statement.",
                    "statement_too_long",
                )
        sums = [[_code(code), amount.decimal()] for code, amount in found.by_code.items()]
        return Paper(
            title=f"Statement {month}",
            made_at=min(ctx.now(), until),
            facts=[("Period", f"{since:%Y-%m-%d} to {until:%Y-%m-%d}"), ("Currency", currency)],
            grids=[
                Grid(
                    head=["Sum", "Amount"],
                    rows=[["Opening balance", found.opening.decimal()], *sums],
                    align="lr",
                    widths=[70, 30],
                    totals=[["Closing balance", found.closing.decimal()]],
                ),
                Grid(
                    head=["Time (UTC)", "What", "Order", "Amount", "Balance"],
                    rows=[_row(line) for line in lines],
                    align="lllrr",
                    widths=[24, 30, 18, 14, 14],
                ),
            ],
            notes=[
                "Amounts are those of the market's ledger; opening and every line make closing."
            ],
        )

    async def _payout(self, ctx: Context, vendor_id: UUID, ref: str) -> Payout:
        try:
            id = UUID(ref)
        except ValueError:
            raise Invalid.at("ref", "A payout's id.", "id_invalid") from None
        found = await self._payouts.payout(ctx, id=id)
        if found.vendor_id != vendor_id:
            raise NotFound("There is no such payout.")
        return found


def _from(paper: Paper, settings: MarketSettings, vendor: str) -> Paper:
    sender = [settings.name, *([settings.support_email] if settings.support_email else [])]
    return Paper(
        title=paper.title,
        made_at=paper.made_at,
        sender=sender,
        recipient=[vendor],
        facts=paper.facts,
        grids=paper.grids,
        notes=paper.notes,
    )


def _invoice_paper(found: Invoice) -> Paper:
    credit_note = found.total.minor < 0
    rows = [
        ["Commission on sales, less what was given back", found.commission.decimal()],
        ["Fees, less credit notes", found.fees.decimal()],
        ["Tax", found.tax.decimal()],
    ]
    return Paper(
        title="Commission credit note" if credit_note else "Commission invoice",
        made_at=found.issued_at,
        facts=[
            ("Number", found.number),
            ("Month", found.month),
            ("Date", f"{found.issued_at:%Y-%m-%d}"),
            ("Currency", found.total.currency),
        ],
        grids=[
            Grid(
                head=["What", "Amount"],
                rows=rows,
                align="lr",
                widths=[75, 25],
                totals=[["Total", found.total.decimal()]],
            )
        ],
        notes=["It was deducted from your earnings; there is nothing to pay."],
    )


def _payout_paper(found: Payout) -> Paper:
    rows = [[_code(i.kind), i.order_number, i.title, i.amount.decimal()] for i in found.items]
    paid = f"{found.paid_at:%Y-%m-%d}" if found.paid_at else found.status
    return Paper(
        title="Payout",
        made_at=found.paid_at or found.requested_at,
        facts=[
            ("Payout", str(found.id)),
            ("Asked for", f"{found.requested_at:%Y-%m-%d}"),
            ("Paid", paid),
            ("Reference", found.provider_ref or "none yet"),
            ("Currency", found.amount.currency),
        ],
        grids=[
            Grid(
                head=["What", "Order", "Item", "Amount"],
                rows=rows,
                align="lllr",
                widths=[22, 20, 40, 18],
                totals=[["Total", "", "", found.amount.decimal()]],
            )
        ],
    )


def _csv(grids: Sequence[Grid]) -> bytes:
    parts = [csv_text([grid.head, *grid.rows, *grid.totals]) for grid in grids]
    return ("\ufeff" + "\r\n".join(parts)).encode()


def _row(line: StatementLine) -> list[str]:
    return line_cells(line)[:5]


def _code(code: str) -> str:
    return code.replace("_", " ").capitalize()
