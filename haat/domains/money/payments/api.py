"""Payments: intents at payment providers, their webhooks, captures and refunds.

The `Tender` part is what settlement needs of any means of payment. Ids come from the caller and
are sent to the provider as idempotency keys, so that every step may be sent twice.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Invalid, Unavailable
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page


class ProviderUnknown(Invalid, code="payment_provider_unknown"):
    """There is no such payment provider here."""


class ProviderAway(Unavailable, code="payment_provider_away"):
    """The payment provider does not answer. Nothing is lost: trying again is safe."""


class SignatureInvalid(Invalid, code="webhook_signature_invalid"):
    """The webhook's signature does not match."""


class WrongPaymentState(Conflict, code="payment_state"):
    """The payment is not in a state that allows this."""


class PaymentConflict(Conflict, code="payment_conflict"):
    """A payment, refund or payout with this id exists with another amount or reference."""


class RefundTooLarge(Conflict, code="refund_too_large"):
    """More than what is left of the captured amount."""


class Method(Model):
    """How the customer pays. Without `token` the customer enters the card at the provider's own
    page (`next_action_url`); card numbers never come to us."""

    provider: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")] = "test"
    token: Annotated[str, Field(max_length=200)] | None = None


Status = Literal[
    "created",  # known to us, its fate at the provider is not known yet
    "needs_action",  # waits for the customer at next_action_url
    "authorized",
    "captured",
    "declined",
    "voided",
    "capture_failed",
]


class Hold(Model):
    """The answer of a tender: a held amount, a step for the customer, or no."""

    id: UUID
    status: Status
    next_action_url: str | None = None
    decline_code: str | None = None


class Payment(Model):
    id: UUID
    reference: UUID  # the checkout, which is the order
    provider: str
    amount: Money
    captured: Money
    refunded: Money
    status: Status
    provider_ref: str | None = None
    decline_code: str | None = None
    created_at: datetime


class Refund(Model):
    id: UUID
    payment_id: UUID
    amount: Money
    status: Literal["created", "pending", "done", "failed"]


class Tally(Model):
    """All there ever was in one currency, in minor units: at providers, for us and from us."""

    currency: str
    captured: int
    refunded: int
    paid_out: int


class PaymentUpdated(Event, name="payment.updated", key="reference"):
    """The provider told us something new about a payment: checkout goes on from it."""

    payment_id: UUID
    reference: UUID
    status: Status


class PaymentSucceeded(Event, name="payment.succeeded", key="reference"):
    payment_id: UUID
    reference: UUID
    amount: Money


class PaymentFailed(Event, name="payment.failed", key="reference"):
    payment_id: UUID
    reference: UUID
    decline_code: str


class PaymentRefunded(Event, name="payment.refund", key="reference"):
    payment_id: UUID
    refund_id: UUID
    reference: UUID
    amount: Money


class PayoutSettled(Event, name="payment.payout_settled", key="payout_id"):
    """The provider said how a payout that was pending ended."""

    payout_id: UUID
    paid: bool
    provider_ref: str


class Destination(Model):
    """A bank account that payouts go to."""

    holder: Annotated[str, Field(min_length=1, max_length=120)]
    account: Annotated[str, Field(min_length=4, max_length=40)]


class Disbursement(Model):
    """How the provider answered a payout."""

    status: Literal["paid", "pending", "failed"]
    provider_ref: str | None = None
    failure: str | None = None


class Tender(Protocol):
    """What settlement needs of a means of payment."""

    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
    ) -> Hold: ...
    async def capture(self, ctx: Context, *, id: UUID) -> Hold: ...
    async def void(self, ctx: Context, *, id: UUID) -> None: ...
    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund: ...


class Payments(Contract, name="payments"):
    @command(scope="internal", timeout_s=30)
    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
    ) -> Hold:
        """Authorizes the amount, or says what the customer must do, or that it was declined.

        Sending it again with the same id asks the provider how that payment stands and never
        charges twice. ProviderAway when no answer came: its fate is unknown until asked again.
        """

    @command(scope="internal", timeout_s=30)
    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        """authorized → captured (or capture_failed). Harmless when captured. One that ended
        otherwise is answered as it ended; `authorized`: not captured yet, ask again.
        WrongPaymentState for one that was never authorized."""

    @command(scope="internal", timeout_s=30)
    async def void(self, ctx: Context, *, id: UUID) -> None:
        """Gives the authorization back; harmless when it never was or has ended.

        A void that comes before its hold keeps that hold from ever charging.
        """

    @command(scope="internal", timeout_s=30)
    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        """Gives part of a captured payment back. RefundTooLarge; harmless when repeated."""

    @query(scope="staff:orders")
    async def payments(self, ctx: Context, *, references: list[UUID]) -> list[Payment]:
        """Of these orders (which are their checkouts), in no order."""

    @query(scope="internal", timeout_s=60)
    async def tallies(self, ctx: Context) -> list[Tally]:
        """What was captured, refunded and paid out so far, by currency."""

    @query(scope="staff")
    async def listed(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Payment]: ...

    @command(timeout_s=30)
    async def webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None:
        """A provider's message. SignatureInvalid changes nothing; a repeated one neither."""

    @command(scope="internal", timeout_s=30)
    async def disburse(
        self,
        ctx: Context,
        *,
        id: UUID,
        amount: Money,
        destination: Destination,
        provider: str = "test",
    ) -> Disbursement:
        """Sends money out; the same id again asks how that payout stands."""

    @query()
    async def providers(self, ctx: Context) -> list[dict[str, Any]]:
        """Configured providers: {name, label, tokenUrl} for the checkout page."""
