"""The catalogue's rules, as tables and as properties."""

from typing import get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog import markup, rules
from haat.domains.goods.catalog.api import Product, ProductStatus, Variant, WrongProductState
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from tests.domains.goods.doubles import START, draft, usd

STATES: tuple[ProductStatus, ...] = get_args(ProductStatus)
ALLOWED = {
    ("submit", "draft", "pending"),
    ("submit", "rejected", "pending"),
    ("submit", "pending", "pending"),
    ("approve", "pending", "active"),
    ("approve", "active", "active"),
    ("reject", "pending", "rejected"),
    ("reject", "rejected", "rejected"),
    ("submit", "changes_requested", "pending"),
    ("request_changes", "pending", "changes_requested"),
    ("request_changes", "changes_requested", "changes_requested"),
    *(("take_down", state, "rejected") for state in STATES if state != "archived"),
    *(("archive", state, "archived") for state in STATES),
    ("restore", "archived", "draft"),
    ("restore", "draft", "draft"),
    *(("change", state, state) for state in STATES if state != "archived"),
}


@pytest.mark.parametrize("verb", list(rules.TRANSITIONS))
@pytest.mark.parametrize("state", STATES)
def test_transitions(verb: str, state: ProductStatus) -> None:
    leads = [to for v, start, to in ALLOWED if (v, start) == (verb, state)]
    if leads:
        assert rules.moved(state, verb) == leads[0]
    else:
        with pytest.raises(WrongProductState) as refused:
            rules.moved(state, verb)
        assert refused.value.data["state"] == state


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Blue Shirt", "blue-shirt"),
        ("  Crème brûlée!! ", "creme-brulee"),
        ("Straße 7", "strasse-7"),
        ("নীল শার্ট", "নীল-শার্ট"),
        ("日本語", "日本語"),
        ("🎁🎁", "product"),
        ("", "product"),
        ("--- a / b ---", "a-b"),
        ("../../etc/passwd", "etc-passwd"),
        ("x" * 300, "x" * 80),
    ],
)
def test_slugs(title: str, slug: str) -> None:
    assert rules.slug_of(title) == slug


@given(st.text(max_size=300))
def test_a_slug_is_always_fit_for_an_address(title: str) -> None:
    slug = rules.slug_of(title)
    assert 0 < len(slug) <= rules.SLUG_MAX
    assert not set(slug) & set(" /?#%&\\\"'<>.\0\n")
    assert rules.slug_of(slug) == slug or not slug.isascii()
    other = rules.suffixed(slug, UUID(int=1))
    assert len(other) <= rules.SLUG_MAX
    assert other != rules.suffixed(slug, UUID(int=2))


@given(st.text(max_size=300))
def test_a_title_key_has_one_form(title: str) -> None:
    assert len(rules.title_key(title)) <= rules.TITLE_KEY_MAX
    assert rules.title_key(title) == rules.title_key(f"  {title}\n")


SKUS = st.lists(st.sampled_from("ABCDEFG"), min_size=1, max_size=7, unique=True)


@given(st.lists(SKUS, min_size=1, max_size=6))
def test_variants_are_never_lost_and_never_double(drafts: list[list[str]]) -> None:
    product, vendor = uuid4(), uuid4()
    present: list[Variant] = []
    for skus in drafts:
        wanted = rules.check_draft(draft("T", skus), "USD")
        if len(skus) > 1 or not wanted.option_names:
            wanted = wanted.model_copy(update={"option_names": list(wanted.variants[0].options)})
        before = {v.offers[0].sku: v for v in present}
        present = rules.variants_of(product, vendor, wanted, present, lambda n: uuid4())
        assert {v.offers[0].sku for v in present} == before.keys() | set(skus)
        assert len({v.id for v in present}) == len(present)
        for variant in present:
            sku = variant.offers[0].sku
            assert variant.offers[0].status == ("active" if sku in skus else "paused")
            if sku in before:
                assert variant.id == before[sku].id


def test_a_variant_of_another_product_is_refused() -> None:
    wanted = draft()
    alien = wanted.variants[0].model_copy(update={"id": uuid4()})
    wanted = wanted.model_copy(update={"variants": [alien]})
    with pytest.raises(Invalid) as refused:
        rules.variants_of(uuid4(), uuid4(), wanted, [], lambda n: uuid4())
    assert refused.value.fields[0].path == "variants.0.id"


@given(st.lists(st.integers(1, rules.PRICE_MAX), min_size=1, max_size=8))
def test_a_card_shows_the_range(prices: list[int]) -> None:
    id, vendor = uuid4(), uuid4()
    skus = [f"S{n}" for n in range(len(prices))]
    wanted = rules.check_draft(draft("T", skus, prices=prices), "USD")
    variants = rules.variants_of(id, vendor, wanted, [], lambda name: derive(id, name))
    product = Product(
        id=id,
        slug="t",
        vendor_id=vendor,
        title="T",
        description_html="",
        category_id=None,
        status="active",
        variants=variants,
        created_at=START,
        updated_at=START,
    )
    card = rules.listing_of(product, [vendor])
    assert (card.price_from, card.price_to) == (usd(min(prices)), usd(max(prices)))
    assert len(card.offer_ids) == len(prices)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("<b>x</b><script>alert(1)</script>", "<b>x</b>"),
        ('<p style="x" onclick="y">a</p>', "<p>a</p>"),
        ('<a href="javascript:x">a</a>', '<a rel="nofollow noopener noreferrer">a</a>'),
        ('<img src="data:text/html,x" onerror=y>', "<img>"),
        ("<iframe src=x>a</iframe><svg><a>b</a></svg>", ""),
        ("one\n\ntwo", "<p>one</p><p>two</p>"),
        ("5 > 3", "<p>5 &gt; 3</p>"),
        ("Fish &amp; chips", "<p>Fish &amp; chips</p>"),
        ("I <3 it", "<p>I &lt;3 it</p>"),
        ("", ""),
    ],
)
def test_markup(given_: str, kept: str) -> None:
    assert markup.clean(given_) == kept


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=400)
    | st.text("<>/&;#!-=\"' \r\n\tabpisr", max_size=60)
)
def test_clean_markup_stays_as_it_is(text: str) -> None:
    once = markup.clean(text)
    assert markup.clean(once) == once
    assert "<script" not in once.lower()
    assert "\n" not in markup.plain(once)


@pytest.mark.parametrize("markup_", ["<div>" * 20_000, "<ul><li>" * 12_000, "<b>" * 30_000])
def test_markup_made_to_keep_the_parser_busy(markup_: str) -> None:
    with pytest.raises(Invalid):
        markup.clean(markup_)


def test_plain_text() -> None:
    assert markup.plain("<p>One &amp; two</p><p>three<br>four</p>") == "One & two three four"
