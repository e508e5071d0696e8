"""Search: hits with what they are counted by, how the words were understood, and why they hit."""

from collections.abc import Sequence
from enum import Enum
from uuid import UUID

import strawberry

from haat.domains.goods.catalog.api import Listing
from haat.domains.insight.search import api as search
from haat.domains.people.vendors.api import Vendors
from haat.gateways.graphql.checking import check
from haat.gateways.graphql.goods import Category, Product, Vendor
from haat.gateways.graphql.inquiry import Inquiry, Tree
from haat.gateways.graphql.node import Info
from haat.gateways.graphql.pages import PageInfo, sliced
from haat.gateways.graphql.scalars import SafeInt
from haat.kernel.errors import Invalid, NotFound


@strawberry.enum
class SearchSort(Enum):
    RELEVANCE = "relevance"
    NEWEST = "newest"
    PRICE = "price"
    PRICE_DESC = "-price"
    POPULAR = "popular"


@strawberry.input(description="A hit has one of these values of the attribute.")
class AttributeFilter:
    name: str
    values: list[str]


@strawberry.input(description="Category and vendor by id or slug; prices in minor units.")
class SearchFilter:
    category: str | None = None
    vendor: str | None = None
    price_min: SafeInt | None = None
    price_max: SafeInt | None = None
    brands: list[str] = strawberry.field(default_factory=list)
    attributes: list[AttributeFilter] = strawberry.field(default_factory=list)


@strawberry.type(description="What a word gave in a field, or a signal.")
class Reason:
    what: str
    field: str
    score: float


@strawberry.type
class Explanation:
    score: float
    reasons: list[Reason]


@strawberry.type
class SearchEdge:
    cursor: str
    node: Product
    explanation: Explanation | None = strawberry.field(description="With `explain: true`.")


@strawberry.type
class ValueCount:
    value: str
    count: int


@strawberry.type
class AttributeFacet:
    name: str
    values: list[ValueCount]


@strawberry.type
class CategoryFacet:
    category: Category
    count: int


@strawberry.type
class VendorFacet:
    vendor: Vendor
    count: int


@strawberry.type(description="From `low` to below `high`, minor units; null: without an end.")
class PriceFacet:
    low: SafeInt | None
    high: SafeInt | None
    count: int


@strawberry.type(description="How many of all hits have a value.")
class Facets:
    hits: strawberry.Private[search.Hits]

    @strawberry.field
    async def categories(self, info: Info) -> list[CategoryFacet]:
        known = (await info.context.tree()).by_id
        return [
            CategoryFacet(category=Category.of(known[one.id]), count=one.count)
            for one in self.hits.categories
            if one.id in known
        ]

    @strawberry.field
    async def vendors(self, info: Info) -> list[VendorFacet]:
        found = await info.context.vendors.load_many([one.id for one in self.hits.vendors])
        pairs = zip(found, self.hits.vendors, strict=True)
        return [VendorFacet(vendor=Vendor.of(v), count=one.count) for v, one in pairs if v]

    @strawberry.field
    def prices(self) -> list[PriceFacet]:
        return [
            PriceFacet(low=_safe(one.low), high=_safe(one.high), count=one.count)
            for one in self.hits.prices
        ]

    @strawberry.field(
        description="Below 1, the share of very many hits that was counted: estimates then."
    )
    def counted(self) -> float:
        return self.hits.counted

    @strawberry.field(description="Brands and filterable attributes.")
    def attributes(self) -> list[AttributeFacet]:
        return [
            AttributeFacet(
                name=name, values=[ValueCount(value=v.value, count=v.count) for v in values]
            )
            for name, values in self.hits.facets.items()
        ]


@strawberry.type
class SearchConnection:
    edges: list[SearchEdge]
    nodes: list[Product]
    page_info: PageInfo
    total_count: int
    matched: str = strawberry.field(description="Hits have `every` word, `most` or `any` of them.")
    did_you_mean: str | None = strawberry.field(
        description="The words as they were understood, where some were misspelt."
    )
    facets: Facets


@strawberry.type
class Suggestions:
    products: list[Product]
    categories: list[Category]
    vendors: list[Vendor]
    searches: list[str]


_NAMES = {name: f"filter.{name}" for name in ("priceMin", "priceMax", "brands", "attributes")}


async def find(
    inquiry: Inquiry,
    words: str,
    wanted: SearchFilter,
    sort: SearchSort,
    first: int,
    after: str | None,
    explain: bool,
) -> SearchConnection:
    """Products on sale with all words, else most, else any of them."""
    given = {
        "words": words,
        "price_min": wanted.price_min,
        "price_max": wanted.price_max,
        "brands": wanted.brands or None,
        "attributes": {one.name: one.values for one in wanted.attributes} or None,
        "sort": sort.value,
        "explain": explain,
    }
    check(search.Search, "products", given, **_NAMES)
    categories = None
    if wanted.category:
        categories = _below(await inquiry.tree(), wanted.category)
    vendor_id = None
    if wanted.vendor:
        try:
            found = await inquiry.doors[Vendors].find(inquiry.ctx, slug=wanted.vendor)
        except NotFound:
            message = "There is no such vendor."
            raise Invalid.at("filter.vendor", message, "vendor_unknown") from None
        vendor_id = found.id

    async def read(limit: int, cursor: str | None) -> search.Hits:
        hits: search.Hits = await inquiry.doors[search.Search].products(
            inquiry.ctx,
            category_ids=categories,
            vendor_id=vendor_id,
            limit=limit,
            cursor=cursor,
            **given,
        )
        return hits

    part, hits = await sliced(first, after, read)
    return _answer(part.rows, part.cursors, part.info, hits)


def _answer(
    rows: Sequence[Listing], cursors: Sequence[str], info: PageInfo, hits: search.Hits
) -> SearchConnection:
    nodes = [Product.of(row) for row in rows]
    why = {one.id: one for one in hits.explanations}
    edges = [
        SearchEdge(cursor=cursor, node=node, explanation=_explained(why.get(node.uuid)))
        for cursor, node in zip(cursors, nodes, strict=True)
    ]
    return SearchConnection(
        edges=edges,
        nodes=nodes,
        page_info=info,
        total_count=hits.total,
        matched=hits.matched,
        did_you_mean=hits.did_you_mean,
        facets=Facets(hits=hits),
    )


async def suggest(inquiry: Inquiry, prefix: str, first: int) -> Suggestions:
    """What may be meant by what is typed so far."""
    check(search.Search, "complete", {"prefix": prefix})
    if not 1 <= first <= 20:
        raise Invalid.at("first", "Ask for 1 to 20.", "first_invalid")
    ctx = inquiry.ctx
    found: search.Completion = await inquiry.doors[search.Search].complete(
        ctx, prefix=prefix, limit=first
    )
    known = (await inquiry.tree()).by_id if found.categories else {}
    sellers = await inquiry.vendors.load_many([one.id for one in found.vendors])
    return Suggestions(
        products=[Product.of(row) for row in found.products],
        categories=[Category.of(known[id]) for id in found.categories if id in known],
        vendors=[Vendor.of(one) for one in sellers if one],
        searches=found.searches,
    )


def _below(tree: Tree, ref: str) -> list[UUID]:
    """The category with this slug or id and all below it."""
    inside = {one.id for one in tree.every if ref in (one.slug, str(one.id))}
    if not inside:
        raise Invalid.at("filter.category", "There is no such category.", "category_unknown")
    for one in tree.every:  # parents before children
        if one.parent_id in inside:
            inside.add(one.id)
    return [one.id for one in tree.every if one.id in inside]


def _explained(one: search.Explanation | None) -> Explanation | None:
    if one is None:
        return None
    reasons = [Reason(what=r.what, field=r.field, score=r.score) for r in one.reasons]
    return Explanation(score=one.score, reasons=reasons)


def _safe(minor: int | None) -> SafeInt | None:
    return None if minor is None else SafeInt(minor)
