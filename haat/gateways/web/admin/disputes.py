"""Chargebacks: what providers hold back or have taken, and on which vendors it falls."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from haat.domains.money.payments.api import Dispute
from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.settlement.api import Settlement
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.store.paying import labels
from haat.kernel.errors import NotFound

router = APIRouter()
HERE = "/admin/payments"
STATUSES = (("", "All"), ("open", "Open"), ("lost", "Lost"), ("won", "Won"))
SOON = timedelta(days=3)


@router.get("/admin/disputes")
async def listed(
    visit: Staff, status: Literal["open", "won", "lost", ""] = "", cursor: str | None = None
) -> Response:
    found = await visit.doors[Settlement].disputes(
        visit.ctx, status=status or None, cursor=cursor or None
    )
    return page(
        visit,
        "disputes.html",
        HERE,
        disputes=[(one, _urgency(one.dispute, visit.ctx.now())) for one in found.items],
        next=found.next,
        statuses=STATUSES,
        chosen=status,
        labels=await labels(visit),
    )


@router.get("/admin/disputes/{order_id}")
async def show(visit: Staff, order_id: UUID) -> Response:
    """The disputes of an order; as a rule there is one."""
    found = await visit.doors[Settlement].disputes(visit.ctx, order_ids=[order_id])
    if not found.items:
        raise NotFound
    order: Order = await visit.doors[Orders].order(visit.ctx, ref=str(order_id))
    return page(
        visit,
        "dispute.html",
        HERE,
        disputes=[(one, _urgency(one.dispute, visit.ctx.now())) for one in found.items],
        order=order,
        parts_of={part.id: part for part in order.vendor_orders},
        labels=await labels(visit),
    )


def _urgency(dispute: Dispute, now: datetime) -> str:
    """Of the evidence: "late", "soon", or "" when there is time or nothing to send."""
    if dispute.status != "open" or dispute.evidence_due is None:
        return ""
    left = dispute.evidence_due - now
    return "late" if left <= timedelta(0) else "soon" if left <= SOON else ""
