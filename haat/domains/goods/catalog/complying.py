"""What listings have to keep to before they are on sale: the operator's rules, and what they say
against a product. Types are part of the public file; the rest is pure.
"""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.product import Product
from haat.domains.goods.catalog.shaping import SpecKey
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.model import Model

ListingRuleKind = Literal["words", "pictures", "text", "barcode", "brand", "spec"]
RuleWord = Annotated[str, Field(min_length=1, max_length=80)]


class ListingRefused(Invalid, code="listing_rules"):
    """The listing does not keep to the market's rules; `errors` says where."""


class ListingRule(Model):
    """One rule, for all products or those of a category and below it.

    words: none of `words` stands in title, brand or text. pictures: at least `least` of them.
    text: the description has at least `least` characters. barcode, brand: there is one. spec: the
    specification `key` is filled in. `blocking`: what breaks it is not submitted; else its vendor
    and the reviewer are told. `message`: what the vendor reads instead of our words.
    """

    id: UUID
    name: Annotated[str, Field(min_length=1, max_length=120)]
    kind: ListingRuleKind
    category_id: UUID | None = None
    words: Annotated[list[RuleWord], Field(max_length=500)] = []
    least: Annotated[int, Field(ge=1, le=100_000)] | None = None
    key: SpecKey | None = None
    blocking: bool = True
    message: Annotated[str, Field(max_length=300)] = ""


class Objection(Model):
    """What a rule says against a product, at which field."""

    rule_id: UUID
    rule: str
    blocking: bool
    path: str
    message: str


def check_rule(rule: ListingRule) -> ListingRule:
    """Tidied; Invalid for a rule that asks for nothing."""
    words = [word for one in rule.words if (word := folded(one))]
    if "\0" in rule.name + rule.message + "".join(rule.words):
        raise Invalid.at("name", "This text cannot be stored as it is.", "text_invalid")
    if rule.kind == "words" and not words:
        raise Invalid.at("words", "Give the words that are forbidden.", "missing")
    if rule.kind in ("pictures", "text") and rule.least is None:
        raise Invalid.at("least", "Say how many at least.", "missing")
    if rule.kind == "spec" and rule.key is None:
        raise Invalid.at("key", "Say which specification.", "missing")
    return rule.model_copy(update={"words": list(dict.fromkeys(words))})


def objections(
    rules: Iterable[ListingRule], product: Product, text: str, path: Collection[UUID]
) -> list[Objection]:
    """What the rules say against a product; `text` is its description without markup, `path` its
    category and those above it. What blocks comes first."""
    found = []
    for rule in rules:
        if rule.category_id is not None and rule.category_id not in path:
            continue
        said = _broken(rule, product, text)
        if said is not None:
            at, message = said
            found.append(
                Objection(
                    rule_id=rule.id,
                    rule=rule.name,
                    blocking=rule.blocking,
                    path=at,
                    message=rule.message or message,
                )
            )
    return sorted(found, key=lambda one: not one.blocking)


def refuse(found: Sequence[Objection]) -> None:
    """ListingRefused when any of these blocks."""
    blocking = [one for one in found if one.blocking]
    if blocking:
        raise ListingRefused(
            fields=[
                FieldError(path=one.path, code="listing_rule", message=f"{one.rule}: {one.message}")
                for one in blocking
            ]
        )


def _broken(rule: ListingRule, product: Product, text: str) -> tuple[str, str] | None:
    """Where, and in which words, a product breaks a rule; None when it keeps to it."""
    least = rule.least or 1
    if rule.kind == "words":
        for path, said in (("title", product.title), ("brand", product.brand)):
            if word := first_of(rule.words, said):
                return path, f"“{word}” may not stand here."
        word = first_of(rule.words, text)
        return ("descriptionHtml", f"“{word}” may not stand here.") if word else None
    if rule.kind == "pictures" and len(product.pictures) < least:
        many = "one picture" if least == 1 else f"{least} pictures"
        return "pictures", f"Show it with at least {many}."
    if rule.kind == "text" and len(text.strip()) < least:
        return "descriptionHtml", f"Describe it in at least {least} characters."
    if rule.kind == "brand" and not product.brand:
        return "brand", "Give the brand."
    if rule.kind == "spec" and rule.key and rule.key not in product.specs:
        return f"specs.{rule.key}", f"Fill in {rule.key.replace('_', ' ')}."
    if rule.kind == "barcode":
        for place, variant in enumerate(product.variants):
            on_sale = any(o.main and o.status == "active" for o in variant.offers)
            if on_sale and not variant.barcode:
                return f"variants.{place}.barcode", "Give the barcode."
    return None


def first_of(words: Iterable[str], text: str) -> str | None:
    """The first of these (folded) words or phrases that stands in a text, as a whole."""
    searched = folded(text)
    for word in words:
        start = searched.find(word)
        while start >= 0:
            end = start + len(word)
            if not _joined(searched, start - 1) and not _joined(searched, end):
                return word
            start = searched.find(word, start + 1)
    return None


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _joined(text: str, at: int) -> bool:
    """Whether a letter, a digit, or a vowel sign of another script stands there."""
    if not 0 <= at < len(text):
        return False
    return text[at].isalnum() or unicodedata.category(text[at]).startswith("M")
