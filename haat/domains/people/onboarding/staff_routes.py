"""Onboarding over REST for staff: the checklist, applications, papers, terms."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field, model_validator

from haat.domains.people.onboarding.api import (
    Acceptance,
    Case,
    Document,
    Entry,
    Item,
    ListedItem,
    Look,
    NotAccepted,
    Note,
    Progress,
    Stage,
    Terms,
    TermsDraft,
)
from haat.domains.people.onboarding.routes import Service, router
from haat.domains.people.onboarding.rules import decision_to
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.engines.http import Ctx, Door
from haat.kernel.errors import NotFound
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

__all__ = ["router"]

Cursor = Annotated[str | None, Query(max_length=500)]
PageNumber = Annotated[int, Query(ge=1, le=30)]


class ItemBody(Body, Item):
    pass


class TermsBody(Body, TermsDraft):
    pass


class DecisionBody(Body):
    """A decision, or the status it shall lead to. `reason`: what the vendor reads."""

    decision: Literal["approve", "reject", "request_changes", "suspend", "reinstate"] | None = None
    status: Literal["active", "rejected", "suspended"] | None = None
    reason: Annotated[str, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def one_of_both(self) -> "DecisionBody":
        if (self.decision is None) == (self.status is None):
            raise ValueError("Give either a decision or a status.")
        return self


class VerdictBody(Body):
    """`reason` is needed to refuse; the vendor reads it."""

    verified: bool
    reason: Note = ""


class WaiverBody(Body):
    """`note` is needed to go without the item."""

    waived: bool
    note: Note = ""


class RemarkBody(Body):
    text: Annotated[str, Field(min_length=1, max_length=1000)]


@router.get("/admin/onboarding/items", summary="What vendors are asked for")
async def items(ctx: Ctx, onboarding: Service) -> list[ListedItem]:
    return await onboarding.checklist(ctx)


@router.post("/admin/onboarding/items", status_code=201, summary="Ask vendors for something more")
async def add_item(body: ItemBody, ctx: Ctx, onboarding: Service) -> ListedItem:
    return await onboarding.save_item(ctx, id=ctx.new_id(), item=Item(**dict(body)))


@router.put("/admin/onboarding/items/{id}", summary="Change what vendors are asked for")
async def save_item(id: UUID, body: ItemBody, ctx: Ctx, onboarding: Service) -> ListedItem:
    return await onboarding.save_item(ctx, id=id, item=Item(**dict(body)))


@router.delete("/admin/onboarding/items/{id}", status_code=204, summary="Ask for it no more")
async def remove_item(id: UUID, ctx: Ctx, onboarding: Service) -> None:
    await onboarding.remove_item(ctx, id=id)


@router.get("/admin/applications", summary="Applications of vendors, oldest first")
async def cases(
    ctx: Ctx,
    onboarding: Service,
    stage: Stage | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Case]:
    return await onboarding.cases(ctx, stage=stage, limit=limit, cursor=cursor)


@router.get("/admin/vendors/{id}/onboarding", summary="How far a vendor has come")
async def progress_of(id: UUID, ctx: Ctx, onboarding: Service) -> Progress:
    return await onboarding.progress_of(ctx, vendor_id=id)


@router.patch(
    "/admin/vendors/{id}/status",
    summary="Approve, reject, ask for changes, suspend or reinstate",
)
async def decide(
    id: UUID,
    body: DecisionBody,
    ctx: Ctx,
    onboarding: Service,
    vendors: Annotated[Vendors, Door(Vendors)],
) -> Vendor:
    decision = body.decision
    if decision is None:
        assert body.status is not None
        found = await vendors.by_ids(ctx, ids=[id])
        if not found:
            raise NotFound
        decision = decision_to(found[0].status, body.status)
    await onboarding.decide(ctx, vendor_id=id, decision=decision, note=body.reason)
    return await vendors.find(ctx, slug=str(id))


@router.put("/admin/vendors/{id}/waivers/{item_id}", summary="Go without an item for a vendor")
async def waive(
    id: UUID, item_id: UUID, body: WaiverBody, ctx: Ctx, onboarding: Service
) -> Progress:
    return await onboarding.waive(
        ctx, vendor_id=id, item_id=item_id, waived=body.waived, note=body.note
    )


@router.get("/admin/vendors/{id}/history", summary="An application's history, newest first")
async def history(
    id: UUID, ctx: Ctx, onboarding: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[Entry]:
    return await onboarding.history(ctx, vendor_id=id, limit=limit, cursor=cursor)


@router.post("/admin/vendors/{id}/remarks", status_code=204, summary="Note something for staff")
async def remark(id: UUID, body: RemarkBody, ctx: Ctx, onboarding: Service) -> None:
    await onboarding.remark(ctx, id=ctx.new_id(), vendor_id=id, text=body.text)


@router.get("/admin/vendors/{id}/documents", summary="A vendor's papers, deleted ones as well")
async def documents_of(id: UUID, ctx: Ctx, onboarding: Service) -> list[Document]:
    return await onboarding.documents_of(ctx, vendor_id=id)


@router.put("/admin/documents/{id}", summary="Verify or refuse a paper")
async def verdict(id: UUID, body: VerdictBody, ctx: Ctx, onboarding: Service) -> Document:
    return await onboarding.decide_document(ctx, id=id, verified=body.verified, reason=body.reason)


@router.get(
    "/admin/documents/{id}/page",
    summary="A page of a paper as a picture (WebP) that says who looked, and when",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}},
)
async def look(id: UUID, ctx: Ctx, onboarding: Service, page: PageNumber = 1) -> Response:
    found = await onboarding.look(ctx, id=id, page=page)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(found.content, media_type="image/webp", headers=headers)


@router.get("/admin/documents/{id}/looks", summary="Who looked at a paper, newest first")
async def looks(id: UUID, ctx: Ctx, onboarding: Service) -> list[Look]:
    return await onboarding.looks(ctx, id=id)


@router.get("/admin/vendor-terms", summary="The terms for vendors, newest first")
async def versions(ctx: Ctx, onboarding: Service) -> list[Terms]:
    return await onboarding.versions(ctx)


@router.post(
    "/admin/vendor-terms", status_code=201, summary="Publish the next version of the terms"
)
async def publish(body: TermsBody, ctx: Ctx, onboarding: Service) -> Terms:
    return await onboarding.publish_terms(ctx, id=ctx.new_id(), draft=TermsDraft(**dict(body)))


@router.get(
    "/admin/vendor-terms/missing", summary="Vendors that have not accepted the newest version"
)
async def not_accepted(
    ctx: Ctx, onboarding: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[NotAccepted]:
    return await onboarding.not_accepted(ctx, limit=limit, cursor=cursor)


@router.get("/admin/vendor-terms/acceptances", summary="Who accepted which version, newest first")
async def acceptances(
    ctx: Ctx,
    onboarding: Service,
    vendor_id: Annotated[UUID | None, Query(alias="vendorId")] = None,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Acceptance]:
    return await onboarding.acceptances(
        ctx, vendor_id=vendor_id, version=version, limit=limit, cursor=cursor
    )
