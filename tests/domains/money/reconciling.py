"""Stand-ins for what reconciliation calls, and the service among them over a real ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from haat.domains.money.ledger.api import Account, Code, Transfer, provider_id
from haat.domains.money.payments.api import (
    FundsMatch,
    FundsReceived,
    Movement,
    Payment,
    Payments,
    ProviderAway,
    ProviderInfo,
    RefundDue,
    ReportLine,
    WrongPaymentState,
)
from haat.domains.money.payouts.api import Payout, Payouts
from haat.domains.money.reconciliation.api import (
    Difference,
    Run,
)
from haat.domains.money.reconciliation.proof import prove
from haat.domains.money.reconciliation.service import ReconciliationService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Actor, Context
from haat.kernel.ids import RandomIds
from haat.kernel.money import Money
from haat.kernel.page import Page
from tests.domains.money.payers import FragileLedger, OneMarket

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
STAFF = uuid4()
HEAD = "id,kind,provider_ref,our_id,amount,fee,currency,at,text"


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


class Provider(Payments):
    """A provider's books and ours of it. `lines` is what it reports, `moved` what we know."""

    def __init__(self) -> None:
        self.lines: list[ReportLine] = []
        self.moved: list[Movement] = []
        self.away = 0
        self.page = 100
        self.awaited: dict[str, tuple[UUID, Money]] = {}  # by the word in a transfer's text
        self.answers: dict[UUID, FundsMatch] = {}
        self.confirmed: list[UUID] = []
        self.due: dict[UUID, Money] = {}
        self.name = ""

    async def providers(self, ctx: Context) -> list[ProviderInfo]:
        return [
            ProviderInfo(name=self.name, label="Stripe", kind="card", reports=True),
            ProviderInfo(name="cod", label="Cash", kind="on_delivery"),
        ]

    async def report(
        self,
        ctx: Context,
        *,
        provider: str,
        since: datetime,
        until: datetime,
        cursor: str | None = None,
    ) -> Page[ReportLine]:
        if self.away:
            self.away -= 1
            raise ProviderAway("It sleeps.")
        start = int(cursor or 0)
        inside = [line for line in self.lines if since <= line.at < until]
        end = start + self.page
        return Page(items=inside[start:end], next=str(end) if end < len(inside) else None)

    async def movements(
        self,
        ctx: Context,
        *,
        provider: str,
        since: datetime,
        until: datetime,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[Movement]:
        start = int(cursor or 0)
        inside = [one for one in self.moved if one.provider == provider and since <= one.at < until]
        end = start + max(limit, self.page)
        return Page(items=inside[start:end], next=str(end) if end < len(inside) else None)

    async def receive_funds(self, ctx: Context, *, funds: list[FundsReceived]) -> list[FundsMatch]:
        return [self.answers.setdefault(one.id, self._match(ctx, one)) for one in funds]

    def _match(self, ctx: Context, one: FundsReceived) -> FundsMatch:
        if one.id in self.answers:
            return self.answers[one.id]
        for word, (payment, amount) in self.awaited.items():
            if word in one.text:
                if payment in self.confirmed:
                    return FundsMatch(
                        id=one.id, outcome="late", payment_id=payment, expected=amount
                    )
                if amount != one.amount:
                    return FundsMatch(
                        id=one.id, outcome="wrong_amount", payment_id=payment, expected=amount
                    )
                self._capture(ctx, payment, amount)
                return FundsMatch(
                    id=one.id, outcome="captured", payment_id=payment, expected=amount
                )
        return FundsMatch(id=one.id, outcome="unmatched")

    def _capture(self, ctx: Context, payment: UUID, amount: Money) -> None:
        self.confirmed.append(payment)
        self.moved.append(moved(amount.minor, id=payment, provider="bank", at=ctx.now()))

    async def confirm_transfer(self, ctx: Context, *, payment_id: UUID, note: str = "") -> Payment:
        [amount] = [amount for id, amount in self.awaited.values() if id == payment_id]
        if payment_id not in self.confirmed:
            self._capture(ctx, payment_id, amount)
        return Payment(
            id=payment_id,
            reference=uuid4(),
            provider="bank",
            amount=amount,
            captured=amount,
            refunded=usd(0),
            disputed=usd(0),
            status="captured",
            created_at=NOVEMBER,
        )

    async def refunds_due(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RefundDue]:
        return Page(
            items=[
                RefundDue(
                    id=id,
                    payment_id=uuid4(),
                    reference=uuid4(),
                    provider="bank",
                    amount=amount,
                    created_at=NOVEMBER,
                )
                for id, amount in self.due.items()
            ]
        )

    async def settle_refunds(
        self, ctx: Context, *, ids: list[UUID], done: bool, reason: str = ""
    ) -> None:
        for id in ids:
            amount = -self.due.pop(id).minor
            self.moved.append(moved(amount, "refund", id=id, provider="bank", at=ctx.now()))


class Bank(Payouts):
    """Bank payouts under way."""

    def __init__(self, payments: Provider) -> None:
        self.payments = payments
        self.waiting: dict[UUID, Money] = {}
        self.ended: dict[UUID, bool] = {}

    async def queue(
        self,
        ctx: Context,
        *,
        status: str | None = None,
        bank_file_id: UUID | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Payout]:
        return Page(
            items=[
                payout(id, amount) for id, amount in self.waiting.items() if status == "processing"
            ]
        )

    async def settle_bank_payouts(
        self, ctx: Context, *, ids: list[UUID], paid: bool, reason: str = ""
    ) -> list[Payout]:
        for id in ids:
            if self.ended.get(id, paid) != paid:
                raise WrongPaymentState
            if id not in self.ended:
                amount = self.waiting.pop(id)
                self.ended[id] = paid
                if paid:
                    self.payments.moved.append(
                        moved(-amount.minor, "payout", id=id, provider="bank", at=ctx.now())
                    )
        return []


def payout(id: UUID, amount: Money) -> Payout:
    return Payout(
        id=id,
        vendor_id=uuid4(),
        amount=amount,
        method="bank",
        status="processing",
        requested_at=NOVEMBER,
    )


def moved(
    minor: int,
    kind: str = "capture",
    *,
    id: UUID | None = None,
    provider: str = "",
    ref: str | None = None,
    at: datetime = NOVEMBER + timedelta(days=5),
) -> Movement:
    known: Any = kind
    return Movement(
        id=id or uuid4(),
        kind=known,
        provider=provider,
        provider_ref=ref,
        reference=uuid4(),
        amount=usd(minor),
        at=at,
    )


def reported(
    of: Movement | None = None,
    *,
    id: str = "",
    kind: str = "",
    minor: int | None = None,
    fee: int = 0,
) -> ReportLine:
    known: Any = kind or (of.kind if of else "capture")
    amount = minor if minor is not None else of.amount.minor if of else 0
    return ReportLine(
        id=id or f"txn_{uuid4().hex[:12]}",
        kind=known,
        provider_ref=of.provider_ref if of else None,
        our_id=of.id if of else None,
        amount=usd(amount),
        fee=usd(fee),
        at=of.at if of else NOVEMBER + timedelta(days=5),
    )


class Office:
    """The service with its neighbours; every test has a provider of its own."""

    def __init__(self, db: Database, ledger: FragileLedger) -> None:
        self.db = db
        self.ledger = ledger
        self.payments = Provider()
        self.payments.name = f"p{uuid4().hex[:8]}"
        self.bank = Bank(self.payments)
        self.clock = SettableClock(DECEMBER)
        self.service = ReconciliationService(db, OneMarket(), ledger, self.payments, self.bank)

    @property
    def provider(self) -> str:
        return self.payments.name

    @property
    def ctx(self) -> Context:
        ids = RandomIds(self.clock)
        return Context(actor=Actor("person", STAFF), clock=self.clock, ids=ids)

    async def start(self, id: UUID | None = None, until: datetime = DECEMBER) -> Run:
        run = await self.service.start(
            self.ctx, id=id or uuid4(), provider=self.provider, since=NOVEMBER, until=until
        )
        await self.checked()
        return run

    async def upload(self, text: str, provider: str = "bank", **more: Any) -> Run:
        run = await self.service.read_file(
            self.ctx,
            id=more.pop("id", None) or uuid4(),
            provider=provider,
            name="statement.csv",
            content=text.encode(),
            **more,
        )
        await self.checked()
        return run

    async def found(self, run: Run, status: Any = None) -> list[Difference]:
        """Over pages of two."""
        found: list[Difference] = []
        cursor: str | None = None
        while True:
            page = await self.service.differences(
                self.ctx, run_id=run.id, status=status, limit=2, cursor=cursor
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                return found

    async def book(self, one: Difference) -> Difference:
        done = await self.service.book(self.ctx, id=one.id, reason="Looked at")
        await self.checked()
        return done

    async def checked(self) -> None:
        assert await prove(self.db, 5) == []

    async def balance(self, kind: Any, owner: UUID | None) -> int:
        account = Account(kind=kind, owner=owner, currency="USD")
        [found] = await self.ledger.balances(self.ctx, accounts=[account])
        return found.minor

    async def clearing(self) -> int:
        return await self.balance("clearing", provider_id(self.provider))

    async def known_to_books(self) -> None:
        """Posts our movements, as payouts and settlement would have."""
        clearing = Account(kind="clearing", owner=provider_id(self.provider), currency="USD")
        other = Account(kind="custom", owner=uuid4(), currency="USD")
        await self.ledger.post(
            self.ctx,
            transfers=[
                Transfer(
                    id=uuid4(),
                    debit=clearing if one.amount.minor > 0 else other,
                    credit=other if one.amount.minor > 0 else clearing,
                    minor=abs(one.amount.minor),
                    code=Code.CUSTOM,
                    reference=one.reference,
                )
                for one in self.payments.moved
            ],
        )


def brief(found: list[Difference]) -> list[tuple[str, int, str]]:
    return sorted((one.kind, one.difference.minor, one.proposal.action) for one in found)


def statement(*lines: str) -> str:
    return "\n".join(["date,amount,currency,text,end to end id", *lines])
