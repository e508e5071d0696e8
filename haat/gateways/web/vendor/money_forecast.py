"""What becomes available in the next weeks, day by day, as a chart and a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from haat.domains.money.payouts.api import BalanceForecast, ForecastDay
from haat.gateways.web.kit.bars import Bar, bars
from haat.gateways.web.pages import money
from haat.kernel.money import Money, total

WEEKS_LEAST, WEEKS_MOST = 2, 8


@dataclass(frozen=True, slots=True)
class Coming:
    """`bars` from `first` to `last`; `days` are those with money, `later` what comes after."""

    first: date
    last: date
    bars: list[Bar]
    days: list[ForecastDay]
    later: list[ForecastDay]
    whole: Money
    waiting: list[tuple[str, Money]]  # by blocker, the largest first


def shown(found: BalanceForecast, today: date, currency: str) -> Coming:
    """Whole weeks from today on, as many as are needed, within limits."""
    ahead = max(((one.day - today).days for one in found.days), default=0)
    weeks = min(max(ahead // 7 + 1, WEEKS_LEAST), WEEKS_MOST)
    last = today + timedelta(days=7 * weeks - 1)
    near = [one for one in found.days if one.day <= last]
    return Coming(
        first=today,
        last=last,
        bars=_bars(near, today, 7 * weeks),
        days=near,
        later=[one for one in found.days if one.day > last],
        whole=total((one.amount for one in found.days), currency),
        waiting=sorted(found.waiting.items(), key=lambda entry: (-abs(entry[1].minor), entry[0])),
    )


def _bars(days: Sequence[ForecastDay], today: date, count: int) -> list[Bar]:
    """What was due before today counts for today."""
    minors, told = [0] * count, [""] * count
    for one in days:
        at = max((one.day - today).days, 0)
        minors[at] += one.amount.minor
        told[at] = f"{one.day:%-d %B}: {money(one.amount)}"
    return bars(
        [
            (minor, words or f"{today + timedelta(days=n):%-d %B}: nothing")
            for n, (minor, words) in enumerate(zip(minors, told, strict=True))
        ]
    )
