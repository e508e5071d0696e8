"""Finding products and vendors."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Listing
from haat.domains.insight.search import documents
from haat.domains.insight.search.api import (
    Explanation,
    Facet,
    FoundVendors,
    Hits,
    PriceRange,
    Ranking,
    Reason,
    Value,
)
from haat.domains.insight.search.api import Sort as Order
from haat.domains.insight.search.rules import amount, steps
from haat.domains.insight.search.service.noting import NotingCases
from haat.domains.insight.search.service.standing import listings, stores
from haat.engines.search import (
    Answer,
    AnyOf,
    Between,
    Filter,
    Hit,
    Question,
    SearchAway,
    Signal,
    Sort,
)
from haat.kernel.context import Context
from haat.kernel.page import decode_cursor, encode_cursor

SHOWN_MAX = 1000  # hits by relevance that can be paged through
FACETS = {"shelf": 50, "vendor": 50, "category": 50, "brand": 30, "attribute": 60}
VENDORS_MAX = 1000  # of a category, that are looked among
_SORTS: dict[Order, Sort | None] = {
    "relevance": None,
    "newest": Sort("created", falling=True),
    "price": Sort("price_from"),
    "-price": Sort("price_from", falling=True),
    "popular": Sort("popularity", falling=True),
}
_PLACE_MAX = 1 << 62


class FindingCases(NotingCases):
    async def products(
        self,
        ctx: Context,
        *,
        words: str = "",
        category_ids: list[UUID] | None = None,
        vendor_id: UUID | None = None,
        price_min: int | None = None,
        price_max: int | None = None,
        brands: list[str] | None = None,
        attributes: dict[str, list[str]] | None = None,
        sort: Order = "relevance",
        limit: int = 24,
        cursor: str | None = None,
        explain: bool = False,
    ) -> Hits:
        order: Order = "newest" if sort == "relevance" and not words.strip() else sort
        filters = _filters(category_ids, vendor_id, price_min, price_max, brands, attributes)
        ruled = await self._rules()
        after, skip = _place(cursor, order)
        question = Question(
            words=words,
            filters=tuple(filters),
            facets=FACETS,
            ranges={"price_from": steps(price_min, price_max)},
            sort=_SORTS[order],
            after=after,
            skip=skip,
            limit=limit + 1,
            signals=_signals(ctx, ruled.ranking),
            synonyms=ruled.synonyms,
            explains=explain,
        )
        answer = await self._ask(question)
        hits = _hits(answer, order, limit, skip, question.ranges["price_from"])
        if cursor is None and words.strip():
            await self._looked(ctx, words, found=answer.total > 0)
        return hits

    async def vendors(
        self,
        ctx: Context,
        *,
        words: str = "",
        category_ids: list[UUID] | None = None,
        limit: int = 24,
    ) -> FoundVendors:
        counts = await self._vendor_counts(category_ids)
        filters = (AnyOf("id", tuple(counts)),) if category_ids is not None else ()
        try:
            answer = await self._stores.ask(
                Question(words=words, filters=filters, limit=limit, signals={})
            )
        except SearchAway:
            return FoundVendors(items=[], total=0)
        return FoundVendors(
            items=stores(answer.hits, counts), total=answer.total, did_you_mean=answer.meant
        )

    async def _vendor_counts(self, category_ids: list[UUID] | None) -> dict[str, int]:
        """Vendors with products on sale, in these categories, and how many."""
        filters = _filters(category_ids, None, None, None, None, None)
        facets = {"vendor": VENDORS_MAX}
        answer = await self._ask(Question(filters=tuple(filters), facets=facets, limit=1))
        return dict(answer.facets["vendor"])


def _filters(
    category_ids: list[UUID] | None,
    vendor_id: UUID | None,
    price_min: int | None,
    price_max: int | None,
    brands: list[str] | None,
    attributes: Mapping[str, Sequence[str]] | None,
) -> list[Filter]:
    found: list[Filter] = []
    if category_ids is not None:
        found.append(AnyOf("shelf", tuple(map(str, category_ids))))
    if vendor_id is not None:
        found.append(AnyOf("vendor", (str(vendor_id),)))
    if price_min is not None:
        found.append(Between("price_to", low=amount(price_min)))
    if price_max is not None:
        found.append(Between("price_from", high=amount(price_max)))
    if brands:
        found.append(AnyOf("brand", tuple(brands)))
    for name, values in (attributes or {}).items():
        chosen = tuple(documents.attribute(name, value) for value in values)
        found.append(AnyOf("attribute", chosen))
    return found


def _signals(ctx: Context, ranking: Ranking) -> dict[str, Signal]:
    now = ctx.now().replace(minute=0, second=0, microsecond=0)  # so that answers can be kept
    since = now - timedelta(days=ranking.fresh_days)
    span = int(since.timestamp() * 1000), int(now.timestamp() * 1000)
    return {
        "popularity": Signal(ranking.popularity / 1000, 0, documents.POPULARITY_MAX),
        "created": Signal(ranking.freshness / 1000, *span),
    }


# -- pages ---------------------------------------------------------------------------------------


def _place(cursor: str | None, order: str) -> tuple[tuple[int, int] | None, int]:
    """What a page begins behind: of a sorted list a place, by relevance a number of hits."""
    if order == "relevance":
        found = decode_cursor(cursor, _same(order), _number(SHOWN_MAX))
        return None, found[1] if found else 0
    found = decode_cursor(cursor, _same(order), _number(_PLACE_MAX), _number(_PLACE_MAX))
    return ((found[1], found[2]) if found else None), 0


def _same(order: str) -> Callable[[Any], str]:
    """A cursor goes on in the order it was made for and in no other."""

    def check(value: Any) -> str:
        if value != order:
            raise ValueError
        return order

    return check


def _number(most: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= most:
            raise ValueError
        return value

    return check


def _following(hits: Sequence[Hit], order: str, limit: int, skip: int) -> str | None:
    if len(hits) <= limit:
        return None
    if order == "relevance":
        return encode_cursor(order, skip + limit) if skip + limit < SHOWN_MAX else None
    return encode_cursor(order, *hits[limit - 1].place)


def _hits(answer: Answer, order: str, limit: int, skip: int, bounds: tuple[int, ...]) -> Hits:
    shown = answer.hits[:limit]
    items: list[Listing] = listings(shown)
    facets = answer.facets
    return Hits(
        items=items,
        next=_following(answer.hits, order, limit, skip),
        total=answer.total,
        categories=[Facet(id=UUID(id), count=n) for id, n in facets.get("shelf", ())],
        vendors=[Facet(id=UUID(id), count=n) for id, n in facets.get("vendor", ())],
        facets=_values(facets),
        prices=_prices(answer, bounds),
        matched=answer.matched,
        did_you_mean=answer.meant,
        explanations=[_explanation(hit) for hit in shown if hit.why],
    )


def _values(facets: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, list[Value]]:
    """Counts by facet; an attribute's under its name."""
    found = {
        name: [Value(value=value, count=count) for value, count in facets.get(name, ())]
        for name in ("category", "brand")
    }
    for both, count in facets.get("attribute", ()):
        name, _, value = both.partition("\x1f")
        found.setdefault(f"attribute:{name}", []).append(Value(value=value, count=count))
    return found


def _prices(answer: Answer, bounds: tuple[int, ...]) -> list[PriceRange]:
    counts = answer.ranges.get("price_from", ())
    edges = [None, *bounds, None]
    return [
        PriceRange(low=low, high=high, count=count)
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=False)
        if count
    ]


def _explanation(hit: Hit) -> Explanation:
    reasons = [Reason(what=one.what, field=one.field, score=round(one.score, 4)) for one in hit.why]
    return Explanation(id=UUID(hit.id), score=round(hit.score, 4), reasons=reasons)
