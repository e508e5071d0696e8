"""Which known words somebody may have meant."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from math import log

SHORTEST, TWICE = 3, 8  # characters of a word that may have one slip, and two

# What makes a guess likely, as logarithms: how many documents have it, and against it every slip,
# another first or last letter, other digits. Of a word not typed to the end: each letter to come.
FREQUENT, SLIP, FIRST_SAME, LAST_SAME, DIGITS = 0.6, 3.0, 0.7, 0.3, 1.0
TYPED_DIGIT = 4.0  # against a guess without a digit that was typed: nobody hits one by accident
# One slip, by its kind. A letter left out or two that changed places can go wrong in one way; what
# was hit instead of a letter, or beside it, is one of many: likelier a key beside the right one.
LEFT_OUT, SWAPPED, TWICE_HIT, NEAR_KEY, OTHER_KEY = 0.5, 0.5, 1.5, 2.7, 3.3
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
ENDING, LETTER = 0.5, 0.4
_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"


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
    if in_context and (len(word) < SHORTEST or word.isdecimal()):
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


def edits(word: str) -> Iterator[str]:
    """Every word of Latin letters and digits that is one slip away; some come twice."""
    for at in range(len(word) + 1):
        start, rest = word[:at], word[at:]
        yield from (start + key + rest for key in _KEYS)
        if rest:
            yield start + rest[1:]
            yield from (start + key + rest[1:] for key in _KEYS)
        if len(rest) > 1:
            yield start + rest[1] + rest[0] + rest[2:]


def guesses(word: str, known: Iterable[tuple[str, int]], most: int) -> list[Guess]:
    """The likeliest of these (word, documents) first: near ones, frequent ones, those that begin
    and end alike and have the same digits."""
    found: dict[str, Guess] = {}
    for other, count in known:
        if other == word or other in found or abs(len(other) - len(word)) > most:
            continue
        wrong = apart(word, other, most)
        if wrong > most or wrong >= len(other):
            continue
        likely = FREQUENT * log(1 + count) - slip_cost(word, other) + _alike(word, other)
        found[other] = Guess(other, count, likely)
    return ordered(found.values())


def slip_cost(word: str, other: str) -> float:
    """What it speaks against a guess that the one was typed for the other, as a logarithm."""
    wrong = apart(word, other, 2)
    if wrong != 1:
        return SLIP * wrong
    if len(word) < len(other):
        return LEFT_OUT
    at = 0
    while at < len(other) and word[at] == other[at]:
        at += 1
    if len(word) > len(other):
        around = word[max(at - 1, 0) : at] + word[at + 1 : at + 2]
        if word[at] in around:
            return TWICE_HIT
        return NEAR_KEY if any(_are_near(word[at], key) for key in around) else OTHER_KEY
    if word[at + 1 :] != other[at + 1 :]:
        return SWAPPED
    return NEAR_KEY if _are_near(word[at], other[at]) else OTHER_KEY


def _are_near(one: str, other: str) -> bool:
    """Whether two keys of a QWERTY keyboard touch."""
    return other in _touching().get(one, "")


@cache
def _touching() -> dict[str, str]:
    places = {
        key: (at + down / 2, down) for down, row in enumerate(_ROWS) for at, key in enumerate(row)
    }
    return {
        key: "".join(
            other
            for other, (x, y) in places.items()
            if other != key and abs(x - across) <= 1 and abs(y - down) <= 1
        )
        for key, (across, down) in places.items()
    }


def _alike(word: str, other: str) -> float:
    """What two words have in common that speaks for a slip, and against it."""
    typed, meant = _digits(word), _digits(other)
    likely = -DIGITS if typed != meant else 0.0
    if len(typed) > len(meant) and not word.isdecimal():
        likely -= TYPED_DIGIT
    if len(word) == len(other) and sorted(word) == sorted(other):
        return likely + (word[2:] == other[2:] or word[-1] == other[-1]) * LAST_SAME
    return likely + (other[0] == word[0]) * FIRST_SAME + (other[-1] == word[-1]) * LAST_SAME


def _digits(word: str) -> list[str]:
    return [letter for letter in word if letter.isdigit()]


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
