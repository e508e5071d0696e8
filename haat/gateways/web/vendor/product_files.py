"""Files of a product's form: kept at once, because a page that is shown again cannot give files
back; and what a browser with JavaScript sends beforehand, in steps."""

from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.datastructures import UploadFile

from haat.domains.people.media.api import (
    PIECE_MAX,
    SIZE_MAX,
    Media,
    MediaFile,
    Picture,
    PictureTooLarge,
)
from haat.gateways.web.vendor import product_form as fields
from haat.gateways.web.vendor.portal import Team, vendor_of
from haat.gateways.web.visit import Visit
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.model import Body

router = APIRouter()
UPLOADED = "uploaded"  # the field with the ids of what was sent beforehand
FILES_MAX = 100
# Where the form tells of a problem with a file.
AT = {
    "not_a_picture": "pictures",
    "picture_too_large": "pictures",
    "media_quota_full": "pictures",
    "not_a_film": "film",
    "film_too_large": "film",
    "poster_needed": "film",
    "upload_type": "film",
    "upload_expired": "film",
}


class Announced(Body):
    content_type: Annotated[str, Field(max_length=100)]
    size_bytes: Annotated[int, Field(ge=1)]


@router.post("/vendor/uploads")
async def begin(visit: Team, body: Announced) -> Response:
    """Opens an upload by tus for the page: `url` is where the bytes go, `id` what the form then
    says."""
    upload = await visit.doors[Media].begin_upload(
        visit.ctx,
        id=visit.ctx.new_id(),
        kind="product",
        content_type=body.content_type,
        size_bytes=body.size_bytes,
        protocol="tus",
        vendor_id=vendor_of(visit),
    )
    return JSONResponse({"id": str(upload.id), "url": upload.tus_url}, 201)


async def keep_files(visit: Visit, request: Request, values: fields.Values, form_id: UUID) -> None:
    """Pictures and a video that came with the form, as rows behind those it has."""
    sent: Any = await request.form()
    rows = fields.picture_rows(values)
    fields.put_rows(values, "pictures", rows)

    def add(file: MediaFile, film_id: UUID | None = None) -> None:
        known = {row["media"] for row in rows}
        if str(file.id) in known:
            return
        picture = Picture(
            media_id=file.id, width=file.width, height=file.height, alt=file.alt, film_id=film_id
        )
        rows.append(fields.picture_row(picture, len(rows) + 1))
        fields.put_rows(values, "pictures", rows)

    for one in await _sent_beforehand(visit, values):
        _check_room(visit, rows)
        add(one)
    for file in (f for f in sent.getlist("new_pictures") if _is_file(f)):
        _check_room(visit, rows)
        add(await _picture(visit, file, form_id))
    film, poster = sent.get("film"), sent.get("poster")
    if _is_file(film):
        if not _is_file(poster):
            raise Invalid.at("film", "Choose the picture it is shown by, too.", "poster_needed")
        _check_room(visit, rows)
        shown_by = await _picture(visit, poster, form_id)
        add(shown_by, (await _film(visit, film, form_id, shown_by.id)).id)


def _is_file(found: Any) -> bool:
    return isinstance(found, UploadFile) and bool(found.filename)


def _check_room(visit: Visit, rows: list[fields.Values]) -> None:
    most = visit.market.pictures_max
    if len(rows) >= most:
        raise Invalid.at("pictures", f"A product has at most {most} pictures.", "pictures_full")


async def _sent_beforehand(visit: Visit, values: fields.Values) -> list[MediaFile]:
    """In the order they were chosen; what is no id of a file is left out."""
    ids = []
    for text in values.pop(UPLOADED, "").split()[:FILES_MAX]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    if not ids:
        return []
    found = {file.id: file for file in await visit.doors[Media].files(visit.ctx, ids=ids)}
    return [found[id] for id in ids if id in found]


async def _picture(visit: Visit, file: UploadFile, form_id: UUID) -> MediaFile:
    content = await file.read(SIZE_MAX + 1)
    if len(content) > SIZE_MAX:
        raise PictureTooLarge
    kept: MediaFile = await visit.doors[Media].upload(
        visit.ctx,
        id=fields.picture_id(form_id, content),
        content=content,
        vendor_id=vendor_of(visit),
        kind="product",
    )
    return kept


async def _film(visit: Visit, file: UploadFile, form_id: UUID, poster_id: UUID) -> MediaFile:
    """Handed on step by step: a video is never in memory as a whole. The same video in the same
    form is the same upload, which goes on where it stopped."""
    media: Media = visit.doors[Media]
    digest, size = sha256(), 0
    while piece := await file.read(PIECE_MAX):
        digest.update(piece)
        size += len(piece)
    upload = await media.begin_upload(
        visit.ctx,
        id=derive(form_id, f"film:{digest.hexdigest()}:{poster_id}"),
        kind="product",
        content_type=file.content_type or "",
        size_bytes=size,
        protocol="tus",
        vendor_id=vendor_of(visit),
        digest=digest.hexdigest(),
        poster_id=poster_id,
    )
    if upload.status == "open" and upload.tus_url is not None:
        ticket, at = upload.tus_url.rpartition("/")[2], upload.received_bytes
        await file.seek(at)
        while piece := await file.read(PIECE_MAX):
            found = await media.append(visit.ctx, ticket=ticket, offset=at, content=piece)
            at = found.received_bytes
    return await media.complete(visit.ctx, id=upload.id)
