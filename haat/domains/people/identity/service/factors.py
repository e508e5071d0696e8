"""The second step: an authenticator app, recovery codes, and proving again who one is.

An app's secret is sealed with the market's key, and bound to its person. A recovery code is
compared by a hash keyed with it. A code counts once: by the 30 seconds it is of, or by its row.
"""

import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from uuid import UUID

import segno

from haat.domains.people.identity import totp
from haat.domains.people.identity.api import (
    AppSetup,
    ChallengeOver,
    CodeWrong,
    FactorChanged,
    FactorMissing,
    FactorPresent,
    RecoveryCodes,
    SecondFactors,
    SignedIn,
    TooManyAttempts,
)
from haat.domains.people.identity.rules import attempt_key, scopes_of
from haat.domains.people.identity.service.allowing import Allowance, admitted, wipe
from haat.domains.people.identity.service.lifetimes import spans
from haat.domains.people.identity.service.recovering import NEWS_KEPT
from haat.domains.people.identity.service.sessions import TRIED, Entry, Proof, Sat, digest_of
from haat.domains.people.identity.service.sittings import Sittings
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unauthenticated
from haat.kernel.ids import RandomIds

FACTORS = Sql("""
SELECT p.email, p.staff_roles, p.status, p.demo, p.password_hash, a.secret, a.confirmed_at,
       (SELECT count(*) FROM identity.recovery_codes c
         WHERE c.person_id = p.id AND c.used_at IS NULL) AS codes
  FROM identity.people p LEFT JOIN identity.authenticators a ON a.person_id = p.id
 WHERE p.id = $1
""")
SET_UP = Sql("""
INSERT INTO identity.authenticators AS a (person_id, secret, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (person_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at
 WHERE a.confirmed_at IS NULL
RETURNING person_id
""")
# What follows from a change: the owner is told, and the old recovery codes are void.
CONFIRM = Sql("""
WITH confirmed AS (
  UPDATE identity.authenticators SET confirmed_at = $2, last_step = $3
   WHERE person_id = $1 AND secret = $4 AND confirmed_at IS NULL
  RETURNING person_id
), void AS (
  DELETE FROM identity.recovery_codes c USING confirmed WHERE c.person_id = confirmed.person_id
), codes AS (
  INSERT INTO identity.recovery_codes (hash, person_id, created_at)
  SELECT hash, person_id, $2 FROM confirmed, unnest($5::bytea[]) AS t (hash)
), strong AS (
  UPDATE identity.sessions s SET strong = true FROM confirmed
   WHERE s.id = $6 AND s.person_id = confirmed.person_id AND s.ended_at IS NULL
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $7, 'factor_added', p.email, p.id, $2, $2, $8
    FROM confirmed JOIN identity.people p ON p.id = confirmed.person_id
) /*emit:confirmed*/
SELECT person_id FROM confirmed
""")
REMOVE = Sql("""
WITH removed AS (
  DELETE FROM identity.authenticators WHERE person_id = $1 AND confirmed_at IS NOT NULL
  RETURNING person_id
), void AS (
  DELETE FROM identity.recovery_codes c USING removed WHERE c.person_id = removed.person_id
), weak AS (
  UPDATE identity.sessions s SET strong = false FROM removed
   WHERE s.person_id = removed.person_id AND s.ended_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM identity.passkeys k WHERE k.person_id = s.person_id)
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $2, 'factor_removed', p.email, p.id, $3, $3, $4
    FROM removed JOIN identity.people p ON p.id = removed.person_id
) /*emit:removed*/
SELECT person_id FROM removed
""")
RENEW = Sql("""
WITH present AS (
  SELECT person_id FROM identity.authenticators
   WHERE person_id = $1 AND confirmed_at IS NOT NULL FOR UPDATE
), void AS (
  DELETE FROM identity.recovery_codes c USING present WHERE c.person_id = present.person_id
), codes AS (
  INSERT INTO identity.recovery_codes (hash, person_id, created_at)
  SELECT hash, person_id, $2 FROM present, unnest($3::bytea[]) AS t (hash)
) /*emit:present*/
SELECT person_id FROM present
""")
USE_STEP = Sql("""
UPDATE identity.authenticators SET last_step = $2
 WHERE person_id = $1 AND secret = $3 AND confirmed_at IS NOT NULL AND last_step < $2
RETURNING person_id
""")
USE_CODE = Sql("""
WITH used AS (
  UPDATE identity.recovery_codes SET used_at = $3
   WHERE hash = $2 AND person_id = $1 AND used_at IS NULL
  RETURNING person_id
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $4, 'recovery_used', p.email, p.id, $3, $3, $5
    FROM used JOIN identity.people p ON p.id = used.person_id
) /*emit:used*/
SELECT person_id FROM used
""")
PROVE = Sql(f"""
UPDATE identity.sessions s SET proved_at = $3, strong = s.strong OR $4
  FROM identity.people p {spans("$5")}
 WHERE s.id = $1 AND s.person_id = $2 AND p.id = $2 AND s.ended_at IS NULL AND s.expires_at > $3
   AND s.created_at + span.life > $3 AND coalesce(s.used_at, s.created_at) + span.idle > $3
RETURNING s.id, s.vendor_id, s.strong, s.proved_at, s.created_at + span.life AS ends_at
""")  # noqa: S608 - put together here, from constants

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
CODES, CODE_CHARS, GROUP = 10, 16, 4
LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # nothing that looks like something else
CODE_TRIES_MAX = 5
CODE_TRIES = timedelta(minutes=5)


class Factors(Sittings):
    """The part about the second step. The service gives the attributes below."""

    _totp_late_s: int  # for so long is a code taken after its 30 seconds

    # -- what a person has ------------------------------------------------------------------------

    async def factors(self, ctx: Context) -> SecondFactors:
        found = await self._factors(ctx.person_id)
        person = (await self.account(ctx.person_id)).person
        teams = [scopes_of(person, one) for one in [*person.memberships, None]]
        return SecondFactors(
            app_since=found["confirmed_at"],
            recovery_codes_left=found["codes"] if found["confirmed_at"] else 0,
            required=any(self._required.left(one) != one for one in teams),
        )

    async def set_up_app(self, ctx: Context) -> AppSetup:
        person_id, secret = ctx.person_id, totp.new_secret()
        found = await self._factors(person_id)
        sealed = self._signer.seal(_purpose(person_id), secret, FOREVER)
        if not await self._db.fetch(SET_UP, person_id, sealed, ctx.now()):
            raise FactorPresent
        market = (await self._market.settings(ctx)).name
        uri = totp.uri(secret, found["email"], market)
        return AppSetup(secret=secret, uri=uri, qr_svg=_picture(uri))

    async def confirm_app(self, ctx: Context, *, code: str, session_id: UUID) -> RecoveryCodes:
        person_id = ctx.person_id
        tries = await self._try_code(ctx, person_id)
        found = await self._factors(person_id)
        if found["confirmed_at"] is not None:
            raise FactorPresent
        step = self._step(person_id, found["secret"], code, ctx.now())
        if step is None:
            raise CodeWrong.at("code", CodeWrong().detail, "code_wrong")
        codes, now = _new_codes(), ctx.now()
        confirmed = await self._db.step(
            ctx,
            CONFIRM,
            person_id,
            now,
            step,
            found["secret"],
            [self._code_hash(person_id, one) for one in codes],
            session_id,
            ctx.new_id(),
            now + NEWS_KEPT,
            emit=[FactorChanged(person_id=person_id, change="app_added")],
        )
        if not confirmed:  # confirmed, or set up anew, by another request
            raise FactorPresent
        await wipe(self._db, tries)
        return RecoveryCodes(codes=codes)

    async def remove_app(self, ctx: Context) -> None:
        person_id, now = ctx.person_id, ctx.now()
        event = FactorChanged(person_id=person_id, change="app_removed")
        given = (person_id, ctx.new_id(), now, now + NEWS_KEPT)
        if not await self._db.step(ctx, REMOVE, *given, emit=[event]):
            raise FactorMissing

    async def renew_recovery_codes(self, ctx: Context) -> RecoveryCodes:
        person_id, codes = ctx.person_id, _new_codes()
        event = FactorChanged(person_id=person_id, change="codes_renewed")
        hashes = [self._code_hash(person_id, one) for one in codes]
        if not await self._db.step(ctx, RENEW, person_id, ctx.now(), hashes, emit=[event]):
            raise FactorMissing
        return RecoveryCodes(codes=codes)

    # -- signing in -------------------------------------------------------------------------------

    async def finish_sign_in(self, ctx: Context, *, challenge: str, code: str) -> SignedIn:
        text = self._signer.unseal("second step", challenge)
        if text is None:
            raise ChallengeOver
        said = json.loads(text)
        person_id = UUID(said["person"])
        entry = Entry(
            UUID(said["attempt"]),
            said["client"],
            said["origin"],
            UUID(said["vendor"]) if said["vendor"] else None,
            said["local"],
        )
        tries = await self._try_code(ctx, person_id)
        found = await self._factors(person_id)
        if digest_of(found["password_hash"]) != said["password"]:
            raise ChallengeOver
        try:
            await self._use_code(ctx, person_id, found, code)
        except CodeWrong:
            await self._db.execute(TRIED, entry.attempt_id, "wrong_code")
            raise
        account = await self._admitted({**dict(found), "id": person_id}, entry)
        counts = (*map(bytes.fromhex, said["counts"]), tries)
        proof = Proof(found["password_hash"], None, counts, strong=True)
        return await self._begin(ctx, account, entry, proof)

    async def prove(
        self,
        ctx: Context,
        *,
        session_id: UUID,
        password: str | None = None,
        code: str | None = None,
    ) -> SignedIn:
        person_id = ctx.person_id
        found = await self._factors(person_id)
        has_app = found["confirmed_at"] is not None
        if has_app:
            tries = await self._try_code(ctx, person_id)
            await self._use_code(ctx, person_id, found, code or "")
            await wipe(self._db, tries)
        else:
            await self._check_old(ctx, person_id, password or "", "password")
        return await self._proved(ctx, session_id, strong=has_app)

    async def _proved(self, ctx: Context, session_id: UUID, *, strong: bool) -> SignedIn:
        """The actor's session has proved who they are. Unauthenticated where it is over."""
        person_id, now = ctx.person_id, ctx.now()
        times = self._lifetimes.spans
        rows = await self._db.fetch(PROVE, session_id, person_id, now, strong, times)
        if not rows:
            raise Unauthenticated
        row = rows[0]
        account = await self.account(person_id, row["vendor_id"])
        sitting = Sat(row["id"], row["vendor_id"], row["strong"], row["proved_at"], row["ends_at"])
        return self._signed_in(account, sitting, None, now)

    # -- codes ------------------------------------------------------------------------------------

    async def _factors(self, person_id: UUID) -> Record:
        found = await self._db.fetchrow(FACTORS, person_id)
        if found is None:
            raise Unauthenticated
        return found

    async def _try_code(self, ctx: Context, person_id: UUID) -> bytes:
        """Counts one more code; its key. TooManyAttempts."""
        tries = Allowance(attempt_key("code", str(person_id)), CODE_TRIES_MAX, CODE_TRIES)
        if not await admitted(self._db, ctx, [tries]):
            raise TooManyAttempts(retryAfterS=tries.wait_s)
        return tries.key

    async def _use_code(self, ctx: Context, person_id: UUID, found: Record, code: str) -> None:
        """Takes a code of the app, or a recovery code, for good. CodeWrong."""
        plain = "".join(c for c in code.upper() if c.isalnum())
        now = ctx.now()
        if found["confirmed_at"] is None:
            raise ChallengeOver  # the app was removed meanwhile
        if plain.isdigit() and len(plain) == totp.DIGITS:
            step = self._step(person_id, found["secret"], plain, now)
            if step is not None and await self._db.fetch(
                USE_STEP, person_id, step, found["secret"]
            ):
                return
        elif len(plain) == CODE_CHARS:
            event = FactorChanged(person_id=person_id, change="code_used")
            id = RandomIds(ctx.clock).new()
            given = (person_id, self._code_hash(person_id, plain), now, id, now + NEWS_KEPT)
            if await self._db.step(ctx, USE_CODE, *given, emit=[event]):
                return
        raise CodeWrong.at("code", CodeWrong().detail, "code_wrong")

    def _step(self, person_id: UUID, sealed: str | None, code: str, now: datetime) -> int | None:
        """Which 30 seconds the code is of, by the person's secret. FactorMissing."""
        secret = self._signer.unseal(_purpose(person_id), sealed) if sealed else None
        if secret is None:
            raise FactorMissing
        plain = "".join(c for c in code if c.isalnum())
        return totp.step_of(secret, plain, now.timestamp(), self._totp_late_s)

    def _code_hash(self, person_id: UUID, code: str) -> bytes:
        """What a recovery code is compared with; without the market's key it tells nothing."""
        plain = code.replace("-", "")
        return sha256(self._signer.sign("recovery code", f"{person_id}:{plain}").encode()).digest()


def _purpose(person_id: UUID) -> str:
    """A secret is worth nothing in another person's row."""
    return f"authenticator {person_id}"


def _new_codes() -> list[str]:
    """Each has 78 bits, and is shown in groups of four."""
    found: list[str] = []
    for _ in range(CODES):
        letters: Sequence[str] = [secrets.choice(LETTERS) for _ in range(CODE_CHARS)]
        groups = ["".join(letters[at : at + GROUP]) for at in range(0, CODE_CHARS, GROUP)]
        found.append("-".join(groups))
    return found


def _picture(uri: str) -> str:
    out = BytesIO()
    segno.make(uri, error="m", micro=False).save(
        out, kind="svg", scale=5, border=4, light="#fff", xmldecl=False, nl=False
    )
    return out.getvalue().decode()
