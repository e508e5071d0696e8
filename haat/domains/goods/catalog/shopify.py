"""Reads a product export in Shopify's CSV format, pure and streaming.

A product is a run of rows with one handle: the first has what belongs to the product, each row
with a price is a variant, a row with nothing but a picture adds that picture. What cannot be read
is told by line, column and reason, and the rest goes on.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Literal

from haat.domains.goods.catalog import barcodes, markup, rules
from haat.domains.goods.catalog.api import ProductDraft, VariantDraft
from haat.domains.goods.catalog.shopify_rows import Reading, Refused, Row, rows_of
from haat.domains.people.media.api import Picture
from haat.kernel.errors import Invalid, Problem
from haat.kernel.model import Model
from haat.kernel.money import Money, parse_decimal

PICTURES_MAX = 20
VARIANTS_MAX = 200
ON_HAND_MAX = 10_000_000
WEIGHT_MAX = 1_000_000
_URL = re.compile(r"https?://[^\s<>\"']+")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_SCIENTIFIC = re.compile(r"[\d.]+E\+?\d+", re.I)


class Found(Model):
    """A product as the file has it. `stock` is by SKU, `lines` by SKU the line it stands in."""

    handle: str
    line: int
    draft: ProductDraft
    status: Literal["active", "draft", "archived"]
    category: str = ""
    stock: dict[str, int]
    lines: dict[str, int]


class _Refusal(Exception):
    """Raised inside with the column and the reason."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read(lines: Iterable[str], currency: str) -> Iterator[Found | Refused]:
    """Every product in the file and everything that was left out, in the file's order.

    `lines` are text lines with their ends (newline=""); bytes that are not UTF-8 come as lone
    surrogates (errors="surrogateescape").
    """
    reading = Reading(currency)
    group: list[Row] = []
    for row in rows_of(lines, reading):
        if isinstance(row, Refused):
            yield row
        elif group and group[0]["handle"] == row["handle"]:
            group.append(row)
        else:
            if group:
                yield from _product(group, reading)
            group = [row]
    if group:
        yield from _product(group, reading)


# --- products --------------------------------------------------------------------------------


def _product(rows: list[Row], reading: Reading) -> Iterator[Found | Refused]:
    first, handle = rows[0], rows[0]["handle"]

    def refused(
        row: Row, refusal: _Refusal, what: Literal["product", "variant", "picture"]
    ) -> Refused:
        column, reason = reading.column(refusal.column), refusal.reason
        return Refused(line=row.line, column=column, reason=reason, what=what, handle=handle)

    try:
        if handle in reading.handles:
            raise _Refusal("handle", "This handle stood further up; its rows must stand together.")
        reading.handles.add(handle)
        title, body, names = _title(first), _body(first), _option_names(first)
    except _Refusal as refusal:
        yield refused(first, refusal, "product")
        return
    pictures, left_out = _pictures(rows)
    for row, why in left_out:
        yield refused(row, why, "picture")
    variants: dict[str, VariantDraft] = {}
    stock: dict[str, int] = {}
    lines: dict[str, int] = {}
    taxable = False
    for row in rows:
        if row is not first and not _is_variant(row):
            continue
        try:
            variant = _variant(row, names, reading, variants.values())
            stock[variant.sku] = _quantity(row)
        except _Refusal as refusal:
            yield refused(row, refusal, "variant")
            continue
        variants[variant.sku], lines[variant.sku] = variant, row.line
        reading.skus[variant.sku] = row.line
        taxable = taxable or row["taxable"].casefold() not in ("false", "no", "0")
    if not variants:
        return
    draft = ProductDraft(
        title=title,
        description_html=body,
        brand=first["vendor"][:120].strip(),
        tax_class="standard" if taxable else "exempt",
        option_names=names,
        pictures=pictures,
        variants=list(variants.values()),
    )
    category = (first["category"].rsplit(">", 1)[-1] or first["type"]).strip()
    status = _status(first)
    yield Found(
        handle=handle,
        line=first.line,
        draft=draft,
        status=status,
        category=category,
        stock={sku: stock[sku] for sku in variants},
        lines=lines,
    )


def _title(row: Row) -> str:
    title = " ".join(row["title"].split())
    if not title:
        raise _Refusal("title", "The product's first row has no title.")
    if len(title) > 200:
        raise _Refusal("title", "The title is longer than 200 characters.")
    return title


def _body(row: Row) -> str:
    if len(row["body"]) > markup.HTML_MAX:
        raise _Refusal("body", f"The description is longer than {markup.HTML_MAX} characters.")
    try:
        return markup.clean(row["body"])
    except Invalid as problem:
        raise _Refusal("body", problem.detail) from None


def _option_names(row: Row) -> list[str]:
    """In order; none for Shopify's "Title: Default Title", its way to say so."""
    names = []
    for n in (1, 2, 3):
        name, value = row[f"option{n}_name"], row[f"option{n}_value"]
        if not name and value:
            name = f"Option {n}"
        if not name or (name, value) == ("Title", "Default Title"):
            continue
        if len(name) > 60:
            raise _Refusal(f"option{n}_name", "The option's name is longer than 60 characters.")
        if name in names:
            raise _Refusal(f"option{n}_name", "Two options have the same name.")
        names.append(name)
    return names


def _status(row: Row) -> Literal["active", "draft", "archived"]:
    status = row["status"].casefold()
    if status in ("draft", "unlisted"):
        return "draft"
    if status == "archived":
        return "archived"
    return "draft" if row["published"].casefold() in ("false", "no", "0") else "active"


def _pictures(rows: list[Row]) -> tuple[list[Picture], list[tuple[Row, _Refusal]]]:
    found: dict[str, tuple[int, Picture]] = {}
    left_out = []
    for place, row in enumerate(rows):
        url = row["image"]
        if not url or url in found:
            continue
        try:
            picture = Picture(url=_address(url, "image"), alt=row["image_alt"][:300])
        except _Refusal as refusal:
            left_out.append((row, refusal))
            continue
        position = row["image_position"]
        at = int(position) if position.isdecimal() and len(position) < 9 else place
        found[url] = (at, picture)
    ordered = [picture for _, picture in sorted(found.values(), key=lambda pair: pair[0])]
    return ordered[:PICTURES_MAX], left_out


def _address(url: str, column: str) -> str:
    if len(url) > 2000 or not _URL.fullmatch(url):
        raise _Refusal(column, "That is not the address of a picture (http or https).")
    return url


# --- variants --------------------------------------------------------------------------------


def _is_variant(row: Row) -> bool:
    """Rows after the first may hold a picture only."""
    return any(row[n] for n in ("price", "sku", "option1_value", "option2_value", "option3_value"))


def _variant(
    row: Row, names: list[str], reading: Reading, before: Iterable[VariantDraft]
) -> VariantDraft:
    others = list(before)
    if len(others) >= VARIANTS_MAX:
        raise _Refusal("handle", f"A product has at most {VARIANTS_MAX} variants.")
    options = _options(row, names)
    if any(other.options == options for other in others):
        raise _Refusal("option1_value", "Another variant of the product has these options.")
    sku = row["sku"].removeprefix("'").strip() or _made_sku(row["handle"], options)
    if len(sku) > 80:
        raise _Refusal("sku", "The SKU is longer than 80 characters.")
    if sku in reading.skus:
        raise _Refusal("sku", f"Line {reading.skus[sku]} has this SKU already.")
    if row["currency"] and row["currency"].upper() != reading.currency:
        raise _Refusal("currency", f"Prices here are in {reading.currency}.")
    price = _money(row, "price", reading.currency)
    if price is None:
        raise _Refusal("price", "The variant has no price.")
    image = row["variant_image"]
    barcode = row["barcode"].removeprefix("'")
    if _SCIENTIFIC.fullmatch(barcode) or not barcodes.is_right(barcode):
        barcode = ""  # a spreadsheet has rounded it away, or it never was one
    return VariantDraft(
        options=options,
        sku=sku,
        price=price,
        compare_at=_money(row, "compare", reading.currency),
        barcode=barcode or None,
        weight_g=_weight(row),
        picture=Picture(url=_address(image, "variant_image")) if image else None,
    )


def _options(row: Row, names: list[str]) -> dict[str, str]:
    values = [(n, row[f"option{n}_value"]) for n in (1, 2, 3)]
    if not names:
        return {}
    given = [(n, value) for n, value in values if value and value != "Default Title"]
    if len(given) != len(names):
        missing = next((n for n in (1, 2, 3) if n > len(given)), 1)
        column = f"option{min(missing, len(names))}_value"
        raise _Refusal(column, f"The product's options are {', '.join(names)}; give each a value.")
    for n, value in given:
        if len(value) > 120:
            raise _Refusal(f"option{n}_value", "The value is longer than 120 characters.")
    return dict(zip(names, (value for _, value in given), strict=True))


def _made_sku(handle: str, options: dict[str, str]) -> str:
    """Always the same one for the same variant, and no other's: neither has a dot inside."""
    sku = ".".join([handle, *(rules.slug_of(value, "x") for value in options.values())])
    plain = not options or all(rules.slug_of(v, "") == v.casefold() for v in options.values())
    if len(sku) <= 80 and plain and "." not in handle:
        return sku
    digest = hashlib.sha256("\0".join([handle, *options.values()]).encode()).hexdigest()[:8]
    return f"{sku[:71]}.{digest}"


def _money(row: Row, column: str, currency: str) -> Money | None:
    text = row[column]
    if not text:
        return None
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    try:
        found = parse_decimal(text, currency)
    except Problem as problem:
        raise _Refusal(column, problem.detail) from None
    if not 0 < found.minor <= rules.PRICE_MAX:
        if column == "compare" and found.minor == 0:
            return None
        raise _Refusal(column, "That is not a price.")
    return found


def _weight(row: Row) -> int:
    grams = _number(row, "grams")
    if not 0 <= grams <= WEIGHT_MAX:
        raise _Refusal("grams", "The weight is not between 0 and 1,000,000 g.")
    return int(grams.to_integral_value())


def _quantity(row: Row) -> int:
    """What is on hand; oversold (a negative number) counts as none."""
    quantity = _number(row, "quantity")
    if quantity != quantity.to_integral_value() or quantity > ON_HAND_MAX:
        raise _Refusal("quantity", "That is not a count.")
    return max(0, int(quantity))


def _number(row: Row, column: str) -> Decimal:
    try:
        found = Decimal(row[column] or "0")
    except InvalidOperation:
        raise _Refusal(column, "That is not a number.") from None
    if not found.is_finite():
        raise _Refusal(column, "That is not a number.")
    return found
