"""Applications of vendors: what was given for each item, papers, the decision, its history."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.people.onboarding.api import (
    Document,
    Drawn,
    Look,
    Onboarding,
    Progress,
    Stage,
)
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.vendor.onboarding import FIELDS
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/admin/vendors"
STAGES: tuple[tuple[str, str], ...] = (
    ("submitted", "To review"),
    ("changes", "Changes asked for"),
    ("preparing", "Not sent yet"),
    ("all", "All"),
)
TOLD = {
    "approve": "{} is approved and open.",
    "reject": "The application of {} is rejected.",
    "request_changes": "{} is asked for the changes.",
}


class DecisionForm(Body):
    decision: Literal["approve", "reject", "request_changes"]
    reason: str = ""


class VerdictForm(Body):
    verdict: Literal["verified", "refused"]
    reason: str = ""


class WaiverForm(Body):
    item_id: UUID
    waived: Literal["yes", "no"]
    note: str = ""


class RemarkForm(Body):
    text: Annotated[str, Field(min_length=1, max_length=1000)]


@router.get("/admin/applications")
async def listed(
    visit: Staff, stage: Stage | Literal["all"] = "submitted", cursor: str | None = None
) -> Response:
    found = await visit.doors[Onboarding].cases(
        visit.ctx, stage=None if stage == "all" else stage, cursor=cursor or None
    )
    return page(
        visit,
        "applications.html",
        HERE,
        cases=found.items,
        next=found.next,
        vendors=await vendors_by_id(visit, (one.vendor_id for one in found.items)),
        stages=STAGES,
        chosen=stage,
    )


@router.get("/admin/vendors/{id}/application")
async def show(visit: Staff, id: UUID, cursor: str | None = None) -> Response:
    return await _page(visit, id, Form(), cursor=cursor)


@router.post("/admin/vendors/{id}/application")
async def decide(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(DecisionForm, values)
        await visit.doors[Onboarding].decide(
            visit.ctx, vendor_id=id, decision=wanted.decision, note=wanted.reason
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem), status=problem.status)
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(id))
    visit.flash(TOLD[wanted.decision].format(vendor.name))
    return visit.redirect(f"{HERE}/{id}/application")


@router.post("/admin/vendors/{id}/waivers")
async def waive(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(WaiverForm, values)
        await visit.doors[Onboarding].waive(
            visit.ctx,
            vendor_id=id,
            item_id=wanted.item_id,
            waived=wanted.waived == "yes",
            note=wanted.note,
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem), status=problem.status)
    visit.flash("Saved.")
    return visit.redirect(f"{HERE}/{id}/application")


@router.post("/admin/vendors/{id}/remarks")
async def remark(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(RemarkForm, values)
        await visit.doors[Onboarding].remark(
            visit.ctx, id=visit.ctx.new_id(), vendor_id=id, text=wanted.text
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem), status=problem.status)
    visit.flash("Noted. Only staff see it.")
    return visit.redirect(f"{HERE}/{id}/application")


@router.get("/admin/vendors/{id}/documents/{document_id}")
async def paper(visit: Staff, id: UUID, document_id: UUID) -> Response:
    return await _paper(visit, id, document_id, Form())


@router.post("/admin/vendors/{id}/documents/{document_id}")
async def judge(visit: Staff, id: UUID, document_id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(VerdictForm, values)
        await visit.doors[Onboarding].decide_document(
            visit.ctx,
            id=document_id,
            verified=wanted.verdict == "verified",
            reason=wanted.reason,
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _paper(visit, id, document_id, Form(values, problem), problem.status)
    visit.flash("The document is verified." if wanted.verdict == "verified" else "Refused.")
    return visit.redirect(f"{HERE}/{id}/application")


@router.get("/admin/vendors/{id}/documents/{document_id}/pages/{number}")
async def drawn(visit: Staff, id: UUID, document_id: UUID, number: str) -> Response:
    """One page as a picture, with who looks and when drawn over it. Each look is noted."""
    document = await _known(visit, id, document_id)
    if number not in map(str, range(1, document.pages + 1)):
        raise NotFound
    found: Drawn = await visit.doors[Onboarding].look(visit.ctx, id=document_id, page=int(number))
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(found.content, media_type="image/webp", headers=headers)


async def _known(visit: Visit, id: UUID, document_id: UUID) -> Document:
    found: list[Document] = await visit.doors[Onboarding].documents_of(visit.ctx, vendor_id=id)
    for one in found:
        if one.id == document_id:
            return one
    raise NotFound


async def _paper(
    visit: Visit, id: UUID, document_id: UUID, form: Form, status: int = 200
) -> Response:
    document = await _known(visit, id, document_id)
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(id))
    looks: list[Look] = await visit.doors[Onboarding].looks(visit.ctx, id=document_id)
    return page(
        visit, "document.html", HERE, status,
        vendor=vendor, document=document, looks=looks, form=form,
    )  # fmt: skip


async def _page(
    visit: Visit, id: UUID, form: Form, *, status: int = 200, cursor: str | None = None
) -> Response:
    onboarding = visit.doors[Onboarding]
    progress: Progress = await onboarding.progress_of(visit.ctx, vendor_id=id)
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(id))
    history = await onboarding.history(visit.ctx, vendor_id=id, cursor=cursor or None)
    given = [
        (label, getattr(progress.business, name))
        for name, (label, _, _) in FIELDS.items()
        if getattr(progress.business, name)
    ]
    return page(
        visit,
        "application.html",
        HERE,
        status,
        vendor=vendor,
        progress=progress,
        given=given,
        documents=await onboarding.documents_of(visit.ctx, vendor_id=id),
        history=history.items,
        next=history.next,
        form=form,
    )
