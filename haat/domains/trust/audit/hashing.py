"""How a link of the chain follows from the one before, and what proves that none was touched."""

import json
from collections.abc import Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any

GENESIS = bytes(32)
COVERED = (
    "seq",
    "id",
    "at",
    "actor_type",
    "actor_id",
    "acting",
    "acting_vendor_id",
    "session_id",
    "command",
    "request_id",
    "module",
    "kind",
    "subject",
    "change",
    "vendor_id",
    "person_id",
    "changes",
    "reason_digest",
)


def link(before: bytes, entry: Mapping[str, Any]) -> bytes:
    """The hash of an entry behind the one whose hash is `before`: over every column it has."""
    content = [_plain(entry[name]) for name in COVERED]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(before + text.encode()).digest()


def digest(salt: bytes, reason: str) -> bytes:
    """What the chain keeps of a reason: without the salt nobody can try out what it said."""
    return sha256(salt + reason.encode()).digest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, int | dict):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "astimezone"):
        return value.astimezone(UTC).isoformat()
    return str(value)
