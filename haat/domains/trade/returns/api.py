"""Returns and complaints over the lines of a vendor order (RMA).

requested → approved → (sent_back →) received → refunded; or refused, withdrawn, or escalated to
staff by either side, who decide. A complaint (nothing is sent back) goes from approved straight to
refunded.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.people.media.api import Picture
from haat.domains.trade.settlement.api import RefundPreview
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Kind = Literal["return", "complaint"]
ReturnReason = Literal[
    "changed_mind",
    "wrong_size",
    "not_as_described",
    "damaged",
    "wrong_item",
    "not_received",
    "incomplete",
    "other",
]
State = Literal[
    "requested",
    "approved",
    "sent_back",
    "received",
    "refunded",
    "refused",
    "withdrawn",
]
By = Literal["customer", "vendor", "staff", "system"]


class WrongReturnState(Conflict, code="return_state"):
    """The return is not in a state that allows this. `state` in the problem says which it is in."""


class NotReturnable(Conflict, code="not_returnable"):
    """These goods cannot be returned (any more). `why`: unpaid, not_delivered, window_closed,
    quantity. A complaint is possible for as long as the payment can be refunded."""


class ReturnItem(Model):
    line_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999)]


class ReturnLine(ReturnItem):
    title: str
    variant_title: str = ""
    sku: str = ""
    unit_price: Money
    received_quantity: int | None = None  # as counted on receipt


class Message(Model):
    """`what` happened with it: a move to that state, an escalation, or just words."""

    id: UUID
    by: By
    what: State | Literal["escalated", "said"] = "said"
    text: str
    pictures: list[Picture] = []
    at: datetime


class Return(Model):
    """`number` is for people ("R-100001"). `amount` is what approving would give back, or gave.

    `final`: refused for good. `send_back`: the goods go back to the vendor, by `send_by`.
    `refund_failed`: the refund did not go through, staff have to look."""

    id: UUID
    number: str
    kind: Kind
    state: State
    escalated: bool = False
    final: bool = False
    send_back: bool = True
    order_id: UUID
    order_number: str
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    reason: ReturnReason
    lines: list[ReturnLine]
    refund_shipping: bool  # the outward shipping is given back as well
    amount: Money  # what was agreed or asked for, tax included
    refund_id: UUID | None = None
    refund_failed: bool = False
    tracking_number: str = ""
    messages: list[Message] = []
    respond_by: datetime | None = None  # then it is escalated to staff by itself
    send_by: datetime | None = None  # then it is withdrawn by itself
    requested_at: datetime
    updated_at: datetime


class ReturnSummary(Model):
    id: UUID
    number: str
    kind: Kind
    state: State
    escalated: bool
    order_number: str
    vendor_id: UUID
    reason: ReturnReason
    items: int
    amount: Money
    requested_at: datetime
    respond_by: datetime | None = None


class ReturnRequested(Event, name="order.return_requested", key="return_id"):
    return_id: UUID
    number: str
    kind: Kind
    order_id: UUID
    order_number: str
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    reason: ReturnReason
    amount: Money


class ReturnUpdated(Event, name="order.return_updated", key="return_id"):
    """It moved to another state, or was escalated. `note`: what the system says of it."""

    return_id: UUID
    number: str
    order_id: UUID
    order_number: str
    vendor_order_id: UUID
    vendor_id: UUID
    person_id: UUID | None
    state: State
    escalated: bool
    note: str = ""


class Returns(Contract, name="returns"):
    @query()
    async def returnable(
        self, ctx: Context, *, vendor_order_id: UUID, token: str | None = None
    ) -> list[ReturnLine]:
        """The lines with the quantities that can still be asked for, for the order's customer (or
        a guest with the order link's `token`)."""

    @query()
    async def preview(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        items: Annotated[list[ReturnItem], Field(min_length=1, max_length=100)],
        refund_shipping: bool | None = None,
        token: str | None = None,
    ) -> RefundPreview:
        """What would be given back. `refund_shipping` None: as a request would, which asks for the
        outward shipping where nothing of the vendor order would be left."""

    @command()
    async def request(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        kind: Kind = "return",
        items: Annotated[list[ReturnItem], Field(min_length=1, max_length=100)],
        reason: ReturnReason,
        text: Annotated[str, Field(max_length=2000)] = "",
        picture_ids: Annotated[list[UUID], Field(max_length=8)] | None = None,
        token: str | None = None,
    ) -> Return:
        """NotReturnable. Open requests never ask for more than was bought and not yet given
        back. The vendor's earning is blocked meanwhile. Harmless when repeated."""

    @query(scope="person")
    async def own(
        self, ctx: Context, *, limit: Limit = 20, cursor: str | None = None
    ) -> Page[ReturnSummary]: ...

    @query()
    async def one(self, ctx: Context, *, id: UUID, token: str | None = None) -> Return:
        """For its customer, its vendor, or staff."""

    @query()
    async def of_order(
        self, ctx: Context, *, vendor_order_id: UUID, token: str | None = None
    ) -> list[ReturnSummary]:
        """Those of one vendor order, newest first, for the order's customer or a guest's link."""

    @query(scope="internal")
    async def of_orders(
        self, ctx: Context, *, vendor_order_ids: list[UUID]
    ) -> list[ReturnSummary]: ...

    @query(scope="vendor:orders")
    async def of_vendor(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        state: State | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[ReturnSummary]: ...

    @query(scope="staff:orders")
    async def queue(
        self,
        ctx: Context,
        *,
        state: State | None = None,
        escalated: bool | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[ReturnSummary]: ...

    @command(scope="person")
    async def approve(
        self,
        ctx: Context,
        *,
        id: UUID,
        refund_shipping: bool | None = None,
        send_back: bool | None = None,
        text: Annotated[str, Field(max_length=2000)] = "",
    ) -> Return:
        """By its vendor or staff. `send_back` False: the refund follows at once, the customer keeps
        the goods; None: as its kind says."""

    @command(scope="person")
    async def refuse(self, ctx: Context, *, id: UUID, text: Text) -> Return:
        """By its vendor or staff; the customer may escalate it to staff, whose refusal is final."""

    @command()
    async def sent_back(
        self,
        ctx: Context,
        *,
        id: UUID,
        tracking_number: Annotated[str, Field(max_length=80)] = "",
        token: str | None = None,
    ) -> Return: ...

    @command(scope="person", timeout_s=30)
    async def receive(
        self,
        ctx: Context,
        *,
        id: UUID,
        items: Annotated[list[ReturnItem], Field(max_length=100)] | None = None,
        restock: bool = True,
        text: Annotated[str, Field(max_length=2000)] = "",
    ) -> Return:
        """By its vendor or staff: the goods are here (all, or `items` as counted), the refund
        follows. Less than was agreed needs a `text`."""

    @command()
    async def withdraw(self, ctx: Context, *, id: UUID, token: str | None = None) -> Return:
        """By its customer, until goods were received."""

    @command()
    async def escalate(
        self, ctx: Context, *, id: UUID, text: Text, token: str | None = None
    ) -> Return:
        """Customer or vendor ask staff to decide."""

    @command()
    async def say(
        self,
        ctx: Context,
        *,
        id: UUID,
        message_id: UUID,
        text: Text,
        picture_ids: Annotated[list[UUID], Field(max_length=8)] | None = None,
        token: str | None = None,
    ) -> Return: ...
