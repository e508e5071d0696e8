"""The catalogue's use cases: one product (`products`), many at once (`putting`), single offers
(`offers`), prices over time (`scheduling`), products that are there twice (`merging`), lists
(`lists`), the category tree (`tree`).

What vendors' events and ratings change stands here.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from haat.domains.goods.catalog import rules
from haat.domains.goods.catalog.api import PicturesShown
from haat.domains.goods.catalog.service import review_statements as review_sql
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.catalog.service.attaching import AttachCases
from haat.domains.goods.catalog.service.lists import ListCases
from haat.domains.goods.catalog.service.merging import MergeCases
from haat.domains.goods.catalog.service.products import ProductCases
from haat.domains.goods.catalog.service.putting import PutCases
from haat.domains.goods.catalog.service.reviewing import ReviewCases
from haat.domains.goods.catalog.service.stored import listing_changed, stored
from haat.domains.goods.catalog.service.tax_classes import TaxCases
from haat.domains.goods.catalog.service.tree import TreeCases
from haat.domains.people.media.api import Claim
from haat.engines.sql import Tx
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.rating import Rating

__all__ = ["CatalogService"]
AT_ONCE = 500  # products whose cards are written together


class CatalogService(
    ProductCases, PutCases, AttachCases, MergeCases, ReviewCases, ListCases, TreeCases, TaxCases
):
    """The catalogue on PostgreSQL."""

    async def forget_copies(self, ids: Sequence[UUID]) -> None:
        """These products, or the tree, have changed. CacheAway."""
        slugs = await self._db.fetch(sql.SLUGS, ids) if ids else []
        await self._kept.heard([*map(str, ids), *(row["slug"] for row in slugs)])

    async def set_rating(
        self, ctx: Context, *, product_id: UUID, rating: Rating | None, version: int
    ) -> None:
        mean = (rating.value, rating.count) if rating else (0, 0)
        async with self._db.begin(ctx) as tx:
            row = await tx.fetchrow(review_sql.RATE, product_id, *mean, version)
            if row is None or not row["known"]:
                raise NotFound
            if row["is_new"]:
                await self._relist(tx, [product_id])
        if row["is_new"]:
            await self._kept.product_changed((await self._known(product_id)).product)

    async def claim_pictures(self, ctx: Context, shown: Sequence[PicturesShown]) -> None:
        """Tells media which files products show. What stood on sale may stand in orders, and
        stays."""
        claims = [
            Claim(
                by=f"product:{one.product_id}",
                version=one.version,
                ids=one.file_ids,
                lasting=one.lasting,
            )
            for one in shown
        ]
        await self._media.claim(ctx, claims=claims)

    async def set_vendors(self, tx: Tx, active: Mapping[UUID, bool]) -> None:
        """Shows or hides all products of these vendors, as their events say."""
        await tx.fetchval(sql.TREE_SHARED)
        ids = sorted(active)
        turned = await tx.fetch(sql.VENDORS_SET, ids, [active[id] for id in ids])
        if not turned:
            return
        sold = await tx.fetch(sql.PRODUCTS_SOLD_BY, [row["vendor_id"] for row in turned])
        products = [row["id"] for row in sold]
        for start in range(0, len(products), AT_ONCE):
            await self._relist(tx, products[start : start + AT_ONCE])

    async def _relist(self, tx: Tx, ids: list[UUID]) -> None:
        """Writes anew what lists show of these products, which this transaction holds."""
        found = [stored(row) for row in await tx.fetch(sql.PRODUCTS, ids)]
        cards = [rules.listing_of(one.product, one.active_vendors) for one in found]
        rows = await tx.fetch(
            sql.CARDS_SET,
            [one.product.id for one in found],
            [card.price_from.minor for card in cards],
            [card.model_dump_json(exclude=rules.ONLY_IN_EVENTS) for card in cards],
        )
        versions = {row["id"]: row["listing_version"] for row in rows}
        active = [one for one in found if one.product.status == "active"]
        await tx.execute(sql.RESHELVE, [one.product.id for one in active])
        tx.emit(
            *(
                listing_changed(one.product, one.active_vendors, versions[one.product.id])
                for one in active
                if one.product.vendor_id != synthetic.VENDOR
            )
        )
