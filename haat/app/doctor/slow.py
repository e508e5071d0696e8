"""The drill on a slow provider: it charges, and answers when nobody waits any more."""

import time
from uuid import UUID

from haat.app.doctor.cards import LOST_ANSWER_S, NEVER_ANSWERS
from haat.app.doctor.findings import Broken, Notes
from haat.app.doctor.ward import Bought, Ward

HOLD = "payments.hold (haat/domains/money/payments/service/charging.py)"


async def slow_provider(ward: Ward, notes: Notes) -> None:
    began = time.monotonic()
    first = await ward.buy("slow", "slow", NEVER_ANSWERS)
    notes.saw(
        f"the provider charged and kept silent for {LOST_ANSWER_S:.0f} s; the customer was answered"
        f" {first.told()} after {time.monotonic() - began:.1f} s"
    )
    if first.status >= 500 or first.checkout_id is None:
        raise Broken(f"a customer whose provider is slow was answered {first.told()}: {HOLD}")
    ended = await ward.outcome(first)
    notes.saw(f"the checkout ended {ended.code} after {time.monotonic() - began:.1f} s")
    await _money_fits(ward, notes, first.checkout_id, ended)


async def _money_fits(ward: Ward, notes: Notes, checkout: UUID, ended: Bought) -> None:
    """Charged once for an order, never without one."""
    there = await ward.orders([checkout])
    if ended.is_placed:
        await ward.paid([checkout])
    payment = await ward.payment(checkout)
    charged = await ward.cards.charged([payment.id])
    notes.saw(f"{len(there)} order, charged {charged} of {payment.amount.minor}")
    due = payment.amount.minor if ended.is_placed else 0
    if len(there) != int(ended.is_placed) or charged != due:
        raise Broken(
            f"a checkout that ended {ended.code} has {len(there)} orders and was charged {charged}"
            f" where {due} was due: what a provider did without an answer is not asked; {HOLD}"
        )
