"""The vendor's webhooks: endpoints, their secrets, what was sent and what is sent again."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.reach.webhooks.api import DeliveryState
from haat.gateways.web.kit.webhooks import Desk
from haat.gateways.web.vendor.portal import Team, page, vendor_of

router = APIRouter()
HERE = "/vendor/webhooks"
DESK = Desk(HERE, page, vendor_of)


@router.get(HERE)
async def listed(visit: Team) -> Response:
    return await DESK.listed(visit)


@router.post(HERE)
async def add(visit: Team, request: Request) -> Response:
    return await DESK.add(visit, request)


@router.get(HERE + "/{id}")
async def show(
    visit: Team,
    id: UUID,
    state: DeliveryState | Literal[""] = "",
    type: str = "",
    cursor: str = "",
) -> Response:
    return await DESK.show(visit, id, state=state, type=type, cursor=cursor)


@router.post(HERE + "/{id}")
async def change(visit: Team, id: UUID, request: Request) -> Response:
    return await DESK.change(visit, id, request)


@router.post(HERE + "/{id}/{move}")
async def move(visit: Team, id: UUID, move: str, request: Request) -> Response:
    return await DESK.move(visit, id, move, request)


@router.get(HERE + "/{id}/deliveries/{delivery_id}")
async def delivery(visit: Team, id: UUID, delivery_id: UUID) -> Response:
    return await DESK.delivery(visit, id, delivery_id)


@router.post(HERE + "/{id}/deliveries/{delivery_id}/replay")
async def replay(visit: Team, id: UUID, delivery_id: UUID) -> Response:
    return await DESK.replay(visit, id, delivery_id)
