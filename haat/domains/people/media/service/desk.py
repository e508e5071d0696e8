"""What the media's use cases stand on: settings, room, and the row of a file."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from haat.domains.people.media import rules
from haat.domains.people.media.api import Format, Media, MediaFile, QuotaFull
from haat.engines.blob import Blob
from haat.engines.blob.door import OwnDoor
from haat.engines.http import Signer
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.settings import Settings

# Where signed uploads to a store without a door arrive, and uploads by tus.
PUT_PATH = "/api/v1/media/parts/"
TUS_PATH = "/api/v1/media/tus/"

FILE = Sql("""
SELECT id, digest, content_type, size_bytes, width, height, ready, edition, owner_id, vendor_id,
       holder_id, kind, alt, poster_id
  FROM media.files WHERE id = $1 AND removed_at IS NULL
""")
# Both numbers stay within what the holder may have, counting what is on its way.
CHARGE = Sql("""
WITH room AS (
  SELECT coalesce(max(files_max), $6::int) AS files, coalesce(max(bytes_max), $7::bigint) AS bytes
    FROM media.usage WHERE holder_id = $1
)
INSERT INTO media.usage AS u (holder_id, files, bytes, held_files, held_bytes)
SELECT $1, $2::int, $3::bigint, $4::int, $5::bigint FROM room r
 WHERE $2::int + $4::int <= r.files AND $3::bigint + $5::bigint <= r.bytes
ON CONFLICT (holder_id) DO UPDATE
   SET files = u.files + $2::int, bytes = u.bytes + $3::bigint,
       held_files = u.held_files + $4::int, held_bytes = u.held_bytes + $5::bigint
 WHERE u.files + u.held_files + $2::int + $4::int <= coalesce(u.files_max, $6::int)
   AND u.bytes + u.held_bytes + $3::bigint + $5::bigint <= coalesce(u.bytes_max, $7::bigint)
RETURNING holder_id
""")
USAGE = Sql("""
SELECT files + held_files AS files, bytes + held_bytes AS bytes, files_max, bytes_max
  FROM media.usage WHERE holder_id = $1
""")


class MediaOptions(Settings):
    """What may be sent and kept. `media_pictures_at_once`: how many pictures a process works on;
    the largest takes some 400 MB meanwhile, in a process of its own."""

    media_pictures_at_once: int = 2
    media_film_mb: int = 100
    media_vendor_files: int = 20_000
    media_vendor_mb: int = 10_240
    media_person_files: int = 500
    media_person_mb: int = 1_024
    media_upload_hours: int = 24
    media_unused_days: int = 7

    @property
    def film_max(self) -> int:
        return self.media_film_mb << 20

    def room(self, *, vendor: bool) -> tuple[int, int]:
        """Files and bytes that one may keep."""
        if vendor:
            return self.media_vendor_files, self.media_vendor_mb << 20
        return self.media_person_files, self.media_person_mb << 20


class Desk(Media):
    """Rows in the schema, bytes in the blob store; a row is written after its bytes are there."""

    def __init__(self, db: Database, blob: Blob, signer: Signer, options: MediaOptions) -> None:
        self._db = db
        self._blob = blob
        self._signer = signer
        self._door = OwnDoor(blob, signer, PUT_PATH)
        self._options = options
        self._slots = asyncio.Semaphore(options.media_pictures_at_once)

    async def _row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FILE, id)
        if row is None:
            raise NotFound
        return row

    async def _charge(
        self,
        tx: Tx,
        holder_id: UUID | None,
        *,
        vendor: bool,
        files: int = 0,
        size: int = 0,
        held_files: int = 0,
        held_size: int = 0,
    ) -> None:
        """Takes room, in the transaction that needs it. QuotaFull; nobody counts the system's."""
        if holder_id is None:
            return
        usual = self._options.room(vendor=vendor)
        counts = (files, size, held_files, held_size)
        if not await tx.fetch(CHARGE, holder_id, *counts, *usual):
            files_max, size_max = room_in(await tx.fetchrow(USAGE, holder_id), usual)
            raise QuotaFull(filesMax=files_max, sizeMaxBytes=size_max)


def room_in(row: Record | None, usual: tuple[int, int]) -> tuple[int, int]:
    """Files and bytes that this holder may keep: what staff set, else what all may."""
    if row is None:
        return usual
    own = row["files_max"], row["bytes_max"]
    return (
        usual[0] if own[0] is None else own[0],
        usual[1] if own[1] is None else own[1],
    )


def holder_of(ctx: Context, vendor_id: UUID | None) -> UUID | None:
    """Whose quota a file counts for."""
    return vendor_id or ctx.actor.id


def told(row: Mapping[str, Any]) -> MediaFile:
    return MediaFile(**{name: row[name] for name in MediaFile.model_fields})


def folder_of(row: Mapping[str, Any]) -> str:
    return rules.folder(row["kind"], row["id"], row["digest"])


def key_of(row: Mapping[str, Any], width: int | None = None, format: Format = "webp") -> str:
    """Where a file lies, or its rendition in one of the made widths."""
    name = "original" if width is None else rules.rendition_name(width, format)
    return f"{folder_of(row)}/{name}"
