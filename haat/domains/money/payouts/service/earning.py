"""Earnings: expected at capture, accrued when the return window closes, lowered by refunds.

Each use case writes what it is about to do, tells the ledger, and writes that it did. The ids and
amounts of the transfers follow from the first write, so any process can finish what another began.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from haat.domains.money.ledger.api import Ledger, Transfer
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import (
    EarningConflict,
    EarningDraft,
    EarningEligible,
    Reversal,
)
from haat.domains.money.payouts.rules import Books, Parts
from haat.engines.sql import Database, Record, Sql, Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money

_IDLE = timedelta(seconds=10)
_AT_ONCE = 100

EXPECT = Sql("""
WITH born AS (
  INSERT INTO payouts.earnings (vendor_order_id, order_id, vendor_id, order_number, currency,
                                gross, commission, tax, net, created_at)
  SELECT vendor_order_id, order_id, vendor_id, order_number, currency, gross, commission, tax, net,
         $10
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[],
                $7::bigint[], $8::bigint[], $9::bigint[])
         AS given (vendor_order_id, order_id, vendor_id, order_number, currency, gross,
                   commission, tax, net)
   ORDER BY vendor_order_id
  ON CONFLICT (vendor_order_id) DO NOTHING
  RETURNING vendor_order_id
)
SELECT vendor_order_id FROM born
""")

SELECTED = Sql("""
SELECT vendor_order_id, order_id, vendor_id, order_number, currency, gross, commission, tax, net,
       escrowed
  FROM payouts.earnings WHERE vendor_order_id = ANY($1::uuid[])
""")

ESCROWED = Sql("""
WITH locked AS (
  SELECT vendor_order_id FROM payouts.earnings
   WHERE vendor_order_id = ANY($1::uuid[]) AND NOT escrowed
   ORDER BY vendor_order_id FOR UPDATE
)
UPDATE payouts.earnings e SET escrowed = true
  FROM locked WHERE e.vendor_order_id = locked.vendor_order_id
""")

# What is accrued is fixed here, in the same moment in which later refunds begin to come from the
# vendor's balance instead of escrow. Rows that another process left half-way come along.
ACCRUE = Sql("""
WITH locked AS (
  SELECT vendor_order_id FROM payouts.earnings
   WHERE vendor_order_id = ANY($1::uuid[]) AND stage = 'pending'
     AND (refunded_net + refunded_commission + refunded_tax < gross OR gross = 0)
   ORDER BY vendor_order_id FOR UPDATE
), claimed AS (
  UPDATE payouts.earnings e
     SET stage = 'accruing', accrued_at = $2, accrued_net = e.net - e.refunded_net,
         accrued_commission = e.commission - e.refunded_commission,
         accrued_tax = e.tax - e.refunded_tax
    FROM locked WHERE e.vendor_order_id = locked.vendor_order_id
  RETURNING e.vendor_order_id, e.vendor_id, e.currency, e.gross, e.escrowed, e.accrued_net,
            e.accrued_commission, e.accrued_tax, e.stage
)
SELECT * FROM claimed
UNION ALL
SELECT vendor_order_id, vendor_id, currency, gross, escrowed, accrued_net, accrued_commission,
       accrued_tax, stage
  FROM payouts.earnings
 WHERE vendor_order_id = ANY($1::uuid[])
   AND vendor_order_id NOT IN (SELECT vendor_order_id FROM claimed)
""")

ELIGIBLE = Sql("""
WITH locked AS (
  SELECT vendor_order_id FROM payouts.earnings
   WHERE vendor_order_id = ANY($1::uuid[]) AND stage = 'accruing'
   ORDER BY vendor_order_id FOR UPDATE
)
UPDATE payouts.earnings e SET stage = 'eligible', eligible_at = $2, escrowed = true
  FROM locked WHERE e.vendor_order_id = locked.vendor_order_id
RETURNING e.vendor_order_id, e.vendor_id, e.currency, e.accrued_net
""")

LOCK_EARNING = Sql("""
SELECT * FROM payouts.earnings WHERE vendor_order_id = $1 FOR UPDATE
""")

FIND_REVERSAL = Sql("""
SELECT * FROM payouts.reversals WHERE refund_id = $1
""")

REVERSE = Sql("""
WITH born AS (
  INSERT INTO payouts.reversals
         (refund_id, vendor_order_id, net, commission, tax, after_accrual, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING refund_id
)
UPDATE payouts.earnings
   SET refunded_net = refunded_net + $3, refunded_commission = refunded_commission + $4,
       refunded_tax = refunded_tax + $5
 WHERE vendor_order_id = $2
""")

REVERSED = Sql("""
WITH told AS (
  UPDATE payouts.reversals SET posted = true WHERE refund_id = $1 AND NOT posted
)
UPDATE payouts.earnings SET escrowed = true WHERE vendor_order_id = $2 AND NOT escrowed
""")

UNFINISHED = Sql("""
SELECT vendor_order_id, stage FROM payouts.earnings
 WHERE (NOT escrowed OR stage = 'accruing') AND created_at < $1
   AND (accrued_at IS NULL OR accrued_at < $1)
 ORDER BY created_at LIMIT $2
""")

UNFINISHED_REVERSALS = Sql("""
SELECT refund_id, vendor_order_id, net + commission + tax AS gross,
       (SELECT currency FROM payouts.earnings e WHERE e.vendor_order_id = r.vendor_order_id)
         AS currency
  FROM payouts.reversals r WHERE NOT posted AND created_at < $1 ORDER BY created_at LIMIT $2
""")


class Earnings:
    """The use cases that change earnings."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def expect(self, ctx: Context, drafts: Sequence[EarningDraft]) -> None:
        given: dict[UUID, EarningDraft] = {}
        for n, draft in enumerate(drafts):
            rules.check_draft(draft, f"earnings.{n}")
            if given.setdefault(draft.vendor_order_id, draft) != draft:
                raise EarningConflict(vendor_order_id=str(draft.vendor_order_id))
        if not given:
            return
        unique = list(given.values())
        rows = await self._db.step(
            ctx,
            EXPECT,
            list(given),
            [d.order_id for d in unique],
            [d.vendor_id for d in unique],
            [d.order_number for d in unique],
            [d.gross.currency for d in unique],
            [d.gross.minor for d in unique],
            [d.commission.minor for d in unique],
            [d.tax.minor for d in unique],
            [d.net.minor for d in unique],
            ctx.now(),
        )
        untold = {row["vendor_order_id"] for row in rows}
        known = [id for id in given if id not in untold]
        if known:
            for row in await self._db.fetch(SELECTED, known):
                _check_same(given[row["vendor_order_id"]], row)
                if not row["escrowed"]:
                    untold.add(row["vendor_order_id"])
        transfers = [
            transfer
            for id, draft in given.items()
            if id in untold
            for transfer in _books(draft).capture(draft.gross.minor)
        ]
        await self._tell_escrow(ctx, list(untold), transfers)

    async def _tell_escrow(self, ctx: Context, ids: list[UUID], transfers: list[Transfer]) -> None:
        if transfers:
            await self._ledger.post(ctx, transfers=transfers)
        if ids:
            await self._db.step(ctx, ESCROWED, ids)

    async def accrue(self, ctx: Context, vendor_order_ids: Sequence[UUID]) -> None:
        wanted = sorted(set(vendor_order_ids))
        if not wanted:
            return
        rows = await self._db.step(ctx, ACCRUE, wanted, ctx.now())
        claimed = [row for row in rows if row["stage"] == "accruing"]
        transfers: list[Transfer] = []
        for row in claimed:
            books = Books(row["vendor_order_id"], row["vendor_id"], row["currency"])
            if not row["escrowed"]:
                transfers += books.capture(row["gross"])
            transfers += books.accrual(
                Parts(row["accrued_net"], row["accrued_commission"], row["accrued_tax"])
            )
        if transfers:
            await self._ledger.post(ctx, transfers=transfers)
        if claimed:
            async with self._db.begin(ctx) as tx:
                await _mark_eligible(tx, ctx, [row["vendor_order_id"] for row in claimed])
        # Last, so that one unknown id does not keep the others waiting.
        unknown = set(wanted) - {row["vendor_order_id"] for row in rows}
        if unknown:
            raise NotFound("Nothing was expected for some of these vendor orders.")

    async def reverse(
        self, ctx: Context, refund_id: UUID, vendor_order_id: UUID, gross: Money
    ) -> Reversal:
        try:
            async with self._db.begin(ctx) as tx:
                earning, row = await _reversal(tx, ctx, refund_id, vendor_order_id, gross)
        except UniqueViolation:
            raise EarningConflict("This refund belongs to another vendor order.") from None
        parts = Parts(row["net"], row["commission"], row["tax"])
        if not row["posted"]:
            books = Books(vendor_order_id, earning["vendor_id"], earning["currency"])
            back = books.reversal(refund_id, parts, after_accrual=row["after_accrual"])
            first = [] if earning["escrowed"] else books.capture(earning["gross"])
            await self._ledger.post(ctx, transfers=[*first, *back])
            await self._db.step(ctx, REVERSED, refund_id, vendor_order_id)
        currency = earning["currency"]
        return Reversal(
            gross=Money(minor=parts.gross, currency=currency),
            commission=Money(minor=parts.commission, currency=currency),
            tax=Money(minor=parts.tax, currency=currency),
            net=Money(minor=parts.net, currency=currency),
        )

    async def resume(self, ctx: Context) -> None:
        """Finishes what was begun more than ten seconds ago and not finished."""
        before = ctx.now() - _IDLE
        rows = await self._db.fetch(UNFINISHED, before, _AT_ONCE)
        accruing = [row["vendor_order_id"] for row in rows if row["stage"] == "accruing"]
        await self.accrue(ctx, accruing)
        untold = [row["vendor_order_id"] for row in rows if row["stage"] == "pending"]
        transfers: list[Transfer] = []
        for row in await self._db.fetch(SELECTED, untold):
            books = Books(row["vendor_order_id"], row["vendor_id"], row["currency"])
            transfers += books.capture(row["gross"])
        await self._tell_escrow(ctx, untold, transfers)
        for row in await self._db.fetch(UNFINISHED_REVERSALS, before, _AT_ONCE):
            gross = Money(minor=row["gross"], currency=row["currency"])
            await self.reverse(ctx, row["refund_id"], row["vendor_order_id"], gross)


async def _mark_eligible(tx: Tx, ctx: Context, ids: list[UUID]) -> None:
    for row in await tx.fetch(ELIGIBLE, ids, ctx.now()):
        net = Money(minor=row["accrued_net"], currency=row["currency"])
        tx.emit(
            EarningEligible(
                vendor_order_id=row["vendor_order_id"], vendor_id=row["vendor_id"], net=net
            )
        )


async def _reversal(
    tx: Tx, ctx: Context, refund_id: UUID, vendor_order_id: UUID, gross: Money
) -> tuple[Record, Record]:
    """The earning as it was and the reversal, written now or before."""
    earning = await tx.fetchrow(LOCK_EARNING, vendor_order_id)
    if earning is None:
        raise NotFound("Nothing was expected for this vendor order.")
    if gross.currency != earning["currency"]:
        raise EarningConflict(f"This earning is in {earning['currency']}.")
    known = await tx.fetchrow(FIND_REVERSAL, refund_id)
    if known is None:
        parts = rules.split(gross.minor, left_of(earning))
        after = earning["stage"] != "pending"
        amounts = (parts.net, parts.commission, parts.tax)
        await tx.execute(REVERSE, refund_id, vendor_order_id, *amounts, after, ctx.now())
        known = await tx.fetchrow(FIND_REVERSAL, refund_id)
        assert known is not None
    same = known["vendor_order_id"] == vendor_order_id
    if not same or known["net"] + known["commission"] + known["tax"] != gross.minor:
        raise EarningConflict("This refund was another one.")
    return earning, known


def left_of(row: Record) -> Parts:
    """What is not refunded of an earning."""
    frozen = Parts(row["net"], row["commission"], row["tax"])
    return frozen - Parts(row["refunded_net"], row["refunded_commission"], row["refunded_tax"])


def _books(draft: EarningDraft) -> Books:
    return Books(draft.vendor_order_id, draft.vendor_id, draft.gross.currency)


def _check_same(draft: EarningDraft, row: Record) -> None:
    minors = (draft.gross.minor, draft.commission.minor, draft.tax.minor, draft.net.minor)
    stored = (row["gross"], row["commission"], row["tax"], row["net"])
    whose = (draft.vendor_id, draft.order_id, draft.gross.currency)
    if stored != minors or whose != (row["vendor_id"], row["order_id"], row["currency"]):
        raise EarningConflict(vendor_order_id=str(draft.vendor_order_id))
