"""A vendor's onboarding over REST: what is left, business data, documents, terms."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import Field

from haat.domains.people.onboarding.api import (
    DOCUMENT_BYTES_MAX,
    Acceptance,
    BusinessData,
    Document,
    DocumentType,
    Onboarding,
    Progress,
    Terms,
)
from haat.engines.http import Ctx, Door
from haat.kernel.errors import Forbidden, Invalid
from haat.kernel.model import Body

router = APIRouter(tags=["onboarding"])
Service = Annotated[Onboarding, Door(Onboarding)]


class BusinessBody(Body, BusinessData):
    pass


class AcceptanceBody(Body):
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]


@router.get("/vendors/{id}/onboarding", summary="What the market asks a vendor for")
async def progress(id: UUID, ctx: Ctx, onboarding: Service) -> Progress:
    return await onboarding.progress(ctx, vendor_id=id)


@router.put("/vendors/{id}/onboarding/business", summary="Say who stands behind a store")
async def business(id: UUID, body: BusinessBody, ctx: Ctx, onboarding: Service) -> Progress:
    return await onboarding.save_business(ctx, vendor_id=id, data=BusinessData(**dict(body)))


@router.post("/vendors/{id}/onboarding/submit", summary="Hand an application to the staff")
async def submit(id: UUID, ctx: Ctx, onboarding: Service) -> Progress:
    return await onboarding.submit(ctx, vendor_id=id)


@router.get("/vendors/{id}/documents", summary="A vendor's papers, without what stands in them")
async def documents(id: UUID, ctx: Ctx, onboarding: Service) -> list[Document]:
    return await onboarding.documents(ctx, vendor_id=id)


@router.post(
    "/vendors/{id}/onboarding/{item_id}/documents", status_code=201, summary="Send a paper"
)
async def add_document(
    id: UUID, item_id: UUID, ctx: Ctx, onboarding: Service, file: Annotated[UploadFile, File()]
) -> Document:
    return await _add(id, item_id, ctx, onboarding, file)


@router.post("/vendors/{id}/kyc", status_code=201, summary="Send a paper by its type")
async def add_by_type(
    id: UUID,
    ctx: Ctx,
    onboarding: Service,
    type: Annotated[DocumentType, Form()],
    file: Annotated[UploadFile, File()],
) -> Document:
    """For the first item of the checklist that asks for such a paper."""
    asked = (await onboarding.progress(ctx, vendor_id=id)).items
    for one in sorted(asked, key=lambda one: one.state in ("done", "waived")):
        if one.item.document_type == type:
            return await _add(id, one.item.id, ctx, onboarding, file)
    kinds = sorted({one.item.document_type for one in asked if one.item.document_type})
    message = f"This market asks for: {', '.join(kinds) or 'no papers'}."
    raise Invalid.at("type", message, "document_type_not_asked")


async def _add(
    vendor_id: UUID, item_id: UUID, ctx: Ctx, onboarding: Onboarding, file: UploadFile
) -> Document:
    if ctx.actor.type == "person" and "vendor:profile" not in ctx.scopes:
        raise Forbidden  # before a file is read for who may not send one
    content = await file.read(DOCUMENT_BYTES_MAX + 1)
    return await onboarding.add_document(
        ctx,
        id=ctx.new_id(),
        vendor_id=vendor_id,
        item_id=item_id,
        name=(file.filename or "document")[:200],
        content=content,
    )


@router.delete("/vendors/{id}/documents/{document_id}", status_code=204, summary="Remove a paper")
async def remove_document(id: UUID, document_id: UUID, ctx: Ctx, onboarding: Service) -> None:
    ctx.need_vendor(id)
    await onboarding.remove_document(ctx, id=document_id)


@router.get("/vendor-terms", summary="The market's terms for vendors, as they are now")
async def terms(ctx: Ctx, onboarding: Service) -> Terms | None:
    return await onboarding.terms(ctx)


@router.get("/vendor-terms/{version}", summary="One version of the terms for vendors")
async def terms_of(version: int, ctx: Ctx, onboarding: Service) -> Terms | None:
    return await onboarding.terms(ctx, version=version)


@router.post("/vendors/{id}/terms", status_code=201, summary="Accept the terms for vendors")
async def accept(id: UUID, body: AcceptanceBody, ctx: Ctx, onboarding: Service) -> Acceptance:
    return await onboarding.accept_terms(ctx, vendor_id=id, version=body.version)
