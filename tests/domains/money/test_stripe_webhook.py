"""Stripe's messages: signed as the official library signs them, and never believed too much."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import stripe
from pydantic import SecretStr
from stripe import Webhook, WebhookSignature

from haat.domains.money.payments.api import SignatureInvalid
from haat.domains.money.payments.providers.port import (
    ProviderAccount,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderPayout,
)
from haat.domains.money.payments.providers.stripe.adapter import Stripe
from haat.domains.money.payments.providers.stripe.events import HEARD
from haat.domains.money.payments.providers.stripe.signatures import sign
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import HttpClient

ID, REFERENCE, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
OURS = {"haat_payment": str(ID), "haat_reference": str(REFERENCE)}
SECRET, CONNECT = "whsec_platform", "whsec_connect"
NOW = datetime.now(UTC).replace(microsecond=0)
STAMP = int(NOW.timestamp())
DAY_S = 86_400  # the library knows its own clock only, and a whole run of tests is long
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1099,
    "amount_received": 1099,
    "currency": "usd",
    "metadata": OURS,
    "status": "succeeded",
}


def adapter(*, live: bool = False, secrets: str = f"{SECRET},{CONNECT}") -> Stripe:
    settings = PaymentsSettings(
        stripe_secret_key=SecretStr("sk_live_1" if live else "sk_test_1"),
        stripe_webhook_secret=SecretStr(secrets),
    )
    return Stripe(settings, HttpClient())


def message(kind: str, about: Any, **more: Any) -> bytes:
    doc = {"id": "evt_1", "object": "event", "type": kind, "livemode": False}
    return json.dumps(doc | {"data": {"object": about}} | more).encode()


def signed(body: bytes, secret: str = SECRET, at: int = STAMP) -> dict[str, str]:
    """By the official library."""
    header = WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return {"stripe-signature": header}


def heard(kind: str, about: Any, *, live: bool = False, **more: Any) -> ProviderEvent:
    body = message(kind, about, **more)
    return adapter(live=live).verify_webhook(signed(body), body, NOW)


# Signatures.


@pytest.mark.parametrize("secret", [SECRET, CONNECT])
def test_what_the_official_library_signs_is_believed(secret: str) -> None:
    body = message("payment_intent.succeeded", INTENT)
    event = adapter().verify_webhook(signed(body, secret), body, NOW)
    assert (event.id, event.type) == ("evt_1", "payment_intent.succeeded")


def test_what_we_sign_the_official_library_believes() -> None:
    body = message("payment_intent.succeeded", INTENT | {"description": "тест ✓"})
    header = f"t={STAMP},v1={sign(SECRET, str(STAMP), body)}"
    event = Webhook.construct_event(body, header, SECRET, tolerance=DAY_S)
    assert event["data"]["object"]["id"] == "pi_1"


def test_of_several_signatures_one_is_enough() -> None:
    body = message("payment_intent.succeeded", INTENT)
    good = signed(body)["stripe-signature"].partition(",v1=")[2]
    header = f"t={STAMP},v1={'0' * 64},v1={good},v0={'1' * 64}"
    assert adapter().verify_webhook({"stripe-signature": header}, body, NOW).id == "evt_1"
    Webhook.construct_event(body, header, SECRET, tolerance=DAY_S)


@pytest.mark.parametrize("shift_s", [-300, 0, 300])
def test_five_minutes_are_tolerated(shift_s: int) -> None:
    body = message("payment_intent.succeeded", INTENT)
    later = NOW + timedelta(seconds=shift_s)
    assert adapter().verify_webhook(signed(body), body, later).id == "evt_1"


@pytest.mark.parametrize("shift_s", [-301, 301, 90_000])
def test_a_recorded_message_is_not_played_again(shift_s: int) -> None:
    body = message("payment_intent.succeeded", INTENT)
    with pytest.raises(SignatureInvalid):
        adapter().verify_webhook(signed(body), body, NOW + timedelta(seconds=shift_s))


BODY = message("payment_intent.succeeded", INTENT)
GOOD = WebhookSignature.generate_signature_header(BODY.decode(), SECRET, STAMP)
V1 = GOOD.partition(",v1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"t={STAMP}",
        f"v1={V1}",
        f"t={STAMP},v0={V1}",
        f"t={STAMP},v1=",
        f"t={STAMP},v1={V1[:-1]}",
        f"t={STAMP},v1={V1.upper()}",
        f"t={STAMP + 1},v1={V1}",
        f"t=0{STAMP},v1={V1}",
        f"t=-{STAMP},v1={V1}",
        f"t={STAMP}.0,v1={V1}",
        f"t=²{STAMP},v1={V1}",
        f"t={'1' * 400},v1={V1}",
        f"t={STAMP},v1=é{V1}",
        f"t={STAMP},v1={V1}" + ",v1=0" * 1000,
        "t,v1",
    ],
    ids=range(16),  # every process of a test run must call them the same
)
def test_forged_headers(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        adapter().verify_webhook({"stripe-signature": header}, BODY, NOW)


def test_changed_bodies_and_wrong_secrets() -> None:
    headers = {"stripe-signature": GOOD}
    assert adapter().verify_webhook(headers, BODY, NOW).id == "evt_1"
    for body in (BODY + b" ", BODY.replace(b"1099", b"1"), b"", b"\xff"):
        with pytest.raises(SignatureInvalid):
            adapter().verify_webhook(headers, body, NOW)
    for secrets in ("", " , ", "whsec_other"):
        with pytest.raises(SignatureInvalid):
            adapter(secrets=secrets).verify_webhook(headers, BODY, NOW)
    empty = {"stripe-signature": f"t={STAMP},v1={sign('', str(STAMP), BODY)}"}
    with pytest.raises(SignatureInvalid):
        adapter(secrets="").verify_webhook(empty, BODY, NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": "evt_1", "type": "x"}',
        b'{"id": "evt_1", "type": "x", "data": []}',
        b'{"id": "evt_1", "type": "x", "data": {"object": "pi_1"}}',
        b'{"id": "", "type": "x", "data": {"object": {}}}',
        json.dumps({"id": "e" * 300, "type": "x", "data": {"object": {}}}).encode(),
        b"[" * 100_000,
    ],
)
def test_signed_messages_that_say_nothing(body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        adapter().verify_webhook(signed(body), body, NOW)


# What they tell.


def test_every_message_we_hear_is_one_stripe_sends() -> None:
    theirs = set(re.findall(r"[\"']([a-z_.]+)[\"']", str(stripe.Event.__annotations__["type"])))
    assert len(theirs) > 200
    assert theirs >= HEARD


def test_a_payment() -> None:
    event = heard("payment_intent.succeeded", INTENT)
    assert isinstance(event.subject, ProviderPayment)
    assert (event.subject.id, event.subject.status) == (ID, "captured")
    assert event.subject.captured_minor == 1099
    assert event.refund is None
    left = INTENT | {"object": "checkout.session", "status": "expired", "amount_total": 1099}
    ended = heard("checkout.session.expired", left).subject
    assert isinstance(ended, ProviderPayment)
    assert ended.status == "voided"


def test_a_refund_a_transfer_a_dispute_and_an_account() -> None:
    back = {"id": "re_1", "amount": 5, "currency": "usd", "status": "failed"}
    for kind in ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"):
        event = heard(kind, back | {"metadata": OURS | {"haat_refund": str(OTHER)}})
        assert event.subject is None
        assert event.refund is not None
        assert (event.refund.id, event.refund.payment_id) == (OTHER, ID)
        assert event.refund.status == "failed"
    sent = {"id": "tr_1", "amount": 5, "currency": "usd", "reversed": True}
    taken = heard("transfer.reversed", sent | {"metadata": {"haat_disbursement": str(OTHER)}})
    assert isinstance(taken.subject, ProviderPayout)
    assert (taken.subject.id, taken.subject.status) == (OTHER, "failed")
    about = {"id": "dp_1", "amount": 5, "currency": "usd", "payment_intent": "pi_1"}
    lost = heard("charge.dispute.closed", about | {"status": "lost"})
    assert isinstance(lost.subject, ProviderDispute)
    assert (lost.subject.payment_ref, lost.subject.status) == ("pi_1", "lost")
    assert heard("charge.dispute.closed", about | {"status": "warning_closed"}).subject is None
    started = heard("account.updated", {"id": "acct_1"}, account="acct_1")
    assert isinstance(started.subject, ProviderAccount)
    assert (started.subject.ref, started.subject.status) == ("acct_1", "started")


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("payment_intent.succeeded", INTENT | {"metadata": {}}),
        ("payment_intent.succeeded", INTENT | {"amount": "x"}),
        ("refund.updated", {"id": "re_1", "metadata": {}}),
        ("transfer.created", {"id": "tr_1", "metadata": {}}),
        ("payout.paid", {"id": "po_1"}),
        ("checkout.session.completed", {"id": "cs_1"}),
    ],
)
def test_what_is_not_ours_or_tells_nothing_has_no_subject(kind: str, about: Any) -> None:
    event = heard(kind, about)
    assert (event.id, event.type, event.subject, event.refund) == ("evt_1", kind, None, None)


def test_a_vendors_account_cannot_tell_of_our_payments() -> None:
    """A Connect endpoint hears of vendors' accounts, where vendors write the metadata."""
    assert heard("payment_intent.succeeded", INTENT, account="acct_evil").subject is None
    sent = {
        "id": "tr_1",
        "amount": 5,
        "currency": "usd",
        "metadata": {"haat_disbursement": str(ID)},
    }
    assert heard("transfer.created", sent, account="acct_evil").subject is None
    back = {"id": "re_1", "amount": 5, "currency": "usd", "status": "succeeded"}
    refund = heard(
        "refund.created", back | {"metadata": OURS | {"haat_refund": str(ID)}}, account="a"
    )
    assert refund.refund is None
    assert heard("account.updated", {"id": "acct_1"}).subject is None  # the platform's own


def test_test_mode_cannot_tell_of_live_payments() -> None:
    assert heard("payment_intent.succeeded", INTENT, live=True).subject is None
    assert heard("payment_intent.succeeded", INTENT, live=True, livemode=True).subject is not None
    assert heard("payment_intent.succeeded", INTENT, livemode=True).subject is None


def test_what_is_kept_tells_nothing_about_anybody_and_opens_nothing() -> None:
    person = {
        "client_secret": "pi_1_secret_abc",
        "receipt_email": "jenny@example.com",
        "shipping": {"name": "Jenny Rosen", "address": {"line1": "510 Townsend St"}},
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://x/?s=abc"}},
        "charges": {
            "data": [
                {
                    "billing_details": {
                        "address": {"city": "Springfield", "postal_code": "94102"},
                        "email": "jenny@example.com",
                        "name": "Jenny Rosen",
                        "phone": "+15555555555",
                    },
                    "receipt_url": "https://pay.stripe.com/receipts/abc",
                    "payment_method_details": {"card": {"brand": "visa", "last4": "4242"}},
                }
            ]
        },
    }
    event = heard("payment_intent.succeeded", INTENT | person)
    kept = json.dumps(event.payload)
    for secret in "abc jenny Jenny Townsend Springfield 94102 1555 receipts".split():
        assert secret not in kept
    about = event.payload["data"]["object"]
    assert (about["amount"], about["status"], about["metadata"]) == (1099, "succeeded", OURS)


def test_a_message_of_any_depth_can_be_kept() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"inner": deep}
    assert heard("payment_intent.succeeded", INTENT | deep).subject is not None
