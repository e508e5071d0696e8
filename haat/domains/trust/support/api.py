"""Support sessions: asked for by staff, consented to by whom they are about."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Unauthenticated
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page
from haat.kernel.personal import TokenText

SupportState = Literal["asked", "open", "refused", "ended"]
Reason = Annotated[str, Field(min_length=3, max_length=500)]


class SupportNotOpen(Conflict, code="support_not_open"):
    """This support session is not open: nobody consented to it, or it has ended."""


class SupportOver(Unauthenticated, code="support_over"):
    """This support session is over."""


class SupportNotAsked(Conflict, code="support_not_asked"):
    """This support session was answered already, or nobody waits for it any more."""


class SupportSession(Model):
    """`vendor_id` or `person_id`: whose store or account it is about. `write`: staff ask to change
    things as well. `until`: when an open one ends by itself."""

    id: UUID
    staff_id: UUID
    vendor_id: UUID | None
    person_id: UUID | None
    reason: str
    write: bool
    state: SupportState
    asked_at: datetime
    opened_at: datetime | None = None
    until: datetime | None = None
    ended_at: datetime | None = None
    visits: int = 0


class Visited(Model):
    """A page or route that was opened in a session."""

    at: datetime
    method: str
    path: str


class Entrance(Model):
    """By which staff are in the session; no refresh token goes with it."""

    access_token: TokenText
    expires_at: datetime


class Support(Contract, name="support"):
    @command(scope="staff")
    async def ask(
        self,
        ctx: Context,
        *,
        id: UUID,
        reason: Reason,
        vendor_id: UUID | None = None,
        person_id: UUID | None = None,
        write: bool = False,
    ) -> SupportSession:
        """Asks for a session in a vendor's portal or a customer's account: Invalid unless it is
        exactly one of them, or to write in a customer's. It waits a day for an answer."""

    @query(scope="staff")
    async def asked_by_me(self, ctx: Context) -> list[SupportSession]:
        """The actor's own, newest first; at most 50."""

    @command(scope="staff")
    async def enter(self, ctx: Context, *, id: UUID) -> Entrance:
        """The actor's own session, once it is open. SupportNotOpen; NotFound."""

    @query(scope="person")
    async def about_me(self, ctx: Context) -> list[SupportSession]:
        """Those about the actor's account and, with vendor:team, about the vendor the actor acts
        for; newest first, at most 50."""

    @command(scope="person")
    async def consent(self, ctx: Context, *, id: UUID, write: bool = False) -> SupportSession:
        """Opens it for half an hour, with no right that the actor lacks. `write` only counts where
        it was asked for. SupportNotAsked; NotFound when it is about somebody else."""

    @command(scope="person")
    async def end(self, ctx: Context, *, id: UUID) -> SupportSession:
        """Ends an open one, or refuses one that was asked for, at once; by either side."""

    @query(scope="person")
    async def visits(
        self, ctx: Context, *, id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Visited]:
        """What was opened in it, newest first; for either side, also while it is open."""

    @command(repeatable=True, trail=False)
    async def visited(self, ctx: Context, *, id: UUID, method: str, path: str) -> None:
        """Notes a visit before it is answered: a session that ended, or whose staff are staff no
        more, is over with it. SupportOver."""
