"""The back office's use cases."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from haat.domains.goods.catalog.api import Catalog
from haat.domains.money.ledger.api import Account, Ledger
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import (
    VendorApplied,
    VendorApproved,
    VendorClosed,
    VendorClosing,
    VendorReinstated,
    VendorRejected,
    Vendors,
    VendorSuspended,
)
from haat.domains.reach.backoffice.api import Backoffice, DeadLetter, Overview, Stats
from haat.domains.reach.backoffice.closing import Closing
from haat.domains.reach.backoffice.reports import Reporting
from haat.domains.reach.backoffice.rules import STANDING, chart, counted, first_day
from haat.domains.trade.orders.api import OrderCreated, OrderPaid, Orders
from haat.engines.bus import DeadLetters
from haat.engines.sql import Database, Record, Sql, Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import LIMIT_MAX, Page

QUEUE_PAGES_MAX = 10

VendorFact = (
    VendorApplied
    | VendorApproved
    | VendorRejected
    | VendorSuspended
    | VendorReinstated
    | VendorClosing
    | VendorClosed
)
Queue = Callable[..., Awaitable[Page[Any]]]

COUNT = Sql("""
INSERT INTO backoffice.days AS d (day, currency, orders, sales)
SELECT * FROM unnest($1::date[], $2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (day, currency) DO UPDATE
   SET orders = d.orders + excluded.orders, sales = d.sales + excluded.sales
""")
STAND = Sql("""
INSERT INTO backoffice.vendors (vendor_id, status)
SELECT * FROM unnest($1::uuid[], $2::text[]) AS t (vendor_id, status) ORDER BY vendor_id
ON CONFLICT (vendor_id) DO UPDATE SET status = excluded.status
""")
NUMBERS = Sql("""
SELECT (SELECT count(*) FROM backoffice.vendors WHERE status = 'pending') AS pending,
       (SELECT count(*) FROM backoffice.vendors WHERE status = 'active') AS active,
       d.day, d.orders, d.sales
  FROM (SELECT) always LEFT JOIN backoffice.days d ON d.day >= $1 AND d.currency = $2
""")
STATS = Sql("""
SELECT (SELECT count(*) FROM backoffice.vendors WHERE status = 'active') AS vendors,
       (SELECT coalesce(sum(orders), 0)::bigint FROM backoffice.days) AS orders
""")


class BackofficeService(Reporting, Closing, Backoffice):
    """Own counts in one statement, the rest in one batch of calls."""

    def __init__(
        self,
        db: Database,
        letters: DeadLetters,
        market: Market,
        catalog: Catalog,
        ledger: Ledger,
        payouts: Payouts,
        vendors: Vendors,
        orders: Orders,
    ) -> None:
        super().__init__(db)
        self._vendors = vendors
        self._orders = orders
        self._letters = letters
        self._market = market
        self._catalog = catalog
        self._ledger = ledger
        self._payouts = payouts

    async def overview(self, ctx: Context) -> Overview:
        currency = (await self._market.settings(ctx)).currency
        commission = Account(kind="commission", currency=currency)
        rows, products, payouts, balances, dead = await asyncio.gather(
            self._db.fetch(NUMBERS, first_day(ctx.now()), currency),
            _length(self._catalog.queue, ctx, "pending"),
            _length(self._payouts.queue, ctx, "requested"),
            self._ledger.balances(ctx, accounts=[commission]),
            self._letters.dead_count(),
        )
        counts = {r["day"]: (r["orders"], r["sales"]) for r in rows if r["day"] is not None}
        days = chart(counts, ctx.now(), currency)
        return Overview(
            vendors_pending=rows[0]["pending"],
            products_pending=products,
            payouts_requested=payouts,
            dead_letters=dead,
            orders_today=days[-1].orders,
            sales_today=days[-1].total,
            vendors_active=rows[0]["active"],
            commission_total=Money(minor=balances[0].minor, currency=currency),
            days=days,
        )

    async def stats(self, ctx: Context) -> Stats:
        row, categories = await asyncio.gather(self._row(STATS), self._catalog.categories(ctx))
        products = sum(c.product_count for c in categories if c.parent_id is None)
        return Stats(vendors=row["vendors"], products=products, orders=row["orders"])

    async def _row(self, sql: str) -> Record:
        row = await self._db.fetchrow(sql)
        assert row is not None, "a SELECT without FROM gives one row"
        return row

    async def dead_letters(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[DeadLetter]:
        page = await self._letters.dead_letters(limit, cursor)
        items = [DeadLetter.model_validate(dict(letter)) for letter in page.items]
        return Page(items=items, next=page.next)

    async def replay(self, ctx: Context, *, id: int) -> None:
        await self._letters.replay(id)

    async def discard(self, ctx: Context, *, id: int) -> None:
        await self._letters.discard(id)

    async def count(self, tx: Tx, events: Iterable[OrderCreated | OrderPaid]) -> None:
        """Adds these to their days."""
        found = counted(one for one in events if one.person_id not in synthetic.PEOPLE)
        days, currencies = [day for day, _ in found], [currency for _, currency in found]
        orders, sales = [n for n, _ in found.values()], [minor for _, minor in found.values()]
        await tx.execute(COUNT, days, currencies, orders, sales)

    async def stand(self, tx: Tx, events: Sequence[VendorFact]) -> None:
        """Notes where these vendors stand; they come in the order they happened."""
        found = {
            event.vendor_id: STANDING[type(event)]
            for event in events
            if event.vendor_id != synthetic.VENDOR
        }
        await tx.execute(STAND, list(found), list(found.values()))


async def _length(queue: Queue, ctx: Context, status: str) -> int:
    """How many wait there; one call where there are fewer than LIMIT_MAX."""
    count, cursor = 0, None
    for _ in range(QUEUE_PAGES_MAX):
        page = await queue(ctx, status=status, limit=LIMIT_MAX, cursor=cursor)
        count += len(page.items)
        cursor = page.next
        if cursor is None:
            break
    return count
