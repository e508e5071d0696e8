"""What the tests of uploads share: a desk of media with its REST routes, and films."""

import struct
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx

from haat.domains.people.media.api import Media
from haat.domains.people.media.proof import prove
from haat.domains.people.media.service import MediaOptions, MediaService
from haat.domains.people.media.site_routes import media_router
from haat.domains.people.media.tus import router
from haat.engines.blob import Blob
from haat.engines.http import Signer
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from tests.domains.people.doubles import SECRET, Rest

TABLES = ("files", "uploads", "usage", "claims", "outbox")


class Desk:
    """A media service on this store, and how it is met over HTTP."""

    def __init__(
        self, db: Database, blob: Blob, at: SettableClock, options: MediaOptions | None = None
    ) -> None:
        self.db, self.blob, self.at = db, blob, at
        self.media = MediaService(db, blob, Signer(SECRET, at), options or MediaOptions())
        self.rest = Rest(at, {Media: self.media}, router, media_router)

    def client(self, ctx: Context | None = None) -> httpx.AsyncClient:
        return self.rest.client(ctx)

    async def send(self, request: Mapping[str, Any], body: bytes) -> httpx.Response:
        """Does what a signed request says, at the store or here."""
        headers = {n: v for n, v in request["headers"].items() if n != "Content-Length"}
        if request["url"].startswith("http"):
            async with httpx.AsyncClient(timeout=120) as client:
                return await client.put(request["url"], content=body, headers=headers)
        async with self.client() as client:
            path = request["url"].removeprefix("/api/v1")
            return await client.request(request["method"], path, content=body, headers=headers)

    async def left(self, *folders: str) -> list[str]:
        """Keys in the store, of all kinds."""
        found = []
        for folder in folders or ("uploads", "products", "vendors", "media", "reviews"):
            found += await self.blob.keys(folder)
        return found

    async def is_empty(self) -> None:
        """Nothing was kept, and nothing is counted; the books of media agree with it."""
        assert await self.left() == []
        assert await self.db.fetchval("SELECT count(*) FROM media.files") == 0
        rows = await self.db.fetch("SELECT * FROM media.usage")
        assert [(r["files"], r["bytes"], r["held_files"], r["held_bytes"]) for r in rows] in (
            [],
            [(0, 0, 0, 0)],
        )
        assert await prove(self.db, 10) == []


async def emptied(db: Database) -> Database:
    for table in TABLES:
        await db.execute(f"DELETE FROM media.{table}")
    return db


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


PLACE = b"\xa9xyz\x00\x15+52.5200+013.4050/\x00"


def film(size: int = 5000, *, place: bool = True, tail: bytes = b"") -> bytes:
    """An MP4 as a phone makes it, as far as its boxes go: with where it was taken."""
    told = [box(b"udta", box(b"\xa9xyz"[:4].replace(b"\xa9", b"x"), PLACE))] if place else []
    meta = [box(b"meta", b"com.apple.quicktime.location.ISO6709" + PLACE)] if place else []
    track = box(b"trak", box(b"tkhd", bytes(84)), *told)
    return (
        box(b"ftyp", b"isom", bytes(4), b"isomiso2avc1mp41")
        + box(b"free", b"made with love by Ada" if place else b"")
        + box(b"mdat", bytes(range(256)) * (size // 256))
        + box(b"moov", box(b"mvhd", bytes(100)), track, *told, *meta)
        + tail
    )


def element(id: int, *parts: bytes, width: int = 0, endless: bool = False) -> bytes:
    """One of a WebM's; `width`: how many bytes say how long it is, no more than it needs if 0."""
    body = b"".join(parts)
    need = next(n for n in range(1, 9) if len(body) < (1 << 7 * n) - 1)
    long = max(width, need)
    size = (1 << 7 * long + 1) - 1 if endless else (1 << 7 * long) | len(body)
    return id.to_bytes((id.bit_length() + 7) // 8, "big") + size.to_bytes(long, "big") + body


def webm(
    size: int = 2000, *, words: bytes = b"Ada at +52.5200+13.4050", live: bool = False
) -> bytes:
    """A WebM as a browser or ffmpeg makes it; `words` stand wherever words can. `live`: recorded,
    so that nothing says how long it is."""
    head = element(0x1A45DFA3, element(0x4286, b"\x01"), element(0x42F2, b"\x04"),
                   element(0x42F3, b"\x08"), element(0x4282, b"webm"), element(0xEC, words),
                   element(0x4287, b"\x04"), element(0x4285, b"\x02"))  # fmt: skip
    info = element(0x1549A966, element(0xBF, b"\x01\x02\x03\x04"), element(0x2AD7B1, b"\x0fB@"),
                   element(0x7BA9, words), element(0x4D80, words), element(0x5741, words),
                   element(0x4461, b"12345678"), element(0x7384, words))  # fmt: skip
    said = (_counted(words), struct.pack("<I", 1), _counted(b"LOCATION=" + words))
    comments = b"\x03vorbis" + b"".join(said) + b"\x01"
    setup = b"\x02" + bytes([4, len(comments)]) + b"\x01vor" + comments + b"\x05vorbis"
    video = element(0xAE, element(0xD7, b"\x01"), element(0x83, b"\x01"), element(0x86, b"V_VP9"),
                    element(0x536E, words), element(0xE0, element(0xB0, b"\x3c")))  # fmt: skip
    sound = element(
        0xAE, element(0xD7, b"\x02"), element(0x86, b"A_VORBIS"), element(0x63A2, setup)
    )
    clusters = [
        element(
            0x1F43B675,
            element(0xE7, bytes([n])),
            element(0xEC, words),
            element(0xA3, b"\x81\0\0\x80" + bytes(size // 2)),
            endless=live,
        )
        for n in range(2)
    ]
    seek = element(0x114D9B74, *(
        element(0x4DBB, element(0x53AB, id.to_bytes(4, "big")), element(0x53AC, b"\x40"))
        for id in (0x1549A966, 0x1254C367)
    ))  # fmt: skip
    tags = element(0x1254C367, element(0x7373, element(0x67C8, element(0x4487, words))), width=8)
    more = element(0x1941A469, element(0x61A7, element(0x466E, words)))
    parts = (
        seek,
        element(0xEC, words),
        info,
        element(0x1654AE6B, video, sound),
        tags,
        *clusters,
        more,
    )
    return head + element(0x18538067, *parts, width=8, endless=live)


def _counted(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def id_of(answer: httpx.Response) -> UUID:
    return UUID(answer.json()["id"])
