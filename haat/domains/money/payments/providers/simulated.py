"""A card network in memory with books of its own, for `haat sim` (docs/flows/sim.md).

It books by idempotency key, as real ones do: the same key again answers what the first call did.
What it announces is a message, handed on by the simulation: late, twice, in another order.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any, ClassVar, Literal, Protocol, TypeVar
from uuid import UUID

from haat.domains.money.payments.api import Destination, SignatureInvalid
from haat.domains.money.payments.providers.port import (
    Ask,
    Kind,
    ProviderEvent,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.kernel.context import Context
from haat.kernel.money import Money

T = TypeVar("T")


class Through(Protocol):
    """How a call gets to the network and back, if it does: ProviderAway."""

    async def __call__(self, point: str, act: Callable[[], T]) -> T: ...


@dataclass
class Network:
    """`charges` are what was taken of each payment, one entry for every key: more than one is what
    nobody wants to see on a card statement."""

    chance: Random
    payments: dict[UUID, ProviderPayment] = field(default_factory=dict)
    charges: dict[str, tuple[UUID, int]] = field(default_factory=dict)
    refunds: dict[UUID, ProviderRefund] = field(default_factory=dict)
    payouts: dict[UUID, ProviderPayout] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    events: dict[str, ProviderEvent] = field(default_factory=dict)
    calm: bool = True
    refusing: set[UUID] = field(default_factory=set)  # payments that no capture succeeds for

    def hold(self, ask: Ask) -> ProviderPayment:
        known = self.payments.get(ask.id)
        if known is not None and known.status != "open":
            return known
        status: Literal["authorized", "declined", "needs_action"] = "authorized"
        if ask.token == "decline":
            status = "declined"
        elif ask.token == "secure":
            status = "needs_action"
        elif ask.token == "fails":
            self.refusing.add(ask.id)
        held = ProviderPayment(
            id=ask.id,
            ref=f"pi_{ask.id}",
            reference=str(ask.reference),
            amount=ask.amount,
            status=status,
            captured_minor=0,
            action_url="https://bank.example/approve" if status == "needs_action" else None,
            decline_code="declined" if status == "declined" else None,
        )
        return self._set(held)

    def approve(self, id: UUID, *, yes: bool) -> None:
        """The customer answers the bank's question."""
        known = self.payments.get(id)
        if known is not None and known.status == "needs_action":
            code = None if yes else "not_approved"
            status: Any = "authorized" if yes else "declined"
            self._set(replace(known, status=status, action_url=None, decline_code=code))

    def capture(self, key: str, id: UUID) -> ProviderPayment | None:
        known = self.payments.get(id)
        if known is None or known.status not in ("authorized", "captured"):
            return known
        if id in self.refusing:
            raise ProviderRefused("card_expired")
        if key not in self.charges:
            self.charges[key] = (id, known.amount.minor)
            known = self._set(replace(known, status="captured", captured_minor=known.amount.minor))
        return known

    def void(self, id: UUID) -> ProviderPayment | None:
        known = self.payments.get(id)
        if known is not None and known.status in ("authorized", "open", "needs_action"):
            known = self._set(replace(known, status="voided", action_url=None))
        return known

    def refund(self, payment_id: UUID, refund_id: UUID, amount: Money) -> ProviderRefund:
        known = self.refunds.get(refund_id)
        if known is None:
            if self.refunded(payment_id) + amount.minor > self.payments[payment_id].captured_minor:
                raise ProviderRefused("refund_too_large")
            waits = not self.calm and self.chance.random() < 0.3
            known = ProviderRefund(refund_id, payment_id, amount, "pending" if waits else "done")
            self.refunds[refund_id] = known
            self._tell("refund", self.payments[payment_id], known)
        return known

    def refunded(self, payment_id: UUID) -> int:
        mine = (one for one in self.refunds.values() if one.payment_id == payment_id)
        return sum(one.amount.minor for one in mine if one.status != "failed")

    def captured(self, payment_id: UUID) -> list[int]:
        """Each charge of it."""
        return [minor for id, minor in self.charges.values() if id == payment_id]

    def balance(self) -> int:
        """What it owes the market."""
        given = sum(one.amount.minor for one in self.refunds.values() if one.status == "done")
        paid = sum(one.amount.minor for one in self.payouts.values() if one.status == "paid")
        return sum(minor for _, minor in self.charges.values()) - given - paid

    def copy(self, chance: Random) -> "Network":
        """The same books, for a run of its own."""
        return Network(
            chance,
            dict(self.payments),
            dict(self.charges),
            dict(self.refunds),
            dict(self.payouts),
            list(self.messages),
            dict(self.events),
            refusing=set(self.refusing),
        )

    def disburse(self, id: UUID, amount: Money) -> ProviderPayout:
        known = self.payouts.get(id)
        if known is None:
            status: Literal["paid", "pending", "failed"] = "paid"
            if not self.calm:
                status = self.chance.choice(["paid", "paid", "pending", "failed"])
            failure = "account_closed" if status == "failed" else None
            known = self.payouts[id] = ProviderPayout(id, f"po_{id}", amount, status, failure)
            self._tell("payout", known)
        return known

    def end(self) -> None:
        """What is pending is carried out."""
        for refund in [one for one in self.refunds.values() if one.status == "pending"]:
            self.refunds[refund.id] = replace(refund, status="done")
            self._tell("refund", self.payments[refund.payment_id], self.refunds[refund.id])
        for payout in [one for one in self.payouts.values() if one.status == "pending"]:
            self.payouts[payout.id] = replace(payout, status="paid")
            self._tell("payout", self.payouts[payout.id])

    def _set(self, payment: ProviderPayment) -> ProviderPayment:
        self.payments[payment.id] = payment
        self._tell("payment", payment)
        return payment

    def _tell(
        self,
        kind: str,
        subject: ProviderPayment | ProviderPayout,
        refund: ProviderRefund | None = None,
    ) -> None:
        name = f"ev_{len(self.events)}"
        self.events[name] = ProviderEvent(name, kind, {"event": name}, subject, refund)
        self.messages.append(name)


class SimulatedCards:
    """The port of payments, over the network."""

    name = "test"
    label = "Simulated cards"
    kind: ClassVar[Kind] = "card"
    disburses = True
    test_mode = True
    publishable_key = ""
    token_url = ""

    def __init__(self, network: Network, through: Through) -> None:
        self.network = network
        self._call = through

    async def register(self, ctx: Context) -> None:
        """Messages are fetched."""

    async def hold(self, ctx: Context, ask: Ask) -> ProviderPayment:
        return await self._call("provider.hold", lambda: self.network.hold(ask))

    async def read(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        return await self._call("provider.read", lambda: self.network.payments.get(id))

    async def capture(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        key = self.key(id)
        return await self._call("provider.capture", lambda: self.network.capture(key, id))

    def key(self, id: UUID) -> str:
        """What a capture is known by over there, however often it is sent."""
        return f"capture:{id}"

    async def void(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayment | None:
        return await self._call("provider.void", lambda: self.network.void(id))

    async def refund(
        self,
        ctx: Context,
        payment_id: UUID,
        refund_id: UUID,
        amount: Money,
        *,
        ref: str | None = None,
    ) -> ProviderRefund:
        return await self._call(
            "provider.refund", lambda: self.network.refund(payment_id, refund_id, amount)
        )

    async def disburse(
        self,
        ctx: Context,
        id: UUID,
        amount: Money,
        destination: Destination,
        *,
        ref: str | None = None,
    ) -> ProviderPayout:
        return await self._call("provider.disburse", lambda: self.network.disburse(id, amount))

    async def read_disbursement(
        self, ctx: Context, id: UUID, *, ref: str | None = None
    ) -> ProviderPayout | None:
        return await self._call("provider.read", lambda: self.network.payouts.get(id))

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> ProviderEvent:
        found = self.network.events.get(json.loads(body)["event"])
        if found is None:
            raise SignatureInvalid
        return found
