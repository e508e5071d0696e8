"""The use cases of support sessions. Each change is conditional on the state: of two at once, one
counts. An open session whose time is over counts as ended everywhere, without anybody ending it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from haat.domains.people.identity.api import VENDOR_SCOPES, Identity
from haat.domains.people.vendors.api import Vendors
from haat.domains.trust.audit.api import AuditNoted
from haat.domains.trust.support.api import (
    Entrance,
    Support,
    SupportNotAsked,
    SupportNotOpen,
    SupportOver,
    SupportSession,
    Visited,
)
from haat.engines.http import AccessClaims, Tokens
from haat.engines.sql import Database, Record, Sql
from haat.kernel.context import SUPPORT_WRITES, Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.page import Page, decode_cursor, encode_cursor

_COLUMNS = """s.id, s.staff_id, s.vendor_id, s.person_id, s.reason, s.write, s.asked_at,
       s.opened_at, s.until, s.ended_at,
       CASE WHEN s.state = 'open' AND s.until <= $2 THEN 'ended'
            WHEN s.state = 'asked' AND s.until <= $2 THEN 'refused' ELSE s.state END AS state,
       (SELECT count(*) FROM support.visits v WHERE v.session_id = s.id)::int AS visits"""
ASK = Sql("""
INSERT INTO support.sessions
       (id, staff_id, vendor_id, person_id, reason, write, state, asked_at, until)
VALUES ($1, $2, $3, $4, $5, $6, 'asked', $7, $8) ON CONFLICT DO NOTHING
""")
ONE = Sql(f"SELECT {_COLUMNS}, s.scopes FROM support.sessions s WHERE s.id = $1")  # noqa: S608
MINE = Sql(f"""
SELECT {_COLUMNS} FROM support.sessions s WHERE s.staff_id = $1 ORDER BY s.asked_at DESC LIMIT 50
""")  # noqa: S608 - a constant
ABOUT = Sql(f"""
SELECT {_COLUMNS} FROM support.sessions s WHERE s.person_id = $1 OR s.vendor_id = $3
 ORDER BY s.asked_at DESC LIMIT 50
""")  # noqa: S608 - a constant
OPEN = Sql("""
UPDATE support.sessions
   SET state = 'open', consented_by = $2, scopes = $3, opened_at = $4, until = $5,
       write = write AND $6
 WHERE id = $1 AND state = 'asked' AND until > $4
""")
END = Sql("""
UPDATE support.sessions
   SET state = CASE state WHEN 'asked' THEN 'refused' ELSE 'ended' END, ended_by = $2, ended_at = $3
 WHERE id = $1 AND state IN ('asked', 'open')
""")
VISIT = Sql("""
WITH visited AS (
  INSERT INTO support.visits (session_id, at, method, path)
  SELECT id, $2, $3, $4 FROM support.sessions WHERE id = $1 AND state = 'open' AND until > $2
  RETURNING seq
) /*emit:visited*/
SELECT seq FROM visited
""")
VISITS = Sql("""
SELECT seq, at, method, path FROM support.visits
 WHERE session_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3
""")
WAITS = timedelta(days=1)
LASTS = timedelta(minutes=30)
# Who says what others may do, makes keys, or says where news are sent, is never somebody else.
NEVER = frozenset({"vendor:team", "vendor:keys", "vendor:webhooks"})
_PAST_ALL = (1 << 63) - 1


class SupportService(Support):
    """Sessions on one schema; tokens are issued for them here and nowhere else."""

    def __init__(self, db: Database, tokens: Tokens, identity: Identity, vendors: Vendors) -> None:
        self._db = db
        self._tokens = tokens
        self._identity = identity
        self._vendors = vendors

    async def ask(
        self,
        ctx: Context,
        *,
        id: UUID,
        reason: str,
        vendor_id: UUID | None = None,
        person_id: UUID | None = None,
        write: bool = False,
    ) -> SupportSession:
        if (vendor_id is None) == (person_id is None):
            raise Invalid.at("vendorId", "Name a vendor or a person.", "about_invalid")
        if write and person_id is not None:
            raise Invalid.at("write", "A customer's account is only looked at.", "write_invalid")
        if vendor_id is not None:
            found: list[Any] = await self._vendors.by_ids(ctx, ids=[vendor_id])
        else:
            assert person_id is not None
            found = await self._identity.by_ids(ctx, ids=[person_id])
        if not found:
            raise NotFound
        now = ctx.now()
        await self._db.execute(
            ASK, id, ctx.person_id, vendor_id, person_id, reason.strip(), write, now, now + WAITS
        )
        row = await self._row(ctx, id)
        if row["staff_id"] != ctx.person_id:
            raise NotFound
        return _session(row)

    async def asked_by_me(self, ctx: Context) -> list[SupportSession]:
        return [_session(row) for row in await self._db.fetch(MINE, ctx.person_id, ctx.now())]

    async def about_me(self, ctx: Context) -> list[SupportSession]:
        vendor_id = ctx.vendor_id if ctx.has("vendor:team") else None
        rows = await self._db.fetch(ABOUT, ctx.person_id, ctx.now(), vendor_id)
        return [_session(row) for row in rows]

    async def consent(self, ctx: Context, *, id: UUID, write: bool = False) -> SupportSession:
        row = await self._about(ctx, id)
        scopes = {"person"}
        if row["vendor_id"] is not None:
            scopes |= ctx.scopes.intersection(VENDOR_SCOPES) - NEVER
        now = ctx.now()
        opened = await self._db.execute(
            OPEN, id, ctx.person_id, sorted(scopes), now, now + LASTS, write
        )
        if not opened:
            raise SupportNotAsked
        return _session(await self._row(ctx, id))

    async def enter(self, ctx: Context, *, id: UUID) -> Entrance:
        row = await self._row(ctx, id)
        if row["staff_id"] != ctx.person_id:
            raise NotFound
        now = ctx.now()
        if row["state"] != "open":
            raise SupportNotOpen
        scopes = {*row["scopes"], *((SUPPORT_WRITES,) if row["write"] else ())}
        claims = AccessClaims(
            # In a customer's account the actor is the customer: their rows are found by their id.
            person_id=row["person_id"] or row["staff_id"],
            session_id=id,
            scopes=frozenset(scopes),
            vendor_id=row["vendor_id"],
            vendor_role="support" if row["vendor_id"] else None,
            rights=1 << 40,  # it ends with its session, not with a change of anybody's rights
            support=True,
        )
        token = self._tokens.issue(claims, row["until"] - now)
        return Entrance(access_token=token, expires_at=row["until"])

    async def end(self, ctx: Context, *, id: UUID) -> SupportSession:
        row = await self._row(ctx, id)
        if row["staff_id"] != ctx.person_id:
            await self._about(ctx, id)
        await self._db.execute(END, id, ctx.person_id, ctx.now())
        self._tokens.end([id])
        return _session(await self._row(ctx, id))

    async def visits(
        self, ctx: Context, *, id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[Visited]:
        row = await self._row(ctx, id)
        if row["staff_id"] != ctx.person_id:
            await self._about(ctx, id)
        (before,) = decode_cursor(cursor, int) or [_PAST_ALL]
        rows = await self._db.fetch(VISITS, id, before, limit + 1)
        found = [Visited(**dict(one)) for one in rows[:limit]]
        more = len(rows) > limit
        return Page(items=found, next=encode_cursor(rows[limit - 1]["seq"]) if more else None)

    async def visited(self, ctx: Context, *, id: UUID, method: str, path: str) -> None:
        row = await self._row(ctx, id)
        note = AuditNoted(
            module="support",
            kind="visits",
            subject=str(id),
            change="visit",
            changes={"path": {"after": path}},
            command=f"support.{method}",
            acting="support",
            actor_type="person",
            actor_id=row["staff_id"],
            acting_vendor_id=row["vendor_id"],
            session_id=id,
            vendor_id=row["vendor_id"],
            person_id=row["person_id"],
            request_id=ctx.request_id,
        )
        rows = await self._db.step(ctx, VISIT, id, ctx.now(), method, path[:500], emit=[note])
        staff = await self._identity.by_ids(ctx, ids=[row["staff_id"]])
        still = staff and staff[0].status != "blocked"
        if not rows or not still or not (staff[0].staff_roles or staff[0].custom_roles):
            raise SupportOver

    async def _about(self, ctx: Context, id: UUID) -> Record:
        """A session about the actor. NotFound. Nobody consents from within a session."""
        row = await self._row(ctx, id)
        own = row["person_id"] is not None and row["person_id"] == ctx.person_id
        vendors = row["vendor_id"] is not None and row["vendor_id"] == ctx.vendor_id
        if ctx.support or not (own or (vendors and ctx.has("vendor:team"))):
            raise NotFound
        return row

    async def _row(self, ctx: Context, id: UUID) -> Record:
        row = await self._db.fetchrow(ONE, id, ctx.now())
        if row is None:
            raise NotFound
        return row


def _session(row: Record) -> SupportSession:
    return SupportSession.model_validate(dict(row))
