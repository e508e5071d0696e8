"""The credits wallet. One credit is CREDITS' major unit (two digits); what it is worth in money
follows from the conversion rate of the moment, and is frozen with each conversion."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.money.payments.api import Hold, Method, Refund, TransferInstructions
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.money import Currency, Money
from haat.kernel.page import Limit, Page
from haat.kernel.personal import AccountText, NameText

CREDITS = "XCR"  # a code from ISO 4217's user-assigned range
RATE_UNIT = 1_000_000
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class CreditsTooLow(Conflict, code="credits_too_low"):
    """The wallet holds fewer credits. `available` in the problem says how many."""


class NoRate(Conflict, code="credit_rate_missing"):
    """No conversion rate holds for this currency now; staff set one first."""


class WalletFrozen(Conflict, code="wallet_frozen"):
    """Staff have stopped this wallet; ask the market's support."""


class RateOverlaps(Conflict, code="credit_rate_past"):
    """A rate begins now or later, never in the past: what was converted keeps its rate."""


class Rate(Model):
    """`micro`: minor units of `currency` per minor unit of credits, × RATE_UNIT. A rate holds from
    `valid_from` until the next one of its currency begins. Conversions round half up, in favour of
    nobody."""

    id: UUID
    currency: Currency
    micro: Annotated[int, Field(ge=1, le=10**12)]
    valid_from: datetime
    valid_to: datetime | None = None
    set_by: UUID | None = None
    note: str = ""


class WalletBalance(Model):
    """In credits; `worth` is what they would buy now, None without a rate, and `spendable` the
    largest part of an order that they pay. `held`: set aside for checkouts and withdrawals under
    way."""

    owner_id: UUID
    available: Money
    held: Money
    worth: Money | None
    spendable: Money | None = None
    frozen: bool = False


class WalletEntry(Model):
    """One line of a wallet's statement. `money` is the other side of a conversion. `reversed`: a
    top-up that its provider took back; `outside`: posted by an outside program."""

    id: UUID
    kind: Literal["topup", "spent", "refunded", "withdrawn", "granted", "reversed", "outside"]
    credits: Money  # signed
    money: Money | None = None
    reference: UUID
    note: str = ""
    status: Literal["pending", "done", "undone"]
    at: datetime


class TopUp(Model):
    """`next_action_url` or `instructions` while the customer has to do something."""

    id: UUID
    owner_id: UUID
    credits: Money
    price: Money
    provider: str
    status: Literal["open", "needs_action", "awaiting", "done", "failed"]
    next_action_url: str | None = None
    decline_code: str | None = None
    instructions: TransferInstructions | None = None
    created_at: datetime


class Withdrawal(Model):
    """Credits turned back into money on a bank account; credits are held while it is under way."""

    id: UUID
    owner_id: UUID
    credits: Money
    amount: Money
    status: Literal["requested", "processing", "paid", "failed", "rejected"]
    holder: NameText
    account: str  # masked
    reason: str | None = None
    requested_at: datetime
    ended_at: datetime | None = None


class WithdrawalDue(Model):
    """A withdrawal that staff pay from the market's bank account; the account is in full."""

    id: UUID
    holder: NameText
    account: AccountText
    amount: Money
    requested_at: datetime


class FrozenWallet(Model):
    """`claim_id`: the dispute or refund of a top-up that stopped it; None: staff did."""

    owner_id: UUID
    reason: str
    claim_id: UUID | None
    since: datetime


class FlowDay(Model):
    """Credits that moved on one day, by kind, in minor units of credits."""

    day: datetime
    topup: int = 0
    spent: int = 0
    refunded: int = 0
    withdrawn: int = 0
    granted: int = 0
    reversed: int = 0


class Flag(Model):
    """What looks unusual on a wallet: `rule` says which pattern, `why` in words with figures."""

    owner_id: UUID
    rule: Literal["velocity", "in_and_out", "many_declined", "large"]
    why: str
    at: datetime


class WalletFlow(Model):
    """What staff watch: credits in circulation, what they are worth, what the exchange holds for
    them, the days, and wallets that look unusual."""

    circulating: Money
    worth: Money | None
    backing: Money  # the exchange account's balance in the market's currency
    days: list[FlowDay]
    flags: list[Flag]


class CreditsToppedUp(Event, name="wallet.topped_up", key="owner_id"):
    owner_id: UUID
    topup_id: UUID
    credits: Money
    price: Money


class WithdrawalEnded(Event, name="wallet.withdrawal_ended", key="owner_id"):
    owner_id: UUID
    withdrawal_id: UUID
    credits: Money
    amount: Money
    status: Literal["paid", "failed", "rejected"]


class Wallet(Contract, name="wallet"):
    # As a tender of settlement's: ids come from the caller, every step may be sent twice. `id` is
    # the hold's; the amount is money, credits follow from the rate of the first call.

    @command(scope="internal")
    async def hold(
        self, ctx: Context, *, id: UUID, reference: UUID, owner_id: UUID, amount: Money
    ) -> Hold:
        """Sets credits worth `amount` aside: authorized, or declined (`credits_too_low`,
        `credit_rate_missing`, `wallet_frozen`)."""

    @command(scope="internal")
    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        """The credits are spent: wallet → exchange. The money side (exchange → escrow) is posted by
        payouts. Harmless when captured; one that ended otherwise is answered as it ended."""

    @command(scope="internal")
    async def void(self, ctx: Context, *, id: UUID) -> None:
        """Gives the credits back; harmless when repeated, or before the hold, which it then keeps
        from ever holding. WrongPaymentState when captured."""

    @command(scope="internal")
    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        """Credits for `amount` of a captured hold come back, at the rate of the hold, so that the
        refund of all gives back exactly the credits spent. RefundTooLarge."""

    @query(scope="internal")
    async def spendable(self, ctx: Context, *, owner_id: UUID, currency: Currency) -> Money:
        """What the wallet could pay in that currency now; zero without a rate or when frozen."""

    # For people and vendors. `vendor_id` None is the acting person's own wallet.

    @query(scope="person")
    async def balance(self, ctx: Context, *, vendor_id: UUID | None = None) -> WalletBalance: ...

    @query(scope="person")
    async def statement(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        as_of: datetime | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[WalletEntry]:
        """Newest first."""

    @command(scope="person", timeout_s=40)
    async def top_up(
        self,
        ctx: Context,
        *,
        id: UUID,
        credits_minor: Annotated[int, Field(ge=100, le=10_000_000)],
        method: Method,
        return_url: str = "",
        vendor_id: UUID | None = None,
    ) -> TopUp:
        """Buys credits at the rate of the moment, by card, at a provider's page or by bank
        transfer. Sent again it tells how it stands. NoRate, WalletFrozen."""

    @query(scope="person")
    async def topup(self, ctx: Context, *, id: UUID) -> TopUp: ...

    @query(scope="person")
    async def topups(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[TopUp]:
        """Newest first."""

    @command(scope="person")
    async def withdraw(
        self,
        ctx: Context,
        *,
        id: UUID,
        credits_minor: Annotated[int, Field(ge=100, le=10_000_000)],
        holder: Annotated[str, Field(min_length=1, max_length=120)],
        account: Annotated[str, Field(min_length=4, max_length=40)],
        vendor_id: UUID | None = None,
    ) -> Withdrawal:
        """Asks for credits to be paid out as money. CreditsTooLow, NoRate, WalletFrozen."""

    @query(scope="person")
    async def withdrawals(
        self,
        ctx: Context,
        *,
        vendor_id: UUID | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Withdrawal]:
        """Newest first."""

    # For staff.

    @command(scope="staff:money", timeout_s=30, proof=True)
    async def decide_withdrawal(
        self, ctx: Context, *, id: UUID, decision: Literal["approve", "reject"], reason: str = ""
    ) -> Withdrawal:
        """Approving sends it to the provider that pays out; rejecting needs a reason."""

    @query(scope="staff:money")
    async def withdrawal_queue(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Withdrawal]: ...

    @query(scope="staff:money")
    async def withdrawals_due(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[WithdrawalDue]:
        """Approved ones that no provider pays (`bank`), oldest first."""

    @command(scope="staff:money", timeout_s=30, proof=True)
    async def settle_withdrawals(
        self,
        ctx: Context,
        *,
        ids: Annotated[list[UUID], Field(min_length=1, max_length=100)],
        paid: bool,
        reason: Annotated[str, Field(max_length=500)] = "",
    ) -> None:
        """Says how those of `withdrawals_due` ended. Harmless when repeated; NotFound, Conflict
        (`withdrawal_state`) for others, WrongPaymentState for one that ended the other way."""

    @command(scope="staff:money", proof=True)
    async def set_rate(
        self,
        ctx: Context,
        *,
        id: UUID,
        currency: Currency,
        micro: Annotated[int, Field(ge=1, le=10**12)],
        valid_from: datetime | None = None,
        note: Annotated[str, Field(max_length=500)] = "",
    ) -> Rate:
        """A new rate from now or a later moment on. RateOverlaps for the past."""

    @query()
    async def rates(
        self,
        ctx: Context,
        *,
        currency: Currency | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Rate]:
        """The history, newest first; anybody may read what credits cost."""

    @query()
    async def rate(self, ctx: Context, *, currency: Currency, at: datetime | None = None) -> Rate:
        """The one that holds now, or at `at`. NoRate."""

    @command(scope="staff:money", proof=True)
    async def grant(
        self, ctx: Context, *, id: UUID, owner_id: UUID, credits_minor: int, reason: Reason
    ) -> WalletEntry:
        """Goodwill: credits without money. `credits_minor` ≥ 1."""

    @command(scope="staff:money", proof=True)
    async def freeze(self, ctx: Context, *, owner_id: UUID, frozen: bool, reason: Reason) -> None:
        """A frozen wallet neither pays nor withdraws; refunds still come in."""

    @query(scope="staff:money", timeout_s=30)
    async def flow(
        self, ctx: Context, *, days: Annotated[int, Field(ge=1, le=366)] = 30
    ) -> WalletFlow:
        """Credits bought, spent, withdrawn per day, and wallets that look unusual."""

    @query(scope="staff:money")
    async def frozen(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[FrozenWallet]:
        """Wallets that are stopped, newest first."""

    @query(scope="internal", timeout_s=60)
    async def reconcile(self, ctx: Context, *, limit: int = 10) -> list[str]:
        """Lines naming wallets whose ledger balance is not what their movements add up to, and
        currencies whose exchange account is not what was converted; empty when all agree."""
