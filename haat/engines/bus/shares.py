"""Which lines of a broker this process holds: all processes that hear a subscriber share them.

Each process says every third of a lease that it is there, sees who else is, and works out the same
shares as they do. A line is held under a lease in `bus.lease`; one that is to go to another process
is given back when the batch under way has ended, and a killed process's runs out.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from haat.engines.bus.carrier import Line
from haat.engines.sql import Pool

_OFFSET = 1000  # the partitions of PostgreSQL's own queue have the numbers below

# A lease that ran out is still ours as long as nobody has taken it.
_SAY = """
WITH here AS (
  INSERT INTO bus.member (holder, subscribers, until)
  VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')
  ON CONFLICT (holder) DO UPDATE SET until = excluded.until, subscribers = excluded.subscribers),
gone AS (DELETE FROM bus.member WHERE until < clock_timestamp() - interval '1 minute'
         AND holder <> $1),
kept AS (
  UPDATE bus.lease SET until = clock_timestamp() + $3 * interval '1 second' WHERE holder = $1
  RETURNING subscriber, partition)
SELECT (SELECT coalesce(json_agg(json_build_array(subscriber, partition)), '[]') FROM kept) AS kept,
       (SELECT coalesce(json_agg(json_build_array(holder, subscribers)), '[]') FROM bus.member
         WHERE until > clock_timestamp() AND holder <> $1) AS others"""
_CLAIM = """
INSERT INTO bus.lease AS l (subscriber, partition, holder, until)
SELECT subscriber, partition, $1, clock_timestamp() + $2 * interval '1 second'
  FROM unnest($3::text[], $4::smallint[]) AS t(subscriber, partition)
 ORDER BY subscriber, partition
ON CONFLICT (subscriber, partition) DO UPDATE SET holder = excluded.holder, until = excluded.until
 WHERE l.until < clock_timestamp()
RETURNING subscriber, partition"""
_GIVE_BACK = """
DELETE FROM bus.lease l USING unnest($2::text[], $3::smallint[]) AS t(subscriber, partition)
 WHERE l.holder = $1 AND l.subscriber = t.subscriber AND l.partition = t.partition"""
_LEAVE = """
WITH gone AS (DELETE FROM bus.lease WHERE holder = $1)
DELETE FROM bus.member WHERE holder = $1"""


class Shares:
    """The lines that are this process's at the moment."""

    def __init__(
        self, pool: Pool, subscribers: Iterable[str], partitions: int, lease_s: float
    ) -> None:
        self._pool = pool
        self._holder: UUID = uuid4()
        self._subscribers = sorted(set(subscribers))
        self._partitions = partitions
        self._lease_s = lease_s
        self._until = 0.0
        self.held: set[Line] = set()
        self.share_missing = False  # somebody has yet to give back what is to be ours

    @property
    def good(self) -> bool:
        """Whether the leases still run, by our own clock: else others may have them already."""
        return monotonic() < self._until

    async def turn(self) -> set[Line]:
        """Says that we are here; which lines are ours to hold now, `held` updated with new ones.

        Lines in `held` but not in the answer are to be given back by their holders (`give_back`).
        """
        began = monotonic()
        row = await self._pool.fetchrow(_SAY, self._holder, self._subscribers, self._lease_s)
        kept = {Line(name, number - _OFFSET) for name, number in row["kept"]}
        self.held &= kept
        self._until = began + self._lease_s
        others = {UUID(holder): set(names) for holder, names in row["others"]}
        wanted = self.share(others)
        missing = sorted(wanted - self.held)
        if missing:
            self.held |= await self._claim(missing)
        self.share_missing = not wanted <= self.held
        return wanted & self.held

    async def _claim(self, lines: Sequence[Line]) -> set[Line]:
        rows = await self._pool.fetch(_CLAIM, self._holder, self._lease_s, *_columns(lines))
        return {Line(row["subscriber"], row["partition"] - _OFFSET) for row in rows}

    def share(self, others: Mapping[UUID, set[str]]) -> set[Line]:
        """The lines that are to be ours when these hear with us, spread over all who hear."""
        ours: set[Line] = set()
        for name in self._subscribers:
            hearers = sorted(
                [self._holder, *(one for one, theirs in others.items() if name in theirs)]
            )
            first = zlib.crc32(name.encode())
            ours |= {
                Line(name, number)
                for number in range(self._partitions)
                if hearers[(first + number) % len(hearers)] == self._holder
            }
        return ours

    async def give_back(self, lines: Sequence[Line]) -> None:
        """The lease ends now: whoever comes next may take them."""
        self.held -= set(lines)
        await self._pool.execute(_GIVE_BACK, self._holder, *_columns(lines))

    async def leave(self) -> None:
        self.held.clear()
        await self._pool.execute(_LEAVE, self._holder)


def _columns(lines: Sequence[Line]) -> tuple[list[Any], list[Any]]:
    return [line.subscriber for line in lines], [line.partition + _OFFSET for line in lines]
