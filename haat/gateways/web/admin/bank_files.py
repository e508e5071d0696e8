"""Bank files: approved bank payouts gathered for the bank, and what the bank made of them."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.payouts.api import BankFile, Payout, Payouts
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.admin.payouts import HERE as SECTION
from haat.gateways.web.admin.payouts import PICK, picked, tabs_of, unpicked
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.model import Body
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter()
HERE = "/admin/bank-files"
FORMATS = (
    ("pain.001", "SEPA (pain.001)", "for transfers in euros; the bank's portal takes it as it is"),
    ("csv", "CSV", "for other banks, or to type it in"),
)


class FileForm(Body):
    id: UUID
    format: Literal["pain.001", "csv"]


class AnswerForm(Body):
    outcome: Literal["paid", "returned"]
    reason: str = ""


@router.get("/admin/bank-files")
async def listed(visit: Staff, cursor: str | None = None) -> Response:
    return await _list(visit, cursor, Form())


@router.post("/admin/bank-files")
async def make(visit: Staff, request: Request) -> Response:
    """Pressing twice makes one file."""
    values = await form_of(request)
    try:
        wanted = read(FileForm, values)
        made: BankFile = await visit.doors[Payouts].make_bank_file(
            visit.ctx, id=wanted.id, format=wanted.format
        )
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _list(visit, None, Form(values, problem), problem.status)
    return visit.redirect(f"{HERE}/{made.id}")


@router.get("/admin/bank-files/{id}")
async def show(visit: Staff, id: UUID, cursor: str | None = None) -> Response:
    return await _one(visit, id, cursor, Form())


@router.post("/admin/bank-files/{id}")
async def answer(visit: Staff, id: UUID, request: Request, cursor: str | None = None) -> Response:
    """The bank executed the chosen payouts, or sent them back."""
    values = await form_of(request)
    try:
        wanted, ids = read(AnswerForm, unpicked(values)), picked(values)
        paid = wanted.outcome == "paid"
        if not paid and not wanted.reason:
            raise Invalid.at("reason", "Say what the bank said; the vendors read it.", "missing")
        ended: list[Payout] = await visit.doors[Payouts].settle_bank_payouts(
            visit.ctx, ids=ids, paid=paid, reason=wanted.reason
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _one(visit, id, cursor, Form(values, problem), problem.status)
    said = "are paid" if paid else "came back; they are on the vendors' balances again"
    visit.flash(f"{len(ended)} payout{'' if len(ended) == 1 else 's'} {said}.")
    return visit.redirect(f"{HERE}/{id}")


@router.get("/admin/files/bank/{id}")
async def download(visit: Staff, id: UUID) -> Response:
    """The same file every time."""
    text: str = await visit.doors[Payouts].bank_file(visit.ctx, id=id)
    kind, end = ("application/xml", "xml") if text.startswith("<?xml") else ("text/csv", "csv")
    return visit.file(f"payouts-{id}.{end}", kind, text.encode())


async def _list(visit: Visit, cursor: str | None, form: Form, code: int = 200) -> Response:
    found = await visit.doors[Payouts].bank_files(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "bank_files.html",
        SECTION,
        code,
        tabs=tabs_of(visit),
        files=found.items,
        next=found.next,
        form=form,
        formats=FORMATS,
        new_id=visit.ctx.new_id(),
    )


async def _one(visit: Visit, id: UUID, cursor: str | None, form: Form, code: int = 200) -> Response:
    found: Page[Payout] = await visit.doors[Payouts].queue(
        visit.ctx, bank_file_id=id, limit=LIMIT_MAX, cursor=cursor or None
    )
    if not found.items:
        raise NotFound
    vendors = await vendors_by_id(visit, (payout.vendor_id for payout in found.items))
    names = {id: vendor.name for id, vendor in vendors.items()}
    rows = [(payout, names.get(payout.vendor_id, "A vendor")) for payout in found.items]
    return page(
        visit,
        "bank_file.html",
        SECTION,
        code,
        id=id,
        payouts=rows,
        labels={PICK + str(payout.id): name for payout, name in rows},
        open=any(payout.status in ("approved", "processing") for payout in found.items),
        next=found.next,
        form=form,
    )
