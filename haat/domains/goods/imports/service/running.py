"""A run's work: product by product, chunk by chunk, so that it can go on after any end."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

import structlog

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.imports import statements as sql
from haat.domains.goods.imports.formats.mapping import Mapping
from haat.domains.goods.imports.formats.sheets import NotATable, Sheet, open_sheet
from haat.domains.goods.imports.formats.spool import Spool
from haat.domains.goods.imports.formats.writing import Corrections
from haat.domains.goods.imports.service.chunks import BROKE_OFF, Hand, packed
from haat.domains.goods.imports.service.files import Files
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.market.api import Market
from haat.engines.blob import Blob
from haat.engines.hands import Hands
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unavailable

log = structlog.get_logger()

CHUNK = 400  # products,
CHUNK_ROWS = 2_000  # or as many as begin within so many rows
AHEAD = 2  # chunks that are written at a time here, while the next is read,
EACH = 4  # and so many wait for each process that helps, or are under way there
LATE_S = 8.0  # what waits longer is written here, though others could
LOOK_S = 0.1
TURN_S = 20.0  # then others come, and a draining process ends
CORRECTIONS_PART = 4 * 1024 * 1024
UNREAD_AT_ONCE = 2_000
REFUSED_AT_ONCE = 500


@dataclass
class Open:
    """A run's file, read and spooled on this machine. Whoever takes the run over reads it anew."""

    run_id: UUID
    round: int
    sheet: Sheet
    spool: Spool
    stack: AsyncExitStack


class _Taken(Exception):
    """Somebody else has gone on with the run, or it was stopped."""


class Running:
    def __init__(
        self,
        db: Database,
        blob: Blob,
        market: Market,
        catalog: Catalog,
        inventory: Inventory,
        hands: Hands,
    ) -> None:
        self._db, self._market, self._hands = db, market, hands
        self._files = Files(blob)
        self._hand = Hand(db, market, catalog, inventory)
        self._open: Open | None = None

    async def help(self, ctx: Context) -> bool:
        """Writes a chunk of any run; False where none waits."""
        return await self._hand.help(ctx)

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
            except _Taken:
                continue
            except Unavailable:
                raise  # an outage: the same run goes on when it is over
            except Exception as error:  # noqa: BLE001 - one file must not stop all behind it
                log.error("import_broke_off", run=str(run["id"]), error=repr(error)[:300])
                await self._finish(ctx, run, "failed", BROKE_OFF)

    async def _go_on(self, ctx: Context, run: Record, ends: float) -> None:
        """Gives chunks out, and writes some itself where nobody else does."""
        opened = await self._opened(ctx, run)
        after, last = run["after_line"], opened.spool.last_line
        ours: set[asyncio.Task[bool]] = set()
        try:
            while True:
                self._hands.call()
                standing = await self._db.fetchrow(sql.STANDING, run["id"], run["round"])
                if standing is None or standing["state"] != "running":
                    return  # stopped by its vendor
                late = monotonic() >= ends
                out = standing["out"]
                while after < last and out < AHEAD + self._hands.count * EACH and not late:
                    after, out = await self._give(run, opened, after), out + 1
                if not out and after >= last:
                    break
                if late and not ours:
                    return
                await self._help(ctx, ours, begin=not late)
        finally:
            for task in ours:
                task.cancel()
            await asyncio.gather(*ours, return_exceptions=True)
        await self._finish(ctx, run, "done", None)

    async def _give(self, run: Record, opened: Open, after: int) -> int:
        """The next products and what cannot be read up to there, as a chunk."""
        upto, content = await asyncio.to_thread(_packed, opened.spool, after)
        given = await self._db.fetch(sql.GIVE, run["id"], run["round"], after, upto, content)
        if not given:
            raise _Taken
        return upto

    async def _help(self, ctx: Context, ours: set[asyncio.Task[bool]], *, begin: bool) -> None:
        """Until one of our own chunks is written, or a moment has passed."""
        waiting_s = LATE_S if self._hands.count else 0.0
        while begin and len(ours) < AHEAD:
            ours.add(asyncio.create_task(self._hand.help(ctx, waiting_s=waiting_s)))
        if not ours:
            return
        done, _ = await asyncio.wait(ours, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        ours -= done
        worked = [task.result() for task in done]
        if not any(worked):
            await asyncio.sleep(LOOK_S)

    async def _opened(self, ctx: Context, run: Record) -> Open:
        present = self._open
        if present is not None and (present.run_id, present.round) == (run["id"], run["round"]):
            return present
        await self._close()
        async with AsyncExitStack() as stack:
            file = await stack.enter_async_context(self._files.opened(run["id"], run["parts"]))
            sheet = await asyncio.to_thread(open_sheet, file)
            mapping = Mapping.model_validate(run["mapping"])
            spool = stack.enter_context(Spool(sheet, mapping))
            await asyncio.to_thread(_fill, spool)
            self._open = Open(run["id"], run["round"], sheet, spool, stack.pop_all())
        if run["after_line"] == 0:
            await self._db.execute(sql.FILLED, run["id"], run["round"], spool.total)
        return self._open

    async def _close(self) -> None:
        if self._open is not None:
            stack, self._open = self._open.stack, None
            await stack.aclose()

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


def _packed(spool: Spool, after: int) -> tuple[int, bytes]:
    """Blocks: it reads the spool."""
    upto, rows = spool.taken(after, CHUNK, CHUNK_ROWS)
    unread = spool.unread(after, upto, UNREAD_AT_ONCE)
    if len(unread) == UNREAD_AT_ONCE:
        upto = unread[-1].line
        # A product begins with its first row, wherever the others stand.
        upto, rows = spool.taken_upto(after, upto)
    return upto, packed(rows, unread)
