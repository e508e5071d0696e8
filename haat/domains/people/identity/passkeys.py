"""Passkeys (WebAuthn): keys that a device or a security key holds, and shows by signing.

Part of the public file: `api` hands these names on. `Passkeys` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Invalid
from haat.kernel.model import Model

# What a browser answers, as JSON (PublicKeyCredential.toJSON).
Credential = dict[str, Any]
Sealed = Annotated[str, StringConstraints(min_length=1, max_length=2000), Field(repr=False)]
PasskeyName = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class PasskeyInvalid(Invalid, code="passkey_invalid"):
    """This passkey was not accepted: it is unknown, removed, or answered too late. Try again."""


class PasskeyPresent(Conflict, code="passkey_present"):
    """This passkey is known already."""


class PasskeysFull(Conflict, code="passkeys_full"):
    """An account has at most 20 passkeys; remove one first."""


class Passkey(Model):
    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None = None


class PasskeyAsked(Model):
    """`options` are for the browser; `state` comes back with its answer, within five minutes."""

    options: dict[str, Any]
    state: Annotated[str, Field(repr=False)]


class Passkeys:
    """The part of identity's contract that is about passkeys."""

    @query(scope="person", enrolling=True)
    async def passkeys(self, ctx: Context) -> list[Passkey]: ...

    @command(scope="person", proof=True, enrolling=True)
    async def ask_passkey(self, ctx: Context) -> PasskeyAsked:
        """What a browser makes a new passkey from."""

    @command(scope="person", proof=True, enrolling=True)
    async def add_passkey(
        self,
        ctx: Context,
        *,
        id: UUID,
        state: Sealed,
        credential: Credential,
        name: PasskeyName,
        session_id: UUID,
    ) -> Passkey:
        """PasskeyInvalid, PasskeyPresent, PasskeysFull."""

    @command(scope="person", proof=True)
    async def remove_passkey(self, ctx: Context, *, id: UUID) -> None:
        """NotFound; LastWayIn."""

    @command(scope="person", enrolling=True)
    async def ask_passkey_proof(self, ctx: Context) -> PasskeyAsked:
        """What a browser proves with who the actor is, by one of their passkeys."""

    @command()
    async def ask_passkey_sign_in(self, ctx: Context, *, origin: str | None = None) -> PasskeyAsked:
        """What a browser signs in with; the same for everybody. TooManyAttempts for an origin."""
