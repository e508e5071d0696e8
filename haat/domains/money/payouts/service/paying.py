"""Payouts: asked for by a vendor or a run, decided by staff or a rule, paid by a provider.

The amount is reserved in the ledger by a pending transfer, which is posted or voided at the end.
`advance` takes a payout one step further from whatever was written last; requests, decisions,
the provider's messages and a timer all end in it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.ledger.api import Insufficient, Ledger
from haat.domains.money.payments.api import Destination, Payments
from haat.domains.money.payouts import books, rules
from haat.domains.money.payouts.api import (
    BalanceTooLow,
    Payout,
    PayoutProcessed,
    PayoutRequested,
    WrongPayoutState,
)
from haat.domains.money.payouts.rules import FINAL, REFUSED, RESERVING, Decision, Outcome
from haat.domains.money.payouts.service.asking import Wanted, asked, why_not
from haat.domains.money.payouts.service.forecasting import policy_now
from haat.domains.money.payouts.service.moving import Moving
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Problem, Unavailable
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=10)
_DOUBT = timedelta(minutes=10)
_AT_ONCE = 20
_STEPS_MAX = 5

FIND = Sql("SELECT * FROM payouts.payouts WHERE id = $1")

PROCESSING = Sql("""
UPDATE payouts.payouts
   SET status = 'processing', provider_ref = coalesce($2, provider_ref), touched_at = $3
 WHERE id = $1 AND status IN ('approved', 'processing') AND outcome IS NULL RETURNING *
""")

# What was noted when it was approved is not why it failed.
SETTLED = Sql("""
UPDATE payouts.payouts
   SET outcome = $2, provider_ref = coalesce($3, provider_ref),
       reason = CASE WHEN $2 = 'failed' THEN $4 ELSE coalesce($4, reason) END, touched_at = $5
 WHERE id = $1 AND status IN ('approved', 'processing') AND outcome IS NULL RETURNING *
""")

REJECT = Sql("""
UPDATE payouts.payouts
   SET outcome = 'rejected', decided_at = $2, decided_by = $3, reason = $4, touched_at = $2
 WHERE id = $1 AND status = 'requested' AND outcome IS NULL RETURNING *
""")

CLEAR = Sql("UPDATE payouts.payouts SET clear = true WHERE id = $1 AND status = 'refused'")

# Claimed by touching, so that two processes do not ask about the same ones. A bank says how a
# payout ended by a message; asking is for messages that were lost.
UNFINISHED = Sql("""
UPDATE payouts.payouts SET touched_at = $2
 WHERE id IN (
   SELECT id FROM payouts.payouts
    WHERE (status IN ('reserving', 'approved', 'processing')
           OR (status = 'requested' AND outcome IS NOT NULL)
           OR (status = 'refused' AND NOT clear))
      AND touched_at < $1
      AND (status <> 'processing' OR method <> 'bank' OR outcome IS NOT NULL
           OR touched_at < $1 - interval '1 hour')
    ORDER BY touched_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
""")


class Paying:
    """The use cases that change payouts."""

    def __init__(self, db: Database, ledger: Ledger, payments: Payments) -> None:
        self._db = db
        self._ledger = ledger
        self._payments = payments
        self._moving = Moving(db)

    async def request(
        self, ctx: Context, id: UUID, vendor_id: UUID, amount: Money | None, currency: str
    ) -> Payout:
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            row = await self._ask(ctx, Wanted(id, vendor_id, _minor(amount, currency)), currency)
        if row["vendor_id"] != vendor_id:
            raise NotFound
        if amount is not None and amount != amount_of(row):
            raise WrongPayoutState("This payout was asked for with another amount.")
        if row["status"] == RESERVING:
            row = await self.advance(ctx, row)
        if row["status"] == REFUSED:
            account = books.vendors_account("payable", vendor_id, currency)
            [held] = await self._ledger.balances(ctx, accounts=[account])
            free = Money(minor=held.free_minor, currency=currency)
            raise BalanceTooLow(available=free.model_dump())
        return shown(row)

    async def _ask(self, ctx: Context, wanted: Wanted, currency: str) -> Record:
        """The payout as written now, or by the same request that was a moment faster."""
        policy = await policy_now(self._db)
        born = await asked(self._db, ctx, [wanted], currency, policy, "request")
        row = born[0] if born else await self._db.fetchrow(FIND, wanted.id)
        if row is None:
            raise await why_not(
                self._db, wanted.vendor_id, wanted.minor, currency, policy, ctx.now()
            )
        return row

    async def decide(self, ctx: Context, id: UUID, decision: Decision, reason: str) -> Payout:
        reason = reason.strip()
        if decision == "reject" and not reason:
            raise Invalid.at("reason", "Say why; the vendor reads it.", "missing")
        by = ctx.actor.id
        if decision == "approve":
            moved = await self._moving.approved(ctx, id, by, reason or None)
        else:
            rows = await self._db.step(ctx, REJECT, id, ctx.now(), by, reason)
            moved = rows[0] if rows else None
        row = moved or await self._db.fetchrow(FIND, id)
        if row is None or row["status"] in (RESERVING, REFUSED):
            raise NotFound
        rejected = "rejected" in (row["outcome"], row["status"])
        if not moved and (decision == "reject") != rejected:
            raise WrongPayoutState(f"This payout is {row['status']}.")
        return shown(await self.advance(ctx, row))

    async def settled(
        self, ctx: Context, id: UUID, paid: bool, provider_ref: str, reason: str = ""
    ) -> None:
        """The provider said how a pending payout ended. Harmless when repeated or unknown."""
        row = await self._db.fetchrow(FIND, id)
        if row is not None and row["status"] in ("approved", "processing"):
            outcome: Outcome = "paid" if paid else "failed"
            row = await self._write_outcome(ctx, row, outcome, provider_ref or None, reason or None)
            await self.advance(ctx, row)

    async def resume(self, ctx: Context) -> None:
        """Takes half-done payouts further; a provider that is away is asked again later."""
        now = ctx.now()
        rows = await self._db.step(ctx, UNFINISHED, now - _IDLE, now, _AT_ONCE)
        await self.go_on(ctx, rows)

    async def go_on(self, ctx: Context, rows: Sequence[Record]) -> list[Record]:
        """Each as far as it gets; what one waits for does not hold up the others."""
        after = []
        for row in rows:
            try:
                if row["status"] == REFUSED:
                    await self._clear(ctx, row)
                after.append(await self.advance(ctx, row))
            except Problem as problem:
                _log.warning("payout_waits", payout_id=str(row["id"]), code=problem.code)
                after.append(row)
        return after

    async def _clear(self, ctx: Context, row: Record) -> None:
        """A refused payout whose transfer another process posted, and then died: it is voided.

        That process may be slow instead: until nobody can still be at it, look again.
        """
        try:
            await self._ledger.void_pending(ctx, ids=[books.payout_transfer_id(row["id"])])
        except NotFound:
            if row["requested_at"] > ctx.now() - _DOUBT:
                return
        await self._db.step(ctx, CLEAR, row["id"])

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
        transfer = books.payout_transfer(row)
        try:
            await self._ledger.post(ctx, transfers=[transfer])
        except Insufficient:
            return await self._moving.refused(ctx, row["id"]) or await self._current(row)
        event = PayoutRequested(
            payout_id=row["id"], vendor_id=row["vendor_id"], amount=amount_of(row)
        )
        after = await self._moving.reserved(ctx, row["id"], event) or await self._current(row)
        if after["status"] == REFUSED:
            # Two processes asked the ledger at once and got different answers: the no stands.
            await self._clear(ctx, after)
        return after

    async def _disburse(self, ctx: Context, row: Record) -> Record:
        try:
            destination = await self._destination(ctx, row)
            answer = await self._payments.disburse(
                ctx,
                id=row["id"],
                amount=amount_of(row),
                destination=destination,
                provider=row["method"],
            )
        except Unavailable:
            return row
        ref = answer.provider_ref
        if answer.status == "pending":
            return await self._changed(ctx, row, PROCESSING, row["id"], ref, ctx.now())
        return await self._write_outcome(ctx, row, answer.status, ref, answer.failure)

    async def _destination(self, ctx: Context, row: Record) -> Destination:
        """The bank account of when it was asked for, and the vendor's own account at the provider
        where it has one."""
        ref = row["destination_ref"]
        if ref is None:
            # Staff who approve are nobody of the vendor's team.
            asking = ctx.as_system()
            accounts = await self._payments.accounts(asking, vendor_id=row["vendor_id"])
            ready = [a for a in accounts if a.provider == row["method"] and a.status == "ready"]
            ref = ready[0].provider_ref if ready else None
        return Destination(
            holder=row["holder"], account=row["account"], bic=row["bic"], provider_ref=ref
        )

    async def _write_outcome(
        self, ctx: Context, row: Record, outcome: Outcome, ref: str | None, reason: str | None
    ) -> Record:
        return await self._changed(ctx, row, SETTLED, row["id"], outcome, ref, reason, ctx.now())

    async def _finish(self, ctx: Context, row: Record) -> Record:
        transfer_id = books.payout_transfer_id(row["id"])
        if row["outcome"] == "paid":
            await self._ledger.post_pending(ctx, ids=[transfer_id])
        else:
            await self._ledger.void_pending(ctx, ids=[transfer_id])
        event = PayoutProcessed(
            payout_id=row["id"],
            vendor_id=row["vendor_id"],
            amount=amount_of(row),
            status=row["outcome"],
            reason=(row["reason"] or "") if row["outcome"] != "paid" else "",
        )
        return await self._moving.ended(ctx, row, event) or await self._current(row)

    async def _changed(self, ctx: Context, row: Record, sql: str, *args: Any) -> Record:
        """The row after a conditional change, or as somebody else left it."""
        moved = await self._db.step(ctx, sql, *args)
        return moved[0] if moved else await self._current(row)

    async def _current(self, row: Record) -> Record:
        found = await self._db.fetchrow(FIND, row["id"])
        assert found is not None, "payouts are never deleted"
        return found


def _minor(amount: Money | None, currency: str) -> int | None:
    if amount is None:
        return None
    if amount.currency != currency:
        raise Invalid.at("amount.currency", f"Expected {currency}.", "currency_mixed")
    if amount.minor < 1:
        raise Invalid.at("amount.minor", "Ask for more than nothing.", "amount_invalid")
    return amount.minor


def amount_of(row: Record) -> Money:
    return Money(minor=row["minor"], currency=row["currency"])


def shown(row: Record) -> Payout:
    """A payout as vendors and staff see it; bank data is not part of it."""
    status = "rejected" if row["outcome"] == "rejected" else row["status"]
    seen: Any = "requested" if status == rules.RESERVING else status
    return Payout(
        id=row["id"],
        vendor_id=row["vendor_id"],
        amount=amount_of(row),
        method=row["method"],
        trigger=row["trigger"],
        status=seen,
        provider_ref=row["provider_ref"],
        reason=row["reason"],
        approved_by=row["approved_by"],
        requested_at=row["requested_at"],
        decided_at=row["decided_at"],
        paid_at=row["paid_at"],
    )
