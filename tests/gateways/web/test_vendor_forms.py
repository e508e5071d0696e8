"""What forms are read into, without a market: rows, amounts, descriptions, countries."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog.api import Offer, Product, SkuTaken, Variant
from haat.domains.people.media.api import Picture
from haat.domains.reach.backoffice.api import Day
from haat.gateways.web.admin import chart
from haat.gateways.web.kit.bars import HEIGHT, NONE, WIDTH
from haat.gateways.web.kit.bars import bars as bars_of
from haat.gateways.web.kit.reading import Reader, example, minutes_in_words, percent
from haat.gateways.web.vendor import product_form as fields
from haat.gateways.web.vendor.description import to_markup, to_text
from haat.gateways.web.vendor.shipping import at_fields, method_of, values_of
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.money import Money

ID = UUID(int=7)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


@pytest.mark.parametrize(
    ("text", "minor"),
    [("12.99", 1299), ("12", 1200), ("0", 0), ("0.5", 50), ("9999999999999", 999999999999900)],
)
def test_amounts(text: str, minor: int) -> None:
    reader = Reader({"a": text})
    assert reader.amount("a", "USD") == usd(minor)
    reader.done()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-1",
        "1,50",
        "1e3",
        "1_000",
        "12.999",
        "٣",
        "NaN",
        "inf",
        "9e999999",
        ".5",
        "1" * 40,
    ],
)
def test_what_is_no_amount_is_told_at_its_field(text: str) -> None:
    reader = Reader({"a": text})
    reader.amount("a", "USD")
    with pytest.raises(Invalid) as told:
        reader.done()
    assert [error.path for error in told.value.fields] == ["a"]


@given(st.text(max_size=20))
def test_a_reader_never_breaks(text: str) -> None:
    reader = Reader({"a": text})
    reader.amount("a", "KWD")
    reader.whole("a", most=100)
    reader.percent("a")
    reader.id("a")
    reader.text("a", longest=5)


@pytest.mark.parametrize(
    ("text", "points"), [("2.5", 250), ("0", 0), ("100", 10_000), ("3.05", 305)]
)
def test_percentages(text: str, points: int) -> None:
    assert Reader({"a": text}).percent("a") == points
    assert percent(points) == text


@pytest.mark.parametrize("text", ["101", "-1", "1.234", "x", "100.01"])
def test_what_is_no_percentage(text: str) -> None:
    reader = Reader({"a": text})
    reader.percent("a")
    assert reader.errors


def test_words_for_amounts_and_times() -> None:
    assert (example("USD"), example("JPY"), example("KWD")) == ("12.50", "12", "12.500")
    assert minutes_in_words(20_160) == "14 days"
    assert minutes_in_words(60) == "1 hour"
    assert minutes_in_words(90) == "90 minutes"
    assert minutes_in_words(0) == ""


@pytest.mark.parametrize(
    ("typed", "markup"),
    [
        ("One\n\nTwo\nlines", "<p>One</p><p>Two<br>\nlines</p>"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("<p>Own <em>markup</em></p>", "<p>Own <em>markup</em></p>"),
        ("", ""),
    ],
)
def test_descriptions(typed: str, markup: str) -> None:
    assert to_markup(typed) == markup


def test_markup_comes_back_as_text_only_where_nothing_is_lost() -> None:
    assert to_text("<p>One &amp; only</p><p>Two<br>lines</p>") == "One & only\n\nTwo\nlines"
    for kept in ("<p>An <em>own</em> hand</p>", "<ul><li>a</li></ul>", "<p>&lt;b&gt;</p>"):
        assert to_text(kept) == kept


@given(st.text(alphabet="ab <>&\n.é", max_size=60))
def test_a_description_survives_being_opened_and_saved(typed: str) -> None:
    once = to_markup(typed)
    assert to_markup(to_text(once)) == once


def product(*variants: Variant, options: tuple[str, ...] = ()) -> Product:
    return Product(
        id=ID, slug="mug", vendor_id=ID, title="Mug", description_html="<p>Round.</p>",
        category_id=None, status="draft", option_names=list(options), variants=list(variants),
        pictures=[Picture(media_id=UUID(int=n), alt=f"{n}") for n in (1, 2)],
        created_at=NOW, updated_at=NOW, version=4,
    )  # fmt: skip


def variant(n: int, status: str = "active", **options: str) -> Variant:
    id = UUID(int=100 + n)
    offer = Offer.model_validate(
        {"id": UUID(int=200 + n), "variant_id": id, "vendor_id": ID, "sku": f"mug-{n}",
         "price": usd(1000 + n), "status": status}
    )  # fmt: skip
    return Variant(id=id, title="", options=options, barcode=f"b{n}", offers=[offer])


def test_a_product_survives_being_opened_and_saved() -> None:
    present = product(
        variant(0, Size="S"),
        variant(1, Size="M"),
        variant(2, "paused", Size="L"),
        options=("Size",),
    )
    values = fields.values_of(present, {UUID(int=200): 5}, ID)
    assert values["variants"] == "2"
    read = fields.filled(values, "USD", present)
    assert [v.id for v in read.draft.variants] == [UUID(int=100), UUID(int=101)]
    assert [v.options for v in read.draft.variants] == [{"Size": "S"}, {"Size": "M"}]
    assert [v.barcode for v in read.draft.variants] == ["b0", "b1"], "what the form does not show"
    assert read.draft.pictures == present.pictures
    assert read.counts == [], "a count that was not typed over is not set"
    assert fields.off_sale(present) == ["mug-2"]


def test_only_counts_that_were_typed_over_are_set() -> None:
    present = product(variant(0))
    values = fields.values_of(present, {UUID(int=200): 5}, ID)
    values["v0_stock"] = "7"
    assert fields.filled(values, "USD", present).counts == [fields.Count("mug-0", 7)]


def test_pictures_are_ordered_and_taken_away() -> None:
    values = fields.values_of(product(variant(0)), {}, ID)
    values.update({"p0_place": "9", "p1_place": "1"})
    assert [p.alt for p in fields.pictures_of(values)] == ["2", "1"]
    values["p1_remove"] = "on"
    assert [p.alt for p in fields.pictures_of(values)] == ["1"]
    values.update({"p0_media": "", "p0_url": "javascript:alert(1)"})
    assert fields.pictures_of(values) == []


def test_every_mistake_is_told_at_its_field() -> None:
    values = fields.blank(ID)
    fields.put_rows(values, "variants", [dict.fromkeys(fields.VARIANT, "") for _ in range(3)])
    values.update({"v1_sku": "a", "v1_price": "x", "v2_price": "0", "v2_option_2": "Red"})
    with pytest.raises(Invalid) as told:
        fields.filled(values, "USD", None)
    assert {e.path for e in told.value.fields} == {
        "title", "v1_price", "v2_sku", "v2_price", "option_2"
    }  # fmt: skip


def test_the_catalogues_paths_become_the_forms_names() -> None:
    paths = ["variants.0.compareAt", "variants.1.sku", "optionNames", "categoryId", "variants.9.x"]
    problem = Invalid(fields=[FieldError(path=p, code="c", message="m") for p in paths])
    found = [e.path for e in fields.at_fields(problem, [0, 2]).fields]
    assert found == ["v0_compare_at", "v2_sku", "option_1", "category_id", "v0_sku"]
    taken = fields.at_fields(SkuTaken(skus=["b"]), [0, 2], {"v0_sku": "a", "v2_sku": "b"})
    assert [e.path for e in taken.fields] == ["v2_sku"]
    assert fields.label_of("v2_sku", {}) == "Variant 3, SKU"
    assert fields.label_of("v0_option_1", {"option_1": "Size"}) == "Variant 1, Size"


@given(st.dictionaries(st.text("vp0123_skuprice", max_size=8), st.text(max_size=6), max_size=8))
def test_hostile_product_forms_are_refused_calmly(values: dict[str, str]) -> None:
    values.pop("title", None)  # so that there is something to refuse
    with pytest.raises(Invalid) as told:
        fields.filled({**values, "variants": "2", "pictures": "3"}, "USD", None)
    assert told.value.fields


def test_a_shipping_method_survives_being_opened_and_saved() -> None:
    values = {
        "name": "Parcel", "bands": "3", "b0_up_to": "500", "b0_price": "3.90",
        "b1_up_to": "", "b1_price": "7", "b2_up_to": "", "b2_price": "", "countries": "pt, Spain",
        "free_from": "50", "days_min": "1", "days_max": "3", "active": "on",
    }  # fmt: skip
    method = method_of(values, ID, ID, "EUR")
    assert method.countries == ["PT", "ES"]
    assert [(b.weight_g_max, b.price.minor) for b in method.bands] == [(500, 390), (None, 700)]
    assert method_of(values_of(method), ID, ID, "EUR") == method


def test_shipping_mistakes_are_told_at_their_fields() -> None:
    values = {"bands": "1", "b0_price": "-1", "countries": "Atlantis", "days_min": "x"}
    with pytest.raises(Invalid) as told:
        method_of(values, ID, ID, "EUR")
    paths = {e.path for e in told.value.fields}
    assert paths == {"name", "b0_price", "countries", "days_min", "days_max"}
    problem = Invalid(fields=[FieldError(path="bands.1.weightGMax", code="order", message="m")])
    assert at_fields(problem).fields[0].path == "b1_up_to"


def test_bars_fit_their_chart() -> None:
    days = [Day(day=f"2026-11-{n + 1:02}", orders=n, total=usd(n * 100)) for n in range(30)]
    bars = chart.bars(days)
    assert len(bars) == 30
    assert bars[-1].height == HEIGHT
    assert bars[-1].y == 0
    assert bars[0].height == NONE
    assert bars[0].tone == "none"
    assert all(0 <= bar.x <= WIDTH - bar.width for bar in bars)
    assert bars[1].told == "2026-11-02: $1.00, 1 order"
    assert chart.bars([]) == []


def test_bars_below_zero_hang_from_the_floor() -> None:
    up, nothing, down = bars_of([(300, "up"), (0, "nothing"), (-100, "down")])
    assert (up.y, up.height, up.tone) == (0, 75, "")
    assert (down.y, down.height, down.tone) == (75, 25, "was")
    assert nothing.tone == "none"
    assert nothing.y == 74
    [only] = bars_of([(-5, "down")])
    assert (only.y, only.height) == (0, HEIGHT)
