"""Shopify exports: what is read, what is refused and where, and importing them twice."""

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.app.importing import ImportReport, import_shopify
from haat.domains.goods.catalog import shopify
from haat.domains.goods.catalog.api import Catalog, VendorNotActive
from haat.domains.goods.catalog.proof import prove
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.goods.catalog.shopify import Found
from haat.domains.goods.catalog.shopify_rows import Refused
from haat.domains.goods.inventory.api import Inventory, Line
from haat.domains.goods.inventory.proof import prove as prove_stock
from haat.domains.goods.inventory.service import InventoryService
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.engines.cache import open_cache
from haat.engines.rpc.door import local
from haat.engines.rpc.loopback import loopback
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import (
    FakeMarket,
    FakeVendors,
    draft,
    emitted,
    guest,
    system,
    usd,
)

GIVEN = os.environ.get("HAAT_TEST_DATA")
DATA = Path(GIVEN or ".")
needs_data = pytest.mark.skipif(not GIVEN, reason="HAAT_TEST_DATA names no folder of real data")
HEADER = (
    "Handle,Title,Body (HTML),Vendor,Type,Published,Option1 Name,Option1 Value,Option2 Name,"
    "Option2 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,"
    "Variant Compare At Price,Variant Barcode,Image Src,Image Position,Image Alt Text,"
    "Variant Image,Status"
).split(",")
SHIRT = {"Handle": "shirt", "Title": "Shirt", "Variant Price": "25", "Variant SKU": "S1"}


def text_of(*rows: dict[str, str], header: Iterable[str] = HEADER) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(header))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(text: str, currency: str = "USD") -> tuple[list[Found], list[Refused]]:
    items = list(shopify.read(io.StringIO(text, newline=""), currency))
    found = [item for item in items if isinstance(item, Found)]
    return found, [item for item in items if isinstance(item, Refused)]


def test_a_product_with_options_pictures_and_stock() -> None:
    first = {
        **SHIRT,
        "Body (HTML)": '<p onclick="x">Soft,\n"very" soft</p><script>1</script>',
        "Vendor": "Acme",
        "Option1 Name": "Size",
        "Option1 Value": "S",
        "Option2 Name": "Colour",
        "Option2 Value": "Red",
        "Variant Grams": "145.0",
        "Variant Inventory Qty": "4",
        "Variant Compare At Price": "1,030.50",
        "Variant Barcode": "3.65275E+11",
        "Image Src": "https://x.example/2.jpg",
        "Image Position": "2",
    }
    second = {
        "Handle": "shirt",
        "Option1 Value": "M",
        "Option2 Value": "Red",
        "Variant Price": "26.50",
        "Variant Inventory Qty": "-3",
        "Image Src": "https://x.example/1.jpg",
        "Image Position": "1",
        "Image Alt Text": "Front",
        "Variant Image": "https://x.example/m.jpg",
    }
    picture = {"Handle": "shirt", "Image Src": "https://x.example/3.jpg", "Image Position": "3"}
    found, refused = read("\ufeff" + text_of(first, second, picture))
    assert refused == []
    [product] = found
    made = product.draft
    assert made.description_html == '<p>Soft,\n"very" soft</p>'
    assert made.option_names == ["Size", "Colour"]
    assert [v.sku for v in made.variants] == ["S1", "shirt.m.red"]
    assert made.variants[0].options == {"Size": "S", "Colour": "Red"}
    assert (made.variants[0].price, made.variants[0].compare_at) == (usd(2500), usd(103050))
    assert (made.variants[0].weight_g, made.variants[0].barcode) == (145, None)
    assert [(p.url, p.alt) for p in made.pictures] == [
        ("https://x.example/1.jpg", "Front"),
        ("https://x.example/2.jpg", ""),
        ("https://x.example/3.jpg", ""),
    ]
    assert list(product.stock.values()) == [4, 0]
    assert list(product.lines.values()) == [2, 4]  # a cell of the first row spans two lines
    assert read("\ufeff" + text_of(first, second, picture))[0] == found


@pytest.mark.parametrize(
    ("change", "line", "column", "what"),
    [
        ({"Variant Price": ""}, 2, "Variant Price", "variant"),
        ({"Variant Price": "12.345"}, 2, "Variant Price", "variant"),
        ({"Variant Price": "-1"}, 2, "Variant Price", "variant"),
        ({"Variant Price": "NaN"}, 2, "Variant Price", "variant"),
        ({"Variant Price": "$12"}, 2, "Variant Price", "variant"),
        ({"Variant Compare At Price": "x"}, 2, "Variant Compare At Price", "variant"),
        ({"Variant Inventory Qty": "1.5"}, 2, "Variant Inventory Qty", "variant"),
        ({"Variant Inventory Qty": "1e999999"}, 2, "Variant Inventory Qty", "variant"),
        ({"Variant Grams": "-1"}, 2, "Variant Grams", "variant"),
        ({"Variant Grams": "heavy"}, 2, "Variant Grams", "variant"),
        ({"Variant SKU": "x" * 81}, 2, "Variant SKU", "variant"),
        ({"Option1 Name": "Size", "Option1 Value": ""}, 2, "Option1 Value", "variant"),
        ({"Variant Image": "javascript:x"}, 2, "Variant Image", "variant"),
        ({"Image Src": "file:///etc/passwd"}, 2, "Image Src", "picture"),
        ({"Title": ""}, 2, "Title", "product"),
        ({"Title": "x" * 201}, 2, "Title", "product"),
        ({"Title": "a\0b"}, 2, "Title", "product"),
        ({"Title": "a\udc80b"}, 2, "Title", "product"),
        ({"Body (HTML)": "<div>" * 3000}, 2, "Body (HTML)", "product"),
        ({"Handle": "", "Title": ""}, 2, "Handle", "product"),
        (
            {
                "Option1 Name": "A",
                "Option1 Value": "1",
                "Option2 Name": "A",
                "Option2 Value": "2",
            },
            2,
            "Option2 Name",
            "product",
        ),
    ],
)
def test_what_is_refused(change: dict[str, str], line: int, column: str, what: str) -> None:
    other = {"Handle": "hat", "Title": "Hat", "Variant Price": "5"}
    found, refused = read(text_of({**SHIRT, **change}, other))
    assert [(r.line, r.column, r.what) for r in refused] == [(line, column, what)]
    assert refused[0].reason
    assert found[-1].handle == "hat"  # the others go on
    assert len(found) == (2 if what == "picture" else 1)


def test_rows_that_do_not_fit_each_other() -> None:
    rows = [
        {**SHIRT, "Option1 Name": "Size", "Option1 Value": "S"},
        {"Handle": "shirt", "Option1 Value": "S", "Variant Price": "1", "Variant SKU": "S2"},
        {"Handle": "shirt", "Option1 Value": "M", "Variant Price": "1", "Variant SKU": "S1"},
        {"Handle": "shirt", "Option1 Value": "L", "Variant Price": "1", "Variant SKU": "S4"},
        {"Handle": "hat", "Title": "Hat", "Variant Price": "1", "Variant SKU": "S1"},
        {"Handle": "shirt", "Title": "Again", "Variant Price": "1"},
        {"Title": "No Handle", "Variant Price": "1"},
    ]
    found, refused = read(text_of(*rows))
    assert [(r.line, r.column) for r in refused] == [
        (3, "Option1 Value"),
        (4, "Variant SKU"),
        (6, "Variant SKU"),
        (7, "Handle"),
    ]
    assert [(f.handle, len(f.draft.variants)) for f in found] == [("shirt", 2), ("no-handle", 1)]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "active"),
        ({"Published": "FALSE"}, "draft"),
        ({"Status": "draft"}, "draft"),
        ({"Status": "Archived"}, "archived"),
        ({"Status": "active", "Published": "true"}, "active"),
    ],
)
def test_status(change: dict[str, str], status: str) -> None:
    found, _ = read(text_of({**SHIRT, **change}))
    assert found[0].status == status


def test_other_names_of_columns_and_other_separators() -> None:
    header = "Title;URL handle;Price;Inventory quantity;SKU;Currency"
    found, refused = read(f"{header}\nHat;hat;5.00;3;H1;usd\nCap;cap;5.00;3;C1;EUR\n")
    assert [(f.handle, f.stock) for f in found] == [("hat", {"H1": 3})]
    assert [(r.line, r.column) for r in refused] == [(3, "Currency")]


def test_money_follows_the_currency() -> None:
    found, refused = read(text_of({**SHIRT, "Variant Price": "2500.00"}), "JPY")
    assert found[0].draft.variants[0].price.minor == 2500
    _, refused = read(text_of({**SHIRT, "Variant Price": "25.50"}), "JPY")
    assert refused[0].column == "Variant Price"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a,b\n1,2\n",
        '"',
        'Handle,Title,Variant Price\nx,"y',
        "\ufeff",
        "Handle,Title\nx,y",
    ],
)
def test_files_that_are_no_export(text: str) -> None:
    found, refused = read(text)
    assert found == []
    assert len(refused) == 1


CELLS = st.text(max_size=30) | st.sampled_from(
    ["", "shirt", "hat", "S1", "12.50", "-1", "1e9", "TRUE", "Title", "Default Title", "http://x/y"]
)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(HEADER, CELLS)), max_size=6))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_rows_are_read_or_explained(rows: list[dict[str, str]]) -> None:
    found, refused = read(text_of(*rows))
    assert all(r.reason for r in refused)
    skus = [v.sku for f in found for v in f.draft.variants]
    assert len(set(skus)) == len(skus)
    assert len({f.handle for f in found}) == len(found)


@given(st.text(max_size=200) | st.text('",;\n\r\tabHandle', max_size=80))
def test_any_text_is_read_or_explained(text: str) -> None:
    found, refused = read(text)
    assert found or refused
    found, refused = read(text_of(SHIRT) + text)
    assert found or refused


# --- importing -------------------------------------------------------------------------------


class Shop:
    """Catalogue and inventory behind doors, and an importer's view of them."""

    def __init__(self, catalog: CatalogService, inventory: InventoryService, wiring: Any) -> None:
        self.catalog, self.inventory = catalog, inventory
        self.vendors = FakeVendors()
        self.vendor: UUID = uuid4()
        self.doors: dict[Any, Any] = {
            kind: wiring(kind, service, caller=None)
            for kind, service in (
                (Catalog, catalog),
                (Inventory, inventory),
                (Market, FakeMarket()),
                (Vendors, self.vendors),
            )
        }

    async def load(self, file: Path) -> ImportReport:
        return await import_shopify(self.doors, system(), file, str(self.vendor))


@pytest.fixture(params=[local, loopback], ids=["local", "loopback"])
async def shop(request: pytest.FixtureRequest, database_of: DatabaseOf) -> Shop:
    wiring = request.param
    catalog = CatalogService(
        await database_of("catalog"), FakeMarket(), FakeVendors(), open_cache("memory://")
    )
    below = wiring(Catalog, catalog, caller="inventory")
    return Shop(catalog, InventoryService(await database_of("inventory"), below), wiring)


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged


async def test_twice_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    rows = [
        {**SHIRT, "Variant Inventory Qty": "4"},
        {"Handle": "draft", "Title": "Draft", "Variant Price": "1", "Published": "false"},
        {"Handle": "old", "Title": "Old", "Variant Price": "1", "Status": "archived"},
        {"Handle": "bad", "Title": "Bad", "Variant Price": ""},
    ]
    file.write_text(text_of(*rows), newline="")
    report = await shop.load(file)
    assert counts(report) == (3, 0, 0)
    assert [(r.line, r.column) for r in report.refused] == [(5, "Variant Price")]
    [card] = (await shop.catalog.listings(guest(), vendor_id=shop.vendor)).items
    [offer_id] = card.offer_ids
    ctx = system()
    id = uuid4()
    await shop.inventory.reserve(ctx, id=id, lines=[Line(offer_id=offer_id, quantity=1)], ttl_s=60)
    await shop.inventory.promise(ctx, id=id)
    await shop.inventory.commit(ctx, ids=[id])

    await emitted(shop.catalog._db)
    again = await shop.load(file)
    assert counts(again) == (0, 0, 3)
    assert again.refused == report.refused
    assert await emitted(shop.catalog._db) == []
    [stock] = await shop.inventory.stock_of(ctx, offers=[offer_id])
    assert stock.on_hand == 3  # what was sold stays sold

    newer = [{**rows[0], "Variant Price": "30", "Variant Inventory Qty": "9"}, *rows[1:]]
    file.write_text(text_of(*newer), newline="")
    assert counts(await shop.load(file)) == (0, 1, 2)
    [stock] = await shop.inventory.stock_of(ctx, offers=[offer_id])
    assert stock.on_hand == 9
    [line] = await shop.catalog.offers(ctx, ids=[offer_id])
    assert (line.price, line.buyable) == (usd(3000), True)


async def test_skus_that_other_products_have(shop: Shop, tmp_path: Path) -> None:
    await shop.catalog.create(
        system(), id=uuid4(), vendor_id=shop.vendor, draft=draft("Mine", ("S1",))
    )
    file = tmp_path / "export.csv"
    size = {"Option1 Name": "Size", "Option1 Value": "S"}
    more = {"Handle": "shirt", "Option1 Value": "M", "Variant Price": "1", "Variant SKU": "S2"}
    alone = {"Handle": "hat", "Title": "Hat", "Variant Price": "1", "Variant SKU": "S3"}
    file.write_text(text_of({**SHIRT, **size}, more, alone), newline="")
    report = await shop.load(file)
    assert counts(report) == (2, 0, 0)
    assert [(r.line, r.column, r.what) for r in report.refused] == [(2, "Variant SKU", "variant")]
    assert counts(await shop.load(file)) == (0, 0, 2)


async def test_a_vendor_that_cannot_sell(shop: Shop, tmp_path: Path) -> None:
    shop.vendors.status[shop.vendor] = "suspended"
    file = tmp_path / "export.csv"
    file.write_text(text_of(SHIRT))
    with pytest.raises(VendorNotActive):
        await shop.load(file)


@needs_data
async def test_the_real_exports(shop: Shop) -> None:
    files = sorted((DATA / "catalogs" / "shopify").glob("*.csv"))
    reports = [await shop.load(file) for file in files]
    assert sum(r.created for r in reports) == 83
    assert [r.refused for r in reports] == [[] for _ in files]
    again = [await shop.load(file) for file in files]
    assert sum(r.unchanged for r in again) == 83
    assert sum(r.updated + r.created for r in again) == 0
    page = await shop.catalog.listings(guest(), vendor_id=shop.vendor, limit=100)
    assert len(page.items) == 81  # one is a draft there, one is archived
    assert await prove(shop.catalog._db, 5) == []
    assert await prove_stock(shop.inventory._db, 5) == []


@needs_data
async def test_hostile_texts(shop: Shop, tmp_path: Path) -> None:
    """Naughty strings as title, description, option, SKU and address of a picture."""
    strings = json.loads((DATA / "hostile" / "blns.json").read_text(encoding="utf-8"))
    rows = [
        {
            "Handle": f"p{n}",
            "Title": text,
            "Body (HTML)": text,
            "Vendor": text,
            "Option1 Name": text,
            "Option1 Value": text,
            "Variant SKU": text,
            "Variant Price": "1",
            "Image Src": text,
        }
        for n, text in enumerate(strings)
    ]
    file = tmp_path / "export.csv"
    file.write_text(text_of(*rows), encoding="utf-8", errors="surrogatepass", newline="")
    report = await shop.load(file)
    refused = {r.handle for r in report.refused if r.what != "picture"}
    assert report.created + len(refused) >= len(strings)
    assert report.created > 300
    shown = await shop.catalog.listings(guest(), vendor_id=shop.vendor, limit=100, sort="title")
    assert len(shown.items) == 100
    again = await shop.load(file)
    assert (again.created, again.updated, again.unchanged) == (0, 0, report.created)


@needs_data
@pytest.mark.parametrize(
    "folder", ["csv-spectrum/csvs", "catalogs/vendure", "catalogs/woocommerce"]
)
async def test_other_files_explain_themselves(shop: Shop, folder: str) -> None:
    for file in sorted((DATA / folder).glob("*.csv")):
        report = await shop.load(file)
        assert report.created == 0
        assert [r.what for r in report.refused] == ["file"]
