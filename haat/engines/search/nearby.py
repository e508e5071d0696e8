"""What is near a point: how far, how many within a ring, and the nearest first."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING, Any

from tantivy import DocAddress, Occur, Order, Query

from haat.engines.search.fields import (
    EARTH_KM,
    ID,
    LATITUDE,
    LONGITUDE,
    MICRO,
    PAYLOAD,
    PLACE,
    narrowing,
)
from haat.engines.search.port import Hit, Near, Question

if TYPE_CHECKING:
    from haat.engines.search.embedded import State

# Kilometres that are tried until enough is within; the last is the other side of the earth.
_LADDER = (1, 3, 10, 30, 100, 300, 1000, 3000, 20_100)
_MEASURED_MAX = 5_000  # of one step of the ladder, that are put in the order of their distance

Point = tuple[float, float]


def kilometres(one: Point, other: Point) -> float:
    """Along the surface of a sphere."""
    north, south = radians(one[0]), radians(other[0])
    across = radians(other[1] - one[1])
    half = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(across / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))


def nearest(state: "State", query: Query, question: Question, point: Point) -> list[Hit]:
    """Those of this page. Where very many are about as far, they stand in a fixed order."""
    end = question.skip + question.limit
    within = query
    for km in _LADDER:
        within = _within(state, query, point, km)
        if _total(state, within) >= end:
            break
    found = state.searcher.search(
        within, max(end, _MEASURED_MAX), count=False, order_by_field=PLACE, order=Order.Asc
    ).hits
    addresses = [address for _, address in found]
    far = _distances(state, addresses, point)
    order = sorted(range(len(found)), key=lambda at: (round(far[at] or 0.0, 3), found[at][0]))
    return [
        _hit(state, addresses[at], int(found[at][0]), far[at]) for at in order[question.skip : end]
    ]


def rings(
    state: "State", asked: Callable[[Sequence[Query]], Query], question: Question
) -> tuple[int, ...]:
    """How many are within each ring, with all filters but that of the distance."""
    if question.point is None or not question.rings:
        return ()
    others = [one for one in question.filters if not isinstance(one, Near)]
    query = asked(narrowing(state.schema, others))
    return tuple(_total(state, _within(state, query, question.point, km)) for km in question.rings)


def measured(state: "State", hits: Sequence[Hit], question: Question) -> tuple[Hit, ...]:
    """With their distance from the point, where one was named."""
    if question.point is None or question.nearest or not hits:
        return tuple(hits)
    ids = Query.term_set_query(state.schema, ID, [hit.id for hit in hits])
    addresses = [at for _, at in state.searcher.search(ids, len(hits), count=False).hits]
    names = [str(state.searcher.doc(at).get_first(ID)) for at in addresses]
    far = dict(zip(names, _distances(state, addresses, question.point), strict=True))
    return tuple(replace(hit, km=far.get(hit.id)) for hit in hits)


def _within(state: "State", query: Query, point: Point, km: float) -> Query:
    near = narrowing(state.schema, [Near(*point, km)])
    return Query.boolean_query([(Occur.Must, query), *((Occur.Must, one) for one in near)])


def _distances(state: "State", addresses: list[DocAddress], point: Point) -> list[float | None]:
    """None where a document is nowhere."""
    found = zip(
        state.searcher.fast_field_values(LATITUDE, addresses),
        state.searcher.fast_field_values(LONGITUDE, addresses),
        strict=True,
    )
    return [
        None
        if north is None or east is None
        else kilometres(point, (int(north) / MICRO - 90, int(east) / MICRO - 180))
        for north, east in found
    ]


def _total(state: "State", query: Query) -> int:
    found: Any = state.searcher.search(query, 1, count=True)
    return int(found.count)


def _hit(state: "State", address: DocAddress, place: int, km: float | None) -> Hit:
    document = state.searcher.doc(address)
    payload = bytes(document.get_first(PAYLOAD) or b"")
    return Hit(str(document.get_first(ID)), payload, 0.0, (0, place), km=km)
