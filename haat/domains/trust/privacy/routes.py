"""One's own data over REST: being given it, and being erased."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from haat.domains.trust.privacy.api import (
    Erasure,
    Export,
    LinkedErasure,
    NothingAsked,
    Obstacle,
    Piece,
    Privacy,
)
from haat.engines.http import Ctx, Door
from haat.engines.http.streaming import streamed
from haat.kernel.model import Body, Model
from haat.kernel.page import Page

router = APIRouter(tags=["privacy"])
Service = Annotated[Privacy, Door(Privacy)]


class ErasureOut(Model):
    """`erasure` is null where nothing was asked for; `obstacles` have to end before it can be."""

    erasure: Erasure | None
    obstacles: list[Obstacle]


class EraseBody(Body):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.get("/me/erasure", summary="Whether my account is to be erased, and what hinders it")
async def erasure(ctx: Ctx, privacy: Service) -> ErasureOut:
    return ErasureOut(erasure=await privacy.erasure(ctx), obstacles=await privacy.obstacles(ctx))


@router.post("/me/erasure", status_code=201, summary="Ask for my account to be erased")
async def ask_erasure(ctx: Ctx, privacy: Service) -> Erasure:
    return await privacy.ask_erasure(ctx, id=ctx.new_id())


@router.delete("/me/erasure", summary="Take that back")
async def withdraw_erasure(ctx: Ctx, privacy: Service) -> Erasure:
    return await privacy.withdraw_erasure(ctx)


@router.get("/me/data-exports", summary="My data as files")
async def exports(ctx: Ctx, privacy: Service) -> Page[Export]:
    return Page(items=await privacy.exports(ctx))


@router.post("/me/data-exports", status_code=201, summary="Ask for my data as a file")
async def ask_export(ctx: Ctx, privacy: Service) -> Export:
    return await privacy.ask_export(ctx, id=ctx.new_id())


@router.get(
    "/me/data-exports/{id}/file",
    summary="Take the file: a ZIP of JSON and my uploads",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
)
async def take_export(id: UUID, ctx: Ctx, privacy: Service) -> Response:
    later = replace(ctx, deadline=None)  # each piece has a deadline of its own

    async def part(cursor: str | None) -> Piece:
        return await privacy.take_export(later, id=id, cursor=cursor)

    return await streamed(part, name="my-data.zip", media_type="application/zip")


@router.get("/orders/link/{token}/erasure", summary="Whether an order's data are to be erased")
async def linked_erasure(token: str, ctx: Ctx, privacy: Service) -> LinkedErasure:
    return await privacy.erasure_by_link(ctx, token=token)


@router.post(
    "/orders/link/{token}/erasure",
    status_code=201,
    summary="A guest asks for their order's data to be erased",
)
async def ask_linked_erasure(token: str, ctx: Ctx, privacy: Service) -> Erasure:
    return await privacy.ask_erasure_by_link(ctx, id=ctx.new_id(), token=token)


@router.delete("/orders/link/{token}/erasure", summary="A guest takes that back")
async def withdraw_linked_erasure(token: str, ctx: Ctx, privacy: Service) -> Erasure:
    return await privacy.withdraw_erasure_by_link(ctx, token=token)


@router.get("/orders/link/{token}/data-exports", summary="An order's data as files, for its guest")
async def linked_exports(token: str, ctx: Ctx, privacy: Service) -> Page[Export]:
    return Page(items=await privacy.exports_by_link(ctx, token=token))


@router.post(
    "/orders/link/{token}/data-exports",
    status_code=201,
    summary="A guest asks for their order's data as a file",
)
async def ask_linked_export(token: str, ctx: Ctx, privacy: Service) -> Export:
    return await privacy.ask_export_by_link(ctx, id=ctx.new_id(), token=token)


@router.get("/orders/link/{token}/data-exports/{id}/file", summary="A guest takes the file")
async def take_linked_export(token: str, id: UUID, ctx: Ctx, privacy: Service) -> Response:
    later = replace(ctx, deadline=None)  # each piece has a deadline of its own

    async def part(cursor: str | None) -> Piece:
        return await privacy.take_export_by_link(later, id=id, token=token, cursor=cursor)

    return await streamed(part, name="my-data.zip", media_type="application/zip")


@router.get("/admin/orders/{id}/erasure", summary="Whether a guest's order is to be erased")
async def erasure_of_guest(id: UUID, ctx: Ctx, privacy: Service) -> Erasure:
    return await erasure_of(id, ctx, privacy)


@router.post(
    "/admin/orders/{id}/erasure", status_code=201, summary="Erase a guest's data at their wish"
)
async def erase_guest(id: UUID, body: EraseBody, ctx: Ctx, privacy: Service) -> Erasure:
    return await privacy.erase_guest(ctx, id=ctx.new_id(), order_id=id, reason=body.reason)


@router.get("/admin/people/{id}/erasure", summary="Whether somebody is to be erased")
async def erasure_of(id: UUID, ctx: Ctx, privacy: Service) -> Erasure:
    found = await privacy.erasure_of(ctx, person_id=id)
    if found is None:
        raise NothingAsked
    return found


@router.post("/admin/people/{id}/erasure", status_code=201, summary="Erase somebody at their wish")
async def erase(id: UUID, body: EraseBody, ctx: Ctx, privacy: Service) -> Erasure:
    return await privacy.erase_person(ctx, id=ctx.new_id(), person_id=id, reason=body.reason)
