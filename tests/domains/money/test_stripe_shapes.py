"""What Stripe's objects mean to us: every mapping, and its own published examples of them."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.stripe import reports, shapes
from haat.domains.money.payments.providers.stripe.amounts import (
    NotCountable,
    from_stripe,
    to_stripe,
)
from haat.domains.money.payments.providers.stripe.reports import line_of
from haat.kernel.money import Money

DATA = os.environ.get("HAAT_TEST_DATA")
EXAMPLES = Path(DATA or ".") / "specs/stripe/fixtures3.json"
needs_examples = pytest.mark.skipif(
    not (DATA and EXAMPLES.exists()), reason="HAAT_TEST_DATA has no specs/stripe/fixtures3.json"
)
ID, REFERENCE, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
OURS = {"haat_payment": str(ID), "haat_reference": str(REFERENCE)}


@pytest.fixture(scope="module")
def examples() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXAMPLES.read_text())["resources"]
    return found


def statuses(kind: type, name: str = "status") -> set[str]:
    """What the official library's types say it may be."""
    literal = get_args(kind.__annotations__[name])[0]
    return set(get_args(literal))


# Amounts.


@pytest.mark.parametrize(
    ("minor", "currency", "theirs"),
    [
        (1099, "USD", 1099),
        (500, "JPY", 500),
        (500, "KRW", 500),
        (5, "ISK", 500),  # "to charge 5 ISK, provide an amount value of 500"
        (1045, "HUF", 1045),
        (80045, "TWD", 80045),
        (5120, "KWD", 5120),  # "5.124 KWD must be rounded to 5120 or 5130"
        (500, "MGA", 5),  # zero-decimal there, two digits in ISO 4217
        (0, "USD", 0),
    ],
)
def test_amounts_are_what_stripe_counts(minor: int, currency: str, theirs: int) -> None:
    money = Money(minor=minor, currency=currency)
    assert to_stripe(money) == theirs
    assert from_stripe(theirs, currency.lower()) == money
    assert from_stripe(-theirs, currency.lower()) == -money


@pytest.mark.parametrize(
    ("minor", "currency"), [(5124, "KWD"), (1, "TND"), (150, "MGA"), (5, "UGX")]
)
def test_amounts_it_could_not_take_exactly_are_refused(minor: int, currency: str) -> None:
    with pytest.raises(NotCountable):
        to_stripe(Money(minor=minor, currency=currency))


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(550, "isk"), (5, "ugx"), ("5", "usd"), (5.0, "usd"), (True, "usd"), (None, "usd"), (5, None)],
)
def test_amounts_it_could_not_mean_are_not_read(amount: object, currency: object) -> None:
    with pytest.raises(ValueError):
        from_stripe(amount, currency)


@given(st.integers(0, 10**10), st.sampled_from("USD JPY ISK KWD MGA EUR CLP OMR".split()))
def test_there_and_back_is_the_same(minor: int, currency: str) -> None:
    money = Money(minor=minor, currency=currency)
    try:
        there = to_stripe(money)
    except NotCountable:
        return
    assert from_stripe(there, currency.lower()) == money


# Payments.


def intent(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1099,
        "amount_received": 0,
        "currency": "usd",
        "metadata": OURS,
        "status": status,
    } | more


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("requires_payment_method", "open"),
        ("requires_confirmation", "open"),
        ("processing", "open"),
        ("requires_action", "needs_action"),
        ("requires_capture", "authorized"),
        ("succeeded", "captured"),
        ("canceled", "voided"),
    ],
)
def test_states_of_an_intent(status: str, ours: str) -> None:
    seen = shapes.payment_of(intent(status, amount_received=1000))
    assert (seen.status, seen.id, seen.reference) == (ours, ID, str(REFERENCE))
    assert seen.amount == Money(minor=1099, currency="USD")
    assert seen.captured_minor == (1000 if ours == "captured" else 0)


def test_no_state_stripe_knows_is_unknown_to_us() -> None:
    assert statuses(stripe.PaymentIntent) == set(shapes._INTENTS)
    ignored = {"warning_needs_response", "warning_under_review", "warning_closed", "prevented"}
    assert statuses(stripe.Dispute) == set(shapes._DISPUTES) | ignored


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "card_declined", "decline_code": "insufficient_funds"}, "insufficient_funds"),
        (
            {"code": "payment_intent_authentication_failure"},
            "payment_intent_authentication_failure",
        ),
        ({"type": "api_error"}, "declined"),
    ],
)
def test_a_declined_card(error: dict[str, str], code: str) -> None:
    seen = shapes.payment_of(intent("requires_payment_method", last_payment_error=error))
    assert (seen.status, seen.decline_code) == ("declined", code)


def test_on_stripes_own_page_another_card_may_be_tried() -> None:
    hosted = {"metadata": OURS | {"haat_hosted": "1"}, "last_payment_error": {"code": "x"}}
    seen = shapes.payment_of(intent("requires_payment_method", **hosted))
    assert (seen.status, seen.decline_code) == ("open", None)
    assert shapes.payment_of(intent("requires_action", **hosted)).status == "open"


def test_where_3d_secure_is_done() -> None:
    to = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.example/1"}}
    seen = shapes.payment_of(intent("requires_action", next_action=to))
    assert seen.action_url == "https://hooks.example/1"
    inside = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    assert shapes.payment_of(intent("requires_action", next_action=inside)).action_url is None


def test_a_kept_card_shows_only_its_end() -> None:
    card = {"brand": "american_express", "last4": "0005", "exp_month": 8, "exp_year": 2030}
    kept = {
        "setup_future_usage": "off_session",
        "customer": "cus_1",
        "payment_method": {"id": "pm_1", "card": card},
    }
    saved = shapes.payment_of(intent("requires_capture", **kept)).saved
    assert saved is not None
    assert (saved.ref, saved.customer_ref) == ("pm_1", "cus_1")
    assert (saved.label, saved.expires) == ("American Express •••• 0005", "2030-08")
    for without in (
        {"setup_future_usage": None},
        {"customer": None},
        {"payment_method": "pm_1"},
        {"payment_method": {"id": "pm_1", "type": "sepa_debit"}},
    ):
        assert shapes.payment_of(intent("requires_capture", **kept | without)).saved is None
    assert shapes.payment_of(intent("requires_action", **kept)).saved is None


@pytest.mark.parametrize(
    "broken",
    [
        {"metadata": {}},
        {"metadata": None},
        {"metadata": OURS | {"haat_payment": "7"}},
        {"amount": "1099"},
        {"amount": 10**30},
        {"currency": "dollars"},
        {"status": "new"},
        {"status": None},
        {"next_action": "x", "status": "requires_action"},
    ],
)
def test_what_cannot_be_read_is_never_guessed(broken: dict[str, Any]) -> None:
    with pytest.raises(ProviderAway):
        shapes.payment_of(intent("succeeded") | broken)


def session(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": 1099,
        "currency": "usd",
        "metadata": OURS,
        "payment_intent": None,
        "status": status,
        "url": "https://checkout.example/1",
    } | more


def test_states_of_a_session() -> None:
    hosted = OURS | {"haat_hosted": "1"}
    seen = shapes.session_of(session("open"))
    assert (seen.status, seen.ref, seen.action_url) == (
        "open",
        "cs_1",
        "https://checkout.example/1",
    )
    assert shapes.session_of(session("expired", url=None)).status == "voided"
    tried = intent("requires_payment_method", metadata=hosted)
    assert shapes.session_of(session("open", payment_intent=tried)).ref == "cs_1"
    held = intent("requires_capture", metadata=hosted)
    done = shapes.session_of(session("complete", payment_intent=held, url=None))
    assert (done.status, done.ref) == ("authorized", "pi_1")
    unclear = shapes.session_of(session("complete", payment_intent="pi_1", url=None))
    assert (unclear.status, unclear.action_url) == ("open", None)
    with pytest.raises(ProviderAway):
        shapes.session_of(session("open", amount_total=None))


# Refunds, transfers, disputes, accounts.


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("succeeded", "done"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_states_of_a_refund(status: str, ours: str) -> None:
    kept = OURS | {"haat_refund": str(OTHER)}
    doc = {"id": "re_1", "amount": 100, "currency": "usd", "metadata": kept, "status": status}
    seen = shapes.refund_of(doc)
    assert (seen.id, seen.payment_id, seen.status) == (OTHER, ID, ours)
    assert seen.amount == Money(minor=100, currency="USD")


@pytest.mark.parametrize(
    ("back", "whole", "status", "minor"),
    [(0, False, "paid", 1100), (1100, True, "failed", 1100), (100, False, "paid", 1000)],
)
def test_states_of_a_transfer(back: int, whole: bool, status: str, minor: int) -> None:
    doc = {
        "id": "tr_1",
        "amount": 1100,
        "amount_reversed": back,
        "reversed": whole,
        "currency": "usd",
        "metadata": {"haat_disbursement": str(ID)},
    }
    seen = shapes.payout_of(doc)
    assert (seen.id, seen.ref, seen.status, seen.amount.minor) == (ID, "tr_1", status, minor)


def dispute(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 1000,
        "currency": "usd",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": status,
        "evidence_details": {"due_by": 1723679999},
        "balance_transactions": [{"amount": -1000, "fee": 1500, "currency": "usd"}],
    } | more


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("needs_response", "open"),
        ("under_review", "open"),
        ("appeal_under_review", "open"),
        ("won", "won"),
        ("lost", "lost"),
    ],
)
def test_states_of_a_dispute(status: str, ours: str) -> None:
    seen = shapes.dispute_of(dispute(status))
    assert seen is not None
    assert (seen.status, seen.ref, seen.payment_ref, seen.payment_id) == (
        ours,
        "dp_1",
        "pi_1",
        None,
    )
    assert (seen.amount.minor, seen.fee.minor, seen.reason) == (1000, 1500, "fraudulent")
    assert seen.evidence_due == datetime(2024, 8, 14, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "status", ["warning_needs_response", "warning_under_review", "warning_closed", "prevented"]
)
def test_an_inquiry_takes_no_money(status: str) -> None:
    assert shapes.dispute_of(dispute(status)) is None


def test_a_disputes_fee_is_what_was_kept_in_the_end() -> None:
    given_back = [
        {"amount": -1000, "fee": 1500, "currency": "eur"},
        {"amount": 1000, "fee": -1500, "currency": "eur"},
    ]
    won = shapes.dispute_of(dispute("won", balance_transactions=given_back))
    assert won is not None
    assert won.fee == Money(minor=0, currency="EUR")
    foreign = [*given_back[:1], {"amount": -1, "fee": 9, "currency": "usd"}]  # never added up
    mixed = shapes.dispute_of(dispute("lost", balance_transactions=foreign))
    assert mixed is not None
    assert mixed.fee == Money(minor=1500, currency="EUR")
    early = shapes.dispute_of(dispute("needs_response", balance_transactions=[]))
    assert early is not None
    assert early.fee == Money(minor=0, currency="USD")
    named = shapes.dispute_of(dispute("lost", payment_intent=intent("succeeded")))
    assert named is not None
    assert (named.payment_id, named.payment_ref) == (ID, "pi_1")


@pytest.mark.parametrize(
    ("transfers", "paid_out", "submitted", "status"),
    [
        ("active", True, True, "ready"),
        ("active", False, True, "restricted"),
        ("inactive", True, True, "restricted"),
        ("pending", False, False, "started"),
    ],
)
def test_states_of_an_account(transfers: str, paid_out: bool, submitted: bool, status: str) -> None:
    doc = {
        "id": "acct_1",
        "capabilities": {"transfers": transfers},
        "payouts_enabled": paid_out,
        "details_submitted": submitted,
        "requirements": {"past_due": ["a"], "currently_due": ["a", "b"], "eventually_due": ["c"]},
    }
    seen = shapes.account_of(doc)
    assert (seen.ref, seen.status, seen.requirements) == ("acct_1", status, ("a", "b"))


# The balance report.


def line(category: str, source: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "txn_1",
        "amount": 1099,
        "fee": 62,
        "currency": "usd",
        "created": 1723679999,
        "description": "Order 17",
        "reporting_category": category,
        "source": source,
    } | more


CHARGE = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": OURS}
BACK = {"id": "re_1", "object": "refund", "metadata": OURS | {"haat_refund": str(OTHER)}}
SENT = {"id": "tr_1", "object": "transfer", "metadata": {"haat_disbursement": str(OTHER)}}
TAKEN = {"id": "trr_1", "object": "transfer_reversal", "transfer": "tr_1", "metadata": {}}
DISPUTE = {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "metadata": {}}


@pytest.mark.parametrize(
    ("category", "source", "kind", "ref", "our_id"),
    [
        ("charge", CHARGE, "capture", "pi_1", ID),
        ("charge", "ch_1", "capture", "ch_1", None),
        ("refund", BACK, "refund", "re_1", OTHER),
        ("refund_failure", BACK, "refund", "re_1", OTHER),
        ("transfer", SENT, "payout", "tr_1", OTHER),
        ("transfer_reversal", TAKEN, "payout", "tr_1", None),
        ("dispute", DISPUTE, "dispute", "dp_1", None),
        ("dispute_reversal", DISPUTE, "dispute_won", "dp_1", None),
        ("fee", None, "fee", None, None),
        ("payout", {"id": "po_1", "object": "payout", "metadata": {}}, "other", "po_1", None),
        ("partial_capture_reversal", BACK, "other", "re_1", None),
        ("something_new", None, "other", None, None),
        ("charge", CHARGE | {"metadata": {"haat_payment": "x"}}, "capture", "pi_1", None),
    ],
)
def test_lines_of_the_report(
    category: str, source: Any, kind: str, ref: str | None, our_id: UUID | None
) -> None:
    seen = line_of(line(category, source))
    assert (seen.kind, seen.provider_ref, seen.our_id) == (kind, ref, our_id)
    assert (seen.id, seen.amount.minor, seen.fee.minor) == ("txn_1", 1099, 62)
    assert seen.at == datetime(2024, 8, 14, 23, 59, 59, tzinfo=UTC)
    assert seen.text == "Order 17"


def test_a_line_that_cannot_be_read_is_not_left_out() -> None:
    with pytest.raises(ProviderAway):
        line_of(line("charge", amount=None))


# Stripe's own examples (its openapi repository, fixtures3.json), which carry no metadata of ours.


def named(doc: dict[str, Any], **metadata: str) -> dict[str, Any]:
    return doc | {"metadata": OURS | metadata}


@needs_examples
def test_its_examples_of_payments(examples: dict[str, Any]) -> None:
    doc = examples["payment_intent"]
    with pytest.raises(ProviderAway):
        shapes.payment_of(doc)  # not one of ours
    seen = shapes.payment_of(named(doc))
    assert (seen.ref, seen.amount) == (doc["id"], Money(minor=doc["amount"], currency="USD"))
    assert seen.status == "declined"  # it needs another card, and tells an error
    kept = {"setup_future_usage": "off_session", "customer": examples["customer"]}
    held = named(doc | kept, haat_x="1") | {
        "status": "requires_capture",
        "payment_method": examples["payment_method"],
    }
    saved = shapes.payment_of(held).saved
    assert saved is not None
    assert (saved.label, saved.expires) == ("Visa •••• 4242", "2030-08")
    assert saved.customer_ref == examples["customer"]["id"]


@needs_examples
def test_its_example_of_a_session(examples: dict[str, Any]) -> None:
    doc = examples["checkout.session"]
    seen = shapes.session_of(named(doc | {"amount_total": 1099, "currency": "usd"}))
    assert (seen.status, seen.ref, seen.action_url) == ("open", doc["id"], doc["url"])


@needs_examples
def test_its_examples_of_refund_and_transfer(examples: dict[str, Any]) -> None:
    back = shapes.refund_of(named(examples["refund"], haat_refund=str(OTHER)))
    assert (back.status, back.amount.minor) == ("done", examples["refund"]["amount"])
    sent = shapes.payout_of(named(examples["transfer"], haat_disbursement=str(OTHER)))
    assert (sent.status, sent.amount.minor) == ("paid", examples["transfer"]["amount"])
    taken = examples["transfer"] | {"amount_reversed": examples["transfer_reversal"]["amount"]}
    assert shapes.payout_of(named(taken, haat_disbursement=str(OTHER))).status == "failed"


@needs_examples
def test_its_example_of_a_dispute(examples: dict[str, Any]) -> None:
    doc = examples["dispute"]
    assert shapes.dispute_of(doc) is None  # an inquiry
    lines = [examples["balance_transaction"] | {"amount": -1000, "fee": 1500}]
    seen = shapes.dispute_of(doc | {"status": "lost", "balance_transactions": lines})
    assert seen is not None
    assert (seen.payment_ref, seen.fee.minor) == (doc["charge"], 1500)
    assert seen.evidence_due == datetime.fromtimestamp(doc["evidence_details"]["due_by"], UTC)


@needs_examples
def test_its_example_of_an_account(examples: dict[str, Any]) -> None:
    doc = examples["account"]
    seen = shapes.account_of(doc)
    assert (seen.ref, seen.status) == (doc["id"], "started")
    assert seen.requirements == tuple(doc["requirements"]["currently_due"])


@needs_examples
@pytest.mark.parametrize("source", ["charge", "refund", "transfer", "transfer_reversal", "dispute"])
def test_its_examples_of_the_report(examples: dict[str, Any], source: str) -> None:
    doc = examples["balance_transaction"]
    seen = line_of(doc | {"source": examples[source], "reporting_category": source})
    assert seen.kind == reports._KINDS[source]
    assert seen.provider_ref == (
        examples[source]["transfer"] if source == "transfer_reversal" else examples[source]["id"]
    )
