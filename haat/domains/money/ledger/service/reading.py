"""Balances, statements and sums, now and as of any past moment."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from haat.domains.money.ledger import rules
from haat.domains.money.ledger.api import (
    Account,
    AccountKind,
    Balance,
    Entry,
    Ledger,
    Seal,
    Sum,
)
from haat.domains.money.ledger.queries import (
    BALANCES,
    BALANCES_AS_OF,
    ENTRIES,
    STATEMENT,
    SUMS,
)
from haat.domains.money.ledger.statements import AT_POSITION, HEAD
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.page import Page, decode_cursor, encode_cursor

_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_FIRST_ID = UUID(int=0)
_LAST_ID = UUID(int=(1 << 128) - 1)


class Reading(Ledger):
    """The part of the service that reads."""

    _db: Database

    async def balances(
        self, ctx: Context, *, accounts: list[Account], as_of: datetime | None = None
    ) -> list[Balance]:
        ids, places = [], []
        for place, account in enumerate(accounts):
            rows = rules.rows_of(account)
            ids += rows
            places += [place] * len(rows)
        if as_of is None:
            sums = await self._db.fetch(BALANCES, ids, places)
        else:
            moment = rules.aware("asOf", as_of)
            sums = await self._db.fetch(BALANCES_AS_OF, ids, places, moment)
        found = {row["place"]: row for row in sums}
        return [_balance(account, found.get(n)) for n, account in enumerate(accounts)]

    async def statement(
        self,
        ctx: Context,
        *,
        account: Account,
        as_of: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        after = decode_cursor(cursor, _time, UUID)
        before_at, before_id = after or (_END_OF_TIME, _LAST_ID)
        moment = _END_OF_TIME if as_of is None else rules.aware("asOf", as_of)
        ids = rules.rows_of(account)
        rows = await self._db.fetch(STATEMENT, ids, before_at, before_id, limit + 1, moment)
        return _page(account, rows, limit, "at")

    async def entries(
        self,
        ctx: Context,
        *,
        account: Account,
        since: datetime,
        until: datetime,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[Entry]:
        # No transfer has the first id, so nothing at `since` itself is left out.
        after = decode_cursor(cursor, _time, UUID) or (rules.aware("since", since), _FIRST_ID)
        end = rules.aware("until", until)
        ids = rules.rows_of(account)
        rows = await self._db.fetch(ENTRIES, ids, *after, end, limit + 1)
        return _page(account, rows, limit, "effective")

    async def sums(
        self,
        ctx: Context,
        *,
        kind: AccountKind,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Sum]:
        begin = _BEGINNING if since is None else rules.aware("since", since)
        end = _END_OF_TIME if until is None else rules.aware("until", until)
        return [
            Sum(
                currency=row["currency"],
                owner=row["owner"],
                code=row["code"],
                minor=rules.free_minor(kind, row["debits"], row["credits"], (0, 0))[0],
            )
            for row in await self._db.fetch(SUMS, kind, begin, end)
        ]

    async def head(self, ctx: Context, *, position: int | None = None) -> Seal | None:
        if position is None:
            row = await self._db.fetchrow(HEAD)
        else:
            row = await self._db.fetchrow(AT_POSITION, position)
        if row is None:
            return None
        return Seal(position=row["position"], hash=row["hash"].hex(), sealed_at=row["sealed_at"])

    async def read_balances(
        self, ctx: Context, *, accounts: list[Account], as_of: datetime | None = None
    ) -> list[Balance]:
        return await self.balances(ctx, accounts=accounts, as_of=as_of)

    async def read_statement(
        self,
        ctx: Context,
        *,
        account: Account,
        as_of: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Entry]:
        return await self.statement(ctx, account=account, as_of=as_of, limit=limit, cursor=cursor)


def _time(text: str) -> datetime:
    """A cursor's time; ValueError without a zone, which no cursor of ours lacks."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found


def _page(account: Account, rows: Sequence[Record], limit: int, key: str) -> Page[Entry]:
    items = [_entry(account, row) for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items=items, next=encode_cursor(last[key], last["id"]) if last else None)


def _balance(account: Account, row: Record | None) -> Balance:
    if row is None:
        return Balance(account=account, minor=0)
    pending = (row["pending_debits"], row["pending_credits"])
    minor, taken = rules.free_minor(account.kind, row["debits"], row["credits"], pending)
    return Balance(account=account, minor=minor, pending_minor=taken)


def _entry(account: Account, row: Record) -> Entry:
    status: Literal["posted", "pending", "voided"] = "posted"
    if row["pending"] and row["posted"] is not True:
        status = "pending" if row["posted"] is None else "voided"
    return Entry(
        transfer_id=row["id"],
        minor=rules.signed(account.kind, row["minor"], debit=row["debit"]),
        code=row["code"],
        reference=row["reference"],
        counterpart=row["counterpart"],
        counterpart_owner=row["counterpart_owner"],
        status=status,
        at=row["at"],
        ended_at=row["ended_at"],
    )
