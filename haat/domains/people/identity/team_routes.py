"""Vendors' teams over REST. `users` is another word for the team of the vendor acted for."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import Field

from haat.domains.people.identity.api import (
    CustomRole,
    Identity,
    Invitation,
    Member,
    RightsChange,
    RoleName,
    Scopes,
    VendorRole,
)
from haat.domains.people.identity.own_routes import router
from haat.domains.people.identity.routes import Service
from haat.engines.http import Ctx
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.model import Body, Model
from haat.kernel.page import Limit, Page
from haat.kernel.personal import EmailText, TokenText

# On the one router of the module; `module` takes it from the last file of them.
__all__ = ["router"]

Address = Annotated[EmailText, Field(min_length=3, max_length=254)]
Token = Annotated[TokenText, Field(min_length=1, max_length=300, repr=False)]
Cursor = Annotated[str | None, Query(max_length=500)]


class RoleBody(Body):
    """`roleId` names one of the vendor's own roles; the role is then "custom"."""

    role: VendorRole
    role_id: UUID | None = None


class InvitationBody(RoleBody):
    email: Address


class StatusBody(Body):
    status: Literal["active", "inactive"]


class MemberBody(Body):
    """What is left out stays as it is."""

    role: VendorRole | None = None
    role_id: UUID | None = None
    status: Literal["active", "inactive"] | None = None


class HandOverBody(Body):
    person_id: UUID


class OwnRoleBody(Body):
    name: RoleName
    scopes: Scopes


class TokenBody(Body):
    token: Token


class Joined(Model):
    vendor_id: UUID


@router.get("/vendors/{vendor_id}/team", summary="Who is in a vendor's team")
async def members(vendor_id: UUID, ctx: Ctx, identity: Service) -> list[Member]:
    return await identity.members(ctx, vendor_id=vendor_id)


@router.get("/vendors/{vendor_id}/team/history", summary="What was done to rights in the team")
async def history(
    vendor_id: UUID, ctx: Ctx, identity: Service, limit: Limit = 50, cursor: Cursor = None
) -> Page[RightsChange]:
    return await identity.team_history(ctx, vendor_id=vendor_id, limit=limit, cursor=cursor)


@router.put("/vendors/{vendor_id}/team/{person_id}/role", summary="Give a member another role")
async def change_role(
    vendor_id: UUID, person_id: UUID, body: RoleBody, ctx: Ctx, identity: Service
) -> Member:
    return await identity.change_role(
        ctx, vendor_id=vendor_id, person_id=person_id, role=body.role, role_id=body.role_id
    )


@router.put("/vendors/{vendor_id}/team/{person_id}/status", summary="Activate or deactivate")
async def set_status(
    vendor_id: UUID, person_id: UUID, body: StatusBody, ctx: Ctx, identity: Service
) -> Member:
    return await identity.set_active(
        ctx, vendor_id=vendor_id, person_id=person_id, active=body.status == "active"
    )


@router.delete("/vendors/{vendor_id}/team/{person_id}", status_code=204, summary="Remove a member")
async def remove(vendor_id: UUID, person_id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.remove_member(ctx, vendor_id=vendor_id, person_id=person_id)


@router.post("/vendors/{vendor_id}/team/leave", status_code=204, summary="Leave a team")
async def leave(vendor_id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.leave(ctx, vendor_id=vendor_id)


@router.put("/vendors/{vendor_id}/team/owner", summary="Hand the store over to a member")
async def hand_over(
    vendor_id: UUID, body: HandOverBody, ctx: Ctx, identity: Service
) -> list[Member]:
    return await identity.hand_over(ctx, vendor_id=vendor_id, person_id=body.person_id)


@router.get("/vendors/{vendor_id}/invitations", summary="Open invitations")
async def invitations(vendor_id: UUID, ctx: Ctx, identity: Service) -> list[Invitation]:
    return await identity.invitations(ctx, vendor_id=vendor_id)


@router.post("/vendors/{vendor_id}/invitations", status_code=201, summary="Invite by e-mail")
async def invite(vendor_id: UUID, body: InvitationBody, ctx: Ctx, identity: Service) -> Invitation:
    return await identity.invite(ctx, id=ctx.new_id(), vendor_id=vendor_id, **dict(body))


@router.post("/vendors/{vendor_id}/invitations/{invitation_id}/send", summary="Invite again")
async def invite_again(
    vendor_id: UUID, invitation_id: UUID, ctx: Ctx, identity: Service
) -> Invitation:
    return await identity.invite_again(ctx, vendor_id=vendor_id, id=invitation_id)


@router.delete(
    "/vendors/{vendor_id}/invitations/{invitation_id}",
    status_code=204,
    summary="Take an invitation back",
)
async def withdraw(vendor_id: UUID, invitation_id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.withdraw_invitation(ctx, vendor_id=vendor_id, id=invitation_id)


@router.post("/invitations/read", summary="What an invitation's link is about")
async def invitation(body: TokenBody, ctx: Ctx, identity: Service) -> Invitation:
    return await identity.invitation(ctx, token=body.token)


@router.post("/invitations/accept", summary="Join a team by an invitation")
async def accept(body: TokenBody, ctx: Ctx, identity: Service) -> Joined:
    return Joined(vendor_id=await identity.accept_invitation(ctx, token=body.token))


@router.get("/vendors/{vendor_id}/roles", summary="A vendor's own roles")
async def roles(vendor_id: UUID, ctx: Ctx, identity: Service) -> list[CustomRole]:
    return await identity.roles(ctx, vendor_id=vendor_id)


@router.put("/vendors/{vendor_id}/roles/{role_id}", summary="Put a role together, or change it")
async def save_role(
    vendor_id: UUID, role_id: UUID, body: OwnRoleBody, ctx: Ctx, identity: Service
) -> CustomRole:
    return await identity.save_role(
        ctx, id=role_id, vendor_id=vendor_id, name=body.name, scopes=body.scopes
    )


@router.delete(
    "/vendors/{vendor_id}/roles/{role_id}", status_code=204, summary="Remove a role nobody has"
)
async def remove_role(vendor_id: UUID, role_id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.remove_role(ctx, vendor_id=vendor_id, id=role_id)


# -- the same for the vendor acted for -------------------------------------------------------------


@router.get("/users", summary="The team of the vendor acted for")
async def users(ctx: Ctx, identity: Service) -> list[Member]:
    return await identity.members(ctx, vendor_id=ctx.acting_vendor)


@router.post("/users", status_code=201, summary="Invite to the team of the vendor acted for")
async def add_user(body: InvitationBody, ctx: Ctx, identity: Service) -> Invitation:
    return await invite(ctx.acting_vendor, body, ctx, identity)


@router.get("/users/{person_id}", summary="A member of the team")
async def user(person_id: UUID, ctx: Ctx, identity: Service) -> Member:
    return await _member(ctx, identity, person_id)


@router.put("/users/{person_id}", summary="Change a member's role or status")
async def change_user(person_id: UUID, body: MemberBody, ctx: Ctx, identity: Service) -> Member:
    vendor_id = ctx.acting_vendor
    found = await _member(ctx, identity, person_id)
    if body.role is not None:
        role = RoleBody(role=body.role, role_id=body.role_id)
        found = await change_role(vendor_id, person_id, role, ctx, identity)
    if body.status is not None:
        status = StatusBody(status=body.status)
        found = await set_status(vendor_id, person_id, status, ctx, identity)
    return found


@router.delete("/users/{person_id}", status_code=204, summary="Remove a member of the team")
async def remove_user(person_id: UUID, ctx: Ctx, identity: Service) -> None:
    await identity.remove_member(ctx, vendor_id=ctx.acting_vendor, person_id=person_id)


@router.put("/users/{person_id}/role", summary="Give a member of the team another role")
async def user_role(person_id: UUID, body: RoleBody, ctx: Ctx, identity: Service) -> Member:
    return await change_role(ctx.acting_vendor, person_id, body, ctx, identity)


@router.put("/users/{person_id}/status", summary="Activate or deactivate a member of the team")
async def user_status(person_id: UUID, body: StatusBody, ctx: Ctx, identity: Service) -> Member:
    return await set_status(ctx.acting_vendor, person_id, body, ctx, identity)


async def _member(ctx: Context, identity: Identity, person_id: UUID) -> Member:
    for one in await identity.members(ctx, vendor_id=ctx.acting_vendor):
        if one.person_id == person_id:
            return one
    raise NotFound
