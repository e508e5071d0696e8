"""Types of vendors' teams: who is in them, who is invited.

Part of the public file: `api` hands these names on. `Teams` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.domains.people.identity.roles import CustomRole, RoleName, Scopes, VendorRole
from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Forbidden, Gone
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page
from haat.kernel.personal import EmailText, NameText, TokenText

TEAM_MAX = 200  # members and open invitations of one vendor
INVITED_A_DAY = 50
Address = Annotated[str, Field(min_length=3, max_length=254)]
TeamNews = Literal[
    "joined", "role", "activated", "deactivated", "removed", "left", "owner", "custom_role"
]


class LastOwner(Conflict, code="last_owner"):
    """A store always has an owner: hand it over first."""


class BeyondYours(Forbidden, code="beyond_yours"):
    """Nobody gives, takes or changes rights that they do not have themselves."""


class TeamFull(Conflict, code="team_full"):
    """A team has at most 200 members and open invitations, and 50 new invitations a day."""


class AlreadyMember(Conflict, code="already_member"):
    """This address belongs to somebody in the team already."""


class AlreadyInvited(Conflict, code="already_invited"):
    """This address is invited already; send that invitation again."""


class InvitationOver(Gone, code="invitation_over"):
    """This invitation was used, taken back or has expired; ask for a new one."""


class NotInvited(Forbidden, code="not_invited"):
    """This invitation is for another e-mail address: sign in with the account of that address."""


class RoleNameTaken(Conflict, code="role_name_taken"):
    """There is a role of that name already."""


class RoleInUse(Conflict, code="role_in_use"):
    """Somebody has this role: give them another one first."""


class RolesFull(Conflict, code="roles_full"):
    """There are 50 roles already."""


class Member(Model):
    """Somebody in a vendor's team. `active` False: a place is kept, but gives nothing."""

    person_id: UUID
    email: EmailText
    name: NameText
    role: VendorRole
    role_id: UUID | None = None
    role_name: str = ""
    scopes: list[str] = []
    active: bool = True
    joined_at: datetime


class Invitation(Model):
    """An invitation that is open; `email` is whom it is for."""

    id: UUID
    vendor_id: UUID
    email: EmailText
    role: VendorRole
    role_id: UUID | None = None
    role_name: str = ""
    invited_by: UUID
    created_at: datetime
    expires_at: datetime


class Letter(Model):
    """An invitation as it is mailed: asked for when the mail is sent, never kept or announced."""

    invitation: Invitation
    token: Annotated[TokenText, Field(repr=False)]


class RightsChange(Model):
    """What was done to somebody's rights: by whom, when, and what they were before and after."""

    id: UUID
    at: datetime
    actor_id: UUID | None
    person_id: UUID | None
    vendor_id: UUID | None
    what: str
    before: str
    after: str
    reason: str
    request_id: str


class TeamInvited(Event, name="team.invited", key="vendor_id"):
    """An invitation is to be mailed. Its address and its link are asked for then."""

    vendor_id: UUID
    invitation_id: UUID
    sent: int  # how often, this time included


class TeamChanged(Event, name="team.changed", key="vendor_id"):
    """`role` is what the person has now, None for nobody of the team; `owners` all that act."""

    vendor_id: UUID
    person_id: UUID
    what: TeamNews
    role: str | None = None
    owners: list[UUID]


class Teams:
    """The part of identity's contract that is about vendors' teams.

    What is asked for another vendor's team is NotFound. Who acts must have what they give, take or
    change (BeyondYours), as it is at that moment: the team's rows are locked meanwhile.
    """

    @query(scope="vendor:team")
    async def members(self, ctx: Context, *, vendor_id: UUID) -> list[Member]:
        """Everybody in the team, in the order they joined; at most 200."""

    @query(scope="vendor:team")
    async def invitations(self, ctx: Context, *, vendor_id: UUID) -> list[Invitation]:
        """Those that can be accepted, newest first; at most 200."""

    @command(scope="vendor:team")
    async def invite(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        email: Address,
        role: VendorRole,
        role_id: UUID | None = None,
    ) -> Invitation:
        """Mails a link that is good for seven days and once, for who has that address. TeamFull,
        AlreadyMember, AlreadyInvited, BeyondYours. Nobody is invited as an owner: Invalid."""

    @command(scope="vendor:team")
    async def invite_again(self, ctx: Context, *, vendor_id: UUID, id: UUID) -> Invitation:
        """Another link for seven more days; the one before is worthless. At most once a minute:
        sooner, nothing happens. InvitationOver."""

    @command(scope="vendor:team", repeatable=True)
    async def withdraw_invitation(self, ctx: Context, *, vendor_id: UUID, id: UUID) -> None:
        """Takes it back; harmless when it is over."""

    @query()
    async def invitation(self, ctx: Context, *, token: str) -> Invitation:
        """What a link from a mail is about. LinkInvalid, LinkExpired, InvitationOver."""

    @command(scope="person")
    async def accept_invitation(self, ctx: Context, *, token: str) -> UUID:
        """Joins the team; the vendor's id. Once; again by the same person it changes nothing.
        NotInvited for who has another address, InvitationOver, LinkInvalid, LinkExpired."""

    @query(scope="internal")
    async def letters(self, ctx: Context, *, ids: list[UUID]) -> list[Letter]:
        """Those of these invitations that can be accepted, with what their links carry."""

    @command(scope="vendor:team", repeatable=True)
    async def change_role(
        self,
        ctx: Context,
        *,
        vendor_id: UUID,
        person_id: UUID,
        role: VendorRole,
        role_id: UUID | None = None,
    ) -> Member:
        """Counts at once: access tokens from before are refused. LastOwner, BeyondYours."""

    @command(scope="vendor:team", repeatable=True)
    async def set_active(
        self, ctx: Context, *, vendor_id: UUID, person_id: UUID, active: bool
    ) -> Member:
        """Keeps somebody's place but gives or takes what comes with it. LastOwner, BeyondYours."""

    @command(scope="vendor:team", repeatable=True)
    async def remove_member(self, ctx: Context, *, vendor_id: UUID, person_id: UUID) -> None:
        """NotFound when they are not in it, or no more. LastOwner, BeyondYours."""

    @command(scope="person", repeatable=True)
    async def leave(self, ctx: Context, *, vendor_id: UUID) -> None:
        """The actor's own place ends. NotFound when there is none, LastOwner."""

    @command(scope="vendor:team", repeatable=True)
    async def hand_over(self, ctx: Context, *, vendor_id: UUID, person_id: UUID) -> list[Member]:
        """Makes an active member the owner and the acting owner an admin, in one step.
        BeyondYours for who is no owner."""

    @query(scope="vendor:team")
    async def roles(self, ctx: Context, *, vendor_id: UUID) -> list[CustomRole]:
        """The vendor's own roles, by name; at most 50."""

    @command(scope="vendor:team", repeatable=True)
    async def save_role(
        self, ctx: Context, *, id: UUID, vendor_id: UUID, name: RoleName, scopes: Scopes
    ) -> CustomRole:
        """A role of the vendor's own, new or changed: with effect at once for who has it.
        BeyondYours, RoleNameTaken, RolesFull; Invalid for scopes that are none of a vendor's."""

    @command(scope="vendor:team", repeatable=True)
    async def remove_role(self, ctx: Context, *, vendor_id: UUID, id: UUID) -> None:
        """Open invitations to it end with it. RoleInUse."""

    @query(scope="vendor:team")
    async def team_history(
        self, ctx: Context, *, vendor_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[RightsChange]:
        """What was done to rights in this team, newest first."""
