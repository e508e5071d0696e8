"""How Stripe counts money: nearly in ISO 4217 minor units.

Source: docs.stripe.com/currencies, "Minor units in API amounts", "Zero-decimal currencies",
"Three-decimal currencies" and "Special cases".
"""

from haat.kernel.money import Money

# Ours are ISO 4217's digits. Stripe takes MGA (two digits) in whole ariary; ISK (none) in
# hundredths that must be 00.
_TIMES = {"ISK": 100}
_PARTS = {"MGA": 100}
# The last of three digits must be 0, "to ensure compatibility with Stripe's payments partners".
_ROUND = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Stripe lists it as zero-decimal and, as a special case, as two-decimal: a hundredfold apart.
_UNCLEAR = frozenset({"UGX"})


class NotCountable(ValueError):
    """Stripe cannot be told, or did not tell, this amount exactly."""


def to_stripe(money: Money) -> int:
    """Raises NotCountable: an amount is never rounded on its way to a provider."""
    currency, minor = money.currency, money.minor
    if currency in _UNCLEAR:
        raise NotCountable(f"{currency}: it is not certain in which unit Stripe counts it")
    if minor % _PARTS.get(currency, 1) or (currency in _ROUND and minor % 10):
        raise NotCountable(f"{currency}: Stripe takes only rounder amounts")
    return minor * _TIMES.get(currency, 1) // _PARTS.get(currency, 1)


def from_stripe(amount: object, currency: object) -> Money:
    """Our money from Stripe's integer and lower-case currency. Raises NotCountable, ValueError."""
    if not isinstance(amount, int) or isinstance(amount, bool) or not isinstance(currency, str):
        raise NotCountable("no amount")
    code = currency.upper()
    if code in _UNCLEAR or amount % _TIMES.get(code, 1):
        raise NotCountable(f"{code}: {amount} is no amount of ours")
    return Money(minor=amount // _TIMES.get(code, 1) * _PARTS.get(code, 1), currency=code)
