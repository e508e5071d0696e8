"""CAMT.053, the bank's statement of ISO 20022, versions .001.02 to .001.08.

Source: the message definition reports of iso20022.org. A reversal keeps the sign of its own
CdtDbtInd, which is the direction in which the money moves now.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError  # nosec B405

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import DefusedXMLParser  # type: ignore[import-untyped]

from haat.domains.money.reconciliation.reading.lines import (
    LINES_MAX,
    StatementLine,
    midnight,
    money,
    numbered,
    reference,
    shown,
    squeezed,
    unreadable,
    uuid_in,
)
from haat.kernel.errors import Problem
from haat.kernel.money import Money

_ROOT = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.0[2-8]\}Document")
_DEPTH_MAX = 60
_NODES_MAX = 20_000  # of one entry: a batch of thousands of transactions
_ENTRY = ["Document", "BkToCstmrStmt", "Stmt", "Ntry"]
_ACCOUNT = ["Document", "BkToCstmrStmt", "Stmt", "Acct"]
_TAKEN = (_ENTRY, _ACCOUNT)


@dataclass(slots=True)
class Node:
    """An element with what is in it; names are without their namespace."""

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    inner: list["Node"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts).strip()

    def all(self, path: str) -> Iterator["Node"]:
        name, _, rest = path.partition("/")
        for one in self.inner:
            if one.name == name:
                if rest:
                    yield from one.all(rest)
                else:
                    yield one

    def first(self, *paths: str) -> "Node | None":
        return next((one for path in paths for one in self.all(path)), None)

    def said(self, *paths: str) -> str:
        found = self.first(*paths)
        return found.text if found else ""


class _Statement:
    """Keeps one entry at a time: a large file needs no more memory than its largest entry."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, StatementLine]] = []
        self.line: Callable[[], int] = lambda: 0
        self._path: list[str] = []
        self._open: list[Node] = []
        self._nodes = 0
        self._account = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._path and not _ROOT.fullmatch(tag):
            raise unreadable(self.line(), "this is not camt.053.001.02 to camt.053.001.08")
        self._path.append(tag.rpartition("}")[2])
        if len(self._path) > _DEPTH_MAX:
            raise unreadable(self.line(), "elements are nested too deeply")
        if not self._open and self._path not in _TAKEN:
            return
        self._nodes += 1
        if self._nodes > _NODES_MAX:
            raise unreadable(self.line(), "one entry holds too much")
        node = Node(self._path[-1], self.line(), dict(attributes))
        if self._open:
            self._open[-1].inner.append(node)
        self._open.append(node)

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)

    def end(self, tag: str) -> None:
        self._path.pop()
        if not self._open:
            return
        node = self._open.pop()
        if self._open:
            return
        self._nodes = 0
        if node.name == "Acct":
            self._account = node.said("Id/IBAN", "Id/Othr/Id")
            return
        self.lines += [(self._account, line) for line in _lines(node)]
        if len(self.lines) > LINES_MAX:
            raise unreadable(node.line, f"there are more than {LINES_MAX} lines")

    def close(self) -> None:
        """The parser calls it at the end."""


def _lines(entry: Node) -> list[StatementLine]:
    status = entry.said("Sts/Cd", "Sts")
    if status not in ("BOOK", ""):
        return []  # pending, or for information only
    stated = entry.first("Amt")
    if stated is None:
        raise unreadable(entry.line, "the entry has no amount")
    whole = _signed(entry, stated, entry)
    parts = list(entry.all("NtryDtls/TxDtls"))
    found = [(one, one.first("Amt", "AmtDtls/TxAmt/Amt")) for one in parts]
    amounts = [_signed(entry, amount, one) for one, amount in found if amount is not None]
    known = [one for one in amounts if one.currency == whole.currency]
    if len(parts) > 1 and len(known) == len(parts) and sum(x.minor for x in known) == whole.minor:
        pairs = zip(parts, known, strict=True)
        return [_line(entry, [part], amount) for part, amount in pairs]
    # Fees or another currency in between: only the entry's own amount moved.
    return [_line(entry, parts, whole)]


def _signed(entry: Node, amount: Node, about: Node) -> Money:
    mark = about.said("CdtDbtInd") or entry.said("CdtDbtInd")
    if mark not in ("CRDT", "DBIT"):
        raise unreadable(entry.line, f"{shown(mark)} is neither CRDT nor DBIT")
    size = money(amount.line, amount.text, amount.attributes.get("Ccy", ""))
    return size if mark == "CRDT" else -size


def _line(entry: Node, parts: list[Node], amount: Money) -> StatementLine:
    one = parts[0] if len(parts) == 1 else entry
    end_to_end = reference(one.said("Refs/EndToEndId"))
    refs = (one.said("Refs/AcctSvcrRef"), entry.said("AcctSvcrRef"), entry.said("NtryRef"))
    texts = [node.text for part in parts for node in _remittance(part)]
    return StatementLine(
        id="",
        line=one.line,
        kind="credit" if amount.minor >= 0 else "debit",
        amount=amount,
        fee=Money.zero(amount.currency),
        at=_booked(entry),
        text=squeezed(*texts) or squeezed(entry.said("AddtlNtryInf")),
        provider_ref=next((found for found in map(reference, refs) if found), None),
        end_to_end_id=end_to_end,
        our_id=uuid_in(end_to_end),
        reversal=entry.said("RvslInd") in ("true", "1"),
    )


def _remittance(part: Node) -> Iterator[Node]:
    yield from part.all("RmtInf/Ustrd")
    yield from part.all("RmtInf/Strd/CdtrRefInf/Ref")
    yield from part.all("RmtInf/Strd/AddtlRmtInf")
    yield from part.all("AddtlTxInf")


def _booked(entry: Node) -> datetime:
    day = entry.said("BookgDt/Dt", "ValDt/Dt") if not entry.said("BookgDt/DtTm") else ""
    try:
        if day:
            return midnight(date.fromisoformat(day[:10]))  # a time zone may follow a day
        at = datetime.fromisoformat(entry.said("BookgDt/DtTm", "ValDt/DtTm"))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise unreadable(entry.line, "the entry has no day of booking") from None


def read_camt(content: bytes) -> list[StatementLine]:
    """Raises FileUnreadable."""
    found = _Statement()
    parser: Any = DefusedXMLParser(target=found, forbid_dtd=True)
    found.line = lambda: int(parser.parser.CurrentLineNumber)
    try:
        parser.feed(content)
        parser.close()
    except Problem:
        raise
    except DefusedXmlException:
        why = "it has a DTD or entities, which no statement needs"
        raise unreadable(found.line(), why) from None
    except ParseError as error:
        raise unreadable(error.position[0], "this is not well-formed XML") from None
    except (ValueError, LookupError):
        raise unreadable(1, "its encoding is not known") from None
    return numbered(found.lines)
