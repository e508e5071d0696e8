"""Proves the books: each row is what was written, none is gone, added or moved, and every balance
follows from them. Names the first entry that does not. docs/flows/ledger.md says what each
invariant finds, and what none of them can."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from uuid import UUID

from haat.domains.money.ledger import hashing, rules, sums
from haat.domains.money.ledger.service.sealing import seal_all
from haat.domains.money.ledger.spelling import LOOSE, NAMED, SEALED, STRAY
from haat.engines.sql import Database, Record
from haat.kernel.context import SYSTEM, Context

INVARIANTS = (
    "transfers",
    "outcomes",
    "sealed",
    "chain",
    "identity",
    "accounts",
    "pending",
    "currency",
    "covered",
    "balanced",
)
_LOWEST = -(1 << 63)
_SEALING_MAX = 10_000  # batches: enough for fifty million rows that wait


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines `ledger.<invariant>: …`, at most `limit`; empty when the books add up.

    What waits to be sealed is sealed first, so that the chain covers all there is. Holds a page of
    rows in memory at a time.
    """
    await seal_all(db, Context(actor=SYSTEM, request_id="prove"), batches=_SEALING_MAX)
    found: list[str] = []
    for check in (_chain, _loose, _identities, _wrong_sums, _expiring, _unbalanced):
        if len(found) < limit:
            found += await check(db, limit - len(found))
    return found[:limit]


async def _chain(db: Database, limit: int) -> list[str]:
    """Every sealed row, in the order of the chain: it is there, unchanged, and in its place."""
    found: list[str] = []
    position, before = 0, hashing.GENESIS
    last = _LOWEST  # the chain begins at 1; what stands before that was put there
    while rows := await db.fetch(SEALED, last):
        suspects: list[Record] = []
        for row in rows:
            position += 1
            link = hashing.link_hash(
                before, position, row["outcome"], row["row_id"], row["row_hash"], row["sealed_at"]
            )
            before = row["hash"]
            stored, content = row["stored"], row["content"]
            if (
                row["position"] != position
                or link != before
                or stored != row["row_hash"]
                or content is None
                or sha256(content).digest() != stored
            ):
                suspects.append((row, position, link))
                position = row["position"]
        last = rows[-1]["position"]
        if suspects:
            found += await _explained(db, suspects)
            if len(found) >= limit:
                break
    return found[:limit]


async def _explained(db: Database, suspects: Sequence[tuple[Record, int, bytes]]) -> list[str]:
    """What is wrong with these links, if anything: rows of the first format look wrong at first."""
    named = await _named(db, (row["row_id"] for row, _, _ in suspects))
    found = []
    for row, position, link in suspects:
        transfer = named.get(row["row_id"])
        what = _what(row["outcome"], row["row_id"], transfer)
        if row["position"] != position:
            found.append(
                f"ledger.chain: position {position} is missing; at {row['position']} stands {what}"
            )
        elif row["stored"] is None:
            found.append(f"ledger.sealed: {what}, sealed at {position}, is gone")
        elif not _as_written(row["outcome"], row["content"], row["stored"], transfer):
            found.append(_altered(row["outcome"], what, row["stored"]))
        elif row["stored"] != row["row_hash"]:
            found.append(
                f"ledger.sealed: {what} is not what was sealed at {position}: sealed hash"
                f" {row['row_hash'].hex()}, stored {row['stored'].hex()}"
            )
        elif link != row["hash"]:
            found.append(
                f"ledger.chain: {what}: position {position} does not follow from the one before:"
                f" expected {link.hex()}, stored {row['hash'].hex()}"
            )
    return found


async def _loose(db: Database, limit: int) -> list[str]:
    """Every row is sealed or waits to be, as it is; nothing waits that is not there."""
    rows = await db.fetch(LOOSE)
    named = await _named(db, (row["row_id"] for row in rows))
    found = []
    for row in rows:
        transfer = named.get(row["row_id"])
        what = _what(row["outcome"], row["row_id"], transfer)
        if not _as_written(row["outcome"], row["content"], row["stored"], transfer):
            found.append(_altered(row["outcome"], what, row["stored"]))
        elif row["waiting"] is None:
            found.append(f"ledger.sealed: {what} was put in past the ledger, or its seal removed")
        elif row["waiting"] != row["stored"]:
            found.append(f"ledger.sealed: {what} waits to be sealed with another hash")
        if len(found) >= limit:
            return found
    for row in await db.fetch(STRAY, limit - len(found)):
        what = _what(row["outcome"], row["row_id"], None)
        found.append(f"ledger.sealed: {what} waits to be sealed, and is gone or was sealed before")
    return found


async def _named(db: Database, ids: Iterable[UUID]) -> dict[UUID, Record]:
    wanted = list(set(ids))
    rows = await db.fetch(NAMED, wanted) if wanted else []
    return {row["id"]: row for row in rows}


def _as_written(
    outcome: bool, content: bytes | None, stored: bytes, transfer: Record | None
) -> bool:
    """Whether a row is what its hash says, in the present format or in the first."""
    if content is not None and sha256(content).digest() == stored:
        return True
    if transfer is None or transfer["expires"]:
        return False
    try:
        return _first_hash(outcome, transfer) == stored
    except OverflowError:
        return False


def _first_hash(outcome: bool, transfer: Record) -> bytes:
    """What the row's hash would be in the first format."""
    if outcome:
        return hashing.first_outcome_hash(
            transfer["ended_salt"],
            transfer["id"],
            transfer["posted"],
            hashing.time_of(transfer["ended_at"]),
        )
    return hashing.first_transfer_hash(
        transfer["salt"],
        transfer["id"],
        (transfer["debit_id"], transfer["credit_id"]),
        (transfer["minor"], transfer["currency"]),
        (transfer["code"], transfer["reference"], transfer["pending"]),
        hashing.time_of(transfer["at"]),
    )


def _what(outcome: bool, id: UUID, transfer: Record | None) -> str:
    """How a finding names a row. Of what is gone only the id is known."""
    name = f"the outcome of transfer {id}" if outcome else f"transfer {id}"
    if transfer is None:
        return name
    return (
        f"{name} ({transfer['code']} {transfer['minor']} {transfer['currency']} for"
        f" {transfer['reference']}, debit {transfer['debit_id']}, credit {transfer['credit_id']})"
    )


def _altered(outcome: bool, what: str, stored: bytes) -> str:
    name = "outcomes" if outcome else "transfers"
    return f"ledger.{name}: {what} was altered: it is not what its hash {stored.hex()} says"


async def _identities(db: Database, limit: int) -> list[str]:
    """An account's id follows from what it is for."""
    found: list[str] = []
    last = UUID(int=0)
    while rows := await db.fetch(sums.ACCOUNTS, last):
        for row in rows:
            expected = rules.named(row["kind"], row["owner"], row["currency"], row["shard"])
            if expected != row["id"]:
                found.append(
                    f"ledger.identity: {_account(row)} would be {expected} as shard {row['shard']}"
                    f" in {row['currency']}"
                )
                if len(found) >= limit:
                    return found
        last = rows[-1]["id"]
    return found


async def _wrong_sums(db: Database, limit: int) -> list[str]:
    found = []
    for row in await db.fetch(sums.WRONG, limit):
        last = await db.fetchrow(sums.LAST, row["id"])
        tail = "it has no transfer"
        if last is not None:
            tail = f"its last transfer is {last['id']} ({last['code']} for {last['reference']})"
        found.append(f"ledger.{_wrong_sum(row)}; {tail}")
    return found


def _wrong_sum(row: Record) -> str:
    if row["missing"]:
        return f"identity: account {row['id']} is gone"
    account = _account(row)
    if row["stored"] != row["derived"]:
        return (
            f"accounts: {account}: expected {_sums(row['derived'])} {row['currency']},"
            f" stored {_sums(row['stored'])}"
        )
    if row["stored_pending"] != row["derived_pending"]:
        return (
            f"pending: {account}: expected pending {_sums(row['derived_pending'])}"
            f" {row['currency']}, stored {_sums(row['stored_pending'])}"
        )
    if row["mixed"]:
        return f"currency: {account} has transfers in another currency than {row['currency']}"
    return f"covered: {account} holds less than nothing: {_sums(row['stored'])}"


def _account(row: Record) -> str:
    owner = "" if row["owner"] is None else f" of {row['owner']}"
    return f"{row['kind']} account {row['id']}{owner}"


def _sums(values: Sequence[int]) -> str:
    return f"debits {values[0]}, credits {values[1]}"


async def _expiring(db: Database, limit: int) -> list[str]:
    """What will expire is on the list of it; nothing ended that could not."""
    found = [
        f"ledger.pending: transfer {row['id']} ({row['code']} for {row['reference']}) expires"
        f" {row['expected'] or 'never'}, the list says {row['listed'] or 'never'}"
        for row in await db.fetch(sums.EXPIRING, limit)
    ]
    return found + [
        f"ledger.pending: transfer {row['id']} ({row['code']} for {row['reference']}) has an"
        " outcome that it cannot have"
        for row in await db.fetch(sums.ENDED, limit)
    ]


async def _unbalanced(db: Database, limit: int) -> list[str]:
    return [
        f"ledger.balanced: {row['currency']}: debits {row['debits']} but credits {row['credits']},"
        f" pending debits {row['pending_debits']} but pending credits {row['pending_credits']}"
        for row in await db.fetch(sums.BALANCED, limit)
    ]
