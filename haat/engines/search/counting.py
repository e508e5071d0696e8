"""How many hits have what: facets and ranges.

Of very many hits a share is counted: docs/decisions/0020-counting-very-many-hits.md.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tantivy import FieldType, Occur, Query

from haat.engines.search.beside import Facets
from haat.engines.search.fields import PLACE, PLACES, keyword_field, number_field
from haat.engines.search.port import Question

if TYPE_CHECKING:
    from haat.engines.search.embedded import State

COUNTED_MAX, SAMPLE = 50_000, 20_000  # hits that are counted one by one, and how many of more
SPARE, SPARE_EXACT = 2, 10  # how many times as many values a segment tells of

Counted = tuple[Facets, dict[str, tuple[int, ...]], float]


def counted(state: "State", query: Query, question: Question, total: int) -> Counted:
    """How many hits have what. Of very many hits a share is counted, always the same one, and the
    rest taken to be alike: that share is told."""
    if not question.facets and not question.ranges:
        return {}, {}, 1.0
    share = 1.0
    is_sampled = total > COUNTED_MAX and question.samples
    if is_sampled:
        share = SAMPLE / total
        # Places are hashes of ids: those below a bound are a sample of whatever was found.
        query = _below(state, query, int(share * PLACES))
    said = state.searcher.aggregate(query, _wanted(state, question, is_sampled))
    times = total / max(1.0, said["seen"]["value"]) if is_sampled else 1.0
    facets = {}
    for name in question.facets:
        pairs = [(one["key"], one["doc_count"]) for one in said[f"k_{name}"]["buckets"]]
        pairs.sort(key=lambda pair: (-pair[1], pair[0]))
        facets[name] = tuple((key, _scaled(count, times)) for key, count in pairs)
    ranges = {
        name: tuple(_scaled(one["doc_count"], times) for one in said[f"n_{name}"]["buckets"])
        for name in question.ranges
    }
    return facets, ranges, share


def _scaled(count: int, times: float) -> int:
    return count if times == 1.0 else round(count * times)


def _wanted(state: "State", question: Question, is_sampled: bool) -> dict[str, Any]:
    """What is counted, as tantivy is asked for it."""
    wanted: dict[str, Any] = {}
    # For the sums over several segments to be right, each tells of more than are wanted.
    times = 1 if state.searcher.num_segments == 1 else SPARE if is_sampled else SPARE_EXACT
    if is_sampled:  # every document has one place
        wanted["seen"] = {"value_count": {"field": PLACE}}
    for name, size in question.facets.items():
        told = {"field": keyword_field(name), "size": size, "segment_size": size * times}
        wanted[f"k_{name}"] = {"terms": told}
    for name, bounds in question.ranges.items():
        edges = [None, *bounds, None]
        ranges = [
            {key: float(value) for key, value in (("from", low), ("to", high)) if value is not None}
            for low, high in pairwise(edges)
        ]
        wanted[f"n_{name}"] = {"range": {"field": number_field(name), "ranges": ranges}}
    return wanted


def _below(state: "State", query: Query, place: int) -> Query:
    places = Query.range_query(state.schema, PLACE, FieldType.Integer, None, place)
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, places)])
