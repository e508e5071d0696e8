"""Ways to pay, credits, what an order tells of its payment, and a person's payments."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from haat.domains.money.payments.api import (
    CannotSave,
    Method,
    MethodUnknown,
    ProviderAway,
    ProviderUnknown,
)
from haat.domains.money.wallet.api import CreditsTooLow
from haat.domains.trade.settlement.api import RefundResult, Repaid, TenderPart
from haat.kernel.errors import Invalid, Unavailable
from tests.gateways.web.bazaar import Bazaar, usd
from tests.gateways.web.browser import check, form_in
from tests.gateways.web.counter import (
    BANK,
    CARD,
    CASH,
    FIRST,
    IBAN,
    NOW,
    PAYPAL,
    SAVED,
    SECOND,
    TRANSFER,
    VISA,
    awaited,
    payment,
)
from tests.gateways.web.test_store_buying import DELIVERY, quoted, with_cart
from tests.gateways.web.test_store_pages import client_of

EVERYTHING = [CARD, PAYPAL, BANK, CASH]
TOTAL = 2998
BANKS_PAGE = "https://acs.bank.test/3ds?id=1"


@pytest.fixture
def world() -> Bazaar:
    found = Bazaar()
    found.counter.providers = EVERYTHING
    return found


@pytest.fixture
def guest(world: Bazaar) -> httpx.AsyncClient:
    return client_of(world)


@pytest.fixture
def ana(world: Bazaar) -> httpx.AsyncClient:
    found = client_of(world)
    found.cookies.update(world.cookie(world.member()))
    return found


async def persons_quote(client: httpx.AsyncClient) -> str:
    await with_cart(client)
    made = await client.post("/checkout", data={**DELIVERY, "address": "new"})
    return str(made.headers["location"])


async def shown(client: httpx.AsyncClient, path: str) -> str:
    found = await client.get(path, follow_redirects=True)
    assert found.status_code == 200, found.text
    check(found.text)
    return found.text


async def test_a_guest_chooses_among_the_providers(world: Bazaar, guest: httpx.AsyncClient) -> None:
    path = await quoted(guest)
    text = await shown(guest, path)
    for one in EVERYTHING:
        assert f'value="{one.name}"' in text
    assert 'name="save"' not in text
    assert 'name="credits"' not in text
    policy = (await guest.get(path)).headers["content-security-policy"]
    assert "https://pay.test https://www.paypal.com" in policy
    await guest.post(path, data={"provider": "paypal"})
    assert world.till.placed[0]["method"] == Method(provider="paypal")
    assert world.till.placed[0]["credits"] is None


async def test_a_person_pays_with_what_was_kept_or_keeps_it(
    world: Bazaar, ana: httpx.AsyncClient
) -> None:
    world.counter.methods = [VISA]
    path = await persons_quote(ana)
    text = await shown(ana, path)
    assert "Visa •••• 4242" in text
    assert "expires 2029-04" in text
    form = form_in(text, path)
    assert form["provider"] == str(SAVED)
    await ana.post(path, data=form | {"save": "on"})
    await ana.post(path, data=form | {"provider": "test", "save": "on"})
    await ana.post(path, data=form | {"provider": "bank", "save": "on"})
    assert [one["method"] for one in world.till.placed] == [
        Method(provider="test", saved_id=SAVED),
        Method(provider="test", save=True),
        Method(provider="bank"),
    ]


@pytest.mark.parametrize("provider", ["stripe", str(SAVED), "<b>"])
async def test_a_way_that_is_not_offered_is_told(
    world: Bazaar, guest: httpx.AsyncClient, provider: str
) -> None:
    path = await quoted(guest)
    refused = await guest.post(path, data={"provider": provider})
    assert refused.status_code == 422
    check(refused.text)
    assert 'id="provider-error"' in refused.text
    assert not world.till.placed


async def test_a_market_without_a_way_to_pay_says_so(
    world: Bazaar, guest: httpx.AsyncClient
) -> None:
    world.counter.providers = []
    path = await quoted(guest)
    assert "offers no way to pay" in await shown(guest, path)
    assert (await guest.post(path)).status_code == 422


async def test_credits_pay_a_part(world: Bazaar, ana: httpx.AsyncClient) -> None:
    world.counter.spendable = usd(1120)
    path = await persons_quote(ana)
    text = await shown(ana, path)
    assert "12.50 credits" in text
    assert "worth $11.20" in " ".join(text.split())
    assert "$18.78 remains to be paid otherwise" in text
    assert "data-all" not in text
    await ana.post(path, data={"credits": "1120", "provider": "paypal"})
    assert world.till.placed[0]["credits"] == usd(1120)
    assert world.till.placed[0]["method"] == Method(provider="paypal")


async def test_credits_pay_all_of_it(world: Bazaar, ana: httpx.AsyncClient) -> None:
    world.counter.spendable = usd(5000)
    world.counter.providers = [CASH]
    path = await persons_quote(ana)
    assert "data-all" in await shown(ana, path)
    placed = await ana.post(path, data={"credits": str(TOTAL), "provider": "cod"})
    assert placed.headers["location"] == "/orders/H-100001"
    assert world.till.placed[0]["credits"] == usd(TOTAL)


@pytest.mark.parametrize("credits", ["0", "-5", "1.5", "x", "2999", "9" * 40, "١٢"])
async def test_credits_are_what_the_page_told(
    world: Bazaar, ana: httpx.AsyncClient, credits: str
) -> None:
    world.counter.spendable = usd(1120)
    path = await persons_quote(ana)
    refused = await ana.post(path, data={"credits": credits, "provider": "test"})
    assert refused.status_code == 422
    check(refused.text)
    assert 'id="credits-error"' in refused.text
    assert not world.till.placed


async def test_a_guest_has_no_credits(world: Bazaar, guest: httpx.AsyncClient) -> None:
    path = await quoted(guest)
    refused = await guest.post(path, data={"credits": "100", "provider": "test"})
    assert refused.status_code == 422
    check(refused.text)
    assert not world.till.placed


async def test_cash_pays_alone(world: Bazaar, ana: httpx.AsyncClient) -> None:
    world.counter.spendable = usd(1120)
    path = await persons_quote(ana)
    refused = await ana.post(path, data={"credits": "1120", "provider": "cod"})
    assert refused.status_code == 422
    assert "in cash alone" in refused.text
    assert not world.till.placed, "the quote can still be paid in another way"
    form = form_in(refused.text, path)
    assert form["credits"] == "1120"
    assert form["provider"] == "cod"


async def test_too_few_credits_come_back_to_the_form(world: Bazaar, ana: httpx.AsyncClient) -> None:
    world.counter.spendable = usd(1120)
    path = await persons_quote(ana)
    world.till.refuses = [CreditsTooLow(available=usd(700).model_dump(mode="json"))]
    world.counter.spendable = usd(700)
    refused = await ana.post(path, data={"credits": "1120", "provider": "paypal"})
    assert refused.status_code == 409
    assert "Your credits can pay at most $7.00 just now." in refused.text
    form = form_in(refused.text, path)
    assert (form["credits"], form["provider"]) == ("700", "paypal")


async def test_without_the_wallet_the_rest_still_pays(
    world: Bazaar, ana: httpx.AsyncClient
) -> None:
    world.counter.wallet_away = Unavailable()
    path = await persons_quote(ana)
    assert 'name="credits"' not in await shown(ana, path)
    assert (await ana.post(path, data={"provider": "test"})).status_code == 303


async def test_a_refused_payment_comes_back_to_the_form(
    world: Bazaar, ana: httpx.AsyncClient
) -> None:
    world.counter.methods, world.counter.spendable = [VISA], usd(1120)
    path = await persons_quote(ana)
    world.till.answers = ["declined"]
    sent = {"provider": str(SAVED), "credits": "1120"}
    to = (await ana.post(path, data=sent)).headers["location"]
    assert not to.startswith(path), "a checkout that is over cannot be paid"
    text = await shown(ana, to)
    assert "There is not enough money on the card. Nothing was charged." in text
    assert form_in(text, to.partition("?")[0]) | sent == form_in(text, to.partition("?")[0])
    world.till.decline_code = "<script>"
    to = (await ana.post(path, data=sent)).headers["location"]
    text = await shown(ana, to)
    assert "The payment was declined." in text
    assert "<script>" not in text


@pytest.mark.parametrize(
    "problem",
    [
        MethodUnknown(), CannotSave(), ProviderUnknown(),
        Invalid.at("credits", "Cash alone.", "credits_with_cash"),
    ],
)  # fmt: skip
async def test_what_ends_a_checkout_leads_to_another(
    world: Bazaar, guest: httpx.AsyncClient, problem: Exception
) -> None:
    path = await quoted(guest)
    world.till.refuses = [problem]
    to = (await guest.post(path, data={"provider": "bank"})).headers["location"]
    assert not to.startswith(path)
    text = await shown(guest, to)
    assert "Nothing was charged." in text
    assert form_in(text, to.partition("?")[0])["provider"] == "bank"


async def test_an_expired_quote_keeps_the_choice(world: Bazaar, guest: httpx.AsyncClient) -> None:
    path = await quoted(guest)
    id = UUID(path.rsplit("/", 1)[1])
    world.till.quotes[id] = world.till.quotes[id].model_copy(update={"expires_at": NOW})
    gone = await guest.post(path, data={"provider": "cod"})
    assert gone.status_code == 410
    again = form_in(gone.text, f"{path}/again")
    to = (await guest.post(f"{path}/again", data=again)).headers["location"]
    assert form_in(await shown(guest, to), to.partition("?")[0])["provider"] == "cod"


async def test_other_shipping_keeps_the_choice(guest: httpx.AsyncClient) -> None:
    path = await quoted(guest)
    form = form_in(await shown(guest, path), path) | {"provider": "bank"}
    to = (await guest.post(f"{path}/shipping", data=form)).headers["location"]
    assert form_in(await shown(guest, to), to.partition("?")[0])["provider"] == "bank"


async def test_a_banks_own_page_is_reached_by_ours(world: Bazaar, guest: httpx.AsyncClient) -> None:
    """The content policy lets the form lead to providers only; a page may lead anywhere."""
    path = await quoted(guest)
    world.till.answers, world.till.next_url = ["needs_action"], BANKS_PAGE
    to = (await guest.post(path, data={"provider": "test"})).headers["location"]
    assert to == f"{path}/return?go=on"
    assert f'content="0; url={BANKS_PAGE}"' in await shown(guest, to)
    assert "url=" not in await shown(guest, f"{path}/return"), "only on the way there"
    world.till.next_url = "https://www.paypal.com/checkoutnow?token=1"
    to = (await guest.post(path, data={"provider": "paypal"})).headers["location"]
    assert to == world.till.next_url


async def test_a_transfer_is_explained_where_the_order_is(
    world: Bazaar, guest: httpx.AsyncClient, ana: httpx.AsyncClient
) -> None:
    path = await quoted(guest)
    world.till.instructions, world.payment = TRANSFER, "awaiting"
    world.counter.parts = [
        TenderPart(id=UUID(int=1), provider="bank", amount=usd(TOTAL), captured=False,
                   refunded=usd(0)),
    ]  # fmt: skip
    placed = await guest.post(path, data={"provider": "bank"})
    assert placed.headers["location"] == "/orders/link/signed"
    for client, address in ((guest, "/orders/link/signed"), (ana, "/orders/H-100001")):
        text = await shown(client, address)
        assert f'data-value="{IBAN}">GB82 WEST 1234' in text
        assert 'data-copy="Reference">HT-7K2M' in text
        assert 'data-copy="Amount">29.98 USD' in text
        assert "your transfer is awaited" in text
    world.till.refuses = [Unavailable()]
    assert IBAN not in await shown(guest, "/orders/link/signed")


async def test_an_order_says_what_is_paid_on_delivery(
    world: Bazaar, ana: httpx.AsyncClient
) -> None:
    world.payment = "on_delivery"
    text = await shown(ana, "/orders/H-100001")
    assert "You pay $59.96 in cash when the goods are handed to you." in text
    part = {"vendor_order_id": str(FIRST), "reason": "Too late"}
    done = await ana.post("/orders/H-100001/cancel", data=part)
    assert "what you paid" not in done.headers["set-cookie"]


async def test_an_order_tells_its_tenders_and_refunds(
    world: Bazaar, ana: httpx.AsyncClient
) -> None:
    def tender(provider: str | None, minor: int) -> TenderPart:
        return TenderPart(
            id=UUID(int=minor), provider=provider, amount=usd(minor), captured=True, refunded=usd(0)
        )

    def back(status: Any, minor: int) -> RefundResult:
        return RefundResult(
            id=UUID(int=minor), vendor_order_id=SECOND, amount=usd(minor), status=status,
            reason="Scratched <b>", created_at=NOW,
            repaid=[Repaid(provider="test", amount=usd(minor - 100), status=status),
                    Repaid(provider=None, amount=usd(100), status="done")],
        )  # fmt: skip

    world.counter.parts = [tender("test", 2000), tender(None, 498), tender(None, 500)]
    world.counter.refunds = [back("created", 500), back("failed", 777)]
    text = " ".join((await shown(ana, "/orders/H-100001")).split())
    assert re.search(r"Test card</th> <td class=\"num\">\$20.00", text)
    assert re.search(r"Credits</th> <td class=\"num\">\$9.98", text), "one line a means of payment"
    assert "$4.00 to Test card, on its way" in text
    assert "$1.00 to your credits</p>" in text
    assert "Scratched &lt;b&gt;" in text
    assert "$7.77" not in text


async def test_own_payments_are_listed(world: Bazaar, ana: httpx.AsyncClient) -> None:
    world.counter.payments = [
        awaited(), payment(status="declined", captured=usd(0)), payment(purpose="topup"),
    ]  # fmt: skip
    text = await shown(ana, "/account/payments")
    assert text.count(f'href="/orders/{UUID(int=50)}"') == 1, "there is no order of a declined one"
    assert "Transfer awaited" in text
    assert 'href="/account/wallet"' in text
    assert "/account/payments" in await shown(ana, "/account")


async def test_saved_ways_are_removed(world: Bazaar, ana: httpx.AsyncClient) -> None:
    world.counter.methods = [VISA]
    path = "/account/payments/forget"
    form = form_in(await shown(ana, "/account/payments"), path)
    world.counter.refuses = [ProviderAway()]
    away = await ana.post(path, data=form)
    assert away.status_code == 503
    assert "does not answer" in away.text
    assert "Visa" in away.text
    for _ in range(2):  # pressed twice
        assert (await ana.post(path, data=form)).headers["location"] == "/account/payments"
    assert "Visa" not in await shown(ana, "/account/payments")
    assert (await ana.post(path, data={"id": "x"})).status_code == 422


@pytest.mark.parametrize("path", ["/account/payments"])
async def test_guests_have_no_payments(guest: httpx.AsyncClient, path: str) -> None:
    assert (await guest.get(path)).headers["location"] == f"/sign-in?next={path}"
