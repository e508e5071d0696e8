"""Pictures over REST, and their addresses at the root of the site."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Request, Response, UploadFile

from haat.domains.people.media.api import SIZE_MAX, WIDTHS, Media
from haat.engines.http import Ctx, Door
from haat.kernel.model import Model

router = APIRouter(tags=["media"])
# Mounted at the root of the site: `/media/{id}` is an address that pages and mails keep.
media_router = APIRouter(tags=["media"])

Service = Annotated[Media, Door(Media)]

_FOREVER = "public, max-age=31536000, immutable"
_FOR_NOW = "public, max-age=5"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
}


class Uploaded(Model):
    """A kept picture; `urls` has "original" and one address for each width."""

    id: UUID
    content_type: str
    size_bytes: int
    width: int
    height: int
    urls: dict[str, str]


@router.post("/media", status_code=201, summary="Upload a picture")
async def upload(file: Annotated[UploadFile, File()], ctx: Ctx, media: Service) -> Uploaded:
    # One byte more than allowed is enough to know; the rest of a larger file is left where it is.
    content = await file.read(SIZE_MAX + 1)
    kept = await media.upload(ctx, id=ctx.new_id(), content=content)
    urls = {"original": f"/media/{kept.id}", **{str(w): f"/media/{kept.id}/{w}" for w in WIDTHS}}
    return Uploaded(**kept.model_dump(by_alias=False, exclude={"ready"}), urls=urls)


@media_router.api_route(
    "/media/{id}", methods=["GET", "HEAD"], response_class=Response, include_in_schema=False
)
async def original(id: UUID, request: Request, ctx: Ctx, media: Service) -> Response:
    return await _serve(request, ctx, media, id, None)


@media_router.api_route(
    "/media/{id}/{width}", methods=["GET", "HEAD"], response_class=Response, include_in_schema=False
)
async def rendition(id: UUID, width: int, request: Request, ctx: Ctx, media: Service) -> Response:
    return await _serve(request, ctx, media, id, width)


async def _serve(request: Request, ctx: Ctx, media: Media, id: UUID, width: int | None) -> Response:
    tag = f'"{id}-{width or 0}"'
    if request.headers.get("if-none-match") == tag:
        # Only a final answer has a tag, and what is under an id never changes.
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": _FOREVER})
    found = await media.content(ctx, id=id, width=width)
    headers = {**_HEADERS, "Cache-Control": _FOREVER if found.final else _FOR_NOW}
    if found.final:
        headers["ETag"] = tag
    return Response(found.data, media_type=found.content_type, headers=headers)
