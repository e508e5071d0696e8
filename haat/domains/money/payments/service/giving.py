"""Money going out: refunds of captured payments, and disbursements to vendors."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import (
    Destination,
    Disbursement,
    PaymentConflict,
    PaymentRefunded,
    ProviderAway,
    ProviderUnknown,
    Refund,
    RefundTooLarge,
    WrongPaymentState,
)
from haat.domains.money.payments.providers.port import (
    Provider,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.domains.money.payments.rules import MISMATCH
from haat.domains.money.payments.service.charging import amount_of
from haat.engines.sql import Database, Record, Sql, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=30)
_AT_ONCE = 50

LOCK_PAYMENT = Sql("SELECT * FROM payments.payments WHERE id = $1 FOR UPDATE")

FIND_REFUND = Sql("""
SELECT r.*, p.currency, p.reference, p.purpose, p.provider_ref AS payment_ref
  FROM payments.refunds r JOIN payments.payments p ON p.id = r.payment_id WHERE r.id = $1
""")

INTEND_REFUND = Sql("""
WITH born AS (
  INSERT INTO payments.refunds (id, payment_id, provider, minor, status, by_hand, created_at,
                                asked_at)
  SELECT $2, id, provider, $3, 'created', $5, $4, $4 FROM payments.payments WHERE id = $1
  RETURNING minor
)
UPDATE payments.payments SET refunding_minor = refunding_minor + $3 WHERE id = $1
""")

# What is refused stays refused, so that the same refund sent twice at once has one end, whatever is
# left of the payment by then.
REFUSE_REFUND = Sql("""
INSERT INTO payments.refunds (id, payment_id, provider, minor, status, failure, created_at,
                              asked_at)
SELECT $2, id, provider, $3, 'failed', 'too_large', $4, $4 FROM payments.payments WHERE id = $1
""")

REFUND_MOVES = Sql("""
WITH moved AS (
  UPDATE payments.refunds
     SET status = $2, failure = coalesce($3, failure), provider_ref = coalesce($4, provider_ref),
         done_at = CASE WHEN $2 = 'done' THEN $5::timestamptz END
   WHERE id = $1 AND (status = 'created' OR (status = 'pending' AND $2 IN ('done', 'failed')))
  RETURNING id, payment_id, minor, status
), tallied AS (
  UPDATE payments.payments p
     SET refunding_minor = p.refunding_minor - moved.minor,
         refunded_minor = p.refunded_minor + CASE WHEN $2 = 'done' THEN moved.minor ELSE 0 END
    FROM moved WHERE p.id = moved.payment_id AND $2 IN ('done', 'failed')
  RETURNING p.id
) /*emit:moved*/
SELECT moved.id FROM moved
""")

UNFINISHED = Sql("""
UPDATE payments.refunds SET asked_at = $2
 WHERE id IN (
   SELECT id FROM payments.refunds
    WHERE (status = 'created' OR (status = 'pending' AND NOT by_hand)) AND asked_at < $1
    ORDER BY asked_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, provider
""")

INTEND_PAYOUT = Sql("""
WITH born AS (
  INSERT INTO payments.disbursements (id, provider, currency, minor, status, created_at)
  VALUES ($1, $2, $3, $4, 'created', $5) ON CONFLICT (id) DO NOTHING RETURNING *
)
SELECT * FROM born UNION ALL SELECT * FROM payments.disbursements WHERE id = $1
""")

FIND_PAYOUT = Sql("SELECT * FROM payments.disbursements WHERE id = $1")

PAYOUT_MOVES = Sql("""
UPDATE payments.disbursements
   SET status = $2, provider_ref = coalesce($3, provider_ref), failure = $4,
       paid_at = CASE WHEN $2 = 'paid' THEN $5::timestamptz END
 WHERE id = $1 AND (status = 'created' OR (status = 'pending' AND $2 IN ('paid', 'failed')))
RETURNING *
""")


class Giving:
    """The use cases that send money away."""

    def __init__(self, db: Database, providers: Mapping[str, Provider]) -> None:
        self._db = db
        self._providers = providers

    async def refund(self, ctx: Context, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        if amount.minor < 1:
            raise Invalid.at("amount.minor", "A refund is more than nothing.", "amount_invalid")
        row = await self._db.fetchrow(FIND_REFUND, refund_id)
        if row is None:
            try:
                async with self._db.begin(ctx) as tx:
                    refused = await self._intend(tx, ctx, id, refund_id, amount)
            except UniqueViolation:
                raise PaymentConflict from None
            if refused is not None:
                raise refused
            row = await self._refund_row(refund_id)
        if row["payment_id"] != id or amount_of(row) != amount:
            raise PaymentConflict
        return _refund(await self._refund_there(ctx, row))

    async def _refund_there(self, ctx: Context, row: Record) -> Record:
        if row["status"] in ("done", "failed"):
            return row
        provider, amount = self._provider(row["provider"]), amount_of(row)
        try:
            ref = row["payment_ref"]
            seen = await provider.refund(ctx, row["payment_id"], row["id"], amount, ref=ref)
        except ProviderRefused as refused:
            _log.error("refund_refused", refund_id=str(row["id"]), code=refused.code)
            return await self._moved(ctx, row, "failed", refused.code)
        return await self.heard(ctx, row, seen)

    async def heard(self, ctx: Context, row: Record, seen: ProviderRefund) -> Record:
        """The provider's word on a refund of ours. Another amount than ours is never believed,
        and nothing is announced: what left is not known, so a person must look."""
        if seen.amount != amount_of(row) or seen.payment_id != row["payment_id"]:
            _log.error(
                "refund_amount_mismatch",
                refund_id=str(row["id"]),
                ours=str(amount_of(row)),
                theirs=str(seen.amount),
            )
            return await self._moved(ctx, row, "failed", MISMATCH)
        return await self._moved(ctx, row, seen.status, None, seen.ref or None)

    async def heard_of(self, ctx: Context, provider: str, seen: ProviderRefund) -> UUID | None:
        """The same from a message, and the payment it is about; a refund that is not this
        provider's is passed over."""
        row = await self._db.fetchrow(FIND_REFUND, seen.id)
        if row is None or row["provider"] != provider:
            return None
        await self.heard(ctx, row, seen)
        payment_id: UUID = row["payment_id"]
        return payment_id

    async def _moved(
        self, ctx: Context, row: Record, status: str, failure: str | None, ref: str | None = None
    ) -> Record:
        if row["status"] in (status, "done", "failed"):
            return row
        emit = [refunded(row)] if status == "done" else []
        args = (row["id"], status, failure, ref, ctx.now())
        await self._db.step(ctx, REFUND_MOVES, *args, emit=emit)
        return await self._refund_row(row["id"])

    async def resume_refunds(self, ctx: Context) -> None:
        """Refunds whose end is not known are asked about again."""
        now = ctx.now()
        away: set[str] = set()  # the others wait for it too
        for claimed in await self._db.step(ctx, UNFINISHED, now - _IDLE, now, _AT_ONCE):
            if claimed["provider"] in away:
                continue
            try:
                await self._refund_there(ctx, await self._refund_row(claimed["id"]))
            except ProviderAway:
                away.add(claimed["provider"])
            except Problem as error:
                _log.error("refund_waits", refund_id=str(claimed["id"]), why=str(error))

    async def disburse(
        self, ctx: Context, id: UUID, amount: Money, destination: Destination, name: str
    ) -> Disbursement:
        provider = self._provider(name)
        if not provider.disburses:
            raise ProviderUnknown("This provider sends no payouts.")
        if amount.minor < 1:
            raise Invalid.at("amount.minor", "A payout is more than nothing.", "amount_invalid")
        args = (name, amount.currency, amount.minor, ctx.now())
        rows = await self._db.step(ctx, INTEND_PAYOUT, id, *args)
        row = rows[0] if rows else await self._payout_row(id)
        if amount_of(row) != amount or row["provider"] != name:
            raise PaymentConflict
        if row["status"] in ("paid", "failed"):
            return _disbursement(row)
        try:
            ref = row["provider_ref"]
            seen = await provider.disburse(ctx, id, amount, destination, ref=ref)
        except ProviderRefused as refused:
            _log.warning("payout_refused", payout_id=str(id), code=refused.code)
            return _disbursement(await self._payout_moves(ctx, id, "failed", None, refused.code))
        status, failure = verdict_on_payout(row, seen)
        return _disbursement(await self._payout_moves(ctx, id, status, seen.ref, failure))

    async def _payout_moves(
        self, ctx: Context, id: UUID, status: str, ref: str | None, failure: str | None
    ) -> Record:
        moved = await self._db.step(ctx, PAYOUT_MOVES, id, status, ref, failure, ctx.now())
        return moved[0] if moved else await self._payout_row(id)

    async def _intend(
        self, tx: Tx, ctx: Context, id: UUID, refund_id: UUID, amount: Money
    ) -> RefundTooLarge | None:
        """Sets the amount aside, once: whoever comes second finds the refund written, also one
        that was refused."""
        payment = await tx.fetchrow(LOCK_PAYMENT, id)
        if payment is None or payment["reference"] is None:
            raise NotFound("There is no such payment.")
        if await tx.fetchrow(FIND_REFUND, refund_id) is not None:
            return None
        if payment["status"] != "captured":
            raise WrongPaymentState(f"The payment is {payment['status']}.")
        if payment["currency"] != amount.currency:
            raise Invalid.at(
                "amount.currency", f"Expected {payment['currency']}.", "currency_mixed"
            )
        # What the provider took for a dispute is with the customer's bank already.
        gone = payment["refunding_minor"] + payment["refunded_minor"] + payment["disputed_minor"]
        left = payment["captured_minor"] - gone
        if amount.minor > left:
            await tx.execute(REFUSE_REFUND, id, refund_id, amount.minor, ctx.now())
            return RefundTooLarge(left=max(0, left))
        by_hand = self._provider(payment["provider"]).kind == "bank_transfer"
        await tx.execute(INTEND_REFUND, id, refund_id, amount.minor, ctx.now(), by_hand)
        return None

    def _provider(self, name: str) -> Provider:
        found = self._providers.get(name)
        if found is None:
            raise ProviderUnknown
        return found

    async def _refund_row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FIND_REFUND, id)
        assert row is not None, "refunds are never deleted"
        return row

    async def _payout_row(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FIND_PAYOUT, id)
        assert row is not None, "disbursements are never deleted"
        return row


def verdict_on_payout(row: Record, seen: ProviderPayout) -> tuple[str, str | None]:
    """Status and failure. A payout over another amount than ours stays open for a person: calling
    it failed would give the vendor an amount that may have been paid."""
    if seen.amount != amount_of(row):
        _log.error(
            "payout_amount_mismatch",
            payout_id=str(row["id"]),
            ours=str(amount_of(row)),
            theirs=str(seen.amount),
        )
        return "pending", MISMATCH
    return seen.status, seen.failure


def refunded(row: Record) -> PaymentRefunded:
    """What is announced when a refund is done; `row` is of FIND_REFUND."""
    return PaymentRefunded(
        payment_id=row["payment_id"],
        refund_id=row["id"],
        reference=row["reference"],
        purpose=row["purpose"],
        amount=amount_of(row),
    )


def _refund(row: Record) -> Refund:
    return Refund(
        id=row["id"], payment_id=row["payment_id"], amount=amount_of(row), status=row["status"]
    )


def _disbursement(row: Record) -> Disbursement:
    status: Any = "pending" if row["status"] == "created" else row["status"]
    return Disbursement(status=status, provider_ref=row["provider_ref"], failure=row["failure"])
