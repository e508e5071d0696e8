"""What people look for: kept for themselves, and counted for everybody without saying who.

Counts wait in the process and are written together; those that a dying process has not written yet
are lost, and nobody misses them.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from time import monotonic

from haat.domains.goods.catalog.api import Listing
from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.api import AskedInVain, Discovery, PastSearch
from haat.domains.insight.search.rules import same_words
from haat.domains.insight.search.service.completing import CompletingCases
from haat.domains.insight.search.service.finding import FindingCases
from haat.domains.insight.search.service.standing import listings
from haat.engines.search import Question, Sort
from haat.kernel.context import Context

TREND_DAYS, HISTORY_DAYS, QUERY_DAYS = 14, 365, 90
MANY = 3  # searches before others are told of words
OFTEN_S, OFTEN_MAX = 10.0, 1000  # how long they may be known late, and how many are
WRITE_S, WRITE_AT = 2.0, 500  # what has waited so long, or is so many, is written


class LookingCases(FindingCases, CompletingCases):
    _counted: Counter[tuple[date, str]]
    _empty: Counter[tuple[date, str]]
    _written_at = 0.0
    _often_asked: list[str]
    _often_at = -OFTEN_S

    async def _looked(self, ctx: Context, words: str, *, found: bool) -> None:
        key = same_words(words)
        if not key:
            return
        if ctx.actor.type == "person":
            await self._db.execute(sql.REMEMBER, ctx.person_id, key, ctx.now())
        if not hasattr(self, "_counted"):
            self._counted, self._empty = Counter(), Counter()
        day = ctx.now().date()
        self._counted[day, key] += 1
        self._empty[day, key] += not found
        if monotonic() - self._written_at > WRITE_S or len(self._counted) >= WRITE_AT:
            await self.write_counts()

    async def write_counts(self) -> None:
        """Writes what was counted since the last time."""
        self._written_at = monotonic()
        counted, empty = getattr(self, "_counted", None), getattr(self, "_empty", Counter())
        if not counted:
            return
        self._counted, self._empty = Counter(), Counter()
        rows = [(day, words, n, empty[day, words]) for (day, words), n in counted.items()]
        await self._db.execute(sql.COUNT, *(list(column) for column in zip(*rows, strict=True)))

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
        key = same_words(prefix)
        own: Sequence[str] = ()
        if ctx.actor.type == "person":
            rows = await self._db.fetch(sql.REMEMBERED, ctx.person_id, key, limit)
            own = [row["words"] for row in rows]
        others = (words for words in await self._often(ctx) if words.startswith(key))
        return list(dict.fromkeys([*own, *islice(others, limit)]))[:limit]

    async def _often(self, ctx: Context) -> list[str]:
        """What many looked for, not older than OFTEN_S."""
        if monotonic() - self._often_at > OFTEN_S:
            self._often_at = monotonic()
            since = (ctx.now() - timedelta(days=TREND_DAYS)).date()
            rows = await self._db.fetch(sql.OFTEN_ASKED, since, MANY, OFTEN_MAX)
            self._often_asked = [row["words"] for row in rows]
        return self._often_asked

    async def in_vain(self, ctx: Context, *, days: int = 30, limit: int = 50) -> list[AskedInVain]:
        since = (ctx.now() - timedelta(days=days)).date()
        return [AskedInVain(**row) for row in await self._db.fetch(sql.FOUND_NOTHING, since, limit)]

    async def trending(self, ctx: Context, *, limit: int = 12) -> list[Listing]:
        since: datetime = ctx.now() - timedelta(days=TREND_DAYS)
        rows = await self._db.fetch(sql.TRENDING, since, limit)
        ids = [row["product_id"] for row in rows]
        found = await self._catalog.listings_by_ids(ctx, ids=ids) if ids else []
        if len(found) < limit:
            known = {one.id for one in found}
            newest = await self._newest(limit)
            found += [one for one in newest if one.id not in known][: limit - len(found)]
        return found

    async def _newest(self, limit: int) -> list[Listing]:
        question = Question(sort=Sort("created", falling=True), limit=limit)
        return listings((await self._ask(question)).hits)

    async def discover(self, ctx: Context, *, limit: int = 12) -> Discovery:
        return Discovery(
            trending=await self.trending(ctx, limit=limit),
            newest=await self._newest(limit),
            vendors=(await self.vendors(ctx, limit=limit)).items,
            searches=(await self._often(ctx))[:limit],
        )
