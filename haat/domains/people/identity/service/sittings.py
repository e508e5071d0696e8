"""Sessions as their owner and staff see them, and people who are kept out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from haat.domains.people.identity.api import (
    EndedSession,
    LastSuperAdmin,
    NotYourself,
    PersonBlocked,
    PersonUnblocked,
    Session,
    SignInTry,
)
from haat.domains.people.identity.rules import device, instant
from haat.domains.people.identity.service.lifetimes import spans
from haat.domains.people.identity.service.sending import Sending
from haat.engines.sql import Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.page import Page, decode_cursor, page_of

SESSIONS = Sql(f"""
SELECT s.id, s.client, s.address, s.created_at, coalesce(s.used_at, s.created_at) AS used_at,
       least(s.expires_at, s.created_at + span.life) AS expires_at,
       s.created_at + span.life AS ends_at, s.strong
  FROM identity.sessions s JOIN identity.people p ON p.id = s.person_id {spans("$3")}
 WHERE s.person_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
   AND s.created_at + span.life > $2 AND coalesce(s.used_at, s.created_at) + span.idle > $2
 ORDER BY coalesce(s.used_at, s.created_at) DESC, s.id LIMIT 100
""")  # noqa: S608 - put together here, from constants
END_ONE = Sql("""
UPDATE identity.sessions SET ended_at = coalesce(ended_at, $3),
       end_reason = coalesce(end_reason, 'revoked')
 WHERE id = $1 AND person_id = $2
RETURNING id
""")
SIGN_INS = Sql("""
SELECT id, at, address, client, result, session_id FROM identity.sign_ins
 WHERE person_id = $1 AND (at, id) < ($2, $3)
 ORDER BY at DESC, id DESC LIMIT $4
""")
BLOCK = Sql("""
UPDATE identity.people SET status = 'blocked' WHERE id = $1 AND status <> 'blocked' RETURNING id
""")
STAFFED = Sql("""
SELECT NOT staff_roles @> ARRAY['super_admin']
       OR EXISTS (SELECT 1 FROM identity.people o
                   WHERE o.staff_roles @> ARRAY['super_admin'] AND o.status <> 'blocked')
  FROM identity.people WHERE id = $1
""")
UNBLOCK = Sql("""
WITH unblocked AS (
  UPDATE identity.people
     SET status = CASE WHEN email_verified_at IS NULL AND $2 THEN 'pending' ELSE 'active' END
   WHERE id = $1 AND status = 'blocked'
  RETURNING id
) /*emit:unblocked*/
SELECT EXISTS (SELECT 1 FROM identity.people WHERE id = $1) AS known
""")
ENDED = Sql("""
SELECT id, ended_at FROM identity.sessions WHERE ended_at >= $1 ORDER BY ended_at, id LIMIT 5000
""")

_LAST = ("9999-12-31T00:00:00+00:00", UUID(int=2**128 - 1))


class Sittings(Sending):
    """The part about who sits where."""

    async def sessions(self, ctx: Context) -> list[Session]:
        return await self._sessions(ctx, ctx.person_id)

    async def sessions_of(self, ctx: Context, *, person_id: UUID) -> list[Session]:
        return await self._sessions(ctx, person_id)

    async def _sessions(self, ctx: Context, person_id: UUID) -> list[Session]:
        rows = await self._db.fetch(SESSIONS, person_id, ctx.now(), self._lifetimes.spans)
        return [Session(**_shown(row)) for row in rows]

    async def end_session(self, ctx: Context, *, id: UUID) -> None:
        ended = await self._db.fetch(END_ONE, id, ctx.person_id, ctx.now())
        if not ended:
            raise NotFound
        self._forget(ended)

    async def end_other_sessions(self, ctx: Context, *, but: UUID) -> None:
        await self.end_sessions(ctx, ctx.person_id, "revoked", but=but)

    async def sign_ins(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[SignInTry]:
        return await self.sign_ins_of(ctx, person_id=ctx.person_id, limit=limit, cursor=cursor)

    async def sign_ins_of(
        self, ctx: Context, *, person_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[SignInTry]:
        last: list[Any] = decode_cursor(cursor, instant, UUID) or [instant(_LAST[0]), _LAST[1]]
        rows = await self._db.fetch(SIGN_INS, person_id, *last, limit + 1)
        return page_of([SignInTry(**_shown(row)) for row in rows], limit, "at", "id")

    async def block(self, ctx: Context, *, person_id: UUID, reason: str) -> None:
        if ctx.actor.id == person_id:
            raise NotYourself
        async with self._db.begin(ctx) as tx:
            await self.locked_member(tx, person_id)
            if await tx.fetchval(BLOCK, person_id):
                # By what is left: two super admins who block each other come one after the other.
                if not await tx.fetchval(STAFFED, person_id):
                    raise LastSuperAdmin
                tx.emit(PersonBlocked(person_id=person_id, reason=reason))
        await self.end_sessions(ctx, person_id, "blocked")

    async def unblock(self, ctx: Context, *, person_id: UUID) -> None:
        event = PersonUnblocked(person_id=person_id)
        rows = await self._db.step(ctx, UNBLOCK, person_id, self._verifies, emit=[event])
        if not rows[0]["known"]:
            raise NotFound

    async def ended_sessions(
        self, ctx: Context, *, since: datetime | None = None
    ) -> list[EndedSession]:
        rows = await self._db.fetch(ENDED, since or ctx.now() - self._access)
        return [EndedSession(**dict(row)) for row in rows]


def _shown(row: Any) -> dict[str, Any]:
    found = dict(row)
    return {**found, "device": device(found.pop("client"))}
