"""Who lost every second factor is let in again by two people of staff, after a time in which its
owner is told wherever they can be reached, and can stop it.

Each step is one conditional statement on the reset's state. Nothing is done before the mail that
tells of it was handed over, or was refused for good.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from haat.domains.people.identity.api import (
    FactorChanged,
    FactorMissing,
    FactorReset,
    NotYourself,
    ResetOpen,
    ResetOver,
    SameHands,
)
from haat.domains.people.identity.service.phones import WithPhones
from haat.domains.people.identity.service.recovering import END_ALL, NEWS_KEPT
from haat.engines.sms import Text
from haat.engines.sql import ForeignKeyViolation, Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unavailable
from haat.kernel.ids import derive

log = structlog.get_logger()

_SHOWN = "id, person_id, state, evidence, asked_by, asked_at, approved_by, due_at, ended_at"
ASK = Sql(f"""
WITH added AS (
  INSERT INTO identity.factor_resets (id, person_id, state, evidence, asked_by, asked_at)
  SELECT $1, $2, 'asked', $3, $4, $5
  ON CONFLICT DO NOTHING
  RETURNING {_SHOWN}
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $6, 'factor_reset_asked', p.email, p.id, $5, $5, $7
    FROM added JOIN identity.people p ON p.id = added.person_id
)
SELECT * FROM added
""")  # noqa: S608 - put together here, from a constant
HAS = Sql("""
SELECT EXISTS (SELECT 1 FROM identity.authenticators
                WHERE person_id = $1 AND confirmed_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM identity.passkeys WHERE person_id = $1) AS factors
  FROM identity.people WHERE id = $1
""")
ONE = Sql(f"SELECT {_SHOWN} FROM identity.factor_resets WHERE id = $1")  # noqa: S608 - a constant
OF_PERSON = Sql(f"""
SELECT {_SHOWN} FROM identity.factor_resets WHERE person_id = $1
 ORDER BY asked_at DESC, id DESC LIMIT 20
""")  # noqa: S608 - put together here, from a constant
APPROVE = Sql(f"""
WITH approved AS (
  UPDATE identity.factor_resets
     SET state = 'approved', approved_by = $2, due_at = $4, letter_id = $5
   WHERE id = $1 AND state = 'asked' AND asked_by <> $2 AND person_id <> $2
  RETURNING {_SHOWN}
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $5, 'factor_reset', p.email, p.id, $3, $3, $4::timestamptz + $6::interval
    FROM approved JOIN identity.people p ON p.id = approved.person_id
)
SELECT * FROM approved
""")  # noqa: S608 - put together here, from a constant
WITHDRAW = Sql(f"""
UPDATE identity.factor_resets SET state = 'withdrawn', ended_at = $2
 WHERE id = $1 AND ended_at IS NULL
RETURNING {_SHOWN}
""")  # noqa: S608 - put together here, from a constant
STOP = Sql("""
UPDATE identity.factor_resets SET state = 'stopped', ended_at = $2
 WHERE letter_id = $1 AND ended_at IS NULL
RETURNING id
""")
STATE = Sql("SELECT state FROM identity.factor_resets WHERE letter_id = $1")
DUE = Sql("""
SELECT id, person_id FROM identity.factor_resets r
 WHERE state = 'approved' AND due_at <= $1
   AND NOT EXISTS (SELECT 1 FROM identity.letters l WHERE l.id = r.letter_id AND l.sent_at IS NULL)
 ORDER BY due_at LIMIT 100
""")
# The person's row first, as who signs in does: a session that begins now is seen, or begins after.
HOLD = Sql("SELECT id FROM identity.people WHERE id = $1 FOR UPDATE")
DO = Sql("""
WITH done AS (
  UPDATE identity.factor_resets SET state = 'done', ended_at = $2
   WHERE id = $1 AND state = 'approved'
  RETURNING person_id
), no_app AS (
  DELETE FROM identity.authenticators a USING done WHERE a.person_id = done.person_id
), no_codes AS (
  DELETE FROM identity.recovery_codes c USING done WHERE c.person_id = done.person_id
), no_passkeys AS (
  DELETE FROM identity.passkeys k USING done WHERE k.person_id = done.person_id
), told AS (
  INSERT INTO identity.letters (id, kind, address, person_id, created_at, due_at, expires_at)
  SELECT $3, 'factor_reset_done', p.email, p.id, $2, $2, $4
    FROM done JOIN identity.people p ON p.id = done.person_id
)
SELECT person_id FROM done
""")
UNTOLD = Sql("""
SELECT r.id, r.state, r.due_at, f.number
  FROM identity.factor_resets r JOIN identity.phones f ON f.person_id = r.person_id
 WHERE r.ended_at IS NULL AND f.number IS NOT NULL AND r.texted IS DISTINCT FROM r.state
 ORDER BY r.asked_at LIMIT 30
""")
TEXTED = Sql("UPDATE identity.factor_resets SET texted = $2 WHERE id = $1 AND state = $2")


class Resetting(WithPhones):
    """The part about who lost every second factor. The service gives the attribute below."""

    _reset_delay: timedelta

    async def ask_factor_reset(
        self, ctx: Context, *, id: UUID, person_id: UUID, evidence: str
    ) -> FactorReset:
        if ctx.person_id == person_id:
            raise NotYourself("Nobody lets themselves in again.")
        has = await self._db.fetchrow(HAS, person_id)
        if has is None:
            raise NotFound("There is no such account.")
        if not has["factors"]:
            raise FactorMissing("This account has no second step that could be reset.")
        now = ctx.now()
        told = (derive(id, "asked"), now + NEWS_KEPT)
        try:
            rows = await self._db.step(ctx, ASK, id, person_id, evidence, ctx.person_id, now, *told)
        except ForeignKeyViolation:  # erased at this moment
            raise NotFound("There is no such account.") from None
        if rows:
            return _reset(rows[0])
        known = await self._db.fetchrow(ONE, id)
        if known is not None and known["person_id"] == person_id:
            return _reset(known)
        raise ResetOpen

    async def approve_factor_reset(self, ctx: Context, *, id: UUID) -> FactorReset:
        who, now = ctx.person_id, ctx.now()
        given = (id, who, now, now + self._reset_delay, derive(id, "approved"), NEWS_KEPT)
        rows = await self._db.step(ctx, APPROVE, *given)
        if rows:
            return _reset(rows[0])
        found = await self._one(id)
        if found.person_id == who:
            raise NotYourself("Nobody lets themselves in again.")
        if found.asked_by == who:
            raise SameHands
        if found.state == "approved" and found.approved_by == who:
            return found
        raise ResetOver

    async def withdraw_factor_reset(self, ctx: Context, *, id: UUID) -> FactorReset:
        rows = await self._db.step(ctx, WITHDRAW, id, ctx.now())
        found = _reset(rows[0]) if rows else await self._one(id)
        if found.state != "withdrawn":
            raise ResetOver
        return found

    async def stop_factor_reset(self, ctx: Context, *, token: str) -> None:
        letter_id = UUID(self._signer.verify("factor_reset", token))
        await self._letter(letter_id, "factor_reset")
        if await self._db.step(ctx, STOP, letter_id, ctx.now()):
            return
        if await self._db.fetchval(STATE, letter_id) == "done":
            raise ResetOver("This came too late: it is done. Set a new password and second step.")

    async def factor_resets(self, ctx: Context, *, person_id: UUID) -> list[FactorReset]:
        return [_reset(row) for row in await self._db.fetch(OF_PERSON, person_id)]

    async def _one(self, id: UUID) -> FactorReset:
        row = await self._db.fetchrow(ONE, id)
        if row is None:
            raise NotFound
        return _reset(row)

    async def finish_factor_resets(self, ctx: Context) -> int:
        """Does those whose time has come; how many."""
        count = 0
        for due in await self._db.fetch(DUE, ctx.now()):
            person_id, now = due["person_id"], ctx.now()
            async with self._db.begin(ctx) as tx:
                await tx.fetch(HOLD, person_id)
                told = (derive(due["id"], "done"), now + NEWS_KEPT)
                done = await tx.fetch(DO, due["id"], now, *told)
                ended: Sequence[Record] = []
                if done:
                    ended = await tx.fetch(END_ALL, person_id, now, "factors_reset", None)
                    tx.emit(FactorChanged(person_id=person_id, change="reset_by_staff"))
            self._forget(ended)
            count += len(done)
        return count

    async def text_of_factor_resets(self, ctx: Context) -> None:
        """Tells those who gave a telephone number there as well, once for each step; a message that
        could not be handed over goes out the next time."""
        rows = await self._db.fetch(UNTOLD)
        if not rows:
            return
        market = (await self._market.settings(ctx)).name
        for row in rows:
            when = f", from {row['due_at']:%d %b %H:%M} UTC" if row["due_at"] else ""
            text = Text(
                id=derive(row["id"], f"text {row['state']}"),
                to=row["number"],
                text=f"{market}: somebody asks us to remove the second step of your account{when}."
                " If it is not you, follow the link in our mail.",
            )
            try:
                await self._sms.send(ctx, text)
            except Unavailable as problem:
                log.warning("text_not_sent", reset=str(row["id"]), code=problem.code)
                return
            await self._db.execute(TEXTED, row["id"], row["state"])


def _reset(row: Record) -> FactorReset:
    return FactorReset.model_validate(dict(row))
