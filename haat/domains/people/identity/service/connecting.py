"""Signing in at another provider, and the connections that come of it.

A browser goes away with a sealed note (`kept`) of what it was sent for, and is worth something only
with that note when it comes back: the provider, its purpose and person, `state`, `nonce` and PKCE's
verifier. A note is taken once.

An account is found by the provider's own name for it (`subject`), never by an e-mail address: who
has an account with that address signs in to it first, and connects it then.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.people.identity.api import (
    Answered,
    AskedElsewhere,
    ConnectedElsewhere,
    ConnectFirst,
    Connection,
    ConnectionChanged,
    ElsewhereRefused,
    EmailInvalid,
    EmailMissing,
    FactorPresent,
    PersonRegistered,
    ProviderUnknown,
    Purpose,
    SignedIn,
    TooManyAttempts,
    Way,
    WaysIn,
)
from haat.domains.people.identity.providers.port import Claimed, Errand, Provider
from haat.domains.people.identity.providers.settings import HOST
from haat.domains.people.identity.rules import (
    attempt_key,
    client_label,
    normal_email,
    person_name,
)
from haat.domains.people.identity.service.allowing import Allowance, admitted
from haat.domains.people.identity.service.connection_roles import RolesElsewhere
from haat.domains.people.identity.service.connection_statements import (
    CONNECT,
    CONNECTED,
    CONNECTIONS,
    CONNECTIONS_MAX,
    DISCONNECT,
    EMAIL,
    MAKE,
    ONE,
    OWN,
    USED,
    WAYS,
)
from haat.domains.people.identity.service.recovering import NEWS_KEPT
from haat.domains.people.identity.service.sessions import Entry, Proof
from haat.domains.people.identity.service.ways import check_way_left
from haat.engines.sql import Record, UniqueViolation
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, NotFound, Unauthenticated
from haat.kernel.ids import RandomIds

SPAN = timedelta(minutes=10)
ASKED_MAX, ASKED_IN = 60, timedelta(minutes=5)  # by one origin
TOKEN_BYTES = 32
VERIFIER_BYTES = 48  # 64 characters: RFC 7636 wants 43 to 128
ASKED_AGAIN_WITHIN = timedelta(minutes=3)  # a proof is of now, where the provider says when it was


class WithConnections(RolesElsewhere):
    """The part about other providers of identities."""

    async def ways(self, ctx: Context) -> list[Way]:
        return [Way(name=one.name, label=one.label) for one in self._providers.values()]

    # -- there and back ---------------------------------------------------------------------------

    async def ask_elsewhere(
        self, ctx: Context, *, provider: str, origin: str | None = None
    ) -> AskedElsewhere:
        asked = Allowance(attempt_key("elsewhere from", origin or ""), ASKED_MAX, ASKED_IN)
        if origin is not None and not await admitted(self._db, ctx, [asked]):
            raise TooManyAttempts(retryAfterS=asked.wait_s)
        return await self._ask(ctx, provider, "sign_in", "")

    async def ask_connection(self, ctx: Context, *, provider: str) -> AskedElsewhere:
        return await self._ask(ctx, provider, "connect", str(ctx.person_id))

    async def ask_proof_elsewhere(self, ctx: Context, *, provider: str) -> AskedElsewhere:
        if (await self._factors(ctx.person_id))["confirmed_at"] is not None:
            raise FactorPresent("Prove it by a code of your authenticator app.")
        return await self._ask(ctx, provider, "prove", str(ctx.person_id))

    async def _ask(self, ctx: Context, name: str, purpose: Purpose, whom: str) -> AskedElsewhere:
        provider = self._provider(name)
        errand = Errand(
            state=secrets.token_urlsafe(TOKEN_BYTES),
            nonce=secrets.token_urlsafe(TOKEN_BYTES),
            verifier=secrets.token_urlsafe(VERIFIER_BYTES),
            redirect_uri=provider.redirect_uri,
            again=purpose == "prove",
        )
        said = {"provider": name, "purpose": purpose, "whom": whom, "errand": asdict(errand)}
        url = await provider.address(ctx, errand)
        kept = self._signer.seal("elsewhere", json.dumps(said), ctx.now() + SPAN)
        return AskedElsewhere(url=url, kept=kept)

    async def _came_back(
        self, ctx: Context, name: str, purpose: Purpose, whom: str, kept: str, answered: Answered
    ) -> Claimed:
        """Who the provider says it is, for a note that is of this errand and is taken once."""
        provider = self._provider(name)
        text = self._signer.unseal("elsewhere", kept)
        said = json.loads(text) if text else {}
        if (said.get("provider"), said.get("purpose"), said.get("whom")) != (name, purpose, whom):
            raise ElsewhereRefused
        errand = Errand(**said["errand"])
        given = answered.state.encode("utf-8", "replace")
        if not hmac.compare_digest(errand.state.encode(), given):
            raise ElsewhereRefused
        once = Allowance(attempt_key("elsewhere", errand.state), 1, 2 * SPAN)
        if not await admitted(self._db, ctx, [once]):
            raise ElsewhereRefused
        return await provider.who(ctx, errand, answered)

    def _provider(self, name: str) -> Provider:
        found = self._providers.get(name)
        if found is None:
            raise ProviderUnknown
        return found

    def _label(self, name: str) -> str:
        found = self._providers.get(name)
        return found.label if found else self._host_label if name == HOST else name

    # -- signing in -------------------------------------------------------------------------------

    async def sign_in_elsewhere(
        self,
        ctx: Context,
        *,
        provider: str,
        kept: str,
        answered: Answered,
        client: str = "",
        local: bool = False,
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        claimed = await self._came_back(ctx, provider, "sign_in", "", kept, answered)
        attempt = RandomIds(ctx.clock).new()
        entry = Entry(attempt, client_label(client), origin or "", vendor_id, local)
        found = await self._known(ctx, provider, claimed, RandomIds(ctx.clock).new())
        return await self._enter_by(ctx, found, claimed, entry)

    async def _known(self, ctx: Context, provider: str, claimed: Claimed, new_id: UUID) -> Record:
        """The account that is connected, made where nobody has its address. EmailMissing,
        ConnectFirst."""
        found = await self._db.fetchrow(CONNECTED, provider, claimed.subject)
        if found is not None:
            return found
        try:
            made = await self._make(ctx, provider, claimed, new_id)
        except UniqueViolation:  # the same person, on another way at the same moment
            made = False
        found = await self._db.fetchrow(CONNECTED, provider, claimed.subject)
        if found is not None:
            return found
        assert not made, "what was made can be read"
        raise self._connect_first(ctx, provider, claimed)

    def _connect_first(self, ctx: Context, provider: str, claimed: Claimed) -> ConnectFirst:
        """A ticket is worth something to who owns the address: the provider proved that it is who
        signs in there, and signing in here proves that it is who has the account."""
        label = self._label(provider)
        if not claimed.email_verified:
            return ConnectFirst(provider=label)
        said = {
            "provider": provider,
            "subject": claimed.subject,
            "email": normal_email(claimed.email),
        }
        ticket = self._signer.seal("connect", json.dumps(said), ctx.now() + SPAN)
        return ConnectFirst(provider=label, ticket=ticket)

    async def _make(self, ctx: Context, provider: str, claimed: Claimed, id: UUID) -> bool:
        """A new account; False where somebody has its address, or its id."""
        try:
            email = normal_email(claimed.email)
        except EmailInvalid:
            raise EmailMissing from None
        pending = self._verifies and not claimed.email_verified
        now = ctx.now()
        hashed = await self._passwords.hash(secrets.token_urlsafe(TOKEN_BYTES))  # nobody's
        rows = await self._db.step(
            ctx,
            MAKE,
            id,
            email,
            _name(claimed, email),
            hashed,
            now,
            "pending" if pending else "active",
            now if claimed.email_verified else None,
            RandomIds(ctx.clock).new(),
            provider,
            claimed.subject,
            RandomIds(ctx.clock).new(),
            now + self._verify_span,
            emit=[PersonRegistered(person_id=id)],
        )
        return bool(rows)

    async def _enter_by(
        self, ctx: Context, found: Record, claimed: Claimed, entry: Entry
    ) -> SignedIn:
        """A session for who came back; the second step is asked for as after a password."""
        now = ctx.now()
        tried = (entry.attempt_id, now, entry.origin, entry.client)
        used = (USED, found["connection_id"], _shown_email(claimed), *tried)
        if not await self._db.step(ctx, *used):
            raise ElsewhereRefused  # disconnected at this moment
        account = await self._admitted(found, entry)
        label = self._label(found["provider"])
        if await self._follow(ctx, found, claimed.roles, label):
            account = await self.account(found["id"], entry.vendor_id)
        proof = Proof(found["password_hash"], strong=claimed.strong, proved_at=claimed.proved_at)
        if found["second_step"]:
            await self._second_step(found["id"], entry, proof, now)
        return await self._begin(ctx, account, entry, proof)

    # -- connections ------------------------------------------------------------------------------

    async def connect(
        self, ctx: Context, *, provider: str, kept: str, answered: Answered
    ) -> Connection:
        whom = str(ctx.person_id)
        claimed = await self._came_back(ctx, provider, "connect", whom, kept, answered)
        return await self._connect(ctx, provider, claimed.subject, _shown_email(claimed))

    async def connect_by_ticket(self, ctx: Context, *, ticket: str) -> Connection:
        text = self._signer.unseal("connect", ticket)
        if text is None:
            raise ElsewhereRefused
        said = json.loads(text)
        if await self._db.fetchval(EMAIL, ctx.person_id) != said["email"]:
            raise ElsewhereRefused
        return await self._connect(ctx, said["provider"], said["subject"], said["email"])

    async def _connect(self, ctx: Context, provider: str, subject: str, email: str) -> Connection:
        person_id, now = ctx.person_id, ctx.now()
        ids = RandomIds(ctx.clock)
        event = ConnectionChanged(person_id=person_id, provider=provider, change="connected")
        given = (ids.new(), person_id, provider, subject, email, now)
        news = (ids.new(), now + NEWS_KEPT, CONNECTIONS_MAX)
        await self._db.step(ctx, CONNECT, *given, *news, emit=[event])
        row = await self._db.fetchrow(OWN, provider, subject)
        if row is None:
            raise ConnectedElsewhere("An account has at most 20 connections; remove one first.")
        if row["person_id"] != person_id:
            raise ConnectedElsewhere
        return self._shown(row)

    async def disconnect(self, ctx: Context, *, id: UUID) -> None:
        person_id, now = ctx.person_id, ctx.now()
        async with self._db.begin(ctx) as tx:
            member = await self.locked_member(tx, person_id)
            row = await tx.fetchrow(ONE, id, person_id)
            if row is None:
                raise NotFound
            await check_way_left(tx, person_id, id, self._offered)
            reason = f"{self._label(row['provider'])} disconnected"
            raised = await self._give(tx, member, row, frozenset(), reason)
            await tx.execute(DISCONNECT, id, RandomIds(ctx.clock).new(), now, now + NEWS_KEPT)
            provider = row["provider"]
            tx.emit(
                ConnectionChanged(person_id=person_id, provider=provider, change="disconnected")
            )
        self._recall(ctx, raised)

    async def ways_in(self, ctx: Context) -> WaysIn:
        ways = await self._db.fetchrow(WAYS, ctx.person_id)
        if ways is None:
            raise Unauthenticated
        rows = await self._db.fetch(CONNECTIONS, ctx.person_id, CONNECTIONS_MAX)
        return WaysIn(
            password=ways["has_password"],
            passkeys=ways["passkeys"],
            connections=[self._shown(row) for row in rows],
        )

    def _shown(self, row: Mapping[str, Any]) -> Connection:
        found = {name: row[name] for name in Connection.model_fields if name != "label"}
        return Connection(**found, label=self._label(row["provider"]))

    # -- proof ------------------------------------------------------------------------------------

    async def prove_elsewhere(
        self, ctx: Context, *, provider: str, kept: str, answered: Answered, session_id: UUID
    ) -> SignedIn:
        person_id, now = ctx.person_id, ctx.now()
        whom = str(person_id)
        claimed = await self._came_back(ctx, provider, "prove", whom, kept, answered)
        row = await self._db.fetchrow(CONNECTED, provider, claimed.subject)
        if row is None or row["id"] != person_id or row["second_step"]:
            raise ElsewhereRefused
        if claimed.proved_at is not None and claimed.proved_at < now - ASKED_AGAIN_WITHIN:
            raise ElsewhereRefused("The other service did not ask you again who you are.")
        return await self._proved(ctx, session_id, strong=claimed.strong)


def _name(claimed: Claimed, email: str) -> str:
    """What the account is called at first: what the provider says, or how the address begins."""
    for text in (claimed.name, email.partition("@")[0]):
        try:
            return person_name(text)
        except Invalid:
            continue
    return "Customer"


def _shown_email(claimed: Claimed) -> str:
    try:
        return normal_email(claimed.email)
    except EmailInvalid:
        return ""
