"""Exports: what every module has of a person, and their files, in one archive."""

import asyncio
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

from haat.domains.people.market.api import Market
from haat.domains.people.media.api import PIECE_MAX, Media
from haat.domains.trust.privacy.api import Export, ExportMissing, Piece, Work
from haat.domains.trust.privacy.service.belongings import Belongings
from haat.domains.trust.privacy.service.erasing import PART, Erasing
from haat.engines.blob import Blob
from haat.engines.mail import Mail, Message
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem
from haat.kernel.ids import derive
from haat.kernel.page import decode_cursor, encode_cursor

_COLUMNS = """e.id, e.person_id, e.state, e.asked_at, e.ready_at, e.expires_at, e.size_bytes,
       (SELECT count(*) FROM privacy.parts p WHERE p.request_id = e.id)::int AS parts"""
ASK_EXPORT = Sql("""
INSERT INTO privacy.exports
       (id, person_id, guest, state, asked_at, orders, vendor_orders, returns, vendors)
VALUES ($1, $2, $3, 'making', $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
""")
OWN = Sql(f"""
SELECT {_COLUMNS} FROM privacy.exports e
 WHERE e.person_id = $1 ORDER BY e.asked_at DESC, e.id DESC LIMIT 20
""")  # noqa: S608 - a constant
MINE = Sql("""
SELECT size_bytes, packing FROM privacy.exports WHERE id = $1 AND person_id = $2 AND state = 'ready'
   AND expires_at > $3
""")
BEING_MADE = Sql("""
SELECT e.id, e.person_id, e.guest, e.orders, e.vendor_orders, e.returns, e.vendors,
       e.vendors AS untraded,
       array(SELECT module FROM privacy.parts p WHERE p.request_id = e.id) AS finished
  FROM privacy.exports e WHERE state = 'making' ORDER BY id LIMIT 20
""")
MAKING = Sql("SELECT person_id FROM privacy.exports WHERE id = $1 AND state = 'making'")
GATHERED = Sql("""
UPDATE privacy.exports e SET gathered_at = $2
 WHERE id = $1 AND gathered_at IS NULL
   AND (SELECT count(*) FROM privacy.parts p
         WHERE p.request_id = e.id AND p.module = ANY($3::text[])) = cardinality($3::text[])
""")
# One packs it; whoever dies at it is followed by another.
PACK = Sql("""
UPDATE privacy.exports SET packing = $1, packed_until = $3
 WHERE id = (SELECT id FROM privacy.exports
              WHERE state = 'making' AND gathered_at IS NOT NULL
                AND (packed_until IS NULL OR packed_until < $2)
              ORDER BY gathered_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, array(SELECT module FROM privacy.parts p WHERE p.request_id = exports.id) AS modules
""")
READY = Sql("""
UPDATE privacy.exports SET state = 'ready', ready_at = $3, expires_at = $4, size_bytes = $5
 WHERE id = $1 AND packing = $2 AND state = 'making'
""")
TO_TELL = Sql("""
SELECT id, person_id FROM privacy.exports
 WHERE state = 'ready' AND told_at IS NULL ORDER BY ready_at LIMIT 20
""")
TOLD = Sql("UPDATE privacy.exports SET told_at = $2 WHERE id = $1")
OVER = Sql("""
SELECT id FROM privacy.exports WHERE state = 'ready' AND expires_at <= $1 LIMIT 20
""")
EXPIRE = Sql("UPDATE privacy.exports SET state = 'expired' WHERE id = $1")
OF_PERSON = Sql("""
SELECT id FROM privacy.exports WHERE person_id = $1 AND state <> 'expired' LIMIT 100
""")
KEPT = timedelta(days=7)
PACKING = timedelta(minutes=30)


class Exporting(Erasing):
    """The part of privacy that is about exports."""

    _media: Media
    _market: Market
    _mail: Mail
    _blob: Blob
    _site: str

    async def ask_export(self, ctx: Context, *, id: UUID) -> Export:
        found = await self.gathered(ctx, ctx.person_id)
        return await self._ask_export(ctx, id, ctx.person_id, found, guest=False)

    async def _ask_export(
        self, ctx: Context, id: UUID, person_id: UUID, found: Belongings, *, guest: bool
    ) -> Export:
        ids = (found.orders, found.parts, found.returns, found.owned)
        await self._db.execute(ASK_EXPORT, id, person_id, guest, ctx.now(), *ids)
        return (await self._exports(person_id))[0]

    async def exports(self, ctx: Context) -> list[Export]:
        return await self._exports(ctx.person_id)

    async def _exports(self, person_id: UUID) -> list[Export]:
        return [Export(**dict(row)) for row in await self._db.fetch(OWN, person_id)]

    async def take_export(self, ctx: Context, *, id: UUID, cursor: str | None = None) -> Piece:
        return await self._take_export(ctx, id, ctx.person_id, cursor)

    async def _take_export(
        self, ctx: Context, id: UUID, person_id: UUID, cursor: str | None
    ) -> Piece:
        row = await self._db.fetchrow(MINE, id, person_id, ctx.now())
        if row is None:
            raise ExportMissing
        size, key = row["size_bytes"], _file(id, row["packing"])
        (start,) = decode_cursor(cursor, int) or [0]
        try:
            content = await self._blob.get_range(key, max(0, start), PIECE_MAX)
        except NotFound:
            raise ExportMissing from None
        end = start + len(content)
        more = content and end < size
        return Piece(content=content, next=encode_cursor(end) if more else None)

    async def telling_work(self, ctx: Context, here: list[str], all_parts: list[str]) -> list[Work]:
        found = []
        for row in await self._db.fetch(BEING_MADE):
            left = set(all_parts).difference(row["finished"])
            if not left:  # whoever did the last part died before saying that it was
                await self._db.execute(GATHERED, row["id"], ctx.now(), all_parts)
            if mine := sorted(left.intersection(here)):
                found.append(await self.work_of(ctx, "tell", row, mine))
        return found

    async def _export_part(
        self, ctx: Context, id: UUID, module: str, all_parts: list[str], content: str
    ) -> None:
        if await self._db.fetchval(MAKING, id) is None:
            return
        await self._blob.put(_key(id, f"{module}.json"), content.encode(), "application/json")
        await self._db.execute(PART, id, module, ctx.now())
        await self._db.execute(GATHERED, id, ctx.now(), all_parts)

    async def pack(self, ctx: Context) -> None:
        """Packs what is gathered, one after another."""
        while True:
            packing, until = ctx.new_id(), ctx.now() + PACKING
            row = await self._db.fetchrow(PACK, packing, ctx.now(), until)
            if row is None:
                return
            await self._make(ctx, row["id"], packing, sorted(row["modules"]))

    async def _make(self, ctx: Context, id: UUID, packing: UUID, modules: list[str]) -> None:
        with tempfile.TemporaryFile() as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for module in modules:
                    try:
                        raw = await self._blob.get(_key(id, f"{module}.json"))
                    except NotFound:  # another was faster, or it is not wanted any more
                        return
                    told = json.loads(raw)
                    if told:
                        text = json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True)
                        archive.writestr(f"{module}.json", text)
                    if module == "media":
                        await self._add_files(ctx, archive, told)
            size = file.tell()
            file.seek(0)
            await self._blob.put_stream(_file(id, packing), _pieces(file), "application/zip")
        now = ctx.now()
        if not await self._db.execute(READY, id, packing, now, now + KEPT, size):
            await self._blob.delete([_file(id, packing)])  # somebody else's is the one, or none
            return
        await self._blob.delete([_key(id, f"{module}.json") for module in modules])

    async def _add_files(
        self, ctx: Context, archive: zipfile.ZipFile, told: dict[str, Any]
    ) -> None:
        """The files they sent, a piece in memory at a time."""
        for file in told.get("files", []):
            kind = str(file["content_type"]).rpartition("/")[2]
            with archive.open(f"files/{file['id']}.{kind}", "w") as out:
                start = 0
                while True:
                    try:
                        piece = await self._media.piece(
                            ctx, id=UUID(file["id"]), start=start, length=PIECE_MAX
                        )
                    except NotFound:  # removed meanwhile
                        break
                    out.write(piece.data)
                    start += len(piece.data)
                    if len(piece.data) < PIECE_MAX:
                        break

    async def tell_ready(self, ctx: Context) -> None:
        """Mails whoever waits for an export. Sent twice it is the same mail."""
        rows = await self._db.fetch(TO_TELL)
        if not rows:
            return
        market = (await self._market.settings(ctx)).name
        contacts = await self._identity.contacts(ctx, person_ids=[r["person_id"] for r in rows])
        reached = {one.person_id: one.email for one in contacts}
        for row in rows:
            if address := reached.get(row["person_id"]):
                try:
                    await self._mail.send(_mail(row["id"], address, market, self._site))
                except Problem:
                    continue  # the next turn tries again
            await self._db.execute(TOLD, row["id"], ctx.now())

    async def end_exports(self, ctx: Context) -> None:
        for row in await self._db.fetch(OVER, ctx.now()):
            await self._drop(row["id"])

    async def drop_exports_of(self, ctx: Context, person_id: UUID) -> None:
        for row in await self._db.fetch(OF_PERSON, person_id):
            await self._drop(row["id"])

    async def _drop(self, id: UUID) -> None:
        keys = await self._blob.keys(f"privacy/{id}")
        await self._blob.delete(keys)
        await self._db.execute(EXPIRE, id)


def _key(id: UUID, name: str) -> str:
    return f"privacy/{id}/{name}"


def _file(id: UUID, packing: UUID) -> str:
    return _key(id, f"{packing}.zip")


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, PIECE_MAX):
        yield piece


def _mail(id: UUID, address: str, market: str, site: str) -> Message:
    return Message(
        id=derive(id, "mail"),
        to=address,
        subject=f"Your data from {market}",
        text=(
            f"The data that {market} has of you is ready. It can be taken for seven days, after\n"
            f"you showed again that it is you:\n\n{site}/account/privacy\n\n"
            "If you did not ask for it, change your password now.\n"
        ),
    )
