"""Pages of documents that strangers send, drawn as pictures with words over them.

Nothing of such a file is ever handed on: what staff see are pixels, so that no script, link or
hidden attachment reaches them. Decoders of such files are run in a process that ends with its
work, with little memory. Both ends speak a line of JSON and bytes.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

MEMORY_MAX_MB = 2048
LONGEST_S = 60
PIXELS_MAX = 50_000_000
WIDTH = 1400  # of a drawn page, in pixels: small print can be read
HEIGHT_MAX = 4000
_ROOT = str(Path(__file__).resolve().parents[4])
TYPES = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}


class Unreadable(Exception):
    """This is no document we can open."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page as WebP, and how many there are."""

    data: bytes
    pages: int


def type_of(content: bytes) -> str | None:
    """By its first bytes, whatever its name says; None for what is not taken."""
    return next((kind for mark, kind in TYPES.items() if content.startswith(mark)), None)


def pages_in(content: bytes) -> int:
    """How many pages it has. Raises Unreadable; call it in a thread."""
    return drawn(content, 1, "").pages


def drawn(content: bytes, page: int, mark: str) -> Page:
    """A page (from 1 on) with `mark` written all over it. Raises Unreadable; call it in a
    thread."""
    known = os.environ.get("PYTHONPATH")
    path = f"{_ROOT}{os.pathsep}{known}" if known else _ROOT
    task = {"page": page, "mark": mark}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__],
            input=json.dumps(task).encode() + b"\n" + content,
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        raise Unreadable("It takes too long to read.") from None
    if ended.returncode != 0:  # whatever it was, it was the document
        raise Unreadable(ended.stderr[-500:].decode(errors="replace"))
    line, _, data = ended.stdout.partition(b"\n")
    return Page(data, json.loads(line)["pages"])


def _draw(content: bytes, page: int, mark: str) -> Page:
    if type_of(content) == "application/pdf":
        picture, pages = _of_pdf(content, page)
    else:
        picture, pages = _of_picture(content), 1
    if mark:
        picture = _marked(picture, mark)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80)
    return Page(out.getvalue(), pages)


def _of_pdf(content: bytes, page: int) -> tuple[Image.Image, int]:
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    pages = len(document)
    found = document[min(page, pages) - 1]
    width, height = found.get_size()
    scale = min(WIDTH / max(width, 1), HEIGHT_MAX / max(height, 1))
    return found.render(scale=scale, draw_annots=True).to_pil().convert("RGB"), pages


def _of_picture(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
        if opened.size[0] * opened.size[1] > PIXELS_MAX:
            raise ValueError("too many pixels")
        opened.draft("RGB", (2 * WIDTH, 2 * WIDTH))
        picture = ImageOps.exif_transpose(opened)
        flat = Image.new("RGB", picture.size, "white")
        layers = picture.convert("RGBA")
        flat.paste(layers, mask=layers.getchannel("A"))
    flat.thumbnail((WIDTH, HEIGHT_MAX))
    return flat


def _marked(picture: Image.Image, mark: str) -> Image.Image:
    """The words in rows across the page, slanted, so that no part of it is without them."""
    side = int((picture.width**2 + picture.height**2) ** 0.5) + 1
    layer = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    font = ImageFont.load_default(max(14, picture.width // 44))
    wide = max(1, int(pen.textlength(mark + "     ", font=font)))
    step = max(90, picture.width // 9)
    for row, y in enumerate(range(0, side, step)):
        for x in range(-(row % 2) * wide // 2, side, wide):
            pen.text(
                (x, y), mark, font=font, fill=(170, 0, 30, 90),
                stroke_width=1, stroke_fill=(255, 255, 255, 60),
            )  # fmt: skip
    turned = layer.rotate(30, resample=Image.Resampling.BICUBIC)
    left, top = (side - picture.width) // 2, (side - picture.height) // 2
    over = turned.crop((left, top, left + picture.width, top + picture.height))
    return Image.alpha_composite(picture.convert("RGBA"), over).convert("RGB")


def _bounded() -> None:
    try:
        import resource
    except ImportError:  # not where there is no such thing
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_MAX_MB << 20
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses it
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main() -> None:
    """The other end: one task from standard input, its outcome to standard output."""
    _bounded()
    task: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    made = _draw(sys.stdin.buffer.read(), task["page"], task["mark"])
    sys.stdout.buffer.write(json.dumps({"pages": made.pages}).encode() + b"\n" + made.data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
