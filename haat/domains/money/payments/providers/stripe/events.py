"""Stripe's messages: which of them tell us something, and what may be kept of them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from haat.domains.money.payments.api import ProviderAway, SignatureInvalid
from haat.domains.money.payments.providers.port import (
    ProviderAccount,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
)
from haat.domains.money.payments.providers.stripe.shapes import (
    Doc,
    account_of,
    dispute_of,
    payment_of,
    payout_of,
    refund_of,
    session_of,
)
from haat.domains.money.payments.rules import redacted

Subject = ProviderPayment | ProviderPayout | ProviderDispute | ProviderAccount
_SUBJECTS: Mapping[str, Callable[[Doc], Subject | None]] = {
    **dict.fromkeys(
        (
            "payment_intent.amount_capturable_updated",
            "payment_intent.canceled",
            "payment_intent.payment_failed",
            "payment_intent.processing",
            "payment_intent.requires_action",
            "payment_intent.succeeded",
        ),
        payment_of,
    ),
    # A completed session names its intent only by id; the intent's own message tells the rest.
    "checkout.session.expired": session_of,
    **dict.fromkeys(
        (
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
            "charge.dispute.closed",
        ),
        dispute_of,
    ),
    **dict.fromkeys(("transfer.created", "transfer.updated", "transfer.reversed"), payout_of),
}
_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_ACCOUNT = "account.updated"
HEARD = frozenset({*_SUBJECTS, *_REFUNDS, _ACCOUNT})

# Who paid and who sells, and links that let anybody who has them go on in their name.
_PERSONAL = frozenset(
    "address billing_details shipping shipping_details customer_details collected_information"
    " evidence individual company business_profile external_accounts tos_acceptance receipt_email"
    " url receipt_url return_url success_url cancel_url redirect_to_url use_stripe_sdk".split()
)
_ID_MAX = 200
_DEPTH_MAX = 20


def event_of(body: bytes, *, live: bool) -> ProviderEvent:
    """A message whose signature was verified. Raises SignatureInvalid when it cannot be read."""
    try:
        doc = json.loads(body)
        id, kind, about = str(doc["id"]), str(doc["type"]), doc["data"]["object"]
        if not (id.isascii() and 0 < len(id) <= _ID_MAX and isinstance(about, dict)):
            raise ValueError(id[:_ID_MAX])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SignatureInvalid("The message cannot be read.") from None
    subject, refund = _meant(doc, kind, about, live)
    return ProviderEvent(id, kind[:_ID_MAX], redacted(_impersonal(doc)), subject, refund)


def _meant(
    doc: Doc, kind: str, about: Doc, live: bool
) -> tuple[Subject | None, ProviderRefund | None]:
    # Connect endpoints in live mode hear of test mode too: nobody has paid anything there.
    if doc.get("livemode", live) is not live:
        return None, None
    # On a vendor's account the vendor writes what it likes, our metadata too. Only how the account
    # itself stands is believed, and that of the platform's own is nothing to us.
    if (kind == _ACCOUNT) != bool(doc.get("account")):
        return None, None
    try:
        if kind == _ACCOUNT:
            return account_of(about), None
        if kind in _REFUNDS:
            return None, refund_of(about)
        read = _SUBJECTS.get(kind)
        return (read(about) if read else None), None
    except ProviderAway:
        return None, None  # not one of ours: other shops may use the same Stripe account


def _impersonal(value: Any, depth: int = 0) -> Any:
    if depth > _DEPTH_MAX:
        return None
    if isinstance(value, dict):
        kept = ((key, inner) for key, inner in value.items() if key not in _PERSONAL)
        return {key: _impersonal(inner, depth + 1) for key, inner in kept}
    if isinstance(value, list):
        return [_impersonal(inner, depth + 1) for inner in value]
    return value
