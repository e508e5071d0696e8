"""Both sides of a run: the report or the statement, and our own movements."""

import asyncio
from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.money.payments.api import Movement, Payments, ReportLine
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.reconciliation import banking
from haat.domains.money.reconciliation.banking import BANK
from haat.domains.money.reconciliation.proposals import Hint
from haat.domains.money.reconciliation.reading import StatementLine
from haat.domains.money.reconciliation.rules import Period
from haat.domains.money.reconciliation.service.knowing import Knowing
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.money import Money
from haat.kernel.page import LIMIT_MAX

TOLERANCE = timedelta(days=3)  # how long after the event either side may book it
MOST = 200_000  # lines or movements of one run
_PAGE = 1000


@dataclass(slots=True)
class Sides:
    lines: list[ReportLine]
    movements: list[Movement]
    hints: dict[str, Hint] = field(default_factory=dict)


class Gathering:
    """Pages until there is no more; Invalid instead of more than memory should hold."""

    def __init__(self, payments: Payments, payouts: Payouts, knowing: Knowing) -> None:
        self._payments = payments
        self._payouts = payouts
        self._knowing = knowing

    async def report(self, ctx: Context, provider: str, period: Period) -> Sides:
        since, until = period.since - TOLERANCE, period.until + TOLERANCE
        # No provider reports the future.
        until = max(min(until, ctx.now()), period.until)
        lines: dict[str, ReportLine] = {}
        cursor: str | None = None
        while True:
            page = await self._payments.report(
                ctx, provider=provider, since=since, until=until, cursor=cursor
            )
            lines |= {line.id: line for line in page.items}
            _bounded(lines)
            cursor = page.next
            if cursor is None:
                break
        movements = await self._movements(ctx, provider, since, until)
        return Sides(list(lines.values()), movements)

    async def file(
        self, ctx: Context, provider: str, period: Period, lines: Sequence[StatementLine]
    ) -> Sides:
        since, until = period.since - TOLERANCE, period.until + TOLERANCE
        if provider != BANK:
            movements = await self._movements(ctx, provider, since, until)
            # A large file takes a second: other requests go on meanwhile.
            return Sides(await asyncio.to_thread(banking.as_report, lines), movements)
        # A transfer is captured when its statement is read, maybe long after it was booked.
        until = max(until, ctx.now() + timedelta(minutes=1))
        plan = await self._settled(ctx, lines, await self._movements(ctx, BANK, since, until))
        movements = await self._movements(ctx, BANK, since, until)
        return Sides(list(plan.lines.values()), movements, plan.hints)

    async def _settled(
        self, ctx: Context, lines: Sequence[StatementLine], before: Sequence[Movement]
    ) -> banking.Plan:
        """Tells payments and payouts what the bank did; each step may be sent again."""
        ended = {one.id for one in before if one.kind == "payout"}
        credits = [line for line in lines if line.amount.minor > 0]
        ids = list(dict.fromkeys(id for line in credits for id in banking.named(line)))
        ended |= await self._knowing.payouts(BANK, ids)
        waiting, due = await self._waiting(ctx), await self._due(ctx)
        plan = await asyncio.to_thread(banking.plan, lines, waiting, due, ended)
        if plan.paid:
            await self._payouts.settle_bank_payouts(
                ctx, ids=plan.paid, paid=True, reason="bank statement"
            )
        if plan.refunded:
            await self._payments.settle_refunds(
                ctx, ids=plan.refunded, done=True, reason="bank statement"
            )
        for start in range(0, len(plan.funds), _PAGE):
            funds = plan.funds[start : start + _PAGE]
            banking.explain(plan, await self._payments.receive_funds(ctx, funds=funds))
        return plan

    async def _movements(
        self, ctx: Context, provider: str, since: datetime, until: datetime
    ) -> list[Movement]:
        found: list[Movement] = []
        cursor: str | None = None
        while True:
            page = await self._payments.movements(
                ctx, provider=provider, since=since, until=until, limit=_PAGE, cursor=cursor
            )
            found += page.items
            _bounded(found)
            cursor = page.next
            if cursor is None:
                return found

    async def _waiting(self, ctx: Context) -> dict[UUID, Money]:
        """Bank payouts under way."""
        found: dict[UUID, Money] = {}
        for status in ("approved", "processing"):
            cursor: str | None = None
            while True:
                page = await self._payouts.queue(ctx, status=status, limit=LIMIT_MAX, cursor=cursor)
                found |= {one.id: one.amount for one in page.items if one.method == BANK}
                _bounded(found)
                cursor = page.next
                if cursor is None:
                    break
        return found

    async def _due(self, ctx: Context) -> dict[UUID, Money]:
        found: dict[UUID, Money] = {}
        cursor: str | None = None
        while True:
            page = await self._payments.refunds_due(ctx, limit=LIMIT_MAX, cursor=cursor)
            found |= {one.id: one.amount for one in page.items if one.provider == BANK}
            _bounded(found)
            cursor = page.next
            if cursor is None:
                return found


def _bounded(found: Sized) -> None:
    if len(found) > MOST:
        raise Invalid.at("until", f"More than {MOST:,} lines: take a shorter period.", "too_many")
