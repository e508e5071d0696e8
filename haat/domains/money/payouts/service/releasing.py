"""Reserves: what was held back of earnings returns to the vendor's balance when its time comes."""

from collections.abc import Sequence
from uuid import UUID

from haat.domains.money.ledger.api import Ledger
from haat.domains.money.payouts.books import books_of
from haat.domains.money.payouts.service.apart import together_or_apart
from haat.domains.money.payouts.service.forecasting import (
    Cause,
    issue,
    locked,
    policy_now,
    save,
)
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.ids import derive

# The accrual is in the ledger before anything is released of it. What is disputed is kept: a
# reserve is there for that.
RIPE = Sql("""
SELECT vendor_order_id FROM payouts.earnings e
 WHERE release_at <= $1 AND reserve_stage = 'held' AND stage = 'eligible'
   AND NOT EXISTS (SELECT FROM payouts.blocks b
                    WHERE b.vendor_order_id = e.vendor_order_id AND b.kind = 'dispute'
                      AND b.lifted_at IS NULL)
 ORDER BY release_at LIMIT $2
""")

# From here on refunds do not touch the reserve any more: what is left of it is fixed.
RELEASING = Sql("""
UPDATE payouts.earnings SET reserve_stage = 'releasing'
 WHERE vendor_order_id = ANY($1::uuid[]) AND reserve_stage = 'held'
""")

LEFT = Sql("""
SELECT e.vendor_order_id, e.vendor_id, e.currency,
       (SELECT sum(accrued_reserve - released)::bigint FROM payouts.earning_lines l
         WHERE l.vendor_order_id = e.vendor_order_id) AS minor
  FROM payouts.earnings e
 WHERE release_at <= $1 AND reserve_stage = 'releasing'
 ORDER BY release_at LIMIT $2
""")

RELEASED = Sql("""
WITH locked AS (
  SELECT vendor_order_id FROM payouts.earnings
   WHERE vendor_order_id = ANY($1::uuid[]) AND reserve_stage = 'releasing'
   ORDER BY vendor_order_id FOR NO KEY UPDATE
), moved AS (
  UPDATE payouts.earnings e SET reserve_stage = 'released'
    FROM locked WHERE e.vendor_order_id = locked.vendor_order_id
  RETURNING e.vendor_order_id, e.vendor_id, e.currency
), line AS (
  UPDATE payouts.earning_lines l SET released = l.accrued_reserve
    FROM payouts.earning_lines old JOIN moved USING (vendor_order_id)
   WHERE l.id = old.id AND old.released < old.accrued_reserve
  RETURNING l.id, l.vendor_order_id, l.position, old.accrued_reserve - old.released AS minor
)
INSERT INTO payouts.movements (vendor_id, currency, kind, vendor_order_id, line_id, cause_id,
                               minor, at)
SELECT m.vendor_id, m.currency, 'release', m.vendor_order_id, line.id, m.vendor_order_id,
       line.minor, $2
  FROM line JOIN moved m USING (vendor_order_id) ORDER BY m.vendor_order_id, line.position
""")

_AT_ONCE = 100
_ROUNDS_MAX = 50


class Releasing:
    """A timer's work; every round can be repeated from wherever it stopped."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def release(self, ctx: Context) -> None:
        """Releases every reserve whose time has come and whose vendor order nobody disputes."""
        for _ in range(_ROUNDS_MAX):
            ripe = await self._db.fetch(RIPE, ctx.now(), _AT_ONCE)
            if ripe:
                await self._claim(ctx, [row["vendor_order_id"] for row in ripe])
            begun = await self._db.fetch(LEFT, ctx.now(), _AT_ONCE)
            await together_or_apart(begun, lambda rows: self._finish(ctx, rows))
            if len(ripe) < _AT_ONCE and len(begun) < _AT_ONCE:
                return

    async def _claim(self, ctx: Context, ids: list[UUID]) -> None:
        policy = await policy_now(self._db)
        async with self._db.begin(ctx) as tx:
            found = await locked(tx, ids, policy)
            held = [
                one
                for one in found.values()
                if one.earning["reserve_stage"] == "held" and "dispute" not in one.blocks
            ]
            forecasts = []
            for one in held:
                was = [(line, line["released"]) for line in one.lines]
                for line, _ in was:
                    line["released"] = line["accrued_reserve"]
                cause = Cause("released", derive(one.id, "release"))
                forecasts += issue(one, cause, ctx.now())
                for line, released in was:  # its movement is made when the ledger has it
                    line["released"] = released
            if held:
                await save(tx, ctx.now(), held, forecasts)
                await tx.execute(RELEASING, [one.id for one in held])

    async def _finish(self, ctx: Context, rows: Sequence[Record]) -> None:
        transfers = [t for row in rows for t in books_of(row).release(row["minor"])]
        if transfers:
            await self._ledger.post(ctx, transfers=transfers)
        if rows:
            ids = [row["vendor_order_id"] for row in rows]
            await self._db.step(ctx, RELEASED, ids, ctx.now())
