"""What an account is called, which shard a transfer uses, and what its hash covers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from haat.domains.money.ledger.api import Account, Transfer, TransferConflict
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive

SHARDS = 16
BATCH_MAX = 10_000
PLATFORM = frozenset({"clearing", "commission", "tax"})
DEBIT_NORMAL = frozenset({"clearing"})
NO_OWNER = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Side:
    """The stored account behind one side of a transfer."""

    id: UUID
    account: Account
    shard: int


def stored(account: Account, transfer_id: UUID) -> Side:
    """A platform account is many rows, so that no row is locked by every sale: the transfer's id
    picks one, always the same for the same transfer."""
    shard = transfer_id.int % SHARDS if account.kind in PLATFORM else 0
    return Side(account_id(account, shard), account, shard)


def account_id(account: Account, shard: int) -> UUID:
    """The id follows from what the account is for, so that two processes make the same row."""
    return derive(account.owner or NO_OWNER, f"{account.kind}:{account.currency}:{shard}")


def rows_of(account: Account) -> list[UUID]:
    """Every stored account that this one is the sum of."""
    return [account_id(account, n) for n in range(SHARDS if account.kind in PLATFORM else 1)]


def check(transfers: Sequence[Transfer]) -> None:
    """Raises Invalid for a transfer that no books could hold."""
    if len(transfers) > BATCH_MAX:
        raise Invalid.at("transfers", f"At most {BATCH_MAX} at once.", "too_many")
    for n, transfer in enumerate(transfers):
        if transfer.debit.currency != transfer.credit.currency:
            raise Invalid.at(f"transfers.{n}.credit", "Both sides have one currency.")
        if transfer.debit == transfer.credit:
            raise Invalid.at(f"transfers.{n}.credit", "Debit and credit are the same account.")
        for side in (transfer.debit, transfer.credit):
            if (side.owner is None) != (side.kind in PLATFORM):
                raise Invalid.at(f"transfers.{n}", f"Who owns this {side.kind} account?")


def distinct(transfers: Sequence[Transfer]) -> list[Transfer]:
    """Each id once, in the order of ids, which is the order in which every post takes its locks.

    Raises TransferConflict when one id comes twice with different content.
    """
    found: dict[UUID, Transfer] = {}
    for transfer in transfers:
        if found.setdefault(transfer.id, transfer) != transfer:
            raise TransferConflict(transfer_id=str(transfer.id))
    return [found[id] for id in sorted(found)]


def free_minor(kind: str, debits: int, credits: int, pending: tuple[int, int]) -> tuple[int, int]:
    """(posted balance, what pending transfers would take away) from an account's sums.

    `pending` is (debits, credits).
    """
    if kind in DEBIT_NORMAL:
        return debits - credits, pending[1]
    return credits - debits, pending[0]


def transfer_hash(
    salt: bytes,
    transfer_id: UUID,
    sides: tuple[UUID, UUID],
    amount: tuple[int, str],
    why: tuple[str, UUID, bool],
    at: datetime,
) -> bytes:
    """SHA-256 over the salt and the transfer in one fixed spelling.

    `sides` are (debit, credit) account ids, `amount` is (minor, currency), `why` is (code,
    reference, pending). The salt keeps a digest from being guessed from what it covers.
    """
    code, reference, pending = why
    content: list[str | int | bool] = [
        "transfer/1",
        str(transfer_id),
        str(sides[0]),
        str(sides[1]),
        amount[0],
        amount[1],
        code,
        str(reference),
        pending,
        spelled(at),
    ]
    return _digest(salt, content)


def outcome_hash(salt: bytes, transfer_id: UUID, posted: bool, at: datetime) -> bytes:
    """The same for how a pending transfer ended."""
    return _digest(salt, ["outcome/1", str(transfer_id), posted, spelled(at)])


def spelled(at: datetime) -> str:
    """UTC to the microsecond, as PostgreSQL keeps it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _digest(salt: bytes, content: list[str | int | bool]) -> bytes:
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return sha256(salt + text.encode()).digest()
