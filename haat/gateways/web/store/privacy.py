"""One's own data: taking it along, having it erased. Guests do so with their order's link."""

from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Response

from haat.domains.trust.privacy.api import Piece, Privacy
from haat.engines.http.streaming import streamed
from haat.gateways.web.kit.links import held
from haat.gateways.web.store.shopping import PersonShopping, Shopping
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/account/privacy"


@router.get("/account/privacy")
async def show(visit: PersonShopping) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    return visit.page(
        "store/privacy.html",
        here=HERE,
        link="",
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


@router.get("/orders/link/{token}/privacy")
async def show_to_guest(visit: Shopping, token: str) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    known = held(visit, token)
    found = await privacy.erasure_by_link(visit.ctx, token=known)
    return visit.page(
        "store/privacy.html",
        here=_at(token),
        link=token,
        erasure=found.erasure,
        obstacles=found.obstacles,
        exports=await privacy.exports_by_link(visit.ctx, token=known),
    )


@router.post("/orders/link/{token}/privacy/export")
async def ask_export_as_guest(visit: Shopping, token: str) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    await privacy.ask_export_by_link(visit.ctx, id=visit.ctx.new_id(), token=held(visit, token))
    visit.flash("We are gathering the data. It will stand here in a moment.")
    return visit.redirect(_at(token))


@router.get("/orders/link/{token}/privacy/export/{id}")
async def take_export_as_guest(visit: Shopping, token: str, id: UUID) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    later, known = replace(visit.ctx, deadline=None), held(visit, token)

    async def part(cursor: str | None) -> Piece:
        return await privacy.take_export_by_link(later, id=id, token=known, cursor=cursor)

    return await streamed(part, name="my-data.zip", media_type="application/zip")


@router.post("/orders/link/{token}/privacy/erase")
async def ask_erasure_as_guest(visit: Shopping, token: str) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    try:
        await privacy.ask_erasure_by_link(
            visit.ctx, id=visit.ctx.new_id(), token=held(visit, token)
        )
        visit.flash("The order's data will be erased. Until it begins you can take that back here.")
    except Problem as problem:
        if problem.status != 409:
            raise
        visit.flash(problem.detail)
    return visit.redirect(_at(token))


@router.post("/orders/link/{token}/privacy/keep")
async def withdraw_as_guest(visit: Shopping, token: str) -> Response:
    privacy: Privacy = visit.doors[Privacy]
    try:
        await privacy.withdraw_erasure_by_link(visit.ctx, token=held(visit, token))
        visit.flash("The order's data stay.")
    except Problem as problem:
        if problem.status not in (404, 409):
            raise
        visit.flash(problem.detail)
    return visit.redirect(_at(token))


def _at(token: str) -> str:
    return f"/orders/link/{token}/privacy"
