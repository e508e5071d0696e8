"""How a checkout stands: written down by whoever works on it, read by everybody else."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from haat.domains.money.payments.api import TransferInstructions
from haat.domains.trade.checkout import rules
from haat.domains.trade.checkout.api import (
    BuyLine,
    CheckoutOver,
    CheckoutPlaced,
    Placement,
    Quote,
    QuoteExpired,
    Reserved,
)
from haat.domains.trade.orders.api import Orders
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Problem, Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

WAIT_S = 8.0  # how long a second caller waits for what the first one achieves
SETTLE_BY = timedelta(seconds=30)  # then the timer settles what no event did

# Only the latest attempt may write: one that lost its lease changes nothing.
MOVE = Sql("""
UPDATE checkout.checkouts
   SET state = $3, decline_code = $5, problem = $6, lease_until = $7, due_at = $8, updated_at = $7,
       next_action_url = CASE WHEN $9 THEN NULL ELSE coalesce($4, next_action_url) END,
       token = CASE WHEN $9 THEN NULL ELSE token END
 WHERE id = $1 AND attempt = $2 AND state IN ('reserving', 'needs_action', 'processing')
RETURNING next_action_url, credits
""")
# Whoever made the order may say so: there is only one.
PLACED = Sql("""
WITH moved AS (
  UPDATE checkout.checkouts
     SET state = 'placed', order_number = $2, next_action_url = NULL, token = NULL,
         instructions = $5, lease_until = $3, due_at = $4, updated_at = $3
   WHERE id = $1 AND state IN ('reserving', 'needs_action', 'processing')
  RETURNING id, credits
) /*emit:moved*/
SELECT credits FROM moved
""")
READ = Sql("""
SELECT c.id, c.person_id, c.state, c.order_number, c.next_action_url, c.decline_code, c.problem,
       c.credits, c.instructions, c.lease_until, q.document -> 'totals' -> 'total' AS total
  FROM checkout.checkouts c JOIN checkout.quotes q USING (id)
 WHERE c.id = $1 AND (c.person_id IS NULL OR c.person_id = $2 OR $3)
""")
PLACEABLE = Sql("""
SELECT q.expires_at > $2 OR c.id IS NOT NULL
  FROM checkout.quotes q LEFT JOIN checkout.checkouts c USING (id)
 WHERE q.id = $1 AND (q.person_id IS NULL OR q.person_id = $3 OR $4)
""")
# Empty once it is placed.
UNPLACED = Sql("""
SELECT q.document::text FROM checkout.quotes q
 WHERE q.id = $1 AND (q.person_id IS NULL OR q.person_id = $2 OR $3)
   AND NOT EXISTS (SELECT FROM checkout.checkouts c WHERE c.id = q.id)
""")
# Those that an answer of a provider moves on: not over, or placed and awaiting a bank transfer.
MOVED_ON = Sql("""
SELECT c.id, c.state, q.document::text AS document
  FROM checkout.checkouts c JOIN checkout.quotes q USING (id)
 WHERE c.id = ANY($1::uuid[])
   AND (c.state IN ('reserving', 'needs_action', 'processing')
        OR c.state = 'placed' AND c.instructions IS NOT NULL AND c.due_at IS NOT NULL)
""")

RESERVED = Sql("""
SELECT id, state = 'placed' AS placed FROM checkout.checkouts
 WHERE id > $1 AND state IN ('reserving', 'needs_action', 'processing', 'placed')
 ORDER BY id LIMIT $2
""")

Status = Literal["placed", "needs_action", "processing", "declined", "expired", "undone"]


@dataclass(frozen=True, slots=True)
class Move:
    """Where a checkout goes. `due_at`: when the timer looks at it; `problem`: why it was undone."""

    state: str
    order_number: str | None = None
    next_action_url: str | None = None
    decline_code: str | None = None
    problem: Problem | None = None
    instructions: TransferInstructions | None = None
    due_at: datetime | None = None


class Standing:
    def __init__(self, db: Database, orders: Orders) -> None:
        self._db = db
        self._orders = orders

    def person(self, ctx: Context) -> UUID | None:
        """Whose checkouts the actor may touch, beside those of guests, known by their ids."""
        return ctx.person_id if ctx.actor.type == "person" else None

    async def need_placeable(self, ctx: Context, id: UUID) -> None:
        """NotFound for a quote that is not there or another's; QuoteExpired for an old one that
        nobody has placed."""
        system = ctx.actor.type == "system"
        found = await self._db.fetchval(PLACEABLE, id, ctx.now(), self.person(ctx), system)
        if found is None:
            raise NotFound
        if not found:
            raise QuoteExpired

    async def unplaced(self, ctx: Context, id: UUID) -> Quote | None:
        """A quote that the actor may place and nobody has."""
        system = ctx.actor.type == "system"
        text = await self._db.fetchval(UNPLACED, id, self.person(ctx), system)
        return None if text is None else Quote.model_validate_json(text)

    async def write(self, ctx: Context, quote: Quote, attempt: int, move: Move) -> Placement:
        """Writes the move down, or answers how it stands where somebody else was first."""
        if move.state == "placed":
            return await self._write_placed(ctx, quote, move)
        row = await self._db.fetchrow(
            MOVE,
            quote.id,
            attempt,
            move.state,
            move.next_action_url,
            move.decline_code,
            None if move.problem is None else move.problem.document(),
            ctx.now(),
            move.due_at,
            move.state in rules.ENDED,
        )
        if row is None:
            return await self._read_own(ctx, quote.id)
        return Placement(
            checkout_id=quote.id,
            status=_status(move.state),
            next_action_url=row["next_action_url"],
            decline_code=move.decline_code,
            total=quote.totals.total,
            credits=credits_in(row, quote.totals.total.currency),
        )

    async def _write_placed(self, ctx: Context, quote: Quote, move: Move) -> Placement:
        now = ctx.now()
        event = CheckoutPlaced(checkout_id=quote.id, cart_id=quote.cart_id, items=bought(quote))
        told = move.instructions
        rows = await self._db.step(
            ctx,
            PLACED,
            quote.id,
            move.order_number,
            now,
            now + SETTLE_BY,
            None if told is None else told.model_dump(mode="json"),
            emit=[event],
        )
        if not rows:
            return await self._read_own(ctx, quote.id)
        return Placement(
            checkout_id=quote.id,
            status="placed",
            order_id=quote.id,
            order_number=move.order_number,
            order_link=await self._link(ctx, quote.id) if quote.person_id is None else None,
            instructions=told,
            total=quote.totals.total,
            credits=credits_in(rows[0], quote.totals.total.currency),
        )

    async def moved_on(self, ids: list[UUID]) -> tuple[list[UUID], list[Record]]:
        """Which of these checkouts to go on with, and which orders to settle."""
        rows = await self._db.fetch(MOVED_ON, ids)
        placed = [row for row in rows if row["state"] == "placed"]
        return [row["id"] for row in rows if row["state"] != "placed"], placed

    async def wait(self, ctx: Context, id: UUID, *, again: bool) -> Placement:
        """How it stands once nobody works on it any more, or after some seconds all the same."""
        loop = asyncio.get_running_loop()
        left = WAIT_S
        if ctx.deadline is not None:
            left = min(left, (ctx.deadline - ctx.now()).total_seconds() - 1)
        until, pause = loop.time() + left, 0.02
        while True:
            row = await self._row(ctx, id, ctx.actor.type == "system")
            busy = row["state"] in rules.OPEN and row["lease_until"] > ctx.now()
            if not busy or loop.time() + pause > until:
                break
            await asyncio.sleep(pause)
            pause = min(0.25, pause * 1.5)
        if again and row["state"] == "undone":
            known = row["problem"]
            raise CheckoutOver if known is None else Problem.from_document(known)
        return await self._placement(ctx, row)

    async def reserved(self, limit: int, cursor: str | None) -> Page[Reserved]:
        [after] = decode_cursor(cursor, UUID) or [UUID(int=0)]
        rows = await self._db.fetch(RESERVED, after, limit + 1)
        found = [
            Reserved(id=r["id"], reservation_id=reservation_of(r["id"]), placed=r["placed"])
            for r in rows
        ]
        return page_of(found, limit, "id")

    async def _read_own(self, ctx: Context, id: UUID) -> Placement:
        """For who worked on it and so may read it."""
        return await self._placement(ctx, await self._row(ctx, id, True))

    async def _row(self, ctx: Context, id: UUID, any_owner: bool) -> Record:
        row = await self._db.fetchrow(READ, id, self.person(ctx), any_owner)
        if row is None:
            raise NotFound
        return row

    async def _placement(self, ctx: Context, row: Mapping[str, Any]) -> Placement:
        placed = row["state"] == "placed"
        guest = placed and row["person_id"] is None
        total = Money.model_validate(row["total"])
        return Placement(
            checkout_id=row["id"],
            status=_status(row["state"]),
            order_id=row["id"] if placed else None,
            order_number=row["order_number"],
            order_link=await self._link(ctx, row["id"]) if guest else None,
            next_action_url=row["next_action_url"],
            decline_code=row["decline_code"],
            instructions=row["instructions"],
            total=total,
            credits=credits_in(row, total.currency),
        )

    async def _link(self, ctx: Context, id: UUID) -> str | None:
        """The path of a guest's order; the order stands without it, so a lack is no error."""
        token = None
        with suppress(Unavailable):
            token = (await self._orders.links(ctx, order_ids=[id])).get(id)
        return f"/orders/link/{token}" if token else None


def credits_in(row: Mapping[str, Any], currency: str) -> Money | None:
    """The part of a checkout that is paid with credits."""
    return None if row["credits"] is None else Money(minor=row["credits"], currency=currency)


def reservation_of(checkout_id: UUID) -> UUID:
    """The id of the reservation a checkout makes."""
    return derive(checkout_id, "reservation")


def bought(quote: Quote) -> list[BuyLine]:
    """Offer and quantity of every line; validated with the quote."""
    return [
        BuyLine.model_construct(offer_id=line.offer_id, quantity=line.quantity)
        for one in quote.groups
        for line in one.lines
    ]


def _status(state: str) -> Status:
    """A checkout in state `reserving` is one whose fate is not known yet."""
    return "processing" if state == "reserving" else cast(Status, state)
