"""What an account is called, which shard a transfer uses, and what a transfer may look like."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from haat.domains.money.ledger.api import (
    DEBIT_NORMAL,
    Account,
    Code,
    NotYours,
    Transfer,
    TransferConflict,
)
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive

SHARDS = 16
BATCH_MAX = 10_000
CREDITS = "XCR"  # what wallets hold; a code from ISO 4217's user-assigned range
UNOWNED = frozenset({"fees", "suspense", "commission", "commission_tax", "tax", "exchange"})
EITHER = frozenset({"clearing"})  # by provider; without one from before there were several
SHARDED = UNOWNED | {"clearing", "disputed"}
OUTSIDE = frozenset({"custom", "wallet"})  # what programs outside may post between
NO_OWNER = UUID(int=0)


class Side(NamedTuple):
    """The stored account behind one side of a transfer."""

    id: UUID
    account: Account
    shard: int


def stored(account: Account, shard: int) -> Side:
    """A platform or provider account is many rows, so that posts at the same time need not wait for
    each other: each takes another one."""
    number = shard % SHARDS if account.kind in SHARDED else 0
    return Side(account_id(account, number), account, number)


def account_id(account: Account, shard: int) -> UUID:
    """The id follows from what the account is for, so that two processes make the same row."""
    return named(account.kind, account.owner, account.currency, shard)


@lru_cache(maxsize=20_000)
def named(kind: str, owner: UUID | None, currency: str, shard: int) -> UUID:
    """The same from the parts, whatever they hold."""
    return derive(owner or NO_OWNER, f"{kind}:{currency}:{shard}")


def sides_of(account: Account) -> list[Side]:
    """Every stored account that this one is the sum of."""
    shards = range(SHARDS if account.kind in SHARDED else 1)
    return [Side(account_id(account, shard), account, shard) for shard in shards]


def rows_of(account: Account) -> list[UUID]:
    """Their ids."""
    return [side.id for side in sides_of(account)]


def check_accounts(accounts: Iterable[Account]) -> None:
    """Raises Invalid for an account of nobody, or of somebody where it has no owner."""
    for n, account in enumerate(accounts):
        _check_account(account, "accounts", n)


def _check_account(account: Account, path: str, n: int) -> None:
    kind = account.kind
    if kind not in EITHER and (account.owner is None) != (kind in UNOWNED):
        raise Invalid.at(f"{path}.{n}", f"Who owns this {kind} account?")
    if kind == "wallet" and account.currency != CREDITS:
        raise Invalid.at(f"{path}.{n}", f"A wallet holds {CREDITS}.")


def check(transfers: Sequence[Transfer]) -> None:
    """Raises Invalid for a transfer that no books could hold."""
    if len(transfers) > BATCH_MAX:
        raise Invalid.at("transfers", f"At most {BATCH_MAX} at once.", "too_many")
    for n, transfer in enumerate(transfers):
        debit, credit = transfer.debit, transfer.credit
        if debit.currency != credit.currency:
            raise Invalid.at(f"transfers.{n}.credit", "Both sides have one currency.")
        if debit.kind == credit.kind and debit.owner == credit.owner:
            raise Invalid.at(f"transfers.{n}.credit", "Debit and credit are the same account.")
        _check_account(debit, "transfers", n)
        _check_account(credit, "transfers", n)
        if transfer.expires_at is not None:
            if not transfer.pending:
                raise Invalid.at(f"transfers.{n}.expiresAt", "Only what is pending expires.")
            aware(f"transfers.{n}.expiresAt", transfer.expires_at)


def check_outside(accounts: Iterable[Account]) -> None:
    """NotYours unless a program outside may touch all of these accounts."""
    if any(account.kind not in OUTSIDE for account in accounts):
        raise NotYours


def check_custom(transfers: Iterable[Transfer]) -> None:
    """NotYours unless a program outside may post all of these."""
    for transfer in transfers:
        check_outside((transfer.debit, transfer.credit))
        if transfer.code is not Code.CUSTOM:
            raise NotYours("Outside programs post with the code 'custom'.")


def aware(path: str, at: datetime) -> datetime:
    """Raises Invalid for a time that does not say its zone."""
    if at.tzinfo is None:
        raise Invalid.at(path, "A time needs its zone: end it with Z or +00:00.", "naive_time")
    return at


def distinct(transfers: Sequence[Transfer]) -> list[Transfer]:
    """Each id once, in the order of ids, which is the order in which every post takes its locks.

    Raises TransferConflict when one id comes twice with different content.
    """
    found: dict[UUID, Transfer] = {}
    for transfer in transfers:
        first = found.setdefault(transfer.id, transfer)
        if first is not transfer and first != transfer:
            raise TransferConflict(transfer_id=str(transfer.id))
    return [found[id] for id in sorted(found)]


def free_minor(kind: str, debits: int, credits: int, pending: tuple[int, int]) -> tuple[int, int]:
    """(posted balance, what pending transfers would take away) from an account's sums.

    `pending` is (debits, credits).
    """
    if kind in DEBIT_NORMAL:
        return debits - credits, pending[1]
    return credits - debits, pending[0]


def signed(kind: str, minor: int, *, debit: bool) -> int:
    """`minor` as it changes the balance of the side that is debited, or credited."""
    return minor if debit is (kind in DEBIT_NORMAL) else -minor
