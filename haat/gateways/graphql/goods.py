"""Products and what they stand in: variants, categories, brands, vendors."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import cast
from uuid import UUID

import strawberry

from haat.domains.goods.catalog import api as catalog
from haat.domains.people.vendors import api as vendors
from haat.gateways.graphql.inquiry import Inquiry, Tree
from haat.gateways.graphql.node import Info, Node, named
from haat.gateways.graphql.offers import Offer
from haat.gateways.graphql.pages import FIRST, After, Connection, First, connection, sliced
from haat.gateways.graphql.pictures import Picture
from haat.gateways.graphql.prices import Currency, own
from haat.gateways.graphql.scalars import Money
from haat.gateways.views.own import OwnPrice, between
from haat.kernel.money import Money as Amount


@strawberry.enum
class ProductSort(Enum):
    NEWEST = "newest"
    PRICE = "price"
    PRICE_DESC = "-price"
    TITLE = "title"


@strawberry.enum
class ProductKind(Enum):
    PHYSICAL = "physical"
    DIGITAL = "digital"
    SERVICE = "service"


@strawberry.type(description="A vendor: who sells.")
class Vendor(Node):
    row: strawberry.Private[vendors.Vendor]
    slug: str
    name: str
    description: str
    country: str
    created_at: datetime

    @classmethod
    def of(cls, row: vendors.Vendor) -> "Vendor":
        return cls(
            id=named("Vendor", row.id),
            uuid=row.id,
            row=row,
            slug=row.slug,
            name=row.name,
            description=row.description,
            country=row.country,
            created_at=row.created_at,
        )

    @strawberry.field
    def logo(self, info: Info) -> Picture | None:
        id = self.row.logo_id
        return None if id is None else Picture.kept(id, info.context.site, self.name)

    @strawberry.field
    def banner(self, info: Info) -> Picture | None:
        id = self.row.banner_id
        return None if id is None else Picture.kept(id, info.context.site)

    @strawberry.field
    async def products(
        self,
        info: Info,
        first: First = FIRST,
        after: After = None,
        sort: ProductSort = ProductSort.NEWEST,
    ) -> "Connection[Product]":
        return await shelf(info.context, first, after, sort, vendor_id=self.row.id)


@strawberry.type(description="What a category asks its products for.")
class Attribute:
    key: str
    name: str
    kind: str
    unit: str
    choices: list[str]
    required: bool
    filterable: bool

    @classmethod
    def of(cls, row: catalog.Attribute) -> "Attribute":
        return cls(**row.model_dump())


@strawberry.type
class Category(Node):
    row: strawberry.Private[catalog.Category]
    slug: str
    name: str
    icon: str | None
    position: int
    product_count: int = strawberry.field(description="Products on sale in it and below.")

    @classmethod
    def of(cls, row: catalog.Category) -> "Category":
        return cls(
            id=named("Category", row.id),
            uuid=row.id,
            row=row,
            slug=row.slug,
            name=row.name,
            icon=row.icon,
            position=row.position,
            product_count=row.product_count,
        )

    @strawberry.field
    async def parent(self, info: Info) -> "Category | None":
        path = (await info.context.tree()).path(self.row.id)
        return Category.of(path[-2]) if len(path) > 1 else None

    @strawberry.field(description="From the topmost one to this one.")
    async def path(self, info: Info) -> "list[Category]":
        return [Category.of(one) for one in (await info.context.tree()).path(self.row.id)]

    @strawberry.field
    async def children(self, info: Info) -> "list[Category]":
        tree: Tree = await info.context.tree()
        return [Category.of(one) for one in tree.below.get(self.row.id, [])]

    @strawberry.field(description="Its own and those it inherits.")
    async def attributes(self, info: Info) -> list[Attribute]:
        return [Attribute.of(one) for one in await info.context.attributes.load(self.row.id)]

    @strawberry.field
    async def products(
        self,
        info: Info,
        first: First = FIRST,
        after: After = None,
        sort: ProductSort = ProductSort.NEWEST,
    ) -> "Connection[Product]":
        return await shelf(info.context, first, after, sort, category_id=self.row.id)


@strawberry.type
class Brand(Node):
    row: strawberry.Private[catalog.Brand]
    slug: str
    name: str

    @classmethod
    def of(cls, row: catalog.Brand) -> "Brand":
        return cls(id=named("Brand", row.id), uuid=row.id, row=row, slug=row.slug, name=row.name)

    @strawberry.field
    def logo(self, info: Info) -> Picture | None:
        id = self.row.logo_id
        return None if id is None else Picture.kept(id, info.context.site, self.name)

    @strawberry.field
    async def products(
        self,
        info: Info,
        first: First = FIRST,
        after: After = None,
        sort: ProductSort = ProductSort.NEWEST,
    ) -> "Connection[Product]":
        return await shelf(info.context, first, after, sort, brand_id=self.row.id)


@strawberry.type
class Choice:
    """A value that tells a variant apart: Size M."""

    name: str
    value: str


@strawberry.type(description="One choice of a product's options.")
class Variant:
    row: strawberry.Private[catalog.Variant]
    product_id: strawberry.Private[UUID]
    uuid: UUID
    title: str
    options: list[Choice]
    barcode: str | None
    weight_g: int

    @classmethod
    def of(cls, row: catalog.Variant, product_id: UUID) -> "Variant":
        return cls(
            row=row,
            product_id=product_id,
            uuid=row.id,
            title=row.title,
            options=[Choice(name=name, value=value) for name, value in row.options.items()],
            barcode=row.barcode,
            weight_g=row.weight_g,
        )

    @strawberry.field
    def picture(self, info: Info) -> Picture | None:
        return Picture.of(self.row.picture, info.context.site)

    @strawberry.field(description="Every offer on sale; `buyBox` is the one that stands first.")
    def offers(self) -> list[Offer]:
        return [Offer.of(one, self.product_id) for one in self.row.offers]

    @strawberry.field(description="The offer a product page sells.")
    async def buy_box(self, info: Info) -> Offer | None:
        standings = await info.context.standings.load(self.product_id)
        own = [one for one in self.row.offers if one.id in standings]
        first = min(own, key=lambda one: standings[one.id].place, default=None)
        return None if first is None else Offer.of(first, self.product_id)


@strawberry.type(description="A value of an attribute; numbers are decimal texts in `unit`.")
class Specification:
    key: str
    name: str
    unit: str
    values: list[str]


@strawberry.type(description="What is sold.")
class Product(Node):
    listing: strawberry.Private[catalog.Listing | None]
    whole: strawberry.Private[catalog.Product | None]
    slug: str
    title: str
    created_at: datetime
    brand: str = strawberry.field(description="As it is written; `brand(ref:)` knows more.")

    @classmethod
    def of(cls, row: catalog.Product | catalog.Listing) -> "Product":
        listing = row if isinstance(row, catalog.Listing) else None
        whole = row if isinstance(row, catalog.Product) else None
        return cls(
            id=named("Product", row.id),
            uuid=row.id,
            listing=listing,
            whole=whole,
            slug=row.slug,
            title=row.title,
            created_at=row.created_at,
            brand=row.brand,
        )

    async def detail(self, inquiry: Inquiry) -> catalog.Product | None:
        """The whole product; None when it went off sale just now."""
        return self.whole if self.whole is not None else await inquiry.details.load(self.uuid)

    def _prices(self) -> list[Amount]:
        """The lowest and the highest."""
        if self.listing is not None:
            return [self.listing.price_from, self.listing.price_to]
        assert self.whole is not None, "a product is a listing or whole"
        found = [o.price for v in self.whole.variants for o in v.offers]
        return sorted(found, key=lambda price: price.minor)

    async def _own(self, inquiry: Inquiry) -> OwnPrice | None:
        """What it costs who asks, where a price list makes any of its offers cheaper."""
        if not await inquiry.is_member():
            return None
        found = await inquiry.costs.load_many(self._offers())
        return between([one for one in found if one is not None])

    @strawberry.field(description="The lowest price of its offers on sale, for who asks.")
    def price_from(self, info: Info, currency: Currency = None) -> Money | None:
        lowest = next(iter(self._prices()), None)

        async def find() -> Amount | None:
            found = await self._own(info.context)
            return found.price if found else lowest

        return cast(Money | None, own(info.context, lowest, currency, find))

    @strawberry.field
    def price_to(self, info: Info, currency: Currency = None) -> Money | None:
        highest = next(reversed(self._prices()), None)

        async def find() -> Amount | None:
            found = await self._own(info.context)
            return found.price_to if found else highest

        return cast(Money | None, own(info.context, highest, currency, find))

    @strawberry.field(description="What it costs others, where a price list makes it cheaper.")
    def usual_price(self, info: Info, currency: Currency = None) -> Money | None:
        async def find() -> Amount | None:
            found = await self._own(info.context)
            return found.usual if found and found.note else None

        return cast(Money | None, own(info.context, None, currency, find))

    @strawberry.field(description="By which price list; empty for none.")
    async def price_note(self, info: Info) -> str:
        found = await self._own(info.context)
        return found.note if found else ""

    @strawberry.field(description="The first picture.")
    def picture(self, info: Info) -> Picture | None:
        if self.listing is not None:
            return Picture.of(self.listing.picture, info.context.site)
        first = self.whole.pictures[:1] if self.whole else []
        return Picture.of(first[0], info.context.site) if first else None

    @strawberry.field
    async def pictures(self, info: Info) -> list[Picture]:
        whole = await self.detail(info.context)
        every = [Picture.of(one, info.context.site) for one in whole.pictures] if whole else []
        return [one for one in every if one is not None]

    @strawberry.field(description="Sanitised HTML.")
    async def description_html(self, info: Info) -> str:
        whole = await self.detail(info.context)
        return whole.description_html if whole else ""

    @strawberry.field
    async def kind(self, info: Info) -> ProductKind:
        whole = await self.detail(info.context)
        return ProductKind(whole.kind) if whole else ProductKind.PHYSICAL

    @strawberry.field
    async def option_names(self, info: Info) -> list[str]:
        whole = await self.detail(info.context)
        return whole.option_names if whole else []

    @strawberry.field
    async def variants(self, info: Info) -> list[Variant]:
        whole = await self.detail(info.context)
        return [Variant.of(one, whole.id) for one in whole.variants] if whole else []

    @strawberry.field
    async def specifications(self, info: Info) -> list[Specification]:
        whole = await self.detail(info.context)
        if whole is None or not whole.specs:
            return []
        asked: Sequence[catalog.Attribute] = []
        if whole.category_id is not None:
            asked = await info.context.attributes.load(whole.category_id)
        known = {one.key: one for one in asked}
        return [
            Specification(
                key=key,
                name=known[key].name if key in known else key,
                unit=known[key].unit if key in known else "",
                values=_texts(value),
            )
            for key, value in whole.specs.items()
        ]

    @strawberry.field(description="Whose product it is, or who sells it where that one does not.")
    async def vendor(self, info: Info) -> Vendor | None:
        owner = self.listing or self.whole
        assert owner is not None, "a product is a listing or whole"
        found = await info.context.vendors.load(owner.vendor_id)
        return None if found is None else Vendor.of(found)

    @strawberry.field
    async def category(self, info: Info) -> Category | None:
        owner = self.listing or self.whole
        if owner is None or owner.category_id is None:
            return None
        found = (await info.context.tree()).by_id.get(owner.category_id)
        return None if found is None else Category.of(found)

    def _offers(self) -> list[UUID]:
        """Of those on sale."""
        if self.listing is not None:
            return self.listing.offer_ids
        return [o.id for v in self.whole.variants for o in v.offers] if self.whole else []

    @strawberry.field(description="What is left of all its offers together.")
    async def available(self, info: Info) -> int:
        stock = await info.context.stock.load_many(self._offers())
        return min(sum(one.available for one in stock if one is not None), (1 << 31) - 1)


def _texts(value: catalog.SpecValue) -> list[str]:
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return list(map(str, value)) if isinstance(value, list) else [str(value)]


async def shelf(
    inquiry: Inquiry,
    first: int,
    after: str | None,
    sort: ProductSort,
    *,
    category_id: UUID | None = None,
    vendor_id: UUID | None = None,
    brand_id: UUID | None = None,
) -> Connection[Product]:
    """A page of products on sale."""

    async def read(limit: int, cursor: str | None) -> object:
        return await inquiry.doors[catalog.Catalog].listings(
            inquiry.ctx,
            category_id=category_id,
            vendor_id=vendor_id,
            brand_id=brand_id,
            sort=sort.value,
            limit=limit,
            cursor=cursor,
        )

    found, _ = await sliced(first, after, read)
    return connection(found, [Product.of(row) for row in found.rows])
