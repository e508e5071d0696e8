"""Options make variants: all of them, bounded, and what is there stays what it is."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog.generating import (
    VARIANTS_MAX,
    OptionDraft,
    combinations,
    kept,
    sku_of,
)
from haat.kernel.errors import Invalid

SIZE = OptionDraft(name="Size", values=["S", "M"])
COLOUR = OptionDraft(name="Colour", values=["Red", "Sky Blue"])

options = st.lists(
    st.builds(
        OptionDraft,
        name=st.text("abc", min_size=1, max_size=3),
        values=st.lists(
            st.text("xyz", min_size=1, max_size=3), min_size=1, max_size=9, unique=True
        ),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.name,
)


@given(options)
def test_every_combination_once(found: list[OptionDraft]) -> None:
    many = prod(len(one.values) for one in found)
    if many > VARIANTS_MAX:
        with pytest.raises(Invalid) as refused:
            combinations(found)
        assert refused.value.fields[0].code == "variants_too_many"
        return
    made = combinations(found)
    assert len({tuple(one.items()) for one in made}) == len(made) == many
    assert kept(made, made) == list(range(many)), "what is there stays where it was"


@given(options, options)
def test_nothing_is_kept_twice(before: list[OptionDraft], after: list[OptionDraft]) -> None:
    if max(prod(len(one.values) for one in some) for some in (before, after)) > VARIANTS_MAX:
        return
    had, wanted = combinations(before), combinations(after)
    places = [place for place in kept(had, wanted) if place is not None]
    assert len(set(places)) == len(places)
    for choice, place in zip(wanted, kept(had, wanted), strict=True):
        common = set(choice) & set(had[0])
        if place is not None:
            assert all(had[place][name] == choice[name] for name in common)


def test_an_option_more_and_one_less() -> None:
    sizes, both = combinations([SIZE]), combinations([SIZE, COLOUR])
    assert kept(sizes, both) == [0, None, 1, None]
    assert kept(both, sizes) == [0, 2]
    assert kept([{}], both) == [0, None, None, None], "the only variant becomes the first"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ([], "options"),
        ([SIZE, SIZE], "options.1.name"),
        ([OptionDraft(name=" ", values=["S"])], "options.0.name"),
        ([OptionDraft(name="Size", values=["S", " S "])], "options.0.values"),
        ([OptionDraft(name="Size", values=[str(n) for n in range(200)]), COLOUR], "options"),
    ],
)
def test_refused(wrong: list[OptionDraft], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        combinations(wrong)
    assert refused.value.fields[0].path == path


@pytest.mark.parametrize(
    ("pattern", "choice", "taken", "sku"),
    [
        ("TEE-{Size}-{colour}", {"Size": "M", "Colour": "Sky Blue"}, (), "TEE-M-SKY-BLUE"),
        ("Tee", {"Size": "M", "Colour": "Red"}, (), "Tee-M-RED"),
        ("", {"Size": "M"}, (), "M"),
        ("{Nothing}", {"Size": "M"}, (), "SKU"),
        ("T-{Size}", {"Size": "Größe"}, (), "T-GROSSE"),
        ("T-{Size}", {"Size": "ছোট"}, (), "T-ছোট"),
        ("T", {"Size": "M"}, ("T-M", "T-M-2"), "T-M-3"),
        ("T" * 90, {"Size": "M"}, (), "T" * 80),
    ],
)
def test_skus(pattern: str, choice: dict[str, str], taken: tuple[str, ...], sku: str) -> None:
    assert sku_of(pattern, choice, taken) == sku
