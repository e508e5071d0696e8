"""Resumable uploads as tus 1.0.0 has them (https://tus.io/protocols/resumable-upload): the core
protocol with creation, creation-with-upload, expiration, checksum and termination.

The address of an upload holds its ticket, which is all the right one needs there.
"""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from email.utils import format_datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field, ValidationError
from starlette.requests import ClientDisconnect

from haat.domains.people.media.api import Arrived, ChecksumDiffers, Media, UploadOversize
from haat.domains.people.media.routes import Service, router
from haat.domains.people.media.sessions import (
    OF_VENDORS,
    PART_BYTES,
    PARTS_MAX,
    Alt,
    Kind,
    Sha256,
)
from haat.engines.http import Ctx
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Problem
from haat.kernel.model import Model

VERSION = "1.0.0"
OFFSET_TYPE = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
ALGORITHMS = ("sha1", "sha256", "md5")
STEP_BYTES = 4 * 1024 * 1024  # what is kept at a time, and so lost at most
METADATA_MAX = 4096
_COMMON = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}


class TusVersion(Problem, code="tus_version"):
    """Send Tus-Resumable: 1.0.0."""

    status: ClassVar[int] = 412


class TusType(Problem, code="tus_type"):
    """Send the bytes as application/offset+octet-stream."""

    status: ClassVar[int] = 415


class TusHeader(Invalid, code="tus_header"):
    """A header of this request is missing or cannot be read."""

    status: ClassVar[int] = 400


async def _version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise TusVersion(supported=VERSION)


class Announced(Model):
    """What Upload-Length and Upload-Metadata say."""

    size_bytes: Annotated[int, Field(ge=1)]
    filetype: str = ""
    kind: Kind = "other"
    alt: Alt = ""
    sha256: Sha256 | None = None
    poster: UUID | None = None


__all__ = ["router"]
SPOKEN: Any = [Depends(_version)]


@router.options("/media/tus", status_code=204, summary="What of the protocol tus is spoken here")
async def options() -> Response:
    return _answer(
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(PARTS_MAX * PART_BYTES),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post(
    "/media/tus",
    status_code=201,
    summary="Begin a resumable upload (tus 1.0); metadata: filetype, kind, alt, sha256, poster",
    response_class=Response,
)
async def create(request: Request, ctx: Ctx, media: Service) -> Response:
    ctx.person_id  # noqa: B018 - a guest is told so before anything else
    await _version(request)
    said = _announced(request)
    upload = await media.begin_upload(
        ctx,
        id=ctx.new_id(),
        kind=said.kind,
        content_type=said.filetype,
        size_bytes=said.size_bytes,
        protocol="tus",
        vendor_id=ctx.acting_vendor if said.kind in OF_VENDORS else None,
        digest=said.sha256,
        alt=said.alt,
        poster_id=said.poster,
    )
    assert upload.tus_url is not None
    ticket = upload.tus_url.rpartition("/")[2]
    found = await media.arrived(ctx, ticket=ticket)
    if request.headers.get("content-type") == OFFSET_TYPE:
        found = await _receive(request, ctx, media, ticket, found)
    return _answer(201, {"Location": upload.tus_url, **_progress(found)})


@router.head("/media/tus/{ticket}", dependencies=SPOKEN, summary="How far it is")
async def progress(ticket: str, ctx: Ctx, media: Service) -> Response:
    found = await media.arrived(ctx, ticket=ticket)
    return _answer(200, {"Upload-Length": str(found.size_bytes), **_progress(found)})


@router.patch(
    "/media/tus/{ticket}",
    status_code=204,
    dependencies=SPOKEN,
    summary="The next bytes; with the last, the file is looked at and kept",
    response_class=Response,
)
async def patch(ticket: str, request: Request, ctx: Ctx, media: Service) -> Response:
    if request.headers.get("content-type") != OFFSET_TYPE:
        raise TusType
    found = await media.arrived(ctx, ticket=ticket)
    found = found.model_copy(update={"received_bytes": _number(request, "upload-offset")})
    return _answer(204, _progress(await _receive(request, ctx, media, ticket, found)))


@router.delete(
    "/media/tus/{ticket}", status_code=204, dependencies=SPOKEN, summary="Give the upload up"
)
async def terminate(ticket: str, ctx: Ctx, media: Service) -> Response:
    found = await media.arrived(ctx, ticket=ticket)
    await media.abandon(ctx, id=found.id, ticket=ticket)
    return _answer(204, {})


async def _receive(
    request: Request, ctx: Context, media: Media, ticket: str, found: Arrived
) -> Arrived:
    """Keeps the body step by step: what arrived before a connection broke need not come again.
    With a checksum it is kept whole or not at all."""
    checksum = request.headers.get("upload-checksum")
    steps = _whole(request, checksum) if checksum else _steps(request)
    first = True
    async for step in steps:
        if step or first:
            found = await media.append(
                ctx, ticket=ticket, offset=found.received_bytes, content=step
            )
        first = False
    if found.received_bytes == found.size_bytes:
        await media.complete(ctx, id=found.id, ticket=ticket)
    return found


async def _steps(request: Request) -> AsyncIterator[bytes]:
    content = bytearray()
    try:
        async for piece in request.stream():
            content += piece
            while len(content) >= STEP_BYTES:
                yield bytes(content[:STEP_BYTES])
                del content[:STEP_BYTES]
    except ClientDisconnect:
        pass  # nobody hears the answer, but the bytes are good
    yield bytes(content)


async def _whole(request: Request, checksum: str) -> AsyncIterator[bytes]:
    algorithm, _, text = checksum.partition(" ")
    if algorithm not in ALGORITHMS:
        raise TusHeader(f"Upload-Checksum takes {', '.join(ALGORITHMS)}.")
    try:
        wanted = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise TusHeader("The checksum is not base64.") from None
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > PART_BYTES:
            raise UploadOversize(
                "With a checksum send at most 8 MiB at a time.", maxBytes=PART_BYTES
            )
    # The protocol's own choices; whoever wants more gives sha256.
    if hashlib.new(algorithm, content, usedforsecurity=False).digest() != wanted:
        raise ChecksumDiffers
    yield bytes(content)


def _progress(found: Arrived) -> dict[str, str]:
    return {
        "Upload-Offset": str(found.received_bytes),
        "Upload-Expires": format_datetime(found.expires_at, usegmt=True),
    }


def _answer(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers={**_COMMON, **headers})


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise TusHeader(f"{name.title()} is missing or no number.")
    return int(text)


def _announced(request: Request) -> Announced:
    said = _metadata(request.headers.get("upload-metadata", ""))
    known = {name: said[name] for name in Announced.model_fields if name in said}
    size = _number(request, "upload-length")
    try:
        return Announced.model_validate({**known, "size_bytes": size})
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0]) if wrong["loc"] else "Upload-Metadata"
        raise Invalid.at(name, str(wrong["msg"])) from None


def _metadata(text: str) -> dict[str, str]:
    """`key base64,key base64`: RFC-less, but the same in all clients."""
    found = {}
    if len(text) > METADATA_MAX:
        raise TusHeader("Upload-Metadata is too long.")
    for pair in filter(None, (one.strip() for one in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except ValueError:
            raise TusHeader("Upload-Metadata cannot be read.") from None
    return found
