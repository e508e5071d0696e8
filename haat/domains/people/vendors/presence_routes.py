"""What a vendor says of itself, its absence and its closure, over REST."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from haat.domains.people.vendors.api import (
    Absence,
    Hours,
    KeptPlace,
    Place,
    Policies,
    Preferences,
    Presence,
)
from haat.domains.people.vendors.routes import Service, router
from haat.engines.http import Ctx
from haat.kernel.model import Body

__all__ = ["router"]


class HoursBody(Body, Hours):
    pass


class PoliciesBody(Body, Policies):
    pass


class PlaceBody(Body, Place):
    pass


class PreferencesBody(Body, Preferences):
    pass


class AbsenceBody(Body):
    """`until` null: until the vendor says that it is back."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    message: Annotated[str, Field(max_length=300)] = ""
    hidden: bool = False


@router.get("/vendors/{id}/presence", summary="A vendor's hours, places and policies")
async def presence(id: UUID, ctx: Ctx, vendors: Service) -> Presence:
    return await vendors.presence(ctx, vendor_id=id)


@router.put("/vendors/{id}/hours", summary="Set when a vendor is open")
async def set_hours(id: UUID, body: HoursBody, ctx: Ctx, vendors: Service) -> Presence:
    return await vendors.set_hours(ctx, vendor_id=id, hours=Hours(**dict(body)))


@router.delete("/vendors/{id}/hours", summary="Say no hours")
async def no_hours(id: UUID, ctx: Ctx, vendors: Service) -> Presence:
    return await vendors.set_hours(ctx, vendor_id=id, hours=None)


@router.put("/vendors/{id}/policies", summary="Set a vendor's policies")
async def set_policies(id: UUID, body: PoliciesBody, ctx: Ctx, vendors: Service) -> Presence:
    return await vendors.set_policies(ctx, vendor_id=id, policies=Policies(**dict(body)))


@router.post("/vendors/{id}/places", status_code=201, summary="Add a place of a vendor")
async def add_place(id: UUID, body: PlaceBody, ctx: Ctx, vendors: Service) -> KeptPlace:
    place = Place(**dict(body))
    return await vendors.save_place(ctx, id=ctx.new_id(), vendor_id=id, place=place)


@router.put("/vendors/{id}/places/{place_id}", summary="Change a place of a vendor")
async def save_place(
    id: UUID, place_id: UUID, body: PlaceBody, ctx: Ctx, vendors: Service
) -> KeptPlace:
    return await vendors.save_place(ctx, id=place_id, vendor_id=id, place=Place(**dict(body)))


@router.delete("/vendors/{id}/places/{place_id}", status_code=204, summary="Remove a place")
async def remove_place(id: UUID, place_id: UUID, ctx: Ctx, vendors: Service) -> None:
    await vendors.remove_place(ctx, id=place_id, vendor_id=id)


@router.get("/vendors/{id}/preferences", summary="How a vendor works")
async def preferences(id: UUID, ctx: Ctx, vendors: Service) -> Preferences:
    return await vendors.preferences(ctx, vendor_id=id)


@router.put("/vendors/{id}/preferences", summary="Say how a vendor works")
async def set_preferences(
    id: UUID, body: PreferencesBody, ctx: Ctx, vendors: Service
) -> Preferences:
    wanted = Preferences(**dict(body))
    return await vendors.set_preferences(ctx, vendor_id=id, preferences=wanted)


@router.get("/vendors/{id}/absence", summary="When a vendor is away")
async def absence(id: UUID, ctx: Ctx, vendors: Service) -> Absence | None:
    return await vendors.absence(ctx, vendor_id=id)


@router.put("/vendors/{id}/absence", summary="Go away for a while")
async def plan_absence(id: UUID, body: AbsenceBody, ctx: Ctx, vendors: Service) -> Absence:
    return await vendors.plan_absence(ctx, vendor_id=id, absence=Absence(**dict(body)))


@router.delete("/vendors/{id}/absence", status_code=204, summary="Be back, or do not go")
async def end_absence(id: UUID, ctx: Ctx, vendors: Service) -> None:
    await vendors.end_absence(ctx, vendor_id=id)


@router.post("/vendors/{id}/close", status_code=204, summary="Close a store for good")
async def close(id: UUID, ctx: Ctx, vendors: Service) -> None:
    await vendors.close(ctx, vendor_id=id)


@router.post("/vendors/{id}/stay-open", status_code=204, summary="Do not close after all")
async def stay_open(id: UUID, ctx: Ctx, vendors: Service) -> None:
    await vendors.stay_open(ctx, vendor_id=id)
