"""Money: integer minor units and an ISO 4217 currency. No floats anywhere.

Rates are in basis points (1/100 of a percent). Every split is by largest remainder, so that the
parts always add up to the whole.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field

from haat.kernel.errors import Invalid
from haat.kernel.model import Model

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
MINOR_MAX = 9_000_000_000_000_000  # fits a BIGINT with room for sums, and a double exactly

_PLAIN = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{0,6})?|[+-]?\.[0-9]{1,6}")

# Digits after the point, ISO 4217; every currency not named here has two.
_DIGITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}


class Money(Model):
    """`minor` units of `currency`: {"minor": 1299, "currency": "USD"} is $12.99."""

    minor: Annotated[int, Field(ge=-MINOR_MAX, le=MINOR_MAX, strict=True)]
    currency: Currency

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(minor=0, currency=currency)

    def _same(self, other: "Money") -> None:
        assert self.currency == other.currency, f"{self.currency} with {other.currency}"

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(minor=self.minor - other.minor, currency=self.currency)

    def __neg__(self) -> "Money":
        return Money(minor=-self.minor, currency=self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(minor=self.minor * quantity, currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor <= other.minor

    def share(self, basis_points: int) -> "Money":
        """That share of the amount, rounded half up, away from zero for negative amounts."""
        return Money(minor=share(self.minor, basis_points), currency=self.currency)

    def allocate(self, ratios: Sequence[int]) -> list["Money"]:
        return [Money(minor=m, currency=self.currency) for m in allocate(self.minor, ratios)]

    def decimal(self) -> str:
        """'12.99': for people and for providers that want decimals."""
        digits = digits_of(self.currency)
        return str(Decimal(self.minor).scaleb(-digits).quantize(Decimal(1).scaleb(-digits)))


# `typed`: what is no whole number is refused, though a kept amount may equal it.
@lru_cache(maxsize=4096, typed=True)
def money_of(minor: int, currency: str) -> Money:
    """`Money(minor=minor, currency=currency)`, where many of the same are wanted, as in a quote:
    those that were made last are kept."""
    return Money(minor=minor, currency=currency)


def digits_of(currency: str) -> int:
    """How many digits stand after the point in this currency."""
    return _DIGITS.get(currency, 2)


def parse_decimal(text: str, currency: str) -> Money:
    """Money from '12.99'.

    Raises Invalid (`money_invalid`) for anything that is not a plain decimal number with at most
    the currency's digits.
    """
    if not _PLAIN.fullmatch(text.strip()):
        raise Invalid("That is not an amount of money.", code="money_invalid")
    minor = Decimal(text.strip()).scaleb(digits_of(currency))
    if minor != minor.to_integral_value() or abs(minor) > MINOR_MAX:
        raise Invalid("Too many digits for an amount in " + currency, code="money_invalid")
    return Money(minor=int(minor), currency=currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum; zero of `currency` for none."""
    return sum(amounts, start=Money.zero(currency))


def share(minor: int, basis_points: int) -> int:
    """`basis_points` / 10,000 of `minor`, rounded half up (away from zero when negative)."""
    exact = minor * basis_points
    return (exact + 5_000) // 10_000 if exact >= 0 else -((5_000 - exact) // 10_000)


def allocate(minor: int, ratios: Sequence[int]) -> list[int]:
    """Split `minor` in proportion to non-negative `ratios`; the parts add up exactly.

    Largest remainder method (Hamilton): whole parts first, what is left goes one unit each to the
    largest fractional remainders, ties to the earlier. All-zero ratios split evenly.
    """
    assert ratios, "nothing to allocate to"
    assert all(r >= 0 for r in ratios), "negative ratio"
    if minor < 0:
        return [-part for part in allocate(-minor, ratios)]
    weights = list(ratios) if any(ratios) else [1] * len(ratios)
    whole = sum(weights)
    parts = [minor * w // whole for w in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(minor * weights[i] % whole), i))
    for i in by_remainder[: minor - sum(parts)]:
        parts[i] += 1
    return parts
