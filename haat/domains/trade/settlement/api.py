"""Settlement alone holds, captures, voids and refunds what customers pay, and tells payouts what
each vendor earned of it. It closes return windows."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.money.payments.api import Hold, Method
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model
from haat.kernel.money import Money


class NotRefundable(Conflict, code="not_refundable"):
    """Nothing, or less than that, is left to refund. `refundable` in the problem says how much."""


class RefundResult(Model):
    id: UUID
    vendor_order_id: UUID
    amount: Money
    status: Literal["created", "done", "failed"]
    reason: str
    created_at: datetime


class CaptureOutcome(Model):
    """`failed` is final: cancel the order. `pending`: the provider is away, ask again."""

    order_id: UUID
    outcome: Literal["captured", "failed", "pending"]


class Settlement(Contract, name="settlement"):
    @command(scope="internal", timeout_s=30)
    async def hold(
        self, ctx: Context, *, order_id: UUID, amount: Money, method: Method, return_url: str
    ) -> Hold:
        """Holds the amount with the customer's tender; may be sent again to learn how it stands."""

    @command(scope="internal", timeout_s=30)
    async def void(self, ctx: Context, *, order_id: UUID) -> None:
        """Gives a held amount back; harmless when repeated or when nothing was held."""

    @command(scope="internal", timeout_s=60)
    async def capture(self, ctx: Context, *, order_ids: list[UUID]) -> list[CaptureOutcome]:
        """Takes the held money, posts it to each vendor order's escrow, marks orders paid.

        Every step is conditional and may be sent again. An order that nothing was held for is
        left out; one whose provider is away is `pending` and keeps none of the others waiting.
        """

    @command(scope="staff:orders", timeout_s=30)
    async def refund(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_order_id: UUID,
        amount: Money | None = None,
        reason: Annotated[str, Field(min_length=1, max_length=500)],
    ) -> RefundResult:
        """Gives back `amount`, or all that is left, of a paid vendor order. NotRefundable. The
        vendor's earning is lowered in proportion; its balance may become negative."""

    @query(scope="staff:orders")
    async def refunds(
        self, ctx: Context, *, vendor_order_ids: list[UUID]
    ) -> list[RefundResult]: ...
