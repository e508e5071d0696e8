"""PayPal's webhooks: which are believed, and what each kind leads to."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments.api import ProviderAway, SignatureInvalid
from haat.domains.money.payments.providers.paypal.adapter import PayPal
from haat.domains.money.payments.providers.port import (
    ProviderDispute,
    ProviderPayment,
    ProviderPayout,
)
from haat.kernel.money import Money
from tests.domains.money.paypal_double import CERTIFICATE, NOW
from tests.domains.money.paypal_shop import EUR, Shop, settings, shop, to

__all__ = ["shop"]
VERIFY = "/verify-webhook-signature$"


# -- is it from PayPal -----------------------------------------------------------------------------


async def test_a_genuine_message_is_believed_and_kept_without_secrets(shop: Shop) -> None:
    resource = {"id": "X", "payer": {"email_address": "customer@example.com"}}
    headers, body = shop.there.message("BILLING.PLAN.CREATED", resource, id="WH-7")
    event = await shop.adapter.hear_webhook(shop.ctx, headers, body)
    assert (event.id, event.type, event.subject) == ("WH-7", "BILLING.PLAN.CREATED", None)
    assert event.payload["resource"]["payer"]["email_address"] == "[redacted]"


async def test_a_forged_body_is_refused(shop: Shop) -> None:
    headers, body = shop.there.message(
        "PAYMENT.CAPTURE.COMPLETED",
        {"id": "X", "amount": "1"},
        change=lambda text: text.replace(b'"1"', b'"9"'),
    )
    with pytest.raises(SignatureInvalid):
        await shop.adapter.hear_webhook(shop.ctx, headers, body)


async def test_a_message_for_another_webhook_is_refused(shop: Shop) -> None:
    headers, body = shop.there.message("X", {}, webhook_id="0EH40505U7160970P")
    with pytest.raises(SignatureInvalid):
        await shop.adapter.hear_webhook(shop.ctx, headers, body)
    other = PayPal(settings(paypal_webhook_id="0EH40505U7160970P"), shop.http)
    assert await other.hear_webhook(shop.ctx, headers, body)


async def test_without_a_webhook_id_nothing_is_believed(shop: Shop) -> None:
    headers, body = shop.there.message("X", {}, webhook_id="")
    with pytest.raises(SignatureInvalid):
        await PayPal(settings(paypal_webhook_id=""), shop.http).hear_webhook(
            shop.ctx, headers, body
        )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/cert.pem",
        "https://paypal.com.evil.example/cert",
        "https://evilpaypal.com/cert",
        "https://api.paypal.com@evil.example/cert",
        "https://api.paypal.com:8443/cert",
        "http://api.paypal.com/cert",
        "https://127.0.0.1/cert",
        "https://[::1/cert",
        "https:///cert",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_foreign_certificate_is_refused_before_anybody_is_asked(
    shop: Shop, url: str
) -> None:
    headers, body = shop.there.message("X", {})
    with pytest.raises(SignatureInvalid):
        await shop.adapter.hear_webhook(shop.ctx, {**headers, "paypal-cert-url": url}, body)
    assert shop.there.requests == []


@pytest.mark.parametrize("host", ["api.paypal.com", "api.sandbox.paypal.com", "paypal.com:443"])
async def test_paypals_own_certificates(shop: Shop, host: str) -> None:
    headers, body = shop.there.message("X", {})
    url = CERTIFICATE.replace("api.sandbox.paypal.com", host)
    assert await shop.adapter.hear_webhook(shop.ctx, {**headers, "paypal-cert-url": url}, body)


async def test_a_replay_has_the_same_id_until_it_is_too_old(shop: Shop) -> None:
    headers, body = shop.there.message("X", {}, id="WH-5")
    assert (await shop.adapter.hear_webhook(shop.ctx, headers, body)).id == "WH-5"
    shop.clock.set(NOW + timedelta(days=3, hours=23))  # PayPal tries for three days
    assert (await shop.adapter.hear_webhook(shop.ctx, headers, body)).id == "WH-5"
    shop.clock.set(NOW + timedelta(days=4, seconds=1))
    asked = len(shop.there.calls(VERIFY))
    with pytest.raises(SignatureInvalid):
        await shop.adapter.hear_webhook(shop.ctx, headers, body)
    assert len(shop.there.calls(VERIFY)) == asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("paypal-transmission-time", (NOW + timedelta(minutes=6)).isoformat()),
        ("paypal-transmission-time", "2026-11-21T12:00:00"),
        ("paypal-transmission-time", "yesterday"),
        ("paypal-transmission-id", "123"),
        ("paypal-transmission-id", 'a","webhook_id":"B'),
        ("paypal-transmission-sig", ""),
        ("paypal-transmission-sig", "ভুল"),
        ("paypal-auth-algo", "none; rm"),
    ],
)
async def test_other_headers_are_refused(shop: Shop, name: str, value: str) -> None:
    headers, body = shop.there.message("X", {})
    with pytest.raises(SignatureInvalid):
        await shop.adapter.hear_webhook(shop.ctx, {**headers, name: value}, body)


@pytest.mark.parametrize("name", ["id", "time", "sig"])
async def test_each_header_is_signed_or_the_signature(shop: Shop, name: str) -> None:
    headers, body = shop.there.message("X", {})
    other, _ = shop.there.message("X", {"a": 1}, at=NOW - timedelta(minutes=1))
    other["paypal-transmission-id"] = "69cd13f0-d67a-11e5-baa3-778b53f4ae55"
    key = f"paypal-transmission-{name}"
    with pytest.raises(SignatureInvalid):
        await shop.adapter.hear_webhook(shop.ctx, {**headers, key: other[key]}, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"id": "WH-1"}',
        b'{"id": 1, "event_type": "X", "resource": {}}',
        b'{"id": "WH-1", "event_type": "X", "resource": []}',
        b'{"id": "", "event_type": "X", "resource": {}}',
        b"[" * 100_000,
        b'{"id":"WH-1","event_type":"X","resource":{}}, "webhook_id": "ANOTHER"',
    ],
)
async def test_other_bodies_are_refused_before_anybody_is_asked(shop: Shop, body: bytes) -> None:
    headers, _ = shop.there.message("X", {})
    with pytest.raises(SignatureInvalid):
        await shop.adapter.hear_webhook(shop.ctx, headers, body)
    assert shop.there.requests == []


async def test_when_paypal_cannot_be_asked_the_message_may_come_again(shop: Shop) -> None:
    headers, body = shop.there.message("X", {})
    shop.there.fail(VERIFY, "status")
    with pytest.raises(ProviderAway):
        await shop.adapter.hear_webhook(shop.ctx, headers, body)
    shop.there.faults.clear()
    assert await shop.adapter.hear_webhook(shop.ctx, headers, body)


async def test_the_way_without_asking_believes_nothing(shop: Shop) -> None:
    headers, body = shop.there.message("X", {})
    with pytest.raises(SignatureInvalid):
        shop.adapter.verify_webhook(headers, body, NOW)


# -- what it is about ------------------------------------------------------------------------------


async def heard_payment(shop: Shop, kind: str, resource: dict[str, object]) -> ProviderPayment:
    headers, body = shop.there.message(kind, resource)
    subject = (await shop.adapter.hear_webhook(shop.ctx, headers, body)).subject
    assert isinstance(subject, ProviderPayment)
    return subject


def related(ref: str) -> dict[str, object]:
    return {"id": "X", "supplementary_data": {"related_ids": {"order_id": ref}}}


async def test_an_approval_authorizes(shop: Shop) -> None:
    first = await shop.approved()
    found = await heard_payment(shop, "CHECKOUT.ORDER.APPROVED", {"id": first.ref})
    assert (found.id, found.status, found.ref) == (first.id, "authorized", first.ref)


@pytest.mark.parametrize("kind", ["CREATED", "VOIDED"])
async def test_messages_about_authorizations(shop: Shop, kind: str) -> None:
    held = await shop.authorized()
    found = await heard_payment(shop, f"PAYMENT.AUTHORIZATION.{kind}", related(held.ref))
    assert found == held  # as it stands, whatever the message says
    shop.there.orders[held.ref].authorizations[0]["status"] = "VOIDED"
    found = await heard_payment(shop, f"PAYMENT.AUTHORIZATION.{kind}", related(held.ref))
    assert found.status == "voided"


@pytest.mark.parametrize(
    ("kind", "state", "status"),
    [
        ("COMPLETED", "COMPLETED", "captured"),
        ("DENIED", "DECLINED", "declined"),
        ("DECLINED", "FAILED", "declined"),
        ("PENDING", "PENDING", "authorized"),
    ],
)
async def test_messages_about_captures(shop: Shop, kind: str, state: str, status: str) -> None:
    shop.there.capture_status = "PENDING"
    paid = await shop.captured()
    shop.there.orders[paid.ref].captures[0]["status"] = state
    up: dict[str, object] = {
        "href": f"https://api.paypal.com/v2/checkout/orders/{paid.ref}",
        "rel": "up",
    }
    linked: dict[str, object] = {"id": "X", "links": [up]}
    for resource in (related(paid.ref), linked):
        found = await heard_payment(shop, f"PAYMENT.CAPTURE.{kind}", resource)
        assert (found.id, found.status) == (paid.id, status)


async def test_a_message_about_a_refund_tells_how_it_stands(shop: Shop) -> None:
    shop.there.refund_status = "PENDING"
    paid, id = await shop.captured(), uuid4()
    part = Money(minor=2_00, currency="EUR")
    given = await shop.adapter.refund(shop.ctx, paid.id, id, part, ref=paid.ref)
    assert given.status == "pending"
    document = shop.there.orders[paid.ref].refunds[0]
    document["status"] = "COMPLETED"
    headers, body = shop.there.message("PAYMENT.CAPTURE.REFUNDED", document)
    event = await shop.adapter.hear_webhook(shop.ctx, headers, body)
    assert event.refund is not None
    assert isinstance(event.subject, ProviderPayment)
    assert (event.refund.id, event.refund.payment_id, event.refund.status) == (id, paid.id, "done")
    assert (event.refund.amount, event.subject.status) == (part, "captured")


async def test_a_refund_by_hand_is_none_of_ours(shop: Shop) -> None:
    paid = await shop.captured()
    await shop.adapter.refund(shop.ctx, paid.id, uuid4(), EUR, ref=paid.ref)
    document = shop.there.orders[paid.ref].refunds[0]
    del document["custom_id"]
    headers, body = shop.there.message("PAYMENT.CAPTURE.REFUNDED", document)
    assert (await shop.adapter.hear_webhook(shop.ctx, headers, body)).refund is None


def dispute(paid_ref: str, custom: UUID | None, **more: object) -> dict[str, object]:
    about: dict[str, object] = {"seller_transaction_id": paid_ref}
    if custom is not None:
        about["custom"] = str(custom)
    return {
        "dispute_id": "PP-D-4012",
        "disputed_transactions": [about],
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": {"currency_code": "EUR", "value": "12.34"},
        "seller_response_due_date": "2026-12-01T00:00:00.000Z",
        **more,
    }


async def heard_dispute(shop: Shop, kind: str, document: dict[str, object]) -> ProviderDispute:
    shop.there.disputes["PP-D-4012"] = document
    # The message says nothing but the id: the rest is asked.
    headers, body = shop.there.message(f"CUSTOMER.DISPUTE.{kind}", {"dispute_id": "PP-D-4012"})
    subject = (await shop.adapter.hear_webhook(shop.ctx, headers, body)).subject
    assert isinstance(subject, ProviderDispute)
    return subject


@pytest.mark.parametrize("told", [True, False])
async def test_a_dispute_is_opened(shop: Shop, told: bool) -> None:
    paid = await shop.captured()
    capture = shop.there.orders[paid.ref].captures[0]["id"]
    found = await heard_dispute(shop, "CREATED", dispute(capture, paid.id if told else None))
    assert (found.ref, found.payment_id, found.payment_ref) == ("PP-D-4012", paid.id, capture)
    assert (found.status, found.amount, found.fee) == ("open", EUR, Money.zero("EUR"))
    assert found.reason == "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"
    assert found.evidence_due is not None
    assert found.evidence_due.isoformat() == "2026-12-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("RESOLVED_BUYER_FAVOUR", "lost"),
        ("ACCEPTED", "lost"),
        ("RESOLVED_SELLER_FAVOUR", "won"),
        ("RESOLVED_WITH_PAYOUT", "won"),
        ("CANCELED_BY_BUYER", "won"),
        ("DENIED", "won"),
        ("NONE", "open"),
    ],
)
async def test_a_dispute_is_resolved(shop: Shop, outcome: str, status: str) -> None:
    paid = await shop.captured()
    movements = [
        {
            "affected_party": "SELLER",
            "amount": {"currency_code": "EUR", "value": "16.00"},
            "type": "DEBIT",
            "reason": "CHARGEBACK_FEE",
        },
        {
            "affected_party": "SELLER",
            "amount": {"currency_code": "EUR", "value": "1.00"},
            "type": "CREDIT",
            "reason": "DISPUTE_FEE",
        },
        {
            "affected_party": "BUYER",
            "amount": {"currency_code": "EUR", "value": "7.00"},
            "type": "DEBIT",
            "reason": "DISPUTE_FEE",
        },
        {
            "affected_party": "SELLER",
            "amount": {"currency_code": "EUR", "value": "12.34"},
            "type": "DEBIT",
            "reason": "DISPUTE_SETTLEMENT",
        },
    ]
    document = dispute(
        "TX1",
        paid.id,
        status="RESOLVED",
        dispute_outcome={"outcome_code": outcome},
        money_movements=movements,
    )
    found = await heard_dispute(shop, "RESOLVED", document)
    assert (found.status, found.fee) == (status, Money(minor=15_00, currency="EUR"))


@pytest.mark.parametrize(("theirs", "ours"), [("SUCCESS", "paid"), ("RETURNED", "failed")])
async def test_a_payout_ends(shop: Shop, theirs: str, ours: str) -> None:
    id = uuid4()
    sent = await shop.adapter.disburse(shop.ctx, id, EUR, to())
    resource = shop.there.paid_out(sent.ref, theirs)
    headers, body = shop.there.message("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", resource)
    subject = (await shop.adapter.hear_webhook(shop.ctx, headers, body)).subject
    assert isinstance(subject, ProviderPayout)
    assert (subject.id, subject.ref, subject.status) == (id, sent.ref, ours)


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("CHECKOUT.ORDER.APPROVED", {}),
        ("CHECKOUT.ORDER.APPROVED", {"id": "5O190127TN364715T"}),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": "X"}),
        ("PAYMENT.CAPTURE.COMPLETED", {"supplementary_data": "?", "links": [None, {"rel": "up"}]}),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "X"}),
        ("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", {"payout_item": {"sender_item_id": "another shop"}}),
        ("CUSTOMER.DISPUTE.CREATED", {"dispute_id": "PP-D-1"}),
    ],
)
async def test_what_is_not_ours_is_passed_over(
    shop: Shop, kind: str, resource: dict[str, object]
) -> None:
    headers, body = shop.there.message(kind, resource)
    event = await shop.adapter.hear_webhook(shop.ctx, headers, body)
    assert (event.subject, event.refund) == (None, None)


async def test_another_shops_order_is_passed_over(shop: Shop) -> None:
    first = await shop.approved()
    unit = shop.there.orders[first.ref].request["purchase_units"][0]
    unit["custom_id"] = "another-shops-17"
    headers, body = shop.there.message("CHECKOUT.ORDER.APPROVED", {"id": first.ref})
    assert (await shop.adapter.hear_webhook(shop.ctx, headers, body)).subject is None
    assert shop.there.orders[first.ref].authorizations == []


@pytest.mark.parametrize("id", ["../../v1/payments/payouts", "A B", "A?b", "", "অ"])
async def test_no_odd_id_gets_into_an_address(shop: Shop, id: str) -> None:
    headers, body = shop.there.message("CHECKOUT.ORDER.APPROVED", {"id": id})
    with pytest.raises(ProviderAway):
        await shop.adapter.hear_webhook(shop.ctx, headers, body)
    assert len(shop.there.requests) == 1  # the verification
