"""All but small pictures are worked on in processes that end with their work.

So the memory that forty megapixels take goes back to the system, what a decoder does wrong ends
with it, and a picture that takes too long can be stopped. Both ends speak a line of JSON and bytes.
A small picture takes a few megabytes, less than starting a process costs: it is done at once.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haat.domains.people.media import pictures

MEMORY_MAX_MB = 2048
LONGEST_S = 60
SMALL_PIXELS = 2_000_000
NICE = 10  # nobody waits for a rendition: who buys goes first
_ROOT = str(Path(__file__).resolve().parents[4])
_PROBLEMS = {"broken": pictures.Broken, "huge": pictures.Huge}


def clean(content: bytes) -> pictures.Clean:
    """`pictures.clean`. Raises Broken or Huge; call it in a thread."""
    if pictures.pixels(content) <= SMALL_PIXELS:
        return pictures.clean(content)
    head, [data] = _done({"do": "clean"}, content)
    return pictures.Clean(head["type"], data, head["width"], head["height"])


def renditions(content: bytes, widths: Sequence[int], format: str) -> dict[int, bytes]:
    """`pictures.renditions`; call it in a thread."""
    if format == "webp" and pictures.pixels(content) <= SMALL_PIXELS:
        return pictures.renditions(content, widths, format)
    head, made = _done({"do": "renditions", "widths": list(widths), "format": format}, content)
    return dict(zip(head["widths"], made, strict=True))


def _done(task: dict[str, Any], content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    known = os.environ.get("PYTHONPATH")
    path = f"{_ROOT}{os.pathsep}{known}" if known else _ROOT
    sent = json.dumps(task).encode() + b"\n" + content
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__],
            input=sent,
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        raise pictures.Broken("It takes too long to read.") from None
    if ended.returncode != 0:  # out of memory, or worse: whatever it was, it was the picture
        raise pictures.Broken(ended.stderr[-500:].decode(errors="replace"))
    line, _, rest = ended.stdout.partition(b"\n")
    head = json.loads(line)
    if "problem" in head:
        raise _PROBLEMS[head["problem"]](head["detail"])
    parts, start = [], 0
    for size in head["sizes"]:
        parts.append(rest[start : start + size])
        start += size
    return head, parts


def _work(task: dict[str, Any], content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    if task["do"] == "clean":
        found = pictures.clean(content)
        head = {"type": found.content_type, "width": found.width, "height": found.height}
        return {**head, "sizes": [len(found.data)]}, [found.data]
    made = pictures.renditions(content, task["widths"], task["format"])
    return {"widths": list(made), "sizes": list(map(len, made.values()))}, list(made.values())


def _bounded() -> None:
    try:
        import resource
    except ImportError:  # not where there is no such thing
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = int(os.environ.get("HAAT_MEDIA_MEMORY_MB", MEMORY_MAX_MB)) << 20
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses it
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main() -> None:
    """The other end: one task from standard input, its outcome to standard output."""
    _bounded()
    task = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    parts: list[bytes] = []
    head: dict[str, Any]
    if task["do"] == "renditions" and hasattr(os, "nice"):
        os.nice(NICE)
    try:
        head, parts = _work(task, content)
    except pictures.Broken as problem:
        head = {"problem": "broken", "detail": str(problem)}
    except pictures.Huge as problem:
        head = {"problem": "huge", "detail": str(problem)}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + b"".join(parts))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
