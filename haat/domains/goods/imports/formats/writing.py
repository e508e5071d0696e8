"""Writes products in our own format, one row a variant, as CSV or Excel; and the rows of a file
that were refused, with why."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from haat.domains.goods.catalog.api import Product, Variant
from haat.domains.goods.imports.formats.cells import guarded
from haat.domains.goods.imports.formats.fields import FIELDS
from haat.domains.people.media.api import Picture

# A column more than the file had, in the file of rows to correct; ignored when it comes back.
ERROR_COLUMN = "Error"
_LISTED = ("option_names", "option_values", "weight", "weight_unit")  # other shops' ways
COLUMNS = [field for field in FIELDS if field not in _LISTED]


def rows_of(
    product: Product, category: Sequence[str], stock: dict[str, int]
) -> Iterator[dict[str, str]]:
    """One row a variant on sale by its own vendor; what belongs to the product stands in each
    product's first. `category` by names from the top, `stock` by SKU."""
    first = True
    for variant in product.variants:
        offer = next((one for one in variant.offers if one.vendor_id == product.vendor_id), None)
        if offer is None or offer.status != "active":
            continue
        row = _variant(product, variant, stock)
        if first:
            row |= {
                "title": product.title,
                "description": product.description_html,
                "category": " > ".join(category),
                "brand": product.brand,
                "status": product.status if product.status in ("active", "archived") else "draft",
                "tax_class": product.tax_class,
                "kind": "" if product.kind == "physical" else product.kind,
                "images": " ".join(one.url for one in product.pictures if one.url),
                "image_alt": next((one.alt for one in product.pictures if one.url), ""),
            }
            for n, name in enumerate(product.option_names, 1):
                row[f"option{n}_name"] = name
        first = False
        yield row


def _variant(product: Product, variant: Variant, stock: dict[str, int]) -> dict[str, str]:
    offer = next(one for one in variant.offers if one.vendor_id == product.vendor_id)
    return {
        "handle": product.slug,
        **{
            f"option{n}_value": variant.options.get(name, "")
            for n, name in enumerate(product.option_names, 1)
        },
        "sku": offer.sku,
        "price": offer.price.decimal(),
        "compare_at": offer.compare_at.decimal() if offer.compare_at else "",
        "currency": offer.price.currency,
        "barcode": variant.barcode or "",
        "weight_g": str(variant.weight_g) if variant.weight_g else "",
        "stock": str(stock[offer.sku]) if offer.sku in stock else "",
        "variant_image": _address(variant.picture),
    }


def _address(picture: Picture | None) -> str:
    return picture.url or "" if picture is not None else ""


def header_row() -> bytes:
    """What a file begins with: UTF-8 with a mark, so that Excel reads it as such."""
    return b"\xef\xbb\xbf" + csv_of([dict(zip(COLUMNS, COLUMNS, strict=True))])


def csv_of(rows: Iterable[dict[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([guarded(row.get(name, "")) for name in COLUMNS] for row in rows)
    return out.getvalue().encode()


def excel_of(rows: bytes) -> bytes:
    """The same rows, of CSV, as an Excel file; every cell is text, so that no barcode is
    rounded."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("products")
    for cells in csv.reader(io.StringIO(rows.decode("utf-8-sig"), newline="")):
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


class Corrections:
    """The rows of the file that were refused, as it has them, with one column more."""

    def __init__(self, header: Sequence[str]) -> None:
        self._out = io.StringIO(newline="")
        self._writer = csv.writer(self._out, lineterminator="\r\n")
        self._width = len(header)
        self._writer.writerow([*header, ERROR_COLUMN])

    def add(self, cells: Sequence[str], reason: str) -> None:
        padded = [*cells, *[""] * (self._width - len(cells))][: self._width]
        self._writer.writerow([*(_storable(cell) for cell in padded), guarded(reason)])

    @property
    def size(self) -> int:
        """Characters that wait to be taken."""
        return self._out.tell()

    def taken(self) -> bytes:
        """What was added since it was last asked for."""
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text.encode()


def _storable(text: str) -> str:
    """Bytes that were no text come back as what they looked like."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
