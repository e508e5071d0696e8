"""Sessions: signing in, rotating refresh tokens, signing out."""

import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NoReturn
from uuid import UUID

from haat.domains.people.identity.api import (
    AccountBlocked,
    DemoOnlyHere,
    EmailInvalid,
    PersonSignedIn,
    RefreshInvalid,
    SecondStepNeeded,
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
    token_hash,
)
from haat.domains.people.identity.service.accounts import Account
from haat.domains.people.identity.service.lifetimes import TRIM, Lifetimes, refusal, spans
from haat.domains.people.identity.service.requiring import Required
from haat.domains.people.identity.service.staffing import StaffDesk
from haat.engines.http import AccessClaims, Signer, Tokens
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
), tried AS (
  INSERT INTO identity.sign_ins (id, person_id, at, address, client, result)
  SELECT $8, (SELECT id FROM identity.people WHERE email = $7), $5, $9, $10, 'wrong_password'
    FROM by_account
)
SELECT EXISTS (SELECT 1 FROM by_account) AS counted,
       (SELECT max(until) FROM identity.attempts
         WHERE key IN ($1, $3) AND failures >= most) AS locked_until,
       p.id, p.password_hash, p.status, p.demo,
       EXISTS (SELECT 1 FROM identity.authenticators a
                WHERE a.person_id = p.id AND a.confirmed_at IS NOT NULL) AS second_step
  FROM (SELECT 1) one LEFT JOIN identity.people p ON p.email = $7
""")
START = Sql(f"""
WITH seen AS (
  UPDATE identity.people
     SET last_sign_in_at = $3, password_hash = coalesce($8, password_hash)
   WHERE id = $2 AND status <> 'blocked' AND password_hash = $9
  RETURNING id, staff_roles
), wiped AS (
  DELETE FROM identity.attempts WHERE key = ANY($10::bytea[])
), tried AS (
  UPDATE identity.sign_ins SET result = 'signed_in', session_id = $1
   WHERE id = $13 AND EXISTS (SELECT 1 FROM seen)
), session AS (
  INSERT INTO identity.sessions
    (id, person_id, vendor_id, client, created_at, expires_at, address, proved_at, strong)
  SELECT $1, p.id, $4, $5, $3, $3 + least(span.idle, span.life), $11, least($3, $14), $12
    FROM seen p {spans("$6")}
  RETURNING id
), token AS (
  INSERT INTO identity.refresh_tokens (hash, session_id, created_at)
  SELECT $7, id, $3 FROM session
), not_lost AS (
  UPDATE identity.factor_resets SET state = 'stopped', ended_at = $3
   WHERE person_id = $2 AND ended_at IS NULL AND $12 AND EXISTS (SELECT 1 FROM seen)
)
SELECT session.id AS session_id, $3 + span.life AS ends_at
  FROM session, seen p {spans("$6")}
""")  # noqa: S608 - put together here, from constants
TRIED = Sql("UPDATE identity.sign_ins SET result = $2 WHERE id = $1")
ROTATE = Sql(f"""
WITH rotated AS (
  UPDATE identity.refresh_tokens t SET rotated_at = $2
    FROM identity.sessions s JOIN identity.people p ON p.id = s.person_id {spans("$4")}
   WHERE t.hash = $1 AND t.rotated_at IS NULL AND s.id = t.session_id
     AND s.ended_at IS NULL AND s.expires_at > $2 AND p.status <> 'blocked'
     AND s.created_at + span.life > $2 AND coalesce(s.used_at, s.created_at) + span.idle > $2
  RETURNING s.id, s.person_id, s.vendor_id, s.strong, s.proved_at,
            s.created_at + span.life AS ends_at, $2 + span.idle AS unused_at
), added AS (
  INSERT INTO identity.refresh_tokens (hash, session_id, created_at)
  SELECT $3, id, $2 FROM rotated
), kept AS (
  UPDATE identity.sessions s
     SET expires_at = least(rotated.unused_at, rotated.ends_at), used_at = $2,
         vendor_id = coalesce($5, s.vendor_id)
    FROM rotated WHERE s.id = rotated.id
)
SELECT id, person_id, coalesce($5, vendor_id) AS vendor_id, strong, proved_at, ends_at FROM rotated
""")  # noqa: S608 - put together here, from constants
TOKEN = Sql(f"""
SELECT t.rotated_at, s.id, s.person_id, s.vendor_id, s.strong, s.proved_at, p.status,
       s.ended_at, s.end_reason, s.created_at + span.life AS ends_at,
       s.ended_at IS NULL AND s.expires_at > $2 AND s.created_at + span.life > $2
       AND coalesce(s.used_at, s.created_at) + span.idle > $2 AS alive
  FROM identity.refresh_tokens t
  JOIN identity.sessions s ON s.id = t.session_id
  JOIN identity.people p ON p.id = s.person_id {spans("$3")}
 WHERE t.hash = $1
""")  # noqa: S608 - put together here, from constants
END = Sql("""
UPDATE identity.sessions s SET ended_at = $2, end_reason = $3
  FROM identity.refresh_tokens t
 WHERE t.hash = $1 AND s.id = t.session_id AND s.ended_at IS NULL
RETURNING s.id
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
SWEEP_SIGN_INS = Sql("""
DELETE FROM identity.sign_ins WHERE id IN (
  SELECT id FROM identity.sign_ins WHERE at < $1 LIMIT 5000)
""")
SWEEP_STRANGERS = Sql("""
DELETE FROM identity.sign_ins WHERE id IN (
  SELECT id FROM identity.sign_ins WHERE at < $1 AND person_id IS NULL LIMIT 5000)
""")
SWEEP_LETTERS = Sql("""
DELETE FROM identity.letters WHERE id IN (
  SELECT id FROM identity.letters WHERE expires_at < $1 LIMIT 5000)
""")

FAILURES_MAX = 10  # by one origin for one account
FAILURES_MAX_ACCOUNT = 100  # by all origins together
LOCK = timedelta(minutes=5)
LEEWAY = timedelta(seconds=30)
KEPT = timedelta(days=1)  # an ended session, for who looks into it
TOKEN_BYTES = 32
CHALLENGE_SPAN = timedelta(minutes=5)
SWEPT_AT_ONCE = 5000  # as the statements above say


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody comes in: `attempt_id` is the row of this try."""

    attempt_id: UUID
    client: str
    origin: str
    vendor_id: UUID | None
    local: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What proved who it is: the password's hash as it was then, and which counts it wipes.
    `proved_at` is when, where that was not just now."""

    password_hash: str
    renewed: str | None = None
    counts: tuple[bytes, ...] = ()
    strong: bool = False
    proved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sat:
    """A session, as far as its access tokens tell of it."""

    id: UUID
    vendor_id: UUID | None
    strong: bool
    proved_at: datetime | None
    ends_at: datetime


class Sessions(StaffDesk):
    """The part of identity that is about sessions. The service gives the attributes below."""

    _tokens: Tokens
    _lifetimes: Lifetimes
    _history: timedelta  # for so long tries to sign in are kept
    _proof_span: timedelta  # for so long somebody counts as having proved who they are
    _required: Required  # of whom a second step is asked
    _signer: Signer

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
        whose = attempt_key("account", address or email)
        entry = Entry(
            RandomIds(ctx.clock).new(), client_label(client), origin or "", vendor_id, local
        )
        async with self._passwords.slots:  # no more are counted than can be looked at
            found = await self._count(ctx, whence, whose, address, entry)
            if not await self._passwords.matches(found["password_hash"], password):
                raise WrongCredentials
        account = await self._admitted(found, entry)
        renewed = None
        if self._passwords.outdated(found["password_hash"]):
            renewed = await self._passwords.hash(password)
        proof = Proof(found["password_hash"], renewed, (whence, whose))
        if found["second_step"]:
            await self._second_step(account.person.id, entry, proof, ctx.now())
        return await self._begin(ctx, account, entry, proof)

    async def _admitted(self, found: Mapping[str, Any], entry: Entry) -> Account:
        """The account, where they may have a session. AccountBlocked, DemoOnlyHere, NotFound."""
        if found["status"] == "blocked":
            await self._db.execute(TRIED, entry.attempt_id, "blocked")
            raise AccountBlocked
        if found["demo"] and not entry.local:
            await self._db.execute(TRIED, entry.attempt_id, "not_from_here")
            raise DemoOnlyHere
        account = await self.account(found["id"], entry.vendor_id)
        chosen(account.person, entry.vendor_id, strict=True)
        return account

    async def _second_step(
        self, person_id: UUID, entry: Entry, proof: Proof, now: datetime
    ) -> NoReturn:
        """Raises SecondStepNeeded. The challenge says, sealed, what the first step found out."""
        await self._db.execute(TRIED, entry.attempt_id, "second_step")
        said = {
            "person": str(person_id),
            "attempt": str(entry.attempt_id),
            "client": entry.client,
            "origin": entry.origin,
            "vendor": str(entry.vendor_id) if entry.vendor_id else None,
            "local": entry.local,
            "password": digest_of(proof.password_hash),
            "counts": [one.hex() for one in proof.counts],
        }
        sealed = self._signer.seal("second step", json.dumps(said), now + CHALLENGE_SPAN)
        raise SecondStepNeeded(challenge=sealed, methods=["app", "recovery_code"])

    async def _begin(self, ctx: Context, account: Account, entry: Entry, proof: Proof) -> SignedIn:
        """Starts the session of somebody who proved who they are."""
        # Of its own randomness even where a request's ids repeat: a session is never born twice.
        session_id = RandomIds(ctx.clock).new()
        team = chosen(account.person, entry.vendor_id, strict=False)
        acts_for = team.vendor_id if team else None  # from here on, whichever they join later
        token, now = secrets.token_urlsafe(TOKEN_BYTES), ctx.now()
        proved_at = min(now, proof.proved_at or now)
        async with self._db.begin(ctx) as tx:
            started = await tx.fetchrow(
                START,
                session_id,
                account.person.id,
                now,
                acts_for,
                entry.client,
                self._lifetimes.spans,
                token_hash(token),
                proof.renewed,
                proof.password_hash,
                list(proof.counts),
                entry.origin,
                proof.strong,
                entry.attempt_id,
                proved_at,
            )
            if started is None:  # blocked, or another password, since we looked
                raise WrongCredentials
            trimmed = (account.person.id, now, self._lifetimes.most, session_id)
            ended = await tx.fetch(TRIM, *trimmed)
            tx.emit(PersonSignedIn(person_id=account.person.id, session_id=session_id))
        self._forget(ended)
        person = account.person.model_copy(update={"last_sign_in_at": now})
        sitting = Sat(session_id, acts_for, proof.strong, proved_at, started["ends_at"])
        signed_in = self._signed_in(Account(person, account.rights), sitting, token, now)
        return signed_in.model_copy(update={"others_ended": len(ended)})

    async def _count(
        self, ctx: Context, whence: bytes, account: bytes, address: str, entry: Entry
    ) -> Record:
        """Counts one more attempt and reads the account. Raises TooManyAttempts."""
        now = ctx.now()
        limits = (whence, FAILURES_MAX, account, FAILURES_MAX_ACCOUNT)
        tried = (entry.attempt_id, entry.origin, entry.client)
        rows = await self._db.step(ctx, COUNT, *limits, now, now + LOCK, address, *tried)
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
        times = self._lifetimes.spans
        rows = await self._db.step(ctx, ROTATE, old, now, token_hash(token), times, vendor_id)
        if rows:
            session, given = rows[0], token
        else:
            session, given = await self._unrotated(ctx, old, now), None
        acts_for = vendor_id or session["vendor_id"]
        account = await self.account(session["person_id"], acts_for)
        sitting = Sat(
            session["id"], acts_for, session["strong"], session["proved_at"], session["ends_at"]
        )
        return self._signed_in(account, sitting, given, now)

    async def _check_team(self, old: bytes, now: datetime, vendor_id: UUID) -> None:
        """NotFound, before anything is rotated, for a team that is not the person's."""
        found = await self._db.fetchrow(TOKEN, old, now, self._lifetimes.spans)
        if found is not None:
            chosen((await self.account(found["person_id"])).person, vendor_id, strict=True)

    async def _unrotated(self, ctx: Context, old: bytes, now: datetime) -> Record:
        """The session of a token that could not be rotated but may have an access token still.

        Raises RefreshInvalid, SessionOver, AccountBlocked, and TokenReused, which ends the session.
        """
        found = await self._db.fetchrow(TOKEN, old, now, self._lifetimes.spans)
        if found is None or not found["alive"]:
            raise refusal(found, now)
        if found["status"] == "blocked":
            raise AccountBlocked
        rotated_at: datetime | None = found["rotated_at"]
        # Not rotated: the statement before saw the session in another state than this one.
        if rotated_at is None:
            raise RefreshInvalid
        if now - rotated_at > LEEWAY:
            self._forget(await self._db.fetch(END, old, now, "token_reused"))
            raise TokenReused
        return found

    async def sign_out(self, ctx: Context, *, refresh_token: str) -> None:
        given = token_hash(refresh_token)
        self._forget(await self._db.fetch(END, given, ctx.now(), "signed_out"))

    def _forget(self, ended: Sequence[Record]) -> None:
        """Access tokens of these sessions are refused by this process at once; by others when they
        hear of it (`ended_sessions`)."""
        self._tokens.end(row["id"] for row in ended)

    async def sweep(self, ctx: Context) -> None:
        """Forgets sessions and counts that are over: at most 100,000 rows of a kind at a time."""
        now = ctx.now()
        for statement, before in (
            (SWEEP_ATTEMPTS, now),
            (SWEEP_SESSIONS, now - KEPT),
            (SWEEP_TOKENS, now - self._lifetimes.idle),
            (SWEEP_LETTERS, now - KEPT),
            (SWEEP_SIGN_INS, now - self._history),
            (SWEEP_STRANGERS, now - KEPT),
        ):
            for _ in range(20):
                if await self._db.execute(statement, before) < SWEPT_AT_ONCE:
                    break

    def _signed_in(
        self, account: Account, sitting: Sat, refresh_token: str | None, now: datetime
    ) -> SignedIn:
        person = account.person
        membership = chosen(person, sitting.vendor_id, strict=False)
        proved = sitting.proved_at
        person, membership, scopes = self._required.of(person, membership, strong=sitting.strong)
        claims = AccessClaims(
            person_id=person.id,
            session_id=sitting.id,
            scopes=scopes,
            roles=tuple(person.staff_roles),
            vendor_id=membership.vendor_id if membership else None,
            vendor_role=membership.role if membership else None,
            rights=account.rights,
            proved_until=proved + self._proof_span if proved else None,
        )
        span = min(self._access, max(sitting.ends_at - now, timedelta(seconds=1)))
        return SignedIn(
            access_token=self._tokens.issue(claims, span),
            refresh_token=refresh_token,
            expires_at=now + span,
            session_ends_at=sitting.ends_at,
            person=person.model_copy(update={"scopes": sorted(scopes)}),
        )


def digest_of(password_hash: str) -> str:
    """By which a challenge knows that the password is still the same, and tells nothing of it."""
    return sha256(password_hash.encode()).hexdigest()
