"""Requests for missing products over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from haat.domains.goods.requests.api import (
    Mended,
    ProductRequest,
    Reason,
    Requests,
    RequestState,
    Wanted,
)
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter(tags=["requests"])
Asked = Annotated[Requests, Door(Requests)]
PageLimit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=1000)]


class WantedBody(Wanted, Body):
    """The product that is missing; `price` as {"minor": 1299, "currency": "USD"}."""


class ApprovalBody(Body):
    """`mended`: what is written differently. `productId`: there is such a product; the vendor's
    offer is attached to it, to `variantId` where it has several."""

    mended: Mended | None = None
    product_id: UUID | None = None
    variant_id: UUID | None = None


class RefusalBody(Body):
    reason: Reason


@router.post("/product-requests", status_code=201, summary="Ask for a product that is missing")
async def ask(body: WantedBody, ctx: Ctx, requests: Asked) -> ProductRequest:
    wanted = Wanted(**dict(body))
    return await requests.ask(ctx, id=ctx.new_id(), vendor_id=ctx.acting_vendor, wanted=wanted)


@router.get("/product-requests", summary="The acting vendor's requests, newest first")
async def own(
    ctx: Ctx, requests: Asked, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[ProductRequest]:
    return await requests.own(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


@router.get("/product-requests/{id}", summary="A request; for staff with what may be the same")
async def read(id: UUID, ctx: Ctx, requests: Asked) -> ProductRequest:
    return await requests.request(ctx, id=id)


@router.post("/product-requests/{id}/withdraw", summary="Ask for it no more")
async def withdraw(id: UUID, ctx: Ctx, requests: Asked) -> ProductRequest:
    return await requests.withdraw(ctx, id=id)


@router.get("/admin/product-requests", summary="What vendors ask for")
async def queue(
    ctx: Ctx,
    requests: Asked,
    state: RequestState = "open",
    limit: PageLimit = 50,
    cursor: Cursor = None,
) -> Page[ProductRequest]:
    return await requests.queue(ctx, state=state, limit=limit, cursor=cursor)


@router.post("/admin/product-requests/{id}/approve", summary="Make it, or attach to what is there")
async def approve(id: UUID, body: ApprovalBody, ctx: Ctx, requests: Asked) -> ProductRequest:
    return await requests.approve(
        ctx, id=id, mended=body.mended, product_id=body.product_id, variant_id=body.variant_id
    )


@router.post("/admin/product-requests/{id}/refuse", summary="Refuse it, with a reason")
async def refuse(id: UUID, body: RefusalBody, ctx: Ctx, requests: Asked) -> ProductRequest:
    return await requests.refuse(ctx, id=id, reason=body.reason)
