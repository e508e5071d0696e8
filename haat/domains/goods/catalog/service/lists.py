"""Use cases that read many: shelves for customers, own and waiting products, offers in a batch."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from haat.domains.goods.catalog.api import Listing, OfferLine, Product, ProductStatus, Sort
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.catalog.service.kept import is_outside
from haat.domains.goods.catalog.service.stored import Cases
from haat.engines.sql import Record
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.money import money_of
from haat.kernel.page import Page, decode_cursor, encode_cursor

EVERYTHING = UUID(int=0)  # the shelf all visible products stand on
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=(1 << 128) - 1)
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_LISTINGS = TypeAdapter(list[Listing])


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found


def _amount(value: Any) -> int:
    if not isinstance(value, int) or abs(value) >= 1 << 63:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


# sort → statements for short and long pages, type of the key, and what stands before the first.
_Sorted = tuple[str, str, Callable[[Any], Any], tuple[Any, UUID]]
_SORTS: dict[Sort, _Sorted] = {
    "newest": (sql.NEWEST, sql.NEWEST_LONG, _moment, (_FOREVER, _LAST_ID)),
    "price": (sql.CHEAPEST, sql.CHEAPEST_LONG, _amount, (-1, _FIRST_ID)),
    "-price": (sql.DEAREST, sql.DEAREST_LONG, _amount, ((1 << 63) - 1, _LAST_ID)),
    "title": (sql.BY_TITLE, sql.BY_TITLE_LONG, _text, ("", _FIRST_ID)),
}


class ListCases(Cases):
    async def listings(
        self,
        ctx: Context,
        *,
        category_id: UUID | None = None,
        vendor_id: UUID | None = None,
        brand_id: UUID | None = None,
        sort: Sort = "newest",
        limit: int = 24,
        cursor: str | None = None,
    ) -> Page[Listing]:
        wanted = [one for one in (vendor_id, brand_id, category_id) if one is not None]
        if len(wanted) > 2:
            raise Invalid.at("brand", "Not with a vendor and a category.", "too_many_filters")
        shelf = wanted[0] if wanted else EVERYTHING
        other = wanted[1] if len(wanted) > 1 else None

        async def look_up() -> Page[Listing]:
            short, long, convert, start = _SORTS[sort]
            after = start if cursor is None else behind(cursor, sort, convert)
            statement = short if limit <= sql.SHORT else long
            rows = await self._db.fetch(statement, shelf, *after, other)
            return _page(rows, limit, sort)

        if cursor is not None or limit > sql.SHORT or not is_outside(ctx):
            return await self._told(ctx, await look_up())
        name = f"{shelf}:{other or ''}:{sort}:{limit}"
        page = await self._kept.shelves.through(name, look_up)
        assert page is not None, "there is a page of every shelf"
        return await self._told(ctx, page)

    async def _told(self, ctx: Context, page: Page[Listing]) -> Page[Listing]:
        """Without lowest prices where the market does not show them."""
        if (await self._market.settings(ctx)).lowest_price:
            return page
        bare = [one.model_copy(update={"lowest_before": None}) for one in page.items]
        return page.model_copy(update={"items": bare})

    async def listings_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Listing]:
        found = _listings(await self._db.fetch(sql.CARDS, ids))
        return (await self._told(ctx, Page[Listing](items=found))).items

    async def titles(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, str]:
        rows = await self._db.fetch(sql.TITLES, ids)
        return {row["id"]: row["title"] for row in rows}

    async def own_products(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        status: ProductStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Listing]:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        before = behind(cursor, "own", _moment) if cursor else (_FOREVER, _LAST_ID)
        if status is None:
            rows = await self._db.fetch(sql.OWN, vendor_id, *before, limit + 1)
        else:
            rows = await self._db.fetch(sql.OWN_IN_STATUS, vendor_id, *before, limit + 1, status)
        return _page(rows, limit, "own")

    async def queue(
        self,
        ctx: Context,
        *,
        status: ProductStatus = "pending",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Listing]:
        start = (datetime(1970, 1, 1, tzinfo=UTC), _FIRST_ID)
        after = behind(cursor, "queue", _moment) if cursor else start
        rows = await self._db.fetch(sql.QUEUE, status, *after, limit + 1)
        return _page(rows, limit, "queue")

    async def offers(self, ctx: Context, *, ids: list[UUID]) -> list[OfferLine]:
        return [_line(row) for row in await self._db.fetch(sql.OFFERS, ids, ctx.now())]

    async def own_details(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 100, cursor: str | None = None
    ) -> Page[Product]:
        at, behind = decode_cursor(cursor, _moment, UUID) or (None, None)
        rows = await self._db.fetch(sql.OWN_WHOLE, vendor_id, at, behind, limit + 1)
        items = [Product.model_validate_json(row["product"]) for row in rows[:limit]]
        more = len(rows) > limit
        last = encode_cursor(items[-1].created_at.isoformat(), items[-1].id) if more else None
        return Page(items=items, next=last)

    async def offers_by_sku(
        self, ctx: Context, *, vendor_id: UUID, skus: list[str]
    ) -> dict[str, UUID]:
        rows = await self._db.fetch(sql.OFFERS_BY_SKU, vendor_id, skus)
        return {row["sku"]: row["id"] for row in rows}


def behind(cursor: str, sort: str, convert: Callable[[Any], Any]) -> tuple[Any, UUID]:
    """The key in a cursor of this very order; Invalid for any other."""

    def same(value: Any) -> Any:
        if value != sort:
            raise ValueError
        return value

    found = decode_cursor(cursor, same, convert, UUID)
    assert found is not None, "a cursor was given"
    return found[1], found[2]


def _listings(rows: Sequence[Record]) -> list[Listing]:
    """Cards are JSON: all of them are read at once, which is several times faster."""
    return _LISTINGS.validate_json("[" + ",".join([row["card"] for row in rows]) + "]")


def _page(rows: Sequence[Record], limit: int, sort: str) -> Page[Listing]:
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        key = shown[-1]["key"]
        place = key.isoformat() if isinstance(key, datetime) else key
        following = encode_cursor(sort, place, shown[-1]["product_id"])
    return Page[Listing](items=_listings(shown), next=following)


def _line(row: Record) -> OfferLine:
    return OfferLine(
        offer_id=row["offer_id"],
        variant_id=row["variant_id"],
        product_id=row["product_id"],
        product_slug=row["product_slug"],
        vendor_id=row["vendor_id"],
        category_id=row["category_id"],
        category_path=(row["ancestors"] or [])[::-1],
        title=row["title"],
        variant_title=row["variant_title"],
        sku=row["sku"],
        price=money_of(row["price_minor"], row["currency"]),
        tax_class=row["tax_class"],
        weight_g=row["weight_g"],
        picture=row["picture"],
        kind=row["kind"],
        buyable=row["buyable"],
    )
