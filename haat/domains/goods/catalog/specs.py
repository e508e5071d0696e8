"""What products fill in of their category's template: pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from haat.domains.goods.catalog.shaping import Attribute, SpecValue
from haat.kernel.errors import FieldError, Invalid

NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


def inherited(templates: Iterable[Sequence[Attribute]]) -> list[Attribute]:
    """The template of a category, from those on the way to it: the nearer one says what a key is,
    and stands where the key stood first."""
    found: dict[str, Attribute] = {}
    for template in templates:
        found.update({one.key: one for one in template})
    return list(found.values())


def check_template(template: Sequence[Attribute]) -> list[Attribute]:
    """The template, tidied; Invalid with every entry that is wrong."""
    wrong: list[FieldError] = []
    keys = [one.key for one in template]
    for place, one in enumerate(template):
        if keys.count(one.key) > 1:
            wrong.append(_at(f"template.{place}.key", "This key is here twice.", "key_twice"))
        if one.kind in ("choice", "choices") and len(set(one.choices)) < 1:
            wrong.append(_at(f"template.{place}.choices", "Give what to choose.", "missing"))
        if one.unit and one.kind != "number":
            wrong.append(_at(f"template.{place}.unit", "Only numbers have one.", "unit_wrong"))
    _refuse(wrong)
    return list(template)


def filled(
    specs: Mapping[str, SpecValue], attributes: Sequence[Attribute], *, complete: bool
) -> dict[str, SpecValue]:
    """What a product says, without what it leaves empty; Invalid with every entry that is wrong.

    A key that the template does not know is free text of the product's own. `complete`: what is
    required must be there.
    """
    known = {one.key: one for one in attributes}
    wrong: list[FieldError] = []
    found: dict[str, SpecValue] = {}
    for key, value in specs.items():
        if value == "" or value == []:
            continue
        problem = _problem(known.get(key), value)
        if problem:
            wrong.append(_at(f"specs.{key}", problem, "spec_invalid"))
        found[key] = str(value) if type(value) is int else value
    if complete:
        lacking = [one for one in attributes if one.required and one.key not in found]
        wrong += [_at(f"specs.{one.key}", f"Fill in {one.name}.", "missing") for one in lacking]
    _refuse(wrong)
    return found


def _problem(attribute: Attribute | None, value: SpecValue) -> str:
    """What is wrong with a value; "" for nothing."""
    kind = attribute.kind if attribute else "text"
    choices = attribute.choices if attribute else []
    if kind == "boolean":
        return "" if isinstance(value, bool) else "Say yes or no."
    if kind == "number":
        is_number = type(value) is int or (isinstance(value, str) and NUMBER.fullmatch(value))
        return "" if is_number else "Give a number."
    if kind == "choice":
        return "" if value in choices else "Choose one of the list."
    if kind == "choices":
        several = isinstance(value, list) and set(value) <= set(choices)
        return "" if several else "Choose from the list."
    return "" if isinstance(value, str) else "Give a text."


def _at(path: str, message: str, code: str) -> FieldError:
    return FieldError(path=path, code=code, message=message)


def _refuse(wrong: list[FieldError]) -> None:
    if wrong:
        raise Invalid("Some entries need another look.", fields=wrong)
