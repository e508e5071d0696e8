"""Chunks of runs: taken under a lease by whoever has a hand free, written, and told of once.

A chunk is a row with the file's rows in it; it is gone when it is done. Who was killed amid one
leaves it to the next when the lease ends; it does all of it again, which changes nothing, and its
outcome is told in the statement that removes the row.
"""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

import structlog
from pydantic_core import from_json

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.imports import statements as sql
from haat.domains.goods.imports.formats.mapping import Mapping, Reader, Row
from haat.domains.goods.imports.formats.products import Made, product_of
from haat.domains.goods.imports.formats.refusals import Noted, Refused
from haat.domains.goods.imports.service.writing import Batch, Outcome, Shelf, Writing
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.market.api import Market
from haat.engines.sql import Database, Deadlock, Record
from haat.kernel.context import Context
from haat.kernel.errors import Problem, Unavailable

log = structlog.get_logger()

LEASE_S = 15.0
BROKE_OFF = (
    "It broke off through a fault of ours; what is in stays in, and the file may be sent again."
)


@dataclass(frozen=True, slots=True)
class Known:
    """What all chunks of one round have in common."""

    run_id: UUID
    round: int
    shelf: Shelf
    currency: str
    reader: Reader


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is in the row."""

    made: list[Made]
    unread: list[Refused]


def packed(rows: Iterable[tuple[int, str, str]], unread: Sequence[Refused]) -> bytes:
    """Rows (number, key, cells as JSON), those of a product behind each other, and what cannot be
    read, as a chunk has them."""
    lines = ",".join(f"[{number},{json.dumps(key)},{cells}]" for number, key, cells in rows)
    left = json.dumps([(one.line, one.column, one.reason) for one in unread])
    return zlib.compress(f'{{"rows":[{lines}],"unread":{left}}}'.encode(), 1)


def unpacked(content: bytes, currency: str) -> Chunk:
    text = zlib.decompress(content)
    try:
        found: dict[str, Any] = from_json(text)
    except ValueError:  # half a surrogate pair
        found = json.loads(text)
    made = [
        product_of(key, [Row(number, cells, [], key) for number, _, cells in rows], currency)
        for key, rows in groupby(found["rows"], lambda row: row[1])
    ]
    unread = [Refused(line=n, column=column, reason=why) for n, column, why in found["unread"]]
    return Chunk(made, unread)


class Hand:
    """Writes chunks, those of any run; several may work in one process, and in many."""

    def __init__(
        self, db: Database, market: Market, catalog: Catalog, inventory: Inventory
    ) -> None:
        self._db, self._market, self._catalog = db, market, catalog
        self._writing = Writing(catalog, inventory)
        self._known: Known | None = None

    async def help(self, ctx: Context, *, waiting_s: float = 0) -> bool:
        """Takes a chunk that waits for so long, and writes it; False where there is none."""
        holder = ctx.new_id()
        row = await self._db.fetchrow(sql.TAKE, holder, LEASE_S, waiting_s)
        if row is None:
            return False
        try:
            async with self._holding(row, holder):
                await self._write(ctx, row, holder)
        except Unavailable:
            raise  # an outage: it is taken again when it is over
        except Deadlock:
            log.warning("chunk_again", run=str(row["id"]), upto=row["upto"])
        except Exception as error:  # noqa: BLE001 - one file must not stop all behind it
            name = error.code if isinstance(error, Problem) else type(error).__name__
            log.error("import_broke_off", run=str(row["id"]), error=f"{name}: {error}"[:300])
            await self._db.execute(
                sql.FINISH, row["id"], row["round"], "failed", BROKE_OFF, ctx.now(), 0
            )
        return True

    @asynccontextmanager
    async def _holding(self, row: Record, holder: UUID) -> AsyncIterator[None]:
        """Keeps the lease; gives it back where the work ends early."""
        place = (row["id"], row["round"], row["upto"], holder)
        renewing = asyncio.create_task(self._renew(place))
        try:
            yield
        except (asyncio.CancelledError, Unavailable, Deadlock):
            await asyncio.shield(self._db.execute(sql.LEAVE, *place))
            raise
        finally:
            renewing.cancel()

    async def _renew(self, place: Sequence[Any]) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                await self._db.execute(sql.HOLD_ON, *place, LEASE_S)
            except Problem as problem:
                log.warning("chunk_not_renewed", error=problem.code)

    async def _write(self, ctx: Context, row: Record, holder: UUID) -> None:
        known = await self._knowing(ctx, row)
        chunk = await asyncio.to_thread(unpacked, row["content"], known.currency)
        batch = Batch(row["id"], row["vendor_id"], row["started_at"], row["dry_run"], known.shelf)
        good = [one.product for one in chunk.made if one.product is not None]
        written = iter(await self._writing.write(ctx, batch, good) if good else [])
        outcomes = [
            next(written) if one.product is not None else Outcome("refused", one.refused)
            for one in chunk.made
        ]
        await self._told(row, holder, chunk, outcomes, known.reader)

    async def _knowing(self, ctx: Context, row: Record) -> Known:
        known = self._known
        if known is None or (known.run_id, known.round) != (row["id"], row["round"]):
            currency = (await self._market.settings(ctx)).currency
            shelf = Shelf(await self._catalog.categories(ctx))
            reader = Reader(row["header"], Mapping.model_validate(row["mapping"]))
            known = self._known = Known(row["id"], row["round"], shelf, currency, reader)
        return known

    async def _told(
        self,
        row: Record,
        holder: UUID,
        chunk: Chunk,
        outcomes: Sequence[Outcome],
        reader: Reader,
    ) -> None:
        findings: list[tuple[int, Refused | Noted]] = [(0, one) for one in chunk.unread]
        noted = 0
        for made, outcome in zip(chunk.made, outcomes, strict=True):
            others = [*made.noted, *outcome.noted] if outcome.what != "refused" else []
            noted += len(others)
            findings += list(enumerate([*outcome.refused, *others], 1))
        what = [outcome.what for outcome in outcomes]
        await self._db.execute(
            sql.DONE,
            row["id"],
            row["round"],
            row["upto"],
            holder,
            sum(one.rows for one in chunk.made) + len(chunk.unread),
            what.count("created"),
            what.count("updated"),
            what.count("unchanged"),
            what.count("refused") + len(chunk.unread),
            noted,
            [one.line for _, one in findings],
            [place for place, _ in findings],
            [one.key[:300] for _, one in findings],
            [reader.column(one.column)[:200] for _, one in findings],
            [one.reason[:500] for _, one in findings],
            [isinstance(one, Refused) for _, one in findings],
        )
