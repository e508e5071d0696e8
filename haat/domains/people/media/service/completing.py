"""What arrived is looked at, and kept or refused."""

from collections.abc import AsyncIterator
from hashlib import sha256
from uuid import UUID

from haat.domains.people.media import films, rules
from haat.domains.people.media.api import (
    DigestDiffers,
    MediaFile,
    MediaIdTaken,
    NotAFilm,
    NotAPicture,
    PictureTooLarge,
    PosterNeeded,
    QuotaFull,
    UploadExpired,
    UploadIncomplete,
    UploadOversize,
)
from haat.domains.people.media.service.keeping import KeepCases
from haat.domains.people.media.service.opening import OpenCases, part_key
from haat.engines.blob import BlobMissing
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Problem

KEPT = Sql("""
UPDATE media.uploads SET status = 'kept' WHERE id = $1 AND status = 'open' RETURNING id
""")
# What was kept free for it; what it really takes is charged beside it.
FREED = Sql("""
UPDATE media.usage SET held_files = held_files - 1, held_bytes = held_bytes - $2
 WHERE holder_id = $1
""")
PIECES = Sql("SELECT start, size, key FROM media.pieces WHERE upload_id = $1 ORDER BY start")
POSTER_SHOWN = Sql("""
WITH shown AS (
  UPDATE media.files SET claims = claims + 1, unclaimed_at = NULL
   WHERE id = $1 AND removed_at IS NULL RETURNING id, width, height
), noted AS (
  INSERT INTO media.claims (by, version, ids) SELECT $2, 1, ARRAY[id] FROM shown
)
SELECT width, height FROM shown
""")
REFUSALS = (
    DigestDiffers,
    NotAFilm,
    NotAPicture,
    PictureTooLarge,
    PosterNeeded,
    QuotaFull,
    UploadOversize,
)


class CompleteCases(OpenCases, KeepCases):
    async def complete(self, ctx: Context, *, id: UUID, ticket: str = "") -> MediaFile:
        row = await self._own(ctx, id, ticket)
        if row["status"] == "open":
            if row["expires_at"] <= ctx.now():
                raise UploadExpired
            await self._check_whole(row)
            try:
                await self._look(ctx, row)
            except REFUSALS as problem:
                await self._end(id, "refused", problem.code)
                raise
            except BlobMissing:
                pass  # somebody else was first, or its time is over: which, its row says
            row = await self._upload(id)
        if row["status"] == "kept":
            await self._forget_staged(id)
            for file in await self.files(ctx, ids=[id]):
                return file
        if row["status"] == "refused":
            raise Problem.from_document(_refused(row["refused"]))
        raise UploadExpired

    async def _check_whole(self, row: Record) -> None:
        """UploadIncomplete with what is missing."""
        if row["protocol"] == "tus":
            if row["received"] < row["size_bytes"]:
                raise UploadIncomplete(offset=row["received"])
            return
        sizes = await self._sizes(row)
        spans = rules.spans(row["size_bytes"])
        missing = [s.number for s, size in zip(spans, sizes, strict=True) if size != s.size]
        if missing:
            raise UploadIncomplete(missing=missing)

    async def _look(self, ctx: Context, row: Record) -> None:
        if rules.is_film(row["content_type"]):
            await self._look_at_film(ctx, row)
        else:
            await self._look_at_picture(ctx, row)

    async def _look_at_picture(self, ctx: Context, row: Record) -> None:
        content = bytearray()
        async for piece in self._staged(row):
            content += piece
        digest = _checked(row, sha256(content).hexdigest())
        picture = await self._cleaned(bytes(content))
        folder = rules.folder(row["kind"], row["id"], digest)
        await self._blob.put(f"{folder}/original", picture.data, picture.content_type)
        size = (picture.width, picture.height)
        await self._write(ctx, row, digest, picture.content_type, len(picture.data), size, folder)

    async def _look_at_film(self, ctx: Context, row: Record) -> None:
        """Read twice: what it is must be known before it has a place."""
        seen, film, head = sha256(), None, b""
        try:
            async for piece in self._staged(row):
                seen.update(piece)
                if film is None:
                    head += piece
                    if len(head) < films.HEAD_BYTES:
                        continue
                    film, piece = films.film_of(head), head
                film.take(piece)
            if film is None:
                raise films.NoFilm("This file is too short for a video.")
            film.end()
        except films.NoFilm as error:
            raise NotAFilm(str(error)) from None
        digest = _checked(row, seen.hexdigest())
        folder = rules.folder(row["kind"], row["id"], digest)
        key = f"{folder}/original"
        await self._blob.put_stream(key, self._film(row, digest), film.content_type)
        size = await self._blob.size(key)
        await self._write(ctx, row, digest, film.content_type, size, None, folder)

    async def _film(self, row: Record, digest: str) -> AsyncIterator[bytes]:
        """The film as it is to be kept; it must be the one that was looked at."""
        seen, film, head = sha256(), None, b""
        async for piece in self._staged(row):
            seen.update(piece)
            if film is None:
                head += piece
                if len(head) < films.HEAD_BYTES:
                    continue
                film, piece = films.film_of(head), head
            yield film.take(piece)
        if film is None or seen.hexdigest() != digest:
            raise DigestDiffers
        yield film.end()

    async def _staged(self, row: Record) -> AsyncIterator[bytes]:
        """What arrived, in order. UploadOversize where it is not as long as announced."""
        if row["protocol"] == "tus":
            keys = [one["key"] for one in await self._db.fetch(PIECES, row["id"])]
        else:
            keys = [part_key(row["id"], part.number) for part in rules.spans(row["size_bytes"])]
        seen = 0
        for key in keys:
            async for piece in self._blob.stream(key):
                seen += len(piece)
                if seen > row["size_bytes"]:
                    raise UploadOversize(expectedBytes=row["size_bytes"])
                yield piece
        if seen != row["size_bytes"]:
            raise BlobMissing

    async def _write(
        self,
        ctx: Context,
        row: Record,
        digest: str,
        content_type: str,
        size_bytes: int,
        size: tuple[int, int] | None,
        folder: str,
    ) -> None:
        """The row, the room it takes, and the end of the upload, at once; or nothing."""
        id = row["id"]
        try:
            async with self._db.begin(ctx) as tx:
                if not await tx.fetch(KEPT, id):
                    return  # another was first
                await tx.execute(FREED, row["holder_id"], row["size_bytes"])
                if size is None:
                    poster = await tx.fetchrow(POSTER_SHOWN, row["poster_id"], f"film:{id}")
                    if poster is None:
                        raise PosterNeeded
                    size = (poster["width"], poster["height"])
                kept = await self._keep(
                    tx, id, digest, content_type, size_bytes, size=size, kind=row["kind"],
                    vendor_id=row["vendor_id"], owner_id=row["owner_id"], alt=row["alt"],
                    poster_id=row["poster_id"],
                )  # fmt: skip
                if kept is None:
                    raise MediaIdTaken
                vendor = row["vendor_id"] is not None
                await self._charge(tx, row["holder_id"], vendor=vendor, files=1, size=size_bytes)
        except (QuotaFull, PosterNeeded):
            await self._forget_bytes(id, folder)
            raise


def _checked(row: Record, digest: str) -> str:
    if row["digest"] is not None and row["digest"] != digest:
        raise DigestDiffers
    return digest


def _refused(code: str) -> dict[str, object]:
    cls = Problem.registry[code]
    return {"code": code, "status": cls.status, "detail": cls().detail}
