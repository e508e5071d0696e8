"""Two bars for each vendor, as plain numbers for an inline SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from haat.domains.money.payouts.api import DryRunVendor
from haat.gateways.web.pages import money

WIDTH, HEIGHT = 600, 100
MOST = 12  # vendors in the chart; the table has them all


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


def pairs(found: Sequence[DryRunVendor], names: Mapping[UUID, str]) -> list[Pair]:
    """What was taken beside what would be; the highest bar fills the chart."""
    shown = found[:MOST]
    highest = max((max(one.actual.minor, one.would_be.minor) for one in shown), default=0)
    made = []
    for n, one in enumerate(shown):
        slot = WIDTH / len(shown)
        height, other = (
            max(round(HEIGHT * max(amount.minor, 0) / max(highest, 1), 2), 1)
            for amount in (one.actual, one.would_be)
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
                told=f"{names.get(one.vendor_id, 'A vendor')}: {money(one.actual)} was taken,"
                f" {money(one.would_be)} would be",
            )
        )
    return made
