"""What could be chosen beside what was: counts of a group without the group's own filter."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tantivy import Query

from haat.engines.search.fields import narrowing
from haat.engines.search.port import AnyOf, Filter, Near, Question

if TYPE_CHECKING:
    from haat.engines.search.embedded import State

Facets = dict[str, tuple[tuple[str, int], ...]]
Ranges = dict[str, tuple[int, ...]]
Asked = Callable[[Sequence[Query]], Query]  # the words, among what these leave
Count = Callable[[Query, Question], tuple[Facets, Ranges]]


def count_apart(
    state: "State", asked: Asked, count: Count, question: Question, facets: Facets, ranges: Ranges
) -> None:
    """Puts them into `facets` and `ranges`, in the place of those that were counted with all."""
    for group in dict.fromkeys(filter(None, map(apart, question.filters))):
        names, prefix = group
        others = [one for one in question.filters if apart(one) != group]
        only = replace(
            question,
            facets={key: n for key, n in question.facets.items() if key in names},
            ranges={key: n for key, n in question.ranges.items() if key in names},
        )
        counted, spans = count(asked(narrowing(state.schema, others)), only)
        for key, values in counted.items():
            kept = [pair for pair in values if pair[0].startswith(prefix)]
            if prefix:
                kept += [pair for pair in facets.get(key, ()) if not pair[0].startswith(prefix)]
            facets[key] = tuple(sorted(kept, key=lambda pair: (-pair[1], pair[0])))
        ranges.update(spans)


def apart(one: Filter) -> tuple[tuple[str, ...], str] | None:
    """The facets, and which values of them, that are counted without this filter."""
    if isinstance(one, Near) or not one.apart:
        return None
    return one.apart, one.prefix if isinstance(one, AnyOf) else ""
