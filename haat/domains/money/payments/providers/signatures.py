"""Standard Webhooks: `webhook-signature` is HMAC-SHA256 over `id.timestamp.body`."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from haat.domains.money.payments.api import SignatureInvalid

TOLERANCE_S = 300
_PREFIX = "whsec_"


def secret_of(key: bytes) -> str:
    """The text form of a 32-byte key."""
    return _PREFIX + base64.b64encode(key).decode()


def sign(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """One `v1,` signature."""
    digest = hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, sha256)
    return "v1," + base64.b64encode(digest).decode()


def verify(key: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The message's id. Raises SignatureInvalid; a message older or newer than five minutes is
    refused too, so that a recorded one cannot be played again."""
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not (webhook_id and timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 13):
        raise SignatureInvalid
    if not webhook_id.isascii() or len(webhook_id) > 200 or len(given) > 4000:
        raise SignatureInvalid
    expected = sign(key, webhook_id, timestamp, body).encode()
    # Several may be given while a secret is being changed; each is compared in constant time.
    matches = [hmac.compare_digest(_bytes(one), expected) for one in given.split(" ")]
    if not any(matches):
        raise SignatureInvalid
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        raise SignatureInvalid("The message is too old.")
    return webhook_id


def _bytes(text: str) -> bytes:
    try:
        return text.encode("ascii")
    except (UnicodeEncodeError, binascii.Error):
        return b""
