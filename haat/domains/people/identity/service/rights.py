"""What a change of somebody's rights is: written down, counted, and older access tokens recalled.

An access token says what its holder might do when it was issued, for a quarter of an hour. So that
a change counts at once, every person has a number of changes (`rights`), which tokens carry; in the
transaction that takes or gives something the number goes up. This process recalls the older tokens
after its commit, every other one within a second: each asks for `recalls` once a second. A recalled
token is as good as expired, so clients take a new one with the refresh token, as they do anyway.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from haat.domains.people.identity.api import Recall, RightsChange
from haat.domains.people.identity.rules import instant
from haat.domains.people.identity.service.accounts import Accounts
from haat.engines.http import Tokens
from haat.engines.sql import Record, Sql, Tx
from haat.kernel.context import Context
from haat.kernel.page import Page, decode_cursor, encode_cursor

RAISE = Sql("""
UPDATE identity.people SET rights = rights + 1, rights_changed_at = $2
 WHERE id = ANY($1::uuid[])
RETURNING id, rights
""")
NOTE = Sql("""
INSERT INTO identity.rights_changes
       (id, at, actor_id, person_id, vendor_id, what, before, after, reason, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
""")
RECALLS = Sql("""
SELECT id, rights, rights_changed_at FROM identity.people
 WHERE rights_changed_at >= $1
 ORDER BY rights_changed_at DESC LIMIT 10000
""")
HISTORY_OF = Sql("""
SELECT * FROM identity.rights_changes
 WHERE vendor_id = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4
""")
HISTORY = Sql("""
SELECT * FROM identity.rights_changes
 WHERE (at, id) < ($1, $2) ORDER BY at DESC, id DESC LIMIT $3
""")

MARGIN = timedelta(minutes=1)  # between the machines' clocks
_LAST = ("9999-01-01T00:00:00+00:00", UUID(int=(1 << 128) - 1))


class Rights(Accounts):
    """The part of identity that is about changes of rights. The service gives the attributes."""

    _tokens: Tokens
    _access: timedelta

    async def _raise(self, tx: Tx, person_ids: Iterable[UUID]) -> dict[UUID, int]:
        """Counts a change for these; what `_recall` wants after the commit."""
        rows = await tx.fetch(RAISE, sorted(set(person_ids)), tx.ctx.now())
        return {row["id"]: row["rights"] for row in rows}

    def _recall(self, ctx: Context, raised: dict[UUID, int]) -> None:
        until = ctx.now() + self._access + MARGIN
        for person_id, rights in raised.items():
            self._tokens.recall(person_id, rights, until)

    async def _write_down(
        self,
        tx: Tx,
        what: str,
        *,
        person_id: UUID | None = None,
        vendor_id: UUID | None = None,
        before: str = "",
        after: str = "",
        reason: str = "",
    ) -> None:
        ctx = tx.ctx
        actor = ctx.actor.id if ctx.actor.type == "person" else None
        await tx.execute(
            NOTE,
            *(ctx.new_id(), ctx.now(), actor, person_id, vendor_id),
            *(what, before, after, reason, ctx.request_id),
        )

    async def recalls(self, ctx: Context, *, since: datetime) -> list[Recall]:
        rows = await self._db.fetch(RECALLS, since)
        return [
            Recall(
                person_id=row["id"],
                rights=row["rights"],
                until=row["rights_changed_at"] + self._access + MARGIN,
            )
            for row in rows
        ]

    async def team_history(
        self, ctx: Context, *, vendor_id: UUID, limit: int = 50, cursor: str | None = None
    ) -> Page[RightsChange]:
        ctx.need_vendor(vendor_id)
        rows = await self._db.fetch(HISTORY_OF, vendor_id, *_before(cursor), limit + 1)
        return _page(rows, limit)

    async def rights_history(
        self, ctx: Context, *, limit: int = 50, cursor: str | None = None
    ) -> Page[RightsChange]:
        return _page(await self._db.fetch(HISTORY, *_before(cursor), limit + 1), limit)


def _before(cursor: str | None) -> list[object]:
    return decode_cursor(cursor, instant, UUID) or [instant(_LAST[0]), _LAST[1]]


def _page(rows: list[Record], limit: int) -> Page[RightsChange]:
    found = [RightsChange(**dict(row)) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=found, next=encode_cursor(found[-1].at, found[-1].id) if more else None)
