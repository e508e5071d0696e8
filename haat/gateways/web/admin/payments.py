"""Payments as the providers know them, newest first."""

from fastapi import APIRouter, Response

from haat.domains.money.payments.api import Payments
from haat.gateways.web.admin.office import Staff, page

router = APIRouter()
HERE = "/admin/payments"


@router.get("/admin/payments")
async def listed(visit: Staff, cursor: str | None = None) -> Response:
    found = await visit.doors[Payments].listed(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "payments.html",
        HERE,
        payments=found.items,
        next=found.next,
        may_open=visit.ctx.has("staff:orders"),
    )
