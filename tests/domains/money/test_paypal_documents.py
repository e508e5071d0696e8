"""Reading PayPal's documents: pure, exact, and never anything but ProviderAway."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.paypal import documents
from haat.domains.money.payments.providers.port import ProviderRefused
from haat.kernel.money import MINOR_MAX, Money

CURRENCIES = ["USD", "EUR", "GBP", "JPY", "HUF", "TWD"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.integers(min_value=-MINOR_MAX, max_value=MINOR_MAX).map(lambda one: one // 100 * 100),
    st.sampled_from(CURRENCIES),
)
def test_whole_amounts_come_back_exactly(minor: int, currency: str) -> None:
    amount = Money(minor=max(minor, -MINOR_MAX), currency=currency)
    assert documents.money(documents.money_document(amount)) == amount


@given(
    st.integers(min_value=0, max_value=10**12), st.sampled_from(["USD", "EUR", "JPY", "GBP", "KWD"])
)
def test_amounts_come_back_exactly(minor: int, currency: str) -> None:
    amount = Money(minor=minor, currency=currency)
    assert documents.money(documents.money_document(amount)) == amount


@given(st.integers(min_value=1, max_value=99), st.sampled_from(["HUF", "TWD"]))
def test_no_cent_is_dropped_where_there_are_none(cents: int, currency: str) -> None:
    with pytest.raises(ProviderRefused):
        documents.decimal(Money(minor=500_00 + cents, currency=currency))


@pytest.mark.parametrize(
    "document",
    [
        {"currency_code": "USD", "value": "1.005"},
        {"currency_code": "USD", "value": "1e3"},
        {"currency_code": "USD", "value": "NaN"},
        {"currency_code": "USD", "value": "1,00"},
        {"currency_code": "JPY", "value": "1.5"},
        {"currency_code": "usd", "value": "1.00"},
        {"currency_code": "USD"},
        {"value": "1.00"},
        {"currency_code": "USD", "value": "9" * 18},
        {},
        None,
        "1.00 USD",
    ],
)
def test_other_amounts_are_not_read(document: Any) -> None:
    with pytest.raises(ProviderAway):
        documents.money(document)


def order(**changes: Any) -> dict[str, Any]:
    unit = {
        "reference_id": str(uuid4()),
        "custom_id": str(uuid4()),
        "amount": {"currency_code": "USD", "value": "10.00"},
    }
    found = {"id": "5O190127TN364715T", "status": "CREATED", "purchase_units": [unit]}
    unit |= {key: value for key, value in changes.items() if key in (*unit, "payments")}
    return found | {key: value for key, value in changes.items() if key not in unit}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "SOMETHING_NEW"},
        {"status": None},
        {"status": "COMPLETED"},  # with nothing that was paid
        {"id": None},
        {"id": "../x"},
        {"purchase_units": []},
        {"purchase_units": [{}, {}]},
        {"purchase_units": None},
        {"custom_id": "17"},
        {"payments": {"captures": [{"status": "COMPLETED"}]}},
        {"payments": {"captures": [None]}},
        {"payments": {"authorizations": {}}},
        {
            "payments": {
                "captures": [
                    {"status": "COMPLETED", "amount": {"currency_code": "EUR", "value": "10.00"}}
                ]
            }
        },
    ],
)
def test_other_orders_are_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderAway):
        documents.payment(order(**changes))


@pytest.mark.parametrize("rel", ["payer-action", "approve"])
def test_where_the_customer_goes(rel: str) -> None:
    links = [{"rel": "self", "href": "a"}, {"rel": rel, "href": "https://www.paypal.com/x"}]
    found = documents.payment(order(links=links))
    assert (found.status, found.action_url) == ("needs_action", "https://www.paypal.com/x")


def test_what_was_taken_is_what_all_captures_took() -> None:
    amount = {"currency_code": "USD", "value": "4.00"}
    captures = [
        {"status": "COMPLETED", "amount": amount},
        {"status": "DECLINED", "amount": amount},
        {"status": "REFUNDED", "amount": amount},
    ]
    found = documents.payment(order(status="COMPLETED", payments={"captures": captures}))
    assert (found.status, found.captured_minor, found.amount.minor) == ("captured", 800, 1000)


@given(JSON)
def test_anything_is_read_or_not_understood(document: Any) -> None:
    readers = (
        lambda: documents.payment(document),
        lambda: documents.payment(order(payments=document)),
        lambda: documents.payment(order(amount=document)),
        lambda: documents.refund(document, uuid4()),
        lambda: documents.payout(document, uuid4()),
        lambda: documents.dispute(document),
        lambda: documents.batch_state(document),
        lambda: documents.event_names(document),
    )
    for read in readers:
        try:
            read()
        except ProviderAway:
            continue
