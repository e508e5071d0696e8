"""People and what they may do: accounts, sessions, tokens, roles and their scopes."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Forbidden, Invalid, Limited, Unauthenticated
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page

Email = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(str.lower)]
# Spaces at the ends of a password belong to it, also where a form's other fields are trimmed.
Password = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=False), Field(repr=False)
]
VendorRole = Literal["owner", "admin", "manager", "staff"]
StaffRole = Literal["super_admin", "moderator", "support", "finance"]


class EmailTaken(Conflict, code="email_taken"):
    """There is an account with this e-mail address already: sign in instead."""


class EmailInvalid(Invalid, code="email_invalid"):
    """That is not an e-mail address."""


class PasswordWeak(Invalid, code="password_weak"):
    """Choose a password of at least 8 characters that is not among the most common ones."""


class WrongCredentials(Unauthenticated, code="wrong_credentials"):
    """E-mail address or password is wrong."""


class AccountBlocked(Forbidden, code="account_blocked"):
    """This account is blocked."""


class TokenReused(Unauthenticated, code="refresh_token_reused"):
    """This refresh token was used before; the session is ended for safety. Sign in again."""


class RefreshInvalid(Unauthenticated, code="refresh_token_invalid"):
    """This refresh token is unknown, expired or revoked. Sign in again."""


class TooManyAttempts(Limited, code="too_many_attempts"):
    """Too many failed sign-ins; wait a few minutes."""


class DemoOnlyHere(Forbidden, code="demo_account_remote"):
    """Demo accounts can sign in from this machine only."""


class Membership(Model):
    """A person's place in a vendor's team."""

    vendor_id: UUID
    role: VendorRole


class Person(Model):
    """An account; `memberships` and `staff_roles` say what it may do beyond buying."""

    id: UUID
    email: str
    name: str
    status: Literal["active", "blocked"] = "active"
    memberships: list[Membership] = []
    staff_roles: list[StaffRole] = []
    scopes: list[str] = []
    created_at: datetime
    last_sign_in_at: datetime | None = None


class SignedIn(Model):
    """A session's tokens. `refresh_token` is None when another request just rotated it."""

    # Not shown by repr: tokens have no place in a log.
    access_token: Annotated[str, Field(repr=False)]
    refresh_token: Annotated[str | None, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"
    expires_at: datetime
    person: Person


class Contact(Model):
    """Where to reach a person: asked for when a message is sent, never kept elsewhere."""

    person_id: UUID
    email: str
    name: str


class PersonRegistered(Event, name="user.created", key="person_id"):
    person_id: UUID


class RoleGranted(Event, name="user.role_granted", key="person_id"):
    person_id: UUID
    role: str
    vendor_id: UUID | None


class Identity(Contract, name="identity"):
    @command()
    async def register(
        self, ctx: Context, *, id: UUID, email: Email, password: Password, name: str
    ) -> Person:
        """A new account. EmailTaken, EmailInvalid, PasswordWeak."""

    @command()
    async def sign_in(
        self,
        ctx: Context,
        *,
        email: Email,
        password: Password,
        client: str = "",
        local: bool = False,
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        """Tokens for a session. WrongCredentials, AccountBlocked, TooManyAttempts.

        `client` tells the device for the session list; `local` says that the request came from
        this machine (DemoOnlyHere otherwise, for demo accounts); `vendor_id` chooses among
        several memberships (NotFound when it is none of them). `origin` is the address the request
        came from: failures are counted per account and origin, or `client` where there is none.
        """

    @command()
    async def refresh(
        self, ctx: Context, *, refresh_token: str, vendor_id: UUID | None = None
    ) -> SignedIn:
        """Rotates the token. A reused one ends the whole session (TokenReused), but for 30 s after
        its rotation, when it answers a new access token only: two tabs may refresh at once.

        `vendor_id` is the vendor the person acts for from now on, NotFound when it is in another's
        team. Roles granted since the last time count from here.
        """

    @command()
    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        """Ends the session; harmless when it has ended."""

    @query(scope="person")
    async def me(self, ctx: Context) -> Person: ...

    @command(scope="person")
    async def change_name(self, ctx: Context, *, name: str) -> Person:
        """The actor's own name. Invalid (`name_invalid`) when there is nothing to read in it."""

    @query(scope="internal")
    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]: ...

    @query(scope="internal")
    async def team(self, ctx: Context, *, vendor_ids: list[UUID]) -> list[tuple[UUID, UUID]]:
        """(vendor_id, person_id) of every member of these vendors' teams."""

    @query(scope="internal")
    async def staff(self, ctx: Context) -> list[UUID]:
        """The ids of all platform staff."""

    @command(scope="internal")
    async def join_vendor(
        self, ctx: Context, *, person_id: UUID, vendor_id: UUID, role: VendorRole
    ) -> None: ...

    @command(scope="internal")
    async def grant_staff(self, ctx: Context, *, person_id: UUID, role: StaffRole) -> None: ...

    @command(scope="internal")
    async def mark_demo(self, ctx: Context, *, person_ids: list[UUID]) -> None:
        """These accounts exist for the demo: they sign in from this machine only."""

    @query(scope="staff")
    async def people(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Person]: ...
