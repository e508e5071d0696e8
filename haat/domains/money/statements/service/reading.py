"""Statements with a running balance and the market's income, read from the ledger page by page."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.money.ledger.api import Account, AccountKind, Code, Entry, Ledger
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.statements import rules
from haat.domains.money.statements.api import StatementLine, StatementSummary
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.money import Money
from haat.kernel.page import Page, decode_cursor, encode_cursor

PAGE = 1000
_INSTANT = timedelta(microseconds=1)
# Where the market's income and costs stand, and whether a rise is income.
_INCOME: dict[AccountKind, int] = {"commission": 1, "fees": -1, "suspense": 1}


class Reading:
    def __init__(self, ledger: Ledger, payouts: Payouts) -> None:
        self._ledger = ledger
        self._payouts = payouts

    async def lines(
        self,
        ctx: Context,
        vendor_id: UUID,
        currency: str,
        since: datetime,
        until: datetime,
        *,
        limit: int,
        cursor: str | None,
    ) -> Page[StatementLine]:
        """The cursor carries the balance so far, so that each page costs the same."""
        _check(since, until)
        account = _payable(vendor_id, currency)
        known = decode_cursor(cursor, str, int)
        if known is None:
            inner, balance = None, await self._before(ctx, account, since)
        else:
            inner, balance = known
        page = await self._ledger.entries(
            ctx, account=account, since=since, until=until, limit=limit, cursor=inner
        )
        numbers = await self._order_numbers(ctx, page.items)
        found = []
        for entry in page.items:
            balance += entry.minor
            found.append(
                StatementLine(
                    entry=entry,
                    order_number=numbers.get(entry.reference, ""),
                    text=rules.text_of(entry),
                    balance=Money(minor=balance, currency=currency),
                )
            )
        return Page(items=found, next=encode_cursor(page.next, balance) if page.next else None)

    async def summary(
        self, ctx: Context, vendor_id: UUID, currency: str, since: datetime, until: datetime
    ) -> StatementSummary:
        _check(since, until)
        account = _payable(vendor_id, currency)
        opening = await self._before(ctx, account, since)
        by_code: Counter[Code] = Counter()
        cursor: str | None = None
        while True:
            page = await self._ledger.entries(
                ctx, account=account, since=since, until=until, limit=PAGE, cursor=cursor
            )
            for entry in page.items:
                by_code[entry.code] += entry.minor
            cursor = page.next
            if cursor is None:
                break
        closing = opening + sum(by_code.values())
        return StatementSummary(
            vendor_id=vendor_id,
            since=since,
            until=until,
            opening=Money(minor=opening, currency=currency),
            by_code={code: Money(minor=n, currency=currency) for code, n in by_code.items()},
            closing=Money(minor=closing, currency=currency),
        )

    async def income(
        self, ctx: Context, currency: str, since: datetime, until: datetime
    ) -> dict[str, Money]:
        _check(since, until)
        found: Counter[str] = Counter()
        for kind, sign in _INCOME.items():
            for one in await self._ledger.sums(ctx, kind=kind, since=since, until=until):
                if one.currency == currency:
                    found[one.code] += sign * one.minor
        return {name: Money(minor=minor, currency=currency) for name, minor in found.items()}

    async def _before(self, ctx: Context, account: Account, moment: datetime) -> int:
        """The balance of everything before that moment."""
        as_of = moment - _INSTANT
        [found] = await self._ledger.balances(ctx, accounts=[account], as_of=as_of)
        return found.minor

    async def _order_numbers(self, ctx: Context, entries: list[Entry]) -> dict[UUID, str]:
        ids = sorted({entry.reference for entry in entries if entry.code != Code.PAYOUT})
        earnings = await self._payouts.earnings_of(ctx, vendor_order_ids=ids) if ids else []
        return {one.vendor_order_id: one.order_number for one in earnings}


def _payable(vendor_id: UUID, currency: str) -> Account:
    return Account(kind="payable", owner=vendor_id, currency=currency)


def _check(since: datetime, until: datetime) -> None:
    for name, moment in (("since", since), ("until", until)):
        if moment.tzinfo is None:
            raise Invalid.at(name, "A time with its zone, such as 2026-11-01T00:00:00Z.")
    if since >= until:
        raise Invalid.at("until", "The end comes after the beginning.", "period_invalid")
