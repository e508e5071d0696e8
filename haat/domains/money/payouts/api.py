"""What vendors earn and how they are paid: commission, earnings, balance, payouts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.money.payments.api import Destination
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page


class BalanceTooLow(Conflict, code="balance_too_low"):
    """The available balance is lower than that. `available` in the problem says what there is."""


class NoDestination(Conflict, code="payout_destination_missing"):
    """Add a bank account first."""


class WrongPayoutState(Conflict, code="payout_state"):
    """The payout is not in a state that allows this."""


class EarningConflict(Conflict, code="earning_conflict"):
    """This vendor order has an earning with other amounts, or this refund was another one."""


class ReversalTooLarge(Conflict, code="reversal_too_large"):
    """More than what is left of the earning. `left` in the problem says how much (minor units)."""


class CommissionLine(Model):
    """`base` is the line's amount without tax."""

    id: UUID
    vendor_id: UUID
    category_id: UUID | None
    product_id: UUID
    base: Money


class LineCommission(Model):
    """Frozen at sale, never recomputed. `rate_bp` in basis points; rounded half up per line."""

    id: UUID
    rate_bp: int
    commission: Money


class EarningDraft(Model):
    """One vendor order's money at capture: gross = net + commission + tax.

    `gross` is what the customer paid for this vendor order, shipping and tax included; `net` is
    what the vendor gets.
    """

    vendor_order_id: UUID
    order_id: UUID
    vendor_id: UUID
    order_number: str
    gross: Money
    commission: Money
    tax: Money
    net: Money


class Earning(EarningDraft):
    """pending: in escrow until the return window closes; eligible: on the vendor's balance;
    reversed: wholly refunded. `refunded` is the gross given back so far."""

    status: Literal["pending", "eligible", "reversed"]
    refunded: Money
    created_at: datetime
    eligible_at: datetime | None = None


class VendorBalance(Model):
    """`available` can be requested; `pending` is still in escrow (net); `requested` is under
    way."""

    vendor_id: UUID
    available: Money
    pending: Money
    requested: Money
    paid: Money


class Payout(Model):
    id: UUID
    vendor_id: UUID
    amount: Money
    status: Literal["requested", "approved", "processing", "paid", "failed", "rejected"]
    provider_ref: str | None = None
    reason: str | None = None
    requested_at: datetime
    decided_at: datetime | None = None
    paid_at: datetime | None = None


class Reversal(Model):
    """How a refund of `gross` is borne: parts of the frozen amounts, adding up to it."""

    gross: Money
    commission: Money
    tax: Money
    net: Money


class PayoutRequested(Event, name="payout.requested", key="payout_id"):
    payout_id: UUID
    vendor_id: UUID
    amount: Money


class PayoutProcessed(Event, name="payout.processed", key="payout_id"):
    """paid, failed or rejected."""

    payout_id: UUID
    vendor_id: UUID
    amount: Money
    status: Literal["paid", "failed", "rejected"]


class EarningEligible(Event, name="earning.eligible", key="vendor_order_id"):
    vendor_order_id: UUID
    vendor_id: UUID
    net: Money


class Payouts(Contract, name="payouts"):
    @query(scope="internal")
    async def commission(
        self, ctx: Context, *, lines: list[CommissionLine]
    ) -> list[LineCommission]:
        """By the vendor's own rate, else the market's default."""

    @command(scope="internal")
    async def expect(self, ctx: Context, *, earnings: list[EarningDraft]) -> None:
        """These amounts stand in escrow now. Harmless when repeated."""

    @command(scope="internal")
    async def accrue(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> None:
        """The return window closed: escrow → payable | commission | tax, as linked transfers."""

    @command(scope="internal")
    async def reverse(
        self, ctx: Context, *, refund_id: UUID, vendor_order_id: UUID, gross: Money
    ) -> Reversal:
        """A refund lowers what the vendor gets, before or after accrual and even after a payout
        (the balance may become negative): the transfers back to escrow and escrow → clearing.
        The same refund id again changes nothing."""

    @query(scope="vendor:money")
    async def balance(self, ctx: Context, *, vendor_id: UUID) -> VendorBalance: ...

    @query(scope="vendor:money")
    async def earnings(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Earning]:
        """Newest first."""

    @query(scope="internal")
    async def earnings_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Earning]: ...

    @command(scope="vendor:money")
    async def set_destination(
        self, ctx: Context, *, vendor_id: UUID, destination: Destination
    ) -> None: ...

    @query(scope="vendor:money")
    async def destination(self, ctx: Context, *, vendor_id: UUID) -> Destination | None:
        """The account's number is masked but for its last four characters."""

    @command(scope="vendor:money")
    async def request(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        amount: Annotated[Money, Field()] | None = None,
    ) -> Payout:
        """Asks for `amount`, or for all that is available. BalanceTooLow, NoDestination."""

    @command(scope="staff:payouts", timeout_s=30)
    async def decide(
        self, ctx: Context, *, id: UUID, decision: Literal["approve", "reject"], reason: str = ""
    ) -> Payout:
        """Approving pays it at the provider: paid, processing (pending there) or failed.
        Rejecting (with a reason) gives the amount back to the balance."""

    @query(scope="vendor:money")
    async def payouts(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Payout]: ...

    @query(scope="staff:payouts")
    async def queue(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Payout]: ...

    @query(scope="internal", timeout_s=60)
    async def reconcile(self, ctx: Context, *, limit: Limit = 10) -> list[str]:
        """Lines naming vendors and vendor orders whose ledger balance is not what earnings,
        reversals and payouts add up to; empty when all agree. What is under way is left out."""
