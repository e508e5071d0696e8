"""Reports of `haat doctor`, one running at a time, and the messages its drills send."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from haat.domains.reach.backoffice.api import (
    DoctorAtWork,
    DoctorReport,
    DrillMessage,
    DrillRefused,
    DrillSent,
    Heard,
    ReportOver,
)
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.page import Page, decode_cursor, page_of

ALIVE = timedelta(seconds=30)  # how long a doctor may not be heard of
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)

BREAK_OFF = Sql("""
UPDATE backoffice.doctor_reports
   SET running = NULL, document = document || '{"verdict": "broken_off"}'
 WHERE running AND alive_until < $1
""")
BEGIN = Sql("""
INSERT INTO backoffice.doctor_reports (id, running, alive_until, started_at, document)
VALUES ($1, true, $2, $3, $4) ON CONFLICT DO NOTHING
""")
RUNNING = Sql("SELECT id, started_at FROM backoffice.doctor_reports WHERE running")
KEEP = Sql("""
UPDATE backoffice.doctor_reports
   SET document = $2, alive_until = $3, running = CASE WHEN $4 THEN true END
 WHERE id = $1 AND running
""")
FORGET = Sql("DELETE FROM backoffice.drill_messages WHERE report_id = $1")
READ = Sql("SELECT document FROM backoffice.doctor_reports WHERE id = $1")
LISTED = Sql("""
SELECT document FROM backoffice.doctor_reports
 WHERE (started_at, id) < ($1, $2::uuid) ORDER BY started_at DESC, id DESC LIMIT $3
""")
MEND = Sql("UPDATE backoffice.doctor_reports SET mended = true WHERE id = $1 AND running")
REFUSING = Sql("""
SELECT id FROM backoffice.doctor_reports WHERE id = ANY($1::uuid[]) AND running AND NOT mended
""")
# Messages of reports that are over are of no use to anybody.
HEAR = Sql("""
INSERT INTO backoffice.drill_messages AS m (report_id, thread, number)
SELECT w.report_id, w.thread, w.number
  FROM unnest($1::uuid[], $2::text[], $3::int[])
       WITH ORDINALITY AS w (report_id, thread, number, place)
  JOIN backoffice.doctor_reports r ON r.id = w.report_id AND r.running
 ORDER BY w.place
ON CONFLICT (report_id, thread, number) DO UPDATE SET times = m.times + 1
""")
HEARD = Sql("""
SELECT thread, number, times FROM backoffice.drill_messages WHERE report_id = $1 ORDER BY place
""")


class Reporting:
    """The use cases of the doctor."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def doctor_reports(
        self, ctx: Context, *, limit: int = 30, cursor: str | None = None
    ) -> Page[DoctorReport]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_FOREVER, _LAST_ID]
        rows = await self._db.fetch(LISTED, *key, limit + 1)
        return page_of([_report(row) for row in rows], limit, "started_at", "id")

    async def doctor_report(self, ctx: Context, *, id: UUID) -> DoctorReport:
        row = await self._db.fetchrow(READ, id)
        if row is None:
            raise NotFound
        return _report(row)

    async def begin_report(self, ctx: Context, *, id: UUID, site: str) -> DoctorReport:
        now = ctx.now()
        report = DoctorReport(id=id, started_at=now, site=site)
        async with self._db.begin(ctx) as tx:
            await tx.execute(BREAK_OFF, now)
            begun = await tx.execute(BEGIN, id, now + ALIVE, now, report.model_dump_json())
        if begun:
            return report
        known = await self._db.fetchrow(READ, id)
        if known is not None:
            return _report(known)
        other = await self._db.fetchrow(RUNNING)
        since = other["started_at"].isoformat() if other else None
        raise DoctorAtWork(since=since)

    async def keep_report(self, ctx: Context, *, report: DoctorReport) -> None:
        runs = report.verdict == "running"
        async with self._db.begin(ctx) as tx:
            document = report.model_dump_json()
            kept = await tx.execute(KEEP, report.id, document, ctx.now() + ALIVE, runs)
            if kept and not runs:
                await tx.execute(FORGET, report.id)
        if kept:
            return
        there = await self.doctor_report(ctx, id=report.id)
        if there != report:
            raise ReportOver

    async def send_drill(
        self, ctx: Context, *, report_id: UUID, messages: list[DrillMessage]
    ) -> None:
        async with self._db.begin(ctx) as tx:
            tx.emit(*(DrillSent(report_id=report_id, **dict(message)) for message in messages))

    async def mend_drill(self, ctx: Context, *, report_id: UUID) -> None:
        await self._db.execute(MEND, report_id)

    async def heard_drill(self, ctx: Context, *, report_id: UUID) -> list[Heard]:
        return [Heard(**row) for row in await self._db.fetch(HEARD, report_id)]

    async def hear_drill(self, tx: Tx, events: Sequence[DrillSent]) -> None:
        """Notes them; DrillRefused when poison is among them that is not mended."""
        poisoned = sorted({event.report_id for event in events if event.poison})
        if poisoned and await tx.fetch(REFUSING, poisoned):
            raise DrillRefused
        reports = [event.report_id for event in events]
        threads = [event.thread for event in events]
        numbers = [event.number for event in events]
        await tx.execute(HEAR, reports, threads, numbers)


def _report(row: Record) -> DoctorReport:
    return DoctorReport.model_validate(row["document"])
