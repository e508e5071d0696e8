"""Support sessions for whom they are about: letting staff in, watching, ending."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.trust.support.api import Support
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import ACCESS, Visiting, form_of
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/account/support"


@router.get("/account/support")
async def listed(visit: PersonShopping) -> Response:
    found = await visit.doors[Support].about_me(visit.ctx)
    return visit.page("store/support.html", found=found)


@router.get("/account/support/{id}")
async def one(visit: PersonShopping, id: UUID, cursor: str | None = None) -> Response:
    found = await visit.doors[Support].visits(visit.ctx, id=id, cursor=cursor or None)
    return visit.page("store/support_visits.html", id=id, found=found)


@router.post("/account/support/{id}/consent")
async def consent(visit: PersonShopping, id: UUID, request: Request) -> Response:
    write = (await form_of(request)).get("write") == "on"
    try:
        await visit.doors[Support].consent(visit.ctx, id=id, write=write)
        visit.flash("Staff can look for half an hour. You see here what they open.")
    except Problem as problem:
        if problem.status != 409:
            raise
        visit.flash(problem.detail)
    return visit.redirect(HERE)


@router.post("/account/support/{id}/end")
async def end(visit: PersonShopping, id: UUID) -> Response:
    await visit.doors[Support].end(visit.ctx, id=id)
    visit.flash("It is over.")
    return visit.redirect(HERE)


@router.post("/support/leave")
async def leave(visit: Visiting) -> Response:
    """Staff go back to being themselves: their own session goes on by its refresh token."""
    visit.forget(ACCESS)
    return visit.redirect("/admin/support")
