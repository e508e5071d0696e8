"""Signatures, when a delivery is tried again, and what an answer means. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from uuid import UUID

from haat.domains.reach.webhooks.catalogue import BY_TYPE
from haat.kernel.context import Context
from haat.kernel.errors import FieldError, Invalid

SECRET_BEGINS = "whsec_"
SECRET_BYTES = 32
# What the specification proposes: at once, then so long after each try before.
SCHEDULE = tuple(
    timedelta(seconds=s)
    for s in (0, 5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)))
)
JITTER_PERCENT = 10
RETRY_AFTER_MAX = timedelta(hours=24)
GONE = 410
ANSWER_MAX_CHARS = 1024


def message_id(delivery_id: UUID) -> str:
    """A delivery's `webhook-id`: the same with every try."""
    return f"msg_{delivery_id.hex}"


def secret_of(raw: bytes) -> str:
    """Random bytes as a secret is written."""
    return SECRET_BEGINS + base64.b64encode(raw).decode()


def signature(secrets: Iterable[str], id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature`: one for each secret, the newest first."""
    signed = f"{id}.{timestamp}.".encode() + body
    found = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix(SECRET_BEGINS))
        mac = base64.b64encode(hmac.digest(key, signed, sha256)).decode()
        found.append(f"v1,{mac}")
    return " ".join(found)


def next_try(
    step: int, now: datetime, draw: int, headers: Mapping[str, str], status: int | None
) -> datetime | None:
    """When a delivery whose try number `step` (from 0) failed is tried again; None: never.

    `draw`: 0 to 999, by lot. An answer that says when to come again (429, 503) is believed, for up
    to a day.
    """
    if step + 1 >= len(SCHEDULE):
        return None
    wait = SCHEDULE[step + 1]
    wait += wait * JITTER_PERCENT / 100 * draw / 1000
    if status in (429, 503):
        wait = max(wait, _retry_after(headers.get("retry-after", ""), now))
    return now + wait


def _retry_after(given: str, now: datetime) -> timedelta:
    """Seconds or a date; nothing for anything else."""
    given = given.strip()[:40]
    if given.isascii() and given.isdecimal():
        return min(timedelta(seconds=int(given[:9])), RETRY_AFTER_MAX)
    try:
        until = parsedate_to_datetime(given)
    except (ValueError, TypeError, IndexError, OverflowError):
        return timedelta(0)
    if until.tzinfo is None:
        return timedelta(0)
    return max(timedelta(0), min(until - now, RETRY_AFTER_MAX))


def readable(answer: bytes) -> str:
    """The beginning of an answer as text that can be stored and shown."""
    text = answer.decode("utf-8", "replace")
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)[
        :ANSWER_MAX_CHARS
    ]


def check_events(
    ctx: Context, vendor_id: UUID | None, wanted: Iterable[str], *, chosen: Iterable[str] = ()
) -> list[str]:
    """The types that an endpoint may hear, sorted; those `chosen` before are not looked at. Invalid
    at "events"."""
    types, errors = sorted(set(wanted)), []
    for one in sorted(set(types).difference(chosen)):
        kind = BY_TYPE.get(one)
        if kind is None or (vendor_id is not None and kind.right is None):
            text = f"There is no event “{one[:60]}”."
            errors.append(FieldError(path="events", code="event_unknown", message=text))
        elif vendor_id is not None and not ctx.has(kind.right or ""):
            text = f"“{one}” is for those who may: {kind.right}."
            errors.append(FieldError(path="events", code="event_forbidden", message=text))
    if not types:
        errors.append(
            FieldError(path="events", code="missing", message="Choose at least one event.")
        )
    if errors:
        raise Invalid(errors[0].message, code=errors[0].code, fields=errors)
    return types
