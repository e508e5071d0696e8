"""A run's work: product by product, chunk by chunk, so that it can go on after any end."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from uuid import UUID

import structlog

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.imports import statements as sql
from haat.domains.goods.imports.formats.mapping import Mapping, Reader
from haat.domains.goods.imports.formats.products import Made
from haat.domains.goods.imports.formats.refusals import Noted, Refused
from haat.domains.goods.imports.formats.sheets import NotATable, Sheet, open_sheet
from haat.domains.goods.imports.formats.spool import Spool
from haat.domains.goods.imports.formats.writing import Corrections
from haat.domains.goods.imports.service.files import Files
from haat.domains.goods.imports.service.writing import Batch, Outcome, Shelf, Writing
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.market.api import Market
from haat.engines.blob import Blob
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unavailable

log = structlog.get_logger()

CHUNK = 50  # products
TURN_S = 20.0  # then others come, and a draining process ends
CORRECTIONS_PART = 4 * 1024 * 1024
UNREAD_AT_ONCE = 2_000
REFUSED_AT_ONCE = 500
BROKE_OFF = (
    "It broke off through a fault of ours; what is in stays in, and the file may be sent again."
)


@dataclass
class Open:
    """A run's file, read and spooled on this machine. Whoever takes the run over reads it anew."""

    run_id: UUID
    round: int
    sheet: Sheet
    spool: Spool
    stack: AsyncExitStack
    shelf: Shelf
    currency: str
    reader: Reader

    def column(self, field: str) -> str:
        """What the file calls it."""
        return self.reader.column(field)


@dataclass(frozen=True)
class Chunk:
    """Products and unreadable rows up to a line."""

    upto: int
    made: list[Made]
    unread: list[Refused]


class Running:
    def __init__(
        self, db: Database, blob: Blob, market: Market, catalog: Catalog, inventory: Inventory
    ) -> None:
        self._db, self._market, self._catalog = db, market, catalog
        self._files = Files(blob)
        self._writing = Writing(catalog, inventory)
        self._open: Open | None = None

    async def work(self, ctx: Context) -> None:
        """Goes on with the oldest run for a while; the timer that calls it runs once at a time."""
        ends = monotonic() + TURN_S
        while monotonic() < ends:
            run = await self._db.fetchrow(sql.NEXT)
            if run is None:
                await self._close()
                return
            try:
                await self._go_on(ctx, run, ends)
            except (NotATable, NotFound) as error:
                reason = getattr(error, "reason", "") or str(error) or "The file is gone."
                await self._finish(ctx, run, "failed", reason)
            except Unavailable:
                raise  # an outage: the same run goes on when it is over
            except Exception as error:  # noqa: BLE001 - one file must not stop all behind it
                log.error("import_broke_off", run=str(run["id"]), error=repr(error)[:300])
                await self._finish(ctx, run, "failed", BROKE_OFF)

    async def _go_on(self, ctx: Context, run: Record, ends: float) -> None:
        opened = await self._opened(ctx, run)
        after = run["after_line"]
        while monotonic() < ends:
            if after >= opened.spool.last_line:
                await self._finish(ctx, run, "done", None)
                return
            chunk = await asyncio.to_thread(self._chunk, opened, after)
            outcomes = await self._write(ctx, run, opened, chunk.made)
            if not await self._advance(run, opened, after, chunk, outcomes):
                return  # stopped by its vendor
            after = chunk.upto

    async def _opened(self, ctx: Context, run: Record) -> Open:
        present = self._open
        if present is not None and (present.run_id, present.round) == (run["id"], run["round"]):
            return present
        await self._close()
        currency = (await self._market.settings(ctx)).currency
        shelf = Shelf(await self._catalog.categories(ctx))
        async with AsyncExitStack() as stack:
            file = await stack.enter_async_context(self._files.opened(run["id"], run["parts"]))
            sheet = await asyncio.to_thread(open_sheet, file)
            mapping = Mapping.model_validate(run["mapping"])
            spool = stack.enter_context(Spool(sheet, mapping))
            await asyncio.to_thread(_fill, spool)
            self._open = Open(
                run["id"],
                run["round"],
                sheet,
                spool,
                stack.pop_all(),
                shelf,
                currency,
                Reader(sheet.header, mapping),
            )
        if run["after_line"] == 0:
            await self._db.execute(sql.FILLED, run["id"], run["round"], spool.total)
        return self._open

    async def _close(self) -> None:
        if self._open is not None:
            stack, self._open = self._open.stack, None
            await stack.aclose()

    def _chunk(self, opened: Open, after: int) -> Chunk:
        """The next products, and what cannot be read up to there. Blocks: it reads the spool."""
        spool = opened.spool
        made = list(islice(spool.products(opened.currency, after_line=after), CHUNK))
        upto = made[-1].line if len(made) == CHUNK else spool.last_line
        unread = spool.unread(after, upto, UNREAD_AT_ONCE)
        if len(unread) == UNREAD_AT_ONCE:
            upto = unread[-1].line
        return Chunk(upto, [one for one in made if one.line <= upto], unread)

    async def _write(
        self, ctx: Context, run: Record, opened: Open, made: Sequence[Made]
    ) -> list[Outcome]:
        batch = Batch(run["id"], run["vendor_id"], run["started_at"], run["dry_run"], opened.shelf)
        good = [one.product for one in made if one.product is not None]
        written = iter(await self._writing.write(ctx, batch, good) if good else [])
        return [
            next(written) if one.product is not None else Outcome("refused", one.refused)
            for one in made
        ]

    async def _advance(
        self, run: Record, opened: Open, after: int, chunk: Chunk, outcomes: Sequence[Outcome]
    ) -> bool:
        findings: list[tuple[int, Refused | Noted]] = [(0, one) for one in chunk.unread]
        noted = 0
        for made, outcome in zip(chunk.made, outcomes, strict=True):
            others = [*made.noted, *outcome.noted] if outcome.what != "refused" else []
            noted += len(others)
            findings += list(enumerate([*outcome.refused, *others], 1))
        what = [outcome.what for outcome in outcomes]
        moved = await self._db.fetch(
            sql.ADVANCE,
            run["id"],
            run["round"],
            after,
            chunk.upto,
            sum(one.rows for one in chunk.made) + len(chunk.unread),
            what.count("created"),
            what.count("updated"),
            what.count("unchanged"),
            what.count("refused") + len(chunk.unread),
            noted,
            [one.line for _, one in findings],
            [place for place, _ in findings],
            [one.key[:300] for _, one in findings],
            [opened.column(one.column)[:200] for _, one in findings],
            [one.reason[:500] for _, one in findings],
            [isinstance(one, Refused) for _, one in findings],
        )
        return bool(moved)

    async def _finish(self, ctx: Context, run: Record, state: str, failure: str | None) -> None:
        parts = 0
        if state == "done" and self._open is not None:
            parts = await self._correct(run, self._open)
        await self._close()
        await self._db.execute(
            sql.FINISH, run["id"], run["round"], state, failure, ctx.now(), parts
        )

    async def _correct(self, run: Record, opened: Open) -> int:
        """Writes the rows of all that was refused, with why; answers how many parts it has."""
        file = Corrections(opened.sheet.header)
        number, written = 0, False
        seen: set[str] = set()
        behind: tuple[int | None, int] = (None, 0)
        while True:
            rows = await self._db.fetch(
                sql.REFUSED, run["id"], run["round"], *behind, REFUSED_AT_ONCE
            )
            await self._put(run, opened.spool, file, rows, seen)
            written = written or bool(rows)
            if rows:
                behind = (rows[-1]["line"], rows[-1]["place"])
            last = len(rows) < REFUSED_AT_ONCE
            if file.size > CORRECTIONS_PART or (last and written):
                await self._files.put_corrections(run["id"], run["round"], number, file.taken())
                number += 1
            if last:
                return number

    async def _put(
        self, run: Record, spool: Spool, file: Corrections, rows: Sequence[Record], seen: set[str]
    ) -> None:
        """All rows of these findings' products, each product once."""
        keys = list(dict.fromkeys(row["key"] for row in rows if row["key"] not in seen))
        lines = [row["line"] for row in rows if not row["key"]]
        told = await self._db.fetch(sql.REASONS, run["id"], run["round"], keys, lines)
        reasons = {row["line"]: row["reason"] for row in told}
        for row in rows:
            key = row["key"]
            if not key:
                file.add(spool.raw_row(row["line"]), reasons.get(row["line"], ""))
            elif key not in seen:
                seen.add(key)
                for line, cells in spool.raw_rows(key):
                    file.add(cells, reasons.get(line, ""))


def _fill(spool: Spool) -> None:
    for _ in spool.fill():
        pass
