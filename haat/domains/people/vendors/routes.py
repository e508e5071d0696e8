"""Vendors over REST. `sellers` is another word for the same addresses."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, File, Query, UploadFile
from pydantic import Field, model_validator

from haat.domains.people.media.api import SIZE_MAX, Media
from haat.domains.people.vendors.api import (
    Application,
    Name,
    Status,
    Vendor,
    VendorChange,
    Vendors,
)
from haat.domains.people.vendors.rules import decision_to
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden, NotFound
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["vendors"])

Service = Annotated[Vendors, Door(Vendors)]
Description = Annotated[str, Field(max_length=2000)]
Address = Annotated[str, Field(min_length=3, max_length=254)]
Cursor = Annotated[str | None, Query(max_length=500)]
Reference = Annotated[str, Field(max_length=100)]


class ApplicationBody(Body):
    name: Name
    description: Description = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    contact_email: Address
    business_type: Annotated[str, Field(max_length=80)] = ""


class ChangeBody(Body):
    """What is left out stays as it is."""

    name: Name | None = None
    description: Description | None = None
    logo_id: UUID | None = None
    banner_id: UUID | None = None
    contact_email: Address | None = None


class DecisionBody(Body):
    """A decision, or the status it shall lead to."""

    decision: Literal["approve", "reject", "suspend", "reinstate"] | None = None
    status: Literal["active", "rejected", "suspended"] | None = None
    reason: Annotated[str, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def one_of_both(self) -> "DecisionBody":
        if (self.decision is None) == (self.status is None):
            raise ValueError("Give either a decision or a status.")
        return self


class CommissionBody(Body):
    """Basis points (300 is 3 %); null means the market's own rate."""

    commission_bp: Annotated[int, Field(ge=0, le=10_000, strict=True)] | None


@router.post("/vendors/apply", status_code=201, summary="Apply to sell here")
@router.post("/sellers/register", status_code=201, include_in_schema=False)
async def apply(body: ApplicationBody, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.apply(ctx, id=ctx.new_id(), application=Application(**dict(body)))


@router.get("/vendors", summary="Active vendors by name")
@router.get("/sellers", include_in_schema=False)
@router.get("/sellers/", include_in_schema=False)
async def listed(
    ctx: Ctx, vendors: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[Vendor]:
    return await vendors.listed(ctx, limit=limit, cursor=cursor)


@router.get("/vendors/{id}", summary="A vendor by id or slug")
@router.get("/sellers/{id}", include_in_schema=False)
async def one(id: Reference, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.find(ctx, slug=id)


@router.patch("/vendors/{id}", summary="Change a vendor's profile")
@router.put("/vendors/{id}", include_in_schema=False)
@router.put("/sellers/{id}", include_in_schema=False)
async def change(id: UUID, body: ChangeBody, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.change(ctx, id=id, change=VendorChange(**dict(body)))


@router.post("/vendors/{id}/logo", summary="Upload a vendor's logo")
async def logo(
    id: UUID,
    file: Annotated[UploadFile, File()],
    ctx: Ctx,
    vendors: Service,
    media: Annotated[Media, Door(Media)],
) -> Vendor:
    kept = await _kept(ctx, media, id, file)
    return await vendors.change(ctx, id=id, change=VendorChange(logo_id=kept))


@router.post("/vendors/{id}/banner", summary="Upload the picture above a vendor's page")
async def banner(
    id: UUID,
    file: Annotated[UploadFile, File()],
    ctx: Ctx,
    vendors: Service,
    media: Annotated[Media, Door(Media)],
) -> Vendor:
    kept = await _kept(ctx, media, id, file)
    return await vendors.change(ctx, id=id, change=VendorChange(banner_id=kept))


async def _kept(ctx: Context, media: Media, vendor_id: UUID, file: UploadFile) -> UUID:
    """The id of the uploaded picture; nothing is kept for who may not change the vendor."""
    if ctx.actor.type == "person" and "vendor:profile" not in ctx.scopes:
        raise Forbidden
    content = await file.read(SIZE_MAX + 1)
    kept = await media.upload(ctx, id=ctx.new_id(), content=content, vendor_id=vendor_id)
    return kept.id


@router.get("/admin/vendors", summary="Vendors in any status, oldest first")
async def queue(
    ctx: Ctx,
    vendors: Service,
    status: Status | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Vendor]:
    return await vendors.queue(ctx, status=status, limit=limit, cursor=cursor)


@router.patch("/admin/vendors/{id}/status", summary="Approve, reject, suspend or reinstate")
async def decide(id: UUID, body: DecisionBody, ctx: Ctx, vendors: Service) -> Vendor:
    decision = body.decision
    if decision is None:
        assert body.status is not None
        found = await vendors.by_ids(ctx, ids=[id])
        if not found:
            raise NotFound
        decision = decision_to(found[0].status, body.status)
    return await vendors.decide(ctx, id=id, decision=decision, reason=body.reason)


@router.put("/admin/vendors/{id}/commission", summary="Set a vendor's own commission")
async def commission(id: UUID, body: CommissionBody, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.set_commission(ctx, id=id, commission_bp=body.commission_bp)
