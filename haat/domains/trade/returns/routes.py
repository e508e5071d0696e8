"""Returns and complaints over REST, for customers, guests with an order's link, vendors, staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from haat.domains.trade.returns.api import (
    Kind,
    Return,
    ReturnItem,
    ReturnLine,
    ReturnReason,
    Returns,
    ReturnSummary,
    State,
    Text,
)
from haat.domains.trade.settlement.api import RefundPreview
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden, Unauthenticated
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["returns"])
Service = Annotated[Returns, Door(Returns)]
Cursor = Annotated[str | None, Query(max_length=300)]
# What a guest's order link ends in; who is signed in needs none.
Token = Annotated[str | None, Query(max_length=400)]
Words = Annotated[str, Field(max_length=2000)]
PictureIds = Annotated[list[UUID], Field(max_length=8)]


class ItemBody(Body):
    line_id: UUID
    quantity: Annotated[int, Field(ge=1, le=999, strict=True)]


Items = Annotated[list[ItemBody], Field(min_length=1, max_length=100)]


class PreviewBody(Body):
    """`refund_shipping`: the outward shipping as well; left out, as a request would."""

    items: Items
    refund_shipping: bool | None = None


class RequestBody(Body):
    """`picture_ids` are of pictures uploaded to /media."""

    vendor_order_id: UUID
    kind: Kind = "return"
    items: Items
    reason: ReturnReason
    text: Words = ""
    picture_ids: PictureIds = []


class MessageBody(Body):
    text: Text
    picture_ids: PictureIds = []


class ReasonBody(Body):
    text: Text


class SentBody(Body):
    tracking_number: Annotated[str, Field(max_length=80)] = ""


class ApproveBody(Body):
    """`send_back` false: the refund follows at once; left out, as its kind says."""

    refund_shipping: bool | None = None
    send_back: bool | None = None
    text: Words = ""


class ReceiveBody(Body):
    """Without `items` all of it is here; fewer need a `text`."""

    items: Items | None = None
    restock: bool = True
    text: Words = ""


@router.get("/orders/{id}/returnable", summary="What of a vendor order can be returned")
async def returnable(id: UUID, ctx: Ctx, returns: Service, token: Token = None) -> list[ReturnLine]:
    return await returns.returnable(ctx, vendor_order_id=id, token=token)


@router.get("/orders/{id}/returns", summary="The returns of a vendor order, newest first")
async def of_order(
    id: UUID, ctx: Ctx, returns: Service, token: Token = None
) -> Page[ReturnSummary]:
    return Page(items=await returns.of_order(ctx, vendor_order_id=id, token=token))


@router.post("/orders/{id}/return-preview", summary="What a return would give back")
async def preview(
    id: UUID, body: PreviewBody, ctx: Ctx, returns: Service, token: Token = None
) -> RefundPreview:
    return await returns.preview(
        ctx,
        vendor_order_id=id,
        items=_items(body.items),
        refund_shipping=body.refund_shipping,
        token=token,
    )


@router.post("/returns", status_code=201, summary="Ask for a return, or complain")
async def request(body: RequestBody, ctx: Ctx, returns: Service, token: Token = None) -> Return:
    return await returns.request(
        ctx,
        id=ctx.new_id(),
        vendor_order_id=body.vendor_order_id,
        kind=body.kind,
        items=_items(body.items),
        reason=body.reason,
        text=body.text,
        picture_ids=body.picture_ids,
        token=token,
    )


@router.get("/returns", summary="One's own returns, newest first")
async def own(
    ctx: Ctx, returns: Service, limit: Limit = 20, cursor: Cursor = None
) -> Page[ReturnSummary]:
    return await returns.own(ctx, limit=limit, cursor=cursor)


@router.get("/returns/{id}", summary="A return, for its customer, its vendor or staff")
async def one(id: UUID, ctx: Ctx, returns: Service, token: Token = None) -> Return:
    return await returns.one(ctx, id=id, token=token)


@router.post("/returns/{id}/messages", status_code=201, summary="Say something about a return")
async def say(
    id: UUID, body: MessageBody, ctx: Ctx, returns: Service, token: Token = None
) -> Return:
    return await returns.say(
        ctx,
        id=id,
        message_id=ctx.new_id(),
        text=body.text,
        picture_ids=body.picture_ids,
        token=token,
    )


@router.post("/returns/{id}/withdraw", summary="Withdraw a return")
async def withdraw(id: UUID, ctx: Ctx, returns: Service, token: Token = None) -> Return:
    return await returns.withdraw(ctx, id=id, token=token)


@router.post("/returns/{id}/sent-back", summary="The goods are on their way back")
async def sent_back(
    id: UUID, ctx: Ctx, returns: Service, body: SentBody | None = None, token: Token = None
) -> Return:
    number = body.tracking_number if body else ""
    return await returns.sent_back(ctx, id=id, tracking_number=number, token=token)


@router.post("/returns/{id}/escalate", summary="Ask staff to decide about a return")
async def escalate(
    id: UUID, body: ReasonBody, ctx: Ctx, returns: Service, token: Token = None
) -> Return:
    return await returns.escalate(ctx, id=id, text=body.text, token=token)


# For the vendor.


@router.get("/vendors/{vendor_id}/returns", summary="A vendor's returns, newest first")
async def of_vendor(
    vendor_id: UUID,
    ctx: Ctx,
    returns: Service,
    state: State | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReturnSummary]:
    return await returns.of_vendor(
        ctx, vendor_id=vendor_id, state=state, limit=limit, cursor=cursor
    )


@router.post("/vendors/{vendor_id}/returns/{id}/approve", summary="Approve a return")
async def approve(
    vendor_id: UUID, id: UUID, ctx: Ctx, returns: Service, body: ApproveBody | None = None
) -> Return:
    ctx.need_vendor(vendor_id)
    return await returns.approve(ctx, id=id, **dict(body or ApproveBody()))


@router.post("/vendors/{vendor_id}/returns/{id}/refuse", summary="Refuse a return, saying why")
async def refuse(vendor_id: UUID, id: UUID, body: ReasonBody, ctx: Ctx, returns: Service) -> Return:
    ctx.need_vendor(vendor_id)
    return await returns.refuse(ctx, id=id, text=body.text)


@router.post("/vendors/{vendor_id}/returns/{id}/receive", summary="The goods came back")
async def receive(
    vendor_id: UUID, id: UUID, ctx: Ctx, returns: Service, body: ReceiveBody | None = None
) -> Return:
    ctx.need_vendor(vendor_id)
    return await _receive(id, body, ctx, returns)


# For staff. The contract leaves it to the return who may decide; here nobody else gets to it.


def _need_staff(ctx: Context) -> None:
    if ctx.actor.type == "guest":
        raise Unauthenticated
    if not ctx.has("staff:orders"):
        raise Forbidden


@router.get("/admin/returns", summary="All returns: what staff have to decide first, then by age")
async def queue(
    ctx: Ctx,
    returns: Service,
    state: State | None = None,
    escalated: bool | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReturnSummary]:
    return await returns.queue(ctx, state=state, escalated=escalated, limit=limit, cursor=cursor)


@router.post(
    "/admin/returns/{id}/approve", summary="Staff approve a return, or try again to refund"
)
async def approve_for_vendor(
    id: UUID, ctx: Ctx, returns: Service, body: ApproveBody | None = None
) -> Return:
    _need_staff(ctx)
    return await returns.approve(ctx, id=id, **dict(body or ApproveBody()))


@router.post("/admin/returns/{id}/refuse", summary="Staff refuse a return for good")
async def refuse_for_vendor(id: UUID, body: ReasonBody, ctx: Ctx, returns: Service) -> Return:
    _need_staff(ctx)
    return await returns.refuse(ctx, id=id, text=body.text)


@router.post("/admin/returns/{id}/receive", summary="Staff say that the goods came back")
async def receive_for_vendor(
    id: UUID, ctx: Ctx, returns: Service, body: ReceiveBody | None = None
) -> Return:
    _need_staff(ctx)
    return await _receive(id, body, ctx, returns)


async def _receive(id: UUID, body: ReceiveBody | None, ctx: Ctx, returns: Returns) -> Return:
    given = body or ReceiveBody()
    items = None if given.items is None else _items(given.items)
    return await returns.receive(ctx, id=id, items=items, restock=given.restock, text=given.text)


def _items(items: list[ItemBody]) -> list[ReturnItem]:
    return [ReturnItem(line_id=item.line_id, quantity=item.quantity) for item in items]
