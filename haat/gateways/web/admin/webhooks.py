"""The market's webhooks, and a look at the vendors'."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.reach.webhooks.api import DeliveryState, Webhooks
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.webhooks import OFF, Desk
from haat.kernel.errors import NotFound

router = APIRouter()
HERE = "/admin/webhooks"
VENDORS = "/admin/vendor-webhooks"
DESK = Desk(HERE, page, lambda visit: None)


@router.get(VENDORS)
async def vendors(visit: Staff, cursor: str | None = None) -> Response:
    found = await visit.doors[Webhooks].all_endpoints(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "vendor_webhooks.html",
        HERE,
        endpoints=found.items,
        next=found.next,
        names=await vendors_by_id(visit, (one.vendor_id for one in found.items)),
        off=OFF,
    )


@router.post(VENDORS + "/{id}/{move}")
async def switch(visit: Staff, id: UUID, move: str) -> Response:
    if move not in ("on", "off"):
        raise NotFound
    await visit.doors[Webhooks].switch(visit.ctx, id=id, enabled=move == "on")
    visit.flash("It is switched on." if move == "on" else "It is switched off. The vendor is told.")
    return visit.redirect(VENDORS)


@router.get(HERE)
async def listed(visit: Staff) -> Response:
    return await DESK.listed(visit)


@router.post(HERE)
async def add(visit: Staff, request: Request) -> Response:
    return await DESK.add(visit, request)


@router.get(HERE + "/{id}")
async def show(
    visit: Staff,
    id: UUID,
    state: DeliveryState | Literal[""] = "",
    type: str = "",
    cursor: str = "",
) -> Response:
    return await DESK.show(visit, id, state=state, type=type, cursor=cursor)


@router.post(HERE + "/{id}")
async def change(visit: Staff, id: UUID, request: Request) -> Response:
    return await DESK.change(visit, id, request)


@router.post(HERE + "/{id}/{move}")
async def move(visit: Staff, id: UUID, move: str, request: Request) -> Response:
    return await DESK.move(visit, id, move, request)


@router.get(HERE + "/{id}/deliveries/{delivery_id}")
async def delivery(visit: Staff, id: UUID, delivery_id: UUID) -> Response:
    return await DESK.delivery(visit, id, delivery_id)


@router.post(HERE + "/{id}/deliveries/{delivery_id}/replay")
async def replay(visit: Staff, id: UUID, delivery_id: UUID) -> Response:
    return await DESK.replay(visit, id, delivery_id)
