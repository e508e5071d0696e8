"""What follows from a return's moves: payouts keeps the earning back or lets it go, settlement
gives the money back.

A move is written with what is to be told; whoever wrote it tells it at once, and a timer goes on
where nobody did. Each step may be sent twice, and at the same time as itself.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.money.payouts.api import Payouts
from haat.domains.trade.returns.api import By
from haat.domains.trade.returns.rules import failed, refunded
from haat.domains.trade.returns.service.reading import Reading, number_of, standing
from haat.domains.trade.returns.service.writing import Written, move
from haat.domains.trade.settlement.api import (
    NotRefundable,
    RefundItem,
    RefundResult,
    Settlement,
)
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money

AT_ONCE = 8
DUE_AT_ONCE = 100
RETRY_FIRST_S, RETRY_MOST_S = 2, 300

BLOCKED = Sql("UPDATE returns.returns SET block = 'set' WHERE id = $1 AND block = 'wanted'")
FREED = Sql("UPDATE returns.returns SET block = 'free' WHERE id = $1 AND block = 'release'")
UNDER_WAY = Sql("""
UPDATE returns.returns SET refund = 'created' WHERE id = $1 AND refund = 'due' AND tries = $2
""")
SETTLED = Sql("""
UPDATE returns.returns SET due_at = NULL, attempts = 0
 WHERE id = $1 AND block IN ('set', 'free') AND coalesce(refund, 'done') IN ('done', 'failed')
""")
LATER = Sql("""
UPDATE returns.returns SET due_at = $2
 WHERE id = $1 AND (block IN ('wanted', 'release') OR refund IN ('due', 'created'))
""")
CLAIM = Sql("""
UPDATE returns.returns SET attempts = attempts + 1, due_at = $1::timestamptz + interval '30 s'
 WHERE id IN (SELECT id FROM returns.returns WHERE due_at <= $1
               ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id
""")
UNFINISHED_OF = Sql("""
SELECT id FROM returns.returns
 WHERE vendor_order_id = ANY($1::uuid[]) AND refund IN ('due', 'created')
""")


class Finishing:
    def __init__(
        self, db: Database, payouts: Payouts, settlement: Settlement, reading: Reading
    ) -> None:
        self._db = db
        self._payouts = payouts
        self._settlement = settlement
        self._reading = reading

    async def go_on(self, ctx: Context, row: Record) -> Record:
        """Tells what is to be told; the row as it stands then. What is away is told later."""
        if row["due_at"] is None:
            return row
        id, part = row["id"], row["vendor_order_id"]
        ctx = ctx.as_system()
        try:
            if row["block"] == "wanted":
                await self._payouts.block(ctx, vendor_order_id=part, source_id=id, kind="return")
                await self._db.execute(BLOCKED, id)
            if row["refund"] in ("due", "created"):
                await self._refund(ctx, row)
                row = await self._reading.row(id)
            if row["block"] == "release":
                await self._payouts.unblock(ctx, vendor_order_id=part, source_id=id)
                await self._db.execute(FREED, id)
        except Unavailable:
            pass
        if not await self._db.execute(SETTLED, id):
            await self._db.execute(LATER, id, ctx.now() + retry_after(row["attempts"]))
        return await self._reading.row(id)

    async def finish_due(self, ctx: Context) -> int:
        due = [row["id"] for row in await self._db.fetch(CLAIM, ctx.now(), DUE_AT_ONCE)]
        await self._finish(ctx, due)
        return len(due)

    async def finish_of(self, ctx: Context, vendor_order_ids: list[UUID]) -> None:
        """Something of these vendor orders was given back: look whether it was ours."""
        rows = await self._db.fetch(UNFINISHED_OF, vendor_order_ids)
        await self._finish(ctx, [row["id"] for row in rows])

    async def _finish(self, ctx: Context, ids: Sequence[UUID]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(id: UUID) -> None:
            async with gate:
                await self.go_on(ctx, await self._reading.row(id))

        # All are tried before the first error is raised: one bad return holds up no other.
        answers: list[Any] = await asyncio.gather(*map(one, ids), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _refund(self, ctx: Context, row: Record) -> None:
        """Asks settlement, which tells how it stands when it is asked again."""
        try:
            result = await self._settlement.refund_return(
                ctx,
                id=refund_id(row),
                vendor_order_id=row["vendor_order_id"],
                items=[
                    RefundItem(line_id=UUID(line["line_id"]), quantity=counted(line))
                    for line in row["lines"]
                    if counted(line)
                ],
                shipping=_money(row, row["shipping"]) if row["shipping"] else None,
                reason=f"Return {number_of(row['seq'])}",
                restock=row["restock"],
            )
        except (NotRefundable, Invalid) as problem:
            await self._end(ctx, row, None, f"The refund was refused: {problem.detail}")
            return
        if result.status == "created":
            await self._db.execute(UNDER_WAY, row["id"], row["tries"])
        elif result.status == "done":
            await self._end(ctx, row, result, "")
        else:
            await self._end(ctx, row, None, _failure(result))

    async def _end(self, ctx: Context, row: Record, result: RefundResult | None, text: str) -> None:
        """Writes how the refund ended, unless somebody did already."""
        by: By = "system"
        if result is None:
            await move(self._db, ctx, Written(row, failed(standing(row)), by, "escalated", text))
            return
        await move(
            self._db,
            ctx,
            Written(
                row,
                refunded(standing(row)),
                by,
                "refunded",
                text,
                amount=result.amount.minor,
                shipping=result.shipping.minor if result.shipping else 0,
                refund_id=result.id,
            ),
        )


def retry_after(attempts: int) -> timedelta:
    """2 s, doubling, at most 5 minutes."""
    return timedelta(seconds=min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(attempts, 16)))


def refund_id(row: Mapping[str, Any]) -> UUID:
    """A refund that failed has ended: the next try is another one."""
    tries = row["tries"]
    return derive(row["id"], f"refund:{tries}" if tries else "refund")


def counted(line: Mapping[str, Any]) -> int:
    """How many came back, or were asked for where nothing was counted."""
    received = line["received"]
    return int(line["quantity"] if received is None else received)


def _failure(result: RefundResult) -> str:
    gone = sum(one.amount.minor for one in result.repaid if one.status == "done")
    if not gone:
        return "The refund failed: nothing was given back."
    back = Money(minor=gone, currency=result.amount.currency)
    return (
        f"The refund failed in part: {back.decimal()} of {result.amount.decimal()}"
        f" {back.currency} was given back."
    )


def _money(row: Mapping[str, Any], minor: int) -> Money:
    return Money(minor=minor, currency=row["currency"])
