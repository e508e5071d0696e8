"""To look around: what sells, what is new, who sells."""

from datetime import timedelta

from haat.domains.goods.catalog.api import Listing
from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.api import Discovery
from haat.domains.insight.search.service.finding import FindingCases
from haat.domains.insight.search.service.noting import TREND_DAYS
from haat.domains.insight.search.service.standing import listings
from haat.engines.search import Question, Sort
from haat.kernel.context import Context


class DiscoveringCases(FindingCases):
    async def trending(self, ctx: Context, *, limit: int = 12) -> list[Listing]:
        since = ctx.now() - timedelta(days=TREND_DAYS)
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
            searches=list(await self._often(ctx))[:limit],
        )
