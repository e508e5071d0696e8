"""Performance's use cases: hearing, telling, judging."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from haat.domains.insight.performance import rules
from haat.domains.insight.performance import statements as sql
from haat.domains.insight.performance.api import (
    CountedOrder,
    Day,
    Days,
    Kept,
    Measure,
    Performance,
    Policy,
    Sales,
    Scorecard,
    Shortfall,
    VendorFellBelow,
    VendorRecovered,
    VendorStats,
    Window,
)
from haat.domains.insight.performance.rules import MEASURES, OrderFact
from haat.domains.money.payments.api import PaymentDisputed
from haat.domains.money.payouts.api import Payouts, SalesDay
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.orders.api import OrderUnpaid
from haat.domains.trade.returns.api import ReturnRequested, ReturnUpdated
from haat.engines.sql import Database, Record, Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.money import total
from haat.kernel.page import Page, decode_cursor, page_of

JUDGED_EVERY = timedelta(minutes=15)
JUDGED_AT_ONCE = 200
ROUNDS_MAX = 50
NOTHING = dict.fromkeys(("orders", *MEASURES), 0)


class PerformanceService(Performance):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""

    def __init__(self, db: Database, market: Market, vendors: Vendors, payouts: Payouts) -> None:
        self._db = db
        self._market = market
        self._vendors = vendors
        self._payouts = payouts

    async def own(self, ctx: Context, *, vendor_id: UUID) -> Scorecard:
        ctx.need_vendor(vendor_id)
        return await self._scorecard(ctx, vendor_id)

    async def of(self, ctx: Context, *, vendor_id: UUID) -> Scorecard:
        await self._vendors.find(ctx, slug=str(vendor_id))
        return await self._scorecard(ctx, vendor_id)

    async def own_orders(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        measure: Measure,
        days: Days = 30,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[CountedOrder]:
        ctx.need_vendor(vendor_id)
        return await self._counted(ctx, vendor_id, measure, days, limit, cursor)

    async def orders_of(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        measure: Measure,
        days: Days = 30,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[CountedOrder]:
        await self._vendors.find(ctx, slug=str(vendor_id))
        return await self._counted(ctx, vendor_id, measure, days, limit, cursor)

    async def queue(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Shortfall]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        rows = await self._db.fetch(sql.QUEUE, *key, limit + 1)
        policy = await self.policy(ctx)
        counts = await self._counts(self._db, ctx, policy.days, [row["vendor_id"] for row in rows])
        found = [
            Shortfall(
                **dict(row),
                window=rules.window(policy, policy.days, counts.get(row["vendor_id"], NOTHING)),
            )
            for row in rows
        ]
        return page_of(found, limit, "since", "vendor_id")

    async def stats(self, ctx: Context, *, vendor_id: UUID) -> VendorStats:
        vendor: Vendor = await self._vendors.find(ctx, slug=str(vendor_id))
        policy = await self.policy(ctx)
        counts = await self._counts(self._db, ctx, 90, [vendor_id])
        seen = rules.window(policy, 90, counts.get(vendor_id, NOTHING))
        inside = ctx.has("vendor:analytics") and vendor_id == ctx.vendor_id
        late = next(one for one in seen.figures if one.measure == "late")
        return VendorStats(
            vendor_id=vendor_id,
            orders=seen.orders,
            in_time_bp=10_000 - late.share_bp if seen.judged else None,
            rating=vendor.rating,
            since=vendor.created_at,
            sales=await self._sales(ctx, vendor_id) if inside else None,
            performance=seen if inside else None,
        )

    async def policy(self, ctx: Context) -> Policy:
        return await _policy(self._db)

    async def set_policy(self, ctx: Context, *, policy: Policy) -> Policy:
        async with self._db.begin(ctx) as tx:
            await tx.execute(sql.SET_POLICY, *(getattr(policy, name) for name in _POLICY))
            await tx.execute(sql.ALL_DUE, ctx.now())
        return policy

    async def kept(self, ctx: Context, *, ids: list[UUID]) -> Mapping[UUID, Kept]:
        rows = await self._db.fetch(sql.KEPT, ids)
        return {row["vendor_order_id"]: Kept(**dict(row)) for row in rows}

    async def hear_orders(self, tx: Tx, events: Sequence[OrderFact | OrderUnpaid]) -> None:
        """Notes these; an order's events come in the order they happened."""
        unpaid = [one for one in events if isinstance(one, OrderUnpaid)]
        found = rules.heard(one for one in events if not isinstance(one, OrderUnpaid))
        if found:
            columns = zip(*(astuple(one) for one in found.values()), strict=True)
            await tx.execute(sql.HEAR, *(list(column) for column in columns))
            vendors = {one.vendor_id for one in found.values()} - {synthetic.VENDOR}
            await tx.execute(sql.MEET, sorted(vendors), tx.ctx.now())
        for event in unpaid:
            await tx.execute(sql.UNPAID, event.order_id, event.occurred_at)

    async def hear_returns(self, tx: Tx, events: Iterable[ReturnRequested | ReturnUpdated]) -> None:
        for event in events:  # one after the other: a batch may have several of one return
            reason, state, escalated = None, None, False
            if isinstance(event, ReturnRequested):
                reason = event.reason
            else:
                state, escalated = event.state, event.escalated
            await tx.execute(
                sql.HEAR_RETURN,
                event.return_id,
                event.vendor_order_id,
                reason,
                state,
                event.occurred_at,
                escalated,
                state == "refunded",
            )

    async def hear_disputes(self, tx: Tx, events: Iterable[PaymentDisputed]) -> None:
        for event in events:
            await tx.execute(sql.HEAR_CHARGEBACK, event.dispute_id, event.reference, event.status)

    async def judge(self, ctx: Context) -> int:
        """Holds vendors whose turn it is against the thresholds; how many. Who falls below or
        recovers is told of in the transaction that notes it, so once."""
        judged = 0
        for _ in range(ROUNDS_MAX):
            count = await self._judge_some(ctx)
            judged += count
            if count < JUDGED_AT_ONCE:
                break
        return judged

    async def _judge_some(self, ctx: Context) -> int:
        now = ctx.now()
        async with self._db.begin(ctx) as tx:
            due = await tx.fetch(sql.DUE, now, JUDGED_AT_ONCE)
            if not due:
                return 0
            policy = await _policy(tx)
            ids = [row["vendor_id"] for row in due]
            counts = await self._counts(tx, ctx, policy.days, ids)
            below = []
            for row in due:
                window = rules.window(policy, policy.days, counts.get(row["vendor_id"], NOTHING))
                exceeded = rules.exceeded(window)
                below.append(" ".join(one.measure for one in exceeded))
                if exceeded and row["since"] is None:
                    tx.emit(
                        VendorFellBelow(
                            vendor_id=row["vendor_id"],
                            days=window.days,
                            orders=window.orders,
                            exceeded=list(exceeded),
                        )
                    )
                elif not exceeded and row["since"] is not None:
                    tx.emit(VendorRecovered(vendor_id=row["vendor_id"]))
            await tx.execute(sql.JUDGE, ids, below, now + JUDGED_EVERY, now)
        return len(due)

    async def _scorecard(self, ctx: Context, vendor_id: UUID) -> Scorecard:
        since = first_moment(ctx, 90)
        rows = await self._db.fetch(sql.DAYS, ctx.now(), since, vendor_id)
        days = [Day(**dict(row)) for row in rows]
        policy = await self.policy(ctx)
        below = await self._db.fetchrow(sql.BELOW, vendor_id)
        return Scorecard(
            vendor_id=vendor_id,
            policy=policy,
            below=below["below"] if below else [],
            since=below["since"] if below else None,
            windows=[_window(ctx, policy, 30, days), _window(ctx, policy, 90, days)],
            days=days,
        )

    async def _counted(
        self,
        ctx: Context,
        vendor_id: UUID,
        measure: Measure,
        days: Days,
        limit: int,
        cursor: str | None,
    ) -> Page[CountedOrder]:
        key = decode_cursor(cursor, datetime.fromisoformat, UUID) or (None, None)
        since = first_moment(ctx, days)
        rows = await self._db.fetch(
            sql.COUNTED, ctx.now(), since, vendor_id, *key, measure, limit + 1
        )
        return page_of([_counted_order(row) for row in rows], limit, "begun_at", "vendor_order_id")

    async def _counts(
        self, db: Database | Tx, ctx: Context, days: Days, ids: list[UUID]
    ) -> dict[UUID, Mapping[str, int]]:
        if not ids:
            return {}
        rows = await db.fetch(sql.COUNTS, ctx.now(), first_moment(ctx, days), ids)
        return {row["vendor_id"]: {name: row[name] for name in NOTHING} for row in rows}

    async def _sales(self, ctx: Context, vendor_id: UUID) -> Sales:
        currency = (await self._market.settings(ctx)).currency
        since = first_moment(ctx, 30)
        found: list[SalesDay] = await self._payouts.sales(
            ctx, vendor_id=vendor_id, since=since, until=since + timedelta(days=30)
        )
        return Sales(
            vendor_orders=sum(one.vendor_orders for one in found),
            gross=total((one.gross for one in found), currency),
            net=total((one.net for one in found), currency),
        )


_POLICY = tuple(Policy.model_fields)


async def _policy(db: Database | Tx) -> Policy:
    """The market's, or as it is until staff set one."""
    row = await db.fetchrow(sql.POLICY)
    return Policy(**dict(row)) if row else Policy()


def first_moment(ctx: Context, days: int) -> datetime:
    """The beginning of the first of so many days, of which today (UTC) is the last."""
    today = ctx.now().astimezone(UTC).date()
    return datetime.combine(today - timedelta(days=days - 1), time(), UTC)


def _window(ctx: Context, policy: Policy, length: Days, days: Sequence[Day]) -> Window:
    first = first_moment(ctx, length).date()
    within = [one for one in days if one.day >= first]
    counts = {name: sum(getattr(one, name) for one in within) for name in NOTHING}
    return rules.window(policy, length, counts)


def _counted_order(row: Record) -> CountedOrder:
    plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return CountedOrder(**plain, counts_as=[measure for measure in MEASURES if row[measure]])


_PLAIN = tuple(name for name in CountedOrder.model_fields if name != "counts_as")
