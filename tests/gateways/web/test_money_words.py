"""What the money's pages say and draw, without a market: words, periods, charts, streams, files."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast, get_args
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.responses import StreamingResponse

from haat.domains.money.commissions.api import Terms
from haat.domains.money.ledger.api import Code, Entry
from haat.domains.money.payments.api import Destination, Payments, ProviderInfo, VendorAccount
from haat.domains.money.payouts.api import (
    BalanceForecast,
    BankFile,
    Blocker,
    Deduction,
    Earning,
    EarningLine,
    Forecast,
    ForecastDay,
    Payout,
    PayoutItem,
    Payouts,
    SalesDay,
    VendorBalance,
)
from haat.domains.money.statements.api import StatementLine, Statements
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.reach.notifications.api import Notifications
from haat.domains.trade.cart.api import Cart
from haat.engines.http import Signer
from haat.engines.rpc import local
from haat.gateways.rest import Parts, create
from haat.gateways.rest.application import equip
from haat.gateways.web.admin import admin_routers
from haat.gateways.web.admin.income import begun, columns, month
from haat.gateways.web.routers import web_state
from haat.gateways.web.vendor import money_words as words
from haat.gateways.web.vendor import vendor_routers
from haat.gateways.web.vendor.earnings import period_of
from haat.gateways.web.vendor.money_forecast import WEEKS_LEAST, WEEKS_MOST, shown
from haat.gateways.web.vendor.overview import DAYS, revenue
from haat.gateways.web.vendor.statement import STREAMED, months_until, span_of, statement_csv
from haat.gateways.web.visit import Visit
from haat.kernel.clock import SystemClock
from haat.kernel.contract import Contract
from haat.kernel.errors import Invalid
from haat.kernel.page import Page
from tests.gateways.web.bazaar import (
    CLAY,
    SITE,
    Bazaar,
    FakeCart,
    FakeMarket,
    FakeNotifications,
    FakeVendors,
    id_of,
    usd,
)
from tests.gateways.web.browser import check, form_in

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LINK = "https://connect.test/setup/1"


def line(**given: Any) -> EarningLine:
    parts: dict[str, Any] = {
        "id": id_of("line"), "title": "Mug", "quantity": 2, "unit_price": usd(1000),
        "base": usd(2000), "gross": usd(2200), "commission": usd(200),
        "commission_tax": usd(40), "tax": usd(200), "net": usd(1760),
        "terms": Terms(source="default", rate_bp=1000, base_minor=2000, tax_bp=2000),
    }  # fmt: skip
    return EarningLine(**(parts | given))


def forecast(number: int, cause: str, net: int, change: int, **given: Any) -> Forecast:
    parts: dict[str, Any] = {
        "vendor_order_id": id_of("order"), "line_id": id_of("line"), "number": number,
        "cause": cause, "cause_id": uuid4(), "gross": usd(2200), "net": usd(net),
        "change": usd(change), "deductions": [], "expected_at": None, "blockers": [],
        "paid": usd(0), "issued_at": NOW + timedelta(hours=number),
    }  # fmt: skip
    return Forecast(**(parts | given))


def test_there_are_words_for_everything() -> None:
    assert set(words.WAITS) == set(get_args(Blocker))
    assert set(words.CAUSES) == set(get_args(Forecast.model_fields["cause"].annotation))
    assert set(words.DEDUCTIONS) == set(get_args(Deduction.model_fields["kind"].annotation))
    assert set(words.ITEMS) == set(get_args(PayoutItem.model_fields["kind"].annotation))


def test_each_event_says_what_it_changed() -> None:
    history = [
        forecast(1, "sold", 1760, 1760),
        forecast(2, "delivered", 1760, 0),
        forecast(3, "refunded", 560, -1200),
        forecast(4, "dispute_won", 660, 100),
    ]
    told = words.steps(history)
    assert [(one.why, one.changed) for one in told] == [
        ("The dispute was won", "changed by +$1.00"),
        ("A refund to the customer", "changed by −\u2060$12.00"),
        ("The order was delivered", ""),
        ("The order was paid", ""),
    ]


def test_deductions_add_up_from_gross_to_net() -> None:
    frozen = words.taken(line(), None)
    assert sum(one.amount.minor for one in frozen) == 2200 - 1760
    newest = forecast(
        2, "refunded", 1000, -760,
        deductions=[Deduction(kind="commission", minor=100, why="ignored"),
                    Deduction(kind="refund", minor=1100, why="Given back to the customer"),
                    Deduction(kind="reserve", minor=50, why="Held back until 2026-12-24")],
    )  # fmt: skip
    commission, refund, reserve = words.taken(line(), newest)
    assert commission.why == "10 % of $20.00 (the market's rate)"
    assert sum(one.amount.minor for one in (commission, refund) if not one.held) == 2200 - 1000
    assert (reserve.held, refund.held) == (True, False)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (Terms(source="vendor_rate", rate_bp=250, base_minor=1000),
         "2.5 % of $10.00 (your own rate)"),
        (Terms(source="rule", rule_name="Books", rate_bp=500, fixed_minor=30, floor_minor=50,
               cap_minor=900), "5 % plus $0.30 a piece, at least $0.50, at most $9.00"
                               " (rule “Books”)"),
        (Terms(source="rule", fixed_minor=30), "$0.30 a piece (a rule of the market)"),
        (Terms(source="none"), "None is taken on this"),
    ],
)  # fmt: skip
def test_the_frozen_rule_is_told(terms: Terms, said: str) -> None:
    assert words.commission_told(terms, "USD") == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "You are paid when you ask for it."),
        ({"schedule": "daily"}, "Payouts are made every day, with all that is available. You may"),
        ({"schedule": "weekly", "schedule_day": 7, "threshold": usd(500)},
         "Payouts are made every Sunday, if at least $5.00 are available."),
        ({"schedule": "monthly", "schedule_day": 22}, "on the 22nd of every month"),
        ({"schedule": "monthly", "schedule_day": 11}, "on the 11th of every month"),
        ({"threshold": usd(1)}, "You are paid when you ask for it."),
    ],
)  # fmt: skip
def test_when_payouts_are_made(given: dict[str, Any], said: str) -> None:
    none = usd(0)
    balance = VendorBalance(
        vendor_id=CLAY.id, available=none, pending=none, reserved=none, requested=none, paid=none,
        **given,
    )  # fmt: skip
    assert said in words.schedule_told(balance)


def coming(*days: tuple[int, int], **waiting: int) -> BalanceForecast:
    return BalanceForecast(
        vendor_id=CLAY.id, available=usd(0),
        days=[ForecastDay(day=TODAY + timedelta(days=n), amount=usd(minor), vendor_orders=1)
              for n, minor in days],
        waiting={name: usd(minor) for name, minor in waiting.items()},
    )  # fmt: skip


def test_the_forecast_is_drawn_by_whole_weeks() -> None:
    near = shown(coming((0, 100), (3, 200)), TODAY, "USD")
    assert len(near.bars) == 7 * WEEKS_LEAST
    assert near.bars[3].told == "24 November: $2.00"
    assert near.bars[4].told == "25 November: nothing"
    assert near.bars[3].height == 2 * near.bars[0].height
    far = shown(coming((1, 100), (20, 300), (200, 500)), TODAY, "USD")
    assert len(far.bars) == 7 * WEEKS_MOST
    assert [one.amount for one in far.later] == [usd(500)]
    assert far.whole == usd(900)
    assert far.last == TODAY + timedelta(days=7 * WEEKS_MOST - 1)
    late = shown(coming((-2, 100), (0, 50)), TODAY, "USD")
    assert late.bars[0].tone == ""
    waits = shown(coming(hold=100, not_delivered=900), TODAY, "USD").waiting
    assert waits == [("not_delivered", usd(900)), ("hold", usd(100))]


def test_periods_and_months() -> None:
    period = period_of({"since": "2026-11-01", "until": "2026-11-30"})
    assert period.since == datetime(2026, 11, 1, tzinfo=UTC)
    assert period.until == datetime(2026, 12, 1, tzinfo=UTC)
    with pytest.raises(Invalid) as refused:
        period_of({"since": "soon", "until": "2026-13-01"})
    assert [one.path for one in refused.value.fields] == ["since", "until"]
    december = span_of({"month": "2026-12"}, NOW)
    assert december.until == datetime(2027, 1, 1, tzinfo=UTC)
    assert span_of({}, NOW).month == "2026-11"
    assert span_of({"since": "2026-01-01", "until": "2026-01-31"}, NOW).month == ""
    with pytest.raises(Invalid):
        span_of({"since": "2026-01-01"}, NOW)
    months = months_until(datetime(2026, 3, 31, tzinfo=UTC))
    assert months[:4] == [("2026-03", "March 2026"), ("2026-02", "February 2026"),
                          ("2026-01", "January 2026"), ("2025-12", "December 2025")]  # fmt: skip


def test_sales_have_a_bar_for_every_day() -> None:
    day = SalesDay(day=TODAY, vendor_orders=1, gross=usd(900), net=usd(800), refunded=usd(0))
    found = revenue([day], TODAY - timedelta(days=DAYS - 1), "USD")
    assert len(found.bars) == DAYS
    assert found.bars[-1].told == "21 November: $9.00, 1 order"
    assert found.last == TODAY


def test_income_by_month() -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    found = month(
        first,
        {"commission": usd(900), "commission_reversal": usd(-100), "fee": usd(50),
         "provider_fee": usd(-30), "odd_thing": usd(1)},
        "USD",
    )  # fmt: skip
    assert (found.commission, found.whole) == (usd(800), usd(821))
    assert columns([found])[-1] == ("odd_thing", "Odd thing")
    empty = month(first, {}, "USD")
    assert len(begun([empty] * 11 + [found])) == 6
    assert len(begun([empty] + [found] * 11)) == 11
    assert len(begun([empty] * 12)) == 6


class Pages(Statements):
    """Pages of a long statement; `asked` counts them."""

    def __init__(self, pages: int) -> None:
        self.pages, self.asked = pages, 0

    async def statement(self, ctx: Any, **asked: Any) -> Page[StatementLine]:
        self.asked += 1
        n = int(asked["cursor"] or 0)
        entry = Entry(
            transfer_id=uuid4(), minor=100, code=Code.EARNING, reference=uuid4(),
            counterpart="escrow", status="posted", at=NOW,
        )  # fmt: skip
        one = StatementLine(entry=entry, text="=Earning", balance=usd(100 * (n + 1)))
        return Page(items=[one] * asked["limit"], next=str(n + 1) if n + 1 < self.pages else None)


async def test_a_long_statement_begins_at_once() -> None:
    """Its first lines are on their way before the second page is read."""
    pages = Pages(20)
    visit = SimpleNamespace(
        ctx=SimpleNamespace(now=lambda: NOW, acting_vendor=CLAY.id), doors={Statements: pages}
    )
    visit.file = lambda name, kind, content: StreamingResponse(content)
    request = SimpleNamespace(query_params={"month": "2026-11"})
    answer = await statement_csv(cast(Visit, visit), cast(Any, request))
    assert isinstance(answer, StreamingResponse)
    pieces = cast(AsyncIterator[str], answer.body_iterator)
    assert (await anext(pieces)).startswith("\ufefftime,what")
    first = await anext(pieces)
    assert pages.asked == 1
    assert first.count("\r\n") == STREAMED
    assert ",'=Earning," in first, "no formula for a spreadsheet"
    rest = [piece async for piece in pieces]
    assert first.count("\r\n") + sum(piece.count("\r\n") for piece in rest) == 10_000


class Till(Payouts):
    """One vendor's money as a test likes it; `set` and `settled` are what was asked for."""

    def __init__(self) -> None:
        self.set: Destination | None = None
        self.settled: list[Any] = []
        self.left = usd(-1200)
        self.method = "test"
        self.made = [
            Payout(id=id_of("one"), vendor_id=CLAY.id, amount=usd(700), status="processing",
                   method="bank", requested_at=NOW),
            Payout(id=id_of("two"), vendor_id=CLAY.id, amount=usd(300), status="paid",
                   method="bank", requested_at=NOW, paid_at=NOW),
        ]  # fmt: skip

    async def balance(self, ctx: Any, **_: Any) -> VendorBalance:
        none = usd(0)
        return VendorBalance(
            vendor_id=CLAY.id, available=self.left, pending=none, reserved=usd(400),
            requested=none, paid=none, blockers=["destination"],
            method=self.method,
        )  # fmt: skip

    async def balance_forecast(self, ctx: Any, **_: Any) -> BalanceForecast:
        today = datetime.now(UTC).date()
        days = [ForecastDay(day=today + timedelta(days=n), amount=usd(100 * n), vendor_orders=n)
                for n in (1, 9, 90)]  # fmt: skip
        return BalanceForecast(
            vendor_id=CLAY.id, available=self.left, days=days, waiting={"dispute": usd(500)}
        )

    async def destination(self, ctx: Any, **_: Any) -> Destination | None:
        return self.set

    async def set_destination(
        self, ctx: Any, *, vendor_id: UUID, destination: Destination, at: Any = None
    ) -> None:
        self.set = destination

    async def earnings(self, ctx: Any, **_: Any) -> Page[Earning]:
        return Page(items=[])

    async def payouts(self, ctx: Any, **_: Any) -> Page[Payout]:
        return Page(items=self.made)

    async def queue(self, ctx: Any, **asked: Any) -> Page[Payout]:
        return Page(items=self.made if asked["bank_file_id"] == id_of("file") else [])

    async def make_bank_file(self, ctx: Any, *, id: UUID, format: Any) -> BankFile:
        return BankFile(id=id_of("file"), format=format, payouts=2, total=usd(1000), created_at=NOW)

    async def bank_file(self, ctx: Any, *, id: UUID) -> str:
        return "<?xml version='1.0'?><Document/>"

    async def settle_bank_payouts(self, ctx: Any, *, ids: list[UUID], **told: Any) -> list[Payout]:
        self.settled.append((ids, told))
        return [one for one in self.made if one.id in ids]


class Provider(Payments):
    """Stripe-like: opens accounts for vendors; `account` is what became of it."""

    def __init__(self) -> None:
        self.account: VendorAccount | None = None
        self.returns: list[str] = []

    async def providers(self, ctx: Any) -> list[ProviderInfo]:
        return [ProviderInfo(name="stripe", label="Stripe", kind="card", onboards_vendors=True)]

    async def accounts(self, ctx: Any, **_: Any) -> list[VendorAccount]:
        return [self.account] if self.account else []

    async def onboard(self, ctx: Any, *, vendor_id: UUID, provider: str, return_url: str) -> str:
        self.returns.append(return_url)
        if self.account is None:
            self.account = VendorAccount(
                vendor_id=vendor_id, provider=provider, provider_ref="acct_1A2b", status="started",
                requirements=["bank_account"], updated_at=NOW,
            )  # fmt: skip
        return LINK


class House:
    """The vendor portal and the back office over these fakes."""

    def __init__(self) -> None:
        self.world = world = Bazaar()
        self.till, self.provider = Till(), Provider()
        fakes: list[tuple[type[Contract], Contract]] = [
            (Market, FakeMarket(world)), (Vendors, FakeVendors()), (Payouts, self.till),
            (Payments, self.provider), (Cart, FakeCart(world)),
            (Notifications, FakeNotifications(world)),
        ]  # fmt: skip
        self.app = create([], site_routers=[*vendor_routers(), *admin_routers()])
        inner: Any = self.app
        while not hasattr(inner, "state"):
            inner = inner._app
        parts = Parts(
            doors={contract: local(contract, fake, caller=None) for contract, fake in fakes},
            tokens=world.tokens, signer=Signer(b"s" * 32, SystemClock()), clock=SystemClock(),
            answers=cast(Any, None), ready=cast(Any, None), state=web_state(SITE),
        )  # fmt: skip
        equip(inner, parts)

    def browser(self, *scopes: str, vendor: bool = False) -> httpx.AsyncClient:
        person = self.world.member("ana@example.com", *scopes, vendor=vendor)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=SITE,
            cookies=self.world.cookie(person), headers={"accept": "text/html"},
        )  # fmt: skip


async def page(browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text[-500:]
    check(answer.text)
    return answer.text


async def test_a_negative_balance_and_what_comes_are_explained() -> None:
    house = House()
    text = await page(house.browser("vendor:money", vendor=True), "/vendor/money")
    assert "you owe the market $12.00" in text
    assert 'class="chart"' in text
    assert "More comes after the last day shown in the chart." in text
    assert words.WAITS["dispute"] in text
    assert "There is nothing to pay out just now." in text
    house.till.left = usd(5000)
    text = await page(house.browser("vendor:money", vendor=True), "/vendor/money")
    assert words.WAITS["destination"] in text


async def test_a_vendor_opens_an_account_at_a_provider_and_is_paid_there() -> None:
    house = House()
    browser = house.browser("vendor:money", vendor=True)
    path = "/vendor/money/onboarding/stripe"
    assert (await browser.get(path)).status_code == 404, "nothing is opened by looking"
    text = await page(browser, "/vendor/money")
    form_in(text, path)
    assert "The market pays through Stripe" not in text
    house.till.method = "stripe"
    assert "The market pays through Stripe" in await page(browser, "/vendor/money")
    answer = await browser.post(path)
    assert answer.headers["location"] == path
    text = await page(browser, path)
    assert f'content="0; url={LINK}"' in text
    assert house.provider.returns[-1] == f"{SITE}/vendor/money"
    assert "still asks for Bank account" in await page(browser, "/vendor/money")
    assert (await browser.post(f"{path}/use")).status_code == 404, "it is not ready"
    assert house.provider.account is not None
    house.provider.account = house.provider.account.model_copy(update={"status": "ready"})
    form_in(await page(browser, "/vendor/money"), f"{path}/use")
    assert (await browser.post(f"{path}/use")).status_code == 303
    assert house.till.set is not None
    assert house.till.set.provider_ref == "acct_1A2b"
    text = await page(browser, "/vendor/money")
    assert "What is paid through Stripe goes to your account there." in text
    assert f'action="{path}/use"' not in text
    assert "The market pays through Stripe" not in text


async def test_where_a_provider_pays_to_is_not_taken_from_a_form() -> None:
    house = House()
    form = {"holder": "Me", "account": "GB29NWBK60161331", "provider_ref": "acct_others"}
    answer = await house.browser("vendor:money", vendor=True).post(
        "/vendor/money/account", data=form
    )
    assert answer.status_code == 303
    assert house.till.set == Destination(holder="Me", account="GB29NWBK60161331")


async def test_a_bank_file_is_made_downloaded_and_answered() -> None:
    house = House()
    browser = house.browser("staff", "staff:payouts")
    path = f"/admin/bank-files/{id_of('file')}"
    form = {"id": str(uuid4()), "format": "pain.001"}
    answer = await browser.post("/admin/bank-files", data=form)
    assert answer.headers["location"] == path
    text = await page(browser, path)
    fields = form_in(text, path)
    assert fields == {f"pick_{id_of('one')}": "on", "reason": ""}, "what has ended is not chosen"
    file = await browser.get(f"/admin/files/bank/{id_of('file')}")
    assert file.headers["content-type"].startswith("application/xml")
    assert ".xml" in file.headers["content-disposition"]
    silent = await browser.post(path, data={**fields, "outcome": "returned"})
    assert silent.status_code == 422
    assert 'id="reason-error"' in silent.text
    none = await browser.post(path, data={"outcome": "paid"})
    assert none.status_code == 422
    assert (await browser.post(path, data={**fields, "outcome": "paid"})).status_code == 303
    back = {**fields, "outcome": "returned", "reason": "Account closed"}
    assert (await browser.post(path, data=back)).status_code == 303
    one = [id_of("one")]
    assert house.till.settled == [
        (one, {"paid": True, "reason": ""}), (one, {"paid": False, "reason": "Account closed"}),
    ]  # fmt: skip
