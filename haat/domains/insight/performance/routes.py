"""Performance over REST: vendors' own figures, and all of them for staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from haat.domains.insight.performance.api import (
    CountedOrder,
    Days,
    Measure,
    Performance,
    Policy,
    Scorecard,
    Shortfall,
    VendorStats,
)
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["performance"])
Service = Annotated[Performance, Door(Performance)]
Cursor = Annotated[str | None, Query(max_length=500)]
Lookback = Annotated[Days, Query()]


class PolicyBody(Body, Policy):
    pass


@router.get("/vendors/{id}/stats", summary="A vendor in numbers; its team sees more of them")
async def stats(id: UUID, ctx: Ctx, service: Service) -> VendorStats:
    return await service.stats(ctx, vendor_id=id)


@router.get("/vendors/{id}/performance", summary="A vendor's figures against the thresholds")
async def own(id: UUID, ctx: Ctx, service: Service) -> Scorecard:
    return await service.own(ctx, vendor_id=id)


@router.get("/vendors/{id}/performance/orders", summary="Which orders count, newest first")
async def own_orders(
    id: UUID,
    ctx: Ctx,
    service: Service,
    measure: Measure,
    days: Lookback = 30,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CountedOrder]:
    return await service.own_orders(
        ctx, vendor_id=id, measure=measure, days=days, limit=limit, cursor=cursor
    )


@router.get("/admin/vendor-performance", summary="Vendors below the thresholds, longest first")
async def queue(
    ctx: Ctx, service: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[Shortfall]:
    return await service.queue(ctx, limit=limit, cursor=cursor)


@router.get("/admin/vendor-performance/policy", summary="The thresholds")
async def policy(ctx: Ctx, service: Service) -> Policy:
    return await service.policy(ctx)


@router.put("/admin/vendor-performance/policy", summary="Set the thresholds")
async def set_policy(body: PolicyBody, ctx: Ctx, service: Service) -> Policy:
    return await service.set_policy(ctx, policy=Policy(**dict(body)))


@router.get("/admin/vendors/{id}/performance", summary="Any vendor's figures")
async def of(id: UUID, ctx: Ctx, service: Service) -> Scorecard:
    return await service.of(ctx, vendor_id=id)


@router.get("/admin/vendors/{id}/performance/orders", summary="Which orders count, newest first")
async def orders_of(
    id: UUID,
    ctx: Ctx,
    service: Service,
    measure: Measure,
    days: Lookback = 30,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CountedOrder]:
    return await service.orders_of(
        ctx, vendor_id=id, measure=measure, days=days, limit=limit, cursor=cursor
    )
