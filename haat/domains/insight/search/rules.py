"""From what people type to what PostgreSQL's full text search is asked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from haat.domains.goods.catalog.api import Category
from haat.kernel.money import MINOR_MAX

WORDS_MAX = 12
WORD_MAX_CHARS = 60
TEXT_MAX_CHARS = 20_000  # of a description; more would not fit the index and tells nothing more

_WORD = re.compile(r"[^\W_]+")
_LAST = re.compile(r"(?<!\S)([^\W_]+)$")  # a plain word at the very end: not -word, not in quotes


@dataclass(frozen=True, slots=True)
class Question:
    """The three texts a search is made of. Empty: there is nothing to look for.

    `every` is in the syntax of websearch_to_tsquery; `head` is `every` without its last word,
    which `prefix` then asks for as a beginning; `any` joins all words by "or". The latter two are
    in the syntax of to_tsquery.
    """

    every: str
    head: str
    prefix: str
    any: str

    @property
    def is_empty(self) -> bool:
        return not self.any


def storable(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL and half surrogate pairs."""
    return text.encode("utf-8", "ignore").decode().replace("\0", " ")


def question(text: str) -> Question:
    """What somebody typed, at most WORDS_MAX words of it."""
    clean = " ".join(storable(text).lower().split()[:WORDS_MAX])
    words = [word[:WORD_MAX_CHARS] for word in _WORD.findall(clean)][:WORDS_MAX]
    last = _LAST.search(clean) if clean.count('"') % 2 == 0 else None
    if last is None or last[1] == "or":
        return Question(clean, "", "", " | ".join(words))
    return Question(
        clean,
        clean[: last.start()],
        beginning(last[1]),
        " | ".join(words),
    )


def beginning(word: str) -> str:
    """The query for words that begin like this one."""
    return f"'{word[:WORD_MAX_CHARS]}':*"


def headings(prefix: str) -> str:
    """The query for titles with all these words, the last one as a beginning; '' for none."""
    words = _WORD.findall(storable(prefix).lower())[:WORDS_MAX]
    if not words:
        return ""
    whole = [f"'{word[:WORD_MAX_CHARS]}'" for word in words[:-1]]
    return " & ".join([*whole, beginning(words[-1])])


def amount(minor: int | None) -> int | None:
    """A price bound that fits."""
    return None if minor is None else max(0, min(minor, MINOR_MAX))


def below(categories: Iterable[Category], ref: str) -> list[UUID]:
    """The category with this slug or id and all below it; none when there is no such category.

    `categories` have parents before children.
    """
    found: list[UUID] = []
    inside: set[UUID] = set()
    for category in categories:
        if ref in (category.slug, str(category.id)) or category.parent_id in inside:
            inside.add(category.id)
            found.append(category.id)
    return found
