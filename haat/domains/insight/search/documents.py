"""What stands in the index of a listing and of a vendor."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import log2
from typing import Any
from uuid import UUID

from haat.domains.goods.catalog.api import Category
from haat.engines.search import Document, Shape
from haat.engines.sql import Record

# Weights were found on one half of a judged catalogue and checked on the other, and the other way
# round: docs/decisions/0014-search.md.
PRODUCTS = Shape(
    texts={
        "title": 1.0,
        "brand": 0.6,
        "category": 0.5,
        "vendor": 0.4,
        "attributes": 0.2,
        "text": 0.9,
    },
    heading="title",
    spelt=("title", "brand", "category", "vendor", "text"),
    codes=("title", "codes"),
    codes_weight=0.2,
    keywords=("category", "shelf", "vendor", "brand", "attribute", "stock", "trust"),
    numbers=("price_from", "price_to", "created", "popularity", "rating"),
    adding={"category": 0.2},
)
VENDORS = Shape(
    texts={"name": 1.0},
    heading="name",
    spelt=("name",),
    keywords=("id", "country", "trust"),
    numbers=("rating",),
)
IN_STOCK, VERIFIED = "in", "verified"  # values of the keywords `stock` and `trust`
BRAND_MAX_CHARS = 120
POPULARITY_MAX = 1000
_PER_DOUBLING = 100


def of_listing(
    row: Record,
    tree: Mapping[UUID, Sequence[Category]],
    card: Mapping[str, Any] | None = None,
    *,
    in_stock: bool = False,
) -> Document:
    """A row of search.listings that is on sale; `card` is its card where somebody has read it
    already, and `tree` has each category with those above it."""
    card = json.loads(row["card"]) if card is None else card
    details = row["details"]
    path = tree.get(UUID(card["categoryId"]), ()) if card["categoryId"] else ()
    attributes: Mapping[str, Sequence[str]] = details.get("attributes", {})
    created = datetime.fromisoformat(card["createdAt"])
    return Document(
        id=card["id"],
        texts={
            "title": card["title"],
            "brand": card["brand"],
            "category": " / ".join(category.name for category in path),
            "vendor": row["vendor"],
            "attributes": " / ".join(value for many in attributes.values() for value in many),
            "text": row["body"],
            "codes": " / ".join(details.get("codes", ())),
        },
        keywords={
            "category": [str(category.id) for category in path],
            "shelf": [str(path[-1].id)] if path else [],
            "vendor": card.get("vendorIds") or [card["vendorId"]],
            "brand": [card["brand"].strip()] if card["brand"].strip() else [],
            "attribute": [
                attribute(name, value) for name, many in attributes.items() for value in many
            ],
            "stock": [IN_STOCK] if in_stock else [],
            "trust": [VERIFIED] if row["verified"] else [],
        },
        numbers={
            "price_from": card["priceFrom"]["minor"],
            "price_to": card["priceTo"]["minor"],
            "created": int(created.timestamp() * 1000),
            "popularity": popularity(row["sold"]),
            "rating": (card.get("rating") or {"value": 0})["value"],
        },
        payload=row["card"].encode(),
        at=_at(row),
    )


def of_vendor(row: Record) -> Document:
    shown: dict[str, Any] = {key: str(row[key]) for key in ("id", "slug", "name", "country")}
    shown |= {"place": row["place"], "verified": row["verified"], "rating": None}
    if row["rating_value"]:
        shown["rating"] = {"value": row["rating_value"], "count": row["rating_count"]}
    return Document(
        id=shown["id"],
        texts={"name": shown["name"]},
        keywords={
            "id": [shown["id"]],
            "country": [shown["country"]] if shown["country"] else [],
            "trust": [VERIFIED] if row["verified"] else [],
        },
        numbers={"rating": row["rating_value"] or 0},
        payload=json.dumps(shown).encode(),
        at=_at(row),
    )


def _at(row: Record) -> tuple[float, float] | None:
    return None if row["latitude"] is None else (row["latitude"], row["longitude"])


def attribute(name: str, value: str) -> str:
    """Name and value as one keyword; the sign between them stands in neither."""
    return f"{name}\x1f{value}"


def popularity(sold: int) -> int:
    """0 to POPULARITY_MAX: what sold twice as often is a step further."""
    return min(POPULARITY_MAX, round(_PER_DOUBLING * log2(1 + sold)))


def paths(categories: Sequence[Category]) -> dict[UUID, tuple[Category, ...]]:
    """Each category with those above it, the highest first; parents come before children."""
    found: dict[UUID, tuple[Category, ...]] = {}
    for category in categories:
        above = found.get(category.parent_id, ()) if category.parent_id else ()
        found[category.id] = (*above, category)
    return found
