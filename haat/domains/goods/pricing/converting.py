"""Amounts in another currency: exact until they are rounded, once.

Part of the public file: `api` hands these names on.
"""

from fractions import Fraction
from typing import Literal

from haat.kernel.money import MINOR_MAX, Money, digits_of

# To the smallest unit; to five of them; to a price ending in 99 of them; to a whole unit.
Rounding = Literal["minor", "five", "ninety_nine", "whole"]


def converted(amount: Money, rate: Fraction, currency: str, rounding: Rounding) -> Money:
    """The amount in another currency, rounded half up to what `rounding` says. Something stays
    something: the smallest price of that kind, where rounding would leave nothing."""
    shift = digits_of(currency) - digits_of(amount.currency)
    exact = amount.minor * rate * (Fraction(10) ** shift)
    minor = min(_rounded(abs(exact), rounding, digits_of(currency)), MINOR_MAX)
    return Money(minor=minor if amount.minor >= 0 else -minor, currency=currency)


def _rounded(exact: Fraction, rounding: Rounding, digits: int) -> int:
    if exact == 0:
        return 0
    step, ending = steps(rounding, digits)
    return max(_half_up((exact + ending) / step), 1) * step - ending


def steps(rounding: Rounding, digits: int) -> tuple[int, int]:
    """The step between two prices, and how far below a step they lie: .99 is 1 below a whole."""
    whole = 10**digits
    if rounding == "minor":
        return 1, 0
    if rounding == "five":
        return whole // 20, 0
    return whole, whole // 100 if rounding == "ninety_nine" else 0


def _half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
