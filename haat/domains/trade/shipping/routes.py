"""Shipping over REST: rates, a vendor's methods, shipments and tracking.

POST /shipments is among orders' routes: a parcel leaves with its vendor order.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status
from pydantic import Field

from haat.domains.people.market.api import Country
from haat.domains.trade.shipping.api import (
    Band,
    Parcel,
    Shipment,
    Shipping,
    ShippingMethod,
    VendorOptions,
)
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.money import Money
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["shipping"])
ShippingDoor = Annotated[Shipping, Door(Shipping)]
Cursor = Annotated[str | None, Query(max_length=300)]
TrackingNumber = Annotated[str, Field(max_length=80)]


class ParcelBody(Body):
    vendor_id: UUID
    weight_g: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] = 0
    goods: Money


class RatesBody(Body):
    country: Country
    parcels: Annotated[list[ParcelBody], Field(min_length=1, max_length=50)]


class MethodBody(Body):
    """As ShippingMethod; the vendor and the id come from the address."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    bands: Annotated[list[Band], Field(min_length=1, max_length=20)]
    countries: Annotated[list[Country], Field(max_length=250)] = []
    free_from: Money | None = None
    days_min: Annotated[int, Field(ge=0, le=90)] = 2
    days_max: Annotated[int, Field(ge=0, le=90)] = 5
    active: bool = True

    def method(self, id: UUID, vendor_id: UUID) -> ShippingMethod:
        return ShippingMethod(id=id, vendor_id=vendor_id, **dict(self))


@router.post("/shipping/rates", summary="What shipping costs, per vendor, cheapest first")
async def rates(body: RatesBody, ctx: Ctx, shipping: ShippingDoor) -> list[VendorOptions]:
    parcels = [
        Parcel(vendor_id=p.vendor_id, weight_g=p.weight_g, goods=p.goods, country=body.country)
        for p in body.parcels
    ]
    return await shipping.rates(ctx, parcels=parcels)


@router.get("/vendors/{id}/shipping-methods", summary="A vendor's shipping methods")
async def methods(id: UUID, ctx: Ctx, shipping: ShippingDoor) -> list[ShippingMethod]:
    return await shipping.methods(ctx, vendor_id=id)


@router.post(
    "/vendors/{id}/shipping-methods",
    status_code=status.HTTP_201_CREATED,
    summary="Add a shipping method",
)
async def add_method(
    id: UUID, body: MethodBody, ctx: Ctx, shipping: ShippingDoor
) -> ShippingMethod:
    return await shipping.save_method(ctx, method=body.method(ctx.new_id(), id))


@router.put("/vendors/{id}/shipping-methods/{method_id}", summary="Replace a shipping method")
async def replace_method(
    id: UUID, method_id: UUID, body: MethodBody, ctx: Ctx, shipping: ShippingDoor
) -> ShippingMethod:
    return await shipping.save_method(ctx, method=body.method(method_id, id))


@router.get("/shipments", summary="The acting vendor's shipments, newest first")
async def shipments(
    ctx: Ctx, shipping: ShippingDoor, limit: Limit = 50, cursor: Cursor = None
) -> Page[Shipment]:
    return await shipping.shipments(ctx, vendor_id=ctx.acting_vendor, limit=limit, cursor=cursor)


@router.get("/shipments/{id}", summary="A shipment of the acting vendor")
@router.get("/shipments/{id}/track", summary="Where a shipment of the acting vendor is")
async def shipment(id: UUID, ctx: Ctx, shipping: ShippingDoor) -> Shipment:
    return await shipping.shipment(ctx, id=id)


@router.get("/shipping/track/{tracking_number}", summary="Where a parcel is, by its number")
async def track(tracking_number: TrackingNumber, ctx: Ctx, shipping: ShippingDoor) -> Shipment:
    return await shipping.track(ctx, tracking_number=tracking_number)
