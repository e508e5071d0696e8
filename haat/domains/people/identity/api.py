"""People and what they may do: accounts, sessions, tokens, roles and their scopes."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from haat.domains.people.identity.connecting import (
    Answered,
    AskedElsewhere,
    ConnectedElsewhere,
    ConnectFirst,
    Connecting,
    Connection,
    ConnectionChanged,
    ElsewhereAway,
    ElsewhereRefused,
    EmailMissing,
    HostPerson,
    HostToken,
    HostTokenInvalid,
    Kept,
    LastWayIn,
    ProviderName,
    ProviderUnknown,
    Purpose,
    Way,
    WaysIn,
)
from haat.domains.people.identity.factors import (
    AppSetup,
    Challenge,
    ChallengeOver,
    Code,
    CodeWrong,
    FactorChanged,
    FactorMissing,
    FactorPresent,
    Factors,
    MaybeCode,
    RecoveryCodes,
    SecondFactors,
    SecondStepNeeded,
)
from haat.domains.people.identity.keys import (
    KEY_BEGINS,
    ApiKey,
    KeyHolder,
    KeyInvalid,
    KeyName,
    KeyOver,
    Keys,
    KeysFull,
    MadeKey,
)
from haat.domains.people.identity.passkeys import (
    Credential,
    Passkey,
    PasskeyAsked,
    PasskeyInvalid,
    PasskeyName,
    PasskeyPresent,
    Passkeys,
    PasskeysFull,
    Sealed,
)
from haat.domains.people.identity.phones import (
    Phone,
    PhoneCode,
    PhoneInvalid,
    PhoneNumber,
    Phones,
    TextsAway,
)
from haat.domains.people.identity.recovering import (
    EmailUnverified,
    EmailVerified,
    LinkToken,
    LinkUsed,
    MaybePassword,
    Password,
    PasswordChanged,
    PersonVerified,
    Recovering,
    TooManyLetters,
    WrongPassword,
)
from haat.domains.people.identity.resetting import (
    Evidence,
    FactorReset,
    FactorResets,
    ResetOpen,
    ResetOver,
    SameHands,
)
from haat.domains.people.identity.roles import (
    STAFF_ROLES,
    STAFF_SCOPES,
    SUPER_ADMINS_ALONE,
    VENDOR_ROLES,
    VENDOR_SCOPES,
    CustomRole,
    Membership,
    RoleName,
    Scopes,
    StaffRole,
    VendorRole,
    with_implied,
)
from haat.domains.people.identity.sitting import (
    EndedSession,
    NotYourself,
    PersonBlocked,
    PersonSignedIn,
    PersonUnblocked,
    Reason,
    Session,
    SessionOver,
    SignInResult,
    SignInTry,
    Sitting,
)
from haat.domains.people.identity.staffing import (
    LastSuperAdmin,
    StaffChanged,
    Staffing,
    StaffMember,
)
from haat.domains.people.identity.teams import (
    AlreadyInvited,
    AlreadyMember,
    BeyondYours,
    Invitation,
    InvitationOver,
    LastOwner,
    Letter,
    Member,
    NotInvited,
    RightsChange,
    RoleInUse,
    RoleNameTaken,
    RolesFull,
    TeamChanged,
    TeamFull,
    TeamInvited,
    Teams,
)
from haat.kernel.context import Context
from haat.kernel.contract import Contract, command, query
from haat.kernel.errors import Conflict, Forbidden, Invalid, Limited, Unauthenticated
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.page import Limit, Page
from haat.kernel.personal import EmailAddress, EmailText, NameText, TokenText

# What stands in other files of this module and is as public as the rest.
__all__ = [
    "KEY_BEGINS",
    "STAFF_ROLES",
    "STAFF_SCOPES",
    "SUPER_ADMINS_ALONE",
    "VENDOR_ROLES",
    "VENDOR_SCOPES",
    "AlreadyInvited",
    "AlreadyMember",
    "Answered",
    "ApiKey",
    "AppSetup",
    "AskedElsewhere",
    "BeyondYours",
    "Challenge",
    "ChallengeOver",
    "Code",
    "CodeWrong",
    "ConnectFirst",
    "ConnectedElsewhere",
    "Connection",
    "ConnectionChanged",
    "Credential",
    "CustomRole",
    "ElsewhereAway",
    "ElsewhereRefused",
    "EmailMissing",
    "EmailUnverified",
    "EmailVerified",
    "EndedSession",
    "Evidence",
    "FactorChanged",
    "FactorMissing",
    "FactorPresent",
    "FactorReset",
    "HostPerson",
    "HostToken",
    "HostTokenInvalid",
    "Invitation",
    "InvitationOver",
    "Kept",
    "KeyHolder",
    "KeyInvalid",
    "KeyName",
    "KeyOver",
    "KeysFull",
    "LastOwner",
    "LastSuperAdmin",
    "LastWayIn",
    "Letter",
    "LinkToken",
    "LinkUsed",
    "MadeKey",
    "MaybeCode",
    "MaybePassword",
    "Member",
    "Membership",
    "NotInvited",
    "NotYourself",
    "Passkey",
    "PasskeyAsked",
    "PasskeyInvalid",
    "PasskeyName",
    "PasskeyPresent",
    "PasskeysFull",
    "Password",
    "PasswordChanged",
    "PersonBlocked",
    "PersonSignedIn",
    "PersonUnblocked",
    "PersonVerified",
    "Phone",
    "PhoneCode",
    "PhoneInvalid",
    "PhoneNumber",
    "ProviderName",
    "ProviderUnknown",
    "Purpose",
    "Reason",
    "RecoveryCodes",
    "ResetOpen",
    "ResetOver",
    "RightsChange",
    "RoleInUse",
    "RoleName",
    "RoleNameTaken",
    "RolesFull",
    "SameHands",
    "Scopes",
    "Sealed",
    "SecondFactors",
    "SecondStepNeeded",
    "Session",
    "SessionOver",
    "SignInResult",
    "SignInTry",
    "StaffChanged",
    "StaffMember",
    "StaffRole",
    "TeamChanged",
    "TeamFull",
    "TeamInvited",
    "TextsAway",
    "TooManyLetters",
    "VendorRole",
    "Way",
    "WaysIn",
    "WrongPassword",
    "with_implied",
]  # fmt: skip

Email = Annotated[
    str,
    Field(min_length=3, max_length=254),
    AfterValidator(str.lower),
    AfterValidator(EmailAddress),
]


class EmailTaken(Conflict, code="email_taken"):
    """There is an account with this e-mail address already: sign in instead."""


class EmailInvalid(Invalid, code="email_invalid"):
    """That is not an e-mail address."""


class PasswordWeak(Invalid, code="password_weak"):
    """Choose a longer password that is not among the first that others would try."""


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


class Person(Model):
    """An account; `memberships` and `staff_roles` say what it may do beyond buying. It is pending
    until its e-mail address is proved: such an account buys, but opens no store."""

    id: UUID
    email: EmailText
    name: NameText
    status: Literal["pending", "active", "blocked"] = "active"
    memberships: list[Membership] = []
    staff_roles: list[StaffRole] = []
    custom_roles: list[CustomRole] = []  # the market's own, for staff
    scopes: list[str] = []
    created_at: datetime
    last_sign_in_at: datetime | None = None


class SignedIn(Model):
    """A session's tokens. `refresh_token` is None when another request just rotated it.

    The session goes on while it is used, but not beyond `session_ends_at`. `others_ended` says how
    many older sessions of the account had to end for this one to begin.
    """

    # Not shown by repr: tokens have no place in a log.
    access_token: Annotated[TokenText, Field(repr=False)]
    refresh_token: Annotated[TokenText | None, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"
    expires_at: datetime
    session_ends_at: datetime | None = None
    others_ended: int = 0
    person: Person


class Recall(Model):
    """Access tokens of this person that were issued before `rights` changes count no more."""

    person_id: UUID
    rights: int
    until: datetime  # when the last of them has run out by itself


class Contact(Model):
    """Where to reach a person: asked for when a message is sent, never kept elsewhere."""

    person_id: UUID
    email: EmailText
    name: NameText


class PersonRegistered(Event, name="user.created", key="person_id"):
    person_id: UUID


class RoleGranted(Event, name="user.role_granted", key="person_id"):
    person_id: UUID
    role: str
    vendor_id: UUID | None


class Identity(
    Recovering,
    Sitting,
    Factors,
    FactorResets,
    Passkeys,
    Connecting,
    Phones,
    Teams,
    Staffing,
    Keys,
    Contract,
    name="identity",
):
    @command()
    async def register(
        self, ctx: Context, *, id: UUID, email: Email, password: Password, name: str
    ) -> Person:
        """A new account. EmailTaken, EmailInvalid, PasswordWeak.

        Its address is still to be proved, where the market asks for it and the system itself is
        not the actor: then a mail with a link goes out.
        """

    @command(trail=False)
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
        """Tokens for a session. WrongCredentials, AccountBlocked, TooManyAttempts, and
        SecondStepNeeded, whose challenge `finish_sign_in` takes.

        `client` tells the device for the session list; `local` says that the request came from
        this machine (DemoOnlyHere otherwise, for demo accounts); `vendor_id` chooses among
        several memberships (NotFound when it is none of them). `origin` is the address the request
        came from: failures are counted per account and origin, or `client` where there is none.
        """

    @command()
    async def finish_sign_in(self, ctx: Context, *, challenge: Challenge, code: Code) -> SignedIn:
        """The second step: a code of the app, or a recovery code; each is taken once.

        CodeWrong, ChallengeOver, TooManyAttempts, and what `sign_in` raises.
        """

    @command(trail=False)
    async def sign_in_with_passkey(
        self,
        ctx: Context,
        *,
        state: Sealed,
        credential: Credential,
        client: str = "",
        local: bool = False,
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        """Without a password, and in one step. PasskeyInvalid, AccountBlocked, DemoOnlyHere."""

    @command(timeout_s=25, trail=False)
    async def sign_in_elsewhere(
        self,
        ctx: Context,
        *,
        provider: ProviderName,
        kept: Kept,
        answered: Answered,
        client: str = "",
        local: bool = False,
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        """Ends it: with a session, of a new account where the provider names nobody known.

        ElsewhereRefused, ElsewhereAway, EmailMissing, ConnectFirst, and what `sign_in` raises after
        the password, SecondStepNeeded among it.
        """

    @command(scope="person", timeout_s=25, enrolling=True)
    async def prove_elsewhere(
        self,
        ctx: Context,
        *,
        provider: ProviderName,
        kept: Kept,
        answered: Answered,
        session_id: UUID,
    ) -> SignedIn:
        """As `prove`. ElsewhereRefused, also where the provider says that it did not ask."""

    @command(trail=False)
    async def sign_in_with_host(
        self,
        ctx: Context,
        *,
        token: HostToken,
        client: str = "",
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        """A session of our own for a host's token. What `host_person` raises; SecondStepNeeded."""

    @command(scope="person", enrolling=True)
    async def prove(
        self,
        ctx: Context,
        *,
        session_id: UUID,
        password: MaybePassword = None,
        code: MaybeCode = None,
    ) -> SignedIn:
        """The actor proves again who they are, in this session of theirs: with a code where they
        have an app, with their password otherwise. What asks for proof (ProofNeeded) works for
        some minutes then. The refresh token stays as it is and is not answered.

        CodeWrong (at `code`), WrongPassword (at `password`), TooManyAttempts.
        """

    @command(scope="person", enrolling=True)
    async def prove_with_passkey(
        self, ctx: Context, *, state: Sealed, credential: Credential, session_id: UUID
    ) -> SignedIn:
        """As `prove`, by a passkey of the actor's: it counts as both. PasskeyInvalid."""

    @command(trail=False)
    async def refresh(
        self, ctx: Context, *, refresh_token: str, vendor_id: UUID | None = None
    ) -> SignedIn:
        """Rotates the token. A reused one ends the whole session (TokenReused), but for 30 s after
        its rotation, when it answers a new access token only: two tabs may refresh at once.
        SessionOver where the session's time is up, or had to make room.

        `vendor_id` is the vendor the person acts for from now on, NotFound when it is in another's
        team. Roles granted since the last time count from here.
        """

    @command(trail=False)
    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        """Ends the session; harmless when it has ended."""

    @query(scope="person", enrolling=True)
    async def me(self, ctx: Context) -> Person: ...

    @command(scope="person")
    async def change_name(self, ctx: Context, *, name: str) -> Person:
        """The actor's own name. Invalid (`name_invalid`) when there is nothing to read in it."""

    @query(scope="internal")
    async def contacts(self, ctx: Context, *, person_ids: list[UUID]) -> list[Contact]: ...

    @query(scope="internal")
    async def team(self, ctx: Context, *, vendor_ids: list[UUID]) -> list[tuple[UUID, UUID]]:
        """(vendor_id, person_id) of every active member of these vendors' teams."""

    @query(scope="internal")
    async def recalls(self, ctx: Context, *, since: datetime) -> list[Recall]:
        """Whose rights changed since then. Every process asks each second: see `rights.py`."""

    @query(scope="internal")
    async def staff(self, ctx: Context) -> list[UUID]:
        """The ids of all platform staff."""

    @command(scope="internal")
    async def join_vendor(
        self, ctx: Context, *, person_id: UUID, vendor_id: UUID, role: VendorRole
    ) -> None:
        """Gives somebody a place in a team. Who has one keeps it as it is, and a team that has an
        owner gets no other this way: an application that is sent again takes no store back."""

    @command(scope="internal", repeatable=True)
    async def know_names(
        self,
        ctx: Context,
        *,
        vendor_ids: Annotated[list[UUID], Field(max_length=1000)],
        names: Annotated[list[str], Field(max_length=1000)],
    ) -> None:
        """What these vendors are called now, each by its place: no password is one of them."""

    @command(scope="internal")
    async def grant_staff(self, ctx: Context, *, person_id: UUID, role: StaffRole) -> None: ...

    @command(scope="internal")
    async def mark_demo(self, ctx: Context, *, person_ids: list[UUID]) -> None:
        """These accounts exist for the demo: they sign in from this machine only."""

    @query(scope="staff")
    async def look_up(
        self,
        ctx: Context,
        *,
        person_ids: Annotated[list[UUID], Field(max_length=1000)] | None = None,
        emails: Annotated[list[str], Field(max_length=1000)] | None = None,
    ) -> list[Contact]:
        """Those of these people, and of these addresses, that have an account."""

    @query(scope="staff")
    async def by_ids(
        self, ctx: Context, *, ids: Annotated[list[UUID], Field(max_length=100)]
    ) -> list[Person]:
        """Those of these that there are."""

    @query(scope="staff")
    async def people(
        self, ctx: Context, *, limit: Limit = 50, cursor: str | None = None
    ) -> Page[Person]: ...
