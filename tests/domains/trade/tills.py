"""Payments, payouts and orders in memory: what the money of a purchase passes through."""

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from haat.domains.money.commissions.api import Assessment, Commissions, Sale, Terms
from haat.domains.money.payments.api import (
    Dispute,
    Hold,
    Method,
    Payments,
    ProviderAway,
    ProviderInfo,
    Refund,
    RefundTooLarge,
    TransferInstructions,
    WrongPaymentState,
)
from haat.domains.money.payouts.api import (
    EarningDraft,
    EarningLine,
    Payouts,
    Policy,
    RefundLine,
    Reversal,
    Source,
)
from haat.domains.money.wallet.api import Wallet
from haat.domains.trade.orders.api import (
    Order,
    OrderDraft,
    Orders,
    OrderSummary,
    RefundedLine,
    VendorOrder,
)
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


@dataclass
class Paid:
    reference: UUID
    amount: Money
    token: str | None
    status: str
    provider: str = "test"
    captured: int = 0
    charges: int = 0
    refunds: dict[UUID, int] = field(default_factory=dict)
    disputed: bool = False


class FakePayments(Payments):
    """Tokens: ok, decline, 3ds, lost (charged, but the answer is lost once), capture_fails.
    Provider `bank` awaits a transfer, `cod` is collected on delivery. What the provider knows
    stands in `known`, whatever answers came."""

    def __init__(self) -> None:
        self.known: dict[UUID, Paid] = {}
        self.away = False
        self.lost: set[UUID] = set()
        self.pending_refunds: set[UUID] = set()
        self.refund_fails = False
        self.slow_s = 0.0
        self.open_disputes: list[Dispute] = []

    async def providers(self, ctx: Context) -> list[ProviderInfo]:
        kinds = {"test": "card", "bank": "bank_transfer", "cod": "on_delivery"}
        return [ProviderInfo(name=n, label=n, kind=cast(Any, k)) for n, k in kinds.items()]

    async def hold(
        self,
        ctx: Context,
        *,
        id: UUID,
        reference: UUID,
        amount: Money,
        method: Method,
        return_url: str,
        person_id: UUID | None = None,
        purpose: str = "order",
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
            status = {"bank": "awaiting", "cod": "authorized"}.get(method.provider, status)
            one = self.known[id] = Paid(reference, amount, token, status, method.provider)
            one.charges += status == "authorized"
            if token == "lost":
                raise ProviderAway
        return self.answer(id, one)

    def answer(self, id: UUID, one: Paid) -> Hold:
        told = None
        if one.provider == "bank":
            told = TransferInstructions(
                holder="Haat", iban="DE02", reference="R1", amount=one.amount, until=NOW
            )
        return Hold(
            id=id,
            status=cast(Any, one.status),
            next_action_url="https://pay.example/3ds" if one.status == "needs_action" else None,
            decline_code="do_not_honor" if one.status == "declined" else None,
            collect="on_delivery" if one.provider == "cod" else "now",
            instructions=told,
        )

    def approve(self, id: UUID) -> None:
        """The customer passes 3-D Secure at the provider."""
        one = self.known[id]
        if one.status == "needs_action":
            one.status = "authorized"
            one.charges += 1

    def arrives(self, id: UUID) -> None:
        """A bank transfer is there, or the provider's own pages captured it."""
        one = self.known[id]
        if one.status in ("awaiting", "authorized"):
            one.status, one.captured = "captured", one.amount.minor

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        if one.status == "authorized" and one.provider != "cod":
            failed = one.token == "capture_fails"
            one.status = "capture_failed" if failed else "captured"
            one.captured = 0 if failed else one.amount.minor
        return self.answer(id, one)

    async def capture_all(self, ctx: Context, *, ids: list[UUID]) -> list[Hold]:
        found = []
        for id in ids:
            with suppress(ProviderAway):
                await self.capture(ctx, id=id)
            found.append(self.answer(id, self.known[id]))
        return found

    async def collected(self, ctx: Context, *, id: UUID) -> Hold:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        assert one.provider == "cod"
        if one.status == "authorized":
            one.status, one.captured = "captured", one.amount.minor
        return self.answer(id, one)

    async def void(self, ctx: Context, *, id: UUID) -> None:
        if self.away:
            raise ProviderAway
        one = self.known.setdefault(id, Paid(id, usd(0), None, "voided"))
        if one.status == "captured":
            raise WrongPaymentState("The payment is captured; refund it.")
        if one.status in ("authorized", "needs_action", "awaiting", "capture_failed"):
            one.status = "voided"

    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        status: Any = "failed" if self.refund_fails else "done"
        if refund_id in self.pending_refunds:
            status = "pending"
        if status == "done":
            if refund_id not in one.refunds and one.disputed:
                raise RefundTooLarge
            known = one.refunds.setdefault(refund_id, amount.minor)
            assert known == amount.minor
            assert sum(one.refunds.values()) <= one.captured
        return Refund(id=refund_id, payment_id=id, amount=amount, status=status)

    async def disputes(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        references: list[UUID] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Dispute]:
        found = [d for d in self.open_disputes if references is None or d.reference in references]
        return Page(items=[d for d in found if status in (None, d.status)], next=None)


@dataclass
class HeldCredits:
    owner: UUID
    minor: int
    status: str
    refunds: dict[UUID, int] = field(default_factory=dict)


class FakeWallet(Wallet):
    """One credit is worth a cent. A hold takes it from the balance or is declined: in one step, as
    the real one does under a lock."""

    def __init__(self) -> None:
        self.balances: defaultdict[UUID, int] = defaultdict(int)
        self.known: dict[UUID, HeldCredits] = {}
        self.away = False
        self.refund_fails = False
        self.capture_fails = False

    async def hold(
        self, ctx: Context, *, id: UUID, reference: UUID, owner_id: UUID, amount: Money
    ) -> Hold:
        if self.away:
            raise ProviderAway
        await asyncio.sleep(0)
        one = self.known.get(id)
        if one is None:
            enough = self.balances[owner_id] >= amount.minor
            one = self.known[id] = HeldCredits(
                owner_id, amount.minor, "authorized" if enough else "declined"
            )
            self.balances[owner_id] -= amount.minor if enough else 0
        code = "credits_too_low" if one.status == "declined" else None
        return Hold(id=id, status=cast(Any, one.status), decline_code=code)

    async def capture(self, ctx: Context, *, id: UUID) -> Hold:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        if one.status == "authorized":
            one.status = "capture_failed" if self.capture_fails else "captured"
        return Hold(id=id, status=cast(Any, one.status))

    async def void(self, ctx: Context, *, id: UUID) -> None:
        if self.away:
            raise ProviderAway
        one = self.known.setdefault(id, HeldCredits(id, 0, "voided"))
        if one.status == "captured":
            raise WrongPaymentState
        if one.status in ("authorized", "capture_failed"):
            self.balances[one.owner] += one.minor
        one.status = "voided"

    async def refund(self, ctx: Context, *, id: UUID, refund_id: UUID, amount: Money) -> Refund:
        if self.away:
            raise ProviderAway
        one = self.known[id]
        if self.refund_fails:
            return Refund(id=refund_id, payment_id=id, amount=amount, status="failed")
        if refund_id not in one.refunds:
            if one.status != "captured" or sum(one.refunds.values()) + amount.minor > one.minor:
                raise RefundTooLarge
            one.refunds[refund_id] = amount.minor
            self.balances[one.owner] += amount.minor
        assert one.refunds[refund_id] == amount.minor
        return Refund(id=refund_id, payment_id=id, amount=amount, status="done")

    async def spendable(self, ctx: Context, *, owner_id: UUID, currency: str) -> Money:
        return Money(minor=self.balances[owner_id], currency=currency)


class FakeCommissions(Commissions):
    """The same rate for everything, with tax on it; nothing of shipping unless it says so."""

    rate_bp = 300
    tax_bp = 0
    shipping_bp = 0

    def __init__(self) -> None:
        self.asked: list[list[Sale]] = []

    async def assess(
        self, ctx: Context, *, sales: list[Sale], list_id: UUID | None = None
    ) -> list[Assessment]:
        self.asked.append(sales)
        return [self._assessed(sale) for sale in sales]

    def _assessed(self, sale: Sale) -> Assessment:
        rate = self.rate_bp if sale.kind == "goods" else self.shipping_bp
        commission = sale.base.share(rate)
        return Assessment(
            id=sale.id,
            commission=commission,
            commission_tax=commission.share(self.tax_bp),
            terms=Terms(
                source="default" if rate else "none",
                rate_bp=rate,
                base_minor=sale.base.minor,
                tax_bp=self.tax_bp,
            ),
        )


@dataclass
class Reversed:
    """A refund as payouts heard of it."""

    vendor_order_id: UUID
    minor: int
    sources: list[Source]
    lines: dict[UUID, int]
    cause: str
    fee: int


class FakePayouts(Payouts):
    """Keeps to what the real one insists on: sums, and that nothing is reversed beyond a line."""

    def __init__(self) -> None:
        self.expected: dict[UUID, EarningDraft] = {}
        self.accrued: Counter[UUID] = Counter()
        self.reversed: dict[UUID, Reversed] = {}
        self.batches: list[int] = []
        self.windows: dict[UUID, datetime] = {}
        self.blocked: set[tuple[UUID, UUID]] = set()
        self.disputes: dict[tuple[UUID, bool | None], int] = {}
        self.fees: dict[UUID, int] = {}
        self.vendor_bears = True

    async def expect(self, ctx: Context, *, earnings: list[EarningDraft]) -> None:
        self.batches.append(len(earnings))
        for one in earnings:
            sums: list[EarningDraft | EarningLine] = [one, *one.lines]
            for each in sums:
                kept = each.commission + each.commission_tax + each.tax
                assert each.gross == each.net + kept
            for name in ("gross", "net", "commission", "commission_tax", "tax"):
                lines = sum(getattr(line, name).minor for line in one.lines)
                assert lines == getattr(one, name).minor, name
            assert sum(source.amount.minor for source in one.sources) == one.gross.minor
            assert self.expected.setdefault(one.vendor_order_id, one) == one

    async def delivered(self, ctx: Context, *, windows: dict[UUID, datetime]) -> None:
        self.windows.update({id: at for id, at in windows.items() if id in self.expected})

    async def accrue(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> None:
        assert all(id in self.expected for id in vendor_order_ids)
        self.accrued.update(vendor_order_ids)

    async def block(
        self, ctx: Context, *, vendor_order_id: UUID, source_id: UUID, kind: str
    ) -> None:
        assert kind == "dispute"
        self.blocked.add((vendor_order_id, source_id))

    async def unblock(self, ctx: Context, *, vendor_order_id: UUID, source_id: UUID) -> None:
        self.blocked.discard((vendor_order_id, source_id))

    async def reverse(
        self,
        ctx: Context,
        *,
        refund_id: UUID,
        vendor_order_id: UUID,
        gross: Money,
        sources: list[Source],
        lines: list[RefundLine] | None = None,
        cause: str = "refund",
        fee: Money | None = None,
    ) -> Reversal:
        given = {line.line_id: line.gross.minor for line in lines or []}
        assert sum(source.amount.minor for source in sources) == gross.minor
        assert not lines or sum(given.values()) == gross.minor
        assert all(minor > 0 for minor in given.values())
        charged = fee.minor if fee else 0
        new = Reversed(vendor_order_id, gross.minor, sources, given, cause, charged)
        assert self.reversed.setdefault(refund_id, new) == new
        earned = {line.id: line.gross.minor for line in self.expected[vendor_order_id].lines}
        for id, minor in earned.items():
            assert sum(one.lines.get(id, 0) for one in self.reversed.values()) <= minor
        return Reversal(
            gross=gross,
            commission=usd(0),
            commission_tax=usd(0),
            tax=usd(0),
            net=gross,
            fee=fee or usd(0),
        )

    async def disputed(
        self, ctx: Context, *, dispute_id: UUID, provider: str, amount: Money, won: bool | None
    ) -> None:
        assert self.disputes.setdefault((dispute_id, won), amount.minor) == amount.minor

    async def dispute_fee(
        self, ctx: Context, *, dispute_id: UUID, provider: str, fee: Money
    ) -> None:
        assert self.fees.setdefault(dispute_id, fee.minor) == fee.minor

    async def policy(self, ctx: Context) -> Policy:
        return Policy(vendor_bears_dispute_fee=self.vendor_bears)


class FakeOrders(Orders):
    """`payment` is an order's, `parts` the vendor orders' own where they differ; `ended` those that
    were cancelled."""

    def __init__(self) -> None:
        self.drafts: dict[UUID, OrderDraft] = {}
        self.payment: dict[UUID, str] = {}
        self.parts: dict[UUID, str] = {}
        self.ended: set[UUID] = set()
        self.refunds: dict[UUID, tuple[UUID, int]] = {}
        self.refunded_lines: dict[UUID, list[RefundedLine]] = {}
        self.paid_calls: list[int] = []

    async def create(self, ctx: Context, *, draft: OrderDraft) -> OrderSummary:
        known = self.drafts.setdefault(draft.id, OrderDraft.model_validate(draft.model_dump()))
        self.payment.setdefault(draft.id, draft.payment)
        return OrderSummary(
            id=known.id,
            number=self.number(known.id),
            payment=cast(Any, self.payment[draft.id]),
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
            **{
                **dict(draft.model_copy(update={"vendor_orders": [], "placed_at": NOW})),
                "number": self.number(draft.id),
                "refunded": usd(0),
                "payment": self.payment[draft.id],
                "fulfilment": "pending",
            }
        ).model_copy(update={"vendor_orders": [self._part(draft, n) for n in self._count(draft)]})

    def _count(self, draft: OrderDraft) -> range:
        return range(len(draft.vendor_orders))

    def _part(self, draft: OrderDraft, n: int) -> VendorOrder:
        one = draft.vendor_orders[n]
        return VendorOrder(
            **dict(one),
            order_id=draft.id,
            number=f"{self.number(draft.id)}-{n + 1}",
            order_number=self.number(draft.id),
            payment=cast(Any, self.parts.get(one.id, self.payment[draft.id])),
            fulfilment="cancelled" if one.id in self.ended else "pending",
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
            assert self.payment[id] in ("authorized", "awaiting", "paid")
            self.payment[id] = "paid"

    async def mark_vendor_orders_paid(self, ctx: Context, *, ids: list[UUID]) -> None:
        for id in ids:
            assert id not in self.ended
            self.parts[id] = "paid"

    async def mark_unpaid(self, ctx: Context, *, order_id: UUID, reason: str) -> None:
        assert self.payment[order_id] in ("authorized", "awaiting", "on_delivery", "voided")
        self.payment[order_id] = "voided"

    async def record_refund(
        self,
        ctx: Context,
        *,
        refund_id: UUID,
        vendor_order_id: UUID,
        amount: Money,
        note: str,
        lines: list[RefundedLine] | None = None,
    ) -> None:
        assert not lines or sum(line.gross.minor for line in lines) == amount.minor
        self.refunds.setdefault(refund_id, (vendor_order_id, amount.minor))
        self.refunded_lines.setdefault(refund_id, lines or [])

    async def order(self, ctx: Context, *, ref: str) -> Order:
        """A person's own, as orders decides it."""
        draft = self.drafts.get(UUID(ref))
        if draft is None or draft.person_id is None or draft.person_id != ctx.actor.id:
            raise NotFound
        return self._order(draft)

    async def order_by_link(self, ctx: Context, *, token: str) -> Order:
        id = UUID(token.removeprefix("signed-"))
        if id not in self.drafts:
            raise NotFound
        return self._order(self.drafts[id])

    async def links(self, ctx: Context, *, order_ids: list[UUID]) -> dict[UUID, str]:
        return {id: f"signed-{id}" for id in order_ids}
