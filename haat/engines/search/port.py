"""What a search engine of any make is asked and answers.

An index has a *shape*: which fields its documents have and what they are for. A *question* has
words, filters, facets, an order and a page; the answer says how the words were understood.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, Protocol

from haat.kernel.errors import Unavailable

Matched = Literal["every", "most", "any"]


class SearchAway(Unavailable, code="search_away"):
    """The index is not there yet, or its engine does not answer; try again."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of an index.

    `texts` are analysed: name → weight of a word found there. `heading` is the one whose words tell
    what the document is. Words of `spelt` are what misspelt ones are corrected to and beginnings
    are completed to. `codes` is a text too, of model numbers and the like, found in any way of
    writing. `keywords` are compared as they stand and counted as facets; a document may have
    several of one. `numbers` are whole, from 0 to 2**62.
    """

    texts: Mapping[str, float]
    heading: str
    spelt: tuple[str, ...]
    codes: tuple[str, ...] = ()
    codes_weight: float = 0.2
    keywords: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    adding: Mapping[str, float] = field(default_factory=dict)  # text → what it adds to a match


@dataclass(frozen=True, slots=True)
class Document:
    """`payload` comes back with a hit, as it is. `at` is (latitude, longitude) in degrees."""

    id: str
    texts: Mapping[str, str] = field(default_factory=dict)
    keywords: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    payload: bytes = b""
    at: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Has one of these keywords; none fits an empty list. The facets `apart` are counted without
    this filter, so that one can choose another value of it: only those values of it that begin
    with `prefix`, where that says which ones stand beside each other."""

    name: str
    values: tuple[str, ...]
    apart: tuple[str, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Between:
    """Has such a number, bounds included. The ranges `apart` are counted without this filter."""

    name: str
    low: int | None = None
    high: int | None = None
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Near:
    """Is within so many kilometres."""

    latitude: float
    longitude: float
    km: float


Filter = AnyOf | Between | Near


@dataclass(frozen=True, slots=True)
class Sort:
    """By a number, and where that is the same by a fixed order of its own."""

    name: str
    falling: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """Nothing up to `low`, all of `weight` from `high` on, a share of it between."""

    weight: float
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Question:
    """`after` is the place of the last hit of the page before: of a sorted list its `Hit.place`;
    by relevance `skip` says how many were shown.

    `point`: (latitude, longitude); hits tell how far from it they are, `rings` (kilometres) count
    those within each, whatever `Near` leaves of them, and `nearest` orders by that distance: what
    is nowhere is left out.

    `signals`: number → what it adds to the words' part of the score, which is 1 for the best hit.
    `synonyms`: groups of words or phrases that mean the same. Without `corrects` a misspelt word
    finds nothing. `meaning`: what a heading that means the same adds, as a signal does, where the
    engine knows of meanings. `samples`: counts of very many hits may be estimates.
    """

    words: str = ""
    filters: tuple[Filter, ...] = ()
    facets: Mapping[str, int] = field(default_factory=dict)  # keyword → how many values
    ranges: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # number → bounds
    sort: Sort | None = None
    after: tuple[int, int] | None = None
    skip: int = 0
    limit: int = 24
    signals: Mapping[str, Signal] = field(default_factory=dict)
    synonyms: "Synonyms | None" = None
    corrects: bool = True
    explains: bool = False
    samples: bool = True
    meaning: float = 0.0
    point: tuple[float, float] | None = None
    rings: tuple[int, ...] = ()
    nearest: bool = False


RANKED_MAX = 200  # hits whose signals are weighed; those behind stand in the order of their words


@dataclass(frozen=True, slots=True)
class Reason:
    """What a part of the question gave to a hit. `field` is '' for the sum and a signal's name."""

    what: str
    field: str
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """`heading` is told with completions only, `km` where the question names a point."""

    id: str
    payload: bytes
    score: float
    place: tuple[int, int]
    why: tuple[Reason, ...] = ()
    heading: str = ""
    km: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`meant` are the words as they were corrected, where some were. `facets` are counted over all
    hits, most frequent first; `ranges` has one count more than there are bounds, `within` one for
    each ring. Of very many hits a `share` is counted, and the counts are estimates; `total` is
    exact."""

    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    matched: Matched = "every"
    meant: str | None = None
    share: float = 1.0
    within: tuple[int, ...] = ()


class Synonyms:
    """Groups of words and phrases; each finds the others. Of those `one_way` the first finds the
    others, which do not find it."""

    def __init__(
        self, groups: Sequence[Sequence[str]] = (), one_way: Sequence[Sequence[str]] = ()
    ) -> None:
        from haat.engines.search.analysis import words

        self._others: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        every = [(group, False) for group in groups] + [(group, True) for group in one_way]
        for group, is_first_only in every:
            keys = [tuple(word.term for word in words(phrase)) for phrase in group]
            keys = [key for key in dict.fromkeys(keys) if key]
            for key in keys[:1] if is_first_only else keys:
                others = self._others.setdefault(key, [])
                others += [one for one in keys if one != key and one not in others]
        self.longest = max(map(len, self._others), default=0)
        self._digest = blake2b(repr(self._others).encode(), digest_size=8).hexdigest()

    def __repr__(self) -> str:
        return f"Synonyms({self._digest})"

    def of(self, terms: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
        return self._others.get(terms, ())


class Writer(Protocol):
    """The one who may change an index, in one process at a time."""

    @property
    def position(self) -> str | None:
        """What the last commit was told; None when there is nothing yet that fits the shape."""
        ...

    async def put(self, documents: Sequence[Document], gone: Sequence[str] = ()) -> None:
        """These replace what has their ids; the `gone` are removed."""
        ...

    async def commit(self, position: str) -> None:
        """From now on readers see it, those of other processes within a moment."""
        ...

    async def begin_again(self) -> "Writer":
        """A writer of a new, empty edition. Readers keep to the old one until the new one's
        `take_over`."""
        ...

    async def take_over(self) -> None:
        """This edition is what readers see from now on; it was committed before."""
        ...


class Index(Protocol):
    """One kind of document. Any number of processes ask; one writes."""

    async def ask(self, question: Question) -> Answer:
        """SearchAway when nothing has been written yet."""
        ...

    async def complete(
        self, beginning: str, *, limit: int, filters: tuple[Filter, ...] = ()
    ) -> list[Hit]:
        """Documents whose heading has these words, the last one as a beginning; headings that
        begin so come first, short ones before long ones."""
        ...

    async def position(self) -> str | None:
        """What the last commit was told, by whichever process; None before the first."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Writer | None]:
        """The writer, for as long as the block lasts; None while another process has it."""
        ...


class SearchEngine(Protocol):
    def index(self, name: str, shape: Shape) -> Index: ...

    async def aclose(self) -> None: ...

    def describe(self) -> Mapping[str, Any]:
        """What it is and holds, for whoever looks after it."""
        ...
