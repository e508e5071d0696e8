"""The rows of one product, made into a product: or told, row by row, why not.

A product goes in whole or not at all. One that went in without the variant that was wrong would
take that variant off sale when an older import is repeated, and the corrected file, which has that
product again, could not be told from it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from haat.domains.goods.catalog.api import (
    ProductDraft,
    ProductKind,
    VariantDraft,
    is_barcode,
)
from haat.domains.goods.imports.formats.mapping import Row
from haat.domains.goods.imports.formats.refusals import Noted, Refusal, Refused
from haat.domains.people.media.api import Picture
from haat.kernel.errors import Problem
from haat.kernel.model import Model
from haat.kernel.money import Money, parse_decimal

Status = Literal["active", "draft", "archived"]
PICTURES_MAX = 20
VARIANTS_MAX = 200
ON_HAND_MAX = 10_000_000
WEIGHT_MAX_G = 1_000_000
PRICE_MAX = 10_000_000_000
TITLE_MAX = 200
HTML_MAX = 100_000
_URL = re.compile(r"https?://[^\s<>\"']+")
_BETWEEN_URLS = re.compile(r"[\s|]+|,\s+")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_COMMA = re.compile(r"\d+,\d{1,2}")
_CURRENCY_SIGN = re.compile(r"^[$€£¥৳₹]\s*|\s*[$€£¥৳₹]$")
_SCIENTIFIC = re.compile(r"[\d.]+E\+?\d+", re.I)
_NAMED_PATH = re.compile(r"\s*(?:->|>|/)\s*")
_GRAMS = {
    "g": Decimal(1),
    "kg": Decimal(1000),
    "lb": Decimal("453.59237"),
    "lbs": Decimal("453.59237"),
    "oz": Decimal("28.349523125"),
}
_STATUS: Mapping[str, Status] = {
    "": "active",
    "active": "active",
    "published": "active",
    "true": "active",
    "1": "active",
    "yes": "active",
    "enabled": "active",
    "draft": "draft",
    "proposed": "draft",
    "pending": "draft",
    "rejected": "draft",
    "false": "draft",
    "0": "draft",
    "no": "draft",
    "disabled": "draft",
    "archived": "archived",
    "deleted": "archived",
}


class Imported(Model):
    """A product of a file. `stock` and `lines` (of the file) are by SKU; a SKU without stock keeps
    what it has."""

    key: str
    line: int
    draft: ProductDraft
    status: Status
    category: list[str] = []  # names from the top, as far as the file tells
    stock: dict[str, int] = {}
    lines: dict[str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """What came of the `rows` rows of a product, the first of which is `line`."""

    line: int
    rows: int
    product: Imported | None
    refused: list[Refused]
    noted: list[Noted]


def product_of(key: str, rows: Sequence[Row], currency: str) -> Made:
    """All rows of one product, in the file's order; the first that has a title tells the rest."""
    head = next((row for row in rows if row["title"]), rows[0])
    first, total = rows[0].number, len(rows)
    refused: list[Refused] = []
    noted: list[Noted] = []
    rows = _in_currency(rows, key, currency, noted)

    def refuse(row: Row, refusal: Refusal) -> None:
        refused.append(
            Refused(line=row.number, column=refusal.field, reason=refusal.reason, key=key)
        )

    names: list[str] = []
    try:
        title, body, names = _title(head), _body(head), _option_names(rows)
        status = _status(head)
    except Refusal as refusal:
        refuse(head, refusal)
        return Made(first, total, None, refused, noted)
    variants: dict[str, VariantDraft] = {}
    stock: dict[str, int] = {}
    lines: dict[str, int] = {}
    for row in _sold(rows, names):
        try:
            variant = _variant(row, key, names, currency, variants, lines, noted)
            count = _stock(row)
        except Refusal as refusal:
            refuse(row, refusal)
            continue
        variants[variant.sku], lines[variant.sku] = variant, row.number
        if count is not None:
            stock[variant.sku] = count
    if not variants and not refused:
        refuse(head, Refusal("price", "The product has no price."))
    if refused:
        return Made(first, total, None, refused, noted)
    draft = ProductDraft(
        title=title,
        description_html=body,
        brand=head["brand"][:120].strip(),
        tax_class=_tax_class(head),
        kind=_kind(rows, key, noted),
        option_names=names,
        pictures=_pictures(rows, key, noted),
        variants=list(variants.values()),
    )
    path = [name for name in _NAMED_PATH.split(head["category"]) if name]
    found = Imported(
        key=key,
        line=head.number,
        draft=draft,
        status=status,
        category=path,
        stock=stock,
        lines=lines,
    )
    return Made(first, total, found, [], noted)


def _in_currency(rows: Sequence[Row], key: str, currency: str, noted: list[Noted]) -> Sequence[Row]:
    """Without the rows that only give a variant's price in another currency."""
    ours = {row["sku"] for row in rows if row["currency"].upper() in ("", currency)}
    other = [row for row in rows if row["currency"].upper() not in ("", currency)]
    repeated = {row.number for row in other if row["sku"] in ours}
    for row in other:
        if row.number in repeated:
            reason = f"Prices here are in {currency}; this one was left out."
            noted.append(Noted(line=row.number, column="currency", reason=reason, key=key))
    return [row for row in rows if row.number not in repeated] if repeated else rows


# --- what belongs to the product -------------------------------------------------------------


def _title(row: Row) -> str:
    title = " ".join(row["title"].split())
    if not title:
        raise Refusal("title", "The product has no title.")
    if len(title) > TITLE_MAX:
        raise Refusal("title", f"The title is longer than {TITLE_MAX} characters.")
    return title


def _body(row: Row) -> str:
    if len(row["description"]) > HTML_MAX:
        raise Refusal("description", f"The description is longer than {HTML_MAX} characters.")
    return row["description"]


def _option_names(rows: Sequence[Row]) -> list[str]:
    """In order. A value without a name is Option 1, 2 or 3."""
    names: list[str] = []
    for n in (1, 2, 3):
        name = next((row[f"option{n}_name"] for row in rows if row[f"option{n}_name"]), "")
        if not name and any(row[f"option{n}_value"] for row in rows):
            name = f"Option {n}"
        if not any(row[f"option{n}_value"] for row in rows):
            continue  # a name that nothing has a value for
        if len(name) > 60:
            raise Refusal(f"option{n}_name", "The option's name is longer than 60 characters.")
        if name in names:
            raise Refusal(f"option{n}_name", "Two options have the same name.")
        names.append(name)
    return names


def _status(row: Row) -> Status:
    found = _STATUS.get(row["status"].casefold())
    if found is None:
        raise Refusal("status", "Write active, draft or archived.")
    return found


# What stands in no file, or is none of these, leaves a product what it is.
_KINDS: dict[str, ProductKind] = {
    "physical": "physical",
    "digital": "digital",
    "service": "service",
}


def _kind(rows: Sequence[Row], key: str, noted: list[Noted]) -> ProductKind | None:
    """What its rows say, in other shops each variant's for itself: with one that is shipped, all
    of it is goods."""
    told: dict[ProductKind, Row] = {}
    for row in rows:
        kind = _KINDS.get(row["kind"].casefold())
        if kind is not None:
            told.setdefault(kind, row)
    if len(told) > 1:
        found: ProductKind = "physical" if "physical" in told else "service"
        odd = next(row for kind, row in told.items() if kind != found)
        reason = f"A product is of one kind: with its other variants this one is {found}."
        noted.append(Noted(line=odd.number, column="kind", reason=reason, key=key))
        return found
    return next(iter(told), None)


def _tax_class(row: Row) -> str:
    """Names of other shops' classes mean nothing here: only ours and `exempt` are taken over."""
    name = row["tax_class"].casefold()
    return name if name in ("exempt", "reduced", "zero") else "standard"


def _pictures(rows: Sequence[Row], key: str, noted: list[Noted]) -> list[Picture]:
    found: dict[str, Picture] = {}
    for row in rows:
        for url in _BETWEEN_URLS.split(row["images"]):
            url = url.strip(",")
            if not url or url in found:
                continue
            if not _is_address(url):
                noted.append(_no_picture(row, "images", url, key))
            elif len(found) >= PICTURES_MAX:
                reason = f"A product has at most {PICTURES_MAX} pictures."
                noted.append(Noted(line=row.number, column="images", reason=reason, key=key))
                return list(found.values())
            else:
                found[url] = Picture(url=url, alt=row["image_alt"][:300])
    return list(found.values())


def _is_address(url: str) -> bool:
    return len(url) <= 2000 and _URL.fullmatch(url) is not None


def _no_picture(row: Row, field: str, url: str, key: str) -> Noted:
    reason = f"{url[:80]!r} is not the address of a picture (http or https)."
    return Noted(line=row.number, column=field, reason=reason, key=key)


# --- variants --------------------------------------------------------------------------------


def _sold(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The rows that are variants: not those that have only the product's own, or a picture."""

    def valued(row: Row) -> bool:
        return any(row[f"option{n}_value"] for n in (1, 2, 3))

    if names and not valued(rows[0]):
        rest = rows[1:]
        return [row for row in rest if valued(row) or row["price"] or row["sku"]]
    return [row for row in rows if row is rows[0] or valued(row) or row["price"] or row["sku"]]


def _variant(
    row: Row,
    key: str,
    names: Sequence[str],
    currency: str,
    before: Mapping[str, VariantDraft],
    lines: Mapping[str, int],
    noted: list[Noted],
) -> VariantDraft:
    if len(before) >= VARIANTS_MAX:
        raise Refusal("handle", f"A product has at most {VARIANTS_MAX} variants.")
    options = _options(row, names)
    twin = next((sku for sku, other in before.items() if other.options == options), None)
    if twin is not None:
        reason = f"Line {lines[twin]} is the same variant"
        raise Refusal("option1_value", f"{reason}: give one of them another option.")
    sku = row["sku"] or _made_sku(key, options)
    if len(sku) > 80:
        raise Refusal("sku", "The SKU is longer than 80 characters.")
    if sku in before and options:
        reason = f"Line {lines[sku]} has the SKU {sku!r} too; this variant got one of its own."
        noted.append(Noted(line=row.number, column="sku", reason=reason, key=key))
        sku = "-".join([sku, *options.values()]).replace(" ", "-")[:80]
    if sku in before:
        raise Refusal("sku", f"Line {lines[sku]} has this SKU already.")
    if row["currency"] and row["currency"].upper() != currency:
        raise Refusal("currency", f"Prices here are in {currency}.")
    price = _money(row, "price", currency)
    if price is None:
        raise Refusal("price", "The variant has no price.")
    compare = _money(row, "compare_at", currency)
    image = row["variant_image"]
    if image and not _is_address(image):
        noted.append(_no_picture(row, "variant_image", image, key))
        image = ""
    return VariantDraft(
        options=options,
        sku=sku,
        price=price,
        compare_at=compare if compare is not None and compare.minor > price.minor else None,
        barcode=_barcode(row, key, noted),
        weight_g=_weight(row),
        picture=Picture(url=image) if image else None,
    )


def _options(row: Row, names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    values = [(n, row[f"option{n}_value"]) for n in (1, 2, 3) if row[f"option{n}_value"]]
    if len(values) != len(names):
        listed = ", ".join(names)
        raise Refusal(
            f"option{min(len(values) + 1, 3)}_value",
            f"The product's options are {listed}: this row has {len(values)} of {len(names)}.",
        )
    for n, value in values:
        if len(value) > 120:
            raise Refusal(f"option{n}_value", "The value is longer than 120 characters.")
    return dict(zip(names, (value for _, value in values), strict=True))


def _made_sku(key: str, options: Mapping[str, str]) -> str:
    """The same one each time the file is read."""
    return "-".join([key, *options.values()]).replace(" ", "-")[:80]


def _barcode(row: Row, key: str, noted: list[Noted]) -> str | None:
    """One that is none is left out: the goods can be sold without."""
    text = row["barcode"].replace(" ", "")
    if not text or is_barcode(text):
        return text or None
    if _SCIENTIFIC.fullmatch(text) and not text.isdecimal():
        reason = "A spreadsheet has rounded this barcode: format the column as text."
    else:
        reason = f"{text[:40]!r} is not a barcode: EAN, UPC or GTIN with its check digit."
    noted.append(Noted(line=row.number, column="barcode", reason=reason, key=key))
    return None


def _money(row: Row, field: str, currency: str) -> Money | None:
    text = _CURRENCY_SIGN.sub("", row[field])
    if not text:
        return None
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    elif _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        found = parse_decimal(text, currency)
    except Problem as problem:
        raise Refusal(field, problem.detail) from None
    if found.minor == 0 and field == "compare_at":
        return None
    if not 0 < found.minor <= PRICE_MAX:
        raise Refusal(field, "That is not a price.")
    return found


def _weight(row: Row) -> int:
    unit = row["weight_unit"].casefold() or "kg"
    field = "weight_g" if row["weight_g"] else "weight"
    number = _number(row, field)
    if unit not in _GRAMS:
        raise Refusal("weight_unit", "Write g, kg, lb or oz.")
    grams = number if field == "weight_g" else number * _GRAMS[unit]
    if not 0 <= grams <= WEIGHT_MAX_G:
        raise Refusal(field, "The weight is not between 0 and 1,000,000 g.")
    return int(grams.to_integral_value())


def _stock(row: Row) -> int | None:
    if not row["stock"]:
        return None
    count = _number(row, "stock")
    if count != count.to_integral_value() or not 0 <= count <= ON_HAND_MAX:
        raise Refusal("stock", "That is not a count of units.")
    return int(count)


def _number(row: Row, field: str) -> Decimal:
    try:
        found = Decimal(row[field] or "0")
    except InvalidOperation:
        raise Refusal(field, "That is not a number.") from None
    if not found.is_finite() or abs(found.adjusted()) > 20:
        raise Refusal(field, "That is not a number.")
    return found
