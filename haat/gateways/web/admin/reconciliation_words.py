"""Runs and differences in words, and a run as one bar for an inline SVG."""

from collections.abc import Mapping
from dataclasses import dataclass

from haat.domains.money.reconciliation.api import Difference, Run

WIDTH, HEIGHT = 600, 24
SLICE_MIN = 6.0  # what is there is seen, also beside a hundred thousand others
KINDS: Mapping[str, str] = {
    "missing_there": "Not in their report",
    "missing_here": "Not known to us",
    "amount": "Another amount",
    "fee": "Fees they kept",
    "status": "Came back",
}
MOVED: Mapping[str, str] = {
    "capture": "Payment",
    "refund": "Refund",
    "payout": "Payout",
    "dispute": "Dispute",
    "dispute_won": "Dispute won",
    "dispute_fee": "Dispute fee",
    "fee": "Fee",
    "other": "Movement",
}
STATES: Mapping[str, str] = {
    "open": "Open",
    "booked": "Booked",
    "dismissed": "Dismissed",
    "settled": "Settled by a later run",
}
# What the button says; a proposal that is not here is for people to do.
BOOKING: Mapping[str, str] = {
    "book_fee": "Book the fees",
    "book_difference": "Book it",
    "confirm_transfer": "Confirm the payment",
    "settle_payout": "Settle the payout",
    "fail_payout": "Let the payout fail",
}
DONE: Mapping[str, str] = {
    "book_fee": "The fees are booked.",
    "book_difference": "The difference is booked.",
    "confirm_transfer": "The payment is confirmed.",
    "settle_payout": "The payout is settled.",
    "fail_payout": "The payout has failed; its amount is on the vendor's balance again.",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """In the units of the view box."""

    x: float
    width: float
    look: str
    text: str
    count: int


def slices(run: Run) -> list[Slice]:
    """What agrees, what was dealt with, what is open; together they fill the bar."""
    parts = (
        ("", "agree", run.matched),
        ("was", "dealt with", run.differences - run.open),
        ("todo", "open", run.open),
    )
    whole = sum(count for _, _, count in parts)
    if whole == 0:
        return []
    widths = [max(WIDTH * count / whole, SLICE_MIN) if count else 0.0 for _, _, count in parts]
    widest = widths.index(max(widths))
    widths[widest] -= sum(widths) - WIDTH  # the small ones are drawn wider than they are
    found, x = [], 0.0
    for (look, text, count), width in zip(parts, widths, strict=True):
        if count:
            found.append(Slice(round(x, 2), round(width, 2), look, text, count))
        x += width
    return found


def told(run: Run) -> str:
    """The bar for those who do not see it."""
    return ", ".join(f"{one.count:,} {one.text}" for one in slices(run))


def decided(one: Difference) -> str:
    """What the page says after a decision."""
    if one.status == "dismissed":
        return "The difference is dismissed."
    return DONE.get(one.proposal.action, "Done.")
