"""Lines of /v1/balance_transactions as lines of a balance report.

Sources: docs.stripe.com/reports/reporting-categories, docs.stripe.com/api/balance_transactions.
"""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from haat.domains.money.payments.api import ProviderAway, ReportLine
from haat.domains.money.payments.providers.stripe.amounts import from_stripe
from haat.domains.money.payments.providers.stripe.shapes import (
    DISBURSEMENT,
    PAYMENT,
    REFUND,
    Doc,
    moment,
    ref_of,
)

Kind = Literal["capture", "refund", "payout", "dispute", "dispute_won", "fee", "other"]
# Our payouts are Stripe's transfers. Stripe's payouts, from the market's balance to its bank
# account, are movements of the market's own money: other.
_KINDS: Mapping[str, Kind] = {
    "charge": "capture",
    "refund": "refund",
    "refund_failure": "refund",  # positive: it came back
    "transfer": "payout",
    "transfer_reversal": "payout",  # positive
    "dispute": "dispute",
    "dispute_reversal": "dispute_won",
    "fee": "fee",
}
_IDS: Mapping[Kind, str] = {"capture": PAYMENT, "refund": REFUND, "payout": DISBURSEMENT}
_TEXT_MAX = 200


def line_of(doc: Doc) -> ReportLine:
    """`amount` is gross and signed, `fee` positive when kept: the balance moved by their
    difference. Raises ProviderAway."""
    try:
        source = doc.get("source")
        kind = _KINDS.get(str(doc.get("reporting_category")), "other")
        return ReportLine(
            id=str(doc["id"]),
            kind=kind,
            provider_ref=_subject_ref(source) or None,
            our_id=_our_id(kind, source),
            amount=from_stripe(doc["amount"], doc["currency"]),
            fee=from_stripe(doc["fee"], doc["currency"]),
            at=moment(doc["created"]),
            text=str(doc.get("description") or "")[:_TEXT_MAX],
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        raise ProviderAway("The provider's report cannot be read.") from None


def _subject_ref(source: Any) -> str:
    """We know a charge by its intent, and a reversal by its transfer."""
    if isinstance(source, Mapping):
        for folder in ("charge", "transfer_reversal"):
            if source.get("object") == folder:
                name = "payment_intent" if folder == "charge" else "transfer"
                return ref_of(source.get(name)) or ref_of(source)
    return ref_of(source)


def _our_id(kind: Kind, source: Any) -> UUID | None:
    """Stripe copies an intent's metadata to its charge."""
    metadata = source.get("metadata") if isinstance(source, Mapping) else None
    found = (metadata or {}).get(_IDS.get(kind, ""))
    try:
        return UUID(found) if found else None
    except (ValueError, TypeError, AttributeError):
        return None  # somebody else's metadata under our name
