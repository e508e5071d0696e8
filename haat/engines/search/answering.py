"""A question put to one state of an index."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tantivy import DocAddress, FieldType, Occur, Order, Query

from haat.engines.search import meaning
from haat.engines.search.analysis import words
from haat.engines.search.asking import Plan, Planner, either
from haat.engines.search.beside import Facets, apart, count_apart
from haat.engines.search.counting import counted
from haat.engines.search.doubting import doubted
from haat.engines.search.fields import (
    HEADING,
    ID,
    PAYLOAD,
    PLACE,
    narrowing,
    number_field,
    text_field,
)
from haat.engines.search.nearby import measured, nearest, rings
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

if TYPE_CHECKING:
    from haat.engines.search.embedded import State

_NO_SYNONYMS = Synonyms()
_COMPLETED_MAX = 60  # headings that are compared for an autocompletion


Found = tuple[float, int, DocAddress]  # score, place, address


def answer(state: "State", question: Question) -> Answer:
    read = asked(question.words)
    if read.is_empty and not read.unwanted and question.words.strip():
        return Answer((), 0)  # nothing but punctuation
    narrow = narrowing(state.schema, question.filters)
    plan, matched, seen = _understood(state, question, read, narrow)
    total = int(seen.count)
    if total == 0 and not any(map(apart, question.filters)):
        return Answer((), 0, matched=matched, meant=plan.meant)
    query = plan.query(matched, narrow)
    if question.nearest and question.point is not None:
        hits = nearest(state, query, question, question.point)
    elif question.sort is not None:
        hits = _sorted(state, query, question, question.sort)
    else:
        hits = _ranked(state, seen, plan, question)
    facets, ranges, share = counted(state, query, question, total)
    shares = [share]

    def again(left: Sequence[Query]) -> Query:
        return plan.query(matched, left)

    def count(wider: Query, only: Question) -> tuple[Facets, dict[str, tuple[int, ...]]]:
        values, spans, part = counted(state, wider, only, _total(state, wider))
        shares.append(part)
        return values, spans

    count_apart(state, again, count, question, facets, ranges)
    within = rings(state, again, question)
    shown = measured(state, hits, question)
    return Answer(shown, total, facets, ranges, matched, plan.meant, min(shares), within)


def _understood(
    state: "State", question: Question, read: Asked, narrow: Sequence[Query]
) -> tuple[Plan, Matched, Any]:
    """The strictest reading of the words that finds something, and what it finds: counted, and the
    best of it in the same go."""
    best = max(question.skip + question.limit, RANKED_MAX) if question.sort is None else 1

    def look(plan: Plan, way: Matched) -> Any:
        return state.searcher.search(plan.query(way, narrow), best, count=True)

    plan = _plan(state, question, read)
    first, *others = plan.ways
    seen = look(plan, first)
    total = int(seen.count)
    if others and question.corrects and plan.meant is None:
        better = doubted(
            state.vocabulary,
            read,
            total,
            lambda asked: _plan(state, question, asked),
            lambda other: _total(state, other.query("every", narrow)),
        )
        if better is not None:
            both = either(better, plan) if total else better
            return both, "every", look(both, "every")
    if total or not others:
        return plan, first, seen
    for way in others:
        seen = look(plan, way)
        if seen.count:
            return plan, way, seen
    return plan, others[-1], seen


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


def _total(state: "State", query: Query) -> int:
    found: Any = state.searcher.search(query, 1, count=True)
    return int(found.count)


# -- orders --------------------------------------------------------------------------------------


def _ranked(state: "State", seen: Any, plan: Plan, question: Question) -> list[Hit]:
    """The first RANKED_MAX by words and signals together, those behind them by words alone."""
    end = question.skip + question.limit
    found = _found(state, seen)
    front, rest = found[:RANKED_MAX], found[RANKED_MAX:]
    signals = _signals(state, front, question.signals)
    _meanings(state, front, question, plan.meant or question.words, signals)
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


def _found(state: "State", seen: Any) -> list[Found]:
    hits = seen.hits
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


def _meanings(
    state: "State",
    found: Sequence[Found],
    question: Question,
    asked: str,
    parts: Sequence[dict[str, float]],
) -> None:
    """What each heading adds by meaning what was asked for."""
    if not question.meaning or not asked.strip() or not meaning.is_there():
        return
    rows = [state.searcher.doc(address).get_first(HEADING) for _, _, address in found]
    headings = [bytes(row or b"").decode() for row in rows]
    for one, share in zip(parts, meaning.alike(asked, headings), strict=True):
        if share > 0:
            one["meaning"] = question.meaning * share


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
