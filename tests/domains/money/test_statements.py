"""Statements, invoices and files over a real ledger; payouts lends order numbers and vendors."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.ledger.api import Account, AccountKind, Code, Transfer
from haat.domains.money.ledger.service import LedgerService
from haat.domains.money.payouts.api import Earning, Payout, PayoutItem, Payouts
from haat.domains.money.statements import rules
from haat.domains.money.statements.api import MonthInvalid, csv_text
from haat.domains.money.statements.proof import prove
from haat.domains.money.statements.service import StatementsService
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.ids import RandomIds
from haat.kernel.money import Money
from tests.conftest import DatabaseOf

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


class OneMarket(Market):
    async def settings(self, ctx: Context) -> MarketSettings:
        return MarketSettings(name="হাট Haat", currency="USD", country="BD")


class Named(Vendors):
    async def by_ids(self, ctx: Context, *, ids: list[UUID]) -> list[Vendor]:
        return [
            Vendor(
                id=id,
                slug="v",
                name="Ада & Söhne",
                status="active",
                country="BD",
                created_at=OCTOBER,
            )
            for id in ids
        ]


class Sold(Payouts):
    """Knows whose each vendor order is, also of the tests before: they share a ledger."""

    known: ClassVar[dict[UUID, Earning]] = {}

    def __init__(self) -> None:
        self.paid: dict[UUID, Payout] = {}

    def sell(self, vendor_id: UUID) -> UUID:
        id, zero = uuid4(), usd(0)
        self.known[id] = Earning(
            vendor_order_id=id,
            order_id=uuid4(),
            vendor_id=vendor_id,
            currency="USD",
            order_number=f"H-{len(self.known)}-1",
            gross=zero,
            commission=zero,
            commission_tax=zero,
            tax=zero,
            net=zero,
            status="eligible",
            refunded=zero,
            refunded_net=zero,
            fees=zero,
            created_at=OCTOBER,
        )
        return id

    async def earnings_of(self, ctx: Context, *, vendor_order_ids: list[UUID]) -> list[Earning]:
        return [self.known[id] for id in vendor_order_ids if id in self.known]

    async def payout(self, ctx: Context, *, id: UUID) -> Payout:
        return self.paid[id]


class Desk:
    """The service with its ledger, under a clock that is set."""

    def __init__(self, service: StatementsService, ledger: LedgerService, sold: Sold) -> None:
        self.service = service
        self.ledger = ledger
        self.sold = sold
        self.clock = SettableClock(OCTOBER)

    @property
    def ctx(self) -> Context:
        return Context(actor=SYSTEM, clock=self.clock, ids=RandomIds(self.clock))

    def vendor(self, id: UUID) -> Context:
        scopes = frozenset({"vendor:money"})
        return Context(actor=Actor("person", uuid4()), scopes=scopes, vendor_id=id)

    async def post(
        self,
        debit: tuple[AccountKind, UUID | None],
        credit: tuple[AccountKind, UUID | None],
        minor: int,
        code: Code,
        reference: UUID,
    ) -> None:
        transfer = Transfer(
            id=uuid4(),
            debit=Account(kind=debit[0], owner=debit[1], currency="USD"),
            credit=Account(kind=credit[0], owner=credit[1], currency="USD"),
            minor=minor,
            code=code,
            reference=reference,
        )
        await self.ledger.post(self.ctx, transfers=[transfer])

    async def sale(self, vendor: UUID, net: int, commission: int, tax: int = 0) -> UUID:
        order = self.sold.sell(vendor)
        total = net + commission + tax
        await self.post(("clearing", None), ("escrow", order), total, Code.CAPTURE, order)
        await self.post(("escrow", order), ("payable", vendor), net, Code.EARNING, order)
        await self.post(("escrow", order), ("commission", None), commission, Code.COMMISSION, order)
        if tax:
            await self.post(
                ("escrow", order), ("commission_tax", None), tax, Code.COMMISSION_TAX, order
            )
        return order


@pytest.fixture
async def desk(database_of: DatabaseOf) -> AsyncIterator[Desk]:
    ledger, sold = LedgerService(await database_of("ledger")), Sold()
    database = await database_of("statements")
    yield Desk(StatementsService(database, OneMarket(), Named(), ledger, sold), ledger, sold)
    await database.execute("DELETE FROM statements.invoices")
    await database.execute("DELETE FROM statements.series")
    await database.execute("DELETE FROM statements.months")


async def lines(desk: Desk, vendor: UUID, limit: int = 2) -> list[Any]:
    found, cursor = [], None
    while True:
        page = await desk.service.statement(
            desk.ctx,
            vendor_id=vendor,
            since=OCTOBER,
            until=NOVEMBER,
            limit=limit,
            cursor=cursor,
        )
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


async def test_a_statement_runs_from_opening_to_closing(desk: Desk) -> None:
    vendor = uuid4()
    desk.clock.set(OCTOBER - timedelta(days=1))
    await desk.sale(vendor, 1000, 30)
    order = None
    for n in range(5):
        desk.clock.set(OCTOBER + timedelta(days=n))
        order = await desk.sale(vendor, 100 + n, 3)
    assert order is not None
    desk.clock.advance(timedelta(hours=1))
    await desk.post(("payable", vendor), ("escrow", order), 50, Code.EARNING_REVERSAL, order)
    desk.clock.set(NOVEMBER)
    await desk.sale(vendor, 7, 1)
    found = await lines(desk, vendor)
    assert [line.entry.minor for line in found] == [100, 101, 102, 103, 104, -50]
    assert [line.balance.minor for line in found] == [1100, 1201, 1303, 1406, 1510, 1460]
    assert found[0].order_number.startswith("H-")
    assert found[-1].text == "Refund to the customer"
    summary = await desk.service.statement_summary(
        desk.ctx, vendor_id=vendor, since=OCTOBER, until=NOVEMBER
    )
    assert (summary.opening, summary.closing) == (usd(1000), usd(1460))
    assert summary.by_code == {"earning": usd(510), "earning_reversal": usd(-50)}


async def test_an_end_before_its_beginning_and_a_time_without_zone(desk: Desk) -> None:
    for since, until, path in (
        (NOVEMBER, OCTOBER, "until"),
        (datetime(2026, 10, 1), NOVEMBER, "since"),  # noqa: DTZ001
    ):
        with pytest.raises(Invalid) as caught:
            await desk.service.statement_summary(
                desk.ctx, vendor_id=uuid4(), since=since, until=until
            )
        assert caught.value.fields[0].path == path


async def test_invoices_are_the_ledgers_month(desk: Desk) -> None:
    first, second, idle = sorted([uuid4(), uuid4(), uuid4()])
    desk.clock.set(OCTOBER)
    order = await desk.sale(first, 900, 100, 20)
    await desk.sale(second, 950, 50, 10)
    await desk.post(("commission", None), ("escrow", order), 40, Code.COMMISSION_REVERSAL, order)
    await desk.post(("payable", second), ("commission", None), 25, Code.FEE, uuid4())
    await desk.post(("commission", None), ("payable", second), 5, Code.CREDIT_NOTE, uuid4())
    desk.clock.set(NOVEMBER)
    await desk.sale(idle, 10, 1)
    with pytest.raises(MonthInvalid):
        await desk.service.issue(desk.ctx, month="2026-10")
    desk.clock.set(NOVEMBER + timedelta(hours=2))
    issued = await desk.service.issue(desk.ctx, month="2026-10")
    ours = {one.vendor_id: one for one in issued if one.vendor_id in (first, second, idle)}
    assert set(ours) == {first, second}
    assert (ours[first].commission, ours[first].tax) == (usd(60), usd(20))
    assert (ours[second].commission, ours[second].fees) == (usd(50), usd(20))
    assert ours[second].total == usd(80)
    sums = await desk.ledger.sums(desk.ctx, kind="commission", since=OCTOBER, until=NOVEMBER)
    assert sum(one.minor for one in sums) == sum(
        one.commission.minor + one.fees.minor for one in issued
    )
    again = await desk.service.issue(desk.ctx, month="2026-10")
    assert again == issued
    page = await desk.service.invoices(desk.vendor(first), vendor_id=first)
    assert page.items == [ours[first]]
    with pytest.raises(NotFound):
        await desk.service.invoice(desk.vendor(first), number=ours[second].number)


async def test_numbers_have_no_gaps_when_months_are_issued_at_once(
    desk: Desk, database_of: DatabaseOf
) -> None:
    desk.clock.set(OCTOBER)
    for _ in range(5):
        await desk.sale(uuid4(), 10, 1)
    desk.clock.set(NOVEMBER + timedelta(days=1))
    found = await asyncio.gather(*(desk.service.issue(desk.ctx, month="2026-10") for _ in range(4)))
    numbers = [one.number for one in found[0]]
    assert all([one.number for one in issued] == numbers for issued in found)
    assert numbers == [f"CI-2026-{n:06}" for n in range(1, len(numbers) + 1)]
    database = await database_of("statements")
    assert await prove(database) == []
    await database.execute("DELETE FROM statements.invoices WHERE place = 2")
    assert "2026" in (await prove(database))[0]


async def test_the_timer_issues_last_month_once(desk: Desk) -> None:
    vendor = uuid4()
    desk.clock.set(OCTOBER)
    await desk.sale(vendor, 10, 1)
    desk.clock.set(NOVEMBER + timedelta(minutes=30))
    await desk.service.issue_due(desk.ctx)
    assert (await desk.service.invoices(desk.ctx, vendor_id=vendor)).items == []
    desk.clock.set(NOVEMBER + timedelta(minutes=90))
    for _ in range(2):
        await desk.service.issue_due(desk.ctx)
    assert len((await desk.service.invoices(desk.ctx, vendor_id=vendor)).items) == 1


async def test_another_vendors_money_is_not_there(desk: Desk) -> None:
    mine, theirs = uuid4(), uuid4()
    with pytest.raises(NotFound):
        await desk.service.statement(
            desk.vendor(mine), vendor_id=theirs, since=OCTOBER, until=NOVEMBER
        )
    with pytest.raises(NotFound):
        await desk.service.document(
            desk.vendor(mine), vendor_id=theirs, kind="statement", ref="2026-10"
        )


def pdf_text(content: bytes) -> str:
    reader = pypdf.PdfReader(io.BytesIO(content))
    return "\n".join(page.extract_text() for page in reader.pages)


async def test_documents_say_what_the_ledger_says(desk: Desk) -> None:
    vendor = uuid4()
    desk.clock.set(OCTOBER + timedelta(days=3))
    await desk.sale(vendor, 123_456, 5_000, 1_000)
    desk.clock.set(NOVEMBER + timedelta(hours=2))
    [invoice] = [
        one
        for one in await desk.service.issue(desk.ctx, month="2026-10")
        if one.vendor_id == vendor
    ]
    made = await desk.service.document(
        desk.ctx, vendor_id=vendor, kind="invoice", ref=invoice.number
    )
    text = pdf_text(made.content)
    assert made.name == f"invoice-{invoice.number}.pdf"
    assert "60.00" in text
    assert invoice.number in text
    statement = await desk.service.document(
        desk.ctx, vendor_id=vendor, kind="statement", ref="2026-10"
    )
    assert "1234.56" in pdf_text(statement.content)
    as_csv = await desk.service.document(
        desk.ctx, vendor_id=vendor, kind="statement", ref="2026-10", format="csv"
    )
    assert "1234.56" in as_csv.content.decode("utf-8-sig")
    payout = Payout(
        id=uuid4(),
        vendor_id=vendor,
        amount=usd(500),
        status="paid",
        requested_at=OCTOBER,
        paid_at=NOVEMBER,
        items=[
            PayoutItem(kind="earning", order_number="H-9-1", title="বই", amount=usd(700)),
            PayoutItem(kind="fee", amount=usd(-200)),
        ],
    )
    desk.sold.paid[payout.id] = payout
    paper = await desk.service.document(
        desk.ctx, vendor_id=vendor, kind="payout", ref=str(payout.id)
    )
    assert "-2.00" in pdf_text(paper.content)


@pytest.mark.parametrize("ref", ["2026-13", "26-10", "2026-1", "", "../etc", "2026-10x"])
async def test_a_month_is_written_one_way(desk: Desk, ref: str) -> None:
    with pytest.raises(MonthInvalid):
        await desk.service.document(desk.ctx, vendor_id=uuid4(), kind="statement", ref=ref)


async def test_ten_thousand_lines_page_by_page(desk: Desk) -> None:
    vendor, order = uuid4(), desk.sold.sell(uuid4())
    desk.clock.set(OCTOBER)
    for _ in range(5):
        transfers = [
            Transfer(
                id=uuid4(),
                debit=Account(kind="suspense", currency="USD"),
                credit=Account(kind="payable", owner=vendor, currency="USD"),
                minor=1,
                code=Code.CORRECTION,
                reference=order,
            )
            for _ in range(2000)
        ]
        await desk.ledger.post(desk.ctx, transfers=transfers)
    found = await lines(desk, vendor, limit=1000)
    assert [line.balance.minor for line in found] == list(range(1, 10_001))


CELLS = st.text(st.characters(exclude_characters="\0\r\n"), min_size=1)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5))
def test_csv_reads_back_and_no_cell_is_a_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(rows), newline="")))
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    for cell in (cell for row in read for cell in row):
        assert not cell.startswith(("=", "@"))
        if cell.startswith(("+", "-")):
            assert cell.lstrip("+-").replace(".", "", 1).isdigit()


@given(st.datetimes(datetime(2001, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001
def test_every_moment_is_in_its_month(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    since, until = rules.month_bounds(rules.month_of(aware))
    assert since <= aware < until
    assert rules.month_bounds(rules.month_before(rules.month_of(aware)))[1] == since
