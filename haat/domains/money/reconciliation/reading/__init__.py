"""Statements of banks and reports of providers, read into lines. Pure, and bounded: whatever the
bytes are, they are read or FileUnreadable says in which line and why not.
"""

from haat.domains.money.reconciliation.api import Format
from haat.domains.money.reconciliation.reading.camt import read_camt
from haat.domains.money.reconciliation.reading.lines import (
    BYTES_MAX,
    StatementLine,
    decoded,
    unreadable,
)
from haat.domains.money.reconciliation.reading.sheets import read_sheet
from haat.domains.money.reconciliation.reading.swift import looks_swift, read_swift

__all__ = ["StatementLine", "read_statement"]
_BLANK = b" \t\r\n\x00"


def read_statement(
    content: bytes, format: Format = "auto", currency: str = "EUR"
) -> list[StatementLine]:
    """Every booked line, in the order of the file. `currency` is that of a CSV which names none.

    `auto` looks at the first characters: XML is CAMT.053, SWIFT tags are MT940, anything else is a
    CSV. Raises FileUnreadable.
    """
    if len(content) > BYTES_MAX:
        raise unreadable(0, f"it is larger than {BYTES_MAX // 1_000_000} MB")
    if not content.strip(_BLANK):
        raise unreadable(0, "it is empty")
    if format == "camt.053" or (format == "auto" and _looks_xml(content)):
        return read_camt(content)
    text = decoded(content)
    if format == "mt940" or (format == "auto" and looks_swift(text)):
        return read_swift(text)
    return read_sheet(text, currency)


def _looks_xml(content: bytes) -> bool:
    """In UTF-8 or UTF-16, with or without a mark of it."""
    return content[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00").startswith(b"<")
