"""What settlement tells of an order's money: paid, unpaid, refunded."""

from itertools import groupby
from uuid import UUID

from haat.domains.money.payments.api import RefundTooLarge
from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import (
    Order,
    OrderPaymentUpdated,
    OrderRefunded,
    OrderUnpaid,
    RefundedLine,
    VendorOrder,
    WrongOrderState,
)
from haat.domains.trade.orders.service.cash import paid
from haat.domains.trade.orders.service.reading import Reading
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.ids import derive
from haat.kernel.money import Money

# Rows are locked in one order, so that two sets that overlap cannot wait for each other.
MARK_PAID = Sql("""
WITH wanted AS (
  SELECT id, payment FROM orders.vendor_orders
   WHERE order_id = ANY($1::uuid[]) AND payment IN ('authorized', 'awaiting', 'on_delivery')
   ORDER BY id FOR NO KEY UPDATE),
paid AS (
  UPDATE orders.vendor_orders v
     SET payment = 'paid',
         ship_by = coalesce(ship_by, $2::timestamptz + handling_hours * interval '1 hour')
    FROM wanted w
   WHERE v.id = w.id AND v.payment IN ('authorized', 'awaiting', 'on_delivery')
  RETURNING v.id, v.order_id, v.position, v.vendor_id, v.number, v.total, v.net,
            v.ship_by, w.payment AS was, v.fulfilment IN ('rejected', 'cancelled') AS ended),
noted AS (
  INSERT INTO orders.timeline (order_id, at, what, actor, note)
  SELECT DISTINCT order_id, $2::timestamptz, 'paid', 'system', '' FROM paid)
SELECT p.*, o.number AS order_number, o.person_id, o.currency, o.total AS order_total
  FROM paid p JOIN orders.orders o ON o.id = p.order_id
 ORDER BY o.seq, p.position
""")
# Parts that somebody cancelled already stay as they are; where all were, nobody is told again.
MARK_UNPAID = Sql("""
WITH wanted AS (
  SELECT id, fulfilment IN ('rejected', 'cancelled') AS ended FROM orders.vendor_orders
   WHERE order_id = $1 AND payment IN ('authorized', 'awaiting', 'on_delivery')
   ORDER BY id FOR NO KEY UPDATE),
voided AS (
  UPDATE orders.vendor_orders v
     SET payment = 'voided',
         fulfilment = CASE WHEN w.ended THEN v.fulfilment ELSE 'cancelled' END,
         reason = CASE WHEN w.ended THEN v.reason ELSE $2 END
    FROM wanted w WHERE v.id = w.id AND v.payment IN ('authorized', 'awaiting', 'on_delivery')
  RETURNING v.id, v.order_id, w.ended),
gone AS (SELECT id, order_id FROM voided WHERE NOT ended),
noted AS (
  INSERT INTO orders.timeline (order_id, vendor_order_id, at, what, actor, note)
  SELECT order_id, id, $3::timestamptz, 'cancelled', 'system', $2 FROM gone)
/*emit:gone*/
SELECT id FROM voided
""")
# Where all were cancelled before, only that nothing will come is told.
MARK_UNPAID_ENDED = Sql(MARK_UNPAID.replace("/*emit:gone*/", "/*emit:voided*/"))
# The lock makes refunds of one vendor order follow each other; what it returns is the newest.
RECORD_REFUND = Sql("""
WITH target AS (
  SELECT id, order_id, total, refunded FROM orders.vendor_orders
   WHERE id = $2 AND currency = $4 AND payment IN ('paid', 'partially_refunded')
     FOR NO KEY UPDATE),
new_refund AS (
  INSERT INTO orders.refunds (refund_id, vendor_order_id, amount, note, at)
  SELECT $1, id, $3, $5, $6 FROM target WHERE refunded + $3 <= total
  ON CONFLICT (refund_id) DO NOTHING
  RETURNING vendor_order_id),
given AS (
  SELECT x.line_id, x.quantity, x.gross
    FROM new_refund, unnest($8::uuid[], $9::int[], $10::bigint[]) AS x (line_id, quantity, gross)),
new_lines AS (
  INSERT INTO orders.refund_lines (refund_id, line_id, quantity, gross)
  SELECT $1, line_id, quantity, gross FROM given),
lines AS (
  UPDATE orders.lines l
     SET refunded_quantity = l.refunded_quantity + g.quantity, refunded = l.refunded + g.gross
    FROM given g WHERE l.id = g.line_id),
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
                tx.emit(paid(list(parts)))

    async def mark_unpaid(self, ctx: Context, *, order_id: UUID, reason: str) -> None:
        found = await self.by_ids(ctx, ids=[order_id])
        if not found:
            raise NotFound
        order = found[0]
        if order.payment == "voided":
            return
        ended = all(
            part.fulfilment in rules.ENDED_EARLY
            for part in order.vendor_orders
            if part.payment in rules.WAITING
        )
        statement, event = (
            (MARK_UNPAID_ENDED, _nothing_comes(order))
            if ended
            else (MARK_UNPAID, _unpaid(order, reason))
        )
        changed = await self._db.step(ctx, statement, order_id, reason, ctx.now(), emit=[event])
        if not changed:
            order = (await self.by_ids(ctx, ids=[order_id]))[0]
            if order.payment != "voided":
                raise WrongOrderState("This order is paid.", state=order.payment)

    async def record_refund(
        self,
        ctx: Context,
        *,
        refund_id: UUID,
        vendor_order_id: UUID,
        amount: Money,
        note: str,
        lines: list[RefundedLine] | None = None,
    ) -> None:
        found = await self.vendor_orders_by_ids(ctx, ids=[vendor_order_id])
        if not found:
            raise NotFound
        part = found[0]
        if amount.minor <= 0 or amount.currency != part.refunded.currency:
            raise Invalid.at("amount", "Give a positive amount in the order's currency.")
        given = lines or []
        _need_lines(part, amount, given)
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
            [one.line_id for one in given],
            [one.quantity for one in given],
            [one.gross.minor for one in given],
            emit=[_refunded(part, amount, refund_id)],
        )
        if not recorded and not await self._db.fetchval(REFUND_KNOWN, refund_id):
            await self._refuse_refund(ctx, vendor_order_id)

    async def _refuse_refund(self, ctx: Context, vendor_order_id: UUID) -> None:
        part = (await self.vendor_orders_by_ids(ctx, ids=[vendor_order_id]))[0]
        if part.payment in rules.TAKEN:
            left = part.totals.total - part.refunded
            raise RefundTooLarge(refundable=left.model_dump(mode="json"))
        raise WrongOrderState("Nothing was charged for this order.", state=part.payment)


def _need_lines(part: VendorOrder, amount: Money, given: list[RefundedLine]) -> None:
    """Invalid unless the lines are this vendor order's, each once, and come to the amount."""
    known = {line.id for line in part.lines} | {derive(part.id, "shipping")}
    ids = [one.line_id for one in given]
    if not known.issuperset(ids) or len(set(ids)) != len(ids):
        raise Invalid.at("lines", "These are not lines of this vendor order.")
    if given and sum(one.gross.minor for one in given) != amount.minor:
        raise Invalid.at("lines", "The lines do not come to the amount.")


def _nothing_comes(order: Order) -> OrderPaymentUpdated:
    return OrderPaymentUpdated(
        order_id=order.id,
        number=order.number,
        vendor_order_ids=[part.id for part in order.vendor_orders if part.payment in rules.WAITING],
        payment="voided",
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
        was=order.payment if order.payment in ("awaiting", "on_delivery") else "authorized",
    )


def _refunded(part: VendorOrder, amount: Money, refund_id: UUID) -> OrderRefunded:
    return OrderRefunded(
        order_id=part.order_id,
        vendor_order_id=part.id,
        vendor_id=part.vendor_id,
        person_id=part.person_id,
        number=part.number,
        amount=amount,
        refund_id=refund_id,
    )
