"""Types of the market's staff. `Staffing` is a part of identity's contract; `api` hands it on."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.people.identity.roles import CustomRole, RoleName, Scopes, StaffRole
from haat.domains.people.identity.teams import RightsChange
from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page
from haat.kernel.personal import EmailText, NameText

Reason = Annotated[str, Field(max_length=500)]


class LastSuperAdmin(Conflict, code="last_super_admin"):
    """A market always has a super admin: make another one first."""


class StaffMember(Model):
    """Somebody of the market's staff, with roles of either kind."""

    person_id: UUID
    email: EmailText
    name: NameText
    status: str
    roles: list[StaffRole]
    custom_roles: list[CustomRole] = []


class StaffChanged(Event, name="staff.changed", key="person_id"):
    """What somebody of the market's staff may do is another. `roles` are the names of all they
    have now; none: they are no staff any more."""

    person_id: UUID
    roles: list[str]


class Staffing:
    """The part of identity's contract that is about the market's staff: for super admins."""

    @query(scope="staff:people")
    async def staff_members(self, ctx: Context) -> list[StaffMember]:
        """All of them, at most 1000."""

    @command(scope="staff:people", repeatable=True)
    async def set_staff(
        self,
        ctx: Context,
        *,
        person_id: UUID,
        roles: Annotated[list[StaffRole], Field(max_length=4)],
        custom_roles: Annotated[list[UUID], Field(max_length=20)],
        reason: Reason = "",
    ) -> StaffMember:
        """These roles and no others, with effect at once; none at all: staff no more.
        LastSuperAdmin; NotFound; Invalid for a role that is not there."""

    @query(scope="staff:people")
    async def staff_roles(self, ctx: Context) -> list[CustomRole]:
        """The roles the market put together for its staff, by name."""

    @command(scope="staff:people", repeatable=True)
    async def save_staff_role(
        self, ctx: Context, *, id: UUID, name: RoleName, scopes: Scopes, reason: Reason = ""
    ) -> CustomRole:
        """New or changed, with effect at once. RoleNameTaken, RolesFull; Invalid for a scope that
        is none of staff's, or that super admins alone have."""

    @command(scope="staff:people", repeatable=True)
    async def remove_staff_role(self, ctx: Context, *, id: UUID) -> None:
        """RoleInUse."""

    @query(scope="staff:people")
    async def rights_history(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[RightsChange]:
        """What was done to anybody's rights, newest first."""
