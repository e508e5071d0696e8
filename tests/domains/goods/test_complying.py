"""Rules that listings keep to: pure, and through the service."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog.api import ListingRule, Product
from haat.domains.goods.catalog.complying import check_rule, first_of, folded, objections
from haat.domains.people.media.api import Picture
from haat.kernel.clock import SystemClock
from haat.kernel.errors import Invalid

NOW = SystemClock().now()
SHELF, OTHER = UUID(int=1), UUID(int=2)
SHOWN = {"pictures": [Picture(url="https://a.example/1")]}


def product(**more: Any) -> Product:
    known = {"id": uuid4(), "slug": "p", "vendor_id": uuid4(), "title": "Fine mug"}
    rest = {"description_html": "", "category_id": SHELF, "status": "draft"}
    return Product(**{**known, **rest, "created_at": NOW, "updated_at": NOW, **more})


def rule(kind: Any, **more: Any) -> ListingRule:
    return check_rule(ListingRule(id=uuid4(), name="R", kind=kind, **more))


@pytest.mark.parametrize(
    ("made", "given", "text", "path"),
    [
        (rule("words", words=["Fake"]), {"title": "A FAKE watch"}, "", "title"),
        (rule("words", words=["fake"]), {"title": "Fakes and unfaked"}, "", None),
        (rule("words", words=["no  brand"]), {}, "It has no\nbrand.", "descriptionHtml"),
        (rule("words", words=["Stylo"]), {"brand": "stylo"}, "", "brand"),
        (rule("words", words=["নকল"]), {"title": "নকল ঘড়ি"}, "", "title"),
        (rule("words", words=["নকল"]), {"title": "নকলি ঘড়ি"}, "", None),
        (
            rule("pictures", least=2),
            {"pictures": [Picture(url="https://a.example/1")]},
            "",
            "pictures",
        ),
        (rule("pictures", least=1), SHOWN, "", None),
        (rule("text", least=10), {}, "  too short  ", "descriptionHtml"),
        (rule("text", least=9), {}, "too short", None),
        (rule("brand"), {}, "", "brand"),
        (rule("brand"), {"brand": "Stylo"}, "", None),
        (rule("spec", key="size"), {}, "", "specs.size"),
        (rule("spec", key="size"), {"specs": {"size": "M"}}, "", None),
        (rule("brand", category_id=SHELF), {}, "", "brand"),
        (rule("brand", category_id=OTHER), {}, "", None),
    ],
)
def test_what_a_rule_says(
    made: ListingRule, given: dict[str, Any], text: str, path: str | None
) -> None:
    found = objections([made], product(**given), text, {SHELF})
    assert [one.path for one in found] == ([path] if path else [])


def test_what_blocks_comes_first_and_says_the_rules_words() -> None:
    told = rule("brand", blocking=False), rule("pictures", least=1, message="Show it!")
    found = objections(told, product(), "", ())
    assert [(one.blocking, one.path) for one in found] == [(True, "pictures"), (False, "brand")]
    assert found[0].message == "Show it!"


@pytest.mark.parametrize(
    ("kind", "path"),
    [("words", "words"), ("pictures", "least"), ("text", "least"), ("spec", "key")],
)
def test_a_rule_asks_for_something(kind: Any, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        rule(kind, words=[" "] if kind == "words" else [])
    assert refused.value.fields[0].path == path


@given(st.text("ab cি", max_size=12), st.text("ab cি", min_size=1, max_size=4))
def test_a_word_is_found_exactly_where_it_stands_alone(text: str, word: str) -> None:
    if not folded(word):
        return
    words = f" {folded(text)} "
    alone = f" {folded(word)} " in words
    assert (first_of([folded(word)], text) is not None) == alone
