"""Countries and currencies for lists to choose from, named in the site's language."""

from functools import cache

from babel import Locale
from babel.numbers import get_territory_currencies

from haat.gateways.web.pages import LOCALE

_NOT_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())


@cache
def countries() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country, by name."""
    names = Locale(LOCALE).territories
    found = [
        (code, name)
        for code, name in names.items()
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    ]
    return tuple(sorted(found, key=lambda entry: entry[1]))


@cache
def currencies() -> tuple[tuple[str, str], ...]:
    """(code, 'EUR, Euro') of every currency that is legal tender somewhere, by code."""
    codes = {c for code, _ in countries() for c in get_territory_currencies(code)}
    names = Locale(LOCALE).currencies
    return tuple((code, f"{code}, {names.get(code, code)}") for code in sorted(codes))
