"""Capture: the card first, then the credits; then escrow and order are told."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import Hold, Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.wallet.api import Wallet
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import CaptureOutcome
from haat.domains.trade.settlement.rules import (
    Entry,
    Outcome,
    Tender,
    captured_as,
    entries_in,
)
from haat.domains.trade.settlement.service.cash import Cash
from haat.domains.trade.settlement.service.tenders import Tenders, credits_of, tender_in
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable

ORDERS_AT_ONCE = 8

CHARGES = Sql("""
SELECT c.order_id, c.amount, c.currency, c.state,
       (SELECT json_agg(t ORDER BY t.leg) FROM settlement.tenders t
         WHERE t.order_id = c.order_id) AS parts
  FROM settlement.charges c WHERE c.order_id = ANY($1::uuid[])
""")
FAILED = Sql("""
WITH failed AS (
  UPDATE settlement.charges SET state = 'failed', updated_at = $2
   WHERE order_id = ANY($1::uuid[]) AND state IN ('open', 'waiting')
  RETURNING order_id
)
UPDATE settlement.tenders t SET state = 'voided' FROM failed f
 WHERE t.order_id = f.order_id AND t.state = 'open'
""")
WAITING = Sql("""
UPDATE settlement.charges SET state = 'waiting', updated_at = $2
 WHERE order_id = ANY($1::uuid[]) AND state = 'open'
""")
# Only what was not voided meanwhile enters the books: this row decides between the two.
CAPTURED = Sql("""
WITH moved AS (
  UPDATE settlement.charges SET state = 'captured', updated_at = $2
   WHERE order_id = ANY($1::uuid[]) AND state IN ('open', 'waiting', 'captured')
  RETURNING order_id
), parts AS (
  UPDATE settlement.tenders t SET state = 'captured' FROM moved m
   WHERE t.order_id = m.order_id AND t.state = 'open'
), kept AS (
  INSERT INTO settlement.balances (vendor_order_id, order_id, total, currency)
  SELECT x.vendor_order_id, x.order_id, x.total, x.currency
    FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::text[])
      AS x (vendor_order_id, order_id, total, currency)
    JOIN moved USING (order_id)
  ON CONFLICT (vendor_order_id) DO NOTHING
  RETURNING vendor_order_id
), paid AS (
  INSERT INTO settlement.shares (vendor_order_id, leg, of_id, provider, amount)
  SELECT x.vendor_order_id, x.leg, x.of_id, x.provider, x.amount
    FROM unnest($7::uuid[], $8::text[], $9::uuid[], $10::text[], $11::bigint[])
      AS x (vendor_order_id, leg, of_id, provider, amount)
    JOIN kept USING (vendor_order_id)
), sold AS (
  INSERT INTO settlement.lines (line_id, vendor_order_id, offer_id, quantity, gross, tax)
  SELECT x.line_id, x.vendor_order_id, x.offer_id, x.quantity, x.gross, x.tax
    FROM unnest($12::uuid[], $13::uuid[], $14::uuid[], $15::int[], $16::bigint[], $17::bigint[])
      AS x (line_id, vendor_order_id, offer_id, quantity, gross, tax)
    JOIN kept USING (vendor_order_id)
)
SELECT order_id FROM moved
""")
# Cancellations that waited for the money are due now.
BOOKED = Sql("""
WITH booked AS (
  UPDATE settlement.charges SET state = 'booked', updated_at = $2
   WHERE order_id = ANY($1::uuid[]) AND state = 'captured'
  RETURNING order_id
), parts AS (
  UPDATE settlement.tenders t SET state = 'booked' FROM booked b
   WHERE t.order_id = b.order_id AND t.state = 'captured'
), kept AS (
  UPDATE settlement.balances x SET booked_at = $2 FROM booked b WHERE x.order_id = b.order_id
)
UPDATE settlement.cancellations c SET due_at = $2 FROM booked b
 WHERE c.order_id = b.order_id AND c.due_at > $2
""")

_KNOWN: dict[str, Outcome] = {"booked": "captured", "failed": "failed", "voided": "failed"}


def columns(entries: Sequence[Entry]) -> tuple[list[Any], ...]:
    """$3 to $17 of the statements that enter vendor orders."""
    drafts = [entry.draft for entry in entries]
    shares = [(e.draft.vendor_order_id, share) for e in entries for share in e.shares]
    lines = [(e.draft.vendor_order_id, line) for e in entries for line in e.lines]
    return (
        [draft.vendor_order_id for draft in drafts],
        [draft.order_id for draft in drafts],
        [draft.gross.minor for draft in drafts],
        [draft.gross.currency for draft in drafts],
        [part for part, _ in shares],
        [share.tender.leg for _, share in shares],
        [share.tender.of_id for _, share in shares],
        [share.tender.provider for _, share in shares],
        [share.minor for _, share in shares],
        [line.id for _, line in lines],
        [part for part, _ in lines],
        [line.offer_id for _, line in lines],
        [line.quantity for _, line in lines],
        [line.gross for _, line in lines],
        [line.tax for _, line in lines],
    )


class Capturing:
    def __init__(
        self,
        db: Database,
        payments: Payments,
        wallet: Wallet,
        payouts: Payouts,
        orders: Orders,
        tenders: Tenders,
        cash: Cash,
    ) -> None:
        self._db = db
        self._payments = payments
        self._wallet = wallet
        self._payouts = payouts
        self._orders = orders
        self._tenders = tenders
        self._cash = cash

    async def capture(self, ctx: Context, order_ids: list[UUID]) -> list[CaptureOutcome]:
        rows = await self._db.fetch(CHARGES, order_ids)
        parts = {row["order_id"]: [tender_in(part) for part in row["parts"] or []] for row in rows}
        outcomes: dict[UUID, Outcome] = {
            row["order_id"]: _KNOWN[row["state"]] for row in rows if row["state"] in _KNOWN
        }
        asked = [row for row in rows if row["state"] in ("open", "waiting")]
        cards = await self._take_cards(ctx, [parts[row["order_id"]] for row in asked])
        gate = asyncio.Semaphore(ORDERS_AT_ONCE)
        answers = await asyncio.gather(
            *(self._take(ctx, gate, row, parts[row["order_id"]], cards) for row in asked)
        )
        outcomes.update(zip((row["order_id"] for row in asked), answers, strict=True))
        await self._note(ctx, [row["order_id"] for row in asked], outcomes)
        taken = [row["order_id"] for row in asked if outcomes[row["order_id"]] == "captured"]
        taken += [row["order_id"] for row in rows if row["state"] == "captured"]
        if taken:
            booked = await self._book(ctx, taken, parts)
            # Voided while it was captured: given back there, and no order is paid with it.
            outcomes.update({id: "captured" if id in booked else "failed" for id in taken})
        return [
            CaptureOutcome(order_id=id, outcome=outcomes[id]) for id in order_ids if id in outcomes
        ]

    async def _note(
        self, ctx: Context, asked: Sequence[UUID], outcomes: dict[UUID, Outcome]
    ) -> None:
        for outcome, statement in (("failed", FAILED), ("waiting", WAITING)):
            ids = [id for id in asked if outcomes[id] == outcome]
            if ids:
                await self._db.step(ctx, statement, ids, ctx.now())

    async def _take_cards(
        self, ctx: Context, orders: Sequence[Sequence[Tender]]
    ) -> dict[UUID, Hold]:
        """What payments says of those that are captured now, asked once for all of them."""
        ids = [
            part.id
            for parts in orders
            for part in parts
            if part.leg == "card" and part.minor > 0 and not part.on_delivery
        ]
        if not ids:
            return {}
        try:
            return {one.id: one for one in await self._payments.capture_all(ctx, ids=ids)}
        except Unavailable:
            return {}  # of each it is open

    async def _take(
        self,
        ctx: Context,
        gate: asyncio.Semaphore,
        row: Record,
        parts: Sequence[Tender],
        cards: Mapping[UUID, Hold],
    ) -> Outcome:
        if any(part.leg == "cod" for part in parts) and row["state"] == "waiting":
            return "waiting"  # delivery goes on with it
        async with gate:
            try:
                return await self._take_parts(ctx, row, parts, cards)
            except Unavailable:
                return "pending"

    async def _take_parts(
        self, ctx: Context, row: Record, parts: Sequence[Tender], cards: Mapping[UUID, Hold]
    ) -> Outcome:
        for part in parts:  # "card" before "credits"
            if part.minor == 0:
                continue
            if part.leg == "card" and part.on_delivery:
                await self._cash.split(ctx, row["order_id"], part)
                return "waiting"
            if part.leg == "card":
                outcome = _of_card(cards.get(part.id))
            elif part.leg == "credits":
                held = await self._wallet.capture(ctx, id=credits_of(row["order_id"]))
                outcome = captured_as(held)
            else:
                continue
            if outcome == "failed":
                # Before that is written: a crash here comes back to it.
                for other in parts:
                    await self._tenders.let_go(ctx, other, row["currency"])
            if outcome != "captured":
                return outcome
        return "captured"

    async def _book(
        self, ctx: Context, order_ids: list[UUID], parts: dict[UUID, list[Tender]]
    ) -> set[UUID]:
        """Captured money goes to each vendor order's escrow, and the orders are paid. Sent again
        after a crash at any point, it goes on where it stopped. Which of them are booked."""
        orders = await self._orders.by_ids(ctx, ids=order_ids)
        assert len(orders) == len(set(order_ids)), "a captured order is missing"
        entries = [entry for order in orders for entry in entries_in(order, parts[order.id])]
        rows = await self._db.step(ctx, CAPTURED, order_ids, ctx.now(), *columns(entries))
        moved = {row["order_id"] for row in rows}
        earnings = [entry.draft for entry in entries if entry.draft.order_id in moved]
        if earnings:
            await self._payouts.expect(ctx, earnings=earnings)
        ids = [id for id in order_ids if id in moved]
        if ids:
            await self._orders.mark_paid(ctx, order_ids=ids)
            await self._db.step(ctx, BOOKED, ids, ctx.now())
        # A second caller of the same moment may have booked some already.
        gone = [id for id in order_ids if id not in moved]
        known = await self._db.fetch(CHARGES, gone) if gone else []
        return moved | {row["order_id"] for row in known if row["state"] == "booked"}


def _of_card(hold: Hold | None) -> Outcome:
    """None: there was no answer about it."""
    if hold is None:
        return "pending"
    if hold.status in ("created", "needs_action"):
        return "waiting"  # nothing is there to capture yet
    return captured_as(hold)
