"""Pictures and videos over REST: in one request, or in several by signed requests."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import Field

from haat.domains.people.media.api import SIZE_MAX, WIDTHS, Kind, Media, MediaFile, Upload, Usage
from haat.domains.people.media.sessions import (
    OF_VENDORS,
    PART_BYTES,
    Alt,
    FilesMax,
    Protocol,
    Sha256,
    SizeMax,
    UploadOversize,
)
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.model import Body, Model

router = APIRouter(tags=["media"])
Service = Annotated[Media, Door(Media)]


class Uploaded(Model):
    """A kept file; `urls` has "original" and, of a picture, one address for each width."""

    id: UUID
    content_type: str
    size_bytes: int
    width: int
    height: int
    poster_id: UUID | None = None
    urls: dict[str, str]


class Begin(Body):
    """What is to be sent. `sha256` in hex, of the whole; `posterId`: the picture a video is shown
    by, uploaded before."""

    kind: Kind = "other"
    content_type: str
    size_bytes: Annotated[int, Field(ge=1)]
    sha256: Sha256 | None = None
    alt: Alt = ""
    poster_id: UUID | None = None
    protocol: Protocol = "parts"


@router.post("/media", status_code=201, summary="Upload a picture")
async def upload(
    file: Annotated[UploadFile, File()],
    ctx: Ctx,
    media: Service,
    kind: Annotated[Kind, Form()] = "other",
) -> Uploaded:
    # One byte more than allowed is enough to know; the rest of a larger file is left where it is.
    content = await file.read(SIZE_MAX + 1)
    kept = await media.upload(
        ctx, id=ctx.new_id(), content=content, kind=kind, vendor_id=_vendor(ctx, kind)
    )
    return uploaded(kept)


@router.post("/media/uploads", status_code=201, summary="Begin an upload in several requests")
async def begin(body: Begin, ctx: Ctx, media: Service) -> Upload:
    return await media.begin_upload(
        ctx,
        id=ctx.new_id(),
        kind=body.kind,
        content_type=body.content_type,
        size_bytes=body.size_bytes,
        protocol=body.protocol,
        vendor_id=_vendor(ctx, body.kind),
        digest=body.sha256,
        alt=body.alt,
        poster_id=body.poster_id,
    )


@router.get("/media/uploads/{id}", summary="How far an upload is, with requests for the rest")
async def upload_of(id: UUID, ctx: Ctx, media: Service) -> Upload:
    return await media.upload_of(ctx, id=id)


@router.post("/media/uploads/{id}/complete", summary="All is sent: look at it and keep it")
async def complete(id: UUID, ctx: Ctx, media: Service) -> Uploaded:
    ctx.person_id  # noqa: B018 - a guest is told so
    return uploaded(await media.complete(ctx, id=id))


@router.delete("/media/uploads/{id}", status_code=204, summary="Give an upload up")
async def abandon(id: UUID, ctx: Ctx, media: Service) -> None:
    await media.abandon(ctx, id=id)


@router.put(
    "/media/parts/{ticket}",
    status_code=204,
    summary="Where a signed request sends a part, when the store takes none itself",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def put_part(ticket: str, request: Request, ctx: Ctx, media: Service) -> None:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > PART_BYTES:
            raise UploadOversize(expectedBytes=PART_BYTES)
    content_type = request.headers.get("content-type", "")
    await media.put_part(ctx, ticket=ticket, content=bytes(content), content_type=content_type)


@router.get("/media/usage", summary="How much one's vendor keeps, and may keep")
async def usage(ctx: Ctx, media: Service) -> Usage:
    return await media.usage(ctx, vendor_id=ctx.acting_vendor)


class RoomBody(Body):
    """What is left out is as for all vendors."""

    files_max: FilesMax | None = None
    size_max_bytes: SizeMax | None = None


@router.get("/admin/vendors/{id}/media", summary="How much a vendor keeps, and may keep")
async def usage_of(id: UUID, ctx: Ctx, media: Service) -> Usage:
    return await media.usage_of(ctx, vendor_id=id)


@router.put("/admin/vendors/{id}/media", summary="How much a vendor may keep")
async def set_room(id: UUID, body: RoomBody, ctx: Ctx, media: Service) -> Usage:
    return await media.set_room(
        ctx, vendor_id=id, files_max=body.files_max, size_max_bytes=body.size_max_bytes
    )


@router.delete("/media/{id}", status_code=204, summary="Remove a file that nothing shows")
async def remove(id: UUID, ctx: Ctx, media: Service) -> None:
    await media.remove(ctx, id=id)


def _vendor(ctx: Context, kind: Kind) -> UUID | None:
    """Pictures of goods and shops are a vendor's; others are their sender's own."""
    return ctx.acting_vendor if kind in OF_VENDORS else None


def uploaded(kept: MediaFile) -> Uploaded:
    urls = {"original": f"/media/{kept.id}"}
    if not kept.is_film:
        urls |= {str(width): f"/media/{kept.id}/{width}" for width in WIDTHS}
    return Uploaded(
        id=kept.id,
        content_type=kept.content_type,
        size_bytes=kept.size_bytes,
        width=kept.width,
        height=kept.height,
        poster_id=kept.poster_id,
        urls=urls,
    )
