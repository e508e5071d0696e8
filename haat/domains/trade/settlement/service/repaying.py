"""Giving back what a refund took: wallet and provider first, then the books, then the order.

The books follow the money: what a provider refuses to give back was never given, and is owed again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from haat.domains.goods.inventory.api import Inventory, reservation_of
from haat.domains.goods.inventory.api import Line as StockLine
from haat.domains.money.payments.api import Payments, RefundTooLarge
from haat.domains.money.payouts.api import Payouts, RefundLine
from haat.domains.money.wallet.api import Wallet
from haat.domains.trade.orders.api import Orders, RefundedLine
from haat.domains.trade.settlement.rules import retry_after, source_of
from haat.domains.trade.settlement.service.reading import UNFINISHED
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money, allocate

REFUNDS_AT_ONCE = 8
REFUNDS_DUE = 100

CLAIM = Sql("""
UPDATE settlement.refunds SET attempts = attempts + 1, due_at = $1::timestamptz + interval '30 s'
 WHERE id IN (SELECT id FROM settlement.refunds WHERE due_at <= $1
               ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id
""")
LEG_ENDED = Sql("""
UPDATE settlement.refund_legs SET state = $3
 WHERE refund_id = $1 AND leg = $2 AND state = 'created'
""")
LEGS = Sql("SELECT leg, state, amount FROM settlement.refund_legs WHERE refund_id = $1")
LATER = Sql("""
UPDATE settlement.refunds SET due_at = $2 WHERE id = $1 AND state = 'created'
""")
# What failed is owed again: balance, tenders and lines get it back.
END = Sql("""
WITH ended AS (
  UPDATE settlement.refunds SET state = $2, due_at = NULL WHERE id = $1 AND state = 'created'
  RETURNING id, vendor_order_id
), failed AS (
  SELECT g.leg, g.amount FROM ended e JOIN settlement.refund_legs g ON g.refund_id = e.id
   WHERE g.state = 'failed'
), paid AS (
  UPDATE settlement.shares s SET refunded = s.refunded - f.amount FROM failed f, ended e
   WHERE s.vendor_order_id = e.vendor_order_id AND s.leg = f.leg
), balance AS (
  UPDATE settlement.balances b SET refunded = b.refunded - f.amount
    FROM ended e, (SELECT sum(amount)::bigint AS amount FROM failed) f
   WHERE b.vendor_order_id = e.vendor_order_id AND f.amount > 0
), changed AS (
  SELECT x.line_id, x.quantity, x.gross
    FROM ended e, unnest($3::uuid[], $4::int[], $5::bigint[]) AS x (line_id, quantity, gross)
), sold AS (
  UPDATE settlement.lines l
     SET refunded = l.refunded - (r.gross - c.gross),
         refunded_quantity = l.refunded_quantity - (r.quantity - c.quantity)
    FROM changed c JOIN settlement.refund_lines r ON r.refund_id = $1 AND r.line_id = c.line_id
   WHERE l.line_id = c.line_id
), given AS (
  UPDATE settlement.refund_lines r SET quantity = c.quantity, gross = c.gross
    FROM changed c WHERE r.refund_id = $1 AND r.line_id = c.line_id
)
SELECT id FROM ended
""")

End = Literal["created", "done", "failed"]


class Repaying:
    def __init__(
        self,
        db: Database,
        inventory: Inventory,
        payments: Payments,
        wallet: Wallet,
        payouts: Payouts,
        orders: Orders,
    ) -> None:
        self._db = db
        self._inventory = inventory
        self._payments = payments
        self._wallet = wallet
        self._payouts = payouts
        self._orders = orders

    async def finish_these(self, ctx: Context, ids: list[UUID]) -> None:
        """Goes on with those of these refunds (or parts of some) that are not finished."""
        await self._finish_all(ctx, await self._db.fetch(UNFINISHED, ids))

    async def finish_due(self, ctx: Context) -> int:
        due = [row["id"] for row in await self._db.fetch(CLAIM, ctx.now(), REFUNDS_DUE)]
        if due:
            await self.finish_these(ctx, due)
        return len(due)

    async def _finish_all(self, ctx: Context, rows: Sequence[Record]) -> None:
        gate = asyncio.Semaphore(REFUNDS_AT_ONCE)

        async def one(row: Record) -> None:
            async with gate:
                await self.finish(ctx, row)

        # All are tried before the first error is raised: one bad refund holds up no other.
        answers: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def finish(self, ctx: Context, row: Record) -> None:
        """Goods, tenders, payouts, order, in this order; every step may be repeated."""
        try:
            await self._restock(ctx, row)
            if await self._repay(ctx, row):
                await self._enter(ctx, row)
                return
        except Unavailable:
            pass
        await self._db.execute(LATER, row["id"], ctx.now() + retry_after(row["attempts"]))

    async def _restock(self, ctx: Context, row: Record) -> None:
        lines = [
            StockLine(offer_id=UUID(line["offer_id"]), quantity=line["quantity"])
            for line in row["lines"] or []
            if line["quantity"]
        ]
        if row["restock"] and lines:
            await self._inventory.restock(
                ctx,
                id=derive(row["id"], "restock"),
                lines=lines,
                reason="return",
                reference=row["vendor_order_id"],
                sold=reservation_of(row["order_id"]),
            )

    async def _repay(self, ctx: Context, row: Record) -> bool:
        """Whether every part has ended, one way or the other. One that is away keeps none of the
        others waiting."""
        away = False
        for leg in row["legs"]:
            if leg["state"] != "created":
                continue
            try:
                end = await self._ask(ctx, row, leg)
            except Unavailable:
                end = "created"
            if end == "created":
                away = True
            else:
                await self._db.execute(LEG_ENDED, row["id"], leg["leg"], end)
        return not away

    async def _ask(self, ctx: Context, row: Record, leg: dict[str, Any]) -> End:
        tender = self._wallet if leg["leg"] == "credits" else self._payments
        try:
            answer = await tender.refund(
                ctx,
                id=derive(UUID(leg["of_id"]), leg["leg"]),
                refund_id=UUID(leg["id"]),
                amount=Money(minor=leg["amount"], currency=row["currency"]),
            )
        except RefundTooLarge:  # the provider gave something back behind our back
            return "failed"
        return "created" if answer.status == "pending" else answer.status

    async def _enter(self, ctx: Context, row: Record) -> None:
        """What has gone back, into the books and the order; what failed, back to what is owed."""
        id, currency = row["id"], row["currency"]
        ended = {leg["leg"]: leg["state"] for leg in await self._db.fetch(LEGS, id)}
        gone = [leg for leg in row["legs"] if ended[leg["leg"]] == "done"]
        minor = sum(leg["amount"] for leg in gone)
        lines = _scaled(row["lines"] or [], minor, row["amount"])
        if minor:
            await self._reverse(ctx, row, gone, lines, minor)
            await self._orders.record_refund(
                ctx,
                refund_id=id,
                vendor_order_id=row["vendor_order_id"],
                amount=Money(minor=minor, currency=currency),
                note=row["reason"],
                lines=[
                    RefundedLine(line_id=line, quantity=count, gross=_money(gross, currency))
                    for line, count, gross in lines
                ]
                or None,
            )
        await self._db.step(
            ctx,
            END,
            id,
            "done" if minor == row["amount"] else "failed",
            [line for line, _, _ in lines],
            [count for _, count, _ in lines],
            [gross for _, _, gross in lines],
        )

    async def _reverse(
        self,
        ctx: Context,
        row: Record,
        gone: Sequence[dict[str, Any]],
        lines: Sequence[tuple[UUID, int, int]],
        minor: int,
    ) -> None:
        currency = row["currency"]
        await self._payouts.reverse(
            ctx,
            refund_id=row["id"],
            vendor_order_id=row["vendor_order_id"],
            gross=_money(minor, currency),
            sources=[
                source_of(leg["provider"], leg["leg"], leg["amount"], currency) for leg in gone
            ],
            lines=[
                RefundLine(line_id=line, gross=_money(gross, currency))
                for line, _, gross in lines
                if gross
            ]
            or None,
            cause="dispute_lost" if row["dispute_id"] else "refund",
            fee=_money(row["fee"], currency) if row["fee"] else None,
        )


def _money(minor: int, currency: str) -> Money:
    return Money(minor=minor, currency=currency)


def _scaled(lines: Sequence[dict[str, Any]], minor: int, whole: int) -> list[tuple[UUID, int, int]]:
    """Line, quantity and gross of what has gone: all, or, where a part failed, its share of each
    line. Where nothing went, the goods count as not given back either."""
    if not lines:
        return []
    grosses = [line["gross"] for line in lines]
    parts = grosses if minor == whole else allocate(minor, grosses)
    return [
        (UUID(line["line_id"]), line["quantity"] if minor else 0, part)
        for line, part in zip(lines, parts, strict=True)
    ]
