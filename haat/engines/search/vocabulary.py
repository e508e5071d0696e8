"""The words an index knows, for those that were misspelt, joined, parted or not finished."""

from functools import lru_cache
from typing import Any

from tantivy import Query, Schema, Searcher

from haat.engines.search import spelling
from haat.engines.search.fields import BACKWARDS, CODES, KNOWN, text_field
from haat.engines.search.spelling import Guess

ENDINGS_MAX, LOOKED_AT_MAX, GUESSES_MAX = 20, 5_000, 40
RARE, OFTEN = 3, 50  # a word in so few documents may be a slip for one in so many times more


class Vocabulary:
    """Of one state of the index: what it finds out is kept until the next commit."""

    def __init__(self, searcher: Searcher, schema: Schema, heading: str) -> None:
        self._searcher = searcher
        self._schema = schema
        self._heading = text_field(heading)
        self.count = lru_cache(maxsize=10_000)(self._count)
        self.meant = lru_cache(maxsize=2_000)(self._meant)
        self.endings = lru_cache(maxsize=2_000)(self._endings)
        self.parted = lru_cache(maxsize=2_000)(self._parted)
        self.beside = lru_cache(maxsize=10_000)(self._beside)
        self.in_field = lru_cache(maxsize=10_000)(searcher.doc_freq)

    def _count(self, word: str) -> int:
        """Documents that have this word, as it is written, among those spelt or the codes."""
        return max(self._searcher.doc_freq(KNOWN, word), self._searcher.doc_freq(CODES, word))

    def _endings(self, beginning: str) -> tuple[Guess, ...]:
        """Words that begin so."""
        found = self._searcher.terms_with_prefix(KNOWN, beginning, limit=ENDINGS_MAX)
        return tuple(spelling.endings(beginning, found))

    def _meant(self, word: str, in_context: bool = False) -> tuple[Guess, ...]:
        """What else it may be, the likeliest first."""
        most = spelling.slips(word, in_context=in_context)
        if not most:
            return ()
        start, end = spelling.ends(word)
        known = self._searcher.terms_with_prefix(KNOWN, start, limit=LOOKED_AT_MAX)
        mirrored = self._searcher.terms_with_prefix(BACKWARDS, end[::-1], limit=LOOKED_AT_MAX)
        known += [(other[::-1], count) for other, count in mirrored]
        return tuple(spelling.guesses(word, known, most)[:GUESSES_MAX])

    def _beside(self, one: str, other: str) -> int:
        """Headings in which the second term stands right behind the first."""
        if not self._searcher.doc_freq(self._heading, one):
            return 0
        phrase = Query.phrase_query(self._schema, self._heading, [one, other])
        found: Any = self._searcher.search(phrase, 1, count=True)
        return int(found.count)

    def _parted(self, word: str) -> tuple[str, str] | None:
        """Two known words that were written as one: the pair whose rarer word is the most
        frequent."""
        pairs = [(word[:at], word[at:]) for at in range(2, len(word) - 1)]
        counted = [(min(self.count(one), self.count(other)), (one, other)) for one, other in pairs]
        best = max(counted, default=(0, None))
        return best[1] if best[0] else None

    def instead(self, word: str, *, is_open: bool, in_context: bool = False) -> tuple[Guess, ...]:
        """What a word that hardly any document has may be, or become; () for a known one."""
        count = self.count(word)
        if count > RARE:
            return ()
        found = list(self.meant(word, in_context))
        if is_open and len(word) > 1:
            found += self.endings(word)
        if count:
            found = [guess for guess in found if guess.count >= count * OFTEN]
        return tuple({guess.word: guess for guess in spelling.ordered(found)}.values())
