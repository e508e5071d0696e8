"""Search: words, filters by category, vendor and price, a sort order, and help without hits."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.insight.search.api import Facet, Hits, Search
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.views import cards
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit
from haat.kernel.errors import FieldError, Invalid, Problem
from haat.kernel.money import parse_decimal

router = APIRouter()
SORTS = (
    ("relevance", "Best match"),
    ("newest", "Newest first"),
    ("price", "Price, low to high"),
    ("-price", "Price, high to low"),
)
FILTERS = ("q", "category", "vendor", "price_min", "price_max", "sort")


@router.get("/search")
async def search(
    visit: Shopping,
    request: Request,
    q: Annotated[str, Query(max_length=200)] = "",
    category: Annotated[str, Query(max_length=200)] = "",
    vendor: Annotated[str, Query(max_length=200)] = "",
    sort: Literal["relevance", "newest", "price", "-price"] = "relevance",
    cursor: str | None = None,
) -> Response:
    words = q.strip()
    values = {name: request.query_params.get(name, "").strip() for name in FILTERS}
    tree = Tree(await visit.doors[Catalog].categories(visit.ctx))
    chosen = tree.find(category) if category else None
    owner = await visit.doors[Vendors].find(visit.ctx, slug=vendor) if vendor else None
    try:
        low, high = _prices(values, visit.market.currency)
    except Problem as problem:
        form = Form(values, problem)
        return _page(visit, problem.status, words, form, tree, Hits(items=[], total=0), [], owner)
    hits: Hits = await visit.doors[Search].products(
        visit.ctx,
        words=words,
        category_ids=tree.below(chosen.id) if chosen else None,
        vendor_id=owner.id if owner else None,
        price_min=low,
        price_max=high,
        sort=sort,
        cursor=cursor or None,
    )
    products, vendors, suggestions = await asyncio.gather(
        cards(visit.doors, visit.ctx, hits.items),
        _vendors(visit, [facet.id for facet in hits.vendors]),
        _suggestions(visit, words, hits),
    )
    form = Form({**values, "sort": sort})
    return _page(
        visit, 200, words, form, tree, hits, vendors, owner,
        chosen=chosen, products=products, suggestions=suggestions, is_start=not cursor,
    )  # fmt: skip


def _page(
    visit: Visit,
    status: int,
    words: str,
    form: Form,
    tree: Tree,
    hits: Hits,
    vendors: list[Vendor],
    owner: Vendor | None,
    *,
    chosen: Category | None = None,
    products: object = (),
    suggestions: object = (),
    is_start: bool = True,
) -> Response:
    known = {v.id: v for v in [*vendors, *([owner] if owner else [])]}
    # Where a filter is set it stays in its list, even without a hit.
    categories = _counted(hits.categories, chosen.id if chosen else None)
    owners = _counted(hits.vendors, owner.id if owner else None)
    return visit.page(
        "store/search.html",
        status,
        words=words,
        form=form,
        hits=hits,
        products=products,
        suggestions=suggestions,
        is_start=is_start,
        roots=tree.roots,
        sorts=SORTS,
        categories=[
            (found.slug, _label(found.name, count))
            for id, count in categories
            if (found := tree.get(id)) is not None
        ],
        vendors=[(known[id].slug, _label(known[id].name, n)) for id, n in owners if id in known],
        query_values={name: value for name, value in form.values.items() if value},
        is_filtered=any(form.values.get(name) for name in FILTERS[1:-1]),
    )


def _label(name: str, count: int) -> str:
    return f"{name} ({count})" if count else name


def _counted(facets: list[Facet], chosen: UUID | None) -> list[tuple[UUID, int]]:
    found = [(facet.id, facet.count) for facet in facets]
    if chosen is not None and chosen not in dict(found):
        found.append((chosen, 0))
    return found


async def _vendors(visit: Visit, ids: list[UUID]) -> list[Vendor]:
    return await visit.doors[Vendors].by_ids(visit.ctx, ids=ids) if ids else []


async def _suggestions(visit: Visit, words: str, hits: Hits) -> list[str]:
    """Titles that begin like one of the words, where nothing was found."""
    if hits.total or not words:
        return []
    prefix = max(words.split(), key=len)[:4]
    found: list[str] = await visit.doors[Search].suggest(visit.ctx, prefix=prefix)
    return found


def _prices(values: dict[str, str], currency: str) -> tuple[int | None, int | None]:
    """The price bounds in minor units; Invalid at each that is not an amount."""
    found: dict[str, int | None] = {"price_min": None, "price_max": None}
    wrong = []
    for name in found:
        if not values[name]:
            continue
        try:
            amount = parse_decimal(values[name], currency).minor
            if amount < 0:
                raise Invalid("A price is not negative.", code="money_invalid")
            found[name] = amount
        except Invalid as problem:
            wrong.append(FieldError(path=name, code=problem.code, message=problem.detail))
    low, high = found["price_min"], found["price_max"]
    if low is not None and high is not None and low > high:
        message = "This is less than the lowest price."
        wrong.append(FieldError(path="price_max", code="money_invalid", message=message))
    if wrong:
        raise Invalid("These prices need another look.", fields=wrong)
    return low, high
