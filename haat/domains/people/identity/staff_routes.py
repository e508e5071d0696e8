"""The market's staff over REST: for super admins."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from haat.domains.people.identity.api import (
    CustomRole,
    RightsChange,
    RoleName,
    Scopes,
    StaffMember,
    StaffRole,
)
from haat.domains.people.identity.routes import Service
from haat.domains.people.identity.team_routes import router
from haat.engines.http import Ctx
from haat.kernel.model import Body
from haat.kernel.page import Limit, Page

__all__ = ["router"]

Cursor = Annotated[str | None, Query(max_length=500)]
Reason = Annotated[str, Field(max_length=500)]


class StaffBody(Body):
    """All roles the person shall have: those named and no others; none ends their being staff."""

    roles: Annotated[list[StaffRole], Field(max_length=4)]
    custom_roles: Annotated[list[UUID], Field(max_length=20)] = []
    reason: Reason = ""


class StaffRoleBody(Body):
    name: RoleName
    scopes: Scopes
    reason: Reason = ""


@router.get("/admin/staff", summary="The market's staff")
async def members(ctx: Ctx, identity: Service) -> list[StaffMember]:
    return await identity.staff_members(ctx)


@router.put("/admin/staff/{person_id}", summary="Say what somebody of staff may do")
async def set_staff(person_id: UUID, body: StaffBody, ctx: Ctx, identity: Service) -> StaffMember:
    return await identity.set_staff(ctx, person_id=person_id, **dict(body))


@router.get("/admin/staff-roles", summary="Roles put together for staff")
async def roles(ctx: Ctx, identity: Service) -> list[CustomRole]:
    return await identity.staff_roles(ctx)


@router.put("/admin/staff-roles/{role_id}", summary="Put a role for staff together, or change it")
async def save_role(role_id: UUID, body: StaffRoleBody, ctx: Ctx, identity: Service) -> CustomRole:
    return await identity.save_staff_role(ctx, id=role_id, **dict(body))


@router.delete("/admin/staff-roles/{role_id}", status_code=204, summary="Remove a role nobody has")
async def remove_role(role_id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.remove_staff_role(ctx, id=role_id)


@router.get("/admin/rights-history", summary="What was done to anybody's rights")
async def history(
    ctx: Ctx, identity: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[RightsChange]:
    return await identity.rights_history(ctx, limit=limit, cursor=cursor)
