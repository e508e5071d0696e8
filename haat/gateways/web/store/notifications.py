"""Notifications in the account."""

from fastapi import APIRouter, Request, Response

from haat.domains.reach.notifications.api import Notifications
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import PersonVisit, form_of, safe_path, uuid_in

router = APIRouter()


@router.get("/notifications")
async def own(visit: PersonShopping, cursor: str | None = None) -> Response:
    page = await visit.doors[Notifications].own(visit.ctx, cursor=cursor or None)
    return visit.page("store/notifications.html", notifications=page.items, next=page.next)


@router.post("/notifications/read")
async def mark_read(visit: PersonVisit, request: Request) -> Response:
    """All, or the one named by `id`; then to where it leads."""
    values = await form_of(request)
    ids = [uuid_in(values, "id")] if "id" in values else None
    await visit.doors[Notifications].mark_read(visit.ctx, ids=ids)
    return visit.redirect(safe_path(values.get("path", ""), "/notifications"))


@router.post("/notifications/remove")
async def remove(visit: PersonVisit, request: Request) -> Response:
    id = uuid_in(await form_of(request), "id")
    await visit.doors[Notifications].remove(visit.ctx, id=id)
    return visit.redirect("/notifications")
