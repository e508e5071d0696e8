"""Looking around: the home page, categories, vendors."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response

from haat.domains.goods.catalog.api import Catalog
from haat.domains.people.vendors.api import Vendors
from haat.gateways.views import cards
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.store.tree import Tree

router = APIRouter()
NEWEST = 12
VENDORS = 12
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
        newest=await cards(visit.doors, ctx, page.items),
        categories=Tree(categories).roots,
        vendors=vendors.items,
        more_vendors=vendors.next is not None,
    )


@router.get("/categories")
async def categories(visit: Shopping) -> Response:
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
    return visit.page("store/categories.html", tree=tree)


@router.get("/categories/{slug}")
async def category(
    visit: Shopping, slug: str, sort: Sort = "newest", cursor: str | None = None
) -> Response:
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
    found = tree.find(slug)
    page = await visit.doors[Catalog].listings(
        visit.ctx, category_id=found.id, sort=sort, cursor=cursor or None
    )
    return visit.page(
        "store/category.html",
        category=found,
        path=tree.path(found.parent_id),
        children=tree.children(found.id),
        products=await cards(visit.doors, visit.ctx, page.items),
        next=page.next,
        sort=sort,
        sorts=SORTS,
        is_start=not cursor,
    )


@router.get("/vendors")
async def vendors(visit: Shopping, cursor: str | None = None) -> Response:
    page = await visit.doors[Vendors].listed(visit.ctx, cursor=cursor or None)
    return visit.page("store/vendors.html", vendors=page.items, next=page.next)


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
        vendor=found,
        products=await cards(visit.doors, visit.ctx, page.items),
        next=page.next,
        sort=sort,
        sorts=SORTS,
        is_start=not cursor,
    )
