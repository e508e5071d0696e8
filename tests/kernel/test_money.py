"""Money: the parts always add up to the whole."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from haat.kernel.errors import Invalid
from haat.kernel.money import MINOR_MAX, Money, allocate, money_of, parse_decimal, share, total

amounts = st.integers(-(10**12), 10**12)
ratios = st.lists(st.integers(0, 10**6), min_size=1, max_size=20)


@given(amounts, ratios)
def test_parts_add_up(minor: int, parts: list[int]) -> None:
    assert sum(allocate(minor, parts)) == minor


@given(amounts, ratios)
def test_no_part_is_a_unit_off_its_exact_share(minor: int, parts: list[int]) -> None:
    weights = parts if any(parts) else [1] * len(parts)
    for part, weight in zip(allocate(minor, parts), weights, strict=True):
        assert abs(part * sum(weights) - minor * weight) < sum(weights)


@pytest.mark.parametrize(
    ("minor", "parts", "expected"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (1, [0, 5], [0, 1]),
        (5, [0, 0], [3, 2]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_allocation(minor: int, parts: list[int], expected: list[int]) -> None:
    assert allocate(minor, parts) == expected


@pytest.mark.parametrize(
    ("minor", "basis_points", "expected"),
    [(50, 300, 2), (49, 300, 1), (-50, 300, -2), (3333, 300, 100), (1, 10_000, 1), (7, 0, 0)],
)
def test_shares_round_half_up(minor: int, basis_points: int, expected: int) -> None:
    assert share(minor, basis_points) == expected


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.sampled_from(["USD", "JPY", "KWD"]))
def test_decimals_come_back(minor: int, currency: str) -> None:
    amount = Money(minor=minor, currency=currency)
    assert parse_decimal(amount.decimal(), currency) == amount


@pytest.mark.parametrize(
    "text",
    ["", "x", "1.234", "NaN", "Infinity", "1e400", "1,5", "٣.5", "1e3", "1_000", "9" * 19, "."],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_decimal(text, "USD")
    assert caught.value.code == "money_invalid"


@pytest.mark.parametrize("minor", [1.5, "12", True, MINOR_MAX + 1, None])
def test_only_whole_minor_units(minor: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"minor": minor, "currency": "USD"})


def test_currencies_do_not_mix() -> None:
    with pytest.raises(AssertionError):
        Money(minor=1, currency="USD") + Money(minor=1, currency="EUR")


def test_total_of_nothing_is_zero() -> None:
    assert total([], "EUR") == Money.zero("EUR")


@given(amounts, st.integers(-20_000, 20_000))
def test_a_share_is_the_exact_one_rounded_half_away_from_zero(minor: int, rate: int) -> None:
    exact = Decimal(minor) * rate / 10_000
    assert share(minor, rate) == int(exact.to_integral_value(rounding=ROUND_HALF_UP))


def test_amounts_that_are_kept_are_checked_like_others() -> None:
    assert money_of(1, "EUR") == Money(minor=1, currency="EUR")
    for wrong in (True, 1.0, MINOR_MAX + 1):
        with pytest.raises(ValidationError):
            money_of(wrong, "EUR")
    with pytest.raises(ValidationError):
        money_of(1, "eur")
