"""The wallet's pages: a person's, a vendor's and the back office's, without a script.

The wallet and its ledger are the real ones, on PostgreSQL; what stands around them is fake.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest

from haat.domains.goods.pricing.api import Pricing
from haat.domains.money.payments.api import (
    Disbursement,
    Hold,
    Payments,
    ProviderAway,
    TransferInstructions,
)
from haat.domains.money.wallet.api import CREDITS, Wallet, WalletBalance
from haat.domains.money.wallet.settings import WalletSettings
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.reach.notifications.api import Notifications
from haat.domains.trade.cart.api import Cart
from haat.engines.http import Signer
from haat.engines.rpc import local
from haat.gateways.rest import Parts, create
from haat.gateways.rest.application import equip
from haat.gateways.web.admin import admin_routers
from haat.gateways.web.pages import money
from haat.gateways.web.routers import web_state
from haat.gateways.web.store import store_routers
from haat.gateways.web.vendor import vendor_routers
from haat.kernel.clock import SystemClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.contract import Contract
from haat.kernel.money import Money
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import FragileLedger
from tests.domains.money.wallet_parts import Cashier, DatabaseOf, Everybody, make
from tests.gateways.web.bazaar import (
    CLAY,
    LOOM,
    SITE,
    Bazaar,
    FakeCart,
    FakeMarket,
    FakeNotifications,
    FakePricing,
    FakeVendors,
)
from tests.gateways.web.browser import Browser, check, form_in

CTX = Context(actor=SYSTEM)
MINE, OURS, OFFICE = "/account/wallet", "/vendor/wallet", "/admin/credits"
IBAN = "DE89370400440532013000"
NO_ID = UUID(int=0)


class SomeVendors(FakeVendors):
    async def by_ids(self, ctx: Any, *, ids: list[UUID]) -> list[Vendor]:
        return [one for one in (CLAY, LOOM) if one.id in ids]


class Desk(Browser):
    """A browser of somebody in this world."""

    def __init__(self, app: Any, cookies: dict[str, str], person_id: UUID) -> None:
        self.person_id = person_id
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=SITE, cookies=cookies,
            headers={"accept": "text/html"},
        )  # fmt: skip


class Counter(Cashier):
    """Staff pay from the market's bank account; notes what they said of it."""

    said: list[tuple[list[UUID], bool, str]]

    async def settle_disbursements(
        self,
        ctx: Context,
        *,
        ids: list[UUID],
        paid: bool,
        provider_ref: str = "",
        reason: str = "",
    ) -> None:
        self.said.append((ids, paid, reason))


class Town:
    def __init__(self, wallet: Any, cashier: Cashier, people: Everybody) -> None:
        self.wallet, self.cashier, self.people = wallet, cashier, people
        self.world = world = Bazaar()
        fakes: list[tuple[type[Contract], Contract]] = [
            (Market, FakeMarket(world)), (Vendors, SomeVendors()), (Wallet, wallet),
            (Payments, cashier), (Cart, FakeCart(world)),
            (Notifications, FakeNotifications(world)), (Pricing, FakePricing()),
        ]  # fmt: skip
        routers = [*store_routers(), *vendor_routers(), *admin_routers()]
        self.app = create([], site_routers=routers)
        inner: Any = self.app
        while not hasattr(inner, "state"):
            inner = inner._app
        parts = Parts(
            doors={contract: local(contract, fake, caller=None) for contract, fake in fakes},
            tokens=world.tokens, signer=Signer(b"s" * 32, SystemClock()), clock=SystemClock(),
            answers=cast(Any, None), ready=cast(Any, None), state=web_state(SITE),
        )  # fmt: skip
        equip(inner, parts)

    def desk(self, email: str, *scopes: str, vendor: bool = False) -> Desk:
        person = self.world.member(email, *scopes, vendor=vendor)
        self.people.known.add(person.id)
        return Desk(self.app, self.world.cookie(person), person.id)

    def staff(self, *scopes: str) -> Desk:
        return self.desk("staff@example.com", "staff", *(scopes or ("staff:money",)))

    async def balance(self, person_id: UUID) -> WalletBalance:
        ctx = Context(actor=Actor("person", person_id), scopes=frozenset({"person"}))
        found: WalletBalance = await self.wallet.balance(ctx)
        return found


@pytest.fixture
async def town(database_of: DatabaseOf, database_url: str) -> Town:
    await emptied(database_url, "ledger", "wallet")
    ledger = FragileLedger(await database_of("ledger"))
    cashier, people = Counter(), Everybody()
    cashier.said = []
    wallet = make(await database_of("wallet"), people, ledger, cashier, WalletSettings())
    await wallet.rating.begin(CTX, "USD")
    return Town(wallet, cashier, people)


@pytest.fixture
async def ana(town: Town) -> AsyncIterator[Desk]:
    found = town.desk("ana@example.com")
    yield found
    await found.http.aclose()


async def bought(desk: Desk, home: str, credits: str, provider: str = "test") -> str:
    """Where buying leads."""
    form = form_in(await desk.page(home), f"{home}/topups")
    return await desk.done(f"{home}/topups", form | {"credits": credits, "provider": provider})


def test_credits_are_written_as_credits() -> None:
    assert money(Money(minor=123_450, currency=CREDITS)) == "1,234.50 credits"
    assert money(Money(minor=-400, currency=CREDITS)) == "-4.00 credits"
    assert money(Money(minor=1250, currency="USD")) == "$12.50"


@pytest.mark.parametrize("home", [MINE, OURS])
async def test_buying_and_withdrawing_by_forms(town: Town, home: str) -> None:
    desk = town.desk("own@example.com", "vendor:money", vendor=True)
    text = await desk.page(home)
    assert "100 credits cost <strong>$100.00</strong>" in text
    assert "Nothing has moved yet" in text
    form = form_in(text, f"{home}/topups") | {"credits": "25.50"}
    assert form["provider"] == "test"
    for _ in range(2):  # pressed twice
        assert await desk.done(f"{home}/topups", form) == home
    text = await desk.page(home)
    assert "25.50 credits are in the wallet." in text
    assert "worth $25.50 now" in text
    assert "+25.50 credits" in text
    form = form_in(text, f"{home}/withdrawals")
    form |= {"amount": "10", "holder": "Ada Lovelace", "account": IBAN}
    for _ in range(2):
        assert await desk.done(f"{home}/withdrawals", form) == home
    text = await desk.page(home)
    assert "A withdrawal of $10.00 is asked for." in text
    assert ("10.00 credits" in text, IBAN in text, "•3000" in text) == (True, False, True)
    too_much = form | {"id": str(uuid4()), "amount": "15.51"}
    refused = await desk.send(f"{home}/withdrawals", too_much)
    assert refused.status_code == 409
    assert "At most 15.50 credits can be withdrawn just now." in refused.text
    assert form_in(refused.text, f"{home}/withdrawals")["id"] != too_much["id"]
    text = await desk.page(f"{home}/statement")
    assert ("Withdrawn" in text, "-10.00 credits" in text, "Set aside" in text) == (True,) * 3
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    assert "Nothing had moved then" in await desk.page(f"{home}/statement?day={yesterday}")
    assert "Withdrawn" in await desk.page(f"{home}/statement?day=9999-12-31")
    section = 'href="/vendor/wallet" aria-current="page"'
    assert (section in text) == (home == OURS)


async def test_whose_wallet_it_is(town: Town) -> None:
    owner = town.desk("own@example.com", "vendor:money", vendor=True)
    hand = town.desk("hand@example.com", "vendor:orders", vendor=True)
    await bought(owner, OURS, "5")
    assert "5.00 credits" in await owner.page(OURS)
    assert "0.00 credits" in await owner.page(MINE)
    await hand.page(OURS, 403)
    guest = Desk(town.app, {}, NO_ID)
    assert (await guest.http.get(MINE)).headers["location"].startswith("/sign-in?next=")
    ours = (await town.wallet.topups(keeper(owner), vendor_id=CLAY.id)).items[0]
    await owner.page(f"{OURS}/topups/{ours.id}")
    for desk in (hand, town.desk("ana@example.com")):
        await desk.page(f"{MINE}/topups/{ours.id}", 404)


def keeper(desk: Desk) -> Context:
    scopes = frozenset({"person", "vendor:money"})
    return Context(actor=Actor("person", desk.person_id), scopes=scopes, vendor_id=CLAY.id)


@pytest.mark.parametrize(
    ("credits", "message"),
    [
        ("", "Fill this in."),
        ("abc", "Write an amount like 12.50."),
        ("1.234", "XCR has 2 digits after the point."),
        ("0.99", "From 1.00 credits to 100,000.00 credits at once."),
        ("100001", "From 1.00 credits to 100,000.00 credits at once."),
    ],
)
async def test_amounts_that_are_none(ana: Desk, credits: str, message: str) -> None:
    form = form_in(await ana.page(MINE), f"{MINE}/topups") | {"credits": credits}
    answer = await ana.send(f"{MINE}/topups", form)
    assert answer.status_code == 422
    assert message in answer.text
    assert form_in(answer.text, f"{MINE}/topups")["credits"] == credits


async def test_ways_to_pay_that_are_none(town: Town, ana: Desk) -> None:
    form = form_in(await ana.page(MINE), f"{MINE}/topups") | {"credits": "5"}
    assert 'value="cash"' not in await ana.page(MINE)
    for provider in ("cash", "nobody", "x" * 31):
        answer = await ana.send(f"{MINE}/topups", form | {"provider": provider})
        assert answer.status_code == 422, provider
    assert (await ana.send(f"{MINE}/topups", {"id": "x"})).status_code == 422
    assert (await ana.send(f"{MINE}/withdrawals", {"id": "x"})).status_code == 422
    assert town.cashier.held == []


async def test_a_step_at_the_provider(town: Town, ana: Desk) -> None:
    act = Hold(id=NO_ID, status="needs_action", next_action_url="https://pay.test/1?a=1&b=2")
    town.cashier.holds = [act]
    place = await bought(ana, MINE, "5")
    assert place.endswith("?go=on")
    first = await ana.page(place)
    assert '<meta http-equiv="refresh" content="0; url=https://pay.test/1?a=1&amp;b=2">' in first
    assert await ana.page(MINE)
    assert town.cashier.held[0][2].token is None
    back = place.removesuffix("?go=on")
    text = await ana.page(back + "?result=cancelled")
    assert ("You left the payment page" in text, "refresh" in text) == (True, False)
    assert back in await ana.page(MINE)
    town.cashier.holds = [Hold(id=NO_ID, status="authorized")]
    assert "The credits are in the wallet" in await ana.page(back)
    assert (await town.balance(ana.person_id)).available.minor == 500


async def test_a_bank_transfer_is_explained(town: Town, ana: Desk) -> None:
    told = TransferInstructions(
        holder="Haat <b>", iban=IBAN, bic="COBADEFFXXX", reference="HX-77-AB",
        amount=Money(minor=500, currency="USD"), until=datetime(2030, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    town.cashier.holds = [Hold(id=NO_ID, status="awaiting", instructions=told)]
    text = await ana.page(await bought(ana, MINE, "5", "bank"))
    for word in ("HX-77-AB", IBAN, "COBADEFFXXX", "Haat &lt;b&gt;", "$5.00", "2 Jan 2030"):
        assert word in text
    assert "How to transfer the money" in await ana.page(MINE)


async def test_a_declined_card_and_a_provider_that_is_away(town: Town, ana: Desk) -> None:
    town.cashier.holds = [Hold(id=NO_ID, status="declined", decline_code="insufficient_funds")]
    text = await ana.page(await bought(ana, MINE, "5"))
    assert "There is not enough money on the card. Nothing was charged." in text
    town.cashier.holds = [ProviderAway]
    place = await bought(ana, MINE, "6")
    text = await ana.page(place)
    assert ("One moment" in text, 'http-equiv="refresh"' in text) == (True, True)
    town.cashier.holds = [Hold(id=NO_ID, status="captured")]
    assert "6.00 credits for $6.00" in await ana.page(place)


async def test_a_frozen_wallet_says_so(town: Town, ana: Desk) -> None:
    await town.wallet.freeze(CTX, owner_id=ana.person_id, frozen=True, reason="Odd")
    text = await ana.page(MINE)
    assert "This wallet is frozen" in text
    form = form_in(text, f"{MINE}/topups") | {"credits": "5"}
    assert (await ana.send(f"{MINE}/topups", form)).status_code == 409


# -- the back office -----------------------------------------------------------------------------


async def test_staff_give_freeze_and_let_go_on(town: Town, ana: Desk) -> None:
    staff = town.staff()
    form = form_in(await staff.page(OFFICE), f"{OFFICE}/wallets")
    given = form | {"what": "grant", "owner_id": str(ana.person_id), "credits": "12.50"}
    given |= {"reason": "Sorry <b>"}
    for _ in range(2):
        assert await staff.done(f"{OFFICE}/wallets", given) == OFFICE
    assert "12.50 credits are given." in await staff.page(OFFICE)
    assert "Sorry &lt;b&gt;" in await ana.page(MINE)
    freeze = given | {"what": "freeze", "reason": "Odd"}
    await staff.done(f"{OFFICE}/wallets", freeze)
    text = await staff.page(OFFICE)
    assert f"<code>{ana.person_id}</code>" in text
    assert (await town.balance(ana.person_id)).frozen
    thaw = {"what": "thaw", "owner_id": str(ana.person_id), "reason": "Fine"}
    await staff.done(f"{OFFICE}/wallets", thaw)
    assert not (await town.balance(ana.person_id)).frozen
    for change, message in (
        ({"owner_id": str(uuid4())}, "There is no person or vendor with this id."),
        ({"owner_id": "x"}, "This is not an id."),
        ({"credits": "0"}, "From 0.01 to 100,000 credits at once."),
        ({"what": "steal"}, "Choose one of the list."),
        ({"reason": ""}, "Fill this in."),
    ):
        answer = await staff.send(f"{OFFICE}/wallets", given | {"id": str(uuid4())} | change)
        assert answer.status_code == 422
        assert message in answer.text


async def test_staff_see_the_flow_and_what_is_unusual(town: Town, ana: Desk) -> None:
    owner = town.desk("own@example.com", "vendor:money", vendor=True)
    await bought(ana, MINE, "30")
    await bought(owner, OURS, "1000")
    staff = town.staff()
    text = await staff.page(f"{OFFICE}?days=7")
    assert text.count("<rect") == 14
    assert "1,030.00 credits came, 0.00 credits went" in text
    assert ("$1,030.00" in text, "1000.00 credits at once" in text) == (True, True)
    assert f'<a href="/admin/vendors/{CLAY.id}">{CLAY.name.replace("&", "&amp;")}</a>' in text
    assert (await staff.page(f"{OFFICE}?days=5")).count("<rect") == 60  # thirty days, then


async def test_staff_set_rates(town: Town) -> None:
    staff = town.staff()
    text = await staff.page(f"{OFFICE}/rates")
    assert "100 credits cost <strong>$100.00</strong> now" in text
    form = form_in(text, f"{OFFICE}/rates")
    later = form | {"price": "120.5", "valid_from": "2999-01-01T00:00", "note": "Then <i>"}
    for _ in range(2):
        assert await staff.done(f"{OFFICE}/rates", later) == f"{OFFICE}/rates"
    text = await staff.page(f"{OFFICE}/rates")
    assert ("To come" in text, "$120.50" in text, "Then &lt;i&gt;" in text) == (True, True, True)
    now = form | {"id": str(uuid4()), "price": "90"}
    await staff.done(f"{OFFICE}/rates", now)
    assert "100 credits cost <strong>$90.00</strong> now" in await staff.page(f"{OFFICE}/rates")
    for change in (
        {"valid_from": "2020-01-01T00:00"},
        {"valid_from": "2999-01-01T00:00"},
        {"valid_from": "2999-13-01T00:00"},
        {"valid_from": "soon"},
        {"price": "0"},
        {"price": "x"},
        {"currency": "XCR"},
        {"id": "x"},
    ):
        wrong = form | {"id": str(uuid4()), "price": "1"} | change
        answer = await staff.send(f"{OFFICE}/rates", wrong)
        assert answer.status_code in (409, 422), change


async def test_staff_decide_withdrawals(town: Town, ana: Desk) -> None:
    await bought(ana, MINE, "30")
    form = form_in(await ana.page(MINE), f"{MINE}/withdrawals")
    form |= {"holder": "Ada <b>", "account": IBAN}
    for amount in ("10", "11"):
        await ana.done(f"{MINE}/withdrawals", form | {"id": str(uuid4()), "amount": amount})
    staff, here = town.staff(), f"{OFFICE}/withdrawals"
    assert "Ada &lt;b&gt;" in await staff.page(here)
    second, first = (await town.wallet.withdrawal_queue(CTX)).items
    path = f"{here}/{first.id}?status=requested"
    refused = await staff.send(path, {"decision": "reject", "reason": ""})
    assert (refused.status_code, "<details open>" in refused.text) == (422, True)
    await staff.done(path, {"decision": "reject", "reason": "No proof"})
    await staff.done(f"{here}/{second.id}", {"decision": "approve"})
    assert "is paid out" in await staff.page(here)
    assert "No proof" in await ana.page(MINE)
    assert "No proof" in await staff.page(f"{here}?status=rejected")
    assert (await town.balance(ana.person_id)).available.minor == 1900
    gone = await staff.http.post(f"{here}/{uuid4()}", data={"decision": "approve"})
    assert gone.status_code == 404


async def test_staff_pay_withdrawals_by_bank(town: Town, ana: Desk) -> None:
    cashier = town.cashier
    assert isinstance(cashier, Counter)
    cashier.payouts = [Disbursement(status="pending")]
    await bought(ana, MINE, "30")
    form = form_in(await ana.page(MINE), f"{MINE}/withdrawals")
    form |= {"holder": "Ada <b>", "account": IBAN}
    for amount in ("10", "11", "2"):
        await ana.done(f"{MINE}/withdrawals", form | {"id": str(uuid4()), "amount": amount})
    staff, here = town.staff(), f"{OFFICE}/to-pay"
    assert "No withdrawal waits to be paid" in await staff.page(here)
    third, second, first = (await town.wallet.withdrawal_queue(CTX)).items
    for one in (first, second):
        await staff.done(f"{OFFICE}/withdrawals/{one.id}", {"decision": "approve"})
    text = await staff.page(here)
    for word in ("Ada &lt;b&gt;", IBAN, "$10.00", "$11.00"):
        assert word in text
    assert ("$2.00" in text, f'name="withdrawal-{first.id}"' in text) == (False, True)

    ticked = {f"withdrawal-{first.id}": "on"}
    for wrong, status, message in (
        ({"outcome": "paid"}, 422, "Tick the withdrawals it is about."),
        (ticked, 422, "Say whether they were paid."),
        (ticked | {"outcome": "failed", "reason": " "}, 422, "Say why the money came back"),
        (ticked | {"outcome": "failed", "reason": "x" * 501}, 422, "At most 500 letters."),
        ({"withdrawal-x": "on", "outcome": "paid"}, 422, "This is not an id."),
        ({f"withdrawal-{third.id}": "on", "outcome": "paid"}, 409, "Its provider says"),
        ({f"withdrawal-{uuid4()}": "on", "outcome": "paid"}, 404, 'role="alert"'),
    ):
        answer = await staff.send(here, wrong)
        assert (answer.status_code, message in answer.text) == (status, True), wrong
    assert cashier.said == []
    for _ in range(2):  # pressed twice
        assert await staff.done(here, ticked | {"outcome": "paid"}) == here
    assert "1 withdrawal is paid." in await staff.page(here)
    back = {f"withdrawal-{second.id}": "on", "outcome": "failed", "reason": "Account closed"}
    await staff.done(here, back)
    assert "No withdrawal waits to be paid" in await staff.page(here)
    assert cashier.said[0] == ([first.id], True, "")
    assert cashier.said[-1] == ([second.id], False, "Account closed")
    assert "Account closed" in await ana.page(MINE)
    balance = await town.balance(ana.person_id)
    assert (balance.available.minor, balance.held.minor) == (1800, 200)


async def test_only_who_keeps_the_markets_money(town: Town, ana: Desk) -> None:
    other = town.staff("staff:payouts")
    for desk in (other, ana):
        for path in (OFFICE, *(f"{OFFICE}/{one}" for one in ("rates", "withdrawals", "to-pay"))):
            await desk.page(path, 403)
        changing = ("wallets", "rates", f"withdrawals/{uuid4()}", "to-pay")
        for path in (f"{OFFICE}/{one}" for one in changing):
            answer = await desk.http.post(path, data={"decision": "approve"})
            assert answer.status_code == 403
            check(answer.text)
