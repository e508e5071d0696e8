"""Pictures that come whole in one request; what is known of files; removing one's own."""

import asyncio
from hashlib import sha256
from uuid import UUID

from haat.domains.people.media import pictures, rules, workshop
from haat.domains.people.media.api import (
    SIZE_MAX,
    Kind,
    MediaFile,
    MediaIdTaken,
    MediaUploaded,
    NotAPicture,
    PictureTooLarge,
    QuotaFull,
)
from haat.domains.people.media.service.desk import Desk, folder_of, holder_of, told
from haat.engines.sql import Record, Sql, Tx
from haat.kernel.context import Context

FILES = Sql("""
SELECT id, content_type, size_bytes, width, height, ready, kind, alt, poster_id
  FROM media.files WHERE id = ANY($1::uuid[]) AND removed_at IS NULL ORDER BY id
""")
KEEP = Sql("""
INSERT INTO media.files (id, owner_id, vendor_id, digest, content_type, size_bytes, width, height,
                         uploaded_at, kind, alt, poster_id, holder_id, unclaimed_at, ready, edition)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $9, $14, $15)
ON CONFLICT (id) DO NOTHING
RETURNING id, content_type, size_bytes, width, height, ready, kind, alt, poster_id
""")
MADE = 2  # the edition that has every rendition, or needs none


class KeepCases(Desk):
    async def upload(
        self,
        ctx: Context,
        *,
        id: UUID,
        content: bytes,
        vendor_id: UUID | None = None,
        kind: Kind = "other",
    ) -> MediaFile:
        if vendor_id is not None:
            ctx.need_vendor(vendor_id)
        if len(content) > SIZE_MAX:
            raise PictureTooLarge
        digest = sha256(content).hexdigest()
        known = await self._db.fetchrow(FILE_OF, id)
        if known is not None:
            return _again(ctx, known, digest)
        picture = await self._cleaned(content)
        folder = rules.folder(kind, id, digest)
        await self._blob.put(f"{folder}/original", picture.data, picture.content_type)
        kept: Record | None = None
        try:
            async with self._db.begin(ctx) as tx:
                kept = await self._keep(
                    tx, id, digest, picture.content_type, len(picture.data),
                    size=(picture.width, picture.height), kind=kind, vendor_id=vendor_id,
                    owner_id=ctx.actor.id,
                )  # fmt: skip
                if kept is not None:
                    holder = holder_of(ctx, vendor_id)
                    vendor = vendor_id is not None
                    await self._charge(tx, holder, vendor=vendor, files=1, size=len(picture.data))
        except QuotaFull:
            await self._forget_bytes(id, folder)
            raise
        if kept is not None:
            return told(kept)
        first = await self._row(id)
        if folder_of(first) != folder:
            await self._blob.delete([f"{folder}/original"])
        return _again(ctx, first, digest)

    async def files(self, ctx: Context, *, ids: list[UUID]) -> list[MediaFile]:
        return [told(row) for row in await self._db.fetch(FILES, ids)]

    async def _cleaned(self, content: bytes) -> pictures.Clean:
        """The picture made harmless. NotAPicture, PictureTooLarge."""
        async with self._slots:
            try:
                return await asyncio.to_thread(workshop.clean, content)
            except pictures.Huge:
                raise PictureTooLarge from None
            except pictures.Broken:
                raise NotAPicture from None

    async def _keep(
        self,
        tx: Tx,
        id: UUID,
        digest: str,
        content_type: str,
        size_bytes: int,
        *,
        size: tuple[int, int],
        kind: Kind,
        vendor_id: UUID | None,
        owner_id: UUID | None,
        alt: str = "",
        poster_id: UUID | None = None,
    ) -> Record | None:
        """Writes the row, and announces it; None where there is one already."""
        film = rules.is_film(content_type)
        rows = await tx.fetch(
            KEEP, id, owner_id, vendor_id, digest, content_type, size_bytes, *size, tx.ctx.now(),
            kind, alt, poster_id, vendor_id or owner_id, film, MADE if film else 0,
        )  # fmt: skip
        if not rows:
            return None
        tx.emit(MediaUploaded(media_id=id))
        return rows[0]

    async def _forget_bytes(self, id: UUID, folder: str) -> None:
        """What was stored for a row that was not written, unless another wrote it meanwhile."""
        row = await self._db.fetchrow(FILE_OF, id)
        if row is None or folder_of(row) != folder:
            await self._blob.delete([f"{folder}/original"])


FILE_OF = Sql("""
SELECT id, digest, content_type, size_bytes, width, height, ready, owner_id, kind, alt, poster_id
  FROM media.files WHERE id = $1
""")


def _again(ctx: Context, row: Record, digest: str) -> MediaFile:
    """The file that is there, for who sent the same; MediaIdTaken for anything else."""
    if row["digest"] != digest or row["owner_id"] != ctx.actor.id:
        raise MediaIdTaken
    return told(row)
