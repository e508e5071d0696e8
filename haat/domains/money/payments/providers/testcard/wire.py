"""Addresses and signatures of the test card network's webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from urllib.parse import urlsplit

from .network import Refused


def web_url(value: object, at: str) -> str:
    """An absolute http(s) address without user information, at most 2000 characters."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and len(value) <= 2000 else None
        usable = (
            parts is not None
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and "@" not in parts.netloc
            and (parts.port or 1) > 0
        )
    except ValueError:
        usable = False
    if not (isinstance(value, str) and usable and value.isascii() and value.isprintable()):
        raise Refused(422, "invalid_url", "Expected an absolute http or https address.", at)
    return value


@lru_cache(maxsize=16)
def signing_key(secret: str) -> bytes:
    """The bytes of a `whsec_<base64>` secret (24 to 64 of them)."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        detail = "Expected whsec_ and the base64 of 24 to 64 bytes."
        raise Refused(422, "invalid_secret", detail, "secret")
    return key


def signature(secret: str, webhook_id: str, timestamp_s: int, payload: bytes) -> str:
    """The `webhook-signature` header of Standard Webhooks: `v1,` and base64 HMAC-SHA256."""
    signed = f"{webhook_id}.{timestamp_s}.".encode() + payload
    digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def retry_delay_s(attempts: int, first_s: float) -> float | None:
    """Seconds until the next try after `attempts` failed ones: doubling to 60; None gives up."""
    return None if attempts >= 20 else min(60.0, first_s * 2 ** (attempts - 1))
