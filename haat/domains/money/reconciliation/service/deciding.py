"""What staff decide about a difference: booked once, or dismissed.

The intention is written first; a crash before the end leaves `booking`, which a timer finishes.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.reconciliation.api import DifferenceOver, NothingToBook
from haat.domains.money.reconciliation.proposals import POSTED, transfer
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem, Unavailable
from haat.kernel.money import Money

_log: Any = structlog.get_logger(__name__)
_IDLE = timedelta(seconds=30)
_AT_ONCE = 20
_BY_PEOPLE = frozenset({"none", "refund"})

# The one that decides: a repeated difference is an earlier run's.
FIND = Sql("""
SELECT o.* FROM reconciliation.differences d
  JOIN reconciliation.differences o ON o.id = coalesce(d.repeats, d.id)
 WHERE d.id = $1
""")

DECIDE = Sql("""
UPDATE reconciliation.differences
   SET status = $2, reason = $3, decided_by = $4, decided_at = $5
 WHERE id = $1 AND status = 'open' RETURNING *
""")

BOOKED = Sql("""
UPDATE reconciliation.differences SET status = 'booked' WHERE id = $1 AND status = 'booking'
""")

REFUSED = Sql("""
UPDATE reconciliation.differences
   SET status = 'open', reason = '', decided_by = NULL, decided_at = NULL
 WHERE id = $1 AND status = 'booking'
""")

LEFT = Sql("""
SELECT * FROM reconciliation.differences
 WHERE status = 'booking' AND decided_at <= $1 ORDER BY decided_at LIMIT $2
""")


class Deciding:
    def __init__(self, db: Database, ledger: Ledger, payments: Payments, payouts: Payouts) -> None:
        self._db = db
        self._ledger = ledger
        self._payments = payments
        self._payouts = payouts

    async def book(self, ctx: Context, id: UUID, reason: str) -> None:
        row = await self._find(id)
        if row["action"] in _BY_PEOPLE:
            raise NothingToBook
        decided = (row["id"], "booking", reason, ctx.actor.id, ctx.now())
        moved = await self._db.step(ctx, DECIDE, *decided)
        if not moved:
            row = await self._find(id)
            if row["status"] not in ("booking", "booked") or not _same(ctx, row, reason):
                raise DifferenceOver(f"It is {row['status']} already.")
        await self._finish(ctx, moved[0] if moved else row)

    async def dismiss(self, ctx: Context, id: UUID, reason: str) -> None:
        row = await self._find(id)
        decided = (row["id"], "dismissed", reason, ctx.actor.id, ctx.now())
        if await self._db.step(ctx, DECIDE, *decided):
            return
        row = await self._find(id)
        if row["status"] != "dismissed" or not _same(ctx, row, reason):
            raise DifferenceOver(f"It is {row['status']} already.")

    async def resume(self, ctx: Context) -> None:
        for row in await self._db.fetch(LEFT, ctx.now() - _IDLE, _AT_ONCE):
            try:
                await self._finish(ctx, row)
            except Problem as problem:
                _log.warning("booking_waits", difference_id=str(row["id"]), code=problem.code)

    async def _finish(self, ctx: Context, row: Record) -> None:
        if row["status"] != "booking":
            return
        try:
            await self._call(ctx, row)
        except Unavailable:
            raise
        except Problem:
            # Refused: nothing was done.
            await self._db.step(ctx, REFUSED, row["id"])
            raise
        await self._db.step(ctx, BOOKED, row["id"])

    async def _call(self, ctx: Context, row: Record) -> None:
        """Harmless when sent twice: each id is the difference's, or the payment's or payout's."""
        action, target = row["action"], row["target_id"]
        if action in POSTED:
            amount = Money(minor=row["minor"], currency=row["currency"])
            posted = transfer(row["id"], row["provider"], action, amount, row["run_id"])
            await self._ledger.post(ctx, transfers=[posted])
        elif action == "confirm_transfer":
            await self._payments.confirm_transfer(ctx, payment_id=target, note=row["reason"])
        else:
            await self._payouts.settle_bank_payouts(
                ctx, ids=[target], paid=action == "settle_payout", reason=row["reason"]
            )

    async def _find(self, id: UUID) -> Record:
        row = await self._db.fetchrow(FIND, id)
        if row is None:
            raise NotFound("There is no such difference.")
        return row


def _same(ctx: Context, row: Record, reason: str) -> bool:
    """The same decision sent again."""
    return bool((row["decided_by"], row["reason"]) == (ctx.actor.id, reason))
