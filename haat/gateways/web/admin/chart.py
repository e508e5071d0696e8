"""The market's days as a bar chart."""

from collections.abc import Sequence

from haat.domains.reach.backoffice.api import Day
from haat.gateways.web.kit import bars as chart
from haat.gateways.web.kit.bars import Bar
from haat.gateways.web.pages import money


def bars(days: Sequence[Day]) -> list[Bar]:
    """One bar a day, as high as the day's sales."""
    return chart.bars([(max(day.total.minor, 0), _told(day)) for day in days])


def _told(day: Day) -> str:
    return f"{day.day}: {money(day.total)}, {day.orders} order{'' if day.orders == 1 else 's'}"
