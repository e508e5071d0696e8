"""How a vendor does, for its portal and for the back office: figures, a chart, what counted."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from haat.domains.insight.performance.api import CountedOrder, Measure, Scorecard
from haat.gateways.web.kit.bars import HEIGHT, NONE, WIDTH, Bar
from haat.kernel.page import Page

# measure, what it is called, what counts
MEASURES: tuple[tuple[Measure, str, str], ...] = (
    ("late", "Sent late", "Sent after the time that was promised, or not yet sent after it."),
    ("cancelled", "Cancelled by the vendor", "Rejected, or cancelled before it was sent."),
    ("faulty", "Given back for a fault", "Refunded returns and complaints of goods that were"
     " damaged, wrong, incomplete, not as described, or never came."),
    ("disputed", "Disputed", "Returns that the market had to decide and did not decide for the"
     " vendor, and chargebacks that were not won."),
)  # fmt: skip
SHOWN_DAYS, LENGTH = 60, 30
Lookback = Literal["30", "90"]


@dataclass(frozen=True, slots=True)
class Chart:
    """The share of the 30 days up to each of the last 60; `limit` is where the threshold lies."""

    bars: list[Bar]
    limit: float
    first: date
    last: date
    label: str


def values_of(
    card: Scorecard, today: date, measure: Measure, days: int, orders: Page[CountedOrder]
) -> dict[str, Any]:
    """What both pages hand to their templates."""
    name = next(name for code, name, _ in MEASURES if code == measure)
    return {
        "card": card,
        "measures": MEASURES,
        "measure": measure,
        "measure_name": name,
        "days": days,
        "chart": chart_of(card, today, measure, name),
        "numbers": [one for one in reversed(card.days) if one.orders],
        "orders": orders.items,
        "next": orders.next,
    }


def chart_of(card: Scorecard, today: date, measure: Measure, name: str) -> Chart:
    threshold: int = getattr(card.policy, f"{measure}_bp")
    first = today - timedelta(days=SHOWN_DAYS - 1)
    shares = [_share(card, first + timedelta(days=n), measure) for n in range(SHOWN_DAYS)]
    top = max(*(share for share, _, _ in shares), threshold * 5 // 4, 1)
    slot = WIDTH / SHOWN_DAYS
    bars = []
    for n, (share, orders, over) in enumerate(shares):
        height = max(HEIGHT * share / top, NONE)
        day = first + timedelta(days=n)
        bars.append(
            Bar(
                x=round(n * slot + slot * 0.1, 2),
                y=round(HEIGHT - height, 2),
                width=round(slot * 0.8, 2),
                height=round(height, 2),
                tone="bad" if over else "" if share else "none",
                told=f"{day:%-d %B}: {share / 100:.2f} % of {orders}",
            )
        )
    return Chart(
        bars=bars,
        limit=round(HEIGHT - HEIGHT * threshold / top, 2),
        first=first,
        last=today,
        label=f"{name}: share of the {LENGTH} days up to each day, and the threshold",
    )


def _share(card: Scorecard, until: date, measure: Measure) -> tuple[int, int, bool]:
    """In basis points, of how many orders, and whether that was above the threshold."""
    since = until - timedelta(days=LENGTH - 1)
    within = [one for one in card.days if since <= one.day <= until]
    orders = sum(one.orders for one in within)
    count: int = sum(getattr(one, measure) for one in within)
    policy = card.policy
    judged = orders >= policy.orders_min and count >= policy.cases_min
    over = judged and count * 10_000 > getattr(policy, f"{measure}_bp") * orders
    return (count * 10_000 // orders if orders else 0), orders, over
