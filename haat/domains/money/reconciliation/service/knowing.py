"""What earlier runs left: pairs, differences and fees of the lines and movements at hand."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast
from uuid import UUID

from haat.domains.money.payments.api import Movement, ReportLine
from haat.domains.money.reconciliation.rules import (
    Before,
    EntryKey,
    FeeBefore,
    Known,
    MovementKey,
)
from haat.engines.sql import Database, Record, Sql
from haat.kernel.money import Money

T = TypeVar("T")
BATCH = 10_000

VERSION = Sql("SELECT version FROM reconciliation.providers WHERE name = $1")

PAIRS_OF_LINES = Sql("""
SELECT * FROM reconciliation.pairs WHERE provider = $1 AND line_id = ANY($2::text[])
""")

PAIRS_OF_MOVEMENTS = Sql("""
SELECT movement_id, movement_kind FROM reconciliation.pairs
 WHERE provider = $1 AND movement_id = ANY($2::uuid[])
""")

# What is booked, or is just being booked, counts as ours.
_BEFORE = """
SELECT id, key, status, line_id, part, movement_id, movement_kind,
       CASE WHEN action = 'book_difference' AND status IN ('booking', 'booked')
            THEN minor ELSE 0 END AS booked
  FROM reconciliation.differences
 WHERE provider = $1 AND {about} AND repeats IS NULL AND status <> 'settled' AND kind <> 'fee'
"""
BEFORE_OF_LINES = Sql(_BEFORE.format(about="line_id = ANY($2::text[])"))
BEFORE_OF_MOVEMENTS = Sql(_BEFORE.format(about="movement_id = ANY($2::uuid[])"))

FEES = Sql("""
SELECT f.line_id, f.part, f.difference_id, f.minor, d.status
  FROM reconciliation.fees f JOIN reconciliation.differences d ON d.id = f.difference_id
 WHERE f.provider = $1 AND f.line_id = ANY($2::text[]) AND d.status <> 'settled'
""")

# Payouts that were paid, or were seen to come back: a statement names them again.
PAYOUTS = Sql("""
SELECT movement_id AS id FROM reconciliation.pairs
 WHERE provider = $1 AND movement_kind = 'payout' AND movement_id = ANY($2::uuid[])
UNION
SELECT target_id FROM reconciliation.differences
 WHERE target_id = ANY($2::uuid[]) AND provider = $1 AND action IN ('fail_payout', 'settle_payout')
""")


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


class Knowing:
    """Reads in batches: a hundred thousand lines are ten of them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(
        self, provider: str, lines: Sequence[ReportLine], movements: Sequence[Movement]
    ) -> Known:
        """The version is read first: who writes with it knows that nothing was missed."""
        found = Known(version=await self._db.fetchval(VERSION, provider) or 0)
        for ids in batches([line.id for line in lines]):
            for row in await self._db.fetch(PAIRS_OF_LINES, provider, ids):
                found.pairs[row["line_id"], row["part"]] = _paired(provider, row)
            for row in await self._db.fetch(BEFORE_OF_LINES, provider, ids):
                found.before[row["key"]] = _before(row)
            for row in await self._db.fetch(FEES, provider, ids):
                found.fees[row["line_id"], row["part"]] = FeeBefore(
                    row["difference_id"], row["status"], row["minor"]
                )
        for moved in batches(list({one.id for one in movements})):
            for row in await self._db.fetch(PAIRS_OF_MOVEMENTS, provider, moved):
                found.paired.add((row["movement_id"], row["movement_kind"]))
            for row in await self._db.fetch(BEFORE_OF_MOVEMENTS, provider, moved):
                found.before[row["key"]] = _before(row)
        return found

    async def payouts(self, provider: str, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these are payouts that were paid or came back."""
        found: set[UUID] = set()
        for some in batches(ids):
            found |= {row["id"] for row in await self._db.fetch(PAYOUTS, provider, some)}
        return found


def _before(row: Record) -> Before:
    entry = (row["line_id"], row["part"]) if row["line_id"] is not None else None
    movement = None
    if row["movement_id"] is not None:
        movement = (row["movement_id"], row["movement_kind"])
    return Before(
        id=row["id"],
        key=row["key"],
        status=row["status"],
        entry=cast("EntryKey | None", entry),
        movement=cast("MovementKey | None", movement),
        booked=row["booked"],
    )


def _paired(provider: str, row: Record) -> Movement:
    kind: Any = row["movement_kind"]
    return Movement(
        id=row["movement_id"],
        kind=kind,
        provider=provider,
        provider_ref=row["provider_ref"],
        reference=row["reference"],
        amount=Money(minor=row["minor"], currency=row["currency"]),
        at=row["at"],
    )
