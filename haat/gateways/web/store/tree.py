"""The category tree in memory, to find parents, children and everything below a category."""

from collections.abc import Sequence
from uuid import UUID

from haat.domains.goods.catalog.api import Category
from haat.kernel.errors import NotFound


class Tree:
    """Built from `Catalog.categories`: parents before children, by position."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self._by_id = {category.id: category for category in categories}
        self._children: dict[UUID | None, list[Category]] = {}
        for category in categories:
            self._children.setdefault(category.parent_id, []).append(category)

    @property
    def roots(self) -> list[Category]:
        return self.children(None)

    def children(self, parent_id: UUID | None) -> list[Category]:
        return self._children.get(parent_id, [])

    def get(self, id: UUID | None) -> Category | None:
        return self._by_id.get(id) if id else None

    def find(self, ref: str) -> Category:
        """By slug or id; NotFound."""
        for category in self._by_id.values():
            if ref in (category.slug, str(category.id)):
                return category
        raise NotFound("There is no such category.")

    def path(self, id: UUID | None) -> list[Category]:
        """From the root down to this category; empty for none."""
        found: list[Category] = []
        category = self.get(id)
        while category is not None and category not in found:
            found.insert(0, category)
            category = self.get(category.parent_id)
        return found

    def below(self, id: UUID) -> list[UUID]:
        """This category and all below it."""
        found = [id]
        for known in found:  # grows while it is walked
            found.extend(c.id for c in self.children(known) if c.id not in found)
        return found
