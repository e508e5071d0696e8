"""Types of products as lists, carts and those who look for something to sell see them.

Part of the public file: `api` hands these names on.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from haat.domains.goods.catalog.offering import Why
from haat.domains.goods.catalog.product import ProductKind, Variant
from haat.domains.goods.catalog.taxing import STANDARD
from haat.domains.people.media.api import Picture
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.rating import Rating

ListingStatus = Literal["draft", "pending", "active", "rejected", "archived"]


class Listing(Model):
    """What a list, a card or the search index needs of a product."""

    id: UUID
    slug: str
    title: str
    text: str = ""  # description without markup; only in events, as are attributes and codes
    attributes: dict[str, list[str]] = {}  # {"Size": ["M", "L"]}
    codes: list[str] = []  # SKUs and barcodes it is known by
    vendor_id: UUID  # whose product it is; another who sells it when that one does not
    vendor_ids: list[UUID] = []  # who sells it
    category_id: UUID | None
    brand: str = ""
    picture: Picture | None = None
    price_from: Money
    price_to: Money
    compare_at: Money | None = None
    lowest_before: Money | None = None  # of the 30 days before that reduction was announced
    rating: Rating | None = None
    offer_ids: list[UUID]
    tax_class: str = STANDARD
    status: ListingStatus
    changes_requested: bool = False  # of a draft: it was looked at, and is to be changed
    created_at: datetime


class Match(Model):
    """A product that a vendor may want to sell too. `refused`: why it may not, None if it may."""

    listing: Listing
    variants: list[Variant]  # with the offers on sale
    refused: Why | None = None


class Duplicate(Model):
    """Products that carry the same barcode."""

    barcode: str
    products: list[Listing]


class OfferLine(Model):
    """What a cart, a quote and an order need of an offer, read in one batch."""

    offer_id: UUID
    variant_id: UUID
    product_id: UUID
    product_slug: str
    vendor_id: UUID
    category_id: UUID | None
    category_path: list[UUID] = []  # its own category, then those above it
    title: str
    variant_title: str
    sku: str
    price: Money
    tax_class: str
    weight_g: int
    picture: Picture | None = None
    kind: ProductKind = "physical"
    buyable: bool  # product, offer and vendor are active
