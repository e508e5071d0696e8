"""The fake market's counter: providers, payments, a wallet, refunds and disputes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from haat.domains.money.payments.api import (
    Dispute,
    MethodUnknown,
    Payment,
    Payments,
    ProviderInfo,
    RefundDue,
    SavedMethod,
    Spike,
    TransferInstructions,
    WrongPaymentState,
)
from haat.domains.money.wallet.api import CREDITS, Wallet, WalletBalance
from haat.domains.trade.settlement.api import (
    NotRefundable,
    OrderDispute,
    Receipt,
    RefundPreview,
    RefundResult,
    Repaid,
    Settlement,
    TenderPart,
)
from haat.kernel.errors import NotFound
from haat.kernel.money import Money
from haat.kernel.page import Page

NOW = datetime.now(UTC)
ORDER, FIRST, SECOND = UUID(int=50), UUID(int=51), UUID(int=52)
PAYMENT, SAVED, DUE = UUID(int=70), UUID(int=71), UUID(int=72)
IBAN = "GB82WEST12345698765432"
LEFT = 2498  # of the second part, in cents


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


CARD = ProviderInfo(
    name="test", label="Test card", kind="card", token_url="https://pay.test/tokens",
    saves_methods=True, test_mode=True,
)  # fmt: skip
PAYPAL = ProviderInfo(name="paypal", label="PayPal", kind="redirect")
BANK = ProviderInfo(name="bank", label="Bank transfer", kind="bank_transfer")
CASH = ProviderInfo(name="cod", label="Cash on delivery", kind="on_delivery")
VISA = SavedMethod(
    id=SAVED, provider="test", label="Visa •••• 4242", expires="2029-04", created_at=NOW
)
TRANSFER = TransferInstructions(
    holder="Test Market", iban=IBAN, reference="HT-7K2M", amount=usd(2998),
    until=NOW + timedelta(days=7),
)  # fmt: skip


def payment(**change: Any) -> Payment:
    known: dict[str, Any] = {
        "id": PAYMENT, "reference": ORDER, "provider": "test", "amount": usd(2998),
        "captured": usd(2998), "refunded": usd(0), "disputed": usd(0), "status": "captured",
        "provider_ref": "pi_1", "created_at": NOW,
    }  # fmt: skip
    return Payment(**{**known, **change})


def awaited() -> Payment:
    return payment(
        provider="bank", status="awaiting", captured=usd(0), instructions=TRANSFER,
        provider_ref="HT-7K2M",
    )  # fmt: skip


def dispute(status: Any = "open", due: timedelta | None = timedelta(days=1)) -> OrderDispute:
    about = Dispute(
        id=UUID(int=80), payment_id=PAYMENT, reference=ORDER, provider="test",
        provider_ref="dp_1", amount=usd(2000), fee=usd(1500), reason="fraudulent", status=status,
        evidence_due=NOW + due if due else None, opened_at=NOW,
        closed_at=None if status == "open" else NOW,
    )  # fmt: skip
    return OrderDispute(dispute=about, order_id=ORDER, shares={FIRST: usd(1200), SECOND: usd(800)})


class Counter:
    """What is there; `calls` is what was asked for, `refuses` what the next ones raise."""

    def __init__(self) -> None:
        self.providers = [CARD]
        self.methods: list[SavedMethod] = []
        self.spendable = usd(0)
        self.wallet_away: Exception | None = None
        self.payments = [payment()]
        self.due: list[RefundDue] = []
        self.disputes: list[OrderDispute] = []
        self.spikes: list[Spike] = []
        self.parts: list[TenderPart] = []
        self.refunds: list[RefundResult] = []
        self.left = LEFT
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuses: list[Exception] = []

    def note(self, name: str, **given: Any) -> None:
        self.calls.append((name, given))
        if self.refuses:
            raise self.refuses.pop(0)

    def of(self, name: str) -> list[dict[str, Any]]:
        return [given for called, given in self.calls if called == name]


class FakePayments(Payments):
    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    async def providers(self, ctx: Any) -> list[ProviderInfo]:
        return self.counter.providers

    async def methods(self, ctx: Any) -> list[SavedMethod]:
        return self.counter.methods

    async def forget_method(self, ctx: Any, *, id: UUID) -> None:
        self.counter.note("forget", id=id)
        if id not in [one.id for one in self.counter.methods]:
            raise MethodUnknown
        self.counter.methods = [one for one in self.counter.methods if one.id != id]

    async def own(self, ctx: Any, **_: Any) -> Page[Payment]:
        return Page(items=self.counter.payments)

    async def listed(self, ctx: Any, **asked: Any) -> Page[Payment]:
        self.counter.note("listed", **asked)
        found = [
            one
            for one in self.counter.payments
            if asked.get("status") in (None, one.status)
            and asked.get("provider") in (None, one.provider)
        ]
        return Page(items=found, next=None if asked.get("cursor") else "more")

    async def spikes(self, ctx: Any) -> list[Spike]:
        return self.counter.spikes

    async def payments(self, ctx: Any, *, references: list[UUID]) -> list[Payment]:
        return [one for one in self.counter.payments if one.reference in references]

    async def raw(self, ctx: Any, *, payment_id: UUID) -> list[dict[str, Any]]:
        told = {"type": "intent.captured", "receivedAt": NOW.isoformat()}
        return [{**told, "payload": {"id": "pi_1", "note": "<b>", "client_secret": "[redacted]"}}]

    async def confirm_transfer(self, ctx: Any, *, payment_id: UUID, note: str = "") -> Payment:
        self.counter.note("confirm", payment_id=payment_id, note=note)
        [one] = self.counter.payments
        if one.provider != "bank":
            raise WrongPaymentState
        self.counter.payments = [payment(provider="bank")]
        return self.counter.payments[0]

    async def refunds_due(self, ctx: Any, **_: Any) -> Page[RefundDue]:
        return Page(items=self.counter.due)

    async def settle_refunds(
        self, ctx: Any, *, ids: list[UUID], done: bool, reason: str = ""
    ) -> None:
        self.counter.note("settle", ids=ids, done=done, reason=reason)
        self.counter.due = [one for one in self.counter.due if one.id not in ids]


class FakeWallet(Wallet):
    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    async def balance(self, ctx: Any, *, vendor_id: UUID | None = None) -> WalletBalance:
        if self.counter.wallet_away is not None:
            raise self.counter.wallet_away
        some = self.counter.spendable
        return WalletBalance(
            owner_id=ctx.person_id, available=Money(minor=some.minor + 130, currency=CREDITS),
            held=Money(minor=0, currency=CREDITS), worth=some, spendable=some,
        )  # fmt: skip


class FakeSettlement(Settlement):
    """Refunds as long as something is left."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    async def receipt(self, ctx: Any, *, order_id: UUID, link: str = "") -> Receipt:
        if order_id != ORDER:
            raise NotFound
        return Receipt(parts=self.counter.parts, refunds=self.counter.refunds)

    async def refunds(self, ctx: Any, *, vendor_order_ids: list[UUID]) -> list[RefundResult]:
        return [one for one in self.counter.refunds if one.vendor_order_id in vendor_order_ids]

    async def preview_refund(self, ctx: Any, **wanted: Any) -> RefundPreview:
        self.counter.note("preview", **wanted)
        amount = self._amount(wanted)
        return RefundPreview(
            amount=amount, goods=amount, shipping=usd(0), tax=usd(7),
            by_tender=[Repaid(provider="test", amount=amount - usd(100), status="created"),
                       Repaid(provider=None, amount=usd(100), status="created")],
            refundable=usd(self.counter.left),
        )  # fmt: skip

    def _amount(self, wanted: dict[str, Any]) -> Money:
        amount = wanted.get("amount")
        if amount is None and wanted.get("items"):
            amount = usd(1299 * sum(item.quantity for item in wanted["items"]))
        amount = amount or usd(self.counter.left)
        if not 0 < amount.minor <= self.counter.left:
            raise NotRefundable(refundable=usd(self.counter.left).model_dump(by_alias=True))
        return Money.model_validate(amount)

    async def refund(self, ctx: Any, *, id: UUID, **wanted: Any) -> RefundResult:
        self.counter.note("refund", id=id, **wanted)
        amount = self._amount(wanted)
        self.counter.left -= amount.minor
        self.counter.refunds.append(
            RefundResult(
                id=id, vendor_order_id=wanted["vendor_order_id"], amount=amount, status="done",
                reason=wanted["reason"], items=wanted.get("items") or [], created_at=NOW,
                repaid=[Repaid(provider="test", amount=amount, status="done")],
            )
        )  # fmt: skip
        return self.counter.refunds[-1]

    async def disputes(self, ctx: Any, **asked: Any) -> Page[OrderDispute]:
        self.counter.note("disputes", **asked)
        of = asked.get("order_ids")
        found = [
            one
            for one in self.counter.disputes
            if (of is None or one.order_id in of)
            and asked.get("status") in (None, one.dispute.status)
        ]
        return Page(items=found)
