"""The judge of PayPal's requests and answers does judge."""

import json
from typing import Any

import pytest

from tests.domains.money.paypal_schemas import Operation, needs_specs

pytestmark = needs_specs
ORDERS = "/v2/checkout/orders"
AMOUNT = {"currency_code": "EUR", "value": "1.00"}


def order(**changes: Any) -> dict[str, Any]:
    unit = {"reference_id": "a", "custom_id": "b", "amount": AMOUNT}
    return {"intent": "AUTHORIZE", "purchase_units": [unit]} | changes


def test_a_good_order_passes() -> None:
    Operation("POST", ORDERS).check_request({}, {"paypal-request-id": "x"}, _json(order()))


@pytest.mark.parametrize(
    "body",
    [
        order(intent="RESERVE"),
        order(purchase_units=[]),
        order(purchase_units=[{"amount": {"currency_code": "EUR", "value": "1,00"}}]),
        order(purchase_units=[{"amount": AMOUNT, "customId": "b"}]),
        order(purchase_units=[{"amount": AMOUNT, "custom_id": "b" * 128}]),
        order(payment_source={"paypal": {"experience_context": {"user_action": "BUY"}}}),
        {"intent": "AUTHORIZE"},
    ],
)
def test_another_order_does_not(body: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        Operation("POST", ORDERS).check_request({}, {}, _json(body))


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (200, {"id": "X", "status": "PAID"}),
        (200, {"id": "X", "state": "CREATED"}),
        (422, {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "NO_SUCH_ISSUE"}]}),
    ],
)
def test_neither_does_another_answer(status: int, document: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        Operation("POST", ORDERS).check_answer(status, document)


def test_queries_headers_and_paths_are_looked_at() -> None:
    with pytest.raises(AssertionError):
        Operation("GET", "/v1/reporting/transactions").check_request({"start_date": "x"}, {}, b"")
    with pytest.raises(AssertionError):
        Operation("POST", ORDERS).check_request(
            {}, {"paypal-request-id": "x" * 109}, _json(order())
        )
    with pytest.raises(AssertionError):
        Operation("GET", f"{ORDERS}/a-b").check_request({}, {}, b"")
    with pytest.raises(AssertionError):
        Operation("GET", "/v2/checkout/baskets")


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
