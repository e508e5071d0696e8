"""Checkout: quote → place → settle, as one resumable saga (docs/flows/purchase.md)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import ProductKind
from haat.domains.money.commissions.api import Terms
from haat.domains.money.payments.api import Method, SavedMethod, TransferInstructions
from haat.domains.people.media.api import Picture
from haat.domains.people.profiles.api import Address, SavedAddress
from haat.domains.trade.orders.api import Totals
from haat.domains.trade.shipping.api import Option
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Gone, Problem
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page
from haat.kernel.personal import EmailText


class QuoteExpired(Gone, code="quote_expired"):
    """The quote expired; ask for a new one. Nothing was reserved or charged."""


class CartEmpty(Conflict, code="cart_empty"):
    """There is nothing in the cart."""


class CheckoutOver(Conflict, code="checkout_over"):
    """This checkout ended without an order; ask for a new quote."""


class PaymentDeclined(Problem, code="payment_declined"):
    """The payment was declined. Nothing was charged; ask for a new quote to pay in another way.
    `declineCode` in the problem says why. Only doors raise it; `place` answers a Placement."""

    status = 402


class OneClickOff(Conflict, code="one_click_off"):
    """One press does not buy here yet; `missing` in the problem says what it needs."""


class PriceChanged(Conflict, code="price_changed"):
    """The price is not the one that was shown. Nothing was ordered; `unitPrice` and `total` in the
    problem are today's, and `quoteId` holds them for a while."""


class NotHandedOver(Conflict, code="nothing_handed_over"):
    """Cash is paid when something is handed over, and a part of this quote is downloads alone;
    `vendors` in the problem says whose. The quote stands: pay in another way."""


class QuoteLine(Model):
    id: UUID
    offer_id: UUID
    product_id: UUID
    product_slug: str
    variant_id: UUID
    sku: str
    title: str
    variant_title: str = ""
    picture: Picture | None = None
    quantity: int
    unit_price: Money
    usual_price: Money | None = None  # everybody's, where a price list makes it cheaper
    price_note: str = ""  # by which list: "Wholesale −10 %"
    amount: Money
    tax_bp: int
    tax: Money
    category_path: list[UUID] = []
    kind: ProductKind = "physical"
    commission: Money
    commission_tax: Money
    terms: Terms


class QuoteGroup(Model):
    """One vendor's part."""

    vendor_id: UUID
    vendor_name: str
    lines: list[QuoteLine]
    shipping: Option
    shipping_options: list[Option]
    shipping_tax_bp: int
    shipping_tax: Money
    shipping_commission: Money
    shipping_commission_tax: Money
    shipping_terms: Terms
    totals: Totals
    commission: Money
    commission_tax: Money
    net: Money
    # Within how many hours after it is paid its vendor sends it; None: nothing is sent.
    handling_hours: int | None = None

    @property
    def is_met(self) -> bool:
        """Whether its vendor, or who carries for it, meets the customer."""
        return any(line.kind != "digital" for line in self.lines)


class Quote(Model):
    """Immutable and expiring; from here nobody reads the catalogue or the cart again. `ship_to` is
    `bill_to` where nothing is shipped."""

    id: UUID
    cart_id: UUID | None
    person_id: UUID | None
    email: EmailText
    ship_to: Address
    bill_to: Address
    prices_include_tax: bool
    groups: list[QuoteGroup]
    totals: Totals
    created_at: datetime
    expires_at: datetime

    @property
    def cash_on_delivery(self) -> bool:
        """Whether somebody could take cash for each part of it."""
        return all(one.is_met for one in self.groups)


class BuyLine(Model):
    offer_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999)]


class Placement(Model):
    """How a checkout stands.

    placed: there is an order. needs_action: send the customer to `next_action_url`; then ask
    again. processing: the payment's fate is not known yet; ask again. declined, expired, undone:
    it ended, nothing is reserved, nothing was charged.
    """

    checkout_id: UUID
    status: Literal["placed", "needs_action", "processing", "declined", "expired", "undone"]
    order_id: UUID | None = None
    order_number: str | None = None
    order_link: str | None = None  # a signed path, for guests
    next_action_url: str | None = None
    decline_code: str | None = None
    instructions: TransferInstructions | None = None  # placed, the bank transfer is awaited
    total: Money
    credits: Money | None = None  # the part paid with credits


class OneClick(Model):
    """What one press would use. `missing`: what it lacks, of "preference" (the buyer has to allow
    it), "address", "method" (a saved way to pay); none: the button works."""

    address: SavedAddress | None = None
    method: SavedMethod | None = None
    missing: list[Literal["preference", "address", "method"]]


class Reserved(Model):
    """The reservation of a checkout that is under way or became an order."""

    id: UUID
    reservation_id: UUID
    placed: bool


class CheckoutPlaced(Event, name="cart.checked_out", key="checkout_id"):
    checkout_id: UUID
    cart_id: UUID | None
    items: list[BuyLine]


class Checkout(Contract, name="checkout", trail=False):
    @command(timeout_s=15)
    async def quote(
        self,
        ctx: Context,
        *,
        id: UUID,
        email: Annotated[str, Field(max_length=254)] | None = None,
        ship_to: Address | None = None,
        bill_to: Address | None = None,
        cart_id: UUID | None = None,
        items: Annotated[list[BuyLine], Field(max_length=100)] | None = None,
        shipping: dict[UUID, UUID] | None = None,
    ) -> Quote:
        """Prices the cart (or `items`) for that address: CartEmpty, NotBuyable, OutOfStock,
        NoShipping. What is not physical is taxed where `bill_to` is, which alone is enough where
        nothing is physical; either address stands for the other. `shipping` chooses a method per
        vendor; the cheapest otherwise. A guest must give `email`; a signed-in person's own is the
        default."""

    @query()
    async def read_quote(self, ctx: Context, *, id: UUID) -> Quote:
        """A person's own, or a guest's by its id, which cannot be guessed."""

    @command(timeout_s=40, repeatable=True)
    async def place(
        self,
        ctx: Context,
        *,
        quote_id: UUID,
        method: Method,
        return_url: str = "",
        credits: Money | None = None,
    ) -> Placement:
        """`credits`: how much of the total (in its currency) is paid from the acting person's
        wallet, the rest by `method`; a part that fails undoes the other. CreditsTooLow.
        NotHandedOver for cash where a vendor's part is downloads alone.

        Reserves, holds the payment, creates the order. QuoteExpired, OutOfStock. The checkout's
        id is the quote's: placing twice, even at once, makes one order and one charge."""

    @command(timeout_s=40)
    async def resume(self, ctx: Context, *, id: UUID) -> Placement:
        """Goes on with a checkout that waited for the customer or the provider."""

    @query(scope="person")
    async def one_click(self, ctx: Context) -> OneClick:
        """Whether one press may buy for the acting person, and with what."""

    @command(scope="person", timeout_s=50)
    async def buy_now(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        quantity: Annotated[int, Field(ge=1, le=999)] = 1,
        unit_price: Money,
        total: Money | None = None,
        return_url: str = "",
    ) -> Placement:
        """Quotes and places in one go, to the default address, with the saved way to pay. `id` is
        the quote's and the order's: the same one again is the same order. `unit_price`, and
        `total` where it was shown, are what the buyer agreed to: PriceChanged otherwise.
        OneClickOff, and what `quote` and `place` raise."""

    @query(scope="internal")
    async def reserved(
        self, ctx: Context, *, limit: Limit = 100, cursor: str | None = None
    ) -> Page[Reserved]:
        """Of every checkout that is not over without an order, by id."""
