"""Orders: one order per checkout, one vendor order per vendor in it, frozen lines, a timeline.

Two state machines per vendor order, payment × fulfilment; the order is their projection. Amounts
are frozen at sale: they are the quote's, to the cent.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from haat.domains.goods.catalog.api import ProductKind
from haat.domains.money.commissions.api import Terms
from haat.domains.people.media.api import Picture
from haat.domains.people.profiles.api import Address
from haat.domains.trade.shipping.api import Shipment
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid, NotFound
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import MINOR_MAX, Money
from haat.kernel.page import Limit, Page
from haat.kernel.personal import EmailText, NameText

PaymentState = Literal[
    "authorized",  # held, taken in a moment
    "awaiting",  # a bank transfer is awaited; vendors wait as well
    "on_delivery",  # the vendor collects it in cash; it goes on with the order
    "paid",
    "partially_refunded",
    "refunded",
    "voided",
]
FulfilmentState = Literal[
    "pending", "accepted", "ready", "in_transit", "delivered", "rejected", "cancelled"
]
Partly = Literal[  # an order whose vendor orders differ: how far the foremost is
    "partially_accepted", "partially_ready", "partially_shipped", "partially_delivered"
]
Progress = Literal[FulfilmentState, Partly]  # of an order
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Carrier = Annotated[str, Field(min_length=1, max_length=60)]
TrackingNumber = Annotated[str, Field(max_length=80)]


By = Literal["customer", "vendor", "staff", "system"]
View = Literal["payment", "delivery", "fulfilment", "order"]


class WrongOrderState(Conflict, code="order_state"):
    """The order is not in a state that allows this. `state` in the problem says which it is in,
    `allowed` which moves a vendor order in it can make."""


class LinkInvalid(NotFound, code="order_link_invalid"):
    """This link is not valid or has expired. Ask for a new one with your order number."""


class DoesNotAddUp(Invalid, code="order_sums"):
    """The amounts of this order do not add up. Nothing was written."""


class Statuses(Model):
    """The two states in the words of four vocabularies (docs/flows/orders.md).

    payment: pending, paid, partial, refunded, failed. delivery: pending, processing, ready,
    in_transit, delivered, cancelled. fulfilment: unfulfilled, processing, shipped, delivered,
    returned, cancelled. order: pending, paid, shipped, delivered, refunded, cancelled.
    """

    payment: str
    delivery: str
    fulfilment: str
    order: str


class OrderFilter(Model):
    """What a list is narrowed to; None leaves it open. Amounts are minor units, `until` is not
    part of it. `view` and `status` together are a word of one vocabulary. `q` is looked for: a
    number, or words that a name or an e-mail address has or begins with."""

    payment: PaymentState | None = None
    fulfilment: Progress | None = None
    view: View | None = None
    status: Annotated[str, Field(max_length=30)] | None = None
    vendor_id: UUID | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    total_min: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    total_max: Annotated[int, Field(ge=0, le=MINOR_MAX)] | None = None
    q: Annotated[str, Field(max_length=200)] | None = None


class RebuiltLists(Model):
    """How many orders were written anew, and where to go on; `next` None when that was all."""

    done: int
    next: int | None


class OrderLine(Model):
    """Frozen at sale. `amount` = unit_price × quantity; `tax` inside it or on top (order's
    `prices_include_tax`); `commission` is the platform's part of it, `commission_tax` the tax on
    that, by the frozen `terms`. `refunded_quantity` of it were given back so far."""

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
    amount: Money
    tax_bp: int
    tax: Money
    category_path: list[UUID] = []  # the product's category and those above it, at sale
    commission: Money
    commission_tax: Money
    terms: Terms
    kind: ProductKind = "physical"  # digital and services are delivered without a parcel
    refunded_quantity: int = 0
    refunded: Money | None = None  # gross given back of this line; None in drafts


class Totals(Model):
    """goods + shipping (+ tax when it comes on top) = total."""

    goods: Money
    shipping: Money
    tax: Money
    total: Money


class VendorOrderDraft(Model):
    """`shipping_tax` is part of totals.tax."""

    id: UUID
    vendor_id: UUID
    vendor_name: str
    lines: Annotated[list[OrderLine], Field(min_length=1)]
    shipping_method: str
    pickup_id: UUID | None = None  # the warehouse where the customer collects it
    days_min: int | None = None  # how long the carrier takes
    days_max: int | None = None
    handling_hours: int | None = None  # in which it is sent, from its payment on; None: not said
    shipping_tax_bp: int = 0
    shipping_tax: Money
    totals: Totals
    shipping_commission: Money
    shipping_commission_tax: Money
    shipping_terms: Terms
    commission: Money  # of all lines and shipping
    commission_tax: Money  # the same
    net: Money  # total − commission − commission_tax − tax: what the vendor earns

    @property
    def without_parcel(self) -> bool:
        """Whether nothing of it is sent or collected."""
        return all(line.kind != "physical" for line in self.lines)


class OrderDraft(Model):
    """What checkout hands over: complete, priced, split. `id` is the checkout's id."""

    id: UUID
    person_id: UUID | None
    email: EmailText
    ship_to: Address
    bill_to: Address
    prices_include_tax: bool
    totals: Totals
    vendor_orders: Annotated[list[VendorOrderDraft], Field(min_length=1)]
    payment: Literal["authorized", "awaiting", "on_delivery"] = "authorized"
    placed_at: datetime | None = None  # only the demo's history sets it


class RefundedLine(Model):
    """`line_id` is an order line's, or derive(vendor order, "shipping") with quantity 0."""

    line_id: UUID
    quantity: int
    gross: Money


class TimelineEntry(Model):
    at: datetime
    what: str  # "placed", "paid", "accepted", "in_transit", "refunded" …
    vendor_order_id: UUID | None = None
    actor: Literal["customer", "vendor", "staff", "system"]
    note: str = ""


class TimelineNote(Model):
    """What another module tells of an order, once for each `source`."""

    source: UUID
    order_id: UUID
    vendor_order_id: UUID | None = None
    what: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    note: Annotated[str, Field(max_length=500)] = ""


class VendorOrder(VendorOrderDraft):
    order_id: UUID
    person_id: UUID | None = None
    number: str  # "H-100001-2"
    order_number: str
    payment: PaymentState
    fulfilment: FulfilmentState
    refunded: Money
    reason: str | None = None
    placed_at: datetime
    ship_by: datetime | None = None  # promised; known once it is paid, or will be on delivery
    delivered_at: datetime | None = None
    shipments: list[Shipment] = []
    ship_to: Address | None = None  # for those who have to send it
    statuses: Statuses | None = None


class Order(Model):
    """`payment` and `fulfilment` are projections of the vendor orders'."""

    id: UUID
    number: str
    person_id: UUID | None
    email: EmailText
    ship_to: Address
    bill_to: Address
    prices_include_tax: bool
    totals: Totals
    refunded: Money
    payment: PaymentState
    fulfilment: str  # as a vendor order's, "partially_shipped" and the like where they differ
    vendor_orders: list[VendorOrder]
    timeline: list[TimelineEntry] = []
    placed_at: datetime
    statuses: Statuses | None = None


class OrderSummary(Model):
    """One line of a list. `email` and `ship_to_name` are told to staff alone."""

    id: UUID
    number: str
    payment: PaymentState
    fulfilment: str
    total: Money
    refunded: Money | None = None
    items: int
    vendors: list[str]
    placed_at: datetime
    statuses: Statuses | None = None
    email: EmailText = ""
    ship_to_name: NameText = ""


class VendorOrderSummary(Model):
    id: UUID
    order_id: UUID
    number: str
    payment: PaymentState
    fulfilment: FulfilmentState
    total: Money
    net: Money
    refunded: Money | None = None
    items: int
    ship_to_name: str
    placed_at: datetime
    statuses: Statuses | None = None


class VendorPart(Model):
    """One vendor order inside an event."""

    vendor_order_id: UUID
    vendor_id: UUID
    number: str
    total: Money
    net: Money
    ship_by: datetime | None = None  # when it is to be sent or ready to collect


class OrderCreated(Event, name="order.created", key="order_id", aliases=("order.placed",)):
    """`payment`: whether its money is held, or awaited, or collected when it is delivered: then
    vendors begin at once."""

    order_id: UUID
    number: str
    person_id: UUID | None
    total: Money
    vendor_orders: list[VendorPart]
    payment: Literal["authorized", "awaiting", "on_delivery"] = "authorized"


class OrderPaid(Event, name="order.paid", key="order_id"):
    """`was`: what it waited for until now. `total`: all that came. A vendor order that had been
    cancelled by then is not among `vendor_orders`; what came for it is given back."""

    order_id: UUID
    number: str
    person_id: UUID | None
    total: Money
    vendor_orders: list[VendorPart]
    was: Literal["authorized", "awaiting", "on_delivery"] = "authorized"


class OrderUnpaid(Event, name="order.unpaid", key="order_id"):
    """The payment failed for good: voided and cancelled. `lines` are (offer id, quantity); `was`:
    what it waited for until now."""

    order_id: UUID
    number: str
    person_id: UUID | None
    reason: str
    total: Money
    lines: list[tuple[UUID, int]]
    was: Literal["authorized", "awaiting", "on_delivery"] = "authorized"


class OrderPaymentUpdated(Event, name="order.payment.updated", key="order_id"):
    """The payment of some of its vendor orders changed, and no other event tells: cash was
    collected for one of several, or what was awaited for cancelled ones will not come."""

    order_id: UUID
    number: str
    vendor_order_ids: list[UUID]
    payment: PaymentState


class OrderAdvanced(Event, name="order.status.updated", key="order_id"):
    """A vendor order was accepted or is ready: the steps without an event of their own."""

    order_id: UUID
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    number: str
    fulfilment: FulfilmentState
    pickup_id: UUID | None = None  # the warehouse where the customer collects it


class OrderShipped(Event, name="order.shipped", key="order_id"):
    order_id: UUID
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    number: str
    carrier: str
    tracking_number: str


class OrderDelivered(Event, name="order.fulfilled", key="order_id"):
    order_id: UUID
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    number: str
    delivered_at: datetime


class OrderCancelled(Event, name="order.cancelled", key="order_id"):
    """A vendor rejected its part, or customer, vendor or staff cancelled it; settlement refunds
    and gives the goods back. `lines` are (offer id, quantity)."""

    order_id: UUID
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    number: str
    kind: Literal["rejected", "cancelled"]
    reason: str
    by: By | None = None  # None: of a time before it was told
    total: Money
    lines: list[tuple[UUID, int]]


class OrderRefunded(Event, name="order.refunded", key="order_id"):
    order_id: UUID
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    number: str
    amount: Money
    refund_id: UUID | None = None  # settlement's


class Orders(Contract, name="orders"):
    @command(scope="internal", repeatable=True)
    async def create(self, ctx: Context, *, draft: OrderDraft) -> OrderSummary:
        """Writes the order and its vendor orders; the same id again answers what is there.
        DoesNotAddUp when an amount is not the sum of its parts (rules.discrepancy)."""

    @command(scope="internal", repeatable=True)
    async def mark_paid(self, ctx: Context, *, order_ids: list[UUID]) -> None:
        """authorized, awaiting or on_delivery → paid, with OrderPaid for those that changed.
        Harmless when repeated."""

    @command(scope="internal", repeatable=True)
    async def mark_vendor_orders_paid(self, ctx: Context, *, ids: list[UUID]) -> None:
        """on_delivery → paid: the vendor collected the cash. OrderPaid, with every part that was
        paid and their sum, once nothing of the order is awaited any more. Harmless when
        repeated."""

    @command(scope="internal", repeatable=True)
    async def mark_unpaid(self, ctx: Context, *, order_id: UUID, reason: str) -> None:
        """The capture failed for good, or the money awaited never came: voided and cancelled,
        without a refund; OrderUnpaid unless every part of it was cancelled already. Harmless when
        repeated; WrongOrderState when it is paid."""

    @command(scope="internal")
    async def record_refund(
        self,
        ctx: Context,
        *,
        refund_id: UUID,
        vendor_order_id: UUID,
        amount: Money,
        note: str,
        lines: list[RefundedLine] | None = None,
    ) -> None:
        """Adds to `refunded` and to the lines', once per refund id. RefundTooLarge;
        WrongOrderState when unpaid."""

    @query(scope="person")
    async def own(
        self, ctx: Context, *, limit: Limit = 20, cursor: str | None = None
    ) -> Page[OrderSummary]:
        """The actor's own orders, newest first; what was placed a moment ago is among them."""

    @query(scope="person")
    async def order(self, ctx: Context, *, ref: str) -> Order:
        """By id or number: the customer's own, or any for staff; NotFound otherwise."""

    @query()
    async def order_by_link(self, ctx: Context, *, token: str) -> Order:
        """What a guest's signed link shows. LinkInvalid."""

    @query(scope="internal")
    async def links(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, str]:
        """Signed link tokens (path: /orders/link/{token})."""

    @query(scope="internal")
    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Order]:
        """Whole orders for other modules."""

    @query(scope="internal")
    async def vendor_orders_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[VendorOrder]: ...

    @query(scope="vendor:orders")
    async def vendor_orders(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        where: OrderFilter | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[VendorOrderSummary]:
        """Newest first, from the list that is kept of them. Vendors search by number and
        recipient."""

    @query(scope="vendor:orders")
    async def vendor_order(self, ctx: Context, *, id: UUID) -> VendorOrder:
        """One of the acting vendor's (or any, for staff), with shipments and address."""

    @query(scope="vendor:orders")
    async def vendor_order_by_ref(self, ctx: Context, *, ref: str) -> VendorOrder:
        """The same, by id or human number ("H-100001-2")."""

    @query(scope="staff:orders")
    async def listed(
        self,
        ctx: Context,
        *,
        where: OrderFilter | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[OrderSummary]:
        """Newest first, from the list that is kept of them."""

    @command(scope="staff:orders", timeout_s=60)
    async def rebuild_lists(self, ctx: Context, *, after: int = 0) -> RebuiltLists:
        """Writes the lists anew from the orders, oldest first, from behind `after` on."""

    @command(scope="vendor:orders")
    async def accept(self, ctx: Context, *, id: UUID) -> VendorOrder:
        """pending → accepted; needs one that is paid, or will be on delivery."""

    @command(scope="vendor:orders")
    async def reject(self, ctx: Context, *, id: UUID, reason: Reason) -> VendorOrder:
        """pending → rejected: the customer is refunded, the goods go back on sale."""

    @command(scope="vendor:orders")
    async def ready(self, ctx: Context, *, id: UUID) -> VendorOrder:
        """accepted → ready."""

    @command(scope="vendor:orders")
    async def ship(
        self,
        ctx: Context,
        *,
        id: UUID,
        carrier: Carrier = "Own delivery",
        tracking_number: TrackingNumber | None = None,
    ) -> VendorOrder:
        """accepted or ready → in_transit, with a shipment."""

    @command(scope="vendor:orders")
    async def add_parcel(
        self,
        ctx: Context,
        *,
        id: UUID,
        carrier: Carrier = "Own delivery",
        tracking_number: TrackingNumber | None = None,
    ) -> VendorOrder:
        """One more parcel of what is on its way. The same carrier and number again is the same
        parcel. They are delivered together."""

    @command(scope="vendor:orders")
    async def deliver(self, ctx: Context, *, id: UUID) -> VendorOrder:
        """in_transit → delivered: the return window starts."""

    @command(scope="person")
    async def cancel(self, ctx: Context, *, id: UUID, reason: Reason) -> VendorOrder:
        """A vendor order by its customer or vendor or staff, while pending, accepted or ready; one
        that awaits a bank transfer by customer or staff; one that is paid on delivery also on its
        way, by vendor or staff: it was refused at the door."""

    @command(scope="person")
    async def cancel_order(self, ctx: Context, *, id: UUID, reason: Reason) -> Order:
        """Every part of it that can be cancelled; WrongOrderState when none can."""

    @command()
    async def cancel_by_link(
        self, ctx: Context, *, token: str, id: UUID, reason: Reason
    ) -> VendorOrder:
        """A vendor order by who has a guest's signed link, as long as its vendor has not accepted
        it. LinkInvalid, NotFound."""

    @command(scope="internal")
    async def note(
        self, ctx: Context, *, notes: Annotated[list[TimelineNote], Field(max_length=500)]
    ) -> None:
        """Adds these to timelines; what was noted before, and orders that are not there, are left
        out."""

    @command(scope="vendor:orders")
    async def move(
        self,
        ctx: Context,
        *,
        id: UUID,
        status: str,
        reason: Reason | None = None,
        carrier: Carrier = "Own delivery",
        tracking_number: TrackingNumber | None = None,
    ) -> VendorOrder:
        """One of the moves above, by a status word: processing (accept), ready, shipped,
        delivered, cancelled, rejected. The last two need a reason."""

    @command(scope="staff:orders")
    async def set_status(
        self,
        ctx: Context,
        *,
        id: UUID,
        status: str,
        reason: Reason | None = None,
        carrier: Carrier = "Own delivery",
        tracking_number: TrackingNumber | None = None,
    ) -> VendorOrder:
        """Staff move any vendor order as its vendor could; see `move`."""

    @query(scope="person")
    async def timeline(self, ctx: Context, *, ref: str) -> list[TimelineEntry]:
        """Of an order the actor may read; of a vendor order for its vendor."""
