"""What a person does with the list in the account."""

from datetime import UTC, datetime
from uuid import UUID

from haat.domains.reach.notifications.api import Notification
from haat.domains.reach.notifications.service import statements as sql
from haat.domains.reach.notifications.texts import written
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.page import Page, decode_cursor, page_of

UNREAD_MAX = 100  # more is shown as "99+" anyway
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_ID = UUID(int=(1 << 128) - 1)


class ReadingCases:
    """The service gives `_db`."""

    _db: Database

    async def own(
        self, ctx: Context, *, limit: int = 20, cursor: str | None = None
    ) -> Page[Notification]:
        before = decode_cursor(cursor, _moment, UUID) or [_FOREVER, _LAST_ID]
        rows = await self._db.fetch(sql.OWN, ctx.person_id, *before, limit + 1)
        return page_of([_note(row) for row in rows], limit, "created_at", "id")

    async def unread(self, ctx: Context) -> int:
        return int(await self._db.fetchval(sql.UNREAD, ctx.person_id, UNREAD_MAX))

    async def mark_read(self, ctx: Context, *, ids: list[UUID] | None = None) -> None:
        if ids is None:
            await self._db.execute(sql.MARK_ALL_READ, ctx.person_id, ctx.now())
            return
        wanted = set(ids)
        found = await self._db.fetchval(sql.MARK_READ, ctx.person_id, list(wanted), ctx.now())
        if found < len(wanted):
            raise NotFound

    async def remove(self, ctx: Context, *, id: UUID) -> None:
        if not await self._db.execute(sql.REMOVE, ctx.person_id, id):
            raise NotFound


def _note(row: Record) -> Notification:
    text = written(row["kind"], row["facts"])
    return Notification(
        id=row["id"],
        kind=row["kind"],
        title=text.title,
        body=text.body,
        path=row["path"],
        read_at=row["read_at"],
        created_at=row["created_at"],
    )


def _moment(value: str) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found
