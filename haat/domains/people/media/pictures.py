"""Decoding what strangers send and encoding what we serve. All of it is slow and takes memory: it
runs in a process of its own (see `workshop`), which starts quickly because it imports little.

Nothing of the bytes that were sent is ever served: pixels are decoded and encoded again, so that
what hid behind, before or between them is gone.
"""

import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageCms, ImageOps
from PIL.Image import DecompressionBombError, Resampling

SIZE_MAX = 10 * 1024 * 1024
PIXELS_MAX = 40_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
SIDE_MAX = 16_000  # WebP knows no side longer than 16,383
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_QUALITY = 90
# Of about the same look; AVIF at this speed takes no longer than WebP.
_RENDITIONS: dict[str, dict[str, object]] = {
    "webp": {"quality": 80, "method": 4},
    "avif": {"quality": 60, "speed": 8, "max_threads": 1},
}
_PNG_END = b"IEND\xaeB\x60\x82"
_END_BYTES = 1024
# What decoders raise on bytes that are not what they pretend to be.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)
# Text that makes a browser or an interpreter take a picture for something else.
_ACTIVE = (b"%pdf-", b"<script", b"<html", b"<!doctype", b"<?php", b"<svg", b"<iframe")


class Broken(Exception):
    """This is no picture we can read."""


class Huge(Exception):
    """This picture has too many bytes or pixels."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A picture made harmless: upright, in sRGB, without metadata."""

    content_type: str
    data: bytes
    width: int
    height: int


def pixels(content: bytes) -> int:
    """How many it says to have, which costs nothing to read; 0 where it says nothing."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            return opened.size[0] * opened.size[1]
    except (DecompressionBombError, *_BROKEN):
        return 0


def clean(content: bytes) -> Clean:
    """Decodes all of it and encodes it again. Raises Broken or Huge."""
    if len(content) > SIZE_MAX:
        raise Huge
    if _is_something_else(content):
        raise Broken("This file is a picture and something else at once.")
    try:
        kind = _verified(content)
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            picture = _plain(_upright(opened))
            return _encoded(picture, kind)
    except DecompressionBombError:
        raise Huge from None
    except _BROKEN:
        raise Broken from None


def renditions(content: bytes, widths: Sequence[int], format: str) -> dict[int, bytes]:
    """Pictures of one of our own originals in "webp" or "avif", none wider than the original."""
    made = {}
    with Image.open(BytesIO(content), formats=FORMATS) as original:
        if original.format == "JPEG":
            original.draft("RGB", (2 * max(widths), 2 * max(widths)))  # decodes what is needed
        original.load()
        picture = original if original.mode in ("RGB", "RGBA") else _plain(original)
        if picture.mode == "L":
            picture = picture.convert("RGB")
        for width in sorted(widths, reverse=True):
            # Each from the one before: as good to look at, and far less to compute.
            if width < picture.width:
                height = max(1, round(picture.height * width / picture.width))
                picture = picture.resize((width, height), Resampling.LANCZOS, reducing_gap=3.0)
            made[width] = _saved(picture, format.upper(), **_RENDITIONS[format])
    return made


def _is_something_else(content: bytes) -> bool:
    # Only where others look for it: within compressed pixels such bytes occur by chance.
    ends = (content[:_END_BYTES] + b" " + content[-_END_BYTES:]).lower()
    return any(mark in ends for mark in _ACTIVE) or zipfile.is_zipfile(BytesIO(content))


def _verified(content: bytes) -> str:
    """The format, once sizes are allowed and checksums right; the pixels are not decoded yet."""
    with Image.open(BytesIO(content), formats=FORMATS) as opened:
        kind = opened.format or ""
        width, height = opened.size
        if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX:
            raise Huge
        opened.verify()
    # The end must be there too, which decoders that have all pixels do not look for.
    if kind == "PNG" and _PNG_END not in content:
        raise Broken
    if kind == "GIF" and not content.rstrip(b"\0").endswith(b";"):
        raise Broken
    if kind == "WEBP" and len(content) < 8 + struct.unpack_from("<I", content, 4)[0]:
        raise Broken
    return "JPEG" if kind == "MPO" else kind  # a camera's JPEG with a second view behind


def _upright(opened: Image.Image) -> Image.Image:
    opened.load()
    profile = opened.info.get("icc_profile")
    ImageOps.exif_transpose(opened, in_place=True)
    return _in_srgb(opened, profile) if profile else opened


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """The same colours without the profile that explains them; as they are if it is nonsense."""
    if picture.mode not in ("RGB", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        found = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
    return found or picture


def _plain(picture: Image.Image) -> Image.Image:
    """In one of the modes L, RGB and RGBA."""
    if picture.mode in ("L", "RGB", "RGBA"):
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return picture.convert("I").point(lambda value: value / 256).convert("L")  # 16 bits a pixel
    if picture.mode in ("LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _encoded(picture: Image.Image, kind: str) -> Clean:
    if kind == "JPEG":
        shown = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
        data = _saved(shown, "JPEG", quality=_QUALITY, optimize=True)
    elif kind == "WEBP":
        data = _saved(picture, "WEBP", quality=_QUALITY, method=4)
    else:
        kind = "PNG"  # a GIF's one picture loses nothing in it
        data = _saved(picture, "PNG", compress_level=6)
    return Clean(_TYPES[kind], data, picture.width, picture.height)


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """Encoded from pixels alone: Pillow would also write what it finds in `info`."""
    picture.info = {}
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
