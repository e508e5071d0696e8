"""Runs: written first, then worked out; a timer goes on with one that was left."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import Payments, ProviderUnknown
from haat.domains.money.reconciliation.api import FileUnreadable, Format, RunConflict
from haat.domains.money.reconciliation.banking import BANK
from haat.domains.money.reconciliation.reading import StatementLine, read_statement
from haat.domains.money.reconciliation.rules import Period, reconcile
from haat.domains.money.reconciliation.service.ending import Ending, Stale
from haat.domains.money.reconciliation.service.gathering import Gathering, Sides
from haat.domains.money.reconciliation.service.knowing import Knowing
from haat.domains.people.market.api import Market
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Problem, Unavailable

_log: Any = structlog.get_logger(__name__)
_LEASE = timedelta(minutes=3)  # longer than a run may take
_PAUSE = timedelta(minutes=1)  # before a provider that was away is asked again
_TRIES = 10
_LOOKS = 5
_AT_ONCE = 3
_PERIOD_MAX = timedelta(days=366)
_DAY = timedelta(days=1)

BEGIN = Sql("""
WITH born AS (
  INSERT INTO reconciliation.runs (id, provider, source, file_name, digest, since, until, status,
                                   leased_until, started_at, started_by)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8, $9, $10)
  ON CONFLICT DO NOTHING RETURNING *
), kept AS (
  INSERT INTO reconciliation.files (run_id, format, content)
  SELECT id, $11, $12::bytea FROM born WHERE source = 'file'
)
SELECT * FROM born
""")

FIND = Sql("""
SELECT * FROM reconciliation.runs WHERE id = $1 OR (provider = $2 AND digest = $3)
 ORDER BY id = $1 DESC LIMIT 1
""")

AGAIN = Sql("""
WITH again AS (
  UPDATE reconciliation.runs
     SET status = 'running', why = '', attempts = 0, leased_until = $2, ended_at = NULL
   WHERE id = $1 AND status = 'failed' RETURNING *
), kept AS (
  INSERT INTO reconciliation.files (run_id, format, content)
  SELECT id, $3, $4::bytea FROM again WHERE source = 'file'
  ON CONFLICT (run_id) DO NOTHING
)
SELECT * FROM again
""")

CONTENT = Sql("SELECT format, content FROM reconciliation.files WHERE run_id = $1")

# Claimed by a new lease, so that two processes do not work out the same ones.
LEFT = Sql("""
UPDATE reconciliation.runs SET leased_until = $2, attempts = attempts + 1
 WHERE id IN (SELECT id FROM reconciliation.runs WHERE status = 'running' AND leased_until <= $1
               ORDER BY leased_until LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")

LET_GO = Sql("""
UPDATE reconciliation.runs SET leased_until = $2, why = $3 WHERE id = $1 AND status = 'running'
""")

FAIL = Sql("""
WITH failed AS (
  UPDATE reconciliation.runs SET status = 'failed', why = $2, ended_at = $3
   WHERE id = $1 AND status = 'running' RETURNING id
)
DELETE FROM reconciliation.files WHERE run_id IN (SELECT id FROM failed)
""")


@dataclass(frozen=True, slots=True)
class Source:
    """What a run is held against: the provider's own report, or a file."""

    provider: str
    period: Period
    name: str = ""
    digest: str | None = None
    format: str | None = None
    content: bytes | None = None


class Running:
    def __init__(
        self, db: Database, market: Market, payments: Payments, gathering: Gathering
    ) -> None:
        self._db = db
        self._market = market
        self._payments = payments
        self._gathering = gathering
        self._knowing = Knowing(db)
        self._ending = Ending(db)

    async def start(
        self, ctx: Context, id: UUID, provider: str, since: datetime, until: datetime
    ) -> UUID:
        infos = {one.name: one for one in await self._payments.providers(ctx)}
        if provider not in infos or not infos[provider].reports:
            message = f"{provider} has no report of its own: upload a file."
            raise ProviderUnknown.at("provider", message, ProviderUnknown.code)
        return await self._run(ctx, id, Source(provider, _period(since, until)))

    async def read_file(
        self,
        ctx: Context,
        id: UUID,
        provider: str,
        name: str,
        content: bytes,
        format: Format,
        bounds: tuple[datetime | None, datetime | None],
    ) -> UUID:
        """The run's id: that of an earlier one when it had the same file."""
        if provider != BANK and provider not in {
            one.name for one in await self._payments.providers(ctx)
        }:
            raise ProviderUnknown.at("provider", "There is no such payment provider here.")
        lines = await self._read(ctx, content, format)
        digest = sha256(content).hexdigest()
        period = _span(lines, *bounds)
        source = Source(provider, period, name, digest, format, content)
        return await self._run(ctx, id, source, lines)

    async def resume(self, ctx: Context) -> None:
        now = ctx.now()
        for row in await self._db.step(ctx, LEFT, now, now + _LEASE, _AT_ONCE):
            await self._work(ctx, row)

    async def _run(
        self,
        ctx: Context,
        id: UUID,
        source: Source,
        lines: Sequence[StatementLine] | None = None,
    ) -> UUID:
        now = ctx.now()
        row = await self._begin(ctx, id, source)
        if row is None:
            known = await self._db.fetchrow(FIND, id, source.provider, source.digest)
            assert known is not None, "runs are never deleted"
            _must_be(known, source)
            kept = (source.format, source.content)
            again = await self._db.step(ctx, AGAIN, known["id"], now + _LEASE, *kept)
            if not again:
                found: UUID = known["id"]
                return found
            row = again[0]
        await self._work(ctx, row, lines)
        return UUID(str(row["id"]))

    async def _begin(self, ctx: Context, id: UUID, source: Source) -> Record | None:
        now = ctx.now()
        born = await self._db.step(
            ctx,
            BEGIN,
            id,
            source.provider,
            "report" if source.content is None else "file",
            source.name,
            source.digest,
            source.period.since,
            source.period.until,
            now + _LEASE,
            now,
            ctx.actor.id,
            source.format,
            source.content,
        )
        return born[0] if born else None

    async def _work(
        self, ctx: Context, row: Record, lines: Sequence[StatementLine] | None = None
    ) -> None:
        """To the end, or until the provider answers again; the row says what happened."""
        try:
            sides = await self._sides(ctx, row, lines)
            await self._match(ctx, row, sides)
        except Unavailable as problem:
            if row["attempts"] >= _TRIES:
                await self._db.step(ctx, FAIL, row["id"], problem.detail, ctx.now())
            else:
                until = ctx.now() + _PAUSE
                await self._db.step(ctx, LET_GO, row["id"], until, problem.detail)
        except Problem as problem:
            _log.warning("reconciliation_failed", run_id=str(row["id"]), code=problem.code)
            await self._db.step(ctx, FAIL, row["id"], problem.detail, ctx.now())

    async def _sides(
        self, ctx: Context, row: Record, lines: Sequence[StatementLine] | None
    ) -> Sides:
        period = Period(row["since"], row["until"])
        if row["source"] == "report":
            return await self._gathering.report(ctx, row["provider"], period)
        if lines is None:
            kept = await self._db.fetchrow(CONTENT, row["id"])
            if kept is None:  # another process has just ended this run
                return Sides([], [])
            lines = await self._read(ctx, kept["content"], kept["format"])
        return await self._gathering.file(ctx, row["provider"], period, lines)

    async def _read(self, ctx: Context, content: bytes, format: Format) -> list[StatementLine]:
        currency = (await self._market.settings(ctx)).currency
        # A large file takes seconds: other requests go on meanwhile.
        return await asyncio.to_thread(read_statement, content, format, currency)

    async def _match(self, ctx: Context, row: Record, sides: Sides) -> None:
        period = Period(row["since"], row["until"])
        for _ in range(_LOOKS):
            known = await self._knowing.of(row["provider"], sides.lines, sides.movements)
            outcome = await asyncio.to_thread(
                reconcile, sides.lines, sides.movements, period, known
            )
            try:
                await self._ending.write(ctx, row, known.version, outcome, sides.hints)
            except Stale:
                continue
            return
        raise Unavailable("Other runs of this provider end all the time; this one waits.")


def _must_be(row: Record, source: Source) -> None:
    """RunConflict when this id is another run's. The same file may come with another id."""
    same = (row["provider"], row["digest"]) == (source.provider, source.digest)
    if source.digest is None:
        same = same and (row["since"], row["until"]) == (source.period.since, source.period.until)
    if not same:
        raise RunConflict


def _span(lines: Sequence[StatementLine], since: datetime | None, until: datetime | None) -> Period:
    """Where nothing is said, the days that the file is about."""
    if not lines and (since is None or until is None):
        message = "There is no booked line in this file: say which days it is about."
        raise FileUnreadable.at("content", message, FileUnreadable.code, line=0, why=message)
    if since is None:
        since = _midnight(min(line.at for line in lines))
    if until is None:
        until = _midnight(max(line.at for line in lines)) + _DAY
    return _period(since, until)


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)


def _period(since: datetime, until: datetime) -> Period:
    for name, moment in (("since", since), ("until", until)):
        if moment.tzinfo is None:
            raise Invalid.at(name, "A time with its zone, such as 2026-11-01T00:00:00Z.")
    if since >= until:
        raise Invalid.at("until", "The end comes after the beginning.", "period_invalid")
    if until - since > _PERIOD_MAX:
        raise Invalid.at("until", "At most a year at once.", "period_invalid")
    return Period(since, until)
