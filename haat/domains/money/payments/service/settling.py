"""What no provider can be asked about: bank payouts and refunds, as staff or a statement say."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import PayoutSettled, RefundDue, WrongPaymentState
from haat.domains.money.payments.providers.bank import BANK
from haat.domains.money.payments.service.charging import amount_of
from haat.domains.money.payments.service.giving import refunded
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.page import Page, decode_cursor, page_of

_START = datetime(1, 1, 1, tzinfo=UTC)
_FIRST_ID = UUID(int=0)

LOCK_PAYOUTS = Sql("""
SELECT * FROM payments.disbursements WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
""")

SETTLE_PAYOUTS = Sql("""
UPDATE payments.disbursements
   SET status = CASE WHEN $2 THEN 'paid' ELSE 'failed' END, failure = $3,
       provider_ref = coalesce($4, provider_ref), paid_at = CASE WHEN $2 THEN $5::timestamptz END
 WHERE id = ANY($1::uuid[]) AND status IN ('created', 'pending')
RETURNING *
""")

LOCK_REFUNDS = Sql("""
SELECT r.*, p.currency, p.reference, p.purpose
  FROM payments.refunds r JOIN payments.payments p ON p.id = r.payment_id
 WHERE r.id = ANY($1::uuid[]) ORDER BY p.id, r.id FOR UPDATE
""")

SETTLE_REFUNDS = Sql("""
WITH moved AS (
  UPDATE payments.refunds
     SET status = CASE WHEN $2 THEN 'done' ELSE 'failed' END, failure = $3,
         done_at = CASE WHEN $2 THEN $4::timestamptz END
   WHERE id = ANY($1::uuid[]) AND status IN ('created', 'pending')
  RETURNING id, payment_id, minor
), sums AS (
  SELECT payment_id, sum(minor)::bigint AS minor FROM moved GROUP BY payment_id
), tallied AS (
  UPDATE payments.payments p
     SET refunding_minor = p.refunding_minor - sums.minor,
         refunded_minor = p.refunded_minor + CASE WHEN $2 THEN sums.minor ELSE 0 END
    FROM sums WHERE p.id = sums.payment_id
)
SELECT id FROM moved
""")

DUE = Sql("""
SELECT r.*, p.currency, p.reference
  FROM payments.refunds r JOIN payments.payments p ON p.id = r.payment_id
 WHERE r.status = 'pending' AND r.by_hand AND (r.created_at, r.id) > ($1, $2::uuid)
 ORDER BY r.created_at, r.id LIMIT $3
""")


class Settling:
    """The use cases that end what waits for a person or a bank statement."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def payouts(
        self, ctx: Context, ids: list[UUID], paid: bool, ref: str, reason: str
    ) -> None:
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(LOCK_PAYOUTS, ids)
            by_bank = all(row["provider"] == BANK for row in rows)
            _check(rows, ids, "paid" if paid else "failed", by_bank)
            failure = None if paid else reason or "returned"
            args = (paid, failure, ref or None, ctx.now())
            for row in await tx.fetch(SETTLE_PAYOUTS, ids, *args):
                tx.emit(_settled(row, paid, reason))

    async def refunds(self, ctx: Context, ids: list[UUID], done: bool, reason: str) -> None:
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(LOCK_REFUNDS, ids)
            _check(rows, ids, "done" if done else "failed", all(row["by_hand"] for row in rows))
            failure = None if done else reason or "returned"
            moved = await tx.fetch(SETTLE_REFUNDS, ids, done, failure, ctx.now())
            ended = {row["id"] for row in moved}
            if done:
                tx.emit(*(refunded(row) for row in rows if row["id"] in ended))

    async def refunds_due(self, limit: int, cursor: str | None) -> Page[RefundDue]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_START, _FIRST_ID]
        rows = await self._db.fetch(DUE, *key, limit + 1)
        return page_of([_due(row) for row in rows], limit, "created_at", "id")


def _check(rows: list[Record], ids: list[UUID], end: str, is_ours: bool) -> None:
    """`end`: how they are to end. What ended so already stays; `is_ours`: no provider decides."""
    if len(rows) != len(set(ids)):
        raise NotFound("There is no such payout or refund.")
    if not is_ours:
        raise WrongPaymentState("Its provider says how this ends.")
    other = [row for row in rows if row["status"] not in ("created", "pending", end)]
    if other:
        raise WrongPaymentState(f"{other[0]['id']} is {other[0]['status']}.")


def _settled(row: Record, paid: bool, reason: str) -> PayoutSettled:
    ref: Any = row["provider_ref"] or ""
    return PayoutSettled(payout_id=row["id"], paid=paid, provider_ref=ref, reason=reason)


def _due(row: Record) -> RefundDue:
    return RefundDue(
        id=row["id"],
        payment_id=row["payment_id"],
        reference=row["reference"],
        provider=row["provider"],
        amount=amount_of(row),
        created_at=row["created_at"],
    )
