"""Refunds over REST, for staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from haat.domains.trade.settlement.api import RefundResult, Settlement
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.money import Money
from haat.kernel.page import Page

router = APIRouter(tags=["refunds"])


class RefundBody(Body):
    """Without `amount`, all that is left of the vendor order is given back."""

    vendor_order_id: UUID
    amount: Money | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.post("/payments/refund", status_code=201, summary="Refund a vendor order, wholly or partly")
async def refund(
    body: RefundBody, ctx: Ctx, settlement: Annotated[Settlement, Door(Settlement)]
) -> RefundResult:
    return await settlement.refund(
        ctx,
        id=ctx.new_id(),
        vendor_order_id=body.vendor_order_id,
        amount=body.amount,
        reason=body.reason,
    )


@router.get("/admin/refunds", summary="Refunds of vendor orders, newest first")
async def refunds(
    vendor_order_id: Annotated[list[UUID], Query(alias="vendorOrderId", max_length=100)],
    ctx: Ctx,
    settlement: Annotated[Settlement, Door(Settlement)],
) -> Page[RefundResult]:
    found = await settlement.refunds(ctx, vendor_order_ids=vendor_order_id)
    return Page(items=found)
