"""Sessions: signing in, rotating refresh tokens, signing out."""

import math
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.people.identity.api import (
    AccountBlocked,
    DemoOnlyHere,
    EmailInvalid,
    Person,
    RefreshInvalid,
    SignedIn,
    TokenReused,
    TooManyAttempts,
    WrongCredentials,
)
from haat.domains.people.identity.rules import (
    attempt_key,
    chosen,
    client_label,
    normal_email,
    scopes_of,
    token_hash,
)
from haat.domains.people.identity.service.accounts import Accounts
from haat.engines.http import AccessClaims, Tokens
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.ids import RandomIds

# An attempt is counted before the password is looked at, or many at once would all be let
# through; a success wipes the count. The account's own count stops guessing from many places.
COUNT = Sql("""
WITH by_origin AS (
  INSERT INTO identity.attempts AS a (key, most, failures, until) VALUES ($1, $2, 1, $6)
  ON CONFLICT (key) DO UPDATE
     SET failures = CASE WHEN a.until <= $5 THEN 1 ELSE a.failures + 1 END,
         most = excluded.most, until = excluded.until
   WHERE a.until <= $5 OR a.failures < excluded.most
  RETURNING key
), by_account AS (
  INSERT INTO identity.attempts AS a (key, most, failures, until)
  SELECT $3, $4, 1, $6 FROM by_origin
  ON CONFLICT (key) DO UPDATE
     SET failures = CASE WHEN a.until <= $5 THEN 1 ELSE a.failures + 1 END,
         most = excluded.most, until = excluded.until
   WHERE a.until <= $5 OR a.failures < excluded.most
  RETURNING key
)
SELECT EXISTS (SELECT 1 FROM by_account) AS counted,
       (SELECT max(until) FROM identity.attempts
         WHERE key IN ($1, $3) AND failures >= most) AS locked_until,
       p.id, p.password_hash, p.status, p.demo
  FROM (SELECT 1) one LEFT JOIN identity.people p ON p.email = $7
""")
START = Sql("""
WITH seen AS (
  UPDATE identity.people
     SET last_sign_in_at = $3, password_hash = coalesce($8, password_hash)
   WHERE id = $2 AND status = 'active' AND password_hash = $9
  RETURNING id
), wiped AS (
  DELETE FROM identity.attempts WHERE key = ANY($10::bytea[])
), session AS (
  INSERT INTO identity.sessions (id, person_id, vendor_id, client, created_at, expires_at)
  SELECT $1, id, $4, $5, $3, $6 FROM seen
  RETURNING id
)
INSERT INTO identity.refresh_tokens (hash, session_id, created_at)
SELECT $7, id, $3 FROM session
RETURNING session_id
""")
ROTATE = Sql("""
WITH rotated AS (
  UPDATE identity.refresh_tokens t SET rotated_at = $2
    FROM identity.sessions s JOIN identity.people p ON p.id = s.person_id
   WHERE t.hash = $1 AND t.rotated_at IS NULL AND s.id = t.session_id
     AND s.ended_at IS NULL AND s.expires_at > $2 AND p.status = 'active'
  RETURNING s.id, s.person_id, s.vendor_id
), added AS (
  INSERT INTO identity.refresh_tokens (hash, session_id, created_at)
  SELECT $3, id, $2 FROM rotated
), kept AS (
  UPDATE identity.sessions s SET expires_at = $4, vendor_id = coalesce($5, s.vendor_id)
    FROM rotated WHERE s.id = rotated.id
)
SELECT id, person_id, coalesce($5, vendor_id) AS vendor_id FROM rotated
""")
TOKEN = Sql("""
SELECT t.rotated_at, s.id, s.person_id, s.vendor_id, p.status,
       s.ended_at IS NULL AND s.expires_at > $2 AS alive
  FROM identity.refresh_tokens t
  JOIN identity.sessions s ON s.id = t.session_id
  JOIN identity.people p ON p.id = s.person_id
 WHERE t.hash = $1
""")
END = Sql("""
UPDATE identity.sessions s SET ended_at = $2, end_reason = $3
  FROM identity.refresh_tokens t
 WHERE t.hash = $1 AND s.id = t.session_id AND s.ended_at IS NULL
""")
SWEEP_SESSIONS = Sql("""
DELETE FROM identity.sessions WHERE id IN (
  SELECT id FROM identity.sessions WHERE expires_at < $1 OR ended_at < $1 LIMIT 5000)
""")
SWEEP_TOKENS = Sql("""
DELETE FROM identity.refresh_tokens WHERE hash IN (
  SELECT hash FROM identity.refresh_tokens WHERE rotated_at < $1 LIMIT 5000)
""")
SWEEP_ATTEMPTS = Sql("""
DELETE FROM identity.attempts WHERE key IN (
  SELECT key FROM identity.attempts WHERE until < $1 LIMIT 5000)
""")

FAILURES_MAX = 10  # by one origin for one account
FAILURES_MAX_ACCOUNT = 100  # by all origins together
LOCK = timedelta(minutes=5)
LEEWAY = timedelta(seconds=30)
KEPT = timedelta(days=1)  # an ended session, for who looks into it
TOKEN_BYTES = 32
SWEPT_AT_ONCE = 5000  # as the statements above say


class Sessions(Accounts):
    """The part of identity that is about sessions. The service gives the attributes below."""

    _tokens: Tokens
    _access: timedelta
    _refresh: timedelta

    async def sign_in(
        self,
        ctx: Context,
        *,
        email: str,
        password: str,
        client: str = "",
        local: bool = False,
        vendor_id: UUID | None = None,
        origin: str | None = None,
    ) -> SignedIn:
        try:
            address = normal_email(email)
        except EmailInvalid:
            address = ""  # nobody's; it takes as long to say so
        whence = attempt_key("origin", address or email, origin or client)
        account = attempt_key("account", address or email)
        async with self._passwords.slots:  # no more are counted than can be looked at
            found = await self._count(ctx, whence, account, address)
            if not await self._passwords.matches(found["password_hash"], password):
                raise WrongCredentials
        if found["status"] != "active":
            raise AccountBlocked
        if found["demo"] and not local:
            raise DemoOnlyHere
        person = await self.person(found["id"], vendor_id)
        chosen(person, vendor_id, strict=True)
        renewed = None
        if self._passwords.outdated(found["password_hash"]):
            renewed = await self._passwords.hash(password)
        # Of its own randomness even where a request's ids repeat: a session is never born twice.
        session_id = RandomIds(ctx.clock).new()
        token, now = secrets.token_urlsafe(TOKEN_BYTES), ctx.now()
        started = await self._db.step(
            ctx,
            START,
            session_id,
            person.id,
            now,
            vendor_id,
            client_label(client),
            now + self._refresh,
            token_hash(token),
            renewed,
            found["password_hash"],
            [whence, account],
        )
        if not started:  # blocked, or another password, since we looked
            raise WrongCredentials
        person = person.model_copy(update={"last_sign_in_at": now})
        return self._signed_in(person, session_id, vendor_id, token, now)

    async def _count(self, ctx: Context, whence: bytes, account: bytes, address: str) -> Record:
        """Counts one more attempt and reads the account. Raises TooManyAttempts."""
        now = ctx.now()
        limits = (whence, FAILURES_MAX, account, FAILURES_MAX_ACCOUNT)
        rows = await self._db.step(ctx, COUNT, *limits, now, now + LOCK, address)
        found = rows[0]
        if not found["counted"]:
            until = found["locked_until"] or now + LOCK
            raise TooManyAttempts(retryAfterS=max(1, math.ceil((until - now).total_seconds())))
        return found

    async def refresh(
        self,
        ctx: Context,
        *,
        refresh_token: str,
        vendor_id: UUID | None = None,
    ) -> SignedIn:
        now, old = ctx.now(), token_hash(refresh_token)
        if vendor_id is not None:
            await self._check_team(old, now, vendor_id)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        until = now + self._refresh
        rows = await self._db.step(ctx, ROTATE, old, now, token_hash(token), until, vendor_id)
        if rows:
            session, given = rows[0], token
        else:
            session, given = await self._unrotated(ctx, old, now), None
        acts_for = vendor_id or session["vendor_id"]
        person = await self.person(session["person_id"], acts_for)
        return self._signed_in(person, session["id"], acts_for, given, now)

    async def _check_team(self, old: bytes, now: datetime, vendor_id: UUID) -> None:
        """NotFound, before anything is rotated, for a team that is not the person's."""
        found = await self._db.fetchrow(TOKEN, old, now)
        if found is not None:
            chosen(await self.person(found["person_id"]), vendor_id, strict=True)

    async def _unrotated(self, ctx: Context, old: bytes, now: datetime) -> Record:
        """The session of a token that could not be rotated but may have an access token still.

        Raises RefreshInvalid, AccountBlocked, and TokenReused, which ends the session.
        """
        found = await self._db.fetchrow(TOKEN, old, now)
        if found is None or not found["alive"]:
            raise RefreshInvalid
        if found["status"] != "active":
            raise AccountBlocked
        rotated_at: datetime | None = found["rotated_at"]
        # Not rotated: the statement before saw the session in another state than this one.
        if rotated_at is None:
            raise RefreshInvalid
        if now - rotated_at > LEEWAY:
            await self._db.execute(END, old, now, "token_reused")
            raise TokenReused
        return found

    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        await self._db.execute(END, token_hash(refresh_token), ctx.now(), "signed_out")

    async def sweep(self, ctx: Context) -> None:
        """Forgets sessions and counts that are over: at most 100,000 rows of a kind at a time."""
        now = ctx.now()
        for statement, before in (
            (SWEEP_ATTEMPTS, now),
            (SWEEP_SESSIONS, now - KEPT),
            (SWEEP_TOKENS, now - self._refresh),
        ):
            for _ in range(20):
                if await self._db.execute(statement, before) < SWEPT_AT_ONCE:
                    break

    def _signed_in(
        self,
        person: Person,
        session_id: UUID,
        vendor_id: UUID | None,
        refresh_token: str | None,
        now: datetime,
    ) -> SignedIn:
        membership = chosen(person, vendor_id, strict=False)
        role = membership.role if membership else None
        claims = AccessClaims(
            person_id=person.id,
            session_id=session_id,
            scopes=scopes_of(role, person.staff_roles),
            roles=tuple(person.staff_roles),
            vendor_id=membership.vendor_id if membership else None,
            vendor_role=role,
        )
        return SignedIn(
            access_token=self._tokens.issue(claims, self._access),
            refresh_token=refresh_token,
            expires_at=now + self._access,
            person=person,
        )
