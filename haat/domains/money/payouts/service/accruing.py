"""The return window: what is delivered, blocked and, when nothing is in the way, accrued.

Each use case writes what it is about to do, tells the ledger, and writes that it did. The ids and
amounts of the transfers follow from the first write, so any process can finish what another began.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.money.ledger.api import Ledger, Transfer
from haat.domains.money.payouts import rules
from haat.domains.money.payouts.api import EarningEligible
from haat.domains.money.payouts.books import books_of
from haat.domains.money.payouts.service.apart import together_or_apart
from haat.domains.money.payouts.service.forecasting import (
    Cause,
    Held,
    issue,
    locked,
    policy_now,
    save,
)
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.ids import derive
from haat.kernel.money import Money

DELIVERED = Sql("""
UPDATE payouts.earnings e SET window_closes_at = g.closes_at
  FROM unnest($1::uuid[], $2::timestamptz[]) AS g (vendor_order_id, closes_at)
 WHERE e.vendor_order_id = g.vendor_order_id
""")

BLOCK = Sql("""
INSERT INTO payouts.blocks (vendor_order_id, source_id, kind, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (vendor_order_id, source_id) DO NOTHING RETURNING source_id
""")

# One that was not there yet is written as lifted already: its block finds it and does nothing.
UNBLOCK = Sql("""
INSERT INTO payouts.blocks (vendor_order_id, source_id, kind, created_at, lifted_at)
VALUES ($1, $2, 'hold', $3, $3)
ON CONFLICT (vendor_order_id, source_id) DO UPDATE SET lifted_at = $3
 WHERE payouts.blocks.lifted_at IS NULL
RETURNING kind, xmax <> 0 AS stood
""")

DUE = Sql("""
UPDATE payouts.earnings SET due_at = $2
 WHERE vendor_order_id = ANY($1::uuid[]) AND due_at IS NULL AND stage = 'pending'
""")

# What is accrued is fixed here, in the same moment in which later refunds begin to come from the
# vendor's balance instead of escrow.
ACCRUE = Sql("""
UPDATE payouts.earnings e
   SET stage = 'accruing', accrued_at = $2, due_at = coalesce(e.due_at, $2),
       accrued_net = e.net - e.refunded_net,
       accrued_commission = e.commission - e.refunded_commission,
       accrued_commission_tax = e.commission_tax - e.refunded_commission_tax,
       accrued_tax = e.tax - e.refunded_tax, accrued_cash = g.cash, accrued_reserve = g.reserve,
       reserve_stage = CASE WHEN g.reserve > 0 THEN 'held' ELSE 'none' END,
       reserve_bp = g.reserve_bp, release_at = g.release_at
  FROM jsonb_to_recordset($1::jsonb) AS g (
       vendor_order_id uuid, cash bigint, reserve bigint, reserve_bp int, release_at timestamptz)
 WHERE e.vendor_order_id = g.vendor_order_id AND e.stage = 'pending'
RETURNING e.*
""")

ACCRUING = Sql("""
SELECT * FROM payouts.earnings
 WHERE vendor_order_id = ANY($1::uuid[]) AND stage = 'accruing'
""")

SOURCES = Sql("""
SELECT vendor_order_id, source, leg, minor FROM payouts.earning_sources
 WHERE vendor_order_id = ANY($1::uuid[]) ORDER BY vendor_order_id, leg
""")

ELIGIBLE = Sql("""
WITH locked AS (
  SELECT vendor_order_id FROM payouts.earnings
   WHERE vendor_order_id = ANY($1::uuid[]) AND stage = 'accruing'
   ORDER BY vendor_order_id FOR NO KEY UPDATE
), moved AS (
  UPDATE payouts.earnings e SET stage = 'eligible', eligible_at = $2, escrowed = true
    FROM locked WHERE e.vendor_order_id = locked.vendor_order_id
  RETURNING e.vendor_order_id, e.vendor_id, e.currency, e.accrued_net
), entered AS (
  INSERT INTO payouts.movements (vendor_id, currency, kind, vendor_order_id, line_id, cause_id,
                                 minor, at)
  SELECT m.vendor_id, m.currency, k.kind, m.vendor_order_id, l.id, m.vendor_order_id, k.minor, $2
    FROM moved m JOIN payouts.earning_lines l USING (vendor_order_id)
    CROSS JOIN LATERAL (VALUES ('earning', l.accrued_net), ('cod', -l.accrued_cash),
                               ('reserve', -l.accrued_reserve)) AS k (kind, minor)
   WHERE k.minor <> 0
   ORDER BY m.vendor_order_id, l.position
)
SELECT * FROM moved
""")

UNFINISHED = Sql("""
SELECT vendor_order_id, stage FROM payouts.earnings
 WHERE (NOT escrowed OR stage = 'accruing') AND created_at < $1
   AND (accrued_at IS NULL OR accrued_at < $1)
 ORDER BY created_at LIMIT $2
""")

UNKNOWN = "Nothing was expected for some of these vendor orders."


class Accruing:
    """The use cases between delivery and the vendor's balance."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def delivered(self, ctx: Context, windows: Mapping[UUID, datetime]) -> None:
        policy = await policy_now(self._db)
        async with self._db.begin(ctx) as tx:
            found = await locked(tx, sorted(windows), policy)
            news = [
                held
                for id, held in found.items()
                if held.earning["stage"] == "pending"
                and held.earning["window_closes_at"] != windows[id]
            ]
            if not news:
                return
            forecasts = []
            for held in news:
                closes = held.earning["window_closes_at"] = windows[held.id]
                cause = Cause("delivered", derive(held.id, f"delivered:{closes.isoformat()}"))
                forecasts += issue(held, cause, ctx.now())
            closes_at = [windows[held.id] for held in news]
            await tx.execute(DELIVERED, [held.id for held in news], closes_at)
            await save(tx, ctx.now(), news, forecasts)

    async def block(self, ctx: Context, id: UUID, source_id: UUID, kind: str) -> None:
        policy = await policy_now(self._db)
        async with self._db.begin(ctx) as tx:
            held = (await locked(tx, [id], policy)).get(id)
            if not await tx.fetch(BLOCK, id, source_id, kind, ctx.now()) or held is None:
                return
            held.blocks.append(kind)
            name = "disputed" if kind == "dispute" else "blocked"
            await save(tx, ctx.now(), [held], issue(held, Cause(name, source_id), ctx.now()))

    async def unblock(self, ctx: Context, id: UUID, source_id: UUID) -> None:
        policy = await policy_now(self._db)
        async with self._db.begin(ctx) as tx:
            held = (await locked(tx, [id], policy)).get(id)
            lifted = await tx.fetchrow(UNBLOCK, id, source_id, ctx.now())
            if held is None:
                return
            if lifted is not None and lifted["stood"]:
                held.blocks.remove(lifted["kind"])
                cause = Cause("unblocked", source_id)
                await save(tx, ctx.now(), [held], issue(held, cause, ctx.now()))
            ready = not held.blocks and held.earning["due_at"] is not None
        if ready and held.earning["stage"] == "pending":
            await self.accrue(ctx, [id])

    async def accrue(self, ctx: Context, vendor_order_ids: Sequence[UUID]) -> None:
        wanted = sorted(set(vendor_order_ids))
        if not wanted:
            return
        policy = await policy_now(self._db)
        async with self._db.begin(ctx) as tx:
            found = await locked(tx, wanted, policy)
            claimed = await _claimed(tx, ctx, found.values())
        # Rows that another process left half-way come along.
        claimed += [held.earning for held in found.values() if held.earning["stage"] == "accruing"]
        await together_or_apart(claimed, lambda rows: self._finish(ctx, rows))
        # Last, so that one unknown id does not keep the others waiting.
        if len(found) < len(wanted):
            raise NotFound(UNKNOWN)

    async def unfinished(
        self, ctx: Context, idle: timedelta, limit: int
    ) -> tuple[list[UUID], list[UUID]]:
        """Vendor orders left half-way: (accruing, not yet in escrow)."""
        rows = await self._db.fetch(UNFINISHED, ctx.now() - idle, limit)
        accruing = [row["vendor_order_id"] for row in rows if row["stage"] == "accruing"]
        return accruing, [row["vendor_order_id"] for row in rows if row["stage"] == "pending"]

    async def resume(self, ctx: Context, ids: Sequence[UUID]) -> None:
        rows = await self._db.fetch(ACCRUING, ids)
        await together_or_apart(rows, lambda some: self._finish(ctx, some))

    async def _finish(self, ctx: Context, rows: Sequence[Record]) -> None:
        if not rows:
            return
        transfers = await accruals(self._db, rows)
        if transfers:
            await self._ledger.post(ctx, transfers=transfers)
        async with self._db.begin(ctx) as tx:
            for row in await tx.fetch(ELIGIBLE, [r["vendor_order_id"] for r in rows], ctx.now()):
                net = Money(minor=row["accrued_net"], currency=row["currency"])
                tx.emit(
                    EarningEligible(
                        vendor_order_id=row["vendor_order_id"],
                        vendor_id=row["vendor_id"],
                        net=net,
                    )
                )


async def accruals(db: Database, rows: Sequence[Record]) -> list[Transfer]:
    """What accruing earnings move, with their capture where the ledger may not have it."""
    untold = [row["vendor_order_id"] for row in rows if not row["escrowed"]]
    sources: dict[UUID, list[Record]] = {id: [] for id in untold}
    if untold:
        for source in await db.fetch(SOURCES, untold):
            sources[source["vendor_order_id"]].append(source)
    transfers: list[Transfer] = []
    for row in rows:
        transfers += books_of(row).capture(sources.get(row["vendor_order_id"], []))
        transfers += books_of(row).accrual(row)
    return transfers


async def _claimed(tx: Tx, ctx: Context, found: Iterable[Held]) -> list[Record]:
    """Those that nothing blocks begin to accrue; the others are due when nothing does any more."""
    now = ctx.now()
    pending = [held for held in found if held.earning["stage"] == "pending"]
    left = [held for held in pending if not _gone(held)]
    blocked = [held.id for held in left if held.blocks]
    if blocked:
        await tx.execute(DUE, blocked, now)
    claims, forecasts = [], []
    free = [held for held in left if not held.blocks]
    for held in free:
        release_at = now + timedelta(days=held.rule.reserve_days)
        for line in held.lines:
            line["accrued_net"] = line["net"] - line["refunded_net"]
            line["accrued_cash"] = line["cash"] - line["cash_returned"]
            line["accrued_reserve"] = rules.reserve_of(line, held.rule.reserve_bp)
        cash = sum(line["accrued_cash"] for line in held.lines)
        reserve = sum(line["accrued_reserve"] for line in held.lines)
        held.earning |= {"stage": "eligible", "release_at": release_at if reserve else None}
        claims.append(
            {
                "vendor_order_id": held.id,
                "cash": cash,
                "reserve": reserve,
                "reserve_bp": held.rule.reserve_bp,
                "release_at": held.earning["release_at"],
            }
        )
        forecasts += issue(held, Cause("window_closed", held.id), now)
    if not claims:
        return []
    await save(tx, now, free, forecasts)
    return await tx.fetch(ACCRUE, claims, now)


def _gone(held: Held) -> bool:
    """All of it was given back: nothing is left to accrue. (What was free accrues nothing.)"""
    return held.earning["gross"] > 0 and rules.left_of(held.earning).gross == 0
