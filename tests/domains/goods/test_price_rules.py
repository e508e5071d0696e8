"""What an offer costs when, and the lowest price before a reduction, held against a plain clock."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.goods.catalog import price_rules
from haat.domains.goods.catalog.api import Offer, PriceStep, ScheduledPrice
from haat.kernel.errors import Invalid
from tests.domains.goods.doubles import usd

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STEPS = st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 500)), max_size=12)


def offer(*scheduled: ScheduledPrice, price: int = 1000, before: int | None = 1500) -> Offer:
    return Offer(
        id=uuid4(),
        variant_id=uuid4(),
        vendor_id=uuid4(),
        sku="S",
        price=usd(price),
        compare_at=usd(before) if before else None,
        lowest_before=usd(price) if before else None,
        scheduled=list(scheduled),
    )


def planned(start: int, end: int, price: int, state: str = "waiting") -> ScheduledPrice:
    return ScheduledPrice.model_validate(
        {
            "id": uuid4(),
            "offer_id": uuid4(),
            "price": usd(price),
            "compare_at": usd(2000),
            "lowest_before": usd(900) if state == "running" else None,
            "starts_at": NOW + start * HOUR,
            "ends_at": NOW + end * HOUR,
            "state": state,
        }
    )


@given(STEPS)
def test_the_lowest_price_of_thirty_days_is_that_of_every_hour_of_them(
    raw: list[tuple[int, int]],
) -> None:
    """`raw` is (hours before the announcement, price): looked at hour by hour."""
    by_hour = dict(raw)  # of one moment there is one price
    steps = [PriceStep(at=NOW - ago * HOUR, price=usd(price)) for ago, price in by_hour.items()]
    seen = []
    for ago in range(1, 30 * 24 + 1):
        earlier = [hour for hour in by_hour if hour >= ago]
        if earlier:
            seen.append(by_hour[min(earlier)])
    assert price_rules.lowest_before(steps, NOW) == min(seen, default=None)


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=8, unique=True),
    st.integers(-60, 60),
    st.integers(-60, 60),
)
def test_a_late_timer_never_changes_what_is_charged(
    bounds: list[int], hour: int, timer: int
) -> None:
    """Wherever the timer stands, the price follows from the time; a reduction is announced only
    with its lowest price before."""
    edges = sorted(bounds)
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    kept = []
    for start, end in spans:
        if end <= timer:
            continue  # over
        kept.append(planned(start, end, 100 + start, "running" if start <= timer else "waiting"))
    found = price_rules.at(offer(*kept), NOW + hour * HOUR)
    running = [s for s in spans if s[0] <= hour < s[1] and s[1] > timer]
    assert found.price.minor == (100 + running[0][0] if running else 1000)
    assert (found.compare_at is None) == (found.lowest_before is None)
    assert found.scheduled == []


def test_between_clock_and_timer_no_reduction_is_announced() -> None:
    late = offer(planned(-1, 5, 700))
    assert price_rules.at(late, NOW).price == usd(700)
    assert price_rules.at(late, NOW).compare_at is None
    begun = offer(planned(-1, 5, 700, "running"))
    assert price_rules.at(begun, NOW).compare_at == usd(2000)
    assert price_rules.at(begun, NOW).price_until == NOW + 5 * HOUR
    over = offer(planned(-5, -1, 700, "running"))
    assert (price_rules.at(over, NOW).price, price_rules.at(over, NOW).compare_at) == (
        usd(1000),
        None,
    )
    waiting = offer(planned(1, 5, 700))
    assert price_rules.at(waiting, NOW).compare_at == usd(1500)


@pytest.mark.parametrize(
    ("start", "end", "path", "code"),
    [
        (2, 1, "endsAt", "span_invalid"),
        (1, 1, "endsAt", "span_invalid"),
        (None, -1, "endsAt", "span_past"),
        (0, 24 * 400, "endsAt", "span_too_long"),
        (24 * 800, 24 * 801, "startsAt", "span_too_far"),
    ],
)
def test_wrong_spans(start: int | None, end: int, path: str, code: str) -> None:
    begin = None if start is None else NOW + start * HOUR
    with pytest.raises(Invalid) as refused:
        price_rules.checked_span(begin, NOW + end * HOUR, NOW)
    assert (refused.value.fields[0].path, refused.value.code) == (path, code)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        price_rules.checked_span(None, datetime(2026, 7, 1), NOW)  # noqa: DTZ001 - the mistake
    assert refused.value.code == "time_zone_missing"
