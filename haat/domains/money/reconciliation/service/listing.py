"""Runs and differences as staff read them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import Movement
from haat.domains.money.reconciliation.api import Booked, Difference, Proposal, Run, Totals
from haat.engines.sql import Database, Record, Sql
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, encode_cursor, page_of

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)
_LAST_NUMBER = (1 << 62) - 1
_STORED = {"open": ["open", "booking"]}  # what is being booked is open until it is

_RUN = """
SELECT r.*, coalesce(t.totals, '[]'::jsonb) AS totals, n.differences, n.open
  FROM {runs} r
  LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('currency', currency, 'ours', ours, 'theirs', theirs)
                     ORDER BY currency) AS totals
      FROM reconciliation.totals WHERE run_id = r.id) t ON true
  LEFT JOIN LATERAL (
    SELECT count(*)::int AS differences,
           (count(*) FILTER (WHERE coalesce(o.status, d.status) IN ('open', 'booking')))::int
             AS open
      FROM reconciliation.differences d
      LEFT JOIN reconciliation.differences o ON o.id = d.repeats
     WHERE d.run_id = r.id) n ON true
"""
ONE_RUN = Sql(_RUN.format(runs="reconciliation.runs") + " WHERE r.id = $1")
_PAGE_OF_RUNS = """(
  SELECT * FROM reconciliation.runs WHERE (started_at, id) < ($1, $2::uuid) {filter}
   ORDER BY started_at DESC, id DESC LIMIT $3)"""
_NEWEST = " ORDER BY r.started_at DESC, r.id DESC"
RUNS = Sql(_RUN.format(runs=_PAGE_OF_RUNS.format(filter="")) + _NEWEST)
RUNS_OF = Sql(_RUN.format(runs=_PAGE_OF_RUNS.format(filter="AND provider = $4")) + _NEWEST)

_DIFFERENCE = """
SELECT d.*, coalesce(o.status, d.status) AS state, coalesce(o.reason, d.reason) AS why,
       coalesce(o.decided_by, d.decided_by) AS by_whom, coalesce(o.decided_at, d.decided_at) AS at
  FROM reconciliation.differences d
  LEFT JOIN reconciliation.differences o ON o.id = d.repeats
"""
ONE = Sql(f"{_DIFFERENCE} WHERE d.id = $1")
OF_RUN = Sql(f"""{_DIFFERENCE}
 WHERE d.run_id = $1 AND d.number > $2 ORDER BY d.number LIMIT $3
""")
OF_RUN_IN = Sql(f"""{_DIFFERENCE}
 WHERE d.run_id = $1 AND d.number > $2 AND coalesce(o.status, d.status) = ANY($4::text[])
 ORDER BY d.number LIMIT $3
""")
ALL = Sql(f"""{_DIFFERENCE}
 WHERE d.number < $1 AND d.repeats IS NULL ORDER BY d.number DESC LIMIT $2
""")
ALL_IN = Sql(f"""{_DIFFERENCE}
 WHERE d.number < $1 AND d.repeats IS NULL AND d.status = ANY($3::text[])
 ORDER BY d.number DESC LIMIT $2
""")

BOOKED = Sql("""
SELECT provider, currency, sum(minor)::bigint AS minor FROM reconciliation.differences
 WHERE status = 'booked' AND repeats IS NULL AND action IN ('book_fee', 'book_difference')
 GROUP BY provider, currency ORDER BY provider, currency
""")


class Listing:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def run(self, id: UUID, currency: str) -> Run:
        row = await self._db.fetchrow(ONE_RUN, id)
        if row is None:
            raise NotFound("There is no such run.")
        return _run(row, currency)

    async def runs(
        self, provider: str | None, limit: int, cursor: str | None, currency: str
    ) -> Page[Run]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]
        if provider is None:
            rows = await self._db.fetch(RUNS, *key, limit + 1)
        else:
            rows = await self._db.fetch(RUNS_OF, *key, limit + 1, provider)
        return page_of([_run(row, currency) for row in rows], limit, "started_at", "id")

    async def difference(self, id: UUID) -> Difference:
        row = await self._db.fetchrow(ONE, id)
        if row is None:
            raise NotFound("There is no such difference.")
        return _difference(row)

    async def differences(
        self, run_id: UUID | None, status: str | None, limit: int, cursor: str | None
    ) -> Page[Difference]:
        states = _STORED.get(status, [status]) if status else None
        filters = () if states is None else (states,)
        start = 0 if run_id else _LAST_NUMBER
        [number] = decode_cursor(cursor, int) or [start]
        if run_id is not None:
            sql = OF_RUN if states is None else OF_RUN_IN
            rows = await self._db.fetch(sql, run_id, number, limit + 1, *filters)
        else:
            sql = ALL if states is None else ALL_IN
            rows = await self._db.fetch(sql, number, limit + 1, *filters)
        more = len(rows) > limit
        shown = rows[:limit]
        return Page(
            items=[_difference(row) for row in shown],
            next=encode_cursor(shown[-1]["number"]) if more else None,
        )

    async def booked(self) -> list[Booked]:
        return [Booked(**row) for row in await self._db.fetch(BOOKED)]


def _run(row: Record, currency: str) -> Run:
    def money(minor: int, currency: str) -> Money:
        return Money(minor=minor, currency=currency)

    totals = [
        Totals(
            currency=one["currency"],
            ours=money(one["ours"], one["currency"]),
            theirs=money(one["theirs"], one["currency"]),
        )
        for one in row["totals"]
    ]
    main = next((one for one in totals if one.currency == currency), None)
    return Run(
        id=row["id"],
        provider=row["provider"],
        source=row["source"],
        file_name=row["file_name"],
        since=row["since"],
        until=row["until"],
        lines=row["lines"],
        matched=row["matched"],
        differences=row["differences"],
        open=row["open"],
        our_total=main.ours if main else Money.zero(currency),
        their_total=main.theirs if main else Money.zero(currency),
        totals=totals,
        status=row["status"],
        why=row["why"],
        started_at=row["started_at"],
        started_by=row["started_by"],
    )


def _difference(row: Record) -> Difference:
    amount = Money(minor=row["minor"], currency=row["currency"])
    ours = Movement.model_validate(row["ours"]) if row["ours"] else None
    action: Any = row["action"]
    proposal = Proposal(
        action=action,
        text=row["text"],
        amount=-amount if action == "book_fee" else amount,
        target_id=row["target_id"],
    )
    return Difference(
        id=row["id"],
        run_id=row["run_id"],
        kind=row["kind"],
        ours=ours,
        theirs=row["theirs"],
        difference=amount,
        order_number=str(ours.reference) if ours else "",
        proposal=proposal,
        status="open" if row["state"] == "booking" else row["state"],
        reason=row["why"],
        decided_by=row["by_whom"],
        decided_at=row["at"],
        repeats=row["repeats"],
    )
