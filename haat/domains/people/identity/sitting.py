"""Sessions as their owner sees them, tries to sign in, and people who are kept out.

Part of the public file: `api` hands these names on. `Sitting` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Unauthenticated
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

# "second_step": the password was right, and a code or a passkey was asked for but never given.
SignInResult = Literal[
    "signed_in",
    "wrong_password",
    "second_step",
    "wrong_code",
    "blocked",
    "not_from_here",
]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class NotYourself(Conflict, code="not_yourself"):
    """Nobody blocks their own account."""


class SessionOver(Unauthenticated, code="session_over"):
    """This session has ended by itself; sign in again.

    `reason`: "age" (it was as old as one gets), "idle" (it was not used for too long) or
    "too_many" (others were begun, and this one was used longest ago).
    """


class Session(Model):
    """One device that is signed in. `used_at` is its last refresh, so at most an access token's
    life old; unless it is used it ends at `expires_at`, at `ends_at` however much it is used.
    `current` is the one that asks; `strong` says that a second step was taken."""

    id: UUID
    device: str
    address: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ends_at: datetime
    strong: bool = False
    current: bool = False


class SignInTry(Model):
    """Somebody tried to sign in to the account."""

    id: UUID
    at: datetime
    address: str
    device: str
    result: SignInResult
    session_id: UUID | None = None


class EndedSession(Model):
    id: UUID
    ended_at: datetime


class PersonSignedIn(Event, name="user.signed_in", key="person_id"):
    person_id: UUID
    session_id: UUID


class PersonBlocked(Event, name="user.blocked", key="person_id"):
    person_id: UUID
    reason: str


class PersonUnblocked(Event, name="user.unblocked", key="person_id"):
    person_id: UUID


class Sitting:
    """The part of identity's contract that is about sessions and who may have one."""

    @query(scope="person")
    async def sessions(self, ctx: Context) -> list[Session]:
        """The actor's own that have not ended, the last used first, at most 100."""

    @command(scope="person", repeatable=True, proof=True)
    async def end_session(self, ctx: Context, *, id: UUID) -> None:
        """One of the actor's own; its tokens stop working. NotFound for anybody else's."""

    @command(scope="person", repeatable=True, proof=True)
    async def end_other_sessions(self, ctx: Context, *, but: UUID) -> None:
        """All of the actor's own but this one."""

    @query(scope="person")
    async def sign_ins(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[SignInTry]:
        """Tries to sign in to the actor's account, the last first."""

    @query(scope="staff")
    async def sessions_of(self, ctx: Context, *, person_id: UUID) -> list[Session]:
        """As `sessions`, of anybody."""

    @query(scope="staff")
    async def sign_ins_of(
        self, ctx: Context, *, person_id: UUID, limit: Limit = 50, cursor: str | None = None
    ) -> Page[SignInTry]:
        """As `sign_ins`, of anybody."""

    @command(scope="staff:settings", repeatable=True, proof=True)
    async def block(self, ctx: Context, *, person_id: UUID, reason: Reason) -> None:
        """Ends all sessions and lets nobody sign in to it. NotFound, NotYourself; LastSuperAdmin
        for the last one who is not blocked."""

    @command(scope="staff:settings", repeatable=True, proof=True)
    async def unblock(self, ctx: Context, *, person_id: UUID) -> None:
        """Lets its owner sign in again. NotFound."""

    @query(scope="internal")
    async def ended_sessions(
        self, ctx: Context, *, since: datetime | None = None
    ) -> list[EndedSession]:
        """Sessions that ended from then on, at most 5,000, the first first; without `since` those
        whose access tokens may not have run out yet."""
