"""Two bars a day, credits that came and credits that went, as numbers for an inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from haat.domains.money.wallet.api import CREDITS, FlowDay
from haat.gateways.web.pages import money
from haat.kernel.money import Money

WIDTH, HEIGHT = 600, 100
KINDS = ("topup", "granted", "refunded", "spent", "withdrawn", "reversed")


@dataclass(frozen=True, slots=True)
class Pair:
    """In the units of the view box; `told` is what a reader hears of it."""

    x: float
    other_x: float
    width: float
    y: float
    height: float
    other_y: float
    other_height: float
    told: str


def came(day: FlowDay) -> int:
    return day.topup + day.granted + day.refunded


def went(day: FlowDay) -> int:
    return day.spent + day.withdrawn + day.reversed


def pairs(days: Sequence[FlowDay]) -> list[Pair]:
    """What came beside what went; the highest bar fills the chart, and each can be seen."""
    highest = max((max(came(day), went(day)) for day in days), default=0)
    slot = WIDTH / max(len(days), 1)
    made = []
    for n, day in enumerate(days):
        height, other = (
            max(round(HEIGHT * minor / max(highest, 1), 2), 1) for minor in (came(day), went(day))
        )
        made.append(
            Pair(
                x=round(n * slot + slot * 0.1, 2),
                other_x=round(n * slot + slot * 0.5, 2),
                width=round(slot * 0.38, 2),
                y=round(HEIGHT - height, 2),
                height=height,
                other_y=round(HEIGHT - other, 2),
                other_height=other,
                told=f"{day.day.date()}: {money(credits(came(day)))} came,"
                f" {money(credits(went(day)))} went",
            )
        )
    return made


def sums(days: Sequence[FlowDay]) -> list[tuple[str, Money]]:
    """Every kind over all the days."""
    return [(kind, credits(sum(getattr(day, kind) for day in days))) for kind in KINDS]


def credits(minor: int) -> Money:
    return Money(minor=minor, currency=CREDITS)
