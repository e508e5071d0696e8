"""Chargebacks: the provider takes the money back, waits for a decision, and keeps it or returns it.

A lost one is borne by the order's vendor orders in proportion to what is left of what the disputed
payment paid for them. Where less is left than was disputed (it was refunded before), the rest is
the market's loss: it stays on the provider's `disputed` account and is logged, for people to look
at.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal
from uuid import UUID

import structlog

from haat.domains.money.payments.api import PaymentDisputed, Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.trade.settlement.api import OrderDispute
from haat.domains.trade.settlement.plans import Paid, Plan, Sold, at_large
from haat.domains.trade.settlement.rules import retry_after
from haat.domains.trade.settlement.service.reading import SOLD, sold_in
from haat.domains.trade.settlement.service.refunds import LOCK, Take, Taking, take
from haat.domains.trade.settlement.service.repaying import Repaying
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money, allocate
from haat.kernel.page import Page

AT_ONCE = 8
DUE_AT_ONCE = 50
CARD = "card"  # credits and cash are charged back by nobody

# What is decided stays so.
NOTE = Sql("""
INSERT INTO settlement.disputes AS d
       (id, order_id, payment_id, provider, amount, currency, fee, fee_currency, reason, status,
        due_at)
SELECT *, $11::timestamptz
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[],
              $7::bigint[], $8::text[], $9::text[], $10::text[])
ON CONFLICT (id) DO UPDATE
   SET status = excluded.status, fee = excluded.fee, fee_currency = excluded.fee_currency,
       due_at = excluded.due_at
 WHERE d.status = 'open' AND excluded.status <> 'open'
""")
CLAIM = Sql("""
UPDATE settlement.disputes d SET attempts = d.attempts + 1,
       due_at = $1::timestamptz + interval '30 s'
 WHERE d.id IN (SELECT id FROM settlement.disputes
                 WHERE due_at <= $1 AND ($2::uuid[] IS NULL OR id = ANY($2::uuid[]))
                 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING d.id, d.order_id, d.provider, d.amount, d.currency, d.fee, d.fee_currency, d.reason,
          d.status, d.done, d.lost, d.attempts,
          (SELECT c.state FROM settlement.charges c WHERE c.order_id = d.order_id) AS charge,
          (SELECT array_agg(s.vendor_order_id ORDER BY s.vendor_order_id)
             FROM settlement.shares s WHERE s.of_id = d.order_id AND s.leg = 'card') AS parts
""")
DONE = Sql("""
UPDATE settlement.disputes
   SET done = $2, due_at = CASE WHEN status = $2 THEN NULL ELSE due_at END
 WHERE id = $1 AND (done IS NULL OR done = 'open')
RETURNING status
""")
LATER = Sql("UPDATE settlement.disputes SET due_at = $2 WHERE id = $1 AND due_at IS NOT NULL")
TAKE_LOST = Sql("""
UPDATE settlement.disputes SET lost = $2 WHERE id = $1 AND lost IS NULL RETURNING id
""")
# What may yet come back to be borne.
UNDER_WAY = Sql("""
SELECT EXISTS (SELECT FROM settlement.refunds r JOIN settlement.refund_legs g ON g.refund_id = r.id
                WHERE r.vendor_order_id = ANY($1::uuid[]) AND r.state = 'created'
                  AND r.dispute_id IS NULL AND g.leg = 'card')
""")
LOST = Sql("""
SELECT count(*) FILTER (WHERE state = 'created') AS open, coalesce(sum(fee), 0)::bigint AS fee
  FROM settlement.refunds WHERE dispute_id = $1
""")
OPEN_OF = Sql("SELECT id FROM settlement.refunds WHERE dispute_id = $1 AND state = 'created'")
SHARES = Sql("""
SELECT d.id, d.order_id, d.amount, d.currency, d.status,
       (SELECT json_object_agg(r.vendor_order_id, r.amount) FROM settlement.refunds r
         WHERE r.dispute_id = d.id) AS lost,
       (SELECT json_object_agg(s.vendor_order_id, s.amount - s.refunded ORDER BY s.vendor_order_id)
          FROM settlement.shares s
         WHERE s.of_id = d.order_id AND s.leg = 'card') AS left
  FROM settlement.disputes d WHERE d.id = ANY($1::uuid[])
""")


class Disputes:
    def __init__(
        self, db: Database, payments: Payments, payouts: Payouts, repaying: Repaying
    ) -> None:
        self._db = db
        self._payments = payments
        self._payouts = payouts
        self._repaying = repaying

    async def note(self, ctx: Context, events: list[PaymentDisputed]) -> None:
        """Written first; then as far as it goes. A batch may hold how one began and ended."""
        newest: dict[UUID, PaymentDisputed] = {}
        for event in events:
            if event.purpose == "order" and (
                event.dispute_id not in newest or event.status != "open"
            ):
                newest[event.dispute_id] = event
        given = list(newest.values())
        if not given:
            return
        await self._db.execute(
            NOTE,
            [one.dispute_id for one in given],
            [one.reference for one in given],
            [one.payment_id for one in given],
            [one.provider for one in given],
            [one.amount.minor for one in given],
            [one.amount.currency for one in given],
            [one.fee.minor for one in given],
            [one.fee.currency for one in given],
            [one.reason for one in given],
            [one.status for one in given],
            ctx.now(),
        )
        await self._go_on(ctx, list(newest), len(newest))

    async def finish_due(self, ctx: Context) -> int:
        return await self._go_on(ctx, None, DUE_AT_ONCE)

    async def _go_on(self, ctx: Context, ids: list[UUID] | None, limit: int) -> int:
        rows = await self._db.fetch(CLAIM, ctx.now(), ids, limit)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: Record) -> None:
            async with gate:
                try:
                    over = await self._enter(ctx, row)
                except Unavailable:
                    over = False
                if not over:
                    again = ctx.now() + retry_after(row["attempts"])
                    await self._db.execute(LATER, row["id"], again)

        answers: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return len(rows)

    async def _enter(self, ctx: Context, row: Record) -> bool:
        """Brings what was heard into the books; False when that has to wait."""
        if row["charge"] in ("open", "waiting", "captured"):
            return False  # the money itself is on its way into the books
        parts: list[UUID] = row["parts"] or []
        if row["done"] is None:
            await self._tell(ctx, row, won=None)
            await self._each(
                parts,
                lambda part: self._payouts.block(
                    ctx, vendor_order_id=part, source_id=row["id"], kind="dispute"
                ),
            )
            if await self._db.fetchval(DONE, row["id"], "open") == "open":
                return True
        if row["status"] == "won":
            await self._tell(ctx, row, won=True)
            await self._bear_fee(ctx, row)
        elif row["status"] == "lost" and not await self._lose(ctx, row, parts):
            return False
        elif row["status"] == "open":
            return False  # it was decided this very moment
        await self._each(
            parts,
            lambda part: self._payouts.unblock(ctx, vendor_order_id=part, source_id=row["id"]),
        )
        await self._db.execute(DONE, row["id"], row["status"])
        return True

    async def _tell(self, ctx: Context, row: Record, *, won: bool | None) -> None:
        amount = Money(minor=row["amount"], currency=row["currency"])
        await self._payouts.disputed(
            ctx, dispute_id=row["id"], provider=row["provider"], amount=amount, won=won
        )

    async def _each(
        self, parts: Sequence[UUID], call: Callable[[UUID], Coroutine[Any, Any, None]]
    ) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(part: UUID) -> None:
            async with gate:
                await call(part)

        await asyncio.gather(*map(one, parts))

    async def _bear_fee(self, ctx: Context, row: Record) -> None:
        """The provider's fee, where no vendor bears it."""
        if row["fee"]:
            fee = Money(minor=row["fee"], currency=row["fee_currency"])
            await self._payouts.dispute_fee(
                ctx, dispute_id=row["id"], provider=row["provider"], fee=fee
            )

    async def _lose(self, ctx: Context, row: Record, parts: Sequence[UUID]) -> bool:
        """Takes it from the vendor orders, once, then enters it like refunds that were given."""
        if row["lost"] is None:
            policy = await self._payouts.policy(ctx)
            # What comes in another currency no vendor order can bear.
            passed = policy.vendor_bears_dispute_fee and row["fee_currency"] == row["currency"]
            if not await self._take(ctx, row, parts, row["fee"] if passed else 0):
                return False
        ids = [found["id"] for found in await self._db.fetch(OPEN_OF, row["id"])]
        await self._repaying.finish_these(ctx, ids)
        state = await self._db.fetchrow(LOST, row["id"])
        assert state is not None, "an aggregate"
        if state["open"]:
            return False
        if not state["fee"]:
            await self._bear_fee(ctx, row)
        return True

    async def _take(self, ctx: Context, row: Record, parts: Sequence[UUID], fee: int) -> bool:
        """False while a refund is under way: should it fail, the vendor order can bear that
        much."""
        async with self._db.begin(ctx) as tx:
            await tx.fetch(LOCK, parts)
            if await tx.fetchval(UNDER_WAY, parts):
                return False
            rows = await tx.fetch(SOLD, parts)
            sold = [sold_in(one) for one in rows]
            shares = _falls_on(row["amount"], [_left(one) for one in sold])
            lost = row["amount"] - sum(shares)
            if await tx.fetchval(TAKE_LOST, row["id"], lost) is None:
                return True  # a double took it
            fees = allocate(fee, shares) if any(shares) else [0] * len(shares)
            takes = [
                Take(
                    derive(row["id"], str(part["vendor_order_id"])),
                    part["vendor_order_id"],
                    Plan(minor, at_large(one, minor), [(_card(one), minor)]),
                    charged,
                )
                for part, one, minor, charged in zip(rows, sold, shares, fees, strict=True)
                if minor
            ]
            if takes:
                reason = f"Chargeback: {row['reason']}"[:500]
                await take(tx, takes, Taking(reason, dispute_id=row["id"]))
        if lost:
            structlog.get_logger().error(
                "dispute_exceeds_orders",
                dispute_id=str(row["id"]),
                order_id=str(row["order_id"]),
                lost=lost,
            )
        return True

    async def listed(
        self,
        ctx: Context,
        status: Literal["open", "won", "lost"] | None,
        order_ids: list[UUID] | None,
        limit: int,
        cursor: str | None,
    ) -> Page[OrderDispute]:
        page = await self._payments.disputes(
            ctx, status=status, references=order_ids, limit=limit, cursor=cursor
        )
        rows = await self._db.fetch(SHARES, [dispute.id for dispute in page.items])
        known = {row["id"]: row for row in rows}
        found = [
            OrderDispute(
                dispute=dispute, order_id=dispute.reference, shares=_shares(known[dispute.id])
            )
            for dispute in page.items
            if dispute.id in known
        ]
        return Page[OrderDispute](items=found, next=page.next)


def _card(sold: Sold) -> Paid:
    return next(share for share in sold.shares if share.leg == CARD)


def _left(sold: Sold) -> int:
    return _card(sold).left


def _falls_on(amount: int, left: Sequence[int]) -> list[int]:
    """How an amount falls on vendor orders: in proportion to what is left, never more."""
    most = min(amount, sum(left))
    return allocate(most, left) if most else [0] * len(left)


def _shares(row: Record) -> dict[UUID, Money]:
    """What a lost one took from each vendor order, or an open one would."""
    if row["status"] == "won":
        return {}
    lost: dict[str, int] = row["lost"] or {}
    if not lost and row["status"] == "open":
        left: dict[str, int] = row["left"] or {}
        lost = dict(zip(left, _falls_on(row["amount"], list(left.values())), strict=True))
    return {
        UUID(id): Money(minor=minor, currency=row["currency"])
        for id, minor in lost.items()
        if minor
    }
