"""Vendors over REST. `sellers` is another word for the same addresses."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Query, UploadFile
from pydantic import Field

from haat.domains.people.media.api import SIZE_MAX, Media
from haat.domains.people.vendors.api import (
    Application,
    Location,
    Name,
    Status,
    Vendor,
    VendorChange,
    Vendors,
)
from haat.engines.http import Ctx, Door
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden
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


class LocationBody(Body, Location):
    pass


class ChangeBody(Body):
    """What is left out stays as it is; a location of null takes it away."""

    name: Name | None = None
    description: Description | None = None
    logo_id: UUID | None = None
    banner_id: UUID | None = None
    contact_email: Address | None = None
    location: LocationBody | None = None
    support_email: Annotated[str, Field(max_length=254)] | None = None
    support_phone: Annotated[str, Field(max_length=40)] | None = None
    business_type: Annotated[str, Field(max_length=80)] | None = None


class VerificationBody(Body):
    verified: bool


class CommissionBody(Body):
    """Basis points (300 is 3 %); null means the market's own rate."""

    commission_bp: Annotated[int, Field(ge=0, le=10_000, strict=True)] | None


@router.post("/vendors/apply", status_code=201, summary="Apply to sell here")
async def apply(body: ApplicationBody, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.apply(ctx, id=ctx.new_id(), application=Application(**dict(body)))


@router.get("/vendors", summary="Active vendors by name")
async def listed(
    ctx: Ctx, vendors: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[Vendor]:
    return await vendors.listed(ctx, limit=limit, cursor=cursor)


@router.get("/vendors/{id}", summary="A vendor by id or slug")
async def one(id: Reference, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.find(ctx, slug=id)


@router.patch("/vendors/{id}", summary="Change a vendor's profile")
async def change(id: UUID, body: ChangeBody, ctx: Ctx, vendors: Service) -> Vendor:
    leaves = "location" in body.model_fields_set and body.location is None
    wanted = VendorChange(**dict(body), leaves_location=leaves)
    return await vendors.change(ctx, id=id, change=wanted)


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
    kept = await media.upload(
        ctx, id=ctx.new_id(), content=content, vendor_id=vendor_id, kind="vendor"
    )
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


@router.put("/admin/vendors/{id}/commission", summary="Set a vendor's own commission")
async def commission(id: UUID, body: CommissionBody, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.set_commission(ctx, id=id, commission_bp=body.commission_bp)


@router.put("/admin/vendors/{id}/verification", summary="Say that a vendor's papers are in order")
async def verify(id: UUID, body: VerificationBody, ctx: Ctx, vendors: Service) -> Vendor:
    return await vendors.verify(ctx, id=id, verified=body.verified)
