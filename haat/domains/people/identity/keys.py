"""Types of API keys, by which a vendor's own programs call.

Part of the public file: `api` hands these names on. `Keys` is a part of its contract.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from haat.domains.people.identity.roles import Scopes
from haat.kernel.context import Context
from haat.kernel.contract import command, query
from haat.kernel.errors import Conflict, Unauthenticated
from haat.kernel.model import Model

KEY_BEGINS = "haat_"  # every key, so that it is known for one wherever it turns up
KeyName = Annotated[str, Field(min_length=1, max_length=60)]


class KeyInvalid(Unauthenticated, code="api_key_invalid"):
    """This API key is unknown, expired or revoked, or who made it is no longer in the team."""


class KeysFull(Conflict, code="api_keys_full"):
    """A vendor has at most 50 keys: revoke one that is not used."""


class KeyOver(Conflict, code="api_key_over"):
    """This API key has expired or was revoked: make a new one."""


class ApiKey(Model):
    """A key as it is listed: `prefix` is how it begins. `scopes` are what it may use as long as
    `person_id`, who made it, has them."""

    id: UUID
    vendor_id: UUID
    person_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None  # exact to a minute
    revoked_at: datetime | None = None


class MadeKey(Model):
    """A key and its secret, which is told this once and kept nowhere."""

    key: ApiKey
    secret: Annotated[str, Field(repr=False)]


class KeyHolder(Model):
    """For whom a key speaks now, and what it may."""

    key_id: UUID
    person_id: UUID
    vendor_id: UUID
    scopes: list[str]


class Keys:
    """The part of identity's contract that is about API keys.

    A key acts for who made it, in one store, with what it was given of what they have at that
    moment: it ends with their place in the team, since they know its secret.
    """

    @query(scope="vendor:keys")
    async def api_keys(self, ctx: Context, *, vendor_id: UUID) -> list[ApiKey]:
        """All that are not over for more than 90 days, newest first; at most 200."""

    @command(scope="vendor:keys")
    async def make_key(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        name: KeyName,
        scopes: Scopes,
        expires_at: AwareDatetime | None = None,
    ) -> MadeKey:
        """BeyondYours for scopes that the actor does not have, KeysFull; Invalid for a time that is
        past, and for an id that was used."""

    @command(scope="vendor:keys")
    async def rotate_key(
        self,
        ctx: Context,
        *,
        id: UUID,
        vendor_id: UUID,
        key_id: UUID,
        overlap_s: Annotated[int, Field(ge=0, le=7 * 86_400)] = 86_400,
    ) -> MadeKey:
        """A new key with the name and rights of an old one, the actor's own from now on; the old
        one goes on for `overlap_s`. Its time is as long as the old one's was. KeyOver, BeyondYours.
        """

    @command(scope="vendor:keys", repeatable=True)
    async def revoke_key(self, ctx: Context, *, vendor_id: UUID, key_id: UUID) -> None:
        """At once; harmless when it is over. NotFound."""

    @command(repeatable=True)
    async def key_holder(
        self, ctx: Context, *, secret: Annotated[str, Field(repr=False)]
    ) -> KeyHolder:
        """What a key may now; notes that it was used, once a minute at most. KeyInvalid."""
