"""Moving vendor orders through fulfilment: what vendors, customers and staff do with them.

Every move is one conditional UPDATE with its timeline entry and its event. Whoever loses a race
learns the state that won.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import (
    By,
    Order,
    OrderAdvanced,
    OrderCancelled,
    OrderDelivered,
    OrderShipped,
    VendorOrder,
    WrongOrderState,
)
from haat.domains.trade.orders.rules import MoveName
from haat.domains.trade.orders.service.cash import LOCK_ORDERS, Cash
from haat.domains.trade.orders.service.listing import Listing
from haat.domains.trade.shipping.api import Shipment
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Unavailable
from haat.kernel.events import Event
from haat.kernel.ids import derive

MOVE = Sql("""
WITH moved AS (
  UPDATE orders.vendor_orders
     SET fulfilment = $2, reason = coalesce($5, reason),
         payment = CASE WHEN payment = 'on_delivery' AND $2 IN ('rejected', 'cancelled')
                        THEN 'voided' ELSE payment END,
         delivered_at = coalesce($6::timestamptz, delivered_at)
   WHERE id = $1 AND fulfilment = ANY($3::text[]) AND payment = ANY($4::text[])
  RETURNING id, order_id, payment, fulfilment, refunded, reason, delivered_at),
noted AS (
  INSERT INTO orders.timeline (order_id, vendor_order_id, at, what, actor, note)
  SELECT order_id, id, $7::timestamptz, $2, $8, $9 FROM moved)
/*emit:moved*/
SELECT payment, fulfilment, refunded, reason, delivered_at FROM moved
""")


class Moving(Cash, Listing):
    """The fulfilment side of the state machine."""

    async def accept(self, ctx: Context, *, id: UUID) -> VendorOrder:
        return await self._advance(ctx, "accept", id)

    async def ready(self, ctx: Context, *, id: UUID) -> VendorOrder:
        return await self._advance(ctx, "ready", id)

    async def reject(self, ctx: Context, *, id: UUID, reason: str) -> VendorOrder:
        part = await self._part(ctx, id, None)
        return await self._end(ctx, "reject", part, reason)

    async def cancel(self, ctx: Context, *, id: UUID, reason: str) -> VendorOrder:
        part = await self._part(ctx, id, None, customer=True)
        return await self._cancel(ctx, part, reason)

    async def cancel_order(self, ctx: Context, *, id: UUID, reason: str) -> Order:
        order = await self.order(ctx, ref=str(id))
        open_parts = [
            part
            for part in order.vendor_orders
            if rules.verdict("cancel", part.payment, part.fulfilment) == "go"
        ]
        if not open_parts and order.fulfilment != "cancelled":
            raise WrongOrderState(state=order.fulfilment, payment=order.payment)
        for part in open_parts:
            await self._end(ctx, "cancel", part, reason)
        return await self.order(ctx, ref=str(id))

    async def ship(
        self,
        ctx: Context,
        *,
        id: UUID,
        carrier: str = "Own delivery",
        tracking_number: str | None = None,
    ) -> VendorOrder:
        part = await self._part(ctx, id, None)
        if self._made("ship", part):
            return await self._shown(ctx, part)
        shipment = await self._shipping.book(
            ctx,
            id=_shipment_id(part),
            vendor_order_id=part.id,
            vendor_id=part.vendor_id,
            carrier=carrier,
            tracking_number=tracking_number,
        )
        moved = await self._move(ctx, "ship", part, emit=[_shipped(part, shipment)])
        if moved is not None:
            return moved.model_copy(update={"shipments": [shipment]})
        return await self._unship(ctx, id)

    async def deliver(self, ctx: Context, *, id: UUID) -> VendorOrder:
        part = await self._part(ctx, id, None)
        if self._made("deliver", part):
            return await self._shown(ctx, part)
        # The parcels first: if we stop here, the vendor sees one in transit and presses again.
        await self._shipping.deliver(ctx, vendor_order_id=id)
        now = ctx.now()
        moved = await self._move(
            ctx, "deliver", part, delivered_at=now, emit=[_delivered(part, now)]
        )
        return await self._shown(ctx, moved or await self._winner(ctx, "deliver", id))

    async def set_status(
        self,
        ctx: Context,
        *,
        id: UUID,
        status: str,
        reason: str | None = None,
        carrier: str = "Own delivery",
        tracking_number: str | None = None,
    ) -> VendorOrder:
        return await self.move(
            ctx,
            id=id,
            status=status,
            reason=reason,
            carrier=carrier,
            tracking_number=tracking_number,
        )

    async def move(
        self,
        ctx: Context,
        *,
        id: UUID,
        status: str,
        reason: str | None = None,
        carrier: str = "Own delivery",
        tracking_number: str | None = None,
    ) -> VendorOrder:
        name = rules.STATUS_WORDS.get(status)
        if name is None:
            words = ", ".join(rules.STATUS_WORDS)
            raise Invalid.at("status", f"A status is one of: {words}.", "status_unknown")
        if name in ("reject", "cancel"):
            if reason is None:
                raise Invalid.at("reason", "Say why; the customer is told.", "missing")
            part = await self._part(ctx, id, None)
            if name == "cancel":
                return await self._cancel(ctx, part, reason)
            return await self._end(ctx, name, part, reason)
        if name == "ship":
            return await self.ship(ctx, id=id, carrier=carrier, tracking_number=tracking_number)
        if name == "deliver":
            return await self.deliver(ctx, id=id)
        return await self._advance(ctx, name, id)

    async def _advance(self, ctx: Context, name: MoveName, id: UUID) -> VendorOrder:
        part = await self._part(ctx, id, None)
        if self._made(name, part):
            return part
        moved = await self._move(ctx, name, part, emit=[_advanced(part, name)])
        return moved or await self._winner(ctx, name, id)

    async def _cancel(self, ctx: Context, part: VendorOrder, reason: str) -> VendorOrder:
        actor = rules.actor_of(ctx, part.vendor_id)
        if actor == "vendor" and part.payment == "awaiting":
            raise WrongOrderState(state=part.fulfilment, payment=part.payment)
        name = rules.ending(part.payment, part.fulfilment, actor)
        return await self._end(ctx, name, part, reason)

    async def _end(
        self, ctx: Context, name: MoveName, part: VendorOrder, reason: str
    ) -> VendorOrder:
        if self._made(name, part):
            return part
        by = rules.actor_of(ctx, part.vendor_id)
        cancelled = [_cancelled(part, name, reason, by)]
        moved = await self._move(ctx, name, part, reason=reason, emit=cancelled)
        if moved is None:
            return await self._winner(ctx, name, part.id)
        if part.fulfilment != "pending":
            # Left over from a `ship` that died between booking and writing, or what came back
            # from the door; else not there.
            sent = await self._shipping.shipments_of(ctx, vendor_order_ids=[part.id])
            for id in {_shipment_id(part), *(parcel.id for parcel in sent)}:
                await self._shipping.cancel(ctx, id=id)
        return moved

    def _made(self, name: MoveName, part: VendorOrder) -> bool:
        """True: it was made already. WrongOrderState when it may not be made."""
        way = rules.way_of(part)
        found = rules.verdict(name, part.payment, part.fulfilment, way=way)
        if found == "refused":
            raise WrongOrderState(
                state=part.fulfilment,
                payment=part.payment,
                allowed=rules.moves_of(part.payment, part.fulfilment, way=way),
            )
        return found == "made"

    async def _move(
        self,
        ctx: Context,
        name: MoveName,
        part: VendorOrder,
        *,
        reason: str | None = None,
        delivered_at: datetime | None = None,
        emit: Sequence[Event],
    ) -> VendorOrder | None:
        """The moved vendor order; None when its state has changed since it was read."""
        move = rules.moves(rules.way_of(part))[name]
        args = (
            part.id,
            move.target,
            list(move.sources),
            list(move.payments),
            reason,
            delivered_at,
            ctx.now(),
            rules.actor_of(ctx, part.vendor_id),
            reason or "",
        )
        if part.payment == "on_delivery" and move.target in rules.ENDED_EARLY:
            rows = await self._end_unpaid(ctx, part, args, emit)
        else:
            rows = await self._db.step(ctx, MOVE, *args, emit=emit)
        if not rows:
            return None
        with suppress(Unavailable):  # the move is made; the event does this again
            await self.relist([part.order_id])
        changed = dict(rows[0])
        refunded = part.refunded.model_copy(update={"minor": changed.pop("refunded")})
        return part.model_copy(update={**changed, "refunded": refunded})

    async def _end_unpaid(
        self, ctx: Context, part: VendorOrder, args: Sequence[Any], emit: Sequence[Event]
    ) -> list[Record]:
        """Nothing is collected for it: if it was the last one awaited, the order is paid now."""
        async with self._db.begin(ctx) as tx:
            await tx.execute(LOCK_ORDERS, [part.id])
            rows = await tx.fetch(MOVE, *args)
            if rows:
                tx.emit(*emit)
                await self.tell_paid(tx, [part.order_id])
        return rows

    async def _winner(self, ctx: Context, name: MoveName, id: UUID) -> VendorOrder:
        """After a lost race: the vendor order, if somebody else made the same move."""
        part = (await self.vendor_orders_by_ids(ctx, ids=[id]))[0]
        self._made(name, part)
        return part

    async def _unship(self, ctx: Context, id: UUID) -> VendorOrder:
        """After a shipment was booked for what somebody moved meanwhile.

        The shipment's id is the vendor order's own: who else shipped it has the same one.
        """
        part = (await self.vendor_orders_by_ids(ctx, ids=[id]))[0]
        if part.fulfilment not in ("in_transit", "delivered"):
            await self._shipping.cancel(ctx, id=_shipment_id(part))
        self._made("ship", part)
        return part


def _shipment_id(part: VendorOrder) -> UUID:
    return derive(part.id, "shipment")


def _advanced(part: VendorOrder, name: MoveName) -> OrderAdvanced:
    return OrderAdvanced(
        order_id=part.order_id,
        vendor_order_id=part.id,
        vendor_id=part.vendor_id,
        person_id=part.person_id,
        number=part.number,
        fulfilment=rules.MOVES[name].target,
        pickup_id=part.pickup_id,
    )


def _shipped(part: VendorOrder, shipment: Shipment) -> OrderShipped:
    return OrderShipped(
        order_id=part.order_id,
        vendor_order_id=part.id,
        vendor_id=part.vendor_id,
        person_id=part.person_id,
        number=part.number,
        carrier=shipment.carrier,
        tracking_number=shipment.tracking_number,
    )


def _delivered(part: VendorOrder, at: datetime) -> OrderDelivered:
    return OrderDelivered(
        order_id=part.order_id,
        vendor_order_id=part.id,
        vendor_id=part.vendor_id,
        person_id=part.person_id,
        number=part.number,
        delivered_at=at,
    )


def _cancelled(part: VendorOrder, name: MoveName, reason: str, by: By) -> OrderCancelled:
    return OrderCancelled(
        order_id=part.order_id,
        vendor_order_id=part.id,
        vendor_id=part.vendor_id,
        person_id=part.person_id,
        number=part.number,
        kind="rejected" if name == "reject" else "cancelled",
        reason=reason,
        by=by,
        total=part.totals.total,
        lines=[(line.offer_id, line.quantity) for line in part.lines],
    )
