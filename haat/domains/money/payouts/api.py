"""What vendors earn and how they are paid: earnings by line, reserves, forecasts, balance, payouts,
statements. Commission is assessed by `commissions`; here its amounts are frozen and moved."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.money.commissions.api import Terms
from haat.domains.money.payments.api import Destination
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Exact, Model
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

Reason = Annotated[str, Field(min_length=1, max_length=500)]


class BalanceTooLow(Conflict, code="balance_too_low"):
    """The available balance is lower than that. `available` in the problem says what there is."""


class BelowThreshold(Conflict, code="payout_below_threshold"):
    """Payouts start at `threshold` in the problem."""


class PayoutsHeld(Conflict, code="payouts_held"):
    """Payouts to this vendor wait; `blockers` in the problem says for what."""


class NoDestination(Conflict, code="payout_destination_missing"):
    """Add a bank account first."""


class WrongPayoutState(Conflict, code="payout_state"):
    """The payout is not in a state that allows this."""


class EarningConflict(Conflict, code="earning_conflict"):
    """This vendor order has an earning with other amounts, or this refund was another one."""


class ChargeConflict(Conflict, code="charge_conflict"):
    """A charge with this id exists with other content."""


class ReversalTooLarge(Conflict, code="reversal_too_large"):
    """More than what is left of the earning. `left` in the problem says how much (minor units)."""


class Source(Model):
    """Which tender paid how much: `provider` None is credits; with `collected` the vendor took the
    money for us (cash on delivery)."""

    provider: str | None = None
    collected: bool = False
    amount: Money


class EarningLine(Model):
    """One order line, or a vendor order's shipping (`kind`), frozen at sale:
    gross = net + commission + commission_tax + tax."""

    id: UUID  # the order line's id; for shipping derive(vendor order, "shipping")
    kind: Literal["goods", "shipping"] = "goods"
    title: str = ""
    quantity: int = 1
    product_id: UUID | None = None
    category_path: list[UUID] = []
    unit_price: Money
    base: Money  # what commission was taken on
    gross: Money
    commission: Money
    commission_tax: Money
    tax: Money
    net: Money
    terms: Terms


class EarningDraft(Model):
    """One vendor order's money at capture: gross = net + commission + commission_tax + tax, each
    the sum of its lines'. `sources` add up to gross.

    `gross` is what the customer paid for this vendor order, shipping and tax included; `net` is
    what the vendor gets.
    """

    vendor_order_id: UUID
    order_id: UUID
    vendor_id: UUID
    order_number: str
    sold_at: datetime
    gross: Money
    commission: Money
    commission_tax: Money
    tax: Money
    net: Money
    sources: Annotated[list[Source], Field(min_length=1, max_length=5)]
    lines: Annotated[list[EarningLine], Field(min_length=1, max_length=500)]


class Earning(Model):
    """pending: in escrow until the return window closes and nothing blocks it; eligible: on the
    vendor's balance; paid: all of it went out with payouts; reversed: wholly refunded. `refunded`
    is the gross given back so far."""

    vendor_order_id: UUID
    order_id: UUID
    vendor_id: UUID
    order_number: str
    currency: str
    gross: Money
    commission: Money
    commission_tax: Money
    tax: Money
    net: Money
    status: Literal["pending", "eligible", "paid", "reversed"]
    refunded: Money
    refunded_net: Money
    fees: Money  # kept commission, dispute fees: charged to the vendor for this vendor order
    blocked_by: list[str] = []
    created_at: datetime
    eligible_at: datetime | None = None
    lines: list[EarningLine] = []  # filled where one earning is asked for


Blocker = Literal[
    "not_delivered", "return_window", "return", "dispute", "hold", "kyc", "destination",
    "cooling_off", "threshold", "negative_balance", "reserve", "approval", "schedule", "provider",
]  # fmt: skip


class Deduction(Model):
    """What lowers a line's gross to its net, and by which rule."""

    kind: Literal["commission", "commission_tax", "tax", "refund", "fee", "reserve"]
    minor: int
    why: str


class Forecast(Model):
    """For one order line (or shipping): what will be paid and when, as of the event that issued it.

    `net` is what the vendor will have got of this line in the end. `expected_at` None: it waits for
    something without a date. The newest forecast of a line is final once everything is paid.
    """

    vendor_order_id: UUID
    line_id: UUID
    number: int  # 1, 2 … per line
    cause: Literal[
        "sold", "delivered", "refunded", "disputed", "dispute_won", "dispute_lost", "blocked",
        "unblocked", "window_closed", "reserved", "released", "fee", "policy", "payout", "paid",
    ]  # fmt: skip
    cause_id: UUID
    gross: Money
    net: Money
    change: Money  # net − the forecast's before
    deductions: list[Deduction]
    expected_at: datetime | None
    blockers: list[Blocker]
    paid: Money  # so far
    issued_at: datetime


class ForecastDay(Model):
    """What the balance forecast says for one day: money that will become payable."""

    day: date
    amount: Money
    vendor_orders: int


class BalanceForecast(Model):
    """`days` by expected date; `waiting` by blocker for what has no date."""

    vendor_id: UUID
    available: Money
    days: list[ForecastDay]
    waiting: dict[str, Money]


class VendorBalance(Model):
    """`available` can be requested (negative: the vendor owes it, the next payouts are netted);
    `pending` is still in escrow (net); `reserved` is held back; `requested` is under way.

    `blockers` (hold, kyc, destination, cooling_off) keep it from being paid now. `threshold` and
    `schedule` are the vendor's own, or the policy's.
    """

    vendor_id: UUID
    available: Money
    pending: Money
    reserved: Money
    requested: Money
    paid: Money
    blockers: list[Blocker] = []
    held_reason: str = ""
    threshold: Money | None = None
    schedule: Literal["manual", "daily", "weekly", "monthly"] = "manual"
    schedule_day: int = 1
    method: str = "test"


class PayoutItem(Model):
    """What a payout is made of: a part of one movement on the vendor's balance."""

    kind: Literal["earning", "reversal", "fee", "credit_note", "cod", "reserve", "release", "other"]
    vendor_order_id: UUID | None = None
    order_number: str = ""
    line_id: UUID | None = None
    title: str = ""
    amount: Money  # signed


class Payout(Model):
    id: UUID
    vendor_id: UUID
    amount: Money
    method: str = "test"  # provider it is sent through
    trigger: Literal["request", "schedule"] = "request"
    status: Literal["requested", "approved", "processing", "paid", "failed", "rejected"]
    provider_ref: str | None = None
    reason: str | None = None
    approved_by: Literal["staff", "rule"] | None = None
    requested_at: datetime
    decided_at: datetime | None = None
    paid_at: datetime | None = None
    items: list[PayoutItem] = []  # filled where one payout is asked for


class RefundLine(Model):
    """How much of one earning line's gross is given back."""

    line_id: UUID
    gross: Money


class Reversal(Model):
    """How a refund of `gross` is borne: parts of the frozen amounts, adding up to it. `fee` was
    charged to the vendor on top, where the policy keeps the commission."""

    gross: Money
    commission: Money
    commission_tax: Money
    tax: Money
    net: Money
    fee: Money


class Policy(Exact):
    """The market's rules for paying out. A change holds for what happens after it."""

    kept_commission: bool = False  # on refunds the market keeps its commission; the vendor bears it
    vendor_bears_dispute_fee: bool = True
    reserve_bp: Annotated[int, Field(ge=0, le=10_000)] = 0
    reserve_days: Annotated[int, Field(ge=0, le=366)] = 0
    schedule: Literal["manual", "daily", "weekly", "monthly"] = "manual"
    schedule_day: Annotated[int, Field(ge=1, le=28)] = 1  # weekday 1–7 (Monday 1), day of month
    threshold_minor: Annotated[int, Field(ge=0)] = 0
    auto_approve_minor: Annotated[int, Field(ge=0)] = 0  # up to this without staff; 0: never
    kyc_required: bool = False
    method: str = "test"  # which provider pays out: test, bank, stripe …


class VendorTerms(Model):
    """One vendor's exceptions from the policy; None: as the policy says. `held`: staff stopped its
    payouts. `verified_at`: staff or a KYC firm know who it is."""

    vendor_id: UUID
    reserve_bp: Annotated[int, Field(ge=0, le=10_000)] | None = None
    reserve_days: Annotated[int, Field(ge=0, le=366)] | None = None
    schedule: Literal["manual", "daily", "weekly", "monthly"] | None = None
    threshold_minor: Annotated[int, Field(ge=0)] | None = None
    auto_approve_minor: Annotated[int, Field(ge=0)] | None = None
    held: bool = False
    held_reason: str = ""
    verified_at: datetime | None = None


class SalesDay(Model):
    """What was sold on one day (UTC), and what was given back of that since, in gross."""

    day: date
    vendor_orders: int
    gross: Money
    net: Money
    refunded: Money


class Charge(Model):
    """A fee, fine (positive) or credit note (negative) outside orders."""

    id: UUID
    vendor_id: UUID
    amount: Money
    tax: Money
    reason: str
    at: datetime


class BankFile(Model):
    """Approved bank payouts gathered into one file for the bank."""

    id: UUID
    format: Literal["pain.001", "csv"]
    payouts: int
    total: Money
    created_at: datetime
    settled: int = 0


class DryRunVendor(Model):
    vendor_id: UUID
    lines: int
    actual: Money
    would_be: Money


class DryRun(Model):
    """What another list would have earned on real sales, by vendor. Amounts by currency are the
    market's; `lines` is how many sold lines were assessed."""

    list_id: UUID
    since: datetime
    lines: int
    actual: Money
    would_be: Money
    by_vendor: list[DryRunVendor]


class PayoutRequested(Event, name="payout.requested", key="payout_id"):
    payout_id: UUID
    vendor_id: UUID
    amount: Money


class PayoutProcessed(Event, name="payout.processed", key="payout_id"):
    """paid, failed or rejected; `reason` of the last two, where one is known."""

    payout_id: UUID
    vendor_id: UUID
    amount: Money
    status: Literal["paid", "failed", "rejected"]
    reason: str = ""


class EarningEligible(Event, name="earning.eligible", key="vendor_order_id"):
    vendor_order_id: UUID
    vendor_id: UUID
    net: Money


class Payouts(Contract, name="payouts"):
    @command(scope="internal", repeatable=True)
    async def expect(self, ctx: Context, *, earnings: list[EarningDraft]) -> None:
        """These amounts stand in escrow now, from their sources. Harmless when repeated."""

    @command(scope="internal", repeatable=True)
    async def delivered(self, ctx: Context, *, windows: dict[UUID, datetime]) -> None:
        """Vendor orders were delivered; their return windows close at that moment. For forecasts;
        accrual is `accrue`'s. Harmless when repeated, or for what was never expected."""

    @command(scope="internal", repeatable=True)
    async def accrue(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> None:
        """The return window closed: escrow → payable | commission | commission_tax | tax, and
        payable → reserve, as linked transfers; cash collected by the vendor is settled. What is
        blocked waits and is accrued by `unblock`."""

    @command(scope="internal")
    async def block(
        self,
        ctx: Context,
        *,
        vendor_order_id: UUID,
        source_id: UUID,
        kind: Literal["return", "dispute", "hold"],
    ) -> None:
        """Keeps an earning from accruing until the same source unblocks it. After accrual it shows
        in forecasts, and a dispute keeps the reserve from being released. Harmless when
        repeated."""

    @command(scope="internal")
    async def unblock(self, ctx: Context, *, vendor_order_id: UUID, source_id: UUID) -> None:
        """Harmless when repeated. An unblock that comes before its block cancels it."""

    @command(scope="internal")
    async def reverse(
        self,
        ctx: Context,
        *,
        refund_id: UUID,
        vendor_order_id: UUID,
        gross: Money,
        sources: list[Source],
        lines: list[RefundLine] | None = None,
        cause: Literal["refund", "dispute_lost"] = "refund",
        fee: Money | None = None,
    ) -> Reversal:
        """A refund lowers what the vendor gets, before or after accrual and even after a payout
        (the balance may become negative): the transfers back to escrow and from there to the
        `sources` (escrow → disputed for a lost dispute). `lines` (adding up to gross) say which
        lines; without them all of them in proportion to what is left. `fee` is charged to the
        vendor on top (a dispute's). The same refund id again changes nothing."""

    @command(scope="internal")
    async def disputed(
        self, ctx: Context, *, dispute_id: UUID, provider: str, amount: Money, won: bool | None
    ) -> None:
        """The provider took `amount` (won None: clearing → disputed) or gave it back (True). For a
        lost one (False) nothing: `reverse` does it. Harmless when repeated."""

    @command(scope="internal")
    async def dispute_fee(
        self, ctx: Context, *, dispute_id: UUID, provider: str, fee: Money
    ) -> None:
        """The provider's fee, borne by the market: fees → clearing. Harmless when repeated."""

    @query(scope="vendor:money")
    async def balance(
        self, ctx: Context, *, vendor_id: UUID, as_of: datetime | None = None
    ) -> VendorBalance:
        """`as_of`: as the books stood at that moment."""

    @query(scope="staff:payouts")
    async def balances_of(self, ctx: Context, *, vendor_ids: list[UUID]) -> list[VendorBalance]:
        """For staff: in the order asked."""

    @query(scope="vendor:analytics")
    async def sales(
        self, ctx: Context, *, vendor_id: UUID, since: datetime, until: datetime
    ) -> list[SalesDay]:
        """Days with sales, oldest first."""

    @query(scope="vendor:money")
    async def earnings(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        status: Literal["pending", "eligible", "paid", "reversed"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Earning]:
        """Newest first."""

    @query(scope="vendor:money")
    async def earning(self, ctx: Context, *, vendor_order_id: UUID) -> Earning:
        """One, with its lines."""

    @query(scope="internal")
    async def earnings_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Earning]: ...

    @query(scope="vendor:money")
    async def forecast(self, ctx: Context, *, vendor_order_id: UUID) -> list[Forecast]:
        """The newest forecast of every line of a vendor order."""

    @query(scope="vendor:money")
    async def forecast_history(self, ctx: Context, *, line_id: UUID) -> list[Forecast]:
        """Every forecast of a line, oldest first."""

    @query(scope="vendor:money")
    async def balance_forecast(self, ctx: Context, *, vendor_id: UUID) -> BalanceForecast:
        """When how much will become available, and what waits for what."""

    @command(scope="vendor:money", proof=True)
    async def set_destination(
        self, ctx: Context, *, vendor_id: UUID, destination: Destination, at: datetime | None = None
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
        """Asks for `amount`, or for all that is available. BalanceTooLow, BelowThreshold,
        NoDestination, PayoutsHeld. Approved at once where the automatic rule says so."""

    @command(scope="staff:payouts", timeout_s=30, proof=True)
    async def decide(
        self, ctx: Context, *, id: UUID, decision: Literal["approve", "reject"], reason: str = ""
    ) -> Payout:
        """Approving pays it at the provider: paid, processing (pending there) or failed.
        Rejecting (with a reason) gives the amount back to the balance."""

    @query(scope="vendor:money")
    async def payouts(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Payout]: ...

    @query(scope="vendor:money")
    async def payout(self, ctx: Context, *, id: UUID) -> Payout:
        """One, with what it is made of: its items add up to its amount."""

    @query(scope="staff:payouts")
    async def payout_of(self, ctx: Context, *, id: UUID) -> Payout:
        """For staff: any vendor's, with what it is made of."""

    @query(scope="staff:payouts")
    async def queue(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        bank_file_id: UUID | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Payout]: ...

    @command(scope="staff:payouts", timeout_s=60, proof=True)
    async def run(self, ctx: Context, *, vendor_ids: list[UUID] | None = None) -> list[Payout]:
        """A payout run now: one payout for every vendor (or these) whose balance reaches the
        threshold and whom nothing blocks. The schedule does the same by itself; two runs at once
        make one payout per vendor."""

    @command(scope="staff:payouts", timeout_s=60, proof=True)
    async def make_bank_file(
        self, ctx: Context, *, id: UUID, format: Literal["pain.001", "csv"]
    ) -> BankFile:
        """Gathers every approved bank payout that is in no file yet."""

    @query(scope="staff:payouts")
    async def bank_files(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[BankFile]: ...

    @query(scope="staff:payouts", timeout_s=30)
    async def bank_file(self, ctx: Context, *, id: UUID) -> str:
        """The file's text, the same every time it is asked for."""

    @command(scope="staff:payouts", timeout_s=30, proof=True)
    async def settle_bank_payouts(
        self, ctx: Context, *, ids: list[UUID], paid: bool, reason: str = ""
    ) -> list[Payout]:
        """The bank executed these payouts, or sent them back: then they return to the balance."""

    @query(scope="staff:money")
    async def policy(self, ctx: Context) -> Policy: ...

    @command(scope="staff:money", proof=True)
    async def set_policy(self, ctx: Context, *, policy: Policy, reason: Reason) -> Policy:
        """Kept with its history."""

    @query(scope="staff:money")
    async def terms(self, ctx: Context, *, vendor_id: UUID) -> VendorTerms: ...

    @command(scope="staff:money", proof=True)
    async def set_terms(
        self, ctx: Context, *, terms: VendorTerms, reason: Reason
    ) -> VendorTerms: ...

    @command(scope="staff:money", proof=True)
    async def charge(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        amount: Money,
        reason: Reason,
        tax: Money | None = None,
    ) -> Charge:
        """A fee or fine (amount > 0) or a credit note (< 0). Harmless when repeated."""

    @query(scope="vendor:money")
    async def charges(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Charge]: ...

    @query(scope="staff:money")
    async def charges_of(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Charge]:
        """For staff: any vendor's, newest first."""

    @query(scope="staff:money", timeout_s=120)
    async def dry_run(
        self, ctx: Context, *, list_id: UUID, days: Annotated[int, Field(ge=1, le=366)] = 30
    ) -> DryRun:
        """What a commission list would have earned on the sales of the last days."""

    @query(scope="internal", timeout_s=60)
    async def reconcile(self, ctx: Context, *, limit: Limit = 10) -> list[str]:
        """Lines naming vendors and vendor orders whose ledger balance is not what earnings,
        reversals, charges, reserves and payouts add up to; empty when all agree. What is under way
        is left out."""
