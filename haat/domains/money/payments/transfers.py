"""References of bank transfers: short enough to be typed, and found again in what a bank tells.

`HT-7K3Q-92XM`: seven symbols of Crockford's base32 from the payment's id, then a check symbol, so
that a slip of the finger is not somebody else's payment. The check is the Luhn mod N algorithm with
N = 32 (https://en.wikipedia.org/wiki/Luhn_mod_N_algorithm): it finds every single wrong symbol and
nearly every swap of two neighbours.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from uuid import UUID

from haat.domains.money.payments.api import FundsReceived

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: without I, L, O and U
PREFIX = "HT"
_SYMBOLS = 7
_READ_AS = str.maketrans("OIL", "011")
_NOISE = re.compile(r"[^0-9A-Z]")
Outcome = Literal["captured", "already", "unmatched", "wrong_amount", "late"]


def reference_of(payment_id: UUID, attempt: int = 0) -> str:
    """The payment's reference; another `attempt` gives another one, when one is taken already."""
    number = int.from_bytes(sha256(payment_id.bytes + bytes([attempt])).digest()[:5])
    symbols = "".join(ALPHABET[number >> 5 * place & 31] for place in range(_SYMBOLS))
    symbols += check_symbol(symbols)
    return f"{PREFIX}-{symbols[:4]}-{symbols[4:]}"


def check_symbol(symbols: str) -> str:
    total = 0
    for place, symbol in enumerate(reversed(symbols)):
        value = ALPHABET.index(symbol) * (1 if place % 2 else 2)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]


def references_in(text: str) -> list[str]:
    """Every reference that may stand in a transfer's text, in order, however it was typed: in
    lower case, with spaces, dashes or line ends in it, with O for 0 and I or L for 1."""
    plain = _NOISE.sub("", text.upper())
    found = []
    for start in (m.start() for m in re.finditer(f"(?={PREFIX})", plain)):
        symbols = plain[start + len(PREFIX) : start + len(PREFIX) + _SYMBOLS + 1]
        symbols = symbols.translate(_READ_AS)
        known = len(symbols) > _SYMBOLS and all(symbol in ALPHABET for symbol in symbols)
        if known and check_symbol(symbols[:-1]) == symbols[-1]:
            found.append(f"{PREFIX}-{symbols[:4]}-{symbols[4:]}")
    return list(dict.fromkeys(found))


@dataclass(slots=True)
class Awaited:
    """A bank transfer we know of; `paid` says that a credit on our account pays for it already."""

    payment_id: UUID
    currency: str
    minor: int
    status: str
    paid: bool


def match(funds: FundsReceived, known: Mapping[str, Awaited]) -> tuple[Outcome, Awaited | None]:
    """What becomes of a credit; the payment it captures or explains is marked.

    A payment that staff confirmed is explained by the first credit over its amount (`already`);
    another credit for it is money too much, which is `late` like any that comes after the end.
    """
    named = [known[ref] for ref in references_in(funds.text) if ref in known]
    if not named:
        return "unmatched", None
    exact = [
        one
        for one in named
        if (one.minor, one.currency) == (funds.amount.minor, funds.amount.currency)
    ]
    for one in exact:
        if one.status == "awaiting":
            one.status, one.paid = "captured", True
            return "captured", one
    for one in exact:
        if one.status == "captured" and not one.paid:
            one.paid = True
            return "already", one
    waiting = [one for one in named if one.status == "awaiting"]
    return ("wrong_amount", waiting[0]) if waiting else ("late", named[0])
