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
from haat.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from haat.kernel.events import Event
from haat.kernel.model import Exact, Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page
from haat.kernel.personal import AccountText, NameText, TokenText


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


class MethodUnknown(NotFound, code="payment_method_unknown"):
    """There is no such saved payment method, or it is somebody else's."""


class CannotSave(Conflict, code="payment_method_not_savable"):
    """This provider keeps no payment methods, or guests cannot save one."""


class RefundTooLarge(Conflict, code="refund_too_large"):
    """More than what is left of the captured amount."""


class Method(Exact):
    """How the customer pays. Without `token` the customer enters the card at the provider's own
    page (`next_action_url`) or in the provider's own field; card numbers never come to us.

    `saved_id` pays with a saved method of the acting person; `save` keeps the one used now.
    """

    provider: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")] = "test"
    token: Annotated[TokenText, Field(max_length=200)] | None = None
    saved_id: UUID | None = None
    save: bool = False


Purpose = Literal["order", "topup"]
Status = Literal[
    "created",  # known to us, its fate at the provider is not known yet
    "needs_action",  # waits for the customer at next_action_url
    "awaiting",  # a bank transfer: funds may come until `funds_until`; the order exists meanwhile
    "authorized",
    "captured",
    "declined",
    "voided",
    "capture_failed",
]


class TransferInstructions(Model):
    """What the customer needs for a bank transfer. `reference` must stand in its text."""

    holder: NameText
    iban: AccountText
    bic: str = ""
    reference: str
    amount: Money
    until: datetime


class Hold(Model):
    """The answer of a tender: a held amount, a step for the customer, or no.

    `collect`: when to capture: at once, or when the goods are handed over (cash on delivery).
    """

    id: UUID
    status: Status
    next_action_url: str | None = None
    decline_code: str | None = None
    collect: Literal["now", "on_delivery"] = "now"
    instructions: TransferInstructions | None = None


class Payment(Model):
    """`reference` is the checkout, which is the order, or the top-up. `person_id` None: a guest."""

    id: UUID
    reference: UUID
    purpose: Purpose = "order"
    person_id: UUID | None = None
    provider: str
    amount: Money
    captured: Money
    refunded: Money
    disputed: Money  # taken by the provider for open and lost disputes
    status: Status
    provider_ref: str | None = None
    decline_code: str | None = None
    instructions: TransferInstructions | None = None
    created_at: datetime


class Refund(Model):
    id: UUID
    payment_id: UUID
    amount: Money
    status: Literal["created", "pending", "done", "failed"]


class RefundDue(Model):
    """A refund that a person, or the bank's file, has to pay: of a bank transfer."""

    id: UUID
    payment_id: UUID
    reference: UUID
    provider: str
    amount: Money
    created_at: datetime


class Dispute(Model):
    """A chargeback at the provider. `open`: it holds `amount` back until it is decided."""

    id: UUID
    payment_id: UUID
    reference: UUID
    provider: str
    provider_ref: str
    amount: Money
    fee: Money  # what the provider charges for it, won or lost
    reason: str
    status: Literal["open", "won", "lost"]
    evidence_due: datetime | None = None
    opened_at: datetime
    closed_at: datetime | None = None


class Spike(Model):
    """More payments than usual fail at this provider, since then and still."""

    provider: str
    since: datetime


class SavedMethod(Model):
    """`label` is what the provider shows, such as "Visa •••• 4242"; no number is kept here."""

    id: UUID
    provider: str
    label: str
    expires: str | None = None  # "2029-04"
    created_at: datetime


class VendorAccount(Model):
    """A vendor's account at a provider that pays out there (Stripe Connect)."""

    vendor_id: UUID
    provider: str
    provider_ref: str
    status: Literal["started", "restricted", "ready"]
    requirements: list[str] = []  # what the provider still asks for, in its words
    updated_at: datetime


class FundsReceived(Exact):
    """One credit line of our bank account's statement, for `receive_funds`. `id` derives from the
    statement's line, so that a statement may be sent twice."""

    id: UUID
    text: str  # remittance information, in which the reference is looked for
    amount: Money
    booked_at: datetime
    bank_ref: str = ""


class FundsMatch(Model):
    """What became of it. `unmatched`: no awaiting payment's reference stands in its text;
    `wrong_amount`: it does, but another amount is awaited; `late`: that payment has ended."""

    id: UUID
    outcome: Literal["captured", "already", "unmatched", "wrong_amount", "late"]
    payment_id: UUID | None = None
    expected: Money | None = None


class Movement(Model):
    """What moved at a provider by our knowledge: one line to hold against its report."""

    id: UUID  # of the payment, refund, disbursement or dispute
    kind: Literal["capture", "refund", "payout", "dispute", "dispute_won", "dispute_fee"]
    provider: str
    provider_ref: str | None
    reference: UUID
    amount: Money  # signed: + raises what the provider owes us
    at: datetime


class ReportLine(Model):
    """One line of a provider's own balance report. `minor` is signed, `fee` what it kept of it."""

    id: str  # the provider's id of the line
    kind: Literal["capture", "refund", "payout", "dispute", "dispute_won", "fee", "other"]
    provider_ref: str | None  # of the payment, refund, payout or dispute it is about
    our_id: UUID | None  # when the provider keeps our id with it
    amount: Money
    fee: Money
    at: datetime
    text: str = ""


class Tally(Model):
    """All there ever was in one currency at one provider, in minor units."""

    provider: str
    currency: str
    captured: int
    refunded: int
    paid_out: int
    disputed: int  # withheld for open and lost disputes
    dispute_fees: int


class PaymentIntentCreated(Event, name="payment.intent.created", key="reference"):
    payment_id: UUID
    reference: UUID
    provider: str
    purpose: Purpose
    amount: Money


class PaymentUpdated(Event, name="payment.updated", key="reference", version=2):
    """The provider told us something new about a payment: checkout or wallet goes on from it.
    Version 1 knew no `awaiting`, and orders only. `answered`: it is what the provider answered to
    whoever held or captured just now, who goes on by itself."""

    payment_id: UUID
    reference: UUID
    purpose: Purpose = "order"
    status: Status
    answered: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        return {"purpose": "order"} | data


class PaymentSucceeded(
    Event, name="payment.succeeded", key="reference", aliases=("payment.success",)
):
    payment_id: UUID
    reference: UUID
    purpose: Purpose = "order"
    amount: Money


class PaymentFailed(Event, name="payment.failed", key="reference"):
    payment_id: UUID
    reference: UUID
    purpose: Purpose = "order"
    decline_code: str


class PaymentRefunded(Event, name="payment.refund", key="reference"):
    payment_id: UUID
    refund_id: UUID
    reference: UUID
    purpose: Purpose = "order"
    amount: Money


class PaymentDisputed(Event, name="payment.disputed", key="reference"):
    """A dispute was opened, won or lost. Told once for each."""

    dispute_id: UUID
    payment_id: UUID
    reference: UUID
    purpose: Purpose
    provider: str
    amount: Money
    fee: Money
    reason: str
    status: Literal["open", "won", "lost"]


class PaymentFailuresSpiked(Event, name="payment.failures_spiked", key="provider"):
    """More payments than usual were declined or failed in the last minutes."""

    provider: str
    failed: int
    tried: int
    minutes: int


class PayoutSettled(Event, name="payment.payout_settled", key="payout_id"):
    """The provider said how a payout that was pending ended."""

    payout_id: UUID
    paid: bool
    provider_ref: str
    reason: str = ""


class Destination(Model):
    """Where payouts go: a bank account (`account` is an IBAN or a local number), or, with
    `provider_ref`, the vendor's account at a provider."""

    holder: Annotated[NameText, Field(min_length=1, max_length=120)]
    account: Annotated[AccountText, Field(min_length=4, max_length=40)]
    bic: Annotated[str, Field(max_length=11)] = ""
    provider_ref: Annotated[str, Field(max_length=120)] | None = None


class Disbursement(Model):
    """How the provider answered a payout."""

    status: Literal["paid", "pending", "failed"]
    provider_ref: str | None = None
    failure: str | None = None


class ProviderInfo(Model):
    """A configured provider, for the checkout page. `kind` says which field the page shows;
    `publishable_key` is public. `disburses`: payouts can be sent through it."""

    name: str
    label: str
    kind: Literal["card", "redirect", "bank_transfer", "on_delivery", "recorded"]
    token_url: str = ""
    publishable_key: str = ""
    saves_methods: bool = False
    onboards_vendors: bool = False
    disburses: bool = False
    reports: bool = False
    test_mode: bool = False


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
        person_id: UUID | None = None,
        purpose: Purpose = "order",
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
        person_id: UUID | None = None,
        purpose: Purpose = "order",
    ) -> Hold:
        """Authorizes the amount, or says what the customer must do, or that it was declined.

        Sending it again with the same id asks the provider how that payment stands and never
        charges twice. ProviderAway when no answer came: its fate is unknown until asked again.
        """

    @command(scope="internal", timeout_s=30)
    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        """authorized → captured (or capture_failed). Harmless when captured. One that ended
        otherwise is answered as it ended; `authorized`: not captured yet, ask again, unless
        `collect` is on_delivery: that is captured by `collected`. `awaiting`: by its money.
        WrongPaymentState for one that was never authorized."""

    @command(scope="internal", timeout_s=50, repeatable=True)
    async def capture_all(self, ctx: Context, *, ids: list[UUID]) -> list[Hold]:
        """The same for many at once: each as it stands afterwards, in their order, those that are
        not known left out. A provider that does not answer leaves its own `authorized`."""

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
        """Of these orders (which are their checkouts) or top-ups, in no order."""

    @query(scope="person")
    async def own(
        self, ctx: Context, *, limit: Limit = 20, cursor: str | None = None
    ) -> Page[Payment]:
        """The actor's own payments, newest first."""

    @query(scope="internal", timeout_s=60)
    async def tallies(self, ctx: Context) -> list[Tally]:
        """What was captured, refunded, disputed and paid out so far, by provider and currency."""

    @query(scope="staff")
    async def listed(
        self,
        ctx: Context,
        *,
        status: Status | None = None,
        provider: str | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Payment]:
        """Newest first."""

    @query(scope="staff")
    async def spikes(self, ctx: Context) -> list[Spike]:
        """Spikes of failures that are not over."""

    @query(scope="staff:money")
    async def raw(self, ctx: Context, *, payment_id: UUID) -> list[dict[str, Any]]:
        """What the provider told us about a payment, oldest first, secrets replaced:
        {type, receivedAt, payload}."""

    @command(timeout_s=30)
    async def webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None:
        """A provider's message. SignatureInvalid changes nothing; a repeated one neither.
        ProviderAway: not heard, to be sent again."""

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
        """Sends money out; the same id again asks how that payout stands. With provider `bank` it
        stays pending until `settle_disbursements` says how it ended."""

    @command(scope="internal")
    async def settle_disbursements(
        self,
        ctx: Context,
        *,
        ids: list[UUID],
        paid: bool,
        provider_ref: str = "",
        reason: str = "",
    ) -> None:
        """Staff or a bank statement say how bank payouts ended: PayoutSettled for those that were
        pending. Harmless when repeated; WrongPaymentState when one ended the other way."""

    @command(scope="staff:money")
    async def settle_refunds(
        self,
        ctx: Context,
        *,
        ids: Annotated[list[UUID], Field(max_length=1000)],
        done: bool,
        reason: Annotated[str, Field(max_length=500)] = "",
    ) -> None:
        """Refunds of bank transfers were paid, or came back: PaymentRefunded for those that are
        done; a failed one is owed again. Harmless when repeated; WrongPaymentState when one ended
        the other way, or is not for us to decide."""

    @query(scope="staff:money")
    async def refunds_due(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[RefundDue]:
        """Refunds of bank transfers that wait to be paid, oldest first."""

    @command(scope="staff:money")
    async def receive_funds(
        self, ctx: Context, *, funds: Annotated[list[FundsReceived], Field(max_length=1000)]
    ) -> list[FundsMatch]:
        """Matches credits on our bank account with awaiting bank transfers: exactly the awaited
        amount captures the payment. Sent again, each answers what became of it."""

    @command(scope="staff:money")
    async def confirm_transfer(
        self, ctx: Context, *, payment_id: UUID, note: Annotated[str, Field(max_length=500)] = ""
    ) -> Payment:
        """Staff saw the money on the account: the awaiting payment is captured.
        WrongPaymentState."""

    @command(scope="internal", timeout_s=30)
    async def collected(self, ctx: Context, *, id: UUID) -> Hold:
        """Cash on delivery: the vendor has handed the goods over and has the money. As `capture`,
        for a payment to be collected on delivery."""

    @query(scope="staff:orders")
    async def disputes(
        self,
        ctx: Context,
        *,
        status: Literal["open", "won", "lost"] | None = None,
        references: list[UUID] | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Dispute]:
        """Newest first."""

    @query(scope="person")
    async def methods(self, ctx: Context) -> list[SavedMethod]:
        """The actor's saved payment methods."""

    @command(scope="person", timeout_s=30)
    async def forget_method(self, ctx: Context, *, id: UUID) -> None:
        """Removed here and at the provider. MethodUnknown."""

    @command(scope="vendor:money", timeout_s=30)
    async def onboard(
        self, ctx: Context, *, vendor_id: UUID, provider: str, return_url: str
    ) -> str:
        """The address where the vendor opens its account at the provider. Harmless when repeated:
        there is one account per vendor and provider. ProviderUnknown, ProviderAway."""

    @query(scope="vendor:money")
    async def accounts(self, ctx: Context, *, vendor_id: UUID) -> list[VendorAccount]: ...

    @query(scope="staff:money", timeout_s=30)
    async def movements(
        self,
        ctx: Context,
        *,
        provider: str,
        since: datetime,
        until: datetime,
        limit: Annotated[int, Field(ge=1, le=1000)] = 1000,
        cursor: str | None = None,
    ) -> Page[Movement]:
        """What we know moved at a provider with since ≤ at < until, oldest first."""

    @query(scope="staff:money", timeout_s=60)
    async def report(
        self,
        ctx: Context,
        *,
        provider: str,
        since: datetime,
        until: datetime,
        cursor: str | None = None,
    ) -> Page[ReportLine]:
        """The provider's own balance report, asked from it now. ProviderUnknown when it has none;
        ProviderAway."""

    @query()
    async def providers(self, ctx: Context) -> list[ProviderInfo]:
        """Configured providers, in the order in which checkout offers them."""
