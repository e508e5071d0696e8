from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.domains.people.vendors.api import Hours, Span
from haat.domains.people.vendors.opening import checked_hours, open_at
from haat.kernel.errors import Invalid

NINE_TO_FIVE = [Span(opens="09:00", closes="17:00")]
CLOSED: list[Span] = []
WORKDAYS = Hours(timezone="Europe/Berlin", week=[NINE_TO_FIVE] * 5 + [CLOSED] * 2)
ALWAYS = Hours(timezone="UTC", week=[[Span(opens="00:00", closes="24:00")]] * 7)
# Over midnight, written as two spans.
BAR = Hours(
    timezone="America/New_York",
    week=[[Span(opens="00:00", closes="02:00"), Span(opens="20:00", closes="24:00")]] * 7,
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "is_open", "changes"),
    [
        (WORKDAYS, "2026-11-23T07:59", False, "2026-11-23T08:00"),  # Monday, winter: UTC+1
        (WORKDAYS, "2026-11-23T08:00", True, "2026-11-23T16:00"),
        (WORKDAYS, "2026-11-23T16:00", False, "2026-11-24T08:00"),
        (WORKDAYS, "2026-11-27T18:00", False, "2026-11-30T08:00"),  # over the weekend
        (WORKDAYS, "2026-07-06T07:00", True, "2026-07-06T15:00"),  # summer: UTC+2
        (WORKDAYS, "2026-03-27T20:00", False, "2026-03-30T07:00"),  # the clocks change between
        (BAR, "2026-11-24T03:00", True, "2026-11-24T07:00"),  # 22:00 there, until 2:00
        (BAR, "2026-11-24T07:00", False, "2026-11-25T01:00"),
        (ALWAYS, "2026-11-24T07:00", True, None),
        (Hours(timezone="UTC", week=[CLOSED] * 7), "2026-11-24T07:00", False, None),
    ],
)
def test_open_or_closed(hours: Hours, now: str, is_open: bool, changes: str | None) -> None:
    assert open_at(hours, utc(now)) == (is_open, utc(changes) if changes else None)


def test_the_day_the_clocks_change() -> None:
    nights = Hours(timezone="Europe/Berlin", week=[[Span(opens="00:00", closes="06:00")]] * 7)
    # 29 March 2026: from 2:00 to 3:00 on the wall; the night has five hours.
    assert open_at(nights, utc("2026-03-28T23:30")) == (True, utc("2026-03-29T04:00"))
    # 25 October 2026: seven.
    assert open_at(nights, utc("2026-10-24T22:30")) == (True, utc("2026-10-25T05:00"))


@pytest.mark.parametrize(
    ("timezone", "spans", "path"),
    [
        ("Mars/Olympus", NINE_TO_FIVE, "timezone"),
        ("../../etc/passwd", NINE_TO_FIVE, "timezone"),
        ("", NINE_TO_FIVE, "timezone"),
        ("UTC", [Span(opens="17:00", closes="09:00")], "week.0"),
        ("UTC", [Span(opens="09:00", closes="09:00")], "week.0"),
        ("UTC", [*NINE_TO_FIVE, Span(opens="16:00", closes="18:00")], "week.0"),
    ],
)
def test_hours_that_are_none(timezone: str, spans: list[Span], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_hours(Hours(timezone=timezone, week=[spans] + [CLOSED] * 6))
    assert refused.value.fields[0].path == path


@pytest.mark.parametrize("clock", ["24:01", "9:00", "25:00", "12:60", "٠٩:٠٠", "09:00\n", ""])
def test_clocks_that_are_none(clock: str) -> None:
    with pytest.raises(ValueError):
        Span(opens=clock, closes="23:00")


@given(
    minutes=st.lists(
        st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(sorted),
        min_size=7, max_size=7,
    ),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati"]),
    at=st.integers(0, 700 * 24 * 60).map(lambda n: utc("2026-01-01T00:00") + timedelta(minutes=n)),
)  # fmt: skip
def test_what_is_told_to_change_does(minutes: list[list[int]], zone: str, at: datetime) -> None:
    def clock(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    def spans(day: list[int]) -> list[Span]:
        pairs: Any = zip(day[::2], day[1::2], strict=False)
        return [Span(opens=clock(a), closes=clock(b)) for a, b in pairs]

    hours = checked_hours(Hours(timezone=zone, week=[spans(day) for day in minutes]))
    is_open, changes = open_at(hours, at)
    if changes is not None:
        assert changes > at
        assert open_at(hours, changes)[0] is not is_open
