"""The product form as rows of plain fields, so that it works without JavaScript.

Variants stand in fields `v0_sku`, `v1_sku` …, pictures in `p0_media` …; `variants` and `pictures`
say how many there are. Adding and removing a row sends the form and shows it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from pydantic import ValidationError

from haat.domains.goods.catalog.api import (
    Attribute,
    Offer,
    Product,
    ProductDraft,
    Variant,
    generating,
)
from haat.domains.people.media.api import Picture
from haat.gateways.web.kit.forms import invalid
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor import product_specs
from haat.gateways.web.vendor.description import to_markup, to_text
from haat.kernel.errors import FieldError, Problem
from haat.kernel.ids import derive

Values = dict[str, str]
OPTIONS = ("option_1", "option_2", "option_3")
VARIANT = ("id", *OPTIONS, "sku", "price", "compare_at", "weight_g", "stock", "stock_was")
PICTURE = ("media", "url", "alt", "place", "remove", "film", "size")
PICTURES_MAX = 100
STOCK_MAX = 10_000_000
FIELDS_MAX = 2_000 + generating.VARIANTS_MAX * len(VARIANT) + PICTURES_MAX * len(PICTURE)
_LABELS = {
    "sku": "SKU",
    "price": "Price",
    "compare_at": "Price before",
    "weight_g": "Weight",
    "stock": "On hand",
}


@dataclass(frozen=True, slots=True)
class Count:
    """A count that the vendor typed over: by SKU, because a new variant has no offer yet."""

    sku: str
    on_hand: int


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that could be read: the draft, counts to set, and the row each variant came from."""

    draft: ProductDraft
    counts: list[Count]
    rows: list[int]


def rows_of(values: Mapping[str, str], kind: str, most: int, fields: Sequence[str]) -> list[Values]:
    """The rows of "variants" or "pictures": a field's name begins with the kind's first letter."""
    text = values.get(kind, "")
    many = min(int(text), most) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
    return [{f: values.get(f"{kind[0]}{n}_{f}", "") for f in fields} for n in range(many)]


def put_rows(values: Values, kind: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Writes rows back, in place of those that stood there."""
    prefix = kind[0]
    for name in [n for n in values if n[:1] == prefix and n[1:].partition("_")[0].isdecimal()]:
        del values[name]
    values[kind] = str(len(rows))
    for n, row in enumerate(rows):
        values.update({f"{prefix}{n}_{field}": text for field, text in row.items()})


def variant_rows(values: Mapping[str, str]) -> list[Values]:
    return rows_of(values, "variants", generating.VARIANTS_MAX, VARIANT)


def picture_rows(values: Mapping[str, str]) -> list[Values]:
    return rows_of(values, "pictures", PICTURES_MAX, PICTURE)


def blank(id: UUID) -> Values:
    """The form of a product that is not there yet."""
    values = {"id": str(id), "title": "", "tax_class": "standard", "kind": "physical"}
    put_rows(values, "variants", [dict.fromkeys(VARIANT, "")])
    put_rows(values, "pictures", [])
    return values


def values_of(product: Product, stock: Mapping[UUID, int], form_id: UUID) -> Values:
    """The form of a product as it is; variants that are off sale are left out."""
    values = {
        "id": str(form_id),
        "version": str(product.version),
        "title": product.title,
        "description": to_text(product.description_html),
        "category_id": str(product.category_id or ""),
        "brand": product.brand,
        "tax_class": product.tax_class,
        "kind": product.kind,
    }
    values.update(dict(zip(OPTIONS, product.option_names, strict=False)))
    rows = [
        _variant_row(product, variant, offer, stock.get(offer.id, 0))
        for variant, offer in offered(product)
    ]
    put_rows(values, "variants", rows)
    put_rows(values, "pictures", [picture_row(p, n + 1) for n, p in enumerate(product.pictures)])
    return values


def offered(product: Product) -> list[tuple[Variant, Offer]]:
    """Variants on sale with the vendor's offer on them."""
    return [(v, o) for v in product.variants for o in v.offers if o.main and o.status == "active"]


def priced(product: Product) -> list[tuple[Variant, Offer]]:
    """Each variant with its main offer."""
    return [(v, o) for v in product.variants for o in v.offers if o.main]


def contested(product: Product) -> list[tuple[Variant, Offer]]:
    """Variants on sale that other vendors sell, too, with the vendor's own offer."""
    others = {o.variant_id for v in product.variants for o in v.offers if not o.main}
    return [(v, o) for v, o in offered(product) if v.id in others]


def off_sale(product: Product) -> list[str]:
    """SKUs of variants that were taken off: a row with the same SKU brings one back."""
    return [o.sku for v in product.variants for o in v.offers if o.main and o.status != "active"]


def _variant_row(product: Product, variant: Variant, offer: Offer, on_hand: int) -> Values:
    texts = [variant.options.get(name, "") for name in product.option_names]
    return {
        "id": str(variant.id),
        **dict.fromkeys(OPTIONS, ""),
        **dict(zip(OPTIONS, texts, strict=False)),
        "sku": offer.sku,
        "price": offer.price.decimal(),
        "compare_at": offer.compare_at.decimal() if offer.compare_at else "",
        "weight_g": str(variant.weight_g),
        "stock": str(on_hand),
        "stock_was": str(on_hand),
    }


def picture_row(picture: Picture, place: int) -> Values:
    return {
        "media": str(picture.media_id or ""),
        "url": picture.url or "",
        "alt": picture.alt,
        "place": str(place),
        "remove": "",
        "film": str(picture.film_id or ""),
        "size": f"{picture.width}x{picture.height}" if picture.width and picture.height else "",
    }


def picture_id(form_id: UUID, content: bytes) -> UUID:
    """The same for the same picture in the same form, so that sending it twice keeps one."""
    return derive(form_id, f"picture:{sha256(content).hexdigest()}")


def picture_of(row: Mapping[str, str]) -> Picture | None:
    """The picture a row stands for; None for one that is nothing we can show."""
    try:
        media_id = UUID(row["media"]) if row["media"] else None
        film_id = UUID(row["film"]) if row["film"] and media_id else None
    except ValueError:
        return None
    url = row["url"] if row["url"].startswith(("https://", "http://")) else None
    if media_id is None and url is None:
        return None
    width, height = _size(row["size"])
    return Picture(
        media_id=media_id,
        url=url if media_id is None else None,
        alt=row["alt"][:300],
        width=width,
        height=height,
        film_id=film_id,
    )


def _size(text: str) -> tuple[int, int] | tuple[None, None]:
    """ "800x600" as two numbers."""
    width, _, height = text.partition("x")
    if not all(one.isascii() and one.isdecimal() and len(one) <= 5 for one in (width, height)):
        return None, None
    found = int(width), int(height)
    return found if min(found) > 0 else (None, None)


def pictures_of(values: Mapping[str, str]) -> list[Picture]:
    """Those that stay, in the order of their places."""
    kept = [row for row in picture_rows(values) if not row["remove"]]
    kept.sort(key=_place)
    return [picture for row in kept if (picture := picture_of(row)) is not None]


def _place(row: Mapping[str, str]) -> int:
    text = row["place"]
    return int(text) if text.isdecimal() and len(text) < 4 else PICTURES_MAX


def filled(
    values: Mapping[str, str],
    currency: str,
    present: Product | None,
    asked: Sequence[Attribute] = (),
) -> Filled:
    """The form read; Invalid with every field that is wrong, by the form's own names."""
    reader = Reader(values)
    names = {option: values[option] for option in OPTIONS if values.get(option)}
    rows = [(n, row) for n, row in enumerate(variant_rows(values)) if _is_used(row)]
    if not rows:
        reader.refuse("v0_sku", "A product has at least one variant: give its SKU and price.")
    kept = {str(v.id): v for v in present.variants} if present else {}
    drafts, counts = [], []
    for n, row in rows:
        drafts.append(_variant(reader, n, row, names, currency, kept.get(row["id"])))
        if row["stock"] and row["stock"] != row["stock_was"]:
            on_hand = reader.whole(f"v{n}_stock", most=STOCK_MAX)
            counts.append(Count(sku=row["sku"], on_hand=on_hand))
    given = {
        "title": reader.text("title", longest=200),
        "description_html": to_markup(reader.text("description", longest=90_000, required=False)),
        "category_id": reader.id_or_none("category_id"),
        "brand": reader.text("brand", longest=120, required=False),
        "tax_class": values.get("tax_class") or "standard",
        "kind": values.get("kind") or None,
        "option_names": [reader.text(o, longest=60) for o in names],
        "pictures": pictures_of(values),
        "seo": product_specs.seo_of(values, present),
        "specs": product_specs.read(values, asked, present),
    }
    reader.done()
    places = [n for n, _ in rows]
    try:
        draft = ProductDraft.model_validate({**given, "variants": drafts})
    except ValidationError as error:
        raise at_fields(invalid(error), places) from None
    return Filled(draft=draft, counts=counts, rows=places)


def _is_used(row: Mapping[str, str]) -> bool:
    """A row that was added and left empty is not a variant."""
    return any(row[name] for name in ("id", "sku", "price", *OPTIONS))


def _variant(
    reader: Reader,
    n: int,
    row: Mapping[str, str],
    names: Mapping[str, str],
    currency: str,
    present: Variant | None,
) -> dict[str, object]:
    main = next((o for o in present.offers if o.main), None) if present else None
    options = {name: reader.text(f"v{n}_{option}", longest=120) for option, name in names.items()}
    for option in OPTIONS:
        if row[option] and option not in names:
            reader.refuse(option, "Name this option; its values stand below.", "missing")
    price = reader.amount(f"v{n}_price", currency)
    if reader.has(f"v{n}_price") and price.minor == 0:
        reader.refuse(f"v{n}_price", "Give a price of more than nothing.", "price_invalid")
    return {
        "id": reader.id_or_none(f"v{n}_id"),
        "options": options,
        "sku": reader.text(f"v{n}_sku", longest=80),
        "price": price,
        "compare_at": reader.amount_or_none(f"v{n}_compare_at", currency),
        "weight_g": reader.whole(f"v{n}_weight_g", most=1_000_000, empty=0),
        "barcode": present.barcode if present else None,
        "picture": present.picture if present else None,
        **({"condition": main.condition, "handling_days": main.handling_days} if main else {}),
    }


_FIELDS = {
    "optionNames": "option_1",
    "categoryId": "category_id",
    "descriptionHtml": "description",
    "taxClass": "tax_class",
}
_COLUMNS = {"compareAt": "compare_at", "weightG": "weight_g", "options": "option_1", "id": "sku"}


def at_fields(
    problem: Problem, rows: Sequence[int], values: Mapping[str, str] | None = None
) -> Problem:
    """The same problem with the catalogue's field paths as the form's names."""
    fields = [e.model_copy(update={"path": _name(e.path, rows)}) for e in problem.fields]
    if problem.code == "sku_taken":
        taken = set(problem.data.get("skus", ()))
        message = "Another product of yours has this SKU."
        fields += [
            FieldError(path=f"v{n}_sku", code=problem.code, message=message)
            for n in rows
            if (values or {}).get(f"v{n}_sku") in taken
        ]
    problem.fields = tuple(fields)
    return problem


def _name(path: str, rows: Sequence[int]) -> str:
    """'variants.0.compareAt' → 'v2_compare_at' when the first variant came from row 2."""
    first, *rest = path.split(".")
    if first == "specs" and rest:
        return f"s_{rest[0]}"
    if first == "variants" and rest and rest[0].isdecimal() and int(rest[0]) < len(rows):
        column = rest[1] if len(rest) > 1 else "sku"
        return f"v{rows[int(rest[0])]}_{_COLUMNS.get(column, column)}"
    if first == "variants":
        return "v0_sku"
    return _FIELDS.get(first, first)


def label_of(name: str, options: Mapping[str, str]) -> str:
    """How a field is called to people: 'v2_sku' → 'Variant 3, SKU'."""
    row, _, column = name.partition("_")
    if row == "s":
        return column.replace("_", " ").capitalize()
    if row[:1] == "v" and row[1:].isdecimal():
        said = _LABELS.get(column) or options.get(column) or column.replace("_", " ").capitalize()
        return f"Variant {int(row[1:]) + 1}, {said}"
    return name.removesuffix("_id").replace("_", " ").capitalize()
