"""Payouts: asked for by a vendor, decided by staff, paid by a provider.

The amount is reserved in the ledger by a pending transfer, which is posted or voided at the end.
`advance` takes a payout one step further from whatever was written last; requests, decisions,
the provider's messages and a timer all end in it.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.ledger.api import Insufficient, Ledger
from haat.domains.money.payments.api import Destination, Payments
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import (
    BalanceTooLow,
    NoDestination,
    Payout,
    PayoutProcessed,
    PayoutRequested,
    WrongPayoutState,
)
from haat.domains.money.payouts.rules import FINAL, REFUSED, RESERVING, Decision, Outcome
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Problem, Unavailable
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=10)
_AT_ONCE = 20
_STEPS_MAX = 5

FIND = Sql("SELECT * FROM payouts.payouts WHERE id = $1")

ASK = Sql("""
WITH born AS (
  INSERT INTO payouts.payouts (id, vendor_id, currency, minor, holder, account, status,
                               requested_at, touched_at)
  SELECT $1, $2, $3, $4, d.holder, d.account, 'reserving', $5, $5
    FROM payouts.destinations d WHERE d.vendor_id = $2
  ON CONFLICT (id) DO NOTHING
  RETURNING *
)
SELECT * FROM born
""")

RESERVED = Sql("""
WITH moved AS (
  UPDATE payouts.payouts SET status = 'requested', touched_at = $2
   WHERE id = $1 AND status = 'reserving' RETURNING *
) /*emit:moved*/
SELECT * FROM moved
""")

REFUSE = Sql("""
UPDATE payouts.payouts SET status = 'refused', touched_at = $2
 WHERE id = $1 AND status = 'reserving' RETURNING *
""")

APPROVE = Sql("""
UPDATE payouts.payouts
   SET status = 'approved', decided_at = $2, decided_by = $3, reason = $4, touched_at = $2
 WHERE id = $1 AND status = 'requested' AND outcome IS NULL RETURNING *
""")

REJECT = Sql("""
UPDATE payouts.payouts
   SET outcome = 'rejected', decided_at = $2, decided_by = $3, reason = $4, touched_at = $2
 WHERE id = $1 AND status = 'requested' AND outcome IS NULL RETURNING *
""")

PROCESSING = Sql("""
UPDATE payouts.payouts
   SET status = 'processing', provider_ref = coalesce($2, provider_ref), touched_at = $3
 WHERE id = $1 AND status IN ('approved', 'processing') AND outcome IS NULL RETURNING *
""")

SETTLED = Sql("""
UPDATE payouts.payouts
   SET outcome = $2, provider_ref = coalesce($3, provider_ref), reason = coalesce($4, reason),
       touched_at = $5
 WHERE id = $1 AND status IN ('approved', 'processing') AND outcome IS NULL RETURNING *
""")

DONE = Sql("""
WITH moved AS (
  UPDATE payouts.payouts
     SET status = outcome, touched_at = $2,
         paid_at = CASE WHEN outcome = 'paid' THEN $2 ELSE paid_at END
   WHERE id = $1 AND outcome IS NOT NULL AND status <> outcome RETURNING *
) /*emit:moved*/
SELECT * FROM moved
""")

# Claimed by touching, so that two processes do not ask about the same ones.
UNFINISHED = Sql("""
UPDATE payouts.payouts SET touched_at = $2
 WHERE id IN (
   SELECT id FROM payouts.payouts
    WHERE (status IN ('reserving', 'approved', 'processing')
           OR (status = 'requested' AND outcome IS NOT NULL)) AND touched_at < $1
    ORDER BY touched_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")


class Paying:
    """The use cases that change payouts."""

    def __init__(self, db: Database, ledger: Ledger, payments: Payments) -> None:
        self._db = db
        self._ledger = ledger
        self._payments = payments

    async def request(
        self, ctx: Context, id: UUID, vendor_id: UUID, amount: Money | None, currency: str
    ) -> Payout:
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            row = await self._ask(ctx, id, vendor_id, amount, currency)
        if row["vendor_id"] != vendor_id:
            raise NotFound
        if amount is not None and amount != _amount(row):
            raise WrongPayoutState("This payout was asked for with another amount.")
        row = await self.advance(ctx, row) if row["status"] == RESERVING else row
        if row["status"] == REFUSED:
            raise BalanceTooLow(available=(await self._free(ctx, vendor_id, currency)).model_dump())
        return shown(row)

    async def _ask(
        self, ctx: Context, id: UUID, vendor_id: UUID, amount: Money | None, currency: str
    ) -> Record:
        """The payout as written now, or by the same request that was a moment faster."""
        try:
            minor = await self._minor_of(ctx, vendor_id, amount, currency)
        except BalanceTooLow:
            # Perhaps because that one has set the whole balance aside already.
            row = await self._db.fetchrow(FIND, id)
            if row is None:
                raise
            return row
        born = await self._db.step(ctx, ASK, id, vendor_id, currency, minor, ctx.now())
        row = born[0] if born else await self._db.fetchrow(FIND, id)
        if row is None:
            raise NoDestination
        return row

    async def _minor_of(
        self, ctx: Context, vendor_id: UUID, amount: Money | None, currency: str
    ) -> int:
        if amount is not None:
            if amount.currency != currency:
                raise Invalid.at("amount.currency", f"Expected {currency}.", "currency_mixed")
            if amount.minor < 1:
                raise Invalid.at("amount.minor", "Ask for more than nothing.", "amount_invalid")
            return amount.minor
        free = await self._free(ctx, vendor_id, currency)
        if free.minor < 1:
            raise BalanceTooLow(available=free.model_dump())
        return free.minor

    async def _free(self, ctx: Context, vendor_id: UUID, currency: str) -> Money:
        account = rules.payable_of(vendor_id, currency)
        [balance] = await self._ledger.balances(ctx, accounts=[account])
        return Money(minor=balance.free_minor, currency=currency)

    async def decide(self, ctx: Context, id: UUID, decision: Decision, reason: str) -> Payout:
        reason = reason.strip()
        if decision == "reject" and not reason:
            raise Invalid.at("reason", "Say why; the vendor reads it.", "missing")
        sql = APPROVE if decision == "approve" else REJECT
        by = ctx.actor.id
        moved = await self._db.step(ctx, sql, id, ctx.now(), by, reason or None)
        row = moved[0] if moved else await self._db.fetchrow(FIND, id)
        if row is None or row["status"] in (RESERVING, REFUSED):
            raise NotFound
        rejected = "rejected" in (row["outcome"], row["status"])
        if not moved and (decision == "reject") != rejected:
            raise WrongPayoutState(f"This payout is {row['status']}.")
        return shown(await self.advance(ctx, row))

    async def settled(self, ctx: Context, id: UUID, paid: bool, provider_ref: str) -> None:
        """The provider said how a pending payout ended. Harmless when repeated or unknown."""
        row = await self._db.fetchrow(FIND, id)
        if row is not None and row["status"] in ("approved", "processing"):
            await self._end(ctx, row, "paid" if paid else "failed", provider_ref, None)

    async def resume(self, ctx: Context) -> None:
        """Takes half-done payouts further; a provider that is away is asked again later."""
        now = ctx.now()
        for row in await self._db.step(ctx, UNFINISHED, now - _IDLE, now, _AT_ONCE):
            try:
                await self.advance(ctx, row)
            except Problem as problem:
                _log.warning("payout_waits", payout_id=str(row["id"]), code=problem.code)

    async def advance(self, ctx: Context, row: Record) -> Record:
        """On to a state that waits for somebody else, or to the end."""
        for _ in range(_STEPS_MAX):
            status, outcome = row["status"], row["outcome"]
            if status in FINAL:
                return row
            if outcome is not None:
                row = await self._finish(ctx, row)
            elif status == RESERVING:
                row = await self._reserve(ctx, row)
            elif status in ("approved", "processing"):
                after = await self._disburse(ctx, row)
                if after["outcome"] is None:
                    return after
                row = after
            else:
                return row
        return row

    async def _reserve(self, ctx: Context, row: Record) -> Record:
        id, vendor_id, amount = row["id"], row["vendor_id"], _amount(row)
        transfer = rules.payout_transfer(id, vendor_id, amount.minor, amount.currency)
        try:
            await self._ledger.post(ctx, transfers=[transfer])
        except Insufficient:
            return await self._changed(ctx, row, REFUSE, id, ctx.now())
        event = PayoutRequested(payout_id=id, vendor_id=vendor_id, amount=amount)
        moved = await self._db.step(ctx, RESERVED, id, ctx.now(), emit=[event])
        after = moved[0] if moved else await self._current(row)
        if after["status"] == REFUSED:
            # Two processes asked the ledger at once and got different answers: the no stands.
            await self._ledger.void_pending(ctx, ids=[transfer.id])
        return after

    async def _disburse(self, ctx: Context, row: Record) -> Record:
        destination = Destination(holder=row["holder"], account=row["account"])
        try:
            answer = await self._payments.disburse(
                ctx, id=row["id"], amount=_amount(row), destination=destination
            )
        except Unavailable:
            return row
        ref = answer.provider_ref
        if answer.status == "pending":
            return await self._changed(ctx, row, PROCESSING, row["id"], ref, ctx.now())
        return await self._write_outcome(ctx, row, answer.status, ref, answer.failure)

    async def _end(
        self, ctx: Context, row: Record, outcome: Outcome, ref: str | None, reason: str | None
    ) -> Record:
        return await self.advance(ctx, await self._write_outcome(ctx, row, outcome, ref, reason))

    async def _write_outcome(
        self, ctx: Context, row: Record, outcome: Outcome, ref: str | None, reason: str | None
    ) -> Record:
        return await self._changed(ctx, row, SETTLED, row["id"], outcome, ref, reason, ctx.now())

    async def _finish(self, ctx: Context, row: Record) -> Record:
        transfer_id = rules.payout_transfer_id(row["id"])
        if row["outcome"] == "paid":
            await self._ledger.post_pending(ctx, ids=[transfer_id])
        else:
            await self._ledger.void_pending(ctx, ids=[transfer_id])
        event = PayoutProcessed(
            payout_id=row["id"],
            vendor_id=row["vendor_id"],
            amount=_amount(row),
            status=row["outcome"],
        )
        moved = await self._db.step(ctx, DONE, row["id"], ctx.now(), emit=[event])
        return moved[0] if moved else await self._current(row)

    async def _changed(self, ctx: Context, row: Record, sql: str, *args: Any) -> Record:
        """The row after a conditional change, or as somebody else left it."""
        moved = await self._db.step(ctx, sql, *args)
        return moved[0] if moved else await self._current(row)

    async def _current(self, row: Record) -> Record:
        found = await self._db.fetchrow(FIND, row["id"])
        assert found is not None, "payouts are never deleted"
        return found


def _amount(row: Record) -> Money:
    return Money(minor=row["minor"], currency=row["currency"])


def shown(row: Record) -> Payout:
    """A payout as vendors and staff see it; bank data is not part of it."""
    status = "rejected" if row["outcome"] == "rejected" else row["status"]
    seen: Any = "requested" if status == RESERVING else status
    return Payout(
        id=row["id"],
        vendor_id=row["vendor_id"],
        amount=_amount(row),
        status=seen,
        provider_ref=row["provider_ref"],
        reason=row["reason"],
        requested_at=row["requested_at"],
        decided_at=row["decided_at"],
        paid_at=row["paid_at"],
    )
