"""CSV: banks' statements under the many names of their columns, and our own format for reports.

The report has the columns id, kind, provider_ref, our_id, amount, fee, currency, at and text.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Literal, cast, get_args
from uuid import UUID

from haat.domains.money.reconciliation.reading.lines import (
    LINES_MAX,
    REF_MAX,
    Kind,
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
from haat.kernel.money import Money

REPORT = ("id", "kind", "provider_ref", "our_id", "amount", "fee", "currency", "at", "text")
_DELIMITERS = (";", ",", "\t", "|")
_PREAMBLE_MAX = 30  # rows before the header: account, owner, period
_COLUMNS_MAX = 200

Role = Literal["day", "amount", "credit", "debit", "currency", "text", "ref", "end_to_end", "mark"]
_NAMES: Mapping[Role, tuple[str, ...]] = {
    "day": (
        *("booking date", "bookingdate", "booked", "booked at", "date", "posting date"),
        *("transaction date", "completed date", "date completed", "buchungstag", "buchungsdatum"),
        *("datum", "date de comptabilisation", "date operation", "date d'operation"),
        *("fecha", "fecha de operacion", "data", "data contabile", "data operazione"),
        *("boekdatum", "data ksiegowania"),
    ),
    "amount": (
        *("amount", "transaction amount", "betrag", "umsatz", "montant", "importe", "importo"),
        *("bedrag", "kwota", "betrag in eur", "amount eur", "betrag eur", "valor"),
    ),
    "credit": (
        *("credit", "credit amount", "paid in", "money in", "deposit", "deposits", "haben"),
        *("gutschrift", "entrate", "abono", "haber"),
    ),
    "debit": (
        *("debit", "debit amount", "paid out", "money out", "withdrawal", "withdrawals", "soll"),
        *("belastung", "lastschrift", "uscite", "cargo", "debe"),
    ),
    "currency": ("currency", "ccy", "wahrung", "waehrung", "devise", "divisa", "moneda", "munt"),
    "text": (
        *("text", "description", "details", "narrative", "memo", "purpose", "remittance"),
        *("remittance information", "payment reference", "payment details", "verwendungszweck"),
        *("buchungstext", "libelle", "communication", "concepto", "causale", "descrizione"),
        *("omschrijving", "mededelingen", "tytul"),
    ),
    "ref": (
        *("bank reference", "bank ref", "transaction id", "reference", "id", "referenz"),
        *("bankreferenz", "reference banque", "referencia", "transaction reference"),
    ),
    "end_to_end": (
        *("end to end id", "end to end reference", "endtoendid", "ende zu ende referenz"),
        *("end to end referenz", "eref", "end to end ref", "kundenreferenz end to end"),
    ),
    "mark": ("credit debit", "debit credit", "cdtdbtind", "af bij", "soll haben", "s h"),
}
_ROLES: Mapping[str, Role] = {name: role for role, names in _NAMES.items() for name in names}
_CREDITS = frozenset({"c", "cr", "crdt", "credit", "h", "haben", "bij", "+"})
_DEBITS = frozenset({"d", "dr", "dbit", "debit", "s", "soll", "af", "-"})

_COMMA = re.compile(r"\d{1,3}(\.\d{3})+,\d+|\d+,\d{1,2}|\d+,\d{4,}|\d{1,3}(\.\d{3}){2,}|,\d+")
_POINT = re.compile(r"\d{1,3}(,\d{3})+\.\d+|\d+\.\d{1,2}|\d+\.\d{4,}|\d{1,3}(,\d{3}){2,}|\.\d+")
_EITHER = re.compile(r"\d{1,3}[.,]\d{3}")
_PLAIN = re.compile(r"\d+")
_SLASHED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?: .*)?")
_AMOUNTS: tuple[Role, ...] = ("amount", "credit", "debit")

Row = tuple[int, list[str]]


def read_sheet(text: str, currency: str) -> list[StatementLine]:
    """`currency` is that of a statement which names none. Raises FileUnreadable."""
    for delimiter in _DELIMITERS:
        rows = _rows(text, delimiter, _PREAMBLE_MAX)
        for index, (_, cells) in enumerate(rows):
            names = [_named(cell) for cell in cells]
            if set(REPORT) <= {cell.strip().lower() for cell in cells}:
                return _report(_rows(text, delimiter)[index:])
            roles = {_ROLES[name] for name in names if name in _ROLES}
            if "day" in roles and roles & {"amount", "credit", "debit"}:
                return _bank(_rows(text, delimiter)[index:], currency)
    why = "no line names the columns: a date and an amount, or those of a provider's report"
    raise unreadable(1, why)


def _rows(text: str, delimiter: str, most: int = LINES_MAX + _PREAMBLE_MAX + 1) -> list[Row]:
    """Rows that hold something, with the line each ends in."""
    found: list[Row] = []
    # Quotes that do not add up leave the rest of the file in one cell: only then it is strict.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            if most <= _PREAMBLE_MAX:
                return found  # looking for the header under another delimiter
            raise unreadable(reader.line_num, "its quotes or separators do not add up") from None
        if cells is None or len(found) > most:
            return found
        if len(cells) > _COLUMNS_MAX:
            if most <= _PREAMBLE_MAX:
                return found
            raise unreadable(reader.line_num, f"it has more than {_COLUMNS_MAX} columns")
        if any(cell.strip() for cell in cells):
            found.append((reader.line_num, cells))


def _named(cell: str) -> str:
    """A column's name in plain small letters: 'Währung (EUR)' is 'wahrung eur'."""
    plain = cell.strip().lower().translate(str.maketrans("äöüéèêàáçñóíúł", "aoueeeaacnoiul"))
    return " ".join(re.sub(r"[^a-z0-9']+", " ", plain).split())


# -- a bank's statement ----------------------------------------------------------------------------


def _bank(rows: list[Row], currency: str) -> list[StatementLine]:
    columns: dict[Role, list[int]] = {}
    for index, cell in enumerate(rows[0][1]):
        role = _ROLES.get(_named(cell))
        if role is not None:
            columns.setdefault(role, []).append(index)
    # A row with neither is a heading or a remark; one with an amount alone is a line that is torn.
    roles: tuple[Role, ...] = ("day", *_AMOUNTS)
    body = [row for row in rows[1:] if any(_one(row[1], columns, role) for role in roles)]
    comma = _has_comma(body, columns)
    order = _order([_one(cells, columns, "day") for _, cells in body])
    lines = []
    for number, cells in body:
        amount = _moved(number, cells, columns, comma, currency)
        end_to_end = reference(_one(cells, columns, "end_to_end"))
        texts = [cells[at] for at in columns.get("text", []) if at < len(cells)]
        lines.append(
            StatementLine(
                id="",
                line=number,
                kind="credit" if amount.minor >= 0 else "debit",
                amount=amount,
                fee=Money.zero(amount.currency),
                at=midnight(_day(number, _one(cells, columns, "day"), order)),
                text=squeezed(*texts),
                provider_ref=reference(_one(cells, columns, "ref")) or None,
                end_to_end_id=end_to_end,
                our_id=uuid_in(end_to_end),
            )
        )
    return numbered(("", line) for line in lines)


def _one(cells: Sequence[str], columns: Mapping[Role, list[int]], role: Role) -> str:
    """The first filled cell of a role."""
    for at in columns.get(role, []):
        if at < len(cells) and cells[at].strip():
            return cells[at].strip()
    return ""


def _moved(
    number: int,
    cells: Sequence[str],
    columns: Mapping[Role, list[int]],
    comma: bool,
    currency: str,
) -> Money:
    currency = _one(cells, columns, "currency").upper() or currency
    plain = _one(cells, columns, "amount")
    if plain:
        found = _amount(number, plain, comma, currency)
        mark = _one(cells, columns, "mark").lower()
        if not mark:
            return found
        if mark not in _CREDITS | _DEBITS:
            raise unreadable(number, f"{shown(mark)} is neither credit nor debit")
        size = abs(found.minor)
        return Money(minor=size if mark in _CREDITS else -size, currency=currency)
    came, went = _one(cells, columns, "credit"), _one(cells, columns, "debit")
    if not came and not went:
        raise unreadable(number, "there is no amount")
    plus = _amount(number, came, comma, currency).minor if came else 0
    minus = _amount(number, went, comma, currency).minor if went else 0
    return Money(minor=plus - abs(minus), currency=currency)


def _has_comma(rows: Sequence[Row], columns: Mapping[Role, list[int]]) -> bool:
    """Whether decimals follow a comma; one amount that shows it is enough, two that disagree are
    an error, and so is one that could be either when nothing shows it."""
    comma = point = 0
    unsure: tuple[int, str] | None = None
    for number, cells in rows:
        for role in _AMOUNTS:
            digits = _digits(_one(cells, columns, role))[1]
            if _COMMA.fullmatch(digits):
                comma = comma or number
            elif _POINT.fullmatch(digits):
                point = point or number
            elif _EITHER.fullmatch(digits):
                unsure = unsure or (number, digits)
    if comma and point:
        raise unreadable(max(comma, point), "amounts with decimal comma and point are mixed")
    if unsure and not comma and not point:
        why = f"{shown(unsure[1])} may be thousands or decimals: write amounts with two decimals"
        raise unreadable(unsure[0], why)
    return bool(comma)


def _digits(text: str) -> tuple[bool, str]:
    """Whether it is negative, and digits with their separators. Minus may stand on either side, or
    the amount in brackets."""
    plain = re.sub(r"[\s\u00a0\u202f'’]", "", text).replace("\u2212", "-")
    plain = re.sub(r"^([+-]?)([A-Z]{3}|[€$£])|([A-Z]{3}|[€$£])$", r"\1", plain)
    if plain.startswith("(") and plain.endswith(")"):
        return True, plain[1:-1]
    if plain.endswith(("-", "+")):
        plain = plain[-1] + plain[:-1]
    return plain.startswith("-"), plain.removeprefix("-").removeprefix("+")


def _amount(number: int, text: str, comma: bool, currency: str) -> Money:
    is_negative, digits = _digits(text)
    shape = _COMMA if comma else _POINT
    if (
        not (_PLAIN.fullmatch(digits) or shape.fullmatch(digits) or _EITHER.fullmatch(digits))
        or len(digits) > 24
    ):
        raise unreadable(number, f"{shown(text)} is no amount")
    thousands, decimals = (".", ",") if comma else (",", ".")
    plain = digits.replace(thousands, "").replace(decimals, ".")
    return money(number, f"-{plain}" if is_negative else plain, currency)


def _order(days: Sequence[str]) -> Literal["dmy", "mdy"]:
    """Which of two numbers around a slash is the day. Nothing in the file may leave it open."""
    matches = [found for text in days if (found := _SLASHED.fullmatch(text)) and found[2] == "/"]
    if any(int(found[1]) > 12 for found in matches):
        return "dmy"
    if any(int(found[3]) > 12 for found in matches):
        return "mdy"
    # Days after which nothing else would make a difference need no decision.
    if all(found[1] == found[3] for found in matches):
        return "dmy"
    why = f"{shown(matches[0][0])} may be day or month first: write dates as 2026-11-21"
    raise unreadable(1, why)


def _day(number: int, text: str, order: Literal["dmy", "mdy"]) -> date:
    try:
        found = _SLASHED.fullmatch(text)
        if found is None:
            return date.fromisoformat(text[:10])
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        month_first = order == "mdy" and found[2] == "/"
        day, month = (second, first) if month_first else (first, second)
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        raise unreadable(number, f"{shown(text)} is no date") from None


# -- a provider's report ---------------------------------------------------------------------------


def _report(rows: list[Row]) -> list[StatementLine]:
    header = [cell.strip().lower() for cell in rows[0][1]]
    known: dict[str, int] = {}
    lines = []
    for number, cells in rows[1:]:
        if len(cells) != len(header):
            raise unreadable(number, f"it has {len(cells)} columns, the header {len(header)}")
        said = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        id = said["id"]
        if not id or len(id) > REF_MAX or id in known:
            raise unreadable(number, f"{shown(id)} is no id, or line {known.get(id, 0)} has it")
        known[id] = number
        lines.append(_reported(number, said))
        if len(lines) > LINES_MAX:
            raise unreadable(number, f"there are more than {LINES_MAX} lines")
    return lines


def _reported(number: int, said: Mapping[str, str]) -> StatementLine:
    kind = said["kind"].lower()
    if kind not in get_args(Kind) or kind in ("credit", "debit"):
        raise unreadable(number, f"{shown(kind)} is no kind of movement")
    currency = said["currency"].upper()
    return StatementLine(
        id=squeezed(said["id"]),
        line=number,
        kind=cast(Kind, kind),
        amount=money(number, said["amount"], currency),
        fee=money(number, said["fee"] or "0", currency),
        at=_moment(number, said["at"]),
        text=squeezed(said["text"]),
        provider_ref=squeezed(said["provider_ref"])[:REF_MAX] or None,
        our_id=_our_id(number, said["our_id"]),
    )


def _our_id(number: int, text: str) -> UUID | None:
    found = uuid_in(text)
    if text and found is None:
        raise unreadable(number, f"{shown(text)} is none of our ids")
    return found


def _moment(number: int, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        why = f"{shown(text)} is no time with its zone, such as 2026-11-21T12:00:00Z"
        raise unreadable(number, why) from None
