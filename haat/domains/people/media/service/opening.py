"""Uploads in several requests: opened, fed part by part or by tus, given up."""

import asyncio
from datetime import timedelta
from uuid import UUID

from haat.domains.people.media import rules
from haat.domains.people.media.api import (
    Arrived,
    Kind,
    OffsetDiffers,
    PosterNeeded,
    SignedRequest,
    Upload,
    UploadExpired,
    UploadIdTaken,
    UploadNotOpen,
    UploadOversize,
)
from haat.domains.people.media.service.desk import TUS_PATH, Desk
from haat.domains.people.media.sessions import PARTS_MAX, Protocol, UploadPart
from haat.engines.blob import BlobMissing
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

UPLOAD = Sql("""
SELECT id, owner_id, holder_id, vendor_id, kind, content_type, size_bytes, digest, alt, poster_id,
       protocol, received, status, refused, created_at, expires_at
  FROM media.uploads WHERE id = $1
""")
OPEN = Sql("""
INSERT INTO media.uploads (id, owner_id, holder_id, vendor_id, kind, content_type, size_bytes,
                           digest, alt, poster_id, protocol, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO NOTHING
RETURNING id
""")
# Of two who send the same bytes at once, one finds `received` moved on.
APPEND = Sql("""
WITH grown AS (
  UPDATE media.uploads SET received = received + $3
   WHERE id = $1 AND received = $2 AND status = 'open' AND expires_at > $5
     AND received + $3 <= size_bytes
  RETURNING id
)
INSERT INTO media.pieces (upload_id, start, size, key) SELECT id, $2, $3, $4 FROM grown
RETURNING start
""")
# Ends an upload once, and gives back the room that was kept for it.
CLOSE = Sql("""
WITH closed AS (
  UPDATE media.uploads SET status = $2, refused = $3 WHERE id = $1 AND status = 'open'
  RETURNING id, holder_id, size_bytes
), freed AS (
  UPDATE media.usage u SET held_files = held_files - 1, held_bytes = held_bytes - c.size_bytes
    FROM closed c WHERE u.holder_id = c.holder_id
)
SELECT id FROM closed
""")
_PURPOSE = "media-upload"
REQUEST_S = 3600  # how long a signed request is good
HEADS_AT_ONCE = 8


class OpenCases(Desk):
    async def begin_upload(
        self,
        ctx: Context,
        *,
        id: UUID,
        kind: Kind,
        content_type: str,
        size_bytes: int,
        protocol: Protocol = "parts",
        vendor_id: UUID | None = None,
        digest: str | None = None,
        alt: str = "",
        poster_id: UUID | None = None,
    ) -> Upload:
        if vendor_id is not None:
            ctx.need_vendor(vendor_id)
        owner_id = ctx.person_id
        rules.check_declared(kind, content_type, size_bytes, self._options.film_max)
        if rules.is_film(content_type):
            await self._check_poster(poster_id, vendor_id or owner_id)
        now = ctx.now()
        async with self._db.begin(ctx) as tx:
            opened = await tx.fetch(
                OPEN, id, owner_id, vendor_id or owner_id, vendor_id, kind, content_type,
                size_bytes, digest, alt, poster_id if rules.is_film(content_type) else None,
                protocol, now, now + timedelta(hours=self._options.media_upload_hours),
            )  # fmt: skip
            if opened:
                vendor = vendor_id is not None
                await self._charge(
                    tx, vendor_id or owner_id, vendor=vendor, held_files=1, held_size=size_bytes
                )
        row = await self._upload(id)
        asked = (owner_id, vendor_id, kind, content_type, size_bytes, protocol, digest)
        names = (
            "owner_id",
            "vendor_id",
            "kind",
            "content_type",
            "size_bytes",
            "protocol",
            "digest",
        )
        if asked != tuple(row[name] for name in names):
            raise UploadIdTaken
        return await self._told(ctx, row)

    async def _check_poster(self, poster_id: UUID | None, holder_id: UUID) -> None:
        """A picture of the same holder."""
        poster = await self._row(poster_id) if poster_id else None
        if poster is None or poster["holder_id"] != holder_id:
            raise PosterNeeded
        if rules.is_film(poster["content_type"]):
            raise PosterNeeded

    async def upload_of(self, ctx: Context, *, id: UUID) -> Upload:
        return await self._told(ctx, await self._own(ctx, id, ""))

    async def put_part(
        self, ctx: Context, *, ticket: str, content: bytes, content_type: str
    ) -> None:
        await self._door.take(ticket, content, content_type)

    async def arrived(self, ctx: Context, *, ticket: str) -> Arrived:
        return _arrived(self._open(ctx, await self._upload(self._ticket(ticket))))

    async def append(self, ctx: Context, *, ticket: str, offset: int, content: bytes) -> Arrived:
        row = self._open(ctx, await self._upload(self._ticket(ticket)))
        if row["protocol"] != "tus":
            raise NotFound
        if offset != row["received"]:
            raise OffsetDiffers(offset=row["received"])
        if offset + len(content) > row["size_bytes"]:
            raise UploadOversize(expectedBytes=row["size_bytes"])
        if not content:
            return _arrived(row)
        # A key of this attempt's own: another's bytes at the same place are another's.
        key = f"{rules.staging(row['id'])}/{offset}-{ctx.new_id().hex}"
        await self._blob.put(key, content, "application/octet-stream")
        grown = await self._db.fetch(APPEND, row["id"], offset, len(content), key, ctx.now())
        if not grown:
            await self._blob.delete([key])
            now = self._open(ctx, await self._upload(row["id"]))
            raise OffsetDiffers(offset=now["received"])
        return _arrived({**dict(row), "received": offset + len(content)})

    async def abandon(self, ctx: Context, *, id: UUID, ticket: str = "") -> None:
        row = await self._own(ctx, id, ticket)
        if row["status"] == "kept":
            raise UploadNotOpen
        await self._end(id, "ended")

    # -- what the use cases share ----------------------------------------------------------------

    async def _upload(self, id: UUID) -> Record:
        row = await self._db.fetchrow(UPLOAD, id)
        if row is None:
            raise NotFound
        return row

    async def _own(self, ctx: Context, id: UUID, ticket: str) -> Record:
        """The upload, for its owner or whoever holds its ticket."""
        if ticket:
            if self._ticket(ticket) != id:
                raise NotFound
            return await self._upload(id)
        owner_id = ctx.person_id
        row = await self._upload(id)
        if row["owner_id"] != owner_id:
            raise NotFound
        return row

    def _ticket(self, ticket: str) -> UUID:
        """The upload it is for. LinkInvalid, LinkExpired."""
        return UUID(self._signer.verify(_PURPOSE, ticket))

    def _open(self, ctx: Context, row: Record) -> Record:
        if row["status"] == "open" and row["expires_at"] <= ctx.now():
            raise UploadExpired
        if row["status"] in ("refused", "ended"):
            raise UploadExpired
        return row

    async def _end(self, id: UUID, status: str, refused: str | None = None) -> None:
        """Ends it, gives back its room and forgets its bytes."""
        await self._db.fetch(CLOSE, id, status, refused)
        await self._forget_staged(id)

    async def _forget_staged(self, id: UUID) -> None:
        while keys := await self._blob.keys(rules.staging(id)):
            await self._blob.delete(keys)

    async def _sizes(self, row: Record) -> list[int | None]:
        """How many bytes of each part have arrived; None of one that has not."""
        gate = asyncio.Semaphore(HEADS_AT_ONCE)

        async def one(number: int) -> int | None:
            async with gate:
                try:
                    return await self._blob.size(part_key(row["id"], number))
                except BlobMissing:
                    return None

        parts = rules.spans(row["size_bytes"])
        return list(await asyncio.gather(*(one(part.number) for part in parts)))

    async def _told(self, ctx: Context, row: Record) -> Upload:
        """What its owner is told of it."""
        status = row["status"]
        if status == "open" and row["expires_at"] <= ctx.now():
            status = "ended"
        parts: list[UploadPart] = []
        tus_url = None
        if status == "open" and row["protocol"] == "parts":
            parts = await self._parts(ctx, row)
        elif row["protocol"] == "tus":
            tus_url = TUS_PATH + self._signer.sign(_PURPOSE, str(row["id"]), row["expires_at"])
        arrived = sum(part.size_bytes for part in parts if part.arrived)
        return Upload(
            id=row["id"],
            kind=row["kind"],
            status=status,
            content_type=row["content_type"],
            size_bytes=row["size_bytes"],
            protocol=row["protocol"],
            received_bytes=arrived or row["received"],
            expires_at=row["expires_at"],
            parts=parts,
            tus_url=tus_url,
            file_id=row["id"] if status == "kept" else None,
            refused=row["refused"],
        )

    async def _parts(self, ctx: Context, row: Record) -> list[UploadPart]:
        """Each with a request that is good for an hour, but never longer than the upload: when
        its bytes are forgotten nobody can send any more."""
        now = ctx.now()
        left = int((row["expires_at"] - now).total_seconds())
        sizes = await self._sizes(row)
        found = []
        for part, size in zip(rules.spans(row["size_bytes"]), sizes, strict=True):
            request = None
            if size != part.size and left > 0:
                signed = self._door.sign_put(
                    part_key(row["id"], part.number),
                    size=part.size,
                    content_type=row["content_type"],
                    now=now,
                    ttl_s=min(REQUEST_S, left),
                )
                request = SignedRequest(
                    method=signed.method, url=signed.url, headers=dict(signed.headers)
                )
            found.append(
                UploadPart(
                    number=part.number,
                    start=part.start,
                    size_bytes=part.size,
                    arrived=request is None,
                    request=request,
                )
            )
        assert len(found) <= PARTS_MAX
        return found


def part_key(id: UUID, number: int) -> str:
    return f"{rules.staging(id)}/part-{number}"


def _arrived(row: Record) -> Arrived:
    return Arrived(
        id=row["id"],
        received_bytes=row["received"],
        size_bytes=row["size_bytes"],
        expires_at=row["expires_at"],
    )
