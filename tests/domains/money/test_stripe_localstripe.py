"""The Stripe adapter against localstripe, which somebody else wrote, as far as that goes."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from haat.domains.money.payments.api import SignatureInvalid
from haat.domains.money.payments.providers.port import (
    Ask,
    ProviderEvent,
    ProviderMethod,
    ProviderPayment,
    ProviderRefused,
)
from haat.domains.money.payments.providers.stripe.adapter import Stripe
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient
from haat.kernel.context import SYSTEM, Context
from haat.kernel.money import Money
from tests.domains.money.cards import free_port, listening, until
from tests.domains.money.localstripe_server import KEY, Spoken, localstripe

CTX = Context(actor=SYSTEM)
SECRET = "whsec_localstripe"
VISA, SECURE, LATER_DECLINED = "4242424242424242", "4000002500003155", "4000000000000341"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with localstripe() as url:
        yield url


@dataclass
class World:
    url: str
    stripe: Stripe
    spoken: Spoken
    events: list[ProviderEvent] = field(default_factory=list)

    async def ask(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        """As a browser or Stripe's own page would."""
        async with httpx.AsyncClient(trust_env=False, auth=(KEY, "")) as http:
            answer = await http.post(self.url + path, data=form)
            return dict(answer.raise_for_status().json()) if answer.content else {}

    async def card(self, number: str) -> str:
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123"}
        form = {"type": "card"} | {f"card[{k}]": v for k, v in card.items()}
        return str((await self.ask("/v1/payment_methods", form))["id"])

    async def hold(self, number: str = VISA, minor: int = 1099) -> ProviderPayment:
        return await self.stripe.hold(
            CTX,
            Ask(
                id=uuid4(),
                reference=uuid4(),
                amount=Money(minor=minor, currency="EUR"),
                token=await self.card(number),
                return_url="https://market.example/checkout",
            ),
        )

    async def captured(self, minor: int = 1099) -> ProviderPayment:
        held = await self.hold(minor=minor)
        done = await self.stripe.capture(CTX, held.id, ref=held.ref)
        assert done is not None
        return done


@pytest.fixture
async def world(server: str) -> AsyncIterator[World]:
    spoken = Spoken()
    async with HttpClient(transport=spoken) as http:
        settings = PaymentsSettings(
            stripe_url=server,
            stripe_secret_key=SecretStr(KEY),
            stripe_webhook_secret=SecretStr(SECRET),
        )
        yield World(server, Stripe(settings, http), spoken)


async def test_a_card_is_authorized_then_captured_once(world: World) -> None:
    held = await world.hold()
    assert (held.status, held.amount) == ("authorized", Money(minor=1099, currency="EUR"))
    seen = await world.stripe.read(CTX, held.id, ref=held.ref)
    assert seen == held
    for _ in range(2):
        done = await world.stripe.capture(CTX, held.id, ref=held.ref)
        assert done is not None
        assert (done.status, done.captured_minor) == ("captured", 1099)
    late = await world.stripe.void(CTX, held.id, ref=held.ref)
    assert late is not None
    assert late.status == "captured"
    assert world.spoken.left_out == {
        "allowed_payment_method_types[0]",
        "return_url",
        "transfer_group",
    }


async def test_an_authorization_is_given_back(world: World) -> None:
    held = await world.hold()
    for _ in range(2):
        ended = await world.stripe.void(CTX, held.id, ref=held.ref)
        assert ended is not None
        assert (ended.status, ended.captured_minor) == ("voided", 0)


@pytest.mark.parametrize(
    ("passed", "status", "code"),
    [
        (True, "authorized", None),
        (False, "declined", "payment_intent_authentication_failure"),
    ],
)
async def test_3d_secure_passed_and_failed(
    world: World, passed: bool, status: str, code: str | None
) -> None:
    held = await world.hold(SECURE)
    assert held.status == "needs_action"
    async with httpx.AsyncClient(trust_env=False, auth=(KEY, "")) as http:
        doc = (await http.get(f"{world.url}/v1/payment_intents/{held.ref}")).json()
    form = {"client_secret": doc["client_secret"], "success": str(passed).lower()}
    await world.ask(f"/v1/payment_intents/{held.ref}/_authenticate", form)
    seen = await world.stripe.read(CTX, held.id, ref=held.ref)
    assert seen is not None
    assert (seen.status, seen.decline_code) == (status, code)


async def test_a_declined_card_is_refused(world: World) -> None:
    # Stripe sends the intent with this error; localstripe does not, and then it is a refusal.
    with pytest.raises(ProviderRefused) as refused:
        await world.hold(LATER_DECLINED)
    assert refused.value.code == "card_declined"


async def test_what_it_does_not_know_is_none(world: World) -> None:
    assert await world.stripe.read(CTX, uuid4(), ref="pi_unknown") is None
    assert await world.stripe.capture(CTX, uuid4(), ref="pi_unknown") is None
    assert await world.stripe.void(CTX, uuid4(), ref="pi_unknown") is None


async def test_refunds_in_parts_each_once(world: World) -> None:
    """It ignores idempotency keys: that nothing is doubled is ours, by looking first."""
    paid = await world.captured()
    ids = [uuid4(), uuid4()]
    for id in (*ids, *ids):
        back = await world.stripe.refund(
            CTX, paid.id, id, Money(minor=400, currency="EUR"), ref=paid.ref
        )
        assert (back.id, back.payment_id, back.status) == (id, paid.id, "done")
        assert back.amount == Money(minor=400, currency="EUR")
    async with httpx.AsyncClient(trust_env=False, auth=(KEY, "")) as http:
        params = {"payment_intent": paid.ref}
        found = (await http.get(f"{world.url}/v1/refunds", params=params)).json()["data"]
    assert {UUID(one["metadata"]["haat_refund"]) for one in found} == set(ids)
    assert len(found) == 2


async def test_a_kept_card_is_charged_off_session_and_forgotten(world: World) -> None:
    method = await world.card(VISA)
    customer = (await world.ask("/v1/customers", {"description": "x"}))["id"]
    await world.ask(f"/v1/payment_methods/{method}/attach", {"customer": customer})
    held = await world.stripe.hold(
        CTX,
        Ask(
            id=uuid4(),
            reference=uuid4(),
            amount=Money(minor=500, currency="EUR"),
            token=None,
            return_url="",
            saved_ref=method,
            customer_ref=customer,
        ),
    )
    assert held.status == "authorized"
    for _ in range(2):
        await world.stripe.forget(CTX, ProviderMethod(method, customer, "Visa"))
    async with httpx.AsyncClient(trust_env=False, auth=(KEY, "")) as http:
        doc = (await http.get(f"{world.url}/v1/payment_methods/{method}")).json()
    assert doc["customer"] is None


async def test_a_customer_is_made_for_who_keeps_a_card(world: World) -> None:
    person = uuid4()
    ask = Ask(
        id=uuid4(),
        reference=uuid4(),
        amount=Money(minor=500, currency="EUR"),
        token=await world.card(VISA),
        return_url="https://market.example/",
        person_id=person,
        save=True,
    )
    assert (await world.stripe.hold(CTX, ask)).status == "authorized"
    async with httpx.AsyncClient(trust_env=False, auth=(KEY, "")) as http:
        found = (await http.get(f"{world.url}/v1/customers", params={"limit": 100})).json()["data"]
    assert {"haat_person": str(person)} in [one["metadata"] for one in found]


async def test_its_balance_transactions_are_a_report(world: World) -> None:
    paid = await world.captured(777)
    id = uuid4()
    await world.stripe.refund(CTX, paid.id, id, Money(minor=77, currency="EUR"), ref=paid.ref)
    now = datetime.now(UTC)
    lines, _ = await world.stripe.report(CTX, now - timedelta(hours=1), now, None)
    ours = [line for line in lines if line.our_id == id]
    assert [(one.kind, one.amount.minor, one.fee.minor) for one in ours] == [("refund", -77, 0)]
    assert [one.kind for one in lines if one.amount.minor == 777] == ["capture"]


async def test_its_messages_are_verified_and_understood(world: World) -> None:
    port = free_port()

    async def hear(headers: dict[str, str], body: bytes) -> None:
        now = datetime.now(UTC)
        world.events.append(world.stripe.verify_webhook(headers, body, now))
        for wrong in (body + b" ", body.replace(b"succeeded", b"canceled")):
            with pytest.raises(SignatureInvalid):
                world.stripe.verify_webhook(headers, wrong, now)

    def about(payment: ProviderPayment) -> list[ProviderEvent]:
        # Those of earlier tests arrive as well: it sends them a second late.
        subjects = ((one, one.subject) for one in world.events)
        return [e for e, s in subjects if isinstance(s, ProviderPayment) and s.id == payment.id]

    async with listening(port, hear) as endpoint:
        async with httpx.AsyncClient(trust_env=False) as http:
            hook = {"url": endpoint.url, "secret": SECRET, "events": ["payment_intent.succeeded"]}
            (await http.post(f"{world.url}/_config/webhooks/one", json=hook)).raise_for_status()
        paid = await world.captured(1234)

        async def heard() -> bool:
            return bool(about(paid))

        await until(heard)
    event = about(paid)[0]
    assert event.type == "payment_intent.succeeded"
    assert event.id.startswith("evt_")
    assert isinstance(event.subject, ProviderPayment)
    assert (event.subject.id, event.subject.ref) == (paid.id, paid.ref)
    assert event.subject.reference == paid.reference
    assert (event.subject.status, event.subject.amount) == ("captured", paid.amount)
    # It does not say how much was received: then nothing was, and it would not be believed.
    assert event.subject.captured_minor == 0
