import os
import random
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from haat.domains.people.media import pictures, workshop
from haat.domains.people.media.api import PIXELS_MAX, SIZE_MAX, WIDTHS
from haat.domains.people.media.pictures import Broken, Huge, clean, renditions

# Pillow warns of what it mends in broken metadata.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SECRET = b"52.5200N13.4050E"
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/png"}


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """Noise, so that it does not compress to nothing."""
    out = BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def with_metadata(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, SECRET.decode()  # turned by 90°, and a description
    info = PngInfo()
    info.add_text("Comment", SECRET.decode())
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"exif": exif, "comment": SECRET},
        "PNG": {"exif": exif, "pnginfo": info},
        "WEBP": {"exif": exif, "xmp": SECRET},
        "GIF": {"comment": SECRET},
    }
    return picture(kind, **options[kind])


@pytest.mark.parametrize("kind", FORMATS)
def test_metadata_goes_and_the_picture_stands_upright(kind: str) -> None:
    sent = with_metadata(kind)
    assert SECRET in sent
    kept = clean(sent)
    assert SECRET not in kept.data
    assert kept.content_type == FORMATS[kind]
    assert (kept.width, kept.height) == ((60, 40) if kind == "GIF" else (40, 60))
    with Image.open(BytesIO(kept.data)) as shown:
        assert shown.size == (kept.width, kept.height)
        assert not shown.getexif()
        assert "icc_profile" not in shown.info


@pytest.mark.parametrize("kind", FORMATS)
def test_whatever_is_cut_off_is_refused(kind: str) -> None:
    sent = picture(kind)
    ends = {
        *range(64),
        *(len(sent) * n // 16 for n in range(16)),
        *range(len(sent) - 16, len(sent)),
    }
    for end in ends:
        with pytest.raises(Broken):
            clean(sent[:end])


@pytest.mark.parametrize("kind", FORMATS)
def test_broken_bytes_are_refused_or_harmless(kind: str) -> None:
    chance = random.Random(1)
    sent = with_metadata(kind)
    for _ in range(150):
        broken = bytearray(sent)
        for _ in range(chance.randint(1, 30)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            kept = clean(bytes(broken))
        except (Broken, Huge):
            continue
        Image.open(BytesIO(kept.data)).load()


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(content: bytes) -> None:
    for head in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x20\0\0\0WEBP"):
        with pytest.raises((Broken, Huge)):
            clean(head + content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"MZ\x90\x00",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"P6 1 1 255 abc",
    ],
)
def test_other_types_are_refused(content: bytes) -> None:
    with pytest.raises(Broken):
        clean(content)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM", "TGA"])
def test_pictures_of_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(Broken):
        clean(picture(kind))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_is_something_else_too_is_refused(kind: str) -> None:
    sent = picture(kind)
    archive = BytesIO(sent)
    archive.seek(0, 2)
    with zipfile.ZipFile(archive, "a") as inside:
        inside.writestr("evil.class", b"x" * 100)
    for both in (
        archive.getvalue(),
        sent + b"<script>alert(1)</script>",
        sent + b"<?php system($_GET[0]); ?>",
    ):
        with pytest.raises(Broken):
            clean(both)


def test_what_is_hidden_behind_a_picture_is_not_kept() -> None:
    hidden = b"hidden" * 3000
    for kind in ("JPEG", "PNG"):
        assert b"hidden" not in clean(picture(kind) + hidden).data


def test_a_script_in_a_comment_is_refused() -> None:
    with pytest.raises(Broken):
        clean(picture("GIF", comment=b"/*<script>alert(1)</script>*/"))


def test_too_large() -> None:
    with pytest.raises(Huge):
        clean(b"\xff\xd8" + bytes(10 * 1024 * 1024))
    for size in ((7000, 6000), (16_001, 10), (30_000, 30_000)):  # the last: a bomb of 100 kB
        out = BytesIO()
        Image.new("1", size).save(out, "PNG")
        with pytest.raises(Huge):
            clean(out.getvalue())


def test_of_an_animation_the_first_picture_is_kept() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        out = BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        with Image.open(BytesIO(clean(out.getvalue()).data)) as kept:
            assert getattr(kept, "n_frames", 1) == 1
            red, green, blue = kept.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
            assert red > 240
            assert max(green, blue) < 15


@pytest.mark.parametrize(
    ("mode", "kind", "kept"),
    [
        ("1", "PNG", "L"),
        ("L", "JPEG", "L"),
        ("LA", "PNG", "RGBA"),
        ("P", "PNG", "RGB"),
        ("RGBA", "PNG", "RGBA"),
        ("RGBA", "WEBP", "RGBA"),
        ("CMYK", "JPEG", "RGB"),
        ("I;16", "PNG", "L"),
    ],
)
def test_colour_modes(mode: str, kind: str, kept: str) -> None:
    out = BytesIO()
    Image.new(mode, (30, 20)).save(out, kind)
    found = clean(out.getvalue())
    with Image.open(BytesIO(found.data)) as shown:
        assert shown.mode == kept
    assert set(renditions(found.data, WIDTHS, "webp")) == set(WIDTHS)


def test_sixteen_bits_keep_their_light() -> None:
    out = BytesIO()
    Image.new("I;16", (4, 4), 40_000).save(out, "PNG")
    with Image.open(BytesIO(clean(out.getvalue()).data)) as shown:
        assert shown.getpixel((1, 1)) == 40_000 // 256


def test_transparency_stays() -> None:
    drawn = Image.new("RGBA", (10, 10), (255, 0, 0, 0)).quantize()
    out = BytesIO()
    drawn.save(out, "GIF", transparency=drawn.getpixel((0, 0)))
    with Image.open(BytesIO(clean(out.getvalue()).data)) as shown:
        assert shown.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_renditions(kind: str) -> None:
    made = renditions(clean(picture("JPEG", (1200, 800))).data, (160, 480, 960), kind)
    shown = {width: Image.open(BytesIO(data)) for width, data in made.items()}
    assert {width: one.size for width, one in shown.items()} == {
        160: (160, 107),
        480: (480, 320),
        960: (960, 640),
    }
    assert all(one.format == kind.upper() for one in shown.values())
    assert all(not one.getexif() for one in shown.values())
    small = renditions(clean(picture("PNG", (100, 3))).data, (160,), kind)
    assert {Image.open(BytesIO(data)).size for data in small.values()} == {(100, 3)}
    tall = renditions(clean(picture("PNG", (1000, 1))).data, (160,), kind)
    assert Image.open(BytesIO(tall[160])).size == (160, 1)


def test_transparency_stays_in_renditions() -> None:
    out = BytesIO()
    Image.new("RGBA", (300, 300), (255, 0, 0, 0)).save(out, "PNG")
    for kind in ("webp", "avif"):
        made = renditions(out.getvalue(), (160,), kind)[160]
        with Image.open(BytesIO(made)) as shown:
            assert shown.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_the_limits_are_those_that_are_told() -> None:
    assert (pictures.SIZE_MAX, pictures.PIXELS_MAX) == (SIZE_MAX, PIXELS_MAX)


# -- in a process of its own ------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no picture were small."""
    monkeypatch.setattr(workshop, "SMALL_PIXELS", -1)


@pytest.mark.usefixtures("elsewhere")
def test_another_process_makes_the_same() -> None:
    sent = with_metadata("JPEG")
    assert workshop.clean(sent) == clean(sent)
    kept = clean(picture("JPEG", (700, 300))).data
    for kind in ("webp", "avif"):
        assert workshop.renditions(kept, (160, 480), kind) == renditions(kept, (160, 480), kind)


@pytest.mark.usefixtures("elsewhere")
def test_another_process_says_what_is_wrong() -> None:
    with pytest.raises(Broken):
        workshop.clean(b"<svg/>")
    with pytest.raises(Broken):
        workshop.clean(picture()[:-20])
    with pytest.raises(Huge):
        workshop.clean(bomb())


@pytest.mark.usefixtures("elsewhere")
def test_what_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop, "LONGEST_S", 0.001)
    with pytest.raises(Broken, match="too long"):
        workshop.clean(picture())


@pytest.mark.usefixtures("elsewhere")
def test_what_takes_too_much_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAAT_MEDIA_MEMORY_MB", "150")
    out = BytesIO()
    Image.new("RGB", (7900, 5000), "red").save(out, "PNG")
    with pytest.raises(Broken):
        workshop.clean(out.getvalue())


def test_this_process_does_not_grow_with_large_pictures() -> None:
    out = BytesIO()
    Image.new("RGB", (7900, 5000), "red").save(out, "JPEG")
    before = memory()
    kept = workshop.clean(out.getvalue())
    workshop.renditions(kept.data, (160, 1280), "avif")
    assert memory() - before < 40, "megabytes"


def memory() -> float:
    """What this process holds, in megabytes."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:
        pytest.skip("needs /proc")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_an_animation_of_ten_thousand_frames() -> None:
    frames = [Image.new("P", (4, 4), n % 250) for n in range(10_000)]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=10)
    kept = clean(out.getvalue())
    assert (kept.content_type, kept.width) == ("image/png", 4)
    assert len(kept.data) < 1000


def bomb() -> bytes:
    """Little that says it has forty gigapixels."""
    head = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 6, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1_000_000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def test_a_bomb() -> None:
    with pytest.raises(Huge):
        clean(bomb())


def test_text_that_swells_is_not_read() -> None:
    """Compressed text in a PNG, of a thousand times its size."""
    info = PngInfo()
    info.add_text("Comment", "x" * 60_000_000, zip=True)
    sent = picture("PNG", pnginfo=info)
    assert len(sent) < 200_000
    with pytest.raises((Broken, Huge)):
        clean(sent)
