"""How an index follows its table: one process writes what changed, in the order it changed.

A position is `edition/seq`: how often staff had the index made anew, and the last row in it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from haat.engines.search import Document, Index, Writer
from haat.engines.sql import Database, Record, Sql
from haat.kernel.errors import Problem

log = structlog.get_logger()

ROWS = 2000  # of one commit
LOOK_S = 0.25  # between looks while nothing happens
AGAIN_S = 1.0
WAIT_S = 2.0

Made = tuple[list[Document], list[str]]  # what is in the index now, and what is not


@dataclass(frozen=True, slots=True)
class Source:
    """A table in the order of its changes, and how its rows become documents."""

    name: str
    after: Sql
    end: Sql
    make: Callable[[Sequence[Record]], Awaitable[Made]]


class Follower:
    """One index and its table."""

    def __init__(
        self, db: Database, index: Index, source: Source, edition: Callable[[], Awaitable[int]]
    ) -> None:
        self._db = db
        self._index = index
        self._source = source
        self._edition = edition
        self._knock = asyncio.Event()

    async def run(self) -> None:
        """Follows for as long as this process lives, whenever no other one does."""
        while True:
            try:
                async with self._index.writing() as writer:
                    if writer is not None:
                        await self._keep_up(writer)
            except (Problem, OSError, ValueError) as error:
                log.warning("index_behind", index=self._source.name, error=str(error)[:200])
            await asyncio.sleep(AGAIN_S)

    async def _keep_up(self, writer: Writer) -> None:
        while True:
            writer = await self._catch_up(writer)
            self._knock.clear()
            try:
                await asyncio.wait_for(self._knock.wait(), LOOK_S)
            except TimeoutError:
                continue

    async def reach(self, seq: int) -> None:
        """Until the index has what became `seq`, or WAIT_S have passed: then it follows later."""
        until = monotonic() + WAIT_S
        self._knock.set()
        while not await self._has(seq):
            async with self._index.writing() as writer:
                if writer is not None:
                    await self._catch_up(writer)
                    return
            if monotonic() > until:
                log.info("index_late", index=self._source.name, seq=seq)
                return
            await asyncio.sleep(0.01)

    async def _has(self, seq: int) -> bool:
        position = read_position(await self._index.position())
        return position is not None and position[1] >= seq

    async def _catch_up(self, writer: Writer) -> Writer:
        """Everything that has changed; on a new edition where one is wanted. The writer that goes
        on from there."""
        edition = await self._edition()
        position = read_position(writer.position)
        if position is None:
            return await self._anew(writer, edition, is_first=True)
        end = await self._db.fetchval(self._source.end)
        if position[0] != edition or position[1] > end:
            return await self._anew(writer, edition, is_first=False)
        await self._follow(writer, *position)
        return writer

    async def _anew(self, writer: Writer, edition: int, *, is_first: bool) -> Writer:
        """A new edition from the first row on. The old one follows meanwhile, and answers."""
        log.info("index_begins", index=self._source.name, edition=edition)
        later = writer if is_first else await writer.begin_again()
        seq = 0
        while True:
            rows = await self._db.fetch(self._source.after, seq, ROWS)
            if rows:
                await self._put(later, rows)
                seq = rows[-1]["seq"]
            position = None if is_first else read_position(writer.position)
            if position is not None:
                await self._follow(writer, *position)
            if len(rows) < ROWS:
                break
        await later.commit(f"{edition}/{seq}")
        await later.take_over()
        log.info("index_ready", index=self._source.name, edition=edition, seq=seq)
        return later

    async def _follow(self, writer: Writer, edition: int, seq: int) -> None:
        while True:
            rows = await self._db.fetch(self._source.after, seq, ROWS)
            if not rows:
                return
            await self._put(writer, rows)
            seq = rows[-1]["seq"]
            await writer.commit(f"{edition}/{seq}")
            if len(rows) < ROWS:
                return

    async def _put(self, writer: Writer, rows: Sequence[Record]) -> None:
        documents, gone = await self._source.make(rows)
        await writer.put(documents, gone)


def read_position(said: str | None) -> tuple[int, int] | None:
    """(edition, seq)."""
    if said is None:
        return None
    edition, _, seq = said.partition("/")
    return int(edition), int(seq)
