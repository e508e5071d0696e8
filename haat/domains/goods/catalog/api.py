"""The catalogue: category tree, products with variants, and the offers vendors make on them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog import generating
from haat.domains.goods.catalog.barcodes import is_right as is_barcode
from haat.domains.goods.catalog.barcodes import normalised as normalised_barcode
from haat.domains.goods.catalog.complying import (
    ListingRule,
    ListingRuleKind,
    Objection,
)
from haat.domains.goods.catalog.listing import (
    Duplicate,
    Listing,
    ListingStatus,
    Match,
    OfferLine,
)
from haat.domains.goods.catalog.offering import (
    Condition,
    Facts,
    HandlingDays,
    NotOnTheList,
    Offer,
    OfferChange,
    OfferDraft,
    OfferExists,
    OffersClosed,
    OffersFull,
    OfferStatus,
    OwnOffer,
    Part,
    Sku,
    SkuTaken,
    Standing,
    VariantUnknown,
    Why,
)
from haat.domains.goods.catalog.price_rules import product_at
from haat.domains.goods.catalog.prices import (
    PricesOverTime,
    PriceStep,
    ScheduledPrice,
    ScheduleDraft,
    ScheduleOverlaps,
)
from haat.domains.goods.catalog.product import (
    Product,
    ProductDraft,
    ProductKind,
    ProductStatus,
    Title,
    Variant,
    VariantDraft,
)
from haat.domains.goods.catalog.putting import (
    AddedOffer,
    AttachItem,
    AttachOutcome,
    ListingAdded,
    ListingsAdded,
    OffersAdded,
    PutItem,
    PutMany,
    PutOutcome,
)
from haat.domains.goods.catalog.refusing import (
    CategoryUnknown,
    CurrencyWrong,
    ProductExists,
    VariantsDiffer,
    VendorNotActive,
    WrongProductState,
)
from haat.domains.goods.catalog.reviewing import (
    ApprovalRule,
    Change,
    Decision,
    Note,
    NoteText,
    Refusal,
)
from haat.domains.goods.catalog.shaping import (
    Attribute,
    Brand,
    Category,
    Icon,
    Seo,
    SlugTaken,
    Specs,
    SpecValue,
    Template,
)
from haat.domains.goods.catalog.showing import PicturesShown
from haat.domains.goods.catalog.taxing import (
    TaxClass,
    TaxClasses,
    TaxClassUnknown,
    TaxCode,
)
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.events import Event
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page
from haat.kernel.rating import Rating

# What stands in other files of this module and is as public as the rest.
__all__ = [
    "AddedOffer", "ApprovalRule", "AttachItem", "AttachOutcome", "Attribute", "Brand",
    "Category", "CategoryUnknown", "Change", "Condition", "CurrencyWrong", "Decision",
    "Duplicate", "Facts", "HandlingDays", "Icon", "Listing", "ListingAdded", "ListingRule",
    "ListingRuleKind", "ListingStatus", "ListingsAdded", "Match", "NotOnTheList", "Note",
    "NoteText", "Objection", "Offer", "OfferChange", "OfferDraft", "OfferExists", "OfferLine",
    "OfferStatus", "OffersAdded", "OffersClosed", "OffersFull", "OwnOffer", "Part",
    "PicturesShown", "PriceStep", "Product", "ProductDraft", "ProductExists", "ProductKind",
    "ProductStatus", "PutItem", "PutOutcome", "Refusal", "ScheduleDraft", "ScheduleOverlaps",
    "ScheduledPrice", "Seo", "Sku", "SkuTaken", "SlugTaken", "SpecValue", "Specs", "Standing",
    "TaxClass", "TaxClassUnknown", "TaxCode", "Template", "Title", "Variant", "VariantDraft",
    "VariantUnknown", "VariantsDiffer", "VendorNotActive", "Why", "WrongProductState",
    "generating", "is_barcode", "normalised_barcode", "product_at",
]  # fmt: skip

Sort = Literal["newest", "price", "-price", "title"]
Some = Annotated[list[UUID], Field(max_length=100)]
CHANGES = "catalog.changes"  # the cache's channel that says which products changed: "id id …"


class ProductCreated(Event, name="product.created", key="product_id"):
    product_id: UUID
    vendor_id: UUID


class ProductSubmitted(Event, name="product.submitted", key="product_id"):
    product_id: UUID
    vendor_id: UUID
    title: str


class ProductApproved(Event, name="product.approved", key="product_id"):
    """`bulk`: by a rule, as one of many that came at once: nobody is told of each."""

    product_id: UUID
    vendor_id: UUID
    title: str
    bulk: bool = False


class ProductRejected(Event, name="product.rejected", key="product_id"):
    """It is not on sale (any more); `kind` says whether it is to be changed or was taken down."""

    product_id: UUID
    vendor_id: UUID
    title: str
    reason: str
    kind: Refusal = "rejected"
    also_vendor_ids: list[UUID] = []  # others who sold it


class ProductUpdated(Event, name="product.updated", key="product_id"):
    product_id: UUID
    vendor_id: UUID


class ProductKindChanged(Event, name="product.kind.changed", key="product_id"):
    """What a product is: its offers are counted where it is physical, until their vendor says
    otherwise."""

    product_id: UUID
    vendor_id: UUID
    kind: ProductKind


class OfferAdded(Event, name="offer.added", key="product_id"):
    """Inventory opens a stock row for it. `counted`: as many are sold as are there."""

    product_id: UUID
    offer_id: UUID
    vendor_id: UUID
    sku: str
    counted: bool = True


class OfferRenamed(Event, name="offer.renamed", key="product_id"):
    """An offer has another SKU now."""

    product_id: UUID
    offer_id: UUID
    vendor_id: UUID
    sku: str


class OfferPaused(Event, name="offer.paused", key="product_id"):
    """An offer is not for sale any more; `by` says who took it off."""

    product_id: UUID
    offer_id: UUID
    vendor_id: UUID
    by: Literal["vendor", "staff"] = "vendor"
    reason: str = ""


class OfferResumed(Event, name="offer.resumed", key="product_id"):
    product_id: UUID
    offer_id: UUID
    vendor_id: UUID


class PriceUpdated(Event, name="product.price.updated", key="product_id"):
    product_id: UUID
    offer_id: UUID
    was: Money
    price: Money


class OfferMoved(Event, name="offer.moved", key="was_product_id"):
    """An offer stands on another product now, because the two were one."""

    offer_id: UUID
    vendor_id: UUID
    variant_id: UUID
    product_id: UUID
    was_product_id: UUID


class ProductMerged(Event, name="product.merged", key="product_id"):
    """`gone_id` was the same as `product_id`, which is what there is now."""

    product_id: UUID
    gone_id: UUID
    gone_vendor_id: UUID


class ListingChanged(Event, name="product.index.requested", key="product_id"):
    """The index must show this listing, or nothing when `listing` is None. Newest version wins.

    `new`: it is one of many that came at once and were never shown before. Who only forgets what
    it remembers of a product need not hear of those.
    """

    product_id: UUID
    version: int
    listing: Listing | None
    new: bool = False


class CategorySaved(Event, name="category.saved", key="category_id"):
    """A category is new, or changed."""

    category_id: UUID
    parent_id: UUID | None
    slug: str
    name: str


class Catalog(PricesOverTime, PutMany, TaxClasses, Contract, name="catalog"):
    @query()
    async def categories(self, ctx: Context) -> list[Category]:
        """The whole tree, parents before children, by position."""

    @command(scope="staff:products")
    async def save_category(
        self,
        ctx: Context,
        *,
        id: UUID,
        name: Annotated[str, Field(min_length=1, max_length=80)],
        parent_id: UUID | None = None,
        slug: str | None = None,
        position: int = 0,
        icon: Icon | None = None,
        active: bool | None = None,
        template: Template | None = None,
    ) -> Category:
        """Adds or changes a category; None leaves icon, flag and template as they are. A category
        cannot stand below itself (Invalid)."""

    @query()
    async def attributes(self, ctx: Context, *, category_id: UUID) -> list[Attribute]:
        """What products of a category fill in: its own template and those it inherits."""

    @query()
    async def attributes_of(
        self, ctx: Context, *, category_ids: Some
    ) -> dict[UUID, list[Attribute]]: ...

    @query()
    async def template(self, ctx: Context, *, category_id: UUID) -> list[Attribute]:
        """A category's own part of that. NotFound."""

    @query()
    async def category(self, ctx: Context, *, ref: str) -> Category:
        """By id or slug."""

    @query()
    async def category_moved(self, ctx: Context, *, ref: str) -> str:
        """The slug of the category that an old slug led to. NotFound."""

    @query()
    async def brands(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Brand]:
        """By slug; others than staff see active ones."""

    @query()
    async def brand(self, ctx: Context, *, ref: str) -> Brand:
        """By id, slug or any spelling of its name. NotFound."""

    @command(scope="staff:products")
    async def save_brand(
        self,
        ctx: Context,
        *,
        name: Annotated[str, Field(min_length=1, max_length=120)],
        logo_id: UUID | None = None,
        active: bool | None = None,
    ) -> Brand:
        """Adds the brand of that name, or changes it: how it is written, its logo, whether
        customers see it. None leaves a value."""

    @query()
    async def listings(
        self,
        ctx: Context,
        *,
        category_id: UUID | None = None,
        vendor_id: UUID | None = None,
        brand_id: UUID | None = None,
        sort: Sort = "newest",
        limit: Limit = 24,
        cursor: str | None = None,
    ) -> Page[Listing]:
        """Active products of active vendors; a category includes those below it. A brand goes
        together with one of the others, not with both (Invalid)."""

    @query()
    async def listings_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Listing]:
        """Active ones among these, in the order asked for."""

    @query(scope="staff")
    async def titles(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, str]:
        """Titles of those that exist, whatever their status."""

    @query()
    async def product(self, ctx: Context, *, ref: str) -> Product:
        """By id or slug. Others than its vendor's team and staff see active products only."""

    @query()
    async def details(self, ctx: Context, *, ids: Some) -> list[Product]:
        """Those on sale among these, whole, in the order asked for."""

    @query()
    async def moved(self, ctx: Context, *, ref: str) -> str:
        """The slug of the product that an old slug, or the id or slug of a merged product, leads
        to. NotFound."""

    @query()
    async def history(
        self, ctx: Context, *, product_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Change]:
        """Every change of a product, the last one first: all for staff; for its own vendor
        without what others did with their offers. NotFound for anybody else."""

    @query(scope="staff:products")
    async def duplicates(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Duplicate]:
        """Barcodes that several products carry."""

    @command(scope="staff:products")
    async def merge(self, ctx: Context, *, kept_id: UUID, gone_id: UUID) -> Product:
        """Two products are one: the offers and variants of the second move to the first, its
        address leads there, and orders keep what they bought. VariantsDiffer,
        WrongProductState; the same again answers the product."""

    @query(scope="vendor:products:view")
    async def own_products(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        status: ProductStatus | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Listing]: ...

    @query(scope="internal")
    async def own_details(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        limit: Limit = 100,
        cursor: str | None = None,
    ) -> Page[Product]:
        """A vendor's products in any state, whole, newest first."""

    @query(scope="staff:products")
    async def queue(
        self,
        ctx: Context,
        *,
        status: ProductStatus = "pending",
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Listing]: ...

    @query()
    async def offers(self, ctx: Context, *, ids: list[UUID]) -> list[OfferLine]:
        """Those that exist, in any state; `buyable` says whether they can be bought now."""

    @query(scope="internal")
    async def offers_by_sku(
        self, ctx: Context, *, vendor_id: UUID, skus: list[str]
    ) -> dict[str, UUID]: ...

    @query(scope="vendor:products")
    async def matches(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        words: Annotated[str, Field(max_length=200)],
        limit: Annotated[int, Field(ge=1, le=50)] = 20,
    ) -> list[Match]:
        """Products on sale with that barcode, else those whose title begins like this, and
        whether this vendor may attach an offer to each."""

    @query(scope="vendor:products:view")
    async def own_offers(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[OwnOffer]:
        """The offers it attached to products that were there, the newest first."""

    @query(scope="vendor:products:view")
    async def own_offer(self, ctx: Context, *, id: UUID) -> OwnOffer:
        """One of the acting vendor's. NotFound."""

    @command(scope="vendor:products")
    async def attach(
        self, ctx: Context, *, id: UUID, product_id: UUID, vendor_id: UUID, draft: OfferDraft
    ) -> Offer:
        """Sells a product that is there: on sale at once. The same id again answers it.
        OffersClosed, NotOnTheList, OfferExists, SkuTaken, VariantUnknown, OffersFull."""

    @command(scope="vendor:products")
    async def change_offer(self, ctx: Context, *, id: UUID, change: OfferChange) -> Offer:
        """Changes, pauses or resumes one of the vendor's own offers, and nobody else's."""

    @query(scope="staff:products")
    async def allowed(
        self, ctx: Context, *, product_id: UUID | None = None, brand: str | None = None
    ) -> list[UUID] | None:
        """Who may sell it; None when everybody may."""

    @command(scope="staff:products")
    async def allow(
        self,
        ctx: Context,
        *,
        product_id: UUID | None = None,
        brand: str | None = None,
        vendor_ids: Annotated[list[UUID], Field(max_length=500)] | None,
    ) -> None:
        """Says who may sell one product (or what has this brand) from now on; None: everybody.
        Offers of others on that product are paused at once; its own vendor's never are."""

    @query()
    async def standings(
        self,
        ctx: Context,
        *,
        product_id: UUID,
        facts: Annotated[list[Facts], Field(max_length=500)],
    ) -> list[Standing]:
        """How the offers named in `facts` stand, variant by variant, the first one first; to
        a vendor (of its own) and to staff with the price that would win. Offers the product does
        not sell now are left out."""

    @query()
    async def rankings(
        self,
        ctx: Context,
        *,
        product_ids: Some,
        facts: Annotated[list[Facts], Field(max_length=2000)],
    ) -> list[Standing]:
        """`standings` of several products."""

    @command(scope="vendor:products")
    async def create(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, draft: ProductDraft
    ) -> Product:
        """A draft. SkuTaken, CategoryUnknown, CurrencyWrong; the same id again answers it."""

    @command(scope="vendor:products")
    async def change(
        self, ctx: Context, *, id: UUID, draft: ProductDraft, version: int | None = None
    ) -> Product:
        """Replaces what the draft says; variants missing in it are paused, never deleted."""

    @command(scope="vendor:products")
    async def submit(self, ctx: Context, *, id: UUID) -> Product:
        """draft, rejected or changes_requested → pending; → active where a rule approves it and
        nothing is objected. ListingRefused."""

    @command(scope="vendor:products")
    async def archive(self, ctx: Context, *, id: UUID) -> Product:
        """Any state → archived: gone from sale, kept for old orders."""

    @command(scope="vendor:products")
    async def restore(self, ctx: Context, *, id: UUID) -> Product:
        """archived → draft."""

    @command(scope="staff:products")
    async def decide(
        self, ctx: Context, *, id: UUID, decision: Decision, reason: str = ""
    ) -> Product:
        """pending → active, rejected or changes_requested; "take_down" rejects in any state but
        archived, at once. All but approving need a reason, which the vendor is told."""

    @command(scope="internal", repeatable=True)
    async def set_rating(
        self,
        ctx: Context,
        *,
        product_id: UUID,
        rating: Rating | None,
        version: Annotated[int, Field(ge=1)],
    ) -> None:
        """What customers think of it, from who keeps their reviews; the newest version stays.
        NotFound."""

    @command()
    async def add_note(
        self, ctx: Context, *, id: UUID, product_id: UUID, text: NoteText, external: bool = True
    ) -> Note:
        """By staff, or by the product's vendor (for whom every note is external). NotFound."""

    @query()
    async def notes(self, ctx: Context, *, product_id: UUID) -> list[Note]:
        """The last 100, the oldest first; the vendor reads external ones."""

    @query(scope="staff:products")
    async def approval_rules(self, ctx: Context) -> list[ApprovalRule]: ...

    @command(scope="staff:products")
    async def save_approval_rule(self, ctx: Context, *, rule: ApprovalRule) -> ApprovalRule:
        """For what is submitted from now on. At most 200."""

    @command(scope="staff:products")
    async def drop_approval_rule(self, ctx: Context, *, id: UUID) -> None:
        """Harmless when repeated."""

    @query(scope="staff:products")
    async def listing_rules(self, ctx: Context) -> list[ListingRule]:
        """What listings keep to, by name."""

    @command(scope="staff:products")
    async def save_listing_rule(self, ctx: Context, *, rule: ListingRule) -> ListingRule:
        """Adds or replaces one, for what is submitted, or changed on sale, from now on. At most
        200. CategoryUnknown."""

    @command(scope="staff:products")
    async def drop_listing_rule(self, ctx: Context, *, id: UUID) -> None:
        """Harmless when repeated."""

    @query()
    async def objections(self, ctx: Context, *, product_id: UUID) -> list[Objection]:
        """What the rules say against a product as it is: for staff and its own vendor."""
