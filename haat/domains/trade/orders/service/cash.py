"""Cash on delivery: what is paid vendor order by vendor order."""

from itertools import groupby
from typing import Any
from uuid import UUID

from haat.domains.trade.orders.api import OrderPaid, OrderPaymentUpdated, VendorPart
from haat.domains.trade.orders.service.reading import Reading
from haat.engines.sql import Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.money import Money

# Cash is collected vendor order by vendor order. The orders' rows are locked first, so that of two
# last parts that are paid at once, one is seen to be the last.
# NO KEY: whoever moves one of its parts notes that in the order's timeline, which locks the order's
# key after the part's row; those two would otherwise wait for each other.
LOCK_ORDERS = Sql("""
SELECT id FROM orders.orders
 WHERE id IN (SELECT order_id FROM orders.vendor_orders WHERE id = ANY($1::uuid[]))
 ORDER BY id FOR NO KEY UPDATE
""")
MARK_PARTS_PAID = Sql("""
WITH paid AS (
  UPDATE orders.vendor_orders SET payment = 'paid'
   WHERE id = ANY($1::uuid[]) AND payment = 'on_delivery'
  RETURNING id, order_id),
noted AS (
  INSERT INTO orders.timeline (order_id, vendor_order_id, at, what, actor, note)
  SELECT order_id, id, $2::timestamptz, 'paid', 'system', '' FROM paid)
SELECT p.order_id, array_agg(p.id ORDER BY p.id) AS ids, o.number
  FROM paid p JOIN orders.orders o ON o.id = p.order_id GROUP BY p.order_id, o.number
""")
# What was paid of orders that nothing is awaited for any more.
WHOLLY_PAID = Sql("""
SELECT v.id, v.order_id, v.vendor_id, v.number, v.total, v.net, v.ship_by,
       o.number AS order_number, o.person_id, o.currency,
       sum(v.total) OVER (PARTITION BY o.id)::bigint AS order_total, 'on_delivery' AS was,
       false AS ended
  FROM orders.vendor_orders v JOIN orders.orders o ON o.id = v.order_id
 WHERE o.id = ANY($1::uuid[]) AND v.payment IN ('paid', 'partially_refunded', 'refunded')
   AND NOT EXISTS (SELECT FROM orders.vendor_orders x
                    WHERE x.order_id = o.id
                      AND x.payment IN ('authorized', 'awaiting', 'on_delivery'))
 ORDER BY o.seq, v.position
""")


class Cash(Reading):
    """Paid when it is handed over."""

    async def mark_vendor_orders_paid(self, ctx: Context, *, ids: list[UUID]) -> None:
        async with self._db.begin(ctx) as tx:
            await tx.execute(LOCK_ORDERS, ids)
            changed = await tx.fetch(MARK_PARTS_PAID, ids, ctx.now())
            tx.emit(*map(_collected, changed))
            await self.tell_paid(tx, [row["order_id"] for row in changed])

    async def tell_paid(self, tx: Tx, order_ids: list[UUID]) -> None:
        """OrderPaid for those of these orders whose last open part was just paid."""
        rows = await tx.fetch(WHOLLY_PAID, order_ids) if order_ids else []
        for _, parts in groupby(rows, key=lambda row: row["order_id"]):
            tx.emit(paid(list(parts)))


def _collected(row: Record) -> OrderPaymentUpdated:
    return OrderPaymentUpdated(
        order_id=row["order_id"],
        number=row["number"],
        vendor_order_ids=row["ids"],
        payment="paid",
    )


def paid(rows: list[Record]) -> OrderPaid:
    """The event of one order; `rows` are its parts that were paid. Those that had `ended` before
    are not named: their vendors do not begin, and what came for them is given back."""
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
                ship_by=row["ship_by"],
            )
            for row in rows
            if not row["ended"]
        ],
        was=first["was"],
    )
