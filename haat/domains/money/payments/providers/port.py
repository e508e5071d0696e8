"""What Haat needs of a payment provider, in words of its own.

Every call is bounded to seconds and may be repeated: ids are ours and name the same thing again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from haat.domains.money.payments.api import Destination
from haat.kernel.context import Context
from haat.kernel.money import Money

CALL_S = 5.0  # how long one call to a provider may take


class ProviderRefused(Exception):
    """The provider said no; `code` is its own word for why. Nothing was done."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be authorized. Without a token the customer enters the card over there."""

    id: UUID
    reference: UUID
    amount: Money
    token: str | None
    return_url: str


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """How a payment stands over there. `open`: no card has been tried yet."""

    id: UUID
    ref: str
    reference: str
    amount: Money
    status: Literal["open", "needs_action", "authorized", "captured", "declined", "voided"]
    captured_minor: int
    action_url: str | None = None
    decline_code: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    id: UUID
    payment_id: UUID
    amount: Money
    status: Literal["pending", "done", "failed"]


@dataclass(frozen=True, slots=True)
class ProviderPayout:
    id: UUID
    ref: str
    amount: Money
    status: Literal["paid", "pending", "failed"]
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A verified message. `subject` is None when it is about nothing we know of; a refund comes
    with the payment it belongs to."""

    id: str
    type: str
    payload: Mapping[str, Any]
    subject: ProviderPayment | ProviderPayout | None = None
    refund: ProviderRefund | None = None


class Provider(Protocol):
    """Raises ProviderAway when no answer came, ProviderRefused when the answer was no."""

    name: str
    label: str

    @property
    def token_url(self) -> str:
        """Where a browser exchanges a card for a token."""

    async def register(self, ctx: Context) -> None:
        """Tells the provider where our webhook is. Harmless when repeated."""

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment: ...

    async def read(self, ctx: Context, id: UUID) -> ProviderPayment | None: ...

    async def capture(self, ctx: Context, id: UUID) -> ProviderPayment | None:
        """All of it. None when it does not know the payment."""

    async def void(self, ctx: Context, id: UUID) -> ProviderPayment | None: ...

    async def refund(
        self, ctx: Context, payment_id: UUID, refund_id: UUID, amount: Money
    ) -> ProviderRefund: ...

    async def disburse(
        self, ctx: Context, id: UUID, amount: Money, destination: Destination
    ) -> ProviderPayout: ...

    async def read_disbursement(self, ctx: Context, id: UUID) -> ProviderPayout | None: ...

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        """Raises SignatureInvalid. `headers` have lower-case names."""
