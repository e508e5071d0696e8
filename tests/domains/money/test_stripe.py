"""The Stripe adapter against a Stripe-shaped server of our own, with faults in between."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from haat.domains.money.payments.api import Destination, ProviderAway
from haat.domains.money.payments.providers.configured import told
from haat.domains.money.payments.providers.port import Ask, ProviderRefused
from haat.domains.money.payments.providers.stripe.adapter import Stripe
from haat.domains.money.payments.providers.stripe.client import VERSION
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.kernel.context import SYSTEM, Context
from haat.kernel.money import Money
from tests.domains.money.faults import Fault, Proxy, faulty
from tests.domains.money.stripe_double import DECLINED, KEY, SECURE, VISA, Double, stripe_double

CTX = Context(actor=SYSTEM)
BACK = "https://market.example/checkout"
INTENTS, SESSIONS = "/v1/payment_intents", "/v1/checkout/sessions"
PERSON = UUID(int=7)
VENDOR = Destination(holder="Ada", account="acct_1234", provider_ref="acct_1234")


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


def asked(token: str | None = VISA, minor: int = 1299, **given: Any) -> Ask:
    words: dict[str, Any] = {"id": uuid4(), "reference": uuid4(), "return_url": BACK} | given
    return Ask(amount=usd(minor), token=token, **words)


@dataclass
class World:
    double: Double
    proxy: Proxy
    stripe: Stripe

    async def captured(self, minor: int = 1299) -> tuple[UUID, str]:
        ask = asked(minor=minor)
        held = await self.stripe.hold(CTX, ask)
        done = await self.stripe.capture(CTX, ask.id, ref=held.ref)
        assert done is not None
        assert done.status == "captured"
        return ask.id, held.ref


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with stripe_double() as double, faulty(double.url) as proxy, HttpClient() as http:
        settings = PaymentsSettings(stripe_url=proxy.url, stripe_secret_key=SecretStr(KEY))
        yield World(double, proxy, Stripe(settings, http))


async def test_pages_are_told_what_it_can() -> None:
    async with HttpClient() as http:
        secret, public = SecretStr("sk_live_x"), "pk_live_x"
        live = PaymentsSettings(stripe_secret_key=secret, stripe_publishable_key=public)
        info = told(Stripe(live, http))
    assert (info.name, info.kind, info.publishable_key) == ("stripe", "redirect", public)
    assert (info.disburses, info.test_mode, info.token_url) == (
        True,
        False,
        "https://checkout.stripe.com",
    )
    assert (info.saves_methods, info.onboards_vendors, info.reports) == (True, True, True)


async def test_without_a_secret_for_messages_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    async with HttpClient() as http:
        key = SecretStr(KEY)
        await Stripe(PaymentsSettings(stripe_secret_key=key), http).register(CTX)
        assert "webhook_secret_missing" in capsys.readouterr().out
        secret = SecretStr("whsec_1")
        settings = PaymentsSettings(stripe_secret_key=key, stripe_webhook_secret=secret)
        await Stripe(settings, http).register(CTX)
        assert "webhook_secret_missing" not in capsys.readouterr().out


# Holding.


async def test_a_token_is_authorized_and_not_captured(world: World) -> None:
    ask = asked()
    held = await world.stripe.hold(CTX, ask)
    assert (held.status, held.captured_minor, held.saved) == ("authorized", 0, None)
    assert (held.id, held.reference, held.amount) == (ask.id, str(ask.reference), ask.amount)
    sent, headers = world.double.asked[0][2:]
    assert headers["idempotency-key"] == str(ask.id)
    assert headers["stripe-version"] == VERSION
    assert (sent["capture_method"], sent["return_url"]) == ("manual", BACK)
    assert "off_session" not in sent


async def test_3d_secure_leads_away_and_comes_back_authorized(world: World) -> None:
    ask = asked(SECURE)
    held = await world.stripe.hold(CTX, ask)
    assert held.status == "needs_action"
    assert held.action_url == f"https://hooks.stripe.example/3ds/{held.ref}"
    world.double.authenticate(held.ref)
    seen = await world.stripe.read(CTX, ask.id, ref=held.ref)
    assert seen is not None
    assert (seen.status, seen.action_url) == ("authorized", None)


async def test_a_declined_card_says_why_and_can_be_voided(world: World) -> None:
    ask = asked(DECLINED)
    held = await world.stripe.hold(CTX, ask)
    assert (held.status, held.decline_code) == ("declined", "do_not_honor")
    ended = await world.stripe.void(CTX, ask.id, ref=held.ref)
    assert ended is not None
    assert ended.status == "voided"


@pytest.mark.parametrize(
    ("token", "back", "currency", "minor", "code"),
    [
        ("tok_visa", BACK, "USD", 100, "token_invalid"),
        ("4242424242424242", BACK, "USD", 100, "token_invalid"),
        (None, "", "USD", 100, "return_url_missing"),
        (VISA, BACK, "UGX", 100, "amount_not_supported"),
        (VISA, BACK, "KWD", 1234, "amount_not_supported"),
        (VISA, BACK, "MGA", 150, "amount_not_supported"),
    ],
)
async def test_what_stripe_could_not_take_exactly_is_not_sent(
    world: World, token: str | None, back: str, currency: str, minor: int, code: str
) -> None:
    amount = Money(minor=minor, currency=currency)
    ask = Ask(id=uuid4(), reference=uuid4(), amount=amount, token=token, return_url=back)
    with pytest.raises(ProviderRefused) as refused:
        await world.stripe.hold(CTX, ask)
    assert refused.value.code == code
    assert not world.double.asked


# One charge, whatever is lost.


@pytest.mark.parametrize("kind", ["lost", "torn", "twice"])
async def test_an_answer_lost_after_charging_is_asked_for_again_with_the_same_key(
    world: World, kind: Any
) -> None:
    world.proxy.inject(Fault(kind, path=INTENTS))
    held = await world.stripe.hold(CTX, asked())
    assert held.status == "authorized"
    assert len(world.double.of("payment_intent")) == 1
    assert len(world.double.calls("POST", INTENTS)) == 2


async def test_a_call_that_takes_too_long_leaves_the_fate_open_and_is_found_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("haat.domains.money.payments.providers.stripe.adapter._CHARGE_S", 0.3)
    world.proxy.inject(Fault("hang", path=INTENTS, seconds=2))
    ask = asked()
    with pytest.raises(ProviderAway):
        await world.stripe.hold(CTX, ask)
    world.double.indexed = False  # searching finds nothing yet; the list of charges does
    seen = await world.stripe.read(CTX, ask.id)
    assert seen is not None
    assert (seen.status, seen.amount) == ("authorized", ask.amount)


async def test_the_same_ask_again_tells_how_it_stands_now_not_how_it_stood(world: World) -> None:
    ask = asked(SECURE)
    held = await world.stripe.hold(CTX, ask)
    world.double.authenticate(held.ref)
    again = await world.stripe.hold(CTX, ask)
    assert (again.ref, again.status) == (held.ref, "authorized")
    assert len(world.double.of("payment_intent")) == 1


async def test_a_failure_kept_under_the_key_hides_no_charge(world: World) -> None:
    ask = asked()
    world.double.fail(INTENTS, 500)
    for _ in range(2):
        with pytest.raises(ProviderAway):
            await world.stripe.hold(CTX, ask)
    seen = await world.stripe.read(CTX, ask.id)
    assert seen is not None
    assert seen.status == "authorized"
    assert len(world.double.of("payment_intent")) == 1


async def test_another_card_under_the_same_id_finds_the_first(world: World) -> None:
    ask = asked()
    held = await world.stripe.hold(CTX, ask)
    other = asked("pm_other", id=ask.id, reference=ask.reference)
    assert await world.stripe.hold(CTX, other) == held
    assert len(world.double.of("payment_intent")) == 1


async def test_a_page_and_a_token_under_one_id_cannot_both_be_paid(world: World) -> None:
    ask = asked(None)
    await world.stripe.hold(CTX, ask)
    with pytest.raises(ProviderRefused) as refused:
        await world.stripe.hold(CTX, asked(VISA, id=ask.id, reference=ask.reference))
    assert refused.value.code == "idempotency_error"
    assert not world.double.of("payment_intent")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", path="/v1", times=9, status=500),
        Fault("status", path="/v1", times=9, status=429, body=b"{}"),
        Fault("status", path="/v1", times=9, status=409, body=b"{}"),
        Fault("status", path="/v1", times=9, status=401, body=b"{}"),
        Fault("garbage", path="/v1", times=9),
        Fault("garbage", path="/v1", times=9, body=b'["a list"]'),
        Fault("garbage", path="/v1", times=9, body=b'{"object": "payment_intent"}'),
        Fault("unreached", path="/v1", times=9),
    ],
)
async def test_what_cannot_be_read_is_away_not_refused(world: World, fault: Fault) -> None:
    world.proxy.inject(fault)
    with pytest.raises(ProviderAway) as away:
        await world.stripe.hold(CTX, asked())
    assert KEY not in f"{away.value!r} {away.value.__cause__!r}"
    with pytest.raises(ProviderAway):
        await world.stripe.capture(CTX, uuid4(), ref="pi_1")
    with pytest.raises(ProviderAway):
        await world.stripe.read(CTX, uuid4())


async def test_too_many_calls_are_waited_for(world: World) -> None:
    world.proxy.inject(Fault("status", path=INTENTS, status=429, body=b"{}"))
    assert (await world.stripe.hold(CTX, asked())).status == "authorized"
    assert len(world.proxy.seen_at(INTENTS)) == 2


# Capturing and voiding.


async def test_a_capture_whose_answer_was_lost_is_captured_once(world: World) -> None:
    ask = asked()
    held = await world.stripe.hold(CTX, ask)
    world.proxy.inject(Fault("lost", path="/capture$"))
    done = await world.stripe.capture(CTX, ask.id, ref=held.ref)
    assert done is not None
    assert (done.status, done.captured_minor) == ("captured", 1299)
    ended = await world.stripe.void(CTX, ask.id, ref=held.ref)
    assert ended is not None
    assert ended.status == "captured"


async def test_without_a_reference_capture_and_void_find_their_intent(world: World) -> None:
    one, two = asked(), asked()
    await world.stripe.hold(CTX, one)
    await world.stripe.hold(CTX, two)
    done, ended = await world.stripe.capture(CTX, one.id), await world.stripe.void(CTX, two.id)
    assert done is not None
    assert ended is not None
    assert (done.id, done.status, ended.id, ended.status) == (one.id, "captured", two.id, "voided")


async def test_what_stripe_never_heard_of_is_none(world: World) -> None:
    for ref in (None, "pi_999"):
        assert await world.stripe.read(CTX, uuid4(), ref=ref) is None
        assert await world.stripe.capture(CTX, uuid4(), ref=ref) is None
        assert await world.stripe.void(CTX, uuid4(), ref=ref) is None
    assert await world.stripe.read_disbursement(CTX, uuid4()) is None
    with pytest.raises(ProviderRefused):
        await world.stripe.refund(CTX, uuid4(), uuid4(), usd(1))


async def test_a_capture_that_came_too_late_says_how_it_ended(world: World) -> None:
    ask = asked()
    held = await world.stripe.hold(CTX, ask)
    await world.stripe.void(CTX, ask.id, ref=held.ref)
    late = await world.stripe.capture(CTX, ask.id, ref=held.ref)
    assert late is not None
    assert late.status == "voided"


async def test_a_refused_capture_of_what_is_still_authorized_is_refused(world: World) -> None:
    ask = asked()
    held = await world.stripe.hold(CTX, ask)
    error = b'{"error": {"type": "card_error", "code": "card_declined"}}'
    world.proxy.inject(Fault("status", path="/capture$", status=402, body=error))
    with pytest.raises(ProviderRefused) as refused:
        await world.stripe.capture(CTX, ask.id, ref=held.ref)
    assert refused.value.code == "card_declined"


# Stripe's own page.


async def test_without_a_token_the_customer_pays_on_stripes_page(world: World) -> None:
    ask = asked(None, description="Order 17")
    held = await world.stripe.hold(CTX, ask)
    assert (held.status, held.amount, held.reference) == ("open", usd(1299), str(ask.reference))
    assert held.action_url == f"https://checkout.stripe.example/c/{held.ref}"
    assert (await world.stripe.hold(CTX, ask)).ref == held.ref
    assert len(world.double.of("checkout.session")) == 1

    world.double.pay(held.ref, DECLINED)
    tried = await world.stripe.read(CTX, ask.id, ref=held.ref)
    assert tried is not None
    assert (tried.status, tried.action_url) == ("open", held.action_url)  # another card may do

    intent = world.double.pay(held.ref)
    done = await world.stripe.capture(CTX, ask.id, ref=held.ref)
    assert done is not None
    assert (done.status, done.ref, done.captured_minor) == ("captured", intent["id"], 1299)


@pytest.mark.parametrize("tried", [False, True])
@pytest.mark.parametrize("known_as", ["session", "intent"])
async def test_a_page_that_is_not_paid_is_closed(world: World, tried: bool, known_as: str) -> None:
    ask = asked(None)
    ref = (await world.stripe.hold(CTX, ask)).ref
    session = ref
    if tried:
        intent = world.double.pay(ref, DECLINED)
        ref = intent["id"] if known_as == "intent" else ref
    ended = await world.stripe.void(CTX, ask.id, ref=ref)
    assert ended is not None
    assert ended.status == "voided"
    assert world.double.objects[session]["status"] == "expired"


async def test_a_page_that_was_paid_is_voided_by_its_intent(world: World) -> None:
    ask = asked(None)
    held = await world.stripe.hold(CTX, ask)
    intent = world.double.pay(held.ref)
    ended = await world.stripe.void(CTX, ask.id, ref=held.ref)
    assert ended is not None
    assert (ended.status, ended.ref) == ("voided", intent["id"])


# Refunds.


async def test_refunds_are_made_once_each(world: World) -> None:
    payment, ref = await world.captured(1000)
    first, second = uuid4(), uuid4()
    for id in (first, second, first):
        done = await world.stripe.refund(CTX, payment, id, usd(300), ref=ref)
        assert (done.id, done.payment_id, done.amount) == (id, payment, usd(300))
        assert done.status == "done"
    assert len(world.double.of("refund")) == 2
    with pytest.raises(ProviderRefused) as refused:
        await world.stripe.refund(CTX, payment, uuid4(), usd(500), ref=ref)
    assert refused.value.code == "charge_already_refunded"


async def test_a_refund_whose_key_is_forgotten_is_not_made_again(world: World) -> None:
    payment, ref = await world.captured(1000)
    id = uuid4()
    world.proxy.inject(Fault("lost", path="/v1/refunds", method="POST", times=9))
    with pytest.raises(ProviderAway):
        await world.stripe.refund(CTX, payment, id, usd(300), ref=ref)
    world.proxy.heal()
    world.double.forget_keys()
    world.double.of("refund")[0]["status"] = "pending"
    again = await world.stripe.refund(CTX, payment, id, usd(300))
    assert (again.id, again.status) == (id, "pending")
    assert len(world.double.of("refund")) == 1


# Cards that are kept.


async def test_a_card_is_kept_and_charged_later(world: World) -> None:
    first = asked(save=True, person_id=PERSON)
    held = await world.stripe.hold(CTX, first)
    assert held.saved is not None
    assert (held.saved.label, held.saved.expires) == ("Visa •••• 4242", "2031-04")
    customer = world.double.of("customer")[0]
    assert customer["metadata"] == {"haat_person": str(PERSON)}
    assert held.saved.customer_ref == customer["id"]

    later = asked(None, saved_ref=held.saved.ref, customer_ref=customer["id"], return_url="")
    again = await world.stripe.hold(CTX, later)
    assert (again.status, again.saved) == ("authorized", None)
    sent = world.double.calls("POST", INTENTS)[-1]
    assert (sent["payment_method"], sent["customer"]) == (held.saved.ref, customer["id"])
    assert (sent["off_session"], "return_url" in sent) == ("true", False)
    assert len(world.double.of("customer")) == 1


async def test_3d_secure_with_nobody_there_is_a_decline(world: World) -> None:
    held = await world.stripe.hold(
        CTX, asked(None, saved_ref=SECURE, customer_ref="cus_1", return_url="")
    )
    assert (held.status, held.decline_code) == ("declined", "authentication_required")


async def test_a_guests_card_is_not_kept(world: World) -> None:
    held = await world.stripe.hold(CTX, asked(save=True))
    assert held.saved is None
    await world.stripe.hold(CTX, asked(person_id=PERSON))  # nor is one that nobody asked to keep
    assert not world.double.of("customer")


async def test_a_kept_card_is_forgotten_and_forgetting_it_again_is_harmless(world: World) -> None:
    held = await world.stripe.hold(CTX, asked(save=True, person_id=PERSON))
    assert held.saved is not None
    world.double.objects[held.saved.ref]["customer"] = held.saved.customer_ref
    await world.stripe.forget(CTX, held.saved)
    assert world.double.objects[held.saved.ref]["customer"] is None
    await world.stripe.forget(CTX, held.saved)
    world.double.objects.clear()
    await world.stripe.forget(CTX, held.saved)


# Connect.


async def test_a_payout_is_one_transfer_even_after_its_key_is_forgotten(world: World) -> None:
    id = uuid4()
    world.proxy.inject(Fault("lost", path="/v1/transfers", method="POST", times=9))
    with pytest.raises(ProviderAway):
        await world.stripe.disburse(CTX, id, usd(5000), VENDOR)
    world.proxy.heal()
    world.double.forget_keys()
    paid = await world.stripe.disburse(CTX, id, usd(5000), VENDOR)
    assert (paid.id, paid.amount, paid.status, paid.failure) == (id, usd(5000), "paid", None)
    transfers = world.double.of("transfer")
    assert [(t["destination"], t["transfer_group"]) for t in transfers] == [("acct_1234", str(id))]
    assert await world.stripe.read_disbursement(CTX, id) == paid
    assert await world.stripe.read_disbursement(CTX, id, ref=paid.ref) == paid


async def test_a_payout_that_was_taken_back_has_failed(world: World) -> None:
    id = uuid4()
    await world.stripe.disburse(CTX, id, usd(5000), VENDOR)
    world.double.of("transfer")[0] |= {"amount_reversed": 5000, "reversed": True}
    seen = await world.stripe.read_disbursement(CTX, id)
    assert seen is not None
    assert (seen.status, seen.failure, seen.amount) == ("failed", "transfer_reversed", usd(5000))


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        (None, "destination_unknown"),
        ("ba_1234", "destination_unknown"),
        ("acct_poor", "balance_insufficient"),
    ],
)
async def test_a_payout_that_cannot_be_sent_is_refused(
    world: World, ref: str | None, code: str
) -> None:
    where = Destination(holder="Ada", account="DE02120300000000202051", provider_ref=ref)
    with pytest.raises(ProviderRefused) as refused:
        await world.stripe.disburse(CTX, uuid4(), usd(5000), where)
    assert refused.value.code == code


async def test_a_vendor_has_one_account_and_is_led_to_its_form(world: World) -> None:
    vendor = uuid4()
    opened = await world.stripe.open_account(CTX, vendor, "ada@example.com")
    assert opened.status == "started"
    assert opened.requirements == ("tos_acceptance.date",)
    again = await world.stripe.open_account(CTX, vendor, "ada@example.com")
    assert again.ref == opened.ref
    assert len(world.double.of("account")) == 1
    link = await world.stripe.onboarding_link(CTX, opened.ref, BACK)
    assert link == f"https://connect.example/{opened.ref}"
    world.double.objects[opened.ref] |= {
        "capabilities": {"transfers": "active"},
        "payouts_enabled": True,
        "details_submitted": True,
        "requirements": {"currently_due": [], "past_due": []},
    }
    ready = await world.stripe.read_account(CTX, opened.ref)
    assert ready is not None
    assert (ready.status, ready.requirements) == ("ready", ())
    assert await world.stripe.read_account(CTX, "acct_gone") is None


# The balance report.


async def test_the_report_has_pages_and_exact_borders(world: World) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    seconds = int(start.timestamp())
    for at in (-1, *range(150), 150):
        world.double.new(
            "balance_transaction",
            "txn",
            amount=100,
            fee=3,
            currency="usd",
            created=seconds + at,
            reporting_category="charge",
            source=None,
        )
    since, until = start - timedelta(microseconds=1), start + timedelta(seconds=149, microseconds=1)
    lines, cursor = await world.stripe.report(CTX, since, until, None)
    assert (len(lines), cursor) == (100, lines[-1].id)
    rest, end = await world.stripe.report(CTX, since, until, cursor)
    assert (len(rest), end) == (50, None)
    assert {line.at for line in lines + rest} == {start + timedelta(seconds=s) for s in range(150)}
    later = start + timedelta(seconds=149, microseconds=1)
    assert len((await world.stripe.report(CTX, later, later + timedelta(days=1), None))[0]) == 1


async def test_no_key_stands_in_any_log_or_error(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    world.proxy.inject(Fault("status", path="/v1", times=9, status=500))
    with suppress(ProviderAway):
        await world.stripe.hold(CTX, asked())
    logged = capsys.readouterr().out + caplog.text
    assert "provider_away" in logged
    assert KEY not in logged
    assert KEY not in repr(vars(world.stripe))
