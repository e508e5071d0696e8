"""Pricing: the arithmetic of tax, rates kept for two seconds."""

from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from haat.domains.goods.pricing import rules
from haat.domains.goods.pricing.api import TaxableLine, TaxRate
from haat.domains.goods.pricing.service import PricingService
from haat.engines.cache import open_cache
from haat.kernel.context import Context
from haat.kernel.money import MINOR_MAX
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import FakeClasses, FakeMarket, clock, staff, system, usd


@pytest.mark.parametrize(
    ("amount", "rate_bp", "on_top", "inside"),
    [
        (10_000, 825, 825, 762),
        (1_999, 2_000, 400, 333),
        (50, 100, 1, 0),  # half a cent is a cent
        (0, 2_000, 0, 0),
        (1_000, 0, 0, 0),
        (-1_999, 2_000, -400, -333),
        (100, 10_000, 100, 50),
        (150, 100, 2, 1),
    ],
)
def test_tax(amount: int, rate_bp: int, on_top: int, inside: int) -> None:
    assert rules.tax_on(usd(amount), rate_bp, included=False).minor == on_top
    assert rules.tax_on(usd(amount), rate_bp, included=True).minor == inside


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.integers(0, 10_000))
def test_tax_is_never_off_by_more_than_half_a_unit(minor: int, rate_bp: int) -> None:
    on_top = rules.tax_on(usd(minor), rate_bp, included=False).minor
    inside = rules.tax_on(usd(minor), rate_bp, included=True).minor
    assert abs(on_top - Fraction(minor * rate_bp, 10_000)) <= Fraction(1, 2)
    assert abs(inside - Fraction(minor * rate_bp, 10_000 + rate_bp)) <= Fraction(1, 2)
    assert rules.tax_on(usd(-minor), rate_bp, included=True).minor == -inside


async def test_rates_and_quotes(database_of: DatabaseOf) -> None:
    db = await database_of("pricing")
    time, market = clock(), FakeMarket()
    ctx: Context = system(time)
    pricing = PricingService(db, market, FakeClasses(), open_cache("memory://"))
    elsewhere = PricingService(db, market, FakeClasses(), open_cache("memory://"))
    lines = [
        TaxableLine(id=uuid4(), tax_class="standard", amount=usd(1000)),
        TaxableLine(id=uuid4(), tax_class="books", amount=usd(1000)),
    ]

    async def taxes(service: PricingService, country: str = "US") -> list[int]:
        found = await service.tax(ctx, country=country, lines=lines)
        assert [t.id for t in found] == [line.id for line in lines]
        return [t.tax.minor for t in found]

    assert await taxes(pricing) == [0, 0]
    rate = TaxRate(tax_class="standard", country="US", rate_bp=1000)
    for _ in range(2):
        assert await elsewhere.set_rate(staff(), rate=rate) == rate
    assert await taxes(pricing) == [0, 0]
    time.advance(timedelta(seconds=2))
    assert await taxes(pricing) == [100, 0]
    assert await taxes(pricing, "DE") == [0, 0]
    await pricing.set_rate(staff(), rate=rate.model_copy(update={"rate_bp": 2000}))
    assert await taxes(pricing) == [200, 0]  # its own change at once
    market.current = market.current.model_copy(update={"prices_include_tax": True})
    assert await taxes(pricing) == [167, 0]
    assert [r.rate_bp for r in await pricing.rates(ctx)] == [2000]


@pytest.mark.parametrize(
    "bad", [{"country": "us"}, {"rate_bp": 10_001}, {"rate_bp": -1}, {"tax_class": "A b"}]
)
def test_bad_rates(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TaxRate.model_validate({"tax_class": "a", "country": "US", "rate_bp": 1, **bad})
