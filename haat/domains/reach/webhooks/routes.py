"""Webhooks over REST: the same for a vendor's endpoints and, below /admin, for the market's.

Answers with a secret are kept nowhere, so an Idempotency-Key does nothing there: an endpoint whose
answer was lost is given another secret.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, Field

from haat.domains.reach.webhooks.api import (
    OVERLAP_S,
    Delivery,
    DeliveryDetail,
    DeliveryState,
    Description,
    Endpoint,
    EventKind,
    MadeEndpoint,
    Replayed,
    Types,
    Url,
    Webhooks,
)
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

router = APIRouter(tags=["webhooks"])
Service = Annotated[Webhooks, Door(Webhooks)]
Cursor = Annotated[str | None, Query(max_length=500)]
OfVendor = "/vendors/{vendor_id}/webhooks"
OfMarket = "/admin/webhooks"


class EndpointBody(Body):
    """`events`: types of `GET /webhook-events`."""

    url: Url
    events: Types
    description: Description = ""


class EndpointChange(Body):
    """What is left out stays."""

    url: Url | None = None
    events: Types | None = None
    description: Description | None = None
    enabled: bool | None = None


class SecretBody(Body):
    """For how long the old secret signs as well."""

    overlap_s: Annotated[int, Field(ge=0, le=OVERLAP_S)] = OVERLAP_S


class Since(Body):
    since: AwareDatetime


class Switch(Body):
    enabled: bool


@router.get("/webhook-events", summary="The events that can be sent")
async def kinds(ctx: Ctx, service: Service) -> list[EventKind]:
    return await service.kinds(ctx)


@router.get("/admin/vendor-webhooks", summary="Endpoints of all vendors, newest first")
async def all_endpoints(
    ctx: Ctx, service: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[Endpoint]:
    return await service.all_endpoints(ctx, limit=limit, cursor=cursor)


@router.put("/admin/vendor-webhooks/{id}/enabled", summary="Switch a vendor's endpoint off or on")
async def switch(id: UUID, body: Switch, ctx: Ctx, service: Service) -> Endpoint:
    return await service.switch(ctx, id=id, enabled=body.enabled)


async def _vendors(vendor_id: Annotated[UUID, Path()]) -> UUID | None:
    return vendor_id


async def _markets() -> UUID | None:
    return None


Owner = Callable[..., Awaitable[UUID | None]]


def _keeping(at: str, of: Owner) -> None:
    """Endpoints."""

    @router.get(at, summary="Endpoints, oldest first")
    async def endpoints(
        ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> list[Endpoint]:
        return await service.endpoints(ctx, vendor_id=owner)

    @router.post(at, status_code=201, summary="Add an endpoint; its secret is told once")
    async def add(
        body: EndpointBody, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> MadeEndpoint:
        return await service.add(ctx, id=ctx.new_id(), vendor_id=owner, **dict(body))

    @router.get(at + "/{id}", summary="One endpoint")
    async def endpoint(
        id: UUID, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> Endpoint:
        return await service.endpoint(ctx, id=id, vendor_id=owner)

    @router.patch(at + "/{id}", summary="Change an endpoint, or switch it on or off")
    async def change(
        id: UUID,
        body: EndpointChange,
        ctx: Ctx,
        service: Service,
        owner: UUID | None = Depends(of),
    ) -> Endpoint:
        return await service.change(ctx, id=id, vendor_id=owner, **dict(body))

    @router.delete(at + "/{id}", status_code=204, summary="Remove an endpoint")
    async def remove(
        id: UUID, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> None:
        await service.remove(ctx, id=id, vendor_id=owner)

    @router.post(at + "/{id}/secret", summary="A new secret; the old one signs as well for a day")
    async def change_secret(
        id: UUID, body: SecretBody, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> MadeEndpoint:
        return await service.change_secret(ctx, id=id, vendor_id=owner, overlap_s=body.overlap_s)


def _sending(at: str, of: Owner) -> None:
    """Deliveries."""

    @router.post(at + "/{id}/test", status_code=202, summary="Send a message to try it")
    async def send_test(
        id: UUID, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> Delivery:
        return await service.send_test(ctx, id=ctx.new_id(), endpoint_id=id, vendor_id=owner)

    @router.get(at + "/{id}/deliveries", summary="Of the last 30 days, newest first")
    async def deliveries(
        id: UUID,
        ctx: Ctx,
        service: Service,
        state: DeliveryState | None = None,
        type: Annotated[str | None, Query(max_length=60)] = None,
        limit: Limit = 30,
        cursor: Cursor = None,
        owner: UUID | None = Depends(of),
    ) -> Page[Delivery]:
        return await service.deliveries(
            ctx,
            endpoint_id=id,
            vendor_id=owner,
            state=state,
            type=type,
            limit=limit,
            cursor=cursor,
        )

    @router.get(at + "/deliveries/{delivery_id}", summary="One delivery with its tries")
    async def delivery(
        delivery_id: UUID, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> DeliveryDetail:
        return await service.delivery(ctx, id=delivery_id, vendor_id=owner)

    @router.post(
        at + "/deliveries/{delivery_id}/replay", status_code=202, summary="Send it again now"
    )
    async def replay(
        delivery_id: UUID, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> Delivery:
        return await service.replay(ctx, id=delivery_id, vendor_id=owner)

    @router.post(
        at + "/{id}/replay",
        status_code=202,
        summary="Send again what failed since a time, up to 1,000 at once",
    )
    async def replay_failed(
        id: UUID, body: Since, ctx: Ctx, service: Service, owner: UUID | None = Depends(of)
    ) -> Replayed:
        return await service.replay_failed(ctx, endpoint_id=id, vendor_id=owner, since=body.since)


for _at, _of in ((OfVendor, _vendors), (OfMarket, _markets)):
    _keeping(_at, _of)
    _sending(_at, _of)
