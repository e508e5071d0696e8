"""What clients send to and read from the catalogue's resources beyond the contract's own types."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import (
    Category,
    Decision,
    Icon,
    Listing,
    Product,
    ProductDraft,
    ProductKind,
    Seo,
    Specs,
    Template,
    Title,
    VariantDraft,
)
from haat.domains.people.media.api import Picture
from haat.kernel.model import Body
from haat.kernel.page import Page

Version = Annotated[int, Field(ge=1, le=2_147_483_647)]
CategoryName = Annotated[str, Field(min_length=1, max_length=80)]
CategorySlug = Annotated[str, Field(min_length=1, max_length=80)]
Position = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class VariantBody(VariantDraft, Body):
    """A variant as sent; prices as {"minor": 1299, "currency": "USD"}."""


Variants = Annotated[list[VariantBody], Field(min_length=1, max_length=200)]
Pictures = Annotated[list[Picture], Field(max_length=100)]
OptionNames = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=3)]


class ProductBody(ProductDraft, Body):
    """A whole product. `version`, where given, must be the one that was read."""

    variants: Variants  # type: ignore[assignment]
    version: Version | None = None

    def draft(self) -> ProductDraft:
        return ProductDraft.model_validate(self.model_dump(exclude={"version"}))


class ProductPatch(Body):
    """What is given changes; what is left out stays."""

    title: Title | None = None
    description_html: Annotated[str, Field(max_length=100_000)] | None = None
    category_id: UUID | None = None
    brand: Annotated[str, Field(max_length=120)] | None = None
    tax_class: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")] | None = None
    option_names: OptionNames | None = None
    pictures: Pictures | None = None
    variants: Variants | None = None
    slug: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    seo: Seo | None = None
    specs: Specs | None = None
    kind: ProductKind | None = None
    version: Version | None = None

    def applied(self, product: Product) -> ProductDraft:
        """The product with this change; only the category can be set to null."""
        given = self.model_dump(exclude={"version"}, exclude_unset=True, by_alias=False)
        kept = {k: v for k, v in given.items() if v is not None or k == "category_id"}
        if "variants" in kept and "option_names" not in kept:
            kept["option_names"] = []
        present = draft_of(product).model_dump(by_alias=False)
        return ProductDraft.model_validate({**present, **kept})


class DecisionBody(Body):
    decision: Decision = "approve"
    reason: Annotated[str, Field(max_length=1000)] = ""


class CategoryBody(Body):
    name: CategoryName
    parent_id: UUID | None = None
    slug: CategorySlug | None = None
    position: Position = 0
    icon: Icon | None = None
    active: bool | None = None
    template: Template | None = None


class CategoryPatch(Body):
    """What is given changes; a `parentId` of null makes it a root."""

    name: CategoryName | None = None
    parent_id: UUID | None = None
    slug: CategorySlug | None = None
    position: Position | None = None
    icon: Icon | None = None
    active: bool | None = None
    template: Template | None = None


class Shelf(Page[Listing]):
    """Products on sale. A member of a customer group is told their own prices, and beside them
    `usualPrice` and `priceNote`."""

    prices_include_tax: bool


class ProductAnswer(Product):
    """A product as it is read. A member of a customer group is told their own prices, and beside
    them `usualPrice` and `priceNote`."""

    prices_include_tax: bool


class CategoryPage(Category):
    """A category with the way to it from the root, what is below it, and its newest goods."""

    path: list[Category]
    children: list[Category]
    products: Shelf


def draft_of(product: Product) -> ProductDraft:
    """What would make the product as it is; paused variants are left out, and so stay paused.

    Where all are paused they are all named, as what they are: a draft has a variant.
    """
    main = [(v, o) for v in product.variants for o in v.offers if o.main]
    on_sale = [(v, o) for v, o in main if o.status == "active"]
    variants = [
        VariantDraft(
            id=v.id,
            options=v.options,
            sku=o.sku,
            price=o.price,
            compare_at=o.compare_at,
            barcode=v.barcode,
            weight_g=v.weight_g,
            picture=v.picture,
            condition=o.condition,
            handling_days=o.handling_days,
            status=o.status,
        )
        for v, o in on_sale or main
    ]
    return ProductDraft(
        title=product.title,
        description_html=product.description_html,
        category_id=product.category_id,
        brand=product.brand,
        tax_class=product.tax_class,
        option_names=product.option_names,
        pictures=product.pictures,
        seo=product.seo,
        specs=product.specs,
        kind=product.kind,
        variants=variants,
    )
