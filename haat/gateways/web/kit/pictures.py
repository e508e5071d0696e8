"""Where pictures are: addresses for `<picture>`, of this site or of the CDN in front of it.

`HAAT_MEDIA_URL` (https://cdn.example.com) is where readers fetch /media/… from; without it, here.
"""

from functools import cache
from urllib.parse import urlsplit
from uuid import UUID

from haat.domains.people.media.api import WIDTHS, Format, Picture
from haat.kernel.settings import Settings

SHOWN_WIDTH = 640  # for readers that choose none
SQUARE = (480, 480)  # of a picture whose size nobody wrote down: pages show it in a square


class PictureSettings(Settings):
    media_url: str = ""


@cache
def base() -> str:
    """The CDN's address without a slash behind it, or nothing."""
    url = PictureSettings().media_url.rstrip("/")
    if url and urlsplit(url).scheme not in ("https", "http"):
        raise ValueError("HAAT_MEDIA_URL is no address: write https://…")
    return url


def origin() -> str:
    """The CDN's origin for a content policy, or nothing."""
    parts = urlsplit(base())
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def media(id: UUID | None, alt: str = "") -> Picture | None:
    """The picture of an id alone, as a logo's."""
    return Picture(media_id=id, alt=alt) if id else None


def file_url(id: UUID) -> str:
    """The original: what a link leads to, or a video."""
    return f"{base()}/media/{id}"


def rendition_url(id: UUID, width: int, format: Format = "webp") -> str:
    return f"{base()}/media/{id}/{width}.{format}"


def widths_of(picture: Picture) -> list[tuple[int, int]]:
    """(address, real width) of the renditions: none is wider than the original, where that is
    known."""
    if picture.width is None:
        return [(width, width) for width in WIDTHS]
    narrower = [width for width in WIDTHS if width < picture.width]
    last = WIDTHS[len(narrower) : len(narrower) + 1]
    return [*((width, width) for width in narrower), *((one, picture.width) for one in last)]


def srcset(picture: Picture | None, format: Format = "webp") -> str:
    """The renditions of one of our pictures for `srcset`; empty for a linked one."""
    if picture is None or picture.media_id is None:
        return ""
    id = picture.media_id
    return ", ".join(f"{rendition_url(id, at, format)} {w}w" for at, w in widths_of(picture))


def size_of(picture: Picture | None) -> tuple[int, int]:
    """Width and height to write down, so that a page does not jump when the picture comes."""
    if picture is None or picture.width is None or picture.height is None:
        return SQUARE
    return picture.width, picture.height
