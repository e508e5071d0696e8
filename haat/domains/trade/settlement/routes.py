"""Refunds and chargebacks over REST, for staff."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from haat.domains.trade.settlement.api import OrderDispute, RefundItem, RefundResult, Settlement
from haat.engines.http import Ctx, Door
from haat.engines.http.promises import KEYED
from haat.kernel.model import Body
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["refunds"])


class ItemBody(Body):
    line_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999, strict=True)]


class RefundBody(Body):
    """`items` and/or that much of `shipping`, tax included; or an `amount` over all lines; or, with
    none of them, all that is left of the vendor order."""

    vendor_order_id: UUID
    amount: Money | None = None
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=500)] | None = None
    shipping: Money | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.post(
    "/payments/refund",
    status_code=201,
    summary="Refund a vendor order, wholly or partly",
    openapi_extra=KEYED,
)
async def refund(
    body: RefundBody, ctx: Ctx, settlement: Annotated[Settlement, Door(Settlement)]
) -> RefundResult:
    return await settlement.refund(
        ctx,
        id=ctx.new_id(),
        vendor_order_id=body.vendor_order_id,
        amount=body.amount,
        items=_items(body.items),
        shipping=body.shipping,
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


@router.get("/admin/disputes", summary="Chargebacks, newest first")
async def disputes(
    ctx: Ctx,
    settlement: Annotated[Settlement, Door(Settlement)],
    status: Literal["open", "won", "lost"] | None = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Page[OrderDispute]:
    return await settlement.disputes(ctx, status=status, limit=limit, cursor=cursor)


def _items(items: list[ItemBody] | None) -> list[RefundItem] | None:
    if items is None:
        return None
    return [RefundItem(line_id=item.line_id, quantity=item.quantity) for item in items]
