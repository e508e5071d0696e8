"""The arithmetic of tax."""

from decimal import ROUND_HALF_UP, Decimal

from haat.kernel.money import Money, share


def tax_on(amount: Money, rate_bp: int, *, included: bool) -> Money:
    """Tax at `rate_bp` basis points, inside `amount` when `included`, else on top of it.

    Rounded half up to a minor unit, away from zero for negative amounts.
    """
    if not included:
        return Money(minor=share(amount.minor, rate_bp), currency=amount.currency)
    exact = Decimal(amount.minor) * rate_bp / (10_000 + rate_bp)
    minor = int(exact.to_integral_value(rounding=ROUND_HALF_UP))
    return Money(minor=minor, currency=amount.currency)
