"""Double-entry bookkeeping: accounts and immutable transfers in integer minor units.

A transfer moves an amount from a *debit* account to a *credit* account of one currency. Money we
hold for others stands on the credit side: a balance is credits − debits, except for the kinds in
DEBIT_NORMAL (what others owe us, what we spent), where it is debits − credits.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Forbidden
from haat.kernel.ids import derive
from haat.kernel.model import Model
from haat.kernel.money import MINOR_MAX, Currency
from haat.kernel.page import Limit, Page

AccountKind = Literal[
    "clearing",  # owner: a provider (provider_id); debit-normal: captured there, not yet paid out
    "disputed",  # owner: a provider; debit-normal: what it withholds while a dispute is open
    "cash",  # owner: vendor; debit-normal: cash it collected for us on delivery, not yet settled
    "fees",  # platform; debit-normal: what providers charged us and nobody else bears
    "suspense",  # platform; either sign: differences that reconciliation found and staff booked
    "escrow",  # owner: vendor order; money of an order until its return window closes; never < 0
    "payable",  # owner: vendor; what we owe it; may be negative after a late refund
    "reserve",  # owner: vendor; a part of its earnings held back for a while; never < 0
    "commission",  # platform income
    "commission_tax",  # platform: tax on our commission, owed to the state
    "tax",  # platform: sales tax collected, owed to the state
    "wallet",  # owner: person or vendor; credits; never < 0
    "exchange",  # platform, one per currency, either sign: where credits turn into money and back
    "custom",  # owner: whatever an outside program says (gRPC); either sign
]
PROVIDERS = UUID(int=0x68616174)  # the parent of every provider_id
DEBIT_NORMAL: frozenset[str] = frozenset({"clearing", "disputed", "cash", "fees"})
COVERED: frozenset[str] = frozenset({"escrow", "reserve", "wallet"})  # never below zero


class Insufficient(Conflict, code="insufficient_balance"):
    """The account does not hold that much."""


class TransferConflict(Conflict, code="transfer_conflict"):
    """A transfer with this id exists with other content."""


class TransferEnded(Conflict, code="transfer_ended"):
    """The pending transfer was posted, voided or has expired. `outcome` says which."""


class NotYours(Forbidden, code="ledger_account_not_yours"):
    """Outside programs post between `custom` and `wallet` accounts only; the market's own accounts
    move through the market, so that its books stay provable."""


class Code(StrEnum):
    """Why a transfer was made (docs/flows/money.md names each step)."""

    CAPTURE = "capture"  # clearing | exchange | cash → escrow
    EARNING = "earning"  # escrow → payable
    COMMISSION = "commission"  # escrow → commission
    COMMISSION_TAX = "commission_tax"  # escrow → commission_tax
    TAX = "tax"  # escrow → tax
    REFUND = "refund"  # escrow → clearing | exchange | cash
    EARNING_REVERSAL = "earning_reversal"  # payable → escrow
    COMMISSION_REVERSAL = "commission_reversal"  # commission → escrow
    COMMISSION_TAX_REVERSAL = "commission_tax_reversal"  # commission_tax → escrow
    TAX_REVERSAL = "tax_reversal"  # tax → escrow
    COD_SETTLEMENT = "cod_settlement"  # payable → cash, or back: collected cash is settled
    FEE = "fee"  # payable → commission: kept commission, fines, fees outside orders
    FEE_TAX = "fee_tax"  # payable → commission_tax
    CREDIT_NOTE = "credit_note"  # commission → payable: a fee given back, goodwill
    RESERVE = "reserve"  # payable → reserve
    RESERVE_RELEASE = "reserve_release"  # reserve → payable
    PAYOUT = "payout"  # payable → clearing
    DISPUTE = "dispute"  # disputed → clearing: the provider took it while a dispute is open
    DISPUTE_WON = "dispute_won"  # clearing → disputed: it gave it back
    DISPUTE_LOST = "dispute_lost"  # escrow → disputed
    DISPUTE_FEE = "dispute_fee"  # fees | payable → clearing
    PROVIDER_FEE = "provider_fee"  # fees → clearing
    TOPUP = "topup"  # clearing → exchange (money)
    CREDITS_ISSUED = "credits_issued"  # exchange (credits) → wallet
    CREDITS_SPENT = "credits_spent"  # wallet → exchange (credits)
    CREDITS_REFUNDED = "credits_refunded"  # exchange (credits) → wallet
    WITHDRAWAL = "withdrawal"  # exchange (money) → clearing
    GRANT = "grant"  # exchange (credits) → wallet: goodwill by staff
    CORRECTION = "correction"  # suspense ↔ clearing: booked from a reconciliation's proposal
    CUSTOM = "custom"  # an outside program's


class Account(Model):
    """Named by what it is for. `owner` is None for the platform's own accounts."""

    kind: AccountKind
    owner: UUID | None = None
    currency: Currency


class Transfer(Model):
    """`reference` is the vendor order, payout, top-up … it belongs to. A pending one only reserves
    until it is posted, voided, or `expires_at` has come (pending ones only; None: never)."""

    id: UUID
    debit: Account
    credit: Account
    minor: Annotated[int, Field(ge=1, le=MINOR_MAX)]
    code: Code
    reference: UUID
    pending: bool = False
    expires_at: datetime | None = None


class Balance(Model):
    """`minor` is posted; `pending_minor` is what pending transfers would still take away."""

    account: Account
    minor: int
    pending_minor: int = 0

    @property
    def free_minor(self) -> int:
        return self.minor - self.pending_minor


class Entry(Model):
    """One line of a statement; `minor` is signed as it changes the account's balance. `at` is when
    the transfer was written, `ended_at` when a pending one was posted, voided or expired."""

    transfer_id: UUID
    minor: int
    code: Code
    reference: UUID
    counterpart: AccountKind
    counterpart_owner: UUID | None = None
    status: Literal["posted", "pending", "voided"]
    at: datetime
    ended_at: datetime | None = None


class Seal(Model):
    """The head of the chain: everything up to `position` is covered by `hash` (hex)."""

    position: int
    hash: str
    sealed_at: datetime


def provider_id(name: str) -> UUID:
    """The owner of a payment provider's clearing and disputed accounts."""
    return derive(PROVIDERS, name)


class Sum(Model):
    """`minor` signed as it changes the balances of that kind."""

    currency: Currency
    owner: UUID | None
    code: Code
    minor: int


class Ledger(Contract, name="ledger"):
    @command(scope="internal")
    async def open(self, ctx: Context, *, accounts: list[Account]) -> None:
        """Accounts come into being with their first transfer; this makes them before. Harmless
        when repeated."""

    @command(scope="internal", repeatable=True)
    async def post(
        self, ctx: Context, *, transfers: list[Transfer]
    ) -> list[Literal["created", "exists"]]:
        """Writes all of them or none.

        A repeated id with the same content answers `exists`; with other content TransferConflict.
        Insufficient when an account in COVERED, or a payable account debited by a pending transfer,
        would fall below zero (what is pending counts as gone).
        """

    @command(scope="internal", repeatable=True)
    async def post_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        """Pending transfers become posted; harmless when they are; TransferEnded when voided or
        expired."""

    @command(scope="internal", repeatable=True)
    async def void_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        """Pending transfers end without effect; harmless when voided or expired; TransferEnded
        when posted."""

    @query(scope="internal")
    async def balances(
        self, ctx: Context, *, accounts: list[Account], as_of: datetime | None = None
    ) -> list[Balance]:
        """In the order asked; zero for an account without transfers. `as_of`: as the books stood at
        that moment, re-derived from the transfers."""

    @query(scope="internal")
    async def statement(
        self,
        ctx: Context,
        *,
        account: Account,
        as_of: datetime | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """Newest first. `as_of` leaves out what came later, and shows what was pending then as
        pending."""

    @query(scope="internal", timeout_s=30)
    async def entries(
        self,
        ctx: Context,
        *,
        account: Account,
        since: datetime,
        until: datetime,
        limit: Annotated[int, Field(ge=1, le=1000)] = 1000,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """Posted entries with since ≤ effective time < until, oldest first: what a statement is
        made of. The effective time is `at`, or `ended_at` of what was pending."""

    @query(scope="internal", timeout_s=30)
    async def sums(
        self,
        ctx: Context,
        *,
        kind: AccountKind,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Sum]:
        """Net change of all accounts of a kind by currency, owner and code in a period."""

    @query(scope="internal")
    async def head(self, ctx: Context, *, position: int | None = None) -> Seal | None:
        """The newest seal, or the one at `position`; None where nothing was sealed."""

    # For outside programs (gRPC), with an account's or a service's token.

    @command(scope="staff:ledger")
    async def open_custom(self, ctx: Context, *, accounts: list[Account]) -> None:
        """As `open`, for `custom` and `wallet` accounts; NotYours for others."""

    @command(scope="staff:ledger")
    async def post_custom(
        self, ctx: Context, *, transfers: list[Transfer]
    ) -> list[Literal["created", "exists"]]:
        """As `post`, between `custom` and `wallet` accounts with code `custom`; NotYours."""

    @command(scope="staff:ledger")
    async def end_custom(self, ctx: Context, *, ids: list[UUID], posted: bool) -> None:
        """As `post_pending` and `void_pending`, for transfers with code `custom`; NotYours."""

    @query(scope="staff:ledger")
    async def read_balances(
        self, ctx: Context, *, accounts: list[Account], as_of: datetime | None = None
    ) -> list[Balance]:
        """As `balances`, of any account."""

    @query(scope="staff:ledger")
    async def read_statement(
        self,
        ctx: Context,
        *,
        account: Account,
        as_of: datetime | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """As `statement`, of any account."""
