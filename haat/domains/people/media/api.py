"""Pictures and files: uploaded, checked, kept in blob storage, served in several widths.

Addresses follow from the id alone: `/media/{id}` is the original, `/media/{id}/{width}` a WebP
rendition in one of WIDTHS. A rendition that is not made yet is answered with the original.
"""

import base64
import binascii
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, PlainSerializer

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid, TooLarge
from haat.kernel.events import Event
from haat.kernel.model import Model

WIDTHS = (160, 480, 960)
SIZE_MAX = 10 * 1024 * 1024
PIXELS_MAX = 40_000_000


def _bytes(value: Any) -> Any:
    """Base64 text as the bytes it stands for; bytes as they are."""
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("This is not base64.") from None
    return value


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


# JSON has no bytes: between processes they travel as base64.
Bytes = Annotated[
    bytes, BeforeValidator(_bytes), PlainSerializer(_base64, return_type=str, when_used="json")
]


class MediaIdTaken(Conflict, code="media_id_taken"):
    """There is another file under this id."""


class NotAPicture(Invalid, code="not_a_picture"):
    """This file is not a picture we can read (JPEG, PNG, WebP or GIF)."""


class PictureTooLarge(TooLarge, code="picture_too_large"):
    """This picture is larger than 10 MiB or 40 megapixels."""


class MediaFile(Model):
    id: UUID
    content_type: str
    size_bytes: int
    width: int
    height: int
    ready: bool  # all renditions are made


class Picture(Model):
    """A picture as others refer to it: ours by `media_id`, or a link elsewhere by `url`."""

    media_id: UUID | None = None
    url: Annotated[str, Field(max_length=2000)] | None = None
    alt: Annotated[str, Field(max_length=300)] = ""


class MediaUploaded(Event, name="media.uploaded", key="media_id"):
    media_id: UUID


class Content(Model):
    """Bytes to serve."""

    content_type: str
    data: Bytes
    final: bool  # False: the rendition is not made yet; do not cache for long


class Media(Contract, name="media"):
    @command(scope="person", timeout_s=30)
    async def upload(
        self, ctx: Context, *, id: UUID, content: Bytes, vendor_id: UUID | None = None
    ) -> MediaFile:
        """Keeps a picture. The type is told from the content; metadata (EXIF) is stripped; of an
        animation the first picture is kept.

        NotAPicture or PictureTooLarge otherwise, and nothing is kept. The same id with the same
        content again answers the file that is there; with other content, MediaIdTaken.
        """

    @query()
    async def files(self, ctx: Context, *, ids: list[UUID]) -> list[MediaFile]: ...

    @query(timeout_s=30)
    async def content(self, ctx: Context, *, id: UUID, width: int | None = None) -> Content:
        """NotFound for an unknown id or a width that is not one of WIDTHS."""
