"""A space that stands where it should not, or not where it should: `lap top`, `s dcard`, `usbhub`.

Only words that nobody knows are looked at, so a question of known words pays nothing.
"""

from dataclasses import replace

from haat.engines.search.analysis import Word, words
from haat.engines.search.reading import Asked
from haat.engines.search.vocabulary import RARE, Vocabulary


def respaced(vocabulary: Vocabulary, read: Asked) -> Asked:
    """With known words where the spaces of unknown ones can be put so; itself otherwise."""
    found: list[Word] = []
    rest = list(read.wanted)
    while rest:
        word = rest.pop(0)
        other = _two(vocabulary, word, rest[0]) if rest else None
        if other is not None:
            rest.pop(0)
        else:
            other = _one(vocabulary, word)
        found += other
    return read if tuple(found) == read.wanted else replace(read, wanted=tuple(found))


def _two(vocabulary: Vocabulary, one: Word, other: Word) -> list[Word] | None:
    """Two words as one, or with the space a letter earlier or later."""
    if not (_is_plain(one) and _is_plain(other)):
        return None
    if vocabulary.count(one.written) and vocabulary.count(other.written):
        return None
    both = one.written + other.written
    if vocabulary.count(both):
        return words(both)
    cuts = (len(one.written) - 1, len(one.written) + 1)
    beside, parts = max((_parts(vocabulary, both, cut) for cut in cuts), key=lambda pair: pair[0])
    return parts if beside else None


def _one(vocabulary: Vocabulary, word: Word) -> list[Word]:
    """A word as the two that stand beside each other oftenest."""
    if not _is_plain(word) or vocabulary.count(word.written):
        return [word]
    found = (_parts(vocabulary, word.written, cut) for cut in range(2, len(word.written) - 1))
    beside, parts = max(found, key=lambda pair: pair[0], default=(0, []))
    return parts if beside > RARE else [word]


def _parts(vocabulary: Vocabulary, both: str, cut: int) -> tuple[int, list[Word]]:
    """In how many headings these stand beside each other, when both are known."""
    parts = [*words(both[:cut]), *words(both[cut:])]
    if len(parts) != 2 or not all(vocabulary.count(part.written) for part in parts):
        return 0, []
    return vocabulary.beside(parts[0].term, parts[1].term), parts


def _is_plain(word: Word) -> bool:
    """Codes are known by their parts, however they are written."""
    return not word.is_code and not any(letter.isdigit() for letter in word.written)
