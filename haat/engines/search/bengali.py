"""Bengali words brought to one form: spelling variants first, then endings.

The rules are those of "A Light Weight Stemmer for Bengali" (Urmi and others, 2016) and of its
companion for spelling by sound: long and short vowels, the three letters for s, the two for n, what
is written with a joined ba or ya but not heard. Text is a run of code points and never split inside
a word: vowel signs are marks that belong to the letter before them.
"""

from collections.abc import Iterator
from functools import lru_cache

FIRST, LAST = "\u0980", "\u09ff"
_HASANTA, _BA, _YA, _VISARGA = "\u09cd", "\u09ac", "\u09af", "\u0983"
# Letters with a dot below are two code points in normalised text; the rules know them as one.
_DOTTED = (("\u09a1\u09bc", "\u09dc"), ("\u09a2\u09bc", "\u09dd"), ("\u09af\u09bc", "\u09df"))
_SAME = str.maketrans(
    {
        "\u0981": None,  # chandrabindu
        "\u200c": None,  # what only says how letters are joined
        "\u200d": None,
        "\u09c0": "\u09bf",  # long i
        "\u09c2": "\u09c1",  # long u
        "\u0999": "\u0982",  # nga
        "\u09b6": "\u09b8",  # sh
        "\u09b7": "\u09b8",
        "\u09a3": "\u09a8",  # n
        "\u09dc": "\u09b0",  # r
        "\u09dd": "\u09b0",
        "\u09ce": "\u09a4",  # t
    }
)
# By length. A word keeps at least two code points.
_ENDINGS = tuple(
    tuple(words.split())
    for words in (
        "িয়াছিলাম িতেছিলাম িতেছিলেন ইতেছিলেন িয়াছিলেন ইয়াছিলেন",
        "িতেছিলি িতেছিলে িয়াছিলা িয়াছিলে িতেছিলা িয়াছিলি য়েদেরকে",
        "িতেছিস িতেছেন িয়াছিস িয়াছেন েছিলাম েছিলেন েদেরকে",
        "িতেছি িতেছা িতেছে ছিলাম ছিলেন িয়াছি িয়াছা িয়াছে েছিলে েছিলা য়েদের দেরকে",
        "িলাম িলেন িতাম িতেন িবেন ছিলি ছিলে ছিলা তেছে িতেছ খানা খানি গুলো গুলি য়েরা েদের",
        "লাম িলি ইলি িলে ইলে লেন িলা ইলা তাম িতি ইতি িতে ইতে তেন িতা িবা ইবা িবি ইবি বেন িবে ইবে"
        " ছেন য়োন য়ের েরা দের",
        "িস েন লি লে লা তি তে তা বি বে বা ছি ছা ছে ুন ুক টা টি নি ের রা কে",
        "ি া ো ে ব ত",
    )
)
_COUNTING = ("গুলো", "গুলি", "খানা", "খানি", "টা", "টি")
_KEPT = 3  # code points of a word before one of these


def endings() -> Iterator[tuple[str, int]]:
    """Every ending with how many code points it has."""
    for place, some in enumerate(_ENDINGS):
        yield from ((ending, len(_ENDINGS) - place) for ending in _whole(some))


def is_bengali(word: str) -> bool:
    return any(FIRST <= letter <= LAST for letter in word)


@lru_cache(maxsize=50_000)
def normalised(word: str) -> str:
    """The word as it sounds."""
    for two, one in _DOTTED:
        word = word.replace(two, one)
    letters = list(word.translate(_SAME))
    at = 0
    while at < len(letters):
        letter = letters[at]
        if letter == _YA and at and letters[at - 1] == _HASANTA:
            at = _joined_ya(letters, at)
        elif letter == _BA and at and letters[at - 1] == _HASANTA:
            at = _joined_ba(letters, at)
        elif letter == _VISARGA:
            at = _visarga(letters, at)
        else:
            at += 1
    return "".join(letters)


def _joined_ya(letters: list[str], at: int) -> int:
    """Under a word's first letter it is heard as a vowel, elsewhere it is not heard."""
    if at != 2:
        del letters[at - 1 : at + 1]
        return at - 1
    letters[1:3] = ["\u09c7"]
    if letters[2:3] == ["\u09be"]:
        del letters[2]
    return 2


def _joined_ba(letters: list[str], at: int) -> int:
    """Not heard under a first letter or a third one of a cluster; else doubles its letter."""
    if at == 2 or (at >= 5 and letters[at - 3] == _HASANTA):
        del letters[at - 1 : at + 1]
        return at - 1
    letters[at - 1 : at + 1] = [letters[at - 2]] if at >= 2 else []
    return max(at, 1)


def _visarga(letters: list[str], at: int) -> int:
    """Inside a word it doubles what follows; at the end of a long one it is not heard."""
    if at + 1 < len(letters):
        letters[at] = letters[at + 1]
    elif len(letters) <= 3:
        letters[at] = "\u09b9"
    else:
        del letters[at]
    return at + 1


def term(word: str) -> str:
    """What a word is found by. What says "the" or that there are several stands behind an ending
    of the word's own: the one goes, then the other."""
    word = normalised(word)
    for ending in _COUNTING:
        if word.endswith(ending) and len(word) >= len(ending) + _KEPT:
            word = word[: -len(ending)]
            break
    return stemmed(word) or word


@lru_cache(maxsize=50_000)
def stemmed(word: str) -> str:
    """The word without its longest ending that is known."""
    for two, one in _DOTTED:
        word = word.replace(two, one)
    for place, some in enumerate(_ENDINGS):
        length = len(_ENDINGS) - place
        if len(word) > length + 1:
            for ending in _whole(some):
                if word.endswith(ending):
                    return word[:-length]
    return word


@lru_cache(maxsize=len(_ENDINGS))
def _whole(some: tuple[str, ...]) -> tuple[str, ...]:
    """These with each dotted letter as one code point, however this file is stored."""
    found = []
    for ending in some:
        for two, one in _DOTTED:
            ending = ending.replace(two, one)
        found.append(ending)
    return tuple(found)
