"""Posts that arrive at the same time share a transaction.

A commit costs the same for one transfer and for a hundred, and so does a lock on an account that
all of them move. The first post goes at once; those that arrive while it is on its way are the next
batch. Each caller still gets what it would have got alone: when a batch is refused, those that may
be at fault are tried by themselves and the others go without them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import Context as TaskContext
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from haat.domains.money.ledger.api import COVERED, Insufficient, Transfer, TransferConflict
from haat.domains.money.ledger.hashing import transfer_hash
from haat.domains.money.ledger.rules import SHARDS, Side, stored
from haat.domains.money.ledger.statements import OPEN_ACCOUNTS, POST
from haat.engines.sql import Database
from haat.kernel.chance import chance
from haat.kernel.context import Context
from haat.kernel.errors import Timeout, Unavailable

T = TypeVar("T")
SALT_BYTES = 16
CALLS_MAX = 256
TRANSFERS_MAX = 2_000  # of one batch; a single post may hold more
_TURNS = 3  # of the loop: what it takes from an answer to that caller's next post
_TRIES = 6
# SQLSTATE: deadlock detected, serialization failure; ours (migration 0002); check violation: an
# UPDATE that waited for a lock is first checked on the version of the row from before the wait,
# whereas `short` in POST is of the present one.
_SHORT, _OTHER, _STALE, _CHECK = "HL001", "HL002", "HL003", "23514"
_BROKEN_OFF = ("40P01", "40001", _STALE, _CHECK)
_COVERED = sorted(COVERED)


class Row(NamedTuple):
    """One transfer as it is written; the same for every try."""

    id: UUID
    transfer: Transfer
    debit: Side
    credit: Side
    at: datetime
    salt: bytes
    hash: bytes


def row_of(transfer: Transfer, at: datetime, shard: int) -> Row:
    debit, credit = stored(transfer.debit, shard), stored(transfer.credit, shard)
    salt = chance().bytes(SALT_BYTES)
    digest = transfer_hash(
        salt,
        transfer.id,
        (debit.id, credit.id),
        (transfer.minor, transfer.debit.currency),
        (transfer.code.value, transfer.reference, transfer.pending),
        (at, transfer.expires_at),
    )
    return Row(transfer.id, transfer, debit, credit, at, salt, digest)


@dataclass(slots=True)
class _Call:
    """One caller's transfers and the answer it waits for: the ids that were new."""

    at: datetime
    transfers: Sequence[Transfer]
    answer: "asyncio.Future[set[UUID]]"
    ids: set[UUID] = field(init=False)
    rows: list[Row] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.ids = {transfer.id for transfer in self.transfers}

    def take(self, shard: int) -> None:
        """Decides what is written; the same for every try."""
        self.rows = [row_of(transfer, self.at, shard) for transfer in self.transfers]

    def give(self, born: set[UUID]) -> None:
        if not self.answer.done():  # the caller may have stopped waiting
            self.answer.set_result(born)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Posts:
    """Gathers posts into batches, one on its way at a time."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[_Call] = []
        self._worker: asyncio.Task[None] | None = None

    async def post(self, ctx: Context, transfers: Sequence[Transfer]) -> set[UUID]:
        """Writes all of them or none, and answers which were new. Ids differ, in order."""
        answer: asyncio.Future[set[UUID]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(ctx.now(), transfers, answer))
        if self._worker is None:
            # Of no caller's circumstances: neither its deadline nor its trace is the batch's.
            work = self._work()
            self._worker = asyncio.create_task(work, name="ledger.posts", context=TaskContext())
        return await answer

    async def _work(self) -> None:
        try:
            while calls := self._next():
                await self._batch(calls)
                # Those who were answered often post again at once: without this they would always
                # miss the next batch, and each would be half as large as it could be.
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
        finally:
            # Not by a callback: a post that comes before it would wait for a worker that is gone.
            self._worker = None

    async def _batch(self, calls: Sequence[_Call]) -> None:
        # One row of each platform account is moved, and seldom the one that another process moves.
        shard = chance().below(SHARDS)
        try:
            for call in calls:
                call.take(shard)
            await self._write(calls)
        finally:
            for call in calls:  # without an answer only when the loop is being stopped
                call.answer.cancel()

    def _next(self) -> list[_Call]:
        """The calls of the next batch, in the order they came; those nobody waits for are left
        out, and one that repeats an id of the batch is for the batch after."""
        chosen: list[_Call] = []
        later: list[_Call] = []
        ids: set[UUID] = set()
        for call in self._waiting:
            if call.answer.done():
                continue
            fits = len(chosen) < CALLS_MAX and len(ids) + len(call.ids) <= TRANSFERS_MAX
            if not chosen or (fits and ids.isdisjoint(call.ids)):
                chosen.append(call)
                ids |= call.ids
            else:
                later.append(call)
        self._waiting = later
        return chosen

    async def _write(self, calls: Sequence[_Call]) -> None:
        """Every one of these calls gets its answer."""
        rows = sorted((row for call in calls for row in call.rows), key=itemgetter(0))
        try:
            born = await again(lambda: self._together(rows))
        except (Unavailable, Timeout) as error:
            for call in calls:
                call.fail(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller learns its own
            await self._apart(calls, *_blamed(error, rows))
        else:
            for call in calls:
                call.give(born & call.ids)

    async def _together(self, rows: Sequence[Row]) -> set[UUID]:
        sides = {side.id: side for row in rows for side in (row.debit, row.credit)}
        guarded = [
            row.debit.id
            for row in rows
            if row.transfer.pending and row.transfer.debit.kind == "payable"
        ]
        columns = (*_columns(rows), guarded, _COVERED, *_account_columns(sides))
        return set(await self._db.fetchval(POST, *columns))

    async def _apart(
        self, calls: Sequence[_Call], error: Exception, accused: Collection[UUID]
    ) -> None:
        """A batch failed: the calls that are not at fault go together, the others one by one."""
        if len(calls) == 1:
            calls[0].fail(error)
            return
        suspects = [call for call in calls if not call.ids.isdisjoint(accused)]
        others = [call for call in calls if call.ids.isdisjoint(accused)]
        if others:
            await self._write(others)
        for call in suspects:
            if not call.answer.done():
                await self._write([call])


def _blamed(error: Exception, rows: Sequence[Row]) -> tuple[Exception, set[UUID]]:
    """What POST refused, and the transfers that may be why; of any other error, all of them."""
    reason = getattr(error, "sqlstate", None)
    if reason not in (_SHORT, _OTHER):
        return error, {row.id for row in rows}
    named = {UUID(id) for id in str(getattr(error, "detail", "")).split(",")}
    if reason == _SHORT:
        return Insufficient(), {row.id for row in rows if row.debit.id in named}
    return TransferConflict(transfer_id=str(min(named))), named


def _columns(rows: Sequence[Row]) -> tuple[list[Any], ...]:
    transfers = [row.transfer for row in rows]
    return (
        [one.id for one in transfers],
        [row.debit.id for row in rows],
        [row.credit.id for row in rows],
        [one.minor for one in transfers],
        [one.debit.currency for one in transfers],
        [one.code.value for one in transfers],
        [one.reference for one in transfers],
        [one.pending for one in transfers],
        [one.expires_at for one in transfers],
        [row.at for row in rows],
        [row.salt for row in rows],
        [row.hash for row in rows],
    )


def _account_columns(sides: Mapping[UUID, Side]) -> tuple[list[Any], ...]:
    ordered = [sides[id] for id in sorted(sides)]
    return (
        [side.id for side in ordered],
        [side.account.kind for side in ordered],
        [side.account.owner for side in ordered],
        [side.account.currency for side in ordered],
        [side.shard for side in ordered],
    )


async def open_accounts(db: Database, sides: Mapping[UUID, Side]) -> None:
    """Makes the rows that are not there yet."""
    await again(lambda: db.execute(OPEN_ACCOUNTS, *_account_columns(sides)))


async def again(write: Callable[[], Awaitable[T]]) -> T:
    """Locks are taken in one order, so a deadlock is not expected; one is no reason to fail."""
    for attempt in range(_TRIES):
        try:
            return await write()
        except Exception as error:
            if attempt == _TRIES - 1 or getattr(error, "sqlstate", "") not in _BROKEN_OFF:
                raise
            await asyncio.sleep((0.005 + chance().below(10) / 1000) * 2**attempt)
    raise AssertionError
