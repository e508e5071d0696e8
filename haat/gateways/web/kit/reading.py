"""Reads a form's fields one by one and tells all that is wrong at once.

reader = Reader(values)
title = reader.text("title", longest=200)
price = reader.amount("price", currency)
reader.done()  # Invalid with every field that was refused
"""

import re
from collections.abc import Mapping
from uuid import UUID

from haat.kernel.errors import FieldError, Invalid
from haat.kernel.money import Money, digits_of, parse_decimal

_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,3})?", re.ASCII)
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?", re.ASCII)
WHOLE_MAX_CHARS = 9


class Reader:
    """Every method answers a value to go on with, also where it has noted a mistake."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.errors: list[FieldError] = []

    def refuse(self, name: str, message: str, code: str = "invalid") -> None:
        self.errors.append(FieldError(path=name, code=code, message=message))

    def done(self, detail: str = "Some fields need another look.") -> None:
        """Raises Invalid when anything was refused."""
        if self.errors:
            raise Invalid(detail, fields=self.errors)

    def has(self, name: str) -> bool:
        return bool(self._values.get(name))

    def text(self, name: str, *, longest: int, required: bool = True) -> str:
        found = self._values.get(name, "")
        if required and not found:
            self.refuse(name, "Fill this in.", "missing")
        elif len(found) > longest:
            self.refuse(name, f"Use at most {longest} characters.", "too_long")
        return found

    def amount(self, name: str, currency: str) -> Money:
        """An amount of money of nothing or more."""
        text = self._values.get(name, "")
        if not text:
            self.refuse(name, "Fill this in.", "missing")
        elif not _AMOUNT.fullmatch(text):
            self.refuse(name, f"Write an amount like {example(currency)}.", "money_invalid")
        else:
            try:
                return parse_decimal(text, currency)
            except Invalid:
                digits = digits_of(currency)
                self.refuse(name, f"{currency} has {digits} digits after the point.", "digits")
        return Money.zero(currency)

    def amount_or_none(self, name: str, currency: str) -> Money | None:
        return self.amount(name, currency) if self.has(name) else None

    def whole(self, name: str, *, least: int = 0, most: int, empty: int | None = None) -> int:
        """A whole number; `empty` is what an empty field means, None that it is required."""
        text = self._values.get(name, "")
        if not text and empty is not None:
            return empty
        if not text:
            self.refuse(name, "Fill this in.", "missing")
        elif not (text.isascii() and text.isdecimal()) or len(text) > WHOLE_MAX_CHARS:
            self.refuse(name, "Give a whole number.", "number_invalid")
        elif not least <= int(text) <= most:
            self.refuse(name, f"Give {least} to {most:,}.", "number_range")
        else:
            return int(text)
        return least

    def percent(self, name: str) -> int:
        """'2.5' as basis points, 0 to 10,000."""
        text = self._values.get(name, "")
        if not text:
            self.refuse(name, "Fill this in.", "missing")
        elif not _PERCENT.fullmatch(text) or basis_points(text) > 10_000:
            self.refuse(name, "Write a percentage from 0 to 100, like 2.5.", "percent_invalid")
        else:
            return basis_points(text)
        return 0

    def id(self, name: str) -> UUID:
        try:
            return UUID(self._values.get(name, ""))
        except ValueError:
            self.refuse(name, "This is not an id.", "id_invalid")
            return UUID(int=0)

    def id_or_none(self, name: str) -> UUID | None:
        return self.id(name) if self.has(name) else None


def example(currency: str) -> str:
    """How an amount is written: '12.50', '12' where there are no digits after the point."""
    return Money(minor=125 * 10 ** digits_of(currency) // 10, currency=currency).decimal()


def basis_points(text: str) -> int:
    """'2.5' → 250; the text is known to be a number with at most two digits after the point."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def percent(points: int) -> str:
    """250 → '2.5'."""
    return f"{points / 100:.2f}".rstrip("0").rstrip(".")


def minutes_in_words(minutes: int) -> str:
    """20,160 → '14 days'; the largest unit that says it exactly; '' for none."""
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes and minutes % size == 0:
            count = minutes // size
            return f"{count} {word}{'s' if count != 1 else ''}"
    return ""
