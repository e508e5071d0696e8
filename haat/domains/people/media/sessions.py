"""Uploads in several requests: what they are, and how they fail. Public, as `api.py` is."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.errors import Conflict, Gone, Invalid, Problem, TooLarge
from haat.kernel.model import Model

PART_BYTES = 8 * 1024 * 1024  # of a signed part, and the most one call between processes takes
PARTS_MAX = 128
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
FILM_TYPES = ("video/mp4", "video/webm")

# What a file is for: where it lies, what may be sent, and how much of it.
Kind = Literal["product", "vendor", "return", "review", "post", "other"]
OF_VENDORS: frozenset[Kind] = frozenset({"product", "vendor"})  # others are their sender's own
UploadStatus = Literal["open", "kept", "refused", "ended"]
Protocol = Literal["parts", "tus"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Alt = Annotated[str, Field(max_length=300)]


class UploadTypeRefused(Invalid, code="upload_type"):
    """Files of this type are not taken here."""


class UploadExpired(Gone, code="upload_expired"):
    """This upload has ended; begin a new one."""


class UploadIncomplete(Conflict, code="upload_incomplete"):
    """Not all of it has arrived; `missing` says which parts."""


class UploadNotOpen(Conflict, code="upload_not_open"):
    """This upload is not open any more."""


class UploadIdTaken(Conflict, code="upload_id_taken"):
    """There is another upload under this id."""


class OffsetDiffers(Conflict, code="upload_offset"):
    """The bytes go on from another place; `offset` says from where."""


class UploadOversize(TooLarge, code="upload_oversize"):
    """More arrived than the upload was opened for."""


class DigestDiffers(Invalid, code="digest_differs"):
    """What arrived has another SHA-256 than was announced."""


class ChecksumDiffers(Problem, code="checksum_differs"):
    """These bytes were damaged on their way; send them again."""

    status: ClassVar[int] = 460  # that of the protocol tus


class NotAFilm(Invalid, code="not_a_film"):
    """This file is not a video we can show (MP4 or WebM)."""


class FilmTooLarge(TooLarge, code="film_too_large"):
    """This video is larger than allowed."""


class PosterNeeded(Invalid, code="poster_needed"):
    """A video needs a picture to be shown by: upload one first and give its id as posterId."""


class QuotaFull(Conflict, code="media_quota_full"):
    """There is no room for more files; remove some that are not used."""


class MediaInUse(Conflict, code="media_in_use"):
    """This file is in use, or may stand in orders."""


class SignedRequest(Model):
    """A request to send before it expires, with exactly these headers; a body as long as
    Content-Length says. An address without a host is one of this site."""

    method: str
    url: str
    headers: dict[str, str]


class UploadPart(Model):
    """`request` is there while the part is missing."""

    number: int
    start: int
    size_bytes: int
    arrived: bool
    request: SignedRequest | None = None


class Upload(Model):
    """An upload on its way. With "parts", each is sent by its signed request; with "tus", to
    `tus_url`. `file_id` once it is kept; `refused` says why it was not."""

    id: UUID
    kind: Kind
    status: UploadStatus
    content_type: str
    size_bytes: int
    protocol: Protocol
    received_bytes: int = 0
    expires_at: datetime
    parts: list[UploadPart] = []
    tus_url: str | None = None
    file_id: UUID | None = None
    refused: str | None = None


class Arrived(Model):
    """How far an upload is, for who holds its ticket."""

    id: UUID
    received_bytes: int
    size_bytes: int
    expires_at: datetime


class Claim(Model):
    """`by` ("product:<id>") shows these files, and no others any more. The newest version counts.
    `lasting`: what it shows may stand in documents from now on, so it is never removed."""

    by: Annotated[str, Field(max_length=100)]
    version: int
    ids: Annotated[list[UUID], Field(max_length=500)]
    lasting: bool = False


FilesMax = Annotated[int, Field(ge=0, le=10_000_000)]
SizeMax = Annotated[int, Field(ge=0, le=1 << 50)]


class Usage(Model):
    """How much a vendor keeps here, files on their way included, and how much it may; whether that
    is a number of its own, set by staff."""

    files: int
    size_bytes: int
    files_max: int
    size_max_bytes: int
    film_max_bytes: int = 0  # of one video
    files_own: bool = False
    size_own: bool = False
