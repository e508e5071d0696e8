"""A bar chart as plain numbers for an inline SVG: no script, no style attributes."""

from collections.abc import Sequence
from dataclasses import dataclass

from haat.domains.reach.backoffice.api import Day
from haat.gateways.web.pages import money

WIDTH, HEIGHT = 600, 100
NONE = 1  # how high a day without sales stands, so that the days can be told apart


@dataclass(frozen=True, slots=True)
class Bar:
    """In the units of the view box; `told` is what a reader hears of it."""

    x: float
    y: float
    width: float
    height: float
    told: str


def bars(days: Sequence[Day]) -> list[Bar]:
    """One bar a day, as high as the day's sales; the highest fills the chart."""
    if not days:
        return []
    highest = max(max(day.total.minor for day in days), 1)
    slot = WIDTH / len(days)
    found = []
    for n, day in enumerate(days):
        height = max(HEIGHT * max(day.total.minor, 0) / highest, NONE)
        orders = f"{day.orders} order{'' if day.orders == 1 else 's'}"
        found.append(
            Bar(
                x=round(n * slot + slot * 0.1, 2),
                y=round(HEIGHT - height, 2),
                width=round(slot * 0.8, 2),
                height=round(height, 2),
                told=f"{day.day}: {money(day.total)}, {orders}",
            )
        )
    return found
