"""Commission invoices: what the ledger says a vendor was charged in a month, numbered once.

The entries of the commission and commission_tax accounts name the vendor (a fee's counterpart) or
the vendor order (a commission's); nothing else is asked for amounts, so that the invoices of a
month add up to the ledger's month.
"""

from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.money.ledger.api import Account, AccountKind, Ledger
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.statements import rules
from haat.domains.money.statements.api import Invoice, InvoiceIssued, MonthInvalid
from haat.domains.money.statements.rules import Charged
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, page_of

PAGE = 1000
SETTLED_AFTER = timedelta(hours=1)  # posts that began before midnight have ended by then
_END_OF_TIME = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
_CHARGED: tuple[AccountKind, ...] = ("commission", "commission_tax")

LOCK_SERIES = Sql("""
INSERT INTO statements.series AS s (year, last) VALUES ($1, 0)
ON CONFLICT (year) DO UPDATE SET last = s.last RETURNING last
""")

# The series' row is locked: who comes second finds the invoices there.
ISSUE = Sql("""
WITH fresh AS (
  SELECT vendor_id, commission, fees, tax, row_number() OVER (ORDER BY vendor_id)::int AS n
    FROM unnest($4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[])
         AS given (vendor_id, commission, fees, tax)
   WHERE NOT EXISTS (SELECT 1 FROM statements.invoices i
                      WHERE i.vendor_id = given.vendor_id AND i.month = $2)
), numbered AS (
  UPDATE statements.series SET last = last + (SELECT count(*)::int FROM fresh) WHERE year = $1
  RETURNING last - (SELECT count(*)::int FROM fresh) AS before
), done AS (
  INSERT INTO statements.months (month, issued_at) VALUES ($2, $8) ON CONFLICT DO NOTHING
)
INSERT INTO statements.invoices (number, year, place, vendor_id, month, currency, commission, fees,
                                 tax, issued_at)
SELECT 'CI-' || $1::int || '-' || lpad((before + n)::text, 6, '0'), $1, before + n, vendor_id, $2,
       $3, commission, fees, tax, $8
  FROM fresh, numbered
RETURNING *
""")
OF_MONTH = Sql("SELECT * FROM statements.invoices WHERE month = $1 ORDER BY year, place")
IS_DONE = Sql("SELECT EXISTS (SELECT 1 FROM statements.months WHERE month = $1)")
ONE = Sql("SELECT * FROM statements.invoices WHERE number = $1")
OF_VENDOR = Sql("""
SELECT * FROM statements.invoices WHERE vendor_id = $1 AND (issued_at, number) < ($2, $3)
 ORDER BY issued_at DESC, number DESC LIMIT $4
""")


class Invoicing:
    def __init__(self, db: Database, ledger: Ledger, payouts: Payouts) -> None:
        self._db = db
        self._ledger = ledger
        self._payouts = payouts

    async def issue_due(self, ctx: Context, currency: str) -> None:
        month = rules.month_before(rules.month_of(ctx.now() - SETTLED_AFTER))
        if not await self._db.fetchval(IS_DONE, month):
            await self.issue(ctx, month, currency)

    async def issue(self, ctx: Context, month: str, currency: str) -> list[Invoice]:
        since, until = rules.month_bounds(month)
        now = ctx.now()
        if now < until + SETTLED_AFTER:
            raise MonthInvalid("This month is not over yet.")
        charged = await self._charged(ctx, currency, since, until)
        rows = [(id, one) for id, one in sorted(charged.items()) if not one.is_nothing]
        async with self._db.begin(ctx) as tx:
            await tx.fetchval(LOCK_SERIES, since.year)
            born = await tx.fetch(
                ISSUE,
                since.year,
                month,
                currency,
                [id for id, _ in rows],
                [one.commission for _, one in rows],
                [one.fees for _, one in rows],
                [one.tax for _, one in rows],
                now,
            )
            for row in born:
                made = _invoice(row)
                tx.emit(
                    InvoiceIssued(
                        number=made.number, vendor_id=made.vendor_id, month=month, total=made.total
                    )
                )
        return [_invoice(row) for row in await self._db.fetch(OF_MONTH, month)]

    async def one(self, number: str) -> Invoice:
        row = await self._db.fetchrow(ONE, number)
        if row is None:
            raise NotFound("There is no such invoice.")
        return _invoice(row)

    async def of_vendor(self, vendor_id: UUID, limit: int, cursor: str | None) -> Page[Invoice]:
        key = decode_cursor(cursor, datetime.fromisoformat, str) or (_END_OF_TIME, "")
        rows = await self._db.fetch(OF_VENDOR, vendor_id, *key, limit + 1)
        return page_of([_invoice(row) for row in rows], limit, "issued_at", "number")

    async def _charged(
        self, ctx: Context, currency: str, since: datetime, until: datetime
    ) -> dict[UUID, Charged]:
        found: dict[UUID, Charged] = {}
        vendors: dict[UUID, UUID] = {}
        for kind in _CHARGED:
            account = Account(kind=kind, currency=currency)
            cursor: str | None = None
            while True:
                page = await self._ledger.entries(
                    ctx, account=account, since=since, until=until, limit=PAGE, cursor=cursor
                )
                missing = sorted(rules.vendor_orders_in(page.items) - vendors.keys())
                if missing:
                    earnings = await self._payouts.earnings_of(ctx, vendor_order_ids=missing)
                    vendors |= {one.vendor_order_id: one.vendor_id for one in earnings}
                rules.charge(found, page.items, vendors)
                cursor = page.next
                if cursor is None:
                    break
        return found


def _invoice(row: Record) -> Invoice:
    def money(minor: int) -> Money:
        return Money(minor=minor, currency=row["currency"])

    return Invoice(
        number=row["number"],
        vendor_id=row["vendor_id"],
        month=row["month"],
        commission=money(row["commission"]),
        fees=money(row["fees"]),
        tax=money(row["tax"]),
        total=money(row["commission"] + row["fees"] + row["tax"]),
        issued_at=row["issued_at"],
    )
