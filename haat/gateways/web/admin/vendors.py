"""Vendors: the queue of applications, decisions, and a rate of their own."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.media.api import Media
from haat.domains.people.onboarding.api import Onboarding
from haat.domains.people.vendors.api import Status, Vendor, Vendors
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/admin/vendors"
FILES_MAX, MEGABYTES_MAX = 10_000_000, 1 << 30
STATUSES: tuple[tuple[str, str], ...] = (
    ("pending", "To review"),
    ("active", "Active"),
    ("suspended", "Suspended"),
    ("rejected", "Rejected"),
    ("all", "All"),
)
TOLD = {
    "approve": "{} is approved and open.",
    "reject": "The application of {} is rejected.",
    "suspend": "{} is suspended: nothing of theirs can be bought.",
    "reinstate": "{} is open again.",
}


class DecisionForm(Body):
    decision: Literal["approve", "reject", "suspend", "reinstate"]
    reason: str = ""


@router.get("/admin/vendors")
async def listed(
    visit: Staff, status: Status | Literal["all"] = "pending", cursor: str | None = None
) -> Response:
    found = await visit.doors[Vendors].queue(
        visit.ctx, status=None if status == "all" else status, cursor=cursor or None
    )
    return page(
        visit,
        "vendors.html",
        HERE,
        vendors=found.items,
        next=found.next,
        statuses=STATUSES,
        chosen=status,
    )


@router.get("/admin/vendors/{id}")
async def show(visit: Staff, id: UUID) -> Response:
    return await _page(visit, id, Form(), Form())


@router.post("/admin/vendors/{id}")
async def decide(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(DecisionForm, values)
        await visit.doors[Onboarding].decide(
            visit.ctx, vendor_id=id, decision=wanted.decision, note=wanted.reason
        )
        vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(id))
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(values, problem), Form(), problem.status)
    visit.flash(TOLD[wanted.decision].format(vendor.name))
    return visit.redirect(f"{HERE}/{id}")


@router.post("/admin/vendors/{id}/commission")
async def set_commission(visit: Staff, id: UUID, request: Request) -> Response:
    """An empty field is the market's rate."""
    values = await form_of(request)
    try:
        rate = _rate(values)
        await visit.doors[Vendors].set_commission(visit.ctx, id=id, commission_bp=rate)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(), Form(values, problem), problem.status)
    visit.flash("The commission is saved. It counts for orders from now on.")
    return visit.redirect(f"{HERE}/{id}")


@router.post("/admin/vendors/{id}/verification")
async def verify(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    await visit.doors[Vendors].verify(visit.ctx, id=id, verified=bool(values.get("verified")))
    visit.flash("Saved.")
    return visit.redirect(f"/admin/vendors/{id}")


@router.post("/admin/vendors/{id}/room")
async def set_room(visit: Staff, id: UUID, request: Request) -> Response:
    """Empty fields are what all vendors may keep."""
    values = await form_of(request)
    try:
        reader = Reader(values)
        files = reader.whole("files", most=FILES_MAX) if reader.has("files") else None
        size = reader.whole("megabytes", most=MEGABYTES_MAX) if reader.has("megabytes") else None
        reader.done("This is not a number.")
        room = {"files_max": files, "size_max_bytes": None if size is None else size << 20}
        await visit.doors[Media].set_room(visit.ctx, vendor_id=id, **room)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, id, Form(), Form(), problem.status, Form(values, problem))
    visit.flash("Saved.")
    return visit.redirect(f"{HERE}/{id}")


def _rate(values: Mapping[str, str]) -> int | None:
    reader = Reader(values)
    found = reader.percent("commission") if reader.has("commission") else None
    reader.done("This is not a rate.")
    return found


async def _page(
    visit: Visit,
    id: UUID,
    form: Form,
    rate_form: Form,
    status: int = 200,
    room_form: Form | None = None,
) -> Response:
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(id))
    return page(
        visit,
        "vendor.html",
        HERE,
        status,
        vendor=vendor,
        form=form,
        rate_form=rate_form,
        room_form=room_form or Form(),
        room=await visit.doors[Media].usage_of(visit.ctx, vendor_id=vendor.id),
    )
