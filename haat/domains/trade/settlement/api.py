"""Settlement alone holds, captures, voids and refunds what customers pay, and tells payouts what
each vendor earned of it. It closes return windows."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.money.payments.api import Dispute, Hold, Method
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page


class NotRefundable(Conflict, code="not_refundable"):
    """Nothing, or less than that, is left to refund. `refundable` in the problem says how much."""


class RefundItem(Model):
    """`quantity` of an order line is given back."""

    line_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999)]


class Repaid(Model):
    """How much of a refund went back by which tender; `provider` None is credits."""

    provider: str | None
    amount: Money
    status: Literal["created", "done", "failed"]


class RefundResult(Model):
    id: UUID
    vendor_order_id: UUID
    amount: Money
    status: Literal["created", "done", "failed"]
    reason: str
    items: list[RefundItem] = []
    shipping: Money | None = None  # the part of it that was shipping
    repaid: list[Repaid] = []
    created_at: datetime


class RefundPreview(Model):
    """What a refund would come to: goods with their tax, shipping with its tax."""

    amount: Money
    goods: Money
    shipping: Money
    tax: Money  # in goods and shipping
    by_tender: list[Repaid]
    refundable: Money  # what is left of the vendor order


class TenderPart(Model):
    """One means of payment of an order; `provider` None is credits."""

    id: UUID
    provider: str | None
    amount: Money
    captured: bool
    refunded: Money


class Receipt(Model):
    """How an order was paid, and what came back, newest first: what its customer may see."""

    parts: list[TenderPart]
    refunds: list[RefundResult]


class CaptureOutcome(Model):
    """`failed` is final: cancel the order. `pending`: the provider is away, ask again. `waiting`:
    for a bank transfer or for delivery; an event goes on with it."""

    order_id: UUID
    outcome: Literal["captured", "failed", "pending", "waiting"]


class OrderDispute(Model):
    """`shares`: how the disputed amount falls on the order's vendor orders."""

    dispute: Dispute
    order_id: UUID
    shares: dict[UUID, Money]


class Settlement(Contract, name="settlement"):
    @command(scope="internal", timeout_s=30, repeatable=True)
    async def hold(
        self,
        ctx: Context,
        *,
        order_id: UUID,
        amount: Money,
        method: Method,
        return_url: str,
        person_id: UUID | None = None,
        credits: Money | None = None,
    ) -> Hold:
        """Holds the amount with the customer's tenders: `credits` of it from the person's wallet
        first, the rest by `method`. When the second part fails the first is given back. May be
        sent again to learn how it stands."""

    @command(scope="internal", timeout_s=30, repeatable=True)
    async def void(self, ctx: Context, *, order_id: UUID) -> None:
        """Gives every held part back; harmless when repeated or when nothing was held."""

    @command(scope="internal", timeout_s=60, repeatable=True)
    async def capture(self, ctx: Context, *, order_ids: list[UUID]) -> list[CaptureOutcome]:
        """Takes the held money, posts it to each vendor order's escrow, marks orders paid.

        Every step is conditional and may be sent again. An order that nothing was held for is
        left out; one whose provider is away is `pending` and keeps none of the others waiting.
        The card is taken before the credits, whose capture cannot fail: a card that fails gives the
        credits back.
        """

    @command(scope="staff:orders", timeout_s=30, proof=True)
    async def refund(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        amount: Money | None = None,
        items: Annotated[list[RefundItem], Field(max_length=500)] | None = None,
        shipping: Money | None = None,
        reason: Annotated[str, Field(min_length=1, max_length=500)],
    ) -> RefundResult:
        """Gives back part of a paid vendor order: `items` (with their tax) and/or that much of
        `shipping` (an amount that includes its tax), or an `amount` spread over all lines, or, with
        none of these, all that is left. Each tender gets its share of it. NotRefundable. The
        vendor's earning is lowered line by line; its balance may become negative.

        `failed`: a tender took its part not back; that much (see `repaid`) is owed again and can
        be refunded anew."""

    @command(scope="internal", timeout_s=30)
    async def refund_return(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        items: Annotated[list[RefundItem], Field(max_length=500)],
        shipping: Money | None = None,
        reason: Annotated[str, Field(min_length=1, max_length=500)],
        restock: bool,
    ) -> RefundResult:
        """As `refund`, for `returns`: an agreed return. With `restock` the goods are back on
        sale."""

    @query(scope="internal")
    async def preview(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        amount: Money | None = None,
        items: list[RefundItem] | None = None,
        shipping: Money | None = None,
    ) -> RefundPreview:
        """What `refund` would do with the same arguments. NotRefundable."""

    @query(scope="staff:orders")
    async def preview_refund(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        amount: Money | None = None,
        items: Annotated[list[RefundItem], Field(max_length=500)] | None = None,
        shipping: Money | None = None,
    ) -> RefundPreview:
        """`preview`, for staff who are about to refund."""

    @query(scope="staff:orders")
    async def refunds(
        self, ctx: Context, *, vendor_order_ids: list[UUID]
    ) -> list[RefundResult]: ...

    @query(scope="internal")
    async def tenders(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, list[TenderPart]]:
        """How orders were paid, by order."""

    @query()
    async def receipt(
        self, ctx: Context, *, order_id: UUID, link: Annotated[str, Field(max_length=500)] = ""
    ) -> Receipt:
        """Of a person's own order, or with `link` (its signed token) of a guest's. NotFound."""

    @query(scope="staff:orders")
    async def disputes(
        self,
        ctx: Context,
        *,
        status: Literal["open", "won", "lost"] | None = None,
        order_ids: Annotated[list[UUID], Field(max_length=100)] | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[OrderDispute]:
        """Chargebacks with the vendor orders they concern, newest first."""
