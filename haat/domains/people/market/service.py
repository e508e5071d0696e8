"""The market's use cases."""

import asyncio
from typing import Literal

from haat.domains.people.market.api import (
    AlreadyOpened,
    Market,
    MarketChanged,
    MarketOpened,
    MarketSettings,
    NotOpened,
    OrderPrefix,
    SettingsChange,
)
from haat.domains.people.market.rules import changed, checked
from haat.engines.cache import Cache
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import Context
from haat.kernel.settings import Settings

READ = Sql("""
SELECT name, currency, country, logo_id, demo, prices_include_tax, commission_bp,
       return_window_minutes, order_prefix, support_email, offers_policy, pictures_max,
       lowest_price, handling_hours
  FROM market.settings
""")
LOCK = Sql("""
SELECT name, currency, country, logo_id, demo, prices_include_tax, commission_bp,
       return_window_minutes, order_prefix, support_email, offers_policy, pictures_max,
       lowest_price, handling_hours
  FROM market.settings FOR UPDATE
""")
OPEN = Sql("""
WITH opened AS (
  INSERT INTO market.settings (name, currency, country, logo_id, demo, prices_include_tax,
         commission_bp, return_window_minutes, order_prefix, support_email, opened_at, changed_at,
         offers_policy, pictures_max, lowest_price, handling_hours)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, $14, $15)
  ON CONFLICT (single) DO NOTHING
  RETURNING name
) /*emit:opened*/
SELECT name FROM opened
""")
CHANGE = Sql("""
UPDATE market.settings
   SET name = $1, logo_id = $2, prices_include_tax = $3, commission_bp = $4,
       return_window_minutes = $5, support_email = $6, changed_at = $7, order_prefix = $8,
       offers_policy = $9, pictures_max = $10, lowest_price = $11, handling_hours = $12
""")


CHANNEL = "market.settings"


class MarketOptions(Settings):
    """`market_stale_s`: how long, in seconds, a process may answer settings that another process
    has changed. `order_no_prefix`: what order numbers begin with, whatever staff chose."""

    market_stale_s: float = 2.0
    order_no_prefix: OrderPrefix | Literal[""] = ""


class MarketService(Market):
    """One row that everybody asks for on every page, so each process remembers it briefly, and is
    told by the others when it changes."""

    def __init__(self, db: Database, cache: Cache, options: MarketOptions) -> None:
        self._db = db
        self._cache = cache
        self._stale_s = options.market_stale_s
        self._prefix = options.order_no_prefix
        self._known: MarketSettings | None = None
        self._known_at = 0.0
        self._told = 0  # how often somebody said that it changed
        cache.subscribe(CHANNEL, self._forget)

    def _forget(self, message: str) -> None:
        self._known = None
        self._told += 1

    async def tell(self) -> None:
        """Every process, that it changed. When that does not arrive, they find out soon."""
        await self._cache.publish(CHANNEL, "")

    async def settings(self, ctx: Context) -> MarketSettings:
        # The loop's clock, not ctx's: staleness is about this process, not about the market's time.
        now = asyncio.get_running_loop().time()
        if self._known is not None and now - self._known_at < self._stale_s:
            return self._known
        told = self._told
        row = await self._db.fetchrow(READ)
        if row is None:
            raise NotOpened
        return self._keep(_settings(row), now, told)

    async def is_open(self, ctx: Context) -> bool:
        try:
            await self.settings(ctx)
        except NotOpened:
            return False
        return True

    async def open(self, ctx: Context, *, settings: MarketSettings) -> MarketSettings:
        told = self._told
        new = checked(settings)
        event = MarketOpened(name=new.name, currency=new.currency, country=new.country)
        rows = await self._db.step(
            ctx,
            OPEN,
            new.name,
            new.currency,
            new.country,
            new.logo_id,
            new.demo,
            new.prices_include_tax,
            new.commission_bp,
            new.return_window_minutes,
            new.order_prefix,
            new.support_email,
            ctx.now(),
            new.offers_policy,
            new.pictures_max,
            new.lowest_price,
            new.handling_hours,
            emit=[event],
        )
        if not rows:
            raise AlreadyOpened
        return self._keep(new, asyncio.get_running_loop().time(), told)

    async def change(self, ctx: Context, *, change: SettingsChange) -> MarketSettings:
        told = self._told
        async with self._db.begin(ctx) as tx:
            row = await tx.fetchrow(LOCK)
            if row is None:
                raise NotOpened
            old = _settings(row)
            new = changed(old, change)
            if new != old:
                await tx.execute(
                    CHANGE,
                    new.name,
                    new.logo_id,
                    new.prices_include_tax,
                    new.commission_bp,
                    new.return_window_minutes,
                    new.support_email,
                    ctx.now(),
                    new.order_prefix,
                    new.offers_policy,
                    new.pictures_max,
                    new.lowest_price,
                    new.handling_hours,
                )
                tx.emit(MarketChanged(name=new.name, settings=new))
        kept = self._keep(new, asyncio.get_running_loop().time(), told)
        if new != old:
            await self.tell()
        return kept

    def _keep(self, settings: MarketSettings, at: float, told: int) -> MarketSettings:
        """Remembers them, unless they changed again after they were read (`told`)."""
        known = settings.model_copy(update={"order_prefix": self._prefix or settings.order_prefix})
        if told == self._told:
            self._known, self._known_at = known, at
        return known


def _settings(row: Record) -> MarketSettings:
    return MarketSettings(**dict(row))
