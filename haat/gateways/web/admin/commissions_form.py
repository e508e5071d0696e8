"""A commission rule as a form, in the words people use: '12.5 %', '0.30', '2026-12-01 08:00'."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from haat.domains.money.commissions.api import Rule
from haat.gateways.web.admin.commissions_choosing import KINDS, ids_in, ticked
from haat.gateways.web.kit.reading import Reader, percent
from haat.kernel.errors import FieldError, Problem
from haat.kernel.money import Money

NAMED_MAX = 500
FIELDS_MAX = 100 + len(KINDS) * (NAMED_MAX + 100)
RULES_MAX = 200
NAME_MAX = 120
APPLIES = (
    ("goods", "Goods", ""),
    ("shipping", "Shipping", "what the customer pays for sending"),
    ("both", "Both", ""),
)
LABELS = {
    "rate": "Percent",
    "fixed": "Amount per unit",
    "floor": "At least",
    "cap": "At most",
    "applies_to": "Of what",
    "vendor_words": "Vendors",
    "category_words": "Categories",
    "product_words": "Products",
    "valid_from": "From",
    "valid_to": "Until",
    "place": "Place in the list",
    "at": "Time of sale",
    "tax": "Tax on the commission",
}
_COMMA = re.compile(r"([0-9]+),([0-9]{1,2})", re.ASCII)
_AMOUNTS = ("fixed", "floor", "cap", "price_from", "price_to")
_NAMES = {  # of the contract → of the form
    "rateBp": "rate",
    "fixedMinor": "fixed",
    "floorMinor": "floor",
    "capMinor": "cap",
    "priceFrom": "price_from",
    "priceTo": "price_to",
    "validFrom": "valid_from",
    "validTo": "valid_to",
    "appliesTo": "applies_to",
    "vendorIds": "vendor_words",
    "categoryIds": "category_words",
    "productIds": "product_words",
    "taxBp": "tax",
}


def values_of(rule: Rule, place: int, currency: str) -> dict[str, str]:
    """The form of a rule as it is."""

    def amount(minor: int | None) -> str:
        return "" if minor is None else Money(minor=minor, currency=currency).decimal()

    return {
        "name": rule.name,
        "rate": percent(rule.rate_bp) if rule.rate_bp else "",
        "fixed": amount(rule.fixed_minor or None),
        "floor": amount(rule.floor_minor),
        "cap": amount(rule.cap_minor),
        "applies_to": rule.applies_to,
        "with_subcategories": "on" if rule.with_subcategories else "",
        "price_from": amount(rule.price_from),
        "price_to": amount(rule.price_to),
        "valid_from": _written(rule.valid_from),
        "valid_to": _written(rule.valid_to),
        "place": str(place),
        **ticked("vendor", rule.vendor_ids),
        **ticked("category", rule.category_ids),
        **ticked("product", rule.product_ids),
    }


def blank(place: int) -> dict[str, str]:
    """The form of a rule that is not there yet."""
    return {"applies_to": "goods", "with_subcategories": "on", "place": str(place)}


def rule_of(values: Mapping[str, str], id: UUID, currency: str) -> tuple[Rule, int]:
    """(the rule, its place from 1); Invalid with every field that is wrong."""
    reader = Reader(plain(values))
    applies_to = values.get("applies_to", "")
    if applies_to not in ("goods", "shipping", "both"):
        reader.refuse("applies_to", "Choose one of the list.")
    amounts = {name: reader.amount_or_none(name, currency) for name in _AMOUNTS}
    minor = {name: None if one is None else one.minor for name, one in amounts.items()}
    given = {
        "id": id,
        "name": reader.text("name", longest=NAME_MAX),
        "rate_bp": reader.percent("rate") if reader.has("rate") else 0,
        "fixed_minor": minor["fixed"] or 0,
        "floor_minor": minor["floor"],
        "cap_minor": minor["cap"],
        "applies_to": applies_to,
        "with_subcategories": values.get("with_subcategories") == "on",
        "price_from": minor["price_from"],
        "price_to": minor["price_to"],
        "valid_from": moment_of(reader, values, "valid_from"),
        "valid_to": moment_of(reader, values, "valid_to"),
    }
    for kind in KINDS:
        ids = ids_in(values, kind)
        if len(ids) > NAMED_MAX:
            reader.refuse(f"{kind}_words", f"A rule names at most {NAMED_MAX}.", "too_long")
        given[f"{kind}_ids"] = ids
    place = reader.whole("place", least=1, most=RULES_MAX, empty=RULES_MAX)
    reader.done("This rule needs another look.")
    return Rule.model_validate(given), place


def plain(values: Mapping[str, str]) -> dict[str, str]:
    """'12,5 %' → '12.5': the percent sign and spaces around it go, and a comma before one or two
    last digits is a point. ('1,000' stays: it could be read as either, and is refused.)"""
    found = {}
    for name, text in values.items():
        bare = text.removesuffix("%").strip() if name in ("rate", "tax") else text
        comma = _COMMA.fullmatch(bare) if name in (*_AMOUNTS, "rate", "tax", "price") else None
        found[name] = f"{comma[1]}.{comma[2]}" if comma else bare
    return found


def moment_of(reader: Reader, values: Mapping[str, str], name: str) -> datetime | None:
    """A day or a time in UTC; None for an empty field."""
    text = values.get(name, "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        message = "Write a day or a time like 2026-12-01 08:00."
        reader.refuse(name, message, "time_invalid")
        return None


def _written(at: datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes")


def at_fields(problem: Problem, place: int) -> Problem:
    """The contract's paths as the form's names, for the rule that stands at `place` (from 0)."""
    problem.fields = tuple(
        error.model_copy(update={"path": _name(error, place)}) for error in problem.fields
    )
    return problem


def _name(error: FieldError, place: int) -> str:
    parts = error.path.split(".")
    if parts[0] == "rules" and len(parts) > 2:
        if parts[1] != str(place):
            return f"rule {int(parts[1]) + 1} {parts[2]}"
        parts = parts[2:]
    return _NAMES.get(parts[0], parts[0])
