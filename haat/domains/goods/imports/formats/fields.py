"""What a column can mean, in our own format's words, and which of them a header seems to have."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

Format = Literal["haat", "shopify", "woocommerce", "google", "custom"]

# Ours, in the order our own files have them → further names that other shops' exports use for it,
# lower case, spaces and hyphens as underscores.
FIELDS: dict[str, tuple[str, ...]] = {
    "handle": ("slug", "url_handle", "product_handle", "item_group_id", "url_key"),
    "title": ("name", "product_title", "product_name", "post_title", "name_en"),
    "description": (
        "body_(html)",
        "body_html",
        "body",
        "product_description",
        "description_html",
        "description_en",
    ),
    "category": (
        "product_category",
        "categories",
        "category1",
        "product_category_1",
        "product_type",
        "type",
        "facets",
    ),
    "brand": ("vendor", "manufacturer", "product_brand"),
    "status": ("product_status", "published", "state"),
    "tax_class": ("tax_category", "taxcategory"),
    "kind": ("product_kind",),
    **{
        f"option{n}_{part}": (f"option_{n}_{part}", f"variant_option_{n}_{part}")
        for n in (1, 2, 3)
        for part in ("name", "value")
    },
    "option_names": ("optiongroups", "option_groups", "options"),
    "option_values": ("optionvalues",),
    "sku": ("variant_sku", "product_sku", "item_sku", "sku_code"),
    "price": ("variant_price", "regular_price", "price_amount", "unit_price"),
    "compare_at": (
        "compare_at_price",
        "variant_compare_at_price",
        "compare_price",
        "original_price",
        "msrp",
    ),
    "currency": ("variant_currency", "price_currency"),
    "barcode": ("variant_barcode", "ean", "gtin", "upc", "variant_ean", "variant_upc", "isbn"),
    "weight_g": ("variant_grams", "grams", "weight_(g)", "weight_value_(grams)"),
    "weight": ("variant_weight", "product_weight", "weight_(kg)"),
    "weight_unit": ("variant_weight_unit",),
    "stock": (
        "variant_inventory_qty",
        "inventory_quantity",
        "variant_inventory_quantity",
        "inventory_count",
        "stockonhand",
        "stock_on_hand",
        "quantity",
        "qty",
    ),
    "images": ("image_src", "image_url", "image_link", "product_image_url", "assets", "pictures"),
    "image_alt": ("image_alt_text",),
    "variant_image": ("variant_image_url", "variantassets"),
}
NEEDED = ("title", "price")
# Pictures in numbered columns: image1_src, Product Image 2, Image 3 Url.
_NUMBERED_IMAGE = re.compile(r"(?:product_)?image_?\d{1,2}(?:_(?:src|url))?")
_CURRENCY_COLUMN = re.compile(r"(?:variant_)?price_([a-z]{3})")


def plain(name: str) -> str:
    """A column's name, comparable: "Variant SKU " is variant_sku."""
    return re.sub(r"[\s\-:]+", "_", name.strip().casefold())


def guess(header: Sequence[str], currency: str) -> dict[str, list[str]]:
    """Field → the columns it seems to stand in, for a header nobody has mapped yet.

    A price in a column of its own for each currency is taken from the market's.
    """
    there: dict[str, str] = {}
    for name in header:
        there.setdefault(plain(name), name)
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    for field, others in FIELDS.items():
        for name in (field, *others):
            if name in there and name not in taken:
                found[field] = [there[name]]
                taken.add(name)
                break
    for name, column in there.items():
        priced = _CURRENCY_COLUMN.fullmatch(name)
        if priced and priced[1].upper() == currency and "price" not in found:
            found["price"] = [column]
        if _NUMBERED_IMAGE.fullmatch(name) and name not in taken:
            found.setdefault("images", []).append(column)
    return found


def missing(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The fields without which no product can be made, that no column is mapped to."""
    return [field for field in NEEDED if not columns.get(field)]
