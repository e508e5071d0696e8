"""Types of products: as they are, and as their vendor sends them.

Part of the public file: `api` hands these names on.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.offering import Condition, HandlingDays, Offer, OfferStatus, Sku
from haat.domains.goods.catalog.shaping import Seo, Specs, SpecValue
from haat.domains.people.media.api import Picture
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.rating import Rating

Title = Annotated[str, Field(min_length=1, max_length=200)]
# Goods that are sent or collected; what is delivered without a parcel; work that is done.
ProductKind = Literal["physical", "digital", "service"]
ProductStatus = Literal["draft", "pending", "active", "rejected", "archived", "changes_requested"]


class Variant(Model):
    """`options` are the values that tell it apart: {"Size": "M", "Colour": "Red"}."""

    id: UUID
    title: str  # "M / Red"; "" for the only variant
    options: dict[str, str] = {}
    barcode: str | None = None
    weight_g: int = 0
    picture: Picture | None = None
    offers: list[Offer] = []


class Product(Model):
    id: UUID
    slug: str
    vendor_id: UUID  # whose product it is
    title: str
    description_html: str  # sanitised
    category_id: UUID | None
    brand: str = ""
    tax_class: str = "standard"
    kind: ProductKind = "physical"
    status: ProductStatus
    reason: str | None = None  # why it was rejected, or what is to be changed
    option_names: list[str] = []
    pictures: list[Picture] = []
    variants: list[Variant] = []
    version: int = 1
    merged_into: UUID | None = None
    seo: Seo = Seo()
    specs: dict[str, SpecValue] = {}
    rating: Rating | None = None  # nobody writes it with the product
    created_at: datetime
    updated_at: datetime


class VariantDraft(Model):
    """`id` names the variant to keep when a product is changed; None makes a new one."""

    id: UUID | None = None
    options: dict[Annotated[str, Field(max_length=60)], Annotated[str, Field(max_length=120)]] = {}
    sku: Sku
    price: Money
    compare_at: Money | None = None
    barcode: Annotated[str, Field(max_length=40)] | None = None
    weight_g: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    picture: Picture | None = None
    condition: Condition = "new"
    handling_days: HandlingDays = 1
    status: OfferStatus = "active"


class ProductDraft(Model):
    title: Title
    description_html: Annotated[str, Field(max_length=100_000)] = ""
    category_id: UUID | None = None
    brand: Annotated[str, Field(max_length=120)] = ""
    tax_class: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")] = "standard"
    option_names: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=3)] = []
    pictures: Annotated[list[Picture], Field(max_length=100)] = []
    variants: Annotated[list[VariantDraft], Field(min_length=1, max_length=200)]
    slug: Annotated[str, Field(max_length=80)] | None = None  # None leaves the address as it is
    seo: Seo = Seo()
    specs: Specs = {}
    kind: ProductKind | None = None  # None: as it is; of a new product, physical
