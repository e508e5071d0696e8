"""Joining a team by the link of an invitation: with an account of its address."""

from fastapi import APIRouter, Request, Response

from haat.domains.people.identity.api import Identity, Invitation, Person
from haat.domains.people.vendors.api import Vendors
from haat.gateways.web.kit.links import held, led_on
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.visit import REFRESH, SignInFirst, Visit
from haat.kernel.errors import Problem

router = APIRouter()


@router.get("/team/join/{token}")
async def show(visit: Shopping, token: str) -> Response:
    return led_on(visit, token, "/team/join/{}") or await _page(visit, token)


@router.post("/team/join/{token}")
async def join(visit: Shopping, token: str, request: Request) -> Response:
    if not visit.signed_in:
        raise SignInFirst
    try:
        vendor_id = await visit.doors[Identity].accept_invitation(
            visit.ctx, token=held(visit, token)
        )
    except Problem as problem:
        if problem.code != "not_invited":
            raise
        return await _page(visit, token, problem)
    refresh = request.cookies.get(REFRESH)
    if refresh:
        signed_in = await visit.doors[Identity].refresh(
            visit.ctx, refresh_token=refresh, vendor_id=vendor_id
        )
        visit.enter(signed_in)
    visit.flash("Welcome to the team.")
    return visit.redirect("/vendor")


async def _page(visit: Visit, token: str, problem: Problem | None = None) -> Response:
    found: Invitation = await visit.doors[Identity].invitation(visit.ctx, token=held(visit, token))
    vendors = await visit.doors[Vendors].by_ids(visit.ctx, ids=[found.vendor_id])
    own: Person | None = None
    if visit.signed_in:
        own = await visit.doors[Identity].me(visit.ctx)
    return visit.page(
        "store/join_team.html",
        problem.status if problem else 200,
        invitation=found,
        token=token,
        vendor_name=vendors[0].name if vendors else "a store",
        own=own,
        fits=own is not None and own.email == found.email,
    )
