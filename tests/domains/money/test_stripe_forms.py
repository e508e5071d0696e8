"""Every parameter we send, held against the official library's types of Stripe's API."""

import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Union, get_args, get_origin
from uuid import uuid4

import pytest
import stripe
import stripe.params
import stripe.params.checkout
from typing_extensions import get_type_hints, is_typeddict

from haat.domains.money.payments.api import Destination
from haat.domains.money.payments.providers.port import Ask
from haat.domains.money.payments.providers.stripe import client, forms
from haat.domains.money.payments.providers.stripe.client import Form
from haat.kernel.money import Money

_UNNAMED = {"StripeContext": str, "UntypedStripeObject": dict, "Mapping": Mapping}
BACK = "https://market.example/checkout"


def ask(token: str | None, **given: Any) -> Ask:
    words: dict[str, Any] = {"return_url": BACK, "description": "Order 17"} | given
    amount = Money(minor=1299, currency="EUR")
    return Ask(id=uuid4(), reference=uuid4(), amount=amount, token=token, **words)


def unknown(form: Form, wanted: Any) -> list[str]:
    """Names in the form that the library's typed dictionary does not have."""
    return [name for name in form if not _known(name.replace("]", "").split("["), wanted)]


def _known(names: list[str], wanted: Any) -> bool:
    if not names:
        return True
    if names[0].isdecimal():
        return any(_known(names[1:], one) for one in _inner(wanted, list))
    kinds = _inner(wanted, None)
    fields = [_fields(one)[names[0]] for one in kinds if names[0] in _fields(one)]
    if fields:
        return any(_known(names[1:], one) for one in fields)
    return any(get_origin(one) is dict for one in kinds)


@cache
def _fields(wanted: Any) -> dict[str, Any]:
    """Of a typed dictionary. The library imports some names for type checkers only."""
    if not is_typeddict(wanted):
        return {}
    return get_type_hints(wanted, localns=_UNNAMED)


def _inner(wanted: Any, container: Any) -> list[Any]:
    """What a union is made of; what a list is made of."""
    if get_origin(wanted) in (Union, types.UnionType):
        return [found for one in get_args(wanted) for found in _inner(one, container)]
    if container is list:
        return list(get_args(wanted)) if get_origin(wanted) is list else []
    return [wanted]


TRANSFER = Destination(holder="Ada", account="acct_12", provider_ref="acct_12")
MONEY = Money(minor=500, currency="EUR")
FORMS: list[tuple[str, Form, Any]] = [
    ("token", forms.intent_form(ask("pm_1"), None), stripe.params.PaymentIntentCreateParams),
    (
        "confirmation token, kept",
        forms.intent_form(ask("ctoken_1", save=True), "cus_1"),
        stripe.params.PaymentIntentCreateParams,
    ),
    (
        "saved, nobody there",
        forms.intent_form(ask(None, saved_ref="pm_1", return_url=""), "cus_1"),
        stripe.params.PaymentIntentCreateParams,
    ),
    (
        "page",
        forms.session_form(ask(None, save=True), "cus_1"),
        stripe.params.checkout.SessionCreateParams,
    ),
    (
        "refund",
        forms.refund_form("pi_1", uuid4(), uuid4(), MONEY),
        stripe.params.RefundCreateParams,
    ),
    (
        "transfer",
        forms.transfer_form(uuid4(), MONEY, TRANSFER),
        stripe.params.TransferCreateParams,
    ),
    (
        "account",
        forms.account_form(uuid4(), "ada@example.com", "DE"),
        stripe.params.AccountCreateParams,
    ),
    ("account link", forms.link_form("acct_1", BACK), stripe.params.AccountLinkCreateParams),
    ("customer", forms.customer_form(uuid4()), stripe.params.CustomerCreateParams),
]


@pytest.mark.parametrize(
    ("form", "wanted"), [(f, w) for _, f, w in FORMS], ids=[n for n, *_ in FORMS]
)
def test_stripe_knows_every_parameter(form: Form, wanted: Any) -> None:
    assert unknown(form, wanted) == []


def test_the_check_finds_unknown_parameters() -> None:
    form = {"amount": "1", "payment_method_data[cardd]": "x", "metadata[a]": "b", "no": "1"}
    wanted = stripe.params.PaymentIntentCreateParams
    assert unknown(form, wanted) == ["payment_method_data[cardd]", "no"]
    page = {"line_items[0][price_data][price]": "1", "line_items[0][quantity]": "1"}
    wrong = unknown(page, stripe.params.checkout.SessionCreateParams)
    assert wrong == ["line_items[0][price_data][price]"]


def test_our_version_is_the_one_the_types_were_made_of() -> None:
    assert stripe.api_version == client.VERSION


def test_amounts_and_currency_stand_as_stripe_counts_them() -> None:
    form = forms.intent_form(ask("pm_1"), None)
    assert (form["amount"], form["currency"]) == ("1299", "eur")
    krona = forms.transfer_form(uuid4(), Money(minor=5, currency="ISK"), TRANSFER)
    assert (krona["amount"], krona["currency"]) == ("500", "isk")


def test_nothing_is_taken_before_it_is_captured() -> None:
    assert forms.intent_form(ask("pm_1"), None)["capture_method"] == "manual"
    page = forms.session_form(ask(None), None)
    assert page["payment_intent_data[capture_method]"] == "manual"
    assert page["adaptive_pricing[enabled]"] == "false"
