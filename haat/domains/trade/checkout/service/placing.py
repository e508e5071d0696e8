"""Placing: reserve, hold, promise, create. Taken on by one caller at a time, resumable from any
point, because every id sent derives from the checkout's (docs/flows/purchase.md)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from haat.domains.goods.inventory.api import Inventory, Line, OutOfStock, ReservationExpired
from haat.domains.money.payments.api import (
    Hold,
    Method,
    Payments,
    ProviderUnknown,
    TransferInstructions,
)
from haat.domains.money.wallet.api import CreditsTooLow, Wallet
from haat.domains.trade.checkout import rules
from haat.domains.trade.checkout.api import Placement, Quote, Reserved
from haat.domains.trade.checkout.service.standing import (
    Move,
    Standing,
    credits_in,
    reservation_of,
)
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import Settlement
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Problem, Unavailable
from haat.kernel.money import Money
from haat.kernel.page import Page

DRIVE_S = 15.0  # longest one caller works on a checkout
LEASE = timedelta(seconds=20)  # more than that: a lease ends only when its holder is gone
ANSWER_S = 1.5  # kept back from the caller's deadline, to write down how it stands
DUE_AT_ONCE = 50
RECORDED = "recorded"  # the provider of payments made elsewhere
MAY_RECORD = ("staff:money", "staff:orders")
DRIVES_AT_ONCE = 8

# Claims a fresh, unexpired quote and hands out its document in one round trip.
START = Sql("""
WITH claimed AS (
  INSERT INTO checkout.checkouts (id, person_id, state, provider, token, saved_id, save, credits,
         return_url, attempt, lease_until, due_at, created_at, updated_at)
  SELECT q.id, q.person_id, 'reserving', $2, $3, $9, $10, $11, $4, 1, $6, $6, $5, $5
    FROM checkout.quotes q
   WHERE q.id = $1 AND q.expires_at > $5 AND (q.person_id IS NULL OR q.person_id = $7 OR $8)
  ON CONFLICT (id) DO NOTHING
  RETURNING id
)
SELECT q.document::text AS document FROM claimed JOIN checkout.quotes q USING (id)
""")
TAKE = Sql("""
WITH taken AS (
  UPDATE checkout.checkouts
     SET attempt = attempt + 1, lease_until = $3, due_at = $3, updated_at = $2
   WHERE id = ANY($1::uuid[]) AND lease_until <= $2
     AND state IN ('reserving', 'needs_action', 'processing')
     AND (person_id IS NULL OR person_id = $4 OR $5)
  RETURNING id, state, provider, token, saved_id, save, credits, return_url, attempt, created_at
)
SELECT t.*, q.document::text AS document FROM taken t JOIN checkout.quotes q USING (id)
""")
TAKE_DUE = Sql("""
WITH taken AS (
  UPDATE checkout.checkouts
     SET attempt = attempt + 1, lease_until = $2, due_at = $2, updated_at = $1
   WHERE id IN (SELECT id FROM checkout.checkouts
                 WHERE due_at <= $1 AND lease_until <= $1
                   AND state IN ('reserving', 'needs_action', 'processing')
                 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
  RETURNING id, state, provider, token, saved_id, save, credits, return_url, attempt, created_at
)
SELECT t.*, q.document::text AS document FROM taken t JOIN checkout.quotes q USING (id)
""")


@dataclass(slots=True)
class Run:
    """A checkout somebody took on. `attempt` is the right to move it: the latest one's. `state`
    is how far it came."""

    quote: Quote
    state: str
    method: Method
    credits: Money | None
    return_url: str
    attempt: int
    created_at: datetime

    @property
    def reservation(self) -> UUID:
        return reservation_of(self.quote.id)

    def lines(self) -> list[Line]:
        """What is reserved; validated with the quote."""
        return [
            Line.model_construct(
                offer_id=line.offer_id,
                quantity=line.quantity,
                warehouse_id=(
                    one.shipping.method_id
                    if one.shipping.pickup and line.kind == "physical"
                    else None
                ),
            )
            for one in self.quote.groups
            for line in one.lines
        ]


class Placing:
    def __init__(
        self,
        db: Database,
        inventory: Inventory,
        wallet: Wallet,
        orders: Orders,
        settlement: Settlement,
        payments: Payments,
    ) -> None:
        self._db = db
        self._inventory = inventory
        self._wallet = wallet
        self._orders = orders
        self._settlement = settlement
        self._payments = payments
        self._kinds: dict[str, str] = {}  # of providers; a name's never changes
        self.standing = Standing(db, orders)

    async def place(
        self,
        ctx: Context,
        quote_id: UUID,
        method: Method,
        return_url: str,
        credits: Money | None,
    ) -> Placement:
        _need_allowed(ctx, method)
        await self._need_met(ctx, quote_id, method)
        if credits is not None:
            await self._need_credits(ctx, quote_id, credits)
        now = ctx.now()
        row = await self._db.fetchrow(
            START,
            quote_id,
            method.provider,
            method.token,
            return_url,
            now,
            now + LEASE,
            self.standing.person(ctx),
            ctx.actor.type == "system",
            method.saved_id,
            method.save,
            None if credits is None else credits.minor,
        )
        if row is not None:
            quote = Quote.model_validate_json(row["document"])
            run = Run(quote, "reserving", method, credits, return_url, 1, now)
            return await self._drive(ctx, run)
        await self.standing.need_placeable(ctx, quote_id)
        return await self._go_on(ctx, quote_id, again=True)

    async def _need_met(self, ctx: Context, quote_id: UUID, method: Method) -> None:
        """Cash needs somebody who takes it. Before the quote is claimed: it is immutable, and can
        be paid in another way then."""
        if method.provider not in self._kinds:
            known = await self._payments.providers(ctx)
            self._kinds.update({one.name: one.kind for one in known})
        if self._kinds.get(method.provider) == "on_delivery":
            quote = await self.standing.unplaced(ctx, quote_id)
            if quote is not None:
                rules.need_met(quote)

    async def _need_credits(self, ctx: Context, quote_id: UUID, credits: Money) -> None:
        """A courtesy before the quote is claimed: it can be placed with fewer credits then. Whether
        they are there is decided when they are held."""
        quote = await self.standing.unplaced(ctx, quote_id)
        if quote is None:  # placed already: what was given then counts
            return
        rules.need_credits(quote, credits)
        assert quote.person_id is not None, "checked before"
        spendable = await self._wallet.spendable(
            ctx, owner_id=quote.person_id, currency=credits.currency
        )
        if spendable < credits:
            raise CreditsTooLow(available=spendable.model_dump(mode="json"))

    async def resume(self, ctx: Context, id: UUID) -> Placement:
        return await self._go_on(ctx, id, again=False)

    async def resume_these(self, ctx: Context, ids: list[UUID]) -> None:
        await self._drive_all(ctx, await self._take(ctx, ids))

    async def resume_due(self, ctx: Context) -> int:
        now = ctx.now()
        rows = await self._db.fetch(TAKE_DUE, now, now + LEASE, DUE_AT_ONCE)
        await self._drive_all(ctx, rows)
        return len(rows)

    async def reserved(self, limit: int, cursor: str | None) -> Page[Reserved]:
        return await self.standing.reserved(limit, cursor)

    async def _go_on(self, ctx: Context, id: UUID, *, again: bool) -> Placement:
        """Takes it on unless it ended or somebody works on it, whose result is waited for.
        `again`: the caller wanted to place, and hears why that failed as the first one did."""
        rows = await self._take(ctx, [id])
        if rows:
            return await self._drive(ctx, _run(rows[0]))
        return await self.standing.wait(ctx, id, again=again)

    async def _take(self, ctx: Context, ids: list[UUID]) -> list[Record]:
        now = ctx.now()
        system = ctx.actor.type == "system"
        return await self._db.fetch(TAKE, ids, now, now + LEASE, self.standing.person(ctx), system)

    async def _drive_all(self, ctx: Context, rows: Sequence[Record]) -> None:
        gate = asyncio.Semaphore(DRIVES_AT_ONCE)

        async def one(row: Record) -> None:
            async with gate:
                try:
                    await self._drive(ctx, _run(row))
                except Problem as problem:  # the customer was told, or will be; others go on
                    structlog.get_logger().info(
                        "checkout_ended", checkout_id=str(row["id"]), code=problem.code
                    )

        answers: list[Any] = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _drive(self, ctx: Context, run: Run) -> Placement:
        """Goes as far as it can and writes down how far that was."""
        try:
            async with asyncio.timeout(_left_s(ctx)):
                move = await self._steps(ctx.within(_left_s(ctx)), run)
        except (Unavailable, TimeoutError):
            # Somebody does not answer: what was sent may have been done. The timer sends it again.
            move = _later(ctx, run)
        except asyncio.CancelledError:
            await self.standing.write(ctx, run.quote, run.attempt, _later(ctx, run))
            raise
        placement = await self.standing.write(ctx, run.quote, run.attempt, move)
        if move.state == "placed" and placement.status in ("expired", "undone", "declined"):
            await self._retract(ctx, run)
        if move.problem is not None:
            raise move.problem
        return placement

    async def _steps(self, ctx: Context, run: Run) -> Move:
        if run.state == "reserving":
            ttl_s = int(rules.RESERVED.total_seconds())
            try:
                await self._inventory.reserve(
                    ctx,
                    id=run.reservation,
                    lines=run.lines(),
                    ttl_s=ttl_s,
                    country=run.quote.ship_to.country,
                )
            except OutOfStock as problem:
                # Released all the same: should a copy of that call come late, it holds nothing.
                await self._inventory.release(ctx, id=run.reservation)
                return Move("undone", problem=problem)
            except ReservationExpired:
                return await self._undo(ctx, run)
            run.state = "processing"
        try:
            hold = await self._settlement.hold(
                ctx,
                order_id=run.quote.id,
                amount=run.quote.totals.total,
                method=run.method,
                return_url=run.return_url,
                person_id=run.quote.person_id,
                credits=run.credits,
            )
        except Unavailable:
            raise
        except Problem as problem:  # such as a payment provider that is not there
            return await self._undo(ctx, run, problem)
        return await self._held(ctx, run, hold)

    async def _held(self, ctx: Context, run: Run, hold: Hold) -> Move:
        """What follows from the tender's answer."""
        payment = rules.payment_of(hold)
        if payment is not None:
            return await self._confirm(ctx, run, payment, hold.instructions)
        if hold.status == "declined":
            await self._inventory.release(ctx, id=run.reservation)
            return Move("declined", decline_code=hold.decline_code or "declined")
        if hold.status in ("voided", "capture_failed") or await self._over(ctx, run):
            return await self._undo(ctx, run)
        ask_at = min(ctx.now() + rules.ASK_AGAIN, run.created_at + rules.RESERVED)
        ask_at = max(ask_at, ctx.now() + rules.retry_after(1))
        if hold.status == "needs_action":
            return Move("needs_action", next_action_url=hold.next_action_url, due_at=ask_at)
        run.state = "processing"
        return _later(ctx, run)

    async def _confirm(
        self,
        ctx: Context,
        run: Run,
        payment: rules.Payment,
        instructions: TransferInstructions | None,
    ) -> Move:
        """The money is held, or may be awaited. The reservation alone decides whether there will be
        an order: once promised it stays, once ended it never can be promised. So whoever else works
        on this checkout, before or after us, comes to the same end."""
        try:
            await self._inventory.promise(ctx, id=run.reservation)
        except ReservationExpired:
            return await self._undo(ctx, run)
        order = await self._orders.create(ctx, draft=rules.draft(run.quote, payment))
        return Move("placed", order_number=order.number, instructions=instructions)

    async def _over(self, ctx: Context, run: Run) -> bool:
        """Whether the time to pay is over: only when the reservation says that it ended."""
        if ctx.now() < run.created_at + rules.RESERVED:
            return False
        try:
            await self._inventory.reserve(ctx, id=run.reservation, lines=run.lines(), ttl_s=1)
        except (ReservationExpired, OutOfStock):
            return True
        return False

    async def _undo(self, ctx: Context, run: Run, problem: Problem | None = None) -> Move:
        """Money first: a void that comes before its hold keeps that hold from ever charging, so
        nothing is taken after this, however late an answer or the customer comes."""
        await self._settlement.void(ctx, order_id=run.quote.id)
        await self._inventory.release(ctx, id=run.reservation)
        if problem is None and run.state == "needs_action":
            return Move("expired")
        return Move("undone", problem=problem)

    async def _retract(self, ctx: Context, run: Run) -> None:
        """We made an order, but somebody had ended the checkout meanwhile. That takes a process
        that slept for longer than its lease in the one wrong moment; the order goes, then."""
        structlog.get_logger().warning("order_retracted", checkout_id=str(run.quote.id))
        await self._settlement.void(ctx, order_id=run.quote.id)
        await self._orders.mark_unpaid(
            ctx, order_id=run.quote.id, reason="The checkout had ended already."
        )
        await self._inventory.release(ctx, id=run.reservation)


def _need_allowed(ctx: Context, method: Method) -> None:
    """What staff record as paid elsewhere is no means of payment for anybody else."""
    if method.provider == RECORDED and not any(ctx.has(scope) for scope in MAY_RECORD):
        raise ProviderUnknown


def _run(row: Record) -> Run:
    quote = Quote.model_validate_json(row["document"])
    return Run(
        quote=quote,
        state=row["state"],
        method=Method(
            provider=row["provider"],
            token=row["token"],
            saved_id=row["saved_id"],
            save=row["save"],
        ),
        credits=credits_in(row, quote.totals.total.currency),
        return_url=row["return_url"],
        attempt=row["attempt"],
        created_at=row["created_at"],
    )


def _later(ctx: Context, run: Run) -> Move:
    """How it ends is not known yet: it stays as far as it came."""
    return Move(run.state, due_at=ctx.now() + rules.retry_after(run.attempt))


def _left_s(ctx: Context) -> float:
    """How long to work on: less than the caller waits, so that the rest is written down."""
    if ctx.deadline is None:
        return DRIVE_S
    return max(0.5, min(DRIVE_S, (ctx.deadline - ctx.now()).total_seconds() - ANSWER_S))
