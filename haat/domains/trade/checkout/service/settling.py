"""Settling what was placed: goods leave the stock, money is taken, carts are closed.

Commit comes before capture: money is never taken for goods that can still go to somebody else. A
capture that fails for good is the rare case, and puts the goods back.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.goods.inventory.api import Inventory, Line
from haat.domains.trade.cart.api import Cart, Closing, Item
from haat.domains.trade.checkout import rules
from haat.domains.trade.checkout.api import CheckoutPlaced, Quote
from haat.domains.trade.checkout.service.standing import SETTLE_BY, bought, reservation_of
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import Settlement
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.ids import derive

ORDERS_AT_ONCE = 8
DUE_AT_ONCE = 50
LOOK_AGAIN = timedelta(hours=6)

DOCUMENTS = Sql("""
SELECT document::text AS document FROM checkout.quotes WHERE id = ANY($1::uuid[])
""")
SETTLED = Sql("""
UPDATE checkout.checkouts SET due_at = NULL WHERE id = ANY($1::uuid[]) AND state = 'placed'
""")
# What is paid by a bank transfer or on delivery settles when an event says so. The timer is there
# for one that was never heard.
WAITING = Sql("""
UPDATE checkout.checkouts SET due_at = $2 WHERE id = ANY($1::uuid[]) AND state = 'placed'
""")
TAKE_DUE = Sql("""
WITH taken AS (
  UPDATE checkout.checkouts SET due_at = $2
   WHERE id IN (SELECT id FROM checkout.checkouts WHERE due_at <= $1 AND state = 'placed'
                 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
  RETURNING id
)
SELECT q.document::text AS document FROM taken JOIN checkout.quotes q USING (id)
""")


class Settling:
    def __init__(
        self,
        db: Database,
        inventory: Inventory,
        cart: Cart,
        orders: Orders,
        settlement: Settlement,
    ) -> None:
        self._db = db
        self._inventory = inventory
        self._cart = cart
        self._orders = orders
        self._settlement = settlement

    async def settle(self, ctx: Context, events: Sequence[CheckoutPlaced]) -> None:
        """Every step may be repeated. What is pending at the provider is left to the timer."""
        ids = [event.checkout_id for event in events]
        await self._inventory.commit(ctx, ids=[reservation_of(id) for id in ids])
        outcomes = await self._settlement.capture(ctx, order_ids=ids)
        failed = [one.order_id for one in outcomes if one.outcome == "failed"]
        if failed:
            await self._unsell(ctx, failed)
        closings = [_closing(one, one.cart_id) for one in events if one.cart_id is not None]
        if closings:
            await self._cart.close(ctx, closings=closings)
        ended = [one.order_id for one in outcomes if one.outcome in ("captured", "failed")]
        if ended:
            await self._db.execute(SETTLED, ended)
        waiting = [one.order_id for one in outcomes if one.outcome == "waiting"]
        if waiting:
            await self._db.execute(WAITING, waiting, ctx.now() + LOOK_AGAIN)

    async def settle_these(self, ctx: Context, rows: Sequence[Record]) -> None:
        """Something is known of the money that these orders await."""
        if rows:
            await self.settle(ctx, [_placed(row) for row in rows])

    async def settle_due(self, ctx: Context) -> int:
        """One by one, unlike events: what is late may be what made a whole batch fail."""
        now = ctx.now()
        rows = await self._db.fetch(TAKE_DUE, now, now + SETTLE_BY, DUE_AT_ONCE)
        gate = asyncio.Semaphore(ORDERS_AT_ONCE)

        async def one(row: Record) -> None:
            async with gate:
                await self.settle(ctx, [_placed(row)])

        answers: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return len(rows)

    async def _unsell(self, ctx: Context, ids: list[UUID]) -> None:
        """The money could not be taken: the goods go back on sale, the order is cancelled."""
        for row in await self._db.fetch(DOCUMENTS, ids):
            quote = Quote.model_validate_json(row["document"])
            for one in quote.groups:
                part = rules.vendor_order_id(quote.id, one.vendor_id)
                lines = [Line(offer_id=x.offer_id, quantity=x.quantity) for x in one.lines]
                # The id settlement gives back a cancelled vendor order's goods under as well.
                await self._inventory.restock(
                    ctx,
                    id=derive(part, "restock"),
                    lines=lines,
                    reason="cancel",
                    reference=part,
                    sold=reservation_of(quote.id),
                )
            await self._orders.mark_unpaid(
                ctx, order_id=quote.id, reason="The payment did not arrive."
            )


def _closing(event: CheckoutPlaced, cart_id: UUID) -> Closing:
    items = [Item(offer_id=i.offer_id, quantity=i.quantity) for i in event.items]
    return Closing(checkout_id=event.checkout_id, cart_id=cart_id, items=items)


def _placed(row: Record) -> CheckoutPlaced:
    """The event of a checkout that was placed, as far as settling needs it."""
    quote = Quote.model_validate_json(row["document"])
    return CheckoutPlaced(checkout_id=quote.id, cart_id=quote.cart_id, items=bought(quote))
