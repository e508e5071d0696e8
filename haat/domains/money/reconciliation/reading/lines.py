"""A line of a statement, what every format shares, and how a file is refused."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Literal
from uuid import UUID

from haat.domains.money.reconciliation.api import FileUnreadable
from haat.kernel.errors import Invalid, Problem
from haat.kernel.money import Money, parse_decimal

BYTES_MAX = 20_000_000
LINES_MAX = 200_000  # booked lines in one file
WIDTH_MAX = 20_000  # characters in one line of text
TEXT_MAX = 1_000
REF_MAX = 200
_NONE = frozenset({"", "NONREF", "NOTPROVIDED", "NOT PROVIDED", "NOTAVAILABLE"})
_HEX = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Kind = Literal[
    "credit",
    "debit",
    "capture",
    "refund",
    "payout",
    "dispute",
    "dispute_won",
    "fee",
    "other",
]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One booked line. `amount` is signed: + raises our balance there.

    `id` is the same whenever this line is read again, also from a longer file: it follows from the
    bank's reference of it, or from its content and which of several equal ones it is. `kind` is
    credit or debit in a bank's statement; a provider's report says more. `at` is the day of booking
    at midnight UTC where the file says no time. `reversal`: an earlier line was taken back.
    """

    id: str
    line: int  # of the file, from 1
    kind: Kind
    amount: Money
    fee: Money
    at: datetime
    text: str = ""
    provider_ref: str | None = None  # the bank's or the provider's reference
    end_to_end_id: str = ""
    our_id: UUID | None = None
    reversal: bool = False


def unreadable(line: int, why: str) -> Problem:
    """`line` 0: it is about the whole file."""
    where = f"Line {line}: {why}." if line else f"The file cannot be read: {why}."
    return FileUnreadable.at("content", where, "statement_unreadable", line=line, why=why)


def decoded(content: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or the Western European code page that banks still write."""
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise unreadable(0, "its characters are neither UTF-8 nor Windows-1252")
    if "\0" in text:
        raise unreadable(text.count("\n", 0, text.index("\0")) + 1, "it holds a NUL character")
    _must_be_narrow(text)
    return text


def _must_be_narrow(text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > WIDTH_MAX:
            raise unreadable(number, f"it is longer than {WIDTH_MAX} characters")


def money(line: int, text: str, currency: str) -> Money:
    """An exact amount from '1234.50'."""
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise unreadable(line, f"{shown(currency)} is no currency")
    try:
        return parse_decimal(text, currency)
    except Invalid:
        raise unreadable(line, f"{shown(text)} is no amount in {currency}") from None


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def reference(text: str | None) -> str:
    """Without the words that banks write where there is none."""
    found = (text or "").strip()[:REF_MAX]
    return "" if found.upper() in _NONE else found


def uuid_in(text: str) -> UUID | None:
    """Our id, with or without dashes."""
    return UUID(text) if _HEX.fullmatch(text) else None


def squeezed(*texts: str | None) -> str:
    """As one line of bounded length, and without what a database or a page could trip over."""
    joined = " ".join(text for text in texts if text)[: 4 * TEXT_MAX]
    if not joined.isprintable():
        joined = "".join(one if one.isprintable() else " " for one in joined)
    return " ".join(joined.split())[:TEXT_MAX]


def shown(text: str) -> str:
    """A value of theirs inside a message of ours."""
    plain = squeezed(text)
    return f"“{plain[:40]}…”" if len(plain) > 40 else f"“{plain}”"


def numbered(lines: Iterable[tuple[str, StatementLine]]) -> list[StatementLine]:
    """The lines with their ids: they come without, each with the account it is on."""
    seen: Counter[str] = Counter()
    found: list[StatementLine] = []
    for account, line in lines:
        if len(found) == LINES_MAX:
            raise unreadable(line.line, f"there are more than {LINES_MAX} lines")
        parts = [account, line.at.isoformat(), str(line.amount.minor), line.amount.currency]
        if line.provider_ref:
            parts += ["ref", line.provider_ref, line.end_to_end_id]
        else:
            parts += ["text", line.end_to_end_id, line.text]
        digest = sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[digest] += 1
        found.append(replace(line, id=f"{digest}-{seen[digest]}"))
    return found
