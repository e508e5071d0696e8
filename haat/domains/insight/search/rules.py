"""Words and categories, before any engine sees them."""

from collections.abc import Iterable
from uuid import UUID

from haat.domains.goods.catalog.api import Category
from haat.kernel.money import MINOR_MAX

TEXT_MAX_CHARS = 20_000  # of a description; more tells nothing more
WORDS_MAX_CHARS = 100  # of what is kept of a search
# Where the ranges meet that prices are counted in, minor units.
STEPS = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000)


def storable(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL and half surrogate pairs."""
    return text.encode("utf-8", "ignore").decode().replace("\0", " ")


def same_words(text: str) -> str:
    """What counts as the same search: case and spaces do not matter."""
    return " ".join(storable(text).lower().split())[:WORDS_MAX_CHARS].strip()


def begins(name: str, prefix: str) -> bool:
    """Whether a word of the name begins so; of several words typed, the name holds them all."""
    typed = same_words(prefix)
    known = same_words(name)
    return bool(typed) and (known.startswith(typed) or f" {typed}" in f" {known}")


def amount(minor: int) -> int:
    """A price bound that fits."""
    return max(0, min(minor, MINOR_MAX))


def below(categories: Iterable[Category], ref: str) -> list[UUID]:
    """The category with this slug or id and all below it; none when there is no such category.

    `categories` have parents before children.
    """
    categories = list(categories)
    return all_below(categories, {one.id for one in categories if ref in (one.slug, str(one.id))})


def all_below(categories: Iterable[Category], ids: set[UUID]) -> list[UUID]:
    """These and all below them."""
    found: list[UUID] = []
    inside: set[UUID] = set()
    for category in categories:
        if category.id in ids or category.parent_id in inside:
            inside.add(category.id)
            found.append(category.id)
    return found
