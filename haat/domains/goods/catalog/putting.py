"""Types and events of putting many products at once: for modules that bring whole catalogues.

What is heard of so many at once is heard in sets: one event tells of up to SET_MOST of them. A set
is ordered with others of its vendor, not with what is said of one product: so whoever hears both
goes by versions, or does nothing about what it knows already.

Part of the public file: `api` hands these names on.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.offering import OfferDraft
from haat.domains.goods.catalog.product import ProductDraft, ProductStatus
from haat.kernel.context import Context
from haat.kernel.contract import command
from haat.kernel.events import Event
from haat.kernel.model import Model

PUT_MOST = 500
SET_MOST = 100  # what one event tells of,
SET_CHARS = 200_000  # or as many as have so much text: brokers take a megabyte


class PutItem(Model):
    """A whole product as its vendor wants it.

    `status` is where it is to go: "active" submits what is a draft (staff, or a rule of theirs,
    approve it). `by_sku`: a product of the vendor that has one of its SKUs is meant, whatever its
    id; `id` is for one that has none of them yet. `keeps`: what a file has no column for stays
    (page title, specifications, condition), and pictures do where the draft has none.
    """

    id: UUID
    draft: ProductDraft
    status: Literal["draft", "active", "archived"] = "active"
    by_sku: bool = False
    keeps: bool = False


PutItems = Annotated[list[PutItem], Field(max_length=PUT_MOST)]


class PutOutcome(Model):
    """What became of an item. `id`: of the product; `offers`: its vendor's, by SKU.

    Of a refused one `code`, `message` and `path` (of its draft) are its problem's, and nothing of
    it was written.
    """

    id: UUID
    what: Literal["created", "changed", "unchanged", "refused"]
    status: ProductStatus | None = None
    version: int = 0
    created_at: datetime | None = None
    offers: dict[str, UUID] = {}
    code: str = ""
    message: str = ""
    path: str = ""


class AttachItem(Model):
    """An offer called `id` for a product that is there."""

    id: UUID
    product_id: UUID
    draft: OfferDraft


class AttachOutcome(Model):
    """`code` and `message`: of the problem, where it was refused."""

    id: UUID
    what: Literal["attached", "unchanged", "refused"]
    code: str = ""
    message: str = ""


class PutMany:
    """The part of the catalogue's contract that takes many things of one vendor at once."""

    @command(scope="internal", timeout_s=30, repeatable=True)
    async def put(
        self, ctx: Context, *, vendor_id: UUID, items: PutItems, dry_run: bool = False
    ) -> list[PutOutcome]:
        """Creates, changes, submits and archives whole products of one vendor, with the rules of
        those commands: of each item, in their order, what became of it. One that is refused
        stops no other; the same again changes nothing. `dry_run`: only says so."""

    @command(scope="internal", timeout_s=30, repeatable=True)
    async def attach_many(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        items: Annotated[list[AttachItem], Field(max_length=PUT_MOST)],
    ) -> list[AttachOutcome]:
        """`attach` for each of these, in their order; one that is refused stops no other, the same
        again changes nothing. VendorNotActive."""


class ListingAdded(Model):
    """A listing that was never shown before. `card`: what lists show of it, a `Listing` as JSON;
    the rest is what it is found by."""

    product_id: UUID
    version: int
    category_id: UUID | None = None
    card: str
    text: str = ""
    attributes: dict[str, list[str]] = {}
    codes: list[str] = []


class ListingsAdded(Event, name="product.index.added", key="vendor_id"):
    """The index must show these listings as well; of one that it knows the newest version wins.
    Who keeps copies of products need not hear of what was never shown."""

    vendor_id: UUID
    listings: list[ListingAdded]


class AddedOffer(Model):
    product_id: UUID
    offer_id: UUID
    sku: str
    counted: bool = True


class OffersAdded(Event, name="offer.added.many", key="vendor_id"):
    """OfferAdded of many at once. What changes of an offer later is told after an OfferAdded."""

    vendor_id: UUID
    offers: list[AddedOffer]
