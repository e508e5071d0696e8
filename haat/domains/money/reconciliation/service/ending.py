"""The end of a run: everything it found is written in one transaction, or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.money.reconciliation.api import DifferencesFound
from haat.domains.money.reconciliation.proposals import Hint, propose
from haat.domains.money.reconciliation.rules import Entry, Found, Outcome
from haat.domains.money.reconciliation.service.knowing import batches
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.ids import derive

# No row when another run of this provider ended since the version was read.
NEXT_VERSION = Sql("""
INSERT INTO reconciliation.providers AS p (name, version) VALUES ($1, $2 + 1)
ON CONFLICT (name) DO UPDATE SET version = p.version + 1 WHERE p.version = $2
RETURNING version
""")

DONE = Sql("""
WITH done AS (
  UPDATE reconciliation.runs
     SET status = 'done', lines = $2, matched = $3, ended_at = $4, why = ''
   WHERE id = $1 AND status = 'running' RETURNING id
), gone AS (
  DELETE FROM reconciliation.files WHERE run_id IN (SELECT id FROM done)
)
SELECT id FROM done
""")

TOTALS = Sql("""
INSERT INTO reconciliation.totals (run_id, currency, ours, theirs)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[])
""")

SETTLED = Sql("""
UPDATE reconciliation.differences
   SET status = 'settled', reason = 'A later run found it equal.', decided_at = $2
 WHERE id = ANY($1::uuid[]) AND status = 'open'
""")

PAIRS = Sql("""
INSERT INTO reconciliation.pairs (provider, line_id, part, movement_id, movement_kind, reference,
                                  provider_ref, currency, minor, at)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::text[],
                         $8::text[], $9::bigint[], $10::timestamptz[])
""")

DIFFERENCES = Sql("""
INSERT INTO reconciliation.differences (
  run_id, provider, id, repeats, kind, key, line_id, part, movement_id, movement_kind, ours, theirs,
  currency, minor, action, text, target_id)
SELECT $1, $2, * FROM unnest(
  $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[], $10::text[],
  $11::text[]::jsonb[], $12::text[]::jsonb[], $13::text[], $14::bigint[], $15::text[], $16::text[],
  $17::uuid[])
""")

# A fee whose difference was settled gets its new one.
FEES = Sql("""
INSERT INTO reconciliation.fees (provider, line_id, part, minor, difference_id)
SELECT $1, g.*, $5 FROM unnest($2::text[], $3::text[], $4::bigint[]) AS g (line_id, part, minor)
ON CONFLICT (provider, line_id, part)
DO UPDATE SET difference_id = EXCLUDED.difference_id, minor = EXCLUDED.minor
""")


class Stale(Exception):
    """Another run of the same provider ended meanwhile: look again at what is known."""


class Ending:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def write(
        self,
        ctx: Context,
        run: Record,
        version: int,
        outcome: Outcome,
        hints: Mapping[str, Hint],
    ) -> None:
        """Raises Stale. Changes nothing when the run has ended already."""
        provider: str = run["provider"]
        now = ctx.now()
        async with self._db.begin(ctx) as tx:
            if not await tx.fetch(DONE, run["id"], outcome.lines, outcome.matched, now):
                return
            if await tx.fetchval(NEXT_VERSION, provider, version) is None:
                raise Stale
            await tx.execute(SETTLED, outcome.settled, now)
            await _totals(tx, run["id"], outcome)
            for pairs in batches(outcome.pairs):
                rows = [_pair_row(entry, movement) for entry, movement in pairs]
                await tx.execute(PAIRS, provider, *_columns(rows, 9))
            for some in batches(outcome.found):
                rows = [_row(run["id"], provider, one, hints) for one in some]
                await tx.execute(DIFFERENCES, run["id"], provider, *_columns(rows, 15))
            for one in outcome.found:
                if one.kind == "fee" and one.repeats is None:
                    await _fees(tx, provider, id_of(run["id"], one), one.fees)
            fresh = sum(1 for one in outcome.found if one.repeats is None)
            if fresh:
                tx.emit(DifferencesFound(run_id=run["id"], provider=provider, open=fresh))


def id_of(run_id: UUID, found: Found) -> UUID:
    return derive(run_id, found.key)


async def _totals(tx: Tx, run_id: UUID, outcome: Outcome) -> None:
    rows = [(currency, one.ours, one.theirs) for currency, one in sorted(outcome.sums.items())]
    await tx.execute(TOTALS, run_id, *_columns(rows, 3))


async def _fees(tx: Tx, provider: str, id: UUID, entries: Sequence[Entry]) -> None:
    for some in batches(entries):
        rows = [(one.line.id, one.part, one.minor) for one in some]
        await tx.execute(FEES, provider, *_columns(rows, 3), id)


def _pair_row(entry: Entry, movement: Any) -> tuple[Any, ...]:
    return (
        entry.line.id,
        entry.part,
        movement.id,
        movement.kind,
        movement.reference,
        movement.provider_ref,
        movement.amount.currency,
        movement.amount.minor,
        movement.at,
    )


def _row(run_id: UUID, provider: str, found: Found, hints: Mapping[str, Hint]) -> tuple[Any, ...]:
    entry, movement = found.entry, found.movement
    hint = hints.get(entry.line.id) if entry else None
    proposal = propose(provider, found, hint)
    return (
        id_of(run_id, found),
        found.repeats,
        found.kind,
        found.key,
        entry.line.id if entry else None,
        entry.part if entry else None,
        movement.id if movement else None,
        movement.kind if movement else None,
        movement.model_dump_json() if movement else None,
        entry.line.model_dump_json() if entry else None,
        found.currency,
        found.minor,
        proposal.action,
        proposal.text,
        proposal.target_id,
    )


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    given = list(rows)
    return [[row[at] for row in given] for at in range(width)]
