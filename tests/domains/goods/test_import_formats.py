"""Files of goods: what each format becomes, what is refused and where, and that nothing is lost."""

import csv
import io
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.domains.goods.imports.formats.cells import guarded, unguarded
from haat.domains.goods.imports.formats.mapping import Mapping, problems, proposed
from haat.domains.goods.imports.formats.products import Imported, Made
from haat.domains.goods.imports.formats.refusals import Refused
from haat.domains.goods.imports.formats.sheets import Line, NotATable, open_sheet
from haat.domains.goods.imports.formats.spool import Spool
from haat.domains.goods.imports.formats.writing import Corrections, excel_of

GIVEN = os.environ.get("HAAT_TEST_DATA")
DATA = Path(GIVEN or ".")
needs_data = pytest.mark.skipif(not GIVEN, reason="HAAT_TEST_DATA names no folder of real data")


def read(
    content: bytes | str, mapping: Mapping | None = None, currency: str = "USD"
) -> tuple[list[Imported], list[Refused], list[Made]]:
    """Products, everything refused, and the whole of it."""
    raw = content.encode() if isinstance(content, str) else content
    sheet = open_sheet(io.BytesIO(raw))
    used = mapping or proposed(sheet.header, currency)
    assert problems(used, sheet.header) == []
    with Spool(sheet, used) as spool:
        for _ in spool.fill():
            pass
        made = list(spool.products(currency))
        refused = spool.unread(0, spool.last_line) + [r for one in made for r in one.refused]
        assert spool.total == len(spool.unread(0, spool.last_line)) + sum(m.rows for m in made)
    return [one.product for one in made if one.product is not None], refused, made


def table(*rows: dict[str, Any], header: Iterable[str] = ()) -> str:
    out = io.StringIO(newline="")
    names = list(header) or list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# --- real files ------------------------------------------------------------------------------

REAL = {
    # file: products, variants, refused rows
    "shopify/packt_product-data.csv": (20, 21, 0),
    "shopify/shopify_product_template.csv": (3, 16, 0),
    "shopify/shopifypartners_apparel.csv": (20, 22, 0),
    "shopify/shopifypartners_home-and-garden.csv": (20, 21, 0),
    "shopify/shopifypartners_jewelery.csv": (20, 23, 0),
    "woocommerce/importer_test_sample.csv": (4, 5, 1),  # a grouped product has no price
    "woocommerce/sample_products.csv": (14, 21, 1),
    "vendure/products.csv": (54, 88, 0),
    "vendure/e2e-products-full.csv": (20, 34, 0),
    "vendure/e2e-products-default-search.csv": (20, 34, 0),
    "vendure/e2e-products-money-handling.csv": (2, 2, 0),
    "vendure/e2e-products-stock-control-multi.csv": (2, 7, 0),
    "vendure/multiple-products-multiple-variants.csv": (4, 10, 0),
    "spree/products.csv": (37, 87, 0),
    "medusa/exported-products-comma.csv": (2, 3, 0),
    "medusa/exported-products-semicolon.csv": (2, 3, 0),
    "medusa/product-with-categories.csv": (1, 2, 0),
    "medusa/v1-template.csv": (2, 2, 1),  # one variant has no price in the market's currency
}


@needs_data
@pytest.mark.parametrize("name", REAL)
def test_a_real_file_comes_in(name: str) -> None:
    products, refused, _ = read((DATA / "catalogs" / name).read_bytes())
    variants = sum(len(product.draft.variants) for product in products)
    assert (len(products), variants, len(refused)) == REAL[name], refused[:3]
    assert all(one.line > 1 and one.reason for one in refused)


@needs_data
@pytest.mark.parametrize("name", ["spree/product_translations.csv", "spree/customers.csv"])
def test_a_file_of_something_else_is_told_by_its_mapping(name: str) -> None:
    with (DATA / "catalogs" / name).open("rb") as file:
        header = open_sheet(file).header
    assert "price" in dict(problems(proposed(header, "USD"), header))


@needs_data
def test_awkward_csv_is_read_as_it_should_be() -> None:
    files = sorted((DATA / "csv-spectrum" / "csvs").glob("*.csv"))
    assert len(files) == 12
    for file in files:
        right = json.loads((DATA / "csv-spectrum" / "json" / f"{file.stem}.json").read_text())
        with file.open("rb") as raw:
            sheet = open_sheet(raw)
            found = [
                dict(zip(sheet.header, row.cells, strict=True))
                for row in sheet.rows
                if isinstance(row, Line)
            ]
        if file.stem == "location_coordinates":
            # The collection's answer is no list here, and has another telephone number.
            right = [{**right, "Contact Phone Number": "2095257564"}]
        assert found == right, file.name


# --- formats ---------------------------------------------------------------------------------


def test_our_own_format() -> None:
    text = table(
        {
            "handle": "mug", "title": "Mug", "description": "<p>Big</p>", "brand": "Clay",
            "category": "Home > Kitchen", "status": "draft", "tax_class": "exempt",
            "kind": "Digital",
            "option1_name": "Size", "option1_value": "L", "sku": "M-L", "price": "12.99",
            "compare_at": "15.00", "currency": "USD", "barcode": "4006381333931",
            "weight_g": "400", "stock": "7",
            "images": "https://a.example/1.png https://a.example/2.png",
            "image_alt": "A mug",
        },
        {"handle": "mug", "option1_value": "S", "sku": "M-S", "price": "9", "stock": ""},
    )  # fmt: skip
    [mug], refused, _ = read(text)
    assert refused == []
    draft = mug.draft
    assert (draft.title, draft.brand, draft.tax_class, mug.status) == (
        "Mug",
        "Clay",
        "exempt",
        "draft",
    )
    assert mug.category == ["Home", "Kitchen"]
    assert draft.kind == "digital"
    assert [p.url for p in draft.pictures] == ["https://a.example/1.png", "https://a.example/2.png"]
    large, small = draft.variants
    assert large.options == {"Size": "L"}
    assert large.compare_at is not None
    assert (large.price.minor, large.compare_at.minor, large.weight_g) == (1299, 1500, 400)
    assert (small.price.minor, small.weight_g) == (900, 0)
    assert mug.stock == {"M-L": 7}, "nothing said is not none"
    assert mug.lines == {"M-L": 2, "M-S": 3}


def test_woocommerce_variations_stand_anywhere_and_name_their_parent() -> None:
    header = {"ID": "", "Type": "", "SKU": "", "Name": "", "Published": "1", "Regular price": "",
              "Sale price": "", "Stock": "", "Parent": "", "Weight (lbs)": "", "Tax status": "",
              "Categories": "", "Attribute 1 name": "", "Attribute 1 value(s)": ""}  # fmt: skip
    colour = {"Attribute 1 name": "Colour"}
    text = table(
        {**header, "Type": "variation", "SKU": "t-red", "Parent": "id:7", "Regular price": "20",
         "Sale price": "18", "Stock": "3", "Weight (lbs)": "1", **colour,
         "Attribute 1 value(s)": "Red"},
        {**header, "Type": "simple", "SKU": "cap", "Name": "Cap", "Regular price": "5",
         "Categories": "Wear, Wear > Hats", "Tax status": "none", "Published": "0"},
        {**header, "ID": "7", "Type": "variable", "SKU": "tee", "Name": "Tee", **colour,
         "Attribute 1 value(s)": "Red, Blue"},
        {**header, "Type": "variation", "SKU": "t-any", "Parent": "tee", "Regular price": "21",
         **colour},
        {**header, "Type": "grouped", "SKU": "set", "Name": "Set"},
        {**header, "Type": "variation", "SKU": "lost", "Regular price": "1"},
    )  # fmt: skip
    (tee, cap), refused, _ = read(text)
    red, anything = tee.draft.variants
    assert (tee.draft.title, red.options, anything.options) == (
        "Tee",
        {"Colour": "Red"},
        {"Colour": "Any"},
    )
    assert red.compare_at is not None
    assert (red.price.minor, red.compare_at.minor, red.weight_g) == (1800, 2000, 454)
    assert (cap.status, cap.category, cap.draft.tax_class) == ("draft", ["Wear", "Hats"], "exempt")
    assert [(one.line, one.column) for one in refused] == [(6, "Type"), (7, "Parent")]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("simple", "physical"),
        ("simple, virtual", "service"),
        ("simple, downloadable, virtual", "digital"),
        ("simple, Downloadable", "physical"),  # it is shipped, and has a file beside it
    ],
)
def test_woocommerce_says_what_is_shipped(kind: str, found: str) -> None:
    row = {"ID": "1", "Type": kind, "SKU": "A", "Name": "Album", "Regular price": "5"}
    [product], refused, _ = read(table(row))
    assert (product.draft.kind, refused) == (found, [])


def test_woocommerce_variations_say_it_for_their_product() -> None:
    parent = {"ID": "1", "Type": "variable", "SKU": "P", "Name": "Course", "Published": "1",
              "Regular price": "", "Parent": "", "Attribute 1 name": "Size",
              "Attribute 1 value(s)": "S, M"}  # fmt: skip

    def one(kind: str, sku: str, size: str) -> dict[str, str]:
        return {**parent, "ID": "", "Type": f"variation{kind}", "SKU": sku, "Parent": "P",
                "Regular price": "5", "Attribute 1 value(s)": size}  # fmt: skip

    [product], _, [made] = read(
        table(parent, one(", virtual", "A", "S"), one(", virtual", "B", "M"))
    )
    assert (product.draft.kind, made.noted) == ("service", [])
    [product], _, [made] = read(table(parent, one("", "A", "S"), one(", virtual", "B", "M")))
    assert product.draft.kind == "physical"
    assert [(one.line, one.column) for one in made.noted] == [(4, "kind")]


@pytest.mark.parametrize("ships", ["Variant Requires Shipping", "Requires shipping"])
@pytest.mark.parametrize(
    ("said", "more", "found"),
    [
        ("TRUE", {}, "physical"),
        ("false", {}, "digital"),
        ("FALSE", {"Type": "Service"}, "service"),
        ("false", {"Product Category": "Services > Repair"}, "service"),
        ("", {}, None),
    ],
)
def test_shopify_says_what_is_shipped(
    ships: str, said: str, more: dict[str, str], found: str | None
) -> None:
    row = {"Handle": "h", "Title": "T", "Variant SKU": "A", "Variant Price": "5",
           "Type": "", "Product Category": "", ships: said, "Image Src": ""} | more  # fmt: skip
    picture = dict.fromkeys(row, "") | {"Handle": "h", "Image Src": "https://a.example/1.png"}
    [product], refused, [made] = read(table(row, picture))
    assert (product.draft.kind, refused, made.noted) == (found, [], [])


def test_google_merchant_groups_by_item_group() -> None:
    base = {"title": "Tee", "description": "x", "availability": "in_stock", "brand": "B",
            "image_link": "https://a.example/1.png", "item_group_id": "g1"}  # fmt: skip
    text = table(
        {**base, "id": "a", "price": "19.90 USD", "sale_price": "15 USD", "gtin": "4006381333931",
         "color": "red", "shipping_weight": "2 kg"},
        {**base, "id": "b", "price": "19.90 USD", "color": "blue", "availability": "out of stock"},
        {**base, "id": "c", "price": "9 EUR", "color": "", "item_group_id": ""},
    )  # fmt: skip
    [tee], refused, _ = read(text)
    red, blue = tee.draft.variants
    assert (red.price.minor, red.weight_g, red.barcode) == (1500, 2000, "4006381333931")
    assert tee.stock == {"b": 0}
    assert blue.options == {"Color": "blue"}
    assert [(one.line, one.column) for one in refused] == [(4, "currency")]


def test_a_list_of_options_and_rows_that_go_on() -> None:
    text = table(
        {"name": "Easel", "optionGroups": "size|wood", "optionValues": "S|oak", "sku": "E1",
         "price": "5"},
        {"name": "", "optionGroups": "", "optionValues": "L|oak", "sku": "E2", "price": "6"},
        {"name": "Brush", "optionGroups": "", "optionValues": "", "sku": "B", "price": "1"},
    )  # fmt: skip
    easel, brush = read(text)[0]
    assert [v.options for v in easel.draft.variants] == [
        {"size": "S", "wood": "oak"},
        {"size": "L", "wood": "oak"},
    ]
    assert brush.draft.option_names == []


def test_a_mapping_that_does_not_fit_is_told_by_field() -> None:
    header = ["Name", "Cost"]
    mapping = Mapping(format="custom", columns={"title": ["Name"], "sku": ["Nr"], "colour": ["x"]})
    assert dict(problems(mapping, header)).keys() == {"sku", "colour", "price"}
    mapping = Mapping(format="custom", columns={"title": ["Name"], "price": ["Cost"]})
    [found], refused, _ = read("Name,Cost\nMug,4\n", mapping)
    assert (found.draft.title, refused) == ("Mug", [])


# --- what is refused -------------------------------------------------------------------------

ROW = {"handle": "mug", "title": "Mug", "sku": "M", "price": "5", "weight_g": "", "stock": ""}
WRONG = [
    ({"price": ""}, "price"),
    ({"price": "five"}, "price"),
    ({"price": "0"}, "price"),
    ({"price": "-5"}, "price"),
    ({"price": "5.001"}, "price"),
    ({"price": "1e400"}, "price"),
    ({"title": "", "handle": "x"}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"sku": "x" * 81}, "sku"),
    ({"weight_g": "heavy"}, "weight_g"),
    ({"weight_g": "1e999999"}, "weight_g"),
    ({"weight_g": "-1"}, "weight_g"),
    ({"stock": "1.5"}, "stock"),
    ({"stock": "-1"}, "stock"),
    ({"stock": "Infinity"}, "stock"),
    ({"status": "sold"}, "status"),
    ({"currency": "EUR"}, "currency"),
    ({"handle": "", "title": ""}, "handle"),
    ({"title": "a\0b"}, "title"),
]


@pytest.mark.parametrize(("change", "column"), WRONG, ids=repr)
def test_what_is_wrong_is_told_by_line_and_column(change: dict[str, str], column: str) -> None:
    text = table({**ROW, "handle": "cup", "sku": "C"}, {**ROW, **change})
    products, refused, _ = read(text)
    assert [one.key for one in products] == ["cup"], "the rest goes in"
    assert [(one.line, one.column) for one in refused] == [(3, column)]


def test_a_product_goes_in_whole_or_not_at_all() -> None:
    rows = [{**ROW, "sku": f"M{n}", "option1_value": str(n)} for n in range(3)]
    rows[1]["price"] = "?"
    products, refused, _ = read(table(*rows))
    assert products == []
    assert [one.line for one in refused] == [3]


def test_twins_are_refused_and_a_repeated_sku_gets_another() -> None:
    one = {**ROW, "option1_name": "Size", "option1_value": "S"}
    products, refused, _ = read(table(one, {**one, "sku": "N"}))
    assert (products, [r.line for r in refused]) == ([], [3])
    [found], _, made = read(table(one, {**one, "option1_value": "L"}))
    assert [v.sku for v in found.draft.variants] == ["M", "M-L"]
    assert [note.line for note in made[0].noted] == [3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"\x89PNG\r\n", "not a table"),
        (b"%PDF-1.7", "not a table"),
        (b"PK\x03\x04nothing", "Excel"),
        (b'title,price\n"open', ""),
        (b"t\xe9tle,price\n", "UTF-8"),
    ],
    ids=repr,
)
def test_a_file_that_is_no_table_says_so(content: bytes, reason: str) -> None:
    if reason:
        with pytest.raises(NotATable, match=reason):
            open_sheet(io.BytesIO(content))
    else:
        assert read(content)[1][0].reason.startswith("Not CSV")


def test_other_encodings_and_separators() -> None:
    text = "title;price\nTasse à café;4,50\n"
    assert read(text.encode("utf-16"))[0][0].draft.title == "Tasse à café"
    assert read(text)[0][0].draft.variants[0].price.minor == 450
    _, refused, _ = read(text.encode("latin-1"))
    assert (refused[0].line, refused[0].column) == (2, "title")


def test_excel_says_the_same_as_csv() -> None:
    text = table(
        {**ROW, "barcode": "0012345678905", "price": "12.50"}, {**ROW, "handle": "b", "sku": "B"}
    )
    assert read(excel_of(text.encode()))[0] == read(text)[0]


def test_numbers_in_excel_are_what_their_reader_sees() -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(["title", "price", "stock", "barcode"])
    sheet.append(["Mug", 12.5, 3.0, 4006381333931])
    out = io.BytesIO()
    book.save(out)
    [mug], _, _ = read(out.getvalue())
    assert mug.draft.variants[0].price.minor == 1250
    assert mug.draft.variants[0].barcode == "4006381333931"
    assert list(mug.stock.values()) == [3]


def test_rows_to_correct_come_back_as_they_were() -> None:
    file = Corrections(["title", "price"])
    file.add(['Mug "XL"', "five"], "That is not an amount.")
    rows = list(csv.reader(io.StringIO(file.taken().decode())))
    assert rows == [["title", "price", "Error"], ['Mug "XL"', "five", "That is not an amount."]]
    assert file.taken() == b""


# --- whatever comes --------------------------------------------------------------------------


@given(st.text(max_size=40))
def test_a_cell_that_could_run_is_text_and_comes_back(text: str) -> None:
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    if not text.startswith("'"):
        assert unguarded(guarded(text)) == text


CELLS = st.one_of(
    st.sampled_from(["", "mug", "5", "12.99", "active", "S", "=1+1", "-1", "1e9", "\0", "é"]),
    st.text(max_size=12),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=9), max_size=12))
def test_every_row_is_imported_or_explained(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    names = ["handle", "title", "sku", "price", "stock", "status", "option1_value", "images"]
    csv.writer(out).writerows([names, *rows])
    content = out.getvalue().encode("utf-8", "surrogatepass")
    products, refused, made = read(content)
    for product in products:
        assert product.draft.variants
        assert all(variant.price.minor > 0 for variant in product.draft.variants)
    assert all(one.reason and one.line > 1 for one in refused)
    assert all(one.product is not None or one.refused for one in made)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    rows: Iterable[Line | Refused] = []
    with suppress(NotATable):
        rows = open_sheet(io.BytesIO(content)).rows
    for row in rows:
        assert isinstance(row, Line) or row.reason


@needs_data
def test_naughty_strings_go_through_every_column() -> None:
    naughty: list[str] = json.loads((DATA / "hostile" / "blns.json").read_text())
    rows = [
        {**ROW, "handle": f"h{n}", "sku": f"s{n}", "title": text or "x", "brand": text,
         "description": text, "category": text, "images": text}
        for n, text in enumerate(naughty)
    ]  # fmt: skip
    products, refused, _ = read(table(*rows))
    assert len(products) + len(refused) == len(naughty)
    assert len(products) > len(naughty) * 0.9
