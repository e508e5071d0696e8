"""PayPal's webhooks: is it from PayPal, and what is it about?

PayPal itself verifies its messages (`verify-webhook-signature`), so that no address out of a
message is ever called by us. What costs nothing is looked at before PayPal is asked.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from haat.domains.money.payments.api import SignatureInvalid
from haat.domains.money.payments.providers.paypal.calls import Calls, Document, Refusal
from haat.kernel.context import Context

EVENTS = (
    "CHECKOUT.ORDER.APPROVED",
    "PAYMENT.AUTHORIZATION.CREATED",
    "PAYMENT.AUTHORIZATION.VOIDED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.REFUNDED",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.UPDATED",
    "CUSTOMER.DISPUTE.RESOLVED",
    "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
    "PAYMENT.PAYOUTS-ITEM.FAILED",
    "PAYMENT.PAYOUTS-ITEM.BLOCKED",
    "PAYMENT.PAYOUTS-ITEM.CANCELED",
    "PAYMENT.PAYOUTS-ITEM.DENIED",
    "PAYMENT.PAYOUTS-ITEM.RETURNED",
    "PAYMENT.PAYOUTS-ITEM.UNCLAIMED",
)
# PayPal tries up to 25 times in three days.
_OLDEST = timedelta(days=4)
_AHEAD = timedelta(minutes=5)
_NAMES = ("transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo")
# The shapes of notifications_webhooks_v1: what does not fit them is not PayPal's.
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "transmission-id": re.compile(r"(?!\d+$)\w\S{1,49}", re.ASCII),
    "transmission-time": re.compile(r"[0-9TZtz:.+-]{19,40}"),
    "transmission-sig": re.compile(r"(?!\d+$)\w\S{1,499}", re.ASCII),
    "cert-url": re.compile(r"https://[!-~]{1,480}"),
    "auth-algo": re.compile(r"[A-Za-z0-9]{1,100}"),
}
_ORDER_LINK = re.compile(r"/v2/checkout/orders/([A-Z0-9]{1,36})$")
_CAPTURE_LINK = re.compile(r"/v2/payments/captures/([A-Z0-9]{1,36})$")


@dataclass(frozen=True, slots=True)
class Message:
    """A verified one."""

    id: str
    type: str
    resource: Document
    document: Document


async def verified(
    calls: Calls, ctx: Context, webhook_id: str, headers: Mapping[str, str], body: bytes
) -> Message:
    """Raises SignatureInvalid; ProviderAway when PayPal cannot be asked."""
    given = {name: headers.get(f"paypal-{name}", "") for name in _NAMES}
    if not webhook_id or not all(_SHAPES[name].fullmatch(text) for name, text in given.items()):
        raise SignatureInvalid
    _must_be_paypals(given["cert-url"])
    _must_be_recent(given["transmission-time"], ctx.now())
    message = _read(body)
    asked = {name.replace("-", "_"): text for name, text in given.items()}
    asked["webhook_id"] = webhook_id
    # The event goes back byte for byte: written anew, its checksum would be another.
    content = json.dumps(asked)[:-1].encode() + b',"webhook_event":' + body + b"}"
    try:
        found = await calls.post(ctx, "/v1/notifications/verify-webhook-signature", content)
    except Refusal:
        raise SignatureInvalid from None
    if found.get("verification_status") != "SUCCESS":
        raise SignatureInvalid
    return message


def _must_be_paypals(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise SignatureInvalid from None
    plain = "@" not in parts.netloc and port in (None, 443)
    if not plain or not (host == "paypal.com" or host.endswith(".paypal.com")):
        raise SignatureInvalid("The certificate is not at PayPal's.")


def _must_be_recent(text: str, now: datetime) -> None:
    try:
        sent = datetime.fromisoformat(text)
        known = sent.tzinfo is not None and -_AHEAD <= now - sent <= _OLDEST
    except (ValueError, OverflowError):
        raise SignatureInvalid from None
    if not known:
        raise SignatureInvalid("The message is too old.")


def _read(body: bytes) -> Message:
    try:
        document = json.loads(body)
        resource = document["resource"]
        if not isinstance(resource, dict):
            raise TypeError
        id, kind = document["id"], document["event_type"]
        if not (isinstance(id, str) and 0 < len(id) <= 100 and isinstance(kind, str)):
            raise TypeError
        return Message(id, kind[:100], resource, document)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SignatureInvalid("The message cannot be read.") from None


def order_id_of(resource: Document) -> str | None:
    """The order an authorization or a capture belongs to."""
    return _related(resource, "order_id") or _linked(resource, _ORDER_LINK)


def capture_id_of(resource: Document) -> str | None:
    """The capture a refund was made of."""
    return _linked(resource, _CAPTURE_LINK) or _related(resource, "capture_id")


def _related(resource: Document, name: str) -> str | None:
    ids: Any = resource.get("supplementary_data")
    ids = ids.get("related_ids") if isinstance(ids, dict) else None
    found = ids.get(name) if isinstance(ids, dict) else None
    return found if isinstance(found, str) else None


def _linked(resource: Document, shape: re.Pattern[str]) -> str | None:
    links = resource.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "up":
            found = shape.search(str(link.get("href")))
            if found:
                return found[1]
    return None
