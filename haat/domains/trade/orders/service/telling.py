"""What is told of an order beside its moves: further parcels, notes; and a guest who changes it
by link."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from haat.domains.trade.orders import rules
from haat.domains.trade.orders.api import TimelineNote, VendorOrder, WrongOrderState
from haat.domains.trade.orders.service.moving import Moving
from haat.domains.trade.shipping.api import ShipmentDelivered
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.ids import derive

# Whatever is known of it is told once.
NOTE = Sql("""
INSERT INTO orders.timeline (order_id, vendor_order_id, at, what, actor, note, source)
SELECT n.order_id, n.vendor_order_id, $1, n.what, $2, n.note, n.source
  FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[])
       AS n (source, order_id, vendor_order_id, what, note)
 WHERE EXISTS (SELECT FROM orders.orders o WHERE o.id = n.order_id)
 ORDER BY n.source
ON CONFLICT (source) WHERE source IS NOT NULL DO NOTHING
""")


class Telling(Moving):
    """Small things that orders are told."""

    async def cancel_by_link(
        self, ctx: Context, *, token: str, id: UUID, reason: str
    ) -> VendorOrder:
        order = await self.order_by_link(ctx, token=token)
        part = next((one for one in order.vendor_orders if one.id == id), None)
        if part is None:
            raise NotFound
        may = rules.may_cancel_by_link(part.payment, part.fulfilment)
        if part.fulfilment != "cancelled" and not may:
            raise WrongOrderState(
                "This part can no longer be cancelled here.",
                state=part.fulfilment,
                payment=part.payment,
            )
        return await self._end(ctx, "cancel", part, reason)

    async def note(self, ctx: Context, *, notes: list[TimelineNote]) -> None:
        if notes:
            await self._note(ctx, "system", notes)

    async def _note(self, ctx: Context, actor: str, notes: Sequence[TimelineNote]) -> None:
        await self._db.execute(
            NOTE,
            ctx.now(),
            actor,
            [one.source for one in notes],
            [one.order_id for one in notes],
            [one.vendor_order_id for one in notes],
            [one.what for one in notes],
            [one.note for one in notes],
        )

    async def add_parcel(
        self,
        ctx: Context,
        *,
        id: UUID,
        carrier: str = "Own delivery",
        tracking_number: str | None = None,
    ) -> VendorOrder:
        part = await self._part(ctx, id, None)
        if part.fulfilment != "in_transit":
            raise _not_on_its_way(part)
        number = (tracking_number or "").strip()
        parcel_id = derive(part.id, f"parcel:{carrier}:{number}") if number else ctx.new_id()
        parcel = await self._shipping.book(
            ctx,
            id=parcel_id,
            vendor_order_id=part.id,
            vendor_id=part.vendor_id,
            carrier=carrier,
            tracking_number=number or None,
        )
        now = (await self.vendor_orders_by_ids(ctx, ids=[id]))[0]
        if now.fulfilment != "in_transit":  # somebody was quicker: it left with nothing
            with suppress(ShipmentDelivered):
                await self._shipping.cancel(ctx, id=parcel.id)
                raise _not_on_its_way(now)
        added = TimelineNote(
            source=parcel.id,
            order_id=part.order_id,
            vendor_order_id=part.id,
            what="parcel_added",
            note=f"{parcel.carrier} {parcel.tracking_number}",
        )
        await self._note(ctx, rules.actor_of(ctx, part.vendor_id), [added])
        return await self._shown(ctx, part)


def _not_on_its_way(part: VendorOrder) -> WrongOrderState:
    return WrongOrderState(
        "A further parcel is added to what is on its way.",
        state=part.fulfilment,
        payment=part.payment,
        allowed=rules.moves_of(part.payment, part.fulfilment),
    )
