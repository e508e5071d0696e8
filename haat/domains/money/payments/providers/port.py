"""What Haat needs of a payment provider, in words of its own.

Every call is bounded to seconds and may be repeated: ids are ours and name the same thing again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable
from uuid import UUID

from haat.domains.money.payments.api import Destination, ReportLine, TransferInstructions
from haat.kernel.context import Context
from haat.kernel.money import Money

Kind = Literal["card", "redirect", "bank_transfer", "on_delivery", "recorded"]
CALL_S = 5.0  # how long one call to a provider may take


class ProviderRefused(Exception):
    """The provider said no; `code` is its own word for why. Nothing was done."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be authorized. Without a token or a saved method the customer enters the card over
    there. `customer_ref` is the person's customer object at the provider, when there is one."""

    id: UUID
    reference: UUID
    amount: Money
    token: str | None
    return_url: str
    person_id: UUID | None = None
    customer_ref: str | None = None
    saved_ref: str | None = None
    save: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class ProviderMethod:
    """A payment method the provider keeps; only what it shows of it."""

    ref: str
    customer_ref: str
    label: str
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """How a payment stands over there. `open`: no card has been tried yet. `awaiting`: money is to
    arrive by itself. `collect`: when it is to be captured. `saved`: the method it kept, when asked
    to."""

    id: UUID
    ref: str
    reference: str
    amount: Money
    status: Literal[
        "open", "needs_action", "awaiting", "authorized", "captured", "declined", "voided"
    ]
    captured_minor: int
    action_url: str | None = None
    decline_code: str | None = None
    collect: Literal["now", "on_delivery"] = "now"
    instructions: TransferInstructions | None = None
    saved: ProviderMethod | None = None


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    id: UUID
    payment_id: UUID
    amount: Money
    status: Literal["pending", "done", "failed"]
    ref: str = ""  # what the provider calls it, for the reconciliation with its report


@dataclass(frozen=True, slots=True)
class ProviderPayout:
    id: UUID
    ref: str
    amount: Money
    status: Literal["paid", "pending", "failed"]
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderDispute:
    """A chargeback. The payment is known by our id, or by the provider's reference of it."""

    ref: str
    payment_id: UUID | None
    payment_ref: str
    amount: Money
    fee: Money
    reason: str
    status: Literal["open", "won", "lost"]
    evidence_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """A vendor's account over there; `requirements` are what is still asked for, in its words."""

    ref: str
    status: Literal["started", "restricted", "ready"]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A verified message. `subject` is None when it is about nothing we know of; a refund comes
    with the payment it belongs to."""

    id: str
    type: str
    payload: Mapping[str, Any]
    subject: ProviderPayment | ProviderPayout | ProviderDispute | ProviderAccount | None = None
    refund: ProviderRefund | None = None


class Provider(Protocol):
    """Raises ProviderAway when no answer came, ProviderRefused when the answer was no.

    `ref` is what the provider called this payment or disbursement when it answered before
    (`provider_ref`), None while no answer is known: some cannot be asked by our id.
    """

    name: str
    label: str
    kind: ClassVar[Kind]
    disburses: bool
    test_mode: bool
    publishable_key: str

    @property
    def token_url(self) -> str:
        """Where a browser exchanges a card for a token."""

    async def register(self, ctx: Context) -> None:
        """Tells the provider where our webhook is. Harmless when repeated."""

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment: ...

    async def read(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None: ...

    async def capture(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        """All of it. None when it does not know the payment."""

    async def void(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None: ...

    async def refund(
        self,
        ctx: Context,
        payment_id: UUID,
        refund_id: UUID,
        amount: Money,
        *,
        ref: str | None = None,
    ) -> ProviderRefund: ...

    async def disburse(
        self,
        ctx: Context,
        id: UUID,
        amount: Money,
        destination: Destination,
        *,
        ref: str | None = None,
    ) -> ProviderPayout: ...

    async def read_disbursement(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayout | None: ...

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        """Raises SignatureInvalid. `headers` have lower-case names."""


@runtime_checkable
class VerifiesByAsking(Protocol):
    """A provider whose messages can only be verified by asking it. `hear_webhook` is then used
    instead of `verify_webhook`."""

    async def hear_webhook(
        self, ctx: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent:
        """Raises SignatureInvalid, ProviderAway. `headers` have lower-case names."""


@runtime_checkable
class KeepsMethods(Protocol):
    """A provider that keeps payment methods for later."""

    async def forget(self, ctx: Context, method: ProviderMethod) -> None:
        """Harmless when it is gone already."""


@runtime_checkable
class Onboards(Protocol):
    """A provider at which vendors have accounts of their own to be paid out to."""

    async def open_account(self, ctx: Context, vendor_id: UUID, email: str) -> ProviderAccount:
        """One per vendor: the same vendor again is answered with the same account."""

    async def onboarding_link(self, ctx: Context, ref: str, return_url: str) -> str:
        """A page over there where the vendor tells who it is. It expires within minutes."""

    async def read_account(self, ctx: Context, ref: str) -> ProviderAccount | None: ...


@runtime_checkable
class Reports(Protocol):
    """A provider that tells what moved on our balance there."""

    async def report(
        self, ctx: Context, since: datetime, until: datetime, cursor: str | None
    ) -> tuple[list[ReportLine], str | None]:
        """Up to 100 lines with since ≤ at < until, oldest or newest first, and where to go on."""
