"""`Stripe-Signature: t=…,v1=…`: HMAC-SHA256 in hex over `t.body`.

Source: docs.stripe.com/webhooks#verify-manually.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from haat.domains.money.payments.api import SignatureInvalid

TOLERANCE_S = 300
_HEADER_MAX = 4000


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The hex digits after `v1=`. The secret is used as it is, with its `whsec_`."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


def verify(secrets: Sequence[str], header: str, body: bytes, now: datetime) -> None:
    """Raises SignatureInvalid; also for a message older or newer than five minutes, so that a
    recorded one cannot be played again. Any of our secrets and any of the `v1` will do: there
    are several of both while one is being changed, and Connect has an endpoint of its own."""
    if len(header) > _HEADER_MAX:
        raise SignatureInvalid
    pairs = [item.partition("=")[::2] for item in header.split(",")]
    timestamp = next((value for name, value in pairs if name == "t"), "")
    given = [value.encode() for name, value in pairs if name == "v1"]
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 13):
        raise SignatureInvalid
    expected = [sign(secret, timestamp, body).encode() for secret in secrets]
    # All are compared, each in constant time: how long it takes says nothing about which matched.
    matches = [hmac.compare_digest(one, ours) for one in given for ours in expected]
    if not any(matches):
        raise SignatureInvalid
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_S:
        raise SignatureInvalid("The message is too old.")
