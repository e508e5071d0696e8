"""What settlement tells of an order's money: paid, unpaid, refunded."""

from itertools import groupby
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import RefundTooLarge
from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import (
    Order,
    OrderPaid,
    OrderRefunded,
    OrderUnpaid,
    VendorOrder,
    VendorPart,
    WrongOrderState,
)
from haat.domains.trade.orders.service.reading import Reading
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money

# Rows are locked in one order, so that two sets that overlap cannot wait for each other.
MARK_PAID = Sql("""
WITH wanted AS (
  SELECT id FROM orders.vendor_orders
   WHERE order_id = ANY($1::uuid[]) AND payment = 'authorized' ORDER BY id FOR UPDATE),
paid AS (
  UPDATE orders.vendor_orders v SET payment = 'paid' FROM wanted w
   WHERE v.id = w.id AND v.payment = 'authorized'
  RETURNING v.id, v.order_id, v.position, v.vendor_id, v.number, v.total, v.net),
noted AS (
  INSERT INTO orders.timeline (order_id, at, what, actor, note)
  SELECT DISTINCT order_id, $2::timestamptz, 'paid', 'system', '' FROM paid)
SELECT p.*, o.number AS order_number, o.person_id, o.currency, o.total AS order_total
  FROM paid p JOIN orders.orders o ON o.id = p.order_id
 ORDER BY o.seq, p.position
""")
MARK_UNPAID = Sql("""
WITH gone AS (
  UPDATE orders.vendor_orders
     SET payment = 'voided', fulfilment = 'cancelled', reason = $2
   WHERE order_id = $1 AND payment = 'authorized'
  RETURNING id, order_id),
noted AS (
  INSERT INTO orders.timeline (order_id, vendor_order_id, at, what, actor, note)
  SELECT order_id, id, $3::timestamptz, 'cancelled', 'system', $2 FROM gone)
/*emit:gone*/
SELECT id FROM gone
""")
# The lock makes refunds of one vendor order follow each other; what it returns is the newest.
RECORD_REFUND = Sql("""
WITH target AS (
  SELECT id, order_id, total, refunded FROM orders.vendor_orders
   WHERE id = $2 AND currency = $4 AND payment IN ('paid', 'partially_refunded') FOR UPDATE),
new_refund AS (
  INSERT INTO orders.refunds (refund_id, vendor_order_id, amount, note, at)
  SELECT $1, id, $3, $5, $6 FROM target WHERE refunded + $3 <= total
  ON CONFLICT (refund_id) DO NOTHING
  RETURNING vendor_order_id),
moved AS (
  UPDATE orders.vendor_orders v
     SET refunded = v.refunded + $3,
         payment = CASE WHEN v.refunded + $3 = v.total THEN 'refunded'
                        ELSE 'partially_refunded' END
    FROM new_refund n WHERE v.id = n.vendor_order_id
  RETURNING v.id, v.order_id),
noted AS (
  INSERT INTO orders.timeline (order_id, vendor_order_id, at, what, actor, note)
  SELECT order_id, id, $6, 'refunded', $7, $5 FROM moved)
/*emit:moved*/
SELECT id FROM moved
""")
REFUND_KNOWN = Sql("SELECT true FROM orders.refunds WHERE refund_id = $1")


class Paying(Reading):
    """The payment side of the state machine."""

    _db: Database

    async def mark_paid(self, ctx: Context, *, order_ids: list[UUID]) -> None:
        if not order_ids:
            return
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(MARK_PAID, order_ids, ctx.now())
            for _, parts in groupby(rows, key=lambda row: row["order_id"]):
                tx.emit(_paid(list(parts)))

    async def mark_unpaid(self, ctx: Context, *, order_id: UUID, reason: str) -> None:
        found = await self.by_ids(ctx, ids=[order_id])
        if not found:
            raise NotFound
        order = found[0]
        if order.payment == "voided":
            return
        changed = await self._db.step(
            ctx, MARK_UNPAID, order_id, reason, ctx.now(), emit=[_unpaid(order, reason)]
        )
        if not changed:
            order = (await self.by_ids(ctx, ids=[order_id]))[0]
            if order.payment != "voided":
                raise WrongOrderState("This order is paid.", state=order.payment)

    async def record_refund(
        self, ctx: Context, *, refund_id: UUID, vendor_order_id: UUID, amount: Money, note: str
    ) -> None:
        found = await self.vendor_orders_by_ids(ctx, ids=[vendor_order_id])
        if not found:
            raise NotFound
        part = found[0]
        if amount.minor <= 0 or amount.currency != part.refunded.currency:
            raise Invalid.at("amount", "Give a positive amount in the order's currency.")
        recorded = await self._db.step(
            ctx,
            RECORD_REFUND,
            refund_id,
            vendor_order_id,
            amount.minor,
            amount.currency,
            note,
            ctx.now(),
            "staff" if rules.actor_of(ctx, None) == "staff" else "system",
            emit=[_refunded(part, amount)],
        )
        if not recorded and not await self._db.fetchval(REFUND_KNOWN, refund_id):
            await self._refuse_refund(ctx, vendor_order_id)

    async def _refuse_refund(self, ctx: Context, vendor_order_id: UUID) -> None:
        part = (await self.vendor_orders_by_ids(ctx, ids=[vendor_order_id]))[0]
        if part.payment in rules.TAKEN:
            left = part.totals.total - part.refunded
            raise RefundTooLarge(refundable=left.model_dump(mode="json"))
        raise WrongOrderState("Nothing was charged for this order.", state=part.payment)


def _paid(rows: list[Record]) -> OrderPaid:
    first: Any = rows[0]

    def money(minor: int) -> Money:
        return Money(minor=minor, currency=first["currency"])

    return OrderPaid(
        order_id=first["order_id"],
        number=first["order_number"],
        person_id=first["person_id"],
        total=money(first["order_total"]),
        vendor_orders=[
            VendorPart(
                vendor_order_id=row["id"],
                vendor_id=row["vendor_id"],
                number=row["number"],
                total=money(row["total"]),
                net=money(row["net"]),
            )
            for row in rows
        ],
    )


def _unpaid(order: Order, reason: str) -> OrderUnpaid:
    return OrderUnpaid(
        order_id=order.id,
        number=order.number,
        person_id=order.person_id,
        reason=reason,
        total=order.totals.total,
        lines=[
            (line.offer_id, line.quantity) for part in order.vendor_orders for line in part.lines
        ],
    )


def _refunded(part: VendorOrder, amount: Money) -> OrderRefunded:
    return OrderRefunded(
        order_id=part.order_id,
        vendor_order_id=part.id,
        vendor_id=part.vendor_id,
        person_id=part.person_id,
        number=part.number,
        amount=amount,
    )
