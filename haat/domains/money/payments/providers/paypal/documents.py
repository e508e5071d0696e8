"""What PayPal's documents say, in the port's words. Pure.

Amounts travel as decimals: {"currency_code": "USD", "value": "12.99"}. Everything here raises
ProviderAway for a document that does not say what it should.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar
from uuid import UUID

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.port import (
    ProviderDispute,
    ProviderPayment,
    ProviderPayout,
    ProviderRefund,
    ProviderRefused,
)
from haat.kernel.errors import Problem
from haat.kernel.money import Money, parse_decimal, total

Document = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")

# PayPal takes no decimals in these, though ISO 4217 has two for the first and the last:
# https://developer.paypal.com/api/rest/reference/currency-codes/
_WHOLE = frozenset({"HUF", "JPY", "TWD"})
_PAID = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_LIVE = frozenset({"CREATED", "PENDING", "PARTIALLY_CAPTURED"})
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

_REFUNDS: Mapping[str, Literal["pending", "done", "failed"]] = {
    "COMPLETED": "done",
    "PENDING": "pending",
    "FAILED": "failed",
    "CANCELLED": "failed",
}
_PAYOUTS: Mapping[str, Literal["paid", "pending", "failed"]] = {
    "SUCCESS": "paid",
    "PENDING": "pending",
    "PROCESSING": "pending",
    "UNCLAIMED": "pending",  # the receiver has 30 days to open an account; then it comes back
    "ONHOLD": "pending",
    "FAILED": "failed",
    "DENIED": "failed",
    "CANCELED": "failed",
    "BLOCKED": "failed",
    "RETURNED": "failed",
    "REFUNDED": "failed",
    "REVERSED": "failed",
}
# What a closed dispute costs us; any other outcome, also one that PayPal adds, is still open.
_OUTCOMES: Mapping[str, Literal["won", "lost"]] = {
    "RESOLVED_SELLER_FAVOUR": "won",
    "RESOLVED_WITH_PAYOUT": "won",  # PayPal pays the customer itself
    "CANCELED_BY_BUYER": "won",
    "DENIED": "won",
    "RESOLVED_BUYER_FAVOUR": "lost",
    "ACCEPTED": "lost",
}
_DISPUTE_FEES = frozenset({"DISPUTE_FEE", "DISPUTE_SETTLEMENT_FEE", "CHARGEBACK_FEE"})


def understood(read: Callable[P, R]) -> Callable[P, R]:
    """Whatever is missing or of another shape is an answer that cannot be read."""

    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(*args, **kwargs)
        except ProviderAway:
            raise
        except (KeyError, IndexError, ValueError, TypeError, AttributeError, Problem):
            raise ProviderAway("The provider's answer cannot be read.") from None

    return reading


def decimal(amount: Money) -> str:
    """The amount as PayPal wants it. ProviderRefused for cents in a currency it has none in."""
    text = amount.decimal()
    if amount.currency not in _WHOLE:
        return text
    whole, _, cents = text.partition(".")
    if cents.strip("0"):
        raise ProviderRefused("DECIMALS_NOT_SUPPORTED", f"PayPal takes whole {amount.currency}.")
    return whole


def money_document(amount: Money) -> Document:
    return {"currency_code": amount.currency, "value": decimal(amount)}


@understood
def money(document: Document) -> Money:
    """Exactly the amount of {"currency_code", "value"}; of payouts: {"currency", "value"}."""
    currency = document.get("currency_code") or document["currency"]
    return parse_decimal(str(document["value"]), str(currency))


@understood
def order_id(order: Document) -> str:
    return path_part(order["id"])


@understood
def path_part(id: Any) -> str:
    """An id fit to stand in an address."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValueError
    return id


@understood
def unit(order: Document) -> Document:
    """The one purchase unit of an order."""
    (found,) = order["purchase_units"]
    if not isinstance(found, dict):
        raise TypeError
    return found


@understood
def our_id(order: Document) -> UUID:
    return UUID(unit(order)["custom_id"])


@understood
def listed(order: Document, kind: Literal["authorizations", "captures", "refunds"]) -> list[Any]:
    found = unit(order).get("payments", {}).get(kind, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise TypeError
    return found


def is_approved(order: Document) -> bool:
    """The customer has agreed, and nothing has been authorized yet."""
    return order.get("status") == "APPROVED" and not listed(order, "authorizations")


def live_authorizations(order: Document) -> list[Document]:
    return [one for one in listed(order, "authorizations") if one.get("status") in _LIVE]


def paid_capture(order: Document) -> Document | None:
    """The capture that brought the money."""
    found = [one for one in listed(order, "captures") if one.get("status") in _PAID]
    return found[0] if found else None


def action_url(order: Document) -> str | None:
    """Where the customer agrees."""
    links = order.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") in ("payer-action", "approve"):
            return str(link.get("href"))
    return None


@understood
def payment(order: Document) -> ProviderPayment:
    """How an order stands.

    What was captured counts first, then what is held, then what the customer still has to do. A
    capture that is pending is not captured yet: `authorized`, so that it is asked again.
    """
    owed = money(unit(order)["amount"])
    status, code = _standing(order)
    paid = [money(one["amount"]) for one in listed(order, "captures") if one["status"] in _PAID]
    held = live_authorizations(order)
    if any(one.currency != owed.currency for one in paid):
        raise ValueError
    return ProviderPayment(
        id=our_id(order),
        ref=order_id(order),
        reference=str(unit(order)["reference_id"]),
        amount=money(held[0]["amount"]) if status == "authorized" and held else owed,
        status=status,
        captured_minor=total(paid, owed.currency).minor,
        action_url=action_url(order) if status == "needs_action" else None,
        decline_code=code,
    )


def _standing(
    order: Document,
) -> tuple[Literal["needs_action", "authorized", "captured", "declined", "voided"], str | None]:
    """Status, and why it was declined."""
    captures = listed(order, "captures")
    authorizations = listed(order, "authorizations")
    if paid_capture(order) is not None:
        return "captured", None
    if any(one["status"] == "PENDING" for one in captures):
        return "authorized", None
    states = {one["status"] for one in authorizations}
    if captures and not states <= {"VOIDED"}:
        return "declined", _why(captures[-1])
    if states & {"CREATED", "PARTIALLY_CAPTURED"}:
        return "authorized", None
    if "PENDING" in states:
        return "needs_action", None  # PayPal looks at it; a message tells how it ends
    if "VOIDED" in states or order["status"] == "VOIDED":
        return "voided", None
    if "DENIED" in states:
        return "declined", _why(authorizations[-1])
    if states or order["status"] not in ("CREATED", "SAVED", "APPROVED", "PAYER_ACTION_REQUIRED"):
        raise ValueError
    return "needs_action", None


def _why(document: Document) -> str:
    details = document.get("status_details") or {}
    return str(details.get("reason") or document["status"])[:60]


@understood
def refund(document: Document, payment_id: UUID) -> ProviderRefund:
    """A refund that we asked for: it carries our id."""
    return ProviderRefund(
        id=UUID(document["custom_id"]),
        payment_id=payment_id,
        amount=money(document["amount"]),
        status=_REFUNDS[document["status"]],
    )


@understood
def payout(batch: Document, id: UUID) -> ProviderPayout | None:
    """The one item of a batch. None while PayPal has not taken it apart yet, or when it is not
    ours."""
    header = batch["batch_header"]
    if header["sender_batch_header"].get("sender_batch_id") != str(id):
        return None
    items = batch.get("items") or []
    if not items:
        return None
    (item,) = items
    detail = item["payout_item"]
    if detail.get("sender_item_id") != str(id):
        return None
    code = item.get("transaction_status") or header["batch_status"]
    status = _PAYOUTS[code]
    errors = item.get("errors") or {}
    return ProviderPayout(
        id=id,
        ref=path_part(header["payout_batch_id"]),
        amount=money(detail["amount"]),
        status=status,
        failure=str(errors.get("name") or code)[:60] if status == "failed" else None,
    )


@understood
def batch_state(batch: Document) -> tuple[str, Literal["paid", "pending", "failed"], str]:
    """The batch's id, what its state means for its one item, and PayPal's word for it. A batch
    that went through says nothing yet about its item."""
    header = batch["batch_header"]
    code = str(header["batch_status"])
    status = _PAYOUTS[code]
    return path_part(header["payout_batch_id"]), "pending" if status == "paid" else status, code


@understood
def dispute(document: Document) -> ProviderDispute:
    """Of the first of its transactions: we have one transaction for each payment."""
    about = document["disputed_transactions"][0]
    amount = money(document["dispute_amount"])
    outcome = str((document.get("dispute_outcome") or {}).get("outcome_code"))
    status: Literal["open", "won", "lost"] = "open"
    if document["status"] == "RESOLVED":
        status = _OUTCOMES.get(outcome, "open")
    due = document.get("seller_response_due_date")
    return ProviderDispute(
        ref=path_part(document["dispute_id"]),
        payment_id=uuid_or_none(about.get("custom")) or uuid_or_none(about.get("invoice_number")),
        payment_ref=str(about["seller_transaction_id"]),
        amount=amount,
        fee=_dispute_fee(document, amount.currency),
        reason=str(document.get("reason", "OTHER"))[:100],
        status=status,
        evidence_due=datetime.fromisoformat(due) if isinstance(due, str) else None,
    )


def _dispute_fee(document: Document, currency: str) -> Money:
    """Zero while none was taken; one in another currency is left to the report."""
    fees = Money.zero(currency)
    for movement in document.get("money_movements") or []:
        ours = movement.get("affected_party") == "SELLER"
        if ours and movement.get("reason") in _DISPUTE_FEES:
            amount = money(movement["amount"])
            if amount.currency == currency:
                sign = 1 if movement.get("type") == "DEBIT" else -1
                fees = fees + amount * sign
    return fees


@understood
def event_names(webhook: Document) -> set[str]:
    """What a webhook is told of; "*" for everything."""
    return {str(one["name"]) for one in webhook["event_types"]}


def uuid_or_none(text: Any) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None
