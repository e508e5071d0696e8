"""What can be asked."""

from asyncio import gather
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import strawberry

from haat.domains.goods.catalog import api as catalog
from haat.domains.people.vendors.api import Vendors
from haat.gateways.graphql.carts import Cart, cart_of
from haat.gateways.graphql.checking import check
from haat.gateways.graphql.finding import (
    SearchConnection,
    SearchFilter,
    SearchSort,
    Suggestions,
    find,
    suggest,
)
from haat.gateways.graphql.goods import Brand, Category, Product, ProductSort, Vendor, shelf
from haat.gateways.graphql.ids import read_id, uuids_of
from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.node import Info, Node
from haat.gateways.graphql.offers import Offer
from haat.gateways.graphql.pages import FIRST, After, Connection, First, connection, sliced
from haat.kernel.errors import Invalid, NotFound

NODES_MAX = 100


@strawberry.type(description="This market.")
class MarketFacts:
    name: str
    currency: str
    country: str
    prices_include_tax: bool

    @strawberry.field(description="What prices can be told in, beside the market's own currency.")
    async def currencies(self, info: Info) -> list[str]:
        return (await info.context.viewing()).currencies


@strawberry.type
class Query:
    @strawberry.field
    async def market(self, info: Info) -> MarketFacts:
        found = await info.context.market()
        return MarketFacts(
            name=found.name,
            currency=found.currency,
            country=found.country,
            prices_include_tax=found.prices_include_tax,
        )

    @strawberry.field(description="A product, offer, vendor, category or brand by its global id.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        return await _node(info.context, id)

    @strawberry.field(description=f"Up to {NODES_MAX}; null where there is nothing.")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        if len(ids) > NODES_MAX:
            raise Invalid.at("ids", f"Ask for at most {NODES_MAX}.", "too_many")
        return await gather(*(_node(info.context, id) for id in ids))

    @strawberry.field(description="By slug or id; an address it had before will do.")
    async def product(self, info: Info, ref: str) -> Product | None:
        goods, ctx = info.context.doors[catalog.Catalog], info.context.ctx
        check(catalog.Catalog, "product", {"ref": ref})
        try:
            return Product.of(await goods.product(ctx, ref=ref))
        except NotFound:
            return Product.of(await goods.product(ctx, ref=await goods.moved(ctx, ref=ref)))

    @strawberry.field(
        description="Products on sale; category, vendor and brand by slug or id. A brand goes"
        " together with one of the others."
    )
    async def products(
        self,
        info: Info,
        category: str | None = None,
        vendor: str | None = None,
        brand: str | None = None,
        sort: ProductSort = ProductSort.NEWEST,
        first: First = FIRST,
        after: After = None,
    ) -> Connection[Product]:
        inquiry, ctx = info.context, info.context.ctx
        goods, sellers = inquiry.doors[catalog.Catalog], inquiry.doors[Vendors]

        async def read(found: Callable[..., Awaitable[Any]], **named: str) -> UUID | None:
            return (await found(ctx, **named)).id if any(named.values()) else None

        return await shelf(
            inquiry,
            first,
            after,
            sort,
            category_id=await read(goods.category, ref=category or ""),
            vendor_id=await read(sellers.find, slug=vendor or ""),
            brand_id=await read(goods.brand, ref=brand or ""),
        )

    @strawberry.field(description="Offers on sale, up to 100; null where there is nothing.")
    async def offers(self, info: Info, ids: list[strawberry.ID]) -> list[Offer | None]:
        wanted = uuids_of(list(map(str, ids)), "Offer", "ids", NODES_MAX)
        return await gather(*(offer_by_id(info.context, id) for id in wanted))

    @strawberry.field(description="The topmost categories.")
    async def categories(self, info: Info) -> list[Category]:
        return [Category.of(one) for one in (await info.context.tree()).below.get(None, [])]

    @strawberry.field(description="By slug or id.")
    async def category(self, info: Info, ref: str) -> Category | None:
        goods = info.context.doors[catalog.Catalog]
        return Category.of(await goods.category(info.context.ctx, ref=ref))

    @strawberry.field(description="Active vendors by name.")
    async def vendors(
        self, info: Info, first: First = FIRST, after: After = None
    ) -> Connection[Vendor]:
        async def read(limit: int, cursor: str | None) -> Any:
            door = info.context.doors[Vendors]
            return await door.listed(info.context.ctx, limit=limit, cursor=cursor)

        found, _ = await sliced(first, after, read)
        return connection(found, [Vendor.of(row) for row in found.rows])

    @strawberry.field(description="By slug or id.")
    async def vendor(self, info: Info, ref: str) -> Vendor | None:
        return Vendor.of(await info.context.doors[Vendors].find(info.context.ctx, slug=ref))

    @strawberry.field(description="By name.")
    async def brands(
        self, info: Info, first: First = FIRST, after: After = None
    ) -> Connection[Brand]:
        async def read(limit: int, cursor: str | None) -> Any:
            door = info.context.doors[catalog.Catalog]
            return await door.brands(info.context.ctx, limit=limit, cursor=cursor)

        found, _ = await sliced(first, after, read)
        return connection(found, [Brand.of(row) for row in found.rows])

    @strawberry.field(description="By id, slug or any spelling of its name.")
    async def brand(self, info: Info, ref: str) -> Brand | None:
        goods = info.context.doors[catalog.Catalog]
        return Brand.of(await goods.brand(info.context.ctx, ref=ref))

    @strawberry.field(description="Products with all words, else most, else any of them.")
    async def search(
        self,
        info: Info,
        words: str = "",
        filter: SearchFilter | None = None,
        sort: SearchSort = SearchSort.RELEVANCE,
        first: First = FIRST,
        after: After = None,
        explain: bool = False,
    ) -> SearchConnection:
        wanted = filter or SearchFilter()
        return await find(info.context, words, wanted, sort, first, after, explain)

    @strawberry.field(description="What may be meant by what is typed so far.")
    async def suggest(self, info: Info, prefix: str, first: int = 5) -> Suggestions:
        return await suggest(info.context, prefix, first)

    @strawberry.field(description="The person's cart, or the guest's cart with this id.")
    async def cart(self, info: Info, id: UUID | None = None) -> Cart:
        return await cart_of(info.context, id)


async def _node(inquiry: Inquiry, id: str) -> Node | None:
    kind, key = read_id(id) or ("", UUID(int=0))
    if kind == "Product":
        product = await inquiry.listings.load(key)
        return None if product is None else Product.of(product)
    if kind == "Offer":
        return await offer_by_id(inquiry, key)
    if kind == "Vendor":
        vendor = await inquiry.vendors.load(key)
        return Vendor.of(vendor) if vendor is not None and vendor.status == "active" else None
    if kind == "Category":
        category = (await inquiry.tree()).by_id.get(key)
        return None if category is None else Category.of(category)
    if kind == "Brand":
        try:
            brand = await inquiry.doors[catalog.Catalog].brand(inquiry.ctx, ref=str(key))
        except NotFound:
            return None
        return Brand.of(brand) if brand.active else None
    return None


async def offer_by_id(inquiry: Inquiry, id: UUID) -> Offer | None:
    """An offer on sale."""
    line = await inquiry.lines.load(id)
    if line is None:
        return None
    product = await inquiry.details.load(line.product_id)
    every = [o for v in product.variants for o in v.offers] if product else []
    found = next((one for one in every if one.id == id), None)
    return None if found is None else Offer.of(found, line.product_id)
