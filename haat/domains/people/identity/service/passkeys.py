"""Passkeys: registration, and signing in without a password.

A challenge travels sealed through the browser and is taken once. The device must have recognised
its owner (user verification), so that one passkey is as good as a password and a second step.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from haat.domains.people.identity.api import (
    FactorChanged,
    Passkey,
    PasskeyAsked,
    PasskeyInvalid,
    PasskeyPresent,
    PasskeysFull,
    SignedIn,
    TooManyAttempts,
)
from haat.domains.people.identity.providers.port import Provider
from haat.domains.people.identity.providers.settings import HOST
from haat.domains.people.identity.rules import attempt_key, client_label
from haat.domains.people.identity.service.allowing import Allowance, admitted
from haat.domains.people.identity.service.factors import Factors
from haat.domains.people.identity.service.recovering import NEWS_KEPT
from haat.domains.people.identity.service.sessions import Entry, Proof
from haat.domains.people.identity.service.ways import check_way_left
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.ids import RandomIds

PASSKEYS = Sql("""
SELECT id, name, created_at, used_at, credential_id FROM identity.passkeys
 WHERE person_id = $1 ORDER BY created_at, id LIMIT 20
""")
OWNER = Sql("SELECT email, name FROM identity.people WHERE id = $1")
ADD = Sql("""
WITH added AS (
  INSERT INTO identity.passkeys
    (credential_id, id, person_id, public_key, sign_count, name, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT DO NOTHING
  RETURNING person_id
), strong AS (
  UPDATE identity.sessions s SET strong = true FROM added
   WHERE s.id = $8 AND s.person_id = added.person_id AND s.ended_at IS NULL
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $9, 'factor_added', p.email, p.id, $7, $7, $10
    FROM added JOIN identity.people p ON p.id = added.person_id
) /*emit:added*/
SELECT person_id FROM added
""")
TAKE_AWAY = Sql("""
WITH removed AS (
  DELETE FROM identity.passkeys WHERE id = $1 AND person_id = $2 RETURNING person_id
), weak AS (
  UPDATE identity.sessions s SET strong = false FROM removed
   WHERE s.person_id = removed.person_id AND s.ended_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM identity.passkeys k
                      WHERE k.person_id = s.person_id AND k.id <> $1)
     AND NOT EXISTS (SELECT 1 FROM identity.authenticators a
                      WHERE a.person_id = s.person_id AND a.confirmed_at IS NOT NULL)
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $3, 'factor_removed', p.email, p.id, $4, $4, $5
    FROM removed JOIN identity.people p ON p.id = removed.person_id
)
SELECT person_id FROM removed
""")
KEY = Sql("""
SELECT k.public_key, k.sign_count, p.id, p.status, p.demo, p.password_hash
  FROM identity.passkeys k JOIN identity.people p ON p.id = k.person_id
 WHERE k.credential_id = $1
""")
# A count that does not rise is a copy's; most passkeys are copied on purpose, and count nothing.
USE_KEY = Sql("""
WITH used AS (
  UPDATE identity.passkeys SET sign_count = $2, used_at = $3
   WHERE credential_id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))
  RETURNING person_id
), tried AS (
  INSERT INTO identity.sign_ins (id, person_id, at, address, client, result)
  SELECT $4, person_id, $3, $5, $6, 'second_step' FROM used
)
SELECT person_id FROM used
""")

NOTE_KEY = Sql("""
UPDATE identity.passkeys SET sign_count = $2, used_at = $3
 WHERE credential_id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))
RETURNING person_id
""")

SPAN = timedelta(minutes=5)
PASSKEYS_MAX = 20
ASKED_MAX, ASKED_IN = 60, timedelta(minutes=5)  # by one origin
CHALLENGE_BYTES = 32
_VERIFIED = UserVerificationRequirement.REQUIRED


class WithPasskeys(Factors):
    """The part about passkeys. The service gives the attributes below."""

    _providers: Mapping[str, Provider]
    _host_label: str  # '' where there is no host system

    @property
    def _offered(self) -> list[str]:
        """Providers that lead in now: a connection to another is no way in."""
        return [*self._providers, *([HOST] if self._host_label else [])]

    @property
    def _party(self) -> str:
        """The domain that passkeys are for."""
        return urlsplit(self._site).hostname or "localhost"

    async def passkeys(self, ctx: Context) -> list[Passkey]:
        rows = await self._db.fetch(PASSKEYS, ctx.person_id)
        return [Passkey(**{k: v for k, v in row.items() if k != "credential_id"}) for row in rows]

    async def ask_passkey(self, ctx: Context) -> PasskeyAsked:
        person_id = ctx.person_id
        owner = await self._db.fetchrow(OWNER, person_id)
        if owner is None:
            raise NotFound
        known = await self._db.fetch(PASSKEYS, person_id)
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        options = webauthn.generate_registration_options(
            rp_id=self._party,
            rp_name=(await self._market.settings(ctx)).name,
            user_id=person_id.bytes,
            user_name=owner["email"],
            user_display_name=owner["name"],
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=row["credential_id"]) for row in known
            ],
        )
        return self._asked(ctx, webauthn.options_to_json(options), challenge, str(person_id))

    async def add_passkey(
        self,
        ctx: Context,
        *,
        id: UUID,
        state: str,
        credential: dict[str, Any],
        name: str,
        session_id: UUID,
    ) -> Passkey:
        person_id = ctx.person_id
        challenge = await self._challenge(ctx, state, str(person_id))
        try:
            found = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._party,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
            raise PasskeyInvalid from None
        if len(await self._db.fetch(PASSKEYS, person_id)) >= PASSKEYS_MAX:
            raise PasskeysFull
        now = ctx.now()
        added = await self._db.step(
            ctx,
            ADD,
            found.credential_id,
            id,
            person_id,
            found.credential_public_key,
            found.sign_count,
            client_label(name),
            now,
            session_id,
            RandomIds(ctx.clock).new(),
            now + NEWS_KEPT,
            emit=[FactorChanged(person_id=person_id, change="passkey_added")],
        )
        if not added:
            raise PasskeyPresent
        return Passkey(id=id, name=client_label(name), created_at=now)

    async def remove_passkey(self, ctx: Context, *, id: UUID) -> None:
        person_id, now = ctx.person_id, ctx.now()
        event = FactorChanged(person_id=person_id, change="passkey_removed")
        given = (id, person_id, RandomIds(ctx.clock).new(), now, now + NEWS_KEPT)
        async with self._db.begin(ctx) as tx:
            await check_way_left(tx, person_id, id, self._offered)
            if not await tx.fetch(TAKE_AWAY, *given):
                raise NotFound
            tx.emit(event)

    async def ask_passkey_sign_in(self, ctx: Context, *, origin: str | None = None) -> PasskeyAsked:
        asked = Allowance(attempt_key("passkeys from", origin or ""), ASKED_MAX, ASKED_IN)
        if origin is not None and not await admitted(self._db, ctx, [asked]):
            raise TooManyAttempts(retryAfterS=asked.wait_s)
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        options = webauthn.generate_authentication_options(
            rp_id=self._party, challenge=challenge, user_verification=_VERIFIED
        )
        return self._asked(ctx, webauthn.options_to_json(options), challenge, "")

    async def sign_in_with_passkey(
        self,
        ctx: Context,
        *,
        state: str,
        credential: dict[str, Any],
        client: str = "",
        local: bool = False,
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        found, shown = await self._shown_key(ctx, state, credential, "")
        attempt = RandomIds(ctx.clock).new()
        entry = Entry(attempt, client_label(client), origin or "", vendor_id, local)
        await self._use_key(ctx, shown, entry)
        account = await self._admitted(found, entry)
        return await self._begin(ctx, account, entry, Proof(found["password_hash"], strong=True))

    async def ask_passkey_proof(self, ctx: Context) -> PasskeyAsked:
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        known = await self._db.fetch(PASSKEYS, ctx.person_id)
        options = webauthn.generate_authentication_options(
            rp_id=self._party,
            challenge=challenge,
            user_verification=_VERIFIED,
            allow_credentials=[
                PublicKeyCredentialDescriptor(id=row["credential_id"]) for row in known
            ],
        )
        whom = f"proof of {ctx.person_id}"
        return self._asked(ctx, webauthn.options_to_json(options), challenge, whom)

    async def prove_with_passkey(
        self, ctx: Context, *, state: str, credential: dict[str, Any], session_id: UUID
    ) -> SignedIn:
        person_id, now = ctx.person_id, ctx.now()
        found, shown = await self._shown_key(ctx, state, credential, f"proof of {person_id}")
        if found["id"] != person_id:
            raise PasskeyInvalid
        used = await self._db.fetch(NOTE_KEY, shown.credential_id, shown.new_sign_count, now)
        if not used:
            raise PasskeyInvalid
        return await self._proved(ctx, session_id, strong=True)

    async def _shown_key(
        self, ctx: Context, state: str, credential: dict[str, Any], whom: str
    ) -> tuple[Record, VerifiedAuthentication]:
        """The passkey that signed this challenge, with whose it is. PasskeyInvalid."""
        challenge = await self._challenge(ctx, state, whom)
        try:
            credential_id = base64url_to_bytes(credential["rawId"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise PasskeyInvalid from None
        found = await self._db.fetchrow(KEY, credential_id)
        if found is None:
            raise PasskeyInvalid
        try:
            shown = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self._party,
                expected_origin=self._origin,
                credential_public_key=found["public_key"],
                credential_current_sign_count=found["sign_count"],
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
            raise PasskeyInvalid from None
        return found, shown

    async def _use_key(self, ctx: Context, shown: VerifiedAuthentication, entry: Entry) -> None:
        """Notes the use and the try to sign in. PasskeyInvalid for a copy."""
        used = (shown.credential_id, shown.new_sign_count, ctx.now())
        if not await self._db.step(
            ctx, USE_KEY, *used, entry.attempt_id, entry.origin, entry.client
        ):
            raise PasskeyInvalid

    @property
    def _origin(self) -> str:
        parts = urlsplit(self._site)
        return f"{parts.scheme}://{parts.netloc}"

    def _asked(self, ctx: Context, options: str, challenge: bytes, whom: str) -> PasskeyAsked:
        said = json.dumps({"challenge": challenge.hex(), "whom": whom})
        state = self._signer.seal("passkey", said, ctx.now() + SPAN)
        return PasskeyAsked(options=json.loads(options), state=state)

    async def _challenge(self, ctx: Context, state: str, whom: str) -> bytes:
        """The challenge in a sealed state, taken once. PasskeyInvalid."""
        said = self._signer.unseal("passkey", state)
        found = json.loads(said) if said else {}
        if found.get("whom") != whom:
            raise PasskeyInvalid
        once = Allowance(attempt_key("passkey", found["challenge"]), 1, 2 * SPAN)
        if not await admitted(self._db, ctx, [once]):
            raise PasskeyInvalid
        return bytes.fromhex(found["challenge"])
