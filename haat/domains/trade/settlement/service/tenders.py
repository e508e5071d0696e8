"""Hold, void and capture of what the customer pays an order with."""

import asyncio
from typing import Literal
from uuid import UUID

from haat.domains.money.payments.api import Hold, Method, Payments
from haat.domains.money.payouts.api import EarningDraft, Payouts
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import CaptureOutcome
from haat.domains.trade.settlement.rules import captured_as, earnings_in
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money

CAPTURES_AT_ONCE = 8

OPEN = Sql("""
INSERT INTO settlement.tenders (order_id, provider, amount, currency, state, created_at, updated_at)
VALUES ($1, $2, $3, $4, 'open', $5, $5)
ON CONFLICT (order_id) DO NOTHING
RETURNING order_id
""")
STATE = Sql("SELECT state, amount, currency FROM settlement.tenders WHERE order_id = $1")
VOID = Sql("""
INSERT INTO settlement.tenders AS t
       (order_id, provider, amount, currency, state, created_at, updated_at)
VALUES ($1, '', 0, '', 'voided', $2, $2)
ON CONFLICT (order_id) DO UPDATE SET state = 'voided', updated_at = $2
 WHERE t.state IN ('open', 'voided', 'failed')
RETURNING t.order_id
""")
TENDERS = Sql("""
SELECT order_id, amount, state FROM settlement.tenders WHERE order_id = ANY($1::uuid[])
""")
FAILED = Sql("""
UPDATE settlement.tenders SET state = 'failed', updated_at = $2
 WHERE order_id = ANY($1::uuid[]) AND state = 'open'
""")
CAPTURED = Sql("""
WITH tender AS (
  UPDATE settlement.tenders SET state = 'captured', updated_at = $2
   WHERE order_id = ANY($1::uuid[]) AND state = 'open'
)
INSERT INTO settlement.balances (vendor_order_id, order_id, total, currency)
SELECT * FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::text[])
ON CONFLICT (vendor_order_id) DO NOTHING
""")
BOOKED = Sql("""
UPDATE settlement.tenders SET state = 'booked', updated_at = $2
 WHERE order_id = ANY($1::uuid[]) AND state = 'captured'
""")

_KNOWN: dict[str, Literal["captured", "failed"]] = {
    "booked": "captured",
    "failed": "failed",
    "voided": "failed",
}


def card_of(order_id: UUID) -> UUID:
    """The id of the order's card payment."""
    return derive(order_id, "card")


class Tenders:
    """One tender per order for now: the card."""

    def __init__(self, db: Database, payments: Payments, payouts: Payouts, orders: Orders) -> None:
        self._db = db
        self._payments = payments
        self._payouts = payouts
        self._orders = orders

    async def hold(
        self, ctx: Context, order_id: UUID, amount: Money, method: Method, return_url: str
    ) -> Hold:
        # Written before anybody outside is asked: what was held is known whatever happens next.
        new = await self._db.fetchval(
            OPEN, order_id, method.provider, amount.minor, amount.currency, ctx.now()
        )
        if new is None:
            known = await self._db.fetchrow(STATE, order_id)
            assert known is not None, "a tender is never removed"
            if known["state"] == "voided":
                return Hold(id=card_of(order_id), status="voided")
            assert (known["amount"], known["currency"]) == (amount.minor, amount.currency)
        if amount.minor == 0:
            return Hold(id=card_of(order_id), status="authorized")
        return await self._payments.hold(
            ctx,
            id=card_of(order_id),
            reference=order_id,
            amount=amount,
            method=method,
            return_url=return_url,
        )

    async def void(self, ctx: Context, order_id: UUID) -> None:
        if await self._db.fetchval(VOID, order_id, ctx.now()) is not None:
            await self._payments.void(ctx, id=card_of(order_id))

    async def capture(self, ctx: Context, order_ids: list[UUID]) -> list[CaptureOutcome]:
        rows = await self._db.fetch(TENDERS, order_ids)
        outcomes: dict[UUID, Literal["captured", "failed", "pending"]] = {
            row["order_id"]: _KNOWN[row["state"]] for row in rows if row["state"] in _KNOWN
        }
        asked = [row for row in rows if row["state"] == "open"]
        gate = asyncio.Semaphore(CAPTURES_AT_ONCE)
        answers = await asyncio.gather(
            *(self._take(ctx, gate, row["order_id"], row["amount"]) for row in asked)
        )
        outcomes.update(zip((row["order_id"] for row in asked), answers, strict=True))
        failed = [row["order_id"] for row in asked if outcomes[row["order_id"]] == "failed"]
        if failed:
            await self._db.execute(FAILED, failed, ctx.now())
        taken = [row["order_id"] for row in asked if outcomes[row["order_id"]] == "captured"]
        halfway = [row["order_id"] for row in rows if row["state"] == "captured"]
        if taken or halfway:
            await self._book(ctx, taken + halfway)
        outcomes.update(dict.fromkeys(halfway, "captured"))
        return [
            CaptureOutcome(order_id=id, outcome=outcomes[id]) for id in order_ids if id in outcomes
        ]

    async def _take(
        self, ctx: Context, gate: asyncio.Semaphore, order_id: UUID, minor: int
    ) -> Literal["captured", "failed", "pending"]:
        if minor == 0:
            return "captured"
        async with gate:
            try:
                return captured_as(await self._payments.capture(ctx, id=card_of(order_id)))
            except Unavailable:
                return "pending"

    async def _book(self, ctx: Context, order_ids: list[UUID]) -> None:
        """Captured money goes to each vendor order's escrow, and the orders are paid. Sent again
        after a crash at any point, it goes on where it stopped."""
        orders = await self._orders.by_ids(ctx, ids=order_ids)
        assert len(orders) == len(set(order_ids)), "a captured order is missing"
        earnings: list[EarningDraft] = [part for order in orders for part in earnings_in(order)]
        await self._db.execute(
            CAPTURED,
            order_ids,
            ctx.now(),
            [part.vendor_order_id for part in earnings],
            [part.order_id for part in earnings],
            [part.gross.minor for part in earnings],
            [part.gross.currency for part in earnings],
        )
        if earnings:
            await self._payouts.expect(ctx, earnings=earnings)
        await self._orders.mark_paid(ctx, order_ids=order_ids)
        await self._db.execute(BOOKED, order_ids, ctx.now())
