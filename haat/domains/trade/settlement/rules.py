"""Decisions of settlement: what a tender's answer means, and how long to wait."""

from datetime import timedelta
from typing import Literal

from haat.domains.money.payments.api import Hold, Status
from haat.domains.money.payouts.api import EarningDraft
from haat.domains.trade.orders.api import Order

RETRY_FIRST_S = 2
RETRY_MOST_S = 300


def retry_after(attempts: int) -> timedelta:
    """2 s, doubling, at most 5 minutes: for what waits for a provider that is away."""
    return timedelta(seconds=min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** min(attempts, 16)))


def captured_as(hold: Hold) -> Literal["captured", "failed", "pending"]:
    """What the provider's answer to a capture means. A payment that ended otherwise will never be
    captured; one that is not decided may be."""
    meaning: dict[Status, Literal["captured", "failed", "pending"]] = {
        "captured": "captured",
        "capture_failed": "failed",
        "voided": "failed",
        "declined": "failed",
    }
    return meaning.get(hold.status, "pending")


def earnings_in(order: Order) -> list[EarningDraft]:
    """What each vendor earns of a captured order. Vendor orders that cost nothing earn nothing."""
    return [
        EarningDraft(
            vendor_order_id=part.id,
            order_id=order.id,
            vendor_id=part.vendor_id,
            order_number=part.number,
            gross=part.totals.total,
            commission=part.commission,
            tax=part.totals.tax,
            net=part.net,
        )
        for part in order.vendor_orders
        if part.totals.total.minor > 0
    ]
