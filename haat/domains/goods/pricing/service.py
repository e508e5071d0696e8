"""Pricing's use cases."""

from datetime import datetime, timedelta

from haat.domains.goods.pricing import rules
from haat.domains.goods.pricing.api import Pricing, TaxableLine, TaxedLine, TaxRate
from haat.domains.people.market.api import Market
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context

KEPT = timedelta(seconds=2)  # how old a rate may be when it is used

RATES = Sql("SELECT tax_class, country, rate_bp FROM pricing.rates ORDER BY tax_class, country")

SET_RATE = Sql("""
INSERT INTO pricing.rates AS r (tax_class, country, rate_bp, updated_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (tax_class, country) DO UPDATE SET rate_bp = $3, updated_at = $4
""")


class PricingService(Pricing):
    """Rates are kept in memory for two seconds: a quote costs no statement here."""

    def __init__(self, db: Database, market: Market) -> None:
        self._db = db
        self._market = market
        self._rates: dict[tuple[str, str], int] = {}
        self._until: datetime | None = None

    async def tax(self, ctx: Context, *, country: str, lines: list[TaxableLine]) -> list[TaxedLine]:
        settings = await self._market.settings(ctx)
        rates = await self._current(ctx)
        included = settings.prices_include_tax
        found = []
        for line in lines:
            rate_bp = rates.get((line.tax_class, country), 0)
            tax = rules.tax_on(line.amount, rate_bp, included=included)
            found.append(TaxedLine(id=line.id, rate_bp=rate_bp, tax=tax))
        return found

    async def rates(self, ctx: Context) -> list[TaxRate]:
        return [TaxRate(**row) for row in await self._db.fetch(RATES)]

    async def set_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate:
        await self._db.execute(SET_RATE, rate.tax_class, rate.country, rate.rate_bp, ctx.now())
        self._until = None
        return rate

    async def _current(self, ctx: Context) -> dict[tuple[str, str], int]:
        now = ctx.now()
        if self._until is None or not now < self._until <= now + KEPT:
            rates = await self.rates(ctx)
            self._rates = {(r.tax_class, r.country): r.rate_bp for r in rates}
            self._until = now + KEPT
        return self._rates
