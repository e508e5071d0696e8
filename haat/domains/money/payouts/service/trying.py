"""A dry run: what another list of commission rules would have earned on real sales."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from haat.domains.money.commissions.api import Commissions, Sale
from haat.domains.money.payouts.api import DryRun, DryRunVendor
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.money import Money

SOLD = Sql("""
SELECT id, kind, vendor_id, product_id, category_path, unit_price, quantity, base, commission,
       sold_at
  FROM payouts.earning_lines
 WHERE (sold_at, id) > ($1, $2::uuid) AND kind <> 'whole'
 ORDER BY sold_at, id LIMIT 500
""")

_NO_ID = UUID(int=0)


@dataclass(slots=True)
class _Sums:
    lines: int = 0
    actual: int = 0
    would_be: int = 0

    def add(self, actual: int, would_be: int) -> None:
        self.lines += 1
        self.actual += actual
        self.would_be += would_be


class Trying:
    """Reads lines as they were frozen; holds no more than a batch and a sum per vendor."""

    def __init__(self, db: Database, commissions: Commissions) -> None:
        self._db = db
        self._commissions = commissions

    async def dry_run(self, ctx: Context, list_id: UUID, days: int, currency: str) -> DryRun:
        since = ctx.now() - timedelta(days=days)
        key = (since, _NO_ID)
        whole, vendors = _Sums(), dict[UUID, _Sums]()
        while rows := await self._db.fetch(SOLD, *key):
            sales = [_sale(row, currency) for row in rows]
            found = await self._commissions.assess(ctx, sales=sales, list_id=list_id)
            for row, one in zip(rows, found, strict=True):
                for sums in (whole, vendors.setdefault(row["vendor_id"], _Sums())):
                    sums.add(row["commission"], one.commission.minor)
            key = (rows[-1]["sold_at"], rows[-1]["id"])

        def money(minor: int) -> Money:
            return Money(minor=minor, currency=currency)

        return DryRun(
            list_id=list_id,
            since=since,
            lines=whole.lines,
            actual=money(whole.actual),
            would_be=money(whole.would_be),
            by_vendor=[
                DryRunVendor(
                    vendor_id=id,
                    lines=sums.lines,
                    actual=money(sums.actual),
                    would_be=money(sums.would_be),
                )
                for id, sums in sorted(vendors.items())
            ],
        )


def _sale(row: Record, currency: str) -> Sale:
    return Sale(
        id=row["id"],
        kind=row["kind"],
        vendor_id=row["vendor_id"],
        product_id=row["product_id"],
        category_path=row["category_path"],
        unit_price=Money(minor=row["unit_price"], currency=currency),
        quantity=row["quantity"],
        base=Money(minor=row["base"], currency=currency),
        at=row["sold_at"],
    )
