"""Signing in elsewhere: at another provider of identities, whose word is taken here, and with the
tokens of a host system.

Part of the public file: `api` hands these names on. `Connecting` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated, Unavailable
from haat.kernel.events import Event
from haat.kernel.model import Model
from haat.kernel.personal import EmailText

ProviderName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
# What the browser keeps while its person is elsewhere; unreadable there.
Kept = Annotated[str, StringConstraints(min_length=1, max_length=3000), Field(repr=False)]
HostToken = Annotated[str, StringConstraints(min_length=1, max_length=16_384), Field(repr=False)]
Purpose = Literal["sign_in", "connect", "prove"]
_Said = Annotated[str, StringConstraints(max_length=4096)]


class ProviderUnknown(NotFound, code="sign_in_provider_unknown"):
    """This market has no such way to sign in."""


class ElsewhereAway(Unavailable, code="sign_in_provider_away"):
    """The other service does not answer as it should; try later, or sign in another way."""


class ElsewhereRefused(Invalid, code="sign_in_refused"):
    """The sign-in at the other service did not work out, or took too long. Begin again."""


class EmailMissing(Conflict, code="sign_in_email_missing"):
    """The other service tells us no e-mail address. Make an account here, then connect it."""


class ConnectFirst(Conflict, code="connect_first"):
    """There is an account with this e-mail address: sign in to it first, then it can be connected.

    Where the other service proved the address there is a `ticket` for `connect_by_ticket`, good for
    ten minutes.
    """


class ConnectedElsewhere(Conflict, code="connected_elsewhere"):
    """This account of the other service is connected to another account here."""


class LastWayIn(Conflict, code="last_way_in"):
    """This is the only way into your account. Set a password or add a passkey first."""


class HostTokenInvalid(Unauthenticated, code="host_token_invalid"):
    """This token of the host system is not valid here."""


class Way(Model):
    """A provider that people may sign in at."""

    name: str
    label: str


class AskedElsewhere(Model):
    """Where the browser goes now (`url`), and what it keeps until it is back (`kept`): ten minutes
    at most."""

    url: str
    kept: Annotated[str, Field(repr=False)]


class Answered(Model):
    """What the provider sent back with the browser, as it came. `user` is Apple's: a name, told the
    first time only."""

    code: Annotated[_Said, Field(repr=False)] = ""
    state: _Said = ""
    iss: _Said = ""
    error: _Said = ""
    user: Annotated[_Said, Field(repr=False)] = ""


class Connection(Model):
    """A person's account at a provider. `label` is what the provider is called, `email` how the
    account was known there when it was last used. `roles`: what of staff's it gives them here."""

    id: UUID
    provider: str
    label: str
    email: EmailText = ""
    roles: list[str] = []
    connected_at: datetime
    used_at: datetime | None = None


class WaysIn(Model):
    """How somebody can get into their account."""

    password: bool
    passkeys: int
    connections: list[Connection]


class HostPerson(Model):
    """For whom a host's token speaks, and what they may do now."""

    person_id: UUID
    vendor_id: UUID | None = None
    vendor_role: str | None = None
    scopes: list[str]
    roles: list[str] = []
    rights: int = 0
    proved_until: datetime | None = None


class ConnectionChanged(Event, name="user.connection_changed", key="person_id"):
    """`change`: connected, disconnected. Which account of the provider's is not said."""

    person_id: UUID
    provider: str
    change: str


class Connecting:
    """The part of identity's contract that is about other providers of identities."""

    @query()
    async def ways(self, ctx: Context) -> list[Way]:
        """The providers of this market, as its operator orders them."""

    @command(trail=False)
    async def ask_elsewhere(
        self, ctx: Context, *, provider: ProviderName, origin: str | None = None
    ) -> AskedElsewhere:
        """Begins signing in. ProviderUnknown, ElsewhereAway, TooManyAttempts for an origin."""

    @command(scope="person", proof=True)
    async def ask_connection(self, ctx: Context, *, provider: ProviderName) -> AskedElsewhere:
        """Begins connecting the actor's account. ProviderUnknown, ElsewhereAway."""

    @command(scope="person", timeout_s=25)
    async def connect(
        self, ctx: Context, *, provider: ProviderName, kept: Kept, answered: Answered
    ) -> Connection:
        """Ends it, for who began it. ElsewhereRefused, ElsewhereAway, ConnectedElsewhere."""

    @command(scope="person", proof=True, repeatable=True)
    async def connect_by_ticket(self, ctx: Context, *, ticket: Kept) -> Connection:
        """What ConnectFirst asked for is done: only for the account with that e-mail address.
        ElsewhereRefused, ConnectedElsewhere."""

    @command(scope="person", proof=True)
    async def disconnect(self, ctx: Context, *, id: UUID) -> None:
        """Roles that it gave go with it. NotFound, LastWayIn."""

    @query(scope="person", enrolling=True)
    async def ways_in(self, ctx: Context) -> WaysIn:
        """How the actor gets into their account."""

    @command(scope="person")
    async def ask_proof_elsewhere(self, ctx: Context, *, provider: ProviderName) -> AskedElsewhere:
        """Begins proving again who one is, by a provider that is connected; not for who has an
        authenticator app. ProviderUnknown, ElsewhereAway, FactorPresent."""

    @command(repeatable=True, trail=False)
    async def host_person(self, ctx: Context, *, token: HostToken) -> HostPerson:
        """Who a host's token speaks for; an account is made at the first one. HostTokenInvalid,
        EmailMissing, ConnectFirst, AccountBlocked."""

    @command(scope="person", proof=True)
    async def connect_host(self, ctx: Context, *, token: HostToken) -> Connection:
        """The actor's account is the host's account, too. HostTokenInvalid, ConnectedElsewhere."""
