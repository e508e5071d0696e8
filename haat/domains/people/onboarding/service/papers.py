"""Documents: kept sealed, looked at as pictures with a mark, deleted when their time has come.

A row says first that a document will be there, then its bytes are stored, then the row says so:
what a crash leaves between is deleted by the timer.
"""

import asyncio
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from haat.domains.people.onboarding import drawing, rules
from haat.domains.people.onboarding.api import (
    DOCUMENT_BYTES_MAX,
    DOCUMENTS_MAX,
    PAGES_MAX,
    Document,
    DocumentDecided,
    DocumentDecision,
    DocumentDeleted,
    DocumentIdTaken,
    DocumentsFull,
    DocumentTooLarge,
    DocumentUnreadable,
    Drawn,
    Look,
)
from haat.domains.people.onboarding.service.desk import DOCUMENTS, NOTE, Desk, told
from haat.engines.blob import BlobMissing
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem

ITEM = Sql("""
SELECT document_type FROM onboarding.items
 WHERE id = $1 AND kind = 'document' AND removed_at IS NULL
""")
# The application's row is taken first, so that two uploads at once do not both find room.
LOCK = Sql("SELECT vendor_id FROM onboarding.applications WHERE vendor_id = $1 FOR NO KEY UPDATE")
COUNT = Sql("""
SELECT count(*) FROM onboarding.documents WHERE vendor_id = $1 AND deleted_at IS NULL
""")
ADD = Sql("""
INSERT INTO onboarding.documents (id, vendor_id, item_id, type, name, digest, content_type,
                                  size_bytes, pages, stored, status, uploaded_by, uploaded_at,
                                  delete_after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, false, 'waiting', $10, $11, $12)
ON CONFLICT (id) DO NOTHING RETURNING id
""")
STORED = Sql("""
WITH kept AS (
  UPDATE onboarding.documents SET stored = true, delete_after = NULL
   WHERE id = $1 AND NOT stored AND deleted_at IS NULL RETURNING vendor_id
), moved AS (
  UPDATE onboarding.applications SET revision = revision + 1
   WHERE vendor_id = (SELECT vendor_id FROM kept)
)
SELECT vendor_id FROM kept
""")
FIND = Sql("SELECT * FROM onboarding.documents WHERE id = $1")
REMOVE = Sql("""
WITH gone AS (
  UPDATE onboarding.documents SET deleted_at = $2, delete_after = $2, name = ''
   WHERE id = $1 AND status <> 'verified' AND deleted_at IS NULL RETURNING vendor_id
), moved AS (
  UPDATE onboarding.applications SET revision = revision + 1
   WHERE vendor_id = (SELECT vendor_id FROM gone)
)
SELECT vendor_id FROM gone
""")
DECIDE = Sql("""
UPDATE onboarding.documents
   SET status = $3, reason = $4, decided_by = $5, decided_at = $6, delete_after = $7
 WHERE id = $1 AND status = $2 AND stored AND deleted_at IS NULL
RETURNING *
""")
BUMP = Sql("UPDATE onboarding.applications SET revision = revision + 1 WHERE vendor_id = $1")
LOOK = Sql(
    "INSERT INTO onboarding.looks (document_id, person_id, page, at) VALUES ($1, $2, $3, $4)"
)
LOOKS = Sql("""
SELECT person_id, page, at FROM onboarding.looks WHERE document_id = $1
 ORDER BY at DESC, id DESC LIMIT 100
""")
DUE = Sql("""
SELECT id, vendor_id FROM onboarding.documents
 WHERE delete_after <= $1 AND deleted_at IS NULL ORDER BY delete_after LIMIT 100
""")
DELETED = Sql("""
UPDATE onboarding.documents SET deleted_at = $2, name = ''
 WHERE id = $1 AND deleted_at IS NULL AND delete_after <= $2
""")

STORING = timedelta(hours=1)  # a document whose bytes are not there by then never came
NAME_CHARS = 200
KIND = "application/octet-stream"


class Papers(Desk):
    _slots: asyncio.Semaphore

    async def add_document(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, item_id: UUID, name: str, content: bytes
    ) -> Document:
        ctx.need_vendor(vendor_id)
        if len(content) > DOCUMENT_BYTES_MAX:
            raise DocumentTooLarge
        digest = sha256(content).hexdigest()
        known = await self._db.fetchrow(FIND, id)
        if known is not None and known["stored"]:
            return _again(known, vendor_id, item_id, digest)
        item = await self._db.fetchrow(ITEM, item_id)
        if item is None:
            raise NotFound
        kind, pages = await self._examined(content)
        vendor = await self._vendor(ctx, vendor_id)
        rules.check_may_send((await self._application(ctx, vendor))["stage"])
        now = ctx.now()
        async with self._db.begin(ctx) as tx:
            await tx.fetch(LOCK, vendor_id)
            if known is None and await tx.fetchval(COUNT, vendor_id) >= DOCUMENTS_MAX:
                raise DocumentsFull
            await tx.fetch(
                ADD, id, vendor_id, item_id, item["document_type"], _plain(name), digest, kind,
                len(content), pages, ctx.actor.id, now, now + STORING,
            )  # fmt: skip
        row = await self._row(id)
        if row["stored"] or row["digest"] != digest or row["vendor_id"] != vendor_id:
            return _again(row, vendor_id, item_id, digest)
        sealed = await asyncio.to_thread(self._signer.seal_file, purpose(row), content)
        await self._blob.put(key_of(row), sealed, KIND)
        if await self._db.fetch(STORED, id):
            await self._db.execute(NOTE, *self.entry(ctx, vendor_id, "document_sent"))
        return told(await self._row(id))

    async def _examined(self, content: bytes) -> tuple[str, int]:
        """Its type by its bytes, and its pages. DocumentUnreadable, DocumentTooLarge."""
        kind = drawing.type_of(content)
        if kind is None:
            raise DocumentUnreadable
        async with self._slots:
            try:
                pages = await asyncio.to_thread(drawing.pages_in, content)
            except drawing.Unreadable:
                raise DocumentUnreadable from None
        if pages > PAGES_MAX:
            raise DocumentTooLarge
        return kind, pages

    async def documents(self, ctx: Context, *, vendor_id: UUID) -> list[Document]:
        ctx.need_vendor(vendor_id)
        return [told(row) for row in await self._db.fetch(DOCUMENTS, vendor_id, False)]

    async def documents_of(self, ctx: Context, *, vendor_id: UUID) -> list[Document]:
        return [told(row) for row in await self._db.fetch(DOCUMENTS, vendor_id, True)]

    async def remove_document(self, ctx: Context, *, id: UUID) -> None:
        row = await self._row(id)
        ctx.need_vendor(row["vendor_id"])
        if row["deleted_at"] is None and not await self._db.fetch(REMOVE, id, ctx.now()):
            raise DocumentDecided("Staff have verified it: it stays.")
        # The timer does not see it any more: if this fails, it is sent again with the button.
        await self._blob.delete([key_of(row)])

    async def decide_document(
        self, ctx: Context, *, id: UUID, verified: bool, reason: str = ""
    ) -> Document:
        why = "" if verified else "Say why: the vendor reads it."
        text = rules.checked_note(reason, needed=why, path="reason")
        row = await self._present(id)
        status = "verified" if verified else "refused"
        if row["status"] == status:
            return told(row)
        if row["status"] == "refused":
            raise DocumentDecided("It was refused; ask the vendor to send it again.")
        now = ctx.now()
        after = None if verified else now + self._kept
        async with self._db.begin(ctx) as tx:
            moved = await tx.fetchrow(
                DECIDE, id, row["status"], status, text, ctx.actor.id, now, after
            )
            if moved is not None:
                vendor_id = row["vendor_id"]
                said = f"{row['type']}: {text}" if text else row["type"]
                entry = self.entry(ctx, vendor_id, f"document_{status}", said)
                await tx.execute(NOTE, *entry)
                await tx.execute(BUMP, vendor_id)
                tx.emit(
                    DocumentDecision(
                        vendor_id=vendor_id, document_id=id, type=row["type"], verified=verified
                    )
                )
        if moved is None:
            found = await self._present(id)
            if found["status"] != status:
                raise DocumentDecided
            return told(found)
        return told(moved)

    async def look(self, ctx: Context, *, id: UUID, page: int = 1) -> Drawn:
        row = await self._present(id)
        if page > row["pages"]:
            raise NotFound
        # Before anything is shown: what cannot be noted is not seen.
        now = ctx.now()
        await self._db.execute(LOOK, id, ctx.actor.id, page, now)
        try:
            content = self._signer.unseal_file(purpose(row), await self._blob.get(key_of(row)))
        except BlobMissing:
            content = None
        if content is None:
            raise Problem("This document is damaged.", code="document_damaged")
        mark = f"{await self._name(ctx)} · {now:%Y-%m-%d %H:%M} UTC"
        async with self._slots:
            try:
                found = await asyncio.to_thread(drawing.drawn, content, page, mark)
            except drawing.Unreadable:
                raise DocumentUnreadable from None
        return Drawn(content=found.data, pages=found.pages, seen_at=now)

    async def _name(self, ctx: Context) -> str:
        """Who looks, so that a photograph of the screen tells; the id where a name would not."""
        if ctx.actor.id is None:
            return "system"
        person = await self._identity.me(ctx)
        return f"{person.name} {person.id.hex[-8:]}"

    async def looks(self, ctx: Context, *, id: UUID) -> list[Look]:
        await self._row(id)
        return [Look(**dict(row)) for row in await self._db.fetch(LOOKS, id)]

    async def delete_due(self, ctx: Context) -> int:
        """Deletes what has been kept for long enough; how many. The bytes go first: a row that
        says they are gone is true."""
        now, done = ctx.now(), 0
        for row in await self._db.fetch(DUE, now):
            await self._blob.delete([key_of(row)])
            done += await self._db.execute(DELETED, row["id"], now)
        return done

    async def _row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            raise NotFound
        return row

    async def _present(self, id: UUID) -> Record:
        row = await self._row(id)
        if row["deleted_at"] is not None:
            raise DocumentDeleted
        if not row["stored"]:
            raise NotFound
        return row


def key_of(row: Record) -> str:
    return f"documents/{row['vendor_id']}/{row['id']}"


def purpose(row: Record) -> str:
    """What the sealed bytes are bound to: moved to another vendor's row they do not open."""
    return f"document:{row['vendor_id']}:{row['id']}"


def _plain(name: str) -> str:
    """A file's name as one line without directories."""
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c for c in last if c.isprintable()).strip()[:NAME_CHARS]
    return plain or "document"


def _again(row: Record, vendor_id: UUID, item_id: UUID, digest: str) -> Document:
    """The document that is there, for who sent the same; DocumentIdTaken for anything else."""
    if (row["vendor_id"], row["item_id"], row["digest"]) != (vendor_id, item_id, digest):
        raise DocumentIdTaken
    return told(row)
