"""What the payment provider of the replay reports: customers' payments as the files have them, and
what it gave back and paid out by its own books."""

import csv
import io
from datetime import datetime
from uuid import UUID

from tests.sim import olist_files as given
from tests.sim.olist_replay import Replay

HEAD = ["id", "kind", "provider_ref", "our_id", "amount", "fee", "currency", "at", "text"]


def report(
    replay: Replay, payments: dict[str, list[given.Row]], since: datetime, until: datetime
) -> bytes:
    """The documented CSV, of what happened with since ≤ at < until. An order's vouchers, cards and
    instalments are one payment; an order that was never placed has a reference nobody knows."""
    refs = {one.reference: one.ref for one in replay.world.network.payments.values()}
    lines = []
    for id, rows in payments.items():
        at = given.moment(replay.files.orders[id]["order_purchase_timestamp"])
        minor = sum(given.cents(row["payment_value"]) for row in rows)
        ref = refs.get(str(UUID(id)), f"unknown {id}")
        lines.append((f"pay {id}", "capture", ref, "", minor, at, f"order {id}"))
    for refund in replay.world.network.refunds.values():
        at = replay.refunded_at[refund.payment_id]
        minor = -refund.amount.minor
        lines.append((f"re {refund.id}", "refund", "", str(refund.id), minor, at, ""))
    for payout in replay.world.network.payouts.values():
        assert replay.paid_out_at is not None
        at, minor = replay.paid_out_at, -payout.amount.minor
        lines.append((f"po {payout.id}", "payout", "", str(payout.id), minor, at, ""))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for id, kind, ref, our_id, minor, at, text in lines:
        if since <= at < until:
            amount = f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02}"
            writer.writerow([id, kind, ref, our_id, amount, "0.00", "BRL", at.isoformat(), text])
    return out.getvalue().encode()
