"""Which known words somebody may have meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

SHORTEST, TWICE = 3, 8  # characters of a word that may have one slip, and two

# What makes a guess likely, as logarithms: how many documents have it, and against it every slip,
# another first or last letter, other digits. Of a word not typed to the end: each letter to come.
FREQUENT, SLIP, FIRST_SAME, LAST_SAME, DIGITS = 0.7, 3.0, 1.0, 0.3, 1.0
ENDING, LETTER = 0.5, 0.4


@dataclass(frozen=True, slots=True)
class Guess:
    """`likely` is a logarithm: what the guess is worth beside another one."""

    word: str
    count: int  # documents that have it
    likely: float
    is_ending: bool = False  # the word as far as it was typed is right


def slips(word: str, *, in_context: bool = False) -> int:
    """How many a word of this length may have. What its neighbours must bear out (`in_context`)
    may be shorter, or a number."""
    if in_context and (len(word) == SHORTEST - 1 or (len(word) > SHORTEST and word.isdecimal())):
        return 1
    if len(word) < SHORTEST or not any(letter.isalpha() for letter in word):
        return 0
    return 2 if len(word) >= TWICE else 1


def distance(one: str, other: str, most: int) -> int:
    """Letters to add, drop, change or swap with their neighbour; most + 1 where it is more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def apart(one: str, other: str, most: int) -> int:
    """The same as `distance`, for many words of which hardly any is near: what both begin and end
    with is left out, and letters that only one of them has are counted, before anything costs."""
    start, last = 0, min(len(one), len(other))
    while start < last and one[start] == other[start]:
        start += 1
    end = 0
    while end < last - start and one[-1 - end] == other[-1 - end]:
        end += 1
    a, b = one[start : len(one) - end], other[start : len(other) - end]
    if len(a) < 2 and len(b) < 2:
        return len(a or b)
    if len(a) == len(b) == 2 and a == b[::-1]:
        return 1
    if most == 1 or abs(len(a) - len(b)) > most or len(set(a) ^ set(b)) > 2 * most:
        return most + 1
    return distance(a, b, most)


def ends(word: str) -> tuple[str, str]:
    """A beginning and an end, one of which a single slip leaves as it is."""
    half = len(word) // 2
    return word[: max(half - 1, 1)], word[-max(half - 1, 1) :]


def guesses(word: str, known: Iterable[tuple[str, int]], most: int) -> list[Guess]:
    """The likeliest of these (word, documents) first: near ones, frequent ones, those that begin
    and end alike and have the same digits."""
    found: dict[str, Guess] = {}
    digits = [letter for letter in word if letter.isdigit()]
    for other, count in known:
        if other == word or other in found or abs(len(other) - len(word)) > most:
            continue
        wrong = apart(word, other, most)
        if wrong > most or wrong >= len(other):
            continue
        likely = FREQUENT * log(1 + count) - SLIP * wrong
        likely += (other[0] == word[0]) * FIRST_SAME + (other[-1] == word[-1]) * LAST_SAME
        likely -= DIGITS * (digits != [letter for letter in other if letter.isdigit()])
        found[other] = Guess(other, count, likely)
    return ordered(found.values())


def endings(word: str, known: Iterable[tuple[str, int]]) -> list[Guess]:
    """These as what the word would have become: the shorter the rest, the likelier."""
    return [
        Guess(other, count, _finished(len(other) - len(word), count), is_ending=True)
        for other, count in known
        if other != word
    ]


def _finished(letters: int, count: int) -> float:
    return FREQUENT * log(1 + count) - ENDING - LETTER * letters


def ordered(found: Iterable[Guess]) -> list[Guess]:
    return sorted(found, key=lambda guess: (-guess.likely, guess.word))
