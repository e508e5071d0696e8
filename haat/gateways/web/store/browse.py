"""Looking around: the home page, categories, vendors."""

import asyncio
from typing import Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Response

from haat.domains.goods.catalog.api import Catalog
from haat.domains.people.profiles.api import Preferences, Profiles
from haat.domains.people.vendors.api import Vendors
from haat.gateways.views import cards
from haat.gateways.web.store.payment import site_of
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit
from haat.kernel.errors import NotFound

router = APIRouter()
NEWEST = 12
VENDORS = 12
LIKED, LIKED_GOODS = 3, 6  # categories, and goods of each
SORTS = (
    ("newest", "Newest first"),
    ("price", "Price, low to high"),
    ("-price", "Price, high to low"),
    ("title", "By name"),
)
Sort = Literal["newest", "price", "-price", "title"]


@router.get("/")
async def home(visit: Shopping) -> Response:
    catalog, ctx = visit.doors[Catalog], visit.ctx
    page, categories, vendors = await asyncio.gather(
        catalog.listings(ctx, limit=NEWEST),
        catalog.categories(ctx),
        visit.doors[Vendors].listed(ctx, limit=VENDORS),
    )
    return visit.page(
        "store/home.html",
        liked=await _liked(visit, Tree(categories)),
        newest=await cards(visit.doors, ctx, page.items, visit.viewing),
        categories=Tree(categories).roots,
        vendors=vendors.items,
        more_vendors=vendors.next is not None,
    )


async def _liked(visit: Visit, tree: Tree) -> list[dict[str, Any]]:
    """The newest goods of the first categories that the person likes to see."""
    if not visit.signed_in:
        return []
    preferences: Preferences = await visit.doors[Profiles].preferences(visit.ctx)
    chosen = [found for id in preferences.interests if (found := tree.get(id))][:LIKED]
    catalog = visit.doors[Catalog]
    pages = await asyncio.gather(
        *(catalog.listings(visit.ctx, category_id=one.id, limit=LIKED_GOODS) for one in chosen)
    )
    shown = await asyncio.gather(
        *(cards(visit.doors, visit.ctx, page.items, visit.viewing) for page in pages)
    )
    both = zip(chosen, shown, strict=True)
    return [{"category": one, "products": products} for one, products in both if products]


@router.get("/categories")
async def categories(visit: Shopping) -> Response:
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
    return visit.page("store/categories.html", tree=tree)


@router.get("/categories/{slug}")
async def category(
    visit: Shopping, slug: str, sort: Sort = "newest", cursor: str | None = None
) -> Response:
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
    try:
        found = tree.find(slug)
    except NotFound:
        there = await visit.doors[Catalog].category_moved(visit.ctx, ref=slug)
        return visit.moved(f"/categories/{there}")
    page = await visit.doors[Catalog].listings(
        visit.ctx, category_id=found.id, sort=sort, cursor=cursor or None
    )
    return visit.page(
        "store/category.html",
        category=found,
        canonical=f"{site_of(visit)}/categories/{quote(found.slug)}",
        path=tree.path(found.parent_id),
        children=tree.children(found.id),
        products=await cards(visit.doors, visit.ctx, page.items, visit.viewing),
        next=page.next,
        sort=sort,
        sorts=SORTS,
        is_start=not cursor,
    )


@router.get("/brands/{slug}")
async def brand(
    visit: Shopping, slug: str, sort: Sort = "newest", cursor: str | None = None
) -> Response:
    """What is on sale of a brand, by whatever spelling of it."""
    found = await visit.doors[Catalog].brand(visit.ctx, ref=slug)
    if not found.active:
        raise NotFound
    if found.slug != slug:
        return visit.moved(f"/brands/{found.slug}")
    page = await visit.doors[Catalog].listings(
        visit.ctx, brand_id=found.id, sort=sort, cursor=cursor or None
    )
    return visit.page(
        "store/brand.html",
        brand=found,
        canonical=f"{site_of(visit)}/brands/{quote(found.slug)}",
        products=await cards(visit.doors, visit.ctx, page.items, visit.viewing),
        next=page.next,
        sort=sort,
        sorts=SORTS,
        is_start=not cursor,
    )


@router.get("/vendors/{slug}")
async def vendor(
    visit: Shopping, slug: str, sort: Sort = "newest", cursor: str | None = None
) -> Response:
    found = await visit.doors[Vendors].find(visit.ctx, slug=slug)
    page = await visit.doors[Catalog].listings(
        visit.ctx, vendor_id=found.id, sort=sort, cursor=cursor or None
    )
    return visit.page(
        "store/vendor.html",
        presence=await visit.doors[Vendors].presence(visit.ctx, vendor_id=found.id),
        vendor=found,
        products=await cards(visit.doors, visit.ctx, page.items, visit.viewing),
        next=page.next,
        sort=sort,
        sorts=SORTS,
        is_start=not cursor,
    )
