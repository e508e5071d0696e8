"""The pure part of shipping: bands, countries, free shipping, tracking numbers."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.trade.shipping import rules
from haat.domains.trade.shipping.api import Band, Parcel, ShippingMethod
from haat.kernel.money import Money
from tests.domains.trade.order_parts import eur

SHOP = UUID(int=1)
limits = st.lists(st.integers(1, 30_000), unique=True, max_size=8).map(sorted)


@st.composite
def methods(draw: st.DrawFn) -> ShippingMethod:
    bands = [
        Band(weight_g_max=limit, price=eur(draw(st.integers(0, 9999)))) for limit in draw(limits)
    ]
    if not bands or draw(st.booleans()):
        bands.append(Band(price=eur(draw(st.integers(0, 9999)))))
    free = draw(st.none() | st.integers(0, 50_000).map(eur))
    return ShippingMethod(
        id=draw(st.uuids()),
        vendor_id=SHOP,
        name="Any",
        bands=bands,
        countries=draw(st.lists(st.sampled_from(["BD", "IN", "US"]), max_size=2)),
        free_from=free,
        active=draw(st.booleans()),
    )


parcels = st.builds(
    Parcel,
    vendor_id=st.just(SHOP),
    weight_g=st.integers(0, 40_000),
    goods=st.integers(0, 100_000).map(eur),
    country=st.sampled_from(["BD", "IN", "US"]),
)


@given(methods(), parcels)
def test_the_price_is_that_of_the_lightest_band_that_carries_it(
    method: ShippingMethod, parcel: Parcel
) -> None:
    rules.check(method, "EUR")
    price = rules.price_of(method, parcel)
    carrying = [
        band for band in method.bands
        if band.weight_g_max is None or band.weight_g_max >= parcel.weight_g
    ]  # fmt: skip
    here = method.active and (not method.countries or parcel.country in method.countries)
    if not here or not carrying:
        assert price is None
    elif method.free_from is not None and parcel.goods.minor >= method.free_from.minor:
        assert price == eur(0)
    else:
        assert price == carrying[0].price


@given(methods(), parcels, st.integers(0, 50_000))
def test_more_goods_never_cost_more_to_ship(
    method: ShippingMethod, parcel: Parcel, more: int
) -> None:
    richer = parcel.model_copy(update={"goods": parcel.goods + eur(more)})
    before, after = rules.price_of(method, parcel), rules.price_of(method, richer)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after.minor <= before.minor


@given(st.lists(methods(), max_size=6), parcels)
def test_options_are_sorted_and_complete(several: list[ShippingMethod], parcel: Parcel) -> None:
    found = rules.options_of(several, parcel)
    prices = [option.price.minor for option in found]
    assert prices == sorted(prices)
    assert len(found) == sum(rules.price_of(method, parcel) is not None for method in several)


def test_another_currency_is_no_option() -> None:
    yen = Parcel(vendor_id=SHOP, weight_g=1, goods=Money(minor=5, currency="JPY"), country="BD")
    assert rules.options_of([rules.standard(SHOP, "EUR")], yen) == []


@given(st.uuids())
def test_tracking_numbers_follow_from_the_id(id: UUID) -> None:
    number = rules.tracking_number_of(id)
    assert number == rules.tracking_number_of(id)
    assert number.startswith("HT")
    assert len(number) == 15
    assert number.isalnum()
    assert not set(number[2:]) & set("ILOU")


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_the_standard_method_is_valid(currency: str) -> None:
    rules.check(rules.standard(SHOP, currency), currency)
