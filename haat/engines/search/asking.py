"""From words to queries: each word is looked for in every field, and its best field counts.

Adding the fields up would let a word that stands everywhere beat one that stands where it matters;
so a word gives its best field and a little of the others (measured, docs/decisions/0014-search.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log

from tantivy import Occur, Query, Schema

from haat.engines.search.analysis import Word, term_of, words
from haat.engines.search.fields import CODES, text_field
from haat.engines.search.port import Matched, Shape, Synonyms
from haat.engines.search.reading import Asked
from haat.engines.search.spacing import respaced
from haat.engines.search.spelling import Guess, ordered, slips
from haat.engines.search.vocabulary import OFTEN, RARE, Vocabulary

OTHER_FIELDS = 0.03  # of what a word's other fields would give
SYNONYM, JOINED = 0.5, 0.9  # what such a match is worth beside the word itself
LIKE, LEAST = 0.7, 0.05  # what a guess is worth that is as likely as the best one, and any other

GUESSES = 6  # that are looked for at once
SURE = 0.2  # how much the likeliest one goes before the others
CONTEXT = 2.0  # what it counts for a guess that it stands beside the word next to it, as logarithms


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was asked for: a word, a phrase with synonyms. `label` explains it."""

    label: str
    query: Query
    fields: tuple[tuple[str, Query], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look for. `meant` is the text with corrections, None without any."""

    parts: tuple[Part, ...]
    adding: tuple[Query, ...] = ()
    unwanted: tuple[Query, ...] = ()
    any_will_do: bool = False
    meant: str | None = None

    def query(self, matched: Matched, narrowing: Sequence[Query]) -> Query:
        """With all parts, most, or any, among what `narrowing` leaves."""
        clauses = [(Occur.Must, one) for one in narrowing]
        clauses += [(Occur.MustNot, one) for one in self.unwanted]
        if self.parts:
            parts = [(Occur.Should, part.query) for part in self.parts]
            least = self.least(matched)
            clauses.append((Occur.Must, Query.boolean_query(parts, least)))
            clauses += [(Occur.Should, one) for one in self.adding]
        elif not narrowing or self.unwanted:
            clauses.append((Occur.Must, Query.const_score_query(Query.all_query(), 0.0)))
        return Query.boolean_query(clauses)

    def least(self, matched: Matched) -> int:
        return {"every": len(self.parts), "most": ceil(len(self.parts) / 2), "any": 1}[matched]

    @property
    def ways(self) -> tuple[Matched, ...]:
        """Strict ones first, without those that ask for as much as the one before."""
        if self.any_will_do:
            return ("any",)
        if len(self.parts) < 2:
            return ("every",)
        return ("every", "most", "any") if self.least("most") > 1 else ("every", "any")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a word is taken for: itself, or what it must have been, and what else it may be."""

    words: tuple[Word, ...]
    others: tuple[tuple[str, float], ...] = ()
    is_corrected: bool = False

    @property
    def written(self) -> str:
        return " ".join(word.written for word in self.words)


@dataclass(slots=True)
class Planner:
    """Makes plans for one state of an index."""

    schema: Schema
    shape: Shape
    vocabulary: Vocabulary
    synonyms: Synonyms
    corrects: bool = True
    explains: bool = False

    def plan(self, asked: Asked) -> Plan:
        typed = asked
        if self.corrects:
            asked = respaced(self.vocabulary, asked)
        choices = [self._choice(asked, at) for at in range(len(asked.wanted))]
        parts: list[Part] = []
        at = 0
        while at < len(choices):
            part, taken = self._next(choices, at)
            parts.append(part)
            at += taken
        meant = [choice.written for choice in choices]
        for phrase in asked.phrases:
            label = " ".join(word.written for word in phrase)
            parts.append(Part(label, self._phrase([word.term for word in phrase])))
            meant.append(f'"{label}"')
        is_corrected = asked is not typed or any(choice.is_corrected for choice in choices)
        return Plan(
            tuple(parts),
            adding=self._adding([word for choice in choices for word in choice.words]),
            unwanted=tuple(self._terms(word.term) for word in asked.unwanted),
            any_will_do=asked.any_will_do,
            meant=" ".join(meant) if is_corrected else None,
        )

    # -- what words are taken for --------------------------------------------------------------

    def _choice(self, asked: Asked, at: int) -> Choice:
        word = asked.wanted[at]
        is_open = asked.is_open and at == len(asked.wanted) - 1
        guesses: tuple[Guess, ...] = ()
        if self.corrects:
            guesses = self.vocabulary.instead(
                word.written, is_open=is_open, in_context=len(asked.wanted) > 1
            )
        elif is_open and len(word.written) > 1 and not self.vocabulary.count(word.written):
            guesses = tuple(ordered(self.vocabulary.endings(word.written)))
        guesses = self._in_context(asked, at, guesses)[:GUESSES]
        if not guesses:
            return self._apart(word)
        best = guesses[0]
        others = tuple((one.word, self._share(one, best)) for one in guesses)
        if self._is_known(word):
            return Choice((word,), tuple((text, LIKE * share) for text, share in others))
        read = tuple(words(best.word)) or (word,)
        return Choice(read, others[1:], is_corrected=not best.is_ending)

    def _share(self, guess: Guess, best: Guess) -> float:
        """What a guess is worth beside the best one: as likely as it is, and not more for being
        rare, which is what makes other words tell much."""
        likely = max(LEAST, exp(SURE * (guess.likely - best.likely)))
        return likely * min(1.0, self._telling(best.word) / self._telling(guess.word))

    def _telling(self, word: str) -> float:
        return self._tells(term_of(word))

    def _tells(self, term: str) -> float:
        """How much it tells about a document that it has this term."""
        documents = self.vocabulary.documents
        having = self.vocabulary.in_field(text_field(self.shape.heading), term)
        return log(1 + (documents - having + 0.5) / (having + 0.5))

    def _in_context(self, asked: Asked, at: int, guesses: tuple[Guess, ...]) -> tuple[Guess, ...]:
        """The likeliest first, now that its neighbours are known: what often stands beside them,
        and nothing that was asked for already."""
        wanted = asked.wanted
        before = wanted[at - 1] if at else None
        after = wanted[at + 1] if at + 1 < len(wanted) else None
        if not guesses or (before is None and after is None):
            return guesses
        asked_for = {word.term for word in wanted}
        is_sure = bool(slips(wanted[at].written))  # else its neighbours must bear a guess out
        count = self.vocabulary.count(wanted[at].written)
        own = self.vocabulary.together(before, wanted[at].written, after) if count else 0
        found = []
        for guess in guesses:
            if term_of(guess.word) in asked_for:
                continue
            together = self.vocabulary.together(before, guess.word, after)
            if count and guess.count < count * OFTEN and together < own * OFTEN + RARE:
                continue  # the word is known, and stands there as well as this one
            if together or is_sure:
                found.append(replace(guess, likely=guess.likely + CONTEXT * log(1 + together)))
        return tuple(ordered(found))

    def _apart(self, word: Word) -> Choice:
        """As it is, or as two words when only those are known."""
        if not self.corrects or word.is_code or self._is_known(word):
            return Choice((word,))
        parted = self.vocabulary.parted(word.written)
        if parted is None:
            return Choice((word,))
        return Choice(tuple(found for one in parted for found in words(one)), is_corrected=True)

    def _is_known(self, word: Word) -> bool:
        if self.vocabulary.count(word.written):
            return True
        return any(
            self.vocabulary.in_field(text_field(name), word.term) for name in self.shape.texts
        )

    # -- parts ---------------------------------------------------------------------------------

    def _next(self, choices: Sequence[Choice], at: int) -> tuple[Part, int]:
        """The part that begins with this choice, and how many choices it takes."""
        for length in range(min(self.synonyms.longest, len(choices) - at), 0, -1):
            group = [word for choice in choices[at : at + length] for word in choice.words]
            others = self.synonyms.of(tuple(word.term for word in group))
            if others:
                return self._with_synonyms(group, others), length
        choice = choices[at]
        if at + 1 < len(choices) and len(choice.words) == len(choices[at + 1].words) == 1:
            other = choices[at + 1]
            joined = choice.written + other.written
            if not joined.isdecimal() and self.vocabulary.count(joined):
                return self._joined(choice, other, joined), 2
        label = choice.written
        return Part(label, self._chosen(choice), self._fields(choice)), 1

    def _with_synonyms(self, group: Sequence[Word], others: Sequence[tuple[str, ...]]) -> Part:
        ways = [_all([self._word(word) for word in group])]
        tells = max(self._tells(word.term) for word in group)
        for other in others:
            # A word that is rarer tells more, but not more than the one that was asked for.
            rarer = max(self._tells(term) for term in other)
            worth = SYNONYM * min(1.0, tells / rarer)
            ways.append(_worth(self._phrase(other), worth))
        label = " ".join(word.written for word in group)
        return Part(label, _best(ways, 0.0), self._fields(Choice(tuple(group))))

    def _joined(self, one: Choice, other: Choice, joined: str) -> Part:
        """Two words that are known as one, too: smart watch, wh 1000xm4."""
        ways = [_all([self._chosen(one), self._chosen(other)])]
        ways.append(_worth(self._written(joined), JOINED))
        label = f"{one.written} {other.written}"
        every = Choice((*one.words, *other.words, *words(joined)))
        return Part(label, _best(ways, 0.0), self._fields(every))

    def _chosen(self, choice: Choice) -> Query:
        ways = [_all([self._word(word) for word in choice.words])]
        ways += [_worth(self._written(text), weight) for text, weight in choice.others]
        return _best(ways, 0.0)

    # -- queries -------------------------------------------------------------------------------

    def _fields(self, choice: Choice) -> tuple[tuple[str, Query], ...]:
        """For explanations: where each of these words may stand."""
        if not self.explains:
            return ()
        seen = [*choice.words, *(word for text, _ in choice.others for word in words(text))]
        return tuple(pair for word in dict.fromkeys(seen) for pair in self._places(word))

    def _places(self, word: Word) -> list[tuple[str, Query]]:
        found = [
            (name, _worth(Query.term_query(self.schema, text_field(name), word.term), weight))
            for name, weight in self.shape.texts.items()
        ]
        if word.is_code or not word.written.isalpha():
            found += [
                (CODES, _worth(Query.term_query(self.schema, CODES, form), self.shape.codes_weight))
                for form in ((word.forms or (word.written,))[:1])
            ]
        return found

    def _word(self, word: Word) -> Query:
        """In its best field; a code also as the phrase of its parts."""
        ways = [query for _, query in self._places(word)]
        if word.written.isalpha():
            term = Query.term_query(self.schema, CODES, word.written)
            ways.append(_worth(term, self.shape.codes_weight))
        parts = word.forms[1:]
        if len(parts) > 1 and "".join(parts) == word.forms[0]:
            heading = text_field(self.shape.heading)
            ways.append(Query.phrase_query(self.schema, heading, list(parts)))
        return _best(ways, OTHER_FIELDS)

    def _written(self, text: str) -> Query:
        return _all([self._word(word) for word in words(text)])

    def _phrase(self, terms: Sequence[str]) -> Query:
        if len(terms) == 1:
            return self._terms(terms[0])
        ways = [
            _worth(Query.phrase_query(self.schema, text_field(name), list(terms)), weight)
            for name, weight in self.shape.texts.items()
        ]
        return _best(ways, OTHER_FIELDS)

    def _terms(self, term: str) -> Query:
        ways = [
            _worth(Query.term_query(self.schema, text_field(name), term), weight)
            for name, weight in self.shape.texts.items()
        ]
        return _best(ways, OTHER_FIELDS)

    def _adding(self, wanted: Sequence[Word]) -> tuple[Query, ...]:
        """What makes a match better without being one: the category's name, for one."""
        return tuple(
            _worth(Query.term_query(self.schema, text_field(name), word.term), weight)
            for name, weight in self.shape.adding.items()
            for word in wanted
        )


def _worth(query: Query, weight: float) -> Query:
    return query if weight == 1.0 else Query.boost_query(query, float(weight))


def _best(ways: Sequence[Query], others: float) -> Query:
    return ways[0] if len(ways) == 1 else Query.disjunction_max_query(list(ways), others)


def _all(queries: Sequence[Query]) -> Query:
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Must, one) for one in queries])


def either(first: Plan, second: Plan) -> Plan:
    """What the first one finds, and behind it what the second one finds."""
    own = first.query("every", ())
    other = _worth(second.query("every", ()), LIKE / 2)
    label = " ".join(part.label for part in first.parts)
    fields = tuple(pair for plan in (first, second) for part in plan.parts for pair in part.fields)
    part = Part(label, _best([own, other], 0.0), fields)
    return Plan((part,), meant=first.meant or second.meant)
