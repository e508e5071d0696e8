"""Support sessions for staff: asking for one, and entering it once somebody consented."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.trust.support.api import Entrance, Support
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem
from haat.kernel.model import Body

router = APIRouter()
HERE = "/admin/support"


class AskForm(Body):
    about: Annotated[str, Field(pattern="^(vendor|person)$")]
    id: UUID
    reason: Annotated[str, Field(min_length=3, max_length=500)]
    write: str = ""


@router.get("/admin/support")
async def listed(visit: Staff, about: str = "", id: str = "") -> Response:
    """The pages of stores and people lead here with whom it is about."""
    return await _page(visit, Form({"about": about, "id": id}) if id else Form())


@router.post("/admin/support")
async def ask(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(AskForm, values)
        vendor = wanted.about == "vendor"
        await visit.doors[Support].ask(
            visit.ctx,
            id=visit.ctx.new_id(),
            reason=wanted.reason,
            vendor_id=wanted.id if vendor else None,
            person_id=None if vendor else wanted.id,
            write=wanted.write == "on",
        )
    except Problem as problem:
        if problem.status not in (404, 422):
            raise
        shown = Form(values, problem, {"not_found": "id", "about_invalid": "about"})
        return await _page(visit, shown, problem.status)
    visit.flash("Asked. They see it under Support sessions in their account.")
    return visit.redirect(HERE)


@router.post("/admin/support/{id}/enter")
async def enter(visit: Staff, id: UUID) -> Response:
    """From here on pages are those of the session, until it is left or over."""
    support: Support = visit.doors[Support]
    found = {one.id: one for one in await support.asked_by_me(visit.ctx)}
    entrance: Entrance = await support.enter(visit.ctx, id=id)
    visit.enter_support(entrance.access_token)
    return visit.redirect("/vendor" if id in found and found[id].vendor_id else "/account")


@router.post("/admin/support/{id}/end")
async def end(visit: Staff, id: UUID) -> Response:
    await visit.doors[Support].end(visit.ctx, id=id)
    visit.flash("It is over.")
    return visit.redirect(HERE)


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    found = await visit.doors[Support].asked_by_me(visit.ctx)
    stores = await vendors_by_id(visit, (one.vendor_id for one in found if one.vendor_id))
    return page(visit, "support.html", HERE, status, found=found, form=form, stores=stores)
