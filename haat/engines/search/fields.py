"""The fields of the embedded index, and how a document is put into them.

Texts are analysed here and stand in the index as terms between spaces, so that what is stored and
what is asked go through one analysis whatever engine holds them.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from math import asin, cos, degrees, radians, sin, sqrt

from tantivy import Document as Row
from tantivy import FieldType, Occur, Query, Schema, SchemaBuilder

from haat.engines.search.analysis import Word, words
from haat.engines.search.port import AnyOf, Between, Document, Filter, Near, Shape

ID, PAYLOAD, HEADING, PLACE, CODES = "id", "payload", "heading", "place", "codes"
KNOWN, BACKWARDS = "known", "backwards"  # words as they are written, and from their end
LATITUDE, LONGITUDE = "latitude", "longitude"
PLACES = 1 << 62  # places are smaller
EDITION = 3  # of the way documents are stored: another number makes every index anew
MICRO = 1_000_000
_BANDS = 24
EARTH_KM = 6371.0


def text_field(name: str) -> str:
    return f"t_{name}"


def keyword_field(name: str) -> str:
    return f"k_{name}"


def number_field(name: str) -> str:
    return f"n_{name}"


def schema_of(shape: Shape) -> Schema:
    builder = SchemaBuilder()
    builder.add_text_field(ID, stored=True, tokenizer_name="raw", index_option="basic")
    for name in (PAYLOAD, HEADING):
        builder.add_bytes_field(name, stored=True)
    builder.add_integer_field(PLACE, indexed=True, fast=True)
    for name in (CODES, KNOWN, BACKWARDS):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    for name in shape.texts:
        builder.add_text_field(text_field(name), tokenizer_name="whitespace")
    for name in shape.keywords:
        builder.add_text_field(
            keyword_field(name), tokenizer_name="raw", index_option="basic", fast=True
        )
    for name in (*map(number_field, shape.numbers), LATITUDE, LONGITUDE):
        builder.add_integer_field(name, indexed=True, fast=True)
    return builder.build()


@lru_cache(maxsize=10_000)
def place_of(id: str) -> int:
    """Where a document stands among those that are alike."""
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest()) >> 2


def row_of(document: Document, shape: Shape, schema: Schema) -> Row:
    found: dict[str, object] = {
        ID: document.id,
        PAYLOAD: [document.payload],
        HEADING: [document.texts.get(shape.heading, "").encode("utf-8", "ignore")],
        PLACE: place_of(document.id),
    }
    codes: dict[str, None] = {}
    known: dict[str, None] = {}
    for name in {*document.texts} & {*shape.texts, *shape.codes}:
        read = words(document.texts[name])
        if name in shape.texts:
            found[text_field(name)] = " ".join([word.term for word in read])
        if name in shape.spelt:
            known.update(dict.fromkeys([word.written for word in read]))
        if name in shape.codes:
            codes.update(dict.fromkeys(_codes(read, whole=name not in shape.texts)))
    found[CODES] = " ".join(codes)
    found[KNOWN] = " ".join(known)
    found[BACKWARDS] = " ".join([word[::-1] for word in known])
    for name, values in document.keywords.items():
        found[keyword_field(name)] = list(values)
    for name, value in document.numbers.items():
        found[number_field(name)] = value
    if document.at is not None:
        latitude, longitude = document.at
        found[LATITUDE] = round((latitude + 90) * MICRO)
        found[LONGITUDE] = round((longitude + 180) * MICRO)
    return Row.from_dict(found, schema)


def _codes(read: Iterable[Word], *, whole: bool) -> Iterable[str]:
    for word in read:
        yield from word.forms
        if whole:
            yield word.written


def narrowing(schema: Schema, filters: Iterable[Filter]) -> list[Query]:
    """What every hit must fulfil."""
    return [Query.const_score_query(_narrow(schema, one), 0.0) for one in filters]


def _narrow(schema: Schema, one: Filter) -> Query:
    if isinstance(one, AnyOf):
        return Query.term_set_query(schema, keyword_field(one.name), list(one.values))
    if isinstance(one, Between):
        return _between(schema, number_field(one.name), one.low, one.high)
    return _near(schema, one)


def _between(schema: Schema, name: str, low: int | None, high: int | None) -> Query:
    if low is None and high is None:
        return Query.all_query()
    return Query.range_query(schema, name, FieldType.Integer, low, high)


def _near(schema: Schema, near: Near) -> Query:
    """A circle as bands of latitude, each as wide as the circle is at its middle."""
    tall = degrees(near.km / EARTH_KM)
    step = 2 * tall / _BANDS
    bands: list[tuple[Occur, Query]] = []
    for number in range(_BANDS):
        low = near.latitude - tall + number * step
        middle = radians(low + step / 2)
        half = sin(near.km / EARTH_KM / 2) ** 2 - sin((middle - radians(near.latitude)) / 2) ** 2
        across = max(half, 0.0) / max(cos(middle) * cos(radians(near.latitude)), 1e-12)
        wide = degrees(2 * asin(min(sqrt(across), 1.0)))
        parts = [
            (Occur.Should, _span(schema, start, end))
            for start, end in _around(near.longitude - wide, near.longitude + wide)
        ]
        level = _between(schema, LATITUDE, _micro(low + 90), _micro(low + step + 90) - 1)
        bands.append((Occur.Should, level.and_must_match(Query.boolean_query(parts))))
    return Query.boolean_query(bands)


def _around(west: float, east: float) -> list[tuple[float, float]]:
    """One span, or two where it crosses the line of dates."""
    if east - west >= 360:
        return [(-180.0, 180.0)]
    if west < -180:
        return [(-180.0, east), (west + 360, 180.0)]
    if east > 180:
        return [(west, 180.0), (-180.0, east - 360)]
    return [(west, east)]


def _span(schema: Schema, west: float, east: float) -> Query:
    return _between(schema, LONGITUDE, _micro(west + 180), _micro(east + 180))


def _micro(value: float) -> int:
    return round(value * MICRO)
