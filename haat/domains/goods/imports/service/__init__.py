"""The imports' use cases: a file arrives, is looked at, runs; products leave as a file."""

import asyncio
import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.imports import statements as sql
from haat.domains.goods.imports.api import (
    PART_MAX,
    PARTS_MAX,
    Counts,
    ExportPart,
    FileTooLarge,
    Finding,
    Imports,
    MappingWrong,
    PartMissing,
    Preview,
    Run,
    SavedMapping,
    Workbook,
    WrongRunState,
)
from haat.domains.goods.imports.formats.mapping import Mapping, format_of, problems, proposed
from haat.domains.goods.imports.formats.sheets import NotATable, open_sheet
from haat.domains.goods.imports.formats.writing import ERROR_COLUMN
from haat.domains.goods.imports.service.exporting import Exporting
from haat.domains.goods.imports.service.files import Files
from haat.domains.goods.imports.service.previewing import previewed
from haat.domains.goods.imports.service.running import Running
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.market.api import Market
from haat.engines.blob import Blob, BlobMissing
from haat.engines.hands import Hands
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.errors import FieldError, NotFound
from haat.kernel.page import Page, decode_cursor, encode_cursor

KEPT_DAYS = 30


class ImportsService(Imports):
    """Rows in the schema, files in the blob store; the work is a timer's."""

    def __init__(
        self,
        db: Database,
        blob: Blob,
        market: Market,
        catalog: Catalog,
        inventory: Inventory,
        hands: Hands,
    ) -> None:
        self._db, self._market = db, market
        self._files = Files(blob)
        self._running = Running(db, blob, market, catalog, inventory, hands)
        self._exporting = Exporting(catalog, inventory)

    # -- the file ------------------------------------------------------------------------------

    async def receive(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        file_name: str,
        number: int,
        content: bytes,
        last: bool,
    ) -> Run:
        _need(ctx, vendor_id)
        if len(content) > PART_MAX or not 0 <= number < PARTS_MAX:
            raise FileTooLarge
        before = await self._db.fetchrow(sql.RUN, id)
        if before is not None and before["vendor_id"] != vendor_id:
            raise NotFound
        if before is not None and before["state"] != "receiving":
            return _run(before)  # the last part was sent twice
        # The part first: a row never names one that is not there.
        await self._files.put(id, number, content)
        row = await self._db.fetchrow(
            sql.RECEIVING, id, vendor_id, _shown_name(file_name), number + 1, ctx.now()
        )
        if row is None:
            return await self.run(ctx, id=id)
        return await self._whole(ctx, row) if last else _run(row)

    async def _whole(self, ctx: Context, row: Record) -> Run:
        """All parts are here: the header is read, and a mapping proposed."""
        missing = await self._files.complete(row["id"], row["parts"])
        if missing is not None:
            raise PartMissing(f"Send part {missing} of the file.", part=missing)
        currency = (await self._market.settings(ctx)).currency
        try:
            header = await self._header(row["id"], row["parts"])
        except NotATable as error:
            ready = await self._db.fetchrow(
                sql.READY, row["id"], "failed", None, None, None, error.reason
            )
            return _run(ready) if ready else await self.run(ctx, id=row["id"])
        saved = await self._db.fetchval(sql.MAPPING_FOR, row["vendor_id"], signature_of(header))
        mapping = Mapping.model_validate(saved) if saved else proposed(header, currency)
        ready = await self._db.fetchrow(
            sql.READY,
            row["id"],
            "ready",
            mapping.format,
            header,
            mapping.model_dump(mode="json"),
            None,
        )
        return _run(ready) if ready else await self.run(ctx, id=row["id"])

    async def preview(self, ctx: Context, *, id: UUID, mapping: Mapping | None = None) -> Preview:
        row = await self._mine(ctx, id)
        if row["header"] is None:
            raise WrongRunState("The file has not arrived yet.", state=row["state"])
        if not row["parts"]:
            raise NotFound("The file was deleted: send it again.")
        used = mapping or Mapping.model_validate(row["mapping"])
        currency = (await self._market.settings(ctx)).currency
        start = await self._files.beginning(id, row["parts"])
        if start is not None:
            piece, more = start
            found = await asyncio.to_thread(previewed, piece, used, currency, more=more)
            if found is not None:
                return found
        async with self._files.opened(id, row["parts"]) as file:
            found = await asyncio.to_thread(previewed, file, used, currency, more=False)
        assert found is not None, "the file is whole"
        return found

    async def _header(self, id: UUID, parts: int) -> list[str]:
        """Raises NotATable."""
        start = await self._files.beginning(id, parts)
        if start is not None:
            return (await asyncio.to_thread(open_sheet, start[0])).header
        async with self._files.opened(id, parts) as file:
            return (await asyncio.to_thread(open_sheet, file)).header

    # -- the run -------------------------------------------------------------------------------

    async def start(
        self,
        ctx: Context,
        *,
        id: UUID,
        mapping: Mapping | None = None,
        dry_run: bool = False,
        save_as: str | None = None,
    ) -> Run:
        row = await self._mine(ctx, id)
        if row["header"] is None:
            raise WrongRunState("The file has not arrived yet.", state=row["state"])
        used = mapping or Mapping.model_validate(row["mapping"])
        used = used.model_copy(update={"format": _format(used, row["header"])})
        wrong = problems(used, row["header"])
        if wrong:
            fields = [
                FieldError(path=f"mapping.columns.{name}", code="import_mapping", message=reason)
                for name, reason in wrong
            ]
            raise MappingWrong(wrong[0][1], fields=fields)
        document = used.model_dump(mode="json")
        if save_as is not None:
            await self._db.execute(
                sql.SAVE_MAPPING,
                ctx.new_id(),
                row["vendor_id"],
                " ".join(save_as.split()),
                signature_of(row["header"]),
                document,
                ctx.now(),
            )
        started = await self._db.fetchrow(
            sql.START, id, used.format, document, dry_run, ctx.now(), row["round"]
        )
        if started is not None:
            return _run(started)
        present = await self._mine(ctx, id)
        if present["state"] in ("waiting", "running") and present["dry_run"] == dry_run:
            return _run(present)  # started twice at once
        raise WrongRunState(
            f"This import is {present['state']}: send the file again.", state=present["state"]
        )

    async def stop(self, ctx: Context, *, id: UUID) -> Run:
        row = await self._mine(ctx, id)
        return _run(await self._db.fetchrow(sql.STOP, id, ctx.now()) or row)

    async def run(self, ctx: Context, *, id: UUID) -> Run:
        return _run(await self._mine(ctx, id))

    async def runs(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 24, cursor: str | None = None
    ) -> Page[Run]:
        _need(ctx, vendor_id)
        at, behind = decode_cursor(cursor, _moment, UUID) or (None, None)
        rows = await self._db.fetch(sql.RUNS, vendor_id, at, behind, limit + 1)
        items = [_run(row) for row in rows[:limit]]
        more = len(rows) > limit
        next = encode_cursor(items[-1].created_at.isoformat(), items[-1].id) if more else None
        return Page(items=items, next=next)

    async def findings(
        self,
        ctx: Context,
        *,
        id: UUID,
        refused: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Finding]:
        run = await self._mine(ctx, id)
        line, place = decode_cursor(cursor, int, int) or (None, None)
        statement = {None: sql.FINDINGS, True: sql.FINDINGS_REFUSED, False: sql.FINDINGS_NOTED}
        rows = await self._db.fetch(statement[refused], id, run["round"], line, place, limit + 1)
        items = [
            Finding(
                line=row["line"],
                column=row["column_name"],
                reason=row["reason"],
                key=row["key"],
                refused=row["refused"],
            )
            for row in rows[:limit]
        ]
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(items=items, next=encode_cursor(last["line"], last["place"]) if last else None)

    async def corrections(self, ctx: Context, *, id: UUID, cursor: str | None = None) -> ExportPart:
        run = await self._mine(ctx, id)
        (number,) = decode_cursor(cursor, int) or (0,)
        if not 0 <= number < run["correction_parts"]:
            raise NotFound("Nothing was refused, or the import is not done.")
        try:
            content = await self._files.corrections(id, run["round"], number)
        except BlobMissing:
            raise NotFound("The file was deleted.") from None
        more = number + 1 < run["correction_parts"]
        return ExportPart(content=content, next=encode_cursor(number + 1) if more else None)

    # -- mappings, export ----------------------------------------------------------------------

    async def mappings(self, ctx: Context, *, vendor_id: UUID) -> list[SavedMapping]:
        _need(ctx, vendor_id)
        rows = await self._db.fetch(sql.MAPPINGS, vendor_id)
        return [
            SavedMapping(
                id=row["id"],
                name=row["name"],
                mapping=Mapping.model_validate(row["mapping"]),
                used_at=row["used_at"],
            )
            for row in rows
        ]

    async def forget_mapping(self, ctx: Context, *, id: UUID) -> None:
        vendor_id = await self._db.fetchval(sql.MAPPING_OF, id)
        if vendor_id is None:
            raise NotFound
        _need(ctx, vendor_id)
        await self._db.execute(sql.FORGET_MAPPING, id, vendor_id)

    async def export(
        self, ctx: Context, *, vendor_id: UUID, cursor: str | None = None
    ) -> ExportPart:
        _need(ctx, vendor_id)
        return await self._exporting.part(ctx, vendor_id, cursor)

    async def workbook(self, ctx: Context, *, vendor_id: UUID) -> Workbook:
        _need(ctx, vendor_id)
        return await self._exporting.workbook(ctx, vendor_id)

    # -- timers --------------------------------------------------------------------------------

    async def work(self, ctx: Context) -> None:
        """Goes on with what was started."""
        await self._running.work(ctx)

    async def help(self, ctx: Context) -> bool:
        """Writes a chunk of any run that waits for somebody; False where there is none."""
        return await self._running.help(ctx)

    async def forget_old(self, ctx: Context) -> None:
        """Files and findings of a month ago go."""
        for row in await self._db.fetch(sql.OLD, ctx.now(), KEPT_DAYS):
            await self._files.forget(row["id"], row["parts"], row["round"], row["correction_parts"])
            await self._db.execute(sql.FORGOTTEN, [row["id"]])

    async def _mine(self, ctx: Context, id: UUID) -> Record:
        row = await self._db.fetchrow(sql.RUN, id)
        if row is None:
            raise NotFound
        _need(ctx, row["vendor_id"])
        return row


def _need(ctx: Context, vendor_id: UUID) -> None:
    if ctx.caller is None:
        ctx.need_vendor(vendor_id)


def signature_of(header: list[str]) -> str:
    """Alike for files with the same columns, in whatever order; also for rows to correct, which
    have one more."""
    names = sorted(name for name in header if name != ERROR_COLUMN)
    return hashlib.sha256("\0".join(names).encode()).hexdigest()


def _format(mapping: Mapping, header: list[str]) -> str:
    """A format with rules of its own needs that format's header."""
    kind = mapping.format
    return kind if kind in ("custom", "haat") or kind == format_of(header) else "custom"


def _shown_name(name: str) -> str:
    """A browser may send a whole path."""
    return name.replace("\\", "/").rpartition("/")[2].replace("\0", "").strip()[:200] or "file"


def _moment(text: Any) -> Any:
    return datetime.fromisoformat(text)


def _run(row: Record) -> Run:
    return Run(
        id=row["id"],
        vendor_id=row["vendor_id"],
        file_name=row["file_name"],
        state=row["state"],
        format=row["format"],
        dry_run=row["dry_run"],
        counts=Counts(**{name: row[name] for name in Counts.model_fields}),
        failure=row["failure"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
