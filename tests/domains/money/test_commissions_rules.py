"""Commission's rules: every condition as a table, the arithmetic, and what always holds."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.domains.money.commissions import checking, rules
from haat.domains.money.commissions.api import Rule, RuleList, Sale, Terms
from haat.kernel.errors import Invalid
from haat.kernel.money import MINOR_MAX, Money, share

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def id_of(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


CLAY, LOOM = id_of("clay"), id_of("loom")
HOME, KITCHEN, MUGS = id_of("home"), id_of("kitchen"), id_of("mugs")
MUG, RUG = id_of("mug"), id_of("rug")
PATH = [MUGS, KITCHEN, HOME]


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


def rule(name: str = "a rule", **given: Any) -> Rule:
    return Rule(id=id_of(name), name=name, **given)


def sale(price: int = 1000, quantity: int = 1, **given: Any) -> Sale:
    facts: dict[str, Any] = {
        "id": id_of("sale"),
        "vendor_id": CLAY,
        "product_id": MUG,
        "category_path": PATH,
        "unit_price": usd(price),
        "quantity": quantity,
        "base": usd(price * quantity),
        "at": NOW,
    }
    return Sale(**facts | given)


SHIPPING = sale(500, kind="shipping", product_id=None, category_path=[])


def book(*found: Rule, tax_bp: int = 0) -> rules.Book:
    return rules.prepare(
        RuleList(
            id=id_of("list"), status="active", rules=list(found), tax_bp=tax_bp, created_at=NOW
        )
    )


def taken(asked: rules.Book, one: Sale) -> tuple[int, int]:
    """Commission and tax, of a sale that a rule matches."""
    winner = asked.winner(one)
    assert winner is not None
    found = rules.by_rule(asked, winner, one)
    return found.commission.minor, found.commission_tax.minor


@pytest.mark.parametrize(
    ("conditions", "one", "failed"),
    [
        ({}, sale(), None),
        ({}, SHIPPING, "kind"),
        ({"applies_to": "both"}, SHIPPING, None),
        ({"applies_to": "both"}, sale(), None),
        ({"applies_to": "shipping"}, sale(), "kind"),
        ({"applies_to": "shipping"}, SHIPPING, None),
        ({"vendor_ids": [CLAY]}, sale(), None),
        ({"vendor_ids": [LOOM, CLAY]}, sale(), None),
        ({"vendor_ids": [LOOM]}, sale(), "vendor"),
        ({"category_ids": [MUGS]}, sale(), None),
        ({"category_ids": [KITCHEN]}, sale(), None),
        ({"category_ids": [HOME]}, sale(), None),
        ({"category_ids": [HOME], "with_subcategories": False}, sale(), "category"),
        ({"category_ids": [KITCHEN], "with_subcategories": False}, sale(), "category"),
        ({"category_ids": [MUGS], "with_subcategories": False}, sale(), None),
        ({"category_ids": [id_of("toys")]}, sale(), "category"),
        ({"category_ids": [HOME]}, sale(category_path=[]), "category"),
        ({"category_ids": [HOME], "applies_to": "both"}, SHIPPING, "category"),
        ({"product_ids": [MUG]}, sale(), None),
        ({"product_ids": [RUG]}, sale(), "product"),
        ({"product_ids": [RUG]}, sale(product_id=None), "product"),
        ({"price_from": 1000}, sale(), None),
        ({"price_from": 1001}, sale(), "price"),
        ({"price_to": 1000}, sale(), "price"),
        ({"price_to": 1001}, sale(), None),
        ({"price_from": 0, "price_to": 1}, sale(0), None),
        ({"price_from": 2000}, sale(1000, quantity=2), "price"),
        ({"valid_from": NOW}, sale(), None),
        ({"valid_from": NOW + HOUR}, sale(), "period"),
        ({"valid_to": NOW}, sale(), "period"),
        ({"valid_to": NOW + HOUR}, sale(), None),
        ({"valid_from": NOW - HOUR, "valid_to": NOW + HOUR}, sale(), None),
        ({"vendor_ids": [CLAY], "category_ids": [HOME], "price_from": 1}, sale(), None),
        ({"vendor_ids": [CLAY], "product_ids": [RUG]}, sale(), "product"),
    ],
)
def test_each_condition(conditions: dict[str, Any], one: Sale, failed: str | None) -> None:
    asked = book(rule(**conditions))
    assert asked.rules[0].failed(one) == failed
    assert (asked.winner(one) is None) == (failed is not None)
    [told] = rules.tried(asked, one)
    assert (told.failed, bool(told.why)) == (failed, True)


@pytest.mark.parametrize(
    ("amounts", "one", "tax_bp", "found"),
    [
        ({"rate_bp": 1200}, sale(4000), 0, (480, 0)),
        ({"rate_bp": 1250}, sale(999), 0, (125, 0)),  # 124.875
        ({"rate_bp": 50}, sale(100), 0, (1, 0)),  # 0.5 is rounded up
        ({"rate_bp": 49}, sale(100), 0, (0, 0)),
        ({"fixed_minor": 30}, sale(1000, quantity=3), 0, (90, 0)),
        ({"rate_bp": 1000, "fixed_minor": 30}, sale(1000, quantity=2), 0, (260, 0)),
        ({"rate_bp": 1200, "floor_minor": 500}, sale(4000), 2000, (500, 100)),
        ({"rate_bp": 1200, "cap_minor": 300}, sale(4000), 2000, (300, 60)),
        ({"rate_bp": 100, "floor_minor": 500, "cap_minor": 500}, sale(4000), 0, (500, 0)),
        ({"floor_minor": 500}, sale(300), 0, (300, 0)),
        ({"rate_bp": 10_000}, sale(300), 0, (300, 0)),
        ({"rate_bp": 10_000}, sale(1000), 2000, (833, 167)),
        ({"rate_bp": 10_000}, sale(120), 2000, (100, 20)),
        ({"rate_bp": 10_000}, sale(1), 10_000, (0, 0)),
        ({"rate_bp": 10_000}, sale(2), 10_000, (1, 1)),
        ({"rate_bp": 9_000}, sale(1000), 2000, (833, 167)),
        ({"rate_bp": 1200, "fixed_minor": 30}, sale(0), 2000, (0, 0)),
        ({"rate_bp": 300}, sale(1000), 1900, (30, 6)),  # 5.7
    ],
)
def test_the_arithmetic(
    amounts: dict[str, Any], one: Sale, tax_bp: int, found: tuple[int, int]
) -> None:
    assert taken(book(rule(**amounts), tax_bp=tax_bp), one) == found


def test_a_rule_freezes_everything_it_was_worked_out_from() -> None:
    best = rule("mugs", rate_bp=1200, fixed_minor=30, floor_minor=500, cap_minor=900)
    asked = book(rule("other", vendor_ids=[LOOM]), best, tax_bp=2000)
    assert asked.winner(sale(4000)) == best
    found = rules.by_rule(asked, best, sale(4000))
    assert found.terms == Terms(
        source="rule",
        list_id=id_of("list"),
        rule_id=best.id,
        rule_name="mugs",
        rate_bp=1200,
        fixed_minor=30,
        floor_minor=500,
        cap_minor=900,
        base_minor=4000,
        tax_bp=2000,
        rounding="half_up",
    )
    assert rules.amounts(found.terms, 1) == (found.commission.minor, found.commission_tax.minor)


@pytest.mark.parametrize(
    ("amounts", "one", "tax_bp", "said"),
    [
        (
            {"rate_bp": 1200, "floor_minor": 500},
            sale(4000),
            2000,
            "12 % of 40.00 = 4.80, at least 5.00 → 5.00; tax 20 % = 1.00",
        ),
        (
            {"rate_bp": 1250, "fixed_minor": 30, "cap_minor": 200},
            sale(1000, quantity=2),
            0,
            "12.5 % of 20.00 = 2.50, plus 2 × 0.30 = 3.10, at most 2.00 → 2.00",
        ),
        ({"rate_bp": 5}, sale(4000), 0, "0.05 % of 40.00 = 0.02"),
        (
            {"rate_bp": 10_000},
            sale(1000),
            2000,
            "100 % of 10.00 = 10.00, with its tax not more than 10.00 → 8.33; tax 20 % = 1.67",
        ),
    ],
)
def test_the_sums_in_words(amounts: dict[str, Any], one: Sale, tax_bp: int, said: str) -> None:
    asked = book(rule(**amounts), tax_bp=tax_bp)
    winner = asked.winner(one)
    assert winner is not None
    assert rules.sums(rules.by_rule(asked, winner, one), one.quantity) == said


@pytest.mark.parametrize(
    ("conditions", "one", "said"),
    [
        ({"applies_to": "shipping"}, sale(), "for shipping, this is goods"),
        ({"vendor_ids": [LOOM]}, sale(), "among the rule's 1 vendor."),
        ({"category_ids": [id_of("x"), id_of("y")]}, sale(), "the rule's 2 categories"),
        ({"category_ids": [HOME], "with_subcategories": False}, sale(), "own category is not"),
        ({"category_ids": [HOME]}, sale(category_path=[]), "has no category"),
        ({"product_ids": [RUG]}, sale(), "the rule's 1 product"),
        ({"product_ids": [RUG]}, sale(product_id=None), "no product"),
        ({"price_from": 2000}, sale(1999), "The price 19.99 is below 20.00."),
        ({"price_to": 1000}, sale(), "The price 10.00 is not below 10.00."),
        ({"valid_from": NOW + HOUR}, sale(), "08:00 UTC, is before 2026-11-21 09:00 UTC."),
        ({"valid_to": NOW}, sale(), "is not before 2026-11-21 08:00 UTC."),
    ],
)
def test_reasons_name_the_figures(conditions: dict[str, Any], one: Sale, said: str) -> None:
    [told] = rules.tried(book(rule(**conditions)), one)
    assert said in told.why


def test_what_is_tried_ends_with_the_winner() -> None:
    asked = book(rule("no", vendor_ids=[LOOM]), rule("yes"), rule("never"))
    assert [(t.rule_name, t.failed) for t in rules.tried(asked, sale())] == [
        ("no", "vendor"),
        ("yes", None),
    ]
    assert [t.rule_name for t in rules.tried(asked, SHIPPING)] == ["no", "yes", "never"]


# -- what always holds ---------------------------------------------------------------------------

IDS = st.sampled_from([CLAY, LOOM, HOME, KITCHEN, MUGS, MUG, RUG])
SOME = st.lists(IDS, max_size=3)
PRICES = st.integers(0, 5000)
TIMES = st.integers(-3, 3).map(lambda hours: NOW + hours * HOUR)
MINORS = st.one_of(st.none(), st.integers(0, 3000))
KINDS = st.sampled_from(["goods", "shipping", "both"])
RULES = st.builds(
    Rule,
    id=st.uuids(),
    name=st.just("r"),
    vendor_ids=st.lists(st.sampled_from([CLAY, LOOM]), max_size=2),
    category_ids=st.lists(st.sampled_from([HOME, KITCHEN, MUGS]), max_size=2),
    with_subcategories=st.booleans(),
    product_ids=st.lists(st.sampled_from([MUG, RUG]), max_size=2),
    price_from=st.one_of(st.none(), PRICES),
    price_to=st.one_of(st.none(), PRICES),
    valid_from=st.one_of(st.none(), TIMES),
    valid_to=st.one_of(st.none(), TIMES),
    applies_to=KINDS,
    rate_bp=st.integers(0, 10_000),
    fixed_minor=st.integers(0, 3000),
    floor_minor=MINORS,
    cap_minor=MINORS,
)
SALES = st.builds(
    lambda price, quantity, vendor, path, product, at, kind: (
        sale(price, quantity, vendor_id=vendor, category_path=path, product_id=product, at=at)
        if kind == "goods"
        else sale(price, vendor_id=vendor, category_path=[], product_id=None, at=at, kind=kind)
    ),
    PRICES,
    st.integers(1, 9),
    st.sampled_from([CLAY, LOOM]),
    st.sampled_from([PATH, PATH[1:], PATH[2:], []]),
    st.sampled_from([MUG, RUG]),
    TIMES,
    st.sampled_from(["goods", "shipping"]),
)
LISTS = st.lists(RULES, max_size=6)
TAXES = st.one_of(st.just(0), st.integers(0, 10_000))
TERMS = st.builds(
    Terms,
    source=st.just("rule"),
    rate_bp=st.integers(0, 10_000),
    fixed_minor=st.integers(0, MINOR_MAX),
    floor_minor=st.one_of(st.none(), st.integers(0, MINOR_MAX)),
    cap_minor=st.one_of(st.none(), st.integers(0, MINOR_MAX)),
    base_minor=st.one_of(st.integers(0, 300), st.integers(0, MINOR_MAX)),
    tax_bp=TAXES,
)


@given(LISTS, SALES)
def test_the_first_rule_that_matches_wins(found: list[Rule], one: Sale) -> None:
    matching = [r for r in found if book(r).winner(one) is not None]
    assert book(*found).winner(one) == (matching[0] if matching else None)


@given(LISTS, LISTS, SALES)
def test_behind_a_catch_all_nothing_changes(found: list[Rule], more: list[Rule], one: Sale) -> None:
    last = rule("the rest", applies_to="both", rate_bp=300)
    assert book(*found, last, *more).winner(one) == book(*found, last).winner(one)


@given(st.lists(st.tuples(PRICES, st.integers(0, 10_000)), max_size=4), PRICES)
def test_the_order_of_rules_that_do_not_overlap_is_the_same(
    bands: list[tuple[int, int]], price: int
) -> None:
    ends = sorted({end for end, _ in bands})
    found = [
        rule(f"to {high}", price_from=low, price_to=high, rate_bp=rate)
        for low, high, (_, rate) in zip([0, *ends[:-1]], ends, bands, strict=False)
    ]
    one = sale(price)
    assert (
        len({getattr(book(*order).winner(one), "id", None) for order in permutations(found)}) == 1
    )


@settings(max_examples=500)
@given(TERMS, st.integers(1, 1000))
def test_commission_and_tax_never_exceed_the_base(terms: Terms, quantity: int) -> None:
    commission, tax = rules.amounts(terms, quantity)
    rest = terms.base_minor - commission - tax
    assert min(commission, tax, rest) >= 0
    assert tax == share(commission, terms.tax_bp)
    assert commission <= rules.wished(terms, quantity)
    # What it gives way by is no more than it must.
    more = commission + 1
    fits = more + share(more, terms.tax_bp) <= terms.base_minor
    assert not fits or more > rules.wished(terms, quantity)


@settings(max_examples=500)
@given(TERMS, st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 9))
def test_commission_grows_with_what_it_is_made_of(
    terms: Terms, rate: int, by: int, quantity: int
) -> None:
    before = rules.amounts(terms, quantity)[0]
    for grown in (
        {"base_minor": terms.base_minor + by},
        {"fixed_minor": terms.fixed_minor + by},
        {"rate_bp": max(rate, terms.rate_bp)},
        {"floor_minor": (terms.floor_minor or 0) + by},
        {"cap_minor": None if terms.cap_minor is None else terms.cap_minor + by},
    ):
        assert rules.amounts(terms.model_copy(update=grown), quantity)[0] >= before
    assert rules.amounts(terms, quantity + 1)[0] >= before


@settings(max_examples=500)
@given(RULES, RULES, SALES)
def test_what_a_rule_covers_it_takes(first: Rule, later: Rule, one: Sale) -> None:
    if checking.covers(*book(first, later).rules) and book(later).winner(one) is not None:
        assert book(first, later).winner(one) == first


# -- checking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "path", "code"),
    [
        ({"price_from": 5, "price_to": 5}, "rules.1.priceTo", "price_band_empty"),
        ({"price_from": 6, "price_to": 5}, "rules.1.priceTo", "price_band_empty"),
        ({"price_to": 0}, "rules.1.priceTo", "price_band_empty"),
        ({"floor_minor": 6, "cap_minor": 5}, "rules.1.floorMinor", "floor_above_cap"),
        ({"valid_from": NOW, "valid_to": NOW}, "rules.1.validTo", "period_reversed"),
        ({"valid_from": NOW.replace(tzinfo=None)}, "rules.1.validFrom", "time_zone_missing"),
        ({"name": "  "}, "rules.1.name", "name_invalid"),
        ({"name": "a\0b"}, "rules.1.name", "name_invalid"),
        (
            {"applies_to": "shipping", "category_ids": [HOME]},
            "rules.1.appliesTo",
            "never_matches",
        ),
        ({"id": id_of("fine")}, "rules.1.id", "rule_repeated"),
    ],
)
def test_what_is_wrong_is_told_at_the_rule(wrong: dict[str, Any], path: str, code: str) -> None:
    bad = Rule.model_validate({"id": id_of("bad"), "name": "bad", **wrong})
    with pytest.raises(Invalid) as refused:
        checking.check_list([rule("fine"), bad], 0, "")
    assert [(e.path, e.code) for e in refused.value.fields] == [(path, code)]
    assert refused.value.code == code


def test_all_that_is_wrong_is_told_at_once() -> None:
    bad = rule(price_from=2, price_to=1, floor_minor=2, cap_minor=1)
    with pytest.raises(Invalid) as refused:
        checking.check_list([bad], 10_001, "x" * 501)
    assert {e.path for e in refused.value.fields} == {
        "taxBp", "note", "rules.0.priceTo", "rules.0.floorMinor",
    }  # fmt: skip
    checking.check_list([rule(price_to=1, floor_minor=1, cap_minor=1)], 10_000, "x" * 500)
    with pytest.raises(Invalid):
        checking.check_list([rule(str(n)) for n in range(201)], 0, "")


@pytest.mark.parametrize(
    ("first", "later", "covered"),
    [
        ({}, {}, True),
        ({}, {"vendor_ids": [CLAY]}, True),
        ({"vendor_ids": [CLAY]}, {}, False),
        ({"vendor_ids": [CLAY, LOOM]}, {"vendor_ids": [LOOM]}, True),
        ({}, {"applies_to": "shipping"}, False),
        ({}, {"applies_to": "both"}, False),
        ({"applies_to": "both"}, {"applies_to": "shipping"}, True),
        ({"category_ids": [HOME]}, {"category_ids": [HOME], "with_subcategories": False}, True),
        ({"category_ids": [HOME], "with_subcategories": False}, {"category_ids": [HOME]}, False),
        ({"price_from": 0}, {}, True),
        ({"price_to": 100}, {"price_to": 101}, False),
        ({"price_from": 5, "price_to": 100}, {"price_from": 5, "price_to": 100}, True),
        ({"valid_from": NOW}, {"valid_from": NOW + HOUR}, True),
        ({"valid_to": NOW}, {}, False),
    ],
)
def test_a_rule_that_cannot_win_is_warned_of(
    first: dict[str, Any], later: dict[str, Any], covered: bool
) -> None:
    found = checking.warnings([rule("one", **first), rule("two", **later)])
    assert [w.rule_id for w in found] == ([id_of("two")] if covered else [])
    assert all("“one”" in w.text for w in found)
