"""Reconciliation: our books against what providers and the bank say, and what to do about it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import UploadFile

from haat.domains.money.payments.api import Payments, ProviderInfo
from haat.domains.money.reconciliation.api import (
    DIFFERENCE_HEAD,
    Difference,
    Reconciliation,
    Run,
    difference_cells,
)
from haat.domains.money.statements.api import csv_text
from haat.gateways.web.admin import reconciliation_words as say
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.pages import query
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, Problem, TooLarge
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter()
HERE = "/admin/reconciliation"
BANK = "bank"
FILE_MAX = 10 << 20
REASON_MAX = 500
DAYS = 7  # what the form proposes
DAY = timedelta(days=1)
Shown = Literal["all", "open", "booked", "dismissed", "settled"]
STATUSES = (("all", "All"), *say.STATES.items())
FORMATS = (
    ("auto", "Find out"),
    ("camt.053", "CAMT.053"),
    ("mt940", "MT940"),
    ("csv", "CSV"),
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


async def _money(visit: Staff) -> Visit:
    if not visit.ctx.has("staff:money"):
        raise Forbidden
    return visit


Keeper = Annotated[Visit, Depends(_money)]


def path_of(id: UUID) -> str:
    return f"{HERE}/runs/{id}"


# -- runs ----------------------------------------------------------------------------------------


@router.get("/admin/reconciliation")
async def listed(visit: Keeper, cursor: str | None = None) -> Response:
    return await _list_page(visit, cursor)


@router.post("/admin/reconciliation")
async def start(visit: Keeper, request: Request) -> Response:
    """Against the provider's own report."""
    values = await form_of(request)
    try:
        reader = Reader(values)
        id, provider = reader.id("id"), reader.text("provider", longest=30)
        since, last = _day(reader, values, "since"), _day(reader, values, "until")
        reader.done("The report is not asked for yet.")
        assert since is not None, "done() has refused an empty day"
        assert last is not None, "done() has refused an empty day"
        run = await visit.doors[Reconciliation].start(
            visit.ctx, id=id, provider=provider, since=since, until=last + DAY
        )
    except Problem as problem:
        _refused(problem)
        return await _list_page(visit, None, Form(values, problem), status=problem.status)
    return visit.redirect(path_of(run.id))


@router.post("/admin/reconciliation/files")
async def upload(visit: Keeper, request: Request) -> Response:
    """A bank's statement, or a provider's report as a file."""
    values = await form_of(request)
    try:
        reader = Reader(values)
        id, provider = reader.id("id"), reader.text("file_provider", longest=30)
        format = values.get("format", "")
        if format not in dict(FORMATS):
            reader.refuse("format", "Choose one of the list.")
        name, content = await _file(reader, request)
        since = _day(reader, values, "file_since", required=False)
        last = _day(reader, values, "file_until", required=False)
        reader.done("The file is not read yet.")
        chosen: Any = format
        run = await visit.doors[Reconciliation].read_file(
            visit.ctx,
            id=id,
            provider=provider,
            name=name,
            content=content,
            format=chosen,
            since=since,
            until=last + DAY if last else None,
        )
    except Problem as problem:
        _refused(problem)
        form = Form(values, _at_file(problem))
        return await _list_page(visit, None, upload=form, status=problem.status)
    if run.id != id:
        visit.flash("This file was read before: this is what came of it.")
    return visit.redirect(path_of(run.id))


async def _file(reader: Reader, request: Request) -> tuple[str, bytes]:
    """Its name and bytes; a mistake is noted."""
    form: Any = await request.form()  # read once already: Starlette keeps it
    file = form.get("content")
    if not isinstance(file, UploadFile) or not file.filename:
        reader.refuse("content", "Choose a file.", "missing")
        return "", b""
    content = await file.read(FILE_MAX + 1)
    if len(content) > FILE_MAX:
        raise TooLarge.at("content", "A file of at most 10 MB.", TooLarge.code)
    return file.filename[:200], content


def _at_file(problem: Problem) -> Problem:
    """Names its fields as this form does: the other form on the page has the same."""
    names = {"provider": "file_provider", "since": "file_since", "until": "file_until"}
    problem.fields = tuple(
        error.model_copy(update={"path": names.get(error.path, error.path)})
        for error in problem.fields
    )
    return problem


def _day(
    reader: Reader, values: dict[str, str], name: str, *, required: bool = True
) -> datetime | None:
    """Midnight UTC, as a browser's field writes a day; None when there is none."""
    text = values.get(name, "")
    if not text:
        if required:
            reader.refuse(name, "Fill this in.", "missing")
        return None
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(datetime.fromisoformat(text), time(), UTC)
    except ValueError:
        pass
    reader.refuse(name, "Give a day.", "day_invalid")
    return None


async def _list_page(
    visit: Visit,
    cursor: str | None,
    form: Form | None = None,
    upload: Form | None = None,
    status: int = 200,
) -> Response:
    found = await visit.doors[Reconciliation].runs(visit.ctx, cursor=cursor or None)
    infos: list[ProviderInfo] = await visit.doors[Payments].providers(visit.ctx)
    today = visit.ctx.now().date()
    return page(
        visit,
        "reconciliation.html",
        HERE,
        status,
        runs=[(run, _last(run)) for run in found.items],
        next=found.next,
        labels=_labels(infos),
        reporting=[(one.name, one.label) for one in infos if one.reports],
        others=[(one.name, one.label) for one in infos if one.name != BANK],
        formats=FORMATS,
        form=form or Form(),
        upload=upload or Form(),
        since=(today - DAYS * DAY).isoformat(),
        until=(today - DAY).isoformat(),
        new_id=visit.ctx.new_id(),
        file_id=visit.ctx.new_id(),
    )


def _last(run: Run) -> datetime:
    """On the last day that is still in it."""
    return run.until - timedelta(microseconds=1)


def _labels(infos: list[ProviderInfo]) -> dict[str, str]:
    return {one.name: one.label for one in infos} | {BANK: "Bank"}


# -- one run -------------------------------------------------------------------------------------


@router.get("/admin/reconciliation/runs/{id}")
async def show(
    visit: Keeper, id: UUID, status: Shown = "all", cursor: str | None = None
) -> Response:
    return await _run_page(visit, id, status, cursor)


@router.get("/admin/reconciliation/runs/{id}/differences.csv")
async def file(visit: Keeper, id: UUID, status: Shown = "all") -> Response:
    # The first page is read before the answer begins: what is refused is refused with a page.
    await visit.doors[Reconciliation].run(visit.ctx, id=id)
    first = await _differences(visit, id, status, None)
    rest = _csv(visit, id, status, first)
    return visit.file(f"differences-{id}.csv", "text/csv; charset=utf-8", rest)


async def _csv(
    visit: Visit, id: UUID, status: Shown, found: Page[Difference]
) -> AsyncIterator[str]:
    yield "\ufeff" + csv_text([DIFFERENCE_HEAD])
    while True:
        yield csv_text([difference_cells(one) for one in found.items])
        if found.next is None:
            return
        found = await _differences(visit, id, status, found.next)


async def _differences(
    visit: Visit, id: UUID, status: Shown, cursor: str | None, limit: int = LIMIT_MAX
) -> Page[Difference]:
    wanted = None if status == "all" else status
    found: Page[Difference] = await visit.doors[Reconciliation].differences(
        visit.ctx, run_id=id, status=wanted, cursor=cursor or None, limit=limit
    )
    return found


@router.post("/admin/reconciliation/runs/{id}/differences/{difference_id}")
async def decide(
    visit: Keeper,
    id: UUID,
    difference_id: UUID,
    request: Request,
    status: Shown = "all",
    cursor: str | None = None,
) -> Response:
    """Books or dismisses a difference."""
    values = await form_of(request)
    reconciliation = visit.doors[Reconciliation]
    try:
        reader = Reader(values)
        reason = reader.text("reason", longest=REASON_MAX)
        if values.get("decision") not in ("book", "dismiss"):
            reader.refuse("decision", "Choose one of the two.")
        reader.done("Nothing is decided yet.")
        act = reconciliation.book if values["decision"] == "book" else reconciliation.dismiss
        done = await act(visit.ctx, id=difference_id, reason=reason)
    except Problem as problem:
        _refused(problem)
        form = Form(values, problem)
        return await _run_page(visit, id, status, cursor, form, difference_id, problem.status)
    visit.flash(say.decided(done))
    return visit.redirect(path_of(id) + query(status=status, cursor=cursor))


async def _run_page(
    visit: Visit,
    id: UUID,
    status: Shown,
    cursor: str | None,
    form: Form | None = None,
    wrong: UUID | None = None,
    code: int = 200,
) -> Response:
    """`wrong` is the difference whose form was refused."""
    run = await visit.doors[Reconciliation].run(visit.ctx, id=id)
    found = await _differences(visit, id, status, cursor, limit=25)
    infos: list[ProviderInfo] = await visit.doors[Payments].providers(visit.ctx)
    return page(
        visit,
        "reconciliation_run.html",
        HERE,
        code,
        run=run,
        last=_last(run),
        differences=found.items,
        next=found.next,
        labels=_labels(infos),
        statuses=STATUSES,
        chosen=status,
        again=query(status=status, cursor=cursor),
        say=say,
        path=path_of(id),
        form=form or Form(),
        wrong=wrong,
    )


def _refused(problem: Problem) -> None:
    """Raises again what is not about the form: nobody there, not allowed, or broken."""
    if problem.status >= 500 or problem.status in (403, 404):
        raise problem
