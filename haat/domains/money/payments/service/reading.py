"""Lists, sums and what is held against a provider's report."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import Movement, Payment, Tally
from haat.domains.money.payments.service.charging import amount_of
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, encode_cursor, page_of

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)
_FIRST_ID = UUID(int=0)
_RAW_MOST = 500

OF_REFERENCES = Sql("""
SELECT * FROM payments.payments WHERE reference = ANY($1::uuid[]) ORDER BY reference, created_at, id
""")

TALLIES = Sql("""
WITH part AS (
  SELECT provider, currency, captured_minor AS captured, refunded_minor AS refunded, 0 AS paid_out,
         disputed_minor AS disputed, 0 AS fees
    FROM payments.payments WHERE captured_minor > 0
  UNION ALL
  SELECT provider, currency, 0, 0, minor, 0, 0 FROM payments.disbursements WHERE status = 'paid'
  UNION ALL
  SELECT provider, fee_currency, 0, 0, 0, 0, fee_minor FROM payments.disputes WHERE fee_minor > 0
)
SELECT provider, currency, sum(captured)::bigint AS captured, sum(refunded)::bigint AS refunded,
       sum(paid_out)::bigint AS paid_out, sum(disputed)::bigint AS disputed,
       sum(fees)::bigint AS dispute_fees
  FROM part GROUP BY provider, currency ORDER BY provider, currency
""")

_LISTED = """
SELECT * FROM payments.payments
 WHERE reference IS NOT NULL AND (created_at, id) < ($1, $2::uuid) {filter}
 ORDER BY created_at DESC, id DESC LIMIT $3
"""
LISTED = Sql(_LISTED.format(filter=""))
LISTED_BY_STATUS = Sql(_LISTED.format(filter="AND status = $4"))
LISTED_BY_PROVIDER = Sql(_LISTED.format(filter="AND provider = $4"))
LISTED_BY_BOTH = Sql(_LISTED.format(filter="AND status = $4 AND provider = $5"))
OWN = Sql(_LISTED.format(filter="AND person_id = $4"))

RAW = Sql("""
SELECT type, received_at, payload FROM payments.provider_events
 WHERE payment_id = $1 ORDER BY received_at, event_id LIMIT $2
""")

# Each part reads at most a page from an index of its own.
MOVEMENTS = Sql("""
WITH captures AS (
  SELECT id, 'capture' AS kind, provider_ref, reference, captured_minor AS minor, currency,
         captured_at AS at
    FROM payments.payments
   WHERE provider = $1 AND captured_at IS NOT NULL AND captured_at >= $2 AND captured_at < $3
     AND (captured_at, id, 'capture') > ($4, $5::uuid, $6::text)
   ORDER BY captured_at, id LIMIT $7
), refunds AS (
  SELECT r.id, 'refund' AS kind, r.provider_ref, p.reference, -r.minor AS minor, p.currency,
         r.done_at AS at
    FROM payments.refunds r JOIN payments.payments p ON p.id = r.payment_id
   WHERE r.provider = $1 AND r.done_at IS NOT NULL AND r.done_at >= $2 AND r.done_at < $3
     AND (r.done_at, r.id, 'refund') > ($4, $5::uuid, $6::text)
   ORDER BY r.done_at, r.id LIMIT $7
), payouts AS (
  SELECT id, 'payout' AS kind, provider_ref, id AS reference, -minor AS minor, currency,
         paid_at AS at
    FROM payments.disbursements
   WHERE provider = $1 AND paid_at IS NOT NULL AND paid_at >= $2 AND paid_at < $3
     AND (paid_at, id, 'payout') > ($4, $5::uuid, $6::text)
   ORDER BY paid_at, id LIMIT $7
), opened AS (
  SELECT d.id, 'dispute' AS kind, d.provider_ref, p.reference, -d.minor AS minor, d.currency,
         d.opened_at AS at
    FROM payments.disputes d JOIN payments.payments p ON p.id = d.payment_id
   WHERE d.provider = $1 AND d.opened_at >= $2 AND d.opened_at < $3
     AND (d.opened_at, d.id, 'dispute') > ($4, $5::uuid, $6::text)
   ORDER BY d.opened_at, d.id LIMIT $7
), won AS (
  SELECT d.id, 'dispute_won' AS kind, d.provider_ref, p.reference, d.minor, d.currency,
         d.closed_at AS at
    FROM payments.disputes d JOIN payments.payments p ON p.id = d.payment_id
   WHERE d.provider = $1 AND d.status = 'won' AND d.closed_at >= $2 AND d.closed_at < $3
     AND (d.closed_at, d.id, 'dispute_won') > ($4, $5::uuid, $6::text)
   ORDER BY d.closed_at, d.id LIMIT $7
), fees AS (
  SELECT d.id, 'dispute_fee' AS kind, d.provider_ref, p.reference, -d.fee_minor AS minor,
         d.fee_currency AS currency, d.fee_at AS at
    FROM payments.disputes d JOIN payments.payments p ON p.id = d.payment_id
   WHERE d.provider = $1 AND d.fee_at IS NOT NULL AND d.fee_at >= $2 AND d.fee_at < $3
     AND (d.fee_at, d.id, 'dispute_fee') > ($4, $5::uuid, $6::text)
   ORDER BY d.fee_at, d.id LIMIT $7
)
SELECT * FROM captures UNION ALL SELECT * FROM refunds UNION ALL SELECT * FROM payouts
UNION ALL SELECT * FROM opened UNION ALL SELECT * FROM won UNION ALL SELECT * FROM fees
 ORDER BY at, id, kind LIMIT $7
""")


class Reading:
    """The queries over our own tables."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_references(self, references: list[UUID]) -> list[Payment]:
        return [payment(row) for row in await self._db.fetch(OF_REFERENCES, references)]

    async def listed(
        self, status: str | None, provider: str | None, limit: int, cursor: str | None
    ) -> Page[Payment]:
        by_status = LISTED_BY_STATUS if provider is None else LISTED_BY_BOTH
        by_provider = LISTED if provider is None else LISTED_BY_PROVIDER
        filters = [given for given in (status, provider) if given is not None]
        sql = by_provider if status is None else by_status
        return await self._page(sql, limit, cursor, *filters)

    async def own(self, ctx: Context, limit: int, cursor: str | None) -> Page[Payment]:
        return await self._page(OWN, limit, cursor, ctx.person_id)

    async def _page(self, sql: Sql, limit: int, cursor: str | None, *args: Any) -> Page[Payment]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]
        rows = await self._db.fetch(sql, *key, limit + 1, *args)
        return page_of([payment(row) for row in rows], limit, "created_at", "id")

    async def tallies(self) -> list[Tally]:
        return [Tally(**row) for row in await self._db.fetch(TALLIES)]

    async def raw(self, payment_id: UUID) -> list[dict[str, Any]]:
        return [
            {
                "type": row["type"],
                "receivedAt": row["received_at"].isoformat(),
                "payload": row["payload"],
            }
            for row in await self._db.fetch(RAW, payment_id, _RAW_MOST)
        ]

    async def movements(
        self, provider: str, since: datetime, until: datetime, limit: int, cursor: str | None
    ) -> Page[Movement]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID, str) or [since, _FIRST_ID, ""]
        rows = await self._db.fetch(MOVEMENTS, provider, since, until, *key, limit + 1)
        items = [_movement(provider, row) for row in rows[:limit]]
        last = items[-1] if len(rows) > limit else None
        return Page(items=items, next=encode_cursor(last.at, last.id, last.kind) if last else None)


def payment(row: Record) -> Payment:
    currency = row["currency"]
    return Payment(
        id=row["id"],
        reference=row["reference"],
        purpose=row["purpose"],
        person_id=row["person_id"],
        provider=row["provider"],
        amount=Money(minor=row["minor"], currency=currency),
        captured=Money(minor=row["captured_minor"], currency=currency),
        refunded=Money(minor=row["refunded_minor"], currency=currency),
        disputed=Money(minor=row["disputed_minor"], currency=currency),
        status=row["status"],
        provider_ref=row["provider_ref"],
        decline_code=row["decline_code"],
        instructions=row["instructions"],
        created_at=row["created_at"],
    )


def _movement(provider: str, row: Record) -> Movement:
    return Movement(
        id=row["id"],
        kind=row["kind"],
        provider=provider,
        provider_ref=row["provider_ref"],
        reference=row["reference"],
        amount=amount_of(row),
        at=row["at"],
    )
