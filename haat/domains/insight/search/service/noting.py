"""What people look for: kept for themselves, and counted for everybody without saying who."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from time import monotonic

from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.api import AskedInVain, AskedOnDay, PastSearch, SearchReport
from haat.domains.insight.search.rules import same_words
from haat.domains.insight.search.service.standing import Cases
from haat.kernel.context import Context

TREND_DAYS, HISTORY_DAYS, QUERY_DAYS = 14, 365, 90
MANY = 3  # searches before others are told of words
OFTEN_S, OFTEN_MAX = 10.0, 1000  # how long these may be known late, and how many are


class NotingCases(Cases):
    _often_asked: tuple[str, ...] = ()
    _often_at = -OFTEN_S

    async def _looked(self, ctx: Context, words: str, *, found: bool) -> None:
        """Notes what was looked for."""
        key = same_words(words)
        if not key:
            return
        if ctx.actor.type == "person":
            await self._db.execute(sql.REMEMBER, ctx.person_id, key, ctx.now())
        self._tally.add(ctx.now().date(), key, found=found)
        if self._tally.is_due:
            await self.write_counts()

    async def write_counts(self) -> None:
        """Writes what was counted since the last time."""
        rows = self._tally.take()
        if rows:
            columns = zip(*rows, strict=True)
            await self._db.execute(sql.COUNT, *(list(column) for column in columns))

    async def past(self, ctx: Context, *, limit: int = 20) -> list[PastSearch]:
        rows = await self._db.fetch(sql.REMEMBERED, ctx.person_id, "", limit)
        return [PastSearch(**row) for row in rows]

    async def forget(self, ctx: Context, *, words: str | None = None) -> None:
        key = None if words is None else same_words(words)
        await self._db.execute(sql.FORGET, ctx.person_id, key)

    async def forget_old(self, ctx: Context) -> None:
        """What was looked for long ago."""
        now = ctx.now()
        await self._db.execute(sql.FORGET_OLD, now - timedelta(days=HISTORY_DAYS))
        await self._db.execute(sql.FORGET_QUERIES, (now - timedelta(days=QUERY_DAYS)).date())

    async def _asked_before(self, ctx: Context, prefix: str, limit: int) -> list[str]:
        """One's own searches first, then what many looked for."""
        key = same_words(prefix)
        own: Sequence[str] = ()
        if ctx.actor.type == "person":
            rows = await self._db.fetch(sql.REMEMBERED, ctx.person_id, key, limit)
            own = [row["words"] for row in rows]
        others = (words for words in await self._often(ctx) if words.startswith(key))
        return list(dict.fromkeys([*own, *islice(others, limit)]))[:limit]

    async def _often(self, ctx: Context) -> tuple[str, ...]:
        """What many looked for, not older than OFTEN_S."""
        if monotonic() - self._often_at > OFTEN_S:
            self._often_at = monotonic()
            since = (ctx.now() - timedelta(days=TREND_DAYS)).date()
            rows = await self._db.fetch(sql.OFTEN_ASKED, since, MANY, OFTEN_MAX)
            self._often_asked = tuple(row["words"] for row in rows)
        return self._often_asked

    async def report(self, ctx: Context, *, days: int = 30, limit: int = 20) -> SearchReport:
        await self.write_counts()
        since = (ctx.now() - timedelta(days=days - 1)).date()
        by_day = await self._db.fetch(sql.ASKED_BY_DAY, since)
        most = await self._db.fetch(sql.MOST_ASKED, since, limit)
        return SearchReport(
            days=[AskedOnDay(**row) for row in by_day],
            most=[AskedInVain(**row) for row in most],
            in_vain=await self.in_vain(ctx, days=days, limit=limit),
        )

    async def in_vain(self, ctx: Context, *, days: int = 30, limit: int = 50) -> list[AskedInVain]:
        since = (ctx.now() - timedelta(days=days)).date()
        return [AskedInVain(**row) for row in await self._db.fetch(sql.FOUND_NOTHING, since, limit)]
