"""Reads a product export in Shopify's CSV format, pure and streaming.

A product is a run of rows with one handle: the first has what belongs to the product, each row
with a price is a variant, a row with nothing but a picture adds that picture. What cannot be read
is told by line, column and reason, and the rest goes on.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Literal

from haat.domains.goods.catalog import markup, rules
from haat.domains.goods.catalog.api import ProductDraft, VariantDraft
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

# What we call a column → the names it has in exports, old and new, in lower case.
_NAMES: dict[str, tuple[str, ...]] = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "body": ("body (html)", "body html", "body", "description"),
    "vendor": ("vendor",),
    "category": ("product category", "standard product type"),
    "type": ("type", "custom product type"),
    "published": ("published", "published on online store"),
    "status": ("status",),
    "sku": ("variant sku", "sku"),
    "grams": ("variant grams", "weight value (grams)"),
    "quantity": ("variant inventory qty", "inventory quantity", "variant inventory quantity"),
    "price": ("variant price", "price"),
    "compare": ("variant compare at price", "compare-at price", "compare at price"),
    "currency": ("currency", "variant currency", "price currency"),
    "taxable": ("variant taxable", "charge tax"),
    "barcode": ("variant barcode", "barcode"),
    "image": ("image src", "product image url"),
    "image_position": ("image position",),
    "image_alt": ("image alt text",),
    "variant_image": ("variant image", "variant image url"),
    **{
        f"option{n}_{part}": (f"option{n} {part}",) for n in (1, 2, 3) for part in ("name", "value")
    },
}
_NEEDED = ("handle", "title", "price")


class Refused(Model):
    """A part of the file that was left out: a row's variant or picture, a product, or all."""

    line: int
    column: str
    reason: str
    what: Literal["file", "product", "variant", "picture"]
    handle: str = ""


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


@dataclass(slots=True)
class _Row:
    line: int
    cells: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


@dataclass(slots=True)
class _Reading:
    """What must be known of the rows before."""

    currency: str
    columns: dict[str, str] = field(default_factory=dict)  # ours → as the header has it
    handles: set[str] = field(default_factory=set)
    skus: dict[str, int] = field(default_factory=dict)

    def column(self, name: str) -> str:
        return self.columns.get(name, name)


def read(lines: Iterable[str], currency: str) -> Iterator[Found | Refused]:
    """Every product in the file and everything that was left out, in the file's order.

    `lines` are text lines with their ends (newline=""); bytes that are not UTF-8 come as lone
    surrogates (errors="surrogateescape").
    """
    reading = _Reading(currency)
    group: list[_Row] = []
    for row in _rows(lines, reading):
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


# --- rows ------------------------------------------------------------------------------------


def _rows(lines: Iterable[str], reading: _Reading) -> Iterator[_Row | Refused]:
    source = iter(lines)
    first = next(source, "").removeprefix("\ufeff")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(_chained(first, source), delimiter=separator, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            what: Literal["file", "product"] = "file" if header is None else "product"
            yield Refused(line=line, column="", reason=f"Not CSV: {error}.", what=what)
            if header is None:
                return
            continue
        if header is None:
            problem = _header(cells, reading)
            if problem is not None:
                yield problem
                return
            header = [cell.strip().casefold() for cell in cells]
        elif any(cell.strip() for cell in cells):
            yield _row(line, header, cells, reading)
    if header is None:
        yield Refused(line=1, column="", reason="The file is empty.", what="file")


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _header(cells: list[str], reading: _Reading) -> Refused | None:
    there: dict[str, str] = {}
    for cell in cells:
        there.setdefault(cell.strip().casefold(), cell.strip())
    for ours, names in _NAMES.items():
        found = next((name for name in names if name in there), None)
        if found is not None:
            reading.columns[ours] = there[found]
    for ours in _NEEDED:
        if ours not in reading.columns:
            name = _NAMES[ours][0].title()
            reason = f"The header has no column {name}: this is not a Shopify product export."
            return Refused(line=1, column=name, reason=reason, what="file")
    return None


def _row(line: int, header: list[str], cells: list[str], reading: _Reading) -> _Row | Refused:
    if any(cell.strip() for cell in cells[len(header) :]):
        reason = f"The row has {len(cells)} cells, the header {len(header)}."
        return Refused(line=line, column="", reason=reason, what="product")
    by_name: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=False):
        by_name.setdefault(name, cell.strip())
    row = _Row(line, {o: by_name.get(n.casefold(), "") for o, n in reading.columns.items()})
    handle = row["handle"] or (rules.slug_of(row["title"], "") if row["title"] else "")
    for name, cell in row.cells.items():
        if "\0" in cell or any("\ud800" <= c <= "\udfff" for c in cell):
            return Refused(
                line=line,
                column=reading.column(name),
                reason="This text is not UTF-8, or holds a NUL.",
                what="product",
                handle="" if name == "handle" else handle,
            )
    if not handle:
        reason = "The row has neither a handle nor a title to make one from."
        column = reading.column("handle")
        return Refused(line=line, column=column, reason=reason, what="product")
    row.cells["handle"] = handle
    return row


# --- products --------------------------------------------------------------------------------


def _product(rows: list[_Row], reading: _Reading) -> Iterator[Found | Refused]:
    first, handle = rows[0], rows[0]["handle"]

    def refused(
        row: _Row, refusal: _Refusal, what: Literal["product", "variant", "picture"]
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


def _title(row: _Row) -> str:
    title = " ".join(row["title"].split())
    if not title:
        raise _Refusal("title", "The product's first row has no title.")
    if len(title) > 200:
        raise _Refusal("title", "The title is longer than 200 characters.")
    return title


def _body(row: _Row) -> str:
    if len(row["body"]) > markup.HTML_MAX:
        raise _Refusal("body", f"The description is longer than {markup.HTML_MAX} characters.")
    try:
        return markup.clean(row["body"])
    except Invalid as problem:
        raise _Refusal("body", problem.detail) from None


def _option_names(row: _Row) -> list[str]:
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


def _status(row: _Row) -> Literal["active", "draft", "archived"]:
    status = row["status"].casefold()
    if status in ("draft", "unlisted"):
        return "draft"
    if status == "archived":
        return "archived"
    return "draft" if row["published"].casefold() in ("false", "no", "0") else "active"


def _pictures(rows: list[_Row]) -> tuple[list[Picture], list[tuple[_Row, _Refusal]]]:
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


def _is_variant(row: _Row) -> bool:
    """Rows after the first may hold a picture only."""
    return any(row[n] for n in ("price", "sku", "option1_value", "option2_value", "option3_value"))


def _variant(
    row: _Row, names: list[str], reading: _Reading, before: Iterable[VariantDraft]
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
    if _SCIENTIFIC.fullmatch(barcode) or len(barcode) > 40:
        barcode = ""  # a spreadsheet has rounded it away
    return VariantDraft(
        options=options,
        sku=sku,
        price=price,
        compare_at=_money(row, "compare", reading.currency),
        barcode=barcode or None,
        weight_g=_weight(row),
        picture=Picture(url=_address(image, "variant_image")) if image else None,
    )


def _options(row: _Row, names: list[str]) -> dict[str, str]:
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
    """Always the same one for the same variant, and no other's."""
    sku = "-".join([handle, *(rules.slug_of(value, "x") for value in options.values())])
    plain = not options or all(rules.slug_of(v, "") == v.casefold() for v in options.values())
    if len(sku) <= 80 and plain:
        return sku
    digest = hashlib.sha256("\0".join([handle, *options.values()]).encode()).hexdigest()[:8]
    return f"{sku[:71]}-{digest}"


def _money(row: _Row, column: str, currency: str) -> Money | None:
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


def _weight(row: _Row) -> int:
    grams = _number(row, "grams")
    if not 0 <= grams <= WEIGHT_MAX:
        raise _Refusal("grams", "The weight is not between 0 and 1,000,000 g.")
    return int(grams.to_integral_value())


def _quantity(row: _Row) -> int:
    """What is on hand; oversold (a negative number) counts as none."""
    quantity = _number(row, "quantity")
    if quantity != quantity.to_integral_value() or quantity > ON_HAND_MAX:
        raise _Refusal("quantity", "That is not a count.")
    return max(0, int(quantity))


def _number(row: _Row, column: str) -> Decimal:
    try:
        found = Decimal(row[column] or "0")
    except InvalidOperation:
        raise _Refusal(column, "That is not a number.") from None
    if not found.is_finite():
        raise _Refusal(column, "That is not a number.")
    return found
