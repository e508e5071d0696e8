"""Banking: vendors' bank accounts, one of which payouts go to."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model

ACCOUNTS_MAX = 10
AccountStatus = Literal["unverified", "verified", "refused"]
BankChange = Literal["added", "corrected", "default", "removed", "verified", "refused"]


class AccountsFull(Conflict, code="bank_accounts_full"):
    """A vendor has at most 10 bank accounts; remove one first."""


class AccountInUse(Conflict, code="bank_account_in_use"):
    """Payouts go to this account: choose another for them first."""


class AccountRefused(Conflict, code="bank_account_refused"):
    """Staff refused this account; add it again with what they asked for."""


class BankAccount(Model):
    """`account` is an IBAN or a local number; `routing` a number of the bank, as in the United
    States."""

    holder: Annotated[str, Field(min_length=1, max_length=70)]
    account: Annotated[str, Field(min_length=4, max_length=40)]
    bic: Annotated[str, Field(max_length=11)] = ""
    bank: Annotated[str, Field(max_length=80)] = ""
    routing: Annotated[str, Field(max_length=20)] = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class KeptAccount(Model):
    """`account` is masked but for its last four characters; `waits`: it is paid to once staff have
    checked it."""

    id: UUID
    vendor_id: UUID
    holder: str
    account: str
    bic: str
    bank: str
    routing: str
    country: str
    status: AccountStatus
    reason: str = ""
    is_default: bool
    waits: bool = False
    created_at: datetime
    checked_at: datetime | None = None


class BankAccountChanged(Event, name="vendor.bank_account_changed", key="vendor_id"):
    """`last` are the account's last four characters. `owners`: who must know."""

    vendor_id: UUID
    account_id: UUID
    what: BankChange
    last: str
    owners: list[UUID]


class Banking(Contract, name="banking"):
    @command(scope="vendor:money", proof=True)
    async def add(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, account: BankAccount
    ) -> KeptAccount:
        """Of a vendor's accounts the first is paid to. The same number again is the one that is
        there; with another holder or bank it is corrected, and to be checked again. Invalid (check
        digits, routing number), AccountsFull."""

    @command(scope="vendor:money", proof=True, repeatable=True)
    async def choose(self, ctx: Context, *, id: UUID, vendor_id: UUID) -> KeptAccount:
        """Payouts go to this one from now on, after the days of cooling off. AccountRefused,
        NotFound."""

    @command(scope="vendor:money", proof=True, repeatable=True)
    async def remove(self, ctx: Context, *, id: UUID, vendor_id: UUID) -> None:
        """AccountInUse."""

    @query(scope="vendor:money")
    async def accounts(self, ctx: Context, *, vendor_id: UUID) -> list[KeptAccount]:
        """The one that is paid to first."""

    @query(scope="staff:payouts")
    async def accounts_of(self, ctx: Context, *, vendor_id: UUID) -> list[KeptAccount]:
        """The same for staff, with whole numbers: to compare them with a paper."""

    @command(scope="staff:payouts", proof=True)
    async def check(
        self,
        ctx: Context,
        *,
        id: UUID,
        verified: bool,
        reason: Annotated[str, Field(max_length=500)] = "",
    ) -> KeptAccount:
        """Staff have compared it with a statement of the bank. Refusing needs a reason, which the
        vendor reads. NotFound; the same again changes nothing."""
