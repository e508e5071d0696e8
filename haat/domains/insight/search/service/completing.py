"""What may be meant by what is typed so far."""

from uuid import UUID

from haat.domains.insight.search.api import Completion
from haat.domains.insight.search.rules import begins
from haat.domains.insight.search.service.noting import NotingCases
from haat.domains.insight.search.service.standing import listings, stores
from haat.engines.search import Hit, SearchAway
from haat.kernel.context import Context

SAME_TITLES = 12  # products that may be called like another one


class CompletingCases(NotingCases):
    async def suggest(self, ctx: Context, *, prefix: str, limit: int = 8) -> list[str]:
        hits = await self._completed(prefix, limit + SAME_TITLES)
        return list(dict.fromkeys(hit.heading for hit in hits))[:limit]

    async def complete(self, ctx: Context, *, prefix: str, limit: int = 5) -> Completion:
        if not prefix.strip():
            return Completion()
        products = listings(await self._completed(prefix, limit))
        try:
            vendors = await self._stores.complete(prefix, limit=limit)
        except SearchAway:
            vendors = []
        return Completion(
            products=products,
            categories=(await self._categories(ctx, prefix))[:limit],
            vendors=stores(vendors, {}),
            searches=await self._asked_before(ctx, prefix, limit),
        )

    async def _completed(self, prefix: str, limit: int) -> list[Hit]:
        try:
            return await self._products.complete(prefix, limit=limit)
        except SearchAway:
            return []

    async def _categories(self, ctx: Context, prefix: str) -> list[UUID]:
        """Those on whose shelf something stands, with a word that begins so."""
        tree = await self._tree(ctx)
        found = [one for one in tree if begins(one.name, prefix) and one.product_count]
        return [one.id for one in sorted(found, key=lambda one: -one.product_count)]
