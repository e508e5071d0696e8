"""The rows of a Shopify export: its columns by any of their names, its cells as clean text."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from haat.domains.goods.catalog import rules
from haat.kernel.model import Model

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


@dataclass(slots=True)
class Row:
    """A row's cells by our names for its columns; `line` is where it begins in the file."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


@dataclass(slots=True)
class Reading:
    """What must be known of the rows before."""

    currency: str
    columns: dict[str, str] = field(default_factory=dict)  # ours → as the header has it
    handles: set[str] = field(default_factory=set)
    skus: dict[str, int] = field(default_factory=dict)

    def column(self, name: str) -> str:
        return self.columns.get(name, name)


def rows_of(lines: Iterable[str], reading: Reading) -> Iterator[Row | Refused]:
    """Every row with a handle; blank ones are passed over, broken ones are told."""
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


def _header(cells: list[str], reading: Reading) -> Refused | None:
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


def _row(line: int, header: list[str], cells: list[str], reading: Reading) -> Row | Refused:
    if any(cell.strip() for cell in cells[len(header) :]):
        reason = f"The row has {len(cells)} cells, the header {len(header)}."
        return Refused(line=line, column="", reason=reason, what="product")
    by_name: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=False):
        by_name.setdefault(name, cell.strip())
    row = Row(line, {o: by_name.get(n.casefold(), "") for o, n in reading.columns.items()})
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
