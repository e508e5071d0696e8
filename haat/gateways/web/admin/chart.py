"""A bar chart as plain numbers for an inline SVG: no script, no style attributes."""

from collections.abc import Sequence
from dataclasses import dataclass

from haat.domains.reach.backoffice.api import Day
from haat.gateways.web.pages import money

WIDTH, HEIGHT = 600, 150
TOP, BOTTOM = 10, 20  # room above the highest bar, and for the dates below


@dataclass(frozen=True, slots=True)
class Bar:
    """In the units of the view box; `told` is what a reader hears of it."""

    x: float
    y: float
    width: float
    height: float
    label: str
    told: str


def bars(days: Sequence[Day]) -> list[Bar]:
    """One bar a day, as high as the day's sales; the highest fills the chart."""
    if not days:
        return []
    highest = max(max(day.total.minor for day in days), 1)
    slot = WIDTH / len(days)
    room = HEIGHT - TOP - BOTTOM
    found = []
    for n, day in enumerate(days):
        height = max(room * max(day.total.minor, 0) / highest, 1)
        orders = f"{day.orders} order{'' if day.orders == 1 else 's'}"
        found.append(
            Bar(
                x=round(n * slot + slot * 0.1, 2),
                y=round(HEIGHT - BOTTOM - height, 2),
                width=round(slot * 0.8, 2),
                height=round(height, 2),
                label=f"{int(day.day[8:10])}.{int(day.day[5:7])}.",
                told=f"{day.day}: {money(day.total)}, {orders}",
            )
        )
    return found
