"""REST: runs against reports and files, their differences, and what staff do about them."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field

from haat.domains.money.reconciliation.api import (
    DIFFERENCE_HEAD,
    Difference,
    Format,
    Reconciliation,
    Run,
    difference_cells,
)
from haat.domains.money.statements.api import csv_text
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import TooLarge
from haat.kernel.exact import WrittenAware
from haat.kernel.model import Body
from haat.kernel.page import LIMIT_MAX, Limit, Page

Service = Annotated[Reconciliation, Door(Reconciliation)]
Status = Literal["open", "booked", "dismissed", "settled"]
FILE_MAX = 10 << 20
router = APIRouter(tags=["reconciliation"])


class RunAsked(Body):
    provider: Annotated[str, Field(min_length=1, max_length=30)]
    since: AwareDatetime
    until: AwareDatetime


class Said(Body):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.post(
    "/admin/reconciliations", status_code=201, summary="Hold a provider's own report against ours"
)
async def start(asked: RunAsked, ctx: Ctx, reconciliation: Service) -> Run:
    return await reconciliation.start(
        ctx, id=ctx.new_id(), provider=asked.provider, since=asked.since, until=asked.until
    )


@router.post(
    "/admin/reconciliations/files",
    status_code=201,
    summary="Hold a bank's statement or a report against ours",
)
async def upload(
    file: Annotated[UploadFile, File()],
    ctx: Ctx,
    reconciliation: Service,
    provider: Annotated[str, Form(max_length=30)] = "bank",
    format: Annotated[Format, Form()] = "auto",
    since: Annotated[WrittenAware | None, Form()] = None,
    until: Annotated[WrittenAware | None, Form()] = None,
) -> Run:
    # One byte more than allowed is enough to know; the rest of a larger file stays where it is.
    content = await file.read(FILE_MAX + 1)
    if len(content) > FILE_MAX:
        raise TooLarge("A file of at most 10 MB.")
    return await reconciliation.read_file(
        ctx,
        id=ctx.new_id(),
        provider=provider,
        name=(file.filename or "")[:200],
        content=content,
        format=format,
        since=since,
        until=until,
    )


@router.get("/admin/reconciliations", summary="Runs, newest first")
async def runs(
    ctx: Ctx,
    reconciliation: Service,
    provider: Annotated[str | None, Query(max_length=30)] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Run]:
    return await reconciliation.runs(ctx, provider=provider, limit=limit, cursor=cursor)


@router.get("/admin/reconciliations/differences", summary="Differences of all runs, newest first")
async def all_differences(
    ctx: Ctx,
    reconciliation: Service,
    status: Status | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Difference]:
    return await reconciliation.differences(ctx, status=status, limit=limit, cursor=cursor)


@router.post(
    "/admin/reconciliations/differences/{id}/book", summary="Do what its proposal says, once"
)
async def book(id: UUID, said: Said, ctx: Ctx, reconciliation: Service) -> Difference:
    return await reconciliation.book(ctx, id=id, reason=said.reason)


@router.post(
    "/admin/reconciliations/differences/{id}/dismiss", summary="Looked at, nothing to book"
)
async def dismiss(id: UUID, said: Said, ctx: Ctx, reconciliation: Service) -> Difference:
    return await reconciliation.dismiss(ctx, id=id, reason=said.reason)


@router.get("/admin/reconciliations/{id}", summary="One run")
async def run(id: UUID, ctx: Ctx, reconciliation: Service) -> Run:
    return await reconciliation.run(ctx, id=id)


@router.get("/admin/reconciliations/{id}/differences", summary="A run's differences")
async def differences(
    id: UUID,
    ctx: Ctx,
    reconciliation: Service,
    status: Status | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Page[Difference]:
    await reconciliation.run(ctx, id=id)
    return await reconciliation.differences(
        ctx, run_id=id, status=status, limit=limit, cursor=cursor
    )


@router.get("/admin/reconciliations/{id}/differences.csv", summary="The same as CSV, streamed")
async def differences_csv(
    id: UUID, ctx: Ctx, reconciliation: Service, status: Status | None = None
) -> StreamingResponse:
    # The first page is read before the answer begins: what is refused is refused with a problem.
    await reconciliation.run(ctx, id=id)
    first = await reconciliation.differences(ctx, run_id=id, status=status, limit=LIMIT_MAX)
    return StreamingResponse(
        _rest(ctx, reconciliation, id, status, first),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="differences-{id}.csv"'},
    )


async def _rest(
    ctx: Context,
    reconciliation: Reconciliation,
    id: UUID,
    status: Status | None,
    page: Page[Difference],
) -> AsyncIterator[str]:
    yield "\ufeff" + csv_text([DIFFERENCE_HEAD])
    while True:
        yield csv_text([difference_cells(one) for one in page.items])
        if page.next is None:
            return
        page = await reconciliation.differences(
            ctx, run_id=id, status=status, limit=LIMIT_MAX, cursor=page.next
        )
