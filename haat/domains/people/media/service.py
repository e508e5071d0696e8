"""The media's use cases."""

import asyncio
from hashlib import sha256
from uuid import UUID

from haat.domains.people.media.api import (
    SIZE_MAX,
    WIDTHS,
    Content,
    Media,
    MediaFile,
    MediaIdTaken,
    MediaUploaded,
    PictureTooLarge,
)
from haat.domains.people.media.pictures import clean, renditions
from haat.engines.blob import Blob, BlobMissing
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.settings import Settings

FILE = Sql("""
SELECT id, digest, content_type, size_bytes, width, height, ready, owner_id, vendor_id
  FROM media.files WHERE id = $1
""")
FILES = Sql("""
SELECT id, content_type, size_bytes, width, height, ready
  FROM media.files WHERE id = ANY($1::uuid[]) ORDER BY id
""")
KEEP = Sql("""
WITH kept AS (
  INSERT INTO media.files (id, owner_id, vendor_id, digest, content_type, size_bytes, width,
                           height, uploaded_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (id) DO NOTHING
  RETURNING id, content_type, size_bytes, width, height, ready
) /*emit:kept*/
SELECT * FROM kept
""")
READY = Sql("UPDATE media.files SET ready = true WHERE id = $1 AND NOT ready")

WEBP = "image/webp"


class MediaOptions(Settings):
    """How many pictures a process works on at once; the largest takes some 400 MB meanwhile."""

    media_pictures_at_once: int = 2


class MediaService(Media):
    """Rows in the schema, bytes in the blob store; a row is written after its bytes are there."""

    def __init__(self, db: Database, blob: Blob, options: MediaOptions) -> None:
        self._db = db
        self._blob = blob
        self._slots = asyncio.Semaphore(options.media_pictures_at_once)

    async def upload(
        self, ctx: Context, *, id: UUID, content: bytes, vendor_id: UUID | None = None
    ) -> MediaFile:
        if vendor_id is not None:
            ctx.need_vendor(vendor_id)
        if len(content) > SIZE_MAX:
            raise PictureTooLarge
        digest = sha256(content).hexdigest()
        known = await self._db.fetchrow(FILE, id)
        if known is not None:
            return _again(ctx, known, digest)
        async with self._slots:
            picture = await asyncio.to_thread(clean, content)
        # The key names the content, so that two uploads under one id cannot mix.
        await self._blob.put(_key(id, digest), picture.data, picture.content_type)
        rows = await self._db.step(
            ctx,
            KEEP,
            id,
            ctx.actor.id,
            vendor_id,
            digest,
            picture.content_type,
            len(picture.data),
            picture.width,
            picture.height,
            ctx.now(),
            emit=[MediaUploaded(media_id=id)],
        )
        if rows:
            return MediaFile(**dict(rows[0]))
        first = await self._row(id)
        if first["digest"] != digest:
            await self._blob.delete([_key(id, digest)])
        return _again(ctx, first, digest)

    async def files(self, ctx: Context, *, ids: list[UUID]) -> list[MediaFile]:
        return [MediaFile(**dict(row)) for row in await self._db.fetch(FILES, ids)]

    async def content(self, ctx: Context, *, id: UUID, width: int | None = None) -> Content:
        if width is not None and width not in WIDTHS:
            raise NotFound
        row = await self._row(id)
        if width is not None and row["ready"]:
            try:
                data = await self._blob.get(_key(id, row["digest"], width))
            except BlobMissing:
                pass  # lost from the store: the original will do until it is made again
            else:
                return Content(content_type=WEBP, data=data, final=True)
        data = await self._blob.get(_key(id, row["digest"]))
        return Content(content_type=row["content_type"], data=data, final=width is None)

    async def render(self, ctx: Context, *, id: UUID) -> None:
        """Makes the renditions of a file; those that are there are made again, the same."""
        row = await self._db.fetchrow(FILE, id)
        if row is None or row["ready"]:
            return
        original = await self._blob.get(_key(id, row["digest"]))
        async with self._slots:
            made = await asyncio.to_thread(renditions, original, WIDTHS)
        for width, data in made.items():
            await self._blob.put(_key(id, row["digest"], width), data, WEBP)
        await self._db.execute(READY, id)

    async def _row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FILE, id)
        if row is None:
            raise NotFound
        return row


def _key(id: UUID, digest: str, width: int | None = None) -> str:
    return f"media/{id.hex[-2:]}/{id}/{digest[:32]}/{width or 'original'}"


def _again(ctx: Context, row: Record, digest: str) -> MediaFile:
    """The file that is there, for who sent the same; MediaIdTaken for anything else."""
    if row["digest"] != digest or row["owner_id"] != ctx.actor.id:
        raise MediaIdTaken
    return MediaFile(**{name: row[name] for name in MediaFile.model_fields})
