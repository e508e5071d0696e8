"""A bar chart of amounts as plain numbers for an inline SVG: no script, no style attributes."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 100
NONE = 1  # how high a bar of nothing stands, so that the bars can be told apart


@dataclass(frozen=True, slots=True)
class Bar:
    """In the units of the view box; `tone` is "none" for nothing and "was" below zero; `told` is
    what a reader hears of it."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    told: str


def bars(values: Sequence[tuple[int, str]]) -> list[Bar]:
    """One bar for each (minor units, what is told of it). The highest above zero and the lowest
    below it fill the chart together; what is below zero hangs from where the others stand."""
    if not values:
        return []
    top = max(max(minor for minor, _ in values), 0)
    low = max(-min(minor for minor, _ in values), 0)
    whole = max(top + low, 1)
    floor = HEIGHT * top / whole if low else HEIGHT
    slot = WIDTH / len(values)
    found = []
    for n, (minor, told) in enumerate(values):
        height = max(HEIGHT * abs(minor) / whole, NONE)
        found.append(
            Bar(
                x=round(n * slot + slot * 0.1, 2),
                y=round(floor if minor < 0 else max(floor - height, 0), 2),
                width=round(slot * 0.8, 2),
                height=round(height, 2),
                tone="was" if minor < 0 else "" if minor else "none",
                told=told,
            )
        )
    return found
