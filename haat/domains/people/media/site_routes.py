"""The addresses of files at the root of the site, which pages and mails keep."""

import re
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from haat.domains.people.media.api import Format, Media
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

media_router = APIRouter(tags=["media"])
Service = Annotated[Media, Door(Media)]

PIECE_BYTES = 1024 * 1024
_FOREVER = "public, max-age=31536000, immutable"
_FOR_NOW = "public, max-age=5"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "Cross-Origin-Resource-Policy": "cross-origin",  # a CDN in front has another name
}
_NAME = re.compile(r"([0-9]{1,5})(?:\.(avif|webp))?")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@media_router.api_route(
    "/media/{id}", methods=["GET", "HEAD"], response_class=Response, include_in_schema=False
)
async def original(id: UUID, request: Request, ctx: Ctx, media: Service) -> Response:
    tag = f'"{id}-0"'
    if _known(request, tag):
        return _unchanged(tag)
    try:
        found = await media.content(ctx, id=id)
    except NotFound:
        return await _film(id, tag, request, ctx, media)
    headers = {**_HEADERS, "Cache-Control": _FOREVER, "ETag": tag}
    return Response(found.data, media_type=found.content_type, headers=headers)


@media_router.api_route(
    "/media/{id}/{name}", methods=["GET", "HEAD"], response_class=Response, include_in_schema=False
)
async def rendition(id: UUID, name: str, request: Request, ctx: Ctx, media: Service) -> Response:
    """`480.avif`, `480.webp`, or `480`: whichever of the two the reader takes."""
    said = _NAME.fullmatch(name)
    if said is None:
        raise NotFound
    format: Format
    if said[2]:
        format, vary = ("avif" if said[2] == "avif" else "webp"), {}
    else:
        format = "avif" if "image/avif" in request.headers.get("accept", "") else "webp"
        vary = {"Vary": "Accept"}
    tag = f'"{id}-{said[1]}-{format}"'
    if _known(request, tag):
        return _unchanged(tag, vary)
    found = await media.content(ctx, id=id, width=int(said[1]), format=format)
    headers = {**_HEADERS, **vary, "Cache-Control": _FOREVER if found.final else _FOR_NOW}
    if found.final:
        headers["ETag"] = tag
    return Response(found.data, media_type=found.content_type, headers=headers)


def _known(request: Request, tag: str) -> bool:
    """Only a final answer has a tag, and what is under an id never changes."""
    return tag in request.headers.get("if-none-match", "")


def _unchanged(tag: str, vary: dict[str, str] | None = None) -> Response:
    headers = {**(vary or {}), "ETag": tag, "Cache-Control": _FOREVER}
    return Response(status_code=304, headers=headers)


async def _film(id: UUID, tag: str, request: Request, ctx: Context, media: Media) -> Response:
    """A video, whole or the range that is asked for (RFC 9110, section 14); several ranges at once
    are answered with the whole."""
    size = (await media.piece(ctx, id=id, start=0, length=0)).size_bytes
    headers = {**_HEADERS, "Cache-Control": _FOREVER, "ETag": tag, "Accept-Ranges": "bytes"}
    wanted = None
    if request.headers.get("if-range", tag) == tag:
        wanted = _range(request.headers.get("range", ""), size)
    start, end = wanted or (0, size)
    if start >= end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    first = await media.piece(ctx, id=id, start=start, length=min(PIECE_BYTES, end - start))
    headers["Content-Length"] = str(end - start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"

    async def pieces() -> AsyncIterator[bytes]:
        at, data = start, first.data
        while data:
            yield data
            at += len(data)
            length = min(PIECE_BYTES, end - at)
            data = (await media.piece(ctx, id=id, start=at, length=length)).data if length else b""

    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=first.content_type)
    return StreamingResponse(pieces(), status, headers, first.content_type)


def _range(text: str, size: int) -> tuple[int, int] | None:
    """From and up to; None where none is asked for, an empty one where there is nothing."""
    said = _RANGE.fullmatch(text.strip())
    if said is None or not (said[1] or said[2]):
        return None
    if not said[1]:
        last = int(said[2])
        return (max(0, size - last), size) if last else (0, 0)
    start = int(said[1])
    end = min(size, int(said[2]) + 1) if said[2] else size
    if said[2] and int(said[2]) < start:
        return None  # not a range at all
    return (start, end) if start < size else (0, 0)
