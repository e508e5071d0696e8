"""The catalogue's use cases: one product (`products`), lists (`lists`), the category tree (`tree`).

What vendors' events change stands here.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from haat.domains.goods.catalog import markup
from haat.domains.goods.catalog.api import Listing, ListingChanged
from haat.domains.goods.catalog.service import statements as sql
from haat.domains.goods.catalog.service.lists import ListCases
from haat.domains.goods.catalog.service.products import ProductCases
from haat.domains.goods.catalog.service.tree import TreeCases
from haat.engines.sql import Tx
from haat.kernel import synthetic

__all__ = ["CatalogService"]


class CatalogService(ProductCases, ListCases, TreeCases):
    """The catalogue on PostgreSQL."""

    async def forget_copies(self, ids: Sequence[UUID]) -> None:
        """These products, or the tree, have changed. CacheAway."""
        slugs = await self._db.fetch(sql.SLUGS, ids) if ids else []
        await self._kept.heard([*map(str, ids), *(row["slug"] for row in slugs)])

    async def set_vendors(self, tx: Tx, active: Mapping[UUID, bool]) -> None:
        """Shows or hides all products of these vendors, as their events say."""
        await tx.fetchval(sql.TREE_SHARED)
        ids = sorted(active)
        turned = await tx.fetch(sql.VENDORS_SET, ids, [active[id] for id in ids])
        standing = {row["vendor_id"]: row["active"] for row in turned}
        if not standing:
            return
        rows = await tx.fetch(sql.PRODUCTS_RELISTED, list(standing))
        await tx.execute(sql.RESHELVE, [row["id"] for row in rows])
        for row in rows:
            listing = None
            if standing[row["vendor_id"]] and row["vendor_id"] != synthetic.VENDOR:
                text = markup.plain(row["description_html"])
                card = Listing.model_validate_json(row["card"])
                listing = card.model_copy(update={"text": text})
            version = row["listing_version"]
            tx.emit(ListingChanged(product_id=row["id"], version=version, listing=listing))
