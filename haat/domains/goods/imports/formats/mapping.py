"""Which column means what, and a row's cells by these meanings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from haat.domains.goods.imports.formats import fields as names
from haat.domains.goods.imports.formats.cells import unguarded
from haat.domains.goods.imports.formats.fields import FIELDS, Format, guess, plain
from haat.kernel.model import Model

_SHOPIFY = frozenset({"handle", "title", "variant_price"})
_SHOPIFY_NEW = frozenset({"url_handle", "title", "price", "option1_value"})
_WOO = frozenset({"type", "name", "regular_price"})
_GOOGLE = frozenset({"id", "title", "price", "availability", "image_link"})
_OURS = frozenset({"handle", "title", "price", "sku", "weight_g"})

Column = Annotated[str, Field(max_length=200)]


class Mapping(Model):
    """Field → the columns it stands in; several for pictures in numbered columns, else the first
    that is not empty counts. `defaults` are for fields that no column has."""

    format: Format
    columns: dict[Annotated[str, Field(max_length=40)], list[Column]]
    defaults: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=500)]] = {}


@dataclass(slots=True)
class Row:
    """A row by fields; `number` is its line in the file, `alias` what other rows call its product
    by, when that is not its key."""

    number: int
    cells: dict[str, str]
    raw: list[str]
    key: str = ""
    aliases: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


def format_of(header: Sequence[str]) -> Format:
    """Whose format this header is; `custom` for one we have to be told about."""
    there = {plain(name) for name in header}
    if there >= _OURS:
        return "haat"
    if there >= _SHOPIFY or there >= _SHOPIFY_NEW:
        return "shopify"
    if there >= _WOO:
        return "woocommerce"
    if there >= _GOOGLE:
        return "google"
    return "custom"


def proposed(header: Sequence[str], currency: str) -> Mapping:
    """What each column most likely means; a person may change it before the import starts."""
    kind = format_of(header)
    if kind in ("woocommerce", "google"):
        # Their rows are read by rules of their own (`adapting`), which find their columns.
        return Mapping(format=kind, columns={})
    columns = guess(header, currency)
    if kind == "shopify" and "Product Category" in header and "Type" in header:
        columns["category"] = ["Product Category", "Type"]
    return Mapping(format=kind, columns=columns)


def problems(mapping: Mapping, header: Sequence[str]) -> list[tuple[str, str]]:
    """(field, what is wrong) for a mapping that cannot be used with this header."""
    if mapping.format in ("woocommerce", "google"):
        return []
    found = [(name, f"There is no field {name}.") for name in mapping.columns if name not in FIELDS]
    found += [
        (name, f"The file has no column {column!r}.")
        for name, columns in mapping.columns.items()
        for column in columns
        if column not in header
    ]
    found += [
        (name, f"Say which column has the {name}.") for name in names.missing(mapping.columns)
    ]
    return found


@dataclass(frozen=True, slots=True)
class Reader:
    """Rows of one header, by field."""

    header: list[str]
    mapping: Mapping
    _places: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        for place, name in enumerate(self.header):
            first.setdefault(name, place)
        for name, columns in self.mapping.columns.items():
            self._places[name] = [first[column] for column in columns if column in first]

    def row(self, number: int, raw: list[str]) -> Row:
        cells = dict(self.mapping.defaults)
        width = len(raw)
        for name, places in self._places.items():
            texts = [
                unguarded(text)
                for place in places
                if place < width and (text := raw[place].strip())
            ]
            if texts:
                cells[name] = "\n".join(texts) if name == "images" else texts[0]
        return Row(number, cells, raw)

    def by_name(self, raw: list[str]) -> dict[str, str]:
        """A row by its columns' own names, comparable (`fields.plain`)."""
        named: dict[str, str] = {}
        for name, text in zip(self.header, raw, strict=False):
            named.setdefault(plain(name), text.strip())
        return named

    def column(self, name: str) -> str:
        """What the file calls a field, to tell where something is wrong."""
        columns = self.mapping.columns.get(name)
        return columns[0] if columns else name
