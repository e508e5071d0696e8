"""Cash on delivery: each vendor collects its own part, so that each vendor order has a payment of
its own, captured when it is delivered."""

import asyncio
from typing import Any
from uuid import UUID

import structlog

from haat.domains.money.payments.api import Method, Payments, WrongPaymentState
from haat.domains.money.payouts.api import Payouts
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.rules import Entry, Share, Tender, entry_of, retry_after
from haat.domains.trade.settlement.service.tenders import card_of
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.ids import derive

AT_ONCE = 8
DUE_AT_ONCE = 100

SPLIT = Sql("""
INSERT INTO settlement.tenders
       (of_id, leg, order_id, provider, amount, currency, on_delivery, state)
SELECT x.id, 'cod', $1, $2, x.amount, $3, true, 'open'
  FROM unnest($4::uuid[], $5::bigint[]) AS x (id, amount)
 WHERE EXISTS (SELECT FROM settlement.charges c WHERE c.order_id = $1 AND c.state = 'open')
ON CONFLICT (of_id, leg) DO NOTHING
""")
# What was delivered before it was split is due at once. This is a later statement than SPLIT: a
# delivery that did not find the parts has opened its window by then, so that one of both sees the
# other.
SPLIT_UP = Sql("""
WITH waiting AS (
  UPDATE settlement.charges SET state = 'waiting', updated_at = $2
   WHERE order_id = $1 AND state = 'open'
  RETURNING order_id
), delivered AS (
  UPDATE settlement.tenders t SET due_at = $2 FROM waiting w
   WHERE t.order_id = w.order_id AND t.leg = 'cod' AND t.state = 'open' AND t.due_at IS NULL
     AND EXISTS (SELECT FROM settlement.windows x WHERE x.vendor_order_id = t.of_id)
)
UPDATE settlement.tenders t SET state = 'voided' FROM waiting w
 WHERE t.of_id = w.order_id AND t.leg = 'card'
""")
DELIVERED = Sql("""
UPDATE settlement.tenders SET due_at = $2
 WHERE of_id = ANY($1::uuid[]) AND leg = 'cod' AND state IN ('open', 'captured')
""")
CLAIM = Sql("""
UPDATE settlement.tenders SET attempts = attempts + 1,
       due_at = $1::timestamptz + interval '30 s'
 WHERE leg = 'cod' AND of_id IN (
       SELECT of_id FROM settlement.tenders
        WHERE due_at <= $1 AND leg = 'cod' AND ($2::uuid[] IS NULL OR of_id = ANY($2::uuid[]))
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING of_id, order_id, provider, amount, currency, state, attempts,
          (SELECT w.closes_at FROM settlement.windows w
            WHERE w.vendor_order_id = of_id) AS closes_at
""")
COLLECTED = Sql("""
WITH taken AS (
  UPDATE settlement.tenders SET state = 'captured'
   WHERE of_id = $1 AND leg = 'cod' AND state IN ('open', 'captured')
  RETURNING of_id, order_id, provider, amount, currency
), kept AS (
  INSERT INTO settlement.balances (vendor_order_id, order_id, total, currency)
  SELECT of_id, order_id, amount, currency FROM taken WHERE amount > 0
  ON CONFLICT (vendor_order_id) DO NOTHING
  RETURNING vendor_order_id
), paid AS (
  INSERT INTO settlement.shares (vendor_order_id, leg, of_id, provider, amount)
  SELECT t.of_id, 'cod', t.of_id, t.provider, t.amount
    FROM taken t JOIN kept k ON k.vendor_order_id = t.of_id
), sold AS (
  INSERT INTO settlement.lines (line_id, vendor_order_id, offer_id, quantity, gross, tax)
  SELECT x.line_id, k.vendor_order_id, x.offer_id, x.quantity, x.gross, x.tax
    FROM kept k, unnest($2::uuid[], $3::uuid[], $4::int[], $5::bigint[], $6::bigint[])
      AS x (line_id, offer_id, quantity, gross, tax)
)
SELECT of_id FROM taken
""")
BOOKED = Sql("""
WITH booked AS (
  UPDATE settlement.tenders SET state = 'booked'
   WHERE of_id = $1 AND leg = 'cod' AND state = 'captured'
  RETURNING of_id
)
UPDATE settlement.balances b SET booked_at = $2 FROM booked WHERE b.vendor_order_id = booked.of_id
""")
VOIDED = Sql("""
UPDATE settlement.tenders SET state = 'voided', due_at = NULL
 WHERE of_id = $1 AND leg = 'cod' AND state IN ('open', 'voided')
RETURNING amount, order_id
""")
# Of two last parts that end at once, the one that looks later sees both. Until then, what was
# booked stays due: its process may have died before this, or the order is still being split.
CLOSE = Sql("""
WITH over AS (
  UPDATE settlement.tenders SET due_at = NULL
   WHERE order_id = $1 AND state = 'booked' AND due_at IS NOT NULL
     AND EXISTS (SELECT FROM settlement.charges c WHERE c.order_id = $1 AND c.state <> 'open')
)
UPDATE settlement.charges c
   SET state = CASE WHEN EXISTS (SELECT FROM settlement.tenders t
                                  WHERE t.order_id = c.order_id AND t.state = 'booked')
                    THEN 'booked' ELSE 'voided' END,
       updated_at = $2
 WHERE c.order_id = $1 AND c.state = 'waiting'
   AND NOT EXISTS (SELECT FROM settlement.tenders t
                    WHERE t.order_id = c.order_id AND t.state IN ('open', 'captured'))
""")
LATER = Sql("UPDATE settlement.tenders SET due_at = $2 WHERE of_id = $1 AND leg = 'cod'")


def cash_of(vendor_order_id: UUID) -> UUID:
    """The id of what the vendor collects for its vendor order."""
    return derive(vendor_order_id, "cod")


class Cash:
    def __init__(self, db: Database, payments: Payments, payouts: Payouts, orders: Orders) -> None:
        self._db = db
        self._payments = payments
        self._payouts = payouts
        self._orders = orders

    async def split(self, ctx: Context, order_id: UUID, card: Tender) -> None:
        """One hold of the whole order becomes one for each vendor order."""
        [order] = await self._orders.by_ids(ctx, ids=[order_id])
        totals = {part.id: part.totals.total for part in order.vendor_orders}
        assert card.provider is not None, "cash has a provider"
        await self._db.execute(
            SPLIT,
            order_id,
            card.provider,
            order.totals.total.currency,
            list(totals),
            [total.minor for total in totals.values()],
        )
        for id, total in totals.items():
            if total.minor:
                await self._payments.hold(
                    ctx,
                    id=cash_of(id),
                    reference=order_id,
                    amount=total,
                    method=Method(provider=card.provider),
                    return_url="",
                    person_id=order.person_id,
                )
        await self._payments.void(ctx, id=card_of(order_id))
        await self._db.execute(SPLIT_UP, order_id, ctx.now())

    async def delivered(self, ctx: Context, vendor_order_ids: list[UUID]) -> None:
        """The vendors have the money of those of these that are paid in cash."""
        if await self._db.execute(DELIVERED, vendor_order_ids, ctx.now()):
            await self._collect_these(ctx, vendor_order_ids)

    async def collect_due(self, ctx: Context) -> int:
        return await self._collect_these(ctx, None)

    async def _collect_these(self, ctx: Context, ids: list[UUID] | None) -> int:
        rows = await self._db.fetch(CLAIM, ctx.now(), ids, DUE_AT_ONCE)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: Record) -> None:
            async with gate:
                try:
                    await self._collect(ctx, row)
                except Unavailable:
                    at = ctx.now() + retry_after(row["attempts"])
                    await self._db.execute(LATER, row["of_id"], at)

        answers: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return len(rows)

    async def _collect(self, ctx: Context, row: Record) -> None:
        """Captured, expected, paid: every step may be repeated."""
        if row["state"] != "booked":
            await self._book(ctx, row)
        await self._db.execute(CLOSE, row["order_id"], ctx.now())

    async def _book(self, ctx: Context, row: Record) -> None:
        id: UUID = row["of_id"]
        if row["amount"]:
            try:
                status = (await self._payments.collected(ctx, id=cash_of(id))).status
            except WrongPaymentState:
                status = "voided"
            if status != "captured":
                # Delivered, and yet not to be collected: nothing here may guess what that means.
                structlog.get_logger().error(
                    "cash_not_collected", vendor_order_id=str(id), status=status
                )
                raise Unavailable
            await self._enter(ctx, row, await self._entry(ctx, row))
        else:
            await self._db.execute(COLLECTED, id, [], [], [], [], [])
        await self._orders.mark_vendor_orders_paid(ctx, ids=[id])
        await self._db.execute(BOOKED, id, ctx.now())

    async def _entry(self, ctx: Context, row: Record) -> Entry:
        [order] = await self._orders.by_ids(ctx, ids=[row["order_id"]])
        [part] = [part for part in order.vendor_orders if part.id == row["of_id"]]
        tender = Tender(row["of_id"], "cod", row["provider"], row["amount"])
        return entry_of(order, part, [Share(tender, row["amount"])])

    async def _enter(self, ctx: Context, row: Record, entry: Entry) -> None:
        lines = entry.lines
        await self._db.execute(
            COLLECTED,
            row["of_id"],
            [line.id for line in lines],
            [line.offer_id for line in lines],
            [line.quantity for line in lines],
            [line.gross for line in lines],
            [line.tax for line in lines],
        )
        await self._payouts.expect(ctx, earnings=[entry.draft])
        if row["closes_at"] is not None:
            await self._payouts.delivered(ctx, windows={row["of_id"]: row["closes_at"]})

    async def cancelled(self, ctx: Context, vendor_order_id: UUID) -> None:
        """Nobody collects anything for this one any more."""
        row = await self._db.fetchrow(VOIDED, vendor_order_id)
        if row is None:
            return
        if row["amount"]:
            await self._payments.void(ctx, id=cash_of(vendor_order_id))
        await self._db.execute(CLOSE, row["order_id"], ctx.now())
