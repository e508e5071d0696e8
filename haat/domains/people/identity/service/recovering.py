"""Passwords set anew by a link or by who knows the old one, and addresses that are proved.

A link is a signature over a letter's id and its expiry (`Signer`): its text stands in the mail and
nowhere else. That it works once is the letter's `used_at`.
"""

from datetime import timedelta
from uuid import UUID

from haat.domains.people.identity.api import (
    EmailVerified,
    LinkUsed,
    PasswordChanged,
    PersonVerified,
    TooManyAttempts,
    TooManyLetters,
    WrongPassword,
)
from haat.domains.people.identity.rules import attempt_key, normal_email
from haat.domains.people.identity.service.allowing import Allowance, admitted, wipe
from haat.domains.people.identity.service.sessions import Sessions
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.ids import RandomIds

WRITE = Sql("""
INSERT INTO identity.letters (id, kind, address, created_at, due_at, expires_at)
VALUES ($1, 'reset', $2, $3, $3, $4)
""")
WRITE_VERIFY = Sql("""
INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
SELECT $2, 'verify', email, id, $3, $3, $4 FROM identity.people
 WHERE id = $1 AND email_verified_at IS NULL
RETURNING id
""")
LETTER = Sql("""
SELECT l.person_id, l.address, l.used_at, p.email, p.name
  FROM identity.letters l JOIN identity.people p ON p.id = l.person_id
 WHERE l.id = $1 AND l.kind = $2
""")
RESET = Sql("""
WITH used AS (
  UPDATE identity.letters SET used_at = $2
   WHERE id = $1 AND kind = 'reset' AND used_at IS NULL AND expires_at > $2
  RETURNING person_id, address
), changed AS (
  UPDATE identity.people p
     SET password_hash = $3, has_password = true,
         email_verified_at = coalesce(p.email_verified_at, $2),
         status = CASE p.status WHEN 'pending' THEN 'active' ELSE p.status END
    FROM used WHERE p.id = used.person_id AND p.email = used.address
  RETURNING p.id, p.email
), stranger AS (
  -- Whoever made the account with an address that they did not prove may have been somebody else:
  -- what lets them in besides the password goes. (Seen as it was before this statement.) Where
  -- addresses need no proof, a second step stays: it is more than the mail that asks for this.
  SELECT p.id, p.status = 'pending' AS pending
    FROM identity.people p JOIN changed ON changed.id = p.id
   WHERE p.email_verified_at IS NULL
), no_connections AS (
  DELETE FROM identity.connections c USING stranger WHERE c.person_id = stranger.id
), no_passkeys AS (
  DELETE FROM identity.passkeys k USING stranger
   WHERE k.person_id = stranger.id AND stranger.pending
), no_app AS (
  DELETE FROM identity.authenticators a USING stranger
   WHERE a.person_id = stranger.id AND stranger.pending
), others AS (
  UPDATE identity.letters l SET used_at = $2 FROM changed
   WHERE l.person_id = changed.id AND l.kind = 'reset' AND l.used_at IS NULL AND l.id <> $1
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $4, 'password_changed', email, id, $2, $2, $5 FROM changed
) /*emit:changed*/
SELECT id FROM changed
""")
CHANGE = Sql("""
WITH changed AS (
  UPDATE identity.people SET password_hash = $3, has_password = true
   WHERE id = $1 AND password_hash = $6
  RETURNING id, email
), links AS (
  UPDATE identity.letters l SET used_at = $2 FROM changed
   WHERE l.person_id = changed.id AND l.kind = 'reset' AND l.used_at IS NULL
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $4, 'password_changed', email, id, $2, $2, $5 FROM changed
) /*emit:changed*/
SELECT id FROM changed
""")
# A statement of its own, after the password's: a sign-in with the old one that was under way then
# has committed by now, and its session is seen.
END_ALL = Sql("""
UPDATE identity.sessions SET ended_at = $2, end_reason = $3
 WHERE person_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $4
RETURNING id
""")
VERIFY = Sql("""
WITH used AS (
  UPDATE identity.letters SET used_at = coalesce(used_at, $2) WHERE id = $1 AND kind = 'verify'
  RETURNING person_id, address
), proved AS (
  UPDATE identity.people p
     SET email_verified_at = $2,
         status = CASE p.status WHEN 'pending' THEN 'active' ELSE p.status END
    FROM used
   WHERE p.id = used.person_id AND p.email = used.address AND p.email_verified_at IS NULL
  RETURNING p.id
) /*emit:proved*/
SELECT id FROM proved
""")
HASH = Sql("SELECT password_hash, email, name FROM identity.people WHERE id = $1")

HOUR = timedelta(hours=1)
RESETS_MAX = 3  # an hour for one address: what is asked beyond sends nothing, and says the same
RESETS_MAX_ORIGIN = 20
VERIFICATIONS_MAX = 5
OLD_TRIES_MAX = 10
OLD_TRIES = timedelta(minutes=5)
NEWS_KEPT = timedelta(days=3)  # for so long is a mail with news of the account tried


class Recovering(Sessions):
    """The part about passwords and proved addresses. The service gives the attributes below."""

    _reset_span: timedelta

    async def ask_reset(self, ctx: Context, *, email: str, origin: str | None = None) -> None:
        address = normal_email(email)
        wanted = Allowance(attempt_key("reset", address), RESETS_MAX, HOUR)
        whence = Allowance(attempt_key("reset from", origin or ""), RESETS_MAX_ORIGIN, HOUR)
        asked = [wanted] if origin is None else [wanted, whence]
        found = await admitted(self._db, ctx, asked)
        if origin is not None and whence.key not in found:
            raise TooManyLetters(retryAfterS=whence.wait_s)
        if wanted.key in found:
            now = ctx.now()
            id = RandomIds(ctx.clock).new()
            await self._db.execute(WRITE, id, address, now, now + self._reset_span)

    async def reset_password(self, ctx: Context, *, token: str, password: str) -> None:
        letter_id = UUID(self._signer.verify("reset", token))
        letter = await self._letter(letter_id, "reset")
        if letter["used_at"] is not None:
            raise LinkUsed
        plain = await self.checked_password(
            ctx, password, letter["email"], letter["name"], "password"
        )
        hashed = await self._passwords.hash(plain)
        now, person_id = ctx.now(), letter["person_id"]
        changed = await self._db.step(
            ctx,
            RESET,
            letter_id,
            now,
            hashed,
            ctx.new_id(),
            now + NEWS_KEPT,
            emit=[PasswordChanged(person_id=person_id, by="link")],
        )
        if not changed:
            raise LinkUsed
        await self.end_sessions(ctx, person_id, "password_reset")

    async def change_password(
        self,
        ctx: Context,
        *,
        old: str,
        new: str,
        session_id: UUID | None = None,
        origin: str | None = None,
    ) -> None:
        person_id = ctx.person_id
        known = await self._check_old(ctx, person_id, old, "old")
        plain = await self.checked_password(ctx, new, known["email"], known["name"], "new")
        hashed = await self._passwords.hash(plain)
        now = ctx.now()
        changed = await self._db.step(
            ctx,
            CHANGE,
            person_id,
            now,
            hashed,
            ctx.new_id(),
            now + NEWS_KEPT,
            known["password_hash"],
            emit=[PasswordChanged(person_id=person_id, by="owner")],
        )
        if not changed:  # changed by another request since we looked
            raise WrongPassword.at("old", WrongPassword().detail, "wrong_password")
        await self.end_sessions(ctx, person_id, "password_changed", but=session_id)

    async def _check_old(self, ctx: Context, person_id: UUID, password: str, field: str) -> Record:
        """The account, once its password is proved. TooManyAttempts, WrongPassword at the field."""
        tries = Allowance(attempt_key("old", str(person_id)), OLD_TRIES_MAX, OLD_TRIES)
        if not await admitted(self._db, ctx, [tries]):
            raise TooManyAttempts(retryAfterS=tries.wait_s)
        found = await self._db.fetchrow(HASH, person_id)
        async with self._passwords.slots:
            hashed = found["password_hash"] if found is not None else None
            right = await self._passwords.matches(hashed, password)
        if found is None or not right:
            raise WrongPassword.at(field, WrongPassword().detail, "wrong_password")
        await wipe(self._db, tries.key)
        return found

    async def ask_verification(self, ctx: Context) -> None:
        person_id, now = ctx.person_id, ctx.now()
        tries = Allowance(attempt_key("verify", str(person_id)), VERIFICATIONS_MAX, HOUR)
        if not await admitted(self._db, ctx, [tries]):
            raise TooManyLetters(retryAfterS=tries.wait_s)
        id = RandomIds(ctx.clock).new()
        if not await self._db.fetch(WRITE_VERIFY, person_id, id, now, now + self._verify_span):
            raise EmailVerified

    async def verify_email(self, ctx: Context, *, token: str) -> None:
        letter_id = UUID(self._signer.verify("verify", token))
        letter = await self._letter(letter_id, "verify")
        if letter["email"] != letter["address"]:
            raise LinkUsed
        event = PersonVerified(person_id=letter["person_id"])
        await self._db.step(ctx, VERIFY, letter_id, ctx.now(), emit=[event])

    async def _letter(self, id: UUID, kind: str) -> Record:
        """What a link names. LinkUsed when it is gone, with the account it was for."""
        found = await self._db.fetchrow(LETTER, id, kind)
        if found is None:
            raise LinkUsed
        return found

    async def end_sessions(
        self, ctx: Context, person_id: UUID, reason: str, *, but: UUID | None = None
    ) -> None:
        """Ends all of a person's sessions, but for one that they are in."""
        self._forget(await self._db.fetch(END_ALL, person_id, ctx.now(), reason, but))
