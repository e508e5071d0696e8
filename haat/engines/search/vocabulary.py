"""The words an index knows, for those that were misspelt, joined, parted or not finished."""

from functools import lru_cache
from typing import Any

from tantivy import Occur, Query, Schema, Searcher

from haat.engines.search import spelling
from haat.engines.search.analysis import STOP_WORDS, Word, term_of
from haat.engines.search.fields import BACKWARDS, CODES, KNOWN, text_field
from haat.engines.search.spelling import SHORTEST, Guess

ENDINGS_MAX, LOOKED_AT_MAX, GUESSES_MAX = 20, 5_000, 40
# A word by itself that so few documents have may be a slip for one that many times more have.
SELDOM, TIMES = 30, 20
RARE, OFTEN = 3, 50  # a word in so few documents may be a slip for one in so many times more


class Vocabulary:
    """Of one state of the index: what it finds out is kept until the next commit."""

    def __init__(self, searcher: Searcher, schema: Schema, heading: str) -> None:
        self._searcher = searcher
        self._schema = schema
        self._heading = text_field(heading)
        self.documents = searcher.num_docs
        self.count = lru_cache(maxsize=10_000)(self._count)
        self.meant = lru_cache(maxsize=2_000)(self._meant)
        self.endings = lru_cache(maxsize=2_000)(self._endings)
        self.parted = lru_cache(maxsize=2_000)(self._parted)
        self.beside = lru_cache(maxsize=10_000)(self._beside)
        self.share = lru_cache(maxsize=10_000)(self._share)
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
        found = spelling.guesses(word, self._near(word, most), most)
        return tuple(found[:GUESSES_MAX])

    def _near(self, word: str, most: int) -> list[tuple[str, int]]:
        """Known words that may be as near as that, with how many documents have them or another
        form of them. Stop words are no guesses: whoever means one does not look for it."""
        if most == 1 and word.isascii():
            tried = dict.fromkeys(spelling.edits(word))
            known = [(one, count) for one in tried if (count := self._spelt(one))]
        else:
            start, end = spelling.ends(word)
            known = self._searcher.terms_with_prefix(KNOWN, start, limit=LOOKED_AT_MAX)
            mirrored = self._searcher.terms_with_prefix(BACKWARDS, end[::-1], limit=LOOKED_AT_MAX)
            known += [(other[::-1], count) for other, count in mirrored]
        return [one for one in known if one[0] not in STOP_WORDS]

    def _spelt(self, word: str) -> int:
        count = self._searcher.doc_freq(KNOWN, word)
        return max(count, self.in_field(self._heading, term_of(word))) if count else 0

    def _beside(self, one: str, other: str) -> int:
        """Headings in which the second term stands right behind the first."""
        if not self._searcher.doc_freq(self._heading, one):
            return 0
        phrase = Query.phrase_query(self._schema, self._heading, [one, other])
        found: Any = self._searcher.search(phrase, 1, count=True)
        return int(found.count)

    def _share(self, one: str, other: str) -> int:
        """Headings that have both terms."""
        terms = [Query.term_query(self._schema, self._heading, term) for term in (one, other)]
        both = Query.boolean_query([(Occur.Must, term) for term in terms])
        found: Any = self._searcher.search(both, 1, count=True)
        return int(found.count)

    def together(self, before: Word | None, text: str, after: Word | None) -> int:
        """How many headings have this between, or joined with, its neighbours."""
        term, found = term_of(text), 0
        if before is not None:
            found += self.beside(before.term, term)
            found += self.count(before.written + text)
        if after is not None:
            found += self.beside(term, after.term)
            found += self.count(text + after.written)
        return found

    def _parted(self, word: str) -> tuple[str, str] | None:
        """Two known words that were written as one: the pair whose rarer word is the most
        frequent."""
        if word.isdecimal():
            return None
        pairs = [(word[:at], word[at:]) for at in range(2, len(word) - 1)]
        counted = [(min(self.count(one), self.count(other)), (one, other)) for one, other in pairs]
        best = max(counted, default=(0, None))
        return best[1] if best[0] else None

    def instead(self, word: str, *, is_open: bool, in_context: bool = False) -> tuple[Guess, ...]:
        """What a word that hardly any document has may be, or become; () for a known one."""
        count = self.count(word)
        if count > SELDOM:
            return ()
        # Two letters that nobody knows are a slip, whatever stands beside them.
        is_short = not count and len(word) == SHORTEST - 1 and word.isalpha()
        found = list(self.meant(word, in_context or is_short))
        if is_open and len(word) > 1:
            found += self.endings(word)
        if count and not in_context:
            found = [guess for guess in found if guess.count >= count * TIMES]
        best: dict[str, Guess] = {}
        for guess in spelling.ordered(found):
            best.setdefault(guess.word, guess)
        return tuple(best.values())
