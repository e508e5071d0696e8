"""Payments, payouts and orders in memory: what the money of a purchase passes through."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from haat.domains.money.payments.api import Hold, Method, Payments, ProviderAway, Refund
from haat.domains.money.payouts.api import (
    CommissionLine,
    EarningDraft,
    LineCommission,
    Payouts,
    Reversal,
)
from haat.domains.trade.orders.api import (
    Order,
    OrderDraft,
    Orders,
    OrderSummary,
    VendorOrder,
)
from haat.kernel.context import Context
from haat.kernel.money import Money

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


@dataclass
class Paid:
    reference: UUID
    amount: Money
    token: str | None
    status: str
    captured: int = 0
    charges: int = 0
    refunds: dict[UUID, int] = field(default_factory=dict)


class FakePayments(Payments):
    """Tokens: ok, decline, 3ds, lost (charged, but the answer is lost once), capture_fails. What
    the provider knows stands in `known`, whatever answers came."""

    def __init__(self) -> None:
        self.known: dict[UUID, Paid] = {}
        self.away = False
        self.lost: set[UUID] = set()
        self.pending_refunds: set[UUID] = set()
        self.refund_fails = False
        self.slow_s = 0.0

    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
    ) -> Hold:
        await asyncio.sleep(self.slow_s)
        if self.away:
            raise ProviderAway
        one = self.known.get(id)
        if one is None:
            token = method.token
            status = {"decline": "declined", "3ds": "needs_action", None: "needs_action"}.get(
                token, "authorized"
            )
            one = self.known[id] = Paid(reference, amount, token, status)
            one.charges += status == "authorized"
            if token == "lost":
                raise ProviderAway
        url = "https://pay.example/3ds" if one.status == "needs_action" else None
        code = "do_not_honor" if one.status == "declined" else None
        return Hold(id=id, status=cast(Any, one.status), next_action_url=url, decline_code=code)

    def approve(self, id: UUID) -> None:
        """The customer passes 3-D Secure at the provider."""
        one = self.known[id]
        if one.status == "needs_action":
            one.status = "authorized"
            one.charges += 1

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        if one.status == "authorized":
            failed = one.token == "capture_fails"
            one.status = "capture_failed" if failed else "captured"
            one.captured = 0 if failed else one.amount.minor
        return Hold(id=id, status=cast(Any, one.status))

    async def void(self, ctx: Context, *, id: UUID) -> None:
        if self.away:
            raise ProviderAway
        one = self.known.setdefault(id, Paid(id, usd(0), None, "voided"))
        if one.status in ("authorized", "needs_action", "capture_failed"):
            one.status = "voided"

    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        status: Any = "failed" if self.refund_fails else "done"
        if refund_id in self.pending_refunds:
            status = "pending"
        if status == "done":
            one.refunds[refund_id] = amount.minor
            assert sum(one.refunds.values()) <= one.captured
        return Refund(id=refund_id, payment_id=id, amount=amount, status=status)


class FakePayouts(Payouts):
    rate_bp = 300

    def __init__(self) -> None:
        self.expected: dict[UUID, EarningDraft] = {}
        self.accrued: Counter[UUID] = Counter()
        self.reversed: dict[UUID, tuple[UUID, int]] = {}
        self.batches: list[int] = []

    async def commission(
        self, ctx: Context, *, lines: list[CommissionLine]
    ) -> list[LineCommission]:
        return [
            LineCommission(id=x.id, rate_bp=self.rate_bp, commission=x.base.share(self.rate_bp))
            for x in lines
        ]

    async def expect(self, ctx: Context, *, earnings: list[EarningDraft]) -> None:
        self.batches.append(len(earnings))
        for one in earnings:
            assert one.gross == one.net + one.commission + one.tax
            self.expected.setdefault(one.vendor_order_id, one)

    async def accrue(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> None:
        assert all(id in self.expected for id in vendor_order_ids)
        self.accrued.update(vendor_order_ids)

    async def reverse(
        self, ctx: Context, *, refund_id: UUID, vendor_order_id: UUID, gross: Money
    ) -> Reversal:
        self.reversed.setdefault(refund_id, (vendor_order_id, gross.minor))
        return Reversal(gross=gross, commission=usd(0), tax=usd(0), net=gross)


class FakeOrders(Orders):
    def __init__(self) -> None:
        self.drafts: dict[UUID, OrderDraft] = {}
        self.payment: dict[UUID, str] = {}
        self.refunds: dict[UUID, tuple[UUID, int]] = {}
        self.paid_calls: list[int] = []

    async def create(self, ctx: Context, *, draft: OrderDraft) -> OrderSummary:
        known = self.drafts.setdefault(draft.id, OrderDraft.model_validate(draft.model_dump()))
        self.payment.setdefault(draft.id, "authorized")
        return OrderSummary(
            id=known.id,
            number=self.number(known.id),
            payment="authorized",
            fulfilment="pending",
            total=known.totals.total,
            items=1,
            vendors=[],
            placed_at=NOW,
        )

    def number(self, id: UUID) -> str:
        return f"H-{list(self.drafts).index(id) + 1}"

    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Order]:
        return [self._order(self.drafts[id]) for id in ids if id in self.drafts]

    def _order(self, draft: OrderDraft) -> Order:
        return Order(
            **dict(draft.model_copy(update={"vendor_orders": [], "placed_at": NOW})),
            number=self.number(draft.id),
            refunded=usd(0),
            payment=cast(Any, self.payment[draft.id]),
            fulfilment="pending",
        ).model_copy(update={"vendor_orders": [self._part(draft, n) for n in self._count(draft)]})

    def _count(self, draft: OrderDraft) -> range:
        return range(len(draft.vendor_orders))

    def _part(self, draft: OrderDraft, n: int) -> VendorOrder:
        return VendorOrder(
            **dict(draft.vendor_orders[n]),
            order_id=draft.id,
            number=f"{self.number(draft.id)}-{n + 1}",
            order_number=self.number(draft.id),
            payment=cast(Any, self.payment[draft.id]),
            fulfilment="pending",
            refunded=usd(0),
            placed_at=NOW,
        )

    async def vendor_orders_by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[VendorOrder]:
        return [
            self._part(draft, n)
            for draft in self.drafts.values()
            for n in self._count(draft)
            if draft.vendor_orders[n].id in ids
        ]

    async def mark_paid(self, ctx: Context, *, order_ids: list[UUID]) -> None:
        self.paid_calls.append(len(order_ids))
        for id in order_ids:
            assert self.payment[id] in ("authorized", "paid")
            self.payment[id] = "paid"

    async def mark_unpaid(self, ctx: Context, *, order_id: UUID, reason: str) -> None:
        assert self.payment[order_id] in ("authorized", "voided")
        self.payment[order_id] = "voided"

    async def record_refund(
        self, ctx: Context, *, refund_id: UUID, vendor_order_id: UUID, amount: Money, note: str
    ) -> None:
        self.refunds.setdefault(refund_id, (vendor_order_id, amount.minor))

    async def links(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, str]:
        return {id: f"signed-{id}" for id in order_ids}
