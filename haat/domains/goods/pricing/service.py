"""Pricing's use cases."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog, TaxClassUnknown
from haat.domains.goods.pricing import rules
from haat.domains.goods.pricing import statements as sql
from haat.domains.goods.pricing.api import (
    BestPrice,
    CurrencyRate,
    CurrencyUnknown,
    CustomerGroup,
    GroupFull,
    GroupUnknown,
    ListsFull,
    Member,
    PriceAsk,
    PriceList,
    Pricing,
    RateStep,
    ShownPrice,
    TaxableLine,
    TaxedLine,
    TaxRate,
    Viewing,
)
from haat.domains.goods.pricing.book import Book, Shelf, listed, rated
from haat.domains.people.market.api import Market, MarketSettings
from haat.engines.cache import Cache
from haat.engines.sql import Database, ForeignKeyViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page, decode_cursor, encode_cursor
from haat.kernel.text import is_plain_line

GROUPS_MAX, LISTS_MAX, MEMBERS_MAX = 200, 500, 200_000
SEQ_MAX = (1 << 63) - 1
_FIRST_ID = UUID(int=0)


class PricingService(Pricing):
    """What is asked for on every page and by every quote stands in memory (`book`)."""

    def __init__(self, db: Database, market: Market, catalog: Catalog, cache: Cache) -> None:
        self._db = db
        self._market = market
        self._catalog = catalog
        self._shelf = Shelf(db, cache)

    # --- tax -------------------------------------------------------------------------------

    async def tax(self, ctx: Context, *, country: str, lines: list[TaxableLine]) -> list[TaxedLine]:
        settings = await self._market.settings(ctx)
        rates = (await self._shelf.current(ctx)).rates
        included = settings.prices_include_tax
        found = []
        for line in lines:
            rate_bp = rates.get((line.tax_class, line.country or country), 0)
            tax = rules.tax_on(line.amount, rate_bp, included=included)
            found.append(TaxedLine(id=line.id, rate_bp=rate_bp, tax=tax))
        return found

    async def rates(self, ctx: Context) -> list[TaxRate]:
        return [TaxRate(**row) for row in await self._db.fetch(sql.RATES)]

    async def set_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate:
        classes = {one.code for one in await self._catalog.tax_classes(ctx)}
        if rate.tax_class not in classes:
            message = "There is no such tax class."
            raise TaxClassUnknown.at("taxClass", message, "tax_class_unknown")
        await self._db.execute(sql.SET_RATE, rate.tax_class, rate.country, rate.rate_bp, ctx.now())
        await self._shelf.changed()
        return rate

    # --- what it costs whom ----------------------------------------------------------------

    async def best(self, ctx: Context, *, person_id: UUID, asks: list[PriceAsk]) -> list[BestPrice]:
        entries = (await self._shelf.current(ctx)).entries_for(person_id, ctx.now())
        return [rules.best(ask, entries) for ask in asks]

    async def viewing(
        self, ctx: Context, *, country: str | None = None, currency: str | None = None
    ) -> Viewing:
        book = await self._shelf.current(ctx)
        return _viewing(ctx, await self._market.settings(ctx), book, country, currency)

    async def shown(
        self,
        ctx: Context,
        *,
        asks: list[PriceAsk],
        country: str | None = None,
        currency: str | None = None,
        as_charged: bool = False,
    ) -> list[ShownPrice]:
        book = await self._shelf.current(ctx)
        viewing = _viewing(ctx, await self._market.settings(ctx), book, country, currency)
        if as_charged:
            viewing = viewing.model_copy(
                update={"strip_tax": False, "currency": viewing.market_currency}
            )
        entries = book.entries_for(_person(ctx), ctx.now())
        return [rules.shown(ask, entries, viewing) for ask in asks]

    # --- groups and lists ------------------------------------------------------------------

    async def groups(self, ctx: Context) -> list[CustomerGroup]:
        return [CustomerGroup(**row) for row in await self._db.fetch(sql.GROUPS)]

    async def save_group(self, ctx: Context, *, group: CustomerGroup) -> CustomerGroup:
        name = " ".join(group.name.split())
        if not name or not is_plain_line(name):
            raise Invalid.at("name", "Give it a name.", "name_invalid")
        columns = (group.id, name, group.tax_display, GROUPS_MAX)
        if await self._db.fetchval(sql.SAVE_GROUP, *columns) is None:
            raise ListsFull
        await self._shelf.changed()
        return group.model_copy(update={"name": name})

    async def drop_group(self, ctx: Context, *, id: UUID) -> None:
        await self._db.execute(sql.DROP_GROUP, id)
        await self._shelf.changed()

    async def members(
        self, ctx: Context, *, group_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Member]:
        found = decode_cursor(cursor, UUID)
        after = found[0] if found else _FIRST_ID
        rows = await self._db.fetch(sql.MEMBERS, group_id, after, limit + 1)
        items = [Member(**row) for row in rows[:limit]]
        more = encode_cursor(str(items[-1].person_id)) if len(rows) > limit else None
        return Page[Member](items=items, next=more)

    async def add_members(self, ctx: Context, *, group_id: UUID, person_ids: list[UUID]) -> None:
        ids = sorted(set(person_ids))
        try:
            fits = await self._db.fetchval(sql.ADD_MEMBERS, group_id, ids, ctx.now(), MEMBERS_MAX)
        except ForeignKeyViolation:
            raise GroupUnknown.at("groupId", "There is no such group.", "group_unknown") from None
        if not fits:
            raise GroupFull
        await self._shelf.changed()

    async def drop_member(self, ctx: Context, *, group_id: UUID, person_id: UUID) -> None:
        await self._db.execute(sql.DROP_MEMBER, group_id, person_id)
        await self._shelf.changed()

    async def lists(self, ctx: Context) -> list[PriceList]:
        return [listed(row) for row in await self._db.fetch(sql.LISTS)]

    async def price_list(self, ctx: Context, *, id: UUID) -> PriceList:
        row = await self._db.fetchrow(sql.LIST, id)
        if row is None:
            raise NotFound
        return listed(row)

    async def save_list(self, ctx: Context, *, price_list: PriceList) -> PriceList:
        currency = (await self._market.settings(ctx)).currency
        one = rules.checked_list(price_list, currency)
        entries = [entry.model_dump(mode="json", exclude_defaults=True) for entry in one.entries]
        span = (one.starts_at, one.ends_at, one.active)
        columns = (one.id, one.group_id, one.name, *span, entries, LISTS_MAX)
        try:
            saved = await self._db.fetchval(sql.SAVE_LIST, *columns)
        except ForeignKeyViolation:
            raise GroupUnknown.at("groupId", "There is no such group.", "group_unknown") from None
        if saved is None:
            raise ListsFull
        await self._shelf.changed()
        return one

    async def drop_list(self, ctx: Context, *, id: UUID) -> None:
        await self._db.execute(sql.DROP_LIST, id)
        await self._shelf.changed()

    # --- currencies ------------------------------------------------------------------------

    async def currencies(self, ctx: Context) -> list[CurrencyRate]:
        if ctx.has("staff:settings"):
            return [rated(row) for row in await self._db.fetch(sql.CURRENCIES)]
        return list((await self._shelf.current(ctx)).currencies.values())

    async def save_currency(self, ctx: Context, *, currency: CurrencyRate) -> CurrencyRate:
        market = (await self._market.settings(ctx)).currency
        one = rules.checked_currency(currency, market)
        now = ctx.now()
        one = one.model_copy(update={"rated_at": one.rated_at or now})
        what = (one.code, Decimal(one.rate), one.rounding, one.enabled, one.source, one.rated_at)
        await self._db.execute(sql.SAVE_CURRENCY, *what, now, _person(ctx))
        await self._shelf.changed()
        return one

    async def currency_history(
        self, ctx: Context, *, code: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[RateStep]:
        found = decode_cursor(cursor, _seq)
        before = found[0] if found else SEQ_MAX
        wanted = code.replace("\0", "") if code else None
        rows = await self._db.fetch(sql.STEPS, wanted, before, limit + 1)
        shown = rows[:limit]
        items = [RateStep(**{**dict(row), "rate": rules.as_text(row["rate"])}) for row in shown]
        more = encode_cursor(shown[-1]["seq"]) if len(rows) > limit else None
        return Page[RateStep](items=items, next=more)


def _person(ctx: Context) -> UUID | None:
    return ctx.actor.id if ctx.actor.type == "person" else None


def _viewing(
    ctx: Context,
    settings: MarketSettings,
    book: Book,
    country: str | None,
    currency: str | None,
) -> Viewing:
    person = _person(ctx)
    groups: Sequence[CustomerGroup] = book.groups_of(person)
    there = country or settings.country
    chosen = _rate(book, currency, settings.currency)
    strip = settings.prices_include_tax and any(g.tax_display == "excluded" for g in groups)
    lists = bool(book.entries_for(person, ctx.now()))
    plain = chosen is None and not strip and not lists
    more: dict[str, Any] = {}
    if chosen is not None:
        more = {"rate": chosen.rate, "rounding": chosen.rounding}
    return Viewing(
        plain=plain,
        has_lists=lists,
        market_currency=settings.currency,
        currency=chosen.code if chosen else settings.currency,
        currencies=list(book.currencies),
        country=there,
        tax="included" if settings.prices_include_tax and not strip else "excluded",
        tax_word=rules.tax_word(there),
        strip_tax=strip,
        rates={c: bp for (c, where), bp in book.rates.items() if where == there} if strip else {},
        **more,
    )


def _rate(book: Book, currency: str | None, own: str) -> CurrencyRate | None:
    """What prices are shown in; None for the market's own currency. CurrencyUnknown."""
    if currency is None or currency == own:
        return None
    found = book.currencies.get(currency)
    if found is None:
        message = "Prices are not shown in that currency here."
        raise CurrencyUnknown.at("currency", message, "currency_unknown")
    return found


def _seq(value: object) -> int:
    if type(value) is not int or not 0 <= value <= SEQ_MAX:
        raise ValueError
    return value
