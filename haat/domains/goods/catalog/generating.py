"""Options make variants: every combination of their values, those that are there kept. Pure.

Part of the public file: `api` hands these names on.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from math import prod
from typing import Annotated

from pydantic import Field

from haat.kernel.errors import Invalid
from haat.kernel.model import Model

VARIANTS_MAX = 200
OPTIONS_MAX = 3
SKU_MAX = 80
_PLACE = re.compile(r"\{([^{}]*)\}")
OptionValue = Annotated[str, Field(min_length=1, max_length=120)]


class OptionDraft(Model):
    """Something to choose, and what there is to choose from: "Size": "S", "M", "L"."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    values: Annotated[list[OptionValue], Field(min_length=1, max_length=VARIANTS_MAX)]


def combinations(options: Sequence[OptionDraft]) -> list[dict[str, str]]:
    """Every choice, the last option turning fastest. Invalid when an option or a value is there
    twice, or there were more than 200."""
    if len(options) > OPTIONS_MAX or not options:
        raise Invalid.at("options", "Name one to three options.", "options_wrong")
    names, values = [], []
    for place, one in enumerate(options):
        name = " ".join(one.name.split())
        found = [" ".join(value.split()) for value in one.values]
        if not name or name in names:
            raise Invalid.at(f"options.{place}.name", "Give each its own name.", "options_wrong")
        if not all(found) or len(set(found)) < len(found):
            raise Invalid.at(f"options.{place}.values", "A value is here twice.", "value_twice")
        names.append(name)
        values.append(found)
    many = prod(len(some) for some in values)
    if many > VARIANTS_MAX:
        raise Invalid.at(
            "options",
            f"That would be {many} variants; a product has at most {VARIANTS_MAX}.",
            "variants_too_many",
        )
    return [dict(zip(names, some, strict=True)) for some in product(*values)]


def kept(
    present: Sequence[Mapping[str, str]], wanted: Sequence[Mapping[str, str]]
) -> list[int | None]:
    """For each wanted combination the place of the variant that becomes it, None for a new one: the
    first that is not taken and agrees in every option both have. So adding an option keeps what is
    there as the first of its values, and taking one away keeps the first of each."""
    free = dict(enumerate(present))
    found: list[int | None] = []
    for choice in wanted:
        place = next((n for n, has in free.items() if _agree(has, choice)), None)
        if place is not None:
            del free[place]
        found.append(place)
    return found


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other[name] == value for name, value in one.items() if name in other)


def sku_of(pattern: str, choice: Mapping[str, str], taken: Collection[str] = ()) -> str:
    """ "TEE-{Size}" → "TEE-M"; without a place in it the values follow. One that is `taken` gets a
    number behind it."""
    by_name = {name.casefold(): value for name, value in choice.items()}
    if _PLACE.search(pattern):
        text = _PLACE.sub(
            lambda place: coded(by_name.get(place[1].strip().casefold(), "")), pattern
        )
    else:
        text = "-".join(part for part in (pattern.strip(), *map(coded, choice.values())) if part)
    text = text.strip()[:SKU_MAX] or "SKU"
    found, number = text, 2
    while found in taken:
        found = f"{text[: SKU_MAX - 4]}-{number}"
        number += 1
    return found


def coded(text: str) -> str:
    """A value as part of an SKU: "Sky Blue" → "SKY-BLUE"; scripts other than Latin stay."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", text) if not _is_accent(char)
    ).upper()
    # Vowel signs are marks and no letters: without them other scripts cannot be read.
    kept_chars = (char if char.isalnum() or _is_mark(char) else "-" for char in plain)
    return re.sub(r"-+", "-", unicodedata.normalize("NFC", "".join(kept_chars))).strip("-")


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def _is_accent(char: str) -> bool:
    return "\u0300" <= char <= "\u036f"
