"""Categories and vendors as people name them: by id or slug, each with where it stands in what
was asked, which a refusal says."""

from typing import NamedTuple
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.insight.search.rules import below
from haat.domains.people.vendors.api import Vendors
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound

Ref = tuple[str, str]  # path, and id or slug


class Named(NamedTuple):
    categories: list[Ref]
    vendors: list[Ref]


def only(path: str, ref: str | None) -> list[Ref]:
    return [(path, ref)] if ref else []


def each(path: str, refs: list[str]) -> list[Ref]:
    return [(f"{path}.{at}", ref) for at, ref in enumerate(refs)]


async def category_ids_of(ctx: Context, goods: Catalog, refs: list[Ref]) -> list[UUID] | None:
    """These categories and all below them; None for none asked for."""
    if not refs:
        return None
    tree = await goods.categories(ctx)
    found: dict[UUID, None] = {}
    for path, ref in refs:
        ids = below(tree, ref)
        if not ids:
            raise Invalid.at(path, "There is no such category.", "category_unknown")
        found.update(dict.fromkeys(ids))
    return list(found)


async def vendor_ids_of(ctx: Context, stores: Vendors, refs: list[Ref]) -> list[UUID] | None:
    """By id or slug; None for none asked for."""
    return [await _vendor_id(ctx, stores, path, ref) for path, ref in refs] or None


async def _vendor_id(ctx: Context, stores: Vendors, path: str, ref: str) -> UUID:
    try:
        return UUID(ref)
    except ValueError:
        pass
    try:
        return (await stores.find(ctx, slug=ref)).id
    except NotFound:
        raise Invalid.at(path, "There is no such vendor.", "vendor_unknown") from None
