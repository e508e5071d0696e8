"""Return windows: they open at delivery; when one closes, the earning becomes payable."""

from datetime import timedelta
from uuid import UUID

import structlog

from haat.domains.money.payouts.api import Payouts
from haat.domains.people.market.api import Market
from haat.domains.trade.orders.api import OrderDelivered
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Problem, Unavailable

CLOSE_AT_ONCE = 200

OPEN = Sql("""
INSERT INTO settlement.windows (vendor_order_id, closes_at)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT (vendor_order_id) DO NOTHING
""")
OPENED = Sql("""
SELECT vendor_order_id, closes_at FROM settlement.windows WHERE vendor_order_id = ANY($1::uuid[])
""")
# What is collected in cash waits until it stands in the books.
DUE = Sql("""
SELECT w.vendor_order_id, b.vendor_order_id IS NOT NULL AS earns
  FROM settlement.windows w
  LEFT JOIN settlement.balances b USING (vendor_order_id)
 WHERE w.closed_at IS NULL AND w.closes_at <= $1
   AND NOT EXISTS (SELECT FROM settlement.tenders t
                    WHERE t.of_id = w.vendor_order_id AND t.leg = 'cod'
                      AND t.state IN ('open', 'captured'))
 ORDER BY w.closes_at
 LIMIT $2
""")
CLOSE = Sql("""
UPDATE settlement.windows SET closed_at = $2
 WHERE vendor_order_id = ANY($1::uuid[]) AND closed_at IS NULL
""")


class Windows:
    def __init__(self, db: Database, market: Market, payouts: Payouts) -> None:
        self._db = db
        self._market = market
        self._payouts = payouts

    async def open(self, ctx: Context, events: list[OrderDelivered]) -> None:
        """The window's length is frozen at delivery."""
        settings = await self._market.settings(ctx)
        length = timedelta(minutes=settings.return_window_minutes)
        ids = [event.vendor_order_id for event in events]
        await self._db.execute(OPEN, ids, [event.delivered_at + length for event in events])
        windows = {
            row["vendor_order_id"]: row["closes_at"] for row in await self._db.fetch(OPENED, ids)
        }
        await self._payouts.delivered(ctx, windows=windows)

    async def close_due(self, ctx: Context) -> int:
        """Accrues first and notes it afterwards: a crash between repeats a harmless accrual."""
        now = ctx.now()
        due = await self._db.fetch(DUE, now, CLOSE_AT_ONCE)
        if not due:
            return 0
        earning = [row["vendor_order_id"] for row in due if row["earns"]]
        failed = await self._accrue(ctx, earning)
        closed = [row["vendor_order_id"] for row in due if row["vendor_order_id"] not in failed]
        await self._db.execute(CLOSE, closed, now)
        return len(due)

    async def _accrue(self, ctx: Context, ids: list[UUID]) -> set[UUID]:
        """Those that could not be: tried one by one when all of them together are refused, so
        that one bad row keeps no other waiting. They are looked at again later."""
        if not ids:
            return set()
        try:
            await self._payouts.accrue(ctx, vendor_order_ids=ids)
        except Unavailable:
            raise
        except Problem as problem:
            if len(ids) > 1:
                return {id for one in ids for id in await self._accrue(ctx, [one])}
            structlog.get_logger().error(
                "window_not_closed", vendor_order_id=str(ids[0]), code=problem.code
            )
            return set(ids)
        return set()
