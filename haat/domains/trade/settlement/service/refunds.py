"""Refunds: taken from what is left of a vendor order, given back, then entered in the books."""

import asyncio
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.payments.api import Payments, RefundTooLarge
from haat.domains.money.payouts.api import Payouts
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import NotRefundable, RefundResult
from haat.domains.trade.settlement.rules import retry_after
from haat.domains.trade.settlement.service.tenders import card_of
from haat.engines.sql import Database, Record, Sql, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Unavailable
from haat.kernel.money import Money

REFUNDS_AT_ONCE = 8
REFUNDS_DUE = 100

# One statement takes the amount and writes the refund: two at once cannot take the same money.
# Money that is captured but not in the books yet cannot be given back yet either.
TAKE = Sql("""
WITH balance AS (
  SELECT vendor_order_id, order_id, currency, total - refunded AS rest,
         coalesce($3::bigint, total - refunded) AS amount
    FROM settlement.balances b WHERE vendor_order_id = $2
     AND EXISTS (SELECT FROM settlement.tenders t
                  WHERE t.order_id = b.order_id AND t.state = 'booked')
     FOR UPDATE
), taken AS (
  UPDATE settlement.balances b SET refunded = b.refunded + balance.amount
    FROM balance
   WHERE b.vendor_order_id = balance.vendor_order_id
     AND balance.amount BETWEEN 1 AND balance.rest AND balance.currency = $4
  RETURNING b.vendor_order_id, b.order_id, balance.amount, b.currency
)
INSERT INTO settlement.refunds
       (id, vendor_order_id, order_id, amount, currency, state, reason, due_at, created_at)
SELECT $1, vendor_order_id, order_id, amount, currency, 'created', $5, $7, $6 FROM taken
RETURNING id, vendor_order_id, order_id, amount, currency, state, reason, attempts, created_at
""")
ONE = Sql("""
SELECT id, vendor_order_id, order_id, amount, currency, state, reason, attempts, created_at
  FROM settlement.refunds WHERE id = $1
""")
LEFT = Sql("""
SELECT currency, total - refunded AS rest FROM settlement.balances WHERE vendor_order_id = $1
""")
OF = Sql("""
SELECT id, vendor_order_id, order_id, amount, currency, state, reason, attempts, created_at
  FROM settlement.refunds WHERE vendor_order_id = ANY($1::uuid[])
 ORDER BY created_at DESC, id DESC LIMIT 1000
""")
DUE = Sql("""
UPDATE settlement.refunds SET attempts = attempts + 1, due_at = $1::timestamptz + interval '30 s'
 WHERE id IN (SELECT id FROM settlement.refunds WHERE due_at <= $1
               ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id, vendor_order_id, order_id, amount, currency, state, reason, attempts, created_at
""")
UNFINISHED = Sql("""
SELECT id, vendor_order_id, order_id, amount, currency, state, reason, attempts, created_at
  FROM settlement.refunds WHERE id = ANY($1::uuid[]) AND state = 'created'
""")
LATER = Sql("""
UPDATE settlement.refunds SET due_at = $2 WHERE id = $1 AND state = 'created'
""")
DONE = Sql("""
UPDATE settlement.refunds SET state = 'done', due_at = NULL WHERE id = $1 AND state = 'created'
""")
FAILED = Sql("""
WITH failed AS (
  UPDATE settlement.refunds SET state = 'failed', due_at = NULL WHERE id = $1 AND state = 'created'
  RETURNING vendor_order_id, amount
)
UPDATE settlement.balances b SET refunded = b.refunded - failed.amount
  FROM failed WHERE b.vendor_order_id = failed.vendor_order_id
""")


class Refunds:
    def __init__(self, db: Database, payments: Payments, payouts: Payouts, orders: Orders) -> None:
        self._db = db
        self._payments = payments
        self._payouts = payouts
        self._orders = orders

    async def refund(
        self, ctx: Context, id: UUID, vendor_order_id: UUID, amount: Money | None, reason: str
    ) -> RefundResult:
        if amount is not None and amount.minor <= 0:
            raise Invalid.at("amount.minor", "Refund more than nothing.", "amount_invalid")
        row = await self._db.fetchrow(ONE, id)
        if row is None:
            row = await self.take(ctx, id, vendor_order_id, amount, reason)
        if row is None:
            raise await self._refused(ctx, vendor_order_id, amount)
        if row["vendor_order_id"] != vendor_order_id:
            raise Invalid.at("id", "This id belongs to another refund.", "id_taken")
        state = row["state"]
        return _result(row, await self._finish(ctx, row) if state == "created" else state)

    async def take(
        self, ctx: Context, id: UUID, vendor_order_id: UUID, amount: Money | None, reason: str
    ) -> Record | None:
        """The refund's row, new or known; None when that much is not left."""
        known = await self._db.fetchrow(LEFT, vendor_order_id)
        if known is None:
            return None
        currency = amount.currency if amount else known["currency"]
        minor = amount.minor if amount else None
        now = ctx.now()
        due = now + retry_after(0)
        try:
            return await self._db.fetchrow(
                TAKE, id, vendor_order_id, minor, currency, reason, now, due
            )
        except UniqueViolation:  # the same refund, sent twice at once
            return await self._db.fetchrow(ONE, id)

    async def _refused(
        self, ctx: Context, vendor_order_id: UUID, amount: Money | None
    ) -> NotRefundable | NotFound | Invalid:
        """Why nothing could be taken."""
        left = await self._db.fetchrow(LEFT, vendor_order_id)
        if left is None:
            found = await self._orders.vendor_orders_by_ids(ctx, ids=[vendor_order_id])
            if not found:
                return NotFound()
            rest = Money.zero(found[0].totals.total.currency)
            return NotRefundable("It is not paid yet.", refundable=rest.model_dump(by_alias=True))
        if amount is not None and amount.currency != left["currency"]:
            error = Invalid.at("amount.currency", "It was paid in another currency.", "currency")
            assert isinstance(error, Invalid)
            return error
        rest = Money(minor=left["rest"], currency=left["currency"])
        return NotRefundable(refundable=rest.model_dump(by_alias=True))

    async def of(self, vendor_order_ids: list[UUID]) -> list[RefundResult]:
        """Newest first."""
        return [_result(row, row["state"]) for row in await self._db.fetch(OF, vendor_order_ids)]

    async def finish(self, ctx: Context, ids: list[UUID]) -> None:
        """Goes on with those of these refunds that are ours and not finished."""
        await self._finish_all(ctx, await self._db.fetch(UNFINISHED, ids))

    async def finish_due(self, ctx: Context) -> int:
        rows = await self._db.fetch(DUE, ctx.now(), REFUNDS_DUE)
        await self._finish_all(ctx, rows)
        return len(rows)

    async def _finish_all(self, ctx: Context, rows: list[Record]) -> None:
        gate = asyncio.Semaphore(REFUNDS_AT_ONCE)

        async def one(row: Record) -> None:
            async with gate:
                await self._finish(ctx, row)

        # All are tried before the first error is raised: one bad refund holds up no other.
        answers: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _finish(self, ctx: Context, row: Record) -> Literal["created", "done", "failed"]:
        """Provider, payouts, order, in this order; every step may be repeated after a crash."""
        id, vendor_order_id = row["id"], row["vendor_order_id"]
        amount = Money(minor=row["amount"], currency=row["currency"])
        try:
            status = await self._at_provider(ctx, row["order_id"], id, amount)
            if status == "done":
                await self._payouts.reverse(
                    ctx, refund_id=id, vendor_order_id=vendor_order_id, gross=amount
                )
                await self._orders.record_refund(
                    ctx,
                    refund_id=id,
                    vendor_order_id=vendor_order_id,
                    amount=amount,
                    note=row["reason"],
                )
        except Unavailable:
            status = "pending"
        if status == "done":
            await self._db.execute(DONE, id)
            return "done"
        if status == "failed":
            await self._db.execute(FAILED, id)
            return "failed"
        await self._db.execute(LATER, id, ctx.now() + retry_after(row["attempts"]))
        return "created"

    async def _at_provider(
        self, ctx: Context, order_id: UUID, id: UUID, amount: Money
    ) -> Literal["pending", "done", "failed"]:
        try:
            answer = await self._payments.refund(
                ctx, id=card_of(order_id), refund_id=id, amount=amount
            )
        except RefundTooLarge:  # the provider gave something back behind our back
            return "failed"
        return "pending" if answer.status == "created" else answer.status


def _result(row: Record, status: Literal["created", "done", "failed"]) -> RefundResult:
    return RefundResult(
        id=row["id"],
        vendor_order_id=row["vendor_order_id"],
        amount=Money(minor=row["amount"], currency=row["currency"]),
        status=status,
        reason=row["reason"],
        created_at=row["created_at"],
    )
