"""REST: statements, invoices and their files, income."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from haat.domains.money.statements.api import (
    LINE_HEAD,
    Invoice,
    StatementLine,
    Statements,
    StatementSummary,
    csv_text,
    line_cells,
)
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.exact import Written
from haat.kernel.money import Money
from haat.kernel.page import Page

Service = Annotated[Statements, Door(Statements)]
STREAMED = 500  # lines a page of a streamed statement
DAYS = 31  # of a period that names no beginning
Since = Annotated[Written | None, Query(description="31 days before the end, when not given")]
Until = Annotated[Written | None, Query(description="Now, when not given")]
router = APIRouter(tags=["statements"])


@router.get("/vendors/{vendor_id}/statement", summary="A vendor's balance, line by line")
async def statement(
    vendor_id: UUID,
    ctx: Ctx,
    statements: Service,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: str | None = None,
) -> Page[StatementLine]:
    begin, end = _period(ctx, since, until)
    return await statements.statement(
        ctx, vendor_id=vendor_id, since=begin, until=end, limit=limit, cursor=cursor
    )


@router.get("/vendors/{vendor_id}/statement.csv", summary="The same as CSV, streamed")
async def statement_csv(
    vendor_id: UUID, ctx: Ctx, statements: Service, since: Since = None, until: Until = None
) -> StreamingResponse:
    begin, end = _period(ctx, since, until)
    # The first page is read before the answer begins: what is refused is refused with a problem.
    first = await statements.statement(
        ctx, vendor_id=vendor_id, since=begin, until=end, limit=STREAMED
    )
    name = f"statement-{begin:%Y%m%d}-{end:%Y%m%d}.csv"
    return StreamingResponse(
        _rest(ctx, statements, (vendor_id, begin, end), first),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _period(
    ctx: Context, since: datetime | None, until: datetime | None
) -> tuple[datetime, datetime]:
    end = until or ctx.now()
    try:
        return since or end - timedelta(days=DAYS), end
    except OverflowError:  # the year 1
        return end, end


async def _rest(
    ctx: Context,
    statements: Statements,
    what: tuple[UUID, datetime, datetime],
    page: Page[StatementLine],
) -> AsyncIterator[str]:
    vendor_id, since, until = what
    yield "\ufeff" + csv_text([LINE_HEAD])
    while True:
        yield csv_text([line_cells(line) for line in page.items])
        if page.next is None:
            return
        page = await statements.statement(
            ctx, vendor_id=vendor_id, since=since, until=until, limit=STREAMED, cursor=page.next
        )


@router.get("/vendors/{vendor_id}/statement/summary", summary="Opening, sums by reason, closing")
async def statement_summary(
    vendor_id: UUID, ctx: Ctx, statements: Service, since: Since = None, until: Until = None
) -> StatementSummary:
    begin, end = _period(ctx, since, until)
    return await statements.statement_summary(ctx, vendor_id=vendor_id, since=begin, until=end)


@router.get("/vendors/{vendor_id}/invoices", summary="Commission invoices, newest first")
async def invoices(
    vendor_id: UUID,
    ctx: Ctx,
    statements: Service,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: str | None = None,
) -> Page[Invoice]:
    return await statements.invoices(ctx, vendor_id=vendor_id, limit=limit, cursor=cursor)


@router.get(
    "/vendors/{vendor_id}/documents/{kind}/{ref}",
    summary="A statement (by month), an invoice (by number) or a payout (by id) as a file",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}, "text/csv": {}}}},
)
async def document(
    vendor_id: UUID,
    kind: str,
    ref: str,
    ctx: Ctx,
    statements: Service,
    format: Literal["pdf", "csv"] = "pdf",
) -> Response:
    found = await statements.document(ctx, vendor_id=vendor_id, kind=kind, ref=ref, format=format)
    disposition = f'attachment; filename="{found.name}"'
    return Response(
        found.content,
        media_type=found.media_type,
        headers={"content-disposition": disposition},
    )


@router.get("/admin/income", summary="What the market earned in a period, by reason")
async def income(
    ctx: Ctx, statements: Service, since: Since = None, until: Until = None
) -> dict[str, Money]:
    begin, end = _period(ctx, since, until)
    return await statements.income(ctx, since=begin, until=end)


@router.post("/admin/invoices/{month}", summary="Issue a month's commission invoices")
async def issue(month: str, ctx: Ctx, statements: Service) -> Page[Invoice]:
    return Page(items=await statements.issue(ctx, month=month))
