"""Words that are all known, and yet hardly what was meant: `sub hub`, `rtx 2600`, `dvd layer`.

A word is doubted where it never stands beside its neighbours while another one, a slip away, does.
How often they stand together is weighed against how likely the slip is. What is tried is bounded,
and a question whose words stand beside each other pays one look at each pair, kept until the next
commit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log

from haat.engines.search.analysis import Word, words
from haat.engines.search.asking import Plan
from haat.engines.search.reading import Asked
from haat.engines.search.spelling import OTHER_KEY, Guess, slip_cost
from haat.engines.search.vocabulary import RARE, Vocabulary

LOOKED_AT_MAX = 12  # guesses for a word, the likeliest, of which is seen what they stand beside
TRIED_MAX = 4  # respellings that are looked for
FEW = 0.05  # a question that finds a larger share of all documents is not doubted
CERTAIN = 1.5  # how much likelier another reading must be, as a logarithm
FOUND = 0.5  # what it counts that a reading finds more, beside that its words stand together
NOTHING = 0.5  # added to counts, of which some are 0


@dataclass(frozen=True, slots=True)
class Reading:
    """The words with one of them respelt, `words` of them from `at` on; `likely` is a logarithm."""

    asked: Asked
    text: str
    likely: float


def doubted(
    vocabulary: Vocabulary,
    read: Asked,
    total: int,
    plan_of: Callable[[Asked], Plan],
    count: Callable[[Plan], int],
) -> Plan | None:
    """What was likelier meant by words of which so many documents were found; None when nothing
    is."""
    if len(read.wanted) < 2 or total > max(RARE, FEW * vocabulary.documents):
        return None
    apart = [vocabulary.share(one.term, other.term) <= RARE for one, other in pairwise(read.wanted)]
    if not any(apart):
        return None
    tries = sorted(
        _respelt(vocabulary, read, total, apart), key=lambda one: (-one.likely, one.text)
    )
    best, most = None, CERTAIN
    for one in tries[:TRIED_MAX]:
        if one.likely + FOUND * log(vocabulary.documents) < most:
            break
        plan = plan_of(one.asked)
        found = count(plan)
        likely = one.likely + FOUND * log((found + NOTHING) / (total + NOTHING))
        if found > total // 10 and likely > most:
            best, most = replace(plan, meant=one.text), likely
    return best


def _respelt(vocabulary: Vocabulary, read: Asked, total: int, apart: list[bool]) -> list[Reading]:
    wanted = read.wanted
    asked_for = {word.term for word in wanted}
    found = []
    for at, word in enumerate(wanted):
        before = wanted[at - 1] if at else None
        after = wanted[at + 1] if at + 1 < len(wanted) else None
        own = vocabulary.together(before, word.written, after)
        if own > RARE or not all(apart[max(at - 1, 0) : at + 1]):
            continue
        for guess, cost in _worth_a_look(vocabulary, word, own, total):
            [*other] = words(guess.word)
            if len(other) != 1 or other[0].term in asked_for:
                continue
            together = vocabulary.together(before, guess.word, after)
            if together:
                likely = log((together + NOTHING) / (own + NOTHING)) - cost
                found.append(_with(read, at, 1, other, likely))
    return found


def _worth_a_look(
    vocabulary: Vocabulary, word: Word, own: int, total: int
) -> list[tuple[Guess, float]]:
    """What a word may be, and what the slip costs: those that could be likely enough if they stood
    there in every document that has them."""
    found = []
    for guess in vocabulary.meant(word.written, True):
        cost = slip_cost(word.written, guess.word)
        if word.written.isdecimal() and cost >= OTHER_KEY:
            continue  # another digit makes another thing of it
        at_most = log((guess.count + NOTHING) / (own + NOTHING)) - cost
        at_most += FOUND * log((guess.count + NOTHING) / (total + NOTHING))
        if at_most > CERTAIN:
            found.append((at_most, guess, cost))
    found.sort(key=lambda one: (-one[0], one[1].word))
    return [(guess, cost) for _, guess, cost in found[:LOOKED_AT_MAX]]


def _with(read: Asked, at: int, length: int, other: list[Word], likely: float) -> Reading:
    wanted = [*read.wanted[:at], *other, *read.wanted[at + length :]]
    asked = replace(read, wanted=tuple(wanted))
    return Reading(asked, " ".join(word.written for word in wanted), likely)
