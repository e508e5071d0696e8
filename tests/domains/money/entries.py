"""Accounts and transfers as tests of the ledger need them."""

from datetime import datetime
from uuid import UUID, uuid4

from haat.domains.money.ledger.api import Account, Code, Ledger, Transfer
from haat.kernel.context import SYSTEM, Context

CTX = Context(actor=SYSTEM)
CLEARING = Account(kind="clearing", currency="USD")
COMMISSION = Account(kind="commission", currency="USD")
REFERENCE = UUID(int=7)


def escrow(order: UUID) -> Account:
    return Account(kind="escrow", owner=order, currency="USD")


def payable(vendor: UUID) -> Account:
    return Account(kind="payable", owner=vendor, currency="USD")


def move(
    debit: Account,
    credit: Account,
    minor: int,
    *,
    id: UUID | None = None,
    code: Code = Code.CAPTURE,
    pending: bool = False,
    expires_at: datetime | None = None,
    reference: UUID = REFERENCE,
) -> Transfer:
    return Transfer(
        id=id or uuid4(),
        debit=debit,
        credit=credit,
        minor=minor,
        code=code,
        reference=reference,
        pending=pending,
        expires_at=expires_at,
    )


async def minor_of(ledger: Ledger, *accounts: Account) -> list[int]:
    return [b.minor for b in await ledger.balances(CTX, accounts=list(accounts))]
