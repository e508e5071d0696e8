"""Bank transfers: money that comes by itself, told by a bank statement or by staff.

A payment waits under a row lock of its own: a credit, a confirmation, a void and the timer may come
at once, and the first of them decides.
"""

from typing import Any
from uuid import UUID

from haat.domains.money.payments import rules
from haat.domains.money.payments.api import (
    FundsMatch,
    FundsReceived,
    PaymentUpdated,
    WrongPaymentState,
)
from haat.domains.money.payments.rules import Verdict
from haat.domains.money.payments.service.charging import amount_of
from haat.domains.money.payments.transfers import Awaited, match, references_in
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.events import Event
from haat.kernel.money import Money

_AT_ONCE = 100

FRESH = Sql("""
INSERT INTO payments.funds (id, currency, minor, booked_at, bank_ref, outcome, received_at)
SELECT g.id, g.currency, g.minor, g.booked_at, g.bank_ref, 'unmatched', $6
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[])
       AS g (id, currency, minor, booked_at, bank_ref)
 ORDER BY g.id
ON CONFLICT (id) DO NOTHING RETURNING id
""")

LOCK_NAMED = Sql("""
SELECT * FROM payments.payments WHERE transfer_ref = ANY($1::text[]) ORDER BY id FOR UPDATE
""")

# A statement of its own: only after the lock is it seen what another one matched meanwhile.
PAID = Sql("""
SELECT payment_id FROM payments.funds
 WHERE payment_id = ANY($1::uuid[]) AND outcome IN ('captured', 'already')
""")

MATCHED = Sql("""
UPDATE payments.funds f SET outcome = g.outcome, payment_id = g.payment_id
  FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS g (id, outcome, payment_id)
 WHERE f.id = g.id
""")

TAKEN = Sql("""
UPDATE payments.payments
   SET status = 'captured', rank = 4, captured_minor = minor, captured_at = $2, changed_at = $2
 WHERE id = ANY($1::uuid[]) AND status = 'awaiting'
""")

ANSWERS = Sql("""
SELECT f.*, p.minor AS expected, p.currency AS expected_in
  FROM payments.funds f LEFT JOIN payments.payments p ON p.id = f.payment_id
 WHERE f.id = ANY($1::uuid[])
""")

CONFIRM = Sql("""
WITH moved AS (
  UPDATE payments.payments
     SET status = 'captured', rank = 4, captured_minor = minor, captured_at = $2, changed_at = $2
   WHERE id = $1 AND status = 'awaiting' RETURNING *
), kept AS (
  INSERT INTO payments.provider_events (provider, event_id, type, payload, received_at, payment_id)
  SELECT provider, 'confirmed ' || id, 'transfer.confirmed', $3, $2, id FROM moved
  ON CONFLICT DO NOTHING
) /*emit:moved*/
SELECT * FROM moved
""")

FIND = Sql("SELECT * FROM payments.payments WHERE id = $1 AND reference IS NOT NULL")

OVERDUE = Sql("""
UPDATE payments.payments SET status = 'voided', rank = 4, changed_at = $1
 WHERE id IN (SELECT id FROM payments.payments WHERE status = 'awaiting' AND funds_until <= $1
               ORDER BY funds_until, id LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING *
""")


class Awaiting:
    """The use cases that end the wait for a transfer."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def receive(self, ctx: Context, funds: list[FundsReceived]) -> list[FundsMatch]:
        given = list({one.id: one for one in funds}.values())
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(FRESH, *_columns(given), ctx.now())
            fresh = {row["id"] for row in rows}
            await self._match(tx, ctx, [one for one in given if one.id in fresh])
            found = await tx.fetch(ANSWERS, [one.id for one in given])
        answers = {row["id"]: _answer(row) for row in found}
        return [answers[one.id] for one in funds]

    async def _match(self, tx: Tx, ctx: Context, funds: list[FundsReceived]) -> None:
        named = {ref for one in funds for ref in references_in(one.text)}
        rows = {r["transfer_ref"]: r for r in await tx.fetch(LOCK_NAMED, list(named))}
        paid_for = await tx.fetch(PAID, [row["id"] for row in rows.values()])
        paid = {row["payment_id"] for row in paid_for}
        known = {
            ref: Awaited(r["id"], r["currency"], r["minor"], r["status"], r["id"] in paid)
            for ref, r in rows.items()
        }
        # In the order in which the bank booked them: the first one pays.
        ordered = sorted(funds, key=lambda one: (one.booked_at, one.id))
        outcomes = [(one.id, *match(one, known)) for one in ordered]
        matched = [(id, outcome, one.payment_id) for id, outcome, one in outcomes if one]
        await tx.execute(MATCHED, *_transposed(matched, 3))
        taken = {id for _, outcome, id in matched if outcome == "captured"}
        count = await tx.execute(TAKEN, list(taken), ctx.now())
        assert count == len(taken), "they were awaiting under our lock"
        for row in rows.values():
            if row["id"] in taken:
                tx.emit(*_captured(row))

    async def confirm(self, ctx: Context, id: UUID, note: str) -> Record:
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            raise NotFound("There is no such payment.")
        by = str(ctx.actor.id) if ctx.actor.id else ctx.actor.type
        said = {"by": by, "note": note}
        moved = await self._db.step(ctx, CONFIRM, id, ctx.now(), said, emit=_captured(row))
        if moved:
            return moved[0]
        row = await self._db.fetchrow(FIND, id)
        assert row is not None, "payments are never deleted"
        if row["status"] != "captured" or row["transfer_ref"] is None:
            raise WrongPaymentState(f"The payment is {row['status']}.")
        return row  # confirmed, or its money came, before

    async def end_overdue(self, ctx: Context) -> None:
        """Transfers that nobody made in time are given up; money that comes later is `late`."""
        async with self._db.begin(ctx) as tx:
            for row in await tx.fetch(OVERDUE, ctx.now(), _AT_ONCE):
                about = (row["id"], row["reference"], row["purpose"])
                tx.emit(_updated(*about))


def _updated(payment_id: UUID, reference: UUID, purpose: Any) -> PaymentUpdated:
    return PaymentUpdated(
        payment_id=payment_id, reference=reference, purpose=purpose, status="voided"
    )


def _captured(row: Record) -> list[Event]:
    verdict = Verdict("captured", captured_minor=row["minor"])
    return rules.facts(row["id"], row["reference"], row["purpose"], amount_of(row), verdict)


def _columns(funds: list[FundsReceived]) -> tuple[list[Any], ...]:
    rows = [(f.id, f.amount.currency, f.amount.minor, f.booked_at, f.bank_ref) for f in funds]
    return _transposed(rows, 5)


def _transposed(rows: list[Any], width: int) -> tuple[list[Any], ...]:
    return tuple([row[at] for row in rows] for at in range(width))


def _answer(row: Record) -> FundsMatch:
    expected = None
    if row["payment_id"] is not None:
        expected = Money(minor=row["expected"], currency=row["expected_in"])
    return FundsMatch(
        id=row["id"], outcome=row["outcome"], payment_id=row["payment_id"], expected=expected
    )
