"""Search's use cases, on PostgreSQL's full text search."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter

from haat.domains.goods.catalog.api import Catalog, Listing, ListingChanged
from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.api import Facet, Hits, Search
from haat.domains.insight.search.rules import (
    TEXT_MAX_CHARS,
    Question,
    amount,
    headings,
    question,
    storable,
)
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.money import MINOR_MAX
from haat.kernel.page import decode_cursor, encode_cursor

Sort = Literal["relevance", "newest", "price", "-price"]
LONG_AGO, FOREVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=(1 << 128) - 1)
_LISTINGS = TypeAdapter(list[Listing])


class SearchService(Search):
    """One table; a search is one statement, or two where not every word is found."""

    def __init__(self, db: Database, catalog: Catalog) -> None:
        self._db = db
        self._catalog = catalog

    async def products(
        self,
        ctx: Context,
        *,
        words: str = "",
        category_ids: list[UUID] | None = None,
        vendor_id: UUID | None = None,
        price_min: int | None = None,
        price_max: int | None = None,
        sort: Sort = "relevance",
        limit: int = 24,
        cursor: str | None = None,
    ) -> Hits:
        asked = question(words)
        filters = (category_ids, vendor_id, amount(price_min), amount(price_max), limit + 1)
        if asked.is_empty and words.strip():
            return Hits(items=[], total=0)  # nothing but punctuation
        if sort == "relevance" and not asked.is_empty:
            return await self._ranked(asked, filters, cursor)
        order: Sort = "newest" if sort == "relevance" else sort
        plain, matching, convert, key, start = _SORTS[order]
        place = _place(cursor, order, convert) or start
        if asked.is_empty:
            row = await self._db.fetchrow(plain, *filters, *place)
        else:
            row = await self._matching(matching, asked, filters, place)
        assert row is not None, "a SELECT without FROM gives one row"
        items = _listings(row["cards"])
        following = None
        if len(items) > limit:
            items = items[:limit]
            following = encode_cursor(order, key(items[-1]), items[-1].id)
        return _hits(row, items, following)

    async def _ranked(self, asked: Question, filters: Sequence[Any], cursor: str | None) -> Hits:
        limit = filters[-1] - 1
        found = decode_cursor(cursor, _same("relevance"), _skipped)
        skip = found[1] if found else 0
        row = await self._matching(sql.RANKED, asked, filters, (skip,))
        items = _listings(row["cards"])
        following = encode_cursor("relevance", skip + limit) if len(items) > limit else None
        return _hits(row, items[:limit], following)

    async def _matching(
        self, statement: str, asked: Question, filters: Sequence[Any], place: Sequence[Any]
    ) -> Record:
        """What has all words; where nothing has, what has any of them."""
        all_words = (asked.every, asked.head, asked.prefix, "")
        row = await self._db.fetchrow(statement, *all_words, *filters, *place)
        assert row is not None, "a SELECT without FROM gives one row"
        if row["total"] == 0 and "|" in asked.any:
            row = await self._db.fetchrow(statement, "", "", "", asked.any, *filters, *place)
            assert row is not None, "a SELECT without FROM gives one row"
        return row

    async def suggest(self, ctx: Context, *, prefix: str, limit: int = 8) -> list[str]:
        asked = headings(prefix)
        if not asked:
            return []
        start = " ".join(storable(prefix).lower().split())
        rows = await self._db.fetch(sql.SUGGEST, asked, start, limit)
        return [row["title"] for row in rows]

    async def show(self, ctx: Context, events: Sequence[ListingChanged]) -> None:
        """Takes over what the catalogue says; what is older than the index changes nothing."""
        newest: dict[UUID, ListingChanged] = {}
        for event in events:
            known = newest.get(event.product_id)
            if known is None or known.version < event.version:
                newest[event.product_id] = event
        shelves: dict[UUID | None, str] = {}
        if any(event.listing and event.listing.category_id for event in newest.values()):
            shelves = {c.id: c.name for c in await self._catalog.categories(ctx)}
        columns = zip(*(_row(event, shelves) for event in newest.values()), strict=True)
        await self._db.step(ctx, sql.SHOW, *(list(column) for column in columns))


def _row(event: ListingChanged, shelves: dict[UUID | None, str]) -> tuple[Any, ...]:
    """The arguments of SHOW for one product; almost nothing for one that is not on sale."""
    listing = event.listing
    if listing is None:
        empty = ("", "", "", "", None, None, 0, 0, LONG_AGO)
        return (event.product_id, event.version, None, *empty)
    card = listing.model_copy(update={"text": ""}).model_dump_json()
    return (
        *(event.product_id, event.version, storable(card)),
        *(storable(listing.title), storable(listing.brand)),
        *(shelves.get(listing.category_id, ""), storable(listing.text[:TEXT_MAX_CHARS])),
        *(listing.category_id, listing.vendor_id),
        *(listing.price_from.minor, listing.price_to.minor, listing.created_at),
    )


def _listings(cards: Sequence[str]) -> list[Listing]:
    """All read at once, which is several times faster than one by one."""
    return _LISTINGS.validate_json("[" + ",".join(cards) + "]")


def _hits(row: Record, items: list[Listing], following: str | None) -> Hits:
    return Hits(
        items=items,
        next=following,
        total=row["total"],
        categories=[Facet(**facet) for facet in row["categories"]],
        vendors=[Facet(**facet) for facet in row["vendors"]],
    )


def _place(
    cursor: str | None, order: str, convert: Callable[[Any], Any]
) -> tuple[Any, UUID] | None:
    found = decode_cursor(cursor, _same(order), convert, UUID)
    return (found[1], found[2]) if found else None


def _same(order: str) -> Callable[[Any], str]:
    """A cursor goes on in the order it was made for and in no other."""

    def check(value: Any) -> str:
        if value != order:
            raise ValueError
        return order

    return check


def _skipped(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= sql.TOTAL_MAX:
        raise ValueError
    return value


def _minor(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MINOR_MAX:
        raise ValueError
    return value


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found


def _born(listing: Listing) -> str:
    return listing.created_at.isoformat()


def _price(listing: Listing) -> int:
    return listing.price_from.minor


# order → statements without words and with them, how a cursor's key is read and made, the start
_Sorted = tuple[str, str, Callable[[Any], Any], Callable[[Listing], Any], tuple[Any, UUID]]
_SORTS: dict[str, _Sorted] = {
    "newest": (sql.NEWEST, sql.NEWEST_MATCHING, _moment, _born, (FOREVER, LAST_ID)),
    "price": (sql.CHEAPEST, sql.CHEAPEST_MATCHING, _minor, _price, (-1, FIRST_ID)),
    "-price": (sql.DEAREST, sql.DEAREST_MATCHING, _minor, _price, (1 << 62, LAST_ID)),
}
