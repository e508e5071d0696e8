"""Types of offers: what several vendors sell one product for, and who of them stands first.

Part of the public file: `api` hands these names on.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.prices import ScheduledPrice
from haat.kernel.errors import Conflict, Forbidden, Invalid
from haat.kernel.model import Model
from haat.kernel.money import Money

Sku = Annotated[str, Field(min_length=1, max_length=80)]
Condition = Literal["new", "refurbished", "used-like-new", "used-good", "used-acceptable"]
OfferStatus = Literal["active", "paused"]
HandlingDays = Annotated[int, Field(ge=0, le=60)]
Why = Literal["policy", "listed", "state"]
WhyNot = Literal["alone", "out_of_stock", "beyond_price"]


class SkuTaken(Conflict, code="sku_taken"):
    """This vendor has another offer with that SKU."""


class OfferExists(Conflict, code="offer_exists"):
    """This vendor sells that variant in that condition already."""


class OffersClosed(Forbidden, code="offers_closed"):
    """This market's vendors sell products of their own only."""


class NotOnTheList(Forbidden, code="vendor_not_listed"):
    """Only vendors on its list may sell this product or brand."""


class OffersFull(Conflict, code="offers_full"):
    """A variant has at most 100 offers."""


class VariantUnknown(Invalid, code="variant_unknown"):
    """The product has no such variant, or several to choose from."""


class Offer(Model):
    """One vendor's price and SKU for a variant. Stock is inventory's.

    `main`: the offer the product's own form writes; vendors who came later have others.
    `lowest_before`: where a price before (`compare_at`) announces a reduction, the lowest price of
    the 30 days before it was announced. `scheduled`, the prices to come, is for its vendor and
    staff; everybody else is told the price of the moment, and until when it stands.
    """

    id: UUID
    variant_id: UUID
    vendor_id: UUID
    sku: str
    price: Money
    compare_at: Money | None = None
    condition: Condition = "new"
    handling_days: int = 1  # from order to hand-over
    status: OfferStatus = "active"
    main: bool = True
    lowest_before: Money | None = None
    price_until: datetime | None = None
    scheduled: list[ScheduledPrice] = []


class OfferDraft(Model):
    """`variant_id` may be left out where the product has one variant."""

    variant_id: UUID | None = None
    sku: Sku
    price: Money
    compare_at: Money | None = None
    condition: Condition = "new"
    handling_days: HandlingDays = 1


class OfferChange(Model):
    """None leaves a value as it is; `no_compare_at` takes that price away."""

    sku: Sku | None = None
    price: Money | None = None
    compare_at: Money | None = None
    no_compare_at: bool = False
    condition: Condition | None = None
    handling_days: HandlingDays | None = None
    status: OfferStatus | None = None


class OwnOffer(Model):
    """A vendor's offer with the product it stands on. `on_sale`: it can be bought now."""

    offer: Offer
    product_id: UUID
    product_slug: str
    product_vendor_id: UUID
    title: str
    variant_title: str
    product_status: str
    on_sale: bool


class Facts(Model):
    """What the catalogue does not know of an offer, from those who do; None: not known."""

    offer_id: UUID
    available: int
    shipping: Money | None = None  # the cheapest way to the customer, of one
    free_from: Money | None = None  # nothing to pay for shipping when it costs that much
    rating_bp: Annotated[int, Field(ge=0, le=10_000)] | None = None  # the vendor's; 10000 is best


class Part(Model):
    """One part of a score: `points` of `most` possible."""

    name: Literal["price", "condition", "handling", "vendor"]
    points: int
    most: int
    why: str


class Standing(Model):
    """How an offer stands among those for its variant: `score` is the sum of its parts.

    `wins_at`: the highest price at which it would be (or stay) first, all else as it is; None
    when no price makes it first, or when nobody else has any and every price would do.
    """

    offer_id: UUID
    variant_id: UUID
    vendor_id: UUID
    place: int  # 1 is first: the offer the product page sells
    score: int
    parts: list[Part]
    in_stock: bool
    landed: Money  # price and shipping
    wins_at: Money | None = None
    why_not: WhyNot | None = None  # when there is none
