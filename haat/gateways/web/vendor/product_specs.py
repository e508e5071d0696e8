"""The specifications in the product form: a field for each entry of the category's template."""

from collections.abc import Mapping, Sequence

from haat.domains.goods.catalog.api import Attribute, Product, Seo, SpecValue

KEYWORDS_MAX = 20
YES, NO = "yes", "no"


def field_of(attribute: Attribute, choice: int | None = None) -> str:
    return f"s_{attribute.key}" if choice is None else f"s_{attribute.key}.{choice}"


def values_of(product: Product, asked: Sequence[Attribute]) -> dict[str, str]:
    """The fields as the product fills them in, and what search engines are told."""
    values = {
        "seo_title": product.seo.title,
        "seo_description": product.seo.description,
        "seo_keywords": ", ".join(product.seo.keywords),
    }
    for one in asked:
        said = product.specs.get(one.key)
        if one.kind == "choices":
            chosen = said if isinstance(said, list) else []
            for n, choice in enumerate(one.choices):
                values[field_of(one, n)] = "on" if choice in chosen else ""
        elif isinstance(said, bool):
            values[field_of(one)] = YES if said else NO
        else:
            values[field_of(one)] = said if isinstance(said, str) else ""
    return values


def read(
    values: Mapping[str, str], asked: Sequence[Attribute], present: Product | None
) -> dict[str, SpecValue]:
    """What the form says; keys that it does not show stay as they are."""
    found: dict[str, SpecValue] = dict(present.specs) if present else {}
    for one in asked:
        found.pop(one.key, None)
        if one.kind == "choices":
            chosen = [c for n, c in enumerate(one.choices) if values.get(field_of(one, n))]
            if chosen:
                found[one.key] = chosen
            continue
        text = " ".join(values.get(field_of(one), "").split())[:500]
        if text:
            found[one.key] = text == YES if one.kind == "boolean" else text
    return found


def seo_of(values: Mapping[str, str], present: Product | None) -> Seo:
    """What search engines are told; a form without the fields leaves it."""
    if "seo_title" not in values:
        return present.seo if present else Seo()
    words = (" ".join(word.split())[:60] for word in values.get("seo_keywords", "").split(","))
    return Seo(
        title=" ".join(values["seo_title"].split())[:120],
        description=" ".join(values.get("seo_description", "").split())[:320],
        keywords=[word for word in words if word][:KEYWORDS_MAX],
    )
