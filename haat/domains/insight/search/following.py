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

ROWS = 2000  # read and put at once
LOOK_S = 0.25  # between looks while nothing happens
COMMIT_S = 0.5  # how long what was put may wait for more
MANY, REST_S = 300, 0.6  # so many changes at once rest so long before they are followed
AGAIN_S = 1.0
WAIT_S = 2.0
_END = (1 << 63) - 1

Made = tuple[list[Document], list[str]]  # what is in the index now, and what is not


@dataclass(frozen=True, slots=True)
class Source:
    """A table in the order of its changes, and how its rows become documents."""

    name: str
    after: Sql
    end: Sql
    count: Sql  # of the rows after one, at most so many
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
        self._ends: list[tuple[float, int]] = []  # when which end was seen

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
        await self._follow(writer, *position, await self._ripe(position[1], end))
        return writer

    async def _ripe(self, seq: int, end: int) -> int:
        """How far to follow now. A few changes at once; of very many only those that rested for
        REST_S, because more is told of the same products soon (of their stock, as a rule)."""
        now = monotonic()
        self._ends = [(at, seen) for at, seen in self._ends if seen > seq]
        if not self._ends or self._ends[-1][1] < end:
            self._ends.append((now, end))
        if end - seq < MANY or await self._db.fetchval(self._source.count, seq, MANY) < MANY:
            return end
        return max((seen for at, seen in self._ends if now - at >= REST_S), default=seq)

    async def _anew(self, writer: Writer, edition: int, *, is_first: bool) -> Writer:
        """A new edition from the first row on. The old one follows meanwhile, and answers."""
        log.info("index_begins", index=self._source.name, edition=edition)
        later = writer if is_first else await writer.begin_again()
        seq = 0
        while True:
            rows = await self._db.fetch(self._source.after, seq, ROWS, _END)
            if rows:
                await self._put(later, rows)
                seq = rows[-1]["seq"]
            position = None if is_first else read_position(writer.position)
            if position is not None:
                await self._follow(writer, *position, _END)
            if len(rows) < ROWS:
                break
        await later.commit(position_of(edition, seq))
        await later.take_over()
        log.info("index_ready", index=self._source.name, edition=edition, seq=seq)
        return later

    async def _follow(self, writer: Writer, edition: int, seq: int, end: int) -> None:
        """Up to `end`. Where very much has changed, a commit is not made for every ROWS of it."""
        committed, is_behind = monotonic(), True
        while is_behind:
            rows = await self._db.fetch(self._source.after, seq, ROWS, end)
            is_behind = len(rows) == ROWS
            if rows:
                await self._put(writer, rows)
                seq = rows[-1]["seq"]
            if is_behind and monotonic() - committed < COMMIT_S:
                continue
            if position_of(edition, seq) != writer.position:
                await writer.commit(position_of(edition, seq))
            committed = monotonic()

    async def _put(self, writer: Writer, rows: Sequence[Record]) -> None:
        documents, gone = await self._source.make(rows)
        await writer.put(documents, gone)


def position_of(edition: int, seq: int) -> str:
    return f"{edition}/{seq}"


def read_position(said: str | None) -> tuple[int, int] | None:
    """(edition, seq)."""
    if said is None:
        return None
    edition, _, seq = said.partition("/")
    return int(edition), int(seq)
