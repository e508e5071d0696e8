"""A payment provider in memory that keeps its own books: the truth the ledger is held against.

It can be told to decline, to lose an answer after it has acted, and to let refunds and payouts
wait or fail. What it announces is a message, handed out by whoever drives the simulation: once,
twice, late or in another order.
"""

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from haat.domains.money.payments.api import Destination, ProviderAway, SignatureInvalid
from haat.domains.money.payments.providers.port import (
    Ask,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.kernel.context import Context
from haat.kernel.money import Money

Answer = Literal["paid", "pending", "failed"]


@dataclass
class Network:
    """`balance` is what it owes the market, by currency, in minor units."""

    name: str = "test"
    label: str = "Test card"
    kind: ClassVar[Literal["card", "redirect", "bank_transfer", "on_delivery", "recorded"]] = "card"
    disburses: bool = True
    test_mode: bool = True
    publishable_key: str = ""

    balance: Counter[str] = field(default_factory=Counter)
    payments: dict[UUID, ProviderPayment] = field(default_factory=dict)
    refunded: Counter[UUID] = field(default_factory=Counter)
    refunds: dict[UUID, ProviderRefund] = field(default_factory=dict)
    payouts: dict[UUID, ProviderPayout] = field(default_factory=dict)
    disputes: dict[str, ProviderDispute] = field(default_factory=dict)
    messages: deque[str] = field(default_factory=deque)
    events: dict[str, ProviderEvent] = field(default_factory=dict)

    # What happens next; each is used once.
    lose_answer: bool = False
    next_refund: Literal["done", "pending", "failed"] = "done"
    next_payout: Answer = "paid"

    @property
    def token_url(self) -> str:
        return ""

    async def register(self, ctx: Context) -> None:
        """Nothing to tell: messages are fetched."""

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment:
        known = self.payments.get(ask.id)
        if known is None:
            status: Literal["authorized", "declined"] = "authorized"
            if ask.token == "decline":
                status = "declined"
            known = ProviderPayment(
                id=ask.id,
                ref=str(ask.id),
                reference=str(ask.reference),
                amount=ask.amount,
                status=status,
                captured_minor=0,
                decline_code="declined" if status == "declined" else None,
            )
            self.payments[ask.id] = known
        self._maybe_lost()
        return known

    async def read(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        return self.payments.get(id)

    async def capture(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        known = self.payments.get(id)
        if known is not None and known.status == "authorized":
            known = replace(known, status="captured", captured_minor=known.amount.minor)
            self.payments[id] = known
            self.balance[known.amount.currency] += known.amount.minor
            self._tell("payment", known)
        self._maybe_lost()
        return known

    async def void(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        known = self.payments.get(id)
        if known is not None and known.status in ("authorized", "open"):
            known = self.payments[id] = replace(known, status="voided")
        return known

    async def refund(
        self,
        ctx: Context,
        payment_id: UUID,
        refund_id: UUID,
        amount: Money,
        *,
        ref: str | None = None,
    ) -> ProviderRefund:
        known = self.refunds.get(refund_id)
        if known is None:
            payment = self.payments[payment_id]
            if self.refunded[payment_id] + amount.minor > payment.captured_minor:
                raise ProviderRefused("refund_too_large")
            status, self.next_refund = self.next_refund, "done"
            known = ProviderRefund(refund_id, payment_id, amount, status)
            self.refunds[refund_id] = known
            if status != "failed":
                self.refunded[payment_id] += amount.minor
            if status == "done":
                self.balance[amount.currency] -= amount.minor
        self._maybe_lost()
        return known

    def end_refunds(self) -> int:
        """Pending refunds are carried out; how many there were."""
        waiting = [one for one in self.refunds.values() if one.status == "pending"]
        for one in waiting:
            done = self.refunds[one.id] = replace(one, status="done")
            self.balance[one.amount.currency] -= one.amount.minor
            self._tell("refund", done)
        return len(waiting)

    async def disburse(
        self,
        ctx: Context,
        id: UUID,
        amount: Money,
        destination: Destination,
        *,
        ref: str | None = None,
    ) -> ProviderPayout:
        known = self.payouts.get(id)
        if known is None:
            status, self.next_payout = self.next_payout, "paid"
            known = ProviderPayout(
                id, str(id), amount, status, "account_closed" if status == "failed" else None
            )
            self.payouts[id] = known
            if status == "paid":
                self.balance[amount.currency] -= amount.minor
        self._maybe_lost()
        return known

    async def read_disbursement(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayout | None:
        return self.payouts.get(id)

    def end_payouts(self, *, paid: bool) -> int:
        """Pending payouts end; how many there were."""
        waiting = [one for one in self.payouts.values() if one.status == "pending"]
        for one in waiting:
            if paid:
                ended = replace(one, status="paid")
                self.balance[one.amount.currency] -= one.amount.minor
            else:
                ended = replace(one, status="failed", failure="account_closed")
            self.payouts[one.id] = ended
            self._tell("payout", ended)
        return len(waiting)

    def dispute(self, payment_id: UUID, amount: Money, fee: Money) -> str:
        """A card holder disputes part of a captured payment: the amount and a fee are taken."""
        ref = f"dp_{len(self.disputes)}"
        opened = ProviderDispute(
            ref, payment_id, str(payment_id), amount, fee, "product_not_received", "open"
        )
        self.disputes[ref] = opened
        self.balance[amount.currency] -= amount.minor + fee.minor
        self._tell("dispute", opened)
        return ref

    def decide(self, ref: str, *, won: bool) -> None:
        """The bank decided; what was won comes back, the fee does not."""
        ended = self.disputes[ref] = replace(self.disputes[ref], status="won" if won else "lost")
        if won:
            self.balance[ended.amount.currency] += ended.amount.minor
        self._tell("dispute", ended)

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        found = self.events.get(json.loads(body)["event"])
        if found is None:
            raise SignatureInvalid
        return found

    def _tell(
        self,
        kind: str,
        subject: ProviderPayment | ProviderRefund | ProviderPayout | ProviderDispute,
    ) -> None:
        name = f"ev_{len(self.events)}"
        refund = subject if isinstance(subject, ProviderRefund) else None
        about = self.payments[refund.payment_id] if refund else subject
        assert not isinstance(about, ProviderRefund)
        self.events[name] = ProviderEvent(name, kind, {"event": name}, about, refund)
        self.messages.append(name)

    def _maybe_lost(self) -> None:
        if self.lose_answer:
            self.lose_answer = False
            raise ProviderAway
