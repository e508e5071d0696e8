"""Runs over a real ledger and PostgreSQL; payments and payouts are stand-ins that keep books."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest

from haat.domains.money.ledger.api import Account, Code, Transfer, provider_id
from haat.domains.money.payments.api import (
    FundsMatch,
    FundsReceived,
    Movement,
    Payment,
    Payments,
    ProviderAway,
    ProviderInfo,
    ProviderUnknown,
    RefundDue,
    ReportLine,
    WrongPaymentState,
)
from haat.domains.money.payouts.api import Payout, Payouts
from haat.domains.money.reconciliation.api import (
    Difference,
    DifferenceOver,
    FileUnreadable,
    NothingToBook,
    Run,
    RunConflict,
)
from haat.domains.money.reconciliation.proof import prove
from haat.domains.money.reconciliation.service import ReconciliationService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Actor, Context
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.ids import RandomIds
from haat.kernel.money import Money
from haat.kernel.page import Page
from tests.conftest import DatabaseOf
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import Crash, FragileLedger, OneMarket

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
        end = start + limit
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


@pytest.fixture
async def office(database_of: DatabaseOf, database_url: str) -> Office:
    await emptied(database_url, "reconciliation")
    db = await database_of("reconciliation")
    return Office(db, FragileLedger(await database_of("ledger")))


# -- a provider's own report -----------------------------------------------------------------------


async def test_a_run_lists_what_differs_and_adds_up(office: Office) -> None:
    same, changed, ours = moved(1000), moved(500), moved(70)
    office.payments.moved = [
        m.model_copy(update={"provider": office.provider}) for m in (same, changed, ours)
    ]
    office.payments.lines = [
        reported(same, fee=29),
        reported(changed, minor=450, fee=31),
        reported(minor=33),
    ]
    office.payments.page = 2
    run = await office.start()
    assert (run.status, run.lines, run.matched, run.open) == ("done", 3, 1, 4)
    assert (run.our_total, run.their_total) == (usd(1570), usd(1423))
    found = await office.found(run)
    assert brief(found) == [
        ("amount", -50, "book_difference"),
        ("fee", -60, "book_fee"),
        ("missing_here", 33, "book_difference"),
        ("missing_there", -70, "book_difference"),
    ]
    assert usd(sum(one.difference.minor for one in found)) == run.their_total - run.our_total
    [amount] = [one for one in found if one.kind == "amount"]
    assert amount.ours is not None
    assert amount.theirs is not None
    assert amount.ours.amount - usd(50) == amount.theirs.amount
    assert amount.order_number == str(changed.reference)
    told = await office.db.fetch(
        "SELECT envelope FROM reconciliation.outbox WHERE key = $1", str(run.id)
    )
    assert [row["envelope"]["data"]["open"] for row in told] == [4]


async def test_the_same_run_again_is_the_same_run(office: Office) -> None:
    office.payments.lines = [reported(minor=33)]
    run = await office.start()
    office.payments.lines.append(reported(minor=34))
    assert await office.start(run.id) == run
    with pytest.raises(RunConflict):
        await office.start(run.id, until=DECEMBER - timedelta(days=1))


@pytest.mark.parametrize(
    ("provider", "since", "until", "path"),
    [
        ("cod", NOVEMBER, DECEMBER, "provider"),
        ("nobody", NOVEMBER, DECEMBER, "provider"),
        ("", DECEMBER, NOVEMBER, "until"),
        ("", NOVEMBER, NOVEMBER + timedelta(days=367), "until"),
        ("", datetime(2026, 11, 1), DECEMBER, "since"),  # noqa: DTZ001
    ],
)
async def test_what_cannot_be_started(
    office: Office, provider: str, since: datetime, until: datetime, path: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await office.service.start(
            office.ctx,
            id=uuid4(),
            provider=provider or office.provider,
            since=since,
            until=until,
        )
    assert [field.path for field in refused.value.fields] == [path]


async def test_a_provider_that_is_away_is_asked_again(office: Office) -> None:
    office.payments.away = 2
    office.payments.lines = [reported(minor=33)]
    run = await office.start()
    assert (run.status, run.why) == ("running", "It sleeps.")
    for status in ("running", "running", "done"):
        await office.service.resume_runs(office.ctx)
        run = await office.service.run(office.ctx, id=run.id)
        if status != "done":
            office.clock.advance(timedelta(seconds=61))
    assert (run.status, run.open, run.why) == ("done", 1, "")


async def test_a_provider_that_stays_away_fails_the_run_and_a_repeat_tries_again(
    office: Office,
) -> None:
    office.payments.away = 12
    run = await office.start()
    for _ in range(12):
        office.clock.advance(timedelta(seconds=61))
        await office.service.resume_runs(office.ctx)
    run = await office.service.run(office.ctx, id=run.id)
    assert (run.status, run.why) == ("failed", "It sleeps.")
    office.payments.away = 0
    assert (await office.start(run.id)).status == "done"


async def test_two_runs_at_once_find_each_difference_once(office: Office) -> None:
    office.payments.lines = [reported(minor=minor, fee=1) for minor in range(10, 20)]
    runs = await asyncio.gather(*(office.start() for _ in range(4)))
    assert {run.status for run in runs} == {"done"}
    assert [run.open for run in runs] == [11] * 4
    page = await office.service.differences(office.ctx, status="open", limit=100)
    assert len(page.items) == 11
    assert all(one.repeats is None for one in page.items)


async def test_a_run_left_by_a_crash_goes_on(office: Office) -> None:
    """Written first: with a lease that nobody keeps."""
    office.payments.lines = [reported(minor=33)]
    id = uuid4()
    await office.db.execute(
        "INSERT INTO reconciliation.runs (id, provider, source, file_name, since, until, status,"
        " leased_until, started_at) VALUES ($1, $2, 'report', '', $3, $4, 'running', $5, $5)",
        id,
        office.provider,
        NOVEMBER,
        DECEMBER,
        office.clock.now(),
    )
    await office.service.resume_runs(office.ctx)
    assert (await office.service.run(office.ctx, id=id)).status == "done"


async def test_pages_of_runs(office: Office) -> None:
    started = []
    for _ in range(3):
        office.clock.advance(timedelta(seconds=1))
        started.append((await office.start()).id)
    first = await office.service.runs(office.ctx, provider=office.provider, limit=2)
    rest = await office.service.runs(
        office.ctx, provider=office.provider, limit=2, cursor=first.next
    )
    assert [run.id for run in (*first.items, *rest.items)] == started[::-1]
    assert rest.next is None
    assert (await office.service.runs(office.ctx, provider="nobody")).items == []
    everything = await office.service.runs(office.ctx)
    assert [run.id for run in everything.items] == started[::-1]


# -- booking ---------------------------------------------------------------------------------------


async def test_after_booking_clearing_is_what_the_provider_holds(office: Office) -> None:
    """Fees, refunds, disputes and payouts; what is missing on either side; a wrong amount."""
    dispute = moved(-900, "dispute", ref="dp_1")
    known = [
        moved(5000),
        moved(2400),
        moved(-700, "refund"),
        dispute,
        moved(-1500, "dispute_fee", id=dispute.id, ref="dp_1"),
        moved(-1000, "payout"),
        moved(310),
    ]
    office.payments.moved = [m.model_copy(update={"provider": office.provider}) for m in known]
    capture, wrong, refund, opened, _, sent, _ = office.payments.moved
    office.payments.lines = [
        reported(capture, fee=175),
        reported(wrong, minor=2300, fee=97),
        reported(refund, fee=-10),
        reported(opened, fee=1500),
        reported(sent),
        reported(minor=-250, kind="fee"),
        reported(minor=88),
    ]
    await office.known_to_books()
    run = await office.start()
    fees = await office.balance("fees", None)
    suspense = await office.balance("suspense", None)
    for one in await office.found(run):
        assert (await office.book(one)).status == "booked"
    held = sum(line.amount.minor - line.fee.minor for line in office.payments.lines)
    assert await office.clearing() == held == run.their_total.minor
    assert await office.balance("fees", None) - fees == 175 + 97 - 10 + 250
    assert await office.balance("suspense", None) - suspense == 88 - 310 - 100
    booked = [b for b in await office.service.booked(office.ctx) if b.provider == office.provider]
    assert [(b.currency, b.minor) for b in booked] == [
        ("USD", held - sum(one.amount.minor for one in known))
    ]
    again = await office.start()
    assert (again.open, again.differences) == (0, 0)
    assert again.our_total == again.their_total == usd(held)


async def test_a_difference_is_booked_once(office: Office) -> None:
    office.payments.lines = [reported(minor=33)]
    [one] = await office.found(await office.start())
    await asyncio.gather(*(office.book(one) for _ in range(5)))
    assert await office.clearing() == 33
    with pytest.raises(DifferenceOver):
        await office.service.book(office.ctx, id=one.id, reason="Something else")
    with pytest.raises(DifferenceOver):
        await office.service.dismiss(office.ctx, id=one.id, reason="No")
    with pytest.raises(NotFound):
        await office.service.book(office.ctx, id=uuid4(), reason="x")
    with pytest.raises(Invalid):
        await office.service.book(office.ctx, id=one.id, reason="  ")


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_a_booking_left_by_a_crash_is_finished(
    office: Office, dies: Literal["before", "after"]
) -> None:
    office.payments.lines = [reported(minor=33)]
    [one] = await office.found(await office.start())
    office.ledger.dies = dies
    with pytest.raises(Crash):
        await office.book(one)
    [seen] = (await office.service.differences(office.ctx, status="open")).items
    assert seen.id == one.id
    # A run between the two counts what was decided.
    assert (await office.start()).differences == 0
    office.clock.advance(timedelta(minutes=1))
    await office.service.resume_bookings(office.ctx)
    assert await office.clearing() == 33
    [seen] = (await office.service.differences(office.ctx, status="booked")).items
    assert (seen.id, seen.decided_by, seen.reason) == (one.id, STAFF, "Looked at")
    await office.service.resume_bookings(office.ctx)
    assert await office.clearing() == 33


async def test_what_another_run_finds_again_is_booked_once(office: Office) -> None:
    office.payments.lines = [reported(minor=33, fee=3)]
    first = await office.start()
    office.payments.lines.append(reported(minor=44, fee=4))
    second = await office.start()
    assert (first.open, second.open) == (2, 4)
    for one in await office.found(second):
        await office.book(one)
    assert await office.clearing() == 70
    assert {one.status for one in await office.found(first)} == {"booked"}
    assert (await office.service.run(office.ctx, id=first.id)).open == 0
    for one in await office.found(first, "booked"):
        assert await office.book(one) == one
    assert await office.clearing() == 70
    assert await office.found(first, "open") == []


async def test_dismissed_stays_dismissed_and_settled_is_seen(office: Office) -> None:
    late, odd = moved(50).model_copy(update={"provider": office.provider}), reported(minor=7)
    office.payments.moved, office.payments.lines = [late], [odd]
    first = await office.start()
    there, here = sorted(await office.found(first), key=lambda one: one.kind, reverse=True)
    done = await office.service.dismiss(office.ctx, id=here.id, reason="Ours anyway")
    assert (done.status, done.reason, done.decided_by) == ("dismissed", "Ours anyway", STAFF)
    assert await office.service.dismiss(office.ctx, id=here.id, reason="Ours anyway") == done
    with pytest.raises(DifferenceOver):
        await office.book(here)
    office.payments.lines.append(reported(late))
    second = await office.start()
    assert (second.open, second.differences) == (0, 1)
    [repeated] = await office.found(second)
    assert (repeated.status, repeated.repeats) == ("dismissed", here.id)
    states = {one.id: one.status for one in await office.found(first)}
    assert states == {there.id: "settled", here.id: "dismissed"}
    with pytest.raises(DifferenceOver):
        await office.book(there)


# -- files -----------------------------------------------------------------------------------------


def statement(*lines: str) -> str:
    return "\n".join(["date,amount,currency,text,end to end id", *lines])


async def test_a_bank_statement_brings_what_is_awaited(office: Office) -> None:
    bought, wrong, sent, owed = uuid4(), uuid4(), uuid4(), uuid4()
    office.payments.awaited = {"HT-1": (bought, usd(2500)), "HT-2": (wrong, usd(1000))}
    office.payments.due = {owed: usd(300)}
    office.bank.waiting = {sent: usd(4000)}
    text = statement(
        "2026-11-03,25.00,USD,Transfer HT-1,",
        "2026-11-04,12.00,USD,Transfer HT-2,",
        f"2026-11-05,-40.00,USD,Payout,{sent.hex}",
        f"2026-11-05,-3.00,USD,Refund {owed},",
        "2026-11-06,-9.99,USD,Account fee,",
        "2026-11-07,77.00,USD,From somebody,",
    )
    run = await office.upload(text)
    assert (run.lines, run.matched, run.open) == (6, 3, 3)
    assert office.bank.ended == {sent: True}
    assert (office.payments.due, office.payments.confirmed) == ({}, [bought])
    found = await office.found(run)
    assert brief(found) == [
        ("missing_here", -999, "book_difference"),
        ("missing_here", 1200, "confirm_transfer"),
        ("missing_here", 7700, "book_difference"),
    ]
    [more] = [one for one in found if one.proposal.action == "confirm_transfer"]
    assert more.proposal.target_id == wrong
    assert (await office.book(more)).status == "booked"
    assert office.payments.confirmed == [bought, wrong]
    # The next statement has these days again: what is left of the transfer is a difference.
    longer = await office.upload(f"{text}\n2026-11-08,1.00,USD,Interest,")
    assert brief(await office.found(longer, "open")) == [
        ("amount", 200, "book_difference"),
        ("missing_here", -999, "book_difference"),
        ("missing_here", 100, "book_difference"),
        ("missing_here", 7700, "book_difference"),
    ]


async def test_the_same_file_is_the_same_run(office: Office) -> None:
    text = statement("2026-11-06,-9.99,USD,Account fee,")
    run = await office.upload(text)
    assert await office.upload(text) == run
    assert await office.upload(text, id=run.id) == run
    with pytest.raises(RunConflict):
        await office.upload(statement("2026-11-06,-9.98,USD,Account fee,"), id=run.id)
    assert await office.db.fetchval("SELECT count(*) FROM reconciliation.files") == 0
    assert (run.since, run.until) == (NOVEMBER + timedelta(days=5), NOVEMBER + timedelta(days=6))


async def test_credits_that_are_nobodys_and_too_late(office: Office) -> None:
    paid, short = uuid4(), uuid4()
    office.payments.awaited = {"HT-1": (paid, usd(2500)), "HT-2": (short, usd(1000))}
    run = await office.upload(
        statement(
            "2026-11-03,25.00,USD,Transfer HT-1,",
            "2026-11-04,25.00,USD,Transfer HT-1 again,",
            "2026-11-04,9.00,USD,Transfer HT-2,",
        )
    )
    found = await office.found(run)
    assert brief(found) == [("missing_here", 900, "none"), ("missing_here", 2500, "refund")]
    for one in found:
        with pytest.raises(NothingToBook):
            await office.book(one)


async def test_a_payout_that_came_back(office: Office) -> None:
    soon, later, paid = uuid4(), uuid4(), uuid4()
    office.bank.waiting = {soon: usd(4000), later: usd(500), paid: usd(60)}
    both = [
        f"2026-11-05,-40.00,USD,Payout,{soon.hex}",
        f"2026-11-06,40.00,USD,Returned payout {soon},",
    ]
    run = await office.upload(
        statement(
            *both,
            f"2026-11-06,5.00,USD,Returned,{later.hex}",
            f"2026-11-06,-0.60,USD,Payout,{paid.hex}",
        )
    )
    assert office.bank.ended == {paid: True}
    found = await office.found(run)
    assert brief(found) == [
        ("missing_here", -4000, "none"),
        ("status", 500, "fail_payout"),
        ("status", 4000, "fail_payout"),
    ]
    for one in found:
        if one.proposal.action == "fail_payout":
            await office.book(one)
    assert office.bank.ended == {paid: True, soon: False, later: False}
    # One that was settled as paid cannot fail any more, and the lines of before are no news.
    next_run = await office.upload(statement(*both, f"2026-11-20,0.60,USD,Returned payout {paid},"))
    found = await office.found(next_run)
    assert sorted((one.kind, one.difference.minor, one.status) for one in found) == [
        ("missing_here", -4000, "open"),
        ("status", 60, "open"),
        ("status", 4000, "booked"),
    ]
    [late] = [one for one in found if one.difference.minor == 60]
    assert late.proposal.action == "book_difference"


async def test_a_payout_of_another_amount_and_what_payouts_refuses(office: Office) -> None:
    sent = uuid4()
    office.bank.waiting = {sent: usd(4000)}
    run = await office.upload(statement(f"2026-11-05,-39.00,USD,Payout,{sent.hex}"))
    [one] = await office.found(run)
    assert (one.proposal.action, one.proposal.target_id) == ("settle_payout", sent)
    office.bank.ended[sent] = False  # somebody was faster
    with pytest.raises(WrongPaymentState):
        await office.book(one)
    [still] = await office.found(run)
    assert (still.status, still.reason, still.decided_by) == ("open", "", None)
    del office.bank.ended[sent]
    assert (await office.book(one)).status == "booked"
    assert office.bank.ended == {sent: True}


async def test_a_transfer_read_long_after_is_no_missing_movement(office: Office) -> None:
    """It is captured when its statement is read, and stands in that statement alone."""
    office.payments.awaited = {"HT-1": (uuid4(), usd(2500))}
    office.clock.set(NOVEMBER + timedelta(days=24))
    first = await office.upload(statement("2026-11-03,25.00,USD,Transfer HT-1,"))
    second = await office.upload(
        statement("2026-11-20,1.00,USD,Interest,", "2026-11-30,1.00,USD,Interest,")
    )
    assert (first.differences, first.matched) == (0, 1)
    assert brief(await office.found(second)) == [("missing_here", 100, "book_difference")] * 2


async def test_a_providers_report_as_a_file(office: Office) -> None:
    payment = moved(1000).model_copy(update={"provider": office.provider})
    office.payments.moved = [payment]
    at = "2026-11-06T10:00:00Z"
    run = await office.upload(
        f"{HEAD}\nt1,capture,pi_1,{payment.id},10.00,0.35,USD,{at},\n"
        f"t2,refund,re_1,,-3.00,0.00,USD,{at},\n",
        provider=office.provider,
        since=NOVEMBER,
        until=DECEMBER,
    )
    assert (run.source, run.file_name, run.lines, run.matched) == ("file", "statement.csv", 2, 1)
    assert brief(await office.found(run)) == [
        ("fee", -35, "book_fee"),
        ("missing_here", -300, "book_difference"),
    ]


async def test_files_that_are_refused_leave_nothing(office: Office) -> None:
    for text, path in (("what is this", "content"), (statement(), "content")):
        with pytest.raises(FileUnreadable) as refused:
            await office.upload(text)
        assert [field.path for field in refused.value.fields] == [path]
    with pytest.raises(ProviderUnknown):
        await office.upload(statement("2026-11-03,1.00,USD,x,"), provider="nobody")
    with pytest.raises(Problem):
        await office.upload(statement("2026-11-03,1.00,USD,x,"), since=DECEMBER)
    assert await office.db.fetchval("SELECT count(*) FROM reconciliation.runs") == 0


async def test_a_file_left_by_a_crash_is_read_again(office: Office) -> None:
    text = statement("2026-11-06,-9.99,USD,Account fee,")
    run = await office.upload(text)
    await office.db.execute("DELETE FROM reconciliation.differences")
    await office.db.execute("DELETE FROM reconciliation.totals")
    await office.db.execute(
        "UPDATE reconciliation.runs SET status = 'running', leased_until = $1", office.clock.now()
    )
    await office.db.execute(
        "INSERT INTO reconciliation.files VALUES ($1, 'auto', $2)", run.id, text.encode()
    )
    await office.service.resume_runs(office.ctx)
    assert await office.service.run(office.ctx, id=run.id) == run


# -- size and proof --------------------------------------------------------------------------------


async def test_a_hundred_thousand_lines(office: Office) -> None:
    count = 100_000
    at = NOVEMBER + timedelta(days=5)
    ids = [UUID(int=n + 1) for n in range(count)]
    office.payments.moved = [
        moved(100 + n % 7, id=id, provider=office.provider, at=at) for n, id in enumerate(ids)
    ]
    lines = (
        f"t{n},capture,,{id},{'2.00' if n == 77 else f'1.0{n % 7}'},0.01,USD,{at.isoformat()},"
        for n, id in enumerate(ids)
    )
    text = "\n".join([HEAD, *lines])
    before = time.monotonic()
    run = await office.upload(text, provider=office.provider)
    took = time.monotonic() - before
    print("took", took)
    assert (run.lines, run.matched, run.differences) == (count, count - 1, 2)
    assert brief(await office.found(run)) == [
        ("amount", 200 - 100 - 77 % 7, "book_difference"),
        ("fee", -count, "book_fee"),
    ]
    assert took < 60


async def test_each_invariant_is_named(office: Office) -> None:
    office.payments.lines = [reported(minor=33, fee=3)]
    await office.start()
    await office.start()
    for change, name in (
        ("UPDATE reconciliation.totals SET ours = ours + 1", "reconciliation.sums"),
        ("UPDATE reconciliation.fees SET minor = minor - 1", "reconciliation.fees"),
        (
            "UPDATE reconciliation.differences SET key = 'other' WHERE repeats IS NOT NULL"
            " AND kind <> 'fee'",
            "reconciliation.repeats",
        ),
    ):
        assert await prove(office.db, 1) == []
        async with office.db.begin(office.ctx) as tx:
            await tx.execute(change)
        assert [line.split()[0] for line in await prove(office.db, 1)] == [name]
        await office.db.execute("UPDATE reconciliation.totals SET ours = 0 WHERE ours = 1")
        await office.db.execute("UPDATE reconciliation.fees SET minor = -3")
