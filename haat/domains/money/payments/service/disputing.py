"""Disputes: what a provider says of them, only forward, and once for each state."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import Dispute, PaymentDisputed, ProviderAway
from haat.domains.money.payments.providers.port import ProviderDispute
from haat.domains.money.payments.rules import END
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.ids import derive
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

_log: Any = structlog.get_logger(__name__)
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)

PAYMENT = Sql("""
SELECT * FROM payments.payments
 WHERE id = $1 AND provider = $3 AND reference IS NOT NULL
UNION ALL
SELECT * FROM payments.payments
 WHERE provider = $3 AND provider_ref = $2 AND reference IS NOT NULL
 LIMIT 1
""")

# Its id follows from the provider's reference, so either of the two may be met first.
OPEN = Sql("""
WITH opened AS (
  INSERT INTO payments.disputes (id, payment_id, provider, provider_ref, currency, minor,
                                 fee_currency, fee_minor, reason, status, evidence_due, opened_at,
                                 fee_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8::bigint, $9, 'open', $10, $11::timestamptz,
          CASE WHEN $8::bigint > 0 THEN $11::timestamptz END)
  ON CONFLICT DO NOTHING RETURNING *
), tallied AS (
  UPDATE payments.payments p SET disputed_minor = p.disputed_minor + opened.minor
    FROM opened WHERE p.id = opened.payment_id
) /*emit:opened*/
SELECT * FROM opened
""")

FIND = Sql("SELECT * FROM payments.disputes WHERE provider = $1 AND provider_ref = $2")

# A fee that is told only now is booked now; one that was booked stays.
CLOSE = Sql("""
WITH closed AS (
  UPDATE payments.disputes
     SET status = $3, closed_at = $4::timestamptz,
         fee_at = CASE WHEN fee_minor = 0 AND $5::bigint > 0 THEN $4 ELSE fee_at END,
         fee_currency = CASE WHEN fee_minor = 0 THEN $6 ELSE fee_currency END,
         fee_minor = CASE WHEN fee_minor = 0 THEN $5 ELSE fee_minor END
   WHERE provider = $1 AND provider_ref = $2 AND status = 'open' RETURNING *
), tallied AS (
  UPDATE payments.payments p SET disputed_minor = p.disputed_minor - closed.minor
    FROM closed WHERE p.id = closed.payment_id AND closed.status = 'won'
) /*emit:closed*/
SELECT * FROM closed
""")

DUE = Sql("""
UPDATE payments.disputes SET evidence_due = $3
 WHERE provider = $1 AND provider_ref = $2 AND status = 'open' AND evidence_due IS DISTINCT FROM $3
""")

_LISTED = """
SELECT d.*, p.reference FROM payments.disputes d
  JOIN payments.payments p ON p.id = d.payment_id
 WHERE (d.opened_at, d.id) < ($1, $2::uuid) {filter}
 ORDER BY d.opened_at DESC, d.id DESC LIMIT $3
"""
LISTED = Sql(_LISTED.format(filter=""))
LISTED_BY_STATUS = Sql(_LISTED.format(filter="AND d.status = $4"))
LISTED_BY_REFERENCE = Sql(_LISTED.format(filter="AND p.reference = ANY($4::uuid[])"))
LISTED_BY_BOTH = Sql(_LISTED.format(filter="AND d.status = $4 AND p.reference = ANY($5::uuid[])"))


class Disputing:
    """The use cases of disputes."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def heard(self, ctx: Context, provider: str, seen: ProviderDispute) -> UUID | None:
        """The provider's word on a dispute; the payment it is about, None when it is not ours.

        One that is heard of when it is over already was opened before: both are told. ProviderAway
        while the capture is not known here, so that the message is sent again.
        """
        row = await self._db.fetchrow(PAYMENT, seen.payment_id, seen.payment_ref, provider)
        if row is None:
            return None
        payment_id: UUID = row["id"]
        if not _is_believed(row, seen):
            return payment_id
        if row["captured_minor"] == 0:
            raise ProviderAway("The payment's capture is not known yet.")
        opened = _event(row, provider, seen, seen.fee, "open")
        about = (payment_id, provider, seen.ref, seen.amount.currency, seen.amount.minor)
        cost = (seen.fee.currency, seen.fee.minor, seen.reason, seen.evidence_due, ctx.now())
        args = (opened.dispute_id, *about, *cost)
        await self._db.step(ctx, OPEN, *args, emit=[opened])
        if seen.status == "open":
            await self._db.execute(DUE, provider, seen.ref, seen.evidence_due)
        else:
            await self._close(ctx, row, provider, seen)
        return payment_id

    async def _close(
        self, ctx: Context, payment: Record, provider: str, seen: ProviderDispute
    ) -> None:
        known = await self._db.fetchrow(FIND, provider, seen.ref)
        assert known is not None, "it was opened"
        amount = Money(minor=known["minor"], currency=known["currency"])
        fee = Money(minor=known["fee_minor"], currency=known["fee_currency"])
        booked = replace(seen, amount=amount)
        event = _event(payment, provider, booked, fee if fee.minor else seen.fee, seen.status)
        args = (seen.status, ctx.now(), seen.fee.minor, seen.fee.currency)
        await self._db.step(ctx, CLOSE, provider, seen.ref, *args, emit=[event])

    async def listed(
        self, status: str | None, references: list[UUID] | None, limit: int, cursor: str | None
    ) -> Page[Dispute]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or [_END_OF_TIME, _LAST_ID]
        filters = [given for given in (status, references) if given is not None]
        by_status = LISTED_BY_STATUS if references is None else LISTED_BY_BOTH
        by_reference = LISTED if references is None else LISTED_BY_REFERENCE
        sql = by_reference if status is None else by_status
        rows = await self._db.fetch(sql, *key, limit + 1, *filters)
        return page_of([_dispute(row) for row in rows], limit, "opened_at", "id")


def _is_believed(payment: Record, seen: ProviderDispute) -> bool:
    """A dispute over more than the payment, or in another currency, is not: a person must look."""
    ended = payment["rank"] == END and payment["captured_minor"] == 0
    right = (
        seen.amount.currency == payment["currency"] and 0 < seen.amount.minor <= payment["minor"]
    )
    if right and not ended and seen.fee.minor >= 0:
        return True
    _log.error(
        "dispute_not_ours",
        payment_id=str(payment["id"]),
        status=payment["status"],
        amount=str(seen.amount),
    )
    return False


def _event(
    payment: Record, provider: str, seen: ProviderDispute, fee: Money, status: Any
) -> PaymentDisputed:
    return PaymentDisputed(
        dispute_id=derive(payment["id"], f"dispute {seen.ref}"),
        payment_id=payment["id"],
        reference=payment["reference"],
        purpose=payment["purpose"],
        provider=provider,
        amount=seen.amount,
        fee=fee,
        reason=seen.reason,
        status=status,
    )


def _dispute(row: Record) -> Dispute:
    return Dispute(
        id=row["id"],
        payment_id=row["payment_id"],
        reference=row["reference"],
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        amount=Money(minor=row["minor"], currency=row["currency"]),
        fee=Money(minor=row["fee_minor"], currency=row["fee_currency"]),
        reason=row["reason"],
        status=row["status"],
        evidence_due=row["evidence_due"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )
