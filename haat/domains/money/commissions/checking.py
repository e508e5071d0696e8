"""What is wrong with a list of rules, told at the field, and what is only strange. Pure."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from haat.domains.money.commissions.api import Rule, RuleWarning, Sale
from haat.domains.money.commissions.rules import Prepared
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.text import is_plain_line

T = TypeVar("T", int, datetime)
RULES_MAX, NAMED_MAX, NAME_MAX, NOTE_MAX = 200, 500, 120, 500


def check_list(rules: Sequence[Rule], tax_bp: int, note: str) -> None:
    """Invalid with every field that is wrong in itself; whether what it names exists is another
    question (`check_known`)."""
    errors: list[FieldError] = []
    if len(rules) > RULES_MAX:
        errors.append(_error("rules", "too_long", f"A list has at most {RULES_MAX} rules."))
    if not 0 <= tax_bp <= 10_000:
        errors.append(_error("taxBp", "rate_invalid", "A rate is from 0 to 10,000 basis points."))
    if len(note) > NOTE_MAX or "\0" in note:
        errors.append(_error("note", "note_invalid", f"Use at most {NOTE_MAX} characters."))
    seen: set[UUID] = set()
    for n, rule in enumerate(rules[:RULES_MAX]):
        if rule.id in seen:
            errors.append(_error(f"rules.{n}.id", "rule_repeated", "Two rules have this id."))
        seen.add(rule.id)
        errors += _wrong_in(rule, f"rules.{n}")
    _refuse(errors)


def _wrong_in(rule: Rule, at: str) -> Iterator[FieldError]:
    name = rule.name.strip()
    if not name or len(name) > NAME_MAX or not is_plain_line(name):
        yield _error(f"{at}.name", "name_invalid", f"Give a name of at most {NAME_MAX} characters.")
    for field in ("vendor_ids", "category_ids", "product_ids"):
        if len(getattr(rule, field)) > NAMED_MAX:
            message = f"A rule names at most {NAMED_MAX}."
            yield _error(f"{at}.{_camel(field)}", "too_long", message)
    low, high = rule.price_from, rule.price_to
    if high is not None and (low or 0) >= high:
        message = "Give more than the price it starts from."
        yield _error(f"{at}.priceTo", "price_band_empty", message)
    if any(end is not None and end.tzinfo is None for end in (rule.valid_from, rule.valid_to)):
        yield _error(f"{at}.validFrom", "time_zone_missing", "Give a time zone with each time.")
    elif rule.valid_from and rule.valid_to and rule.valid_from >= rule.valid_to:
        yield _error(f"{at}.validTo", "period_reversed", "The period ends before it begins.")
    floor, cap = rule.floor_minor, rule.cap_minor
    if floor is not None and cap is not None and floor > cap:
        yield _error(f"{at}.floorMinor", "floor_above_cap", "Give no more than the most it takes.")
    if rule.applies_to == "shipping" and (rule.category_ids or rule.product_ids):
        message = "Shipping has no category and no product: this rule could never match."
        yield _error(f"{at}.appliesTo", "never_matches", message)


def check_known(
    rules: Sequence[Rule],
    vendors: Collection[UUID],
    categories: Collection[UUID],
    products: Collection[UUID],
) -> None:
    """Invalid at everything that a rule names and that is not there."""
    errors = []
    for n, rule in enumerate(rules):
        for field, known, word in (
            ("vendor_ids", vendors, "vendor"),
            ("category_ids", categories, "category"),
            ("product_ids", products, "product"),
        ):
            for k, id in enumerate(getattr(rule, field)):
                if id not in known:
                    path = f"rules.{n}.{_camel(field)}.{k}"
                    message = f"There is no such {word}."
                    errors.append(_error(path, f"{word}_unknown", message))
    _refuse(errors)


def check_sale(sale: Sale, currency: str) -> None:
    """Invalid for a sale that could not be: for what people type."""
    errors = []
    for path, amount in (("sale.unitPrice", sale.unit_price), ("sale.base", sale.base)):
        if amount.currency != currency:
            errors.append(_error(path, "currency_wrong", f"Prices here are in {currency}."))
        elif amount.minor < 0:
            errors.append(_error(path, "money_invalid", "Give an amount of nothing or more."))
    if sale.quantity < 1:
        errors.append(_error("sale.quantity", "number_range", "Give 1 or more."))
    if sale.at.tzinfo is None:
        errors.append(_error("sale.at", "time_zone_missing", "Give a time zone with the time."))
    _refuse(errors)


def warnings(found: Sequence[Rule]) -> list[RuleWarning]:
    """Rules that no sale can ever reach, because one before them takes all they would."""
    prepared = [Prepared.of(rule) for rule in found]
    told = []
    for n, later in enumerate(prepared):
        cover = next((one.rule for one in prepared[:n] if covers(one, later)), None)
        if cover is not None:
            text = f"It never wins: “{cover.name}” stands before it and matches all it would."
            told.append(RuleWarning(rule_id=later.rule.id, code="shadowed", text=text))
    return told


def covers(first: Prepared, later: Prepared) -> bool:
    """Whether every sale that meets `later` meets `first`, as far as that can be seen from the two
    alone (where one category stands below another is not known here)."""
    one, two = first.rule, later.rule
    if one.applies_to not in ("both", two.applies_to):
        return False
    deeper = two.with_subcategories and not one.with_subcategories
    return (
        _within(later.vendors, first.vendors)
        and _within(later.categories, first.categories)
        and not (first.categories and deeper)
        and _within(later.products, first.products)
        and _spans(one.price_from or None, one.price_to, two.price_from, two.price_to)
        and _spans(one.valid_from, one.valid_to, two.valid_from, two.valid_to)
    )


def _within(inner: frozenset[UUID], outer: frozenset[UUID]) -> bool:
    """None named means all."""
    return not outer or (bool(inner) and inner <= outer)


def _spans(first_from: T | None, first_to: T | None, from_: T | None, to: T | None) -> bool:
    """Whether the second span lies in the first; None is open."""
    starts = first_from is None or (from_ is not None and first_from <= from_)
    ends = first_to is None or (to is not None and to <= first_to)
    return starts and ends


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _error(path: str, code: str, message: str) -> FieldError:
    return FieldError(path=path, code=code, message=message)


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        code = errors[0].code if len(errors) == 1 else "rules_invalid"
        raise Invalid("Some of this needs another look.", code=code, fields=errors[:100])
