"""Double-entry bookkeeping: accounts and immutable transfers in integer minor units.

A transfer moves an amount from a *debit* account to a *credit* account of one currency. Money we
hold for others stands on the credit side: a balance is credits − debits, except for `clearing`
accounts (what payment providers owe us), where it is debits − credits.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.model import Model
from haat.kernel.money import MINOR_MAX, Currency
from haat.kernel.page import Limit, Page

AccountKind = Literal[
    "clearing",  # platform, debit-normal: captured at a provider, not yet paid out
    "escrow",  # owner: vendor order; money of an order until its return window closes; never < 0
    "payable",  # owner: vendor; what we owe it; may be negative after a late refund
    "commission",  # platform income
    "tax",  # platform: tax collected, owed to the state
]


class Insufficient(Conflict, code="insufficient_balance"):
    """The account does not hold that much."""


class TransferConflict(Conflict, code="transfer_conflict"):
    """A transfer with this id exists with other content."""


class Code(StrEnum):
    """Why a transfer was made."""

    CAPTURE = "capture"  # clearing → escrow
    EARNING = "earning"  # escrow → payable
    COMMISSION = "commission"  # escrow → commission
    TAX = "tax"  # escrow → tax
    REFUND = "refund"  # escrow → clearing
    EARNING_REVERSAL = "earning_reversal"  # payable → escrow
    COMMISSION_REVERSAL = "commission_reversal"  # commission → escrow
    TAX_REVERSAL = "tax_reversal"  # tax → escrow
    PAYOUT = "payout"  # payable → clearing


class Account(Model):
    """Named by what it is for. `owner` is None for the platform's own accounts (sharded inside)."""

    kind: AccountKind
    owner: UUID | None = None
    currency: Currency


class Transfer(Model):
    """`reference` is the vendor order or payout it belongs to. A pending one only reserves."""

    id: UUID
    debit: Account
    credit: Account
    minor: Annotated[int, Field(ge=1, le=MINOR_MAX)]
    code: Code
    reference: UUID
    pending: bool = False


class Balance(Model):
    """`minor` is posted; `pending_minor` is what pending transfers would still take away."""

    account: Account
    minor: int
    pending_minor: int = 0

    @property
    def free_minor(self) -> int:
        return self.minor - self.pending_minor


class Entry(Model):
    """One line of a statement; `minor` is signed as it changes the account's balance."""

    transfer_id: UUID
    minor: int
    code: Code
    reference: UUID
    counterpart: AccountKind
    status: Literal["posted", "pending", "voided"]
    at: datetime


class Ledger(Contract, name="ledger"):
    @command(scope="internal")
    async def post(
        self, ctx: Context, *, transfers: list[Transfer]
    ) -> list[Literal["created", "exists"]]:
        """Writes all of them or none.

        A repeated id with the same content answers `exists`; with other content TransferConflict.
        Insufficient when an escrow account, or a payable account debited by a pending transfer,
        would fall below zero (what is pending counts as gone).
        """

    @command(scope="internal")
    async def post_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        """Pending transfers become posted; harmless when they are; Conflict when voided."""

    @command(scope="internal")
    async def void_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        """Pending transfers end without effect; harmless when voided; Conflict when posted."""

    @query(scope="internal")
    async def balances(self, ctx: Context, *, accounts: list[Account]) -> list[Balance]:
        """In the order asked; zero for an account without transfers."""

    @query(scope="internal")
    async def statement(
        self, ctx: Context, *, account: Account, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Entry]:
        """Newest first."""
