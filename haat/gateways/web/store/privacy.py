"""One's own data: taking it along, and having the account erased."""

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Response

from haat.domains.trust.privacy.api import Piece, Privacy
from haat.engines.http.streaming import streamed
from haat.gateways.web.store.shopping import PersonShopping
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/account/privacy"


@router.get("/account/privacy")
async def show(visit: PersonShopping) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    return visit.page(
        "store/privacy.html",
        erasure=await privacy.erasure(visit.ctx),
        obstacles=await privacy.obstacles(visit.ctx),
        exports=await privacy.exports(visit.ctx),
    )


@router.post("/account/privacy/export")
async def ask_export(visit: PersonShopping) -> Response:
    await visit.doors[Privacy].ask_export(visit.ctx, id=visit.ctx.new_id())
    visit.flash("We are gathering your data. A mail tells you when it is ready.")
    return visit.redirect(HERE)


@router.get("/account/privacy/export/{id}")
async def take_export(visit: PersonShopping, id: UUID) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    later = replace(visit.ctx, deadline=None)  # each piece has a deadline of its own

    async def part(cursor: str | None) -> Piece:
        return await privacy.take_export(later, id=id, cursor=cursor)

    return await streamed(part, name="my-data.zip", media_type="application/zip")


@router.post("/account/privacy/erase")
async def ask_erasure(visit: PersonShopping) -> Response:
    try:
        await visit.doors[Privacy].ask_erasure(visit.ctx, id=visit.ctx.new_id())
        visit.flash("Your account will be erased. Until it begins you can take that back here.")
    except Problem as problem:
        if problem.status != 409:
            raise
        visit.flash(problem.detail)
    return visit.redirect(HERE)


@router.post("/account/privacy/keep")
async def withdraw_erasure(visit: PersonShopping) -> Response:
    try:
        await visit.doors[Privacy].withdraw_erasure(visit.ctx)
        visit.flash("Your account stays.")
    except Problem as problem:
        if problem.status not in (404, 409):
            raise
        visit.flash(problem.detail)
    return visit.redirect(HERE)
