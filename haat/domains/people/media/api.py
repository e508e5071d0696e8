"""Pictures and videos: uploaded, checked, kept in blob storage, pictures served in several widths.

Addresses follow from the id alone: `/media/{id}` is the original, `/media/{id}/{width}.avif` and
`….webp` are renditions in one of WIDTHS, `/media/{id}/{width}` the better of the two that the
reader takes. One that is not made yet is answered with what there is.
"""

import base64
import binascii
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, PlainSerializer

from haat.domains.people.media.sessions import (
    Alt,
    Arrived,
    ChecksumDiffers,
    Claim,
    DigestDiffers,
    FilesMax,
    FilmTooLarge,
    Kind,
    MediaInUse,
    NotAFilm,
    OffsetDiffers,
    PosterNeeded,
    Protocol,
    QuotaFull,
    Sha256,
    SignedRequest,
    SizeMax,
    Upload,
    UploadExpired,
    UploadIdTaken,
    UploadIncomplete,
    UploadNotOpen,
    UploadOversize,
    UploadTypeRefused,
    Usage,
)
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid, TooLarge
from haat.kernel.events import Event
from haat.kernel.model import Exact, Model

# What stands in `sessions.py` and is as public as the rest.
__all__ = [
    "PIECE_MAX",
    "PIXELS_MAX",
    "SIZE_MAX",
    "WIDTHS",
    "Arrived",
    "Bytes",
    "ChecksumDiffers",
    "Claim",
    "Content",
    "DigestDiffers",
    "FilmTooLarge",
    "Format",
    "Kind",
    "Media",
    "MediaFile",
    "MediaIdTaken",
    "MediaInUse",
    "MediaUploaded",
    "NotAFilm",
    "NotAPicture",
    "OffsetDiffers",
    "Picture",
    "PictureTooLarge",
    "Piece",
    "PosterNeeded",
    "QuotaFull",
    "SignedRequest",
    "Upload",
    "UploadExpired",
    "UploadIdTaken",
    "UploadIncomplete",
    "UploadNotOpen",
    "UploadOversize",
    "UploadTypeRefused",
    "Usage",
]

WIDTHS = (160, 320, 480, 640, 960, 1280)
SIZE_MAX = 10 * 1024 * 1024
PIXELS_MAX = 40_000_000
PIECE_MAX = 4 * 1024 * 1024  # of a file that is read in pieces

Format = Literal["avif", "webp"]


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
    width: int  # in pixels; of a video, its poster's
    height: int
    ready: bool  # it can be shown in all widths
    kind: Kind = "other"
    alt: str = ""
    poster_id: UUID | None = None  # the picture a video is shown by

    @property
    def is_film(self) -> bool:
        return self.content_type.startswith("video/")


class Picture(Exact):
    """A picture as others refer to it: ours by `media_id`, or a link elsewhere by `url`.

    `width` and `height` are the original's, where they are known. With `film_id` it stands for
    that video, which plays in its place.
    """

    media_id: UUID | None = None
    url: Annotated[str, Field(max_length=2000)] | None = None
    alt: Annotated[str, Field(max_length=300)] = ""
    width: Annotated[int, Field(ge=1, le=100_000)] | None = None
    height: Annotated[int, Field(ge=1, le=100_000)] | None = None
    film_id: UUID | None = None


class MediaUploaded(Event, name="media.uploaded", key="media_id"):
    media_id: UUID


class Content(Model):
    """Bytes to serve."""

    content_type: str
    data: Bytes
    final: bool  # False: the rendition is not made yet; do not cache for long


class Piece(Model):
    """Some bytes of a file, and how many it has in all."""

    content_type: str
    data: Bytes
    size_bytes: int


class Media(Contract, name="media"):
    @command(scope="person", timeout_s=30)
    async def upload(
        self,
        ctx: Context,
        *,
        id: UUID,
        content: Bytes,
        vendor_id: UUID | None = None,
        kind: Kind = "other",
    ) -> MediaFile:
        """Keeps a picture. The type is told from the content; metadata (EXIF) is stripped; of an
        animation the first picture is kept.

        NotAPicture, PictureTooLarge or QuotaFull otherwise, and nothing is kept. The same id with
        the same content again answers the file that is there; with other content, MediaIdTaken.
        """

    @query()
    async def files(self, ctx: Context, *, ids: list[UUID]) -> list[MediaFile]: ...

    @query(timeout_s=30)
    async def content(
        self, ctx: Context, *, id: UUID, width: int | None = None, format: Format = "webp"
    ) -> Content:
        """NotFound for an unknown id or a width that is not one of WIDTHS."""

    @query(timeout_s=30)
    async def piece(
        self,
        ctx: Context,
        *,
        id: UUID,
        start: Annotated[int, Field(ge=0)],
        length: Annotated[int, Field(ge=0, le=PIECE_MAX)],
    ) -> Piece:
        """Of the original; fewer bytes at its end. NotFound for an unknown id."""

    @command(scope="person")
    async def begin_upload(
        self,
        ctx: Context,
        *,
        id: UUID,
        kind: Kind,
        content_type: str,
        size_bytes: Annotated[int, Field(ge=1)],
        protocol: Protocol = "parts",
        vendor_id: UUID | None = None,
        digest: Sha256 | None = None,
        alt: Alt = "",
        poster_id: UUID | None = None,
    ) -> Upload:
        """Opens an upload; room for it is kept until it ends. The same again answers the same.

        UploadTypeRefused, PictureTooLarge, FilmTooLarge, PosterNeeded, QuotaFull; UploadIdTaken
        where the id is another upload's.
        """

    @query(scope="person")
    async def upload_of(self, ctx: Context, *, id: UUID) -> Upload:
        """One's own upload as it is, with fresh requests for what is missing. NotFound."""

    @command(timeout_s=30, repeatable=True)
    async def put_part(
        self, ctx: Context, *, ticket: str, content: Bytes, content_type: str
    ) -> None:
        """What came with one of our own signed requests. LinkInvalid, LinkExpired, UploadDiffers,
        UploadTooLong, and nothing is stored."""

    @query()
    async def arrived(self, ctx: Context, *, ticket: str) -> Arrived:
        """LinkInvalid, LinkExpired; NotFound once it is forgotten; UploadExpired."""

    @command(timeout_s=30)
    async def append(
        self, ctx: Context, *, ticket: str, offset: Annotated[int, Field(ge=0)], content: Bytes
    ) -> Arrived:
        """The next bytes of an upload by tus. Of two who send at once one is told OffsetDiffers.
        UploadOversize; as `arrived` otherwise."""

    @command(timeout_s=120, repeatable=True)
    async def complete(self, ctx: Context, *, id: UUID, ticket: str = "") -> MediaFile:
        """Looks at what arrived and keeps it, or refuses it and keeps nothing. By its owner, or
        whoever holds the ticket. Again, it answers the same.

        UploadIncomplete leaves it open. UploadOversize, DigestDiffers, NotAPicture,
        PictureTooLarge, NotAFilm and QuotaFull end it, UploadExpired says that it has ended.
        """

    @command(repeatable=True)
    async def abandon(self, ctx: Context, *, id: UUID, ticket: str = "") -> None:
        """Ends an upload and forgets its bytes. UploadNotOpen once it is kept."""

    @command(repeatable=True)
    async def claim(
        self, ctx: Context, *, claims: Annotated[list[Claim], Field(max_length=1000)]
    ) -> None:
        """Says which files are in use, and which are not any more. For modules; files that are
        not there are passed over."""

    @query()
    async def usage(self, ctx: Context, *, vendor_id: UUID) -> Usage:
        """A vendor's, for its whole team."""

    @query(scope="staff:vendors")
    async def usage_of(self, ctx: Context, *, vendor_id: UUID) -> Usage:
        """As `usage`, of any vendor."""

    @command(scope="staff:vendors")
    async def set_room(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        files_max: FilesMax | None = None,
        size_max_bytes: SizeMax | None = None,
    ) -> Usage:
        """How much this vendor may keep; None: as much as all. What is there stays, whatever the
        number."""

    @command(scope="person", repeatable=True)
    async def remove(self, ctx: Context, *, id: UUID) -> None:
        """Removes a file of one's own that nobody shows. MediaInUse."""
