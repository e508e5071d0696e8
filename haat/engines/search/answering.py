"""A question put to one state of an index."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tantivy import DocAddress, FieldType, Occur, Order, Query

from haat.engines.search.analysis import words
from haat.engines.search.asking import Plan, Planner, either, respelt
from haat.engines.search.fields import (
    HEADING,
    ID,
    PAYLOAD,
    PLACE,
    keyword_field,
    narrowing,
    number_field,
    text_field,
)
from haat.engines.search.port import (
    RANKED_MAX,
    Answer,
    Filter,
    Hit,
    Matched,
    Question,
    Reason,
    Signal,
    Sort,
    Synonyms,
)
from haat.engines.search.reading import Asked, asked
from haat.engines.search.vocabulary import OFTEN, RARE

if TYPE_CHECKING:
    from haat.engines.search.embedded import State

_NO_SYNONYMS = Synonyms()
_GUESSES_TRIED = 6  # for each word
_TRIES_MAX = 16  # respellings of a question whose words are all known but never stand together
_COMPLETED_MAX = 60  # headings that are compared for an autocompletion

Found = tuple[float, int, DocAddress]  # score, place, address


def answer(state: "State", question: Question) -> Answer:
    read = asked(question.words)
    if read.is_empty and not read.unwanted and question.words.strip():
        return Answer((), 0)  # nothing but punctuation
    narrow = narrowing(state.schema, question.filters)
    plan, matched, total = _understood(state, question, read, narrow)
    query = plan.query(matched, narrow)
    if total == 0:
        return Answer((), 0, matched=matched, meant=plan.meant)
    if question.sort is not None:
        hits = _sorted(state, query, question, question.sort)
    else:
        hits = _ranked(state, query, plan, question)
    facets, ranges = _counted(state, query, question)
    return Answer(tuple(hits), total, facets, ranges, matched, plan.meant)


def _understood(
    state: "State", question: Question, read: Asked, narrow: Sequence[Query]
) -> tuple[Plan, Matched, int]:
    """The strictest reading of the words that finds something."""
    plan = _plan(state, question, read)
    first, *others = plan.ways
    total = _total(state, plan.query(first, narrow))
    if total <= RARE and others and question.corrects and plan.meant is None:
        better = _respelt(state, question, read, narrow, least=total * OFTEN)
        if better is not None:
            both = either(plan, better) if total else better
            return both, "every", _total(state, both.query("every", narrow))
    if total or not others:
        return plan, first, total
    for way in others:
        total = _total(state, plan.query(way, narrow))
        if total:
            return plan, way, total
    return plan, others[-1], 0


def _plan(state: "State", question: Question, read: Asked) -> Plan:
    planner = Planner(
        state.schema,
        state.shape,
        state.vocabulary,
        question.synonyms or _NO_SYNONYMS,
        question.corrects,
        question.explains,
    )
    return planner.plan(read)


def _respelt(
    state: "State", question: Question, read: Asked, narrow: Sequence[Query], least: int
) -> Plan | None:
    """Every word is known but hardly anything has them all: perhaps one is a slip for another, or
    a space stands where it should not."""
    wanted = [word.written for word in read.wanted]
    tries: list[tuple[int, int, str]] = []
    for at, (one, other) in enumerate(pairwise(wanted)):
        parted = state.vocabulary.parted(one + other)
        if parted is not None and parted != (one, other):
            tries.append((at, 2, " ".join(parted)))
    for at, word in enumerate(wanted):
        guesses = [one for one in state.vocabulary.meant(word, True) if one.word not in wanted]
        tries += [(at, 1, guess.word) for guess in guesses[:_GUESSES_TRIED]]
    best, most = None, (0, least)
    for at, length, other in tries[:_TRIES_MAX]:
        spelt = respelt(read, at, other, length)
        plan = _plan(state, question, spelt)
        total = _total(state, plan.query("every", narrow))
        if total <= least:
            continue
        pairs = pairwise(word.term for word in spelt.wanted)
        beside = sum(state.vocabulary.beside(one, next_one) for one, next_one in pairs)
        if (beside, total) > most:
            meant = " ".join([*wanted[:at], other, *wanted[at + length :]])
            best, most = replace(plan, meant=meant), (beside, total)
    return best


def _total(state: "State", query: Query) -> int:
    found: Any = state.searcher.search(query, 1, count=True)
    return int(found.count)


# -- orders --------------------------------------------------------------------------------------


def _ranked(state: "State", query: Query, plan: Plan, question: Question) -> list[Hit]:
    """The first RANKED_MAX by words and signals together, those behind them by words alone."""
    end = question.skip + question.limit
    found = _found(state, query, max(end, RANKED_MAX))
    front, rest = found[:RANKED_MAX], found[RANKED_MAX:]
    signals = _signals(state, front, question.signals)
    top = max((score for score, _, _ in front), default=0.0) or 1.0
    sums = [
        score / top + sum(parts.values())
        for (score, _, _), parts in zip(front, signals, strict=True)
    ]
    order = sorted(range(len(front)), key=lambda at: (-round(sums[at], 6), front[at][1]))
    shown: list[tuple[float, Found, Mapping[str, float]]] = [
        (sums[at], front[at], signals[at]) for at in order
    ]
    shown += [(score / top, (score, place, at), {}) for score, place, at in rest]
    return [
        _hit(state, score, one[2], (0, one[1]), _why(state, plan, question, one, top, parts))
        for score, one, parts in shown[question.skip : end]
    ]


def _found(state: "State", query: Query, limit: int) -> list[Found]:
    hits = state.searcher.search(query, limit, count=False).hits
    addresses = [address for _, address in hits]
    places = state.searcher.fast_field_values(PLACE, addresses)
    return [
        (score, int(place or 0), address)
        for (score, address), place in zip(hits, places, strict=True)
    ]


def _signals(
    state: "State", found: Sequence[Found], signals: Mapping[str, Signal]
) -> list[dict[str, float]]:
    """What each signal adds to each of these."""
    parts: list[dict[str, float]] = [{} for _ in found]
    addresses = [address for _, _, address in found]
    for name, signal in signals.items():
        if not signal.weight or signal.high <= signal.low:
            continue
        values = state.searcher.fast_field_values(number_field(name), addresses)
        for one, value in zip(parts, values, strict=True):
            share = (int(value or 0) - signal.low) / (signal.high - signal.low)
            if share > 0:
                one[name] = signal.weight * min(share, 1.0)
    return parts


def _sorted(state: "State", query: Query, question: Question, sort: Sort) -> list[Hit]:
    """Exactly behind `after`, whatever has the same number and however the index is laid out."""
    name, wanted = number_field(sort.name), question.limit
    shown: list[tuple[int, int, DocAddress]] = []
    if question.after is not None:
        number, place = question.after
        same = _and(query, _number(state, name, number, number), _place_after(state, place))
        shown = [(number, *one) for one in _by_place(state, same, wanted)]
        bound = (None, number - 1) if sort.falling else (number + 1, None)
        query = _and(query, _number(state, name, *bound))
    if len(shown) < wanted:
        shown += _by_number(state, query, name, sort.falling, wanted - len(shown))
    return [_hit(state, 0.0, address, (number, place)) for number, place, address in shown]


def _by_number(
    state: "State", query: Query, name: str, falling: bool, wanted: int
) -> list[tuple[int, int, DocAddress]]:
    order = Order.Desc if falling else Order.Asc
    hits = state.searcher.search(query, wanted, count=False, order_by_field=name, order=order).hits
    numbers = [int(number) for number, _ in hits]
    addresses = [address for _, address in hits]
    places = [int(p or 0) for p in state.searcher.fast_field_values(PLACE, addresses)]
    found = list(zip(numbers, places, addresses, strict=True))
    if len(found) == wanted:
        # More may have the last number than are here: of those, the first by place.
        last = numbers[-1]
        found = [one for one in found if one[0] != last]
        alike = _and(query, _number(state, name, last, last))
        found += [(last, *one) for one in _by_place(state, alike, wanted - len(found))]
    return sorted(found, key=lambda one: (-one[0] if falling else one[0], one[1]))


def _by_place(state: "State", query: Query, wanted: int) -> list[tuple[int, DocAddress]]:
    hits = state.searcher.search(
        query, wanted, count=False, order_by_field=PLACE, order=Order.Asc
    ).hits
    return [(int(place), address) for place, address in hits]


def _number(state: "State", name: str, low: int | None, high: int | None) -> Query:
    return Query.range_query(state.schema, name, FieldType.Integer, low, high)


def _place_after(state: "State", place: int) -> Query:
    return _number(state, PLACE, place + 1, None)


def _and(*queries: Query) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries])


def _hit(
    state: "State",
    score: float,
    address: DocAddress,
    place: tuple[int, int],
    why: tuple[Reason, ...] = (),
) -> Hit:
    document = state.searcher.doc(address)
    return Hit(
        str(document.get_first(ID)), bytes(document.get_first(PAYLOAD) or b""), score, place, why
    )


def _why(
    state: "State",
    plan: Plan,
    question: Question,
    found: Found,
    top: float,
    signals: Mapping[str, float],
) -> tuple[Reason, ...]:
    """Which word gave how much in which field, as a share of the best hit's score."""
    if not question.explains:
        return ()
    score, _, address = found
    reasons = [
        Reason(part.label, name, given)
        for part in plan.parts
        for name, query in part.fields
        if (given := _given(state, query, address) / top) > 0
    ]
    reasons += [Reason(name, name, given) for name, given in signals.items()]
    return (Reason("words", "", score / top), *sorted(reasons, key=lambda one: -one.score))


def _given(state: "State", query: Query, address: DocAddress) -> float:
    try:
        said = json.loads(query.explain(state.searcher, address).to_json())
    except ValueError:  # tantivy refuses to explain what does not match
        return 0.0
    return float(said["value"])


# -- counts --------------------------------------------------------------------------------------


def _counted(
    state: "State", query: Query, question: Question
) -> tuple[dict[str, tuple[tuple[str, int], ...]], dict[str, tuple[int, ...]]]:
    wanted: dict[str, Any] = {}
    for name, size in question.facets.items():
        wanted[f"k_{name}"] = {"terms": {"field": keyword_field(name), "size": size}}
    for name, bounds in question.ranges.items():
        edges = [None, *bounds, None]
        ranges = [
            {key: float(value) for key, value in (("from", low), ("to", high)) if value is not None}
            for low, high in pairwise(edges)
        ]
        wanted[f"n_{name}"] = {"range": {"field": number_field(name), "ranges": ranges}}
    if not wanted:
        return {}, {}
    said = state.searcher.aggregate(query, wanted)
    facets = {
        name: tuple(
            sorted(
                ((one["key"], one["doc_count"]) for one in said[f"k_{name}"]["buckets"]),
                key=lambda pair: (-pair[1], pair[0]),
            )
        )
        for name in question.facets
    }
    counted = {
        name: tuple(one["doc_count"] for one in said[f"n_{name}"]["buckets"])
        for name in question.ranges
    }
    return facets, counted


# -- completing ----------------------------------------------------------------------------------


def completed(state: "State", beginning: str, limit: int, filters: tuple[Filter, ...]) -> list[Hit]:
    read = words(beginning)
    if not read:
        return []
    heading = text_field(state.shape.heading)
    *whole, last = read
    clauses = [(Occur.Must, Query.term_query(state.schema, heading, word.term)) for word in whole]
    guesses = state.vocabulary.endings(last.written) or state.vocabulary.meant(last.written)
    terms = {word.term for guess in guesses for word in words(guess.word)} | {last.term}
    clauses.append((Occur.Must, Query.term_set_query(state.schema, heading, sorted(terms))))
    clauses += [(Occur.Must, one) for one in narrowing(state.schema, filters)]
    query = Query.boolean_query(clauses)
    hits = state.searcher.search(query, max(limit, _COMPLETED_MAX), count=False).hits
    found = []
    for score, address in hits:
        document = state.searcher.doc(address)
        heading = bytes(document.get_first(HEADING) or b"").decode()
        payload = bytes(document.get_first(PAYLOAD) or b"")
        found.append(Hit(str(document.get_first(ID)), payload, score, (0, 0), heading=heading))
    typed = " ".join(word.written for word in read)
    return sorted(found, key=lambda hit: _beginning(hit.heading, typed))[:limit]


def _beginning(heading: str, typed: str) -> tuple[bool, int, str]:
    known = " ".join(word.written for word in words(heading[: len(typed) * 2]))
    return not known.startswith(typed), len(heading), heading
