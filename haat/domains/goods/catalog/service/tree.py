"""Use cases of the category tree."""

from typing import Any
from uuid import UUID

from haat.domains.goods.catalog import rules, specs
from haat.domains.goods.catalog.api import (
    Attribute,
    Brand,
    Category,
    CategorySaved,
)
from haat.domains.goods.catalog.refusing import CategorySlugTaken
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.catalog.service.kept import is_outside
from haat.domains.goods.catalog.service.stored import Cases, templated, uuid_or_none
from haat.domains.people.media.api import Claim
from haat.engines.sql import Tx, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page, decode_cursor, encode_cursor

DEPTH_MAX = 8


class TreeCases(Cases):
    async def categories(self, ctx: Context) -> list[Category]:
        if not is_outside(ctx):
            return await self._all()
        return await self._kept.tree.through("all", self._shown_ones) or []

    async def _shown_ones(self) -> list[Category]:
        """Without those that are switched off, and what stands below them."""
        found: dict[UUID | None, Category] = {}
        for one in await self._all():  # parents before children
            if one.active and (one.parent_id is None or one.parent_id in found):
                found[one.id] = one
        return list(found.values())

    async def attributes(self, ctx: Context, *, category_id: UUID) -> list[Attribute]:
        return await self._attributes(category_id)

    async def attributes_of(
        self, ctx: Context, *, category_ids: list[UUID]
    ) -> dict[UUID, list[Attribute]]:
        rows = await self._db.fetch(sql.TEMPLATES, category_ids)
        paths: dict[UUID, list[list[Attribute]]] = {id: [] for id in category_ids}
        for row in rows:
            paths[row["of"]].append(templated(row["template"]))
        return {id: specs.inherited(path) for id, path in paths.items()}

    async def template(self, ctx: Context, *, category_id: UUID) -> list[Attribute]:
        rows = await self._db.fetch(sql.TEMPLATES, [category_id])
        if not rows:
            raise NotFound
        return templated(rows[-1]["template"])

    async def _all(self) -> list[Category]:
        return [Category(**row) for row in await self._db.fetch(sql.CATEGORIES)]

    async def brands(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Brand]:
        found = decode_cursor(cursor, _slug)
        everything = not is_outside(ctx) and ctx.has("staff")
        rows = await self._db.fetch(sql.BRANDS, found[0] if found else "", everything, limit + 1)
        shown = [Brand(**row) for row in rows[:limit]]
        following = encode_cursor(shown[-1].slug) if len(rows) > limit else None
        return Page[Brand](items=shown, next=following)

    async def brand(self, ctx: Context, *, ref: str) -> Brand:
        key = rules.brand_key(ref.replace("\0", ""))
        row = await self._db.fetchrow(sql.BRAND, uuid_or_none(ref), key)
        if row is None:
            raise NotFound
        return Brand(**row)

    async def save_brand(
        self,
        ctx: Context,
        *,
        name: str,
        logo_id: UUID | None = None,
        active: bool | None = None,
    ) -> Brand:
        name = " ".join(name.split())
        rules.check_texts(name, "name")
        id = rules.brand_id(name)
        if id is None:
            raise Invalid.at("name", "Give a name.", "name_invalid")
        key = rules.brand_key(name)
        if logo_id is not None:  # before it is shown, and for good: nobody counts brands' versions
            shown = Claim(by=f"brand-logo:{logo_id}", version=1, ids=[logo_id], lasting=True)
            await self._media.claim(ctx, claims=[shown])
        row = await self._db.fetchrow(sql.SAVE_BRAND, id, key, name, logo_id, active)
        assert row is not None, "inserted or updated"
        return Brand(**row)

    async def category(self, ctx: Context, *, ref: str) -> Category:
        async def look_up() -> list[Category] | None:
            row = await self._db.fetchrow(sql.CATEGORY, uuid_or_none(ref), ref.replace("\0", ""))
            return None if row is None else [Category(**row)]

        if is_outside(ctx):
            found = await self._kept.tree.through("=" + ref, look_up)
        else:
            found = await look_up()
        if found is None:
            raise NotFound
        return found[0]

    async def category_moved(self, ctx: Context, *, ref: str) -> str:
        slug: str | None = await self._db.fetchval(sql.CATEGORY_MOVED, ref.replace("\0", ""))
        if slug is None:
            raise NotFound
        return slug

    async def save_category(
        self,
        ctx: Context,
        *,
        id: UUID,
        name: str,
        parent_id: UUID | None = None,
        slug: str | None = None,
        position: int = 0,
        icon: str | None = None,
        active: bool | None = None,
        template: list[Attribute] | None = None,
    ) -> Category:
        name = " ".join(name.split())
        if not name or "\0" in name + (slug or ""):
            raise Invalid.at("name", "Give a name.", "name_invalid")
        if abs(position) > 1_000_000:
            raise Invalid.at("position", "That is too far.", "position_invalid")
        address = rules.slug_of(slug or name, "category")
        rules.check_texts([icon or "", [one.model_dump() for one in template or []]], "template")
        entries = None
        if template is not None:
            entries = [one.model_dump(mode="json") for one in specs.check_template(template)]
        more = (icon, active, entries)
        try:
            return await self._save(ctx, id, name, parent_id, address, bool(slug), position, more)
        except UniqueViolation:
            raise CategorySlugTaken(slug=address) from None

    async def _save(
        self,
        ctx: Context,
        id: UUID,
        name: str,
        parent_id: UUID | None,
        slug: str,
        slug_given: bool,
        position: int,
        more: tuple[str | None, bool | None, list[Any] | None],
    ) -> Category:
        async with self._db.begin(ctx) as tx:
            await tx.fetchval(sql.TREE_ALONE)
            place = await tx.fetchrow(sql.CATEGORY_PLACE, id, parent_id)
            assert place is not None, "a SELECT without FROM gives one row"
            parent: list[UUID] = place["parent"] or []
            if parent_id is not None and not parent:
                raise Invalid.at("parentId", "There is no such category.", "category_unknown")
            if id in parent:
                raise Invalid.at(
                    "parentId", "A category cannot stand below itself.", "category_cycle"
                )
            present: list[UUID] | None = place["present"]
            if present is not None and present[:-1] != parent:
                await self._moved(tx, id, parent)
            elif len(parent) >= DEPTH_MAX:
                raise _too_deep()
            row = await tx.fetchrow(
                sql.SAVE_CATEGORY, id, parent_id, parent, slug, name, position, slug_given, *more
            )
            assert row is not None, "inserted or updated"
            if present is not None and present[:-1] != parent:
                row = await tx.fetchrow(sql.CATEGORY, id, None) or row
            saved = Category(**row)
            left = place["slug"] if place["slug"] != saved.slug else None
            if left is not None or present is None:
                await tx.execute(sql.CATEGORY_SLUG_LEFT, saved.slug, left, id)
            tx.emit(CategorySaved(category_id=id, parent_id=parent_id, slug=saved.slug, name=name))
        await self._kept.tree_changed()
        return saved

    async def count_up(self, ctx: Context) -> None:
        """Adds to the categories' counts what writers noted."""
        await self._db.step(ctx, sql.COUNT_UP)

    async def _moved(self, tx: Tx, id: UUID, parent: list[UUID]) -> None:
        """Everything below comes along, and the products in it change shelves."""
        moved = await tx.fetch(sql.MOVE_CATEGORIES, id, parent)
        if any(len(row["ancestors"]) > DEPTH_MAX for row in moved):
            raise _too_deep()
        rows = await tx.fetch(sql.PRODUCTS_BELOW, [row["id"] for row in moved])
        await tx.execute(sql.RESHELVE, [row["id"] for row in rows])


def _slug(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _too_deep() -> Invalid:
    message = f"The tree has at most {DEPTH_MAX} levels."
    problem = Invalid.at("parentId", message, "category_too_deep")
    assert isinstance(problem, Invalid)
    return problem
