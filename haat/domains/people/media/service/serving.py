"""Files on their way to readers."""

import asyncio
from uuid import UUID

from haat.domains.people.media import rules, workshop
from haat.domains.people.media.api import WIDTHS, Content, Format, Piece
from haat.domains.people.media.pictures import Broken, Huge
from haat.domains.people.media.service.desk import FILE, Desk, key_of
from haat.engines.blob import BlobMissing
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

READY = Sql("""
UPDATE media.files SET ready = true, edition = 1
 WHERE id = $1 AND edition = 0 AND removed_at IS NULL
""")
ALL_MADE = Sql("UPDATE media.files SET ready = true, edition = 2 WHERE id = $1 AND edition < 2")
TO_MAKE = Sql("""
SELECT id, digest, content_type, width, height, kind FROM media.files
 WHERE edition < 2 AND removed_at IS NULL ORDER BY id LIMIT $1
""")
FIRST, WHOLE = 1, 2  # editions: WebP; AVIF too
TYPES: dict[Format, str] = {"webp": "image/webp", "avif": "image/avif"}
MADE_AT_ONCE = 8


class ServeCases(Desk):
    async def content(
        self, ctx: Context, *, id: UUID, width: int | None = None, format: Format = "webp"
    ) -> Content:
        if width is not None and width not in WIDTHS:
            raise NotFound
        row = await self._row(id)
        if rules.is_film(row["content_type"]):
            raise NotFound  # in pieces only
        if width is not None:
            made = await self._made(row, rules.made_width(width, row["width"]), format)
            if made is not None:
                return made
        data = await self._blob.get(key_of(row))
        return Content(content_type=row["content_type"], data=data, final=width is None)

    async def _made(self, row: Record, width: int, format: Format) -> Content | None:
        """The rendition; until there is AVIF, the WebP in its place."""
        wanted: list[Format] = []
        if row["edition"] >= FIRST:
            wanted = [format] if row["edition"] >= WHOLE else ["webp"]
        for one in wanted:
            try:
                data = await self._blob.get(key_of(row, width, one))
            except BlobMissing:
                continue  # lost from the store, or made before there was this width
            return Content(content_type=TYPES[one], data=data, final=one == format)
        return None

    async def piece(self, ctx: Context, *, id: UUID, start: int, length: int) -> Piece:
        row = await self._row(id)
        data = await self._blob.get_range(key_of(row), start, length) if length else b""
        return Piece(content_type=row["content_type"], data=data, size_bytes=row["size_bytes"])

    # -- making renditions -----------------------------------------------------------------------

    async def render(self, ctx: Context, *, id: UUID) -> None:
        """Makes the WebP renditions of a new file: what all browsers show."""
        row = await self._db.fetchrow(FILE, id)
        if row is None or row["edition"] >= FIRST:
            return
        await self._make(row, "webp")
        await self._db.execute(READY, id)

    async def render_rest(self, ctx: Context) -> int:
        """Makes what is missing of some files, AVIF above all; answers how many were done. Files
        of an installation that knew fewer widths are among them."""
        done = 0
        for row in await self._db.fetch(TO_MAKE, MADE_AT_ONCE):
            for format in rules.FORMATS:
                await self._make(row, format)
            done += await self._db.execute(ALL_MADE, row["id"])
        return done

    async def _make(self, row: Record, format: Format) -> None:
        """Renditions that are there are made again, the same."""
        widths = rules.made_widths(row["width"])
        missing = [w for w in widths if not await self._blob.exists(key_of(row, w, format))]
        if not missing:
            return
        try:
            original = await self._blob.get(key_of(row))
            async with self._slots:
                made = await asyncio.to_thread(workshop.renditions, original, missing, format)
        except (BlobMissing, Broken, Huge):
            return  # the original is lost, or cannot be drawn: it is served as it is
        for width, data in made.items():
            await self._blob.put(key_of(row, width, format), data, TYPES[format])
