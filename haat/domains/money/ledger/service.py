"""Posting, ending what is pending, and reading balances."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, TypeVar
from uuid import UUID

from haat.domains.money.ledger import rules
from haat.domains.money.ledger.api import (
    Account,
    Balance,
    Entry,
    Insufficient,
    Ledger,
    Transfer,
    TransferConflict,
)
from haat.domains.money.ledger.statements import (
    BALANCES,
    END_PENDING,
    OPEN_ACCOUNTS,
    POST,
    SAME,
    STANDING,
    STATEMENT,
)
from haat.engines.sql import Database, Record, Tx
from haat.kernel.context import Context
from haat.kernel.errors import Conflict, NotFound
from haat.kernel.page import Page, decode_cursor, encode_cursor

T = TypeVar("T")
_TRIES = 6
_BROKEN_OFF = ("40P01", "40001")  # SQLSTATE: deadlock detected, serialization failure
_SALT_BYTES = 16
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)


class LedgerService(Ledger):
    """One method, one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def post(
        self, ctx: Context, *, transfers: list[Transfer]
    ) -> list[Literal["created", "exists"]]:
        if not transfers:
            return []
        rules.check(transfers)
        batch = _Batch(rules.distinct(transfers), ctx.now())

        async def write() -> set[UUID]:
            async with self._db.begin(ctx) as tx:
                return await _post(tx, batch)

        born = await _again(write)
        answers: list[Literal["created", "exists"]] = []
        for transfer in transfers:
            answers.append("created" if transfer.id in born else "exists")
            born.discard(transfer.id)  # a second one in the same call finds the first
        return answers

    async def post_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        await self._end(ctx, ids, posted=True)

    async def void_pending(self, ctx: Context, *, ids: list[UUID]) -> None:
        await self._end(ctx, ids, posted=False)

    async def _end(self, ctx: Context, ids: Sequence[UUID], *, posted: bool) -> None:
        wanted = sorted(set(ids))
        if not wanted:
            return
        at = ctx.now()
        salts = [secrets.token_bytes(_SALT_BYTES) for _ in wanted]
        hashes = [
            rules.outcome_hash(salt, id, posted, at) for salt, id in zip(salts, wanted, strict=True)
        ]

        async def write() -> None:
            async with self._db.begin(ctx) as tx:
                row = await tx.fetchrow(END_PENDING, wanted, posted, at, salts, hashes)
                assert row is not None
                assert row["complete"], "an account without a row"
                rest = set(wanted) - set(row["ended"])
                if rest:
                    _check_standing(rest, await tx.fetch(STANDING, list(rest)), posted)

        await _again(write)

    async def balances(self, ctx: Context, *, accounts: list[Account]) -> list[Balance]:
        ids, places = [], []
        for place, account in enumerate(accounts):
            rows = rules.rows_of(account)
            ids += rows
            places += [place] * len(rows)
        found = {row["place"]: row for row in await self._db.fetch(BALANCES, ids, places)}
        return [_balance(account, found.get(n)) for n, account in enumerate(accounts)]

    async def statement(
        self, ctx: Context, *, account: Account, limit: int = 50, cursor: str | None = None
    ) -> Page[Entry]:
        after = decode_cursor(cursor, datetime.fromisoformat, UUID)
        before_at, before_id = after or (_END_OF_TIME, _LAST_ID)
        ids = rules.rows_of(account)
        rows = await self._db.fetch(STATEMENT, ids, before_at, before_id, limit + 1)
        items = [_entry(account, row) for row in rows[:limit]]
        last = items[-1] if len(rows) > limit else None
        return Page(items=items, next=encode_cursor(last.at, last.transfer_id) if last else None)


class _Batch:
    """Transfers as the columns that one statement takes; the same for every try."""

    def __init__(self, transfers: list[Transfer], at: datetime) -> None:
        self.at = at
        self.transfers = transfers
        debits = [rules.stored(t.debit, t.id) for t in transfers]
        credits = [rules.stored(t.credit, t.id) for t in transfers]
        self.accounts = {side.id: side for side in (*debits, *credits)}
        self.columns = (
            [t.id for t in transfers],
            [side.id for side in debits],
            [side.id for side in credits],
            [t.minor for t in transfers],
            [t.debit.currency for t in transfers],
            [t.code.value for t in transfers],
            [t.reference for t in transfers],
            [t.pending for t in transfers],
        )
        self.salts = [secrets.token_bytes(_SALT_BYTES) for _ in transfers]
        self.hashes = [
            rules.transfer_hash(
                salt,
                t.id,
                (debit.id, credit.id),
                (t.minor, t.debit.currency),
                (t.code.value, t.reference, t.pending),
                at,
            )
            for salt, t, debit, credit in zip(self.salts, transfers, debits, credits, strict=True)
        ]
        self.guarded = [
            side.id
            for t, side in zip(transfers, debits, strict=True)
            if t.pending and t.debit.kind == "payable"
        ]


async def _post(tx: Tx, batch: _Batch) -> set[UUID]:
    """The ids that were new."""
    sides = [batch.accounts[id] for id in sorted(batch.accounts)]
    await tx.execute(
        OPEN_ACCOUNTS,
        [side.id for side in sides],
        [side.account.kind for side in sides],
        [side.account.owner for side in sides],
        [side.account.currency for side in sides],
        [side.shard for side in sides],
    )
    row = await tx.fetchrow(
        POST, *batch.columns, batch.at, batch.salts, batch.hashes, batch.guarded
    )
    assert row is not None
    assert row["complete"], "an account without a row"
    if not row["covered"]:
        raise Insufficient
    born = set(row["born"])
    if len(born) < len(batch.transfers):
        known = born | {row["id"] for row in await tx.fetch(SAME, *batch.columns)}
        for transfer in batch.transfers:
            if transfer.id not in known:
                raise TransferConflict(transfer_id=str(transfer.id))
    return born


def _check_standing(rest: set[UUID], rows: Sequence[Record], posted: bool) -> None:
    if len(rows) < len(rest):
        raise NotFound("There is no such transfer.")
    for row in rows:
        if row["posted"] is not posted:
            ended = "posted" if row["posted"] else "voided"
            raise Conflict(f"The transfer is {ended}.", code="transfer_ended")


async def _again(write: Callable[[], Awaitable[T]]) -> T:
    """Locks are taken in one order, so a deadlock is not expected; one is no reason to fail."""
    for attempt in range(_TRIES):
        try:
            return await write()
        except Exception as error:
            if attempt == _TRIES - 1 or getattr(error, "sqlstate", "") not in _BROKEN_OFF:
                raise
            await asyncio.sleep((0.005 + secrets.randbelow(10) / 1000) * 2**attempt)
    raise AssertionError


def _balance(account: Account, row: Record | None) -> Balance:
    if row is None:
        return Balance(account=account, minor=0)
    pending = (row["pending_debits"], row["pending_credits"])
    minor, taken = rules.free_minor(account.kind, row["debits"], row["credits"], pending)
    return Balance(account=account, minor=minor, pending_minor=taken)


def _entry(account: Account, row: Record) -> Entry:
    lowers = row["debit"] is (account.kind not in rules.DEBIT_NORMAL)
    status: Literal["posted", "pending", "voided"] = "posted"
    if row["pending"] and row["posted"] is not True:
        status = "pending" if row["posted"] is None else "voided"
    return Entry(
        transfer_id=row["id"],
        minor=-row["minor"] if lowers else row["minor"],
        code=row["code"],
        reference=row["reference"],
        counterpart=row["counterpart"],
        status=status,
        at=row["at"],
    )
