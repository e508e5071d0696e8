"""What may be sent for what, where it lies, and which widths a picture has."""

from dataclasses import dataclass
from uuid import UUID

from haat.domains.people.media.api import (
    SIZE_MAX,
    WIDTHS,
    FilmTooLarge,
    Format,
    PictureTooLarge,
    UploadTypeRefused,
)
from haat.domains.people.media.sessions import (
    FILM_TYPES,
    PART_BYTES,
    PICTURE_TYPES,
    Kind,
)
from haat.kernel.errors import Invalid

# Which kinds take videos too.
FILMS = frozenset({"product", "review", "post"})
# Of these kinds whoever shows a file says so: what nobody claims, nobody needs.
CLAIMED: frozenset[Kind] = frozenset({"product", "vendor", "return"})
PREFIXES: dict[Kind, str] = {
    "product": "products",
    "vendor": "vendors",
    "return": "returns",
    "review": "reviews",
    "post": "posts",
    "other": "media",
}
FORMATS: tuple[Format, ...] = ("webp", "avif")


@dataclass(frozen=True, slots=True)
class Span:
    """One part of an upload."""

    number: int
    start: int
    size: int


def is_film(content_type: str) -> bool:
    return content_type in FILM_TYPES


def check_declared(kind: Kind, content_type: str, size: int, film_max: int) -> None:
    """UploadTypeRefused, PictureTooLarge or FilmTooLarge before a byte is sent."""
    if size < 1:
        raise Invalid.at("sizeBytes", "There must be something to send.", "empty")
    types = PICTURE_TYPES + (FILM_TYPES if kind in FILMS else ())
    if content_type not in types:
        raise UploadTypeRefused.at(
            "contentType", f"Send one of {', '.join(types)}.", "upload_type", types=list(types)
        )
    if is_film(content_type):
        if size > film_max:
            raise FilmTooLarge(f"A video may have {film_max >> 20} MiB.", maxBytes=film_max)
    elif size > SIZE_MAX:
        raise PictureTooLarge(maxBytes=SIZE_MAX)


def spans(size: int) -> list[Span]:
    """The parts a file of this many bytes is sent in."""
    return [
        Span(number, start, min(PART_BYTES, size - start))
        for number, start in enumerate(range(0, size, PART_BYTES))
    ]


def made_widths(width: int) -> tuple[int, ...]:
    """The widths a picture this wide is made in: one is never drawn larger than it is, and the
    smallest that is not narrower stands for all above."""
    narrower = tuple(one for one in WIDTHS if one < width)
    return (*narrower, *WIDTHS[len(narrower) : len(narrower) + 1])


def made_width(wanted: int, width: int) -> int:
    """Which of the made widths answers for this one."""
    return min(wanted, made_widths(width)[-1])


def folder(kind: Kind, id: UUID, digest: str) -> str:
    """Where a file and its renditions lie. It names the content, so that two uploads under one id
    cannot mix."""
    return f"{PREFIXES[kind]}/{id.hex[-2:]}/{id}/{digest[:32]}"


def rendition_name(width: int, format: Format) -> str:
    return f"{width}" if format == "webp" else f"{width}.{format}"


def staging(id: UUID) -> str:
    """Where the bytes of an upload lie until it is kept."""
    return f"uploads/{id.hex[-2:]}/{id}"
