"""MT940, SWIFT's customer statement, as the library mt-940 reads it.

One file may hold several statements, one after the other; each begins with :20:.
"""

import logging
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

from mt940 import Options
from mt940.models import Transactions

from haat.domains.money.reconciliation.reading.lines import (
    LINES_MAX,
    StatementLine,
    midnight,
    money,
    numbered,
    reference,
    squeezed,
    unreadable,
    uuid_in,
)
from haat.kernel.money import Money

_ABOUT_MAX = 100  # lines about one entry, for which SWIFT has seven
_CODED = re.compile(r"/EREF/([^/\n]{1,35})(?:/|\n|$)")
# What a bank puts around a statement on its way through SWIFT.
_ENVELOPE = re.compile(r"\{.*|-\}.*|-")
_OPENING = ("final_opening_balance", "intermediate_opening_balance")
_CLOSING = ("final_closing_balance", "intermediate_closing_balance")
# It tells what it stumbles over by these.
_STUMBLES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError)
_FAILURES = (*_STUMBLES, TypeError, ValueError)

Numbered = tuple[int, str]


def looks_swift(text: str) -> bool:
    return bool(re.search(r"^:(20|25|60F|61):", text[:5_000], re.MULTILINE))


def read_swift(text: str) -> list[StatementLine]:
    """Raises FileUnreadable."""
    # It logs the lines it cannot read, which are somebody's bank statement.
    logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)
    return numbered(line for block in _statements(text) for line in _statement(block))


def _statements(text: str) -> Iterator[list[Numbered]]:
    block: list[Numbered] = []
    about = entries = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip()
        if line.startswith("{") and ":20:" in line:
            line = line[line.index(":20:") :]
        if not line.strip() or _ENVELOPE.fullmatch(line):
            continue
        about = 0 if line.startswith((":20:", ":61:")) else about + 1
        entries += _is_entry(line)
        if about > _ABOUT_MAX or entries > LINES_MAX:
            raise unreadable(number, "there is too much of it")
        if line.startswith(":20:") and block:
            yield block
            block = []
        if not block and not line.startswith(":20:"):
            raise unreadable(number, "a statement begins with :20:")
        block.append((number, line))
    if not block:
        raise unreadable(1, "there is no :20: in it, with which a statement begins")
    yield block


def _statement(block: list[Numbered]) -> list[tuple[str, StatementLine]]:
    """Each line with the account it is on."""
    read = Transactions(options=Options.all())
    try:
        read.parse("\n".join(line for _, line in block))
        entries = [dict(one.data) for one in read.transactions]
        numbers = [number for number, line in block if _is_entry(line)]
        if len(entries) != len(numbers):
            raise unreadable(block[0][0], "not every :61: in this statement can be read")
        account = str(read.data.get("account_identification") or "")
        lines = [_line(number, one) for number, one in zip(numbers, entries, strict=True)]
        _must_add_up(block[-1][0], read.data, lines)
    except _FAILURES:
        raise unreadable(_where(block), "this is not a line of an MT940") from None
    return [(account, line) for line in lines]


def _line(number: int, entry: dict[str, Any]) -> StatementLine:
    amount = entry["amount"]
    found = money(number, _plain(amount.amount), str(amount.currency or ""))
    details = entry.get("transaction_details") or ""
    coded = _CODED.search(str(details).replace("\n", ""))
    end_to_end = reference(entry.get("end_to_end_reference") or (coded[1] if coded else ""))
    texts = (entry.get("purpose"), entry.get("additional_purpose"), details)
    bank_ref = reference(entry.get("bank_reference"))
    return StatementLine(
        id="",
        line=number,
        kind="credit" if found.minor >= 0 else "debit",
        amount=found,
        fee=Money.zero(found.currency),
        at=midnight(entry.get("entry_date") or entry["date"]),
        text=squeezed(*map(_text, texts)) or squeezed(_text(entry.get("extra_details"))),
        provider_ref=bank_ref or reference(entry.get("customer_reference")) or None,
        end_to_end_id=end_to_end,
        our_id=uuid_in(end_to_end),
        reversal=str(entry.get("status", "")).upper() in ("RC", "RD"),
    )


def _must_add_up(number: int, data: dict[str, Any], lines: list[StatementLine]) -> None:
    """The bank's own check: what there was and what moved is what there is."""
    opening = next((data[name] for name in _OPENING if data.get(name)), None)
    closing = next((data[name] for name in _CLOSING if data.get(name)), None)
    if opening is None or closing is None:
        return
    currency = str(closing.amount.currency)
    if str(opening.amount.currency) != currency:
        raise unreadable(number, "its balances are in two currencies")
    first = money(number, _plain(opening.amount.amount), currency)
    last = money(number, _plain(closing.amount.amount), currency)
    if first.minor + sum(line.amount.minor for line in lines) != last.minor:
        raise unreadable(number, "the lines do not add up to the closing balance")


def _plain(amount: Decimal) -> str:
    return format(amount, "f")


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _where(block: list[Numbered]) -> int:
    """The first line of the statement's head, or the first entry after it, that cannot be read on
    its own; without one, the statement's first line."""
    first = next((at for at, (_, line) in enumerate(block) if _is_entry(line)), len(block))
    head = [line for _, line in block[:first]]
    entries = [(number, line) for number, line in block[first:] if _is_entry(line)]
    after = ((number, "\n".join([*head, line])) for number, line in entries)
    for number, text in chain(block[:first], after):
        try:
            Transactions(options=Options.all()).parse(text)
        except _FAILURES:
            return number
    return block[0][0]


def _is_entry(line: str) -> bool:
    return line.startswith(":61:")
