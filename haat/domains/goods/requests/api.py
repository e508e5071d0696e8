"""Requests for products that are missing: asked by vendors, decided by staff."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Listing, Sku, Title
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Forbidden
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

RequestState = Literal["open", "approving", "approved", "refused", "withdrawn"]
Words = Annotated[str, Field(max_length=5000)]
Link = Annotated[str, Field(max_length=500, pattern=r"^(https?://[^\s\"'<>\\]+)?$")]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


class RequestsClosed(Forbidden, code="requests_closed"):
    """Vendors of this market make products of their own; there is nothing to ask for."""


class RequestExists(Conflict, code="request_exists"):
    """This vendor asked for that barcode already, and it is not decided yet."""


class RequestsFull(Conflict, code="requests_full"):
    """A vendor has at most 200 requests that are not decided."""


class RequestDecided(Conflict, code="request_decided"):
    """It was decided, or withdrawn, meanwhile; `state` in the problem says which."""


class Wanted(Model):
    """The product that is missing, and what its vendor would sell it for."""

    title: Title
    barcode: Annotated[str, Field(max_length=40)] | None = None
    brand: Annotated[str, Field(max_length=120)] = ""
    category_id: UUID | None = None
    text: Words = ""
    link: Link = ""  # where the market's staff can read more
    picture_id: UUID | None = None
    sku: Sku
    price: Money


class ProductRequest(Wanted):
    """A request as it stands. `product_id`: what it became. `twins`, for staff: products on sale
    with its barcode, else those whose title begins alike."""

    id: UUID
    vendor_id: UUID
    state: RequestState
    reason: str | None = None  # why it was refused
    product_id: UUID | None = None
    created_at: datetime
    decided_at: datetime | None = None
    twins: list[Listing] = []


class Mended(Model):
    """What staff write differently in the product a request becomes; None leaves it."""

    title: Title | None = None
    barcode: Annotated[str, Field(max_length=40)] | None = None
    brand: Annotated[str, Field(max_length=120)] | None = None
    category_id: UUID | None = None
    text: Words | None = None


class ProductRequested(Event, name="product.requested", key="request_id"):
    request_id: UUID
    vendor_id: UUID
    title: str


class RequestApproved(Event, name="product.request.approved", key="request_id"):
    """`attached`: there was such a product, and the vendor has an offer on it now."""

    request_id: UUID
    vendor_id: UUID
    title: str
    product_id: UUID
    attached: bool


class RequestRefused(Event, name="product.request.refused", key="request_id"):
    request_id: UUID
    vendor_id: UUID
    title: str
    reason: str


class Requests(Contract, name="requests"):
    @command(scope="vendor:products")
    async def ask(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, wanted: Wanted
    ) -> ProductRequest:
        """The same id again answers the request. RequestsClosed, RequestExists, RequestsFull;
        Invalid for a barcode, category or price that is none."""

    @command(scope="vendor:products")
    async def withdraw(self, ctx: Context, *, id: UUID) -> ProductRequest:
        """open → withdrawn; harmless when repeated. RequestDecided."""

    @query(scope="vendor:products:view")
    async def own(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[ProductRequest]:
        """Newest first."""

    @query()
    async def request(self, ctx: Context, *, id: UUID) -> ProductRequest:
        """One of the acting vendor's; any, with its twins, for staff. NotFound."""

    @query(scope="staff:products")
    async def queue(
        self,
        ctx: Context,
        *,
        state: RequestState = "open",
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[ProductRequest]:
        """Of all vendors; who waits longest stands first. `open` has those being approved, too."""

    @command(scope="staff:products", timeout_s=30)
    async def approve(
        self,
        ctx: Context,
        *,
        id: UUID,
        mended: Mended | None = None,
        product_id: UUID | None = None,
        variant_id: UUID | None = None,
    ) -> ProductRequest:
        """Makes the product, on sale at once from this vendor; or, with `product_id`, attaches the
        vendor's offer to one that is there. What the catalogue refuses leaves it open. The same
        again answers it; RequestDecided when it went otherwise."""

    @command(scope="staff:products")
    async def refuse(self, ctx: Context, *, id: UUID, reason: Reason) -> ProductRequest:
        """open → refused; the vendor is told why. RequestDecided."""
