"""Receipts over REST: what they say, and as PDF."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from haat.domains.money.statements.api import Document
from haat.domains.trade.receipts.api import CreditNote, Receipt, Receipts
from haat.engines.http import Ctx, Door

router = APIRouter(tags=["receipts"])
ReceiptsDoor = Annotated[Receipts, Door(Receipts)]


def _answer(file: Document) -> Response:
    headers = {"content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, headers=headers, media_type=file.media_type)


@router.get("/orders/link/{token}/receipt", summary="A receipt by a guest's signed link")
async def receipt_by_link(token: str, ctx: Ctx, receipts: ReceiptsDoor) -> Receipt:
    return await receipts.receipt(ctx, link=token)


@router.get("/orders/link/{token}/receipt.pdf", summary="The same as PDF", response_model=None)
async def file_by_link(token: str, ctx: Ctx, receipts: ReceiptsDoor) -> Response:
    return _answer(await receipts.receipt_file(ctx, link=token))


@router.post(
    "/orders/link/{token}/receipt/send", status_code=202, summary="Mail the receipt once more"
)
async def send_by_link(token: str, ctx: Ctx, receipts: ReceiptsDoor) -> None:
    await receipts.send(ctx, link=token)


@router.get("/orders/{ref}/receipt", summary="What the receipt of a paid order says")
async def receipt(ref: str, ctx: Ctx, receipts: ReceiptsDoor) -> Receipt:
    return await receipts.receipt(ctx, ref=ref)


@router.get("/orders/{ref}/receipt.pdf", summary="A receipt as PDF", response_model=None)
async def receipt_file(ref: str, ctx: Ctx, receipts: ReceiptsDoor) -> Response:
    return _answer(await receipts.receipt_file(ctx, ref=ref))


@router.post("/orders/{ref}/receipt/send", status_code=202, summary="Mail the receipt once more")
async def send(ref: str, ctx: Ctx, receipts: ReceiptsDoor) -> None:
    await receipts.send(ctx, ref=ref)


@router.get("/orders/{ref}/credit-notes", summary="Credit notes of what was given back")
async def credit_notes(ref: str, ctx: Ctx, receipts: ReceiptsDoor) -> list[CreditNote]:
    return await receipts.credit_notes(ctx, ref=ref)


@router.get(
    "/orders/{ref}/credit-notes/{refund_id}.pdf",
    summary="A credit note as PDF",
    response_model=None,
)
async def credit_note_file(ref: str, refund_id: UUID, ctx: Ctx, receipts: ReceiptsDoor) -> Response:
    return _answer(await receipts.credit_note_file(ctx, refund_id=refund_id, ref=ref))


@router.get("/orders/{id}/packing-slip.pdf", summary="What to pack", response_model=None)
async def packing_slip(id: UUID, ctx: Ctx, receipts: ReceiptsDoor) -> Response:
    return _answer(await receipts.packing_slip(ctx, id=id))
