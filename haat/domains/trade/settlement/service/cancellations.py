"""Rejected and cancelled vendor orders: their goods go back on sale, their money to the customer.

The event is noted first, so that nothing hangs on how often the bus tries: a vendor order that is
cancelled before its money was captured waits here until it is, and is refunded then.
"""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.goods.inventory.api import Inventory, Line, reservation_of
from haat.domains.trade.orders.api import OrderCancelled, Orders
from haat.domains.trade.settlement.api import NotRefundable
from haat.domains.trade.settlement.plans import Wanted
from haat.domains.trade.settlement.rules import RETRY_FIRST_S
from haat.domains.trade.settlement.service.cash import Cash
from haat.domains.trade.settlement.service.refunds import Refunds, Taking
from haat.domains.trade.settlement.service.tenders import Tenders
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unavailable
from haat.kernel.ids import derive

ASK_AGAIN = timedelta(minutes=1)
TRANSFER_MAY_TAKE = timedelta(hours=1)  # booking it makes this due at once
ENDED = frozenset({"rejected", "cancelled"})
REFUND_TRIES = 5
AT_ONCE = 8
DUE_AT_ONCE = 100

NOTE = Sql("""
INSERT INTO settlement.cancellations
       (vendor_order_id, order_id, refund_id, kind, reason, lines, due_at)
SELECT *, $7::timestamptz
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[]::jsonb[])
ON CONFLICT (vendor_order_id) DO NOTHING
""")
CLAIM = Sql("""
UPDATE settlement.cancellations c SET due_at = $1::timestamptz + make_interval(secs => $4)
  FROM (SELECT vendor_order_id FROM settlement.cancellations
         WHERE due_at <= $1 AND ($2::uuid[] IS NULL OR vendor_order_id = ANY($2::uuid[]))
         ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
 WHERE c.vendor_order_id = due.vendor_order_id
RETURNING c.vendor_order_id, c.order_id, c.refund_id, c.kind, c.reason, c.lines,
          (SELECT t.state FROM settlement.charges t WHERE t.order_id = c.order_id) AS charge,
          EXISTS (SELECT FROM settlement.tenders t
                   WHERE t.of_id = c.vendor_order_id AND t.leg = 'cod') AS in_cash
""")
OWED = Sql("""
SELECT b.total - b.refunded AS rest,
       (SELECT count(*) FROM settlement.refunds r
         WHERE r.vendor_order_id = b.vendor_order_id AND r.state = 'created') AS under_way,
       ARRAY(SELECT r.id FROM settlement.refunds r
              WHERE r.id = ANY($2::uuid[]) AND r.state <> 'created') AS ended,
       (SELECT count(*) FROM settlement.refunds r
         WHERE r.id = ANY($2::uuid[]) AND r.state = 'failed') AS failed,
       EXISTS (SELECT FROM settlement.disputes d
                WHERE d.order_id = b.order_id
                  AND (d.status = 'open' OR d.done IS DISTINCT FROM d.status)) AS disputed
  FROM settlement.balances b WHERE b.vendor_order_id = $1
""")
LATER = Sql("UPDATE settlement.cancellations SET due_at = $2 WHERE vendor_order_id = $1")
OVER = Sql("UPDATE settlement.cancellations SET due_at = NULL WHERE vendor_order_id = $1")


class Cancellations:
    def __init__(
        self,
        db: Database,
        inventory: Inventory,
        orders: Orders,
        tenders: Tenders,
        cash: Cash,
        refunds: Refunds,
    ) -> None:
        self._db = db
        self._inventory = inventory
        self._orders = orders
        self._tenders = tenders
        self._cash = cash
        self._refunds = refunds

    async def note(self, ctx: Context, events: list[OrderCancelled]) -> None:
        now = ctx.now()
        ids = [event.vendor_order_id for event in events]
        await self._db.execute(
            NOTE,
            ids,
            [event.order_id for event in events],
            [derive(event.id, "refund") for event in events],
            [event.kind for event in events],
            [event.reason for event in events],
            [json.dumps(event.lines, default=str) for event in events],
            now,
        )
        await self._finish(ctx, ids, len(ids))

    async def finish_due(self, ctx: Context) -> int:
        return await self._finish(ctx, None, DUE_AT_ONCE)

    async def _finish(self, ctx: Context, ids: list[UUID] | None, limit: int) -> int:
        rows = await self._db.fetch(CLAIM, ctx.now(), ids, limit, float(RETRY_FIRST_S))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: Record) -> None:
            async with gate:
                await self._undo(ctx, row)

        answers: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for answer in answers:
            # What is away comes back: the row is still due, and the timer goes on with it.
            if isinstance(answer, BaseException) and not isinstance(answer, Unavailable):
                raise answer
        return len(rows)

    async def _undo(self, ctx: Context, row: Record) -> None:
        id = row["vendor_order_id"]
        lines = [Line(offer_id=UUID(offer), quantity=count) for offer, count in row["lines"]]
        # Named after the vendor order: whoever gives these goods back, they come back once.
        await self._inventory.restock(
            ctx,
            id=derive(id, "restock"),
            lines=lines,
            reason="reject" if row["kind"] == "rejected" else "cancel",
            reference=id,
            sold=reservation_of(row["order_id"]),
        )
        again = await self._give_back(ctx, row)
        if again is None:
            await self._db.execute(OVER, id)
        else:
            await self._db.execute(LATER, id, ctx.now() + again)

    async def _give_back(self, ctx: Context, row: Record) -> timedelta | None:
        """When to look again; None once everything was given back."""
        charge = row["charge"]
        if row["in_cash"] and charge != "open":
            await self._cash.cancelled(ctx, row["vendor_order_id"])
            return None
        if charge in ("open", "captured"):
            return timedelta(seconds=RETRY_FIRST_S)  # paid for in a moment: refunded then
        if charge in ("waiting", "voided"):
            return await self._call_off(ctx, row)
        if charge == "booked" and not await self._repaid(ctx, row):
            return ASK_AGAIN
        return None

    async def _call_off(self, ctx: Context, row: Record) -> timedelta | None:
        """A bank transfer is awaited: it is not, any more, when all of the order is cancelled.
        Otherwise the money comes for the whole, and this part is refunded when it does."""
        [order] = await self._orders.by_ids(ctx, ids=[row["order_id"]])
        if not all(part.fulfilment in ENDED for part in order.vendor_orders):
            return TRANSFER_MAY_TAKE
        if not await self._tenders.void(ctx, order.id):
            return timedelta(seconds=RETRY_FIRST_S)  # it came in this very moment
        await self._orders.mark_unpaid(ctx, order_id=order.id, reason=row["reason"])
        return None

    async def _repaid(self, ctx: Context, row: Record) -> bool:
        """Whether everything was given back, or failed so often that a person must look.

        A refund from before, still under way, may fail as well: then its amount is owed again.
        What is disputed is not given back as well: the provider would refuse it until the dispute
        is decided, and how much is owed then depends on how.
        """
        id = row["vendor_order_id"]
        tries = _tries(row["refund_id"])
        owed = await self._db.fetchrow(OWED, id, tries)
        if owed is None:  # nothing was paid
            return True
        if owed["rest"] and owed["disputed"]:
            return False
        if owed["rest"]:
            left = [refund_id for refund_id in tries if refund_id not in owed["ended"]]
            if owed["failed"] >= REFUND_TRIES or not left:
                structlog.get_logger().error("cancellation_not_refunded", vendor_order_id=str(id))
                return True
            # Another try is another refund: one that ended has ended for good.
            with suppress(NotRefundable, NotFound):
                await self._refunds.refund(ctx, left[0], id, Wanted(), Taking(row["reason"]))
            owed = await self._db.fetchrow(OWED, id, tries)
            assert owed is not None, "a balance is never removed"
        return not owed["rest"] and not owed["under_way"]


def _tries(refund_id: UUID) -> list[UUID]:
    """The refunds by which it is tried, one after the other. There are more of them than may fail:
    what is owed again after one was done needs another."""
    return [refund_id, *(derive(refund_id, str(n)) for n in range(1, 4 * REFUND_TRIES))]
