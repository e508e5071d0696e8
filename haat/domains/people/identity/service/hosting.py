"""The host system: its own tokens are accepted, and who they speak for has an account here.

Nothing is kept of a token. Every call with one asks here, so that who is blocked is out at once and
a role that changed counts at once; signing in with one (`sign_in_with_host`) makes a session.
"""

from datetime import timedelta
from uuid import UUID

from haat.domains.people.identity.api import (
    AccountBlocked,
    Connection,
    HostPerson,
    HostTokenInvalid,
    SecondStepNeeded,
    SignedIn,
    TooManyAttempts,
)
from haat.domains.people.identity.host import HostSystem
from haat.domains.people.identity.providers.port import Claimed
from haat.domains.people.identity.providers.settings import HOST
from haat.domains.people.identity.rules import attempt_key, chosen, client_label
from haat.domains.people.identity.service.allowing import Allowance, admitted
from haat.domains.people.identity.service.connecting import WithConnections
from haat.domains.people.identity.service.connection_statements import NOTED
from haat.domains.people.identity.service.sessions import Entry
from haat.engines.sql import Record
from haat.kernel.context import Context
from haat.kernel.ids import RandomIds, derive

_HOSTS = UUID("7c6a1f0e-6c1b-5d55-9a3e-4d1c2b8f9a01")  # under which hosts' people have their ids
NOTED_EVERY = timedelta(minutes=1)
TRIES_MAX, TRIES_IN = 60, timedelta(minutes=5)  # by one origin


class WithHost(WithConnections):
    """The part about the host system."""

    _host: HostSystem | None

    async def host_person(self, ctx: Context, *, token: str) -> HostPerson:
        claimed, found = await self._of_host(ctx, token)
        if found["status"] == "blocked":
            raise AccountBlocked
        if found["second_step"] and not claimed.strong:
            raise SecondStepNeeded("Take a session of the market's: sign in with this token.")
        now = ctx.now()
        await self._db.execute(NOTED, found["connection_id"], now, now - NOTED_EVERY)
        await self._follow(ctx, found, claimed.roles, self._host_label)
        account = await self.account(found["id"])
        person = account.person
        team = chosen(person, None, strict=False)
        person, team, scopes = self._required.of(person, team, strong=claimed.strong)
        return HostPerson(
            person_id=person.id,
            vendor_id=team.vendor_id if team else None,
            vendor_role=team.role if team else None,
            scopes=sorted(scopes),
            roles=list(person.staff_roles),
            rights=account.rights,
            # Without a time it is no proof: a token may be as old as its issuer likes.
            proved_until=claimed.proved_at and claimed.proved_at + self._proof_span,
        )

    async def sign_in_with_host(
        self,
        ctx: Context,
        *,
        token: str,
        client: str = "",
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        tries = Allowance(attempt_key("host from", origin or ""), TRIES_MAX, TRIES_IN)
        if origin is not None and not await admitted(self._db, ctx, [tries]):
            raise TooManyAttempts(retryAfterS=tries.wait_s)
        claimed, found = await self._of_host(ctx, token)
        attempt = RandomIds(ctx.clock).new()
        entry = Entry(attempt, client_label(client), origin or "", vendor_id, local=False)
        return await self._enter_by(ctx, found, claimed, entry)

    async def connect_host(self, ctx: Context, *, token: str) -> Connection:
        claimed = await self._claimed(ctx, token)
        return await self._connect(ctx, HOST, claimed.subject, claimed.email)

    async def _of_host(self, ctx: Context, token: str) -> tuple[Claimed, Record]:
        """Who it speaks for, with an account, made at the first token: by the same id whichever
        process makes it."""
        claimed = await self._claimed(ctx, token)
        assert self._host is not None, "it said who it is"
        new_id = derive(_HOSTS, f"{self._host.issuer} {claimed.subject}")
        return claimed, await self._known(ctx, HOST, claimed, new_id)

    async def _claimed(self, ctx: Context, token: str) -> Claimed:
        if self._host is None:
            raise HostTokenInvalid
        return await self._host.who(ctx, token)
