"""Which state a provider's answer leads to, and what is kept of its messages."""

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payments.api import PaymentUpdated, SignatureInvalid, Status
from haat.domains.money.payments.providers import signatures
from haat.domains.money.payments.providers.port import ProviderPayment
from haat.domains.money.payments.rules import MISMATCH, RANK, facts, is_stray, judge, redacted
from haat.kernel.money import Money

ID, REFERENCE = UUID(int=1), UUID(int=2)
AMOUNT = Money(minor=1299, currency="USD")
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
KEY = bytes(range(32))


def seen(status: Any, **changes: Any) -> ProviderPayment:
    given: dict[str, Any] = {
        "id": ID,
        "ref": "pi_1",
        "reference": str(REFERENCE),
        "amount": AMOUNT,
        "status": status,
        "captured_minor": 1299 if status == "captured" else 0,
    }
    return ProviderPayment(**(given | changes))


@pytest.mark.parametrize(
    ("theirs", "hosted", "capturing", "ours", "code"),
    [
        ("open", False, False, "created", None),
        ("open", True, False, "needs_action", None),
        ("needs_action", False, False, "needs_action", None),
        ("authorized", False, False, "authorized", None),
        ("captured", False, False, "captured", None),
        ("captured", False, True, "captured", None),
        ("declined", False, False, "declined", "declined"),
        ("voided", False, False, "voided", None),
        ("voided", False, True, "capture_failed", "voided"),
        # Not taken yet, perhaps in a moment: calling that a failure would cancel an order and
        # let the money be taken all the same.
        ("authorized", False, True, "authorized", None),
    ],
)
def test_states(theirs: str, hosted: bool, capturing: bool, ours: str, code: str | None) -> None:
    found = judge(REFERENCE, AMOUNT, seen(theirs), hosted=hosted, capturing=capturing)
    assert (found.status, found.decline_code) == (ours, code)
    assert found.void_due is (ours in ("declined", "capture_failed"))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Money(minor=1, currency="USD")},
        {"amount": Money(minor=1299, currency="EUR")},
        {"reference": "other"},
    ],
)
@pytest.mark.parametrize("status", ["open", "needs_action", "authorized", "captured"])
def test_what_is_not_ours_is_a_failure(status: str, changes: dict[str, Any]) -> None:
    found = judge(REFERENCE, AMOUNT, seen(status, **changes), hosted=True)
    assert found.decline_code == MISMATCH
    assert found.status == ("capture_failed" if status == "captured" else "declined")


def test_a_capture_of_another_amount_is_a_failure() -> None:
    found = judge(REFERENCE, AMOUNT, seen("captured", captured_minor=1298), hosted=False)
    assert (found.status, found.captured_minor) == ("capture_failed", 0)


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("authorized", ["payment.updated"]),
        ("captured", ["payment.updated", "payment.succeeded"]),
        ("declined", ["payment.updated", "payment.failed"]),
        ("voided", ["payment.updated"]),
    ],
)
def test_what_is_announced(status: str, names: list[str]) -> None:
    verdict = judge(REFERENCE, AMOUNT, seen(status), hosted=False)
    assert [e.event_name for e in facts(ID, REFERENCE, "order", AMOUNT, verdict)] == names


def test_an_update_of_the_first_version_is_an_orders() -> None:
    old = {"paymentId": str(ID), "reference": str(REFERENCE), "status": "authorized"}
    found = PaymentUpdated.model_validate(PaymentUpdated.upcast(1, old))
    assert (found.purpose, found.status) == ("order", "authorized")


def test_ends_are_not_left_and_ways_lead_to_them() -> None:
    ends = {status for status, rank in RANK.items() if rank == max(RANK.values())}
    assert ends == {"captured", "declined", "voided", "capture_failed"}
    way: list[Status] = ["created", "needs_action", "awaiting", "authorized", "captured"]
    assert sorted(way, key=lambda status: RANK[status]) == way
    assert is_stray("voided", "authorized")
    assert not is_stray("captured", "captured")
    assert not is_stray("voided", "voided")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["token", "clientSecret", "cardNumber", "cvc", "accountHolder"]))
def test_no_secret_is_kept(inner: Any, name: str) -> None:
    kept = repr(redacted({"outer": [{name: "s3cr3t-value", "id": "kept"}, inner]}))
    assert "s3cr3t-value" not in kept
    assert "kept" in kept


@pytest.mark.parametrize(
    "name",
    [
        "iban",
        "address_line_1",
        "line1",
        "line_2",
        "postal_code",
        "admin_area_2",
        "city",
        "birth_date",
    ],
)
def test_nobodys_home_or_bank_is_kept(name: str) -> None:
    """As PayPal and cards' networks spell who paid, and where they live."""
    told = {"payer": {"address": {name: "s3cr3t-value", "country_code": "DE"}}}
    assert redacted(told) == {"payer": {"address": {name: "[redacted]", "country_code": "DE"}}}


def headers(body: bytes, at: int, key: bytes = KEY) -> dict[str, str]:
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": signatures.sign(key, "evt_1", str(at), body),
    }


@given(st.binary(max_size=60), st.integers(-300, 300))
def test_a_signature_holds_for_five_minutes(body: bytes, off: int) -> None:
    at = int(NOW.timestamp()) + off
    assert signatures.verify(KEY, headers(body, at), body, NOW) == "evt_1"


@pytest.mark.parametrize("off", [-301, 302, -(10**9)])
def test_a_recorded_message_cannot_be_played_again(off: int) -> None:
    given_headers = headers(b"{}", int(NOW.timestamp()) + off)
    with pytest.raises(SignatureInvalid):
        signatures.verify(KEY, given_headers, b"{}", NOW)


@given(st.binary(max_size=60), st.binary(min_size=32, max_size=32).filter(lambda k: k != KEY))
def test_another_key_does_not_sign_for_us(body: bytes, key: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        signatures.verify(KEY, headers(body, int(NOW.timestamp()), key), body, NOW)


def test_the_published_example_of_standard_webhooks() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signatures.sign(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signatures.secret_of(key) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
