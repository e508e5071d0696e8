"""Finding products and vendors."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.insight.search import documents
from haat.domains.insight.search.api import FoundVendors, Hits, Narrow, Ranking, VendorSort
from haat.domains.insight.search.api import Sort as Order
from haat.domains.insight.search.rules import STEPS
from haat.domains.insight.search.service import filtering
from haat.domains.insight.search.service.noting import NotingCases
from haat.domains.insight.search.service.standing import stores
from haat.engines.search import (
    Answer,
    AnyOf,
    Filter,
    Hit,
    Question,
    SearchAway,
    Signal,
    Sort,
)
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.page import decode_cursor, encode_cursor

SHOWN_MAX = 1000  # hits by relevance that can be paged through
FACETS = {
    "shelf": 50,
    "vendor": 50,
    "category": 50,
    "brand": 30,
    "attribute": 60,
    "stock": 1,
    "trust": 1,
}
MADE_MAX = 200  # answers whose hits are kept as they were told, for as long as the index keeps them
VENDORS_MAX = 10_000  # of a category, that are looked among
_SORTS: dict[str, Sort | None] = {
    "relevance": None,
    "newest": Sort("created", falling=True),
    "price": Sort("price_from"),
    "-price": Sort("price_from", falling=True),
    "popular": Sort("popularity", falling=True),
    "rating": Sort("rating", falling=True),
    "distance": None,
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
        narrow: Narrow | None = None,
    ) -> Hits:
        order: Order = "newest" if sort == "relevance" and not words.strip() else sort
        narrow = narrow or Narrow()
        point = _point(narrow, order)
        filters = [
            *filtering.goods(category_ids, price_min, price_max, brands, attributes),
            *filtering.sellers(narrow, vendor_id),
        ]
        ruled = await self._rules()
        after, skip = _place(cursor, order)
        question = Question(
            words=words,
            filters=tuple(filters),
            facets=FACETS,
            ranges={"price_from": STEPS, "rating": filtering.STARS},
            sort=_SORTS[order],
            after=after,
            skip=skip,
            limit=limit + 1,
            signals=_signals(ctx, ruled.ranking),
            synonyms=ruled.synonyms,
            explains=explain,
            meaning=ruled.ranking.meaning / 1000,
            point=point,
            rings=filtering.RINGS if point else (),
            nearest=order == "distance",
        )
        answer = await self._ask(question)
        hits = self._told(answer, order, limit, skip, question)
        if cursor is None and words.strip():
            await self._looked(ctx, words, found=answer.total > 0)
        return hits

    async def vendors(
        self,
        ctx: Context,
        *,
        words: str = "",
        category_ids: list[UUID] | None = None,
        narrow: Narrow | None = None,
        sort: VendorSort = "relevance",
        limit: int = 24,
        cursor: str | None = None,
    ) -> FoundVendors:
        narrow = narrow or Narrow()
        point = _point(narrow, sort)
        counts: dict[str, int] = {}
        filters = filtering.stores(narrow)
        if category_ids is not None:
            counts = await self._vendor_counts(category_ids)
            filters.append(AnyOf("id", tuple(counts)))
        after, skip = _place(cursor, sort)
        question = Question(
            words=words,
            filters=tuple(filters),
            facets={"trust": 1},
            ranges={"rating": filtering.STARS},
            sort=_SORTS[sort],
            after=after,
            skip=skip,
            limit=limit + 1,
            point=point,
            nearest=sort == "distance",
        )
        try:
            answer = await self._stores.ask(question)
        except SearchAway:
            return FoundVendors(items=[], total=0)
        if category_ids is None:
            found = tuple(hit.id for hit in answer.hits)
            counts = await self._vendor_counts(None, AnyOf("vendor", found))
        return FoundVendors(
            items=stores(answer.hits[:limit], counts),
            next=_following(answer.hits, sort, limit, skip),
            total=answer.total,
            verified=dict(answer.facets.get("trust", ())).get(documents.VERIFIED, 0),
            ratings=filtering.ratings(answer.ranges.get("rating", ())),
            did_you_mean=answer.meant,
        )

    async def _vendor_counts(
        self, category_ids: list[UUID] | None, *others: Filter
    ) -> dict[str, int]:
        """Vendors with products on sale, in these categories, and how many."""
        filters = (*filtering.goods(category_ids, None, None, None, None), *others)
        facets = {"vendor": VENDORS_MAX}
        question = Question(filters=filters, facets=facets, limit=1, samples=False)
        return dict((await self._ask(question)).facets.get("vendor", ()))

    def _told(self, answer: Answer, order: str, limit: int, skip: int, question: Question) -> Hits:
        """Made once for an answer that the index keeps."""
        key = (id(answer), order, limit, skip)
        kept = self._made.get(key)
        if kept is not None and kept[0] is answer:
            return kept[1]
        hits = _hits(answer, order, limit, skip, question)
        if len(self._made) >= MADE_MAX:
            self._made.pop(next(iter(self._made)))
        self._made[key] = (answer, hits)
        return hits


def _point(narrow: Narrow, order: str) -> tuple[float, float] | None:
    """What distances are measured from."""
    if narrow.near is not None:
        return narrow.near.latitude, narrow.near.longitude
    if order == "distance":
        raise Invalid.at("sort", "Distance from where? Name a point.", "point_missing")
    return None


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
    if _is_counted(order):
        found = decode_cursor(cursor, _same(order), _number(SHOWN_MAX))
        return None, found[1] if found else 0
    found = decode_cursor(cursor, _same(order), _number(_PLACE_MAX), _number(_PLACE_MAX))
    return ((found[1], found[2]) if found else None), 0


def _is_counted(order: str) -> bool:
    """Whether a page begins after so many hits; else behind a place."""
    return _SORTS[order] is None


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
    if _is_counted(order):
        return encode_cursor(order, skip + limit) if skip + limit < SHOWN_MAX else None
    return encode_cursor(order, *hits[limit - 1].place)


def _hits(answer: Answer, order: str, limit: int, skip: int, question: Question) -> Hits:
    """Read from JSON in one go: several times faster than some 300 models one by one."""
    shown = answer.hits[:limit]
    facets = answer.facets
    told = {
        "next": _following(answer.hits, order, limit, skip),
        "total": answer.total,
        "categories": [{"id": id, "count": n} for id, n in facets.get("shelf", ())],
        "vendors": [{"id": id, "count": n} for id, n in facets.get("vendor", ())],
        "facets": _values(facets),
        "prices": _prices(answer, question.ranges["price_from"]),
        "ratings": filtering.at_least(answer.ranges.get("rating", ())),
        "in_stock": dict(facets.get("stock", ())).get(documents.IN_STOCK, 0),
        "verified": dict(facets.get("trust", ())).get(documents.VERIFIED, 0),
        "rings": [
            {"km": km, "count": count}
            for km, count in zip(question.rings, answer.within, strict=False)
        ],
        "distances": [
            {"id": hit.id, "km": round(hit.km, 1)} for hit in shown if hit.km is not None
        ],
        "matched": answer.matched,
        "did_you_mean": answer.meant,
        "counted": round(answer.share, 4),
        "explanations": [_explanation(hit) for hit in shown if hit.why],
    }
    items = b",".join(hit.payload for hit in shown)
    rest = json.dumps(told).encode()
    return Hits.model_validate_json(b'{"items":[' + items + b"]," + rest[1:])


def _values(facets: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, list[dict[str, Any]]]:
    """Counts by facet; an attribute's under its name."""
    found = {
        name: [{"value": value, "count": count} for value, count in facets.get(name, ())]
        for name in ("category", "brand")
    }
    for both, count in facets.get("attribute", ()):
        name, _, value = both.partition("\x1f")
        found.setdefault(f"attribute:{name}", []).append({"value": value, "count": count})
    return found


def _prices(answer: Answer, bounds: tuple[int, ...]) -> list[dict[str, int | None]]:
    counts = answer.ranges.get("price_from", ())
    edges = [None, *bounds, None]
    return [
        {"low": low, "high": high, "count": count}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=False)
        if count
    ]


def _explanation(hit: Hit) -> dict[str, Any]:
    reasons = [
        {"what": one.what, "field": one.field, "score": round(one.score, 4)} for one in hit.why
    ]
    return {"id": hit.id, "score": round(hit.score, 4), "reasons": reasons}
