"""Reading the fields of a request's body. A bad one is a `Refused` 422 that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .network import Refused, is_int

_MOST_MINOR: Final = 999_999_999_999
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{4,34}")


def ident(body: Mapping[str, object], name: str = "id") -> str:
    """A client-chosen id: 1 to 64 letters, digits, `_` or `-`."""
    value = body.get(name)
    if not (isinstance(value, str) and _ID.fullmatch(value)):
        raise Refused(422, "invalid", "Expected 1 to 64 letters, digits, _ or -.", name)
    return value


def text(body: Mapping[str, object], name: str, most: int = 200, at: str = "") -> str:
    """A non-empty printable string of at most `most` characters."""
    value = body.get(name)
    if not (isinstance(value, str) and 1 <= len(value) <= most and value.isprintable()):
        detail = f"Expected 1 to {most} printable characters."
        raise Refused(422, "invalid", detail, at or name)
    return value


def minor(body: Mapping[str, object], name: str, at: str = "") -> int:
    """A positive amount in minor units, at most `_MOST_MINOR`."""
    value = body.get(name)
    if not (is_int(value) and 1 <= value <= _MOST_MINOR):
        detail = f"Expected a whole number from 1 to {_MOST_MINOR}."
        raise Refused(422, "invalid_amount", detail, at or name)
    return value


def money(body: Mapping[str, object], name: str = "amount") -> tuple[int, str]:
    """`{"minor": 1299, "currency": "USD"}` as (minor units, currency)."""
    value = inner(body, name)
    currency = value.get("currency")
    if not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        raise Refused(422, "invalid_amount", "Expected three capitals.", f"{name}.currency")
    return minor(value, "minor", f"{name}.minor"), currency


def inner(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    """An object inside the body."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise Refused(422, "invalid", "Expected an object.", name)
    return value


def labels(body: Mapping[str, object], name: str = "metadata") -> dict[str, str]:
    """At most 50 strings by name; absent means none."""
    value = body.get(name, {})
    if not isinstance(value, dict) or len(value) > 50:
        raise Refused(422, "invalid", "Expected an object of at most 50 strings.", name)
    return {_key_of(k): text(value, k, 500, f"{name}.{k}") for k in value}


def _key_of(key: str) -> str:
    """A metadata name: printable and at most 64 characters."""
    if not (1 <= len(key) <= 64 and key.isprintable()):
        raise Refused(422, "invalid", "Expected a name of 1 to 64 characters.", "metadata")
    return key


def account_number(body: Mapping[str, object], at: str = "destination.account") -> str:
    """A bank account or IBAN: 4 to 34 letters and digits, spaces and dashes dropped."""
    value = body.get("account")
    plain = value.replace(" ", "").replace("-", "") if isinstance(value, str) else ""
    if not _ACCOUNT.fullmatch(plain):
        raise Refused(422, "invalid", "Expected 4 to 34 letters and digits.", at)
    return plain
