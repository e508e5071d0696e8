"""Who stands first among the offers for a variant, and at which price another would."""

from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog import buybox
from haat.domains.goods.catalog.api import Condition, Facts, Offer, Standing
from tests.domains.goods.doubles import usd

VARIANT = UUID(int=1)
Pair = tuple[Offer, Facts]


def pair(number: int, price: int, *, left: int = 5, days: int = 1,
         condition: Condition = "new", shipping: int | None = None, free: int | None = None,
         rating: int | None = None) -> Pair:  # fmt: skip
    offer = Offer(
        id=UUID(int=number),
        variant_id=VARIANT,
        vendor_id=UUID(int=1000 + number),
        sku=f"S{number}",
        price=usd(price),
        condition=condition,
        handling_days=days,
    )
    facts = Facts(
        offer_id=offer.id,
        available=left,
        shipping=None if shipping is None else usd(shipping),
        free_from=None if free is None else usd(free),
        rating_bp=rating,
    )
    return offer, facts


def stood(pairs: list[Pair]) -> list[Standing]:
    return buybox.standings(pairs, {offer.vendor_id for offer, _ in pairs})


def repriced(pairs: list[Pair], id: UUID, minor: int) -> list[Pair]:
    return [(o.model_copy(update={"price": usd(minor)}) if o.id == id else o, f) for o, f in pairs]


def first(pairs: list[Pair]) -> UUID:
    return buybox.standings(pairs)[0].offer_id


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (pair(2, 999), pair(1, 1000)),
        (pair(2, 5000), pair(1, 100, left=0)),  # what can be had now stands before what cannot
        (pair(2, 1000), pair(1, 1000, condition="used-like-new")),
        (pair(2, 1000, days=0), pair(1, 1000, days=3)),
        (pair(2, 1000, shipping=100), pair(1, 950, shipping=400)),
        (pair(2, 1000, shipping=400, free=1000), pair(1, 999, shipping=100)),
        (pair(2, 1000, rating=9000), pair(1, 1000)),
        (pair(2, 1000), pair(1, 1000, rating=4000)),
        (pair(1, 1000), pair(2, 1000)),  # a tie: the lower id, always
        (pair(2, 400, condition="used-good"), pair(1, 1000)),
        (pair(2, 1000), pair(1, 900, condition="used-good")),
    ],
)
def test_who_stands_first(better: Pair, worse: Pair) -> None:
    for pairs in permutations([better, worse]):
        assert first(list(pairs)) == better[0].id


def test_the_explanation_adds_up() -> None:
    pairs = [pair(1, 1900, shipping=500, days=2), pair(2, 1840, condition="refurbished")]
    for one in stood(pairs):
        assert one.score == sum(part.points for part in one.parts)
        assert [part.name for part in one.parts] == ["price", "condition", "handling", "vendor"]
        assert sum(part.most for part in one.parts) == 10_000
        assert all(0 <= part.points <= part.most for part in one.parts)
    told = {one.offer_id.int: [part.why for part in one.parts] for one in stood(pairs)}
    assert told[1] == ["19.00 and 5.00 shipping", "new", "2 days", "not rated yet"]
    assert told[2] == ["18.40 and shipping not known", "refurbished", "1 day", "not rated yet"]


def test_what_would_win() -> None:
    alike = [pair(1, 1840), pair(2, 2000)]
    winner, loser = stood(alike)
    assert (winner.wins_at, loser.wins_at) == (usd(2000), usd(1839)), "a tie goes to the lower id"
    [alone] = stood([pair(1, 500)])
    assert (alone.wins_at, alone.why_not) == (None, "alone")
    _, gone = stood([pair(1, 500), pair(2, 100, left=0)])
    assert (gone.offer_id.int, gone.wins_at, gone.why_not) == (2, None, "out_of_stock")
    dear = stood([pair(1, 100), pair(2, 100, shipping=9000, condition="used-good")])
    assert (dear[1].wins_at, dear[1].why_not) == (None, "beyond_price")


def test_only_its_own_vendor_is_told() -> None:
    pairs = [pair(1, 500), pair(2, 700)]
    told = buybox.standings(pairs, {UUID(int=1002)})
    assert [(one.wins_at, one.why_not) for one in told] == [(None, None), (usd(499), None)]


def test_free_shipping_that_a_lower_price_would_lose() -> None:
    """At 19.99 it would cost 4.00 to send: only from 20.00 on is it free."""
    pairs = [pair(1, 2050, shipping=0), pair(2, 2100, shipping=400, free=2000)]
    standing = {one.offer_id.int: one for one in stood(pairs)}
    assert standing[2].wins_at == usd(2049)
    pairs = [pair(1, 1950, shipping=0), pair(2, 2100, shipping=400, free=2000)]
    standing = {one.offer_id.int: one for one in stood(pairs)}
    assert standing[2].wins_at == usd(1549)


contenders = st.lists(
    st.builds(
        lambda price, left, days, condition, shipping, free, rating: (
            price, left, days, condition, shipping, free, rating
        ),
        st.integers(1, 5_000) | st.integers(1, 10_000_000_000),
        st.integers(0, 2),
        st.integers(0, 14),
        st.sampled_from(list(buybox.CONDITIONS)),
        st.none() | st.integers(0, 3_000),
        st.none() | st.integers(0, 6_000),
        st.none() | st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=6,
).map(
    lambda rows: [
        pair(n, price, left=left, days=days, condition=condition, shipping=shipping, free=free,
             rating=rating)
        for n, (price, left, days, condition, shipping, free, rating) in enumerate(rows, 1)
    ]
)  # fmt: skip


@given(contenders, st.randoms())
def test_the_order_hangs_on_nothing_else(pairs: list[Pair], chance: object) -> None:
    mixed = list(pairs)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert stood(mixed) == stood(pairs)
    assert [one.place for one in stood(pairs)] == list(range(1, len(pairs) + 1))


@given(contenders, st.lists(st.integers(1, 10_000_000_000), max_size=5))
def test_the_counterfactual_flips_the_winner(pairs: list[Pair], others: list[int]) -> None:
    """At `wins_at` an offer is first; one unit above it, and at any higher price, it is not."""
    for standing in stood(pairs):
        id = standing.offer_id
        if standing.wins_at is not None:
            at = standing.wins_at.minor
            assert first(repriced(pairs, id, at)) == id
            above = {at + 1, *(price for price in others if price > at)}
            for price in above:
                assert first(repriced(pairs, id, price)) != id
            assert (standing.place == 1) == _at_or_below(pairs, standing)
        elif standing.why_not == "alone":
            for price in (1, *others, buybox.PRICE_MAX):
                assert first(repriced(pairs, id, price)) == id
        else:
            for price in (1, *others):
                assert first(repriced(pairs, id, price)) != id


def _at_or_below(pairs: list[Pair], standing: Standing) -> bool:
    """Whether its price today is one that wins: tried, for below it may lose free shipping."""
    [own] = [o for o, _ in pairs if o.id == standing.offer_id]
    assert standing.wins_at is not None
    return own.price.minor <= standing.wins_at.minor and first(pairs) == own.id
