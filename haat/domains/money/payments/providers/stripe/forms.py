"""What is written on the forms sent to Stripe. The same ask always makes the same form: Stripe
refuses a key that comes with other words."""

from uuid import UUID

from haat.domains.money.payments.api import Destination
from haat.domains.money.payments.providers.port import Ask, ProviderRefused
from haat.domains.money.payments.providers.stripe.amounts import NotCountable, to_stripe
from haat.domains.money.payments.providers.stripe.client import Form
from haat.domains.money.payments.providers.stripe.shapes import (
    DISBURSEMENT,
    HOSTED,
    PAYMENT,
    PERSON,
    REFERENCE,
    REFUND,
    VENDOR,
)
from haat.kernel.money import Money

_TITLE = "Order"
_TEXT_MAX = 200


def counted(amount: Money) -> str:
    """Raises ProviderRefused: Stripe could not take this amount exactly."""
    try:
        return str(to_stripe(amount))
    except NotCountable as error:
        raise ProviderRefused("amount_not_supported", str(error)) from None


def intent_form(ask: Ask, customer: str | None) -> Form:
    """A PaymentIntent that is tried at once. With nobody there to go back to (no return_url) a
    saved card is charged off session: 3-D Secure is then a decline."""
    form = {
        "amount": counted(ask.amount),
        "currency": ask.amount.currency.lower(),
        "capture_method": "manual",
        "confirm": "true",
        "allowed_payment_method_types[0]": "card",
        "transfer_group": str(ask.id),
        f"metadata[{PAYMENT}]": str(ask.id),
        f"metadata[{REFERENCE}]": str(ask.reference),
        "expand[0]": "payment_method",
        _source(ask): ask.token or ask.saved_ref or "",
    }
    if ask.return_url:
        form["return_url"] = ask.return_url
    elif ask.saved_ref:
        form["off_session"] = "true"
    if customer:
        form["customer"] = customer
        if ask.save:
            form["setup_future_usage"] = "off_session"
    if ask.description:
        form["description"] = ask.description[:_TEXT_MAX]
    return form


def _source(ask: Ask) -> str:
    """Stripe.js makes payment methods or confirmation tokens; only a saved one is not a token."""
    if (ask.token or "").startswith("ctoken_"):
        return "confirmation_token"
    if ask.token is None or ask.token.startswith("pm_"):
        return "payment_method"
    raise ProviderRefused("token_invalid")


def session_form(ask: Ask, customer: str | None) -> Form:
    """A Checkout Session: the customer enters the card on Stripe's page. Prices are never shown in
    another currency: what is charged must be what was asked for."""
    if not ask.return_url:
        raise ProviderRefused("return_url_missing")
    form = {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": ask.amount.currency.lower(),
        "line_items[0][price_data][unit_amount]": counted(ask.amount),
        "line_items[0][price_data][product_data][name]": ask.description[:_TEXT_MAX] or _TITLE,
        "allowed_payment_method_types[0]": "card",
        "adaptive_pricing[enabled]": "false",
        "success_url": ask.return_url,
        "cancel_url": ask.return_url,
        "client_reference_id": str(ask.reference),
        f"metadata[{PAYMENT}]": str(ask.id),
        f"metadata[{REFERENCE}]": str(ask.reference),
        "payment_intent_data[capture_method]": "manual",
        "payment_intent_data[transfer_group]": str(ask.id),
        f"payment_intent_data[metadata][{PAYMENT}]": str(ask.id),
        f"payment_intent_data[metadata][{REFERENCE}]": str(ask.reference),
        f"payment_intent_data[metadata][{HOSTED}]": "1",
    }
    if customer:
        form["customer"] = customer
        if ask.save:
            form["payment_intent_data[setup_future_usage]"] = "off_session"
    return form


def refund_form(intent: str, payment_id: UUID, refund_id: UUID, amount: Money) -> Form:
    return {
        "payment_intent": intent,
        "amount": counted(amount),
        f"metadata[{REFUND}]": str(refund_id),
        f"metadata[{PAYMENT}]": str(payment_id),
    }


def transfer_form(id: UUID, amount: Money, destination: Destination) -> Form:
    """Raises ProviderRefused for a destination that has no account there."""
    account = destination.provider_ref or ""
    if not account.startswith("acct_"):
        raise ProviderRefused("destination_unknown")
    return {
        "amount": counted(amount),
        "currency": amount.currency.lower(),
        "destination": account,
        "transfer_group": str(id),
        f"metadata[{DISBURSEMENT}]": str(id),
    }


def account_form(vendor_id: UUID, email: str, country: str) -> Form:
    """What used to be an Express account: Stripe asks the vendor who it is, and the market, which
    holds the money until it is earned, answers for it and pays Stripe's fees."""
    form = {
        "controller[fees][payer]": "application",
        "controller[losses][payments]": "application",
        "controller[requirement_collection]": "stripe",
        "controller[stripe_dashboard][type]": "express",
        "capabilities[transfers][requested]": "true",
        "country": country,
        f"metadata[{VENDOR}]": str(vendor_id),
    }
    if email:
        form["email"] = email
    return form


def link_form(account: str, return_url: str) -> Form:
    """An expired link leads back to us as well, where a new one can be asked for."""
    return {
        "account": account,
        "type": "account_onboarding",
        "return_url": return_url,
        "refresh_url": return_url,
        "collection_options[fields]": "eventually_due",
    }


def customer_form(person_id: UUID) -> Form:
    """Nothing of the person but our id."""
    return {f"metadata[{PERSON}]": str(person_id)}
