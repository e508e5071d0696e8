"""Stripe's objects in the port's words.

Amount, currency and reference are always taken from the object itself, so that they can be held
against ours. What cannot be read raises ProviderAway.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Literal, TypeVar
from uuid import UUID

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.port import (
    ProviderAccount,
    ProviderDispute,
    ProviderMethod,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
)
from haat.domains.money.payments.providers.stripe.amounts import from_stripe
from haat.kernel.money import Money

# What we keep with its objects.
PAYMENT, REFERENCE, HOSTED = "haat_payment", "haat_reference", "haat_hosted"
REFUND, DISBURSEMENT = "haat_refund", "haat_disbursement"
PERSON, VENDOR = "haat_person", "haat_vendor"

Doc = Mapping[str, Any]
T = TypeVar("T")
_INTENTS: Mapping[str, Literal["open", "needs_action", "authorized", "captured", "voided"]] = {
    "requires_payment_method": "open",
    "requires_confirmation": "open",
    "processing": "open",
    "requires_action": "needs_action",
    "requires_capture": "authorized",
    "succeeded": "captured",
    "canceled": "voided",
}
_REFUNDS: Mapping[str, Literal["pending", "done", "failed"]] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "done",
    "failed": "failed",
    "canceled": "failed",
}
# Inquiries (warning_…) and prevented disputes take no money, and are none to us.
_DISPUTES: Mapping[str, Literal["open", "won", "lost"]] = {
    "needs_response": "open",
    "under_review": "open",
    "appeal_needs_response": "open",
    "appeal_under_review": "open",
    "won": "won",
    "lost": "lost",
}


def _readable(read: Callable[[Doc], T]) -> Callable[[Doc], T]:
    @wraps(read)
    def reading(doc: Doc) -> T:
        try:
            return read(doc)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
            raise ProviderAway("The provider's answer cannot be read.") from None

    return reading


def ref_of(found: Any) -> str:
    """The id of an object that is there, or stands as its id only."""
    return str(found["id"] if isinstance(found, Mapping) else found or "")


@_readable
def payment_of(doc: Doc) -> ProviderPayment:
    """A PaymentIntent. Within a Checkout Session (`haat_hosted`) a declined card leaves it open:
    the customer may try another there, until the session ends."""
    metadata = doc["metadata"]
    error = doc.get("last_payment_error")
    status: Any = _INTENTS[doc["status"]]
    if HOSTED in metadata and status == "needs_action":
        status = "open"
    tried = doc["status"] == "requires_payment_method" and HOSTED not in metadata
    declined = _decline_code(error) if tried and error else None
    return ProviderPayment(
        id=UUID(metadata[PAYMENT]),
        ref=str(doc["id"]),
        reference=str(metadata[REFERENCE]),
        amount=from_stripe(doc["amount"], doc["currency"]),
        status="declined" if declined else status,
        captured_minor=_received(doc) if status == "captured" else 0,
        action_url=_action_url(doc) if status == "needs_action" else None,
        decline_code=declined,
        saved=_saved(doc) if status in ("authorized", "captured") else None,
    )


def _received(doc: Doc) -> int:
    return from_stripe(doc.get("amount_received", 0), doc["currency"]).minor


def _action_url(doc: Doc) -> str | None:
    """Where 3-D Secure is done; it comes back to our return_url from there."""
    redirect = (doc.get("next_action") or {}).get("redirect_to_url") or {}
    return redirect.get("url")


def _decline_code(error: Doc) -> str:
    return str(error.get("decline_code") or error.get("code") or "declined")[:60]


def _saved(doc: Doc) -> ProviderMethod | None:
    """The card it keeps, when we asked for that and Stripe shows it (messages do not)."""
    method, customer = doc.get("payment_method"), doc.get("customer")
    if not (doc.get("setup_future_usage") and customer and isinstance(method, Mapping)):
        return None
    card = method.get("card")
    if not card:
        return None
    brand = str(card.get("display_brand") or card["brand"]).replace("_", " ").title()
    return ProviderMethod(
        ref=str(method["id"]),
        customer_ref=ref_of(customer),
        label=f"{brand} •••• {card['last4']}",
        expires=f"{int(card['exp_year']):04}-{int(card['exp_month']):02}",
    )


@_readable
def session_of(doc: Doc) -> ProviderPayment:
    """A Checkout Session; once its PaymentIntent has a card, that tells how it stands."""
    metadata, intent = doc["metadata"], doc.get("payment_intent")
    if isinstance(intent, Mapping):
        seen = payment_of(intent)
        if seen.status != "open":
            return seen
    is_open = doc["status"] == "open"
    return ProviderPayment(
        id=UUID(metadata[PAYMENT]),
        ref=str(doc["id"]),
        reference=str(metadata[REFERENCE]),
        amount=from_stripe(doc["amount_total"], doc["currency"]),
        status="voided" if doc["status"] == "expired" else "open",
        captured_minor=0,
        action_url=str(doc["url"]) if is_open and doc.get("url") else None,
    )


@_readable
def refund_of(doc: Doc) -> ProviderRefund:
    metadata = doc["metadata"]
    return ProviderRefund(
        id=UUID(metadata[REFUND]),
        payment_id=UUID(metadata[PAYMENT]),
        amount=from_stripe(doc["amount"], doc["currency"]),
        status=_REFUNDS[doc["status"]],
    )


@_readable
def payout_of(doc: Doc) -> ProviderPayout:
    """A Transfer, which is done at once. Taken back in whole it has failed; in part it is one over
    another amount than ours, so that a person looks at it."""
    amount, back = int(doc["amount"]), int(doc.get("amount_reversed") or 0)
    whole = bool(doc.get("reversed")) or back >= amount
    return ProviderPayout(
        id=UUID(doc["metadata"][DISBURSEMENT]),
        ref=str(doc["id"]),
        amount=from_stripe(amount if whole else amount - back, doc["currency"]),
        status="failed" if whole else "paid",
        failure="transfer_reversed" if whole else None,
    )


@_readable
def dispute_of(doc: Doc) -> ProviderDispute | None:
    """None for an inquiry: nothing is withheld for it. Our id is only known where Stripe sends the
    intent with it; else it is found by `payment_ref`."""
    status = _DISPUTES.get(doc["status"])
    if status is None:
        return None
    intent = doc.get("payment_intent")
    metadata = intent.get("metadata", {}) if isinstance(intent, Mapping) else {}
    due = (doc.get("evidence_details") or {}).get("due_by")
    return ProviderDispute(
        ref=str(doc["id"]),
        payment_id=UUID(metadata[PAYMENT]) if PAYMENT in metadata else None,
        payment_ref=ref_of(intent) or ref_of(doc.get("charge")),
        amount=from_stripe(doc["amount"], doc["currency"]),
        fee=_dispute_fee(doc),
        reason=str(doc.get("reason") or ""),
        status=status,
        evidence_due=moment(due) if due else None,
    )


def _dispute_fee(doc: Doc) -> Money:
    """What Stripe kept for it so far: its balance transactions' fees, of which a later one may
    give an earlier back."""
    lines = doc.get("balance_transactions") or []
    currency = lines[0]["currency"] if lines else doc["currency"]
    fees = [int(line.get("fee") or 0) for line in lines if line["currency"] == currency]
    return from_stripe(sum(fees), currency)


@_readable
def account_of(doc: Doc) -> ProviderAccount:
    """`ready`: transfers reach it and it is paid out. `started`: its form is not handed in."""
    needs = doc.get("requirements") or {}
    asked = [*(needs.get("past_due") or []), *(needs.get("currently_due") or [])]
    transfers = (doc.get("capabilities") or {}).get("transfers")
    ready = transfers == "active" and doc.get("payouts_enabled") is True
    submitted = doc.get("details_submitted") is True
    return ProviderAccount(
        ref=str(doc["id"]),
        status="ready" if ready else "restricted" if submitted else "started",
        requirements=tuple(dict.fromkeys(str(one) for one in asked)),
    )


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
